//! What can go wrong, and what the user can do about it.

use std::fmt::Write as _;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use crate::defaults::ENV_LOCAL_FOLDER;
use crate::size::human_bytes;

/// Why a model could not be found, fetched or verified.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// No model of that id is in the catalogue.
    #[error("there is no model `{wanted}` in the catalogue; {}", did_you_mean(.suggestions))]
    UnknownModel {
        /// The id that was asked for.
        wanted: String,
        /// The nearest ids, or all of them when none is near.
        suggestions: Vec<String>,
    },
    /// Every source was tried and none gave the file.
    #[error("{}", no_source(.model, .file_name, .tried))]
    NoSource {
        /// The model's human name.
        model: String,
        /// The file that was looked for.
        file_name: String,
        /// Each source in the order of trial, with the reason why it failed.
        tried: Vec<Tried>,
    },
    /// A file in the cache does not hold the bytes that the catalogue promises.
    #[error("{path} is damaged: its SHA-256 is {found}, expected {expected}; delete it and run again")]
    HashMismatch {
        /// The damaged file.
        path: PathBuf,
        /// The SHA-256 in the catalogue.
        expected: String,
        /// The SHA-256 of the file, or its size when that is wrong already.
        found: String,
    },
    /// The model is not in the cache.
    #[error("{0} is not there; fetch the model first")]
    Missing(PathBuf),
    /// The disk has no room for the download.
    #[error(
        "not enough room in {folder}: {} needed, {} free; free some space or set MTOR_MODELS to a folder on another disk",
        human_bytes(*.needed_bytes), human_bytes(*.free_bytes)
    )]
    DiskFull {
        /// The cache folder.
        folder: PathBuf,
        /// What the fetch still needs, with a margin.
        needed_bytes: u64,
        /// What is free.
        free_bytes: u64,
    },
    /// The caller cancelled. What was downloaded stays and is used by the next fetch.
    #[error("cancelled; what was downloaded is kept, the next run goes on from there")]
    Cancelled,
    /// No folder for the cache can be derived from the environment.
    #[error("there is no home folder to keep models in; set MTOR_MODELS to a folder")]
    NoCacheFolder,
    /// A catalogue could not be read.
    #[error("the model catalogue is not valid: {0}")]
    Catalogue(String),
    /// The file system refused something.
    #[error("cannot {doing}: {source}")]
    Io {
        /// What was attempted, with the path.
        doing: String,
        /// The operating system's reason.
        source: io::Error,
    },
}

/// One source that was tried in vain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tried {
    /// The source as a person knows it.
    pub source: String,
    /// Why it did not give the file.
    pub why: String,
}

impl ModelError {
    pub(crate) fn io(doing: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let doing = doing.into();
        move |source| Self::Io { doing, source }
    }
}

fn did_you_mean(suggestions: &[String]) -> String {
    match suggestions {
        [] => "the catalogue is empty".to_owned(),
        [one] => format!("did you mean `{one}`?"),
        many => format!("there are: {}", many.join(", ")),
    }
}

fn no_source(model: &str, file_name: &str, tried: &[Tried]) -> String {
    let mut text = format!("{model} could not be fetched from any source:\n");
    for Tried { source, why } in tried {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  - {source}: {why}");
    }
    let _ = write!(
        text,
        "What you can do: attach a network and run again (a partial download goes on where it stopped); \
         or put {file_name} into a folder and set {ENV_LOCAL_FOLDER} to it; or give a model of your own with --model FILE"
    );
    text
}

/// How one attempt at one source ended, for the code that decides what comes next.
#[derive(Debug)]
pub(crate) enum SourceError {
    /// No connection at all.
    Unreachable(String),
    /// Worth another attempt at the same source, perhaps after the pause that the server asks for.
    Transient { why: String, pause: Option<Duration> },
    /// This source does not have the file; the next one may.
    Unusable(String),
    /// No source can help.
    Fatal(ModelError),
}

impl SourceError {
    pub(crate) fn transient(why: impl Into<String>) -> Self {
        Self::Transient { why: why.into(), pause: None }
    }

    /// The reason, in words.
    pub(crate) fn why(&self) -> String {
        match self {
            Self::Unreachable(why) | Self::Unusable(why) | Self::Transient { why, .. } => why.clone(),
            Self::Fatal(error) => error.to_string(),
        }
    }
}

impl From<ModelError> for SourceError {
    fn from(error: ModelError) -> Self {
        Self::Fatal(error)
    }
}
