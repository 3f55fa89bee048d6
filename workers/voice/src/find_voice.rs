//! Where the files of a voice lie: where the user says, or in the cache of the catalogue's models.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use mtor_models::{Catalogue, ModelError, Progress, Store, human_of};
use mtor_worker::CancellationToken;

use crate::cli::VoiceOptions;

/// What the catalogue's voices are for.
const CAPABILITY: &str = "speak";

/// What is put behind a voice's id for the id of the file that describes it.
const CONFIG: &str = "-config";

/// The files to load, in the order of the options; fetched first when they are the catalogue's and not here.
pub(crate) async fn paths(
    options: &VoiceOptions,
    cancel: &CancellationToken,
) -> Result<Vec<PathBuf>, ModelError> {
    if options.espeak_only {
        return Ok(Vec::new());
    }
    let catalogue = Catalogue::builtin();
    let mut wanted = options.voices.clone();
    if wanted.is_empty() {
        wanted.extend(catalogue.for_capability(CAPABILITY).next().map(|voice| voice.id.clone()));
    }
    let mut paths = Vec::new();
    for voice in wanted {
        paths.push(if is_file(&voice) {
            PathBuf::from(voice)
        } else {
            fetched(&catalogue, &voice, cancel).await?
        });
    }
    Ok(paths)
}

/// Whether a voice is asked for by its file rather than by its name.
pub(crate) fn is_file(voice: &str) -> bool {
    voice.ends_with(".onnx") || voice.contains(std::path::MAIN_SEPARATOR) || Path::new(voice).exists()
}

/// A voice of the catalogue, with the file that describes it beside it.
async fn fetched(catalogue: &Catalogue, id: &str, cancel: &CancellationToken) -> Result<PathBuf, ModelError> {
    let store = Store::open_default()?;
    let model = catalogue.model(id)?;
    let config = catalogue.model(&format!("{id}{CONFIG}"))?;
    store.fetch(config, &LogLines::default(), cancel).await?;
    store.fetch(model, &LogLines::default(), cancel).await
}

/// Whether the catalogue knows a voice of that id.
pub(crate) fn is_in_catalogue(id: &str) -> bool {
    Catalogue::builtin().for_capability(CAPABILITY).any(|voice| voice.id == id)
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
                tracing::info!("fetching the voice: {}", human_of(position.done_bytes, position.total_bytes));
            }
        });
    }

    fn note(&self, text: &str) {
        tracing::info!("{text}");
    }

    fn done(&self) {
        tracing::info!("a file of the voice is here and verified");
    }
}
