//! Ways to more coins than one has earned, and why each leads nowhere. Others stand where they belong: replayed requests in
//! `proofs`, bent orders in `orders`, coins of others in `ownership` and `grants`, many wallets for starter coins in
//! `starter_coins`, garbage in `trust`.

use mtor_e2e::{Client, Realm, ScriptedWorker, Socket, question, until};
use mtor_identity::Keypair;
use mtor_protocol::body::SessionRole;
use mtor_protocol::http::JobState;
use mtor_protocol::worker::Done;
use mtor_protocol::{
    Announcement, Body, CapabilityKind, CapabilityOffer, Digest, FinishReason, JobId, Micro, ProblemKind,
    Usage,
};
use serde_json::json;

async fn send(from: &Client, to: &Client, amount: &str) -> mtor_e2e::Reply {
    let transfer = json!({ "id": JobId::generate(), "to": to.did(), "amount": amount });
    from.post("/api/transfers", transfer.to_string()).await
}

#[tokio::test]
async fn amounts_beyond_what_can_be_counted_are_refused() {
    let realm = Realm::start().await;
    let (rich, poor) = (realm.funded_wallet().await, realm.new_wallet());
    let before = rich.balance().await;
    for amount in
        ["-1", "-18446744073709551615", "18446744073709551616", "99999999999999999999999999", "1e3", "0.5"]
    {
        send(&rich, &poor, amount).await.problem(ProblemKind::InvalidRequest);
    }
    for amount in ["18446744073709551615", "9223372036854775808"] {
        send(&rich, &poor, amount).await.problem(ProblemKind::InsufficientFunds);
    }
    assert_eq!((rich.balance().await, poor.balance().await.available), (before, Micro::ZERO));
    assert!(realm.verify_ledger().contains("sum 0"));
}

#[tokio::test]
async fn two_devices_of_one_wallet_spend_its_coins_once() {
    let realm = Realm::start().await;
    let phone = realm.funded_wallet().await;
    let devices = [phone.clone(), realm.wallet(phone.keypair())];
    let friends = [realm.new_wallet(), realm.new_wallet()];
    let all = devices[0].balance().await.available;
    // Each sends everything, both at once, again and again.
    for _ in 0..5 {
        let amount = devices[0].balance().await.available.0.to_string();
        let (one, two) =
            tokio::join!(send(&devices[0], &friends[0], &amount), send(&devices[1], &friends[1], &amount));
        let taken = [&one, &two].iter().filter(|reply| reply.status == 200).count();
        assert_eq!(taken, 1, "{} {}", one.text(), two.text());
        assert_eq!(devices[0].balance().await.available, Micro::ZERO);
        let sum = friends[0].balance().await.available.0 + friends[1].balance().await.available.0;
        assert_eq!(sum, all.0, "as many as there ever were");
        for friend in &friends {
            let has = friend.balance().await.available;
            if has > Micro::ZERO {
                assert_eq!(send(friend, &devices[0], &has.0.to_string()).await.status, 200);
            }
        }
    }
    realm.verify_ledger();
}

#[tokio::test]
async fn a_worker_is_not_paid_for_a_receipt_that_it_can_not_sign() {
    let realm = Realm::start().await;
    let (client, key) = (realm.funded_wallet().await, std::sync::Arc::new(Keypair::generate().unwrap()));
    let mut worker = Socket::dial(realm.address()).await;
    let challenge = worker.challenge().await;
    let forger = realm.wallet(&key);
    let hello = Socket::answer(&challenge, forger.who(), SessionRole::Worker);
    worker.hello(hello).await.unwrap();
    let offer = CapabilityOffer::new(CapabilityKind::CHAT, "script", 1);
    worker.say(None, Body::WorkerAnnounce(Announcement::new("forger", [offer]))).await;
    until("the forger to be attached", async || realm.offers("chat").await.then_some(())).await;

    let job = client.submit(&question("say hello")).await.id;
    let run = loop {
        if let Body::WorkerRun(run) = worker.next().await.expect("a job").body {
            break run;
        }
    };
    // Another's signature, for a thousand times the words.
    let (output, usage) = (Digest([7; 32]), Usage { output_tokens: 1_000, ..Usage::default() });
    let text = Done::signing_text(job, run.lease, &output, &usage);
    let signature = Keypair::generate().unwrap().sign(text.as_bytes()).to_string();
    let done = Done { lease: run.lease, usage, finish: FinishReason::Stop, output, signature };
    worker.say(Some(job), Body::WorkerDone(done)).await;
    // Nobody else is there, so that the job comes to nothing and costs nothing.
    let ended = client.settled(job).await;
    assert_eq!((ended.state, ended.cost), (JobState::Failed, Some(Micro::ZERO)));
    assert_eq!(forger.balance().await.received, Micro::ZERO);

    let honest = ScriptedWorker::attach(&realm).await;
    drop(worker);
    let again = client.submit(&question("say hello")).await.id;
    assert_eq!(client.settled(again).await.state, JobState::Completed);
    assert!(honest.wallet(&realm).balance().await.received > Micro::ZERO);
    realm.verify_ledger();
}
