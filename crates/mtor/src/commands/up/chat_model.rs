//! Which model the chat worker runs, and making sure that it is here.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use mtor_models::{CancellationToken, Catalogue, Model, Store, gguf, human_bytes};

use super::usage;
use crate::commands::model::{self, Bar};

/// The choice.
#[derive(Debug, Clone)]
pub(super) enum ChatModel {
    /// A file of the user's own.
    File {
        /// Where it lies.
        path: PathBuf,
        /// What to call it, when it shall not be called as the file is.
        id: Option<String>,
    },
    /// One of the catalogue's.
    Known(Model),
}

impl ChatModel {
    /// Reads `--model` and `--model-id`. A file is looked into at once: a broken one is better known before anything is
    /// started.
    ///
    /// # Errors
    /// [`Fault::Usage`](crate::exit::Fault::Usage) when the file is no whole model, or the catalogue has none of that id.
    pub(super) fn choose(file: Option<&Path>, id: Option<&str>) -> anyhow::Result<Self> {
        let Some(path) = file else {
            let catalogue = Catalogue::builtin();
            let model = match id {
                Some(id) => model::wanted(&catalogue, id)?,
                None => catalogue
                    .for_capability("chat")
                    .next()
                    .ok_or_else(|| usage("the catalogue has no chat model"))?,
            };
            return Ok(Self::Known(model.clone()));
        };
        let info =
            gguf::inspect(path).map_err(|error| usage(format!("--model {}: {error}", path.display())))?;
        if !info.chat_template_present {
            eprintln!("warning: {} has no chat template; its answers may make little sense", path.display());
        }
        let path = std::path::absolute(path)?;
        Ok(Self::File { path, id: id.map(str::to_owned) })
    }

    /// What a person calls it.
    pub(super) fn name(&self) -> String {
        match self {
            Self::File { path, .. } => path.display().to_string(),
            Self::Known(model) => format!("{}, {}", model.name, human_bytes(model.bytes)),
        }
    }

    /// Makes sure that it is here, and gives the worker's options for it.
    ///
    /// # Errors
    /// When it can't be fetched.
    pub(super) async fn options(
        &self,
        bar: &Bar,
        cancel: &CancellationToken,
    ) -> anyhow::Result<Vec<OsString>> {
        match self {
            Self::File { path, id } => {
                let id = id.iter().flat_map(|id| ["--model-id".into(), id.into()]);
                Ok(["--model".into(), path.into()].into_iter().chain(id).collect())
            }
            Self::Known(known) => {
                let path = model::fetch(&Store::open_default()?, known, bar, cancel).await?;
                Ok(vec!["--model".into(), path.into(), "--model-id".into(), known.id.clone().into()])
            }
        }
    }
}
