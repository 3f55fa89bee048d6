//! The world itself: what happens, in the order in which it happens.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, VecDeque};

use mtor_core::trust::{Check, Pay, Payment, Record, TrustRules, Verdict};
use mtor_core::{Config, Load, Market, MarketRules, TREASURY};
use mtor_protocol::{CapabilityKind, JobId, Micro, ModelSize, Price, Timestamp, Usage, Ware};

use super::EconomyOptions;
use super::audits::Audits;
use super::cast::{Answer, Kind, Worker, workers};
use super::defaults::*;
use super::demand::{Calendar, Wish, tokens, wish};
use super::measure::{Minute, Phase, Waits, minute};
use super::purse::{Purse, part, rest};
use super::report::Economy;
use super::starter::Pool;
use crate::dice::Dice;

const CHAT: Ware = Ware::new(CapabilityKind::CHAT, ModelSize::Small);
/// How many waiting jobs are looked at for a worker that may not have the first one.
const LOOK_MAX: usize = 16;
/// How many workers are drawn, in search of one to ask again, before any is taken.
const DRAWS_MAX: usize = 16;

/// For whom a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Client,
    Replica(u32),
    Canary,
}

/// A job that was accepted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Job {
    wish: Wish,
    purpose: Purpose,
    accepted: u64,
    begun: u64,
    factor: u32,
    hold: Pay,
    attempts: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Arrive,
    Tick,
    Done {
        worker: u32,
        lease: u32,
    },
    Wake(u32),
    Rename(u32),
    /// Of a wish that was put off, a wallet that asks for starter coins, or one that has its proof: by its place.
    Return(u32),
    Begin(u32),
    Claim(u32),
}

/// What is counted.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) wishes: u64,
    pub(super) accepted: u64,
    pub(super) completed: u64,
    pub(super) lost_to_waiting: u64,
    pub(super) lost_to_outage: u64,
    pub(super) moved: u64,
    pub(super) queue_full: u64,
    pub(super) too_dear: u64,
    pub(super) given_up: u64,
    pub(super) at_zero: u64,
    pub(super) bad_answers: u64,
    pub(super) paid: u64,
    pub(super) audit_jobs: u64,
    pub(super) audit_paid: u64,
    pub(super) audits_unpaid: u64,
    pub(super) forfeited: u64,
    pub(super) honest_forfeited: u64,
    pub(super) undecided: u64,
    pub(super) bad_called_valid: u64,
    pub(super) claims: u64,
    /// People who had none yet at the end.
    pub(super) claims_open: u64,
    pub(super) claim_wait_ms_max: u64,
    pub(super) circle_jobs: u64,
    /// Of them, those that came to the circle's own workers.
    pub(super) circle_own_jobs: u64,
    pub(super) ring_claims: u64,
    pub(super) ring_answers: u64,
    pub(super) ring_own_paid: u64,
    /// Coins that can be withdrawn, paid to the ring's workers by others than the ring.
    pub(super) ring_earned_free: u64,
    /// The same of what was forfeited by them.
    pub(super) ring_forfeited_free: u64,
    /// Coins that came into being.
    pub(super) issued: u128,
}

