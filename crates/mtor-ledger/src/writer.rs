//! The writer: the one thread that changes the database. It takes what has gathered, makes it durable in one
//! transaction, and only then calls back.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::SyncSender;
use std::thread;
use std::time::Instant;

use mtor_core::merkle::Frontier;
use mtor_core::{Entry, Fact, State};
use mtor_protocol::{Digest, Timestamp};
use rusqlite::Connection;

use crate::checkpoint::Checkpoint;
use crate::columns::integer;
use crate::defaults::{
    CHECKPOINT_INTERVAL, RETRY_PAUSE_MAX, RETRY_PAUSE_MIN, SNAPSHOT_AT_CLOSE_ENTRIES, SNAPSHOTS_KEPT,
};
use crate::error::{CloseError, QueryError};
use crate::journal::{self, JournalWriter, OpenJob, Tail};
use crate::queue::{End, Pending};
use crate::record::Batch;
use crate::records::RecordWriter;
use crate::retention::Retention;
use crate::settings::Settings;
use crate::shared::{Shared, UNLIMITED};
use crate::shared_log::{Group, SharedLog, SharedLogError};
use crate::snapshot::{self, Snapshot};
use crate::texts::{self, StoreError, TextWriter};

/// Tries that a batch gets when the ledger is closed while the disk fails.
const TRIES_AT_CLOSE: u32 = 3;

/// What the writer starts from.
pub(crate) struct Start {
    pub(crate) tail: Tail,
    /// What the journal makes true.
    pub(crate) state: State,
    pub(crate) text_bytes: u64,
    /// Sizes of the newest checkpoint and snapshot that are stored.
    pub(crate) checkpoint_size: u64,
    pub(crate) snapshot_entries: u64,
    /// The number of the last group of the shared log that is in this ledger.
    pub(crate) group: u64,
}

/// Runs until the ledger is closed.
pub(crate) fn run(
    shared: &Arc<Shared>,
    settings: &Settings,
    connection: Connection,
    start: Start,
    snapshots: SyncSender<State>,
    log: Option<Arc<dyn SharedLog>>,
) -> Result<(), CloseError> {
    let _ended = Ended(shared);
    sweep_blobs(shared, &connection);
    let failed = |error: StoreError| CloseError::NotDurable {
        pending: shared.queue.pending(),
        reason: error.to_string(),
    };
    let mut writer = Writer::new(shared, settings, &connection, start, (snapshots, log))
        .map_err(|error| failed(error.into()))?;
    let result = writer.run();
    drop(writer);
    if let Err((_, error)) = connection.close() {
        tracing::warn!("the ledger's database was not closed cleanly: {error}");
    }
    result
}

/// However the writer ends, nobody waits for it in vain.
struct Ended<'s>(&'s Shared);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        self.0.queue.clear();
        self.0.writable.store(false, Ordering::Release);
    }
}

/// What a crash has left in the blob folder is of no use to anybody.
fn sweep_blobs(shared: &Shared, connection: &Connection) {
    let swept = shared.blobs.sweep(|hash| texts::names_blob(connection, hash).map_err(StoreError::Database));
    match swept {
        Ok(0) => {}
        Ok(removed) => tracing::info!("removed {removed} files from the blob folder that nothing names"),
        Err(error) => tracing::warn!("the blob folder was not cleaned up: {error}"),
    }
}

struct Writer<'c> {
    shared: &'c Shared,
    settings: &'c Settings,
    connection: &'c Connection,
    journal: JournalWriter<'c>,
    records: RecordWriter<'c>,
    retention: Retention,
    tail: Tail,
    /// What the durable entries make true, for snapshots; `None` when one of them could not follow the others.
    state: Option<State>,
    text_bytes: u64,
    checkpoint_size: u64,
    checkpoint_time: Instant,
    snapshot_entries: u64,
    /// The number of the last group of the shared log that is in this ledger.
    group: u64,
    /// Where groups go first, when this broker leads others.
    log: Option<Arc<dyn SharedLog>>,
    /// To the keeper, which makes snapshots of states.
    snapshots: SyncSender<State>,
    /// The limit on the database's size that SQLite was told last.
    database_bytes_max: u64,
    /// The time of the newest entry.
    newest: Timestamp,
}

