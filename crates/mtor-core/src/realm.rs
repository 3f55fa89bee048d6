//! The realm: what it knows, and its only door. One module for each kind of input decides; nothing here does I/O.

mod audit;
mod finish;
mod grants;
mod hedge;
mod keys;
mod late;
mod peers;
mod performance;
mod pricing;
mod probation;
mod recall;
mod starting;
mod submit;
#[cfg(test)]
mod tests;
mod tick;
mod transfer;
mod view;
mod workers;

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use mtor_protocol::{
    AccountId, Announcement, CapabilityKind, Did, Digest, FinishReason, GrantTerms, JobId, KeyId,
    KeyStatement, Micro, Price, Problem, ProblemKind, ServiceClass, Timestamp, Usage,
};

use crate::config::Config;
use crate::entry::{Entry, Fact, NewJob, Outcome};
use crate::goals::Kept;
use crate::market::{Market, PriceNote};
use crate::offers::{Offer, OfferId, Offers, Only, Wish};
use crate::state::{Corrupt, State, id_time};
use crate::trust::{Check, Judged};
use crate::waiting::{Rank, Waiting};

use grants::GrantIndex;
pub(crate) use hedge::Rival;
use keys::RecoveryIndex;
use late::LateIndex;
use probation::Probation;
use submit::Asked;
pub use view::JobView;

/// A worker's session with this broker. Never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WorkerId(pub u64);

/// Joins a request to its reply: the shell chooses it, the outputs carry it back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

impl Ticket {
    /// For inputs whose reply nobody waits for.
    pub const NOBODY: Self = Self(0);
}

/// How much of a job's answer the shell has delivered so far. Chunks bypass the core, so it asks when it must know.
pub trait Meter {
    /// Tokens and the like that the current worker has delivered for the job under its present lease.
    fn delivered(&self, job: JobId) -> Usage;

    /// The same, but nothing unless `lease` is the lease under which it was delivered. A shell that hands several inputs
    /// in before it does what the outputs say must tell them apart: between the two the core may have given the job to
    /// another worker already, and what the first one wrote must not be counted as the second one's.
    fn delivered_under(&self, job: JobId, lease: u64) -> Usage {
        let _ = lease;
        self.delivered(job)
    }

    /// Output tokens of the job that were delivered before this realm was restarted, and are kept.
    fn carried(&self, job: JobId) -> u64;
}

/// Whether a job that failed may be tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// It will fail everywhere.
    No,
    /// Another worker may do better.
    Elsewhere,
    /// A worker with a larger window may do it.
    LargerWindow,
}

