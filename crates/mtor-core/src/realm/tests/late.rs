//! Late pay: what waits, what matures, and what a proof takes.

use mtor_protocol::{AccountId, CapabilityKind, Digest, JobId, Micro, ProblemKind};

use super::harness::*;
use crate::entry::Fact;
use crate::trust::{Judged, TrustRules, Verdict};
use crate::{BURN, Config, Input, NewJob, Output, Splits, TREASURY, late_account};

const DAY_MS: u64 = 24 * 60 * 60 * 1_000;
const WORKER: AccountId = AccountId(WORKERS + 1);

/// A realm that holds two payments back, with one stranger in it.
fn world() -> World {
    let trust = TrustRules { holdback: 2, ..TrustRules::STANDARD };
    let mut world = World::with(Config { audit: true, trust, ..Config::default() });
    world.issue(3, TREASURY, Micro::coins(1));
    world.join(1, [chat("small", 1)]);
    world
}

/// The worker does a job; what it is paid for that.
fn work(world: &mut World, id: u128) -> Micro {
    let before = waiting(world);
    world.submit(for_ever(job(id)));
    world.finish(id, 50);
    Micro(waiting(world).0 - before.0)
}

fn waiting(world: &World) -> Micro {
    world.available(late_account(WORKER))
}

fn prove_wrong(world: &mut World, id: u128) -> Vec<Output> {
    let results = vec![Judged { job: JobId(id), worker: WORKER, verdict: Verdict::Failed }];
    let (ticket, capability, evidence) = (world.ticket(), CapabilityKind::CHAT, Digest([4; 32]));
    world.handle(Input::Judge { ticket, capability, results, evidence })
}

fn decide(world: &mut World, id: u128, pardon: bool) -> Vec<Output> {
    let ticket = world.ticket();
    world.handle(Input::DecideCase { ticket, job: JobId(id), pardon })
}

fn appeal(world: &mut World, id: u128, account: AccountId) -> Vec<Output> {
    let ticket = world.ticket();
    world.handle(Input::Appeal { ticket, job: JobId(id), account })
}

#[test]
fn the_last_payments_wait_and_the_older_ones_mature_ten_at_a_time() {
    let mut world = world();
    let each = work(&mut world, 1);
    assert!(each > Micro::ZERO && world.available(WORKER) == Micro::ZERO);
    for id in 2..=11 {
        assert_eq!(work(&mut world, id), each);
    }
    assert_eq!(waiting(&world), Micro(11 * each.0));
    world.submit(for_ever(job(12)));
    world.finish(12, 50);
    assert_eq!((waiting(&world), world.available(WORKER)), (Micro(2 * each.0), Micro(10 * each.0)));
    let matured = world.journal.last().map(|entry| entry.fact.clone());
    assert!(matches!(matured, Some(Fact::Matured { payments: 10, worker: WORKER, .. })), "{matured:?}");
    world.restart();
    assert_eq!(waiting(&world), Micro(2 * each.0), "also after a restart");
}

#[test]
fn a_day_is_enough_for_who_has_few_jobs() {
    let mut world = world();
    let each = work(&mut world, 1);
    world.leave(1);
    world.restart();
    assert_eq!(world.realm.next_tick(), Some(world.now.plus_ms(DAY_MS)));
    world.wait_ms(DAY_MS - 1);
    world.tick();
    assert_eq!(world.available(WORKER), Micro::ZERO);
    world.wait_ms(1);
    world.tick();
    assert_eq!((waiting(&world), world.available(WORKER)), (Micro::ZERO, each));
    assert_eq!(world.realm.next_tick(), None, "idle is idle");
}

