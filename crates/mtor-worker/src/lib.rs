#![doc = include_str!("../README.md")]
//!
//! # What lives where
//!
//! [`Worker`] is the trait to implement, [`Job`] (with its [`Input`]) and [`Output`] are what a job is given, [`Finished`] and [`JobError`] how
//! it ends. [`serve()`] attaches a worker to the realm that its [`Settings`] name. All numbers stand in [`defaults`].
//!
//! With the feature `program` there is [`program`], for workers that are programs of their own.
//!
//! What must not live here: models and engines, command lines, files, and anything of the broker's.

mod address;
mod backoff;
mod clock;
pub mod defaults;
mod error;
mod input;
mod jobs;
mod link;
mod output;
#[cfg(feature = "program")]
pub mod program;
mod serve;
mod session;
mod settings;
mod task;
mod worker;

pub use mtor_identity::{KeyFile, Keypair, PublicKey};
pub use mtor_protocol as protocol;
pub use tokio_util::sync::CancellationToken;

pub use error::WorkerError;
pub use input::Input;
pub use output::Output;
pub use serve::serve;
pub use settings::{Handle, Settings};
pub use worker::{Finished, Job, JobError, Stopped, Worker};
