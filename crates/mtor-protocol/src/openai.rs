//! OpenAI's shapes, as far as the realm speaks them, and how they become tasks. Fields that are not known here are
//! let through unread, as those clients expect; fields that would change the answer and can't be honoured are refused.

mod audio;
mod images;

pub use audio::*;
pub use images::*;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::intent::{ChatMessage, ChatTask, Role};
use crate::problem::{Problem, ProblemKind};
use crate::usage::{FinishReason, Usage};

/// The body of `POST /v1/chat/completions`.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
pub struct ChatCompletionRequest {
    /// A model's name, or `default`.
    pub model: String,
    /// The conversation.
    pub messages: Vec<RequestMessage>,
    /// Whether to stream server-sent events.
    #[serde(default)]
    pub stream: bool,
    /// What else to stream.
    #[serde(default)]
    pub stream_options: Option<StreamOptions>,
    /// Most tokens to write.
    #[serde(default)]
    pub max_tokens: Option<u32>,
    /// The newer name of `max_tokens`.
    #[serde(default)]
    pub max_completion_tokens: Option<u32>,
    /// See [`ChatTask`].
    #[serde(default)]
    pub temperature: Option<f32>,
    /// See [`ChatTask`].
    #[serde(default)]
    pub top_p: Option<f32>,
    /// See [`ChatTask`].
    #[serde(default)]
    pub seed: Option<i64>,
    /// See [`ChatTask`].
    #[serde(default)]
    pub frequency_penalty: Option<f32>,
    /// See [`ChatTask`].
    #[serde(default)]
    pub presence_penalty: Option<f32>,
    /// One stop string, or several.
    #[serde(default)]
    pub stop: Option<OneOrMany>,
    /// Only 1 is possible here.
    #[serde(default)]
    pub n: Option<u32>,
}

/// One text, or several.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum OneOrMany {
    /// One.
    One(String),
    /// Several.
    Many(Vec<String>),
}

impl OneOrMany {
    /// As a list.
    pub fn into_vec(self) -> Vec<String> {
        match self {
            Self::One(text) => vec![text],
            Self::Many(texts) => texts,
        }
    }
}

/// What else to stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct StreamOptions {
    /// A last event with the usage.
    pub include_usage: bool,
}

/// A message as OpenAI's clients send it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
pub struct RequestMessage {
    /// Who said it.
    pub role: Role,
    /// Text, or parts of which all are text.
    pub content: MessageContent,
}

/// Text, or parts.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum MessageContent {
    /// Text.
    Text(String),
    /// Parts.
    Parts(Vec<ContentPart>),
}

/// A part of a message.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
pub struct ContentPart {
    /// `text`; nothing else is read here yet.
    #[serde(rename = "type")]
    pub kind: String,
    /// The text.
    #[serde(default)]
    pub text: Option<String>,
}

impl ChatCompletionRequest {
    /// The task that is asked for.
    ///
    /// # Errors
    /// A [`Problem`] that names the field which can't be honoured.
    pub fn into_task(self) -> Result<ChatTask, Problem> {
        let invalid =
            |param: &str, detail: String| Problem::new(ProblemKind::InvalidRequest, detail).param(param);
        if self.n.is_some_and(|n| n != 1) {
            return Err(invalid("n", "only one choice can be asked for; leave n out or send 1".to_owned()));
        }
        let seed = match self.seed {
            Some(seed) => Some(
                u64::try_from(seed).map_err(|_| invalid("seed", "seed must not be negative".to_owned()))?,
            ),
            None => None,
        };
        let messages =
            self.messages.into_iter().enumerate().map(|(index, message)| message.into_message(index));
        let task = ChatTask {
            messages: messages.collect::<Result<_, _>>()?,
            max_tokens: self.max_completion_tokens.or(self.max_tokens),
            temperature: self.temperature,
            top_p: self.top_p,
            seed,
            frequency_penalty: self.frequency_penalty,
            presence_penalty: self.presence_penalty,
            stop: self.stop.map(OneOrMany::into_vec).unwrap_or_default(),
        };
        task.checked().map_err(|fault| {
            let field = fault.split([' ', ':']).next().unwrap_or_default().to_owned();
            invalid(&field, fault)
        })
    }
}

impl RequestMessage {
    fn into_message(self, index: usize) -> Result<ChatMessage, Problem> {
        let content = match self.content {
            MessageContent::Text(text) => text,
            MessageContent::Parts(parts) => {
                let texts = parts.into_iter().map(|part| match part.text {
                    Some(text) if part.kind == "text" => Ok(text),
                    _ => Err(Problem::new(
                        ProblemKind::InvalidRequest,
                        format!("a part of type {:?} can't be read here; send text", part.kind),
                    )
                    .param(&format!("messages[{index}].content"))),
                });
                texts.collect::<Result<Vec<_>, _>>()?.join("")
            }
        };
        Ok(ChatMessage::new(self.role, content))
    }
}

/// The answer of `POST /v1/chat/completions`, and each event of its stream.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ChatCompletion<'a> {
    /// `chatcmpl-` and the job's id.
    pub id: &'a str,
    /// `chat.completion`, or `chat.completion.chunk`.
    pub object: &'static str,
    /// Seconds since the Unix epoch.
    pub created: u64,
    /// The model.
    pub model: &'a str,
    /// One choice; none in the event that carries the usage.
    pub choices: &'a [ChatChoice<'a>],
    /// What was used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<TokenUsage>,
}

