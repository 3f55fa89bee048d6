//! Anthropic's Messages interface: conversations, also about pictures, with tools, and with answers of a given shape.

use mtor_worker::protocol::{
    AnswerFormat, CapabilityKind, CapabilityOffer, ChatMessage, ChatTask, FinishReason, Needs, Role, Task,
    ToolChoice,
};
use mtor_worker::{Finished, Job, Output};
use reqwest::{Method, Url};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::sync::watch;

use crate::calls::{CallPiece, Calls, Names, SoFar, in_words, so_far};
use crate::defaults::{MODELS_MAX, OUTPUT_TOKENS_MAX};
use crate::fault::{Fault, RunError, infeasible};
use crate::http::{Http, Key, KeyHeader, read_json};
use crate::offered::{Asked, Found, Offered, model_for};
use crate::openai::tokens_of;
use crate::pictures::{self, Shown};
use crate::service::Service;
use crate::sse::Events;

/// The version of the interface that is spoken here.
const VERSION: &str = "2023-06-01";

/// The tool whose arguments are the answer, where that is to have a shape: every model can be made to call it.
const ANSWER: &str = "answer";

/// Anthropic, or what speaks like it.
#[derive(Debug)]
pub struct Anthropic {
    http: Http,
    offered: Offered,
    offers: watch::Sender<Vec<CapabilityOffer>>,
}