/// What happens to the realm.
#[derive(Debug, Clone)]
pub enum Input {
    /// A worker announced itself, or announced anew.
    WorkerJoined {
        /// Its session.
        worker: WorkerId,
        /// The wallet that it is paid to.
        account: AccountId,
        /// Its key.
        did: Did,
        /// Whether the realm itself attached it.
        house: bool,
        /// What it offers; checked by the shell ([`Announcement::fault`]).
        announcement: Announcement,
        /// Round trip to it, in microseconds.
        link_us: u64,
    },
    /// It is still here.
    WorkerBeat {
        /// Which.
        worker: WorkerId,
        /// How fast by now, for its first offer.
        tokens_per_s: Option<f32>,
    },
    /// It takes no new jobs.
    WorkerDraining {
        /// Which.
        worker: WorkerId,
    },
    /// It is gone.
    WorkerLeft {
        /// Which.
        worker: WorkerId,
    },
    /// A client wants something done.
    Submit {
        /// For the reply.
        ticket: Ticket,
        /// What.
        job: NewJob,
    },
    /// A client wants something done whose answer the realm remembers.
    Recall {
        /// For the reply.
        ticket: Ticket,
        /// What.
        job: NewJob,
        /// What was used when it was done.
        usage: Usage,
        /// Salted commitment to the answer.
        output: Digest,
    },
    /// The first piece of an answer has come.
    Progressed {
        /// From whom.
        worker: WorkerId,
        /// For which job.
        job: JobId,
        /// Under which lease.
        lease: u64,
    },
    /// A worker says that it is done.
    Finished {
        /// Which worker.
        worker: WorkerId,
        /// Which job.
        job: JobId,
        /// Under which lease.
        lease: u64,
        /// What it used.
        usage: Usage,
        /// Why it stopped.
        finish: FinishReason,
        /// Salted commitment to the whole answer.
        output: Digest,
        /// Salted commitment to what the worker has signed.
        receipt: Option<Digest>,
    },
    /// A worker could not do it.
    JobFailed {
        /// Which worker.
        worker: WorkerId,
        /// Which job.
        job: JobId,
        /// Under which lease.
        lease: u64,
        /// Why.
        problem: Problem,
        /// What may help.
        retry: Retry,
    },
    /// Its wallet does not want a job any more.
    Cancel {
        /// For the reply.
        ticket: Ticket,
        /// Which.
        job: JobId,
        /// Who asks.
        account: AccountId,
    },
    /// A wallet sends coins.
    Transfer {
        /// For the reply.
        ticket: Ticket,
        /// Its id.
        id: JobId,
        /// From whom.
        from: AccountId,
        /// To whom.
        to: AccountId,
        /// How much.
        amount: Micro,
        /// Salted commitment to the memo.
        memo: Digest,
    },
    /// At home: the owner fills a wallet of the household up.
    Welcome {
        /// For the reply.
        ticket: Ticket,
        /// The transfer's id.
        id: JobId,
        /// Whose.
        to: AccountId,
    },
    /// A new wallet wants its starter coins, for which it has worked.
    Start {
        /// For the reply.
        ticket: Ticket,
        /// The transfer's id.
        id: JobId,
        /// Whose.
        to: AccountId,
    },
    /// A wallet lets others spend of its coins.
    Grant {
        /// For the reply.
        ticket: Ticket,
        /// The grant.
        id: JobId,
        /// Whose coins.
        from: AccountId,
        /// Who may spend.
        to: Vec<AccountId>,
        /// What it allows.
        terms: GrantTerms,
        /// Salted commitment to its names.
        about: Digest,
    },
    /// A wallet takes a grant back: nothing more is spent of it, and its open jobs are cancelled.
    Revoke {
        /// For the reply.
        ticket: Ticket,
        /// Which.
        grant: JobId,
        /// Who asks.
        account: AccountId,
    },
    /// The keys of a wallet shall change. The shell has checked the statement's signatures.
    ChangeKeys {
        /// For the reply.
        ticket: Ticket,
        /// What is said.
        statement: Box<KeyStatement>,
        /// Who has signed it.
        by: KeyId,
        /// The key that is named in it, if one is.
        named: Option<KeyId>,
    },
    /// The realm asks again what a client has asked, of workers of other accounts. The job is the treasury's.
    Replicate {
        /// For the reply.
        ticket: Ticket,
        /// What.
        job: NewJob,
        /// Whose workers have answered already.
        answered: Vec<AccountId>,
    },
    /// The realm asks the workers of one account what it knows the answer to. The job is the treasury's.
    Try {
        /// For the reply.
        ticket: Ticket,
        /// What.
        job: NewJob,
        /// Whose workers.
        account: AccountId,
    },
    /// Answers to one question were compared.
    Judge {
        /// For the reply.
        ticket: Ticket,
        /// What was asked of.
        capability: CapabilityKind,
        /// What was shown about which job of whom.
        results: Vec<Judged>,
        /// Salted commitment to the answers.
        evidence: Digest,
    },
    /// There will be no verdict on these results: nobody could be asked, or the answers could not be compared.
    Unjudged {
        /// The jobs that gave them.
        jobs: Vec<JobId>,
    },
    /// A worker's wallet objects to a proof.
    Appeal {
        /// For the reply.
        ticket: Ticket,
        /// The job whose answer was proven wrong.
        job: JobId,
        /// Who objects.
        account: AccountId,
    },
    /// The sysop has looked at a proof.
    DecideCase {
        /// For the reply.
        ticket: Ticket,
        /// The job whose answer was proven wrong.
        job: JobId,
        /// Whether it is taken back.
        pardon: bool,
    },
    /// The owner makes another realm a peer, changes what it may owe, or parts with it.
    Peer {
        /// For the reply.
        ticket: Ticket,
        /// Its account.
        account: AccountId,
        /// The most that it may owe; nothing when it is a peer no more.
        limit: Option<Micro>,
    },
    /// Time has passed.
    Tick,
    /// The realm is going down: no new jobs from now on.
    Drain,
}

