//! A wallet's key changes: account, coins and history stay, and what had the old key has nothing any more.

use std::path::Path;
use std::sync::Arc;

use mtor_e2e::{Client, Realm, RealmOptions, ScriptedWorker, Session, Socket, question, until};
use mtor_identity::{KeyFile, Keypair, guid, sign_keys, sign_order};
use mtor_protocol::body::SessionRole;
use mtor_protocol::http::{ApiKey, JobInfo, JobProofs, JobState, WalletInfo};
use mtor_protocol::{Body, JobId, KeyChange, KeyStatement, Micro, ProblemKind, WalletKeysInfo};
use serde_json::{Value, json};

/// A realm in which a recovery takes effect so soon.
async fn realm_with_delay(seconds: u64) -> Realm {
    Realm::with_settings(&format!("[wallets]\nrecovery_delay_s = {seconds}\n")).await
}

/// What the wallet of this key says of keys, signed.
async fn statement(
    realm: &Realm,
    by: &Keypair,
    next: Option<&Keypair>,
    wallet: &Client,
    change: KeyChange,
) -> KeyStatement {
    let realm = realm.info().await.did;
    let account = guid(&wallet.keypair().public());
    sign_keys(by, next, realm.as_str(), JobId::generate(), account, change)
}

async fn say(client: &Client, statement: &KeyStatement) -> mtor_e2e::Reply {
    client.post("/api/keys", serde_json::to_vec(statement).unwrap()).await
}

async fn keys_of(client: &Client) -> WalletKeysInfo {
    client.get(&format!("/api/wallets/{}/recovery", client.did())).await.json()
}

fn new_key() -> Arc<Keypair> {
    Arc::new(Keypair::generate().unwrap())
}

/// The wallet gets this key.
async fn rotated(realm: &Realm, client: &Client) -> (Client, KeyStatement) {
    let next = new_key();
    let change = KeyChange::Rotate { next: next.did() };
    let statement = statement(realm, client.keypair(), Some(&next), client, change).await;
    say(client, &statement).await.json::<WalletKeysInfo>();
    (realm.wallet(&next), statement)
}

