//! `mtor-gateway`: attaches services that speak another protocol to a realm. Only wiring: what it does is the library of
//! this crate.

mod cli;

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use clap::Parser;
use mtor_gateway::wyoming::{Service, attach};
use mtor_worker::program::{cancelled_by_signals, log_to_stderr};
use mtor_worker::{KeyFile, Settings, WorkerError};

use crate::cli::{Options, ServiceKind, WyomingOptions};

fn main() -> ExitCode {
    let ServiceKind::Wyoming(options) = Options::parse().service;
    log_to_stderr("info");
    let outcome = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("no async runtime")
        .and_then(|runtime| runtime.block_on(run(options)));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(if is_bad_input(&error) { 2 } else { 1 })
        }
    }
}

/// From start to the end of the last job.
async fn run(options: WyomingOptions) -> anyhow::Result<()> {
    let shutdown = cancelled_by_signals().context("no signals can be received")?;
    let key = KeyFile::load_or_create(&options.key).context("the worker's key")?;
    let mut settings = Settings::new(options.realm, Arc::new(key.into_keypair()));
    settings.software = concat!("mtor-gateway/", env!("CARGO_PKG_VERSION")).to_owned();
    let service = Service::new(options.address);
    Ok(attach(service, &options.name, options.slots, settings, shutdown).await?)
}

/// Whether the user can mend it by asking for something else.
fn is_bad_input(error: &anyhow::Error) -> bool {
    matches!(
        error.downcast_ref(),
        Some(WorkerError::Address { .. } | WorkerError::Tls(_) | WorkerError::Announcement(_))
    )
}
