//! Where the programs are that the tests run.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// The `mtor` command: `$MTOR_BIN`, else the one that was built last.
///
/// # Panics
/// When there is none, saying how to build it.
pub fn mtor() -> PathBuf {
    if let Some(path) = set("MTOR_BIN") {
        assert!(path.is_file(), "MTOR_BIN={} is no file", path.display());
        return path;
    }
    let built = ["release", "debug"].map(|profile| workspace().join("target").join(profile).join("mtor"));
    newest(&built).unwrap_or_else(|| {
        panic!("mtor is not built; build it with `cargo build -p mtor`, or name one in MTOR_BIN")
    })
}

/// The chat worker's program: beside [`mtor`], else the release build.
///
/// # Panics
/// When there is none, saying how to build it.
pub fn chat_worker() -> PathBuf {
    let places = [mtor().with_file_name("mtor-chat"), workspace().join("target/release/mtor-chat")];
    places.into_iter().find(|path| path.is_file()).unwrap_or_else(|| {
        panic!("the chat worker is not built; build it with `cargo build --release -p mtor-chat`")
    })
}

/// A small chat model that the tests may load.
///
/// # Panics
/// When none is named, saying how.
pub fn test_model() -> PathBuf {
    let path = set("MTOR_TEST_GGUF").unwrap_or_else(|| {
        panic!(
            "these tests need a small chat model: set MTOR_TEST_GGUF to the path of SmolLM2-135M-Instruct as GGUF \
             (`./mtor test` fetches it and sets it)"
        )
    });
    assert!(path.is_file(), "MTOR_TEST_GGUF={} is no file", path.display());
    path
}

/// The workspace's folder.
pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Where the tests keep what they installed, from one run to the next.
pub(crate) fn cache(name: &str) -> PathBuf {
    workspace().join(".mtor").join("tests").join(name)
}

fn set(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}

fn newest(paths: &[PathBuf]) -> Option<PathBuf> {
    let built = |path: &Path| -> Option<SystemTime> { path.metadata().ok()?.modified().ok() };
    paths.iter().filter_map(|path| Some((built(path)?, path))).max().map(|(_, path)| path.clone())
}
