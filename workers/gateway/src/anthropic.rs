//! Anthropic's Messages interface: conversations, also about pictures.

use mtor_worker::protocol::{CapabilityKind, CapabilityOffer, ChatTask, FinishReason, Role, Task};
use mtor_worker::{Finished, Job, Output};
use reqwest::{Method, Url};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::sync::watch;

use crate::defaults::{MODELS_MAX, OUTPUT_TOKENS_MAX};
use crate::fault::{Fault, RunError, infeasible};
use crate::http::{Http, Key, KeyHeader, read_json};
use crate::offered::{Asked, Offered, model_for};
use crate::openai::tokens_of;
use crate::pictures::{self, Shown};
use crate::service::Service;
use crate::sse::Events;

/// The version of the interface that is spoken here.
const VERSION: &str = "2023-06-01";

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
    ContentBlockDelta {
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
struct Delta {
    text: Option<String>,
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
        let kinds = |model: Model| {
            [CapabilityKind::CHAT, CapabilityKind::VISION]
                .map(|capability| Asked { capability, model: model.id.clone() })
        };
        let found = models.data.into_iter().take(MODELS_MAX).flat_map(kinds).collect();
        let offers = self.offered.offers(found);
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
        let ask = request(&model, task, &job, shown)?;
        let post = |request: reqwest::RequestBuilder| request.header("anthropic-version", VERSION).json(&ask);
        let mut events = Events::new(self.http.send(Method::POST, "v1/messages", post).await?);
        let (mut counted, mut reason) = (Counted::default(), None);
        while let Some(data) = events.next().await? {
            let event: Streamed =
                serde_json::from_str(&data).map_err(|error| Fault::Nonsense(error.to_string()))?;
            match event {
                Streamed::MessageStart { message } => counted.input_tokens = message.usage.input_tokens,
                Streamed::ContentBlockDelta { delta: Delta { text: Some(text) } } => {
                    output.text(&text, tokens_of(&text)).await?;
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
                Streamed::ContentBlockDelta { .. } | Streamed::Other => {}
            }
        }
        let finish = match reason.as_deref() {
            None => return Err(Fault::Lost("its answer broke off in the middle".to_owned()).into()),
            Some("max_tokens") => FinishReason::Length,
            Some(_) => FinishReason::Stop,
        };
        let mut usage = output.usage(counted.input_tokens);
        if counted.output_tokens > 0 {
            usage.output_tokens = usage.output_tokens.min(counted.output_tokens);
        }
        usage.images = images;
        Ok(Finished { usage, finish })
    }
}

/// What tools gave in an earlier turn is told as the person's: services want it beside the call, which is not handed on.
pub(crate) const fn told_as(role: Role) -> Role {
    match role {
        Role::Tool => Role::User,
        role => role,
    }
}

fn request(model: &str, task: ChatTask, job: &Job, shown: Vec<Shown>) -> Result<Value, RunError> {
    let ChatTask {
        messages,
        max_tokens,
        temperature,
        top_p,
        seed: _,
        frequency_penalty,
        presence_penalty,
        stop,
        // Nothing that needs these is given here: the offer does not say that it can.
        tools: _,
        tool_choice: _,
        format: _,
    } = task;
    let penalty = frequency_penalty.or(presence_penalty).is_some_and(|penalty| penalty != 0.0);
    if penalty {
        return Err(infeasible("this service knows no penalties for words that occurred"));
    }
    let mut shown = shown.into_iter();
    let (mut system, mut written) = (Vec::new(), Vec::new());
    for message in messages {
        let pictures = shown.by_ref().take(message.pictures.len()).map(|Shown { media_type, base64 }| {
            json!({"type": "image", "source": {"type": "base64", "media_type": media_type, "data": base64}})
        });
        let mut content: Vec<Value> = pictures.collect();
        match message.role {
            Role::System => system.push(message.content),
            role => {
                let role = told_as(role);
                content.push(json!({"type": "text", "text": message.content}));
                written.push(json!({"role": role, "content": content}));
            }
        }
    }
    if !job.prefix.is_empty() {
        written.push(json!({"role": Role::Assistant, "content": job.prefix.trim_end()}));
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
    put("messages", Some(Value::Array(written)));
    // Here wildness ends at 1.
    put("temperature", temperature.map(|value| json!(value.min(1.0))));
    put("top_p", top_p.map(|value| json!(value)));
    put("stop_sequences", (!stop.is_empty()).then(|| json!(stop)));
    Ok(Value::Object(ask))
}
