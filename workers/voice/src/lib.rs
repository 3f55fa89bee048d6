//! Text to speech, clause by clause.
//!
//! [`text`] makes of written text (Markdown, numbers, addresses; cut anywhere while it is being written) clauses and the
//! words to say. [`Engine`] knows the voices and gives a [`Speaker`], which turns one clause after the other into sound:
//! neural voices in the Piper format (`piper`), with the phonemes of espeak-ng (`espeak`), and espeak-ng's own voices as
//! the floor for all languages that have no neural one. [`speech`] runs both side by side: while one clause is sent, the
//! next is made.
//!
//! What must not live here: the wire. The engine knows nothing of brokers, jobs or money; the adapter in the binary
//! translates.

pub mod defaults;
pub mod speech;
pub mod text;

mod engine;
mod error;
mod espeak;
mod piper;
mod sound;

pub use engine::{Engine, EngineOptions, Speaker, VoiceFacts};
pub use error::{Failure, LoadError};
