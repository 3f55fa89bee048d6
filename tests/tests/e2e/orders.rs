//! Orders and receipts: each side signs its own part, and neither can make the other's.

use std::time::{SystemTime, UNIX_EPOCH};

use mtor_e2e::{Client, Realm, ScriptedWorker, Session, mtor, question};
use mtor_identity::{Keypair, sign_order};
use mtor_protocol::http::{JobInfo, JobProofs, JobState, MovementKind, MovementPage};
use mtor_protocol::{Body, Order, ProblemKind, Submit, Timestamp};

fn ordered(text: &str) -> Submit {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let mut submit = question(text);
    submit.deadline = Some(Timestamp(now.as_millis() as u64).plus_ms(60_000));
    submit
}

fn order(client: &Client, realm: &str, submit: &Submit) -> Order {
    sign_order(client.keypair(), realm, serde_json::to_string(submit).unwrap())
}

async fn post(client: &Client, order: &Order) -> mtor_e2e::Reply {
    client.post("/api/jobs", serde_json::to_vec(order).unwrap()).await
}

/// What `mtor ledger check` says of a proof.
fn checked(proof: &str, key: &str) -> String {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), proof).unwrap();
    let mut command = std::process::Command::new(mtor());
    let output = command.args(["ledger", "check", "--key", key]).arg(file.path()).output().unwrap();
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    format!("{} {}{}", output.status.code().unwrap(), said(&output.stdout), said(&output.stderr))
}

#[tokio::test]
async fn both_sides_sign_and_each_can_show_it() {
    let realm = Realm::start().await;
    let worker = ScriptedWorker::attach(&realm).await;
    let client = realm.funded_wallet().await;
    let did = realm.info().await.did.0;
    let submit = ordered("say Paris");
    let signed = order(&client, &did, &submit);
    let taken: JobInfo = post(&client, &signed).await.json();
    assert_eq!(client.settled(taken.id).await.state, JobState::Completed);
    assert_eq!(Some(taken.deadline), submit.deadline);
    // The same order again is the same job, over whichever way.
    assert_eq!(post(&client, &signed).await.status, 200);
    let mut session = Session::open(&realm, &client).await;
    session.0.say(submit.id, Body::JobOrder(signed)).await;
    while !matches!(session.next().await.expect("an answer").body, Body::JobCompleted(_)) {}

    let proofs: JobProofs = client.get(&format!("/api/jobs/{}/proofs?reveal=true", taken.id)).await.json();
    let accepted = checked(&proofs.accepted, &did);
    assert!(
        accepted.starts_with("0 ") && accepted.contains(&format!("signed by the wallet {}", client.did())),
        "{accepted}"
    );
    let settled = checked(proofs.settled.as_ref().unwrap(), &did);
    assert!(
        settled.contains("signed by the worker did:key:") && settled.contains("shown to be: Paris"),
        "{settled}"
    );

    // The worker shows what it was paid for, without a word of it; nobody else has anything to show.
    let paid = worker.wallet(&realm);
    let earned: MovementPage = paid.movements().await;
    assert!(
        earned.movements.iter().any(|line| line.kind == MovementKind::Earned && line.reference == taken.id)
    );
    let proofs: JobProofs = paid.get(&format!("/api/jobs/{}/proofs?reveal=true", taken.id)).await.json();
    let settled = checked(proofs.settled.as_ref().unwrap(), &did);
    assert!(settled.contains("signed by the worker") && !settled.contains("Paris"), "{settled}");
    let accepted = checked(&proofs.accepted, &did);
    assert!(!accepted.contains("signed") && !accepted.contains("say"), "{accepted}");
    let stranger = realm.new_wallet();
    stranger.get(&format!("/api/jobs/{}/proofs", taken.id)).await.problem(ProblemKind::NotFound);
    realm.verify_ledger();
}

#[tokio::test]
async fn an_order_can_not_be_forged_bent_or_used_elsewhere() {
    let realm = Realm::start().await;
    let _worker = ScriptedWorker::attach(&realm).await;
    let (alice, mallory) = (realm.funded_wallet().await, realm.funded_wallet().await);
    let did = realm.info().await.did.0;
    let submit = ordered("say hello");
    let good = order(&alice, &did, &submit);
    let stranger = Keypair::generate().unwrap();
    let bent = |change: &dyn Fn(&mut Order)| {
        let mut order = good.clone();
        change(&mut order);
        order
    };
    let elsewhere = order(&alice, stranger.did().as_str(), &submit);
    let dearer = bent(&|order| order.order = order.order.replacen("hello", "hullo", 1));
    for (what, order) in [("another realm's", elsewhere), ("another text", dearer)] {
        let refused = post(&alice, &order).await;
        assert_eq!(refused.status, 401, "{what}: {}", refused.text());
        refused.problem(ProblemKind::Unauthorized);
    }
    let torn = bent(&|order| order.signature.truncate(40));
    post(&alice, &torn).await.problem(ProblemKind::Unauthorized);
    // Mallory asks with Alice's order, or puts Alice's name under one of his own.
    post(&mallory, &good).await.problem(ProblemKind::Forbidden);
    let mut named = order(&mallory, &did, &submit);
    named.by = alice.did().clone();
    post(&mallory, &named).await.problem(ProblemKind::Forbidden);
    post(&alice, &named).await.problem(ProblemKind::Unauthorized);

    let endless = order(&alice, &did, &question("say hello"));
    assert!(post(&alice, &endless).await.problem(ProblemKind::InvalidRequest).detail.contains("deadline"));
    let mut nameless = ordered("say hello");
    nameless.id = None;
    let nameless = order(&alice, &did, &nameless);
    post(&alice, &nameless).await.problem(ProblemKind::InvalidRequest);
    let nonsense = bent(&|order| order.order = "{".to_owned());
    post(&alice, &nonsense).await.problem(ProblemKind::InvalidRequest);

    assert_eq!(alice.history("").await.jobs, [], "nothing of that was done");
    assert_eq!(post(&alice, &good).await.status, 201, "unbent, it holds");
    // The same id with another text is another request, however well it is signed.
    let mut other = submit.clone();
    other.max_price = Some(mtor_protocol::Micro(999_999));
    post(&alice, &order(&alice, &did, &other)).await.problem(ProblemKind::Conflict);
    realm.assert_unharmed().await;
}

#[tokio::test]
async fn a_question_at_the_command_line_is_signed_by_its_wallet() {
    let realm = Realm::start().await;
    let _worker = ScriptedWorker::attach(&realm).await;
    let key = realm.data().join("owner.key");
    let asked = realm.run_aside(&["ask", "--wallet", key.to_str().unwrap(), "say Paris"]).await;
    assert!(asked.status.success(), "{}", String::from_utf8_lossy(&asked.stderr));
    let job = realm.owner().history("").await.jobs[0].id;
    let proofs: JobProofs = realm.owner().get(&format!("/api/jobs/{job}/proofs?reveal=true")).await.json();
    let did = realm.info().await.did.0;
    let accepted = checked(&proofs.accepted, &did);
    assert!(accepted.contains(&format!("signed by the wallet {}", realm.owner().did())), "{accepted}");
}
