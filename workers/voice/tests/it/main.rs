//! Tests with a real voice. Any Piper voice for English does; `MTOR_TEST_VOICE` names its `.onnx` file.

#![allow(clippy::unwrap_used)]

mod engine;
mod program;

/// The voice to test with.
fn voice() -> std::path::PathBuf {
    match std::env::var_os("MTOR_TEST_VOICE") {
        Some(path) => path.into(),
        None => {
            panic!("set MTOR_TEST_VOICE to the path of an English voice in the Piper format to run this test")
        }
    }
}
