//! `/v1/chat/completions`.

use std::convert::Infallible;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream::{StreamExt as _, iter, unfold};
use mtor_protocol::body::Completed;
use mtor_protocol::openai::{ChatChoice, ChatCompletion, ChatCompletionRequest, ErrorBody, ResponseMessage};
use mtor_protocol::{Body, FinishReason, Intent, Problem, ProblemKind, Role, ServiceClass, Task, Usage};

use super::{Heard, Item, OpenAiRefusal, Place, Tied, cancelled_elsewhere, completed, write_data};
use crate::clock;
use crate::routes::Shared;
use crate::routes::jobs::event_stream;
use crate::routes::request::Asked;

/// What the pieces of a streamed answer are called.
const CHUNK: &str = "chat.completion.chunk";

pub(in crate::routes) async fn chat(State(app): Shared, request: Request) -> Result<Response, OpenAiRefusal> {
    let asked = Asked::read(&app, request).await?;
    let request: ChatCompletionRequest = asked.json()?;
    let (model, streams) = (request.model.clone(), request.stream);
    let usage = request.stream_options.unwrap_or_default().include_usage;
    let intent = Intent { model: model.clone(), task: Task::Chat(request.into_task()?) };
    check_model(&model)?;
    let tied = Tied::submit(app, asked.wallet, intent, ServiceClass::default(), None).await?;
    let completion = Completion { id: format!("chatcmpl-{}", tied.id), created: clock::now_s(), model };
    match streams {
        true => stream(tied, completion, usage).await,
        false => whole(tied, completion).await,
    }
}

fn check_model(name: &str) -> Result<(), Problem> {
    if name.is_empty() || name.len() > mtor_protocol::limits::NAME_BYTES_MAX {
        return Err(
            Problem::new(ProblemKind::InvalidRequest, "model: a name of 1 to 128 bytes").param("model")
        );
    }
    Ok(())
}

/// What all parts of one answer have in common.
#[derive(Clone)]
struct Completion {
    id: String,
    created: u64,
    model: String,
}

impl Completion {
    fn part<'a>(
        &'a self,
        object: &'static str,
        choices: &'a [ChatChoice<'a>],
        usage: Option<Usage>,
    ) -> ChatCompletion<'a> {
        let (id, created, model) = (&self.id, self.created, &self.model);
        ChatCompletion { id, object, created, model, choices, usage: usage.map(Into::into) }
    }

    /// Writes a piece of the streamed answer.
    fn delta(&self, out: &mut Vec<u8>, delta: ResponseMessage<'_>, finish_reason: Option<FinishReason>) {
        let choice = ChatChoice { index: 0, message: None, delta: Some(delta), finish_reason };
        write_data(out, &self.part(CHUNK, &[choice], None));
    }
}

/// The whole answer at once.
async fn whole(mut tied: Tied, mut completion: Completion) -> Result<Response, OpenAiRefusal> {
    let end = tied.stream.ended().await;
    tied.set_ended();
    let Completed { usage, finish, .. } = completed(end)?;
    if let Some(model) = tied.stream.model() {
        completion.model = model;
    }
    let (text, _) = tied.stream.answer();
    let message = ResponseMessage { role: Some(Role::Assistant), content: Some(&text) };
    let choice = ChatChoice { index: 0, message: Some(message), delta: None, finish_reason: Some(finish) };
    Ok(Json(completion.part("chat.completion", &[choice], Some(usage))).into_response())
}

/// The answer word by word. The headers wait for the first word, so that whatever fails before it fails with a status.
async fn stream(
    tied: Tied,
    mut completion: Completion,
    include_usage: bool,
) -> Result<Response, OpenAiRefusal> {
    let mut place = Place::new(tied);
    let mut first = Vec::new();
    while !first
        .iter()
        .any(|heard: &Heard| matches!(heard.item, Item::Event(Body::JobChunk(_) | Body::JobCompleted(_))))
    {
        first = place
            .hear()
            .await
            .ok_or_else(|| Problem::new(ProblemKind::Draining, "the realm is going down"))?;
        for body in first.iter().filter_map(Heard::body) {
            match body {
                Body::JobAssigned(assigned) => completion.model = assigned.model.clone(),
                Body::JobFailed(failed) => return Err(failed.problem.clone().into()),
                Body::JobCancelled(_) => return Err(cancelled_elsewhere().into()),
                _ => {}
            }
        }
    }
    let role = ResponseMessage { role: Some(Role::Assistant), content: Some("") };
    let mut begin = Vec::new();
    completion.delta(&mut begin, role, None);
    tell(&mut begin, &completion, &first, include_usage);
    let rest = unfold((place, completion), move |(mut place, completion)| async move {
        let heard = place.hear().await?;
        let mut text = Vec::new();
        tell(&mut text, &completion, &heard, include_usage);
        Some((Ok::<_, Infallible>(Bytes::from(text)), (place, completion)))
    });
    Ok(event_stream(iter([Ok(Bytes::from(begin))]).chain(rest)))
}

/// Writes a job's events in the words of this interface.
fn tell(out: &mut Vec<u8>, completion: &Completion, heard: &[Heard], include_usage: bool) {
    for body in heard.iter().filter_map(Heard::body) {
        match body {
            Body::JobChunk(chunk) => {
                completion.delta(out, ResponseMessage { role: None, content: Some(&chunk.text) }, None);
            }
            Body::JobCompleted(completed) => {
                completion.delta(out, ResponseMessage::default(), Some(completed.finish));
                if include_usage {
                    write_data(out, &completion.part(CHUNK, &[], Some(completed.usage)));
                }
                out.extend(b"data: [DONE]\n\n");
            }
            Body::JobFailed(failed) => write_data(out, &ErrorBody::from(&failed.problem)),
            Body::JobCancelled(_) => write_data(out, &ErrorBody::from(&cancelled_elsewhere())),
            _ => {}
        }
    }
}
