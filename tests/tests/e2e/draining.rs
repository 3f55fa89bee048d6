//! SIGTERM (promise P7): no new jobs, running ones finish, what waits is kept, exit code 0.

use mtor_e2e::{Reader, Realm, ScriptedWorker, Session, WorkerOptions, question, until};
use mtor_protocol::ProblemKind;
use mtor_protocol::http::JobState;

#[tokio::test]
async fn a_running_job_finishes_a_new_one_is_refused_and_the_end_is_clean() {
    let mut realm = Realm::start().await;
    let worker = ScriptedWorker::attach(&realm).await;
    let client = realm.funded_wallet().await;
    let mut session = Session::open(&realm, &client).await;
    let submit = question("slowly one two three");
    session.submit(&submit).await;
    worker.let_words(1);
    let mut reader = Reader::default();
    reader.read_text(&mut session, "one ".len()).await;

    realm.terminate();
    let refused = until("new jobs to be refused", async || {
        Some(client.try_submit(&question("say too late")).await).filter(|reply| reply.status != 201)
    })
    .await;
    let problem = refused.problem(ProblemKind::Draining);
    assert!(problem.retry_after.is_some() && !refused.header("retry-after").is_empty());
    assert_eq!(realm.nobody().get("/readyz").await.status, 503);
    assert!(realm.info().await.draining);

    worker.let_all();
    reader.read_to_end(&mut session).await;
    assert_eq!(reader.text, "one two three");
    assert_eq!(realm.wait().await.code(), Some(0));
    realm.verify_ledger();
}

#[tokio::test]
async fn what_cannot_be_finished_is_done_at_the_next_start() {
    let mut realm = Realm::start().await;
    let options = WorkerOptions { slots: 1, ..WorkerOptions::default() };
    let worker = ScriptedWorker::attach_as(&realm, options).await;
    let client = realm.funded_wallet().await;
    let mut session = Session::open(&realm, &client).await;
    let running = question("slowly runs now");
    session.submit(&running).await;
    worker.let_words(1);
    let mut reader = Reader::default();
    reader.read_text(&mut session, "runs ".len()).await;
    let waiting = client.submit(&question("slowly waits for later")).await.id;
    assert_eq!(client.job(waiting).await.state, JobState::Queued);
    realm.terminate();
    until("the realm to drain", async || realm.info().await.draining.then_some(())).await;
    // With its only worker gone, nothing runs any more.
    worker.kill().await;
    assert_eq!(realm.wait().await.code(), Some(0));
    realm.verify_ledger();

    realm.restart().await;
    let another = ScriptedWorker::attach(&realm).await;
    another.let_all();
    for (id, text) in [(running.id.unwrap(), "runs now"), (waiting, "waits for later")] {
        let job = client.settled(id).await;
        assert_eq!((job.state, job.text.as_deref()), (JobState::Completed, Some(text)));
    }
    realm.verify_ledger();
}

#[tokio::test]
async fn an_idle_realm_ends_at_once_and_a_second_signal_ends_a_busy_one() {
    let mut idle = Realm::start().await;
    idle.terminate();
    assert_eq!(idle.wait().await.code(), Some(0));

    let mut busy = Realm::start().await;
    let _worker = ScriptedWorker::attach(&busy).await;
    let client = busy.funded_wallet().await;
    let job = client.submit(&question("hang")).await.id;
    busy.terminate();
    until("the realm to drain", async || busy.info().await.draining.then_some(())).await;
    // One that follows the first at once is taken for the same; so it is sent until it is taken for another.
    until("it to end at once", async || {
        busy.terminate();
        busy.process_mut().ended()
    })
    .await;
    assert_eq!(busy.wait().await.code(), Some(130), "interrupted, as the command's help says");
    busy.verify_ledger();
    busy.restart().await;
    assert!(!client.job(job).await.state.is_final(), "it is still to be done");
}
