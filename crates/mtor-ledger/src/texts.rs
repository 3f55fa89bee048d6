//! Questions and answers in the database and the blob folder, with a count of their bytes.

use mtor_protocol::Digest;
use rusqlite::{Connection, OptionalExtension, Statement, params};

use crate::blobs::Blobs;
use crate::columns::{integer, unsigned};
use crate::error::QueryError;
use crate::journal::bytes;
use crate::parts;
use crate::shared_log::SharedLogError;

/// Which text of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Question,
    Answer,
}

/// The key of a text of the job that this entry accepted.
pub(crate) const fn key(seq: i64, part: Part) -> i64 {
    seq * 2 + part as i64
}

/// How a text is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// In the row, whatever its size: it will be replaced soon.
    Inline,
    /// In the blob folder when it is long.
    ByLength,
}

/// Writes texts inside the writer's transaction.
pub(crate) struct TextWriter<'c> {
    insert: Statement<'c>,
    old: Statement<'c>,
    blobs: Blobs,
    inline_bytes_max: usize,
}

impl<'c> TextWriter<'c> {
    pub(crate) fn new(
        connection: &'c Connection,
        blobs: Blobs,
        inline_bytes_max: usize,
    ) -> rusqlite::Result<Self> {
        Ok(Self {
            insert: connection.prepare("INSERT OR REPLACE INTO texts VALUES (?1, ?2, ?3, ?4)")?,
            old: connection.prepare("SELECT bytes FROM texts WHERE key = ?1")?,
            blobs,
            inline_bytes_max,
        })
    }

    /// Where large texts go.
    pub(crate) fn blobs(&self) -> &Blobs {
        &self.blobs
    }

    /// Stores a text that was not there before. Returns how many bytes more are kept.
    pub(crate) fn insert(&mut self, key: i64, text: &str, place: Place) -> Result<i64, StoreError> {
        let blob = match place {
            Place::ByLength if text.len() > self.inline_bytes_max => Some(self.blobs.put(text.as_bytes())?),
            Place::ByLength | Place::Inline => None,
        };
        let inline = blob.is_none().then_some(text);
        let length = text.len() as i64;
        self.insert.execute(params![key, length, blob.map(|hash| hash.0), inline])?;
        Ok(length)
    }

    /// Stores a text in the place of the one before, if there was one. Returns how many bytes more are kept.
    pub(crate) fn replace(&mut self, key: i64, text: &str, place: Place) -> Result<i64, StoreError> {
        let old: Option<i64> = self.old.query_row([key], |row| row.get(0)).optional()?;
        Ok(self.insert(key, text, place)? - old.unwrap_or(0))
    }
}

/// Why a transaction can't be written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    #[error("the database can't be written: {0}")]
    Database(#[from] rusqlite::Error),
    #[error("the blob folder can't be written: {0}")]
    Blobs(#[from] std::io::Error),
    #[error(transparent)]
    Shared(#[from] SharedLogError),
}

/// A text, wherever it is; `None` when there is none.
pub(crate) fn read(connection: &Connection, blobs: &Blobs, key: i64) -> Result<Option<String>, QueryError> {
    let mut statement = connection.prepare_cached("SELECT text, blob FROM texts WHERE key = ?1")?;
    let found: Option<(Option<String>, Option<[u8; 32]>)> =
        statement.query_row([key], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    match found {
        None => Ok(None),
        Some((Some(text), None)) => Ok(Some(text)),
        Some((None, Some(hash))) => blobs.get(&Digest(hash)).map(Some),
        Some(_) => Err(QueryError::Damaged(format!("text {key} is neither in the database nor beside it"))),
    }
}

/// How many bytes of text the ledger says that it keeps.
pub(crate) fn stored_total(connection: &Connection) -> Result<u64, QueryError> {
    let total: String =
        connection.query_row("SELECT value FROM meta WHERE name = 'text_bytes'", [], |row| row.get(0))?;
    total.parse().map_err(|_| QueryError::Damaged(format!("the count of text bytes is {total:?}")))
}

/// Whether a row names this blob.
pub(crate) fn names_blob(connection: &Connection, hash: &Digest) -> rusqlite::Result<bool> {
    let mut texts = connection.prepare_cached("SELECT 1 FROM texts WHERE blob = ?1 LIMIT 1")?;
    Ok(texts.exists([hash.0])? || parts::names_blob(connection, hash)?)
}

/// Forgets everything that people wrote and were answered in a job. Returns as [`delete`] does.
pub(crate) fn forget(connection: &Connection, seq: i64, blobs: &mut Vec<Digest>) -> rusqlite::Result<u64> {
    let freed = delete(connection, seq, blobs)?;
    // The first words go too: they are texts that people wrote. So do signatures, by which a guess could be tested.
    let mut update = connection.prepare_cached(
        "UPDATE jobs SET forgotten = 1, question = '', answer = '', signed = NULL, receipt = NULL WHERE seq = ?1",
    )?;
    update.execute([seq])?;
    Ok(freed)
}

/// Deletes a job's texts and parts. Returns how many bytes less are kept; the blobs that may have become nameless are added to
/// `blobs`.
fn delete(connection: &Connection, seq: i64, blobs: &mut Vec<Digest>) -> rusqlite::Result<u64> {
    let mut statement =
        connection.prepare_cached("DELETE FROM texts WHERE key IN (?1, ?2) RETURNING bytes, blob")?;
    let mut rows = statement.query([key(seq, Part::Question), key(seq, Part::Answer)])?;
    let mut freed = 0;
    while let Some(row) = rows.next()? {
        freed += unsigned(row.get(0)?);
        if row.get_ref(1)? != rusqlite::types::ValueRef::Null {
            blobs.extend(<[u8; 32]>::try_from(bytes(row, 1)?).map(Digest));
        }
    }
    Ok(freed + parts::delete(connection, seq, blobs)?)
}

/// Remembers how many bytes of text are kept.
pub(crate) fn store_total(connection: &Connection, total: u64) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached("UPDATE meta SET value = ?1 WHERE name = 'text_bytes'")?;
    statement.execute([integer(total).to_string()]).map(drop)
}

/// The number of the last group of a shared log that is in this ledger; 0 when it has none.
pub(crate) fn stored_group(connection: &Connection) -> Result<u64, QueryError> {
    let group: Option<String> = connection
        .query_row("SELECT value FROM meta WHERE name = 'group'", [], |row| row.get(0))
        .optional()?;
    let Some(group) = group else { return Ok(0) };
    group.parse().map_err(|_| QueryError::Damaged(format!("the number of the last group is {group:?}")))
}

/// Remembers which group of a shared log was the last.
pub(crate) fn store_group(connection: &Connection, group: u64) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached("INSERT OR REPLACE INTO meta VALUES ('group', ?1)")?;
    statement.execute([integer(group).to_string()]).map(drop)
}
