//! A job is taken, assigned, finished; the same id is recognised.

use mtor_protocol::{JobId, Micro, ProblemKind, Timestamp};

use super::harness::*;
use crate::entry::{NewJob, Outcome};
use crate::{Config, Output, Ticket, WorkerId};

#[test]
fn a_job_is_accepted_and_assigned_at_once_when_a_worker_is_free() {
    let mut world = World::new();
    world.join(1, [chat("small", 1)]);
    let deadline = job(7).deadline;
    // 100 for the job, 100 tokens in at 1,000 and 100 tokens out at 4,000 per thousand.
    let hold = Micro(100 + 100 + 400);
    assert_eq!(
        world.submit(job(7)),
        [
            Output::Accepted { ticket: Ticket(1), job: JobId(7), hold, deadline },
            Output::Assign {
                rival: false,
                job: JobId(7),
                worker: WorkerId(1),
                offer: 0,
                lease: 1,
                attempt: 1,
                output_tokens_max: 100,
                deadline,
            },
        ]
    );
    let outputs = world.finish(7, 20);
    // The client is billed what was used: 10 tokens in, 20 out.
    assert_eq!(settled(&outputs, 7), Some((Outcome::Stop, usage(10, 20), Micro(100 + 10 + 80), None)));
    assert!(world.realm.job(JobId(7)).is_none());
}

#[test]
fn the_same_request_again_is_known_and_another_one_conflicts() {
    let mut world = World::new();
    world.join(1, [chat("small", 1)]);
    world.submit(job(7));
    let known = |world: &mut World| {
        let outputs = world.submit(job(7));
        matches!(outputs[..], [Output::Known { job: JobId(7), .. }])
    };
    let conflict =
        |world: &mut World, job: NewJob| world.refused(job).known_kind() == Some(ProblemKind::Conflict);
    let other = NewJob { request: mtor_protocol::Digest([99; 32]), ..job(7) };
    let stranger = NewJob { account: BOB, ..job(7) };
    assert!(known(&mut world), "while it runs");
    assert!(conflict(&mut world, other.clone()));
    assert!(conflict(&mut world, stranger.clone()), "another wallet's id is no way to its job");
    world.finish(7, 1);
    assert!(known(&mut world), "when it is done");
    assert!(conflict(&mut world, other));
    assert!(conflict(&mut world, stranger));
}

#[test]
fn ids_are_forgotten_in_order_and_the_realm_knows_that_it_forgets() {
    let id = |ms: u128| JobId(ms << 80 | 5);
    let mut world = World::with(Config { finished_remembered_max: 2, ..Config::default() });
    world.join(1, [chat("small", 1)]);
    assert!(!world.realm.may_be_forgotten(id(10)));
    for ms in [10, 20, 30] {
        world.submit(NewJob { id: id(ms), ..job(1) });
        assert!(!world.realm.may_be_forgotten(id(ms)), "it is open");
        world.finish(id(ms).0, 1);
    }
    let forgotten = [10, 11, 20, 30, 31].map(|ms| world.realm.may_be_forgotten(id(ms)));
    assert_eq!(forgotten, [true, false, false, false, false], "the first of three is forgotten");
    world.restart();
    let forgotten = [10, 30, 31].map(|ms| world.realm.may_be_forgotten(id(ms)));
    assert_eq!(forgotten, [true, true, false], "a restart forgets all that is finished");
}

#[test]
fn a_job_that_is_past_its_deadline_is_not_begun() {
    let mut world = World::new();
    world.join(1, [chat("small", 1)]);
    let late = NewJob { deadline: Timestamp(START.0), ..job(7) };
    assert_eq!(world.refused(late).known_kind(), Some(ProblemKind::Expired));
}

#[test]
fn what_is_remembered_of_a_prompt_stays_out_of_the_journal() {
    let mut world = World::new();
    world.join(1, [chat("small", 1)]);
    world.submit(NewJob { prefix: Some(0xfeed), ..job(7) });
    let journal = serde_json::to_string(&world.journal).unwrap();
    assert!(journal.contains("\"accepted\"") && !journal.contains("prefix"), "{journal}");
}
