//! SHA-256 of files, in a thread of its own and cancellable.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use sha2::{Digest, Sha256};
use tokio_util::sync::CancellationToken;

use crate::defaults::COPY_BUFFER_BYTES;
use crate::error::ModelError;

/// The digest as lower-case hexadecimal digits.
pub(crate) fn hex(hasher: Sha256) -> String {
    hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Feeds a whole file to a hasher.
pub(crate) async fn absorb_file(path: &Path, cancel: &CancellationToken) -> Result<Sha256, ModelError> {
    let (path, cancel) = (path.to_owned(), cancel.clone());
    blocking(move || {
        let mut file = File::open(&path).map_err(ModelError::io(format!("open {}", path.display())))?;
        let mut hasher = Sha256::new();
        pump(&mut file, &cancel, |bytes| {
            hasher.update(bytes);
            Ok(())
        })
        .map_err(|error| match error {
            Some(error) => ModelError::io(format!("read {}", path.display()))(error),
            None => ModelError::Cancelled,
        })?;
        Ok(hasher)
    })
    .await
}

/// Reads to the end and hands every piece to `sink`. An error of `None` means cancelled.
pub(crate) fn pump(
    from: &mut dyn Read,
    cancel: &CancellationToken,
    mut sink: impl FnMut(&[u8]) -> io::Result<()>,
) -> Result<u64, Option<io::Error>> {
    let mut buffer = vec![0; COPY_BUFFER_BYTES];
    let mut total = 0;
    loop {
        if cancel.is_cancelled() {
            return Err(None);
        }
        match from.read(&mut buffer) {
            Ok(0) => return Ok(total),
            Ok(read) => {
                sink(&buffer[..read])?;
                total += read as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Some(error)),
        }
    }
}

/// Runs work that blocks outside the async threads. A panic in it goes on in the caller.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(value) => value,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
