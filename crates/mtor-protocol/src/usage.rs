//! What a job used, and how it ended.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The metered work of a job, or of one worker's part in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Usage {
    /// Tokens read.
    #[serde(skip_serializing_if = "is_zero")]
    pub input_tokens: u64,
    /// Tokens written.
    #[serde(skip_serializing_if = "is_zero")]
    pub output_tokens: u64,
    /// Audio heard or spoken, in milliseconds.
    #[serde(skip_serializing_if = "is_zero")]
    pub audio_ms: u64,
    /// Images seen or drawn.
    #[serde(skip_serializing_if = "is_zero")]
    pub images: u64,
}

fn is_zero(value: &u64) -> bool {
    *value == 0
}

impl Usage {
    /// Each kind at most as much as `bound` allows.
    pub fn at_most(self, bound: &Self) -> Self {
        Self {
            input_tokens: self.input_tokens.min(bound.input_tokens),
            output_tokens: self.output_tokens.min(bound.output_tokens),
            audio_ms: self.audio_ms.min(bound.audio_ms),
            images: self.images.min(bound.images),
        }
    }
}

/// Why a worker stopped writing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FinishReason {
    /// The answer came to its own end, or to a stop string.
    Stop,
    /// The token limit or the model's window was reached.
    Length,
}
