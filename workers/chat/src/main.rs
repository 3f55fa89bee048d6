//! `mtor-chat`: the chat worker, a program of its own. Loads a model, attaches to a realm, answers.
//!
//! Only wiring: the engine is the library of this crate, the link to the realm is `mtor-worker`.

mod cli;
mod find_model;
mod worker;

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use clap::Parser;
use mtor_chat::{Engine, EngineOptions, LoadError};
use mtor_models::ModelError;
use mtor_worker::program::{self, cancelled_by_signals};
use mtor_worker::{CancellationToken, KeyFile, Settings, WorkerError, serve};

use crate::cli::Options;
use crate::worker::ChatWorker;

/// What is logged unless `$MTOR_LOG` says otherwise: of llama.cpp's own many lines only errors.
const LOGGED: &str = "info,llama-cpp-2=error";

fn main() -> ExitCode {
    program::run(LOGGED, run(Options::parse()), is_bad_input)
}

/// From start to the end of the last job.
async fn run(options: Options) -> anyhow::Result<()> {
    let shutdown = cancelled_by_signals().context("no signals can be received")?;
    let Some(loaded) = shutdown.run_until_cancelled(load(&options, &shutdown)).await else { return Ok(()) };
    let engine = Arc::new(loaded?);
    let key = KeyFile::load_or_create(&options.key).context("the worker's key")?;

    let worker = ChatWorker::new(Arc::clone(&engine), &options);
    let mut settings = Settings::new(options.realm, Arc::new(key.into_keypair()));
    settings.software = concat!("mtor-chat/", env!("CARGO_PKG_VERSION")).to_owned();
    tokio::select! {
        served = serve(worker, settings, shutdown) => Ok(served?),
        () = engine.ended() => anyhow::bail!("the engine has ended by itself; its last lines say why"),
    }
}

/// Finds the model and starts the engine with it.
async fn load(options: &Options, cancel: &CancellationToken) -> anyhow::Result<Engine> {
    let path = find_model::path(options, cancel).await?;
    let engine_options = EngineOptions {
        model: path,
        slots: options.slots,
        window: options.context,
        threads: options.threads.map(usize::from),
    };
    let engine = tokio::task::spawn_blocking(move || Engine::start(&engine_options))
        .await
        .context("loading the model")??;
    let (facts, speed) = (engine.facts(), engine.speed());
    tracing::info!(
        model = facts.name,
        window = facts.window,
        slots = facts.slots,
        "loaded; {:.0} tokens/s written, {:.0} read",
        speed.writing,
        speed.reading
    );
    if facts.template_is_fallback {
        tracing::warn!(
            "the model brings no chat template; it is talked to in ChatML, which it may not understand"
        );
    }
    Ok(engine)
}

/// Whether the user can mend it by asking for something else.
fn is_bad_input(error: &anyhow::Error) -> bool {
    error.is::<LoadError>()
        || matches!(error.downcast_ref(), Some(ModelError::UnknownModel { .. }))
        || matches!(error.downcast_ref(), Some(WorkerError::Address { .. } | WorkerError::Tls(_)))
}
