//! Where the model's files lie: in the folder that the user names, or in the cache of the catalogue's models.

use std::num::NonZeroUsize;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use mtor_embed::{EngineOptions, defaults};
use mtor_models::{Catalogue, ModelError, Progress, Store, human_of};
use mtor_worker::CancellationToken;

use crate::cli::ModelOptions;

/// The files to load; fetched first when they are the catalogue's and aren't here.
pub(crate) async fn engine_options(
    options: &ModelOptions,
    at_once: NonZeroUsize,
    cancel: &CancellationToken,
) -> Result<EngineOptions, ModelError> {
    let threads = options.threads;
    if let Some(folder) = &options.model {
        let (model, tokenizer) = (folder.join(defaults::MODEL_FILE), folder.join(defaults::TOKENIZER_FILE));
        return Ok(EngineOptions { model, tokenizer, threads, at_once });
    }
    let id = options.model_id.as_deref().unwrap_or(defaults::MODEL_ID);
    let (catalogue, store, lines) = (Catalogue::builtin(), Store::open_default()?, LogLines::default());
    let model = store.fetch(catalogue.model(id)?, &lines, cancel).await?;
    let tokenizer = store.fetch(catalogue.model(&defaults::tokenizer_of(id))?, &lines, cancel).await?;
    Ok(EngineOptions { model, tokenizer, threads, at_once })
}

/// What the model is called in the realm.
pub(crate) fn name(options: &ModelOptions) -> String {
    let folder = options.model.as_deref().and_then(|path| path.file_name());
    match (&options.model_id, folder) {
        (Some(id), _) => id.clone(),
        (None, Some(folder)) => folder.to_string_lossy().into_owned(),
        (None, None) => defaults::MODEL_ID.to_owned(),
    }
}

/// The time between two lines about a download.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// Reports a download in log lines, for a program that has no screen of its own.
#[derive(Default)]
struct LogLines(Mutex<Position>);

#[derive(Default)]
struct Position {
    done_bytes: u64,
    total_bytes: u64,
    last_line: Option<Instant>,
}

impl LogLines {
    fn with(&self, change: impl FnOnce(&mut Position)) {
        // A panic in another reporter leaves numbers that are good enough to report.
        change(&mut self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
    }
}

impl Progress for LogLines {
    fn started(&self, total_bytes: u64) {
        self.with(|position| *position = Position { total_bytes, ..Position::default() });
    }

    fn advanced(&self, bytes: u64) {
        self.with(|position| {
            position.done_bytes += bytes;
            if position.last_line.is_none_or(|last| last.elapsed() >= LINE_EVERY) {
                position.last_line = Some(Instant::now());
                tracing::info!("fetching the model: {}", human_of(position.done_bytes, position.total_bytes));
            }
        });
    }

    fn note(&self, text: &str) {
        tracing::info!("{text}");
    }

    fn done(&self) {
        tracing::info!("the file is here and verified");
    }
}
