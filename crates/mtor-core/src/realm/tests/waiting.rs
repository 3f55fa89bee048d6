//! A job waits: its place in line, how long it will take, and what time does to it.

use mtor_protocol::{JobId, Micro, ProblemKind, ServiceClass, Timestamp};

use super::harness::*;
use crate::entry::{NewJob, Outcome};
use crate::{Input, Output, WorkerId};

#[test]
fn a_place_in_line_is_told_when_taken_and_when_it_changes() {
    let mut world = World::new();
    world.join(1, [chat("small", 1)]);
    world.submit(job(1));
    assert_eq!(queued(&world.submit(job(2)), 2), Some((0, None)), "nothing was measured: no guess");
    assert_eq!(queued(&world.submit(job(3)), 3), Some((1, None)));
    assert_eq!(world.realm.job(JobId(3)).map(|view| view.position), Some(Some(1)));
    world.wait_ms(2_000);
    assert_eq!(queued(&world.tick(), 3), None, "nothing has changed");
    assert_eq!(assigned(&world.finish(1, 1)), [(2, 1)]);
    assert_eq!(world.tick(), [], "told at most once a second");
    world.wait_ms(1_000);
    // One slot, and one job took 2 s: with none before it, it starts when the present one is done.
    assert_eq!(world.tick(), [Output::Queued { job: JobId(3), position: 0, eta_ms: Some(2_000) }]);
    world.wait_ms(1_000);
    assert_eq!(world.tick(), []);
}

#[test]
fn the_time_to_wait_counts_only_workers_that_could_take_the_job() {
    let mut world = World::new();
    world.join(1, [chat("small", 2)]);
    world.join(2, [chat("big", 1)]);
    let on = |model: &str, id| NewJob { model: model.to_owned(), ..job(id) };
    world.submit(on("small", 1));
    world.wait_ms(4_000);
    world.finish(1, 1);
    for id in 2..=3 {
        world.submit(on("small", id));
    }
    world.submit(on("big", 4));
    assert_eq!(queued(&world.submit(on("big", 5)), 5), Some((0, None)), "big was never measured");
    assert_eq!(
        queued(&world.submit(on("small", 6)), 6),
        Some((1, Some(4_000))),
        "two before, two slots of 4 s"
    );
    let own = NewJob { privacy: mtor_protocol::Privacy::Own, ..job(7) };
    assert!(world.realm.quote(world.now, &own).is_err());
    world.handle(joined(3, ALICE, false, [chat("mine", 1)]));
    for id in 8..=9 {
        world.submit(NewJob { id: JobId(id), ..own.clone() });
    }
    let quote = world.realm.quote(world.now, &own).unwrap();
    assert_eq!(quote.eta_ms, None, "others' speed says nothing of one's own workers'");
}

#[test]
fn a_quote_says_what_a_job_would_cost_and_where_it_would_stand() {
    let mut world = World::new();
    world.join(1, [chat("small", 1)]);
    let quote = world.realm.quote(world.now, &job(1)).unwrap();
    assert_eq!((quote.max, quote.position, quote.eta_ms), (Micro(600), 0, Some(0)));
    for id in 1..=3 {
        world.submit(job(id));
    }
    let position = |class| world.realm.quote(world.now, &NewJob { class, ..job(9) }).unwrap().position;
    assert_eq!([ServiceClass::Voice, ServiceClass::Interactive].map(position), [0, 2]);
}

#[test]
fn a_deadline_ends_a_job_wherever_it_is() {
    let mut world = World::new();
    world.join(1, [chat("small", 1)]);
    let soon = |id| NewJob { deadline: START.plus_ms(5_000), ..job(id) };
    world.submit(soon(1));
    world.submit(soon(2));
    world.deliver(1, 7);
    world.wait_ms(4_999);
    assert!(world.tick().iter().all(|output| !matches!(output, Output::Settled { .. })));
    world.wait_ms(1);
    let lease = world.assignment(1).1;
    let outputs = world.tick();
    assert!(outputs.contains(&Output::Stop { job: JobId(1), worker: WorkerId(1), lease }));
    let (outcome, used, cost, problem) = settled(&outputs, 1).unwrap();
    assert_eq!((outcome, used, cost), (Outcome::Expired, usage(0, 7), Micro(100 + 28)), "what came is paid");
    assert_eq!(problem.unwrap().known_kind(), Some(ProblemKind::Expired));
    assert_eq!(problem.unwrap().detail, "it was not done within 5 s");
    let (outcome, _, cost, problem) = settled(&outputs, 2).unwrap();
    assert_eq!((outcome, cost), (Outcome::Expired, Micro::ZERO), "nothing came");
    // It got the slot that the first one left, for no time at all.
    assert_eq!(problem.unwrap().known_kind(), Some(ProblemKind::Expired));
}

#[test]
fn the_realm_says_when_time_matters_next_and_sleeps_otherwise() {
    let mut world = World::new();
    assert_eq!(world.realm.next_tick(), None, "idle is idle");
    world.join(1, [chat("small", 1)]);
    assert_eq!(
        world.realm.next_tick(),
        Some(START.plus_ms(30_000)),
        "when the worker has been silent too long"
    );
    world.submit(NewJob { deadline: START.plus_ms(9_000), ..job(1) });
    assert_eq!(world.realm.next_tick(), Some(START.plus_ms(9_000)), "the job's deadline");
    world.submit(job(2));
    world.tick();
    assert_eq!(world.realm.next_tick(), Some(START.plus_ms(1_000)), "a report to those that wait");
    world.finish(1, 1);
    world.finish(2, 1);
    world.leave(1);
    assert_eq!(world.realm.next_tick(), None);
}

#[test]
fn a_clock_that_jumps_back_does_no_harm() {
    let mut world = World::new();
    world.join(1, [chat("small", 1)]);
    world.submit(job(1));
    world.submit(job(2));
    world.now = Timestamp(START.0 - 500_000);
    assert_eq!(world.tick(), []);
    world.handle(Input::WorkerBeat { worker: WorkerId(1), tokens_per_s: None });
    assert_eq!(assigned(&world.finish(1, 1)), [(2, 1)]);
    world.now = START.plus_ms(1);
    assert!(matches!(world.tick()[0], Output::Dismiss { .. }), "silent since long before");
}
