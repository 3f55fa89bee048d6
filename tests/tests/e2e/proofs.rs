//! Who asks is proven, or it is nobody (promise P8): signatures, challenges, origins, hosts.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use mtor_e2e::{Realm, ScriptedWorker, Session, Socket, question};
use mtor_identity::{Keypair, RequestParts, random_nonce, sign_request};
use mtor_protocol::body::{Hello, SessionRole};
use mtor_protocol::{Did, ProblemKind};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use tokio_tungstenite::tungstenite::Error;

#[tokio::test]
async fn a_signature_holds_for_its_request_alone() {
    let realm = Realm::start().await;
    let _worker = ScriptedWorker::attach(&realm).await;
    let client = realm.funded_wallet().await;
    let body = serde_json::to_vec(&question("say hi")).unwrap();
    let other_body = serde_json::to_vec(&question("say something else")).unwrap();
    let proof = client.proof("POST", "/api/jobs", &body);
    let changed = |name: &'static str, change: &dyn Fn(&str) -> String| {
        let mut headers = proof.clone();
        let value = change(headers[name].to_str().unwrap());
        headers.insert(name, HeaderValue::from_str(&value).unwrap());
        headers
    };
    let stranger = Keypair::generate().unwrap().did();
    let without = |name: &'static str| {
        let mut headers = proof.clone();
        headers.remove(name);
        headers
    };
    let cases: [(&str, &str, &[u8], HeaderMap); 8] = [
        ("another body", "/api/jobs", &other_body, proof.clone()),
        ("another path", "/api/transfers", &body, proof.clone()),
        ("another query", "/api/jobs?wait=60", &body, proof.clone()),
        ("no signature", "/api/jobs", &body, without("signature")),
        ("no digest", "/api/jobs", &body, without("content-digest")),
        (
            "another wallet's name",
            "/api/jobs",
            &body,
            changed("signature-input", &|input| input.replace(client.did().as_str(), stranger.as_str())),
        ),
        (
            "a later end",
            "/api/jobs",
            &body,
            changed("signature-input", &|input| input.replace(";expires=1", ";expires=2")),
        ),
        ("nonsense", "/api/jobs", &body, changed("signature", &|_| "mtor=:AAAA:".to_owned())),
    ];
    for (what, route, body, headers) in cases {
        let reply = client.send_as_is("POST", route, body.to_vec(), headers).await;
        assert_eq!(reply.status, 401, "{what}: {}", reply.text());
        reply.problem(ProblemKind::Unauthorized);
    }
    assert_eq!(client.history("").await.jobs, [], "nothing of that was done");
    assert_eq!(client.send_as_is("POST", "/api/jobs", body, proof).await.status, 201, "unchanged, it holds");
    realm.assert_unharmed().await;
}

#[tokio::test]
async fn a_signed_request_is_taken_once() {
    let realm = Realm::start().await;
    let _worker = ScriptedWorker::attach(&realm).await;
    let client = realm.funded_wallet().await;
    let route = format!("/api/wallets/{}", client.did());
    let proof = client.proof("GET", &route, &[]);
    assert_eq!(client.send_as_is("GET", &route, Vec::new(), proof.clone()).await.status, 200);
    let replayed = client.send_as_is("GET", &route, Vec::new(), proof).await;
    let problem = replayed.problem(ProblemKind::Unauthorized);
    assert!(problem.detail.contains("nonce") || problem.detail.contains("before"), "{problem:?}");
    realm.assert_unharmed().await;
}

#[tokio::test]
async fn an_old_signature_and_one_from_the_future_are_refused() {
    let realm = Realm::start().await;
    let client = realm.funded_wallet().await;
    let route = format!("/api/wallets/{}", client.did());
    let now_s = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    for (created_s, word) in [(now_s - 3_600, "ago"), (now_s + 3_600, "future")] {
        let authority = realm.address().to_string();
        let request =
            RequestParts { method: "GET", authority: &authority, path: &route, query: None, body: &[] };
        let signed = sign_request(client.keypair(), &request, created_s, &random_nonce().unwrap()).unwrap();
        let headers = headers(&[
            ("signature-input", signed.signature_input.as_str()),
            ("signature", signed.signature.as_str()),
        ]);
        let problem =
            client.send_as_is("GET", &route, Vec::new(), headers).await.problem(ProblemKind::Unauthorized);
        assert!(problem.detail.contains(word), "{problem:?}");
    }
}

