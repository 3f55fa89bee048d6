//! The command as a person meets it: the real binary, its words, its exit codes.

#![allow(clippy::unwrap_used, missing_docs)]

mod ask;
mod bench;
mod help;
mod ledger;
mod mistakes;
mod support;
mod up;
mod wallet;