/// What the shell has to do. Everything in the list waits until the journal entries before it are durable, but
/// [`Assign`](Self::Assign), [`Alone`](Self::Alone) and [`Stop`](Self::Stop), which lose nothing when they come too early.
#[derive(Debug, Clone, PartialEq)]
pub enum Output {
    /// Make this durable.
    Journal(Entry),
    /// The job is taken.
    Accepted {
        /// The request.
        ticket: Ticket,
        /// The job.
        job: JobId,
        /// What is held for it.
        hold: Micro,
        /// When it is given up.
        deadline: Timestamp,
    },
    /// The same job was taken before.
    Known {
        /// The request.
        ticket: Ticket,
        /// The job.
        job: JobId,
    },
    /// The request is refused; nothing has changed.
    Refused {
        /// The request.
        ticket: Ticket,
        /// Why.
        problem: Problem,
    },
    /// The transfer, or whatever was asked, is done.
    Done {
        /// The request.
        ticket: Ticket,
    },
    /// The job waits.
    Queued {
        /// The job.
        job: JobId,
        /// How many start before it.
        position: u32,
        /// How long until it starts, in milliseconds; `None` when it can't be known.
        eta_ms: Option<u64>,
    },
    /// Give the job to the worker.
    Assign {
        /// The job.
        job: JobId,
        /// Whom to.
        worker: WorkerId,
        /// With which of its offers.
        offer: u16,
        /// The fencing token.
        lease: u64,
        /// 1 for the first worker.
        attempt: u32,
        /// Whether another worker has the job already, and is late: whoever begins first keeps it.
        rival: bool,
        /// Most tokens to write from here on; none, when all were written by workers that left before they said so.
        output_tokens_max: u32,
        /// When it is given up.
        deadline: Timestamp,
    },
    /// Of two workers that had the job, only the one with this lease has it now.
    Alone {
        /// The job.
        job: JobId,
        /// The lease that counts.
        lease: u64,
    },
    /// Tell the worker to stop.
    Stop {
        /// The job.
        job: JobId,
        /// Which worker.
        worker: WorkerId,
        /// The assignment.
        lease: u64,
    },
    /// What the worker said is of no account: it does not have that job, or not any more.
    Stale {
        /// Which worker.
        worker: WorkerId,
        /// Which job.
        job: JobId,
    },
    /// The job has ended.
    Settled {
        /// The job.
        job: JobId,
        /// Whose.
        account: AccountId,
        /// How.
        outcome: Outcome,
        /// What was used.
        usage: Usage,
        /// What it cost.
        cost: Micro,
        /// Salted commitment to what the worker that finished it has signed.
        receipt: Option<Digest>,
        /// Why, if it failed.
        problem: Option<Problem>,
        /// When.
        time: Timestamp,
    },
    /// What wares cost, to be written down: no part of the journal, and nothing waits for it.
    Priced(Vec<PriceNote>),
    /// A worker has answered a job whose answer is to be compared. Comes before the job is settled.
    Answered {
        /// The job.
        job: JobId,
        /// The account of its worker.
        worker: AccountId,
        /// What the policy wants to be done about a client's; nothing about one that was asked for comparison.
        check: Check,
    },
    /// The worker is refused, or was silent for too long: end its session.
    Dismiss {
        /// Which.
        worker: WorkerId,
        /// Why.
        problem: Problem,
    },
}

/// A job that is not settled, as the scheduler sees it.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) phase: Phase,
    /// The second worker that has it, while both are to say their first word.
    pub(crate) rival: Option<Rival>,
    /// Its place in the order of service, kept when it has to wait again.
    pub(crate) rank: Rank,
    pub(crate) attempts: u32,
    /// Attached workers that failed with it.
    pub(crate) tried: Vec<WorkerId>,
    /// Who alone may do it, when it is not anybody.
    pub(crate) only: Option<Only>,
    /// Where its prompt may be remembered. Not in the journal: a bare hash would let readers of the log guess prompts.
    pub(crate) prefix: Option<u64>,
    pub(crate) window_too_small: Option<u32>,
    /// What workers that had it before have delivered, for their pay.
    pub(crate) parts: Vec<(AccountId, Usage)>,
    /// What peer realms that had it asked for it.
    pub(crate) peer_asks: BTreeMap<AccountId, Price>,
    /// Names of the workers that had it.
    pub(crate) workers: Vec<String>,
    /// The position that its wallet was told last.
    pub(crate) told_position: Option<u32>,
    pub(crate) last_problem: Option<Problem>,
    /// Whether its answer has begun: then its response time is known.
    pub(crate) begun: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    Waiting,
    Assigned { worker: WorkerId, offer: u16, lease: u64, since: Timestamp, first_chunk: Option<Timestamp> },
}

