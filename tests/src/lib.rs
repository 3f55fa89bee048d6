//! What the end-to-end tests stand on: a realm in a process of its own, clients that speak to it as anybody's would,
//! and workers that do as the test says.
//!
//! [`Realm`] starts the real `mtor` on a folder and a port of its own and ends it with the test; [`Client`] speaks HTTP
//! (signed, with an API key, or as the owner), [`Session`] a WebSocket, [`EventStream`] server-sent events; [`Reader`]
//! puts an answer together by the rules of the wire; [`ScriptedWorker`] answers what the question asks it to, as fast as
//! the test lets it; [`scenario`] runs a browser, [`clients`] the clients that others wrote; [`sound`] is what they say and hear.
//!
//! A helper panics when what it waits for does not come: it runs in tests only. Nothing sleeps for a fixed time; every
//! wait is for something, with a deadline ([`defaults`]).
//!
//! What must not live here: the tests themselves (`tests/e2e`), and anything that reaches into the realm past its
//! interfaces.
#![allow(clippy::unwrap_used, reason = "a test ends at the first thing that is not as it should be")]

mod client;
pub mod clients;
mod deadline;
pub mod defaults;
mod process;
mod programs;
mod reader;
mod realm;
pub mod scenario;
mod session;
pub mod sound;
mod sse;
mod worker;

pub use client::{Client, Reply, Who, question};
pub use deadline::{until, within};
pub use process::{Process, interrupt};
pub use programs::{chat_worker, mtor, test_model, workspace};
pub use reader::Reader;
pub use realm::{Realm, RealmOptions, free_port};
pub use session::{Session, Socket};
pub use sse::EventStream;
pub use worker::{Board, ScriptedWorker, WorkerOptions};
