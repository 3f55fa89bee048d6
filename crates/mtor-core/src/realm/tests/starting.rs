//! Starter coins: a wallet gets them once, within what there is for a day, and can spend them but not send them.

use mtor_protocol::{AccountId, Digest, GrantTerms, JobId, Micro, Problem, ProblemKind};

use super::harness::*;
use crate::entry::{Fact, NewJob};
use crate::{Config, Corrupt, Entry, Input, Output, StarterRules, State, TREASURY, grant_account};

/// A wallet that is paid as worker 1.
const WORKER: AccountId = AccountId(WORKERS + 1);
/// A wallet without coins.
const NEW: AccountId = AccountId(500);
const DAY_MS: u64 = 24 * 3_600 * 1_000;

/// Each wallet gets 1,000, and all of one day 2,500.
fn public() -> World {
    let starter = StarterRules { coins: Micro(1_000), daily: Micro(2_500) };
    let mut world = World::with(Config { starter: Some(starter), ..Config::default() });
    world.join(1, [chat("small", 9)]);
    world
}

impl World {
    fn start(&mut self, to: AccountId) -> Result<(), Problem> {
        let ticket = self.ticket();
        // An id of its own for each.
        let id = JobId(u128::from(ticket.0) + 10_000);
        answered(self.handle(Input::Start { ticket, id, to }))
    }

    fn send_on(&mut self, from: AccountId, to: AccountId, amount: u64) -> Result<(), Problem> {
        let ticket = self.ticket();
        let (id, memo) = (JobId(u128::from(ticket.0) + 10_000), Digest([1; 32]));
        answered(self.handle(Input::Transfer { ticket, id, from, to, amount: Micro(amount), memo }))
    }

    fn bound(&self, of: AccountId) -> u64 {
        self.account(of).bound.0
    }
}

fn answered(mut outputs: Vec<Output>) -> Result<(), Problem> {
    match outputs.pop() {
        Some(Output::Done { .. }) => Ok(()),
        Some(Output::Refused { problem, .. }) => Err(problem),
        other => panic!("no answer: {other:?}"),
    }
}

fn news(id: u128) -> NewJob {
    NewJob { account: NEW, ..for_ever(job(id)) }
}

#[test]
fn a_wallet_gets_them_once_also_after_a_restart() {
    let mut world = public();
    world.start(NEW).unwrap();
    assert_eq!((world.available(NEW), world.bound(NEW)), (Micro(1_000), 1_000));
    let again = world.start(NEW).unwrap_err();
    assert_eq!(again.known_kind(), Some(ProblemKind::Conflict));
    world.restart();
    world.wait_ms(3 * DAY_MS);
    assert_eq!(world.start(NEW).unwrap_err().known_kind(), Some(ProblemKind::Conflict));
    assert_eq!(world.available(NEW), Micro(1_000));
}

#[test]
fn a_day_has_so_many_and_the_next_has_new_ones() {
    let mut world = public();
    world.start(AccountId(501)).unwrap();
    world.start(AccountId(502)).unwrap();
    let empty = world.start(AccountId(503)).unwrap_err();
    assert_eq!(empty.known_kind(), Some(ProblemKind::TooManyRequests));
    assert!(empty.detail.starts_with("0.0005 of today's 0.0025 starter coins are left"), "{}", empty.detail);
    let wait_s = u64::from(empty.retry_after.unwrap());
    world.wait_ms((wait_s - 1) * 1_000 - 1);
    assert!(world.start(AccountId(503)).is_err());
    world.wait_ms(1_001);
    world.start(AccountId(503)).unwrap();
}

#[test]
fn where_there_are_none_nobody_gets_any() {
    let mut world = World::new();
    assert_eq!(world.start(NEW).unwrap_err().known_kind(), Some(ProblemKind::Forbidden));
}

#[test]
fn they_are_spent_first_and_cannot_be_sent_by_whoever_earns_them() {
    let mut world = public();
    world.start(NEW).unwrap();
    let refused = world.send_on(NEW, BOB, 1).unwrap_err();
    assert_eq!(refused.known_kind(), Some(ProblemKind::InsufficientFunds));
    assert_eq!(
        refused.detail,
        "0 coins can be sent, not 0.000001: 0.001 of the 0.001 that are available are bound, and can be spent, not sent"
    );
    world.submit(news(1));
    world.finish(1, 100);
    let paid = world.account(WORKER);
    assert_eq!((paid.available(), paid.bound), (Micro(459), Micro(459)), "nine tenths of 510");
    assert_eq!(world.bound(TREASURY), 51);
    assert!(world.send_on(WORKER, NEW, 1).is_err());

    world.send_on(ALICE, NEW, 490).unwrap();
    world.submit(news(2));
    world.finish(2, 0);
    world.submit(news(3));
    world.finish(3, 100);
    // Of 1,490 all bound ones are gone before the first free one.
    assert_eq!((world.available(NEW), world.bound(NEW)), (Micro(360), 0));
    assert_eq!(world.bound(WORKER) + world.bound(TREASURY), 1_000);
    let free = world.account(WORKER).sendable().0;
    assert!(world.send_on(WORKER, NEW, free + 1).is_err());
    world.send_on(WORKER, NEW, free).unwrap();
}

#[test]
fn grants_keep_them_bound() {
    let mut world = public();
    world.start(NEW).unwrap();
    world.send_on(ALICE, NEW, 300).unwrap();
    let (ticket, id) = (world.ticket(), JobId(900));
    let terms =
        GrantTerms { limit: Micro(5_000), period: None, job_max: None, only: Vec::new(), expires: None };
    let grant = Input::Grant { ticket, id, from: NEW, to: vec![BOB], terms, about: Digest([2; 32]) };
    answered(world.handle(grant)).unwrap();
    world.submit(NewJob { account: BOB, ..for_ever(job(1)) });
    assert_eq!((world.bound(NEW), world.account(NEW).sendable()), (400, Micro(300)));
    world.finish(1, 10);
    assert_eq!(world.bound(grant_account(NEW, id)), 450, "150 were used");
    let ticket = world.ticket();
    answered(world.handle(Input::Revoke { ticket, grant: id, account: NEW })).unwrap();
    assert_eq!((world.bound(NEW), world.account(NEW).sendable()), (850, Micro(300)));
}

#[test]
fn a_journal_that_starts_a_wallet_twice_is_corrupt() {
    let mut state = State::default();
    let entry = |seq, fact| Entry { seq, time: START, fact };
    state.apply(&entry(0, Fact::Founded { owner: OWNER })).unwrap();
    let started = |seq| entry(seq, Fact::Started { id: JobId(1), to: NEW, amount: Micro(5) });
    state.apply(&started(1)).unwrap();
    let before = state.clone();
    assert_eq!(state.apply(&started(2)), Err(Corrupt::Started(2)));
    assert_eq!(state, before);
}
