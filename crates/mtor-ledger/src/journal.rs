//! The journal in the database: entries are appended with their hashes and what is found by them, and read back.

use std::collections::HashMap;

use mtor_core::merkle::{Frontier, Hash, TileRoot, leaf_hash};
use mtor_core::{Entry, Fact, Leg, State, is_the_realms};
use mtor_protocol::{AccountId, JobId, Micro};
use rusqlite::{Connection, OptionalExtension, Statement, params};

use crate::columns::{account_bytes, id_bytes, integer, unsigned};
use crate::error::QueryError;

/// What an entry means for one account; the number is what the database holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Moved {
    Job = 1,
    Earned = 2,
    Sent = 3,
    Received = 4,
    Issued = 5,
    Granted = 6,
    Returned = 7,
    Started = 8,
    Forfeited = 9,
    Refunded = 10,
}

impl Moved {
    pub(crate) fn from_number(number: i64) -> Option<Self> {
        const ALL: [Moved; 10] = [
            Moved::Job,
            Moved::Earned,
            Moved::Sent,
            Moved::Received,
            Moved::Issued,
            Moved::Granted,
            Moved::Returned,
            Moved::Started,
            Moved::Forfeited,
            Moved::Refunded,
        ];
        ALL.into_iter().find(|kind| *kind as i64 == number)
    }
}

/// Appends entries inside the writer's transaction.
pub(crate) struct JournalWriter<'c> {
    insert_entry: Statement<'c>,
    insert_node: Statement<'c>,
    insert_id: Statement<'c>,
    insert_movement: Statement<'c>,
    leaf: Vec<u8>,
    completed: Vec<TileRoot>,
}

/// What is in the journal, as far as the writer must know it to append.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tail {
    pub(crate) frontier: Frontier,
    /// The jobs that are not settled.
    pub(crate) open: HashMap<JobId, OpenJob>,
}

/// A job that is not settled, as the writer must know it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OpenJob {
    /// Who pays.
    pub(crate) payer: AccountId,
    /// The entry that accepted it.
    pub(crate) seq: u64,
    /// Whether a part of its answer may be stored.
    pub(crate) has_part: bool,
    /// The entry that settles it, in the batch at hand.
    pub(crate) settled_seq: Option<u64>,
}

impl<'c> JournalWriter<'c> {
    pub(crate) fn new(connection: &'c Connection) -> rusqlite::Result<Self> {
        Ok(Self {
            insert_entry: connection.prepare("INSERT INTO journal VALUES (?1, ?2, ?3)")?,
            insert_node: connection.prepare("INSERT INTO nodes VALUES (?1, ?2, ?3)")?,
            // An id that comes back stays with the entry that had it first.
            insert_id: connection.prepare("INSERT INTO ids VALUES (?1, ?2) ON CONFLICT DO NOTHING")?,
            insert_movement: connection
                .prepare("INSERT INTO movements VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING")?,
            leaf: Vec::with_capacity(1_024),
            completed: Vec::new(),
        })
    }

    /// Appends one entry. `frontier` moves on with it. The payer is that of the job that a settlement ends.
    pub(crate) fn append(
        &mut self,
        entry: &Entry,
        frontier: &mut Frontier,
        payer: Option<AccountId>,
    ) -> rusqlite::Result<()> {
        self.leaf.clear();
        serde_json::to_writer(&mut self.leaf, entry)
            .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
        let hash = leaf_hash(&self.leaf);
        self.insert_entry.execute(params![integer(entry.seq), self.leaf, hash])?;
        frontier.append(hash, |root| self.completed.push(root));
        for root in self.completed.drain(..) {
            self.insert_node.execute(params![root.level, integer(root.index), root.hash])?;
        }
        if let Some(id) = taken_id(&entry.fact) {
            self.insert_id.execute(params![id_bytes(id), integer(entry.seq)])?;
        }
        for (account, kind) in movements(&entry.fact, payer) {
            self.insert_movement.execute(params![account_bytes(account), integer(entry.seq), kind as u8])?;
        }
        Ok(())
    }
}

/// The id of the job or transfer that an entry takes, so that it can't be used for anything else.
pub(crate) fn taken_id(fact: &Fact) -> Option<JobId> {
    match fact {
        Fact::Issued { id, .. } | Fact::Started { id, .. } | Fact::Transferred { id, .. } => Some(*id),
        Fact::Granted { id, .. } => Some(*id),
        Fact::Accepted { job, .. } => Some(job.id),
        Fact::Keys { statement, .. } => statement.as_ref().map(|statement| statement.id),
        Fact::Founded { .. }
        | Fact::Settled { .. }
        | Fact::Filled { .. }
        | Fact::Revoked { .. }
        | Fact::Validated { .. }
        | Fact::Matured { .. }
        | Fact::Appealed { .. }
        | Fact::Pardoned { .. }
        | Fact::Forfeited { .. }
        | Fact::Peered { .. }
        | Fact::Parted { .. }
        | Fact::Balanced { .. } => None,
    }
}

