//! Connections for queries: opened when needed, kept for the next, and never in the writer's way.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;

use crate::database::open_reader;
use crate::defaults::READERS_MAX;
use crate::error::QueryError;

/// The connections that nobody uses at the moment; `None` once the ledger is closed.
pub(crate) struct Readers {
    database: PathBuf,
    idle: Mutex<Option<Vec<Connection>>>,
}

impl Readers {
    pub(crate) fn new(database: &Path) -> Self {
        Self { database: database.to_owned(), idle: Mutex::new(Some(Vec::new())) }
    }

    /// Runs a query on a connection that sees everything that is durable now.
    pub(crate) fn query<T>(
        &self,
        query: impl FnOnce(&Connection) -> Result<T, QueryError>,
    ) -> Result<T, QueryError> {
        let idle = match &mut *self.idle() {
            Some(idle) => idle.pop(),
            None => return Err(QueryError::Closed),
        };
        let connection = match idle {
            Some(connection) => connection,
            None => open_reader(&self.database)?,
        };
        let result = query(&connection);
        // After an error the connection is not kept: the next query starts afresh.
        if result.is_ok()
            && let Some(idle) = &mut *self.idle()
            && idle.len() < READERS_MAX
        {
            idle.push(connection);
        }
        result
    }

    /// Closes the idle connections, and those in use when their query ends.
    pub(crate) fn close(&self) {
        *self.idle() = None;
    }

    fn idle(&self) -> MutexGuard<'_, Option<Vec<Connection>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
