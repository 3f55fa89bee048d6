//! Speech to text with any Whisper model, through whisper.cpp.
//!
//! [`Engine::start`] loads the models; [`listen`] hears one recording, a file or somebody who speaks right now, and gives
//! a [`Hearing`], a stream of [`Event`]s. One thread owns the model (`engine`, `whisper`) and hears window after window,
//! of several recordings in turn. Round it: where somebody speaks (`vad`), windows that are cut at pauses (`windows`),
//! words with their times (`transcript`), and what the model is not believed (`doubt`).
//!
//! Beside it, [`WakeWord`]: whether somebody says a word that wakes the realm, in a sound that goes on all day.
//!
//! [`wer`] measures how well it hears.
//!
//! What must not live here: the wire. The engine knows nothing of brokers, jobs or money; the adapter in the binary
//! translates.

pub mod defaults;
pub mod wer;

mod doubt;
mod engine;
mod error;
mod language;
mod listener;
mod model_file;
mod request;
mod transcript;
mod vad;
mod wake;
mod whisper;
mod windows;

pub use engine::{Engine, EngineOptions};
pub use error::{Failure, LoadError};
pub use listener::listen;
pub use request::{Event, Hearing, LiveSound, Request, Source, Speaker, live};
pub use transcript::{Segment, Transcript, Word};
pub use wake::{WakeListener, WakeOptions, WakeWord};