#[test]
fn a_proof_takes_what_waits_and_pays_back_who_was_wronged() {
    let mut world = world();
    let (one, two) = (work(&mut world, 1), work(&mut world, 2));
    let alice = world.available(ALICE);
    let treasury = world.available(TREASURY);
    prove_wrong(&mut world, 2);
    world.restart();
    assert_eq!(waiting(&world), Micro(one.0 + two.0), "it stays where it is until nobody can object");
    world.wait_ms(7 * DAY_MS - 1);
    world.tick();
    assert_eq!(world.available(ALICE), alice);
    world.wait_ms(1);
    world.tick();
    let cost = Micro(world.available(ALICE).0 - alice.0);
    assert!(cost > two, "all that it has cost, and not only the worker's part");
    assert_eq!(waiting(&world), Micro::ZERO);
    assert_eq!(world.available(TREASURY).0 - treasury.0, one.0 + two.0 - cost.0);
    assert_eq!(world.available(WORKER), Micro::ZERO);
    assert!(world.realm.state().cases().is_empty());
}

#[test]
fn who_objects_is_heard_and_a_pardon_gives_back_all() {
    let mut world = world();
    let sum = Micro(work(&mut world, 1).0 + work(&mut world, 2).0);
    prove_wrong(&mut world, 2);
    let [Output::Refused { problem, .. }] = &appeal(&mut world, 2, ALICE)[..] else { panic!() };
    assert_eq!(problem.known_kind(), Some(ProblemKind::NotFound), "nobody but the worker can object");
    world.wait_ms(6 * DAY_MS);
    for _ in 0..2 {
        assert!(matches!(appeal(&mut world, 2, WORKER)[..], [Output::Done { .. }]));
    }
    world.wait_ms(29 * DAY_MS);
    world.tick();
    world.restart();
    assert_eq!(waiting(&world), sum, "the sysop has a month");
    assert!(matches!(decide(&mut world, 2, true)[..], [Output::Done { .. }]));
    assert_eq!((waiting(&world), world.available(WORKER)), (Micro::ZERO, sum));
    let record = world.realm.state().record(WORKER, &CapabilityKind::CHAT).unwrap();
    assert_eq!(record.failures(), 0);
    assert!(matches!(decide(&mut world, 2, true)[..], [Output::Refused { .. }]), "once");
    assert!(matches!(world.join(1, [chat("small", 1)])[..], []), "and it may come back");
}

#[test]
fn an_appeal_that_nobody_decides_ends_after_a_month() {
    let mut world = world();
    work(&mut world, 1);
    prove_wrong(&mut world, 1);
    appeal(&mut world, 1, WORKER);
    world.wait_ms(30 * DAY_MS);
    world.tick();
    assert_eq!(waiting(&world), Micro::ZERO);
    assert_eq!(world.realm.next_tick(), None);
}

#[test]
fn the_sysop_can_let_a_proof_stand_at_once_and_nothing_is_proven_twice() {
    let mut world = world();
    work(&mut world, 1);
    prove_wrong(&mut world, 1);
    prove_wrong(&mut world, 1);
    assert_eq!(world.realm.state().cases().len(), 1);
    assert!(matches!(decide(&mut world, 1, false)[..], [Output::Done { .. }]));
    assert_eq!(waiting(&world), Micro::ZERO);
}

#[test]
fn what_is_burnt_is_burnt_at_once() {
    let splits = Splits::new(800, 100, 100).unwrap();
    let mut world = World::with(Config { audit: true, splits, ..Config::default() });
    world.join(1, [chat("small", 1)]);
    world.submit(job(1));
    world.finish(1, 50);
    assert!(world.available(BURN) > Micro::ZERO && waiting(&world) > Micro::ZERO);
    assert_eq!(world.available(late_account(BURN)), Micro::ZERO);
}

#[test]
fn the_house_and_who_works_for_itself_are_paid_at_once() {
    let mut world = world();
    world.leave(1);
    let house = AccountId(WORKERS + 2);
    world.handle(joined(2, house, true, [chat("small", 1)]));
    world.submit(job(1));
    world.finish(1, 50);
    assert!(world.available(house) > Micro::ZERO);
    world.leave(2);
    let before = world.available(ALICE);
    world.handle(joined(3, ALICE, false, [chat("small", 1)]));
    world.submit(NewJob { ..job(2) });
    world.finish(2, 50);
    assert!(world.available(ALICE) < before, "the treasury has its part");
    assert_eq!(world.available(late_account(ALICE)), Micro::ZERO);
}
