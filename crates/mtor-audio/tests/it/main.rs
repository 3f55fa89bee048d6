//! Files as people bring them, whole and broken.

#![allow(clippy::unwrap_used)]

mod files;
mod fuzz;
