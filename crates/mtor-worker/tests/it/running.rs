//! Jobs: run, streamed, stopped, bounded by the slots, and none the other's misfortune.

use std::sync::atomic::Ordering;

use mtor_protocol::worker::Stop;
use mtor_protocol::{Body, FinishReason, ProblemKind};
use tokio_tungstenite::tungstenite::Message;

use crate::broker::{Broker, assignment, job};
use crate::scripted::Stage;

#[tokio::test]
async fn a_job_streams_and_is_signed() {
    let broker = Broker::start().await;
    let stage = Stage::start(&broker);
    let (mut link, announcement) = broker.attach().await;
    assert_eq!((announcement.name.as_str(), announcement.offers[0].slots), ("scripted", 2));
    assert!(announcement.software.starts_with("mtor-worker/"), "the settings fill in the software");

    link.run(1, "say one two three").await;
    for word in ["one ", "two ", "three"] {
        let piece = link.piece(1).await;
        assert_eq!((piece.text.as_str(), piece.tokens), (word, 1));
    }
    let done = link.done(1, "one two three").await;
    assert_eq!((done.usage.input_tokens, done.usage.output_tokens), (7, 3));
    assert_eq!(done.finish, FinishReason::Stop);
    drop(stage);
}

#[tokio::test]
async fn a_job_without_text_is_signed_too() {
    let broker = Broker::start().await;
    let stage = Stage::start(&broker);
    let (mut link, _) = broker.attach().await;
    stage.gate.add_permits(1);
    link.run(1, "gate").await;
    assert_eq!(link.done(1, "").await.usage.output_tokens, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_jobs_one_after_the_other_never_find_their_slot_taken() {
    let broker = Broker::start().await;
    let stage = Stage::start(&broker);
    stage.slots.store(1, Ordering::SeqCst);
    let (mut link, _) = broker.attach().await;
    for lease in 1..=300 {
        link.check_alive(lease).await;
    }
}

#[tokio::test]
async fn a_stop_cancels_its_job_and_no_other() {
    let broker = Broker::start().await;
    let mut stage = Stage::start(&broker);
    let (mut link, _) = broker.attach().await;
    link.run(1, "hang").await;
    link.piece(1).await;
    link.run(2, "gate").await;
    assert_eq!((stage.next_started().await, stage.next_started().await), (1, 2));

    link.stop(1).await;
    assert_eq!(stage.next_cancelled().await, 1);
    let failed = link.failed(1).await;
    assert_eq!(failed.problem.known_kind(), Some(ProblemKind::Cancelled));
    assert!(!failed.retry, "nobody wants it any more");
    assert_eq!(failed.usage.output_tokens, 3, "what was written is told");

    stage.gate.add_permits(1);
    link.done(2, "").await;
    link.stop(2).await;
    link.stop(99).await;
    link.check_alive(3).await;
}

#[tokio::test]
async fn jobs_beyond_the_slots_are_refused() {
    let broker = Broker::start().await;
    let mut stage = Stage::start(&broker);
    let (mut link, _) = broker.attach().await;
    link.run(1, "gate").await;
    link.run(2, "gate").await;
    link.run(3, "gate").await;
    let failed = link.failed(3).await;
    assert_eq!(failed.problem.known_kind(), Some(ProblemKind::TooManyRequests));
    assert!(failed.retry, "another worker may have a slot");

    stage.gate.add_permits(2);
    link.next().await;
    link.next().await;
    link.check_alive(4).await;
    stage.started.close();
    let mut started = Vec::new();
    while let Some(lease) = stage.started.recv().await {
        started.push(lease);
    }
    assert_eq!(started, [1, 2, 4]);
}

#[tokio::test]
async fn the_slot_of_a_stopped_job_is_filled_only_when_it_is_free() {
    let broker = Broker::start().await;
    let mut stage = Stage::start(&broker);
    stage.slots.store(1, Ordering::SeqCst);
    let (mut link, _) = broker.attach().await;
    link.run(1, "linger").await;
    link.piece(1).await;
    link.stop(1).await;
    link.run(2, "say second").await;
    link.run(3, "say third").await;
    assert_eq!(link.failed(3).await.problem.known_kind(), Some(ProblemKind::TooManyRequests));
    assert_eq!(stage.next_cancelled().await, 1);
    assert_eq!(stage.next_started().await, 1);
    assert!(stage.started.try_recv().is_err(), "the first still has the slot");

    stage.gate.add_permits(1);
    link.failed(1).await;
    assert_eq!(link.piece(2).await.text, "second");
    link.done(2, "second").await;
}

#[tokio::test]
async fn a_job_that_waits_for_its_slot_can_be_stopped() {
    let broker = Broker::start().await;
    let mut stage = Stage::start(&broker);
    stage.slots.store(1, Ordering::SeqCst);
    let (mut link, _) = broker.attach().await;
    link.run(1, "linger").await;
    link.piece(1).await;
    link.stop(1).await;
    link.run(2, "say never").await;
    link.stop(2).await;
    assert_eq!(link.failed(2).await.problem.known_kind(), Some(ProblemKind::Cancelled));
    stage.gate.add_permits(1);
    link.failed(1).await;
    link.check_alive(3).await;
    assert_eq!((stage.next_started().await, stage.next_started().await), (1, 3));
}

#[tokio::test]
async fn a_panic_fails_its_job_only_and_tells_no_secrets() {
    let broker = Broker::start().await;
    let stage = Stage::start(&broker);
    let (mut link, _) = broker.attach().await;
    link.run(1, "gate").await;
    link.run(2, "panic").await;
    assert_eq!(link.piece(2).await.text, "oh");
    let failed = link.failed(2).await;
    assert!(failed.retry);
    assert_eq!(failed.problem.known_kind(), Some(ProblemKind::WorkerFailed));
    assert_eq!(failed.usage.output_tokens, 1);
    assert!(!failed.problem.detail.contains("secret"), "{}", failed.problem.detail);
    stage.gate.add_permits(1);
    link.done(1, "").await;
}

#[tokio::test]
async fn a_worker_can_say_that_nobody_can_do_it() {
    let broker = Broker::start().await;
    let _stage = Stage::start(&broker);
    let (mut link, _) = broker.attach().await;
    link.run(1, "refuse").await;
    let failed = link.failed(1).await;
    assert!(!failed.retry);
    assert_eq!(failed.problem.detail, "too long for me");
}

#[tokio::test]
async fn a_job_too_large_for_the_wire_is_refused_and_the_link_stays() {
    let broker = Broker::start().await;
    let _stage = Stage::start(&broker);
    let (mut link, _) = broker.attach().await;
    let mut run = assignment(1, "say no");
    run.prefix = "x".repeat(mtor_worker::defaults::RUN_BYTES_MAX);
    link.say(Some(job(1)), Body::WorkerRun(run)).await;
    let failed = link.failed(1).await;
    assert_eq!((failed.problem.known_kind(), failed.retry), (Some(ProblemKind::TooLarge), false));
    link.check_alive(2).await;
}

#[tokio::test]
async fn strange_frames_do_no_harm() {
    let broker = Broker::start().await;
    let mut stage = Stage::start(&broker);
    let (mut link, _) = broker.attach().await;
    link.frame(Message::text("")).await;
    link.frame(Message::text("{\"specversion\":\"1.0\"}")).await;
    link.frame(Message::binary(vec![1, 2, 3])).await;
    link.frame(Message::Ping("still there?".into())).await;
    let envelope = |kind: &str, data: &str| {
        Message::text(format!(
            r#"{{"specversion":"1.0","id":"1","source":"x","type":"{kind}","time":"2026-01-01T00:00:00Z","data":{data}}}"#
        ))
    };
    link.frame(envelope("mtor.job.fly", "{}")).await;
    link.frame(envelope("mtor.worker.run", r#"{"lease":"many"}"#)).await;
    link.say(None, Body::WorkerRun(assignment(1, "say no job"))).await;
    link.say(None, Body::WorkerStop(Stop { lease: 1 })).await;
    link.run(2, "gate").await;
    link.run(2, "gate").await;
    stage.gate.add_permits(1);
    link.done(2, "").await;
    link.check_alive(3).await;
    assert_eq!((stage.next_started().await, stage.next_started().await), (2, 3));
}

#[tokio::test]
async fn an_announcement_can_be_made_again() {
    let broker = Broker::start().await;
    let stage = Stage::start(&broker);
    let (mut link, first) = broker.attach().await;
    assert_eq!(first.offers[0].slots, 2);
    link.run(1, "gate").await;
    for slots in [1, 3] {
        stage.slots.store(slots, Ordering::SeqCst);
        stage.handle.announce_again();
        assert_eq!(link.announcement().await.offers[0].slots, slots);
    }
    link.run(2, "gate").await;
    link.run(3, "gate").await;
    link.run(4, "gate").await;
    link.failed(4).await;
}
