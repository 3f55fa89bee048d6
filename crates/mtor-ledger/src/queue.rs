//! What waits for the writer: bounded in operations and bytes, in the order in which it came.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use mtor_core::{Entry, Fact};

use crate::defaults::{GROUP_BYTES_MAX, GROUP_OPERATIONS_MAX, LEAF_BYTES_MAX, PENDING_BYTES_MAX};
use crate::error::Unavailable;
use crate::ledger::OnDurable;
use crate::record::{Batch, Record};
use crate::snapshot::Snapshot;

/// A batch on its way to the disk.
pub(crate) struct Pending {
    pub(crate) batch: Batch,
    pub(crate) on_durable: Option<OnDurable>,
    /// A snapshot that the keeper made, to be stored along.
    pub(crate) snapshot: Option<Snapshot>,
    /// The number that it has in the shared log already, where another broker has put it.
    pub(crate) number: Option<u64>,
    operations: usize,
    bytes: usize,
}

/// Why the writer is given no group.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Everything was given, and nothing more will come.
    Closed,
    /// Stop at once.
    Abandoned,
}

#[derive(Default)]
struct Inner {
    waiting: VecDeque<Pending>,
    /// Of everything that is not durable: what waits, and the group that the writer has in hand.
    operations: usize,
    bytes: usize,
    next_seq: u64,
    closed: bool,
    abandoned: bool,
}

/// The queue between those who commit and the writer.
#[derive(Default)]
pub(crate) struct Queue {
    inner: Mutex<Inner>,
    arrived: Condvar,
    operations_max: usize,
}

impl Queue {
    pub(crate) fn new(next_seq: u64, operations_max: usize) -> Self {
        let inner = Inner { next_seq, ..Inner::default() };
        Self { inner: Mutex::new(inner), arrived: Condvar::new(), operations_max }
    }

    /// Takes a batch in, or refuses it and changes nothing.
    pub(crate) fn push(
        &self,
        batch: Batch,
        on_durable: Option<OnDurable>,
        number: Option<u64>,
    ) -> Result<(), Unavailable> {
        let operations = (batch.entries.len() + batch.records.len()).max(1);
        let bytes = batch.records.iter().map(record_bytes).sum();
        if let Some(entry) = batch.entries.iter().find(|entry| leaf_bytes_max(entry) > LEAF_BYTES_MAX) {
            return Err(Unavailable::TooLong(entry.seq));
        }
        let mut inner = self.lock();
        if inner.closed {
            return Err(Unavailable::Closed);
        }
        let full =
            inner.operations + operations > self.operations_max || inner.bytes + bytes > PENDING_BYTES_MAX;
        // A single batch beyond the bounds is taken when nothing else waits: it could never go in otherwise.
        if full && inner.operations > 0 {
            return Err(Unavailable::Full { pending: inner.operations });
        }
        for (expected, entry) in (inner.next_seq..).zip(&batch.entries) {
            if entry.seq != expected {
                return Err(Unavailable::OutOfOrder { expected, found: entry.seq });
            }
        }
        inner.next_seq += batch.entries.len() as u64;
        inner.enter(Pending { batch, on_durable, snapshot: None, number, operations, bytes });
        drop(inner);
        self.arrived.notify_one();
        Ok(())
    }

    /// Has the writer store a snapshot. Dropped when the ledger is closing: it only shortens replay.
    pub(crate) fn push_snapshot(&self, snapshot: Snapshot) {
        let mut inner = self.lock();
        if inner.closed {
            return;
        }
        let (batch, operations, bytes) = (Batch::default(), 1, snapshot.bytes());
        let snapshot = Some(snapshot);
        inner.enter(Pending { batch, on_durable: None, snapshot, number: None, operations, bytes });
        drop(inner);
        self.arrived.notify_one();
    }

