//! A worker dies, breaks or hangs in mid-answer (promises P3 and P5): the answer goes on elsewhere, what was delivered is
//! kept, and everything is paid once.

use mtor_e2e::{Client, Reader, Realm, ScriptedWorker, Session, WorkerOptions, question, until};
use mtor_protocol::http::{JobState, MovementKind, PriceInfo};
use mtor_protocol::{Body, Micro, Price, ProblemKind, Usage};

const WORDS: &str = "one two three four five six seven eight nine ten";

#[tokio::test]
async fn killed_in_mid_answer_another_goes_on_and_both_are_paid_for_what_they_wrote() {
    let realm = Realm::start().await;
    let client = realm.funded_wallet().await;
    let first = ScriptedWorker::attach_named(&realm, "first").await;
    let mut session = Session::open(&realm, &client).await;
    let submit = question(&format!("slowly {WORDS}"));
    session.submit(&submit).await;
    first.let_words(4);
    let mut reader = Reader::default();
    reader.read_text(&mut session, "one two three four ".len()).await;

    let second = ScriptedWorker::attach_named(&realm, "second").await;
    second.let_all();
    let first_wallet = first.wallet(&realm);
    first.kill().await;
    reader.read_to_end(&mut session).await;

    assert_eq!(reader.text, WORDS);
    assert_kept(&reader);
    assert_eq!(attempts(&reader), [("first".to_owned(), 1), ("second".to_owned(), 2)]);
    let job = client.job(submit.id.unwrap()).await;
    assert_eq!(
        (job.state, job.workers),
        (JobState::Completed, vec!["first".to_owned(), "second".to_owned()])
    );

    // The question is billed once, and so is every word.
    let completed = reader.completed().clone();
    assert_eq!(completed.usage, Usage { input_tokens: 5, output_tokens: 10, ..Usage::default() });
    assert_eq!(completed.cost, price(&realm).await.cost(&completed.usage));
    let balance = client.balance().await;
    assert_eq!((balance.held.0, balance.spent), (0, completed.cost));
    // Nine tenths are the workers'; four words of ten were the first one's.
    let share = completed.cost.scaled(90, 100);
    let (first_earned, second_earned) = (earned(&first_wallet).await, earned(&second.wallet(&realm)).await);
    assert_eq!(first_earned, share.scaled(4, 10));
    assert_eq!(first_earned.0 + second_earned.0, share.0);
    realm.verify_ledger();
}

#[tokio::test]
async fn with_nobody_else_there_the_job_waits_for_the_next_worker() {
    let realm = Realm::start().await;
    let client = realm.funded_wallet().await;
    let first = ScriptedWorker::attach(&realm).await;
    let mut session = Session::open(&realm, &client).await;
    let submit = question(&format!("slowly {WORDS}"));
    session.submit(&submit).await;
    first.let_words(2);
    let mut reader = Reader::default();
    reader.read_text(&mut session, "one two ".len()).await;
    first.kill().await;
    until("the job to wait", async || {
        (client.job(submit.id.unwrap()).await.state == JobState::Queued).then_some(())
    })
    .await;
    assert_eq!((realm.queue().await.queued, realm.queue().await.running), (1, 0));

    let second = ScriptedWorker::attach(&realm).await;
    second.let_all();
    reader.read_to_end(&mut session).await;
    assert_eq!(reader.text, WORDS);
    assert_kept(&reader);
    realm.verify_ledger();
}

#[tokio::test]
async fn a_worker_that_breaks_is_replaced_by_one_that_does_not() {
    let realm = Realm::start().await;
    let client = realm.funded_wallet().await;
    let options = WorkerOptions { name: "faulty".to_owned(), faulty: true, ..WorkerOptions::default() };
    let faulty = ScriptedWorker::attach_as(&realm, options).await;
    let mut session = Session::open(&realm, &client).await;
    session.submit(&question(&format!("slowly {WORDS}"))).await;
    let sound = ScriptedWorker::attach_named(&realm, "sound").await;
    sound.let_all();
    faulty.let_words(1);
    let mut reader = Reader::default();
    reader.read_to_end(&mut session).await;
    assert_eq!(reader.text, WORDS);
    assert_kept(&reader);
    assert_eq!(attempts(&reader), [("faulty".to_owned(), 1), ("sound".to_owned(), 2)]);
    assert_eq!(reader.completed().usage.output_tokens, 10);
    realm.verify_ledger();
}