impl Anthropic {
    /// The service at this address.
    ///
    /// # Errors
    /// When the address is none.
    pub fn new(base: Url, key: Option<Key>, offered: Offered) -> anyhow::Result<Self> {
        let http = Http::new(base, key, KeyHeader::Named("x-api-key"))?;
        Ok(Self { http, offered, offers: watch::channel(Vec::new()).0 })
    }
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Streamed {
    MessageStart {
        message: Started,
    },
    ContentBlockStart {
        index: u64,
        content_block: Block,
    },
    ContentBlockDelta {
        index: u64,
        delta: Delta,
    },
    MessageDelta {
        delta: Ended,
        usage: Option<Counted>,
    },
    MessageStop,
    Error {
        error: Said,
    },
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Started {
    #[serde(default)]
    usage: Counted,
}

#[derive(Deserialize, Default)]
struct Counted {
    #[serde(default)]
    input_tokens: u64,
    #[serde(default)]
    output_tokens: u64,
}

#[derive(Deserialize)]
struct Block {
    /// Of a call alone.
    name: Option<String>,
}

#[derive(Deserialize)]
struct Delta {
    text: Option<String>,
    partial_json: Option<String>,
}

#[derive(Deserialize)]
struct Ended {
    stop_reason: Option<String>,
}

#[derive(Deserialize)]
struct Said {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    message: String,
}

impl Service for Anthropic {
    fn address(&self) -> String {
        self.http.base().to_string()
    }

    async fn look(&self) -> Result<Vec<CapabilityOffer>, Fault> {
        #[derive(Deserialize)]
        struct Models {
            data: Vec<Model>,
        }
        #[derive(Deserialize)]
        struct Model {
            id: String,
        }
        let get = |request: reqwest::RequestBuilder| request.header("anthropic-version", VERSION);
        let models: Models = read_json(self.http.send(Method::GET, "v1/models", get).await?).await?;
        // All of them can.
        let can = Needs { tools: true, json: true };
        let kinds = |model: Model| {
            [CapabilityKind::CHAT, CapabilityKind::VISION].map(|capability| Found {
                asked: Asked { capability, model: model.id.clone() },
                can,
                window: None,
            })
        };
        let offers = self.offered.offers(models.data.into_iter().take(MODELS_MAX).flat_map(kinds));
        if offers.is_empty() {
            return Err(Fault::Nothing("it has no model that it would let us use".to_owned()));
        }
        self.offers.send_replace(offers.clone());
        Ok(offers)
    }

    async fn run(&self, mut job: Job, output: &mut Output) -> Result<Finished, RunError> {
        let (Task::Chat(task) | Task::Vision(task)) = job.intent.task.clone() else {
            return Err(infeasible(format!("this service does not {}", job.intent.task.kind())));
        };
        let model = {
            let offers = self.offers.borrow();
            model_for(&offers, &job.intent.task.kind(), &job.intent.model).map(str::to_owned)
        };
        let model =
            model.ok_or_else(|| infeasible(format!("this service has no model {:?}", job.intent.model)))?;
        let sizes: Vec<u32> = job.intent.task.pictures().map(|picture| picture.bytes).collect();
        let shown = pictures::read(&mut job.input, &sizes).await?;
        let images = shown.len() as u64;
        if so_far(&task, &job.prefix)? == SoFar::Called {
            return Ok(Finished { usage: output.usage(0), finish: FinishReason::Stop });
        }
        let names = Names::of(task.callable());
        let shaped = task.format.is_some();
        let ask = request(&model, task, &names, &job, shown)?;
        let mut calls = Calls::new(names);
        let post = |request: reqwest::RequestBuilder| request.header("anthropic-version", VERSION).json(&ask);
        let mut events = Events::new(self.http.send(Method::POST, "v1/messages", post).await?);
        let (mut counted, mut reason) = (Counted::default(), None);
        while let Some(data) = events.next().await? {
            let event: Streamed =
                serde_json::from_str(&data).map_err(|error| Fault::Nonsense(error.to_string()))?;
            match event {
                Streamed::MessageStart { message } => counted.input_tokens = message.usage.input_tokens,
                // What it says before it gives an answer of a shape is none of that answer.
                Streamed::ContentBlockDelta { delta: Delta { text: Some(text), .. }, .. } if !shaped => {
                    output.text(&text, tokens_of(&text)).await?;
                }
                Streamed::ContentBlockDelta { delta: Delta { partial_json: Some(json), .. }, .. }
                    if shaped =>
                {
                    output.text(&json, tokens_of(&json)).await?;
                }
                Streamed::ContentBlockStart { index, content_block: Block { name: Some(name) } }
                    if !shaped =>
                {
                    calls
                        .push(CallPiece { index, name: Some(&name), ..CallPiece::default() }, output)
                        .await?;
                }
                Streamed::ContentBlockDelta { index, delta: Delta { partial_json: Some(json), .. } } => {
                    calls.push(CallPiece { index, arguments: &json, ..CallPiece::default() }, output).await?;
                }
                Streamed::MessageDelta { delta, usage } => {
                    reason = delta.stop_reason.or(reason);
                    counted.output_tokens = usage.map_or(counted.output_tokens, |usage| usage.output_tokens);
                }
                Streamed::MessageStop => break,
                Streamed::Error { error } => {
                    let status = if error.kind == "overloaded_error" { 529 } else { 500 };
                    return Err(Fault::Refused { status, said: error.message }.into());
                }
                Streamed::ContentBlockStart { .. } | Streamed::ContentBlockDelta { .. } | Streamed::Other => {
                }
            }
        }
        let finish = match reason.as_deref() {
            None => return Err(Fault::Lost("its answer broke off in the middle".to_owned()).into()),
            Some("max_tokens") => {
                calls.cut_off();
                FinishReason::Length
            }
            Some(_) => {
                calls.end(output).await?;
                if shaped && output.bytes() == 0 {
                    output.text("{}", 1).await?;
                }
                FinishReason::Stop
            }
        };
        let mut usage = output.usage(counted.input_tokens);
        if counted.output_tokens > 0 {
            usage.output_tokens = usage.output_tokens.min(counted.output_tokens);
        }
        usage.images = images;
        Ok(Finished { usage, finish })
    }
}

fn request(
    model: &str,
    task: ChatTask,
    names: &Names,
    job: &Job,
    shown: Vec<Shown>,
) -> Result<Value, RunError> {
    let (tools, choice) = tools(&task, names)?;
    let ChatTask {
        messages,
        max_tokens,
        temperature,
        top_p,
        seed: _,
        frequency_penalty,
        presence_penalty,
        stop,
        tools: _,
        tool_choice: _,
        format: _,
    } = task;
    let penalty = frequency_penalty.or(presence_penalty).is_some_and(|penalty| penalty != 0.0);
    if penalty {
        return Err(infeasible("this service knows no penalties for words that occurred"));
    }
    // Without tools it refuses to hear of calls.
    let native = (!names.is_empty()).then_some(names);
    let (system, mut written) = conversation(messages, native, shown);
    if !job.prefix.is_empty() {
        turn(&mut written, Role::Assistant, vec![json!({"type": "text", "text": job.prefix.trim_end()})]);
    }
    let mut ask = Map::new();
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            ask.insert(name.to_owned(), value);
        }
    };
    let bound = if job.output_tokens_max == 0 { OUTPUT_TOKENS_MAX } else { job.output_tokens_max };
    put("model", Some(json!(model)));
    put("max_tokens", Some(json!(max_tokens.map_or(bound, |asked| asked.min(bound)))));
    put("stream", Some(json!(true)));
    put("system", (!system.is_empty()).then(|| json!(system.join("\n\n"))));
    let written = written.into_iter().map(|(role, content)| json!({"role": role, "content": content}));
    put("messages", Some(written.collect()));
    // Here wildness ends at 1.
    put("temperature", temperature.map(|value| json!(value.min(1.0))));
    put("top_p", top_p.map(|value| json!(value)));
    put("stop_sequences", (!stop.is_empty()).then(|| json!(stop)));
    put("tools", (!tools.is_empty()).then(|| json!(tools)));
    put("tool_choice", choice);
    Ok(Value::Object(ask))
}

