//! Random inputs in random order: after every step the harness checks that books, replay, lines and slots agree.

use mtor_protocol::{
    AccountId, CapabilityKind, CapabilityOffer, Digest, GrantTerms, JobId, KeyChange, KeyId, Micro, Period,
    Privacy, Problem, ProblemKind, ServiceClass, Timestamp,
};
use proptest::prelude::*;

use super::harness::*;
use super::keying;
use crate::entry::{Fact, NewJob};
use crate::grant::grant_account;
use crate::trust::{Judged, TrustRules, Verdict};
use crate::{Config, Input, PrivateMode, Retry, StarterRules, State, TREASURY, WorkerId};

#[derive(Debug, Clone)]
enum Step {
    Join(u64, bool, Vec<CapabilityOffer>),
    Beat(u64, Option<f32>),
    DrainWorker(u64),
    Leave(u64),
    Submit(Box<NewJob>),
    Deliver(u128, u64),
    /// Reports on a job: by the one that has it, or (with an offset) by another worker or under another lease.
    Progress(u128, u64, u64),
    Finish(u128, u64, u64, u64),
    Fail(u128, u64, u64, Retry),
    Cancel(u128, AccountId),
    Transfer(u128, AccountId, AccountId, u64),
    Welcome(u128, AccountId),
    Start(u128, AccountId),
    Grant(u128, AccountId, Vec<AccountId>, GrantTerms),
    Revoke(u128, AccountId),
    Keys(u128, AccountId, KeyId, KeyChange),
    Replicate(u128, Vec<AccountId>),
    Try(u128, AccountId),
    Judge(u128, u64, Verdict),
    Unjudged(u128),
    Appeal(u128, AccountId),
    DecideCase(u128, bool),
    Wait(u64),
    BackInTime(u64),
    Tick,
    Restart,
}

fn account() -> impl Strategy<Value = AccountId> {
    prop_oneof![Just(ALICE), Just(BOB), Just(OWNER)]
}

/// A wallet, or the account of one of the grants that may be there.
fn payer() -> impl Strategy<Value = AccountId> {
    prop_oneof![4 => account(), 1 => (50u128..54, account()).prop_map(|(id, from)| grant_account(from, JobId(id)))]
}

fn terms() -> impl Strategy<Value = GrantTerms> {
    let period = prop::option::of(prop_oneof![Just(Period::Day), Just(Period::Month)]);
    let only = prop::option::weighted(0.2, Just(CapabilityKind::EMBED));
    let bounds = (prop::option::weighted(0.2, 1u64..2_000), prop::option::weighted(0.3, 1u64..100_000));
    (1u64..5_000, period, bounds, only).prop_map(|(limit, period, (job_max, lives_ms), only)| GrantTerms {
        limit: Micro(limit),
        period,
        job_max: job_max.map(Micro),
        only: only.into_iter().collect(),
        expires: lives_ms.map(|ms| START.plus_ms(ms)),
    })
}

fn offer() -> impl Strategy<Value = CapabilityOffer> {
    let name = prop_oneof![4 => Just("small"), 2 => Just("big")];
    let limits = (prop::option::of(1u32..4), prop::option::of(40u32..60));
    (prop::bool::weighted(0.9), name, 1u32..4, prop::option::of(1f32..100.0), limits).prop_map(
        |(is_chat, name, slots, speed, (windows, input_bytes))| {
            let kind = if is_chat { CapabilityKind::CHAT } else { CapabilityKind::EMBED };
            let mut offer = CapabilityOffer::new(kind, name, slots);
            offer.tokens_per_s = speed;
            offer.limits.context_tokens = windows.map(|windows| windows * 1_000);
            offer.limits.input_bytes = input_bytes;
            offer
        },
    )
}

