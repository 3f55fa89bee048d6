//! The ledger from outside: what is committed comes back, whatever happens in between, and what was changed is found.

mod durability;
mod failures;
mod history;
mod log;
mod retention;
mod support;
mod tampering;
