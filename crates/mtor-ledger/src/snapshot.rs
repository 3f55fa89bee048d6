//! Snapshots of the state: they shorten replay, and are never needed. The writer keeps the state of what is durable; from a
//! copy of that they are made beside it, so that commits go on meanwhile, and no entry has to be read back.

use mtor_core::State;
use rusqlite::{Connection, OptionalExtension, params};

use crate::columns::{integer, unsigned};
use crate::commitment::digest;
use crate::error::QueryError;

/// A state as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Snapshot {
    /// After so many entries.
    pub(crate) entries: u64,
    state: Vec<u8>,
}

impl Snapshot {
    pub(crate) fn of(state: &State) -> Result<Self, QueryError> {
        let json = serde_json::to_vec(state).map_err(|error| QueryError::Damaged(error.to_string()))?;
        Ok(Self { entries: state.entries(), state: json })
    }

    /// How large it is.
    pub(crate) fn bytes(&self) -> usize {
        self.state.len()
    }

    /// Stores it, and forgets all but the newest `kept`.
    pub(crate) fn store(&self, connection: &Connection, kept: usize) -> rusqlite::Result<()> {
        connection.execute(
            "INSERT OR REPLACE INTO snapshots VALUES (?1, ?2, ?3)",
            params![integer(self.entries), self.state, digest(&self.state).0],
        )?;
        connection.execute(
            "DELETE FROM snapshots WHERE entries NOT IN (SELECT entries FROM snapshots ORDER BY entries DESC LIMIT ?1)",
            [kept as i64],
        )?;
        Ok(())
    }
}

/// The newest state that a snapshot gives, with what was wrong with newer ones. An empty state when there is none.
pub(crate) fn load(connection: &Connection) -> Result<(State, Vec<String>), QueryError> {
    let mut statement =
        connection.prepare("SELECT entries, state, hash FROM snapshots ORDER BY entries DESC")?;
    let mut rows = statement.query([])?;
    let mut faults = Vec::new();
    while let Some(row) = rows.next()? {
        let entries = unsigned(row.get(0)?);
        match parse(
            entries,
            row.get_ref(1)?.as_blob().unwrap_or_default(),
            row.get_ref(2)?.as_blob().unwrap_or_default(),
        ) {
            Ok(state) => return Ok((state, faults)),
            Err(fault) => faults.push(format!("the snapshot at {entries} {fault}")),
        }
    }
    Ok((State::default(), faults))
}

/// The state in a snapshot, or what is wrong with it.
pub(crate) fn parse(entries: u64, json: &[u8], hash: &[u8]) -> Result<State, String> {
    if digest(json).0 != *hash {
        return Err("does not match its hash".to_owned());
    }
    let state: State = serde_json::from_slice(json).map_err(|error| format!("can't be read: {error}"))?;
    match state.entries() == entries {
        true => Ok(state),
        false => Err(format!("is of a state after {} entries", state.entries())),
    }
}

/// After how many entries the newest snapshot was made.
pub(crate) fn newest(connection: &Connection) -> rusqlite::Result<u64> {
    let newest: Option<Option<i64>> =
        connection.query_row("SELECT max(entries) FROM snapshots", [], |row| row.get(0)).optional()?;
    Ok(newest.flatten().map_or(0, unsigned))
}