impl<'c> Writer<'c> {
    fn new(
        shared: &'c Shared,
        settings: &'c Settings,
        connection: &'c Connection,
        start: Start,
        (snapshots, log): (SyncSender<State>, Option<Arc<dyn SharedLog>>),
    ) -> rusqlite::Result<Self> {
        let texts = TextWriter::new(connection, shared.blobs.clone(), settings.inline_text_bytes_max)?;
        shared.text_bytes.store(start.text_bytes, Ordering::Relaxed);
        Ok(Self {
            shared,
            settings,
            connection,
            journal: JournalWriter::new(connection)?,
            records: RecordWriter::new(connection, texts)?,
            retention: Retention::new(settings),
            tail: start.tail,
            state: Some(start.state),
            text_bytes: start.text_bytes,
            checkpoint_size: start.checkpoint_size,
            checkpoint_time: Instant::now(),
            snapshot_entries: start.snapshot_entries,
            group: start.group,
            log,
            snapshots,
            database_bytes_max: UNLIMITED,
            newest: Timestamp::default(),
        })
    }

    fn run(&mut self) -> Result<(), CloseError> {
        loop {
            let taken = self.shared.queue.take(self.settings.linger);
            let end = match taken {
                Ok(group) => self.make_durable(group)?,
                Err(end) => Some(end),
            };
            match end {
                None => self.prune(),
                Some(End::Abandoned) => return Ok(()),
                Some(End::Closed) => {
                    self.store_last_words();
                    return Ok(());
                }
            }
        }
    }

    /// Tries until the group is durable, then calls back. Nothing is dropped, and nothing overtakes it meanwhile.
    fn make_durable(&mut self, mut group: Vec<Pending>) -> Result<Option<End>, CloseError> {
        let mut pause = RETRY_PAUSE_MIN;
        let mut tries_at_close = TRIES_AT_CLOSE;
        let mut first = true;
        while let Err(error) = self.store(&group, first) {
            first = false;
            if matches!(error, StoreError::Shared(SharedLogError::Deposed)) {
                tracing::warn!("{error}: this one stops deciding");
                self.shared.writable.store(false, Ordering::Release);
                return Err(CloseError::Deposed { pending: self.shared.queue.pending() });
            }
            self.shared.failures.fetch_add(1, Ordering::Relaxed);
            if self.shared.writable.swap(false, Ordering::AcqRel) {
                tracing::error!("the ledger can't write, and keeps what it was given in memory: {error}");
            }
            match self.shared.queue.pause(pause) {
                Ok(()) => {}
                Err(End::Abandoned) => return Ok(Some(End::Abandoned)),
                Err(End::Closed) if tries_at_close > 0 => {
                    tries_at_close -= 1;
                    thread::sleep(RETRY_PAUSE_MIN);
                }
                Err(End::Closed) => {
                    let pending = self.shared.queue.pending();
                    return Err(CloseError::NotDurable { pending, reason: error.to_string() });
                }
            }
            pause = (pause * 2).min(RETRY_PAUSE_MAX);
        }
        if !self.shared.writable.swap(true, Ordering::AcqRel) {
            tracing::info!("the ledger can write again; nothing was lost");
        }
        self.shared.queue.done(&group);
        for pending in &mut group {
            if let Some(on_durable) = pending.on_durable.take()
                && catch_unwind(AssertUnwindSafe(on_durable)).is_err()
            {
                // The ledger outlives a fault in whoever uses it: others wait for their callbacks too.
                tracing::error!("a callback of the ledger's user panicked");
            }
        }
        self.order_snapshot();
        Ok(None)
    }

    /// One transaction with all of the group in it.
    fn store(&mut self, group: &[Pending], first_try: bool) -> Result<(), StoreError> {
        self.apply_size_limit()?;
        if !first_try && self.is_stored(group)? {
            return self.stored(group, None);
        }
        self.execute("BEGIN IMMEDIATE")?;
        let written = self.write(group).and_then(|progress| {
            self.share(group, &progress)?;
            self.execute("COMMIT")?;
            Ok(progress)
        });
        match written {
            Ok(progress) => self.stored(group, Some(progress)),
            Err(error) => {
                // SQLite has rolled back by itself after some errors. If it can't, BEGIN says so at the next try.
                if !self.connection.is_autocommit() {
                    let _ = self.connection.execute_batch("ROLLBACK");
                }
                Err(error)
            }
        }
    }

