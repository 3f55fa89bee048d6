//! The broker's rules without its sockets: inputs are handled in batches, assignments and stops go out at once, all else
//! when the journal entries before it are durable.

use std::collections::{BTreeMap, VecDeque};

use mtor_core::trust::Check;
use mtor_core::{Entry, Fact, Input, NewJob, Output, Realm, Retry, State, Ticket, WorkerId};
use mtor_identity::{Stated, verify_keys};
use mtor_protocol::{
    AccountId, Announcement, Did, Digest, FinishReason, GrantTerms, JobId, KeyStatement, Micro, Problem,
    ProblemKind, Timestamp, Usage,
};

use crate::answer;
use crate::defaults;
use crate::journal::{Batch, Journal, Record, Recovered};
use crate::judgement;
use crate::promises::{Checked, Observer, Promise, Violation, ensure, state_after};
use crate::sabotage::Sabotage;
use crate::stream::{Ended, Stream, Streams};

/// What a client asks.
#[derive(Debug, Clone)]
pub(crate) enum Ask {
    Submit(Box<NewJob>),
    Cancel { job: JobId, account: AccountId },
    Send { id: JobId, from: AccountId, to: AccountId, amount: Micro },
    Welcome { id: JobId, to: AccountId },
    Start { id: JobId, to: AccountId },
    Grant { id: JobId, from: AccountId, to: AccountId, terms: GrantTerms },
    Revoke { grant: JobId, account: AccountId },
    Keys(Box<KeyStatement>),
}

/// What is answered.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Reply {
    /// The job was taken, now or before.
    Taken(JobId),
    Done,
    Refused(ProblemKind),
}

/// What a worker's link says.
#[derive(Debug, Clone)]
pub(crate) enum Report {
    Announce {
        worker: usize,
        house: bool,
        announcement: Box<Announcement>,
    },
    Beat,
    Drain,
    Chunk {
        job: JobId,
        lease: u64,
        text: String,
    },
    Done {
        job: JobId,
        lease: u64,
        text: String,
        claimed_tokens: u64,
        finish: FinishReason,
    },
    Failed {
        job: JobId,
        lease: u64,
        retry: Retry,
    },
    /// The link is broken.
    Down,
}

/// What goes out to a worker.
#[derive(Debug, Clone)]
pub(crate) enum Order {
    /// Write this, going on after so many tokens, at most so many more.
    Run {
        job: JobId,
        lease: u64,
        after_tokens: u64,
        tokens_max: u64,
    },
    Stop {
        job: JobId,
        lease: u64,
    },
    /// The session is over.
    Dismissed,
}

/// What leaves the shell.
#[derive(Debug)]
pub(crate) enum Out {
    ToWorker(WorkerId, Order),
    ToClient(u64, Reply),
    /// A batch was handed to the journal.
    Committing,
}

/// What waits in the shell's queue.
#[derive(Debug)]
enum Command {
    Ask(u64, Ask),
    Input(Box<Input>),
}

/// What is done once a batch is durable.
#[derive(Debug)]
enum After {
    Reply(u64, Reply),
    Taken(u64, JobId),
    Ended(JobId, Ended),
}

/// Where the broker dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CrashPoint {
    /// Between two inputs of a batch.
    MidBatch,
    /// When a batch was handled, before the journal is given it.
    BeforeCommit,
    /// When a batch is durable, before anybody was told.
    BeforeDelivery,
    /// When some were told.
    MidDelivery,
}

/// A life of the shell: from a start to a crash.
pub(crate) struct Shell {
    pub(crate) realm: Realm,
    pub(crate) streams: Streams,
    links: BTreeMap<WorkerId, usize>,
    inbox: VecDeque<Command>,
    /// Requests by ticket: the client's number for it.
    waiters: BTreeMap<Ticket, (u64, Option<Box<NewJob>>)>,
    /// What follows each batch that the journal has not made durable yet.
    afters: VecDeque<Vec<After>>,
    next_ticket: u64,
    pub(crate) crash_at: Option<CrashPoint>,
    sabotage: Option<Sabotage>,
}

/// The broker has died, at the point where it was told to.
pub(crate) struct Died;

