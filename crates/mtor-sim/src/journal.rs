//! The disk: what was committed survives a crash, what was not may be lost. Behind one trait, a model of it in memory
//! that is fast enough for thousands of seeds, and the real ledger.

mod memory;
mod real;

use std::collections::BTreeMap;

use mtor_core::{Entry, Fact, NewJob, Outcome, State};
use mtor_protocol::{Digest, JobId, Micro, Timestamp, Usage};

use crate::dice::Dice;
use crate::stream::Ended;

pub(crate) use memory::MemoryJournal;
pub(crate) use real::RealJournal;

/// What becomes durable together, or not at all.
#[derive(Debug, Clone, Default)]
pub(crate) struct Batch {
    pub(crate) entries: Vec<Entry>,
    pub(crate) records: Vec<Record>,
}

/// What is kept beside the journal.
#[derive(Debug, Clone)]
pub(crate) enum Record {
    /// A job was taken.
    Request { job: Box<NewJob>, hold: Micro, time: Timestamp },
    /// An answer as far as it has come.
    Partial { job: JobId, text: String },
    /// A job has ended.
    Result { job: JobId, text: String, ended: Ended, outcome: Outcome, usage: Usage, time: Timestamp },
}

/// What a restart begins with.
#[derive(Debug)]
pub(crate) struct Recovered {
    pub(crate) state: State,
    /// Text that was saved of the open jobs.
    pub(crate) partials: BTreeMap<JobId, String>,
}

/// A durable journal.
pub(crate) trait Journal {
    /// Takes a batch; it is durable once [`flush`](Self::flush) says so. Batches become durable in order.
    fn commit(&mut self, batch: Batch);

    /// Batches that wait to become durable.
    fn pending(&self) -> usize;

    /// Makes what is pending durable, and returns how many batches have become so: none while the disk is full.
    fn flush(&mut self) -> usize;

    /// Whether the last commit succeeded.
    fn writable(&self) -> bool;

    /// Fills the disk up, or frees it.
    fn set_full(&mut self, full: bool);

    /// The broker dies. Of what was pending, a random first part became durable in its last moment, without anybody
    /// having been told. With `lose_committed`, an entry that was durable is lost (sabotage).
    fn crash(&mut self, dice: &mut Dice, lose_committed: bool) -> Result<Recovered, String>;

    /// All durable entries.
    fn entries(&self) -> Result<Vec<Entry>, String>;

    /// The commitment under which an id was ever taken.
    fn known_id(&self, id: JobId) -> Option<Digest>;

    /// How a job ended, with its text, if that is durable.
    fn result(&self, job: JobId) -> Option<(Ended, String)>;

    /// Whether the job's acceptance is durable.
    fn is_durable(&self, job: JobId) -> bool;

    /// Whether the job's end is durable.
    fn is_settled(&self, job: JobId) -> bool;

    /// The last check, by whatever means the journal has to check itself.
    fn verify(&mut self) -> Result<(), String>;
}

/// The id that an entry is about, with its commitment.
pub(crate) fn subject(fact: &Fact) -> Option<(JobId, Digest)> {
    match fact {
        Fact::Accepted { job, .. } => Some((job.id, job.request)),
        Fact::Transferred { id, memo, .. } => Some((*id, *memo)),
        Fact::Issued { id, .. } | Fact::Started { id, .. } => Some((*id, Digest([0; 32]))),
        Fact::Granted { id, about, .. } => Some((*id, *about)),
        Fact::Keys { statement, .. } => {
            statement.as_ref().map(|said| (said.id, mtor_ledger::statement_digest(said)))
        }
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
