//! Conversations, also about pictures: streamed as the service writes.

use mtor_worker::protocol::{ChatTask, FinishReason, Role};
use mtor_worker::{Finished, Job, Output};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::anthropic::told_as;
use crate::fault::{Fault, RunError};
use crate::http::Http;
use crate::pictures::{self, Shown};
use crate::sse::Events;

#[derive(Deserialize, Default)]
pub(super) struct Counted {
    #[serde(default)]
    pub(super) prompt_tokens: u64,
    #[serde(default)]
    pub(super) completion_tokens: u64,
}

#[derive(Deserialize)]
struct Piece {
    #[serde(default)]
    choices: Vec<Choice>,
    usage: Option<Counted>,
    error: Option<Value>,
}

#[derive(Deserialize)]
struct Choice {
    #[serde(default)]
    delta: Delta,
    finish_reason: Option<String>,
}

#[derive(Deserialize, Default)]
struct Delta {
    content: Option<String>,
}

pub(super) async fn run(
    http: &Http,
    model: &str,
    task: ChatTask,
    mut job: Job,
    output: &mut Output,
) -> Result<Finished, RunError> {
    let sizes: Vec<u32> = job.intent.task.pictures().map(|picture| picture.bytes).collect();
    let shown = pictures::read(&mut job.input, &sizes).await?;
    let images = shown.len() as u64;
    let ask = request(model, task, &job.prefix, job.output_tokens_max, shown);
    let mut events = Events::new(http.post_json("v1/chat/completions", &ask).await?);
    let (mut finish, mut counted) = (None, None);
    loop {
        let Some(data) = events.next().await? else { break };
        if data == "[DONE]" {
            break;
        }
        let piece: Piece = serde_json::from_str(&data).map_err(|error| Fault::Nonsense(error.to_string()))?;
        if let Some(error) = piece.error {
            let said = error
                .pointer("/message")
                .and_then(Value::as_str)
                .map_or_else(|| error.to_string(), str::to_owned);
            return Err(Fault::Refused { status: 500, said }.into());
        }
        counted = piece.usage.or(counted);
        for choice in piece.choices {
            if let Some(text) = choice.delta.content.filter(|text| !text.is_empty()) {
                output.text(&text, tokens_of(&text)).await?;
            }
            finish = choice.finish_reason.or(finish);
        }
    }
    // A stream that breaks off has no reason for its end: somebody else goes on after the text so far.
    let finish = match finish.as_deref() {
        None => return Err(Fault::Lost("its answer broke off in the middle".to_owned()).into()),
        Some("length") => FinishReason::Length,
        Some(_) => FinishReason::Stop,
    };
    let Counted { prompt_tokens, completion_tokens } = counted.unwrap_or_default();
    let mut usage = output.usage(prompt_tokens);
    if completion_tokens > 0 {
        usage.output_tokens = usage.output_tokens.min(completion_tokens);
    }
    usage.images = images;
    Ok(Finished { usage, finish })
}

/// Tokens in a piece, as nobody says how many there are: mostly one, and four bytes each in a longer piece.
pub(crate) fn tokens_of(text: &str) -> u32 {
    u32::try_from(text.len().div_ceil(4)).unwrap_or(u32::MAX).max(1)
}

fn request(model: &str, task: ChatTask, prefix: &str, tokens_max: u32, shown: Vec<Shown>) -> Value {
    let ChatTask {
        messages,
        max_tokens,
        temperature,
        top_p,
        seed,
        frequency_penalty,
        presence_penalty,
        stop,
        // Nothing that needs these is given here: the offer does not say that it can.
        tools: _,
        tool_choice: _,
        format: _,
    } = task;
    let mut shown = shown.into_iter();
    let mut written: Vec<Value> = Vec::with_capacity(messages.len() + 1);
    for message in messages {
        let pictures: Vec<Shown> = shown.by_ref().take(message.pictures.len()).collect();
        let content = match pictures.is_empty() {
            true => Value::String(message.content),
            false => {
                let mut parts = vec![json!({"type": "text", "text": message.content})];
                parts.extend(pictures.into_iter().map(|Shown { media_type, base64 }| {
                    json!({"type": "image_url", "image_url": {"url": format!("data:{media_type};base64,{base64}")}})
                }));
                Value::Array(parts)
            }
        };
        written.push(json!({"role": told_as(message.role), "content": content}));
    }
    if !prefix.is_empty() {
        // Most local servers go on after what the assistant has begun to say.
        written.push(json!({"role": Role::Assistant, "content": prefix}));
    }
    let mut ask = Map::new();
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            ask.insert(name.to_owned(), value);
        }
    };
    put("model", Some(json!(model)));
    put("messages", Some(Value::Array(written)));
    put("stream", Some(json!(true)));
    put("stream_options", Some(json!({"include_usage": true})));
    // The newer models of OpenAI's refuse the older name.
    let is_new = ["gpt-5", "o1", "o3", "o4"].iter().any(|new| model.starts_with(new));
    let tokens = max_tokens.map_or(tokens_max, |asked| asked.min(tokens_max));
    put(if is_new { "max_completion_tokens" } else { "max_tokens" }, (tokens > 0).then(|| json!(tokens)));
    put("temperature", temperature.map(|value| json!(value)));
    put("top_p", top_p.map(|value| json!(value)));
    put("seed", seed.map(|value| json!(value)));
    put("frequency_penalty", frequency_penalty.map(|value| json!(value)));
    put("presence_penalty", presence_penalty.map(|value| json!(value)));
    put("stop", (!stop.is_empty()).then(|| json!(stop)));
    Value::Object(ask)
}
