//! Grants: others spend of a wallet's coins, within limits, until they are taken back.

use mtor_protocol::{
    AccountId, CapabilityKind, CapabilityOffer, Digest, GrantTerms, JobId, Micro, Period, ProblemKind,
    Timestamp,
};

use super::harness::*;
use crate::entry::{Fact, NewJob, Outcome};
use crate::grant::grant_account;
use crate::{Config, Input, Output, PrivateMode};

const GRANT: JobId = JobId(900);
/// A wallet without coins of its own.
const CHILD: AccountId = AccountId(103);
const DAY_MS: u64 = 24 * 3_600 * 1_000;

fn terms(limit: u64) -> GrantTerms {
    GrantTerms { limit: Micro(limit), period: None, job_max: None, only: Vec::new(), expires: None }
}

fn one_worker() -> World {
    let mut world = World::new();
    world.join(1, [chat("small", 9), CapabilityOffer::new(CapabilityKind::EMBED, "embed", 9)]);
    world
}

/// Alice grants this to the child.
fn granted(terms: GrantTerms) -> World {
    let mut world = one_worker();
    assert!(is_done(&world.grant(GRANT, ALICE, vec![CHILD], terms)));
    world
}

fn is_done(outputs: &[Output]) -> bool {
    matches!(outputs, [Output::Done { .. }])
}

fn refusal(outputs: &[Output]) -> (ProblemKind, String) {
    match outputs {
        [Output::Refused { problem, .. }] => (problem.known_kind().unwrap(), problem.detail.clone()),
        other => panic!("not refused: {other:?}"),
    }
}

/// A question of the child's: 600 at most, as each.
fn childs(id: u128) -> NewJob {
    NewJob { account: CHILD, deadline: Timestamp::MAX, ..job(id) }
}

impl World {
    fn grant(&mut self, id: JobId, from: AccountId, to: Vec<AccountId>, terms: GrantTerms) -> Vec<Output> {
        let (ticket, about) = (self.ticket(), Digest([terms.limit.0 as u8; 32]));
        self.handle(Input::Grant { ticket, id, from, to, terms, about })
    }

    fn revoke(&mut self, id: JobId, account: AccountId) -> Vec<Output> {
        let ticket = self.ticket();
        self.handle(Input::Revoke { ticket, grant: id, account })
    }

    fn of_the_grant(&self) -> crate::Account {
        self.account(grant_account(ALICE, GRANT))
    }

    fn filled(&self) -> Vec<u64> {
        let amount = |entry: &crate::Entry| match entry.fact {
            Fact::Filled { amount, .. } => Some(amount.0),
            _ => None,
        };
        self.journal.iter().filter_map(amount).collect()
    }
}

#[test]
fn a_grant_pays_for_its_holder() {
    let mut world = granted(terms(1_000));
    world.submit(childs(1));
    assert_eq!(world.of_the_grant().debits_pending, Micro(600));
    assert_eq!(world.available(ALICE), Micro(COINS.0 - 600), "no more is set aside than is needed");
    world.finish(1, 25);
    assert_eq!(world.of_the_grant().available(), Micro(390));
    assert_eq!(world.account(CHILD), crate::Account::default(), "the child has no coins of its own");
    world.submit(childs(2));
    world.finish(2, 25);
    assert_eq!(world.filled(), [600, 210], "of 1,000");
    let problem = world.refused(childs(3));
    assert_eq!(problem.known_kind(), Some(ProblemKind::InsufficientFunds));
    assert!(problem.detail.contains("0.00058 of the grant are left"), "{}", problem.detail);
}

#[test]
fn large_grants_are_set_aside_in_portions() {
    let mut world = granted(terms(100_000));
    world.submit(childs(1));
    world.submit(childs(2));
    assert_eq!(world.filled(), [5_000], "a twentieth at a time");
}

#[test]
fn more_than_the_granter_has_is_not_there() {
    let mut world = one_worker();
    world.grant(GRANT, ALICE, vec![CHILD], terms(10 * COINS.0));
    let (ticket, memo) = (world.ticket(), Digest([1; 32]));
    let amount = Micro(COINS.0 - 700);
    world.handle(Input::Transfer { ticket, id: JobId(3), from: ALICE, to: BOB, amount, memo });
    world.submit(childs(1));
    assert_eq!(world.available(ALICE), Micro::ZERO);
    assert_eq!(world.refused(childs(2)).known_kind(), Some(ProblemKind::InsufficientFunds));
}

