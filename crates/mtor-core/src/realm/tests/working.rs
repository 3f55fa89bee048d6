//! Workers join, beat, drain, announce anew and leave.

use mtor_protocol::worker::OfferLimits;
use mtor_protocol::{CapabilityOffer, JobId, Micro, ProblemKind};

use super::harness::*;
use crate::entry::NewJob;
use crate::{Config, Input, Output, WorkerId};

fn on(model: &str, id: u128) -> NewJob {
    NewJob { model: model.to_owned(), ..job(id) }
}

fn beat(worker: u64) -> Input {
    Input::WorkerBeat { worker: WorkerId(worker), tokens_per_s: None }
}

#[test]
fn a_worker_gets_what_waits_for_it_as_far_as_its_slots_go() {
    let mut world = World::new();
    world.join(1, [chat("small", 1)]);
    for id in 1..=4 {
        world.submit(job(id));
    }
    assert_eq!(assigned(&world.join(2, [chat("big", 2)])), [(2, 2), (3, 2)]);
    let queue = world.realm.queue_info(world.now);
    assert_eq!((queue.queued, queue.running, queue.capabilities[0].slots), (1, 3, 3));
}

#[test]
fn a_silent_worker_is_dismissed_and_a_beating_one_is_not() {
    let mut world = World::new();
    world.join(1, [chat("small", 1)]);
    world.join(2, [chat("small", 1)]);
    world.submit(job(1));
    world.wait_ms(20_000);
    world.handle(beat(2));
    world.wait_ms(10_000);
    let outputs = world.tick();
    assert!(
        matches!(&outputs[0], Output::Dismiss { worker: WorkerId(1), problem } if problem.detail == "nothing was heard of the worker for 30 s"),
        "{outputs:?}"
    );
    assert_eq!(assigned(&outputs), [(1, 2)], "its job goes elsewhere");
    assert_eq!(world.handle(beat(1)), [], "it is too late for that");
    assert_eq!(world.leave(1), [], "the session's end says nothing new");
    assert_eq!(world.realm.workers_attached(), 1);
}

#[test]
fn workers_are_bounded() {
    let mut world = World::with(Config { workers_max: 1, ..Config::default() });
    world.join(1, [chat("small", 1)]);
    let outputs = world.join(2, [chat("small", 1)]);
    assert!(
        matches!(&outputs[..], [Output::Dismiss { worker: WorkerId(2), problem }] if problem.known_kind() == Some(ProblemKind::TooManyRequests)),
        "{outputs:?}"
    );
    world.leave(1);
    assert_eq!(world.join(2, [chat("small", 1)]), []);
}

#[test]
fn a_draining_worker_finishes_what_it_has_and_gets_no_more() {
    let mut world = World::new();
    world.join(1, [chat("small", 2)]);
    world.submit(job(1));
    world.handle(Input::WorkerDraining { worker: WorkerId(1) });
    assert_eq!(world.refused(job(2)).known_kind(), Some(ProblemKind::NoWorker));
    world.handle(Input::WorkerBeat { worker: WorkerId(1), tokens_per_s: Some(9.0) });
    assert!(world.realm.worker_infos()[0].draining);
    world.finish(1, 1);
    world.handle(Input::WorkerDraining { worker: WorkerId(1) });
    world.leave(1);
    assert_eq!(world.realm.queue_info(world.now).capabilities, []);
}

#[test]
fn a_worker_that_drained_may_offer_again() {
    let mut world = World::new();
    world.join(1, [chat("small", 2)]);
    world.submit(job(1));
    world.handle(Input::WorkerDraining { worker: WorkerId(1) });
    world.join(1, [chat("small", 2)]);
    assert_eq!(assigned(&world.submit(job(2))), [(2, 1)], "one of two slots is free");
    assert_eq!(assigned(&world.submit(job(3))), []);
    assert_eq!(assigned(&world.finish(1, 1)), [(3, 1)]);
}

