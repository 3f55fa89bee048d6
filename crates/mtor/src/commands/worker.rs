//! `mtor worker`: starts the program of a worker kind and attaches it to a realm, or lists those that are there.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Context as _;
use clap::Args;
use mtor_models::{CancellationToken, Catalogue, Model, Store};

use crate::client::RealmArg;
use crate::commands::model::{self, Bar};
use crate::data::DataArg;
use crate::signals::Interrupts;

mod attach;
mod list;
mod new;
mod program;

use list::ListArgs;
pub(crate) use program::{Kind, find_program};

const EXAMPLES: &str = "\
Examples:
  mtor worker chat                                     with the default model, for the realm on this machine
  mtor worker chat --realm http://attic:9000           for another realm
  mtor worker chat -- --model my-model.gguf --slots 2  options after -- go to the worker itself
  mtor worker chat -- --help                           what those are
  mtor worker ears                                     writes down what is said
  mtor worker eyes                                     sees what is in pictures
  mtor worker voice -- --voice my-voice.onnx           speaks, with a voice of your own
  mtor worker skills                                   timers, weather, news and more, as skills.toml says
  mtor worker new lamp --lang python                   begins a worker of your own
  mtor worker gateway -- wyoming tcp://attic:10300     attaches a voice service that runs elsewhere
  mtor worker gateway -- openai http://127.0.0.1:11434 attaches Ollama; `mtor worker gateway -- --help` lists the rest
  mtor worker sandbox -- --skill dice.wasm             a stranger's skill, that reaches nothing but what you allow
  mtor worker discover                                 says which services on this machine could be attached
  mtor worker attach http://127.0.0.1:11434            attaches what is there, for as long as the realm lives
  mtor worker list                                     who works for the realm

Kinds: chat (writes the next message of a conversation, with any GGUF model), ears (speech to text), voice (text to
speech), embed (texts to vectors), eyes (what is in pictures), skills (timers, weather, news, web pages, the house),
gateway (services that run elsewhere), sandbox (skills of strangers, as WebAssembly modules).

The worker's key is workers/KIND.key in the data folder: it names the worker, and what it earns is paid to it.";

/// Attaches a worker to a realm. It runs until Ctrl-C, which lets its jobs finish first.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, subcommand_negates_reqs = true)]
pub(crate) struct WorkerArgs {
    #[command(subcommand)]
    command: Option<WorkerCommand>,
    /// What kind of worker
    #[arg(value_parser = Kind::parse, required = true)]
    kind: Option<Kind>,
    #[command(flatten)]
    realm: RealmArg,
    #[command(flatten)]
    data: DataArg,
    /// Options for the worker itself
    #[arg(last = true, value_name = "WORKER OPTIONS")]
    options: Vec<OsString>,
}

/// What else can be done about workers.
#[derive(Debug, clap::Subcommand)]
enum WorkerCommand {
    /// Who works for a realm, at what, how fast and for how much
    List(ListArgs),
    /// Begin a worker of your own, that runs
    New(new::NewArgs),
    /// Attach a service by its address, for good: the realm keeps a gateway running for it
    Attach(attach::AttachArgs),
    /// Detach a service that was attached by its address
    Detach(attach::DetachArgs),
    /// Which services on this machine could be attached
    Discover(DiscoverArgs),
}

/// How to look for services.
#[derive(Debug, Args)]
pub(crate) struct DiscoverArgs {
    /// Attach what is found, until Ctrl-C
    #[arg(long)]
    attach: bool,
}

/// What `mtor worker` was asked for.
pub(crate) enum Asked {
    /// What is no worker: it has been done.
    Done,
    /// To become this worker.
    Worker(Command),
}