#[test]
fn each_period_begins_anew() {
    let mut world = granted(GrantTerms { period: Some(Period::Day), ..terms(700) });
    for day in 0..3 {
        let first = 10 * day + 1;
        world.submit(childs(first));
        world.finish(first, 100);
        let problem = world.refused(childs(first + 1));
        assert!(problem.detail.contains(" until 1970-01-0"), "{}", problem.detail);
        world.wait_ms(DAY_MS);
    }
    // What is left of one day is a part of the next one's 700, not on top of it.
    assert_eq!(world.of_the_grant().debits_posted, Micro(3 * 510));
    assert!(world.of_the_grant().credits_posted <= Micro(3 * 700));
}

#[test]
fn a_job_that_is_open_when_the_period_ends_counts_for_the_next() {
    let mut world = granted(GrantTerms { period: Some(Period::Day), ..terms(1_000) });
    world.submit(childs(1));
    world.wait_ms(DAY_MS);
    let problem = world.refused(childs(2));
    assert!(problem.detail.contains("0.0004 of the grant are left"), "{}", problem.detail);
    world.finish(1, 0);
    world.submit(childs(2));
}

#[test]
fn a_grant_is_for_what_it_names() {
    let only = vec![CapabilityKind::EMBED];
    let mut world = granted(GrantTerms { only, ..terms(10_000) });
    let named = NewJob { grant: Some(GRANT), ..childs(1) };
    let problem = world.refused(named);
    assert_eq!(problem.known_kind(), Some(ProblemKind::Forbidden));
    assert_eq!(problem.detail, "this grant is for embed alone, not for chat");
    assert_eq!(
        world.refused(childs(2)).known_kind(),
        Some(ProblemKind::InsufficientFunds),
        "own coins: none"
    );
    world.submit(NewJob { capability: CapabilityKind::EMBED, ..childs(3) });
    assert!(world.worker_of(3).is_some());
}

#[test]
fn one_job_may_cost_so_much() {
    let mut world = granted(GrantTerms { job_max: Some(Micro(599)), ..terms(10_000) });
    let problem = world.refused(NewJob { grant: Some(GRANT), ..childs(1) });
    assert_eq!(problem.detail, "this can cost up to 0.0006 coins, and the grant allows 0.000599 for one job");
    world.submit(NewJob { output_tokens_max: 99, ..childs(2) });
    assert!(world.worker_of(2).is_some());
}

#[test]
fn own_coins_pay_when_no_grant_does() {
    let mut world = one_worker();
    world.grant(GRANT, ALICE, vec![BOB], terms(700));
    let bobs = |id| NewJob { account: BOB, ..job(id) };
    world.submit(bobs(1));
    assert_eq!(world.available(BOB), COINS, "the grant first");
    world.submit(bobs(2));
    assert_eq!(world.available(BOB), Micro(COINS.0 - 600));
    let problem = world.refused(NewJob { grant: Some(GRANT), ..bobs(3) });
    assert_eq!(problem.known_kind(), Some(ProblemKind::InsufficientFunds), "this grant and nothing else");
    let problem = world.refused(NewJob { grant: Some(GRANT), ..job(4) });
    assert_eq!(problem.known_kind(), Some(ProblemKind::NotFound), "not for the granter itself");
}

#[test]
fn what_asks_with_the_grants_own_account_spends_from_it_alone() {
    let mut world = granted(terms(1_000));
    let keys = |id| NewJob { account: grant_account(ALICE, GRANT), ..job(id) };
    world.submit(keys(1));
    assert_eq!(world.of_the_grant().debits_pending, Micro(600));
    assert_eq!(world.refused(keys(2)).known_kind(), Some(ProblemKind::InsufficientFunds));
    world.revoke(GRANT, ALICE);
    assert_eq!(world.refused(keys(3)).known_kind(), Some(ProblemKind::InsufficientFunds));
}

