//! Where the model file lies: where the user says, or in the cache of the catalogue's models.

use std::path::PathBuf;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use mtor_models::{Catalogue, ModelError, Progress, Store, human_of};
use mtor_worker::CancellationToken;

use crate::cli::Options;

/// The file to load; fetched first when it is a model of the catalogue that isn't here.
pub(crate) async fn path(options: &Options, cancel: &CancellationToken) -> Result<PathBuf, ModelError> {
    if let Some(path) = &options.model {
        return Ok(path.clone());
    }
    let id = options.model_id.as_deref().unwrap_or_default();
    let catalogue = Catalogue::builtin();
    let model = catalogue.model(id)?;
    Store::open_default()?.fetch(model, &LogLines::default(), cancel).await
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
        tracing::info!("the model is here and verified");
    }
}
