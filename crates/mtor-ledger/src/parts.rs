//! The parts of answers that are no text: rows in the database, bytes in the blob folder.

use mtor_protocol::{Digest, Part};
use rusqlite::{Connection, Row, params};

use crate::blobs::Blobs;
use crate::columns::{integer, unsigned};
use crate::error::QueryError;
use crate::record::{PartRecord, StoredPart};
use crate::texts::StoreError;

/// Stores the parts of the job that this entry accepted, inside the writer's transaction. Returns how many bytes more are kept.
pub(crate) fn insert(
    connection: &Connection,
    blobs: &Blobs,
    seq: i64,
    parts: &[PartRecord],
) -> Result<i64, StoreError> {
    let mut kept = 0;
    for PartRecord { part, data, sequence, offset } in parts {
        let hash = blobs.put(data)?;
        let mut insert =
            connection.prepare_cached("INSERT INTO parts VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")?;
        let bytes = data.len() as i64;
        let (sequence, offset) = (integer(*sequence), integer(*offset));
        insert.execute(params![
            seq,
            part.number,
            part.name,
            part.media_type,
            bytes,
            hash.0,
            sequence,
            offset
        ])?;
        kept += bytes;
    }
    Ok(kept)
}

/// The parts of a job, in order.
pub(crate) fn list(connection: &Connection, seq: i64) -> Result<Vec<StoredPart>, QueryError> {
    let mut statement = connection.prepare_cached(
        "SELECT number, name, media_type, bytes, blob, sequence, text_offset FROM parts WHERE seq = ?1 ORDER BY number",
    )?;
    let rows = statement.query_map([seq], from_row)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<StoredPart> {
    Ok(StoredPart {
        part: Part {
            number: row.get(0)?,
            name: row.get(1)?,
            media_type: row.get(2)?,
            bytes: row.get(3)?,
            sha256: Digest(row.get(4)?),
            preview: false,
        },
        sequence: unsigned(row.get(5)?),
        offset: unsigned(row.get(6)?),
    })
}

/// Whether a row names this blob.
pub(crate) fn names_blob(connection: &Connection, hash: &Digest) -> rusqlite::Result<bool> {
    let mut statement = connection.prepare_cached("SELECT 1 FROM parts WHERE blob = ?1 LIMIT 1")?;
    statement.exists([hash.0])
}

/// Deletes a job's parts. Returns how many bytes less are kept; the blobs that may have become nameless are added to `blobs`.
pub(crate) fn delete(connection: &Connection, seq: i64, blobs: &mut Vec<Digest>) -> rusqlite::Result<u64> {
    let mut statement =
        connection.prepare_cached("DELETE FROM parts WHERE seq = ?1 RETURNING bytes, blob")?;
    let mut rows = statement.query([seq])?;
    let mut freed = 0;
    while let Some(row) = rows.next()? {
        freed += unsigned(row.get(0)?);
        blobs.push(Digest(row.get(1)?));
    }
    Ok(freed)
}
