//! What the writer, the readers and the ledger's handle have in common.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use mtor_core::merkle::Frontier;
use mtor_identity::Keypair;
use mtor_protocol::Digest;

use crate::blobs::Blobs;
use crate::checkpoint::Checkpoint;
use crate::database::Paths;
use crate::queue::Queue;

/// No limit on the database's size.
pub(crate) const UNLIMITED: u64 = u64::MAX;

/// Shared by all threads of one ledger.
pub(crate) struct Shared {
    pub(crate) paths: Paths,
    pub(crate) blobs: Blobs,
    pub(crate) realm: Arc<Keypair>,
    pub(crate) queue: Queue,
    pub(crate) writable: AtomicBool,
    pub(crate) commits: AtomicU64,
    pub(crate) failures: AtomicU64,
    pub(crate) text_bytes: AtomicU64,
    /// The number of the last group of the shared log that is durable here.
    pub(crate) group: AtomicU64,
    /// The largest that the database may become, in bytes; [`UNLIMITED`] for as large as the disk.
    pub(crate) database_bytes_max: AtomicU64,
    head: Mutex<Head>,
}

/// The log as of the last commit, and the checkpoint over it once somebody has asked.
struct Head {
    frontier: Frontier,
    note: Option<Arc<str>>,
}

impl Shared {
    pub(crate) fn new(paths: Paths, realm: Arc<Keypair>, queue: Queue, frontier: Frontier) -> Self {
        Self {
            blobs: Blobs::new(&paths.blobs),
            paths,
            realm,
            queue,
            writable: AtomicBool::new(true),
            commits: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            text_bytes: AtomicU64::new(0),
            group: AtomicU64::new(0),
            database_bytes_max: AtomicU64::new(UNLIMITED),
            head: Mutex::new(Head { frontier, note: None }),
        }
    }

    /// `None` for as large as the disk.
    pub(crate) fn set_database_bytes_max(&self, bytes: Option<u64>) {
        self.database_bytes_max.store(bytes.unwrap_or(UNLIMITED), Ordering::Relaxed);
    }

    /// A commit has succeeded.
    pub(crate) fn advance(&self, frontier: &Frontier) {
        self.commits.fetch_add(1, Ordering::Relaxed);
        let mut head = self.head();
        if head.frontier.size() != frontier.size() {
            head.frontier.clone_from(frontier);
            head.note = None;
        }
    }

    /// Size and root of what is durable.
    pub(crate) fn checkpoint(&self) -> Checkpoint {
        let frontier = self.head().frontier.clone();
        Checkpoint { size: frontier.size(), root: Digest(frontier.root()) }
    }

    /// Entries that are durable.
    pub(crate) fn size(&self) -> u64 {
        self.head().frontier.size()
    }

    /// The signed checkpoint; signed when it is first asked for.
    pub(crate) fn note(&self) -> Arc<str> {
        let mut head = self.head();
        if let Some(note) = &head.note {
            return Arc::clone(note);
        }
        let checkpoint = Checkpoint { size: head.frontier.size(), root: Digest(head.frontier.root()) };
        let note: Arc<str> = checkpoint.sign(&self.realm).into();
        head.note = Some(Arc::clone(&note));
        note
    }

    fn head(&self) -> std::sync::MutexGuard<'_, Head> {
        self.head.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
