//! What can go wrong: at start ([`LoadError`], the program ends with exit code 2) and for one job ([`Failure`], everybody
//! else goes on).

use std::io;
use std::path::PathBuf;

use crate::defaults::{ESPEAK_PROGRAM, SPEED_MAX, SPEED_MIN};

/// Why no engine could be started. Every text says what the user can do.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The program that knows how words are said is not there.
    #[error("{ESPEAK_PROGRAM} can't be run ({0}): install it, on Debian with apt-get install espeak-ng")]
    NoEspeak(#[source] io::Error),
    /// It is there, and has no voices.
    #[error("{ESPEAK_PROGRAM} knows no voices: its data is missing, on Debian the package espeak-ng-data")]
    NoEspeakVoices,
    /// A file of a voice can't be read.
    #[error("cannot read {path}: {reason}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: io::Error,
    },
    /// The file beside a voice says nothing that is understood.
    #[error("{path} does not describe a Piper voice: {reason}")]
    Config {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The voice's model is none.
    #[error("{path} is no voice that can be used: {reason}")]
    Model {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Two voices have one name.
    #[error("the voice {0} is given twice")]
    Twice(String),
}

/// Why one text was not spoken, or not to its end.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// No voice has that name.
    #[error("there is no voice `{wanted}`; there are: {voices}")]
    UnknownVoice {
        /// What was asked for.
        wanted: String,
        /// The names that there are.
        voices: String,
    },
    /// No voice speaks that language.
    #[error("no voice here speaks `{wanted}`; there are voices for: {languages}")]
    UnknownLanguage {
        /// What was asked for.
        wanted: String,
        /// The languages that there are.
        languages: String,
    },
    /// The speed is out of the possible.
    #[error("speed {0} is not possible: from {SPEED_MIN} to {SPEED_MAX}")]
    Speed(f32),
    /// espeak-ng failed; another worker may succeed.
    #[error("{ESPEAK_PROGRAM} failed: {0}")]
    Espeak(String),
    /// The model failed; another worker may succeed.
    #[error("the voice's model failed: {0}")]
    Model(String),
}