#[derive(Debug)]
pub(crate) struct Worker {
    pub(crate) account: AccountId,
    pub(crate) did: Did,
    pub(crate) name: String,
    pub(crate) software: String,
    pub(crate) house: bool,
    pub(crate) since: Timestamp,
    pub(crate) draining: bool,
    pub(crate) offers: Vec<Offer>,
    /// What it has in hand, and under which of its offers.
    pub(crate) jobs: BTreeMap<JobId, u16>,
    pub(crate) last_beat: Timestamp,
    pub(crate) jobs_done: u64,
    pub(crate) earned: Micro,
}

/// What is remembered of a request that was dealt with: as much as tells a repetition from another request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Finished {
    Job { account: AccountId, request: Digest },
    Transfer(Box<Transfer>),
    Grant { from: AccountId, about: Digest },
    Keys(Box<KeyStatement>),
}

/// A transfer between wallets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Transfer {
    pub(crate) from: AccountId,
    pub(crate) to: AccountId,
    pub(crate) amount: Micro,
    pub(crate) memo: Digest,
}

/// The realm.
#[derive(Debug)]
pub struct Realm {
    config: Config,
    state: State,
    jobs: HashMap<JobId, Running>,
    offers: Offers,
    workers: HashMap<WorkerId, Worker>,
    waiting: Waiting,
    market: Market,
    /// How soon jobs of each class have begun of late.
    kept: [Kept; ServiceClass::ALL.len()],
    /// What was finished lately, to recognise repetitions; oldest first in `finished_order`.
    finished: HashMap<JobId, Finished>,
    finished_order: VecDeque<JobId>,
    /// Ids with a time after this one can't have been forgotten.
    forgotten_until: u64,
    deadlines: BTreeSet<(Timestamp, JobId)>,
    /// When the first word of jobs that somebody listens for will be late.
    late_words: BTreeSet<(Timestamp, JobId)>,
    beats: BTreeSet<(Timestamp, WorkerId)>,
    open_by_wallet: HashMap<AccountId, u32>,
    grants: GrantIndex,
    recoveries: RecoveryIndex,
    probation: Probation,
    late: LateIndex,
    /// Accounts of workers that are or were the house's.
    house: BTreeSet<AccountId>,
    /// Open jobs that not anybody may do.
    chosen: BTreeSet<JobId>,
    next_lease: u64,
    arrivals: u64,
    last_queue_report: Timestamp,
    draining: bool,
}

impl Realm {
    /// A realm with this state: empty for a new one (see [`found`](Self::found)), or rebuilt from the journal. Open
    /// jobs wait for workers again. `first_lease` must be larger than every lease of an earlier life of this realm;
    /// the time in microseconds will do.
    pub fn new(config: Config, state: State, first_lease: u64) -> Self {
        let mut realm = Self {
            late: LateIndex::new(&state, &config.trust),
            config,
            forgotten_until: state.newest_id_time(),
            grants: GrantIndex::new(&state),
            recoveries: RecoveryIndex::new(&state),
            state,
            jobs: HashMap::new(),
            offers: Offers::default(),
            workers: HashMap::new(),
            waiting: Waiting::default(),
            market: Market::default(),
            kept: Default::default(),
            finished: HashMap::new(),
            finished_order: VecDeque::new(),
            deadlines: BTreeSet::new(),
            late_words: BTreeSet::new(),
            beats: BTreeSet::new(),
            open_by_wallet: HashMap::new(),
            probation: Probation::default(),
            house: BTreeSet::new(),
            chosen: BTreeSet::new(),
            next_lease: first_lease,
            arrivals: 0,
            last_queue_report: Timestamp::default(),
            draining: false,
        };
        let open: Vec<JobId> = realm.state.open().keys().copied().collect();
        for job in open {
            realm.track(job, None);
            realm.line_up(job);
        }
        realm
    }