impl Shell {
    /// Starts the realm from what the journal has.
    pub(crate) fn start(recovered: Recovered, now: Timestamp, sabotage: Option<Sabotage>) -> Self {
        let Recovered { state, mut partials } = recovered;
        let mut streams = Streams { bill_twice: sabotage == Some(Sabotage::BillTwice), ..Streams::default() };
        for job in state.open().keys() {
            let mut text = partials.remove(job).unwrap_or_default();
            let tokens = crate::stream::tokens(&text);
            if sabotage == Some(Sabotage::ForgetText) {
                text.clear();
            }
            streams.jobs.insert(*job, Stream::resumed(text, tokens));
        }
        Self {
            realm: Realm::new(defaults::config(), state, now.0.saturating_mul(1_000)),
            streams,
            links: BTreeMap::new(),
            inbox: VecDeque::new(),
            waiters: BTreeMap::new(),
            afters: VecDeque::new(),
            next_ticket: 0,
            crash_at: None,
            sabotage,
        }
    }

    /// Writes the first entries of a new realm.
    pub(crate) fn found(
        &mut self,
        now: Timestamp,
        owner: AccountId,
        journal: &mut dyn Journal,
        observer: &mut Observer,
        outs: &mut Vec<Out>,
    ) -> Checked {
        let mut outputs = Vec::new();
        self.realm
            .found(now, owner, &mut outputs)
            .map_err(|corrupt| Violation::new(Promise::Money, corrupt.to_string()))?;
        self.observe(&outputs, observer)?;
        self.effects(now, outputs, journal, observer, outs)
    }

    /// Shows the observer what the core has decided.
    fn observe(&self, outputs: &[Output], observer: &mut Observer) -> Checked {
        for output in outputs {
            if let Output::Journal(entry) = output {
                observer.entry(entry, |job| self.streams.delivered_tokens(job))?;
            }
        }
        Ok(())
    }

    /// The state that an empty journal gives.
    pub(crate) fn nothing() -> Recovered {
        Recovered { state: State::default(), partials: BTreeMap::new() }
    }

    pub(crate) fn has_work(&self) -> bool {
        !self.inbox.is_empty()
    }

    pub(crate) fn tick(&mut self) {
        self.inbox.push_back(Command::Input(Input::Tick.into()));
    }

    /// A client's request has come.
    pub(crate) fn ask(&mut self, number: u64, ask: Ask) {
        if self.sabotage == Some(Sabotage::DropSilently) && self.inbox.len() > 2 {
            return;
        }
        self.inbox.push_back(Command::Ask(number, ask));
    }

    /// Something has come over a worker's link.
    pub(crate) fn report(&mut self, worker: WorkerId, report: Report) {
        let input = match report {
            Report::Announce { worker: index, house, announcement } => {
                self.links.insert(worker, index);
                Input::WorkerJoined {
                    worker,
                    account: defaults::payee(index),
                    did: Did(format!("did:key:worker-{index}")),
                    house,
                    announcement: *announcement,
                    link_us: 1_000,
                }
            }
            _ if !self.links.contains_key(&worker) => return,
            Report::Beat => Input::WorkerBeat { worker, tokens_per_s: None },
            Report::Drain => Input::WorkerDraining { worker },
            Report::Chunk { job, lease, text } => {
                let Some((lease, stream)) = self.heard(worker, job, lease) else { return };
                match stream.write(lease, &text) {
                    Some(true) => Input::Progressed { worker, job, lease },
                    _ => return,
                }
            }
            Report::Done { job, lease, text, claimed_tokens, finish } => {
                let trusting = self.is(Sabotage::HearStaleLeases);
                let Some((lease, stream)) = self.heard(worker, job, lease) else { return };
                match stream.written_under(lease) {
                    None => return,
                    Some(written) if written == text || trusting => {
                        // What is billed is what was counted here, whatever the worker says.
                        let counted = crate::stream::tokens(written);
                        let input_tokens = 5 + claimed_tokens % 3;
                        let usage = Usage { input_tokens, output_tokens: counted, ..Usage::default() };
                        let output = answer::commitment(job, &stream.text);
                        stream.seal();
                        Input::Finished { worker, job, lease, usage, finish, output, receipt: None }
                    }
                    Some(_) => {
                        stream.seal();
                        let detail = "the answer is not the one that was delivered";
                        let problem = Problem::new(ProblemKind::WorkerFailed, detail);
                        Input::JobFailed { worker, job, lease, problem, retry: Retry::Elsewhere }
                    }
                }
            }
            Report::Failed { job, lease, retry } => {
                let problem = Problem::new(ProblemKind::WorkerFailed, "out of memory");
                Input::JobFailed { worker, job, lease, problem, retry }
            }
            Report::Down => {
                self.links.remove(&worker);
                Input::WorkerLeft { worker }
            }
        };
        self.inbox.push_back(Command::Input(input.into()));
    }

