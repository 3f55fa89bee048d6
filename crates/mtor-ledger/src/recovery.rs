//! What a ledger knows when it is opened: the newest snapshot and the entries after it, checked on the way.

use std::collections::HashMap;

use mtor_core::merkle::Frontier;
use mtor_identity::PublicKey;
use rusqlite::{Connection, OptionalExtension};

use crate::blobs::Blobs;
use crate::checkpoint::Checkpoint;
use crate::columns::unsigned;
use crate::database::{Paths, classify};
use crate::error::{OpenError, QueryError};
use crate::journal::{self, OpenJob, Tail};
use crate::ledger::Recovered;
use crate::writer::Start;
use crate::{jobs, snapshot, texts};

/// Reads everything that the writer and the realm start from.
pub(crate) fn recover(
    connection: &Connection,
    paths: &Paths,
    realm: &PublicKey,
) -> Result<(Start, Recovered), OpenError> {
    read(connection, paths, realm).map_err(|error| match error {
        QueryError::Database(error) => classify(paths, &error),
        QueryError::Damaged(what) => OpenError::damaged(&paths.database, what),
        QueryError::Closed => OpenError::damaged(&paths.database, error),
    })
}

fn read(connection: &Connection, paths: &Paths, realm: &PublicKey) -> Result<(Start, Recovered), QueryError> {
    let (mut state, faults) = snapshot::load(connection)?;
    for fault in faults {
        tracing::warn!("{fault}; the state is rebuilt from the journal instead");
    }
    let size = journal::count(connection)?;
    if state.entries() > size {
        let snapshot = state.entries();
        return Err(QueryError::Damaged(format!("it has {size} entries, but a snapshot after {snapshot}")));
    }
    journal::replay(connection, &mut state)?;
    let frontier =
        Frontier::rebuild(size, |level, first, count| journal::hashes(connection, level, first, count))?;
    let checkpoint_size = check_newest_checkpoint(connection, realm, &frontier)?;

    let blobs = Blobs::new(&paths.blobs);
    let (mut open_jobs, mut open) = (Vec::new(), HashMap::new());
    for (id, job) in state.open() {
        open_jobs.extend(jobs::read(connection, &blobs, *id)?);
        let seq = journal::seq_of(connection, *id)?
            .ok_or_else(|| QueryError::Damaged(format!("table ids: job {id} is missing")))?;
        open.insert(*id, OpenJob { payer: job.job.payer(), seq, has_part: true, settled_seq: None });
    }
    open_jobs.sort_by_key(|job| job.submitted);

    let start = Start {
        tail: Tail { frontier, open },
        state: state.clone(),
        text_bytes: texts::stored_total(connection)?,
        checkpoint_size,
        snapshot_entries: snapshot::newest(connection)?.min(size),
        group: texts::stored_group(connection)?,
    };
    Ok((start, Recovered { state, open_jobs }))
}

/// A checkpoint beyond the journal means that entries are gone; one of the same size must have the same root. Returns
/// its size, 0 when there is none.
fn check_newest_checkpoint(
    connection: &Connection,
    realm: &PublicKey,
    frontier: &Frontier,
) -> Result<u64, QueryError> {
    let newest: Option<(i64, String)> = connection
        .query_row("SELECT size, note FROM checkpoints ORDER BY size DESC LIMIT 1", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()?;
    let Some((size, note)) = newest else { return Ok(0) };
    let size = unsigned(size);
    let checkpoint = Checkpoint::open(&note, realm)
        .map_err(|error| QueryError::Damaged(format!("the checkpoint at {size}: {error}")))?;
    if checkpoint.size != size || size > frontier.size() {
        let entries = frontier.size();
        return Err(QueryError::Damaged(format!(
            "it has {entries} entries, but a checkpoint over {}",
            checkpoint.size.max(size)
        )));
    }
    if size == frontier.size() && checkpoint.root.0 != frontier.root() {
        return Err(QueryError::Damaged(format!(
            "the entries do not have the root of the checkpoint at {size}"
        )));
    }
    Ok(size)
}
