//! Results are checked: who is asked again, and what a proof leads to.

use mtor_protocol::{
    CapabilityKind, CapabilityOffer, Digest, Effect, JobId, Micro, Privacy, ProblemKind, ToolInfo,
};

use super::harness::*;
use crate::trust::{Check, Judged, TrustRules, Verdict};
use crate::{Config, Input, Output, TREASURY, WorkerId};

const HOUR_MS: u64 = 60 * 60 * 1_000;

/// A realm that checks, whose treasury can pay for it.
fn world() -> World {
    let mut world = World::with(Config { audit: true, ..Config::default() });
    world.issue(3, TREASURY, Micro::coins(1));
    world
}

fn account(worker: u64) -> mtor_protocol::AccountId {
    mtor_protocol::AccountId(WORKERS + u128::from(worker))
}

fn checked(outputs: &[Output]) -> Vec<(u128, bool)> {
    let of = |output: &Output| match output {
        Output::Answered { job, check, .. } => Some((job.0, *check != Check::None)),
        _ => None,
    };
    outputs.iter().filter_map(of).collect()
}

fn replicate(world: &mut World, id: u128, answered: &[u64]) -> Vec<Output> {
    let ticket = world.ticket();
    let job = crate::NewJob { account: TREASURY, ..job(id) };
    world.handle(Input::Replicate { ticket, job, answered: answered.iter().map(|by| account(*by)).collect() })
}

fn judge(world: &mut World, results: &[(u128, u64, Verdict)]) -> Vec<Output> {
    let ticket = world.ticket();
    let judged = |(job, worker, verdict): &(u128, u64, Verdict)| Judged {
        job: JobId(*job),
        worker: account(*worker),
        verdict: *verdict,
    };
    let results = results.iter().map(judged).collect();
    let (capability, evidence) = (CapabilityKind::CHAT, Digest([4; 32]));
    world.handle(Input::Judge { ticket, capability, results, evidence })
}

#[test]
fn a_stranger_is_checked_and_another_is_asked_again() {
    let mut world = world();
    world.join(1, [chat_at("small", 4, 100.0)]);
    world.join(2, [chat_at("small", 4, 10.0)]);
    assert_eq!(assigned(&world.submit(job(1))), [(1, 1)], "the fastest");
    assert_eq!(checked(&world.finish(1, 9)), [(1, true)]);
    assert_eq!(
        assigned(&replicate(&mut world, 11, &[1])),
        [(11, 2)],
        "not who has answered, free and fast as it is"
    );
    assert_eq!(checked(&world.finish(11, 9)), [(11, false)]);
    judge(&mut world, &[(1, 1, Verdict::Valid), (11, 2, Verdict::Valid)]);
    let records: Vec<_> = world.realm.worker_infos().into_iter().flat_map(|worker| worker.records).collect();
    assert_eq!(
        records.iter().map(|record| (record.run, record.failures)).collect::<Vec<_>>(),
        [(1, 0), (1, 0)]
    );
    assert!(records.iter().all(|record| record.probation));
}

#[test]
fn a_replica_that_is_given_up_by_one_goes_to_a_third_and_never_back() {
    let mut world = world();
    for worker in 1..=3 {
        world.join(worker, [chat("small", 4)]);
    }
    replicate(&mut world, 11, &[1]);
    let (has, _) = world.assignment(11);
    assert_ne!(has, WorkerId(1));
    world.leave(has.0);
    assert!(![WorkerId(1), has].contains(&world.assignment(11).0));
}

#[test]
fn nobody_else_means_no_replica() {
    let mut world = world();
    world.join(1, [chat("small", 4)]);
    let outputs = replicate(&mut world, 11, &[1]);
    let [Output::Refused { problem, .. }] = &outputs[..] else { panic!("{outputs:?}") };
    assert_eq!(problem.known_kind(), Some(ProblemKind::NoWorker));
}

