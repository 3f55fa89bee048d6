//! Tests with a real model. Any chat model in the GGUF format does; `MTOR_TEST_GGUF` names it.

#![allow(clippy::unwrap_used)]

mod engine;
mod program;

/// The model file to test with.
fn model() -> std::path::PathBuf {
    match std::env::var_os("MTOR_TEST_GGUF") {
        Some(path) => path.into(),
        None => panic!("set MTOR_TEST_GGUF to the path of a chat model in the GGUF format to run this test"),
    }
}
