//! Where the model files lie: where the user says, or in the cache of the catalogue's models.

use std::path::{Path, PathBuf};

use mtor_models::{Catalogue, LogLines, ModelError, Store};
use mtor_worker::CancellationToken;

use crate::cli::EngineFlags;

/// The first model of this capability is the one that is used when nobody says otherwise.
const CAPABILITY: &str = "transcribe";
const VOICE_ACTIVITY: &str = "voice-activity";
const WAKE_EMBEDDING: &str = "wake-embedding";

/// The model files, and what the model is called.
pub(crate) struct Found {
    pub(crate) model: PathBuf,
    pub(crate) voice_activity: PathBuf,
    pub(crate) name: String,
}

/// Fetches what is to be fetched.
pub(crate) async fn find(flags: &EngineFlags, cancel: &CancellationToken) -> Result<Found, ModelError> {
    let catalogue = Catalogue::builtin();
    let (model, name) = match wanted(flags) {
        Wanted::File(path) => {
            let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            (path, flags.model_id.clone().unwrap_or(stem))
        }
        Wanted::Id(id) => (fetch(&catalogue, &id, cancel).await?, id),
        Wanted::First => {
            let first = catalogue.for_capability(CAPABILITY).next().map(|model| model.id.clone());
            let id = first.unwrap_or_default();
            (fetch(&catalogue, &id, cancel).await?, id)
        }
    };
    let voice_activity = match &flags.voice_activity {
        Some(path) => path.clone(),
        None => fetch(&catalogue, VOICE_ACTIVITY, cancel).await?,
    };
    Ok(Found { model, voice_activity, name })
}

/// Fetches what hears wake words, beside a head.
pub(crate) async fn find_wake_embedding(cancel: &CancellationToken) -> Result<PathBuf, ModelError> {
    fetch(&Catalogue::builtin(), WAKE_EMBEDDING, cancel).await
}

#[derive(Debug, PartialEq, Eq)]
enum Wanted {
    File(PathBuf),
    Id(String),
    First,
}

/// `--model` is a file when there is one, or when no id could look like it.
fn wanted(flags: &EngineFlags) -> Wanted {
    match (&flags.model, &flags.model_id) {
        (Some(model), _) => {
            let path = Path::new(model);
            let is_file = path.exists() || path.components().count() > 1 || path.extension().is_some();
            if is_file { Wanted::File(path.to_owned()) } else { Wanted::Id(model.clone()) }
        }
        (None, Some(id)) => Wanted::Id(id.clone()),
        (None, None) => Wanted::First,
    }
}

async fn fetch(catalogue: &Catalogue, id: &str, cancel: &CancellationToken) -> Result<PathBuf, ModelError> {
    let model = catalogue.model(id)?;
    Store::open_default()?.fetch(model, &LogLines::default(), cancel).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_a_file_or_an_id() {
        let flags = |model: Option<&str>, id: Option<&str>| EngineFlags {
            model: model.map(str::to_owned),
            model_id: id.map(str::to_owned),
            voice_activity: None,
            language: None,
            threads: None,
        };
        assert_eq!(wanted(&flags(Some("ggml-base.bin"), None)), Wanted::File("ggml-base.bin".into()));
        assert_eq!(wanted(&flags(Some("models/base"), Some("b"))), Wanted::File("models/base".into()));
        assert_eq!(wanted(&flags(Some("ears-small"), None)), Wanted::Id("ears-small".into()));
        assert_eq!(wanted(&flags(None, Some("ears-small"))), Wanted::Id("ears-small".into()));
        assert_eq!(wanted(&flags(None, None)), Wanted::First);
    }
}
