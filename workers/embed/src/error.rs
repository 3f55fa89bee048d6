//! What can go wrong: at start ([`LoadError`], the program ends with exit code 2) and for one job ([`Failure`], everybody
//! else goes on).

use std::path::PathBuf;

use crate::defaults;

/// Why no engine could be started. Every text says what the user can do.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// A file can't be read.
    #[error("cannot read {path}: {why}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        why: std::io::Error,
    },
    /// The tokenizer is none that this worker knows.
    #[error(
        "{path} is no tokenizer that this worker knows: {why}. It takes a tokenizer.json of the WordPiece kind"
    )]
    Tokenizer {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// The engine refuses the model.
    #[error("cannot use the model {path}: {why}. It takes an ONNX file of a BERT-like model of sentences")]
    Model {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
}

/// Why one job got no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// A text is longer than the model's window.
    #[error(
        "text {} of {of} is {pieces} word pieces long, this model takes {}; cut it into parts", .number + 1, defaults::PIECES_MAX
    )]
    TooLong {
        /// Which text, from 0.
        number: usize,
        /// How many texts there are.
        of: usize,
        /// How many pieces it has.
        pieces: usize,
    },
    /// A text has no words at all: it has no meaning that a vector could stand for.
    #[error("text {} of {of} is empty", .number + 1)]
    Empty {
        /// Which text, from 0.
        number: usize,
        /// How many texts there are.
        of: usize,
    },
    /// Nobody waits any more.
    #[error("cancelled")]
    Cancelled,
    /// The engine failed; another worker may succeed.
    #[error("the engine failed: {0}")]
    Engine(String),
}
