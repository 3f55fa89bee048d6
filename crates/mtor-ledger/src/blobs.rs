//! Large texts, and the parts of answers that are no text, each in a file named by its SHA-256: `blobs/ab/cdef...`. A file is whole on the disk before a row of
//! the database names it; files that no row names are removed.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use mtor_protocol::Digest;

use crate::commitment::digest;
use crate::database::sync_folder;
use crate::error::QueryError;

/// The suffix of files that are being written.
const DRAFT: &str = "draft";

/// The blob folder.
#[derive(Debug, Clone)]
pub(crate) struct Blobs {
    folder: PathBuf,
}

impl Blobs {
    pub(crate) fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    /// Where the blob of this hash is.
    pub(crate) fn path(&self, hash: &Digest) -> PathBuf {
        let name = hash.to_string();
        let (folder, file) = name.split_at(2);
        self.folder.join(folder).join(file)
    }

    /// Stores a text durably. Storing the same text again costs a look.
    pub(crate) fn put(&self, text: &[u8]) -> io::Result<Digest> {
        let hash = digest(text);
        let path = self.path(&hash);
        if fs::metadata(&path).is_ok_and(|found| found.len() == text.len() as u64) {
            return Ok(hash);
        }
        let folder = path.parent().unwrap_or(&self.folder);
        if !folder.exists() {
            fs::create_dir_all(folder)?;
            sync_folder(&self.folder)?;
            self.folder.parent().map_or(Ok(()), sync_folder)?;
        }
        let draft = path.with_extension(DRAFT);
        let mut file = File::create(&draft)?;
        file.write_all(text)?;
        file.sync_all()?;
        fs::rename(&draft, &path)?;
        sync_folder(folder)?;
        Ok(hash)
    }

    /// Reads a text, after checking it against its name.
    pub(crate) fn get(&self, hash: &Digest) -> Result<String, QueryError> {
        let path = self.path(hash);
        String::from_utf8(self.get_bytes(hash)?)
            .map_err(|_| QueryError::Damaged(format!("{} is not text", path.display())))
    }

    /// Reads any blob, after checking it against its name.
    pub(crate) fn get_bytes(&self, hash: &Digest) -> Result<Vec<u8>, QueryError> {
        let path = self.path(hash);
        let bytes = fs::read(&path)
            .map_err(|error| QueryError::Damaged(format!("{} can't be read: {error}", path.display())))?;
        if digest(&bytes) != *hash {
            return Err(QueryError::Damaged(format!("{} does not match its name", path.display())));
        }
        Ok(bytes)
    }

    /// Removes a text; that it is gone already is no error.
    pub(crate) fn remove(&self, hash: &Digest) -> io::Result<()> {
        match fs::remove_file(self.path(hash)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Removes drafts, and every file that `is_named` does not know. Returns how many.
    pub(crate) fn sweep<E: From<io::Error>>(
        &self,
        mut is_named: impl FnMut(&Digest) -> Result<bool, E>,
    ) -> Result<usize, E> {
        let mut removed = 0;
        for (path, hash) in self.files()? {
            let keep = match hash {
                Some(hash) => is_named(&hash)?,
                None => false,
            };
            if !keep {
                fs::remove_file(&path)?;
                removed += 1;
            }
        }
        Ok(removed)
    }

    /// Every file of ours, with the hash in its name; drafts have none. What we did not put there is left alone.
    pub(crate) fn files(&self) -> io::Result<Vec<(PathBuf, Option<Digest>)>> {
        let mut files = Vec::new();
        for folder in read_dir_if_any(&self.folder)? {
            if !folder.is_dir() {
                continue;
            }
            for path in read_dir_if_any(&folder)? {
                let hash = hash_in_name(&folder, &path);
                if hash.is_some() || path.extension().is_some_and(|extension| extension == DRAFT) {
                    files.push((path, hash));
                }
            }
        }
        Ok(files)
    }
}

fn read_dir_if_any(folder: &Path) -> io::Result<Vec<PathBuf>> {
    match fs::read_dir(folder) {
        Ok(entries) => entries.map(|entry| entry.map(|entry| entry.path())).collect(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

fn hash_in_name(folder: &Path, path: &Path) -> Option<Digest> {
    let (first, rest) = (folder.file_name()?.to_str()?, path.file_name()?.to_str()?);
    (first.len() == 2).then(|| format!("{first}{rest}").parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_come_back_and_damage_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        let blobs = Blobs::new(&folder.path().join("blobs"));
        let hash = blobs.put(b"a long text").unwrap();
        assert_eq!(blobs.put(b"a long text").unwrap(), hash);
        assert_eq!(blobs.get(&hash).unwrap(), "a long text");
        fs::write(blobs.path(&hash), "a lonG text").unwrap();
        let error = blobs.get(&hash).unwrap_err().to_string();
        assert!(error.contains("does not match its name"), "{error}");
        blobs.remove(&hash).unwrap();
        blobs.remove(&hash).unwrap();
        assert!(blobs.get(&hash).is_err());
    }

    #[test]
    fn the_sweep_removes_drafts_and_what_nobody_names_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let blobs = Blobs::new(&folder.path().join("blobs"));
        let [kept, dropped] = [b"kept", b"gone"].map(|text| blobs.put(text).unwrap());
        let draft = blobs.path(&kept).with_extension(DRAFT);
        let foreign = blobs.path(&kept).with_file_name("README");
        fs::write(&draft, "half").unwrap();
        fs::write(&foreign, "mine").unwrap();
        assert_eq!(blobs.sweep(|hash| Ok::<_, io::Error>(*hash == kept)).unwrap(), 2);
        assert!(
            blobs.get(&kept).is_ok() && blobs.get(&dropped).is_err() && !draft.exists() && foreign.exists()
        );
    }
}
