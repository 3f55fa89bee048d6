//! Conversations, also about pictures: streamed as the service writes.

use mtor_worker::protocol::{AnswerFormat, ChatMessage, ChatTask, FinishReason, Role, ToolChoice};
use mtor_worker::{Finished, Job, Output};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::calls::{CallPiece, Calls, Names, SoFar, in_words, is_strict, so_far};
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
    tool_calls: Option<Vec<CallDelta>>,
}

#[derive(Deserialize)]
struct CallDelta {
    /// Some servers, whose calls come whole, leave it out.
    index: Option<u64>,
    id: Option<String>,
    function: Option<FunctionDelta>,
}

#[derive(Deserialize)]
struct FunctionDelta {
    name: Option<String>,
    arguments: Option<String>,
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
    if so_far(&task, &job.prefix)? == SoFar::Called {
        return Ok(Finished { usage: output.usage(0), finish: FinishReason::Stop });
    }
    let names = Names::of(task.callable());
    let ask = request(model, task, &names, &job.prefix, job.output_tokens_max, shown);
    let mut calls = Calls::new(names);
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
            for call in choice.delta.tool_calls.iter().flatten() {
                calls.push(call.piece(), output).await?;
            }
            finish = choice.finish_reason.or(finish);
        }
    }
    // A stream that breaks off has no reason for its end: somebody else goes on after the text so far.
    let finish = match finish.as_deref() {
        None => return Err(Fault::Lost("its answer broke off in the middle".to_owned()).into()),
        Some("length") => {
            calls.cut_off();
            FinishReason::Length
        }
        Some(_) => {
            calls.end(output).await?;
            FinishReason::Stop
        }
    };
    let Counted { prompt_tokens, completion_tokens } = counted.unwrap_or_default();
    let mut usage = output.usage(prompt_tokens);
    if completion_tokens > 0 {
        usage.output_tokens = usage.output_tokens.min(completion_tokens);
    }
    usage.images = images;
    Ok(Finished { usage, finish })
}

impl CallDelta {
    fn piece(&self) -> CallPiece<'_> {
        let function = self.function.as_ref();
        CallPiece {
            index: self.index.unwrap_or(0),
            id: self.id.as_deref(),
            name: function.and_then(|function| function.name.as_deref()),
            arguments: function.and_then(|function| function.arguments.as_deref()).unwrap_or_default(),
        }
    }
}

/// Tokens in a piece, as nobody says how many there are: mostly one, and four bytes each in a longer piece.
pub(crate) fn tokens_of(text: &str) -> u32 {
    u32::try_from(text.len().div_ceil(4)).unwrap_or(u32::MAX).max(1)
}

fn request(
    model: &str,
    task: ChatTask,
    names: &Names,
    prefix: &str,
    tokens_max: u32,
    shown: Vec<Shown>,
) -> Value {
    let tools = tools(&task, names);
    let ChatTask {
        messages,
        max_tokens,
        temperature,
        top_p,
        seed,
        frequency_penalty,
        presence_penalty,
        stop,
        tools: _,
        tool_choice: _,
        format,
    } = task;
    let mut shown = shown.into_iter();
    let mut written: Vec<Value> = Vec::with_capacity(messages.len() + 2);
    let says_json = |message: &ChatMessage| message.content.to_lowercase().contains("json");
    if format == Some(AnswerFormat::JsonObject) && !messages.iter().any(says_json) {
        // OpenAI refuses to be asked for JSON in the one place and not in the other.
        written.push(json!({"role": Role::System, "content": "Answer with one JSON object."}));
    }
    for message in messages {
        let pictures: Vec<Shown> = shown.by_ref().take(message.pictures.len()).collect();
        let native = tools.is_some() && (message.role == Role::Tool || !message.calls.is_empty());
        written.push(if native { called(message, names) } else { said(message, pictures) });
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
    put("response_format", format.map(response_format));
    if let Some((tools, choice)) = tools {
        put("tools", Some(tools));
        put("tool_choice", choice);
    }
    Value::Object(ask)
}

/// The tools that the model is told of, and whether it must call one; nothing when there are none.
fn tools(task: &ChatTask, names: &Names) -> Option<(Value, Option<Value>)> {
    let tools: Vec<Value> = task
        .callable()
        .iter()
        .map(|tool| {
            let mut parameters = tool.parameters.clone();
            parameters.entry("type").or_insert_with(|| json!("object"));
            parameters.entry("properties").or_insert_with(|| json!({}));
            let name = names.theirs(&tool.name);
            json!({"type": "function",
                   "function": {"name": name, "description": tool.description, "parameters": parameters}})
        })
        .collect();
    let choice = match &task.tool_choice {
        // Where some servers don't know the field, what it says anyway is left out.
        ToolChoice::Auto | ToolChoice::None => None,
        ToolChoice::Required => Some(json!("required")),
        ToolChoice::Named(name) => {
            Some(json!({"type": "function", "function": {"name": names.theirs(name)}}))
        }
    };
    (!tools.is_empty()).then_some((Value::Array(tools), choice))
}

fn response_format(format: AnswerFormat) -> Value {
    match format {
        AnswerFormat::JsonObject => json!({"type": "json_object"}),
        AnswerFormat::JsonSchema(schema) => {
            let schema = Value::Object(schema);
            // What strict mode does not take is refused there, and kept to without it by all that use a grammar.
            let strict = is_strict(&schema);
            json!({"type": "json_schema", "json_schema": {"name": "answer", "schema": schema, "strict": strict}})
        }
    }
}

/// A call, or what it gave, in the words that this interface has for it.
fn called(message: ChatMessage, names: &Names) -> Value {
    if message.role == Role::Tool {
        return json!({"role": "tool", "tool_call_id": message.call_id, "content": message.content});
    }
    let calls: Vec<Value> = message
        .calls
        .iter()
        .map(|call| {
            let arguments = Value::Object(call.arguments.clone()).to_string();
            let function = json!({"name": names.theirs(&call.name), "arguments": arguments});
            json!({"id": call.id, "type": "function", "function": function})
        })
        .collect();
    let content = if message.content.is_empty() { Value::Null } else { json!(message.content) };
    json!({"role": "assistant", "content": content, "tool_calls": calls})
}

fn said(message: ChatMessage, pictures: Vec<Shown>) -> Value {
    let (role, words) = in_words(message);
    if pictures.is_empty() {
        return json!({"role": role, "content": words});
    }
    let mut parts = vec![json!({"type": "text", "text": words})];
    parts.extend(pictures.into_iter().map(|Shown { media_type, base64 }| {
        json!({"type": "image_url", "image_url": {"url": format!("data:{media_type};base64,{base64}")}})
    }));
    json!({"role": role, "content": parts})
}
