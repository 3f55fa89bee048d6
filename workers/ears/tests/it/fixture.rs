//! The engine, the recordings, and sounds that are made here.

use std::fs::File;
use std::io::{Seek, Write};
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use mtor_audio::{HEARD_HZ, decode, pcm};
use mtor_ears::wer::{edits, plain};
use mtor_ears::{Engine, EngineOptions, Failure, Request, Source, Transcript, listen};
use mtor_models::{CancellationToken, Catalogue, Silent, Store};

/// What the recording of [`dashwood`] says.
pub(crate) const DASHWOOD: &str = "and mister john dashwood had then leisure to consider how much there might be prudently in his power to do for them";

/// One engine for all tests of this process: nextest gives each test its own.
pub(crate) fn engine() -> Arc<Engine> {
    static ENGINE: OnceLock<Arc<Engine>> = OnceLock::new();
    Arc::clone(ENGINE.get_or_init(|| Arc::new(Engine::start(&options()).unwrap())))
}

pub(crate) fn options() -> EngineOptions {
    EngineOptions {
        model: model("MTOR_TEST_EARS", "ears-default"),
        voice_activity: model("MTOR_TEST_VAD", "voice-activity"),
        // Tests run side by side, and threads of an engine that wait for each other do so busily.
        threads: 1,
        language: None,
    }
}

pub(crate) fn model(variable: &str, id: &str) -> PathBuf {
    if let Some(path) = std::env::var_os(variable) {
        return path.into();
    }
    let fetch = async {
        let catalogue = Catalogue::builtin();
        let model = catalogue.model(id).unwrap();
        Store::open_default().unwrap().fetch(model, &Silent, &CancellationToken::new()).await.unwrap()
    };
    // In a thread of its own: the caller may be in a runtime.
    std::thread::scope(|scope| {
        let fetched = scope.spawn(|| {
            tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(fetch)
        });
        fetched.join().unwrap()
    })
}

fn recordings() -> PathBuf {
    let folder = std::env::var_os("MTOR_TEST_SPEECH")
        .map_or_else(|| PathBuf::from("/usr/share/pocketsphinx/test/data"), PathBuf::from);
    assert!(
        folder.is_dir(),
        "install pocketsphinx-testdata, or set MTOR_TEST_SPEECH to its folder test/data"
    );
    folder
}

/// Seven seconds of a novel, read aloud.
pub(crate) fn dashwood() -> Vec<f32> {
    let path = recordings().join("librivox/sense_and_sensibility_01_austen_64kb-0870.wav");
    decode::decode(File::open(path).unwrap(), usize::MAX).unwrap()
}

pub(crate) fn silence(seconds: usize) -> Vec<f32> {
    vec![0.0; seconds * HEARD_HZ as usize]
}

/// Noise of all frequencies, as loud as a vacuum cleaner in the room.
pub(crate) fn noise(seconds: usize) -> Vec<f32> {
    let mut state = 1_u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 40) as f32 / (1_u64 << 24) as f32 - 0.5
    };
    (0..seconds * HEARD_HZ as usize).map(|_| next() * 0.3).collect()
}

pub(crate) fn file(bytes: &[u8]) -> Source {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    file.rewind().unwrap();
    Source::File(file)
}

pub(crate) fn wav(samples: &[f32]) -> Source {
    file(&pcm::wav(samples, HEARD_HZ))
}

pub(crate) async fn heard(request: Request, source: Source) -> Result<Transcript, Failure> {
    listen(&engine(), request, source)?.transcript().await
}

/// Fails when more than `most` words are wrong.
pub(crate) fn assert_says(text: &str, words: &str, most: usize) {
    let wrong = edits(&plain(words), &plain(text));
    assert!(wrong <= most, "{wrong} words are wrong in: {text}");
}
