//! A ledger's folder, verified from the first entry to the last.

use std::path::Path;

use mtor_core::Fact;
use mtor_core::merkle::{Hash, TileRoot, leaf_hash};
use mtor_identity::PublicKey;
use mtor_protocol::Digest;
use rusqlite::Connection;

use super::beside::Beside;
use super::since::Since;
use super::walk::Walk;
use super::{Verified, VerifyError};
use crate::checkpoint::Checkpoint;
use crate::columns::{integer, unsigned};
use crate::database::{Paths, open_reader};
use crate::error::QueryError;
use crate::journal::{self, bytes};
use crate::snapshot;

/// Verifies the ledger in `folder`, also while a broker uses it. `realm` is the key that must have signed it; without
/// it, the key that the ledger names is believed. Nothing is changed.
///
/// # Errors
/// [`VerifyError`] names the first thing that is wrong.
pub fn verify(folder: &Path, realm: Option<&PublicKey>) -> Result<Verified, VerifyError> {
    verify_since(folder, realm, &Since::default())
}

/// The same, and that the log begins with what it was when older checkpoints were signed.
///
/// # Errors
/// [`VerifyError`] names the first thing that is wrong.
pub fn verify_since(
    folder: &Path,
    realm: Option<&PublicKey>,
    since: &Since,
) -> Result<Verified, VerifyError> {
    let paths = Paths::new(folder);
    if !paths.database.exists() {
        let what = format!("{} does not exist: there is no ledger here", paths.database.display());
        return Err(VerifyError::Unreadable(what));
    }
    let unreadable = |error: rusqlite::Error| match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::DatabaseCorrupt | rusqlite::ErrorCode::NotADatabase) => {
            VerifyError::wrong(paths.database.display().to_string(), error)
        }
        _ => VerifyError::Unreadable(format!("{} can't be read: {error}", paths.database.display())),
    };
    let run = || -> Result<Verified, Fault> {
        let mut connection = open_reader(&paths.database)?;
        // One view of everything, whatever a broker writes meanwhile.
        let transaction = connection.transaction()?;
        check_pages(&transaction, &paths)?;
        let realm = check_realm(&transaction, realm)?;
        walk(&transaction, &paths, &realm, since)
    };
    run().map_err(|fault| match fault {
        Fault::Database(error) => unreadable(error),
        Fault::Query(QueryError::Database(error)) => unreadable(error),
        Fault::Query(error) => VerifyError::wrong(paths.database.display().to_string(), error),
        Fault::Found(error) => error,
    })
}

/// Why the verification stopped.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error(transparent)]
    Database(#[from] rusqlite::Error),
    #[error(transparent)]
    Query(#[from] QueryError),
    #[error(transparent)]
    Found(#[from] VerifyError),
}

/// SQLite's own check of its pages and indexes.
fn check_pages(connection: &Connection, paths: &Paths) -> Result<(), Fault> {
    let report: String = connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    match report.as_str() {
        "ok" => Ok(()),
        fault => Err(VerifyError::wrong(paths.database.display().to_string(), fault).into()),
    }
}

/// Whose ledger it is.
fn check_realm(connection: &Connection, expected: Option<&PublicKey>) -> Result<PublicKey, Fault> {
    let name: String =
        connection.query_row("SELECT value FROM meta WHERE name = 'realm'", [], |row| row.get(0))?;
    let realm = PublicKey::from_did(&name).map_err(|error| VerifyError::wrong("the realm's name", error))?;
    match expected {
        Some(expected) if *expected != realm => {
            let what = format!("the ledger belongs to {name}, not to {expected}");
            Err(VerifyError::wrong("the realm's name", what).into())
        }
        _ => Ok(realm),
    }
}

fn walk(connection: &Connection, paths: &Paths, realm: &PublicKey, since: &Since) -> Result<Verified, Fault> {
    let mut walk = Walk::new(realm, since)?;
    let mut beside = Beside::new(connection, paths)?;
    let mut marks = Marks::new(connection, realm)?;
    let mut tiles = 0u64;
    let mut statement = connection.prepare("SELECT seq, leaf, hash FROM journal ORDER BY seq")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        marks.check(&walk)?;
        let (seq, leaf) = (unsigned(row.get(0)?), bytes(row, 1)?);
        if seq != walk.entries() {
            let what = format!("it is missing; the next one there is {seq}");
            return Err(VerifyError::entry(walk.entries(), what).into());
        }
        if leaf_hash(leaf) != *bytes(row, 2)? {
            return Err(VerifyError::entry(seq, "it does not match its hash").into());
        }
        let entry = walk.read(leaf)?;
        let open = match &entry.fact {
            Fact::Settled { id, .. } => walk.state().open().get(id).cloned(),
            _ => None,
        };
        walk.step(leaf, &entry, |root| {
            tiles += 1;
            check_tile(connection, root)
        })?;
        beside.entry(&entry, open.as_ref())?;
    }
    marks.check(&walk)?;
    marks.finish(walk.entries())?;
    for open in walk.state().open().values() {
        beside.open_job(open)?;
    }
    beside.finish()?;
    let found: i64 = connection.query_row("SELECT count(*) FROM nodes", [], |row| row.get(0))?;
    if unsigned(found) != tiles {
        let what = format!("there are {found} rows, but the journal has given {tiles}");
        return Err(VerifyError::wrong("table nodes", what).into());
    }
    Ok(walk.finish()?)
}

/// The stored hash of a full tile is that of its leaves.
fn check_tile(connection: &Connection, root: TileRoot) -> Result<(), VerifyError> {
    let TileRoot { level, index, hash } = root;
    let stored = journal::hashes(connection, level, index, 1).unwrap_or_default();
    match stored.first() == Some(&hash) {
        true => Ok(()),
        false => Err(VerifyError::wrong(
            format!("tile hash {index} of level {level}"),
            "it is not that of the entries below it",
        )),
    }
}

/// Checkpoints and snapshots, each to be compared when the walk reaches its size.
struct Marks<'c> {
    connection: &'c Connection,
    realm: &'c PublicKey,
    /// Sizes with a checkpoint, the next one last.
    checkpoints: Vec<u64>,
    /// Sizes with a snapshot, the next one last.
    snapshots: Vec<u64>,
}