fn new_job() -> impl Strategy<Value = NewJob> {
    let class =
        prop_oneof![Just(ServiceClass::Voice), Just(ServiceClass::Interactive), Just(ServiceClass::Batch)];
    let model = prop_oneof![3 => Just("default"), 1 => Just("small"), 1 => Just("big"), 1 => Just("none")];
    let grant = prop::option::weighted(0.1, 50u128..54);
    let terms = (prop::bool::weighted(0.2), 1u64..200_000, prop::option::of(0u64..3), 1u8..3, grant);
    (1u128..40, payer(), class, model, terms).prop_map(
        |(id, account, class, model, (own, lives_ms, prefix, request, grant))| NewJob {
            account,
            class,
            model: model.to_owned(),
            privacy: if own { Privacy::Own } else { Privacy::Realm },
            deadline: START.plus_ms(lives_ms),
            prefix,
            request: Digest([request; 32]),
            grant: grant.map(JobId),
            ..job(id)
        },
    )
}

/// The first worker is one of Alice's own.
fn account_of(worker: u64) -> AccountId {
    if worker == 1 { ALICE } else { AccountId(WORKERS + u128::from(worker)) }
}

fn worker_account() -> impl Strategy<Value = AccountId> {
    (1u64..8).prop_map(account_of)
}

/// A key that may be somebody's by now, or that of a wallet.
fn key() -> impl Strategy<Value = KeyId> {
    prop_oneof![2 => account().prop_map(AccountId::first_key), 3 => (200u128..206).prop_map(KeyId)]
}

fn key_change() -> impl Strategy<Value = KeyChange> {
    prop_oneof![
        2 => key().prop_map(keying::rotate),
        3 => key().prop_map(keying::name),
        3 => key().prop_map(keying::ask),
        1 => (60u128..80).prop_map(keying::veto),
    ]
}

fn verdict() -> impl Strategy<Value = Verdict> {
    prop_oneof![Just(Verdict::Valid), Just(Verdict::Failed), Just(Verdict::Undecided)]
}

fn retry() -> impl Strategy<Value = Retry> {
    prop_oneof![Just(Retry::No), Just(Retry::Elsewhere), Just(Retry::LargerWindow)]
}

/// Mostly none: then a report comes from the right worker under the right lease.
fn off() -> impl Strategy<Value = u64> {
    prop_oneof![6 => Just(0u64), 1 => 1u64..3]
}

fn step() -> impl Strategy<Value = Step> {
    let worker = 1u64..8;
    let id = 1u128..40;
    prop_oneof![
        6 => (worker.clone(), prop::bool::weighted(0.2), prop::collection::vec(offer(), 1..3))
            .prop_map(|(worker, house, offers)| Step::Join(worker, house, offers)),
        2 => (worker.clone(), prop::option::of(0f32..1e9)).prop_map(|(worker, speed)| Step::Beat(worker, speed)),
        1 => worker.clone().prop_map(Step::DrainWorker),
        3 => worker.prop_map(Step::Leave),
        14 => new_job().prop_map(|job| Step::Submit(Box::new(job))),
        6 => (id.clone(), 0u64..60).prop_map(|(id, tokens)| Step::Deliver(id, tokens)),
        3 => (id.clone(), off(), off()).prop_map(|(id, worker, lease)| Step::Progress(id, worker, lease)),
        10 => (id.clone(), off(), off(), 0u64..200)
            .prop_map(|(id, worker, lease, tokens)| Step::Finish(id, worker, lease, tokens)),
        5 => (id.clone(), off(), off(), retry())
            .prop_map(|(id, worker, lease, retry)| Step::Fail(id, worker, lease, retry)),
        2 => (id.clone(), account()).prop_map(|(id, account)| Step::Cancel(id, account)),
        2 => (30u128..50, account(), account(), 0u64..1_000_000)
            .prop_map(|(id, from, to, amount)| Step::Transfer(id, from, to, amount)),
        1 => (30u128..50, account()).prop_map(|(id, to)| Step::Welcome(id, to)),
        2 => (30u128..50, payer()).prop_map(|(id, to)| Step::Start(id, to)),
        3 => (50u128..54, payer(), prop::collection::vec(account(), 0..3), terms())
            .prop_map(|(id, from, to, terms)| Step::Grant(id, from, to, terms)),
        1 => (50u128..54, account()).prop_map(|(id, account)| Step::Revoke(id, account)),
        8 => (60u128..80, account(), key(), key_change())
            .prop_map(|(id, wallet, by, change)| Step::Keys(id, wallet, by, change)),
        2 => (id.clone(), prop::collection::vec(worker_account(), 1..3))
            .prop_map(|(id, answered)| Step::Replicate(id, answered)),
        1 => (id.clone(), worker_account()).prop_map(|(id, account)| Step::Try(id, account)),
        1 => id.clone().prop_map(Step::Unjudged),
        1 => (id.clone(), worker_account()).prop_map(|(job, worker)| Step::Appeal(job, worker)),
        1 => (id.clone(), prop::bool::ANY).prop_map(|(job, pardon)| Step::DecideCase(job, pardon)),
        3 => (id, 1u64..8, verdict()).prop_map(|(job, worker, verdict)| Step::Judge(job, worker, verdict)),
        4 => (0u64..20_000).prop_map(Step::Wait),
        1 => (0u64..40).prop_map(|days| Step::Wait(days * 24 * 3_600 * 1_000)),
        1 => (0u64..100_000).prop_map(Step::BackInTime),
        4 => Just(Step::Tick),
        1 => Just(Step::Restart),
    ]
}

