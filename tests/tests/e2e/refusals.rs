//! What the realm can't or won't do is refused at once, with the reason in numbers, and harms nothing.

use mtor_e2e::{Client, Realm, ScriptedWorker, WorkerOptions, question};
use mtor_protocol::http::{JobInfo, JobState, WalletInfo};
use mtor_protocol::{Intent, JobId, Micro, ProblemKind, Submit};
use serde_json::json;

#[tokio::test]
async fn without_a_worker_the_question_is_refused_and_taken_once_there_is_one() {
    let realm = Realm::start().await;
    let client = realm.funded_wallet().await;
    let submit = question("say at last");
    let problem = client.try_submit(&submit).await.problem(ProblemKind::NoWorker);
    assert!(problem.detail.contains("chat"), "{problem:?}");
    assert_eq!(client.balance().await.held.0, 0);
    let _worker = ScriptedWorker::attach(&realm).await;
    client.submit(&submit).await;
    assert_eq!(client.settled(submit.id.unwrap()).await.text.as_deref(), Some("at last"));
}

#[tokio::test]
async fn a_model_that_nobody_has_is_named() {
    let realm = Realm::start().await;
    let _worker = ScriptedWorker::attach(&realm).await;
    let client = realm.funded_wallet().await;
    let with_model = |model: &str| {
        let submit = question("say hi");
        Submit { intent: Intent { model: model.to_owned(), ..submit.intent.clone() }, ..submit }
    };
    let problem = client.try_submit(&with_model("llama-9000")).await.problem(ProblemKind::UnknownModel);
    assert!(problem.detail.contains("llama-9000"), "{problem:?}");
    for model in ["script", "default"] {
        let id = client.submit(&with_model(model)).await.id;
        assert_eq!(client.settled(id).await.state, JobState::Completed);
    }
    assert_serves(&realm, &client).await;
}

#[tokio::test]
async fn an_empty_wallet_buys_nothing() {
    let realm = Realm::start().await;
    let _worker = ScriptedWorker::attach(&realm).await;
    let poor = realm.new_wallet();
    let problem = poor.try_submit(&question("say hi")).await.problem(ProblemKind::InsufficientFunds);
    assert!(problem.detail.contains("0 are available"), "{problem:?}");
    assert_eq!(poor.history("").await.jobs, [], "it left no trace");
    let giver = realm.funded_wallet().await;
    send(&giver, poor.did().as_str(), Micro::coins(1)).await;
    let id = poor.submit(&question("say thank you")).await.id;
    assert_eq!(poor.settled(id).await.text.as_deref(), Some("thank you"));
    realm.verify_ledger();
}

#[tokio::test]
async fn nobody_spends_more_than_there_is_however_fast() {
    let realm = Realm::start().await;
    let _worker = ScriptedWorker::attach(&realm).await;
    let client = realm.new_wallet();
    let giver = realm.funded_wallet().await;
    // Enough for the holds of a few of these jobs, not of all.
    send(&giver, client.did().as_str(), Micro(20_000)).await;
    let asking = (0..50).map(|_| {
        let client = client.clone();
        tokio::spawn(async move { client.try_submit(&question("slowly nobody lets this go on")).await })
    });
    let mut taken = 0;
    for reply in asking.collect::<Vec<_>>() {
        let reply = reply.await.unwrap();
        match reply.status {
            201 => taken += 1,
            _ => drop(reply.problem(ProblemKind::InsufficientFunds)),
        }
    }
    let balance = client.balance().await;
    let hold = client.job(client.history("").await.jobs[0].id).await.hold;
    assert!((1..50).contains(&taken), "{taken}");
    assert_eq!((balance.held.0, balance.available.0), (taken * hold.0, 20_000 - taken * hold.0));
    assert!(balance.available < hold, "it went as far as it could");
    realm.verify_ledger();
}

