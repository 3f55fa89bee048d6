//! The real ledger, in a folder that is thrown away. Slow and full disks are made before it: a batch is handed over when
//! the simulator says that the disk gets round to it, and a full disk is the ledger's own size limit.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use mtor_core::{Entry, Fact, Outcome};
use mtor_ledger::{GrantRecord, Ledger, RequestRecord, ResultRecord, Settings};
use mtor_protocol::{Did, Digest, FinishReason, JobId, Micro};

use super::{Batch, Journal, Record, Recovered, subject};
use crate::answer;
use crate::dice::Dice;
use crate::stream::{Ended, tokens};

/// How long the real disk may take before the run is given up.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often it is looked whether the real disk is done.
const GLANCE: Duration = Duration::from_millis(1);
/// Entries read at a time.
const PAGE: usize = 10_000;

pub(crate) struct RealJournal {
    folder: tempfile::TempDir,
    ledger: Ledger,
    pending: VecDeque<Batch>,
    /// Batches that were handed over while the disk was full, and the ledger's word that they are durable.
    in_hand: VecDeque<(Receiver<()>, Marks)>,
    full: bool,
    durable: Marks,
}

/// What a batch makes true.
#[derive(Debug, Default)]
struct Marks {
    accepted: BTreeSet<JobId>,
    settled: BTreeSet<JobId>,
}

impl Marks {
    fn of(entries: &[Entry]) -> Self {
        let mut marks = Self::default();
        for entry in entries {
            marks.accepted.extend(subject(&entry.fact).map(|(id, _)| id));
            if let Fact::Settled { id, .. } = &entry.fact {
                marks.settled.insert(*id);
            }
        }
        marks
    }

    fn add(&mut self, other: Self) {
        self.accepted.extend(other.accepted);
        self.settled.extend(other.settled);
    }
}

impl RealJournal {
    /// A new ledger.
    pub(crate) fn new() -> Result<Self, String> {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let ledger = open(folder.path())?.0;
        Ok(Self {
            folder,
            ledger,
            pending: VecDeque::new(),
            in_hand: VecDeque::new(),
            full: false,
            durable: Marks::default(),
        })
    }

    fn hand_over(&mut self, count: usize) {
        for batch in self.pending.drain(..count) {
            let marks = Marks::of(&batch.entries);
            let (sender, receiver) = channel();
            let mut records: Vec<_> = batch.records.into_iter().map(record).collect();
            records.extend(batch.entries.iter().filter_map(grant_record));
            let batch = mtor_ledger::Batch { entries: batch.entries, records };
            // Dropped without a word when the ledger does not take it: then the receiver says so.
            let told = Box::new(move || {
                // Fails when the run was given up meanwhile.
                let _ = sender.send(());
            });
            if self.ledger.commit(batch, told).is_ok() {
                self.in_hand.push_back((receiver, marks));
            }
        }
    }

    /// Waits until everything that was handed over is durable.
    fn settle(&mut self) -> usize {
        let mut count = 0;
        while let Some((receiver, marks)) = self.in_hand.pop_front() {
            if receiver.recv_timeout(PATIENCE).is_err() {
                break;
            }
            self.durable.add(marks);
            count += 1;
        }
        count
    }
}

/// What is kept beside the entry of a grant.
fn grant_record(entry: &Entry) -> Option<mtor_ledger::Record> {
    let Fact::Granted { id, from, account, .. } = &entry.fact else { return None };
    let (salt, about) = (mtor_ledger::salt(&answer::realm_key(), *id), answer::GRANT_NAME.to_owned());
    let record = GrantRecord { id: *id, granter: *from, account: *account, salt, about };
    Some(mtor_ledger::Record::Grant(Box::new(record)))
}

/// Waits for the ledger's own thread.
fn wait_until(mut condition: impl FnMut() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !condition() && Instant::now() < until {
        std::thread::sleep(GLANCE);
    }
}

fn open(folder: &std::path::Path) -> Result<(Ledger, mtor_ledger::Recovered), String> {
    // Snapshots are made often, so that restarts begin from one.
    let settings = Settings { snapshot_interval_entries: 20, ..Settings::default() };
    Ledger::open(folder, settings, answer::realm_key()).map_err(|error| error.to_string())
}

impl Journal for RealJournal {
    fn commit(&mut self, batch: Batch) {
        self.pending.push_back(batch);
    }

    fn pending(&self) -> usize {
        self.pending.len() + self.in_hand.len()
    }

