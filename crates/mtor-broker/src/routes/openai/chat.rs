//! `/v1/chat/completions`.

use std::convert::Infallible;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use futures_util::Stream;
use futures_util::stream::unfold;
use mtor_protocol::body::Completed;
use mtor_protocol::openai::{ChatChoice, ChatCompletion, ChatCompletionRequest, ErrorBody, ResponseMessage};
use mtor_protocol::{
    Body, Event, FinishReason, Intent, Problem, ProblemKind, Role, ServiceClass, Task, Usage,
};

use super::{OpenAiRefusal, Place, Tied, cancelled_elsewhere, completed, data};
use crate::clock;
use crate::routes::Shared;
use crate::routes::jobs::event_stream;
use crate::routes::request::Asked;

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
    fn part(&self, object: &'static str, choices: Vec<ChatChoice>, usage: Option<Usage>) -> ChatCompletion {
        ChatCompletion {
            id: self.id.clone(),
            object,
            created: self.created,
            model: self.model.clone(),
            choices,
            usage: usage.map(Into::into),
        }
    }

    fn delta(&self, delta: ResponseMessage, finish_reason: Option<FinishReason>) -> String {
        let choice = ChatChoice { index: 0, message: None, delta: Some(delta), finish_reason };
        data(&self.part("chat.completion.chunk", vec![choice], None))
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
    let message = ResponseMessage { role: Some(Role::Assistant), content: Some(text) };
    let choice = ChatChoice { index: 0, message: Some(message), delta: None, finish_reason: Some(finish) };
    Ok(Json(completion.part("chat.completion", vec![choice], Some(usage))).into_response())
}

/// The answer word by word. The headers wait for the first word, so that whatever fails before it fails with a status.
async fn stream(
    tied: Tied,
    mut completion: Completion,
    include_usage: bool,
) -> Result<Response, OpenAiRefusal> {
    let mut place = Place::new(tied);
    let mut first = Vec::new();
    while !first.iter().any(|event: &Event| matches!(event.body, Body::JobChunk(_) | Body::JobCompleted(_))) {
        first = place
            .next()
            .await
            .ok_or_else(|| Problem::new(ProblemKind::Draining, "the realm is going down"))?;
        for event in &first {
            match &event.body {
                Body::JobAssigned(assigned) => completion.model = assigned.model.clone(),
                Body::JobFailed(failed) => return Err(failed.problem.clone().into()),
                Body::JobCancelled(_) => return Err(cancelled_elsewhere().into()),
                _ => {}
            }
        }
    }
    let role = ResponseMessage { role: Some(Role::Assistant), content: Some(String::new()) };
    let begin = completion.delta(role, None) + &tell(&completion, &first, include_usage);
    let rest = unfold(place, move |mut place| {
        let completion = completion.clone();
        async move {
            let events = place.next().await?;
            let text = tell(&completion, &events, include_usage);
            Some((Ok(Bytes::from(text)), place))
        }
    });
    let begin = futures_util::stream::iter([Ok(Bytes::from(begin))]);
    Ok(event_stream(chain(begin, rest)))
}

fn chain<A, B>(begin: A, rest: B) -> impl Stream<Item = Result<Bytes, Infallible>>
where
    A: Stream<Item = Result<Bytes, Infallible>>,
    B: Stream<Item = Result<Bytes, Infallible>>,
{
    use futures_util::StreamExt as _;
    begin.chain(rest)
}

/// A job's events in the words of this interface.
fn tell(completion: &Completion, events: &[Event], include_usage: bool) -> String {
    let mut text = String::new();
    for event in events {
        match &event.body {
            Body::JobChunk(chunk) => {
                text += &completion
                    .delta(ResponseMessage { role: None, content: Some(chunk.text.clone()) }, None);
            }
            Body::JobCompleted(completed) => {
                text += &completion.delta(ResponseMessage::default(), Some(completed.finish));
                if include_usage {
                    text +=
                        &data(&completion.part("chat.completion.chunk", Vec::new(), Some(completed.usage)));
                }
                text += "data: [DONE]\n\n";
            }
            Body::JobFailed(failed) => text += &data(&ErrorBody::from(&failed.problem)),
            Body::JobCancelled(_) => {
                text += &data(&ErrorBody::from(&cancelled_elsewhere()));
            }
            _ => {}
        }
    }
    text
}