/// The world, and what has been seen of it.
pub(super) struct Economics {
    pub(super) options: EconomyOptions,
    pub(super) calendar: Calendar,
    pub(super) rules: TrustRules,
    pub(super) workers: Vec<Worker>,
    pub(super) tally: Tally,
    pub(super) waits: BTreeMap<Phase, Waits>,
    pub(super) minutes: Vec<Minute>,
    pub(super) treasury: Purse,
    /// Of users first, then of the ring's keys, then of circles.
    pub(super) wallets: Vec<Purse>,
    /// What workers have that is theirs.
    pub(super) payouts: Vec<Purse>,
    config: Config,
    list: Price,
    market: Market,
    dice: Dice,
    now: u64,
    events: BinaryHeap<Reverse<(u64, u64, Event)>>,
    events_ever: u64,
    /// Wishes that events refer to; places are used again.
    wishes: Vec<Wish>,
    wishes_unused: Vec<u32>,
    /// The fastest first. Those of the second are on probation and wait for a verdict: they may be asked again of others'
    /// work.
    free: BTreeSet<(u32, u32)>,
    benched: BTreeSet<(u32, u32)>,
    queue: VecDeque<Job>,
    answers: Vec<Answer>,
    out: Vec<bool>,
    withheld: Vec<bool>,
    started: Vec<bool>,
    /// When each user comes to the realm: at the beginning, but for those who bring nothing.
    joins: Vec<u64>,
    pool: Pool,
    /// Keys of the ring that have coins, and all of them.
    ring_keys: usize,
    ring_keys_max: usize,
    audits: Audits,
}

impl Economics {
    pub(super) fn new(options: EconomyOptions) -> Self {
        let config = Config { market: Some(MarketRules::default()), ..Config::default() };
        let mut dice = Dice::new(options.seed);
        let workers = workers(&options, &mut dice);
        let ring_keys = (u64::from(options.users) * RING_PERMILLE / 1_000) as usize;
        let treasury = Purse::of(TREASURY_PER_WORKER * u64::from(options.workers));
        let joins: Vec<u64> = (0..options.users)
            .map(|_| if dice.chance(AT_ZERO_PERCENT * 10) { dice.range(JOIN_MS) } else { 0 })
            .collect();
        let deposit = |joins: &u64| if *joins > 0 { Purse::default() } else { Purse::of(DEPOSIT) };
        let mut wallets: Vec<Purse> = joins.iter().map(deposit).collect();
        wallets.resize(wallets.len() + ring_keys, Purse::default());
        let colluders = workers.iter().filter(|worker| worker.kind == Kind::Colluder).count();
        let circles = colluders.div_ceil(CIRCLE as usize);
        wallets.resize(wallets.len() + circles, Purse::of(CIRCLE_DEPOSIT));
        let issued = wallets.iter().map(|purse| u128::from(purse.total())).sum::<u128>();
        let calendar = Calendar::new(options.days);
        let mut world = Self {
            options,
            rules: TrustRules::default(),
            tally: Tally { issued: issued + u128::from(treasury.total()), ..Tally::default() },
            waits: Phase::ALL.into_iter().map(|phase| (phase, Waits::default())).collect(),
            minutes: vec![Minute::default(); minute(calendar.end)],
            treasury,
            joins,
            started: vec![false; options.users as usize],
            payouts: vec![Purse::default(); workers.len()],
            answers: vec![Answer::Alone; workers.len()],
            out: vec![false; workers.len()],
            withheld: vec![false; workers.len()],
            pool: Pool::new(u64::from(options.users) * POOL_PERMILLE / 1_000 * STARTER),
            ring_keys: 0,
            ring_keys_max: ring_keys,
            workers,
            wallets,
            calendar,
            list: config.price(&CHAT),
            config,
            market: Market::default(),
            dice,
            now: 0,
            events: BinaryHeap::new(),
            events_ever: 0,
            wishes: Vec::new(),
            wishes_unused: Vec::new(),
            free: BTreeSet::new(),
            benched: BTreeSet::new(),
            queue: VecDeque::new(),
            audits: Audits::default(),
        };
        (0..world.workers.len() as u32).for_each(|worker| world.serve(worker));
        world.at(0, Event::Tick);
        world.at(0, Event::Arrive);
        world
    }

