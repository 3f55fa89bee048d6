//! Texts into vectors that lie near each other when the texts mean the same, through a small model in pure Rust.
//!
//! [`Engine::start`] loads a model; [`Engine::embed`] turns texts into vectors. `wordpiece` cuts text as the model was
//! trained. [`evaluate`] measures how well the realm's resolver of intents understands people with these vectors.
//!
//! What must not live here: the wire. The engine knows nothing of brokers, jobs or money; the adapter in the binary
//! translates.

pub mod defaults;

mod engine;
mod error;
pub mod evaluate;
mod speed;
mod wordpiece;

pub use engine::{Embedded, Engine, EngineOptions};
pub use error::{Failure, LoadError};
pub use wordpiece::{PieceId, WordPiece};
