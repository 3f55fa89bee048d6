//! What is no proper message is answered with what is wrong with it, over every interface, and harms nothing.

use mtor_e2e::{Client, Reader, Realm, ScriptedWorker, Session, Socket, question};
use mtor_protocol::body::{Cancel, SessionRole, Watch};
use mtor_protocol::worker::Drain;
use mtor_protocol::{Body, Event, JobId, ProblemKind, Timestamp};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

const TEN_MEGABYTES: usize = 10 << 20;

#[tokio::test]
async fn over_http_each_is_refused_with_its_reason() {
    let realm = Realm::start().await;
    let _worker = ScriptedWorker::attach(&realm).await;
    let client = realm.funded_wallet().await;
    let chat = |params: &str| format!(r#"{{"intent":{{"capability":"chat","params":{params}}}}}"#);
    let event = |version: &str, kind: &str, data: &str| {
        format!(
            r#"{{"specversion":"{version}","id":"1","source":"me","type":"{kind}","time":"2026-01-01T00:00:00Z","data":{data}}}"#
        )
    };
    let long = "x".repeat(300);
    let cases = [
        ("".to_owned(), "EOF"),
        ("{".to_owned(), "EOF"),
        ("nonsense".to_owned(), "expected"),
        ("[1,2]".to_owned(), ""),
        ("{}".to_owned(), "missing field `intent`"),
        ("\u{0}\u{1}".to_owned(), "expected value"),
        ("[".repeat(100_000), ""),
        (r#"{"intent":7}"#.to_owned(), "invalid type"),
        (
            r#"{"intent":{"capability":"fly","params":{}}}"#.to_owned(),
            "there are chat, embed, transcribe, speak, wake,",
        ),
        (
            r#"{"intent":{"capability":"chat","params":{"prompt":"x"}},"id":"not-an-id"}"#.to_owned(),
            "not a UUID",
        ),
        (
            r#"{"intent":{"capability":"chat","params":{"prompt":"x"}},"colour":"red"}"#.to_owned(),
            "unknown field `colour`",
        ),
        (
            r#"{"intent":{"capability":"chat","params":{"prompt":"x"}},"max_price":-1}"#.to_owned(),
            "invalid type",
        ),
        (
            r#"{"intent":{"capability":"chat","params":{"prompt":"x"}},"timeout_ms":0}"#.to_owned(),
            "1 to 86400000 ms",
        ),
        (r#"{"intent":{"capability":"embed","params":{"input":[]}}}"#.to_owned(), "1 to 256 texts"),
        (chat("{}"), "messages must not be empty"),
        (chat(r#"{"prompt":7}"#), "expected a string"),
        (chat(r#"{"prompt":"x","temperature":9}"#), "temperature must lie between 0 and 2"),
        (chat(r#"{"prompt":"x","max_tokens":-5}"#), "invalid value"),
        (chat(r#"{"prompt":"x","max_tokens":99999999}"#), "at most"),
        (chat(&format!(r#"{{"prompt":"x","stop":["{long}"]}}"#)), "a stop string has 1 to 256 bytes"),
        (chat(r#"{"messages":[{"role":"king","content":"x"}]}"#), "unknown variant `king`"),
        (event("0.3", "mtor.job.submit", "{}"), "specversion must be"),
        (event("1.0", "mtor.job.fly", "{}"), "is not known"),
        (event("1.0", "mtor.worker.drain", "{}"), "only mtor.job.submit and mtor.job.order are taken"),
        (event("1.0", "mtor.job.submit", "{}"), "missing field `intent`"),
    ];
    for (body, reason) in cases {
        let problem = client.post("/api/jobs", body.clone()).await.problem(ProblemKind::InvalidRequest);
        let short: String = body.chars().take(100).collect();
        assert!(problem.detail.contains(reason), "{short}: {problem:?}");
    }
    let not_text = client.post("/api/jobs", vec![0xff, 0xfe, b'{']).await;
    not_text.problem(ProblemKind::InvalidRequest);
    let good = serde_json::to_vec(&question("say fine")).unwrap();
    client.post("/api/jobs?wait=soon", good).await.problem(ProblemKind::InvalidRequest);
    assert_eq!(client.balance().await.spent.0, 0, "nothing of that was a job");
    assert_serves(&realm, &client).await;
}

#[tokio::test]
async fn wrong_paths_methods_and_queries_are_told_apart() {
    let realm = Realm::start().await;
    let client = realm.funded_wallet().await;
    client.get("/api/jobs/not-an-id").await.problem(ProblemKind::InvalidRequest);
    client.get(&format!("/api/jobs/{}", JobId::generate())).await.problem(ProblemKind::NotFound);
    client
        .get(&format!("/api/jobs/{}/events?after=x", JobId::generate()))
        .await
        .problem(ProblemKind::InvalidRequest);
    client.get("/api/nothing").await.problem(ProblemKind::NotFound);
    client
        .send("PUT", "/api/jobs", Vec::new(), Default::default())
        .await
        .problem(ProblemKind::MethodNotAllowed);
    client.get("/api/wallets/nobody").await.problem(ProblemKind::InvalidRequest);
    let jobs = format!("/api/wallets/{}/jobs", client.did());
    client.get(&format!("{jobs}?before=x")).await.problem(ProblemKind::InvalidRequest);
    client.get(&format!("{jobs}?limit=many")).await.problem(ProblemKind::InvalidRequest);
    client.get(&format!("{jobs}?q={}", "x".repeat(2_000))).await.problem(ProblemKind::InvalidRequest);
    let traversal = client.get("/assets/..%2f..%2fCargo.toml").await;
    assert!(!traversal.text().contains("[package]"));
    let tile = client.get("/log/tile/0/999").await;
    assert_eq!(tile.status, 404, "{}", tile.text());
    realm.assert_unharmed().await;
}

#[tokio::test]
async fn ten_megabytes_are_too_many() {
    let realm = Realm::start().await;
    let _worker = ScriptedWorker::attach(&realm).await;
    let client = realm.funded_wallet().await;
    let huge = serde_json::to_vec(&question(&"x".repeat(TEN_MEGABYTES))).unwrap();
    for route in ["/api/jobs", "/api/transfers"] {
        client.post(route, huge.clone()).await.problem(ProblemKind::TooLarge);
    }
    // Pictures have room there, words have no more than elsewhere.
    let said =
        json!({ "model": "default", "messages": [{ "role": "user", "content": "x".repeat(TEN_MEGABYTES) }] });
    let reply = client.post("/v1/chat/completions", serde_json::to_vec(&said).unwrap()).await;
    assert_eq!(reply.status, 413);
    assert_eq!(reply.json_of_refusal()["error"]["code"], "too-large");

    let mut session = Session::open(&realm, &client).await;
    session.0.send_and_be_cut(Message::text(String::from_utf8(huge).unwrap())).await;
    let problem = session.0.problem().await;
    assert_eq!(problem.known_kind(), Some(ProblemKind::TooLarge), "{problem:?}");
    assert!(problem.detail.contains("1048576 bytes"), "{problem:?}");
    assert_eq!(session.next().await, None, "and the session ends");

    let mut greeting = Socket::dial(realm.address()).await;
    greeting.challenge().await;
    greeting.send_and_be_cut(Message::text("x".repeat(TEN_MEGABYTES))).await;
    assert_eq!(greeting.problem().await.known_kind(), Some(ProblemKind::TooLarge));
    assert_serves(&realm, &client).await;
}

#[tokio::test]
async fn over_a_websocket_each_is_answered_and_the_session_goes_on() {
    let realm = Realm::start().await;
    let _worker = ScriptedWorker::attach(&realm).await;
    let client = realm.funded_wallet().await;
    let mut session = Session::open(&realm, &client).await;
    let submit = |data: &str| {
        format!(
            r#"{{"specversion":"1.0","id":"1","source":"me","type":"mtor.job.submit","time":"2026-01-01T00:00:00Z","data":{data}}}"#
        )
    };
    let event = |body: Body| Event::new("me", Timestamp(1), body).to_json();
    let cases = [
        (String::new(), "not a CloudEvents 1.0 envelope"),
        ("{".to_owned(), "not a CloudEvents 1.0 envelope"),
        ("[]".to_owned(), "not a CloudEvents 1.0 envelope"),
        ("{}".to_owned(), "missing field `specversion`"),
        (submit("{}").replace("mtor.job.submit", "mtor.job.fly"), "\"mtor.job.fly\" is not known"),
        (submit("{}").replace("\"1.0\"", "\"9.9\""), "specversion must be"),
        (submit("{}"), "missing field `intent`"),
        (submit("7"), "invalid type"),
        (submit(r#"{"intent":{"capability":"chat","params":{"prompt":["x"]}}}"#), "params: invalid type"),
        (event(Body::WorkerDrain(Drain::default())), "a client does not send mtor.worker.drain"),
        (event(Body::JobWatch(Watch { after: 0 })), "subject must name the job"),
        (event(Body::JobCancel(Cancel {})), "subject must name the job"),
    ];
    for (text, reason) in cases {
        session.0.send(text.clone()).await;
        let problem = session.0.problem().await;
        assert_eq!(problem.known_kind(), Some(ProblemKind::InvalidRequest), "{text}: {problem:?}");
        assert!(problem.detail.contains(reason), "{text}: {problem:?}");
    }
    session.0.send_and_be_cut(Message::binary(vec![1, 2, 3])).await;
    assert_eq!(session.0.problem().await.known_kind(), Some(ProblemKind::InvalidRequest));

    // The same session still does its work.
    session.submit(&question("say fine")).await;
    let mut reader = Reader::default();
    reader.read_to_end(&mut session).await;
    assert_eq!(reader.text, "fine");
    assert_serves(&realm, &client).await;
}

#[tokio::test]
async fn before_its_greeting_a_session_takes_nothing_else() {
    let realm = Realm::start().await;
    let client = realm.funded_wallet().await;
    let impatient = Event::new("me", Timestamp(1), Body::JobSubmit(question("say hi"))).to_json();
    for text in ["nonsense".to_owned(), impatient] {
        let mut socket = Socket::dial(realm.address()).await;
        socket.challenge().await;
        socket.send(text).await;
        assert!(!socket.problem().await.detail.is_empty());
        assert_eq!(socket.next().await, None, "the session is closed");
    }
    // A worker's session takes no client's events, and tells so.
    let mut socket = Socket::dial(realm.address()).await;
    let challenge = socket.challenge().await;
    socket.hello(Socket::answer(&challenge, client.who(), SessionRole::Worker)).await.unwrap();
    socket.say(None, Body::JobSubmit(question("say hi"))).await;
    let problem = socket.problem().await;
    assert!(problem.detail.contains("a worker does not send mtor.job.submit"), "{problem:?}");
    realm.assert_unharmed().await;
}

#[tokio::test]
async fn openai_s_routes_refuse_in_openai_s_words() {
    let realm = Realm::start().await;
    let _worker = ScriptedWorker::attach(&realm).await;
    let owner = realm.owner();
    let cases = [
        ("{", 400, "invalid-request"),
        (r#"{"model":"default"}"#, 400, "invalid-request"),
        (r#"{"model":"default","messages":[]}"#, 400, "invalid-request"),
        (r#"{"model":"default","messages":[{"role":"user","content":"x"}],"n":2}"#, 400, "invalid-request"),
        (r#"{"model":"nobody-has-this","messages":[{"role":"user","content":"x"}]}"#, 404, "model_not_found"),
    ];
    for (body, status, code) in cases {
        let reply = owner.post("/v1/chat/completions", body).await;
        let error = &reply.json_of_refusal()["error"];
        assert_eq!((reply.status, &error["code"]), (status, &Value::from(code)), "{body}: {error}");
        assert_eq!(error["type"], "invalid_request_error");
        assert!(error["message"].as_str().is_some_and(|message| !message.is_empty()));
    }
    assert_serves(&realm, &owner).await;
}

/// The realm still answers a question, and is whole.
async fn assert_serves(realm: &Realm, client: &Client) {
    let id = client.submit(&question("say still here")).await.id;
    assert_eq!(client.settled(id).await.text.as_deref(), Some("still here"));
    realm.assert_unharmed().await;
    realm.verify_ledger();
}