    /// Plays until the end, and on until all that was accepted has ended.
    pub(super) fn run(mut self) -> Economy {
        while let Some(Reverse((time, _, event))) = self.events.pop() {
            self.now = time;
            match event {
                Event::Arrive => self.arrive(),
                Event::Tick if time < self.calendar.end || self.is_busy() => self.tick(),
                Event::Tick => break,
                Event::Done { worker, lease } => self.done(worker, lease),
                Event::Wake(worker) => self.serve(worker),
                Event::Rename(worker) => self.rename(worker),
                Event::Return(place) => {
                    let wish = self.recall(place);
                    self.submit(wish);
                }
                Event::Begin(place) => {
                    let wish = self.recall(place);
                    self.begin_proof(wish);
                }
                Event::Claim(place) => {
                    let wish = self.recall(place);
                    self.claim(wish);
                }
            }
        }
        Economy::of(&self)
    }

    /// Whether anything that was accepted has not ended.
    pub(super) fn is_busy(&self) -> bool {
        self.open_jobs() > 0
    }

    /// Jobs that were accepted and have not ended.
    pub(super) fn open_jobs(&self) -> usize {
        self.queue.len() + self.workers.iter().filter(|worker| worker.running.is_some()).count()
    }

    /// All coins there are, wherever they are.
    pub(super) fn coins(&self) -> u128 {
        let held = self.workers.iter().map(|worker| {
            let running = worker.running.map_or(0, |job| job.hold.amount.0);
            u128::from(worker.record.held().amount.0 + running)
        });
        let waiting = self.queue.iter().map(|job| u128::from(job.hold.amount.0));
        let purses = self.wallets.iter().chain(&self.payouts).chain([&self.treasury]);
        purses.map(|purse| u128::from(purse.total())).chain(held).chain(waiting).sum()
    }

    fn at(&mut self, time: u64, event: Event) {
        self.events_ever += 1;
        self.events.push(Reverse((time, self.events_ever, event)));
    }

    fn later(&mut self, time: u64, event: fn(u32) -> Event, wish: Wish) {
        if time >= self.calendar.end {
            return;
        }
        let place = self.wishes_unused.pop().unwrap_or(self.wishes.len() as u32);
        match self.wishes.get_mut(place as usize) {
            Some(unused) => *unused = wish,
            None => self.wishes.push(wish),
        }
        self.at(time, event(place));
    }

    fn recall(&mut self, place: u32) -> Wish {
        self.wishes_unused.push(place);
        self.wishes[place as usize]
    }

    fn timestamp(&self) -> Timestamp {
        Timestamp(self.now)
    }

    fn phase(&self, time: u64) -> Phase {
        match time {
            _ if self.calendar.surge.contains(&time) => Phase::Surge,
            _ if self.calendar.outage.contains(&time) => Phase::Outage,
            _ => Phase::Usual,
        }
    }

    // ---- clients

    fn arrive(&mut self) {
        if self.now >= self.calendar.end {
            return;
        }
        let wish = wish(&mut self.dice, self.options.users, self.now);
        if self.joins[wish.user as usize] <= self.now {
            self.tally.wishes += 1;
            self.submit(wish);
        }
        let rate = self.calendar.rate(&self.options, self.now);
        let next = self.now + self.dice.until_next(rate).round() as u64;
        self.at(next, Event::Arrive);
    }

    fn price(&self, factor: u32) -> Price {
        self.list.times_permille(factor)
    }

    fn most(&self, factor: u32) -> u64 {
        let bounds =
            Usage { input_tokens: INPUT_TOKENS_MAX, output_tokens: OUTPUT_TOKENS_MAX, ..Usage::default() };
        self.price(factor).cost(&bounds).0
    }

    fn submit(&mut self, wish: Wish) {
        let factor = self.market.factor(self.timestamp(), &CHAT, None);
        if wish.worth < factor {
            self.tally.too_dear += 1;
            return self.put_off(wish, PUT_OFF_MS);
        }
        if self.queue.len() >= self.config.waiting_per_capability_max as usize {
            self.tally.queue_full += 1;
            return self.put_off(wish, FULL_MS);
        }
        let most = self.most(factor);
        let Some(hold) = self.wallets[wish.user as usize].take(most) else {
            return self.refuse_for_the_balance(wish);
        };
        self.tally.accepted += 1;
        self.offer(Job {
            wish,
            purpose: Purpose::Client,
            accepted: self.now,
            begun: 0,
            factor,
            hold,
            attempts: 0,
        });
    }