#[test]
fn a_new_announcement_replaces_the_old_one_and_work_in_hand_goes_on() {
    let mut world = World::new();
    world.join(1, [chat("small", 1), chat("big", 1)]);
    world.submit(on("small", 1));
    world.submit(on("big", 2));
    world.wait_ms(3_000);
    world.finish(2, 1);
    world.submit(on("big", 2_2));
    let outputs = world.join(1, [chat("big", 3), chat("vast", 1), chat("small", 1)]);
    assert_eq!(outputs, [], "in another place it is the same offer still");
    let infos = world.realm.worker_infos();
    let slots: Vec<_> = infos[0].offers.iter().map(|offer| (offer.busy, offer.slots)).collect();
    assert_eq!(slots, [(1, 3), (0, 1), (1, 1)]);
    world.finish(1, 1);
    world.finish(2_2, 1);
    for id in 31..=33 {
        world.submit(on("big", id));
    }
    let eta = queued(&world.submit(on("big", 34)), 34).unwrap().1;
    assert_eq!(
        eta,
        Some(700),
        "what was measured is kept: 3 s, then nothing, are 2.1 s by now, in three slots"
    );
}

#[test]
fn what_a_worker_offers_no_more_is_stopped_and_goes_elsewhere() {
    let mut world = World::new();
    world.join(1, [chat("small", 1), chat("big", 1)]);
    world.submit(on("small", 1));
    world.deliver(1, 10);
    let lease = world.assignment(1).1;
    let outputs = world.join(1, [chat("big", 1)]);
    assert_eq!(outputs[0], Output::Stop { job: JobId(1), worker: WorkerId(1), lease });
    assert_eq!(queued(&outputs, 1), Some((0, None)));
    assert!(is_stale(&world.handle(finished(WorkerId(1), 1, lease, usage(1, 1)))));
    assert_eq!(
        assigned(&world.join(1, [chat("small", 1)])),
        [(1, 1)],
        "it had not failed: it may have it again"
    );
    world.finish(1, 5);
    assert_eq!(world.available(ALICE), Micro(COINS.0 - 100 - 60), "and 15 tokens are paid");
}

#[test]
fn fewer_slots_than_jobs_in_hand_are_no_trouble() {
    let mut world = World::new();
    world.join(1, [chat("small", 3)]);
    for id in 1..=4 {
        world.submit(job(id));
    }
    world.join(1, [chat("small", 1)]);
    assert_eq!(assigned(&world.finish(1, 1)), []);
    assert_eq!(assigned(&world.finish(2, 1)), []);
    assert_eq!(assigned(&world.finish(3, 1)), [(4, 1)]);
}

#[test]
fn a_new_announcement_is_a_sign_of_life() {
    let mut world = World::new();
    world.join(1, [chat("small", 1)]);
    world.wait_ms(29_000);
    world.join(1, [chat("small", 1)]);
    world.wait_ms(29_000);
    assert_eq!(world.tick(), []);
}

#[test]
fn a_worker_is_asked_for_no_more_than_it_writes() {
    let mut world = World::new();
    let limits = OfferLimits { output_tokens: Some(40), ..OfferLimits::default() };
    world.join(1, [CapabilityOffer { limits, ..chat("small", 1) }]);
    let outputs = world.submit(job(1));
    assert!(matches!(outputs[1], Output::Assign { output_tokens_max: 40, .. }), "{outputs:?}");
}

#[test]
fn what_can_be_seen_of_workers() {
    let mut world = World::new();
    world.join(1, [chat_window("small", 4_096), chat("big", 2)]);
    assert_eq!(world.realm.largest_window(&mtor_protocol::CapabilityKind::CHAT, "small"), Some(4_096));
    assert_eq!(world.realm.largest_window(&mtor_protocol::CapabilityKind::CHAT, "default"), None);
    assert_eq!(world.realm.worker_name(WorkerId(1)).map(|(name, _)| name), Some("worker 1"));
    assert_eq!(world.realm.offer_model(WorkerId(1), 1), Some("big"));
    assert_eq!(world.realm.offer_model(WorkerId(1), 2), None);
    let prices: Vec<_> =
        world.realm.prices(START).into_iter().map(|info| info.capability.to_string()).collect();
    assert_eq!(prices, ["chat"]);
}
