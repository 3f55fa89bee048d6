//! What can go wrong: at start ([`LoadError`], the program ends with exit code 2) and for one picture ([`Failure`], everybody
//! else goes on).

use std::path::PathBuf;

use crate::defaults;

/// Why the eyes can't be opened. Every text says what the user can do.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The engine refuses a model.
    #[error("cannot use the model {path}: {why}. It takes the catalogue's own: `mtor model list` shows them")]
    Model {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
}

/// Why one picture was not looked at.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// A format that is well known, and not taken.
    #[error("this picture is {format}, which is not taken: {advice}")]
    NotTaken {
        /// The format, with its article.
        format: &'static str,
        /// What to do.
        advice: &'static str,
    },
    /// No picture at all.
    #[error("these bytes are no picture that is known here; JPEG, PNG, WebP and GIF are taken")]
    Unknown,
    /// It would not fit.
    #[error(
        "this picture has {width} x {height} pixels; at most {} are taken on a side, {} million in all, and {} MiB unpacked",
        defaults::SIDE_MAX, defaults::PIXELS_MAX / 1_000_000, defaults::UNPACKED_BYTES_MAX >> 20
    )]
    TooLarge {
        /// From left to right.
        width: u32,
        /// From top to bottom.
        height: u32,
    },
    /// It breaks off, or is not what it says.
    #[error("this picture is damaged: {0}")]
    Damaged(String),
    /// Nobody waits any more.
    #[error("cancelled")]
    Cancelled,
    /// The engine failed; another worker may succeed.
    #[error("the engine failed: {0}")]
    Engine(String),
}
