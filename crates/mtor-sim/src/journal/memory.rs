//! A disk in memory: what is committed is kept as the JSON that would be on it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use mtor_core::{Entry, Fact, State};
use mtor_protocol::{Digest, JobId};

use super::{Batch, Journal, Record, Recovered, subject};
use crate::dice::Dice;
use crate::stream::Ended;

#[derive(Debug, Default)]
pub(crate) struct MemoryJournal {
    durable: Durable,
    pending: VecDeque<Batch>,
    full: bool,
    failed: bool,
}

/// What is on the disk, with indexes over it.
#[derive(Debug, Default)]
struct Durable {
    entries: Vec<String>,
    known: BTreeMap<JobId, Digest>,
    settled: BTreeSet<JobId>,
    partials: BTreeMap<JobId, String>,
    results: BTreeMap<JobId, (Ended, String)>,
}

impl Durable {
    fn write(&mut self, batch: Batch) {
        for entry in batch.entries {
            self.known.extend(subject(&entry.fact));
            if let Fact::Settled { id, .. } = &entry.fact {
                self.settled.insert(*id);
            }
            // Entries serialise: their maps have no keys but names.
            self.entries.extend(serde_json::to_string(&entry));
        }
        for record in batch.records {
            match record {
                Record::Request { .. } => {}
                Record::Partial { job, text } => {
                    self.partials.insert(job, text);
                }
                Record::Result { job, text, ended, .. } => {
                    self.partials.remove(&job);
                    self.results.insert(job, (ended, text));
                }
            }
        }
    }

    fn entries(&self) -> Result<Vec<Entry>, String> {
        self.entries
            .iter()
            .map(|json| serde_json::from_str(json).map_err(|error| error.to_string()))
            .collect()
    }
}

impl Journal for MemoryJournal {
    fn commit(&mut self, batch: Batch) {
        self.pending.push_back(batch);
    }

    fn pending(&self) -> usize {
        self.pending.len()
    }

    fn flush(&mut self) -> usize {
        self.failed = self.full;
        if self.full {
            return 0;
        }
        let count = self.pending.len();
        self.pending.drain(..).for_each(|batch| self.durable.write(batch));
        count
    }

    fn writable(&self) -> bool {
        !self.failed
    }

    fn set_full(&mut self, full: bool) {
        self.full = full;
    }

    fn crash(&mut self, dice: &mut Dice, lose_committed: bool) -> Result<Recovered, String> {
        let last_moment = if self.full { 0 } else { dice.index(self.pending.len() + 1) };
        self.pending.drain(..last_moment).for_each(|batch| self.durable.write(batch));
        self.pending.clear();
        self.failed = false;
        if lose_committed && self.durable.entries.len() > 1 {
            self.durable.entries.pop();
        }
        let mut state = State::default();
        for entry in self.durable.entries()? {
            state.apply(&entry).map_err(|corrupt| corrupt.to_string())?;
        }
        let open = |job: &JobId| self.durable.partials.get(job).map(|text| (*job, text.clone()));
        let partials = state.open().keys().filter_map(open).collect();
        Ok(Recovered { state, partials })
    }

    fn entries(&self) -> Result<Vec<Entry>, String> {
        self.durable.entries()
    }

    fn known_id(&self, id: JobId) -> Option<Digest> {
        self.durable.known.get(&id).copied()
    }

    fn result(&self, job: JobId) -> Option<(Ended, String)> {
        self.durable.results.get(&job).cloned()
    }

    fn is_durable(&self, job: JobId) -> bool {
        self.durable.known.contains_key(&job)
    }

    fn is_settled(&self, job: JobId) -> bool {
        self.durable.settled.contains(&job)
    }

    fn verify(&mut self) -> Result<(), String> {
        Ok(())
    }
}