    fn put_off(&mut self, wish: Wish, by: std::ops::Range<u64>) {
        if wish.tries + 1 >= TRIES_MAX {
            self.tally.given_up += 1;
            return;
        }
        let time = self.now + self.dice.range(by);
        self.later(time, Event::Return, Wish { tries: wish.tries + 1, ..wish });
    }

    fn refuse_for_the_balance(&mut self, wish: Wish) {
        self.tally.at_zero += 1;
        if self.started.get(wish.user as usize) == Some(&false) {
            self.started[wish.user as usize] = true;
            self.begin_proof(Wish { since: self.now, ..wish });
        }
    }

    fn begin_proof(&mut self, wish: Wish) {
        let (time, event): (u64, fn(u32) -> Event) = match self.pool.begin(self.now) {
            Ok(ms) => (self.now + ms, Event::Claim),
            Err(until) => (until, Event::Begin),
        };
        if time >= self.calendar.end {
            self.tally.claims_open += 1;
            self.tally.claim_wait_ms_max = self.tally.claim_wait_ms_max.max(self.calendar.end - wish.since);
        }
        self.later(time, event, wish);
    }

    fn claim(&mut self, wish: Wish) {
        if !self.pool.claim(self.now) {
            return self.begin_proof(wish);
        }
        self.give_starter_coins(wish.user as usize);
        self.tally.claims += 1;
        self.tally.claim_wait_ms_max = self.tally.claim_wait_ms_max.max(self.now - wish.since);
        self.submit(wish);
    }

    fn give_starter_coins(&mut self, wallet: usize) {
        self.wallets[wallet].bound += STARTER;
        self.tally.issued += u128::from(STARTER);
    }

    /// The ring computes for a minute, and spends what it has by it.
    fn ring(&mut self) {
        let (users, keys) = (self.options.users as usize, self.ring_keys_max);
        if self.ring_keys < keys {
            for _ in 0..self.pool.ring_works(self.now, MINUTE_MS) {
                // A proof that comes after the last key is of no use.
                if self.ring_keys < keys {
                    self.give_starter_coins(users + self.ring_keys);
                    self.ring_keys += 1;
                    self.tally.ring_claims += 1;
                }
            }
        }
        let factor = self.market.factor(self.timestamp(), &CHAT, None);
        let most = self.most(factor);
        for key in users..users + self.ring_keys {
            if self.wallets[key].total() >= most {
                let tokens = OUTPUT_TOKENS_MAX as u16;
                let wish =
                    Wish { user: key as u32, tokens, worth: u32::MAX, tries: TRIES_MAX, since: self.now };
                self.submit(wish);
            }
        }
    }

    /// Wallets of circles.
    fn circles(&self) -> std::ops::Range<usize> {
        self.options.users as usize + self.ring_keys_max..self.wallets.len()
    }

    fn is_circles(&self, job: &Job) -> bool {
        job.purpose == Purpose::Client && self.circles().contains(&(job.wish.user as usize))
    }

    /// Each circle asks itself small questions, in the hope that they come to its own workers.
    fn ask_themselves(&mut self) {
        for wallet in self.circles() {
            let user = wallet as u32;
            for _ in 0..CIRCLE_JOBS_PER_MINUTE {
                let tokens = CIRCLE_TOKENS;
                self.submit(Wish { user, tokens, worth: u32::MAX, tries: TRIES_MAX, since: self.now });
            }
        }
    }

    /// What circles have spent beyond what they began with, in micro.
    pub(super) fn circles_spent(&self) -> u64 {
        let left: u64 = self.circles().map(|wallet| self.wallets[wallet].total()).sum();
        (CIRCLE_DEPOSIT * self.circles().len() as u64).saturating_sub(left)
    }