    /// Writes the first entry of a new realm.
    ///
    /// # Errors
    /// [`Corrupt`] when the realm was founded before.
    pub fn found(
        &mut self,
        now: Timestamp,
        owner: AccountId,
        outputs: &mut Vec<Output>,
    ) -> Result<(), Corrupt> {
        self.record(now, Fact::Founded { owner }, outputs)?;
        self.fund_owner(now, outputs)
    }

    /// The only door. What has to happen because of `input` is appended to `outputs`.
    ///
    /// # Errors
    /// [`Corrupt`] when the realm's own decision can't be entered into the books: a fault in this program. The state
    /// is as it was before the entry that failed; the shell should stop and restart from the journal.
    pub fn handle(
        &mut self,
        now: Timestamp,
        input: Input,
        meter: &impl Meter,
        outputs: &mut Vec<Output>,
    ) -> Result<(), Corrupt> {
        self.follow_load(now, outputs);
        self.write_balances(now, outputs)?;
        self.finish_recoveries(now, outputs)?;
        self.decide(now, input, meter, outputs)?;
        self.let_others_do_it(now, meter, outputs)?;
        self.fill_lifted(now, meter, outputs);
        Ok(())
    }

    fn decide(
        &mut self,
        now: Timestamp,
        input: Input,
        meter: &impl Meter,
        outputs: &mut Vec<Output>,
    ) -> Result<(), Corrupt> {
        match input {
            Input::Submit { ticket, job } => self.submit(now, ticket, job, Asked::Anybody, meter, outputs),
            Input::Recall { ticket, job, usage, output } => {
                self.recall(now, ticket, job, (usage, output), outputs)
            }
            Input::Replicate { ticket, job, answered } => {
                self.replicate(now, ticket, job, &answered, meter, outputs)
            }
            Input::Try { ticket, job, account } => {
                self.try_workers_of(now, ticket, job, account, meter, outputs)
            }
            Input::Judge { ticket, capability, results, evidence } => {
                self.judge(now, ticket, capability, results, evidence, meter, outputs)
            }
            Input::Progressed { worker, job, lease } => {
                self.progressed(now, worker, job, lease, meter, outputs);
                Ok(())
            }
            Input::Finished { worker, job, lease, usage, finish, output, receipt } => {
                self.finished(now, (worker, job, lease), usage, finish, (output, receipt), meter, outputs)
            }
            Input::JobFailed { worker, job, lease, problem, retry } => {
                self.job_failed(now, (worker, job, lease), problem, retry, meter, outputs)
            }
            Input::Cancel { ticket, job, account } => self.cancel(now, ticket, job, account, meter, outputs),
            Input::WorkerJoined { worker, account, did, house, announcement, link_us } => {
                self.worker_joined(now, worker, (account, did, house), announcement, link_us, meter, outputs)
            }
            Input::WorkerBeat { worker, tokens_per_s } => {
                self.worker_beat(now, worker, tokens_per_s);
                Ok(())
            }
            Input::WorkerDraining { worker } => {
                self.worker_draining(worker);
                Ok(())
            }
            Input::WorkerLeft { worker } => self.worker_left(now, worker, meter, outputs),
            Input::Transfer { ticket, id, from, to, amount, memo } => {
                self.transfer(now, ticket, id, (from, to), amount, memo, outputs)
            }
            Input::Welcome { ticket, id, to } => self.welcome(now, ticket, id, to, outputs),
            Input::Start { ticket, id, to } => self.start(now, ticket, id, to, outputs),
            Input::Grant { ticket, id, from, to, terms, about } => {
                self.grant(now, ticket, id, (from, to), terms, about, outputs)
            }
            Input::Revoke { ticket, grant, account } => {
                self.revoke(now, ticket, grant, account, meter, outputs)
            }
            Input::ChangeKeys { ticket, statement, by, named } => {
                self.change_keys(now, ticket, statement, by, named, outputs)
            }
            Input::Unjudged { jobs } => {
                self.verdict_is_there(jobs);
                Ok(())
            }
            Input::Appeal { ticket, job, account } => self.appeal(now, ticket, job, account, outputs),
            Input::DecideCase { ticket, job, pardon } => self.decide_case(now, ticket, job, pardon, outputs),
            Input::Peer { ticket, account, limit } => self.peer(now, ticket, account, limit, outputs),
            Input::Tick => self.tick(now, meter, outputs),
            Input::Drain => {
                self.draining = true;
                Ok(())
            }
        }
    }