    /// Runs a statement that is needed again and again.
    fn execute(&self, statement: &str) -> rusqlite::Result<usize> {
        self.connection.prepare_cached(statement)?.execute([])
    }

    /// Whether an earlier try succeeded, although it was reported as failed.
    fn is_stored(&self, group: &[Pending]) -> Result<bool, StoreError> {
        let entries: u64 = group.iter().map(|pending| pending.batch.entries.len() as u64).sum();
        let expected = self.tail.frontier.size() + entries;
        Ok(entries > 0 && journal::count(self.connection)? == expected)
    }

    fn write(&mut self, group: &[Pending]) -> Result<Progress, StoreError> {
        let mut frontier = self.tail.frontier.clone();
        let mut text_bytes = self.text_bytes;
        for pending in group {
            for entry in &pending.batch.entries {
                let payer = match &entry.fact {
                    Fact::Accepted { job, .. } => {
                        let open = OpenJob {
                            payer: job.payer(),
                            seq: entry.seq,
                            has_part: false,
                            settled_seq: None,
                        };
                        self.tail.open.insert(job.id, open);
                        None
                    }
                    Fact::Settled { id, .. } => self.tail.open.get_mut(id).map(|open| {
                        open.settled_seq = Some(entry.seq);
                        open.payer
                    }),
                    _ => None,
                };
                self.journal.append(entry, &mut frontier, payer)?;
            }
            for record in &pending.batch.records {
                text_bytes =
                    text_bytes.saturating_add_signed(self.records.write(record, &mut self.tail.open)?);
            }
            if let Some(snapshot) = &pending.snapshot {
                snapshot.store(self.connection, SNAPSHOTS_KEPT)?;
            }
        }
        if text_bytes != self.text_bytes {
            texts::store_total(self.connection, text_bytes)?;
        }
        let new = frontier.size() - self.checkpoint_size;
        let late = new > 0 && self.checkpoint_time.elapsed() >= CHECKPOINT_INTERVAL;
        let checkpointed = new >= self.settings.checkpoint_interval_entries || late;
        if checkpointed {
            self.store_checkpoint(&frontier)?;
        }
        let group = self.group_after(group);
        if group != self.group {
            texts::store_group(self.connection, group)?;
        }
        Ok(Progress { frontier, text_bytes, checkpointed, group })
    }

    /// The number of the last group of the shared log, once these are durable.
    fn group_after(&self, group: &[Pending]) -> u64 {
        let followed = group.iter().filter_map(|pending| pending.number).max();
        let leads = self.log.is_some() && group.iter().any(|pending| pending.batch != Batch::default());
        followed.unwrap_or(self.group + u64::from(leads))
    }

    /// Before anything is durable here it is in the log that all brokers share, where there is one.
    fn share(&self, group: &[Pending], progress: &Progress) -> Result<(), StoreError> {
        let Some(log) = self.log.as_ref().filter(|_| progress.group != self.group) else { return Ok(()) };
        let batches = group.iter().map(|pending| &pending.batch);
        let group =
            Group::of(progress.group, progress.frontier.size(), batches).map_err(std::io::Error::other)?;
        Ok(log.append(&group)?)
    }

    /// The group is durable. Without progress it had been so for longer than was known.
    fn stored(&mut self, group: &[Pending], progress: Option<Progress>) -> Result<(), StoreError> {
        let progress = match progress {
            Some(progress) => progress,
            None => self.read_progress()?,
        };
        if progress.checkpointed {
            self.checkpoint_size = progress.frontier.size();
            self.checkpoint_time = Instant::now();
        }
        self.tail.frontier = progress.frontier;
        self.text_bytes = progress.text_bytes;
        self.group = progress.group;
        for entry in group.iter().flat_map(|pending| &pending.batch.entries) {
            self.newest = self.newest.max(entry.time);
            follow(&mut self.state, entry);
            if let Fact::Settled { id, .. } = &entry.fact {
                self.tail.open.remove(id);
            }
        }
        self.shared.text_bytes.store(self.text_bytes, Ordering::Relaxed);
        self.shared.group.store(self.group, Ordering::Release);
        self.shared.advance(&self.tail.frontier);
        Ok(())
    }