    /// Where a worker writes, and under which lease; `None` when that was never given to it.
    fn heard(&mut self, worker: WorkerId, job: JobId, lease: u64) -> Option<(u64, &mut Stream)> {
        let trusting = self.is(Sabotage::HearStaleLeases);
        let stream = self.streams.jobs.get_mut(&job)?;
        match trusting {
            true => Some((stream.present_lease(), stream)),
            false => stream.is_held_by(lease, worker).then_some((lease, stream)),
        }
    }

    fn is(&self, sabotage: Sabotage) -> bool {
        self.sabotage == Some(sabotage)
    }

    /// Handles what has come, at most a batch of it, and hands what must be durable to the journal.
    pub(crate) fn turn(
        &mut self,
        now: Timestamp,
        journal: &mut dyn Journal,
        observer: &mut Observer,
        outs: &mut Vec<Out>,
    ) -> Result<Result<(), Died>, Violation> {
        let count = self.inbox.len().min(defaults::BATCH_MAX);
        let batch: Vec<Command> = self.inbox.drain(..count).collect();
        let mut outputs = Vec::new();
        for (index, command) in batch.into_iter().enumerate() {
            if self.crash_at == Some(CrashPoint::MidBatch) && index == count / 2 {
                return Ok(Err(Died));
            }
            let input = match command {
                Command::Input(input) => *input,
                Command::Ask(number, ask) => match self.input_of(number, ask, journal, observer, outs)? {
                    Some(input) => input,
                    None => continue,
                },
            };
            self.handle(now, input, &mut outputs, observer)?;
        }
        let doomed = self.crash_at == Some(CrashPoint::BeforeCommit)
            && outputs.iter().any(|output| matches!(output, Output::Journal(_)));
        if doomed {
            // Assignments may be on their way already.
            self.send_orders(&outputs, outs);
            return Ok(Err(Died));
        }
        self.effects(now, outputs, journal, observer, outs)?;
        Ok(Ok(()))
    }

    fn handle(
        &mut self,
        now: Timestamp,
        input: Input,
        outputs: &mut Vec<Output>,
        observer: &mut Observer,
    ) -> Checked {
        let gone = match input {
            Input::WorkerLeft { worker } => Some((worker, self.hands())),
            _ => None,
        };
        let mut new = Vec::new();
        self.realm
            .handle(now, input, &self.streams, &mut new)
            .map_err(|corrupt| Violation::new(Promise::Money, corrupt.to_string()))?;
        if let Some((gone, before)) = gone {
            if let Some(bystander) = before.values().map(|(worker, _)| *worker).find(|worker| *worker != gone)
                && self.is(Sabotage::PunishBystanders)
            {
                let left = Input::WorkerLeft { worker: bystander };
                self.realm
                    .handle(now, left, &self.streams, &mut new)
                    .map_err(|corrupt| Violation::new(Promise::Money, corrupt.to_string()))?;
            }
            observer.left(gone, &before, &self.hands())?;
        }
        if self.is(Sabotage::SettleTwice) {
            let again = |output: &Output| match output {
                Output::Journal(entry @ Entry { fact: Fact::Settled { .. }, .. }) => {
                    Some(Output::Journal(Entry { seq: entry.seq + 1, ..entry.clone() }))
                }
                _ => None,
            };
            let doubled: Vec<_> = new.iter().filter_map(again).collect();
            new.extend(doubled);
        }
        self.observe(&new, observer)?;
        outputs.append(&mut new);
        Ok(())
    }

    /// Who has which job, under which lease.
    pub(crate) fn hands(&self) -> BTreeMap<JobId, (WorkerId, u64)> {
        let open = self.realm.state().open().keys();
        open.filter_map(|job| Some((*job, self.realm.job(*job)?.worker?))).collect()
    }

