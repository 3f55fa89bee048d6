//! The promises, and what an observer who sees everything has to know to check them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use mtor_core::{Config, Entry, Fact, ISSUER, Outcome, Realm, State, WorkerId};
use mtor_protocol::http::JobState;
use mtor_protocol::{JobId, Micro, Problem, ProblemKind, Timestamp};

use crate::answer;
use crate::journal::Journal;
use crate::keys::KeyWatch;

/// What the design promises (its section 5) and the simulator checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Promise {
    /// An acknowledged job survives a crash of the broker at any instant: it is open, done or refunded.
    Survival,
    /// Money: everything sums to zero, nobody is below zero, replay gives the same bytes.
    Money,
    /// A job is settled at most once.
    SettledOnce,
    /// Who comes back reads the whole answer of every job.
    Readable,
    /// A worker's death delays its own jobs only, and the text already delivered is kept.
    Bystanders,
    /// Queues are bounded, and past the bound the client is told at once, never silently dropped.
    Bounded,
    /// Nobody speaks for a wallet but its key, or in time its recovery key.
    Identity,
}

impl fmt::Display for Promise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Survival => "P1, an acknowledged job survives",
            Self::Money => "P2, money",
            Self::SettledOnce => "P3, settled at most once",
            Self::Readable => "P4, every answer can be read again",
            Self::Bystanders => "P5, a death delays its own jobs only, delivered text is kept",
            Self::Identity => "P8, nobody speaks for a wallet that is not theirs",
            Self::Bounded => "P6, bounded queues, nobody is dropped silently",
        })
    }
}

/// A promise that was broken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{promise}: {detail}")]
pub struct Violation {
    /// Which.
    pub promise: Promise,
    /// How.
    pub detail: String,
}

impl Violation {
    pub(crate) fn new(promise: Promise, detail: impl Into<String>) -> Self {
        Self { promise, detail: detail.into() }
    }
}

pub(crate) type Checked = Result<(), Violation>;

/// `Err` when it does not hold.
pub(crate) fn ensure(holds: bool, promise: Promise, detail: impl FnOnce() -> String) -> Checked {
    if holds { Ok(()) } else { Err(Violation::new(promise, detail())) }
}

/// Sees every entry, every promise made to a client, every crash.
#[derive(Debug, Default)]
pub(crate) struct Observer {
    /// The state by the entries that the shell was given, rebuilt beside it.
    mirror: State,
    /// Jobs that a client was told are accepted.
    acknowledged: BTreeSet<JobId>,
    /// How jobs ended, as their clients were told.
    told: BTreeMap<JobId, (JobState, Micro)>,
    /// Entries of settlement seen in this life and in what survived of earlier ones.
    settled: BTreeMap<JobId, Settlement>,
    /// Whose which key is.
    pub(crate) keys: KeyWatch,
    pub(crate) acks: u64,
    pub(crate) ends: u64,
}

/// What the journal says about a job's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Settlement {
    state: JobState,
    cost: Micro,
}

impl Observer {
    /// The shell was given an entry.
    pub(crate) fn entry(&mut self, entry: &Entry, delivered_tokens: impl Fn(JobId) -> u64) -> Checked {
        let hold = match &entry.fact {
            Fact::Settled { id, .. } => self.mirror.books().standing_hold(*id).map(|hold| hold.amount),
            _ => None,
        };
        self.mirror.apply(entry).map_err(|corrupt| {
            Violation::new(Promise::Money, format!("the journal can't be replayed: {corrupt}"))
        })?;
        self.keys.entry(entry)?;
        let Fact::Settled { id, outcome, usage, legs, .. } = &entry.fact else { return Ok(()) };
        let cost = legs.iter().map(|leg| leg.amount.0).sum();
        let settlement = Settlement { state: state_after(*outcome), cost: Micro(cost) };
        let before = self.settled.insert(*id, settlement);
        ensure(before.is_none(), Promise::SettledOnce, || format!("{id} is settled a second time"))?;
        ensure(hold.is_some_and(|hold| cost <= hold.0), Promise::Money, || {
            format!("{id} costs {cost}, and {hold:?} was held")
        })?;
        let delivered = delivered_tokens(*id);
        ensure(usage.output_tokens <= delivered, Promise::Money, || {
            format!("{id} is billed for {} tokens, and {delivered} were delivered", usage.output_tokens)
        })
    }

    /// What must hold after every step.
    pub(crate) fn realm(&self, realm: &Realm, config: &Config, slots_max: u32) -> Checked {
        ensure(realm.state() == &self.mirror, Promise::Money, || {
            "the realm's state is not what its journal says".to_owned()
        })?;
        let books = self.mirror.books();
        books.check().map_err(|error| Violation::new(Promise::Money, error.to_string()))?;
        ensure(books.holds() == self.mirror.open().len(), Promise::Money, || {
            format!("{} holds stand for {} open jobs", books.holds(), self.mirror.open().len())
        })?;
        ensure(books.account(ISSUER).credits_posted == Micro::ZERO, Promise::Money, || {
            "coins went back to the issuer".to_owned()
        })?;
        let queue = realm.queue_info(Timestamp::default());
        // What was running when its worker died waits again, beyond the bound on new jobs.
        let waiting_max = config.waiting_per_capability_max + slots_max;
        ensure(queue.queued <= waiting_max, Promise::Bounded, || {
            format!("{} jobs wait, {waiting_max} may", queue.queued)
        })?;
        let mut by_wallet: BTreeMap<_, u32> = BTreeMap::new();
        for open in self.mirror.open().values() {
            *by_wallet.entry(open.job.account).or_default() += 1;
        }
        let most = by_wallet.values().copied().max().unwrap_or(0);
        ensure(most <= config.open_per_wallet_max, Promise::Bounded, || {
            format!("a wallet has {most} open jobs, {} are allowed", config.open_per_wallet_max)
        })
    }

