//! `mtor-sandbox`: skills of strangers, a program of its own. Only wiring: what it does is the library of this crate.

mod cli;

use std::io::Write as _;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, bail};
use clap::Parser;
use mtor_sandbox::{Limits, LoadError, Sandbox, Skill, Visit, defaults};
use mtor_worker::program::{self, cancelled_by_signals};
use mtor_worker::{CancellationToken, KeyFile, Settings, WorkerError, serve};

use crate::cli::Options;

fn main() -> ExitCode {
    program::run("info", run(Options::parse()), is_bad_input)
}

/// From start to the end of the last job.
async fn run(options: Options) -> anyhow::Result<()> {
    let shutdown = cancelled_by_signals().context("no signals can be received")?;
    let skills = load(&options)?;
    if let (Some(arguments), Some(skill)) = (&options.once, skills.first()) {
        return try_once(skill.clone(), arguments, shutdown).await;
    }
    let key = KeyFile::load_or_create(&options.key).context("the worker's key")?;
    let mut settings = Settings::new(options.realm, Arc::new(key.into_keypair()));
    settings.software = concat!("mtor-sandbox/", env!("CARGO_PKG_VERSION")).to_owned();
    Ok(serve(Sandbox::new(options.name, skills, options.slots), settings, shutdown).await?)
}

/// All skills, and a line for each on what it may do.
fn load(options: &Options) -> anyhow::Result<Vec<Arc<Skill>>> {
    if options.skill.len() > defaults::SKILLS_MAX {
        bail!("one worker has at most {} skills", defaults::SKILLS_MAX);
    }
    let allowed = options.allowed();
    let mut skills: Vec<Arc<Skill>> = Vec::new();
    for path in &options.skill {
        let skill = Skill::open(path, &allowed, Limits::default())
            .with_context(|| format!("{} is no skill", path.display()))?;
        let tool = skill.manifest().tool();
        if skills.iter().any(|other| other.manifest().name == skill.manifest().name) {
            bail!("{}: there is another {tool} here already", path.display());
        }
        tracing::info!(tool, hosts = skill.manifest().hosts.join(", "), "loaded");
        for host in skill.denied() {
            tracing::warn!(tool, host, "it wants to ask this host and may not; --allow-host would let it");
        }
        skills.push(Arc::new(skill));
    }
    Ok(skills)
}

/// One answer, on standard output.
async fn try_once(skill: Arc<Skill>, arguments: &str, cancelled: CancellationToken) -> anyhow::Result<()> {
    let arguments = serde_json::from_str(arguments).context("--try wants a JSON object")?;
    let (pieces, mut written) = tokio::sync::mpsc::channel::<String>(defaults::PIECES_MAX);
    let tool = skill.manifest().tool();
    let say = async {
        let mut out = std::io::stdout();
        while let Some(piece) = written.recv().await {
            out.write_all(piece.as_bytes())?;
            out.flush()?;
        }
        writeln!(out)
    };
    let (done, said) = tokio::join!(skill.visit(Visit { arguments, pieces, cancelled }), say);
    said.context("writing the answer")?;
    done.with_context(|| format!("{tool} was stopped"))
}

/// Whether the user can mend it by asking for something else.
fn is_bad_input(error: &anyhow::Error) -> bool {
    error.is::<LoadError>()
        || matches!(error.downcast_ref(), Some(WorkerError::Address { .. } | WorkerError::Tls(_)))
}
