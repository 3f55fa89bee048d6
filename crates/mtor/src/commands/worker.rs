//! `mtor worker`: starts the program of a worker kind and attaches it to a realm.

use std::ffi::OsString;
use std::process::Command;

use anyhow::Context as _;
use clap::Args;
use mtor_models::{Catalogue, Store};

use crate::client::RealmArg;
use crate::data::DataArg;
use crate::exit::Fault;

mod program;

pub(crate) use program::{Kind, find_program};

const EXAMPLES: &str = "\
Examples:
  mtor worker chat                                     with the default model, for the realm on this machine
  mtor worker chat --realm http://attic:9000           for another realm
  mtor worker chat -- --model my-model.gguf --slots 2  options after -- go to the worker itself
  mtor worker chat -- --help                           what those are

Kinds: chat (writes the next message of a conversation, with any GGUF model).

The worker's key is workers/KIND.key in the data folder: it names the worker, and what it earns is paid to it.";

/// Attaches a worker to a realm. It runs until Ctrl-C, which lets its jobs finish first.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct WorkerArgs {
    /// What kind of worker
    #[arg(value_parser = Kind::parse)]
    kind: Kind,
    #[command(flatten)]
    realm: RealmArg,
    #[command(flatten)]
    data: DataArg,
    /// Options for the worker itself
    #[arg(last = true, value_name = "WORKER OPTIONS")]
    options: Vec<OsString>,
}

/// Becomes the worker.
pub(crate) fn run(args: WorkerArgs) -> anyhow::Result<()> {
    let program = find_program(args.kind)?;
    let mut command = Command::new(&program);
    let asks_for_help = args.options.iter().any(|option| option == "--help" || option == "-h" || option == "--version");
    if !asks_for_help {
        let key = args.data.folder()?.worker_key(args.kind.name());
        command.arg("--realm").arg(args.realm.realm.to_string()).arg("--key").arg(key);
        if !args.options.iter().any(|option| option.to_string_lossy().starts_with("--model")) {
            command.args(default_model(args.kind)?);
        }
    }
    command.args(&args.options);
    become_it(command).with_context(|| format!("starting {}", program.display()))
}

/// The model to run when none is named: the catalogue's first choice, if it is here.
fn default_model(kind: Kind) -> anyhow::Result<Vec<OsString>> {
    let catalogue = Catalogue::builtin();
    let model = catalogue.for_capability(kind.name()).next().context("the catalogue has no model for it")?;
    let path = Store::open_default()?.path_if_present(model).ok_or_else(|| {
        Fault::Usage(format!(
            "the model {} is not on this machine; fetch it with `mtor model fetch {}`, or name a file with `-- --model FILE.gguf`",
            model.name, model.id
        ))
    })?;
    Ok(vec!["--model".into(), path.into(), "--model-id".into(), model.id.clone().into()])
}

/// Where the system can, this process becomes the worker: signals and exit code are then its own.
#[cfg(unix)]
fn become_it(mut command: Command) -> anyhow::Result<()> {
    use std::os::unix::process::CommandExt as _;
    Err(command.exec().into())
}

#[cfg(not(unix))]
fn become_it(mut command: Command) -> anyhow::Result<()> {
    let status = command.status()?;
    std::process::exit(status.code().unwrap_or(1))
}
