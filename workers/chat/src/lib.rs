//! Answers to conversations from any GGUF model, through llama.cpp.
//!
//! [`Engine::start`] loads a model; [`Engine::submit`] takes a [`ChatRequest`] and returns a [`Generation`], a stream of
//! [`Event`]s. One thread owns the model's context and answers several conversations at once (`runner`). Around it:
//! the model's chat template (`template`), the guard against markers in people's texts (`markers`), tokens to text
//! (`text`), what an answer may look like (`shape`), which slot and how much at a time (`plan`).
//!
//! What must not live here: the wire. The engine knows nothing of brokers, jobs or money; the adapter in the binary
//! translates.

pub mod defaults;

mod engine;
mod error;
mod markers;
mod model;
mod plan;
mod prompt;
mod request;
mod runner;
mod sampling;
mod shape;
mod slot;
mod speed;
mod template;
mod text;

pub use engine::Engine;
pub use error::{Failure, LoadError};
pub use model::{EngineOptions, ModelFacts};
pub use request::{ChatRequest, Event, Finish, Generation, Speaker, Turn};
pub use sampling::Sampling;
pub use shape::{CALL_BEGIN, CALL_END, Call, Shape, Tool};
pub use speed::Speed;