    /// A client is told that its job was taken.
    pub(crate) fn acknowledged(&mut self, job: JobId, journal: &dyn Journal) -> Checked {
        ensure(journal.is_durable(job), Promise::Survival, || {
            format!("{job} was acknowledged before it was durable")
        })?;
        self.acks += 1;
        self.acknowledged.insert(job);
        Ok(())
    }

    /// A client is told that its job has ended.
    pub(crate) fn ended(
        &mut self,
        job: JobId,
        state: JobState,
        cost: Micro,
        journal: &dyn Journal,
    ) -> Checked {
        ensure(journal.is_settled(job), Promise::Survival, || {
            format!("the end of {job} was told before it was durable")
        })?;
        self.ends += 1;
        let before = self.told.insert(job, (state, cost));
        ensure(before.is_none_or(|before| before == (state, cost)), Promise::SettledOnce, || {
            format!("{job} ended as {before:?}, and then as {:?}", (state, cost))
        })
    }

    /// A client is refused.
    pub(crate) fn refused(&self, problem: &Problem) -> Checked {
        let full = problem.known_kind() == Some(ProblemKind::TooManyRequests);
        ensure(!full || problem.retry_after.is_some(), Promise::Bounded, || {
            format!("a full queue does not say when to try again: {problem}")
        })
    }

    /// A worker has left: jobs of others are where they were.
    pub(crate) fn left(
        &self,
        gone: WorkerId,
        before: &BTreeMap<JobId, (WorkerId, u64)>,
        after: &BTreeMap<JobId, (WorkerId, u64)>,
    ) -> Checked {
        let moved = before.iter().find(|(job, has)| has.0 != gone && after.get(job) != Some(has));
        ensure(moved.is_none(), Promise::Bystanders, || {
            format!("{gone:?} left, and {moved:?} is now {:?}", moved.and_then(|(job, _)| after.get(job)))
        })
    }

    /// The realm was started again with this state, from this journal.
    pub(crate) fn restarted(&mut self, state: &State, entries: &[Entry]) -> Checked {
        let mut replayed = State::default();
        let mut settled = BTreeMap::new();
        self.keys = KeyWatch::default();
        for entry in entries {
            replayed.apply(entry).map_err(|corrupt| Violation::new(Promise::Money, corrupt.to_string()))?;
            self.keys.entry(entry)?;
            if let Fact::Settled { id, outcome, legs, .. } = &entry.fact {
                let cost = Micro(legs.iter().map(|leg| leg.amount.0).sum());
                let doubled = settled.insert(*id, Settlement { state: state_after(*outcome), cost });
                ensure(doubled.is_none(), Promise::SettledOnce, || format!("{id} is settled twice"))?;
            }
        }
        let bytes = |state: &State| serde_json::to_vec(state).unwrap_or_default();
        ensure(bytes(&replayed) == bytes(state), Promise::Money, || {
            "replaying the journal gives other bytes".to_owned()
        })?;
        for job in &self.acknowledged {
            let known = state.open().contains_key(job) || settled.contains_key(job);
            ensure(known, Promise::Survival, || format!("{job} was acknowledged, and is gone"))?;
        }
        for (job, told) in &self.told {
            let says = settled.get(job).map(|settlement| (settlement.state, settlement.cost));
            ensure(says == Some(*told), Promise::Survival, || {
                format!("{job} was told to have ended as {told:?}, the journal says {says:?}")
            })?;
        }
        (self.mirror, self.settled) = (replayed, settled);
        Ok(())
    }

    /// Everything has come to rest.
    pub(crate) fn at_rest(&self) -> Checked {
        let open = self.mirror.open().len();
        ensure(open == 0, Promise::Survival, || format!("{open} jobs were never settled"))?;
        let lost = self.acknowledged.iter().find(|job| !self.settled.contains_key(job));
        ensure(lost.is_none(), Promise::Survival, || format!("{lost:?} was acknowledged, and is gone"))
    }

    pub(crate) fn is_acknowledged(&self, job: JobId) -> bool {
        self.acknowledged.contains(&job)
    }
}

/// What a client holds of an answer must be its beginning.
pub(crate) fn beginning(job: JobId, text: &str) -> Checked {
    ensure(answer::is_beginning(job, text), Promise::Bystanders, || {
        format!("the text of {job} is not the beginning of its answer: {text:?}")
    })
}

pub(crate) fn state_after(outcome: Outcome) -> JobState {
    match outcome {
        Outcome::Stop | Outcome::Length => JobState::Completed,
        Outcome::Cancelled => JobState::Cancelled,
        Outcome::Failed | Outcome::Expired => JobState::Failed,
    }
}
