//! What can be wrong with a GGUF file.

use std::io;
use std::path::PathBuf;

use crate::size::{human_bytes, human_of};

/// Why a file is not a usable GGUF file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GgufError {
    /// The file ends too early: a download or copy was cut off.
    #[error("{} is truncated: {}; delete it and run again", path.display(), how_much(*.bytes, *.expected_bytes))]
    Truncated {
        /// The file.
        path: PathBuf,
        /// Its size.
        bytes: u64,
        /// The size it must have at least; unknown when not even the header is complete.
        expected_bytes: Option<u64>,
    },
    /// The file is something else.
    #[error("{} is not a GGUF file: {why}", path.display())]
    NotGguf {
        /// The file.
        path: PathBuf,
        /// What was seen instead.
        why: String,
    },
    /// A version of the format that is too old or too new.
    #[error("{} is GGUF version {version}; versions 2 and 3 can be read", path.display())]
    Version {
        /// The file.
        path: PathBuf,
        /// The version it states.
        version: u32,
    },
    /// The header contradicts the format or goes past a limit.
    #[error("{} is damaged or not a model: {why}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// The file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The operating system's reason.
        source: io::Error,
    },
}

fn how_much(bytes: u64, expected_bytes: Option<u64>) -> String {
    match expected_bytes {
        Some(expected) if human_bytes(bytes) == human_bytes(expected) => {
            format!("{bytes} of {expected} bytes")
        }
        Some(expected) => human_of(bytes, expected),
        None => format!("it ends within its header, at {}", human_bytes(bytes)),
    }
}