/// What stands above a conversation, and its turns with the blocks of each.
type Conversation = (Vec<String>, Vec<(Role, Vec<Value>)>);

/// A conversation as the service takes it. Calls are blocks of their own where it was told of tools, and else words.
fn conversation(messages: Vec<ChatMessage>, native: Option<&Names>, shown: Vec<Shown>) -> Conversation {
    let mut shown = shown.into_iter();
    let (mut system, mut written) = (Vec::new(), Vec::new());
    for message in messages {
        let pictures = shown.by_ref().take(message.pictures.len()).map(|Shown { media_type, base64 }| {
            json!({"type": "image", "source": {"type": "base64", "media_type": media_type, "data": base64}})
        });
        let mut content: Vec<Value> = pictures.collect();
        let text = |text: String| (!text.is_empty()).then(|| json!({"type": "text", "text": text}));
        let role = match (message.role, native) {
            (Role::System, _) => {
                system.push(message.content);
                continue;
            }
            (Role::Tool, Some(_)) => {
                let id = message.call_id.as_deref().map(plain_id);
                content.push(json!({"type": "tool_result", "tool_use_id": id, "content": message.content}));
                Role::User
            }
            (Role::Assistant, Some(names)) => {
                content.extend(text(message.content));
                content.extend(message.calls.iter().map(|call| {
                    json!({"type": "tool_use", "id": plain_id(&call.id), "name": names.theirs(&call.name),
                           "input": call.arguments})
                }));
                Role::Assistant
            }
            _ => {
                let (role, words) = in_words(message);
                content.extend(text(words));
                role
            }
        };
        turn(&mut written, role, content);
    }
    (system, written)
}

/// Adds to the last turn if it is the same one's: all that calls gave has to stand in one. What is empty is refused there.
fn turn(written: &mut Vec<(Role, Vec<Value>)>, role: Role, content: Vec<Value>) {
    match written.last_mut() {
        _ if content.is_empty() => {}
        Some((last, said)) if *last == role => said.extend(content),
        _ => written.push((role, content)),
    }
}

/// The name of a call in the letters that the service takes.
fn plain_id(id: &str) -> String {
    let plain = |char: char| if char.is_ascii_alphanumeric() || "_-".contains(char) { char } else { '_' };
    id.chars().map(plain).collect()
}

/// The tools that the model is told of, and whether it must call one. An answer of a given shape is what the only tool is
/// called with.
fn tools(task: &ChatTask, names: &Names) -> Result<(Vec<Value>, Option<Value>), RunError> {
    if let Some(format) = &task.format {
        let schema = format.schema();
        if matches!(format, AnswerFormat::JsonSchema(_)) && schema.get("type") != Some(&json!("object")) {
            return Err(infeasible("this service gives answers of a shape only where that is an object"));
        }
        let tool = json!({"name": ANSWER, "description": "Gives the answer.", "input_schema": schema});
        return Ok((vec![tool], Some(json!({"type": "tool", "name": ANSWER}))));
    }
    let described = task.callable().iter().map(|tool| {
        let mut schema = tool.parameters.clone();
        schema.entry("type").or_insert_with(|| json!("object"));
        json!({"name": names.theirs(&tool.name), "description": tool.description, "input_schema": schema})
    });
    let choice = match &task.tool_choice {
        ToolChoice::Auto | ToolChoice::None => None,
        ToolChoice::Required => Some(json!({"type": "any"})),
        ToolChoice::Named(name) => Some(json!({"type": "tool", "name": names.theirs(name)})),
    };
    Ok((described.collect(), choice))
}
