//! `/v1/chat/completions`.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::stream::{StreamExt as _, iter, unfold};
use mtor_protocol::body::Completed;
use mtor_protocol::calls::{CallReader, Said};
use mtor_protocol::openai::{
    ChatChoice, ChatCompletion, ChatCompletionRequest, ChatFinish, ErrorBody, FunctionCall, ResponseMessage,
};
use mtor_protocol::{
    Body, Digest, Intent, JobId, Picture, Problem, ProblemKind, Role, Submit, Task, Usage, limits,
};
use sha2::{Digest as _, Sha256};

use super::{Heard, Item, OpenAiRefusal, Place, Tied, cancelled_elsewhere, completed, write_data};
use crate::app::App;
use crate::clock;
use crate::input::JobInput;
use crate::routes::Shared;
use crate::routes::jobs::event_stream;
use crate::routes::request::Asked;

/// What the pieces of a streamed answer are called.
const CHUNK: &str = "chat.completion.chunk";
/// The longest body: two of the largest pictures in base64, or more smaller ones.
const BODY_BYTES_MAX: usize = 56 << 20;

pub(in crate::routes) async fn chat(State(app): Shared, request: Request) -> Result<Response, OpenAiRefusal> {
    let asked = Asked::read_up_to(&app, request, BODY_BYTES_MAX).await?;
    let request: ChatCompletionRequest = asked.json()?;
    let (model, streams) = (request.model.clone(), request.stream);
    let usage = request.stream_options.unwrap_or_default().include_usage;
    let mut shown = Vec::new();
    let task = request.into_task(|address| take_picture(address, &mut shown))?;
    check_model(&model)?;
    check_length(&task)?;
    let calls = task.needs().tools;
    let input = pictures_input(&app, &task, shown)?;
    let intent = Intent { model: model.clone(), task };
    let submit = Submit { fresh: asked.wants_fresh(), ..Submit::new(intent) };
    let (wallet, created) = (asked.wallet, clock::now_s());
    let completion = |id: JobId| Completion { id: format!("chatcmpl-{id}"), created, model };
    if streams {
        let tied = Tied::submit(app, wallet, submit, input).await?;
        let telling = Telling { include_usage: usage, calls: calls.then(Calls::default) };
        stream(completion(tied.id), tied, telling).await
    } else {
        let (tied, end) = Tied::submit_to_the_end(app, wallet, submit, input).await?;
        whole(completion(tied.id), &tied, end, calls)
    }
}

fn check_model(name: &str) -> Result<(), Problem> {
    if name.is_empty() || name.len() > limits::NAME_BYTES_MAX {
        return Err(
            Problem::new(ProblemKind::InvalidRequest, "model: a name of 1 to 128 bytes").param("model")
        );
    }
    Ok(())
}

/// The body has room for pictures; what is said has no more than elsewhere.
fn check_length(task: &Task) -> Result<(), Problem> {
    let bytes = task.input_bytes();
    if bytes <= limits::TEXT_BYTES_MAX {
        return Ok(());
    }
    let detail = format!("the text of a request has at most {} bytes, not {bytes}", limits::TEXT_BYTES_MAX);
    Err(Problem::new(ProblemKind::TooLarge, detail).param("messages"))
}

/// Takes in a picture that stands in the request itself. Whatever stands elsewhere is not fetched: the realm would
/// look at addresses of its own network for whoever asks.
fn take_picture(address: &str, shown: &mut Vec<u8>) -> Result<Picture, String> {
    let Some(data) = address.strip_prefix("data:") else {
        return Err(
            "pictures are not fetched from elsewhere: send them as data:image/png;base64,...".to_owned()
        );
    };
    let Some((_, encoded)) = data.split_once(";base64,") else {
        return Err("a data: address of a picture has base64".to_owned());
    };
    let bytes =
        STANDARD.decode(encoded.trim_end()).map_err(|error| format!("the picture is no base64: {error}"))?;
    let size = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    let picture = Picture { bytes: size, sha256: Digest(Sha256::digest(&bytes).into()) };
    shown.extend(bytes);
    Ok(picture)
}

fn pictures_input(app: &App, task: &Task, shown: Vec<u8>) -> Result<Option<Arc<JobInput>>, Problem> {
    if shown.is_empty() {
        return Ok(None);
    }
    app.input_of_pictures(task, vec![shown.into()]).map(Some)
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
    fn delta(&self, out: &mut Vec<u8>, delta: ResponseMessage<'_>, finish_reason: Option<ChatFinish>) {
        let choice = ChatChoice { index: 0, message: None, delta: Some(delta), finish_reason };
        write_data(out, &self.part(CHUNK, &[choice], None));
    }
}

