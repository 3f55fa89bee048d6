//! `mtor-embed`: the embed worker, a program of its own. Loads a model, attaches to a realm, turns texts into vectors; or
//! measures how well the realm understands people with them.
//!
//! Only wiring: the engine is the library of this crate, the link to the realm is `mtor-worker`.

mod cli;
mod find_model;
mod worker;

use std::num::NonZeroUsize;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use clap::Parser;
use mtor_embed::evaluate::{self, Report};
use mtor_embed::{Engine, LoadError};
use mtor_models::ModelError;
use mtor_worker::program::{self, cancelled_by_signals};
use mtor_worker::{CancellationToken, KeyFile, Settings, WorkerError, serve};

use crate::cli::{Command, EvaluateOptions, ModelOptions, Options};
use crate::worker::EmbedWorker;

fn main() -> ExitCode {
    program::run("info", run(Options::parse()), is_bad_input)
}

/// From start to the end of the last job, or of the measuring.
async fn run(options: Options) -> anyhow::Result<()> {
    let shutdown = cancelled_by_signals().context("no signals can be received")?;
    match &options.command {
        Some(Command::Evaluate(evaluate)) => {
            shutdown.run_until_cancelled(measure(evaluate, &shutdown)).await.unwrap_or(Ok(()))
        }
        None => work(options, shutdown).await,
    }
}

/// Attaches to the realm and works for it.
async fn work(options: Options, shutdown: CancellationToken) -> anyhow::Result<()> {
    let slots = NonZeroUsize::new(options.slots as usize).unwrap_or(NonZeroUsize::MIN);
    let Some(loaded) = shutdown.run_until_cancelled(load(&options.model, slots, &shutdown)).await else {
        return Ok(());
    };
    let engine = Arc::new(loaded?);
    tracing::info!(
        size = engine.size(),
        slots = options.slots,
        "loaded; {:.0} word pieces/s",
        engine.pieces_per_s()
    );
    let key = KeyFile::load_or_create(&options.key).context("the worker's key")?;
    let worker = EmbedWorker::new(engine, &options);
    let mut settings = Settings::new(options.realm, Arc::new(key.into_keypair()));
    settings.software = concat!("mtor-embed/", env!("CARGO_PKG_VERSION")).to_owned();
    Ok(serve(worker, settings, shutdown).await?)
}

/// Runs the evaluation set and prints what came of it.
async fn measure(options: &EvaluateOptions, shutdown: &CancellationToken) -> anyhow::Result<()> {
    let engine = load(&options.model, NonZeroUsize::MIN, shutdown).await?;
    let (half, cancelled) = (options.half, shutdown.clone());
    let report: Report =
        tokio::task::spawn_blocking(move || evaluate::run(&engine, half, &|| cancelled.is_cancelled()))
            .await
            .context("measuring")??;
    if options.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        print!("{report}");
    }
    if options.misses && !options.json {
        print!("{}", report.misses());
    }
    Ok(())
}

/// Finds the model and starts the engine with it.
async fn load(
    options: &ModelOptions,
    at_once: NonZeroUsize,
    cancel: &CancellationToken,
) -> anyhow::Result<Engine> {
    let options = find_model::engine_options(options, at_once, cancel).await?;
    let engine = tokio::task::spawn_blocking(move || Engine::start(&options)).await;
    Ok(engine.context("loading the model")??)
}

/// Whether the user can mend it by asking for something else.
fn is_bad_input(error: &anyhow::Error) -> bool {
    error.is::<LoadError>()
        || matches!(error.downcast_ref(), Some(ModelError::UnknownModel { .. }))
        || matches!(error.downcast_ref(), Some(WorkerError::Address { .. } | WorkerError::Tls(_)))
}