    /// The rules.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// What is durable.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Whether a job or transfer of this id may have been taken and finished so long ago that it is not remembered
    /// here: ask the ledger before submitting it.
    pub fn may_be_forgotten(&self, id: JobId) -> bool {
        id_time(id) <= self.forgotten_until
            && !self.finished.contains_key(&id)
            && !self.state.open().contains_key(&id)
    }

    /// Decides a fact: makes it true here, and has the shell make it durable.
    pub(crate) fn record(
        &mut self,
        now: Timestamp,
        fact: Fact,
        outputs: &mut Vec<Output>,
    ) -> Result<(), Corrupt> {
        let entry = Entry { seq: self.state.entries(), time: now, fact };
        self.state.apply(&entry)?;
        outputs.push(Output::Journal(entry));
        Ok(())
    }

    /// Has the scheduler know an open job, as waiting, though not in line yet.
    fn track(&mut self, id: JobId, prefix: Option<u64>) {
        let Some(open) = self.state.open().get(&id) else { return };
        let (account, deadline) = (open.job.account, open.job.deadline);
        self.arrivals += 1;
        let running = Running {
            phase: Phase::Waiting,
            rival: None,
            rank: (self.turn(&open.job, open.accepted).0, self.arrivals),
            attempts: 0,
            tried: Vec::new(),
            only: None,
            prefix,
            window_too_small: None,
            parts: Vec::new(),
            peer_asks: BTreeMap::new(),
            workers: Vec::new(),
            told_position: None,
            last_problem: None,
            begun: false,
        };
        self.jobs.insert(id, running);
        self.deadlines.insert((deadline, id));
        *self.open_by_wallet.entry(account).or_default() += 1;
    }

    /// Puts a job that waits into its line.
    fn line_up(&mut self, id: JobId) {
        let (Some(open), Some(running)) = (self.state.open().get(&id), self.jobs.get(&id)) else { return };
        self.waiting.enter(&open.job.capability, &open.job.model, running.rank, id);
    }

    /// The moment by which a job that is accepted then should begin: its goal, and later the more open jobs its wallet
    /// has.
    fn turn(&self, job: &NewJob, accepted: Timestamp) -> Timestamp {
        let open = self.open_by_wallet.get(&job.account).copied().unwrap_or(0);
        let goal_ms = self.config.goals.of(job.class);
        // Own jobs first: what a peer asks for waits behind all of them.
        let after_own_ms = if job.hops.is_empty() { 0 } else { peers::AFTER_OWN_MS };
        accepted.plus_ms(goal_ms + goal_ms / 8 * u64::from(open) + after_own_ms)
    }

    /// What the scheduler is asked about a job, open or not.
    fn wish<'a>(&'a self, job: &'a NewJob, price: &'a Price) -> Wish<'a> {
        let running = self.jobs.get(&job.id);
        Wish {
            job,
            price,
            prefix: running.map_or(job.prefix, |running| running.prefix),
            tried: running.map_or(&[], |running| &running.tried),
            only: running.and_then(|running| running.only),
            window_too_small: running.and_then(|running| running.window_too_small),
        }
    }

    /// An offer of an attached worker.
    fn offer(&self, (worker, index): OfferId) -> Option<&Offer> {
        self.workers.get(&worker)?.offers.get(usize::from(index))
    }

    /// Remembers a finished id, and forgets the oldest beyond the bound.
    fn remember(&mut self, id: JobId, request: Finished) {
        if self.finished.insert(id, request).is_none() {
            self.finished_order.push_back(id);
        }
        while self.finished_order.len() > self.config.finished_remembered_max {
            if let Some(oldest) = self.finished_order.pop_front() {
                self.finished.remove(&oldest);
                self.forgotten_until = self.forgotten_until.max(id_time(oldest));
            }
        }
    }

    fn refuse(ticket: Ticket, kind: ProblemKind, detail: impl Into<String>) -> Output {
        Output::Refused { ticket, problem: Problem::new(kind, detail) }
    }
}