#[test]
fn who_is_proven_wrong_is_sent_away_for_an_hour_and_its_work_goes_on_elsewhere() {
    let mut world = world();
    world.join(1, [chat_at("small", 4, 100.0)]);
    world.join(2, [chat_at("small", 4, 10.0)]);
    world.submit(job(1));
    world.finish(1, 9);
    world.submit(job(2));
    let outputs =
        judge(&mut world, &[(1, 1, Verdict::Failed), (11, 2, Verdict::Valid), (12, 3, Verdict::Valid)]);
    let dismissed = |outputs: &[Output]| {
        let of = |output: &Output| match output {
            Output::Dismiss { worker, problem } => Some((worker.0, problem.retry_after)),
            _ => None,
        };
        outputs.iter().filter_map(of).collect::<Vec<_>>()
    };
    assert_eq!(dismissed(&outputs), [(1, Some(3_600))]);
    assert_eq!(assigned(&outputs), [(2, 2)], "what it had goes to the other");
    world.wait_ms(HOUR_MS - 1);
    world.restart();
    assert_eq!(dismissed(&world.join(1, [chat("small", 4)])), [(1, Some(1))], "also after a restart");
    world.wait_ms(1);
    assert_eq!(dismissed(&world.join(4, [chat("small", 4)])), []);
    assert_eq!(dismissed(&world.join(1, [chat("small", 4)])), []);
}

#[test]
fn the_house_private_jobs_and_own_workers_are_never_checked_nor_judged() {
    let mut world = world();
    world.handle(joined(1, account(1), true, [chat("small", 4)]));
    world.submit(job(1));
    assert_eq!(checked(&world.finish(1, 9)), []);
    judge(&mut world, &[(1, 1, Verdict::Failed)]);
    assert_eq!(world.realm.worker_infos()[0].records, [], "there is no verdict on the house");
    world.leave(1);

    world.handle(joined(2, ALICE, false, [chat("small", 4)]));
    world.submit(crate::NewJob { privacy: Privacy::Own, ..job(2) });
    assert_eq!(checked(&world.finish(2, 9)), []);
    world.submit(job(3));
    assert_eq!(checked(&world.finish(3, 9)), [], "who works for oneself cheats nobody");
}

#[test]
fn where_nothing_is_checked_nothing_is_asked_again() {
    let mut world = World::new();
    world.join(1, [chat("small", 4)]);
    world.submit(job(1));
    assert_eq!(checked(&world.finish(1, 9)), []);
}

/// A stranger that could take three at once, one that could judge it, and one that makes vectors.
fn apprentices() -> World {
    let mut world = world();
    world.handle(joined(9, account(9), true, [embed()]));
    world.join(1, [chat_at("small", 3, 100.0)]);
    world.join(2, [chat_at("small", 1, 1.0)]);
    world
}

fn embed() -> mtor_protocol::CapabilityOffer {
    mtor_protocol::CapabilityOffer::new(CapabilityKind::EMBED, "vectors", 1)
}

#[test]
fn on_probation_one_job_is_taken_at_a_time() {
    let mut world = apprentices();
    assert_eq!(assigned(&world.submit(job(1))), [(1, 1)], "the fastest");
    assert_eq!(assigned(&world.submit(job(2))), [(2, 2)], "it has slots left, and no second job");
    assert_eq!(assigned(&world.submit(job(3))), []);
    assert_eq!(assigned(&world.finish(1, 9)), [], "its result waits for a verdict");
    assert_eq!(assigned(&replicate(&mut world, 22, &[2])), [(22, 1)], "but not for what it judges itself");
    world.finish(22, 9);
    assert_eq!(assigned(&judge(&mut world, &[(1, 1, Verdict::Valid)])), [(3, 1)]);
}

#[test]
fn who_has_proven_itself_takes_all_that_it_can() {
    let mut world = apprentices();
    for valid in 0..10 {
        judge(&mut world, &[(100 + valid, 1, Verdict::Valid)]);
    }
    for id in 1..=3 {
        assert_eq!(assigned(&world.submit(job(id))), [(id, 1)]);
    }
}

#[test]
fn a_verdict_that_does_not_come_is_waited_for_no_longer_than_a_minute() {
    let mut world = apprentices();
    world.submit(job(1));
    world.submit(job(2));
    world.submit(job(3));
    world.finish(1, 9);
    let due = world.realm.next_tick().unwrap();
    assert!(due <= world.now.plus_ms(60_000));
    world.wait_ms(29_000);
    world.handle(Input::WorkerBeat { worker: WorkerId(1), tokens_per_s: None });
    world.handle(Input::WorkerBeat { worker: WorkerId(2), tokens_per_s: None });
    world.handle(Input::WorkerBeat { worker: WorkerId(9), tokens_per_s: None });
    world.wait_ms(29_000);
    assert_eq!(assigned(&world.tick()), []);
    world.handle(Input::WorkerBeat { worker: WorkerId(1), tokens_per_s: None });
    world.handle(Input::WorkerBeat { worker: WorkerId(2), tokens_per_s: None });
    world.handle(Input::WorkerBeat { worker: WorkerId(9), tokens_per_s: None });
    world.wait_ms(2_000);
    assert_eq!(assigned(&world.tick()), [(3, 1)]);
}

