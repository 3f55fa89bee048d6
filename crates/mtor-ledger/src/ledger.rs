//! The ledger: one folder, one writer, many readers.

use std::fmt;
use std::fs;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use mtor_core::merkle::Frontier;
use mtor_core::{Entry, PriceNote, State, merkle};
use mtor_identity::Keypair;
use mtor_protocol::http::{ApiKey, JobPage, JobProofs, LedgerInfo, MovementPage};
use mtor_protocol::{AccountId, Digest, JobId, Part, Timestamp};

use crate::checkpoint::Checkpoint;
use crate::commitment::digest;
use crate::database::{self, Paths};
use crate::error::{CloseError, OpenError, QueryError, Unavailable};
use crate::lock::FolderLock;
use crate::proof::{self, Reveal, Shown};
use crate::queue::Queue;
use crate::readers::Readers;
use crate::record::{Batch, GrantRecord, KeyRecord, PasskeyRecord, PlanRecord, StoredJob};
use crate::settings::Settings;
use crate::shared::Shared;
use crate::shared_log::{FollowError, Group, SharedLog};
use crate::snapshot::Snapshot;
use crate::{jobs, journal, plans, prices, recovery, tiles, wallets, writer};

/// Called once a batch is on disk, on the writer's thread: it must be short and must not block.
pub type OnDurable = Box<dyn FnOnce() + Send>;

/// The durable record of a realm. Share it in an `Arc`; every method takes `&self` and may be called from any thread.
///
/// Queries read the disk: call them where blocking is allowed. [`commit`](Self::commit), [`writable`](Self::writable),
/// [`info`](Self::info), [`stats`](Self::stats) and [`checkpoint`](Self::checkpoint) never do.
pub struct Ledger {
    shared: Arc<Shared>,
    readers: Readers,
    threads: Mutex<Option<Threads>>,
}