#[tokio::test]
async fn everything_of_a_wallet_stays_when_its_key_changes_and_the_old_key_has_nothing() {
    let mut realm = Realm::start().await;
    let worker = ScriptedWorker::attach(&realm).await;
    let (old, friend) = (realm.funded_wallet().await, realm.funded_wallet().await);
    let before: WalletInfo = old.balance().await;
    let did = realm.info().await.did.0;
    let job = {
        let mut submit = question("say Paris");
        submit.deadline = Some(realm.info().await.started.plus_ms(10 * 60 * 1_000));
        let text = serde_json::to_string(&submit).unwrap();
        let order = sign_order(old.keypair(), &did, text);
        let taken: JobInfo = old.post("/api/jobs", serde_json::to_vec(&order).unwrap()).await.json();
        old.settled(taken.id).await
    };
    let key: ApiKey =
        old.post(&format!("/api/wallets/{}/keys", old.did()), r#"{"name":"a script"}"#).await.json();
    let grant = json!({
        "id": JobId::generate(), "name": "kids", "terms": { "limit": "1000000" }, "to": [friend.did()],
    });
    old.post(&format!("/api/wallets/{}/grants", old.did()), grant.to_string()).await.json::<Value>();
    let running = old.submit(&question("slowly on and on")).await.id;
    let mut session = Session::open(&realm, &old).await;

    let (new, statement) = rotated(&realm, &old).await;

    // The session with the old key is told, and closed; nothing that it says counts any more.
    assert_eq!(session.0.problem().await.known_kind(), Some(ProblemKind::KeyReplaced));
    assert!(session.next().await.is_none());
    let mut socket = Socket::dial(realm.address()).await;
    let challenge = socket.challenge().await;
    let hello = Socket::answer(&challenge, old.who(), SessionRole::Client);
    assert_eq!(socket.hello(hello).await.unwrap_err().known_kind(), Some(ProblemKind::KeyReplaced));
    let own = format!("/api/wallets/{}", old.did());
    old.get(&own).await.problem(ProblemKind::KeyReplaced);
    let send = json!({ "id": JobId::generate(), "to": friend.did(), "amount": "5" }).to_string();
    old.post("/api/transfers", send.clone()).await.problem(ProblemKind::KeyReplaced);
    let mut late = question("say no");
    late.deadline = Some(realm.info().await.started.plus_ms(10 * 60 * 1_000));
    let order = sign_order(old.keypair(), &did, serde_json::to_string(&late).unwrap());
    old.post("/api/jobs", serde_json::to_vec(&order).unwrap()).await.problem(ProblemKind::KeyReplaced);
    // Nor does an order of the old key's count when the new one brings it.
    new.post("/api/jobs", serde_json::to_vec(&order).unwrap()).await.problem(ProblemKind::Forbidden);

    // The new key has everything: coins, history, the running job, API keys, grants.
    for _ in 0..2 {
        let wallet: WalletInfo = new.balance().await;
        assert_eq!(wallet.guid, before.guid);
        assert!(wallet.received == before.received && wallet.available > Micro::ZERO, "{wallet:?}");
        let jobs: Vec<JobId> = new.history("").await.jobs.iter().map(|job| job.id).collect();
        assert_eq!(jobs, [running, job.id]);
        let keys: Vec<ApiKey> = new.get(&format!("/api/wallets/{}/keys", new.did())).await.json();
        assert_eq!(keys.iter().map(|key| key.id).collect::<Vec<_>>(), [key.id]);
        let secret = key.secret.as_deref().unwrap();
        assert_eq!(new.with_key(secret).get(&own).await.json::<WalletInfo>().guid, before.guid);
        let late = new.with_key(secret).post("/api/jobs", serde_json::to_vec(&order).unwrap()).await;
        late.problem(ProblemKind::KeyReplaced);
        let grants: Value = friend.get(&format!("/api/wallets/{}/grants", friend.did())).await.json();
        assert_eq!(grants["received"][0]["from"], json!(before.guid));
        // After a restart, which reads it all from the journal, too.
        realm.kill();
        realm.restart().await;
        old.get(&own).await.problem(ProblemKind::KeyReplaced);
    }
    let worker_again = ScriptedWorker::attach(&realm).await;
    worker.let_all();
    worker_again.let_all();
    assert_eq!(new.settled(running).await.state, JobState::Completed);

    // Who pays by the old name pays the same wallet.
    let received = new.balance().await.received;
    let pay = json!({ "id": JobId::generate(), "to": old.did(), "amount": "7" }).to_string();
    friend.post("/api/transfers", pay).await.json::<WalletInfo>();
    assert_eq!(new.balance().await.received.0, received.0 + 7);

    // What was signed before can still be checked, and the log says who changed the key.
    let proofs: JobProofs = new.get(&format!("/api/jobs/{}/proofs?reveal=true", job.id)).await.json();
    let file = realm.scratch("accepted.tlog-proof");
    std::fs::write(&file, proofs.accepted).unwrap();
    let checked = realm.run(&["ledger", "check", "--key", &did, file.to_str().unwrap()]);
    let checked = String::from_utf8_lossy(&checked.stdout).into_owned();
    assert!(checked.contains(&format!("signed by the wallet {}", old.did())), "{checked}");
    realm.verify_ledger();

    // The statement is public: sent again by anybody, it changes nothing.
    let entries = realm.info().await.ledger.entries;
    assert_eq!(say(&friend, &statement).await.status, 200);
    assert_eq!(realm.info().await.ledger.entries, entries);
    assert_eq!(new.balance().await.guid, before.guid);
}

#[tokio::test]
async fn nobody_changes_the_keys_of_another_or_takes_anothers_key() {
    let realm = Realm::start().await;
    let (alice, mallory) = (realm.funded_wallet().await, realm.funded_wallet().await);
    let next = new_key();
    let change = || KeyChange::Rotate { next: next.did() };
    let forged = statement(&realm, mallory.keypair(), Some(&next), &alice, change()).await;
    say(&mallory, &forged).await.problem(ProblemKind::Forbidden);
    let mut named = forged.clone();
    named.by = alice.did().clone();
    say(&mallory, &named).await.problem(ProblemKind::Unauthorized);
    // Alice's key, or one that nobody has shown to have, can't be made Mallory's.
    let theft = KeyChange::Rotate { next: alice.did().clone() };
    let without = statement(&realm, mallory.keypair(), None, &mallory, theft.clone()).await;
    say(&mallory, &without).await.problem(ProblemKind::Unauthorized);
    let with_own =
        statement(&realm, mallory.keypair(), Some(mallory.keypair()), &mallory, theft.clone()).await;
    say(&mallory, &with_own).await.problem(ProblemKind::Unauthorized);
    // Not even when Alice helps: her coins would be nobody's.
    let with_alice = statement(&realm, mallory.keypair(), Some(alice.keypair()), &mallory, theft).await;
    say(&mallory, &with_alice).await.problem(ProblemKind::InvalidRequest);
    // What was signed for another realm is good for nothing here.
    let elsewhere = sign_keys(
        alice.keypair(),
        Some(&next),
        new_key().did().as_str(),
        JobId::generate(),
        guid(&alice.keypair().public()),
        change(),
    );
    say(&alice, &elsewhere).await.problem(ProblemKind::Unauthorized);
    let (alice_now, _) = rotated(&realm, &alice).await;
    let late = statement(&realm, alice.keypair(), Some(&next), &alice, change()).await;
    say(&alice_now, &late).await.problem(ProblemKind::Forbidden);
    let back = KeyChange::Rotate { next: alice.did().clone() };
    let back = statement(&realm, alice_now.keypair(), Some(alice.keypair()), &alice, back).await;
    say(&alice_now, &back).await.problem(ProblemKind::InvalidRequest);
    realm.assert_unharmed().await;
    realm.verify_ledger();
}

#[tokio::test]
async fn a_worker_whose_key_was_replaced_is_dismissed_and_its_wallet_keeps_what_it_earned() {
    let realm = Realm::start().await;
    let worker = ScriptedWorker::attach(&realm).await;
    let client = realm.funded_wallet().await;
    let job = client.submit(&question("say Paris")).await.id;
    client.settled(job).await;
    let paid = worker.wallet(&realm);
    let earned = paid.balance().await;
    assert!(earned.available > Micro::ZERO);
    let (now, _) = rotated(&realm, &paid).await;
    until("the worker to be gone", async || {
        let workers: Vec<Value> = realm.nobody().get("/api/workers").await.json();
        workers.is_empty().then_some(())
    })
    .await;
    assert_eq!((now.balance().await.guid, now.balance().await.available), (earned.guid, earned.available));
}

/// Alice, who has named a recovery key.
async fn with_recovery(realm: &Realm) -> (Client, Arc<Keypair>) {
    let (alice, recovery) = (realm.funded_wallet().await, new_key());
    let change = KeyChange::NameRecovery { key: Some(recovery.did()) };
    let named = statement(realm, alice.keypair(), None, &alice, change).await;
    assert!(say(&alice, &named).await.json::<WalletKeysInfo>().recovery.is_some());
    (alice, recovery)
}

/// The recovery key asks for Alice's wallet.
async fn asked(realm: &Realm, alice: &Client, recovery: &Arc<Keypair>) -> (Client, KeyStatement) {
    let next = new_key();
    let change = KeyChange::AskRecovery { next: next.did() };
    let asked = statement(realm, recovery, Some(&next), alice, change).await;
    let keys: WalletKeysInfo = say(&realm.wallet(recovery), &asked).await.json();
    assert_eq!(keys.pending.map(|pending| pending.ask), Some(asked.id));
    (realm.wallet(&next), asked)
}

#[tokio::test]
async fn a_thief_with_the_recovery_key_is_seen_at_once_and_told_no() {
    let realm = realm_with_delay(3_600).await;
    let (alice, recovery) = with_recovery(&realm).await;
    let mut session = Session::open(&realm, &alice).await;
    let (thief, ask) = asked(&realm, &alice, &recovery).await;

    // Every session of the wallet sees it, those that are open and those to come; and so does who looks at the wallet.
    let mut late = Session::open(&realm, &alice).await;
    for session in [&mut session, &mut late] {
        match session.next().await.unwrap().body {
            Body::WalletKeys(keys) => assert_eq!(keys.pending.unwrap().ask, ask.id),
            other => panic!("{} instead of the news", other.kind()),
        }
    }
    assert_eq!(alice.balance().await.recovery.unwrap().ask, ask.id);
    let own = format!("/api/wallets/{}", alice.did());
    thief.get(&own).await.problem(ProblemKind::KeyWaiting);
    thief.get(&format!("/api/wallets/{}", thief.did())).await.problem(ProblemKind::KeyWaiting);

    let veto = KeyChange::Veto { ask: ask.id };
    let by_thief = statement(&realm, &recovery, None, &alice, veto.clone()).await;
    say(&realm.wallet(&recovery), &by_thief).await.problem(ProblemKind::Forbidden);
    let veto = statement(&realm, alice.keypair(), None, &alice, veto).await;
    let keys: WalletKeysInfo = say(&alice, &veto).await.json();
    assert_eq!((keys.pending, keys.recovery), (None, None));
    match session.next().await.unwrap().body {
        Body::WalletKeys(keys) => assert_eq!(keys.pending, None),
        other => panic!("{} instead of the news", other.kind()),
    }
    // What was asked, sent again, asks nothing, and neither does the key that asked.
    say(&realm.wallet(&recovery), &ask).await.json::<WalletKeysInfo>();
    assert_eq!(keys_of(&alice).await.pending, None);
    let again = KeyChange::AskRecovery { next: thief.did().clone() };
    let again = statement(&realm, &recovery, Some(thief.keypair()), &alice, again).await;
    say(&realm.wallet(&recovery), &again).await.problem(ProblemKind::Forbidden);
    assert_eq!(thief.balance().await.available, Micro::ZERO, "the thief's key is a wallet like any other");
    realm.verify_ledger();
}

#[tokio::test]
async fn a_recovery_takes_effect_when_its_time_has_come_also_after_a_crash() {
    let mut realm = realm_with_delay(2).await;
    let (alice, recovery) = with_recovery(&realm).await;
    let before = alice.balance().await;
    let (found, _) = asked(&realm, &alice, &recovery).await;
    realm.kill();
    realm.restart().await;
    let mut session = Session::open(&realm, &alice).await;
    let wallet = until("the recovery to take effect", async || {
        let reply = found.get(&format!("/api/wallets/{}", found.did())).await;
        match reply.status {
            200 => Some(reply.json::<WalletInfo>()),
            _ => {
                reply.problem(ProblemKind::KeyWaiting);
                None
            }
        }
    })
    .await;
    assert_eq!((wallet.guid, wallet.available), (before.guid, before.available));
    alice.get(&format!("/api/wallets/{}", alice.did())).await.problem(ProblemKind::KeyReplaced);
    // The session of the lost key ends, though nobody has asked it anything.
    let mut ended = None;
    while let Some(event) = session.next().await {
        ended = Some(event.body);
    }
    assert!(matches!(ended, Some(Body::Error(problem)) if problem.status == 401));
    realm.verify_ledger();
}

/// What `mtor` says, and that all was well.
async fn mtor(realm: &Realm, arguments: &[&str]) -> String {
    let output = realm.run_aside(arguments).await;
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{arguments:?}: {}{}", said(&output.stdout), said(&output.stderr));
    said(&output.stdout)
}

fn did_in(file: &Path) -> String {
    KeyFile::load(file).unwrap().keypair().did().0
}

#[tokio::test]
async fn keys_are_changed_and_wallets_recovered_at_the_command_line() {
    let realm = realm_with_delay(1).await;
    let [key, recovery, found] = ["alice.key", "recovery.key", "found.key"].map(|name| realm.scratch(name));
    let [key_path, recovery_path, found_path] = [&key, &recovery, &found].map(|path| path.to_str().unwrap());
    mtor(&realm, &["wallet", "new", "--wallet", key_path]).await;
    let first = did_in(&key);
    let shown: Value =
        serde_json::from_str(&mtor(&realm, &["wallet", "show", "--json", "--wallet", key_path]).await)
            .unwrap();

    mtor(&realm, &["wallet", "rotate", "--wallet", key_path]).await;
    let second = did_in(&key);
    assert_ne!(first, second);
    let now: Value =
        serde_json::from_str(&mtor(&realm, &["wallet", "show", "--json", "--wallet", key_path]).await)
            .unwrap();
    assert_eq!((&now["guid"], &now["available"]), (&shown["guid"], &shown["available"]));
    let kept = format!("{key_path}.replaced-{}", &first[first.len() - 8..]);
    assert_eq!(did_in(Path::new(&kept)), first);
    let refused = realm.run_aside(&["wallet", "show", "--wallet", &kept]).await;
    assert!(String::from_utf8_lossy(&refused.stderr).contains("has another key now"));

    // An answer that was lost: the realm has the new key, and the file still the old one.
    let draft = KeyFile::generate().unwrap();
    draft.create(Path::new(&format!("{key_path}.next"))).unwrap();
    let alice = realm.wallet(&Arc::new(KeyFile::load(&key).unwrap().into_keypair()));
    let change = KeyChange::Rotate { next: draft.keypair().did() };
    let taken = statement(&realm, alice.keypair(), Some(draft.keypair()), &alice, change).await;
    say(&alice, &taken).await.json::<WalletKeysInfo>();
    mtor(&realm, &["wallet", "rotate", "--wallet", key_path]).await;
    assert_eq!(did_in(&key), draft.keypair().did().0);

    // A friend's key, which is in a file, is the recovery key.
    mtor(&realm, &["wallet", "new", "--wallet", recovery_path]).await;
    mtor(&realm, &["wallet", "recovery", "set", &did_in(&recovery), "--wallet", key_path]).await;
    let account = shown["guid"].as_str().unwrap();
    let ask = ["wallet", "recovery", "ask", account, "--with", recovery_path, "--wallet", found_path];
    mtor(&realm, &ask).await;
    let account_now = until("the recovery to take effect", async || {
        let shown = realm.run_aside(&["wallet", "show", "--json", "--wallet", found_path]).await;
        shown
            .status
            .success()
            .then(|| serde_json::from_slice::<Value>(&shown.stdout).unwrap()["guid"].clone())
    })
    .await;
    assert_eq!(account_now, shown["guid"]);
    let refused = realm.run_aside(&["wallet", "recovery", "show", "--wallet", key_path]).await;
    assert_eq!(refused.status.code(), Some(4));
    // Who may not ask gets no wallet, and no key is left behind.
    let stranger = realm.scratch("stranger.key");
    let ask =
        ["wallet", "recovery", "ask", account, "--with", key_path, "--wallet", stranger.to_str().unwrap()];
    assert_eq!(realm.run_aside(&ask).await.status.code(), Some(4));
    assert!(!stranger.exists());
    realm.verify_ledger();
}

#[tokio::test]
async fn the_owner_s_key_changes_and_the_realm_has_the_same_owner() {
    let mut realm = Realm::with(RealmOptions::default()).await;
    let before = realm.owner().balance().await;
    mtor(&realm, &["wallet", "--owner", "rotate"]).await;
    let file = realm.data().join("owner.key");
    let owner = realm.wallet(&Arc::new(KeyFile::load(&file).unwrap().into_keypair()));
    for _ in 0..2 {
        assert_eq!(owner.balance().await.guid, before.guid);
        assert_eq!(realm.owner().balance().await.guid, before.guid);
        realm.terminate();
        realm.wait().await;
        realm.restart().await;
    }
    assert_eq!(&realm.info().await.owner, owner.did());
    realm.verify_ledger();
}
