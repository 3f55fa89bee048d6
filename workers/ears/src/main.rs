//! `mtor-ears`: the ears of a realm, a program of its own. Loads a model, attaches to a realm, hears.
//!
//! Only wiring: the engine is the library of this crate, the link to the realm is `mtor-worker`.

mod cli;
mod find_model;
mod measure;
mod worker;

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use clap::Parser;
use mtor_ears::wer::FolderError;
use mtor_ears::{Engine, EngineOptions, LoadError, WakeOptions, WakeWord};
use mtor_models::ModelError;
use mtor_worker::program::{self, cancelled_by_signals, physical_cores};
use mtor_worker::{CancellationToken, KeyFile, Settings, WorkerError, serve};

use crate::cli::{Command, EngineFlags, Options, WerOptions, WorkOptions};
use crate::worker::EarsWorker;

/// What is logged unless `$MTOR_LOG` says otherwise: of whisper.cpp's own many lines only errors.
const LOGGED: &str = "info,whisper_rs=error,symphonia=error,symphonia_core=error";

fn main() -> ExitCode {
    program::run(LOGGED, run(Options::parse()), is_bad_input)
}

async fn run(options: Options) -> anyhow::Result<()> {
    let shutdown = cancelled_by_signals().context("no signals can be received")?;
    match options.command {
        Some(Command::Wer(wer)) => {
            shutdown.run_until_cancelled(measure(&wer, &shutdown)).await.unwrap_or(Ok(()))
        }
        None => work(options.work, shutdown).await,
    }
}

/// From start to the end of the last job.
async fn work(options: WorkOptions, shutdown: CancellationToken) -> anyhow::Result<()> {
    let Some(loaded) = shutdown.run_until_cancelled(load(&options.engine, &shutdown)).await else {
        return Ok(());
    };
    let (engine, model) = loaded?;
    let engine = Arc::new(engine);
    let Some(wake_word) = shutdown.run_until_cancelled(load_wake_word(&options, &engine, &shutdown)).await
    else {
        return Ok(());
    };
    let wake_word = wake_word?;
    let key = KeyFile::load_or_create(&options.key).context("the worker's key")?;

    let worker = EarsWorker::new(Arc::clone(&engine), &model, wake_word, &options);
    let mut settings = Settings::new(options.realm, Arc::new(key.into_keypair()));
    settings.software = concat!("mtor-ears/", env!("CARGO_PKG_VERSION")).to_owned();
    tokio::select! {
        served = serve(worker, settings, shutdown) => Ok(served?),
        () = engine.ended() => anyhow::bail!("the engine has ended by itself; its last lines say why"),
    }
}

async fn measure(options: &WerOptions, cancel: &CancellationToken) -> anyhow::Result<()> {
    let (engine, name) = load(&options.engine, cancel).await?;
    measure::run(Arc::new(engine), &name, thread_count(&options.engine), options).await
}

/// Finds the models and starts the engine with them.
async fn load(flags: &EngineFlags, cancel: &CancellationToken) -> anyhow::Result<(Engine, String)> {
    let found = find_model::find(flags, cancel).await?;
    let options = EngineOptions {
        model: found.model,
        voice_activity: found.voice_activity,
        threads: thread_count(flags),
        language: flags.language.clone(),
    };
    let engine =
        tokio::task::spawn_blocking(move || Engine::start(&options)).await.context("loading the model")??;
    tracing::info!(model = found.name, languages = engine.languages().len(), "loaded");
    Ok((engine, found.name))
}

/// The wake word, if one is to be listened for. A network that can't be fetched is no reason to hear nothing at all.
async fn load_wake_word(
    options: &WorkOptions,
    engine: &Arc<Engine>,
    cancel: &CancellationToken,
) -> anyhow::Result<Option<WakeWord>> {
    if options.wake_slots == 0 {
        return Ok(None);
    }
    let embedding = match &options.wake_embedding {
        Some(path) => path.clone(),
        None => match find_model::find_wake_embedding(cancel).await {
            Ok(path) => path,
            Err(error) => {
                tracing::warn!("no wake word is listened for: {error}");
                return Ok(None);
            }
        },
    };
    let wake = WakeOptions { embedding, head: options.wake_word.clone() };
    let engine = Arc::clone(engine);
    let loaded = tokio::task::spawn_blocking(move || WakeWord::load(&wake, &engine)).await;
    Ok(Some(loaded.context("loading the wake word")??))
}

fn thread_count(flags: &EngineFlags) -> usize {
    flags.threads.map_or_else(physical_cores, usize::from)
}

/// Whether the user can mend it by asking for something else.
fn is_bad_input(error: &anyhow::Error) -> bool {
    error.is::<LoadError>()
        || error.is::<FolderError>()
        || matches!(error.downcast_ref(), Some(ModelError::UnknownModel { .. }))
        || matches!(error.downcast_ref(), Some(WorkerError::Address { .. } | WorkerError::Tls(_)))
}