    fn flush(&mut self) -> usize {
        if !self.full {
            self.hand_over(self.pending.len());
            return self.settle();
        }
        if self.in_hand.is_empty() && !self.pending.is_empty() {
            let failures = self.ledger.stats().failures;
            self.hand_over(1);
            let (ledger, in_hand) = (&self.ledger, &self.in_hand);
            // A little still fits into what the file has already.
            let done = || in_hand.front().is_none_or(|(receiver, _)| receiver.try_recv().is_ok());
            let mut durable = false;
            wait_until(|| {
                durable = durable || done();
                durable || ledger.stats().failures > failures
            });
            if durable && let Some((_, marks)) = self.in_hand.pop_front() {
                self.durable.add(marks);
                return 1;
            }
        }
        0
    }

    fn writable(&self) -> bool {
        self.ledger.writable()
    }

    fn set_full(&mut self, full: bool) {
        self.full = full;
        self.ledger.set_database_bytes_max(full.then_some(1));
        if !full {
            // What waits for room is tried again soon; the simulator's next step comes after that.
            let ledger = &self.ledger;
            wait_until(|| ledger.writable());
        }
    }

    fn crash(&mut self, dice: &mut Dice, lose_committed: bool) -> Result<Recovered, String> {
        let last_moment = if self.full { 0 } else { dice.index(self.pending.len() + 1) };
        if last_moment > 0 {
            self.hand_over(last_moment);
            self.settle();
        }
        self.pending.clear();
        self.in_hand.clear();
        self.full = false;
        self.ledger.abandon();
        if lose_committed {
            return Err("the real ledger is not sabotaged".to_owned());
        }
        let (ledger, recovered) = open(self.folder.path())?;
        self.ledger = ledger;
        let partials = recovered.open_jobs.into_iter().filter_map(|job| Some((job.id, job.text?)));
        Ok(Recovered { state: recovered.state, partials: partials.collect::<BTreeMap<_, _>>() })
    }

    fn entries(&self) -> Result<Vec<Entry>, String> {
        let mut entries = Vec::new();
        loop {
            let page = self.ledger.entries(entries.len() as u64, PAGE).map_err(|error| error.to_string())?;
            if page.is_empty() {
                return Ok(entries);
            }
            entries.extend(page);
        }
    }

    fn known_id(&self, id: JobId) -> Option<Digest> {
        self.ledger.known_id(id).ok().flatten()
    }

    fn result(&self, job: JobId) -> Option<(Ended, String)> {
        let stored = self.ledger.job(job).ok().flatten().filter(|stored| stored.state.is_final())?;
        let ended = Ended { state: stored.state, cost: stored.cost.unwrap_or(Micro::ZERO) };
        Some((ended, stored.text.unwrap_or_default()))
    }

    fn is_durable(&self, job: JobId) -> bool {
        self.durable.accepted.contains(&job)
    }

    fn is_settled(&self, job: JobId) -> bool {
        self.durable.settled.contains(&job)
    }

    fn verify(&mut self) -> Result<(), String> {
        let verified = mtor_ledger::verify(self.folder.path(), Some(&answer::realm_key().public()));
        verified.map(drop).map_err(|error| error.to_string())
    }
}

fn record(record: Record) -> mtor_ledger::Record {
    match record {
        Record::Request { job, hold, time } => mtor_ledger::Record::Request(Box::new(RequestRecord {
            job: job.id,
            account: job.account,
            did: Did("did:key:client".to_owned()),
            request_json: answer::intent(job.id, job.input_bytes),
            order_json: None,
            question: "What is it?".to_owned(),
            salt: mtor_ledger::salt(&answer::realm_key(), job.id),
            capability: job.capability,
            model: job.model,
            class: job.class,
            privacy: job.privacy,
            submitted: time,
            deadline: job.deadline,
            hold,
        })),
        Record::Partial { job, text } => {
            let output_tokens = tokens(&text);
            let partial = mtor_ledger::PartialRecord { job, text, output_tokens, sequence: 0 };
            mtor_ledger::Record::Partial(Box::new(partial))
        }
        Record::Result { job, text, ended, outcome, usage, time } => {
            let finish = match outcome {
                Outcome::Stop => Some(FinishReason::Stop),
                Outcome::Length => Some(FinishReason::Length),
                Outcome::Failed | Outcome::Cancelled | Outcome::Expired => None,
            };
            mtor_ledger::Record::Result(Box::new(ResultRecord {
                job,
                state: ended.state,
                output: finish.map(|_| mtor_ledger::digest(text.as_bytes())),
                text,
                parts: Vec::new(),
                finish,
                usage,
                cost: ended.cost,
                problem: None,
                receipt_json: None,
                workers: Vec::new(),
                sequence: 0,
                settled: time,
                answer: String::new(),
            }))
        }
    }
}
