//! Fetches from a real server on loopback that cuts, stalls, lies and refuses; nothing here needs a network.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed, which is what it is for")]

mod cache;
mod fixture;
mod gguf_files;
mod packages;
mod server;
mod urls;
