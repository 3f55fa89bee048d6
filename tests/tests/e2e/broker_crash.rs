//! `kill -9` of the broker (promise P1): what was acknowledged is not lost, not paid twice, and reads as one text.

use mtor_e2e::{Client, Reader, Realm, ScriptedWorker, Session, WorkerOptions, question, until};
use mtor_protocol::http::JobState;
use mtor_protocol::{Did, JobId};

const WORDS: &str = "alpha beta gamma delta epsilon zeta eta theta iota kappa";
const HALF: &str = "alpha beta gamma delta epsilon ";

#[tokio::test]
async fn killed_in_mid_answer_it_goes_on_after_the_restart() {
    let mut realm = Realm::start().await;
    let worker = ScriptedWorker::attach(&realm).await;
    let client = realm.funded_wallet().await;
    let before = client.balance().await;
    let mut session = Session::open(&realm, &client).await;
    let submit = question(&format!("slowly {WORDS}"));
    session.submit(&submit).await;
    worker.let_words(5);
    let mut reader = Reader::default();
    reader.read_text(&mut session, HALF.len()).await;

    realm.kill();
    assert_eq!(session.next().await, None, "the session ended with the broker");
    realm.restart().await;
    worker.let_all();

    // The client comes back with what it has, and the worker by itself.
    let mut session = Session::open(&realm, &client).await;
    session.watch(submit.id.unwrap(), reader.sequence).await;
    reader.read_to_end(&mut session).await;
    assert_eq!(reader.text, WORDS, "one text, without a hole and without a repetition");
    let job = client.settled(submit.id.unwrap()).await;
    assert_eq!((job.state, job.text.as_deref()), (JobState::Completed, Some(WORDS)));

    let after = client.balance().await;
    assert_eq!(after.held.0, 0);
    assert_eq!(Some(after.spent), job.cost);
    assert_eq!(before.available.0 - after.available.0, reader.completed().cost.0);
    assert!(realm.verify_ledger().contains("sum 0"));
    worker.attached(&realm).await;
}

#[tokio::test]
async fn killed_with_jobs_in_every_state_it_loses_none_of_them() {
    let mut realm = Realm::start().await;
    let worker =
        ScriptedWorker::attach_as(&realm, WorkerOptions { slots: 2, ..WorkerOptions::default() }).await;
    let client = realm.funded_wallet().await;
    let done = client.submit(&question("say done")).await.id;
    let done = client.settled(done).await;
    let cancelled = client.submit(&question("hang")).await.id;
    client.cancel(cancelled).await.json::<serde_json::Value>();
    let mut open = Vec::new();
    for number in 0..8 {
        open.push(client.submit(&question(&format!("slowly answer number {number}"))).await.id);
    }
    realm.kill();
    realm.restart().await;

    assert_eq!(client.job(done.id).await, done, "what was settled stays as it was, to the last field");
    assert_eq!(client.job(cancelled).await.state, JobState::Cancelled);
    worker.let_all();
    for (number, id) in open.iter().enumerate() {
        let job = client.settled(*id).await;
        assert_eq!((job.state, job.text), (JobState::Completed, Some(format!("answer number {number}"))));
    }
    let balance = client.balance().await;
    let cost = cost_of(&client, open.iter().chain([&done.id, &cancelled])).await;
    assert_eq!((balance.held.0, balance.spent.0), (0, cost), "each paid once");
    realm.verify_ledger();
}

async fn cost_of(client: &Client, ids: impl IntoIterator<Item = &JobId>) -> u64 {
    let mut sum = 0;
    for id in ids {
        sum += client.job(*id).await.cost.expect("it is settled").0;
    }
    sum
}

#[tokio::test]
async fn killed_at_any_moment_every_acknowledged_job_is_there() {
    let mut realm = Realm::start().await;
    let worker = ScriptedWorker::attach(&realm).await;
    worker.let_all();
    let client = realm.funded_wallet().await;
    // Clients submit as fast as they can while the broker dies under them; each notes what was acknowledged.
    let submitting: Vec<_> = (0..4)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move {
                let mut acknowledged = Vec::new();
                loop {
                    let submit = question("slowly to be or not to be");
                    let body = serde_json::to_vec(&submit).unwrap();
                    match client.try_post("/api/jobs", body).await {
                        Some(reply) if reply.status == 201 => acknowledged.push(submit.id.unwrap()),
                        Some(reply) => panic!("refused: {}", reply.text()),
                        None => return acknowledged,
                    }
                }
            })
        })
        .collect();
    until("some jobs to be done", async || {
        (client.history("").await.jobs.iter().filter(|job| job.state.is_final()).count() >= 20).then_some(())
    })
    .await;
    realm.kill();
    let mut acknowledged = Vec::new();
    for task in submitting {
        acknowledged.extend(task.await.unwrap());
    }
    realm.restart().await;
    assert!(acknowledged.len() >= 20);
    for id in &acknowledged {
        let job = client.settled(*id).await;
        assert_eq!(
            (job.state, job.text.as_deref()),
            (JobState::Completed, Some("to be or not to be")),
            "{id}"
        );
    }
    // What was durable, though nobody lived to acknowledge it, is done as well.
    until("every hold to be resolved", async || (client.balance().await.held.0 == 0).then_some(())).await;
    realm.verify_ledger();
}

#[tokio::test]
async fn the_realm_is_the_same_after_a_crash_and_its_log_only_grew() {
    let mut realm = Realm::start().await;
    let before = realm.info().await;
    realm.kill();
    realm.restart().await;
    let after = realm.info().await;
    let who = |info: &mtor_protocol::http::RealmInfo| -> (Did, Did, String) {
        (info.did.clone(), info.owner.clone(), info.name.clone())
    };
    assert_eq!(who(&after), who(&before));
    assert_eq!((after.ledger.entries, after.ledger.root), (before.ledger.entries, before.ledger.root));
}
