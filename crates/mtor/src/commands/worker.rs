//! `mtor worker`: starts the program of a worker kind and attaches it to a realm.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Context as _;
use clap::Args;
use mtor_models::{CancellationToken, Catalogue, Model, Store};

use crate::client::RealmArg;
use crate::commands::model::{self, Bar};
use crate::data::DataArg;
use crate::exit::Fault;
use crate::signals::Interrupts;

mod program;

pub(crate) use program::{Kind, find_program};

const EXAMPLES: &str = "\
Examples:
  mtor worker chat                                     with the default model, for the realm on this machine
  mtor worker chat --realm http://attic:9000           for another realm
  mtor worker chat -- --model my-model.gguf --slots 2  options after -- go to the worker itself
  mtor worker chat -- --help                           what those are
  mtor worker ears                                     writes down what is said
  mtor worker voice -- --voice my-voice.onnx           speaks, with a voice of your own
  mtor worker gateway -- wyoming tcp://attic:10300     attaches a voice service that runs elsewhere
  mtor worker gateway -- openai http://127.0.0.1:11434 attaches Ollama; `mtor worker gateway -- --help` lists the rest
  mtor worker discover                                 says which services on this machine could be attached
  mtor worker discover --attach                        attaches them

Kinds: chat (writes the next message of a conversation, with any GGUF model), ears (speech to text), voice (text to
speech), embed (texts to vectors), gateway (services that run elsewhere).

The worker's key is workers/KIND.key in the data folder: it names the worker, and what it earns is paid to it.";

/// Attaches a worker to a realm. It runs until Ctrl-C, which lets its jobs finish first.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct WorkerArgs {
    /// What kind of worker, or `discover` to look for services on this machine that could be attached
    #[arg(value_parser = Wanted::parse)]
    kind: Wanted,
    /// With `discover`: attach what is found
    #[arg(long)]
    attach: bool,
    #[command(flatten)]
    realm: RealmArg,
    #[command(flatten)]
    data: DataArg,
    /// Options for the worker itself
    #[arg(last = true, value_name = "WORKER OPTIONS")]
    options: Vec<OsString>,
}

impl WorkerArgs {
    /// The command that is the worker, once what it needs is here.
    ///
    /// # Errors
    /// When its program is not installed, or its model can't be fetched.
    pub(crate) async fn command(&self) -> anyhow::Result<Command> {
        let kind = match self.kind {
            Wanted::Kind(_) if self.attach => {
                return Err(Fault::Usage("--attach goes with `mtor worker discover`".to_owned()).into());
            }
            Wanted::Kind(kind) => kind,
            Wanted::Discover => return self.discover(),
        };
        let mut command = Command::new(find_program(kind)?);
        let given = |names: &[&str]| {
            self.options.iter().filter_map(|option| option.to_str()).any(|option| names.contains(&option))
        };
        if !given(&["--help", "-h", "--version", "-V"]) {
            let key = self.data.folder()?.worker_key(kind.name());
            let mut options = self.options.as_slice();
            if let (Kind::Gateway, Some((what, rest))) = (kind, options.split_first()) {
                // What it attaches comes first. What comes last may be a program with options of its own.
                command.arg(what);
                options = rest;
            }
            command.arg("--realm").arg(self.realm.realm.to_string()).arg("--key").arg(key);
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
    fn discover(&self) -> anyhow::Result<Command> {
        let mut command = Command::new(find_program(Kind::Gateway)?);
        command.arg("discover");
        if self.attach {
            command.arg("--attach");
        }
        let key = self.data.folder()?.worker_key(Kind::Gateway.name());
        command.arg("--realm").arg(self.realm.realm.to_string()).arg("--key").arg(key).args(&self.options);
        Ok(command)
    }
}

/// What is asked for on the command line.
#[derive(Debug, Clone, Copy)]
enum Wanted {
    /// A worker of this kind.
    Kind(Kind),
    /// What could be attached.
    Discover,
}

impl Wanted {
    fn parse(text: &str) -> Result<Self, String> {
        if text == "discover" { Ok(Self::Discover) } else { Kind::parse(text).map(Self::Kind) }
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
