//! `mtor model`: the model files that workers run.

use clap::{Args, Subcommand};
use mtor_models::{CancellationToken, Catalogue, Model, ModelError, Store, gguf, human_bytes};

use crate::exit::Fault;
use crate::signals::Interrupts;
use crate::terminal::{self, Align};

mod progress;

pub(crate) use progress::Bar;

const EXAMPLES: &str = "\
Examples:
  mtor model list
  mtor model fetch chat-default
  mtor model verify

Models are kept in $MTOR_MODELS, else in the platform's cache folder. A folder of model files for machines
without a network is named by $MTOR_MODELS_DIR.";

/// Lists, fetches and verifies the models of the catalogue. Each is pinned by its SHA-256.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ModelArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Show the catalogue, and what of it is here
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Download a model, or go on with a download that was interrupted; prints its path
    Fetch {
        /// The model's id, as `mtor model list` shows it
        id: String,
    },
    /// Hash the models that are here and compare
    Verify {
        /// The model's id [default: every model that is here]
        id: Option<String>,
    },
}

/// Does it.
pub(crate) async fn run(args: ModelArgs) -> anyhow::Result<()> {
    let catalogue = Catalogue::builtin();
    let store = Store::open_default()?;
    match args.action {
        Action::List { json } => list(&catalogue, &store, json),
        Action::Fetch { id } => {
            let model = wanted(&catalogue, &id)?;
            let bar = Bar::new(&model.name);
            let path = fetch(&store, model, &bar, &Interrupts::listen()?.first).await?;
            terminal::line(&path.display().to_string())
        }
        Action::Verify { id } => {
            let cancel = Interrupts::listen()?.first;
            let models: Vec<&Model> = match &id {
                Some(id) => vec![wanted(&catalogue, id)?],
                None => catalogue.models().iter().filter(|model| store.path_of(model).exists()).collect(),
            };
            verify(&store, &models, &cancel).await
        }
    }
}

/// The model of that id; an unknown one is a matter of usage, and the nearest ids are named.
///
/// # Errors
/// [`Fault::Usage`].
pub(crate) fn wanted<'a>(catalogue: &'a Catalogue, id: &str) -> anyhow::Result<&'a Model> {
    catalogue.model(id).map_err(|error| Fault::Usage(error.to_string()).into())
}

/// Fetches a model with a progress bar; being interrupted is told apart.
///
/// # Errors
/// [`Fault::Interrupted`], or why no source gave the model.
pub(crate) async fn fetch(
    store: &Store,
    model: &Model,
    bar: &Bar,
    cancel: &CancellationToken,
) -> anyhow::Result<std::path::PathBuf> {
    match store.fetch(model, bar, cancel).await {
        Ok(path) => Ok(path),
        Err(error @ ModelError::Cancelled) => {
            Err(anyhow::Error::new(Fault::Interrupted).context(error.to_string()))
        }
        Err(error) => Err(error.into()),
    }
}

fn list(catalogue: &Catalogue, store: &Store, json: bool) -> anyhow::Result<()> {
    if json {
        let entry = |model: &Model| {
            serde_json::json!({
                "id": model.id, "name": model.name, "capability": model.capability, "licence": model.licence,
                "bytes": model.bytes, "memory_bytes": model.memory_bytes, "sha256": model.sha256.as_str(),
                "present": store.path_if_present(model).is_some(), "verified": store.is_verified(model),
                "path": store.path_of(model),
            })
        };
        return terminal::json(&catalogue.models().iter().map(entry).collect::<Vec<_>>());
    }
    let row = |model: &Model| {
        let state = match (store.is_verified(model), store.path_if_present(model)) {
            (true, _) => "here, verified",
            (false, Some(_)) => "here, not verified",
            (false, None) => "not here",
        };
        let size = human_bytes(model.bytes);
        let memory = human_bytes(model.memory_bytes);
        [&model.id, &model.name, &model.capability, &size, &memory, state].map(str::to_owned).to_vec()
    };
    let columns = [
        ("id", Align::Left),
        ("model", Align::Left),
        ("for", Align::Left),
        ("size", Align::Right),
        ("memory", Align::Right),
        ("state", Align::Left),
    ];
    terminal::write(&terminal::table(&columns, &catalogue.models().iter().map(row).collect::<Vec<_>>()))?;
    terminal::line(&format!("kept in {}", store.folder().display()))
}

async fn verify(store: &Store, models: &[&Model], cancel: &CancellationToken) -> anyhow::Result<()> {
    if models.is_empty() {
        return terminal::line(&format!("no model of the catalogue is in {}", store.folder().display()));
    }
    let mut wrong = false;
    for model in models {
        let verdict = match store.verify(model, cancel).await {
            Err(ModelError::Cancelled) => return Err(Fault::Interrupted.into()),
            Err(error) => Err(error.to_string()),
            Ok(path) if path.extension().is_none_or(|extension| extension != "gguf") => {
                Ok("as it should be".to_owned())
            }
            Ok(path) => match gguf::inspect(&path) {
                Ok(info) => Ok(format!("{}, {} tensors", info.architecture, info.tensors)),
                Err(error) => Err(error.to_string()),
            },
        };
        wrong |= verdict.is_err();
        match verdict {
            Ok(what) => terminal::line(&format!("✓ {}: SHA-256 as pinned; {what}", model.id))?,
            Err(why) => terminal::line(&format!("✗ {}: {why}", model.id))?,
        }
    }
    if wrong { Err(Fault::Said.into()) } else { Ok(()) }
}
