//! Who is served first, and by whom.

use mtor_protocol::{CapabilityKind, CapabilityOffer, JobId, Privacy, ServiceClass, Timestamp};
use proptest::prelude::*;

use super::harness::*;
use crate::Input;
use crate::entry::NewJob;

fn of(class: ServiceClass, id: u128) -> NewJob {
    NewJob { class, ..for_ever(job(id)) }
}

/// Finishes whatever the only worker has, and says which job it gets next.
fn next(world: &mut World, running: u128) -> Option<u128> {
    assigned(&world.finish(running, 1)).first().map(|(job, _)| *job)
}

#[test]
fn urgent_classes_overtake() {
    let mut world = World::new();
    world.join(1, [chat("small", 1)]);
    world.submit(job(1));
    world.submit(of(ServiceClass::Batch, 2));
    world.submit(of(ServiceClass::Interactive, 3));
    world.submit(of(ServiceClass::Voice, 4));
    let order = [1, 4, 3, 2];
    for pair in order.windows(2) {
        assert_eq!(next(&mut world, pair[0]), Some(pair[1]));
    }
}

#[test]
fn a_wallet_with_many_jobs_lets_others_go_first() {
    let mut world = World::new();
    world.join(1, [chat("small", 1)]);
    for id in 1..=10 {
        world.submit(job(id));
    }
    world.wait_ms(1_000);
    world.submit(NewJob { account: BOB, ..job(11) });
    assert_eq!(next(&mut world, 1), Some(2));
    assert_eq!(next(&mut world, 2), Some(11), "Bob's only one passes Alice's later ones");
}

#[test]
fn among_the_free_the_fastest_gets_the_job() {
    let mut world = World::new();
    world.join(1, [chat_at("small", 1, 20.0)]);
    world.join(2, [chat_at("small", 1, 50.0)]);
    world.join(3, [chat("small", 1)]);
    // Not measured: taken to need 2 s, as one that says 50 tokens/s for 100 tokens; the lower number goes first.
    assert_eq!(assigned(&world.submit(job(1))), [(1, 2)]);
    assert_eq!(assigned(&world.submit(job(2))), [(2, 3)]);
    assert_eq!(assigned(&world.submit(job(3))), [(3, 1)]);
    world.wait_ms(100);
    world.finish(3, 1);
    world.wait_ms(900);
    world.finish(1, 1);
    assert_eq!(assigned(&world.submit(job(4))), [(4, 1)], "what is measured counts, not what was announced");
    world.handle(Input::WorkerBeat { worker: crate::WorkerId(3), tokens_per_s: Some(10_000.0) });
    world.finish(2, 1);
    world.finish(4, 1);
    assert_eq!(assigned(&world.submit(job(5))), [(5, 1)]);
}

#[test]
fn a_slot_that_is_shared_is_a_slower_one() {
    let mut world = World::new();
    world.join(1, [chat_at("small", 4, 60.0)]);
    world.join(2, [chat_at("small", 4, 50.0)]);
    let order: Vec<_> = (1..=3).flat_map(|id| assigned(&world.submit(job(id)))).collect();
    assert_eq!(order, [(1, 1), (2, 2), (3, 1)]);
}

#[test]
fn an_incredible_speed_is_no_danger() {
    let mut world = World::new();
    world.join(1, [chat_at("small", 1, f32::MIN_POSITIVE / 4.0)]);
    world.join(2, [chat_at("small", 1, f32::MAX)]);
    assert_eq!(assigned(&world.submit(job(1))), [(1, 2)]);
    assert_eq!(assigned(&world.submit(job(2))), [(2, 1)]);
    world.finish(1, 1);
    world.finish(2, 1);
}

#[test]
fn a_prompt_goes_where_its_beginning_is_remembered() {
    let mut world = World::new();
    for worker in 1..=8 {
        world.join(worker, [chat_at("small", 4, 50.0 + worker as f32)]);
    }
    let with = |prefix, id| NewJob { prefix: Some(prefix), ..job(id) };
    let mut homes = std::collections::BTreeMap::<u64, std::collections::BTreeSet<u64>>::new();
    for id in 1..=200 {
        let prefix = (id % 20) as u64;
        let (_, worker) = assigned(&world.submit(with(prefix, id)))[0];
        homes.entry(prefix).or_default().insert(worker);
        world.wait_ms(1_500);
        world.finish(id, 1);
    }
    assert!(homes.values().all(|workers| workers.len() <= 2), "{homes:?}");
    let used: std::collections::BTreeSet<_> = homes.values().flatten().collect();
    assert!(used.len() >= 4, "prefixes are spread over the workers: {homes:?}");
}