    /// Waits for work, lets more gather for `linger`, and gives out what one transaction takes.
    pub(crate) fn take(&self, linger: Duration) -> Result<Vec<Pending>, End> {
        let mut inner = self.lock();
        while inner.waiting.is_empty() {
            inner.check_end()?;
            inner = self.arrived.wait(inner).unwrap_or_else(PoisonError::into_inner);
        }
        let until = Instant::now() + linger;
        while !inner.closed && inner.waiting.len() < GROUP_OPERATIONS_MAX {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            inner = self.arrived.wait_timeout(inner, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        if inner.abandoned {
            return Err(End::Abandoned);
        }
        let (mut operations, mut bytes) = (0, 0);
        let fits = inner.waiting.iter().take_while(|pending| {
            operations += pending.operations;
            bytes += pending.bytes;
            operations <= GROUP_OPERATIONS_MAX && bytes <= GROUP_BYTES_MAX
        });
        let count = fits.count().max(1);
        Ok(inner.waiting.drain(..count).collect())
    }

    /// The writer is done with a group: it is durable, and makes room.
    pub(crate) fn done(&self, group: &[Pending]) {
        let mut inner = self.lock();
        for pending in group {
            inner.operations -= pending.operations;
            inner.bytes -= pending.bytes;
        }
    }

    /// Waits before another try, not longer than `pause`; comes back at once when the ledger is closed meanwhile.
    pub(crate) fn pause(&self, pause: Duration) -> Result<(), End> {
        let until = Instant::now() + pause;
        let mut inner = self.lock();
        loop {
            inner.check_end()?;
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            inner = self.arrived.wait_timeout(inner, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Nothing more is taken in; what was, is given out.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.arrived.notify_all();
    }

    /// Nothing more is taken in or given out.
    pub(crate) fn abandon(&self) {
        let mut inner = self.lock();
        inner.closed = true;
        inner.abandoned = true;
        drop(inner);
        self.arrived.notify_all();
    }

    /// Closes, and drops what was not given out, so that whoever waits for a callback sees that it will not come.
    pub(crate) fn clear(&self) {
        let mut inner = self.lock();
        inner.closed = true;
        inner.abandoned = true;
        let dropped = std::mem::take(&mut inner.waiting);
        // The callbacks are not ours: they are dropped without the lock.
        drop(inner);
        drop(dropped);
    }

    /// Operations that are not durable yet.
    pub(crate) fn pending(&self) -> usize {
        self.lock().operations
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing that holds this lock can panic half-way through a change.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn enter(&mut self, pending: Pending) {
        self.operations += pending.operations;
        self.bytes += pending.bytes;
        self.waiting.push_back(pending);
    }

    fn check_end(&self) -> Result<(), End> {
        match (self.abandoned, self.closed) {
            (true, _) => Err(End::Abandoned),
            (false, true) => Err(End::Closed),
            (false, false) => Ok(()),
        }
    }
}

/// What a note of a price takes besides its name, in bytes.
const PRICE_NOTE: usize = 32;

/// The text in a record, and the parts of an answer, in bytes.
fn record_bytes(record: &Record) -> usize {
    match record {
        Record::Request(request) => request.request_json.len() + request.question.len(),
        Record::Partial(partial) => partial.text.len(),
        Record::Result(result) => {
            let parts: usize = result.parts.iter().map(|part| part.data.len()).sum();
            result.text.len() + result.answer.len() + parts
        }
        Record::Grant(grant) => grant.about.len(),
        Record::Plan(plan) => plan.plan.len(),
        Record::Forgotten(_) | Record::Key(_) | Record::RevokeKey { .. } | Record::ForgetPasskey { .. } => 0,
        Record::Passkey(passkey) => passkey.sealed.len(),
        Record::Setting { name, value } => name.len() + value.len(),
        Record::Prices(notes) => {
            notes.iter().map(|note| PRICE_NOTE + note.ware.capability.as_str().len()).sum()
        }
    }
}

/// No entry's JSON is longer than this: a few hundred bytes of fields of fixed size, and what can be of any length.
fn leaf_bytes_max(entry: &Entry) -> usize {
    const FIXED: usize = 2_048;
    const LEG: usize = 160;
    const HOLDER: usize = 64;
    const PRICE: usize = 256;
    // An escaped byte takes six characters.
    const ESCAPED: usize = 6;
    FIXED
        + match &entry.fact {
            Fact::Accepted { job, .. } => {
                ESCAPED * (job.model.len() + job.capability.as_str().len()) + HOLDER * job.hops.len()
            }
            Fact::Settled { legs, .. } | Fact::Forfeited { legs, .. } => LEG * legs.len(),
            Fact::Granted { to, terms, .. } => {
                let only: usize = terms.only.iter().map(|kind| kind.as_str().len() + 3).sum();
                HOLDER * to.len() + only
            }
            Fact::Matured { capability, .. } => capability.as_str().len(),
            Fact::Validated { capability, results, .. } => capability.as_str().len() + LEG * results.len(),
            Fact::Keys { statement, .. } => statement.as_ref().map_or(0, |statement| {
                let named = statement.change.named().map_or(0, |did| did.0.len());
                let signatures =
                    statement.signature.len() + statement.next_signature.as_deref().map_or(0, str::len);
                ESCAPED * (named + statement.by.0.len() + signatures)
            }),
            Fact::Balanced { prices, .. } => {
                prices.keys().map(|ware| PRICE + ware.capability.as_str().len()).sum()
            }
            Fact::Founded { .. }
            | Fact::Issued { .. }
            | Fact::Started { .. }
            | Fact::Transferred { .. }
            | Fact::Filled { .. }
            | Fact::Revoked { .. }
            | Fact::Appealed { .. }
            | Fact::Peered { .. }
            | Fact::Parted { .. }
            | Fact::Pardoned { .. } => 0,
        }
}