#[test]
fn where_there_will_be_no_verdict_nobody_waits_for_it() {
    let mut world = apprentices();
    world.submit(job(1));
    world.submit(job(2));
    world.submit(job(3));
    world.finish(1, 9);
    assert_eq!(assigned(&world.handle(Input::Unjudged { jobs: vec![JobId(1)] })), [(3, 1)]);

    // Nobody who makes vectors of texts; nobody else at all.
    for leaves in [9, 2] {
        let mut world = apprentices();
        world.submit(job(1));
        world.submit(job(2));
        world.submit(job(3));
        world.submit(job(4));
        let taken = assigned(&world.leave(leaves));
        assert!(taken.contains(&(3, 1)) && taken.len() == 2, "{taken:?}");
    }
}

#[test]
fn two_that_are_new_don_t_wait_for_each_other() {
    let mut world = apprentices();
    world.submit(job(1));
    world.submit(job(2));
    world.finish(1, 9);
    world.finish(2, 9);
    assert_eq!(assigned(&replicate(&mut world, 11, &[1])), [(11, 2)]);
    assert_eq!(assigned(&replicate(&mut world, 12, &[2])), [(12, 1)]);
    let fast = world.finish(12, 9);
    assert_eq!(checked(&fast), [(12, false)], "what judges is judged with it");
}

#[test]
fn whose_answers_are_tried_gets_the_job_and_nobody_else() {
    let mut world = apprentices();
    let try_two = |world: &mut World, id| {
        let ticket = world.ticket();
        let job = crate::NewJob { account: TREASURY, model: "small".to_owned(), ..job(id) };
        world.handle(Input::Try { ticket, job, account: account(2) })
    };
    assert_eq!(assigned(&try_two(&mut world, 31)), [(31, 2)], "slow as it is");
    assert_eq!(assigned(&try_two(&mut world, 32)), [], "it waits for that one");
    assert_eq!(checked(&world.finish(31, 9)), [(31, false)]);
    assert_eq!(world.assignment(32).0, WorkerId(2));
    world.fail(32, crate::Retry::Elsewhere);
    assert!(world.has_settled(JobId(32)), "elsewhere it would tell nothing");
    world.leave(2);
    assert!(matches!(try_two(&mut world, 33)[..], [Output::Refused { .. }]));
}

#[test]
fn some_of_those_that_are_trusted_are_tried() {
    let trust = TrustRules { audit_floor_ppm: 1_000_000, canary_percent: 100, ..TrustRules::STANDARD };
    let mut world = World::with(Config { audit: true, trust, ..Config::default() });
    world.join(1, [chat("small", 1)]);
    let check = |outputs: &[Output]| {
        let of = |output: &Output| match output {
            Output::Answered { check, .. } => Some(*check),
            _ => None,
        };
        outputs.iter().find_map(of)
    };
    world.submit(job(1));
    assert_eq!(check(&world.finish(1, 9)), Some(Check::Replica), "on probation others are asked");
    for valid in 0..10 {
        judge(&mut world, &[(100 + valid, 1, Verdict::Valid)]);
    }
    world.submit(job(2));
    assert_eq!(check(&world.finish(2, 9)), Some(Check::Canary));
}

#[test]
fn who_judges_is_drawn_by_lot_and_not_the_fastest() {
    let mut world = world();
    world.join(1, [chat_at("small", 400, 100.0)]);
    // Two that would like to judge each other are a hundred times as fast as the others.
    for ring in [2, 3] {
        world.join(ring, [chat_at("small", 400, 10_000.0)]);
    }
    for honest in 4..=9 {
        world.join(honest, [chat_at("small", 400, 100.0)]);
    }
    let mut judged = [0; 10];
    for id in 1..=200_u8 {
        let (ticket, mut request) = (world.ticket(), Digest([id; 32]));
        request.0[1] = id.wrapping_mul(97);
        let job = crate::NewJob { account: TREASURY, request, ..job(1_000 + u128::from(id)) };
        let outputs = world.handle(Input::Replicate { ticket, job, answered: vec![account(2)] });
        let [(_, judge)] = assigned(&outputs)[..] else { panic!("{outputs:?}") };
        judged[judge as usize] += 1;
    }
    assert_eq!(judged[2], 0, "nobody judges itself");
    let accomplice: i32 = judged[3];
    assert!((10..50).contains(&accomplice), "one lot in eight: {judged:?}");
}

