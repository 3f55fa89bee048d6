//! A small world round one realm: a clock, a meter, wallets with coins, and a journal that is replayed beside it. Every
//! step is checked: the books balance, the replay agrees, the scheduler's tables agree with each other.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use mtor_protocol::worker::OfferLimits;
use mtor_protocol::{
    AccountId, Announcement, CapabilityKind, CapabilityOffer, Did, Digest, FinishReason, JobId, Micro,
    Privacy, Problem, ProblemKind, ServiceClass, Timestamp, Usage,
};

use super::super::Phase;
use crate::entry::{Entry, Fact, NewJob, Outcome};
use crate::{Account, Config, Input, Meter, Output, Realm, Retry, State, Ticket, WorkerId};

pub(super) const OWNER: AccountId = AccountId(100);
pub(super) const ALICE: AccountId = AccountId(101);
pub(super) const BOB: AccountId = AccountId(102);
/// Worker N is paid to the account `WORKERS + N`.
pub(super) const WORKERS: u128 = 1_000;
/// What Alice and Bob begin with.
pub(super) const COINS: Micro = Micro::coins(100);
/// The first moment.
pub(super) const START: Timestamp = Timestamp(1_000_000);

/// What has been delivered, as the shell would count it.
#[derive(Debug, Default)]
pub(super) struct FakeMeter {
    delivered: HashMap<JobId, Usage>,
    carried: HashMap<JobId, u64>,
    leases: HashMap<JobId, u64>,
}

impl FakeMeter {
    /// What was delivered for this job so far was delivered under this lease, and stays on the meter.
    pub(super) fn only_under(&mut self, job: JobId, lease: u64) {
        self.leases.insert(job, lease);
    }
}

impl Meter for FakeMeter {
    fn delivered(&self, job: JobId) -> Usage {
        self.delivered.get(&job).copied().unwrap_or_default()
    }

    fn delivered_under(&self, job: JobId, lease: u64) -> Usage {
        match self.leases.get(&job) {
            Some(under) if *under != lease => Usage::default(),
            _ => self.delivered(job),
        }
    }

    fn carried(&self, job: JobId) -> u64 {
        self.carried.get(&job).copied().unwrap_or_default()
    }
}

pub(super) struct World {
    pub(super) realm: Realm,
    pub(super) now: Timestamp,
    pub(super) meter: FakeMeter,
    /// Rebuilt from the journal alone.
    replayed: State,
    pub(super) journal: Vec<Entry>,
    settled: BTreeSet<JobId>,
    /// Starter coins that ever came into being.
    started: u128,
    tickets: u64,
}

impl World {
    pub(super) fn new() -> Self {
        Self::with(Config::default())
    }

    pub(super) fn with(config: Config) -> Self {
        let mut world = Self::unfunded(config);
        for (id, to) in [(1, ALICE), (2, BOB)] {
            let mut outputs = Vec::new();
            let issued = Fact::Issued { id: JobId(id), to, amount: COINS };
            world.realm.record(world.now, issued, &mut outputs).unwrap();
            world.note(&outputs);
        }
        world
    }

    /// A realm that has just been founded: nobody has any coins.
    pub(super) fn unfunded(config: Config) -> Self {
        let mut world = Self {
            realm: Realm::new(config, State::default(), 1),
            now: START,
            meter: FakeMeter::default(),
            replayed: State::default(),
            journal: Vec::new(),
            settled: BTreeSet::new(),
            started: 0,
            tickets: 0,
        };
        let mut outputs = Vec::new();
        world.realm.found(world.now, OWNER, &mut outputs).unwrap();
        world.note(&outputs);
        world
    }

    /// Kills the realm, and starts it again from its journal.
    pub(super) fn restart(&mut self) {
        let lease = self.realm.next_lease + 1;
        self.realm = Realm::new(self.realm.config.clone(), self.replayed.clone(), lease);
        for (job, usage) in std::mem::take(&mut self.meter.delivered) {
            *self.meter.carried.entry(job).or_default() += usage.output_tokens;
        }
        self.check();
    }

