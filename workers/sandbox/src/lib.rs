//! Skills of strangers: each is a WebAssembly module that an interpreter runs within [`Limits`], with a few calls to the
//! outside ([`abi`]) and a list of hosts that both its [`Manifest`] asks for and the person who attached it allowed.
//!
//! A module is given nothing but the arguments of one job: no file, no clock, no socket, and no memory of the job before. What
//! goes over a limit is stopped and named ([`Halt`]); jobs beside it don't notice.
//!
//! What must not live here: tools that are trusted (that is `mtor-skills`), and anything that knows who asks.

pub mod abi;
pub mod defaults;
mod halt;
mod host;
mod limits;
mod manifest;
mod module;
mod worker;

pub use halt::Halt;
pub use limits::Limits;
pub use manifest::{Allowed, Manifest, parse_host};
pub use module::{LoadError, Skill, Visit};
pub use worker::Sandbox;
