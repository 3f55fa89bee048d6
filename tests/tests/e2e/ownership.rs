//! What is somebody's is nobody else's to read, spend, cancel or even to know of (promise P8).

use mtor_e2e::{Client, Realm, ScriptedWorker, Session, question};
use mtor_protocol::http::{ApiKey, JobState, WalletInfo};
use mtor_protocol::{JobId, Micro, ProblemKind};
use serde_json::json;

#[tokio::test]
async fn another_wallet_s_job_is_as_good_as_none() {
    let realm = Realm::start().await;
    let worker = ScriptedWorker::attach(&realm).await;
    let (alice, mallory) = (realm.funded_wallet().await, realm.funded_wallet().await);
    let done = alice.submit(&question("say a secret")).await.id;
    alice.settled(done).await;
    let running = alice.submit(&question("slowly another secret")).await.id;

    let none = JobId::generate();
    for client in [&mallory, &realm.owner(), &realm.new_wallet()] {
        for id in [done, running] {
            let routes =
                ["", "/events?after=0", "/proofs?reveal=true"].map(|end| format!("/api/jobs/{id}{end}"));
            for route in routes {
                // Word for word what is said of a job that is not there.
                let real = client.get(&route).await;
                let missing = client.get(&route.replace(&id.to_string(), &none.to_string())).await;
                real.problem(ProblemKind::NotFound);
                assert_eq!(real.text().replace(&id.to_string(), &none.to_string()), missing.text());
            }
            let cancelled = client.cancel(id).await;
            let missing = client.cancel(none).await;
            cancelled.problem(ProblemKind::NotFound);
            assert_eq!(cancelled.text().replace(&id.to_string(), &none.to_string()), missing.text());

            let mut session = Session::open(&realm, client).await;
            session.watch(id, 0).await;
            assert_eq!(session.0.problem().await.known_kind(), Some(ProblemKind::NotFound));
            session.cancel(id).await;
            assert_eq!(session.0.problem().await.known_kind(), Some(ProblemKind::NotFound));
        }
        assert_eq!(client.history("secret").await.jobs, []);
    }
    worker.let_all();
    let job = alice.settled(running).await;
    assert_eq!((job.state, job.text.as_deref()), (JobState::Completed, Some("another secret")));
    let found = alice.history("secret").await.jobs;
    assert_eq!(found.iter().map(|line| line.id).collect::<Vec<_>>(), [running, done]);
}