#[test]
fn a_slow_owner_of_the_prefix_is_passed_over() {
    let mut world = World::new();
    world.join(1, [chat_at("small", 100, 1.0)]);
    world.join(2, [chat_at("small", 100, 100.0)]);
    for id in 1..=50 {
        let outputs = world.submit(NewJob { prefix: Some(id as u64), ..job(id) });
        assert_eq!(assigned(&outputs), [(id, 2)]);
    }
}

#[test]
fn own_means_the_wallets_own_workers_and_the_house() {
    let own = |id| NewJob { privacy: Privacy::Own, ..job(id) };
    let mut world = World::new();
    world.join(1, [chat_at("small", 1, 1_000.0)]);
    world.handle(joined(2, ALICE, false, [chat_at("small", 1, 10.0)]));
    world.handle(joined(3, BOB, false, [chat_at("small", 1, 500.0)]));
    assert_eq!(assigned(&world.submit(own(1))), [(1, 2)], "hers, however slow");
    assert_eq!(assigned(&world.submit(own(2))), [], "hers is busy: strangers stay idle");
    world.handle(joined(4, OWNER, true, [chat("small", 1)]));
    assert_eq!(world.assignment(2).0.0, 4, "the house's may see it");
    assert_eq!(assigned(&world.submit(own(3))), []);
    assert_eq!(assigned(&world.finish(1, 1)), [(3, 2)], "hers again");
    world.leave(2);
    assert!(world.worker_of(3).is_none(), "it waits for the house");
    assert_eq!(assigned(&world.finish(2, 1)), [(3, 4)]);
}

#[test]
fn a_worker_is_not_idle_because_those_in_front_are_not_for_it() {
    let mut world = World::new();
    let house = joined(1, OWNER, true, [chat("small", 1)]);
    world.handle(house);
    world.submit(job(1));
    let own =
        |id| NewJob { privacy: Privacy::Own, account: if id % 2 == 0 { ALICE } else { BOB }, ..job(id) };
    for id in 2..=500 {
        world.submit(own(id));
    }
    world.wait_ms(30 * 60 * 1_000);
    world.handle(Input::WorkerBeat { worker: crate::WorkerId(1), tokens_per_s: None });
    world.submit(for_ever(job(502)));
    assert!(world.worker_of(502).is_none());
    assert_eq!(assigned(&world.join(2, [chat("small", 1)])), [(502, 2)], "499 jobs stand before it");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]
    /// However many voice jobs keep coming: every batch job is served when time has passed its goal.
    #[test]
    fn nobody_starves(batch in 1u128..6, gap_ms in 100u64..900, wallet_is_bobs: bool) {
        let mut world = World::new();
        world.join(1, [chat("small", 1)]);
        let mut running = 1;
        world.submit(of(ServiceClass::Voice, 1));
        let account = if wallet_is_bobs { BOB } else { ALICE };
        for id in 10..10 + batch {
            world.submit(NewJob { account, ..of(ServiceClass::Batch, id) });
        }
        // A voice job takes exactly as long as it takes the next one to come: the line never runs empty.
        let goal_ms = 10 * 60 * 1_000;
        // Each further open job of a wallet moves its turn by an eighth of the goal.
        let bound_ms = goal_ms + goal_ms / 8 * (batch as u64 + 1) + 2 * gap_ms * (batch as u64 + 1);
        let mut served = 0;
        let mut voice = 1_000;
        while world.now < Timestamp(START.0 + bound_ms) && served < batch {
            world.wait_ms(gap_ms);
            voice += 1;
            world.submit(of(ServiceClass::Voice, voice));
            world.handle(Input::WorkerBeat { worker: crate::WorkerId(1), tokens_per_s: None });
            running = next(&mut world, running).expect("the line never runs empty");
            served += u128::from((10..10 + batch).contains(&running));
        }
        prop_assert_eq!(served, batch, "all within {} s", bound_ms / 1_000);
    }
}

#[test]
fn capabilities_do_not_wait_for_each_other() {
    let mut world = World::new();
    world.join(1, [chat("small", 1), CapabilityOffer::new(CapabilityKind::EMBED, "vectors", 1)]);
    let embed = |id| NewJob { capability: CapabilityKind::EMBED, ..job(id) };
    world.submit(job(1));
    assert_eq!(queued(&world.submit(job(2)), 2), Some((0, None)));
    assert_eq!(assigned(&world.submit(embed(3))), [(3, 1)]);
    assert_eq!(queued(&world.submit(embed(4)), 4), Some((0, None)));
    assert_eq!(assigned(&world.finish(3, 1)), [(4, 1)]);
    assert_eq!(world.realm.job(JobId(2)).and_then(|view| view.worker), None);
}
