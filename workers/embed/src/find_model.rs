//! Where the model's files lie: in the folder that the user names, or in the cache of the catalogue's models.

use std::num::NonZeroUsize;

use mtor_embed::{EngineOptions, defaults};
use mtor_models::{Catalogue, LogLines, ModelError, Store};
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
