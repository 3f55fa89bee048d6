//! From written text to text that can be said.
//!
//! [`Clauses`] cuts text, as it arrives, into [`Clause`]s: what is said in one breath. [`speakable`] makes of one clause
//! the words to say: Markdown, links, numbers, abbreviations. Pure functions of the text; no voice, no sound.

mod abbreviations;
mod boundary;
mod clause;
mod dates;
mod english;
mod fence;
mod links;
mod markdown;
mod money;
mod numbers;
mod phrases;
mod quantities;
mod say;
mod symbols;

pub use clause::{Clause, Clauses, Kind, Pause};
pub use say::speakable;