impl WorkerArgs {
    /// Shows the workers, begins one, or says which program this one is.
    ///
    /// # Errors
    /// When the realm does not answer; else as [`command`](Self::command).
    pub(crate) async fn asked(&self) -> anyhow::Result<Asked> {
        match (&self.command, self.kind) {
            (None, Some(kind)) => self.command(kind).await.map(Asked::Worker),
            (Some(WorkerCommand::List(args)), _) => list::run(args, &self.realm).await.map(|()| Asked::Done),
            (Some(WorkerCommand::New(args)), _) => new::run(args).map(|()| Asked::Done),
            (Some(WorkerCommand::Attach(args)), _) => {
                attach::attach(args, &self.realm).await.map(|()| Asked::Done)
            }
            (Some(WorkerCommand::Detach(args)), _) => {
                attach::detach(args, &self.realm).await.map(|()| Asked::Done)
            }
            (Some(WorkerCommand::Discover(args)), _) => self.discover(args.attach).map(Asked::Worker),
            (None, None) => anyhow::bail!("which kind of worker? See mtor worker --help"),
        }
    }

    /// The command that is the worker, once what it needs is here.
    ///
    /// # Errors
    /// When its program is not installed, or its model can't be fetched.
    async fn command(&self, kind: Kind) -> anyhow::Result<Command> {
        let mut command = Command::new(find_program(kind)?);
        let given = |names: &[&str]| {
            self.options.iter().filter_map(|option| option.to_str()).any(|option| names.contains(&option))
        };
        if !given(&["--help", "-h", "--version", "-V"]) {
            let folder = self.data.folder()?;
            let key = folder.worker_key(kind.name());
            let mut options = self.options.as_slice();
            if let (Kind::Gateway, Some((what, rest))) = (kind, options.split_first()) {
                // What it attaches comes first. What comes last may be a program with options of its own.
                command.arg(what);
                options = rest;
            }
            command.arg("--realm").arg(self.realm.realm.to_string()).arg("--key").arg(key);
            command.args(kind.folder_option(&folder));
            let own_model = ["--model", "--voice", "--espeak-only"];
            let is_own =
                |option: &OsString| own_model.iter().any(|own| option.to_string_lossy().starts_with(own));
            if !self.options.iter().any(is_own) {
                command.args(first_choice(kind).await?);
            }
            command.args(options);
            return Ok(command);
        }
        command.args(&self.options);
        Ok(command)
    }

    /// The command that looks for services on this machine.
    fn discover(&self, attach: bool) -> anyhow::Result<Command> {
        let mut command = Command::new(find_program(Kind::Gateway)?);
        command.arg("discover");
        if attach {
            command.arg("--attach");
        }
        let key = self.data.folder()?.worker_key(Kind::Gateway.name());
        command.arg("--realm").arg(self.realm.realm.to_string()).arg("--key").arg(key);
        Ok(command)
    }
}

/// The catalogue's first choice for a kind, fetched if need be, and the options that name it.
async fn first_choice(kind: Kind) -> anyhow::Result<Vec<OsString>> {
    let interrupts = Interrupts::listen()?;
    let fetched = fetch_needs(kind, &interrupts.first).await?;
    Ok(match (kind, fetched.first()) {
        (Kind::Chat, Some((model, path))) => {
            vec!["--model".into(), path.into(), "--model-id".into(), model.id.clone().into()]
        }
        // The others look into the same cache by themselves.
        _ => Vec::new(),
    })
}

/// Fetches what a kind needs of the catalogue, with a bar for each file that is not here.
///
/// # Errors
/// When one can't be had.
pub(crate) async fn fetch_needs(
    kind: Kind,
    cancel: &CancellationToken,
) -> anyhow::Result<Vec<(Model, PathBuf)>> {
    let catalogue = Catalogue::builtin();
    let store = Store::open_default()?;
    let mut fetched = Vec::new();
    for need in kind.needs() {
        let model = catalogue.for_capability(need).next().context("the catalogue has no model for it")?;
        let path = model::fetch(&store, model, &Bar::new(&model.name), cancel).await?;
        fetched.push((model.clone(), path));
    }
    Ok(fetched)
}

/// Becomes the worker.
///
/// # Errors
/// When its program can't be started.
pub(crate) fn run(command: Command) -> anyhow::Result<()> {
    let program = command.get_program().to_owned();
    become_it(command).with_context(|| format!("starting {}", program.display()))
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
