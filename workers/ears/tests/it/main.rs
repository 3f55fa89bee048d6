//! Tests with real models and real recordings. `MTOR_TEST_EARS` names a Whisper model in the ggml format that knows more
//! than English, `MTOR_TEST_VAD` the Silero model, `MTOR_TEST_WAKE` the speech embedding; without them, those of the catalogue are fetched. `MTOR_TEST_SPEECH`
//! names the folder of recordings that Debian's package `pocketsphinx-testdata` brings; without it, that package's own.

#![allow(clippy::unwrap_used)]

mod files;
mod fixture;
mod live;
mod wake;
