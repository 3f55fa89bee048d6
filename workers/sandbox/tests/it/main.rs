//! Modules that do what they should, and modules that do what they must not.
#![allow(clippy::unwrap_used, reason = "a test ends at the first thing that is not as it should be")]

mod hostile;
mod modules;
mod web;