    // ---- scheduling

    /// Gives a job to somebody, or lets it wait.
    fn offer(&mut self, job: Job) {
        match self.who_may(&job) {
            Some(worker) => self.assign(worker, job),
            None => self.queue.push_back(job),
        }
    }

    fn who_may(&mut self, job: &Job) -> Option<u32> {
        let Purpose::Replica(case) = job.purpose else {
            return self.free.first().map(|(_, worker)| *worker);
        };
        // By chance, so that nobody knows whom their friends will be compared with; of the proven, if it may be.
        for _ in 0..DRAWS_MAX {
            let drawn = self.dice.index(self.workers.len());
            let worker = &self.workers[drawn];
            let is_proven = worker.rank.is_some() && !worker.record.is_on_probation(&self.rules);
            if is_proven && !self.audits.has_answered(case, drawn as u32) {
                return Some(drawn as u32);
            }
        }
        let all = self.free.iter().chain(&self.benched).map(|(_, worker)| *worker);
        all.into_iter().find(|worker| !self.audits.has_answered(case, *worker))
    }

    fn assign(&mut self, id: u32, mut job: Job) {
        self.take_off(id);
        job.begun = self.now;
        if job.purpose == Purpose::Client && job.attempts == 0 {
            let waited = self.now - job.accepted;
            let phase = self.phase(job.accepted);
            self.waits.entry(phase).or_default().add(waited);
            if let Some(minute) = self.minutes.get_mut(minute(self.now)) {
                minute.wait_ms = minute.wait_ms.max(waited);
            }
        }
        let worker = &mut self.workers[id as usize];
        let (ms, answer) = worker.work(&mut self.dice, job.wish.tokens);
        worker.lease = worker.lease.wrapping_add(1);
        worker.running = Some(job);
        self.answers[id as usize] = answer;
        let done = Event::Done { worker: id, lease: worker.lease };
        self.at(self.now + ms, done);
    }

    fn take_off(&mut self, id: u32) {
        if let Some(rank) = self.workers[id as usize].rank.take() {
            self.free.remove(&(rank, id));
            self.benched.remove(&(rank, id));
        }
    }

    /// A worker may have become free: it gets what waits, or stands among the free.
    fn serve(&mut self, id: u32) {
        self.take_off(id);
        let now = self.timestamp();
        let worker = &self.workers[id as usize];
        if !worker.attached || worker.running.is_some() || now < worker.record.paused_until() {
            return;
        }
        if worker.owes_canary
            && let Some(job) = self.checking(Purpose::Canary, None)
        {
            return self.assign(id, job);
        }
        self.give_up_the_late();
        let worker = &self.workers[id as usize];
        let may_take_any = worker.record.may_take(&self.rules, now, worker.unjudged);
        let may_take = |job: &Job| match job.purpose {
            Purpose::Client => may_take_any,
            Purpose::Replica(case) => !self.audits.has_answered(case, id),
            Purpose::Canary => false,
        };
        let place = self.queue.iter().take(LOOK_MAX).position(may_take);
        if let Some(job) = place.and_then(|place| self.queue.remove(place)) {
            return self.assign(id, job);
        }
        let worker = &mut self.workers[id as usize];
        let rank = worker.expected_ms();
        worker.rank = Some(rank);
        match may_take_any {
            true => self.free.insert((rank, id)),
            false => self.benched.insert((rank, id)),
        };
    }

    /// Jobs whose deadline has passed while they waited. The oldest stand first.
    fn give_up_the_late(&mut self) {
        while let Some(job) = self.queue.front().copied()
            && job.purpose == Purpose::Client
            && self.now - job.accepted > self.config.timeout_ms_default
        {
            self.queue.pop_front();
            self.tally.lost_to_waiting += 1;
            self.wallets[job.wish.user as usize].put(job.hold);
        }
    }

