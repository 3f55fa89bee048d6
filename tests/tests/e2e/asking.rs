//! A question, its answer as it comes, and coming back to it (promise P4), over every interface.

use std::sync::Arc;

use mtor_e2e::{Reader, Realm, ScriptedWorker, Session, question, until};
use mtor_identity::Keypair;
use mtor_protocol::http::{JobInfo, JobState};
use mtor_protocol::{Body, Event, FinishReason, JobId, ProblemKind, Submit, Usage};

const WORDS: &str = "one two three four five six seven eight nine ten";

/// The events of a job that a worker took at once.
const ALL_KINDS: [&str; 4] =
    ["mtor.job.accepted", "mtor.job.assigned", "mtor.job.chunk", "mtor.job.completed"];

#[tokio::test]
async fn over_a_websocket_the_events_come_in_order_and_the_answer_is_whole() {
    let realm = Realm::start().await;
    let worker = ScriptedWorker::attach(&realm).await;
    let client = realm.funded_wallet().await;
    let before = client.balance().await;

    let mut session = Session::open(&realm, &client).await;
    session.submit(&question(&format!("say {WORDS}"))).await;
    let mut reader = Reader::default();
    reader.read_to_end(&mut session).await;

    assert_eq!(without_queued(&reader), ALL_KINDS);
    assert_eq!(reader.text, WORDS);
    let completed = reader.completed().clone();
    assert_eq!(completed.usage, Usage { input_tokens: 5, output_tokens: 10, ..Usage::default() });
    assert_eq!(completed.finish, FinishReason::Stop);
    assert!(completed.cost.0 > 0);

    let after = client.balance().await;
    assert_eq!(before.available.0 - after.available.0, completed.cost.0, "it costs what it says it costs");
    assert_eq!((after.held.0, after.spent), (0, completed.cost));
    let earned = worker.wallet(&realm).balance().await.received;
    assert_eq!(earned, completed.cost.scaled(90, 100), "the worker gets its share");
    realm.verify_ledger();
}

#[tokio::test]
async fn over_http_a_job_is_posted_waited_for_and_read() {
    let realm = Realm::start().await;
    let _worker = ScriptedWorker::attach(&realm).await;
    let owner = realm.owner();
    let submit = question(&format!("say {WORDS}"));
    let reply = owner.post("/api/jobs?wait=60", serde_json::to_vec(&submit).unwrap()).await;
    assert_eq!(
        (reply.status, reply.header("location")),
        (201, &*format!("/api/jobs/{}", submit.id.unwrap()))
    );
    let job: JobInfo = reply.json();
    assert_eq!((job.state, job.text.as_deref()), (JobState::Completed, Some(WORDS)));

    let submit = Submit { id: None, ..question("say hi") };
    let event = Event::about("test", job.submitted, JobId::generate(), Body::JobSubmit(submit));
    let job: JobInfo = owner.post("/api/jobs?wait=60", event.to_json()).await.json();
    assert_eq!(
        (Some(job.id), job.text.as_deref()),
        (event.subject, Some("hi")),
        "a CloudEvent is taken as well"
    );
}

#[tokio::test]
async fn over_server_sent_events_the_same_comes() {
    let realm = Realm::start().await;
    let worker = ScriptedWorker::attach(&realm).await;
    let client = realm.funded_wallet().await;
    let job = client.submit(&question(&format!("slowly {WORDS}"))).await.id;
    let events = client.events(job, 0).await;
    worker.let_all();
    let mut reader = Reader::default();
    reader.read_stream(events).await;
    assert_eq!((without_queued(&reader), &*reader.text), (ALL_KINDS.to_vec(), WORDS));

    let mut session = Session::open(&realm, &client).await;
    session.watch(job, 0).await;
    let mut past = Reader::default();
    past.read_to_end(&mut session).await;
    assert_eq!(
        (&past.text, past.completed()),
        (&reader.text, reader.completed()),
        "told from the ledger, it is the same"
    );
}

#[tokio::test]
async fn a_reader_resumes_at_every_offset_while_it_runs_and_after() {
    let realm = Realm::start().await;
    let worker = ScriptedWorker::attach(&realm).await;
    let client = realm.funded_wallet().await;
    let mut session = Session::open(&realm, &client).await;
    let submit = question(&format!("slowly {WORDS}"));
    let job = submit.id.unwrap();
    session.submit(&submit).await;
    worker.let_words(5);
    let mut reader = Reader::default();
    reader.read_text(&mut session, "one two three four five ".len()).await;

    // While it runs: whoever has read so far and comes back gets the rest, and nothing else.
    let reached = reader.clone();
    let mut comebacks = Vec::new();
    for place in 0..=reached.events.len() {
        let mut back = Reader::default();
        reached.events[..place].iter().cloned().for_each(|event| back.take(event));
        let events = client.events(job, back.sequence).await;
        comebacks.push(tokio::spawn(async move {
            back.read_stream(events).await;
            back
        }));
    }
    worker.let_all();
    reader.read_to_end(&mut session).await;
    for back in comebacks {
        assert_eq!(back.await.unwrap(), reader);
    }

    // After the end, from any place, over both interfaces: the whole answer, and the end.
    for place in 0..reader.events.len() {
        let mut over_http = Reader::default();
        reader.events[..place].iter().cloned().for_each(|event| over_http.take(event));
        let mut over_websocket = over_http.clone();
        over_http.read_stream(client.events(job, over_http.sequence).await).await;
        session.watch(job, over_websocket.sequence).await;
        over_websocket.read_to_end(&mut session).await;
        for back in [over_http, over_websocket] {
            assert_eq!((&*back.text, back.completed()), (WORDS, reader.completed()), "from place {place}");
        }
    }
}

