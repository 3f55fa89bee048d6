//! The files that a question is about: pictures, or a table.

use std::fs::File;
use std::io::Read as _;
use std::path::PathBuf;

use anyhow::Context as _;
use mtor_protocol::{Digest, Picture, limits};
use sha2::{Digest as _, Sha256};

use crate::exit::Fault;

/// Each file with what the job says of it. `flag` is what named them.
///
/// # Errors
/// When one can't be read, or is too large.
pub(super) fn read(flag: &str, paths: &[PathBuf]) -> anyhow::Result<Vec<(Picture, Vec<u8>)>> {
    let mut pictures = Vec::with_capacity(paths.len());
    for path in paths {
        let mut bytes = Vec::new();
        let most = u64::from(limits::PICTURE_BYTES_MAX);
        let read = File::open(path).and_then(|file| file.take(most + 1).read_to_end(&mut bytes));
        read.with_context(|| format!("{flag} {}", path.display()))?;
        if bytes.is_empty() || bytes.len() as u64 > most {
            let why = format!("{flag} {}: it has 1 byte to {} MiB", path.display(), most >> 20);
            return Err(Fault::Usage(why).into());
        }
        let sha256 = Digest(Sha256::digest(&bytes).into());
        pictures.push((Picture { bytes: bytes.len() as u32, sha256 }, bytes));
    }
    Ok(pictures)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_named_by_size_and_hash_and_empty_ones_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.png");
        std::fs::write(&path, b"abc").unwrap();
        let read_again = read("--picture", std::slice::from_ref(&path)).unwrap();
        assert_eq!((read_again[0].0.bytes, read_again[0].1.as_slice()), (3, &b"abc"[..]));
        assert!(read_again[0].0.sha256.to_string().starts_with("ba7816bf"));
        std::fs::write(&path, b"").unwrap();
        assert!(
            read("--picture", std::slice::from_ref(&path))
                .unwrap_err()
                .to_string()
                .contains("1 byte to 20 MiB")
        );
        assert!(
            format!("{:#}", read("--picture", &[folder.path().join("none")]).unwrap_err()).contains("none")
        );
    }
}
