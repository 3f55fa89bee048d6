//! What can go wrong: at start ([`LoadError`], the program ends with exit code 2) and for one recording ([`Failure`],
//! everybody else goes on).

use std::io;
use std::path::PathBuf;

use mtor_audio::decode::DecodeError;

/// Why no engine could be started. Every text says what the user can do.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file can't be read.
    #[error("{path} can't be read: {source}")]
    Unreadable {
        /// The file asked for.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The file is something else.
    #[error(
        "{path} is no Whisper model in the ggml format ({why}); such files are called ggml-base.bin and the like"
    )]
    NotWhisper {
        /// The file asked for.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// whisper.cpp refuses the model.
    #[error(
        "whisper.cpp can't load {path}: it is damaged, or there is too little memory. MTOR_LOG=debug shows why"
    )]
    Refused {
        /// The file asked for.
        path: PathBuf,
    },
    /// The model of voice activity can't be used.
    #[error("{path} is no Silero voice activity model: {why}")]
    NotVoiceActivity {
        /// The file asked for.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// A network of the wake word can't be used.
    #[error("{path} can't be used for a wake word: {why}")]
    NotWakeWord {
        /// The file asked for.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// A language that no Whisper knows, or that this one doesn't.
    #[error(transparent)]
    Language(#[from] Failure),
    /// The engine did not survive its first steps.
    #[error("the engine failed at start: {0}")]
    Engine(String),
}

/// Why a recording gave no text.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The file gives no sound.
    #[error(transparent)]
    Audio(#[from] DecodeError),
    /// The recording is longer than what is allowed.
    #[error("the audio is longer than {} minutes, which is the limit here; send it in parts", minutes(*.limit_ms))]
    TooLong {
        /// The limit, in milliseconds.
        limit_ms: u64,
    },
    /// No language of that name.
    #[error(
        "`{0}` is no language that this model knows; give a code such as en, de or fr, or none to have it detected"
    )]
    UnknownLanguage(String),
    /// The hint is too long.
    #[error("the hint has {bytes} bytes, at most {max} are possible")]
    HintTooLong {
        /// Its length.
        bytes: usize,
        /// The limit.
        max: usize,
    },
    /// The engine can't go on with this recording.
    #[error("the engine failed: {0}")]
    Engine(String),
    /// Nobody wants to know any more.
    #[error("cancelled")]
    Cancelled,
}

fn minutes(ms: u64) -> String {
    if ms.is_multiple_of(60_000) { (ms / 60_000).to_string() } else { format!("{:.1}", ms as f64 / 60_000.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_told_as_a_person_tells_them() {
        let words = |limit_ms| Failure::TooLong { limit_ms }.to_string();
        assert!(words(7_200_000).starts_with("the audio is longer than 120 minutes,"));
        assert!(words(90_000).contains("1.5 minutes"));
    }
}