#[tokio::test]
async fn another_wallet_s_coins_and_keys_are_out_of_reach() {
    let realm = Realm::start().await;
    let (alice, mallory) = (realm.funded_wallet().await, realm.funded_wallet().await);
    let key = make_key(&alice, "alice's script").await;
    for client in [&mallory, &realm.owner()] {
        for rest in ["", "/jobs", "/movements", "/keys"] {
            client.get(&format!("/api/wallets/{}{rest}", alice.did())).await.problem(ProblemKind::Forbidden);
        }
        let keys = format!("/api/wallets/{}/keys", alice.did());
        client.post(&keys, r#"{"name":"stolen"}"#).await.problem(ProblemKind::Forbidden);
        client.delete(&format!("{keys}/{}", key.id)).await.problem(ProblemKind::Forbidden);
        let own_keys = format!("/api/wallets/{}/keys/{}", client.did(), key.id);
        client.delete(&own_keys).await.problem(ProblemKind::NotFound);
    }

    // A transfer goes out of the wallet that signs it, whatever it says, and never below zero.
    let before = alice.balance().await;
    let all = mallory.balance().await.available;
    let too_much = json!({ "id": JobId::generate(), "to": alice.did(), "amount": Micro(all.0 + 1) });
    mallory.post("/api/transfers", too_much.to_string()).await.problem(ProblemKind::InsufficientFunds);
    let forged = json!({ "id": JobId::generate(), "from": alice.did(), "to": mallory.did(), "amount": "5" });
    mallory.post("/api/transfers", forged.to_string()).await.problem(ProblemKind::InvalidRequest);
    let negative = json!({ "id": JobId::generate(), "to": alice.did(), "amount": "-5" });
    mallory.post("/api/transfers", negative.to_string()).await.problem(ProblemKind::InvalidRequest);
    assert_eq!((alice.balance().await, mallory.balance().await.available), (before, all));
    realm.verify_ledger();
}

#[tokio::test]
async fn a_transfer_is_made_once_however_often_it_is_sent() {
    let mut realm = Realm::start().await;
    let (alice, bob) = (realm.funded_wallet().await, realm.new_wallet());
    let transfer =
        json!({ "id": JobId::generate(), "to": bob.did(), "amount": Micro::coins(3), "memo": "thanks" });
    for _ in 0..3 {
        alice.post("/api/transfers", transfer.to_string()).await.json::<WalletInfo>();
    }
    assert_eq!(bob.balance().await.available, Micro::coins(3));
    let mut other = transfer.clone();
    other["amount"] = json!(Micro::coins(4));
    alice.post("/api/transfers", other.to_string()).await.problem(ProblemKind::Conflict);
    assert_eq!(bob.balance().await.available, Micro::coins(3));

    // A client that heard no answer asks again, though the realm was killed meanwhile.
    realm.kill();
    realm.restart().await;
    alice.post("/api/transfers", transfer.to_string()).await.json::<WalletInfo>();
    alice.post("/api/transfers", other.to_string()).await.problem(ProblemKind::Conflict);
    let stranger = realm.funded_wallet().await;
    stranger.post("/api/transfers", transfer.to_string()).await.problem(ProblemKind::Conflict);
    assert_eq!(bob.balance().await.available, Micro::coins(3));
    realm.verify_ledger();
}

#[tokio::test]
async fn an_api_key_acts_for_its_wallet_until_it_is_revoked() {
    let realm = Realm::start().await;
    let worker = ScriptedWorker::attach(&realm).await;
    let alice = realm.funded_wallet().await;
    let key = make_key(&alice, "a script").await;
    // One client, and so one connection that stays open.
    let program = alice.with_key(&key.secret.clone().expect("told once"));
    let id = program.submit(&question("slowly paid by alice")).await.id;
    assert_eq!(program.balance().await.did, *alice.did());

    let keys = format!("/api/wallets/{}/keys", alice.did());
    let listed: Vec<ApiKey> = alice.get(&keys).await.json();
    assert_eq!(listed, [ApiKey { secret: None, ..key.clone() }], "the secret is never told again");
    let left: Vec<ApiKey> = alice.delete(&format!("{keys}/{}", key.id)).await.json();
    assert_eq!(left, []);

    program.get(&format!("/api/jobs/{id}")).await.problem(ProblemKind::Unauthorized);
    program.try_submit(&question("say no more")).await.problem(ProblemKind::Unauthorized);
    assert_eq!(program.get("/v1/models").await.status, 401);
    let unknown = alice.with_key("mtor_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
    unknown.get(&format!("/api/jobs/{id}")).await.problem(ProblemKind::Unauthorized);

    worker.let_all();
    assert_eq!(alice.settled(id).await.text.as_deref(), Some("paid by alice"), "what was begun is finished");
    assert_secrets_stay_out_of_logs(&realm, &key);
}

async fn make_key(client: &Client, name: &str) -> ApiKey {
    let request = json!({ "name": name }).to_string();
    client.post(&format!("/api/wallets/{}/keys", client.did()), request).await.json()
}

fn assert_secrets_stay_out_of_logs(realm: &Realm, key: &ApiKey) {
    let said = realm.process().said();
    assert!(!said.contains(key.secret.as_deref().unwrap()), "the log tells a secret");
    assert!(!said.contains("paid by alice"), "the log tells what was asked");
}
