//! Where the files of a voice lie: where the user says, or in the cache of the catalogue's models.

use std::path::{Path, PathBuf};

use mtor_models::{Catalogue, LogLines, ModelError, Store};
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
