//! The ledger from outside: what is committed comes back, whatever happens in between, and what was changed is found.

#![allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]

mod balances;
mod durability;
mod failures;
mod history;
mod keys;
mod log;
mod retention;
mod rewriting;
mod sharing;
mod support;
mod tampering;