#[tokio::test]
async fn a_tab_closed_in_mid_answer_finds_the_whole_of_it_when_it_comes_back() {
    let realm = Realm::start().await;
    let worker = ScriptedWorker::attach(&realm).await;
    let key = Arc::new(Keypair::generate().unwrap());
    let client = realm.wallet(&key);
    client
        .post(&format!("/api/wallets/{}/welcome", client.did()), Vec::new())
        .await
        .json::<serde_json::Value>();

    let mut session = Session::open(&realm, &client).await;
    let submit = question(&format!("slowly {WORDS}"));
    session.submit(&submit).await;
    worker.let_words(3);
    Reader::default().read_text(&mut session, "one two three ".len()).await;
    drop(session);
    worker.let_all();

    // From anywhere, with nothing but the wallet.
    let elsewhere = realm.wallet(&key);
    let line = until("the job to end", async || {
        let page = elsewhere.history("two").await;
        page.jobs.into_iter().find(|job| job.state.is_final())
    })
    .await;
    assert_eq!((line.id, line.state, &*line.answer), (submit.id.unwrap(), JobState::Completed, WORDS));
    let job = elsewhere.job(line.id).await;
    assert_eq!((job.text.as_deref(), job.intent), (Some(WORDS), Some(submit.intent)));
}

#[tokio::test]
async fn the_same_submission_is_one_job_and_another_of_its_name_is_refused() {
    let realm = Realm::start().await;
    let worker = ScriptedWorker::attach(&realm).await;
    let client = realm.funded_wallet().await;
    let submit = question("slowly once only");
    let first = client.try_submit(&submit).await;
    let again = client.try_submit(&submit).await;
    assert_eq!((first.status, again.status), (201, 200), "{}", again.text());
    let id = submit.id.unwrap();
    assert_eq!(again.json::<JobInfo>().id, id);

    let other = Submit { id: submit.id, ..question("say something else") };
    client.try_submit(&other).await.problem(ProblemKind::Conflict);
    let stranger = realm.funded_wallet().await;
    stranger.try_submit(&submit).await.problem(ProblemKind::Conflict);

    // Over a WebSocket the same job is followed, not done again.
    let mut session = Session::open(&realm, &client).await;
    session.submit(&submit).await;
    worker.let_all();
    let mut reader = Reader::default();
    reader.read_to_end(&mut session).await;
    assert_eq!(reader.text, "once only");
    let late = client.try_submit(&submit).await;
    assert_eq!((late.status, late.json::<JobInfo>().state), (200, JobState::Completed), "known for good");
    assert_eq!(client.balance().await.spent, reader.completed().cost, "paid once");
    assert_eq!(client.history("").await.jobs.len(), 1);
}

#[tokio::test]
async fn a_cancelled_job_stops_and_what_was_delivered_is_paid() {
    let realm = Realm::start().await;
    let worker = ScriptedWorker::attach(&realm).await;
    let client = realm.funded_wallet().await;
    let mut session = Session::open(&realm, &client).await;
    let submit = question(&format!("slowly {WORDS}"));
    session.submit(&submit).await;
    worker.let_words(2);
    let mut reader = Reader::default();
    reader.read_text(&mut session, "one two ".len()).await;
    session.cancel(submit.id.unwrap()).await;
    reader.read_to_end(&mut session).await;
    let job = client.job(submit.id.unwrap()).await;
    assert_eq!((job.state, job.text.as_deref()), (JobState::Cancelled, Some("one two ")));
    let balance = client.balance().await;
    assert_eq!((balance.held.0, Some(balance.spent)), (0, job.cost));
    until("the worker to be free again", async || {
        let busy: u32 = worker.attached(&realm).await.offers.iter().map(|offer| offer.busy).sum();
        (busy == 0).then_some(())
    })
    .await;
    client.cancel(submit.id.unwrap()).await.problem(ProblemKind::Conflict);
    realm.verify_ledger();
}

#[tokio::test]
async fn the_command_asks_and_prints_the_answer() {
    let realm = Realm::start().await;
    let _worker = ScriptedWorker::attach(&realm).await;
    let url = realm.url();
    let ask = move |arguments: &'static [&'static str]| {
        let mut command = std::process::Command::new(mtor_e2e::mtor());
        command.args(["ask", "--realm", &url]).args(arguments).stdin(std::process::Stdio::null());
        tokio::task::spawn_blocking(move || command.output().unwrap())
    };
    let output = ask(&["say", "It is Paris."]).await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim_end(), "It is Paris.");

    let output = ask(&["--json", "say one two"]).await.unwrap();
    let mut reader = Reader::default();
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        reader.take(Event::parse(line).unwrap());
    }
    assert_eq!((&*reader.text, reader.completed().usage.output_tokens), ("one two", 2));

    let output = ask(&["--model", "nobody-has-this", "say no"]).await.unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(4), "{said}");
    assert!(said.contains("No worker offers this model"), "{said}");
}

/// A job that finds a free worker may be told as queued for a moment, or not at all.
fn without_queued(reader: &Reader) -> Vec<&'static str> {
    reader.kinds.iter().copied().filter(|kind| *kind != "mtor.job.queued").collect()
}