/// The calls of an answer that may hold some.
#[derive(Default)]
struct Calls {
    reader: CallReader,
    made: u32,
}

impl Calls {
    fn call(&mut self, job: JobId, said: mtor_protocol::CallMade) -> FunctionCall {
        let index = self.made;
        self.made += 1;
        FunctionCall::made(index, format!("call_{job}_{index}"), said.name, &said.arguments)
    }

    fn finish(&self, finish: ChatFinish) -> ChatFinish {
        // An answer that was cut off is that above all, whatever it called before.
        if self.made > 0 && finish == ChatFinish::Stop { ChatFinish::ToolCalls } else { finish }
    }
}

/// The whole answer at once.
fn whole(
    mut completion: Completion,
    tied: &Tied,
    end: Body,
    has_calls: bool,
) -> Result<Response, OpenAiRefusal> {
    let Completed { usage, finish, .. } = completed(end)?;
    if let Some(model) = tied.stream.model() {
        completion.model = model;
    }
    let (mut text, _) = tied.stream.answer();
    let (mut calls, mut tool_calls) = (Calls::default(), Vec::new());
    if has_calls {
        let mut words = String::new();
        for said in CallReader::read(&text) {
            match said {
                Said::Text(more) => words.push_str(&more),
                Said::Call(call) => {
                    tool_calls.push(FunctionCall { index: None, ..calls.call(tied.id, call) });
                }
            }
        }
        text = if tool_calls.is_empty() { words } else { words.trim().to_owned() };
    }
    let content = (tool_calls.is_empty() || !text.is_empty()).then_some(text.as_str());
    let finish_reason = Some(calls.finish(finish.into()));
    let message = ResponseMessage { role: Some(Role::Assistant), content, tool_calls };
    let choice = ChatChoice { index: 0, message: Some(message), delta: None, finish_reason };
    Ok(Json(completion.part("chat.completion", &[choice], Some(usage))).into_response())
}

/// How a stream is told.
struct Telling {
    include_usage: bool,
    calls: Option<Calls>,
}

/// The answer word by word. The headers wait for the first word, so that whatever fails before it fails with a status.
async fn stream(
    mut completion: Completion,
    tied: Tied,
    mut telling: Telling,
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
    let role =
        ResponseMessage { role: Some(Role::Assistant), content: Some(""), ..ResponseMessage::default() };
    let mut begin = Vec::new();
    completion.delta(&mut begin, role, None);
    telling.tell(&mut begin, &completion, place.tied.id, &first);
    let rest = unfold((place, completion, telling), move |(mut place, completion, mut telling)| async move {
        let heard = place.hear().await?;
        let mut text = Vec::new();
        telling.tell(&mut text, &completion, place.tied.id, &heard);
        Some((Ok::<_, Infallible>(Bytes::from(text)), (place, completion, telling)))
    });
    Ok(event_stream(iter([Ok(Bytes::from(begin))]).chain(rest)))
}

impl Telling {
    /// Writes a job's events in the words of this interface.
    fn tell(&mut self, out: &mut Vec<u8>, completion: &Completion, job: JobId, heard: &[Heard]) {
        for body in heard.iter().filter_map(Heard::body) {
            match body {
                Body::JobChunk(chunk) => match &mut self.calls {
                    None => words(out, completion, &chunk.text),
                    Some(calls) => {
                        for said in calls.reader.push(&chunk.text) {
                            tell_said(out, completion, job, calls, said);
                        }
                    }
                },
                Body::JobCompleted(completed) => {
                    let mut finish = completed.finish.into();
                    if let Some(calls) = &mut self.calls {
                        if let Some(said) = calls.reader.finish() {
                            tell_said(out, completion, job, calls, said);
                        }
                        finish = calls.finish(finish);
                    }
                    completion.delta(out, ResponseMessage::default(), Some(finish));
                    if self.include_usage {
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
}

fn words(out: &mut Vec<u8>, completion: &Completion, text: &str) {
    completion.delta(out, ResponseMessage { content: Some(text), ..ResponseMessage::default() }, None);
}

fn tell_said(out: &mut Vec<u8>, completion: &Completion, job: JobId, calls: &mut Calls, said: Said) {
    match said {
        // Lines between calls are nothing that anybody says.
        Said::Text(text) if calls.made > 0 && text.trim().is_empty() => {}
        Said::Text(text) => words(out, completion, &text),
        Said::Call(call) => {
            let tool_calls = vec![calls.call(job, call)];
            completion.delta(out, ResponseMessage { tool_calls, ..ResponseMessage::default() }, None);
        }
    }
}
