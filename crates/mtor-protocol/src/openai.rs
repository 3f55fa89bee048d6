//! OpenAI's shapes, as far as the realm speaks them, and how they become tasks. Fields that are not known here are
//! let through unread, as those clients expect; fields that would change the answer and can't be honoured are refused.

mod audio;
mod chat;
mod images;

pub use audio::*;
pub use chat::*;
pub use images::*;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::problem::{Problem, ProblemKind};
use crate::usage::Usage;

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
    /// Vectors come as long as the model makes them, so this can't be asked for.
    #[serde(default)]
    pub dimensions: Option<u32>,
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
