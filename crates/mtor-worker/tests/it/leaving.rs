//! Links that break, realms that go, and workers that leave.

use std::sync::Arc;
use std::time::Duration;

use mtor_identity::Keypair;
use mtor_protocol::worker::Drain;
use mtor_protocol::{Body, ProblemKind};
use mtor_worker::Settings;

use crate::broker::Broker;
use crate::scripted::Stage;

#[tokio::test]
async fn a_lost_link_cancels_its_jobs_and_is_dialled_again() {
    let broker = Broker::start().await;
    let mut stage = Stage::start(&broker);
    let (mut link, _) = broker.attach().await;
    let worker = link.worker;
    link.run(1, "hang").await;
    link.piece(1).await;
    drop(link);

    assert_eq!(stage.next_cancelled().await, 1);
    let (mut link, announcement) = broker.attach().await;
    assert_eq!(announcement.name, "scripted");
    assert!(link.worker == worker, "the same worker is back");
    link.check_alive(2).await;
}

#[tokio::test]
async fn a_silent_broker_is_left_for_another_try() {
    let mut broker = Broker::start().await;
    broker.beat_ms = 50;
    let mut stage = Stage::start(&broker);
    let (mut silent, _) = broker.attach().await;
    silent.run(1, "hang").await;
    // Nobody reads from `silent` any more, and so nobody answers its pings; but the socket stays open.
    assert_eq!(stage.next_cancelled().await, 1);
    let (mut link, _) = broker.attach().await;
    link.check_alive(2).await;
    drop(silent);
}

#[tokio::test]
async fn a_quiet_broker_is_not_a_silent_one() {
    let mut broker = Broker::start().await;
    broker.beat_ms = 200;
    let _stage = Stage::start(&broker);
    let (mut link, _) = broker.attach().await;
    // This side says nothing but the answers to pings, for longer than a silent broker would be borne.
    for _ in 0..8 {
        match link.next_or_end().await.expect("the worker gave up").body {
            Body::WorkerBeat(beat) => assert_eq!(beat.tokens_per_s, Some(12.5)),
            other => panic!("{other:?}"),
        }
    }
    link.check_alive(1).await;
}

#[tokio::test]
async fn a_shutdown_lets_the_running_jobs_finish() {
    let broker = Broker::start().await;
    let mut stage = Stage::start(&broker);
    let (mut link, _) = broker.attach().await;
    link.run(1, "gate").await;
    assert_eq!(stage.next_started().await, 1);
    stage.shutdown.cancel();
    assert!(matches!(link.next().await.body, Body::WorkerDrain(_)));

    stage.handle.announce_again();
    link.run(2, "say too late").await;
    let failed = link.failed(2).await;
    assert_eq!((failed.problem.known_kind(), failed.retry), (Some(ProblemKind::Draining), true));

    stage.gate.add_permits(1);
    link.done(1, "").await;
    assert!(link.next_or_end().await.is_none(), "the worker says goodbye");
    stage.outcome().await.unwrap();
}

#[tokio::test]
async fn jobs_that_outlast_the_grace_go_to_others() {
    let broker = Broker::start().await;
    let mut settings = Settings::new(broker.url(), Arc::new(Keypair::generate().unwrap()));
    settings.grace = Duration::ZERO;
    let mut stage = Stage::with(settings);
    let (mut link, _) = broker.attach().await;
    link.run(1, "hang").await;
    link.piece(1).await;
    stage.shutdown.cancel();
    assert!(matches!(link.next().await.body, Body::WorkerDrain(_)));
    let failed = link.failed(1).await;
    assert!(failed.retry, "somebody else is to do it");
    assert_eq!(stage.next_cancelled().await, 1);
    assert!(link.next_or_end().await.is_none(), "the worker says goodbye");
    stage.outcome().await.unwrap();
}

#[tokio::test]
async fn an_idle_worker_and_one_without_a_realm_leave_at_once() {
    let broker = Broker::start().await;
    let stage = Stage::start(&broker);
    let (mut link, _) = broker.attach().await;
    stage.shutdown.cancel();
    assert!(matches!(link.next().await.body, Body::WorkerDrain(_)));
    assert!(link.next_or_end().await.is_none());
    stage.outcome().await.unwrap();

    let (url, key) = (broker.url(), Arc::new(Keypair::generate().unwrap()));
    drop(broker);
    let stage = Stage::with(Settings::new(url, key));
    stage.shutdown.cancel();
    stage.outcome().await.unwrap();
}

#[tokio::test]
async fn a_realm_that_goes_down_gets_its_answers_and_is_awaited() {
    let broker = Broker::start().await;
    let mut stage = Stage::start(&broker);
    let (mut link, _) = broker.attach().await;
    link.run(1, "gate").await;
    assert_eq!(stage.next_started().await, 1);
    link.say(None, Body::WorkerDrain(Drain { reason: "upgrade".to_owned() })).await;
    link.run(2, "say too late").await;
    assert_eq!(link.failed(2).await.problem.known_kind(), Some(ProblemKind::Draining));
    stage.gate.add_permits(1);
    link.done(1, "").await;
    assert!(link.next_or_end().await.is_none(), "the worker says goodbye");

    let (mut link, _) = broker.attach().await;
    link.check_alive(3).await;
}