    /// What the core is asked for a client; `None` when the shell has the answer.
    fn input_of(
        &mut self,
        number: u64,
        ask: Ask,
        journal: &dyn Journal,
        observer: &mut Observer,
        outs: &mut Vec<Out>,
    ) -> Result<Option<Input>, Violation> {
        if !journal.writable() {
            outs.push(Out::ToClient(number, Reply::Refused(ProblemKind::LedgerUnavailable)));
            return Ok(None);
        }
        let (id, commitment) = match &ask {
            Ask::Submit(job) => (job.id, job.request),
            Ask::Send { id, .. } => (*id, memo()),
            Ask::Welcome { id, .. } | Ask::Start { id, .. } => (*id, Digest([0; 32])),
            Ask::Grant { id, .. } => (*id, answer::commitment(*id, answer::GRANT_NAME)),
            Ask::Keys(statement) => (statement.id, mtor_ledger::statement_digest(statement)),
            Ask::Cancel { .. } | Ask::Revoke { .. } => (JobId(0), memo()),
        };
        if !matches!(ask, Ask::Cancel { .. } | Ask::Revoke { .. }) && self.realm.may_be_forgotten(id) {
            match journal.known_id(id) {
                Some(known) if known == commitment => {
                    let reply = match ask {
                        Ask::Submit(_) => {
                            observer.acknowledged(id, journal)?;
                            Reply::Taken(id)
                        }
                        _ => Reply::Done,
                    };
                    outs.push(Out::ToClient(number, reply));
                    return Ok(None);
                }
                Some(_) => {
                    outs.push(Out::ToClient(number, Reply::Refused(ProblemKind::Conflict)));
                    return Ok(None);
                }
                None => {}
            }
        }
        self.next_ticket += 1;
        let ticket = Ticket(self.next_ticket);
        let (input, job) = match ask {
            Ask::Submit(job) => (Input::Submit { ticket, job: (*job).clone() }, Some(job)),
            Ask::Cancel { job, account } => (Input::Cancel { ticket, job, account }, None),
            Ask::Send { id, from, to, amount } => {
                (Input::Transfer { ticket, id, from, to, amount, memo: memo() }, None)
            }
            Ask::Welcome { id, to } => (Input::Welcome { ticket, id, to }, None),
            Ask::Start { id, to } => (Input::Start { ticket, id, to }, None),
            Ask::Grant { id, from, to, terms } => {
                let about = answer::commitment(id, answer::GRANT_NAME);
                (Input::Grant { ticket, id, from, to: vec![to], terms, about }, None)
            }
            Ask::Revoke { grant, account } => (Input::Revoke { ticket, grant, account }, None),
            Ask::Keys(statement) => match verify_keys(&statement, answer::realm_key().did().as_str()) {
                Ok(Stated { by, named }) => {
                    let by = match self.is(Sabotage::BelieveOldKeys) {
                        true => self.realm.state().keys().of(statement.wallet).current,
                        false => by,
                    };
                    (Input::ChangeKeys { ticket, statement, by, named }, None)
                }
                Err(_) => {
                    outs.push(Out::ToClient(number, Reply::Refused(ProblemKind::Unauthorized)));
                    return Ok(None);
                }
            },
        };
        self.waiters.insert(ticket, (number, job));
        Ok(Some(input))
    }

    fn send_orders(&mut self, outputs: &[Output], outs: &mut Vec<Out>) {
        for output in outputs {
            match output {
                Output::Assign { job, worker, lease, rival, output_tokens_max, .. } => {
                    let stream = self.streams.jobs.entry(*job).or_default();
                    stream.give(*lease, *worker);
                    let after_tokens = if *rival { stream.rival(*lease) } else { stream.lease(*lease) };
                    let tokens_max = u64::from(*output_tokens_max);
                    let run = Order::Run { job: *job, lease: *lease, after_tokens, tokens_max };
                    outs.push(Out::ToWorker(*worker, run));
                }
                Output::Alone { job, lease } => {
                    if let Some(stream) = self.streams.jobs.get_mut(job) {
                        stream.alone(*lease);
                    }
                }
                Output::Stop { job, worker, lease } => {
                    outs.push(Out::ToWorker(*worker, Order::Stop { job: *job, lease: *lease }));
                }
                Output::Dismiss { worker, .. } => {
                    self.links.remove(worker);
                    outs.push(Out::ToWorker(*worker, Order::Dismissed));
                }
                Output::Queued { job, .. } => {
                    if let Some(stream) = self.streams.jobs.get_mut(job) {
                        stream.revoke();
                    }
                }
                Output::Settled { job, .. } => {
                    if let Some(stream) = self.streams.jobs.get_mut(job) {
                        stream.close();
                    }
                }
                _ => {}
            }
        }
    }

