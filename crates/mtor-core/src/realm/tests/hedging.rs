//! Somebody listens, and the first word is late: a second worker gets the job too, and whoever begins first keeps it.

use mtor_protocol::{JobId, ServiceClass};

use super::harness::*;
use crate::entry::{NewJob, Outcome};
use crate::{Input, Output, Retry, WorkerId};

fn voice(id: u128) -> NewJob {
    NewJob { class: ServiceClass::Voice, ..job(id) }
}

/// The rival's assignment, if one was made.
fn rival(outputs: &[Output]) -> Option<(WorkerId, u64)> {
    outputs.iter().find_map(|output| match output {
        Output::Assign { worker, lease, rival: true, .. } => Some((*worker, *lease)),
        _ => None,
    })
}

/// A job of the voice class that two workers have.
fn raced() -> (World, (WorkerId, u64), (WorkerId, u64)) {
    let mut world = World::new();
    world.join(1, [chat("small", 1)]);
    world.join(2, [chat("small", 1)]);
    world.submit(voice(1));
    let first = world.assignment(1);
    world.wait_ms(2_000);
    let second = rival(&world.tick()).expect("the first word is late");
    assert_ne!(first.0, second.0);
    (world, first, second)
}

fn progressed((worker, lease): (WorkerId, u64)) -> Input {
    Input::Progressed { worker, job: JobId(1), lease }
}

#[test]
fn a_late_first_word_brings_a_rival_and_only_for_those_who_listen() {
    let mut world = World::new();
    world.join(1, [chat("small", 2)]);
    world.join(2, [chat("small", 2)]);
    world.submit(job(1));
    world.submit(voice(2));
    world.wait_ms(1_999);
    assert_eq!(rival(&world.tick()), None, "not late yet");
    world.wait_ms(1);
    let outputs = world.tick();
    assert!(matches!(outputs[..], [Output::Assign { job: JobId(2), rival: true, .. }]), "{outputs:?}");
    world.wait_ms(60_000 - 2_001);
    assert_eq!(rival(&world.tick()), None, "two are enough");
}

#[test]
fn without_a_free_worker_there_is_no_rival() {
    let mut world = World::new();
    world.join(1, [chat("small", 4)]);
    world.submit(voice(1));
    world.wait_ms(5_000);
    assert_eq!(rival(&world.tick()), None, "the same worker is no rival of itself");
}

#[test]
fn whoever_begins_first_keeps_the_job() {
    for rival_wins in [false, true] {
        let (mut world, first, second) = raced();
        let (winner, loser) = if rival_wins { (second, first) } else { (first, second) };
        let outputs = world.handle(progressed(winner));
        let stop = Output::Stop { job: JobId(1), worker: loser.0, lease: loser.1 };
        assert!(
            outputs.contains(&stop) && outputs.contains(&Output::Alone { job: JobId(1), lease: winner.1 })
        );
        assert!(is_stale(&world.handle(progressed(loser))));
        assert!(is_stale(&world.handle(finished(loser.0, 1, loser.1, usage(10, 50)))));
        let outputs = world.handle(finished(winner.0, 1, winner.1, usage(10, 20)));
        let cost = mtor_protocol::Micro(100 + 10 + 80);
        assert_eq!(settled(&outputs, 1), Some((Outcome::Stop, usage(10, 20), cost, None)), "paid once");
    }
}

#[test]
fn an_answer_without_a_word_decides_the_race_too() {
    let (mut world, first, second) = raced();
    let outputs = world.handle(finished(second.0, 1, second.1, usage(10, 0)));
    assert!(outputs.contains(&Output::Stop { job: JobId(1), worker: first.0, lease: first.1 }));
    assert!(settled(&outputs, 1).is_some());
}

#[test]
fn if_one_of_the_two_fails_or_dies_the_other_goes_on() {
    let fail = |(worker, lease): (WorkerId, u64)| {
        let problem = mtor_protocol::Problem::new(mtor_protocol::ProblemKind::WorkerFailed, "broken");
        Input::JobFailed { worker, job: JobId(1), lease, problem, retry: Retry::Elsewhere }
    };
    let leave = |(worker, _): (WorkerId, u64)| Input::WorkerLeft { worker };
    for dies in [false, true] {
        for the_rival in [false, true] {
            let (mut world, first, second) = raced();
            let (gone, left) = if the_rival { (second, first) } else { (first, second) };
            let outputs = world.handle(if dies { leave(gone) } else { fail(gone) });
            assert!(outputs.contains(&Output::Alone { job: JobId(1), lease: left.1 }), "{outputs:?}");
            assert_eq!(world.worker_of(1), Some(left));
            let outputs = world.handle(finished(left.0, 1, left.1, usage(10, 20)));
            assert!(matches!(settled(&outputs, 1), Some((Outcome::Stop, ..))));
        }
    }
}

/// The first one's words are at the listeners, and its report of them is on its way when it is lost: the rival was told that
/// there are no words, and would write as many as may be in all.
#[test]
fn a_rival_does_not_go_on_from_words_that_it_does_not_know() {
    for fails in [false, true] {
        let (mut world, first, second) = raced();
        world.deliver(1, 40);
        let outputs = match fails {
            true => world.fail(1, Retry::Elsewhere),
            false => world.handle(Input::WorkerLeft { worker: first.0 }),
        };
        let stop = Output::Stop { job: JobId(1), worker: second.0, lease: second.1 };
        assert!(outputs.contains(&stop), "{outputs:?}");
        let again = outputs.iter().find_map(|output| match output {
            Output::Assign { worker, lease, rival: false, output_tokens_max, .. } => {
                Some((*worker, *lease, *output_tokens_max))
            }
            _ => None,
        });
        let (worker, lease, left) = again.expect("somebody goes on");
        assert_eq!((worker, left), (second.0, 60), "from there, and no further than is allowed");
        let outputs = world.handle(finished(worker, 1, lease, usage(50, 60)));
        let (outcome, used, ..) = settled(&outputs, 1).unwrap();
        assert_eq!((outcome, used.output_tokens), (Outcome::Stop, 100));
    }
}

#[test]
fn a_cancelled_race_stops_both_and_costs_nothing() {
    let (mut world, first, second) = raced();
    let outputs = world.cancel(1, ALICE);
    for (worker, lease) in [first, second] {
        assert!(outputs.contains(&Output::Stop { job: JobId(1), worker, lease }), "{outputs:?}");
    }
    assert_eq!(world.available(ALICE), COINS);
}

#[test]
fn patience_follows_what_was_measured() {
    let mut world = World::new();
    world.join(1, [chat("small", 1)]);
    for id in 1..=10 {
        world.submit(voice(id));
        let (worker, lease) = world.assignment(id);
        world.wait_ms(100);
        world.handle(Input::Progressed { worker, job: JobId(id), lease });
        world.finish(id, 5);
    }
    world.join(2, [chat("small", 1)]);
    world.submit(voice(11));
    let (first, _) = world.assignment(11);
    assert_eq!(first, WorkerId(1), "it is known to be fast");
    world.wait_ms(200);
    assert!(rival(&world.tick()).is_some(), "100 ms were usual");
}