    // ---- work

    fn done(&mut self, id: u32, lease: u32) {
        let worker = &mut self.workers[id as usize];
        if worker.lease != lease {
            return;
        }
        let Some(job) = worker.running.take() else { return };
        let ms = self.now - job.begun;
        worker.measure(job.wish.tokens, ms);
        worker.jobs += 1;
        self.settle(id, &job);
        let answer = self.answers[id as usize];
        match job.purpose {
            Purpose::Client => self.delivered(id, &job, ms, answer),
            Purpose::Replica(case) => self.replied(id, case, answer),
            Purpose::Canary => {
                self.workers[id as usize].owes_canary = false;
                let verdict = if answer == Answer::Right { Verdict::Valid } else { Verdict::Failed };
                self.judge(id, verdict);
            }
        }
        self.serve(id);
    }

    fn settle(&mut self, id: u32, job: &Job) {
        let is_circles = self.is_circles(job);
        let input_tokens = if is_circles { CIRCLE_INPUT_TOKENS } else { INPUT_TOKENS };
        let usage = Usage { input_tokens, output_tokens: job.wish.tokens.into(), ..Usage::default() };
        let cost = self.price(job.factor).cost(&usage).min(job.hold.amount);
        // Bound coins are spent first; what is left of the hold goes back.
        let paid = Pay { amount: cost, bound: job.hold.bound.min(cost) };
        let wage = part(paid, self.config.splits.divide(cost).worker.0);
        self.treasury.put(rest(paid, wage));
        let back = rest(job.hold, paid);
        let is_rings = job.wish.user >= self.options.users && job.purpose == Purpose::Client && !is_circles;
        self.tally.circle_jobs += u64::from(is_circles);
        let is_colluder = self.workers[id as usize].kind == Kind::Colluder;
        self.tally.circle_own_jobs += u64::from(is_circles && is_colluder);
        match job.purpose {
            Purpose::Client => {
                self.wallets[job.wish.user as usize].put(back);
                self.tally.paid += cost.0;
                self.tally.completed += 1;
            }
            _ => {
                self.treasury.put(back);
                self.tally.audit_jobs += 1;
                self.tally.audit_paid += cost.0;
            }
        }
        self.tally.ring_answers += u64::from(is_rings);
        let now = self.timestamp();
        let worker = &mut self.workers[id as usize];
        if worker.kind == Kind::Ring {
            match is_rings {
                true => self.tally.ring_own_paid += wage.amount.0,
                false => self.tally.ring_earned_free += wage.amount.0 - wage.bound.0,
            }
        }
        // Whose job it was is of no account here: what is forfeited goes to the treasury.
        let (job, payer, cost) = (JobId(0), TREASURY, wage.amount);
        worker.record.paid(Payment { since: now, job, payer, cost, pay: wage });
        let due = worker.record.due(&self.rules, now);
        let matured = worker.record.mature(due);
        self.payouts[id as usize].put(matured);
    }

    fn delivered(&mut self, id: u32, job: &Job, ms: u64, answer: Answer) {
        let worker = &mut self.workers[id as usize];
        let is_bad = worker.kind.cheats() && answer != Answer::Right;
        self.tally.bad_answers += u64::from(is_bad);
        let measured = f64::from(job.wish.tokens) * 1_000.0 / ms as f64;
        let implausible = self.rules.is_implausible(measured, worker.announced());
        match worker.record.check(&self.rules, self.dice.lot(), implausible) {
            Check::None => {}
            Check::Canary => worker.owes_canary = true,
            Check::Replica => {
                let key = worker.keys;
                let case = self.audits.begin(job.wish.tokens, (id, key, answer));
                match self.checking(Purpose::Replica(case), Some(job.wish.tokens)) {
                    Some(replica) => {
                        self.workers[id as usize].unjudged += 1;
                        self.offer(replica);
                    }
                    None => self.audits.abandon(case),
                }
            }
        }
    }

