//! The realm dies at any moment and starts again from its journal.

use mtor_protocol::{JobId, Micro};

use super::harness::*;
use crate::entry::{NewJob, Outcome};

#[test]
fn every_accepted_job_waits_for_workers_again() {
    let mut world = World::new();
    world.join(1, [chat("small", 2)]);
    for id in 1..=4 {
        world.submit(job(id));
    }
    world.finish(1, 1);
    let (worker, lease) = world.assignment(2);
    world.restart();
    assert_eq!(world.realm.queue_info(world.now).queued, 3);
    assert!(
        is_stale(&world.handle(finished(worker, 2, lease, usage(10, 10)))),
        "a lease of its earlier life"
    );
    assert_eq!(assigned(&world.join(1, [chat("small", 3)])), [(2, 1), (3, 1), (4, 1)]);
    assert_ne!(world.assignment(2).1, lease);
    for id in 2..=4 {
        world.finish(id, 1);
    }
    assert_eq!(world.available(ALICE), Micro(COINS.0 - 4 * (100 + 10 + 4)));
}

#[test]
fn words_from_before_are_kept_and_not_billed_again() {
    let mut world = World::new();
    world.join(1, [chat("small", 1)]);
    world.submit(job(1));
    world.deliver(1, 30);
    world.restart();
    let outputs = world.join(1, [chat("small", 1)]);
    assert!(matches!(outputs[..], [crate::Output::Assign { output_tokens_max: 70, .. }]), "{outputs:?}");
    let (worker, lease) = world.assignment(1);
    // It read the prompt of 10 tokens and the 30 from before.
    let outputs = world.handle(finished(worker, 1, lease, usage(40, 70)));
    assert_eq!(settled(&outputs, 1), Some((Outcome::Stop, usage(10, 70), Micro(100 + 10 + 280), None)));
}

#[test]
fn deadlines_and_bounds_hold_again() {
    let mut world = World::with(crate::Config { open_per_wallet_max: 2, ..Default::default() });
    world.join(1, [chat("small", 1)]);
    world.submit(NewJob { deadline: START.plus_ms(5_000), ..job(1) });
    world.submit(job(2));
    world.restart();
    world.join(1, [chat("big", 1)]);
    world.refused(job(3));
    world.wait_ms(5_000);
    assert_eq!(settled(&world.tick(), 1).map(|(outcome, ..)| outcome), Some(Outcome::Expired));
    assert!(world.realm.job(JobId(2)).is_some());
    world.submit(job(3));
    assert!(world.realm.job(JobId(3)).is_some());
}
