//! `mtor-eyes`: the eyes of a realm, a program of its own. Loads its models, attaches to a realm, looks; or looks at one
//! picture right here.
//!
//! Only wiring: the eyes are the library of this crate, the link to the realm is `mtor-worker`.

mod cli;
mod find_models;
mod wire;
mod worker;

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use clap::Parser;
use mtor_eyes::{Eyes, LoadError, Looking, Picture, describe};
use mtor_worker::program::{self, cancelled_by_signals};
use mtor_worker::{CancellationToken, KeyFile, Settings, WorkerError, serve};

use crate::cli::{Command, LookOptions, MachineOptions, Options};
use crate::worker::EyesWorker;

fn main() -> ExitCode {
    program::run("info", run(Options::parse()), is_bad_input)
}

async fn run(options: Options) -> anyhow::Result<()> {
    let shutdown = cancelled_by_signals().context("no signals can be received")?;
    match &options.command {
        Some(Command::Look(look)) => {
            shutdown.run_until_cancelled(look_here(look, &shutdown)).await.unwrap_or(Ok(()))
        }
        None => work(options, shutdown).await,
    }
}

/// From start to the end of the last job.
async fn work(options: Options, shutdown: CancellationToken) -> anyhow::Result<()> {
    let Some(eyes) = shutdown.run_until_cancelled(open(&options.machine, &shutdown)).await else {
        return Ok(());
    };
    let eyes = Arc::new(eyes?);
    tracing::info!("loaded");
    let key = KeyFile::load_or_create(&options.key).context("the worker's key")?;
    let worker = EyesWorker::new(eyes, &options);
    let mut settings = Settings::new(options.realm, Arc::new(key.into_keypair()));
    settings.software = concat!("mtor-eyes/", env!("CARGO_PKG_VERSION")).to_owned();
    Ok(serve(worker, settings, shutdown).await?)
}

/// Looks at one picture, without any realm.
async fn look_here(options: &LookOptions, cancel: &CancellationToken) -> anyhow::Result<()> {
    let bytes = std::fs::read(&options.picture).with_context(|| options.picture.display().to_string())?;
    let eyes = open(&options.machine, cancel).await?;
    let cancelled = cancel.clone();
    let sight = tokio::task::spawn_blocking(move || {
        let picture = Picture::open(&bytes)?;
        eyes.look(&picture, Looking::ForAll, &|| cancelled.is_cancelled())
    });
    let sight = sight.await.context("looking")??;
    if options.json {
        println!("{}", serde_json::to_string_pretty(&wire::seen(&sight))?);
    } else {
        println!("{}", describe::answer(&options.question, std::slice::from_ref(&sight)));
    }
    Ok(())
}

async fn open(machine: &MachineOptions, cancel: &CancellationToken) -> anyhow::Result<Eyes> {
    let options = find_models::eyes_options(machine, cancel).await?;
    Ok(tokio::task::spawn_blocking(move || Eyes::open(&options)).await.context("loading the models")??)
}

/// Whether the user can mend it by asking for something else.
fn is_bad_input(error: &anyhow::Error) -> bool {
    error.is::<LoadError>()
        || matches!(error.downcast_ref(), Some(WorkerError::Address { .. } | WorkerError::Tls(_)))
}