    /// Gives the realm an input, checks everything, and returns what is to be done besides the journal.
    pub(super) fn handle(&mut self, input: Input) -> Vec<Output> {
        let mut outputs = Vec::new();
        let waited = self.realm.who_waits();
        self.realm.handle(self.now, input, &self.meter, &mut outputs).expect("the books take every decision");
        self.check_probation(&waited, &outputs);
        self.note(&outputs);
        for output in &outputs {
            match output {
                // What the worker before has written has become a part of the job's past.
                Output::Assign { job, .. } | Output::Settled { job, .. }
                    if !self.meter.leases.contains_key(job) =>
                {
                    self.meter.delivered.remove(job);
                }
                _ => {}
            }
        }
        outputs.retain(|output| !matches!(output, Output::Journal(_)));
        outputs
    }

    fn note(&mut self, outputs: &[Output]) {
        for output in outputs {
            let Output::Journal(entry) = output else { continue };
            self.replayed.apply(entry).expect("the journal replays");
            if let Fact::Settled { id, .. } = &entry.fact {
                assert!(self.settled.insert(*id), "{id} was settled twice");
            }
            if let Fact::Started { amount, .. } = entry.fact {
                self.started += u128::from(amount.0);
            }
            self.journal.push(entry.clone());
        }
        self.check();
    }

    /// Who waits for a verdict, then as now, has got no client's job.
    fn check_probation(&self, waited: &BTreeSet<((AccountId, CapabilityKind), JobId)>, outputs: &[Output]) {
        let waits: BTreeSet<_> =
            self.realm.who_waits().intersection(waited).map(|(who, _)| who.clone()).collect();
        for output in outputs {
            let Output::Assign { job, worker, .. } = output else { continue };
            let (Some(worker), Some(open)) =
                (self.realm.workers.get(worker), self.realm.state.open().get(job))
            else {
                continue;
            };
            let who = (worker.account, open.job.capability.clone());
            assert!(
                worker.house || open.job.account == crate::TREASURY || !waits.contains(&who),
                "{job} goes to one that waits for its verdict"
            );
        }
    }

    /// What must hold after every step.
    fn check(&self) {
        let realm = &self.realm;
        realm.state.books().check().expect("the books balance");
        assert_eq!(self.replayed, realm.state, "the replay agrees");
        let bound = realm.state.books().bound_in_all();
        assert_eq!(bound, self.started, "what came into being bound is bound, whoever has it now");

        let open: BTreeSet<_> = realm.state.open().keys().collect();
        assert_eq!(open, realm.jobs.keys().collect(), "every open job is known to the scheduler");
        assert_eq!(realm.state.books().holds(), open.len(), "each open job has its hold");
        assert!(open.iter().all(|id| !self.settled.contains(id)), "no job is open and settled");

        let waiting: BTreeSet<_> = realm.waiting.in_order().map(|(_, job)| job).collect();
        let mut busy: BTreeMap<(WorkerId, u16), u32> = BTreeMap::new();
        let mut hands: BTreeSet<(JobId, WorkerId, u16)> = BTreeSet::new();
        for (id, running) in &realm.jobs {
            match running.phase {
                Phase::Waiting => assert!(waiting.contains(id), "{id} waits, and stands in line"),
                Phase::Assigned { worker, offer, .. } => {
                    assert!(!waiting.contains(id), "{id} is assigned, and stands in no line");
                    *busy.entry((worker, offer)).or_default() += 1;
                    hands.insert((*id, worker, offer));
                }
            }
            if let Some(rival) = running.rival {
                assert!(running.phase != Phase::Waiting, "{id} has a rival, so somebody has it");
                *busy.entry((rival.worker, rival.offer)).or_default() += 1;
                hands.insert((*id, rival.worker, rival.offer));
            }
        }
        let lengths: u32 = realm.waiting.lengths().map(|(_, length)| length).sum();
        let waits = realm.jobs.values().filter(|running| running.phase == Phase::Waiting).count();
        assert_eq!((lengths as usize, waiting.len()), (waits, waits), "the lines are as long as they say");

        let mut held: BTreeSet<(JobId, WorkerId, u16)> = BTreeSet::new();
        for (worker_id, worker) in &realm.workers {
            held.extend(worker.jobs.iter().map(|(job, offer)| (*job, *worker_id, *offer)));
            for (index, offer) in (0..).zip(&worker.offers) {
                let assigned = busy.remove(&(*worker_id, index)).unwrap_or(0);
                assert_eq!(offer.busy, assigned, "the slots of {worker_id:?}.{index} are counted right");
            }
        }
        assert_eq!(hands, held, "workers and jobs agree on who has what");
        assert!(busy.is_empty(), "jobs are assigned to workers that are there: {busy:?}");

        for (job, running) in &realm.jobs {
            let Some(open) = realm.state.open().get(job).filter(|_| running.phase == Phase::Waiting) else {
                continue;
            };
            let idle = realm.choose(&open.job, &open.price);
            assert_eq!(idle, None, "{job} waits although a worker is free for it");
        }
        let keys = realm.state.keys();
        for (account, _) in realm.state.books().accounts() {
            let speaks = crate::Standing::Speaks(account);
            assert_eq!(keys.standing(keys.of(account).current), speaks, "the key of {account} is its own");
        }
        let due = keys.pending().map(|(due, _)| due).min();
        assert_eq!(realm.recoveries.next_due(), due, "recoveries take effect when they are due");
        realm.check_holds();
        check_late_pay(&realm.state);
        let by_wallet: u32 = realm.open_by_wallet.values().sum();
        assert_eq!(by_wallet as usize, open.len(), "open jobs are counted by wallet");
    }

