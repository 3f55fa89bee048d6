//! Workers against a broker that speaks the real protocol on loopback.

#![allow(clippy::unwrap_used, reason = "a test ends where something is not as it must be")]

mod broker;
mod leaving;
mod refusals;
mod running;
mod scripted;
