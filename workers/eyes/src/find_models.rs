//! Where the models lie: in the cache of the catalogue's models.

use std::path::PathBuf;

use mtor_eyes::EyesOptions;
use mtor_models::{Catalogue, LogLines, ModelError, Store};
use mtor_worker::CancellationToken;
use mtor_worker::program::physical_cores;

use crate::cli::MachineOptions;

/// What the models together are called in the realm.
pub(crate) const NAME: &str = "eyes-default";

/// The files to load; fetched first when they aren't here.
pub(crate) async fn eyes_options(
    machine: &MachineOptions,
    cancel: &CancellationToken,
) -> Result<EyesOptions, ModelError> {
    let (catalogue, store, lines) = (Catalogue::builtin(), Store::open_default()?, LogLines::default());
    let fetch = async |id: &str| -> Result<PathBuf, ModelError> {
        store.fetch(catalogue.model(id)?, &lines, cancel).await
    };
    Ok(EyesOptions {
        objects: fetch("eyes-objects").await?,
        lines: fetch("eyes-text-lines").await?,
        letters: fetch("eyes-text-letters").await?,
        safety: fetch("eyes-safety").await?,
        threads: machine
            .threads
            .or(std::num::NonZeroUsize::new(physical_cores()))
            .unwrap_or(std::num::NonZeroUsize::MIN),
    })
}