    /// Does what the core has decided.
    fn effects(
        &mut self,
        now: Timestamp,
        outputs: Vec<Output>,
        journal: &mut dyn Journal,
        observer: &mut Observer,
        outs: &mut Vec<Out>,
    ) -> Checked {
        self.send_orders(&outputs, outs);
        let mut batch = Batch::default();
        let mut after = Vec::new();
        for output in outputs {
            match output {
                Output::Journal(entry) => {
                    batch.entries.push(entry);
                }
                Output::Accepted { ticket, job, hold, .. } => {
                    if let Some((number, Some(new))) = self.waiters.remove(&ticket) {
                        self.streams.jobs.entry(job).or_default();
                        batch.records.push(Record::Request { job: new, hold, time: now });
                        after.push(After::Taken(number, job));
                    }
                }
                Output::Known { ticket, job } => {
                    if let Some((number, _)) = self.waiters.remove(&ticket) {
                        after.push(After::Taken(number, job));
                    }
                }
                Output::Done { ticket } => {
                    if let Some((number, _)) = self.waiters.remove(&ticket) {
                        after.push(After::Reply(number, Reply::Done));
                    }
                }
                Output::Refused { ticket, problem } => {
                    observer.refused(&problem)?;
                    if let Some((number, _)) = self.waiters.remove(&ticket) {
                        let kind = problem.known_kind().unwrap_or(ProblemKind::Internal);
                        outs.push(Out::ToClient(number, Reply::Refused(kind)));
                    }
                }
                Output::Answered { job, worker, check } => {
                    if check != Check::None {
                        self.inbox.extend(judgement::of(job, worker).map(Box::new).map(Command::Input));
                    }
                }
                Output::Settled { job, outcome, usage, cost, time, .. } => {
                    let ended = Ended { state: state_after(outcome), cost };
                    let text = self.streams.jobs.get(&job).map_or_else(String::new, |s| s.text.clone());
                    batch.records.push(Record::Result { job, text, ended, outcome, usage, time });
                    after.push(After::Ended(job, ended));
                }
                Output::Assign { .. }
                | Output::Alone { .. }
                | Output::Stop { .. }
                | Output::Dismiss { .. }
                | Output::Queued { .. }
                | Output::Priced(_)
                | Output::Stale { .. } => {}
            }
        }
        if self.is(Sabotage::AcknowledgeEarly) {
            self.deliver(std::mem::take(&mut after), journal, observer, outs)?;
        }
        if batch.entries.is_empty() && batch.records.is_empty() && self.afters.is_empty() {
            return self.deliver(after, journal, observer, outs);
        }
        journal.commit(batch);
        self.afters.push_back(after);
        ensure(journal.pending() <= defaults::PENDING_BATCHES_MAX, Promise::Bounded, || {
            format!("{} batches wait for the disk", journal.pending())
        })?;
        outs.push(Out::Committing);
        Ok(())
    }

    /// Saves what running jobs have written.
    pub(crate) fn save(&mut self, journal: &mut dyn Journal, outs: &mut Vec<Out>) {
        let partial = |(job, stream): (&JobId, &mut Stream)| {
            stream.unsaved().map(|text| Record::Partial { job: *job, text: text.to_owned() })
        };
        let records: Vec<_> = self.streams.jobs.iter_mut().filter_map(partial).collect();
        if !records.is_empty() && journal.writable() {
            journal.commit(Batch { entries: Vec::new(), records });
            self.afters.push_back(Vec::new());
            outs.push(Out::Committing);
        }
    }

    /// The journal has made so many batches durable.
    pub(crate) fn durable(
        &mut self,
        batches: usize,
        journal: &dyn Journal,
        observer: &mut Observer,
        outs: &mut Vec<Out>,
    ) -> Result<Result<(), Died>, Violation> {
        let mut after: Vec<After> = self.afters.drain(..batches.min(self.afters.len())).flatten().collect();
        match self.crash_at {
            Some(CrashPoint::BeforeDelivery) if !after.is_empty() => return Ok(Err(Died)),
            Some(CrashPoint::MidDelivery) if after.len() > 1 => {
                after.truncate(after.len() / 2);
                self.deliver(after, journal, observer, outs)?;
                return Ok(Err(Died));
            }
            _ => {}
        }
        self.deliver(after, journal, observer, outs)?;
        Ok(Ok(()))
    }

    fn deliver(
        &mut self,
        after: Vec<After>,
        journal: &dyn Journal,
        observer: &mut Observer,
        outs: &mut Vec<Out>,
    ) -> Checked {
        for after in after {
            match after {
                After::Reply(number, reply) => outs.push(Out::ToClient(number, reply)),
                After::Taken(number, job) => {
                    observer.acknowledged(job, journal)?;
                    if let Some(stream) = self.streams.jobs.get_mut(&job) {
                        stream.visible = true;
                    }
                    outs.push(Out::ToClient(number, Reply::Taken(job)));
                }
                After::Ended(job, ended) => {
                    observer.ended(job, ended.state, ended.cost, journal)?;
                    if let Some(stream) = self.streams.jobs.get_mut(&job) {
                        stream.ended = Some(ended);
                    }
                }
            }
        }
        Ok(())
    }

    /// Whether a request is still on its way through.
    pub(crate) fn is_settled(&self) -> bool {
        self.inbox.is_empty() && self.afters.is_empty()
    }

    /// Requests that were taken in and never answered.
    pub(crate) fn unanswered(&self) -> usize {
        self.waiters.len()
    }
}

fn memo() -> Digest {
    Digest([3; 32])
}
