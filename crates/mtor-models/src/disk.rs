//! The few things asked of the disk: is there room, is it really written.

use std::fs::File;
use std::io;
use std::path::Path;

use crate::defaults::DISK_MARGIN_BYTES;
use crate::error::ModelError;

/// Fails when `folder`'s disk has less room than `needed_bytes` and a margin.
pub(crate) fn require_room(folder: &Path, needed_bytes: u64) -> Result<(), ModelError> {
    let needed_bytes = needed_bytes.saturating_add(DISK_MARGIN_BYTES);
    match free_bytes(folder) {
        Some(free_bytes) if free_bytes < needed_bytes => {
            Err(ModelError::DiskFull { folder: folder.to_owned(), needed_bytes, free_bytes })
        }
        _ => Ok(()),
    }
}

/// An error of writing in `folder`; a full disk is told with its numbers.
pub(crate) fn write_error(
    folder: &Path,
    path: &Path,
    still_needed_bytes: u64,
    error: io::Error,
) -> ModelError {
    if error.kind() == io::ErrorKind::StorageFull {
        return ModelError::DiskFull {
            folder: folder.to_owned(),
            needed_bytes: still_needed_bytes,
            free_bytes: free_bytes(folder).unwrap_or(0),
        };
    }
    ModelError::io(format!("write {}", path.display()))(error)
}

/// What an ordinary user may still write, where the platform tells.
#[cfg(unix)]
fn free_bytes(folder: &Path) -> Option<u64> {
    let stat = rustix::fs::statvfs(folder).ok()?;
    Some(stat.f_bavail.saturating_mul(stat.f_frsize))
}

#[cfg(not(unix))]
fn free_bytes(_folder: &Path) -> Option<u64> {
    None
}

/// Moves a finished file to its name so that it is there whole or not at all, also after a power failure.
pub(crate) fn publish(from: &Path, to: &Path) -> io::Result<()> {
    File::options().write(true).open(from)?.sync_all()?;
    std::fs::rename(from, to)?;
    if let Some(folder) = to.parent() {
        sync_folder(folder)?;
    }
    Ok(())
}

#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(not(unix))]
fn sync_folder(_folder: &Path) -> io::Result<()> {
    Ok(())
}

/// Removes a file that may be gone already.
pub(crate) fn remove(path: &Path) -> Result<(), ModelError> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(ModelError::io(format!("delete {}", path.display()))(error))
        }
        _ => Ok(()),
    }
}