impl<'c> Marks<'c> {
    fn new(connection: &'c Connection, realm: &'c PublicKey) -> rusqlite::Result<Self> {
        let sizes = |sql| -> rusqlite::Result<Vec<u64>> {
            let mut statement = connection.prepare(sql)?;
            let rows = statement.query_map([], |row| row.get(0).map(unsigned))?;
            rows.collect()
        };
        Ok(Self {
            connection,
            realm,
            checkpoints: sizes("SELECT size FROM checkpoints ORDER BY size DESC")?,
            snapshots: sizes("SELECT entries FROM snapshots ORDER BY entries DESC")?,
        })
    }

    fn check(&mut self, walk: &Walk) -> Result<(), Fault> {
        if self.checkpoints.pop_if(|size| *size == walk.entries()).is_some() {
            self.check_checkpoint(walk.entries(), walk.root())?;
        }
        if self.snapshots.pop_if(|entries| *entries == walk.entries()).is_some() {
            self.check_snapshot(walk)?;
        }
        Ok(())
    }

    fn check_checkpoint(&self, size: u64, root: Hash) -> Result<(), Fault> {
        let wrong = |what: String| VerifyError::wrong(format!("checkpoint at {size}"), what);
        let note: String = self.connection.query_row(
            "SELECT note FROM checkpoints WHERE size = ?1",
            [integer(size)],
            |row| row.get(0),
        )?;
        let checkpoint = Checkpoint::open(&note, self.realm).map_err(|error| wrong(error.to_string()))?;
        if checkpoint.size != size {
            return Err(wrong(format!("it is signed over {} entries", checkpoint.size)).into());
        }
        match checkpoint.root == Digest(root) {
            true => Ok(()),
            false => Err(wrong("its root is not that of the entries before it".to_owned()).into()),
        }
    }

    fn check_snapshot(&self, walk: &Walk) -> Result<(), Fault> {
        let entries = walk.entries();
        let wrong = |what: &str| VerifyError::wrong(format!("snapshot at {entries}"), what);
        let (json, hash): (Vec<u8>, Vec<u8>) = self.connection.query_row(
            "SELECT state, hash FROM snapshots WHERE entries = ?1",
            [integer(entries)],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        let state = snapshot::parse(entries, &json, &hash).map_err(|fault| wrong(&fault))?;
        match state == *walk.state() {
            true => Ok(()),
            false => Err(wrong("it is not the state that the entries give").into()),
        }
    }

    /// Nothing is left that claims more entries than there are.
    fn finish(&self, entries: u64) -> Result<(), VerifyError> {
        let what = format!("the journal ends after {entries} entries");
        match (self.checkpoints.last(), self.snapshots.last()) {
            (Some(size), _) => Err(VerifyError::wrong(format!("checkpoint at {size}"), what)),
            (None, Some(size)) => Err(VerifyError::wrong(format!("snapshot at {size}"), what)),
            (None, None) => Ok(()),
        }
    }
}
