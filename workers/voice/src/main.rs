//! `mtor-voice`: the voice worker, a program of its own. Loads its voices, attaches to a realm, speaks.
//!
//! Only wiring: the engine is the library of this crate, the link to the realm is `mtor-worker`.

mod cli;
mod find_voice;
mod say;
mod worker;

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use clap::Parser;
use mtor_models::ModelError;
use mtor_voice::{Engine, EngineOptions, Failure, LoadError};
use mtor_worker::program::{self, cancelled_by_signals};
use mtor_worker::{CancellationToken, KeyFile, Settings, WorkerError, serve};

use crate::cli::{Command, Options, SayOptions, VoiceOptions, WorkOptions};
use crate::worker::VoiceWorker;

fn main() -> ExitCode {
    program::run("info", run(Options::parse()), is_bad_input)
}

/// From start to the end of the last job.
async fn run(options: Options) -> anyhow::Result<()> {
    let shutdown = cancelled_by_signals().context("no signals can be received")?;
    match &options.command {
        Some(Command::Say(say)) => {
            let voices = voices_for(say);
            let Some(engine) = shutdown.run_until_cancelled(load(&voices, &shutdown)).await else {
                return Ok(());
            };
            // A voice that was loaded for this is the first.
            let voice = say.voice.as_deref().filter(|_| voices.voices.is_empty());
            let engine = engine?;
            let said = shutdown.run_until_cancelled(say::say(&engine, say, voice)).await;
            said.unwrap_or_else(|| anyhow::bail!("stopped before the text was said"))
        }
        Some(Command::Voices(voices)) => {
            let Some(engine) = shutdown.run_until_cancelled(load(voices, &shutdown)).await else {
                return Ok(());
            };
            say::list(&engine?);
            Ok(())
        }
        None => work(options.work, shutdown).await,
    }
}

/// Speaks for a realm.
async fn work(options: WorkOptions, shutdown: CancellationToken) -> anyhow::Result<()> {
    let Some(loaded) = shutdown.run_until_cancelled(load(&options.voices, &shutdown)).await else {
        return Ok(());
    };
    let engine = Arc::new(loaded?);
    let key = KeyFile::load_or_create(&options.key).context("the worker's key")?;
    let worker = VoiceWorker::new(engine, &options.name, options.slots);
    let mut settings = Settings::new(options.realm, Arc::new(key.into_keypair()));
    settings.software = concat!("mtor-voice/", env!("CARGO_PKG_VERSION")).to_owned();
    Ok(serve(worker, settings, shutdown).await?)
}

/// What to load for one text: the voice asked for when it is a neural one; none when one of espeak-ng's is enough.
fn voices_for(say: &SayOptions) -> VoiceOptions {
    let named = say.voice.clone();
    let loaded = named.filter(|voice| find_voice::is_file(voice) || find_voice::is_in_catalogue(voice));
    let is_espeak = say.voice.as_deref().is_some_and(|voice| voice.starts_with("espeak-"));
    VoiceOptions { voices: loaded.into_iter().collect(), espeak_only: is_espeak, threads: say.threads }
}

/// Finds the voices and starts the engine with them.
async fn load(options: &VoiceOptions, cancel: &CancellationToken) -> anyhow::Result<Engine> {
    let voices = find_voice::paths(options, cancel).await?;
    let engine_options = EngineOptions { voices, threads: options.threads.map(usize::from) };
    let engine = tokio::task::spawn_blocking(move || Engine::start(&engine_options))
        .await
        .context("loading the voices")??;
    let voices = engine.voices();
    let neural: Vec<&str> =
        voices.iter().filter(|voice| voice.is_neural).map(|voice| voice.id.as_str()).collect();
    tracing::info!(
        "{} voices in {} languages; neural: {}",
        voices.len(),
        engine.languages().len(),
        neural.join(", ")
    );
    Ok(engine)
}

/// Whether the user can mend it by asking for something else.
fn is_bad_input(error: &anyhow::Error) -> bool {
    error.is::<LoadError>()
        || matches!(
            error.downcast_ref(),
            Some(Failure::UnknownVoice { .. } | Failure::UnknownLanguage { .. } | Failure::Speed(_))
        )
        || matches!(error.downcast_ref(), Some(ModelError::UnknownModel { .. }))
        || matches!(error.downcast_ref(), Some(WorkerError::Address { .. } | WorkerError::Tls(_)))
}