    /// Coins out of nothing.
    pub(super) fn issue(&mut self, id: u128, to: AccountId, amount: Micro) {
        let mut outputs = Vec::new();
        self.realm.record(self.now, Fact::Issued { id: JobId(id), to, amount }, &mut outputs).unwrap();
        self.note(&outputs);
    }

    pub(super) fn wait_ms(&mut self, ms: u64) {
        self.now = self.now.plus_ms(ms);
    }

    pub(super) fn tick(&mut self) -> Vec<Output> {
        self.handle(Input::Tick)
    }

    pub(super) fn join(&mut self, worker: u64, offers: impl Into<Vec<CapabilityOffer>>) -> Vec<Output> {
        self.handle(joined(worker, AccountId(WORKERS + u128::from(worker)), false, offers))
    }

    pub(super) fn leave(&mut self, worker: u64) -> Vec<Output> {
        self.handle(Input::WorkerLeft { worker: WorkerId(worker) })
    }

    pub(super) fn submit(&mut self, job: NewJob) -> Vec<Output> {
        let ticket = self.ticket();
        self.handle(Input::Submit { ticket, job })
    }

    /// Submits a job that must be refused.
    pub(super) fn refused(&mut self, job: NewJob) -> Problem {
        match self.submit(job).pop() {
            Some(Output::Refused { problem, .. }) => problem,
            other => panic!("not refused: {other:?}"),
        }
    }

    /// The job's present worker says that it is done, having written so many tokens.
    pub(super) fn finish(&mut self, job: u128, output_tokens: u64) -> Vec<Output> {
        let (worker, lease) = self.assignment(job);
        self.handle(finished(worker, job, lease, usage(10, output_tokens)))
    }

    /// The job's present worker says that it can't.
    pub(super) fn fail(&mut self, job: u128, retry: Retry) -> Vec<Output> {
        let (worker, lease) = self.assignment(job);
        let problem = Problem::new(ProblemKind::WorkerFailed, "it broke");
        self.handle(Input::JobFailed { worker, job: JobId(job), lease, problem, retry })
    }

    pub(super) fn cancel(&mut self, job: u128, account: AccountId) -> Vec<Output> {
        let ticket = self.ticket();
        self.handle(Input::Cancel { ticket, job: JobId(job), account })
    }

    /// Words of the job's present worker have reached its listeners.
    pub(super) fn deliver(&mut self, job: u128, output_tokens: u64) {
        let delivered = self.meter.delivered.entry(JobId(job)).or_default();
        delivered.output_tokens += output_tokens;
    }

    pub(super) fn ticket(&mut self) -> Ticket {
        self.tickets += 1;
        Ticket(self.tickets)
    }

    pub(super) fn has_settled(&self, job: JobId) -> bool {
        self.settled.contains(&job)
    }

    /// Who has the job, and under which lease.
    pub(super) fn assignment(&self, job: u128) -> (WorkerId, u64) {
        self.worker_of(job).unwrap_or_else(|| panic!("nobody has job {job}"))
    }

    pub(super) fn worker_of(&self, job: u128) -> Option<(WorkerId, u64)> {
        self.realm.job(JobId(job)).and_then(|view| view.worker)
    }

    pub(super) fn account(&self, account: AccountId) -> Account {
        self.realm.state().books().account(account)
    }

    pub(super) fn available(&self, account: AccountId) -> Micro {
        self.account(account).available()
    }
}

