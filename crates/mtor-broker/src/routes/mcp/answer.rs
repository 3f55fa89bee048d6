//! A call under way: its progress, and its result.

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::Bytes;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::Stream;
use futures_util::stream::unfold;
use mtor_protocol::http::{JobInfo, JobState};
use mtor_protocol::{Body, JobId, Micro, Part, Problem, ProblemKind};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::rpc::result;
use super::sessions::Running;
use crate::stream::{Heard, Item, JobStream};

/// A call whose job is taken.
pub(super) struct Call {
    /// The request's id.
    pub(super) id: Value,
    pub(super) stream: Arc<JobStream>,
    /// By what the client knows its progress, if it wants to hear of it.
    pub(super) progress: Option<Value>,
    /// What comes out as bytes.
    pub(super) media_type: &'static str,
    pub(super) running: Option<Running>,
    /// It was asked for as a task, whose result this is.
    pub(super) is_task: bool,
}

/// Where a client is in it.
struct Place {
    call: Call,
    after: u64,
    payload: Vec<u8>,
    done: bool,
}

impl Call {
    /// Its progress as it comes, and then its result, as server-sent events.
    pub(super) fn events(self, closing: CancellationToken) -> impl Stream<Item = Result<Bytes, Infallible>> {
        let place = Place { call: self, after: 0, payload: Vec::new(), done: false };
        unfold((place, closing), |(mut place, closing)| async move {
            if place.done {
                return None;
            }
            let heard = tokio::select! {
                heard = place.call.stream.hear_after(place.after) => heard,
                () = closing.cancelled() => return None,
            };
            let messages = place.take(heard)?;
            let events: String =
                messages.iter().map(|message| format!("event: message\ndata: {message}\n\n")).collect();
            Some((Ok(Bytes::from(events)), (place, closing)))
        })
    }

    /// Its result.
    pub(super) async fn answer(self) -> Value {
        let mut place = Place { call: self, after: 0, payload: Vec::new(), done: false };
        loop {
            let heard = place.call.stream.hear_after(place.after).await;
            match place.take(heard) {
                Some(messages) if place.done => return messages.last().cloned().unwrap_or_default(),
                Some(_) => {}
                None => {
                    return result(
                        &place.call.id,
                        &refused(&Problem::new(ProblemKind::Internal, "the job has no end")),
                    );
                }
            }
        }
    }
}

impl Place {
    /// The messages that this leads to; nothing at the end of the stream.
    fn take(&mut self, heard: Vec<Heard>) -> Option<Vec<Value>> {
        self.after = heard.last()?.sequence;
        let mut messages = Vec::new();
        for one in heard {
            match one.item {
                Item::Payload(bytes) => self.payload.extend_from_slice(&bytes),
                Item::Event(body) => {
                    messages.extend(self.progress(one.sequence, &body));
                    if let Some(mut end) = self.end(&body) {
                        if self.call.is_task {
                            relate(&mut end, self.call.stream.job);
                        }
                        self.done = true;
                        self.call.running = None;
                        messages.push(result(&self.call.id, &end));
                    }
                }
            }
        }
        Some(messages)
    }

    fn progress(&self, sequence: u64, body: &Body) -> Option<Value> {
        let token = self.call.progress.as_ref()?;
        let message = match body {
            Body::JobQueued(queued) => format!("waits; {} before it", queued.position),
            Body::JobAssigned(assigned) => format!("{} ({}) has it", assigned.worker, assigned.model),
            Body::JobPartial(partial) => partial.text.clone(),
            Body::JobChunk(chunk) => chunk.text.clone(),
            _ => return None,
        };
        Some(json!({
            "jsonrpc": "2.0",
            "method": "notifications/progress",
            "params": { "progressToken": token, "progress": sequence, "message": message },
        }))
    }

    fn end(&self, body: &Body) -> Option<Value> {
        match body {
            Body::JobCompleted(completed) => Some(self.result(completed.cost)),
            Body::JobFailed(failed) => Some(refused(&failed.problem)),
            Body::JobCancelled(_) => {
                Some(refused(&Problem::new(ProblemKind::Cancelled, "the call was cancelled")))
            }
            _ => None,
        }
    }

    fn result(&self, cost: Micro) -> Value {
        let stream = &self.call.stream;
        let parts = stream.parts();
        let mut content = Vec::new();
        // The bytes of parts go by too, as they come.
        if !self.payload.is_empty() && parts.is_empty() {
            content.push(json!({
                "type": "audio", "data": STANDARD.encode(&self.payload), "mimeType": self.call.media_type }));
        }
        content.extend(parts.iter().map(|kept| part(stream.job, &kept.part, &kept.data)));
        whole(content, &stream.answer().0, stream.job, cost)
    }
}

/// The result of a call that is over, of what was kept of its job.
pub(super) fn past(job: &JobInfo, parts: &[(Part, Bytes)]) -> Value {
    match (&job.problem, job.state) {
        (_, JobState::Completed) => {
            let content = parts.iter().map(|(told, data)| part(job.id, told, data)).collect();
            whole(content, job.text.as_deref().unwrap_or_default(), job.id, job.cost.unwrap_or(Micro::ZERO))
        }
        (Some(problem), _) => refused(problem),
        (None, _) => refused(&Problem::new(ProblemKind::Cancelled, "the call was cancelled")),
    }
}

/// A part of an answer: a picture is shown as one.
fn part(job: JobId, part: &Part, data: &Bytes) -> Value {
    let (encoded, kind) = (STANDARD.encode(data), &part.media_type);
    if kind.starts_with("image/") {
        return json!({ "type": "image", "data": encoded, "mimeType": kind });
    }
    let uri = format!("mtor:jobs/{job}/parts/{}", part.number);
    json!({ "type": "resource", "resource": { "uri": uri, "mimeType": kind, "blob": encoded } })
}

fn whole(mut content: Vec<Value>, text: &str, job: JobId, cost: Micro) -> Value {
    if !text.is_empty() || content.is_empty() {
        content.push(json!({ "type": "text", "text": text }));
    }
    let mut result = json!({
        "content": content,
        "isError": false,
        "_meta": { "mtor/job": job, "mtor/cost": cost },
    });
    if let Ok(structured @ Value::Object(_)) = serde_json::from_str::<Value>(text) {
        result["structuredContent"] = structured;
    }
    result
}

/// Says in a result of which task it is.
pub(super) fn relate(result: &mut Value, job: JobId) {
    result["_meta"]["io.modelcontextprotocol/related-task"] = json!({ "taskId": job });
}

/// A result that says why there is none, to the model that called.
pub(super) fn refused(problem: &Problem) -> Value {
    json!({ "content": [{ "type": "text", "text": problem.to_string() }], "isError": true, "_meta": { "mtor/problem": problem } })
}
