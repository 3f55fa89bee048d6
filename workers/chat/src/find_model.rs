//! Where the model file lies: where the user says, or in the cache of the catalogue's models.

use std::path::PathBuf;

use mtor_models::{Catalogue, LogLines, ModelError, Store};
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
