//! Workers die and fail: their jobs go elsewhere, what was written is kept and paid, and old leases are of no account.

use mtor_protocol::{AccountId, JobId, Micro, Problem, ProblemKind};

use super::harness::*;
use crate::entry::{NewJob, Outcome};
use crate::{Input, Output, Retry, TREASURY, WorkerId};

const FIRST: AccountId = AccountId(WORKERS + 1);
const SECOND: AccountId = AccountId(WORKERS + 2);

fn two_workers() -> World {
    let mut world = World::new();
    world.join(1, [chat("small", 1)]);
    world.join(2, [chat("small", 1)]);
    world
}

#[test]
fn a_dead_workers_job_goes_on_elsewhere_and_both_are_paid_for_what_they_wrote() {
    let mut world = two_workers();
    world.submit(job(1));
    world.deliver(1, 30);
    let outputs = world.leave(1);
    let Output::Assign { worker, attempt, output_tokens_max, lease, .. } = outputs[0] else {
        panic!("not assigned: {outputs:?}")
    };
    assert_eq!((worker, attempt, output_tokens_max), (WorkerId(2), 2, 70), "30 of 100 are written");
    // The second worker read the 10 tokens of the prompt and the 30 that were written already.
    let outputs = world.handle(finished(worker, 1, lease, usage(40, 20)));
    let cost = 100 + 10 + 200;
    assert_eq!(settled(&outputs, 1), Some((Outcome::Stop, usage(10, 50), Micro(cost), None)));
    // 279 of 310 are the workers', in proportion 30 to 20.
    assert_eq!(
        [FIRST, SECOND, TREASURY].map(|who| world.available(who)),
        [Micro(167), Micro(112), Micro(31)]
    );
    assert_eq!(world.available(ALICE), Micro(COINS.0 - cost));
}

#[test]
fn old_leases_and_wrong_workers_are_of_no_account() {
    let mut world = two_workers();
    world.submit(job(1));
    let (first, old) = world.assignment(1);
    world.fail(1, Retry::Elsewhere);
    let (second, lease) = world.assignment(1);
    assert_ne!((first, old), (second, lease));
    let wrong = [(first, old), (first, lease), (second, old), (WorkerId(77), lease), (second, lease + 1)];
    for (worker, lease) in wrong {
        let problem = Problem::new(ProblemKind::WorkerFailed, "late");
        let failed = Input::JobFailed { worker, job: JobId(1), lease, problem, retry: Retry::No };
        assert!(is_stale(&world.handle(failed)));
        assert!(is_stale(&world.handle(Input::Progressed { worker, job: JobId(1), lease })));
        assert!(is_stale(&world.handle(finished(worker, 1, lease, usage(10, 100)))));
    }
    assert_eq!(world.worker_of(1), Some((second, lease)), "nothing has changed");
    assert_eq!(world.handle(Input::Progressed { worker: second, job: JobId(1), lease }), []);
    world.finish(1, 5);
    assert!(is_stale(&world.handle(finished(second, 1, lease, usage(10, 5)))), "told twice, paid once");
    assert_eq!(world.available(FIRST), Micro::ZERO);
}

#[test]
fn a_job_that_no_other_worker_can_do_fails_at_once() {
    let mut world = two_workers();
    world.submit(job(1));
    assert_eq!(assigned(&world.fail(1, Retry::Elsewhere)), [(1, 2)]);
    let outputs = world.fail(1, Retry::Elsewhere);
    assert_eq!(settled(&outputs, 1).map(|(outcome, ..)| outcome), Some(Outcome::Failed));
}

#[test]
fn two_offers_of_one_worker_are_not_two_workers() {
    let mut world = World::new();
    world.join(1, [chat("small", 1), chat("big", 1)]);
    world.submit(job(1));
    let outputs = world.fail(1, Retry::Elsewhere);
    assert_eq!(
        settled(&outputs, 1).map(|(outcome, ..)| outcome),
        Some(Outcome::Failed),
        "nobody else is here"
    );
}