    /// A job of the treasury; none when it has not the coins for it.
    fn checking(&mut self, purpose: Purpose, of: Option<u16>) -> Option<Job> {
        let factor = self.market.factor(self.timestamp(), &CHAT, None);
        let Some(hold) = self.treasury.take(self.most(factor)) else {
            self.tally.audits_unpaid += 1;
            return None;
        };
        let tokens = of.unwrap_or_else(|| tokens(&mut self.dice));
        let wish = Wish { user: u32::MAX, tokens, worth: u32::MAX, tries: 0, since: self.now };
        Some(Job { wish, purpose, accepted: self.now, begun: 0, factor, hold, attempts: 0 })
    }

    fn replied(&mut self, id: u32, case: u32, answer: Answer) {
        let key = self.workers[id as usize].keys;
        let verdicts = match self.audits.answer(&self.rules, case, (id, key, answer)) {
            Ok(verdicts) => verdicts,
            Err(tokens) => match self.checking(Purpose::Replica(case), Some(tokens)) {
                Some(replica) => return self.offer(replica),
                None => self.audits.give_up(case),
            },
        };
        for (place, ((by, key), verdict, answer)) in verdicts.into_iter().enumerate() {
            let worker = &mut self.workers[by as usize];
            // What an old key did is of no account to the new one.
            if worker.keys != key {
                continue;
            }
            if place == 0 {
                worker.unjudged = worker.unjudged.saturating_sub(1);
            }
            let is_bad = worker.kind.cheats() && answer != Answer::Right;
            self.tally.bad_called_valid += u64::from(is_bad && verdict == Verdict::Valid);
            self.tally.undecided += u64::from(verdict == Verdict::Undecided);
            self.judge(by, verdict);
            if by != id {
                self.serve(by);
            }
        }
    }

    fn judge(&mut self, id: u32, verdict: Verdict) {
        let now = self.timestamp();
        let worker = &mut self.workers[id as usize];
        let at_stake = worker.record.judged(&self.rules, now, verdict);
        let forfeited = at_stake.iter().fold(Pay::default(), |sum, payment| sum.plus(payment.pay));
        self.treasury.put(forfeited);
        self.tally.forfeited += forfeited.amount.0;
        if !worker.kind.cheats() {
            self.tally.honest_forfeited += forfeited.amount.0;
        }
        if worker.kind == Kind::Ring {
            self.tally.ring_forfeited_free += forfeited.amount.0 - forfeited.bound.0;
        }
        if verdict != Verdict::Failed {
            return;
        }
        worker.proofs += 1;
        worker.owes_canary = false;
        let back = worker.record.paused_until().0;
        let event = match worker.renames {
            true => (self.now + NEW_KEY_MS, Event::Rename(id)),
            false => (back, Event::Wake(id)),
        };
        self.at(event.0, event.1);
    }

    /// Comes back as somebody else. What the old key had stays its owner's.
    fn rename(&mut self, id: u32) {
        let worker = &mut self.workers[id as usize];
        let held = std::mem::take(&mut worker.record).held();
        self.payouts[id as usize].put(held);
        let worker = &mut self.workers[id as usize];
        worker.record = Record::default();
        worker.keys += 1;
        worker.unjudged = 0;
        worker.owes_canary = false;
        self.serve(id);
    }

    // ---- what happens to all

    fn tick(&mut self) {
        self.outage();
        self.cartel();
        if self.now.is_multiple_of(MINUTE_MS) && self.now < self.calendar.end {
            self.ring();
            self.ask_themselves();
        }
        self.give_up_the_late();
        self.follow_load();
        self.at(self.now + Market::PERIOD_MS, Event::Tick);
    }