/// Whose movements an entry is one of. The realm's own accounts have no page of movements: the journal says it all.
/// A leg to an account that has one already is the same movement; the database keeps it once.
pub(crate) fn movements(fact: &Fact, payer: Option<AccountId>) -> impl Iterator<Item = (AccountId, Moved)> {
    let moved = match fact {
        Fact::Issued { to, .. } => [Some((*to, Moved::Issued)), None],
        Fact::Started { to, .. } => [Some((*to, Moved::Started)), None],
        Fact::Transferred { from, to, .. } => [Some((*from, Moved::Sent)), Some((*to, Moved::Received))],
        Fact::Settled { legs, .. } if !legs.is_empty() => [payer.map(|payer| (payer, Moved::Job)), None],
        Fact::Filled { from, to, .. } => [Some((*from, Moved::Granted)), Some((*to, Moved::Received))],
        Fact::Revoked { from, to, amount, .. } if *amount > Micro::ZERO => {
            [Some((*from, Moved::Sent)), Some((*to, Moved::Returned))]
        }
        // What was earned is counted when it is, held back or not; so only what is lost of it is news.
        Fact::Forfeited { worker, legs, .. } if !legs.is_empty() => [Some((*worker, Moved::Forfeited)), None],
        Fact::Settled { .. }
        | Fact::Accepted { .. }
        | Fact::Founded { .. }
        | Fact::Granted { .. }
        | Fact::Revoked { .. }
        | Fact::Validated { .. }
        | Fact::Keys { .. }
        | Fact::Matured { .. }
        | Fact::Appealed { .. }
        | Fact::Pardoned { .. }
        | Fact::Forfeited { .. }
        | Fact::Peered { .. }
        | Fact::Parted { .. }
        | Fact::Balanced { .. } => [None, None],
    };
    let (legs, kind): (&[Leg], _) = match fact {
        Fact::Settled { legs, .. } => (legs, Moved::Earned),
        Fact::Forfeited { legs, .. } => (legs, Moved::Refunded),
        _ => (&[], Moved::Earned),
    };
    let earned = legs.iter().map(move |leg| (leg.to, kind));
    moved.into_iter().flatten().chain(earned).filter(move |(account, _)| !is_the_realms(*account))
}

/// Entries in the journal.
pub(crate) fn count(connection: &Connection) -> rusqlite::Result<u64> {
    connection.query_row("SELECT coalesce(max(seq) + 1, 0) FROM journal", [], |row| row.get(0)).map(unsigned)
}

/// The entry that took an id, if any did.
pub(crate) fn seq_of(connection: &Connection, id: JobId) -> rusqlite::Result<Option<u64>> {
    let mut statement = connection.prepare_cached("SELECT seq FROM ids WHERE id = ?1")?;
    statement.query_row([id_bytes(id)], |row| row.get(0)).optional().map(|seq| seq.map(unsigned))
}

/// One leaf as it stands.
pub(crate) fn leaf(connection: &Connection, seq: u64) -> Result<Option<String>, QueryError> {
    let mut statement = connection.prepare_cached("SELECT leaf FROM journal WHERE seq = ?1")?;
    let leaf: Option<Vec<u8>> = statement.query_row([integer(seq)], |row| row.get(0)).optional()?;
    let text = leaf.map(String::from_utf8).transpose();
    text.map_err(|_| QueryError::Damaged(format!("entry {seq} is no text")))
}

/// Reads one leaf, after checking it against the hash beside it.
pub(crate) fn parse_leaf(seq: u64, leaf: &[u8], hash: &[u8]) -> Result<Entry, QueryError> {
    if leaf_hash(leaf) != *hash {
        return Err(QueryError::Damaged(format!("entry {seq} does not match its hash")));
    }
    serde_json::from_slice(leaf)
        .map_err(|error| QueryError::Damaged(format!("entry {seq} can't be read: {error}")))
}

/// Applies every entry that the state does not have yet.
pub(crate) fn replay(connection: &Connection, state: &mut State) -> Result<(), QueryError> {
    let mut statement =
        connection.prepare("SELECT seq, leaf, hash FROM journal WHERE seq >= ?1 ORDER BY seq")?;
    let mut rows = statement.query([integer(state.entries())])?;
    while let Some(row) = rows.next()? {
        let seq = unsigned(row.get(0)?);
        let entry = parse_leaf(seq, bytes(row, 1)?, bytes(row, 2)?)?;
        state.apply(&entry).map_err(|error| QueryError::Damaged(error.to_string()))?;
    }
    Ok(())
}

/// Entries from number `first` on.
pub(crate) fn read(connection: &Connection, first: u64, limit: usize) -> Result<Vec<Entry>, QueryError> {
    let mut statement = connection
        .prepare_cached("SELECT seq, leaf, hash FROM journal WHERE seq >= ?1 ORDER BY seq LIMIT ?2")?;
    let mut rows = statement.query(params![integer(first), limit as i64])?;
    let mut entries = Vec::new();
    while let Some(row) = rows.next()? {
        entries.push(parse_leaf(unsigned(row.get(0)?), bytes(row, 1)?, bytes(row, 2)?)?);
    }
    Ok(entries)
}

/// A column of bytes, without copying it.
pub(crate) fn bytes<'r>(row: &'r rusqlite::Row<'_>, column: usize) -> rusqlite::Result<&'r [u8]> {
    let value = row.get_ref(column)?;
    value
        .as_blob()
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(column, value.data_type(), error.into()))
}

/// Hashes of one level of tiles from number `first` on. Level 0 are the leaves.
pub(crate) fn hashes(
    connection: &Connection,
    level: u32,
    first: u64,
    count: u64,
) -> Result<Vec<Hash>, QueryError> {
    let (first, end) = (integer(first), integer(first + count));
    let mut statement = match level {
        0 => connection.prepare_cached(
            "SELECT hash FROM journal WHERE ?1 = 0 AND seq >= ?2 AND seq < ?3 ORDER BY seq",
        )?,
        _ => connection.prepare_cached(
            "SELECT hash FROM nodes WHERE level = ?1 AND idx >= ?2 AND idx < ?3 ORDER BY idx",
        )?,
    };
    let rows = statement.query_map(params![level, first, end], |row| row.get::<_, Hash>(0))?;
    let hashes = rows.collect::<rusqlite::Result<Vec<_>>>()?;
    match hashes.len() as u64 == count {
        true => Ok(hashes),
        false => Err(QueryError::Damaged(format!("hashes of level {level} from {first} on are missing"))),
    }
}