#[test]
fn a_judge_that_was_drawn_is_waited_for_as_long_as_it_is_there() {
    let mut world = world();
    for worker in 1..=3 {
        world.join(worker, [chat("small", 1)]);
    }
    assert_eq!(replicate(&mut world, 11, &[1, 2]).len(), 2, "accepted and assigned");
    assert_eq!(world.assignment(11).0, WorkerId(3));
    replicate(&mut world, 12, &[1, 2]);
    assert_eq!(world.worker_of(12), None, "it is busy");
    world.leave(3);
    assert_eq!((world.worker_of(11), world.worker_of(12)), (None, None), "the others have answered already");
    world.join(4, [chat("small", 2)]);
    assert_eq!([11, 12].map(|id| world.assignment(id).0), [WorkerId(4); 2]);
}

#[test]
fn two_with_a_model_of_their_own_can_not_trade_with_each_other_for_trust() {
    let mut world = world();
    world.handle(joined(1, account(1), true, [chat_at("small", 1, 10.0)]));
    // A ring: two accounts, a hundred times as fast as the house, with a model that nobody else has; and a wallet that asks them.
    for ring in [2, 3] {
        world.join(ring, [chat_at("ours", 4, 1_000.0)]);
    }
    let named = |id| crate::NewJob { model: "ours".into(), ..job(id) };
    for id in 1..=60 {
        let worker = assigned(&world.submit(named(id)))[0].1;
        assert!([2, 3].contains(&worker));
        assert_eq!(
            checked(&world.finish(id, 9)),
            [],
            "the treasury pays no friend for saying that it is right"
        );
    }
    let records = world.realm.worker_infos().into_iter().flat_map(|worker| worker.records);
    assert!(records.into_iter().all(|record| record.run == 0), "no run of validated results");
    // Whoever leaves the model open is not served by them.
    assert_eq!(assigned(&world.submit(job(100))), [(100, 1)]);
    // With the model of the house they are checked by whoever the lot falls on.
    world.join(4, [chat_at("small", 4, 1_000.0)]);
    assert_eq!(assigned(&world.submit(job(101))), [(101, 4)]);
    assert_eq!(checked(&world.finish(101, 9)), [(101, true)]);
}

#[test]
fn what_is_vouched_for_changes_with_the_house() {
    let mut world = world();
    world.join(2, [chat_at("ours", 2, 1_000.0)]);
    assert_eq!(assigned(&world.submit(job(1))), [(1, 2)], "the house does nothing of the kind");
    assert_eq!(checked(&world.finish(1, 9)), [(1, true)]);
    world.handle(joined(1, account(1), true, [chat_at("small", 1, 10.0)]));
    assert_eq!(assigned(&world.submit(job(2))), [(2, 1)]);
    assert_eq!(assigned(&world.submit(job(3))), [], "it waits for the house");
    world.leave(1);
    assert_eq!(
        [2, 3].map(|id| world.assignment(id).0),
        [WorkerId(2); 2],
        "once the house is gone, whoever is there has to do"
    );
    world.handle(joined(5, account(1), true, [chat_at("ours", 1, 10.0)]));
    world.finish(2, 9);
    world.finish(3, 9);
    assert_eq!(assigned(&world.submit(job(4))), [(4, 2)], "the house has that model now");
}

#[test]
fn tools_that_give_the_same_every_time_are_checked_where_the_house_says_that_they_do() {
    let kind = CapabilityKind::new("tool.sum").unwrap();
    let offer = |model: &str, repeatable: bool, speed: f32| {
        let tool = ToolInfo {
            description: "adds".into(),
            parameters: Default::default(),
            effect: Effect::Reads,
            repeatable,
        };
        CapabilityOffer {
            tool: Some(tool.into()),
            tokens_per_s: Some(speed),
            ..CapabilityOffer::new(kind.clone(), model, 4)
        }
    };
    let sum = |id| crate::NewJob { capability: kind.clone(), ..job(id) };
    let mut world = world();
    // What it says of itself is of no account.
    world.join(2, [offer("theirs", true, 1_000.0)]);
    assert_eq!(assigned(&world.submit(sum(1))), [(1, 2)]);
    assert_eq!(checked(&world.finish(1, 9)), []);
    world.handle(joined(1, account(1), true, [offer("ours", true, 10.0)]));
    world.leave(2);
    world.join(3, [offer("theirs", false, 1_000.0)]);
    assert_eq!(assigned(&world.submit(sum(2))), [(2, 3)], "whatever is behind it");
    assert_eq!(checked(&world.finish(2, 9)), [(2, true)]);
}