    fn outage(&mut self) {
        if self.now == self.calendar.outage.start {
            // All at once: what is left behind must not go to one that is about to leave.
            self.out = (0..self.workers.len()).map(|_| self.dice.chance(500)).collect();
            let mut left_behind = Vec::new();
            for (worker, out) in self.workers.iter_mut().zip(&self.out) {
                if *out {
                    left_behind.extend(worker.running.take());
                }
            }
            (0..self.workers.len() as u32).for_each(|id| self.attach(id));
            left_behind.into_iter().for_each(|job| self.move_on(job));
        }
        if self.now == self.calendar.outage.end {
            self.out.fill(false);
            (0..self.workers.len() as u32).for_each(|id| self.attach(id));
        }
    }

    fn cartel(&mut self) {
        let withholds = self.calendar.withholds(self.now);
        for id in (0..self.workers.len()).step_by(2) {
            if self.workers[id].kind == Kind::Cartel && self.withheld[id] != withholds {
                self.withheld[id] = withholds;
                self.attach(id as u32);
            }
        }
    }

    /// Attached is whoever is neither out nor withheld. Running jobs are finished.
    fn attach(&mut self, id: u32) {
        self.workers[id as usize].attached = !self.out[id as usize] && !self.withheld[id as usize];
        self.serve(id);
    }

    /// Its worker is gone in the middle of it: the job goes to another.
    fn move_on(&mut self, mut job: Job) {
        job.attempts += 1;
        self.tally.moved += 1;
        if job.purpose == Purpose::Client && job.attempts >= self.config.attempts_max {
            self.tally.lost_to_outage += 1;
            self.wallets[job.wish.user as usize].put(job.hold);
            return;
        }
        match job.purpose {
            // It is asked the next one again.
            Purpose::Canary => self.treasury.put(job.hold),
            _ => match self.who_may(&job) {
                Some(worker) => self.assign(worker, job),
                None => self.queue.push_front(job),
            },
        }
    }

    fn follow_load(&mut self) {
        let now = self.timestamp();
        let mut load = Load { queued: self.queue.len() as f64, ..Load::default() };
        let mut service_ms = 0;
        for worker in self.workers.iter().filter(|worker| worker.attached) {
            if worker.running.is_some() || now >= worker.record.paused_until() {
                load.slots += 1;
                load.busy += u32::from(worker.running.is_some());
                service_ms += u64::from(worker.expected_ms());
            }
        }
        load.workers = load.slots;
        load.service_s = service_ms as f64 / 1_000.0 / f64::from(load.slots.max(1));
        let rules = self.config.market.unwrap_or_default();
        self.market.advance(now, rules, &BTreeMap::from([(CHAT, load)]));
        let factor = self.market.factor(now, &CHAT, None);
        if let Some(minute) = self.minutes.get_mut(minute(self.now)) {
            minute.factor = factor;
            minute.busy = load.busy;
            minute.attached = load.slots;
            minute.queued = minute.queued.max(self.queue.len() as u32);
        }
    }

    /// What a worker has earned: what is its own, and what would be if it were left in peace from now on.
    pub(super) fn earned(&self, id: usize) -> u64 {
        self.payouts[id].total() + self.workers[id].record.held().amount.0
    }

    /// What the ring could withdraw beyond what others have paid it for work.
    pub(super) fn ring_extracted(&self) -> Micro {
        let free = |id: usize| {
            let held = self.workers[id].record.held();
            self.payouts[id].free + held.amount.0 - held.bound.0
        };
        let workers = (0..self.workers.len()).filter(|id| self.workers[*id].kind == Kind::Ring).map(free);
        let keys =
            self.wallets[self.options.users as usize..self.circles().start].iter().map(|purse| purse.free);
        // What it lost for an odd answer must not hide what it gained.
        let all = workers.chain(keys).sum::<u64>() + self.tally.ring_forfeited_free;
        Micro(all.saturating_sub(self.tally.ring_earned_free))
    }
}
