//! What a realm must show from end to end: real processes, a real browser, real clients. One module per promise or part;
//! each test has a realm of its own, and stands alone.
#![allow(clippy::unwrap_used, reason = "a test ends at the first thing that is not as it should be")]

mod asking;
mod attacks;
mod bad_messages;
mod broker_crash;
mod browser;
mod chaos;
mod clients;
mod cluster;
mod disk_full;
mod draining;
mod federation;
mod grants;
mod keys;
mod load;
mod log;
mod memory;
mod orders;
mod ownership;
mod pictures;
mod plans;
mod proofs;
mod real_model;
mod receipts;
mod refusals;
mod resolving;
mod sandbox;
mod skills;
mod starter_coins;
mod starting;
mod trust;
mod voice;
mod worker_crash;
mod wyoming;
