//! What ends `serve` with an error, and what only looks like it.

use std::sync::Arc;

use futures_util::SinkExt;
use mtor_identity::{Challenge, Keypair, SessionError};
use mtor_protocol::{Body, Event, Problem, ProblemKind, Timestamp};
use mtor_worker::{Settings, WorkerError};
use tokio_tungstenite::tungstenite::Message;

use crate::broker::Broker;
use crate::scripted::Stage;

#[tokio::test]
async fn a_refused_key_is_an_error() {
    for kind in [ProblemKind::Unauthorized, ProblemKind::Forbidden, ProblemKind::InvalidRequest] {
        let broker = Broker::start().await;
        let stage = Stage::start(&broker);
        broker.refuse(Problem::new(kind, "we don't know you")).await;
        let error = stage.outcome().await.unwrap_err();
        assert!(
            matches!(&error, WorkerError::Refused(problem) if problem.known_kind() == Some(kind)),
            "{error}"
        );
        assert!(error.to_string().contains("we don't know you"), "{error}");
    }
}

#[tokio::test]
async fn a_worker_that_is_shut_out_later_ends() {
    let broker = Broker::start().await;
    let stage = Stage::start(&broker);
    let (mut link, _) = broker.attach().await;
    link.say(None, Body::Error(Problem::new(ProblemKind::TooManyRequests, "not so fast"))).await;
    link.check_alive(1).await;
    link.say(None, Body::Error(Problem::new(ProblemKind::Forbidden, "you cheat"))).await;
    assert!(matches!(stage.outcome().await, Err(WorkerError::Refused(_))));
}

#[tokio::test]
async fn a_realm_that_is_not_ready_is_tried_again() {
    let broker = Broker::start().await;
    let _stage = Stage::start(&broker);
    broker.refuse_http(503).await;
    broker.refuse(Problem::new(ProblemKind::Draining, "come back soon")).await;
    let (mut link, _) = broker.attach().await;
    link.check_alive(1).await;
}

#[tokio::test]
async fn a_greeting_that_breaks_off_is_tried_again() {
    let broker = Broker::start().await;
    let _stage = Stage::start(&broker);
    drop(broker.accept_tcp().await);
    drop(broker.accept_socket(true).await);
    let (mut link, _) = broker.attach().await;
    link.check_alive(1).await;
}

#[tokio::test]
async fn what_is_no_realm_is_an_error() {
    let is_no_realm = async |stage: Stage, said: &str| {
        let error = stage.outcome().await.unwrap_err();
        assert!(matches!(error, WorkerError::NotARealm { .. }), "{error}");
        assert!(error.to_string().contains(said), "{error} should say {said:?}");
    };
    let broker = Broker::start().await;

    let stage = Stage::start(&broker);
    broker.refuse_http(404).await;
    is_no_realm(stage, "404 Not Found").await;

    let stage = Stage::start(&broker);
    drop(broker.accept_socket(false).await);
    is_no_realm(stage, "SubProtocol").await;

    for greeting in [Message::text("hello?"), Message::binary(vec![0])] {
        let stage = Stage::start(&broker);
        broker.accept_socket(true).await.send(greeting).await.unwrap();
        is_no_realm(stage, "is no MTOR realm").await;
    }
}

#[tokio::test]
async fn another_realm_than_the_one_meant_gets_no_signature() {
    let broker = Broker::start().await;
    let mut settings = Settings::new(broker.url(), Arc::new(Keypair::generate().unwrap()));
    settings.realm_key = Some(Keypair::generate().unwrap().public());
    let stage = Stage::with(settings);
    let challenge = Challenge::new(&broker.realm.public(), Timestamp(0), 10_000).unwrap();
    let body = Body::SessionChallenge(challenge.offer().to_wire());
    let event = Event::new("realm", Timestamp(0), body);
    let mut socket = broker.accept_socket(true).await;
    socket.send(Message::text(event.to_json())).await.unwrap();
    let error = stage.outcome().await.unwrap_err();
    assert!(matches!(error, WorkerError::Session(SessionError::OtherRealm { .. })), "{error}");
}

#[tokio::test]
async fn an_announcement_that_is_not_valid_never_leaves_the_house() {
    let settings = Settings::new("http://127.0.0.1:1", Arc::new(Keypair::generate().unwrap()));
    let settings = Settings { software: "x".repeat(1_000), ..settings };
    let error = Stage::with(settings).outcome().await.unwrap_err();
    assert!(matches!(error, WorkerError::Announcement(_)), "{error}");
}

#[tokio::test]
async fn an_address_with_tls_is_refused_with_a_way_out() {
    let settings = Settings::new("wss://realm.example", Arc::new(Keypair::generate().unwrap()));
    let error = Stage::with(settings).outcome().await.unwrap_err();
    assert!(error.to_string().contains("run a TLS tunnel"), "{error}");
}
