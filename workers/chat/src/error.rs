//! What can go wrong: at start ([`LoadError`], the program ends with exit code 2) and for one request ([`Failure`],
//! everybody else goes on).

use std::path::PathBuf;

use mtor_models::gguf::GgufError;

/// Why no engine could be started. Every text says what the user can do.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file is missing, truncated, or no GGUF file.
    #[error(transparent)]
    File(#[from] GgufError),
    /// llama.cpp refuses the model.
    #[error(
        "llama.cpp can't load {path}: it is damaged, or of a kind that this version doesn't know. RUST_LOG=debug shows why"
    )]
    Refused {
        /// The file asked for.
        path: PathBuf,
    },
    /// The model can't write text.
    #[error("{path} can't answer in text (an embedding model, perhaps)")]
    NotChat {
        /// The file asked for.
        path: PathBuf,
    },
    /// The memory for the conversations could not be had.
    #[error(
        "no memory for {slots} conversations of {window} tokens each: try fewer with --slots or a smaller --context"
    )]
    NoMemory {
        /// Conversations asked for.
        slots: u32,
        /// Window of each, in tokens.
        window: u32,
    },
    /// The engine did not survive its first steps.
    #[error("the engine failed at start: {0}")]
    Engine(String),
}

/// Why one request got no answer, or no whole answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The prompt leaves no room in the model's window.
    #[error("the prompt is {} tokens, this model's window is {}", thousands(*.have), thousands(*.limit))]
    ContextExceeded {
        /// Tokens of the prompt.
        have: usize,
        /// Tokens of the window, prompt and answer together.
        limit: usize,
    },
    /// The request can't be answered by this model as it stands.
    #[error("{0}")]
    BadRequest(String),
    /// More requests wait than the worker granted slots for.
    #[error("{waiting} requests are waiting already")]
    Busy {
        /// How many wait.
        waiting: usize,
    },
    /// The engine failed; another worker may succeed.
    #[error("the engine failed: {0}")]
    Engine(String),
}

/// `5210` as `5,210`.
fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_thousands() {
        let shown: Vec<String> = [0, 12, 999, 1_000, 5_210, 1_234_567].into_iter().map(thousands).collect();
        assert_eq!(shown, ["0", "12", "999", "1,000", "5,210", "1,234,567"]);
    }

    #[test]
    fn an_overlong_prompt_is_refused_in_numbers() {
        let failure = Failure::ContextExceeded { have: 5_210, limit: 4_096 };
        assert_eq!(failure.to_string(), "the prompt is 5,210 tokens, this model's window is 4,096");
    }
}
