//! One fetch of a file at a time, over all processes that share a cache folder.

use std::fs::{File, TryLockError};
use std::path::Path;

use tokio_util::sync::CancellationToken;

use crate::defaults::LOCK_RETRY;
use crate::error::ModelError;
use crate::progress::Progress;

/// Waits for the lock at `path`. The operating system releases it with the returned file, also when the process is killed.
pub(crate) async fn acquire(
    path: &Path,
    progress: &dyn Progress,
    cancel: &CancellationToken,
) -> Result<File, ModelError> {
    let file = File::options()
        .create(true)
        .write(true)
        .truncate(false)
        .open(path)
        .map_err(ModelError::io(format!("open {}", path.display())))?;
    let mut told = false;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => {}
            // Some network file systems know no locks; a fetch that might be done twice is better than none.
            Err(TryLockError::Error(error)) if error.kind() == std::io::ErrorKind::Unsupported => {
                return Ok(file);
            }
            Err(TryLockError::Error(error)) => {
                return Err(ModelError::io(format!("lock {}", path.display()))(error));
            }
        }
        if !told {
            progress.note("another process is fetching this model; waiting for it");
            told = true;
        }
        tokio::select! {
            () = tokio::time::sleep(LOCK_RETRY) => {}
            () = cancel.cancelled() => return Err(ModelError::Cancelled),
        }
    }
}
