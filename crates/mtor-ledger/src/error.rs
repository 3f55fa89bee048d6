//! What can go wrong, and what to do about it.

use std::io;
use std::path::{Path, PathBuf};

/// Why a ledger can't be opened. Whatever it is, nothing in the folder was changed or overwritten.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process uses the folder.
    #[error(
        "{} is in use by another broker{}; stop that one, or start this one with another --data folder",
        folder.display(),
        match process { Some(process) => format!(" (process {process})"), None => String::new() }
    )]
    InUse {
        /// The folder.
        folder: PathBuf,
        /// The other process, when it says so.
        process: Option<u32>,
    },
    /// The folder or a file in it can't be read or written.
    #[error("{}: {source}; check that the folder exists on a disk with room and belongs to you", path.display())]
    Unreadable {
        /// What.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file is there but is not what it should be.
    #[error("{} is damaged: {what}. It was left as it is; restore it from a backup, or start with another --data folder", path.display())]
    Damaged {
        /// What.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// Written by a newer program.
    #[error("{} was written by a newer version (format {found}, this program knows {known}); use that version", path.display())]
    Newer {
        /// What.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// The newest that this program knows.
        known: u32,
    },
    /// The ledger belongs to another key.
    #[error("{} belongs to the realm {found}, but the key here is {expected}; bring back that realm's key file", path.display())]
    OtherRealm {
        /// What.
        path: PathBuf,
        /// Whose it is.
        found: String,
        /// Whose key was given.
        expected: String,
    },
    /// The SQLite that this program was built with must not be used.
    #[error("this program was built with {0}; build it again with the bundled SQLite")]
    Sqlite(String),
}

impl OpenError {
    pub(crate) fn damaged(path: &Path, what: impl ToString) -> Self {
        Self::Damaged { path: path.to_owned(), what: what.to_string() }
    }

    pub(crate) fn unreadable(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Unreadable { path: path.to_owned(), source }
    }
}

/// Why a batch is not taken. Nothing of it will be stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unavailable {
    /// Too much waits to become durable, because the disk is slow, full or broken.
    #[error("{pending} operations wait to become durable; try again when the disk has caught up")]
    Full {
        /// How many wait.
        pending: usize,
    },
    /// The ledger was closed.
    #[error("the ledger is closed")]
    Closed,
    /// An entry does not follow the one before it: a fault in the program that uses the ledger.
    #[error("entry {found} comes where entry {expected} should")]
    OutOfOrder {
        /// The number that should come.
        expected: u64,
        /// The number that came.
        found: u64,
    },
    /// An entry is longer than a leaf of the log can be.
    #[error("entry {0} is longer than a leaf of the log can be")]
    TooLong(u64),
}

/// Why a clean close did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum CloseError {
    /// Not everything could be made durable. What is missing was never acknowledged.
    #[error("{pending} operations could not be stored ({reason}); none of them was acknowledged")]
    NotDurable {
        /// How many.
        pending: usize,
        /// Why not.
        reason: String,
    },
    /// Another broker leads the realm. What is missing was never acknowledged.
    #[error(
        "another broker leads the realm now; {pending} operations were given up, none of them acknowledged"
    )]
    Deposed {
        /// How many.
        pending: usize,
    },
    /// The writer ended in a fault of this program.
    #[error("the ledger's writer stopped in a fault")]
    Stopped,
}

/// Why a query has no answer.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// The database can't be read.
    #[error("the ledger can't be read: {0}")]
    Database(#[from] rusqlite::Error),
    /// Something in the database or beside it is not what it should be.
    #[error("the ledger is damaged: {0}; run `mtor ledger verify`")]
    Damaged(String),
    /// The ledger was closed.
    #[error("the ledger is closed")]
    Closed,
}