/// What runs while a ledger is open.
struct Threads {
    writer: JoinHandle<Result<(), CloseError>>,
    keeper: JoinHandle<()>,
    lock: FolderLock,
}

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
        folder: &Path,
        settings: Settings,
        key: Arc<Keypair>,
    ) -> Result<(Self, Recovered), OpenError> {
        Self::open_shared(folder, settings, key, None)
    }

    /// The same, of the broker that leads others: whatever becomes durable is in the log that they share before it is durable here.
    ///
    /// # Errors
    /// As of [`open`](Self::open).
    pub fn open_shared(
        folder: &Path,
        settings: Settings,
        key: Arc<Keypair>,
        log: Option<Arc<dyn SharedLog>>,
    ) -> Result<(Self, Recovered), OpenError> {
        fs::create_dir_all(folder).map_err(OpenError::unreadable(folder))?;
        let lock = FolderLock::take(folder)?;
        let paths = Paths::new(folder);
        let connection = database::open_writer(&paths, &key.did())?;
        let (start, recovered) = recovery::recover(&connection, &paths, &key.public())?;

        let queue = Queue::new(start.tail.frontier.size(), settings.pending_operations_max);
        let readers = Readers::new(&paths.database);
        let shared = Arc::new(Shared::new(paths, key, queue, start.tail.frontier.clone()));
        shared.group.store(start.group, Ordering::Release);
        shared.set_database_bytes_max(settings.database_bytes_max);
        // One that waits is enough: the next one has everything that is in it.
        let (snapshots, states) = sync_channel(1);
        let failed = OpenError::unreadable(folder);
        let spawn = || -> std::io::Result<Threads> {
            let keeper = {
                let shared = Arc::clone(&shared);
                thread::Builder::new().name("ledger-keeper".into()).spawn(move || keep(&shared, &states))?
            };
            let shared = Arc::clone(&shared);
            let writer = thread::Builder::new()
                .name("ledger-writer".into())
                .spawn(move || writer::run(&shared, &settings, connection, start, snapshots, log))?;
            Ok(Threads { writer, keeper, lock })
        };
        let threads = spawn().map_err(failed)?;
        Ok((Self { shared, readers, threads: Mutex::new(Some(threads)) }, recovered))
    }

    /// Makes a batch durable, then calls `on_durable`. Batches become durable, and are called back, in the order of
    /// the calls. When the disk is full or fails the batch is kept and tried again until it is durable.
    ///
    /// # Errors
    /// [`Unavailable`]: the batch was not taken, and never will be called back.
    pub fn commit(&self, batch: Batch, on_durable: OnDurable) -> Result<(), Unavailable> {
        self.shared.queue.push(batch, Some(on_durable), None)
    }

    /// The number of the last group of the shared log that is in this ledger; 0 when there is none.
    pub fn group(&self) -> u64 {
        self.shared.group.load(Ordering::Acquire)
    }

    /// Takes the next group from the log that the realm's brokers share, and waits until it is durable here. Of a ledger that
    /// was opened to follow, not to lead.
    ///
    /// # Errors
    /// [`FollowError`]: nothing was changed then.
    pub fn follow(&self, group: &Group) -> Result<(), FollowError> {
        let expected = self.group() + 1;
        if group.number != expected {
            return Err(FollowError::OutOfOrder { expected, found: group.number });
        }
        let batch = group.batch()?;
        let here = self.shared.size() + batch.entries.len() as u64;
        if here != group.entries {
            return Err(FollowError::Parted { number: group.number, here, there: group.entries });
        }
        let (done, durable) = sync_channel(1);
        // The receiver below waits for it.
        let on_durable: OnDurable = Box::new(move || done.send(()).unwrap_or_default());
        self.shared.queue.push(batch, Some(on_durable), Some(group.number))?;
        durable.recv().map_err(|_| FollowError::Closed)
    }

    /// Whether the last commit succeeded. While it is `false`, no new work should be taken on; what was taken is kept
    /// in memory and tried again.
    pub fn writable(&self) -> bool {
        self.shared.writable.load(Ordering::Acquire)
    }

    /// Entries, root and whether it can write, as of the last commit.
    pub fn info(&self) -> LedgerInfo {
        let checkpoint = self.shared.checkpoint();
        LedgerInfo { entries: checkpoint.size, root: checkpoint.root, writable: self.writable() }
    }

    /// Figures for metrics.
    pub fn stats(&self) -> Stats {
        Stats {
            entries: self.shared.size(),
            commits: self.shared.commits.load(Ordering::Relaxed),
            failures: self.shared.failures.load(Ordering::Relaxed),
            pending: self.shared.queue.pending(),
            text_bytes: self.shared.text_bytes.load(Ordering::Relaxed),
        }
    }

    /// Changes [`Settings::database_bytes_max`]; holds from the next commit on.
    pub fn set_database_bytes_max(&self, bytes: Option<u64>) {
        self.shared.set_database_bytes_max(bytes);
    }

    /// Makes everything durable that was taken, stores a checkpoint, and releases the folder. Calling it again does
    /// nothing.
    ///
    /// # Errors
    /// [`CloseError`] when the disk does not take it.
    pub fn close(&self) -> Result<(), CloseError> {
        self.shared.queue.close();
        self.join()
    }

    /// Stops at once, as a crash would: what is not durable yet is lost, and nothing more is called back.
    pub fn abandon(&self) {
        self.shared.queue.abandon();
        // An abandoned writer has nothing left to report.
        let _ = self.join();
    }

    fn join(&self) -> Result<(), CloseError> {
        // Readers go first: the last connection that is closed tidies the write-ahead log up.
        self.readers.close();
        let threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(Threads { writer, keeper, lock }) = threads else { return Ok(()) };
        let result = writer.join().unwrap_or(Err(CloseError::Stopped));
        let keeper = keeper.join().map_err(|_| CloseError::Stopped);
        drop(lock);
        result.and(keeper)
    }

    /// The signed checkpoint over everything that is durable: a C2SP signed note, for `/log/checkpoint`.
    pub fn checkpoint(&self) -> Arc<str> {
        self.shared.note()
    }

    /// The proof that the first `old` entries are the beginning of the first `new` (RFC 6962, section 2.1.2), which must be
    /// there. Empty when there is nothing to prove.
    ///
    /// # Errors
    /// [`QueryError`]
    pub fn consistency(&self, old: u64, new: u64) -> Result<Vec<merkle::Hash>, QueryError> {
        self.readers.query(|connection| {
            merkle::consistency(old, new, &mut |level, first, count| {
                journal::hashes(connection, level, first, count)
            })
        })
    }

    /// The root over the first entries, as it was when there were no more of them; `None` when there are fewer.
    ///
    /// # Errors
    /// [`QueryError`]
    pub fn root_at(&self, size: u64) -> Result<Option<Digest>, QueryError> {
        if size > self.shared.size() {
            return Ok(None);
        }
        let tree = self.readers.query(|connection| {
            Frontier::rebuild(size, |level, first, count| journal::hashes(connection, level, first, count))
        })?;
        Ok(Some(Digest(tree.root())))
    }

    /// A tile by its path below `/log/tile/`: `0/x001/234`, `1/000.p/17`, `entries/000.p/5`. `None` when the path is
    /// none, or the log is not as large yet.
    ///
    /// # Errors
    /// [`QueryError`] when the database can't be read.
    pub fn tile(&self, path: &str) -> Result<Option<Vec<u8>>, QueryError> {
        let size = self.shared.size();
        self.readers.query(|connection| tiles::read(connection, size, path))
    }

    /// Entries from number `first` on, at most `limit`.
    ///
    /// # Errors
    /// [`QueryError`]
    pub fn entries(&self, first: u64, limit: usize) -> Result<Vec<Entry>, QueryError> {
        self.readers.query(|connection| journal::read(connection, first, limit))
    }

    /// Proofs of what the journal says of a job, to be shown to anybody. With `reveal` they show what was asked and answered
    /// too, as far as it is still kept, and is text. They are made for the checkpoint of this log in `cosigned`, if that is large
    /// enough for all of them, else for the newest.
    ///
    /// # Errors
    /// [`QueryError`]
    pub fn job_proofs(
        &self,
        job: &StoredJob,
        reveal: Reveal,
        cosigned: Option<&str>,
    ) -> Result<JobProofs, QueryError> {
        let size_of = |note: &str| {
            Checkpoint::open(note, &self.shared.realm.public())
                .map(|checkpoint| checkpoint.size)
                .map_err(|error| QueryError::Damaged(format!("the checkpoint: {error}")))
        };
        let newest = self.checkpoint();
        let last = job.settled_seq.unwrap_or(job.accepted_seq);
        let (note, size) = match cosigned.map(|note| size_of(note).map(|size| (note, size))).transpose()? {
            Some((note, size)) if last < size => (note, size),
            _ => (&*newest, size_of(&newest)?),
        };
        let (all, worker) = (reveal == Reveal::All, reveal != Reveal::Nothing);
        let salt = worker.then(|| proof::salt_text(&job.salt));
        let request = job.request_json.clone().filter(|_| all);
        let order = job.order_json.clone().filter(|_| request.is_some());
        let receipt = job.receipt_json.clone().filter(|_| worker);
        // Of sound only the digest is kept, so that there is nothing to show.
        let is_whole = |text: &String| job.output == Some(digest(text.as_bytes()));
        let answer = job.text.clone().filter(|text| all && is_whole(text));
        self.readers.query(|connection| {
            let prove = |seq: u64, shown: Shown| {
                let leaf = journal::leaf(connection, seq)?
                    .ok_or_else(|| QueryError::Damaged(format!("entry {seq} is missing")))?;
                let path = merkle::path(seq, size, &mut |level, first, count| {
                    journal::hashes(connection, level, first, count)
                })?;
                let shows = [&shown.request, &shown.answer, &shown.receipt].iter().any(|part| part.is_some());
                let shown = Shown { leaf, salt: salt.clone().filter(|_| shows), ..shown };
                Ok::<_, QueryError>(proof::write(seq, &shown, &path, note))
            };
            let settled = job.settled_seq.filter(|seq| *seq < size);
            Ok(JobProofs {
                job: job.id,
                accepted: prove(job.accepted_seq, Shown { request, order, ..Shown::default() })?,
                settled: settled
                    .map(|seq| prove(seq, Shown { answer, receipt, ..Shown::default() }))
                    .transpose()?,
            })
        })
    }

    /// What is stored about a job.
    ///
    /// # Errors
    /// [`QueryError`]
    pub fn job(&self, id: JobId) -> Result<Option<StoredJob>, QueryError> {
        self.readers.query(|connection| jobs::read(connection, &self.shared.blobs, id))
    }

    /// The bytes of a part that is kept.
    ///
    /// # Errors
    /// [`QueryError`], also when the file is not what its name says.
    pub fn part(&self, part: &Part) -> Result<Vec<u8>, QueryError> {
        self.shared.blobs.get_bytes(&part.sha256)
    }

    /// What is stored about a job that an account was paid for.
    ///
    /// # Errors
    /// [`QueryError`]
    pub fn worked_job(&self, account: AccountId, id: JobId) -> Result<Option<StoredJob>, QueryError> {
        self.readers.query(|connection| {
            let job = jobs::read(connection, &self.shared.blobs, id)?;
            let Some(seq) = job.as_ref().and_then(|job| job.settled_seq) else { return Ok(None) };
            let earned = wallets::earned(connection, account, seq)?;
            Ok(job.filter(|_| earned))
        })
    }

    /// A page of an account's jobs, the newest first: those older than `before`, at most `limit`, with all words of `q`
    /// in question or answer, in whatever case. A page may have fewer jobs, even none, and yet a `next`, when a search
    /// looked at many.
    ///
    /// # Errors
    /// [`QueryError`]
    pub fn jobs(
        &self,
        account: AccountId,
        before: Option<JobId>,
        limit: usize,
        q: Option<&str>,
    ) -> Result<JobPage, QueryError> {
        let blobs = &self.shared.blobs;
        self.readers.query(|connection| jobs::page(connection, blobs, account, before, limit, q))
    }

    /// A page of what came into an account and went out of it, the newest first: entries before `before`, at most `limit`.
    ///
    /// # Errors
    /// [`QueryError`]
    pub fn movements(
        &self,
        account: AccountId,
        before: Option<u64>,
        limit: usize,
    ) -> Result<MovementPage, QueryError> {
        self.readers.query(|connection| wallets::movements(connection, account, before, limit))
    }

    /// The commitment of the job's request or transfer's memo that has this id, if the id was ever taken; all zeros for
    /// coins that were issued.
    ///
    /// # Errors
    /// [`QueryError`]
    pub fn known_id(&self, id: JobId) -> Result<Option<Digest>, QueryError> {
        self.readers.query(|connection| wallets::known_id(connection, id))
    }

    /// The API key whose secret has this SHA-256, unless it was revoked.
    ///
    /// # Errors
    /// [`QueryError`]
    pub fn key_by_hash(&self, hash: Digest) -> Result<Option<KeyRecord>, QueryError> {
        self.readers.query(|connection| wallets::key_by_hash(connection, hash))
    }

    /// A wallet's API keys, without their secrets, the oldest first.
    ///
    /// # Errors
    /// [`QueryError`]
    pub fn keys(&self, wallet: AccountId) -> Result<Vec<ApiKey>, QueryError> {
        self.readers.query(|connection| wallets::keys(connection, wallet))
    }

    /// What a passkey has sealed, by the SHA-256 of its credential's id.
    ///
    /// # Errors
    /// [`QueryError`]
    pub fn passkey(&self, id: Digest) -> Result<Option<PasskeyRecord>, QueryError> {
        self.readers.query(|connection| wallets::passkey(connection, id))
    }

    /// The passkeys under which a wallet has something sealed, the oldest first, with when each was.
    ///
    /// # Errors
    /// [`QueryError`]
    pub fn passkeys(&self, wallet: AccountId) -> Result<Vec<(Digest, Timestamp)>, QueryError> {
        self.readers.query(|connection| wallets::passkeys(connection, wallet))
    }

    /// What these grants are called and whom they are for, also when they have ended; those that never were are left out.
    ///
    /// # Errors
    /// [`QueryError`]
    pub fn grants(&self, ids: &[JobId]) -> Result<Vec<GrantRecord>, QueryError> {
        self.readers.query(|connection| wallets::grants(connection, ids))
    }

    /// What is kept of a request of several steps.
    ///
    /// # Errors
    /// [`QueryError`]
    pub fn plan(&self, id: JobId) -> Result<Option<PlanRecord>, QueryError> {
        self.readers.query(|connection| plans::plan(connection, id))
    }

    /// The requests of several steps of an account, the newest first.
    ///
    /// # Errors
    /// [`QueryError`]
    pub fn plans(
        &self,
        account: AccountId,
        before: Option<JobId>,
        limit: usize,
    ) -> Result<Vec<PlanRecord>, QueryError> {
        self.readers.query(|connection| plans::page(connection, account, before, limit))
    }

    /// The requests of several steps that are not over, the oldest first: of one account, or of all.
    ///
    /// # Errors
    /// [`QueryError`]
    pub fn open_plans(&self, account: Option<AccountId>) -> Result<Vec<PlanRecord>, QueryError> {
        self.readers.query(|connection| plans::open(connection, account))
    }

    /// What wares cost since then, the oldest first: every minute of the last day, and before that every quarter of an hour; or
    /// those alone, when it is to be `coarse`.
    ///
    /// # Errors
    /// When the database can't be read.
    pub fn prices(&self, since: Timestamp, coarse: bool) -> Result<Vec<PriceNote>, QueryError> {
        self.readers.query(|connection| prices::since(connection, since, coarse))
    }

    /// A value that was stored with [`Record::Setting`](crate::Record::Setting).
    ///
    /// # Errors
    /// [`QueryError`]
    pub fn setting(&self, name: &str) -> Result<Option<String>, QueryError> {
        self.readers.query(|connection| wallets::setting(connection, name))
    }
}

impl Drop for Ledger {
    fn drop(&mut self) {
        if let Err(error) = self.close() {
            tracing::error!("{error}");
        }
    }
}

impl fmt::Debug for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (folder, stats) = (&self.shared.paths.folder, self.stats());
        f.debug_struct("Ledger").field("folder", folder).field("stats", &stats).finish_non_exhaustive()
    }
}

/// The keeper: makes snapshots of the writer's states, without holding up commits. Ends when the writer has.
fn keep(shared: &Shared, states: &Receiver<State>) {
    while let Ok(state) = states.recv() {
        match Snapshot::of(&state) {
            Ok(snapshot) => shared.queue.push_snapshot(snapshot),
            Err(error) => tracing::warn!("no snapshot was made: {error}"),
        }
    }
}
