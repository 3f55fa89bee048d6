//! Modules that do what they should, and modules that do what they must not.

mod hostile;
mod modules;
mod web;
