//! The skills against servers that speak the protocols of the real ones, on this machine.
#![allow(clippy::unwrap_used, reason = "a test ends at the first thing that is not as it should be")]

mod home;
mod mail;
mod servers;
mod services;
