//! Remembers which files were hashed and found right, so that a warm start does not hash them again.

use std::io;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};

use crate::catalogue::Model;

/// What a file looked like when its hash was found right. Any change of it makes the memory void.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Record {
    sha256: String,
    bytes: u64,
    modified_s: u64,
    modified_ns: u32,
}

impl Record {
    fn of(file: &Path, model: &Model) -> io::Result<Self> {
        let meta = std::fs::metadata(file)?;
        let modified = meta.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
        Ok(Self {
            sha256: model.sha256.as_str().to_owned(),
            bytes: meta.len(),
            modified_s: modified.as_secs(),
            modified_ns: modified.subsec_nanos(),
        })
    }
}

fn path(work: &Path, model: &Model) -> PathBuf {
    work.join(format!("{}.verified", model.file_name))
}

/// Whether `file` is unchanged since its hash was found to be the model's.
pub(crate) fn recall(work: &Path, file: &Path, model: &Model) -> bool {
    let known =
        std::fs::read(path(work, model)).ok().and_then(|json| serde_json::from_slice::<Record>(&json).ok());
    let now = Record::of(file, model).ok();
    known.is_some() && known == now
}

/// Remembers that `file` has the model's hash.
pub(crate) fn remember(work: &Path, file: &Path, model: &Model) -> io::Result<()> {
    let json = serde_json::to_vec(&Record::of(file, model)?).map_err(io::Error::other)?;
    std::fs::write(path(work, model), json)
}