#[tokio::test]
async fn what_no_worker_can_do_fails_with_the_reason_and_costs_nothing() {
    let realm = Realm::start().await;
    let client = realm.funded_wallet().await;
    let options = WorkerOptions { faulty: true, ..WorkerOptions::default() };
    let _faulty = ScriptedWorker::attach_as(&realm, options).await;
    for (asked, kind) in
        [("say something", ProblemKind::WorkerFailed), ("refuse", ProblemKind::InvalidRequest)]
    {
        let mut session = Session::open(&realm, &client).await;
        session.submit(&question(asked)).await;
        let mut reader = Reader::default();
        reader.read_to_end(&mut session).await;
        let problem = reader.failed();
        assert_eq!(problem.known_kind(), Some(kind), "{problem:?}");
        assert!(!problem.detail.is_empty());
    }
    let balance = client.balance().await;
    assert_eq!((balance.held.0, balance.spent.0, balance.available), (0, 0, balance.received));
    realm.verify_ledger();
}

#[tokio::test]
async fn a_job_that_hangs_ends_at_its_deadline_and_frees_its_worker() {
    let realm = Realm::start().await;
    let client = realm.funded_wallet().await;
    let options = WorkerOptions { slots: 1, ..WorkerOptions::default() };
    let _worker = ScriptedWorker::attach_as(&realm, options).await;
    let mut submit = question("hang");
    submit.timeout_ms = Some(500);
    client.submit(&submit).await;
    let job = client.settled(submit.id.unwrap()).await;
    assert_eq!(job.state, JobState::Failed);
    assert_eq!(job.problem.and_then(|problem| problem.known_kind()), Some(ProblemKind::Expired));
    assert_eq!(client.balance().await.held.0, 0);
    let next = client.submit(&question("say free again")).await.id;
    assert_eq!(client.settled(next).await.text.as_deref(), Some("free again"));
    realm.verify_ledger();
}

#[tokio::test]
async fn a_worker_that_leaves_finishes_what_it_has_and_gets_nothing_new() {
    let realm = Realm::start().await;
    let client = realm.funded_wallet().await;
    let first = ScriptedWorker::attach_named(&realm, "first").await;
    let job = client.submit(&question(&format!("slowly {WORDS}"))).await.id;
    let second = ScriptedWorker::attach_named(&realm, "second").await;
    first.let_all();
    first.leave().await;
    let job = client.settled(job).await;
    assert_eq!((job.text.as_deref(), job.workers), (Some(WORDS), vec!["first".to_owned()]));
    let next = client.submit(&question("say next")).await.id;
    assert_eq!(client.settled(next).await.workers, ["second"]);
    second.leave().await;
}

/// What was delivered is never taken back: each piece begins where the one before ended.
fn assert_kept(reader: &Reader) {
    let mut length = 0;
    for event in &reader.events {
        if let Body::JobChunk(chunk) = &event.body {
            assert_eq!(chunk.offset, length, "{chunk:?}");
            length += chunk.text.len() as u64;
        }
    }
}

fn attempts(reader: &Reader) -> Vec<(String, u32)> {
    let attempt = |body: &Body| match body {
        Body::JobAssigned(assigned) => Some((assigned.worker.clone(), assigned.attempt)),
        _ => None,
    };
    reader.events.iter().filter_map(|event| attempt(&event.body)).collect()
}

async fn price(realm: &Realm) -> Price {
    let prices: Vec<PriceInfo> = realm.nobody().get("/api/prices").await.json();
    prices.into_iter().find(|info| info.capability.as_str() == "chat").expect("chat has a price").price
}

/// What a worker's wallet earned, all movements together.
async fn earned(wallet: &Client) -> Micro {
    let movements = wallet.movements().await.movements;
    assert!(movements.iter().all(|movement| movement.kind == MovementKind::Earned), "{movements:?}");
    let sum = movements.iter().map(|movement| movement.amount.0).sum();
    assert_eq!(wallet.balance().await.received.0, sum);
    Micro(sum)
}
