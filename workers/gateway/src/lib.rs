//! Services that speak another protocol, attached to a realm as a worker.
//!
//! [`wyoming`] is what Home Assistant's voice services speak. Everything else is a [`Service`]: something that says what it
//! offers when it is [looked](Service::look) at, and runs the realm's jobs. [`attach()`] keeps an eye on one, offers it to a realm
//! while it is there, and takes it away when it goes. The services are [`openai`] (and all that speak like it), [`anthropic`],
//! [`automatic1111`], [`comfyui`], [`huggingface`] and [`mcp`]; [`http`] is what those over HTTP share. [`discover`] looks which of
//! them run on this machine, [`probe`] what is at an address. [`clauses`] cuts a text that is still being written into pieces that
//! can be spoken; [`png`] writes into a picture how it was made; `calls` is what interfaces with tools have in common.
//!
//! What must not live here: engines and models (they are the service's), and what a realm or a broker knows.

pub mod anthropic;
pub mod attach;
pub mod automatic1111;
mod calls;
pub mod clauses;
pub mod comfyui;
pub mod defaults;
pub mod discover;
pub mod fault;
mod heard;
pub mod http;
pub mod huggingface;
pub mod mcp;
pub mod offered;
pub mod openai;
mod pictures;
mod plain;
pub mod png;
pub mod probe;
pub mod service;
mod sse;
mod waveform;
pub mod wyoming;

pub use attach::attach;
pub use fault::{Fault, RunError};
pub use offered::{Asked, Found, Offered};
pub use service::Service;