/// What waits in the accounts for late pay is what the records and the cases say.
fn check_late_pay(state: &State) {
    let mut waits: BTreeMap<AccountId, u128> = BTreeMap::new();
    for (worker, _, record) in state.all_records() {
        *waits.entry(worker).or_default() += u128::from(record.held().amount.0);
    }
    for case in state.cases().values() {
        *waits.entry(case.worker).or_default() += u128::from(case.amount().0);
    }
    for (worker, sum) in waits {
        let account = state.books().account(crate::late_account(worker));
        assert_eq!(u128::from(account.available().0), sum, "what waits for {worker}");
    }
}

pub(super) fn joined(
    worker: u64,
    account: AccountId,
    house: bool,
    offers: impl Into<Vec<CapabilityOffer>>,
) -> Input {
    Input::WorkerJoined {
        worker: WorkerId(worker),
        account,
        did: Did(format!("did:key:worker-{worker}")),
        house,
        announcement: Announcement::new(format!("worker {worker}"), offers),
        link_us: 100,
    }
}

pub(super) fn finished(worker: WorkerId, job: u128, lease: u64, usage: Usage) -> Input {
    let output = Digest([9; 32]);
    let (finish, receipt) = (FinishReason::Stop, Some(Digest([8; 32])));
    Input::Finished { worker, job: JobId(job), lease, usage, finish, output, receipt }
}

/// An offer of chat.
pub(super) fn chat(model: &str, slots: u32) -> CapabilityOffer {
    CapabilityOffer::new(CapabilityKind::CHAT, model, slots)
}

/// An offer of chat that announces its speed.
pub(super) fn chat_at(model: &str, slots: u32, tokens_per_s: f32) -> CapabilityOffer {
    CapabilityOffer { tokens_per_s: Some(tokens_per_s), ..chat(model, slots) }
}

/// An offer of chat with a window of so many tokens.
pub(super) fn chat_window(model: &str, context_tokens: u32) -> CapabilityOffer {
    let limits = OfferLimits { context_tokens: Some(context_tokens), ..OfferLimits::default() };
    CapabilityOffer { limits, ..chat(model, 1) }
}

/// A question of Alice's to whatever chat model: at most 100 tokens in and 100 out.
pub(super) fn job(id: u128) -> NewJob {
    NewJob {
        id: JobId(id),
        account: ALICE,
        payer: None,
        capability: CapabilityKind::CHAT,
        model: "default".to_owned(),
        class: ServiceClass::Interactive,
        privacy: Privacy::Realm,
        request: Digest([id as u8; 32]),
        order: None,
        input_bytes: 50,
        input_tokens_max: 100,
        output_tokens_max: 100,
        audio_ms_max: 0,
        images_max: 0,
        needs: Default::default(),
        deadline: START.plus_ms(60 * 60 * 1_000),
        max_price: None,
        prefix: None,
        hops: Vec::new(),
        quote: None,
        grant: None,
    }
}

/// The same at the end of whose life nothing can be reached by waiting.
pub(super) fn for_ever(job: NewJob) -> NewJob {
    NewJob { deadline: START.plus_ms(1_000 * 60 * 60 * 1_000), ..job }
}

pub(super) fn usage(input_tokens: u64, output_tokens: u64) -> Usage {
    Usage { input_tokens, output_tokens, ..Usage::default() }
}

/// Which worker each job was assigned to, in order.
pub(super) fn assigned(outputs: &[Output]) -> Vec<(u128, u64)> {
    let assign = |output: &Output| match output {
        Output::Assign { job, worker, .. } => Some((job.0, worker.0)),
        _ => None,
    };
    outputs.iter().filter_map(assign).collect()
}

/// Position and ETA that a job was told.
pub(super) fn queued(outputs: &[Output], id: u128) -> Option<(u32, Option<u64>)> {
    outputs.iter().find_map(|output| match output {
        Output::Queued { job, position, eta_ms } if job.0 == id => Some((*position, *eta_ms)),
        _ => None,
    })
}

/// How a job ended, with its usage, cost and problem.
pub(super) fn settled(outputs: &[Output], id: u128) -> Option<(Outcome, Usage, Micro, Option<&Problem>)> {
    outputs.iter().find_map(|output| match output {
        Output::Settled { job, outcome, usage, cost, problem, .. } if job.0 == id => {
            Some((*outcome, *usage, *cost, problem.as_ref()))
        }
        _ => None,
    })
}

/// Whether what was said was of no account.
pub(super) fn is_stale(outputs: &[Output]) -> bool {
    matches!(outputs, [Output::Stale { .. }])
}
