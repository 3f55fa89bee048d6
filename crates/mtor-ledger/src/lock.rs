//! One folder, one broker: an exclusive lock that the operating system releases when the process ends, however it ends.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::Path;

use crate::defaults::LOCK_FILE;
use crate::error::OpenError;

/// Held while the ledger is open.
#[derive(Debug)]
pub(crate) struct FolderLock(#[expect(dead_code, reason = "dropping it releases the lock")] File);

impl FolderLock {
    /// Locks the folder, or says who has it.
    pub(crate) fn take(folder: &Path) -> Result<Self, OpenError> {
        let path = folder.join(LOCK_FILE);
        let unreadable = || OpenError::unreadable(&path);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(unreadable())?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                // Who has it is a courtesy: when it can't be read, the error is as good without.
                let _ = file.take(20).read_to_string(&mut text);
                return Err(OpenError::InUse {
                    folder: folder.to_owned(),
                    process: text.trim().parse().ok(),
                });
            }
            Err(TryLockError::Error(source)) => return Err(unreadable()(source)),
        }
        // On a full disk the number can't be written; the lock holds all the same.
        let _ = file
            .set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| writeln!(file, "{}", std::process::id()));
        Ok(Self(file))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_is_told_who_has_it_until_it_is_released() {
        let folder = tempfile::tempdir().unwrap();
        let lock = FolderLock::take(folder.path()).unwrap();
        let refused = FolderLock::take(folder.path()).unwrap_err();
        assert!(
            matches!(&refused, OpenError::InUse { process: Some(process), .. } if *process == std::process::id()),
            "{refused}"
        );
        assert!(refused.to_string().contains("stop that one"), "{refused}");
        drop(lock);
        FolderLock::take(folder.path()).unwrap();
    }
}