impl World {
    /// The wallet that a key stands for by now: the shell asks for it whenever somebody shows or names a key.
    fn whose(&self, account: AccountId) -> AccountId {
        self.realm.state.keys().account_of(account.first_key())
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Join(worker, house, offers) => {
                let account = self.whose(account_of(worker));
                self.handle(joined(worker, account, house, offers));
            }
            Step::Beat(worker, tokens_per_s) => {
                self.handle(Input::WorkerBeat { worker: WorkerId(worker), tokens_per_s });
            }
            Step::DrainWorker(worker) => {
                self.handle(Input::WorkerDraining { worker: WorkerId(worker) });
            }
            Step::Leave(worker) => {
                self.leave(worker);
            }
            Step::Submit(job) => {
                // The shell finds what is forgotten here in the ledger, and does not submit it again.
                if !(self.realm.may_be_forgotten(job.id) && self.has_settled(job.id)) {
                    self.submit(NewJob { account: self.whose(job.account), ..*job });
                }
            }
            Step::Deliver(job, tokens) => {
                if self.worker_of(job).is_some() {
                    self.deliver(job, tokens);
                }
            }
            Step::Progress(job, worker, lease) => {
                let (worker, lease) = self.reporter(job, worker, lease);
                self.handle(Input::Progressed { worker, job: JobId(job), lease });
            }
            Step::Finish(job, worker, lease, tokens) => {
                let (worker, lease) = self.reporter(job, worker, lease);
                self.handle(finished(worker, job, lease, usage(tokens, tokens)));
            }
            Step::Fail(job, worker, lease, retry) => {
                let (worker, lease) = self.reporter(job, worker, lease);
                let problem = Problem::new(ProblemKind::WorkerFailed, "it broke");
                self.handle(Input::JobFailed { worker, job: JobId(job), lease, problem, retry });
            }
            Step::Cancel(job, account) => {
                self.cancel(job, account);
            }
            Step::Transfer(id, from, to, amount) => {
                let (ticket, memo) = (self.ticket(), Digest([1; 32]));
                let (amount, from, to) = (Micro(amount), self.whose(from), self.whose(to));
                self.handle(Input::Transfer { ticket, id: JobId(id), from, to, amount, memo });
            }
            Step::Welcome(id, to) => {
                let (ticket, to) = (self.ticket(), self.whose(to));
                self.handle(Input::Welcome { ticket, id: JobId(id), to });
            }
            Step::Start(id, to) => {
                let (ticket, to) = (self.ticket(), self.whose(to));
                self.handle(Input::Start { ticket, id: JobId(id), to });
            }
            Step::Grant(id, from, to, terms) => {
                let (ticket, about) = (self.ticket(), Digest([terms.limit.0 as u8; 32]));
                // The shell finds what is forgotten here in the ledger, and does not ask for it again.
                if !self
                    .journal
                    .iter()
                    .any(|entry| matches!(entry.fact, Fact::Granted { id: given, .. } if given.0 == id))
                {
                    let from = self.whose(from);
                    self.handle(Input::Grant { ticket, id: JobId(id), from, to, terms, about });
                }
            }
            Step::Revoke(id, account) => {
                let ticket = self.ticket();
                self.handle(Input::Revoke { ticket, grant: JobId(id), account });
            }
            Step::Keys(id, wallet, by, change) => {
                // The shell finds what is forgotten here in the ledger, and does not ask for it again.
                let said = |entry: &crate::Entry| match &entry.fact {
                    Fact::Keys { statement: Some(statement), .. } => statement.id.0 == id,
                    _ => false,
                };
                if !self.journal.iter().any(said) {
                    self.keys(id, wallet, by, change);
                }
            }
            Step::Replicate(id, answered) => {
                let ticket = self.ticket();
                let job = NewJob { account: TREASURY, request: Digest([7; 32]), ..job(id) };
                if !(self.realm.may_be_forgotten(job.id) && self.has_settled(job.id)) {
                    self.handle(Input::Replicate { ticket, job, answered });
                }
            }
            Step::Try(id, account) => {
                let ticket = self.ticket();
                let job = NewJob {
                    account: TREASURY,
                    model: "small".to_owned(),
                    request: Digest([8; 32]),
                    ..job(id)
                };
                if !(self.realm.may_be_forgotten(job.id) && self.has_settled(job.id)) {
                    self.handle(Input::Try { ticket, job, account });
                }
            }
            Step::Judge(job, worker, verdict) => {
                let results = vec![Judged { job: JobId(job), worker: account_of(worker), verdict }];
                let (ticket, evidence) = (self.ticket(), Digest([5; 32]));
                self.handle(Input::Judge { ticket, capability: CapabilityKind::CHAT, results, evidence });
            }
            Step::Unjudged(job) => {
                self.handle(Input::Unjudged { jobs: vec![JobId(job)] });
            }
            Step::Appeal(job, account) => {
                let ticket = self.ticket();
                self.handle(Input::Appeal { ticket, job: JobId(job), account });
            }
            Step::DecideCase(job, pardon) => {
                let ticket = self.ticket();
                self.handle(Input::DecideCase { ticket, job: JobId(job), pardon });
            }
            Step::Wait(ms) => self.wait_ms(ms),
            Step::BackInTime(ms) => self.now = Timestamp(self.now.0.saturating_sub(ms)),
            Step::Tick => {
                self.tick();
            }
            Step::Restart => self.restart(),
        }
    }

    fn reporter(&self, job: u128, worker_off: u64, lease_off: u64) -> (WorkerId, u64) {
        let (worker, lease) = self.worker_of(job).unwrap_or((WorkerId(1), 1));
        (WorkerId(worker.0 + worker_off), lease + lease_off)
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]
    #[test]
    fn whatever_happens_everything_agrees(
        at_home: bool,
        starts: bool,
        steps in prop::collection::vec(step(), 1..200),
    ) {
        let private = PrivateMode {
            owner: OWNER,
            owner_floor: Micro(1_000),
            owner_fill: Micro(5_000),
            welcome: Micro(2_000),
        };
        let config = Config {
            private: at_home.then_some(private),
            starter: starts.then_some(StarterRules { coins: Micro(1_500), daily: Micro(3_500) }),
            waiting_per_capability_max: 6,
            open_per_wallet_max: 7,
            workers_max: 5,
            finished_remembered_max: 1_000,
            audit: true,
            trust: TrustRules { holdback: 3, ..TrustRules::STANDARD },
            ..Config::default()
        };
        let mut world = World::with(config.clone());
        world.issue(3, TREASURY, COINS);
        for step in steps {
            world.step(step);
            let queue = world.realm.queue_info(world.now);
            let running_max = 5 * 2 * 3;
            prop_assert!(queue.running <= running_max);
            // What was running when the realm died, or when its worker did, waits beyond the bound.
            prop_assert!(queue.queued <= 2 * config.waiting_per_capability_max + running_max);
        }
        let bytes = |state: &State| serde_json::to_vec(state).unwrap();
        let mut replayed = State::default();
        for entry in &world.journal {
            let json = serde_json::to_vec(entry).unwrap();
            replayed.apply(&serde_json::from_slice(&json).unwrap()).unwrap();
        }
        prop_assert_eq!(bytes(&replayed), bytes(world.realm.state()), "the same bytes again");
        let snapshot: State = serde_json::from_slice(&bytes(&replayed)).unwrap();
        prop_assert_eq!(&snapshot, world.realm.state(), "a snapshot loses nothing");
    }
}
