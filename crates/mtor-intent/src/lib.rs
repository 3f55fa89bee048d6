//! What somebody wants, from what they said.
//!
//! [`Resolver`] maps words to a [`Control`] word, to a capability with its text and parameters, or to a question back when
//! it is not sure. First come rules: words that always mean the same, in several languages. Then examples: it means what
//! the sentences mean that lie nearest, by vectors that the caller brings. What neither knows is a question for `chat`.
//! [`Resolver::steps`] takes a sentence apart that wants several things. [`say`] has the sentences that the realm says by itself.
//!
//! What must not live here: I/O, a clock, a model. Vectors come in as arguments, from whoever has an engine.
//!
//! The data: one table per language (`languages`), the examples (`examples`), the thresholds ([`defaults`]), and a set of
//! utterances to measure it all with ([`EVALUATION`]).

pub mod defaults;
mod evidence;
mod examples;
mod languages;
mod pattern;
mod resolver;
mod rules;
pub mod say;
mod steps;
mod tools;
mod values;
mod wake;
mod words;

pub use examples::{Example, Label};
pub use languages::Handling;
use mtor_protocol::resolve as resolved;
pub use mtor_protocol::resolve::{By, Choice, Control, Resolved, Understanding};
pub use resolver::{Resolver, WrongVectors};
pub use steps::{Step, Want};

/// Utterances with what they mean, to measure the resolver with; none of them is an example. TOML, explained at its top.
pub const EVALUATION: &str = include_str!("../data/evaluation.toml");
