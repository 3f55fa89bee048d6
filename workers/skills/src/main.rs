//! `mtor-skills`: the skills worker, a program of its own. Only wiring: what it does is the library of this crate.

mod cli;

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use clap::Parser;
use mtor_skills::settings::{SettingsError, SkillsFile};
use mtor_skills::{Skill, Skills};
use mtor_worker::program::{self, cancelled_by_signals};
use mtor_worker::{KeyFile, Settings, WorkerError, serve};

use crate::cli::Options;

fn main() -> ExitCode {
    program::run("info", run(Options::parse()), is_bad_input)
}

/// From start to the end of the last job.
async fn run(options: Options) -> anyhow::Result<()> {
    let shutdown = cancelled_by_signals().context("no signals can be received")?;
    let file = SkillsFile::read(&options.data.join("skills.toml"))?;
    let skills = file.skills(&options.data, shutdown.clone())?;
    if options.check {
        return check(&skills).await;
    }
    let worker = Skills::new(options.name, skills);
    tracing::info!(skills = worker.names().join(", "), "set up");
    let key = KeyFile::load_or_create(&options.key).context("the worker's key")?;
    let mut settings = Settings::new(options.realm, Arc::new(key.into_keypair()));
    settings.software = concat!("mtor-skills/", env!("CARGO_PKG_VERSION")).to_owned();
    Ok(serve(worker, settings, shutdown).await?)
}

/// Opens every account, and says what came of it.
async fn check(skills: &[Box<dyn Skill>]) -> anyhow::Result<()> {
    let mut failed = Vec::new();
    for skill in skills {
        match skill.check().await {
            Ok(Some(good)) => println!("{}: {good}", skill.name()),
            Ok(None) => {}
            Err(error) => failed.push(format!("{}: {error}", skill.name())),
        }
    }
    anyhow::ensure!(failed.is_empty(), "{}", failed.join("; "));
    println!("all that is set up can be used");
    Ok(())
}

/// Whether the user can mend it by asking for something else.
fn is_bad_input(error: &anyhow::Error) -> bool {
    error.is::<SettingsError>()
        || matches!(error.downcast_ref(), Some(WorkerError::Address { .. } | WorkerError::Tls(_)))
}
