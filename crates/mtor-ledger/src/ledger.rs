//! The ledger: one folder, one writer, many readers.

use std::path::Path;
use std::sync::Arc;

use mtor_core::{Entry, State};
use mtor_identity::Keypair;
use mtor_protocol::http::{ApiKey, JobPage, LedgerInfo, MovementPage};
use mtor_protocol::{AccountId, Digest, JobId};

use crate::error::{CloseError, OpenError, QueryError, Unavailable};
use crate::record::{Batch, KeyRecord, StoredJob};
use crate::settings::Settings;

/// Called once a batch is on disk, on the writer's thread: it must be short and must not block.
pub type OnDurable = Box<dyn FnOnce() + Send>;

/// The durable record of a realm. Share it in an `Arc`; every method takes `&self` and may be called from any thread.
#[derive(Debug)]
pub struct Ledger {}

/// What a ledger remembers when it is opened.
#[derive(Debug)]
pub struct Recovered {
    /// The realm's durable state.
    pub state: State,
    /// What is stored about the jobs that are not settled, oldest first.
    pub open_jobs: Vec<StoredJob>,
}

/// Figures about a ledger, for metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stats {
    /// Entries in the journal that are durable.
    pub entries: u64,
    /// Transactions committed since it was opened.
    pub commits: u64,
    /// Tries to commit that failed since it was opened.
    pub failures: u64,
    /// Operations that wait to become durable.
    pub pending: usize,
    /// Bytes of questions and answers kept.
    pub text_bytes: u64,
}

impl Ledger {
    /// Opens the ledger in `folder`, which is created when it does not exist. `key` is the realm's: it signs checkpoints.
    ///
    /// # Errors
    /// [`OpenError`] says what is wrong and what to do. Nothing was changed then.
    pub fn open(
        _folder: &Path,
        _settings: Settings,
        _key: Arc<Keypair>,
    ) -> Result<(Self, Recovered), OpenError> {
        unimplemented!()
    }

    /// Makes a batch durable, then calls `on_durable`. Batches become durable, and are called back, in the order of
    /// the calls. When the disk is full or fails the batch is kept and tried again until it is durable.
    ///
    /// # Errors
    /// [`Unavailable`]: the batch was not taken, and never will be called back.
    pub fn commit(&self, _batch: Batch, _on_durable: OnDurable) -> Result<(), Unavailable> {
        unimplemented!()
    }

    /// Whether the last commit succeeded. While it is `false`, no new work should be taken on; what was taken is kept
    /// in memory and tried again.
    pub fn writable(&self) -> bool {
        unimplemented!()
    }

    /// Entries, root and whether it can write, as of the last commit.
    pub fn info(&self) -> LedgerInfo {
        unimplemented!()
    }

    /// Figures for metrics.
    pub fn stats(&self) -> Stats {
        unimplemented!()
    }

    /// Makes everything durable that was taken, stores a checkpoint, and releases the folder. Calling it again does
    /// nothing.
    ///
    /// # Errors
    /// [`CloseError`] when the disk does not take it.
    pub fn close(&self) -> Result<(), CloseError> {
        unimplemented!()
    }

    /// The signed checkpoint over everything that is durable: a C2SP signed note, for `/log/checkpoint`.
    pub fn checkpoint(&self) -> Arc<str> {
        unimplemented!()
    }

    /// A tile by its path below `/log/tile/`: `0/x001/234`, `1/000.p/17`, `entries/000.p/5`. `None` when the path is
    /// none, or the log is not as large yet.
    ///
    /// # Errors
    /// [`QueryError`] when the database can't be read.
    pub fn tile(&self, _path: &str) -> Result<Option<Vec<u8>>, QueryError> {
        unimplemented!()
    }

    /// Entries from number `first` on, at most `limit`.
    ///
    /// # Errors
    /// [`QueryError`]
    pub fn entries(&self, _first: u64, _limit: usize) -> Result<Vec<Entry>, QueryError> {
        unimplemented!()
    }

    /// What is stored about a job.
    ///
    /// # Errors
    /// [`QueryError`]
    pub fn job(&self, _id: JobId) -> Result<Option<StoredJob>, QueryError> {
        unimplemented!()
    }

    /// A page of an account's jobs, the newest first: those older than `before`, at most `limit`, with all words of `q`
    /// in question or answer, in whatever case. A page may have fewer jobs, even none, and yet a `next`, when a search
    /// looked at many.
    ///
    /// # Errors
    /// [`QueryError`]
    pub fn jobs(
        &self,
        _account: AccountId,
        _before: Option<JobId>,
        _limit: usize,
        _q: Option<&str>,
    ) -> Result<JobPage, QueryError> {
        unimplemented!()
    }

    /// A page of what came into an account and went out of it, the newest first: entries before `before`, at most `limit`.
    ///
    /// # Errors
    /// [`QueryError`]
    pub fn movements(
        &self,
        _account: AccountId,
        _before: Option<u64>,
        _limit: usize,
    ) -> Result<MovementPage, QueryError> {
        unimplemented!()
    }

    /// The commitment of the job's request or transfer's memo that has this id, if the id was ever taken; all zeros for
    /// coins that were issued.
    ///
    /// # Errors
    /// [`QueryError`]
    pub fn known_id(&self, _id: JobId) -> Result<Option<Digest>, QueryError> {
        unimplemented!()
    }

    /// The API key whose secret has this SHA-256, unless it was revoked.
    ///
    /// # Errors
    /// [`QueryError`]
    pub fn key_by_hash(&self, _hash: Digest) -> Result<Option<KeyRecord>, QueryError> {
        unimplemented!()
    }

    /// An account's API keys, without their secrets, the oldest first.
    ///
    /// # Errors
    /// [`QueryError`]
    pub fn keys(&self, _account: AccountId) -> Result<Vec<ApiKey>, QueryError> {
        unimplemented!()
    }

    /// A value that was stored with [`Record::Setting`](crate::Record::Setting).
    ///
    /// # Errors
    /// [`QueryError`]
    pub fn setting(&self, _name: &str) -> Result<Option<String>, QueryError> {
        unimplemented!()
    }
}
