//! Tests with the real model: in the folder that `MTOR_TEST_EMBED` names (model.onnx and tokenizer.json), else the
//! catalogue's, fetched when it is not here.

#![allow(clippy::unwrap_used)]

mod engine;
mod program;
mod understanding;

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::OnceLock;

use mtor_embed::{Engine, EngineOptions, defaults};
use mtor_models::{CancellationToken, Catalogue, Silent, Store};

/// The model's two files.
fn files() -> &'static (PathBuf, PathBuf) {
    static FILES: OnceLock<(PathBuf, PathBuf)> = OnceLock::new();
    FILES.get_or_init(|| {
        if let Some(folder) = std::env::var_os("MTOR_TEST_EMBED").map(PathBuf::from) {
            return (folder.join(defaults::MODEL_FILE), folder.join(defaults::TOKENIZER_FILE));
        }
        // A thread of its own, since tests may have a runtime already.
        std::thread::spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let (catalogue, store, cancel) =
                    (Catalogue::builtin(), Store::open_default().unwrap(), CancellationToken::new());
                let fetch = async |id: &str| match store
                    .fetch(catalogue.model(id).unwrap(), &Silent, &cancel)
                    .await
                {
                    Ok(path) => path,
                    Err(error) => {
                        panic!("set MTOR_TEST_EMBED to a folder with the model, it can't be fetched: {error}")
                    }
                };
                (fetch(defaults::MODEL_ID).await, fetch(&defaults::tokenizer_of(defaults::MODEL_ID)).await)
            })
        })
        .join()
        .unwrap()
    })
}

/// A folder that has the model as `--model` wants it.
#[cfg(unix)]
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let (model, tokenizer) = files();
    for (file, name) in [(model, defaults::MODEL_FILE), (tokenizer, defaults::TOKENIZER_FILE)] {
        std::os::unix::fs::symlink(std::fs::canonicalize(file).unwrap(), folder.path().join(name)).unwrap();
    }
    folder
}

fn engine() -> Engine {
    let (model, tokenizer) = files().clone();
    Engine::start(&EngineOptions { model, tokenizer, threads: None, at_once: NonZeroUsize::MIN }).unwrap()
}