#[tokio::test]
async fn a_challenge_is_answered_once_by_the_right_key_in_the_right_role() {
    let realm = Realm::start().await;
    let client = realm.funded_wallet().await;
    let role = SessionRole::Client;

    let mut first = Socket::dial(realm.address()).await;
    let answer = Socket::answer(&first.challenge().await, client.who(), role);
    first.hello(answer.clone()).await.unwrap();

    let stranger = Arc::new(Keypair::generate().unwrap());
    let refused = async |what: &str, hello: &dyn Fn(Hello) -> Hello| {
        let mut socket = Socket::dial(realm.address()).await;
        let right = Socket::answer(&socket.challenge().await, client.who(), role);
        let problem = socket.hello(hello(right)).await.expect_err(what);
        assert_eq!(problem.known_kind(), Some(ProblemKind::Unauthorized), "{what}: {problem:?}");
        assert!(!problem.detail.is_empty());
        assert_eq!(socket.next().await, None, "{what}: the session is closed");
    };
    refused("an answer that was given before", &|_| answer.clone()).await;
    refused("another wallet's name", &|right| Hello { did: Some(stranger.did()), ..right }).await;
    refused("a client's answer for a worker", &|right| Hello { role: SessionRole::Worker, ..right }).await;
    refused("no signature", &|right| Hello { signature: None, ..right }).await;
    refused("a signature of nothing", &|right| Hello { signature: Some("A".repeat(86)), ..right }).await;
    refused("no wallet at all", &|right| Hello { did: Some(Did("did:web:example.com".to_owned())), ..right })
        .await;
    refused("a worker without a name", &|_| Hello {
        role: SessionRole::Worker,
        did: None,
        signature: None,
        device: None,
    })
    .await;

    // The session that was opened in order is none the worse for it.
    let mut session = Session(first);
    session.watch(mtor_protocol::JobId::generate(), 0).await;
    assert_eq!(session.0.problem().await.known_kind(), Some(ProblemKind::NotFound));
    realm.assert_unharmed().await;
}

#[tokio::test]
async fn pages_of_other_sites_get_nothing() {
    let realm = Realm::start().await;
    let owner = realm.owner();
    let own_origin = realm.url();
    let wallet = format!("/api/wallets/{}", owner.did());
    for (name, value) in [
        ("origin", "https://evil.example"),
        ("origin", "null"),
        ("origin", "http://127.0.0.1:1"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
    ] {
        for (method, route) in [("GET", wallet.as_str()), ("POST", "/api/jobs"), ("GET", "/v1/models")] {
            let body =
                if method == "POST" { serde_json::to_vec(&question("say hi")).unwrap() } else { Vec::new() };
            let reply = owner.send(method, route, body, headers(&[(name, value)])).await;
            assert_eq!(reply.status, 403, "{name}: {value}, {route}: {}", reply.text());
            assert_eq!(reply.header("access-control-allow-origin"), "");
        }
        assert_eq!(refused_websocket(&realm, &[(name, value)]).await, 403, "{name}: {value}");
    }
    let own = headers(&[("origin", &own_origin), ("sec-fetch-site", "same-origin")]);
    assert_eq!(owner.send("GET", &wallet, Vec::new(), own).await.status, 200);
    assert!(Socket::try_dial(realm.address(), &[("origin", &own_origin)]).await.is_ok());
}

#[tokio::test]
async fn a_name_that_was_made_to_point_here_does_not_make_an_owner() {
    let realm = Realm::start().await;
    let owner = realm.owner();
    let wallet = format!("/api/wallets/{}", owner.did());
    let rebound = format!("evil.example:{}", realm.address().port());
    for list in [
        vec![("host", rebound.as_str())],
        vec![("x-forwarded-for", "192.0.2.7")],
        vec![("forwarded", "for=192.0.2.7")],
    ] {
        owner.send("GET", &wallet, Vec::new(), headers(&list)).await.problem(ProblemKind::Unauthorized);
        let mut socket = match Socket::try_dial(realm.address(), &list).await {
            Ok(socket) => socket,
            Err(error) => panic!("{list:?}: {error}"),
        };
        socket.challenge().await;
        let nobody = Hello { role: SessionRole::Client, did: None, signature: None, device: None };
        let problem = socket.hello(nobody).await.expect_err("it is not the owner");
        assert_eq!(problem.known_kind(), Some(ProblemKind::Unauthorized));
    }
    assert_eq!(owner.get(&wallet).await.status, 200, "asked by its own address, it knows its owner");
}

#[tokio::test]
async fn what_the_realm_serves_to_a_browser_is_fenced_in() {
    let realm = Realm::start().await;
    let page = realm.nobody().get("/").await;
    assert_eq!(page.status, 200, "{}", page.text());
    let policy = page.header("content-security-policy");
    for rule in ["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'"] {
        assert!(policy.contains(rule), "{rule} in {policy:?}");
    }
    let scripts = policy.split(';').find(|rule| rule.trim().starts_with("script-src")).unwrap_or(policy);
    // The ear is compiled from WebAssembly: no text of a page can become code by that.
    let others = scripts.replace("'wasm-unsafe-eval'", "");
    assert!(!others.contains("unsafe") && !others.contains("http"), "{policy}");
    assert_eq!(page.header("x-content-type-options"), "nosniff");
    assert!(!page.text().contains("<script>"), "no script inside the page");
}

/// The status with which a WebSocket is refused.
async fn refused_websocket(realm: &Realm, list: &[(&'static str, &str)]) -> u16 {
    match Socket::try_dial(realm.address(), list).await {
        Ok(_) => 101,
        Err(error) => match *error {
            Error::Http(reply) => reply.status().as_u16(),
            other => panic!("{other}"),
        },
    }
}

fn headers(list: &[(&'static str, &str)]) -> HeaderMap {
    let header = |(name, value): &(&'static str, &str)| {
        (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
    };
    list.iter().map(header).collect()
}