#[tokio::test]
async fn a_prompt_over_every_window_is_refused_in_numbers() {
    let realm = Realm::start().await;
    let window = |name: &str, tokens| WorkerOptions {
        name: name.to_owned(),
        context_tokens: Some(tokens),
        ..WorkerOptions::default()
    };
    let _small = ScriptedWorker::attach_as(&realm, window("small", 8)).await;
    let _large = ScriptedWorker::attach_as(&realm, window("large", 64)).await;
    let client = realm.funded_wallet().await;
    // One that fits somewhere gets there, whoever was asked first.
    for _ in 0..4 {
        let id = client.submit(&question(&format!("say {}", "word ".repeat(20)))).await.id;
        let job = client.settled(id).await;
        assert_eq!((job.state, job.workers.last().map(String::as_str)), (JobState::Completed, Some("large")));
    }
    let spent = client.balance().await.spent;

    let id = client.submit(&question(&format!("say {}", "word ".repeat(100)))).await.id;
    let job = client.settled(id).await;
    assert_eq!(job.state, JobState::Failed);
    let problem = job.problem.expect("a job that failed says why");
    assert_eq!(problem.known_kind(), Some(ProblemKind::ContextExceeded), "{problem:?}");
    assert!(problem.detail.contains("101") && problem.detail.contains("64"), "{problem:?}");
    let balance = client.balance().await;
    assert_eq!((balance.held.0, balance.spent), (0, spent), "it costs nothing");
    assert_serves(&realm, &client).await;
}

#[tokio::test]
async fn what_costs_more_than_allowed_is_not_begun() {
    let realm = Realm::start().await;
    let _worker = ScriptedWorker::attach(&realm).await;
    let client = realm.funded_wallet().await;
    let submit = Submit { max_price: Some(Micro(1)), ..question("say hi") };
    let problem = client.try_submit(&submit).await.problem(ProblemKind::Infeasible);
    assert_eq!(problem.param.as_deref(), Some("max_price"));
    assert_serves(&realm, &client).await;
}

#[tokio::test]
async fn queues_are_bounded_and_say_so() {
    let realm = Realm::with_settings("[limits]\nopen_per_wallet = 3\nwaiting_per_capability = 4\n").await;
    let options = WorkerOptions { slots: 1, ..WorkerOptions::default() };
    let worker = ScriptedWorker::attach_as(&realm, options).await;
    let (alice, bob) = (realm.funded_wallet().await, realm.funded_wallet().await);
    let fill = async |client: &Client, count: usize| {
        for _ in 0..count {
            client.submit(&question("slowly one")).await;
        }
    };
    fill(&alice, 3).await;
    let reply = alice.try_submit(&question("say hi")).await;
    let problem = reply.problem(ProblemKind::TooManyRequests);
    assert!(problem.detail.contains("3 open jobs"), "{problem:?}");
    assert_eq!(reply.header("retry-after"), problem.retry_after.unwrap().to_string());
    fill(&bob, 2).await;
    assert_eq!((realm.queue().await.queued, realm.queue().await.running), (4, 1));
    let full = bob.try_submit(&question("say hi")).await.problem(ProblemKind::TooManyRequests);
    assert!(full.detail.contains("4 jobs wait for chat"), "{full:?}");

    worker.let_all();
    for client in [&alice, &bob] {
        for line in client.history("").await.jobs {
            assert_eq!(client.settled(line.id).await.state, JobState::Completed, "none was dropped");
        }
    }
    assert_serves(&realm, &alice).await;
}

#[tokio::test]
async fn a_worker_that_is_not_admitted_is_turned_away_with_the_reason() {
    let realm = Realm::with_settings("[workers]\nadmit = \"listed\"\n").await;
    let client = realm.new_wallet();
    let mut socket = mtor_e2e::Socket::dial(realm.address()).await;
    let challenge = socket.challenge().await;
    let role = mtor_protocol::body::SessionRole::Worker;
    socket.hello(mtor_e2e::Socket::answer(&challenge, client.who(), role)).await.unwrap();
    let problem = socket.problem().await;
    assert_eq!(problem.known_kind(), Some(ProblemKind::Forbidden));
    assert!(problem.detail.contains("realm.toml"), "{problem:?}");
    realm.assert_unharmed().await;
}

async fn send(from: &Client, to: &str, amount: Micro) {
    let transfer = json!({ "id": JobId::generate(), "to": to, "amount": amount });
    from.post("/api/transfers", transfer.to_string()).await.json::<WalletInfo>();
}

/// The realm still answers a question, and is whole.
async fn assert_serves(realm: &Realm, client: &Client) {
    let body = serde_json::to_vec(&question("say still here")).unwrap();
    let job: JobInfo = client.post("/api/jobs?wait=60", body).await.json();
    assert_eq!(job.text.as_deref(), Some("still here"));
    realm.assert_unharmed().await;
    realm.verify_ledger();
}