/// The one choice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ChatChoice<'a> {
    /// Always 0.
    pub index: u32,
    /// The whole message, unless streamed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<ResponseMessage<'a>>,
    /// A piece of it, when streamed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delta: Option<ResponseMessage<'a>>,
    /// Null until the end, then `stop` or `length`.
    pub finish_reason: Option<FinishReason>,
}

/// A message, or a piece of one.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, JsonSchema)]
pub struct ResponseMessage<'a> {
    /// Who says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// What.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<&'a str>,
}

/// Usage by OpenAI's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub struct TokenUsage {
    /// Tokens read.
    pub prompt_tokens: u64,
    /// Tokens written.
    pub completion_tokens: u64,
    /// Both.
    pub total_tokens: u64,
}

impl From<Usage> for TokenUsage {
    fn from(usage: Usage) -> Self {
        Self {
            prompt_tokens: usage.input_tokens,
            completion_tokens: usage.output_tokens,
            total_tokens: usage.input_tokens + usage.output_tokens,
        }
    }
}

/// The body of `POST /v1/embeddings`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
pub struct EmbeddingRequest {
    /// A model's name, or `default`.
    pub model: String,
    /// One text, or several.
    pub input: OneOrMany,
    /// `float` (the default) or `base64` (little-endian 32-bit floats), as OpenAI's own client asks for.
    #[serde(default)]
    pub encoding_format: Option<String>,
}

/// The answer of `POST /v1/embeddings`.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct EmbeddingList {
    /// `list`.
    pub object: &'static str,
    /// One for each input.
    pub data: Vec<Embedding>,
    /// The model.
    pub model: String,
    /// What was used.
    pub usage: TokenUsage,
}

/// One vector.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Embedding {
    /// `embedding`.
    pub object: &'static str,
    /// Of which input.
    pub index: usize,
    /// The vector: numbers, or base64.
    pub embedding: serde_json::Value,
}

/// The answer of `GET /v1/models`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ModelList {
    /// `list`.
    pub object: &'static str,
    /// The models that workers offer now, `default` first.
    pub data: Vec<ModelCard>,
}

/// One model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ModelCard {
    /// Its name.
    pub id: String,
    /// `model`.
    pub object: &'static str,
    /// Seconds since the Unix epoch.
    pub created: u64,
    /// The realm's name.
    pub owned_by: String,
}

/// An error in OpenAI's shape.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ErrorBody {
    /// The error.
    pub error: ErrorDetail,
}

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ErrorDetail {
    /// In words.
    pub message: String,
    /// The class by which OpenAI's clients choose an exception.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The field that is wrong.
    pub param: Option<String>,
    /// The stable name.
    pub code: Option<String>,
}

impl From<&Problem> for ErrorBody {
    fn from(problem: &Problem) -> Self {
        let (kind, code) = match problem.known_kind() {
            Some(ProblemKind::ContextExceeded) => ("invalid_request_error", "context_length_exceeded"),
            Some(ProblemKind::UnknownModel) => ("invalid_request_error", "model_not_found"),
            Some(ProblemKind::Unauthorized) => ("authentication_error", "invalid_api_key"),
            Some(ProblemKind::InsufficientFunds) => ("insufficient_quota", "insufficient_quota"),
            Some(ProblemKind::TooManyRequests) => ("rate_limit_error", "rate_limit_exceeded"),
            Some(kind) if kind.status() < 500 => ("invalid_request_error", kind.slug()),
            Some(kind) => ("server_error", kind.slug()),
            None => ("server_error", "unknown"),
        };
        let message = problem.to_string();
        Self {
            error: ErrorDetail { message, kind, param: problem.param.clone(), code: Some(code.to_owned()) },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(json: &str) -> Result<ChatTask, Problem> {
        serde_json::from_str::<ChatCompletionRequest>(json).unwrap().into_task()
    }

    #[test]
    fn what_the_official_clients_send_becomes_a_task() {
        let task = task(
            r#"{"model":"default","messages":[{"role":"developer","content":"Be brief"},
                {"role":"user","content":[{"type":"text","text":"Hello "},{"type":"text","text":"there"}]}],
                "max_completion_tokens":5,"stop":"\n","seed":7,"user":"x","logprobs":false}"#,
        )
        .unwrap();
        assert_eq!(task.messages[0], ChatMessage::new(Role::System, "Be brief"));
        assert_eq!(task.messages[1].content, "Hello there");
        assert_eq!((task.max_tokens, task.seed, task.stop), (Some(5), Some(7), vec!["\n".to_owned()]));
    }

    #[test]
    fn what_cannot_be_honoured_is_refused_by_name() {
        let param = |json: &str| task(json).unwrap_err().param.unwrap();
        assert_eq!(param(r#"{"model":"m","messages":[{"role":"user","content":"x"}],"n":2}"#), "n");
        assert_eq!(param(r#"{"model":"m","messages":[]}"#), "messages");
        assert_eq!(
            param(r#"{"model":"m","messages":[{"role":"user","content":"x"}],"temperature":3}"#),
            "temperature"
        );
        let image = r#"{"model":"m","messages":[{"role":"user","content":[{"type":"image_url"}]}]}"#;
        assert_eq!(param(image), "messages[0].content");
    }

    #[test]
    fn errors_carry_the_codes_that_clients_look_for() {
        let body = ErrorBody::from(&Problem::new(
            ProblemKind::ContextExceeded,
            "5,000 tokens; the window has 4,096",
        ));
        assert_eq!(
            (body.error.kind, body.error.code.as_deref()),
            ("invalid_request_error", Some("context_length_exceeded"))
        );
    }
}