    fn read_progress(&self) -> Result<Progress, StoreError> {
        let damaged = |error: QueryError| match error {
            QueryError::Database(error) => StoreError::Database(error),
            other => StoreError::Blobs(std::io::Error::other(other)),
        };
        let size = journal::count(self.connection)?;
        let frontier = Frontier::rebuild(size, |level, first, count| {
            journal::hashes(self.connection, level, first, count)
        });
        let text_bytes = texts::stored_total(self.connection).map_err(damaged)?;
        let group = texts::stored_group(self.connection).map_err(damaged)?;
        Ok(Progress { frontier: frontier.map_err(damaged)?, text_bytes, checkpointed: false, group })
    }

    fn store_checkpoint(&self, frontier: &Frontier) -> rusqlite::Result<()> {
        let checkpoint = Checkpoint { size: frontier.size(), root: Digest(frontier.root()) };
        let mut insert = self
            .connection
            .prepare_cached("INSERT INTO checkpoints VALUES (?1, ?2) ON CONFLICT DO NOTHING")?;
        insert.execute((integer(checkpoint.size), checkpoint.sign(&self.shared.realm)))?;
        Ok(())
    }

    /// Tells SQLite how large the database may become, when that was changed.
    fn apply_size_limit(&mut self) -> rusqlite::Result<()> {
        let limit = self.shared.database_bytes_max.load(Ordering::Relaxed);
        if limit != self.database_bytes_max {
            let page: i64 = self.connection.query_row("PRAGMA page_size", [], |row| row.get(0))?;
            // SQLite's own limit is the number of pages that fit into 32 bits, less two.
            let pages = (limit / page.unsigned_abs().max(1)).clamp(1, u64::from(u32::MAX) - 1);
            self.connection.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(()))?;
            self.database_bytes_max = limit;
        }
        Ok(())
    }

    /// Has the keeper make a snapshot when it is time. If it is busy with one still, this one is left out.
    fn order_snapshot(&mut self) {
        let size = self.tail.frontier.size();
        if size - self.snapshot_entries < self.settings.snapshot_interval_entries {
            return;
        }
        self.snapshot_entries = size;
        if let Some(state) = &self.state
            && self.snapshots.try_send(state.clone()).is_err()
        {
            tracing::debug!("no snapshot at {size} entries: the one before is still being made");
        }
    }

    /// Forgets old texts, a few at a time.
    fn prune(&mut self) {
        let pruned = self.retention.step(self.connection, &self.shared.blobs, self.text_bytes, self.newest);
        match pruned {
            Ok(text_bytes) => {
                self.text_bytes = text_bytes;
                self.shared.text_bytes.store(text_bytes, Ordering::Relaxed);
            }
            // The texts stay for now, which harms nothing; the next commit tries again.
            Err(error) => tracing::warn!("old texts were not pruned: {error}"),
        }
    }

    /// Leaves a checkpoint over everything, and a snapshot that makes the next start quick.
    fn store_last_words(&mut self) {
        let size = self.tail.frontier.size();
        if size > self.checkpoint_size
            && let Err(error) = self.store_checkpoint(&self.tail.frontier)
        {
            tracing::warn!("the last checkpoint was not stored: {error}");
        }
        let newest = snapshot::newest(self.connection).unwrap_or(self.snapshot_entries);
        if size - newest.min(size) > SNAPSHOT_AT_CLOSE_ENTRIES
            && let Some(state) = &self.state
        {
            let made = Snapshot::of(state).and_then(|snapshot| {
                let transaction = self.connection.unchecked_transaction()?;
                snapshot.store(&transaction, SNAPSHOTS_KEPT)?;
                Ok(transaction.commit()?)
            });
            if let Err(error) = made {
                tracing::warn!("the last snapshot was not stored: {error}");
            }
        }
    }
}

/// Makes a durable entry true in the writer's own state.
fn follow(state: &mut Option<State>, entry: &Entry) {
    let followed = state.as_mut().map_or(Ok(()), |state| state.apply(entry));
    if let Err(error) = followed {
        // Whoever decides has applied it already, so that this can't happen; the next start would say the same.
        tracing::error!("no snapshots are made any more, since the journal contradicts itself: {error}");
        *state = None;
    }
}

/// What a transaction has changed.
struct Progress {
    frontier: Frontier,
    text_bytes: u64,
    checkpointed: bool,
    group: u64,
}