#[test]
fn a_job_too_long_for_one_window_goes_to_a_larger_one() {
    let mut world = World::new();
    world.join(1, [chat_window("small", 1_000)]);
    world.join(2, [chat_window("large", 9_000)]);
    world.submit(job(1));
    assert_eq!(world.assignment(1).0, WorkerId(1));
    assert_eq!(assigned(&world.fail(1, Retry::LargerWindow)), [(1, 2)]);
    let outputs = world.fail(1, Retry::LargerWindow);
    assert_eq!(settled(&outputs, 1).map(|(outcome, ..)| outcome), Some(Outcome::Failed));
}

#[test]
fn a_larger_window_that_is_busy_is_waited_for() {
    let mut world = World::new();
    world.join(1, [chat_window("small", 1_000)]);
    world.join(2, [chat_window("large", 9_000)]);
    world.join(3, [chat_window("small", 1_000)]);
    world.submit(NewJob { model: "large".to_owned(), ..job(1) });
    world.submit(job(2));
    let outputs = world.fail(2, Retry::LargerWindow);
    assert_eq!(queued(&outputs, 2), Some((0, None)), "the other small one is of no use");
    assert_eq!(assigned(&world.finish(1, 1)), [(2, 2)]);
}

#[test]
fn attempts_are_bounded() {
    let mut world = World::new();
    for worker in 1..=5 {
        world.join(worker, [chat("small", 1)]);
    }
    world.submit(job(1));
    assert_eq!(assigned(&world.fail(1, Retry::Elsewhere)).len(), 1);
    assert_eq!(assigned(&world.leave(2)).len(), 1);
    let outputs = world.leave(3);
    let (outcome, _, cost, problem) = settled(&outputs, 1).unwrap();
    assert_eq!((outcome, cost), (Outcome::Failed, Micro::ZERO));
    assert_eq!(problem.unwrap().detail, "3 workers had it, and the last left in the middle of it");
}

#[test]
fn a_job_waits_for_its_worker_to_come_back() {
    let mut world = World::new();
    world.join(1, [chat("small", 1)]);
    world.submit(job(1));
    world.deliver(1, 10);
    assert_eq!(queued(&world.leave(1), 1), Some((0, None)));
    assert_eq!(world.realm.job(JobId(1)).unwrap().workers, ["worker 1"]);
    assert_eq!(assigned(&world.join(2, [chat("small", 1)])), [(1, 2)]);
    world.finish(1, 5);
}

#[test]
fn a_job_keeps_its_place_in_line_when_its_worker_dies() {
    let mut world = two_workers();
    for id in 1..=4 {
        world.submit(job(id));
        world.wait_ms(10);
    }
    assert_eq!(queued(&world.leave(1), 1), Some((0, None)), "before those that came later");
    assert_eq!(assigned(&world.finish(2, 1)), [(1, 2)]);
}

#[test]
fn the_last_word_of_a_job_that_waited_in_vain_says_why() {
    let mut world = two_workers();
    world.submit(job(1));
    world.submit(NewJob { deadline: START.plus_ms(20_000), ..job(2) });
    world.fail(2, Retry::Elsewhere);
    world.wait_ms(20_000);
    let outputs = world.tick();
    let problem = settled(&outputs, 2).unwrap().3.unwrap();
    assert_eq!(problem.detail, "no other worker came within 20 s after this: The worker failed: it broke");
}

#[test]
fn all_that_was_asked_for_is_written_although_nobody_said_so() {
    let mut world = two_workers();
    world.submit(job(1));
    world.deliver(1, 100);
    let outputs = world.leave(1);
    assert!(matches!(outputs[..], [Output::Assign { output_tokens_max: 0, .. }]), "{outputs:?}");
    let outputs = world.finish(1, 0);
    assert_eq!(settled(&outputs, 1).map(|(_, used, ..)| used.output_tokens), Some(100));
}

#[test]
fn what_one_worker_wrote_is_not_counted_as_the_next_ones() {
    let mut world = two_workers();
    world.submit(job(1));
    let (_, lease) = world.assignment(1);
    world.deliver(1, 40);
    world.meter.only_under(JobId(1), lease);
    // Both leave before the shell has done a thing about it.
    world.leave(1);
    world.leave(2);
    let outputs = world.cancel(1, ALICE);
    assert_eq!(settled(&outputs, 1).map(|(_, used, cost, _)| (used, cost)), Some((usage(0, 40), Micro(260))));
    assert_eq!(world.available(SECOND), Micro::ZERO);
}
