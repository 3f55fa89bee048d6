//! Skills: tools that a realm has by itself. Each is one module behind one trait ([`Skill`]); its arguments are a type of
//! its own, from which the schema that the realm is told and the check of what comes are both made.
//!
//! An answer is a few sentences that can be read and spoken, in the language of whoever asks. What a person can be told,
//! such as that there is no such place, is an answer; an error is what went wrong.
//!
//! What must not live here: what words mean (that is `mtor-intent`), and anything that knows who asks.

pub mod calculate;
pub mod defaults;
pub mod fetch;
pub mod home;
pub mod language;
pub mod mail;
pub mod news;
pub mod settings;
mod skill;
pub mod time;
pub mod timer;
pub mod weather;
pub mod web;
pub mod wikipedia;
mod worker;

pub use skill::{Answer, Asked, Skill, SkillError};
pub use worker::Skills;
