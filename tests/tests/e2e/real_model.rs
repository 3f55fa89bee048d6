//! A realm as `mtor up` starts it, with a chat worker and a real, if small, model.

use std::path::Path;
use std::process::{Command, Stdio};

use mtor_e2e::{Reader, Realm, RealmOptions, Session, clients, mtor, question, test_model, until};
use mtor_protocol::http::{ApiKey, JobState, WorkerInfo};
use mtor_protocol::{Event, Submit, Task};
use serde_json::json;
use tokio::io::{AsyncBufReadExt as _, BufReader};

const CAPITAL: &str = "What is the capital of France?";
const LONG: &str = "Write a long story about a lighthouse keeper and the sea.";

#[tokio::test]
async fn it_answers_is_cancelled_and_survives_the_death_of_its_worker() {
    let realm = up().await;
    let asked = realm.run_aside(&["ask", "--temperature", "0", "--max-tokens", "24", CAPITAL]).await;
    let said = String::from_utf8_lossy(&asked.stdout);
    assert!(
        asked.status.success() && said.contains("Paris"),
        "{said}{}",
        String::from_utf8_lossy(&asked.stderr)
    );
    the_command_streams_and_cancels(&realm).await;

    // Cancelled in mid-answer, it frees its slot.
    let client = realm.funded_wallet().await;
    let mut session = Session::open(&realm, &client).await;
    let long = long_story(1_000);
    session.submit(&long).await;
    let mut reader = Reader::default();
    reader.read_text(&mut session, 20).await;
    session.cancel(long.id.unwrap()).await;
    reader.read_to_end(&mut session).await;
    assert_eq!(client.job(long.id.unwrap()).await.state, JobState::Cancelled);
    until("the slot to be free", async || (busy(&realm).await == 0).then_some(())).await;

    // Killed in mid-answer, it is started again and finishes what it had begun.
    let cut = long_story(40);
    session.submit(&cut).await;
    let mut reader = Reader::default();
    reader.read_text(&mut session, 20).await;
    let first_life = realm.child("mtor-chat").expect("the chat worker runs");
    realm.kill_child("mtor-chat");
    reader.read_to_end(&mut session).await;
    assert_eq!(reader.completed().usage.output_tokens, 40);
    assert_ne!(realm.child("mtor-chat"), Some(first_life));
    assert!(realm.process().said().contains("starting it again"), "the person is told");
    let job = client.job(cut.id.unwrap()).await;
    assert_eq!((job.state, job.text.as_deref()), (JobState::Completed, Some(&*reader.text)));
    let balance = client.balance().await;
    assert_eq!((balance.held.0, Some(balance.spent.0)), (0, sum_of_costs(&client).await));
    realm.verify_ledger();
}

#[tokio::test]
async fn openai_s_clients_work_with_it_unmodified() {
    let realm = up().await;
    let client = realm.funded_wallet().await;
    let keys = format!("/api/wallets/{}/keys", client.did());
    let key: ApiKey = client.post(&keys, json!({ "name": "clients" }).to_string()).await.json();
    let (url, secret) = (format!("{}/v1", realm.url()), key.secret.unwrap());
    clients::python("openai_client.py", &[&url, &secret]).await;
    clients::node("openai_client.mjs", &[&url, &secret]).await;
    until("what was left in mid-stream to end", async || (busy(&realm).await == 0).then_some(())).await;
    assert!(client.balance().await.spent.0 > 0, "the key's wallet pays");
    realm.assert_unharmed().await;
    realm.verify_ledger();
}

/// A realm with a chat worker that is ready.
async fn up() -> Realm {
    let model = test_model();
    let up = ["--workers", "chat", "--model", path(&model), "--model-id", "tiny"].map(str::to_owned).to_vec();
    let realm = Realm::with(RealmOptions { up, ..RealmOptions::default() }).await;
    until("the model to be loaded", async || (!workers(&realm).await.is_empty()).then_some(())).await;
    realm
}

fn path(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}

/// `mtor ask` writes what comes as it comes; interrupted, it cancels its job.
async fn the_command_streams_and_cancels(realm: &Realm) {
    let mut command = Command::new(mtor());
    command.args(["ask", "--json", "--max-tokens", "1000", LONG]).stdin(Stdio::null()).stdout(Stdio::piped());
    command.env("MTOR_REALM", realm.url()).env("MTOR_DATA", realm.data());
    let mut asking = tokio::process::Command::from(command).kill_on_drop(true).spawn().unwrap();
    let mut lines = BufReader::new(asking.stdout.take().unwrap()).lines();
    let mut reader = Reader::default();
    while reader.text.is_empty() {
        let line = mtor_e2e::within("a line", lines.next_line()).await.unwrap().expect("it goes on");
        reader.take(Event::parse(&line).unwrap());
    }
    mtor_e2e::interrupt(asking.id().unwrap());
    while let Some(line) = mtor_e2e::within("a line", lines.next_line()).await.unwrap() {
        reader.take(Event::parse(&line).unwrap());
    }
    let status = mtor_e2e::within("the command to end", asking.wait()).await.unwrap();
    assert_eq!(status.code(), Some(130));
    let job = reader.events[0].subject.unwrap();
    assert_eq!(realm.owner().settled(job).await.state, JobState::Cancelled);
}

fn long_story(tokens: u32) -> Submit {
    let mut submit = question(LONG);
    if let Task::Chat(chat) = &mut submit.intent.task {
        chat.max_tokens = Some(tokens);
        chat.temperature = Some(0.0);
    }
    submit
}

async fn workers(realm: &Realm) -> Vec<WorkerInfo> {
    realm.nobody().get("/api/workers").await.json()
}

async fn busy(realm: &Realm) -> u32 {
    workers(realm).await.iter().flat_map(|worker| &worker.offers).map(|offer| offer.busy).sum()
}

async fn sum_of_costs(client: &mtor_e2e::Client) -> Option<u64> {
    let mut sum = 0;
    for line in client.history("").await.jobs {
        sum += client.job(line.id).await.cost?.0;
    }
    Some(sum)
}
