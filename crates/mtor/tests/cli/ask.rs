//! Asking: what comes out, what it costs, and what happens when something breaks on the way.

use std::sync::Arc;

use mtor_worker::protocol::Body;
use mtor_worker::protocol::event::Event;
use tokio::io::AsyncReadExt as _;
use tokio::time::timeout;

use crate::support::{PATIENCE, Realm, Script, interrupt, read_until};

#[tokio::test]
async fn the_answer_goes_to_standard_output_and_nothing_else_does() {
    let realm = Realm::start().await;
    realm.attach(Arc::default()).await;
    let said = realm.run(&["ask", "--system", "be brief", "one", "two"]).await;
    assert_eq!((said.code, said.out.as_str(), said.err.as_str()), (0, "be brief|one two\n", ""));

    let mut child = realm.command(&["ask", "Explain:"]);
    let mut child = child.stdin(std::process::Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    tokio::io::AsyncWriteExt::write_all(&mut stdin, b"a change").await.unwrap();
    drop(stdin);
    let output = timeout(PATIENCE, child.wait_with_output()).await.unwrap().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "Explain:\n\na change\n");
}

#[tokio::test]
async fn json_is_one_event_per_line() {
    let realm = Realm::start().await;
    realm.attach(Arc::default()).await;
    let said = realm.run(&["ask", "--json", "one two"]).await.good();
    let events: Vec<Event> = said.lines().map(|line| Event::parse(line).unwrap()).collect();
    let kinds: Vec<&str> =
        events.iter().map(|event| event.body.kind()).filter(|kind| *kind != "mtor.job.queued").collect();
    assert_eq!(kinds[..2], ["mtor.job.accepted", "mtor.job.assigned"]);
    assert_eq!(*kinds.last().unwrap(), "mtor.job.completed");
    let text = |event: &Event| match &event.body {
        Body::JobChunk(chunk) => chunk.text.clone(),
        _ => String::new(),
    };
    assert_eq!(events.iter().map(text).collect::<String>(), "one two");
    assert!(events.windows(2).all(|pair| pair[0].sequence < pair[1].sequence));
}

#[tokio::test]
async fn a_refusal_is_exit_code_4_with_a_way_out() {
    let realm = Realm::start().await;
    let nobody = realm.run(&["ask", "hi"]).await;
    insta::assert_snapshot!(nobody.all(), @r"
    exit code 4
    --- out
    --- err
    error: No worker offers this capability: no attached worker offers chat; no worker is attached at all
    hint: attach one with `mtor worker chat`, or start `mtor up`
    ");
    realm.attach(Arc::default()).await;
    let unknown = realm.run(&["ask", "--model", "gpt-9", "hi"]).await;
    assert_eq!(unknown.code, 4);
    assert!(
        unknown.err.contains("gpt-9") && unknown.err.contains("hint: leave --model out"),
        "{}",
        unknown.err
    );
    realm.home.run(&["wallet", "new", "--wallet", "poor.key", "--realm", "http://127.0.0.1:1"]).await.good();
    let poor = realm.run(&["ask", "--wallet", "poor.key", "hi"]).await;
    assert_eq!(poor.code, 4);
    assert!(poor.err.contains("The balance is too low"), "{}", poor.err);
}

#[tokio::test]
async fn ctrl_c_cancels_the_job() {
    let realm = Realm::start().await;
    realm.attach(Arc::default()).await;
    let mut child = realm.command(&["ask", "one wait two"]).spawn().unwrap();
    read_until(&mut child, "one ").await;
    interrupt(&child);
    let status = timeout(PATIENCE, child.wait()).await.unwrap().unwrap();
    assert_eq!(status.code(), Some(130));
    let jobs = realm.run(&["wallet", "history", "--jobs", "--json"]).await.good();
    let jobs: serde_json::Value = serde_json::from_str(&jobs).unwrap();
    assert_eq!(jobs["jobs"][0]["state"], "cancelled", "{jobs}");
}

#[tokio::test]
async fn a_reader_that_leaves_ends_the_job() {
    let realm = Realm::start().await;
    let script: Arc<Script> = Arc::default();
    realm.attach(script.clone()).await;
    let mut child = realm.command(&["ask", "one wait two wait three"]).spawn().unwrap();
    read_until(&mut child, "one ").await;
    drop(child.stdout.take());
    script.go.notify_one();
    let output = timeout(PATIENCE, child.wait_with_output()).await.unwrap().unwrap();
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(130), &b""[..]));
    let jobs = realm.run(&["wallet", "history", "--jobs", "--json"]).await.good();
    assert!(jobs.contains("\"cancelled\""), "{jobs}");
}

#[tokio::test]
async fn a_crash_of_the_realm_in_mid_answer_changes_nothing_for_the_reader() {
    let mut realm = Realm::start().await;
    let script: Arc<Script> = Arc::default();
    realm.attach(script.clone()).await;
    let mut child = realm.command(&["ask", "one two wait three"]).spawn().unwrap();
    let mut seen = read_until(&mut child, "two ").await;
    realm.crash_and_restart().await;
    script.go.notify_one();
    let mut output = child.stdout.take().unwrap();
    let rest = async {
        output.read_to_string(&mut seen).await.unwrap();
        child.wait().await.unwrap()
    };
    let status = timeout(PATIENCE, rest).await.expect("the answer should have ended");
    assert_eq!((seen.as_str(), status.code()), ("one two wait three\n", Some(0)));
    assert!(realm.run(&["ledger", "verify"]).await.good().starts_with("verified: "));
}
