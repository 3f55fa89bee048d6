//! Peer realms: asked when no worker here is free, never twice with one job, paid what they ask, and on credit up to a limit.

use mtor_protocol::limits::HOPS_MAX;
use mtor_protocol::{AccountId, CapabilityOffer, Micro, Price, Privacy, ProblemKind};

use super::harness::*;
use crate::entry::NewJob;
use crate::{Input, Output, TREASURY};

/// The account of the realm that worker 9 is.
const FAR: AccountId = AccountId(WORKERS + 9);
const ASK: Price = Price {
    job: Micro(50),
    input_ktoken: Micro(1_000),
    output_ktoken: Micro(2_000),
    ksecond: Micro(0),
    kimage: Micro(0),
};

fn peer(world: &mut World, limit: Option<u64>) -> Output {
    let ticket = world.ticket();
    let mut outputs = world.handle(Input::Peer { ticket, account: FAR, limit: limit.map(Micro) });
    outputs.pop().expect("there is an answer")
}

fn with_peer(limit: u64) -> World {
    let mut world = World::new();
    assert!(matches!(peer(&mut world, Some(limit)), Output::Done { .. }));
    world
}

fn far(slots: u32) -> [CapabilityOffer; 1] {
    [CapabilityOffer { price: ASK, ..chat("small", slots) }]
}

fn for_peers(id: u128) -> NewJob {
    NewJob { privacy: Privacy::Peers, ..job(id) }
}

/// A job that the other realm asks for.
fn theirs(id: u128) -> NewJob {
    NewJob { account: FAR, hops: vec![FAR], ..for_peers(id) }
}

#[test]
fn a_peer_is_asked_when_no_worker_here_is_free_and_the_job_is_for_peers() {
    let mut world = with_peer(0);
    world.join(9, far(4));
    let problem = world.refused(job(1));
    assert_eq!(problem.known_kind(), Some(ProblemKind::Infeasible));
    assert!(problem.detail.contains("not for peers"), "{}", problem.detail);
    assert_eq!(assigned(&world.submit(for_peers(2))), [(2, 9)], "nobody is here at all");
    world.join(1, [chat_at("small", 1, 0.1)]);
    assert_eq!(assigned(&world.submit(for_peers(3))), [(3, 1)], "however slow, ours is first");
    assert_eq!(assigned(&world.submit(for_peers(4))), [(4, 9)]);
    assert_eq!(assigned(&world.submit(job(5))), [], "this one waits for ours");
}

#[test]
fn a_peer_is_paid_what_it_asked_and_the_rest_is_the_treasurys() {
    let mut world = with_peer(0);
    world.join(9, far(1));
    world.submit(for_peers(1));
    world.finish(1, 25);
    // 210 for the wallet, as if it had been done here; 50 + 10 + 50 is what the peer asks.
    assert_eq!(world.available(ALICE), Micro(COINS.0 - 210));
    assert_eq!((world.available(FAR), world.available(TREASURY)), (Micro(110), Micro(100)));
}

#[test]
fn a_peer_that_asks_more_than_the_realms_price_gets_nothing() {
    let mut world = with_peer(0);
    world.join(9, [CapabilityOffer { price: Price { job: Micro(101), ..ASK }, ..chat("small", 1) }]);
    assert_eq!(world.refused(for_peers(1)).known_kind(), Some(ProblemKind::Infeasible));
}

#[test]
fn a_job_goes_to_no_realm_twice_and_through_few() {
    let mut world = with_peer(10_000);
    world.join(9, far(4));
    let other = AccountId(77);
    let through = |id, hops: Vec<AccountId>| NewJob { hops, ..for_peers(id) };
    for hops in [vec![FAR], vec![other, FAR], vec![other; HOPS_MAX]] {
        let problem = world.refused(through(1, hops));
        assert!(problem.detail.contains("has the job already"), "{}", problem.detail);
    }
    // One that hides where it has been does not get its own job back either.
    world.refused(NewJob { hops: vec![other], ..theirs(2) });
    assert_eq!(assigned(&world.submit(through(3, vec![other]))), [(3, 9)]);
}

#[test]
fn own_jobs_come_first() {
    let mut world = with_peer(10_000);
    world.join(1, [chat("small", 1)]);
    world.submit(job(1));
    world.submit(theirs(2));
    world.wait_ms(50_000);
    world.submit(NewJob { class: mtor_protocol::ServiceClass::Batch, ..job(3) });
    assert_eq!(assigned(&world.finish(1, 1)), [(3, 1)], "though it came later, and is in no hurry");
    assert_eq!(assigned(&world.finish(3, 1)), [(2, 1)]);
}

#[test]
fn a_peer_owes_up_to_its_limit_and_no_more() {
    let mut world = with_peer(1_000);
    world.join(1, [chat("small", 2)]);
    world.submit(theirs(1));
    assert_eq!(world.refused(theirs(2)).known_kind(), Some(ProblemKind::InsufficientFunds));
    world.finish(1, 25);
    assert_eq!(world.account(FAR).owed(), Micro(210));
    world.submit(theirs(3));
    world.finish(3, 25);
    world.restart();
    assert_eq!((world.account(FAR).owed(), world.available(FAR)), (Micro(420), Micro(580)));
    assert!(matches!(peer(&mut world, Some(419)), Output::Refused { .. }), "not below what it owes");
    assert!(matches!(peer(&mut world, None), Output::Done { .. }));
    world.join(1, [chat("small", 2)]);
    world.issue(50, FAR, Micro(5_000));
    assert_eq!(world.refused(theirs(4)).known_kind(), Some(ProblemKind::Forbidden));
    assert!(matches!(peer(&mut world, Some(1_000)), Output::Done { .. }));
    world.submit(theirs(5));
}

#[test]
fn what_both_do_for_each_other_is_netted() {
    let mut world = with_peer(1_000);
    world.join(1, [chat("small", 1)]);
    world.submit(theirs(1));
    world.finish(1, 25);
    world.join(9, far(1));
    world.submit(for_peers(2));
    world.submit(for_peers(3));
    world.finish(3, 25);
    assert_eq!(world.account(FAR).owed(), Micro(100), "210 less 110");
}