#[test]
fn taking_back_ends_what_runs_and_returns_the_rest() {
    let mut world = granted(terms(10_000));
    world.submit(childs(1));
    world.deliver(1, 50);
    let (kind, _) = refusal(&world.revoke(GRANT, CHILD));
    assert_eq!(kind, ProblemKind::NotFound, "the holder can't");
    let outputs = world.revoke(GRANT, ALICE);
    let (outcome, _, cost, _) = settled(&outputs, 1).unwrap();
    assert_eq!((outcome, cost), (Outcome::Cancelled, Micro(300)));
    assert_eq!(world.available(ALICE), Micro(COINS.0 - 300));
    assert_eq!(world.refused(childs(2)).known_kind(), Some(ProblemKind::InsufficientFunds));
    assert_eq!(refusal(&world.revoke(GRANT, ALICE)).0, ProblemKind::NotFound);
}

#[test]
fn it_ends_by_itself_at_its_time_also_after_a_restart() {
    let expires = Some(START.plus_ms(5_000));
    let mut world = granted(GrantTerms { expires, ..terms(10_000) });
    world.submit(childs(1));
    world.restart();
    assert_eq!(world.realm.next_tick().map(|tick| tick <= START.plus_ms(5_000)), Some(true));
    world.wait_ms(5_000);
    assert_eq!(settled(&world.tick(), 1).unwrap().0, Outcome::Cancelled);
    assert_eq!(world.available(ALICE), COINS);
    assert!(world.realm.state().grants().is_empty());
}

#[test]
fn the_same_grant_twice_is_one() {
    let mut world = granted(terms(1_000));
    let entries = world.journal.len();
    assert!(is_done(&world.grant(GRANT, ALICE, vec![CHILD], terms(1_000))));
    assert_eq!(refusal(&world.grant(GRANT, ALICE, vec![CHILD], terms(2_000))).0, ProblemKind::Conflict);
    assert_eq!(refusal(&world.grant(GRANT, BOB, vec![CHILD], terms(1_000))).0, ProblemKind::Conflict);
    assert_eq!(world.journal.len(), entries);
    world.revoke(GRANT, ALICE);
    assert!(is_done(&world.grant(GRANT, ALICE, vec![CHILD], terms(1_000))), "known, and not given again");
    assert!(world.realm.state().grants().is_empty());
}

#[test]
fn what_makes_no_sense_is_refused() {
    let mut world = granted(terms(1_000));
    let mut refused = |from, to: Vec<AccountId>, terms| refusal(&world.grant(JobId(901), from, to, terms)).0;
    let past = GrantTerms { expires: Some(START), ..terms(9) };
    assert_eq!(refused(ALICE, vec![], terms(0)), ProblemKind::InvalidRequest);
    assert_eq!(refused(ALICE, vec![], past), ProblemKind::InvalidRequest);
    assert_eq!(refused(ALICE, vec![ALICE], terms(9)), ProblemKind::InvalidRequest);
    assert_eq!(refused(ALICE, vec![BOB; 101], terms(9)), ProblemKind::InvalidRequest);
    assert_eq!(refused(grant_account(ALICE, GRANT), vec![], terms(9)), ProblemKind::Forbidden);
    for id in 1_000..1_099 {
        assert!(is_done(&world.grant(JobId(id), ALICE, vec![], terms(9))));
    }
    assert_eq!(refusal(&world.grant(JobId(2_000), ALICE, vec![], terms(9))).0, ProblemKind::Conflict);
}

#[test]
fn at_home_the_owner_never_runs_dry_of_what_others_spend() {
    let private = PrivateMode {
        owner: OWNER,
        owner_floor: Micro(1_000),
        owner_fill: Micro(5_000),
        welcome: Micro(2_000),
    };
    let mut world = World::unfunded(Config { private: Some(private), ..Config::default() });
    world.join(1, [chat("small", 99)]);
    world.grant(GRANT, OWNER, vec![CHILD], terms(30_000));
    for id in 1..=50 {
        assert_eq!(assigned(&world.submit(childs(id))), [(id, 1)], "600 each, 30,000 in all");
    }
    assert_eq!(world.refused(childs(51)).known_kind(), Some(ProblemKind::InsufficientFunds));
}
