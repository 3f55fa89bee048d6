//! A whole realm, from an empty folder to its end.

use std::process::Stdio;

use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::ChildStdout;
use tokio::time::timeout;

use crate::support::{Home, PATIENCE, Realm, interrupt};

/// Reads lines until one has these words.
async fn line_with(lines: &mut Lines<BufReader<ChildStdout>>, words: &str) -> String {
    let found = async {
        loop {
            match lines.next_line().await.unwrap() {
                Some(line) if line.contains(words) => return line,
                Some(_) => {}
                None => panic!("it ended without saying {words:?}"),
            }
        }
    };
    timeout(PATIENCE, found).await.expect("it should have been said")
}

#[tokio::test]
async fn a_realm_without_workers_comes_up_and_drains() {
    let home = Home::new();
    let args = ["up", "--data", "data", "--listen", "0", "--workers", "none", "--name", "attic"];
    let mut child = home.command(&args).stderr(Stdio::inherit()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    line_with(&mut lines, "MTOR realm \"attic\"").await;
    let address = line_with(&mut lines, "address").await;
    let url = address.split_whitespace().nth(1).unwrap().to_owned();
    line_with(&mut lines, "did:key:z6Mk").await;
    line_with(&mut lines, "1000 coins (the owner's)").await;
    line_with(&mut lines, "entries, root").await;
    line_with(&mut lines, "Ready: http://127.0.0.1:").await;

    let second = home.run(&["up", "--data", "data", "--listen", "0", "--workers", "none"]).await;
    assert_eq!(second.code, 1);
    assert!(second.err.contains("is in use by another broker"), "{}", second.err);
    let taken =
        home.run(&["broker", "--data", "other", "--listen", url.strip_prefix("http://").unwrap()]).await;
    assert_eq!(taken.code, 1);
    assert!(taken.err.contains("is taken") && taken.err.contains("--listen 127.0.0.1:"), "{}", taken.err);

    interrupt(&child);
    line_with(&mut lines, "Draining").await;
    line_with(&mut lines, "The realm is down").await;
    let status = timeout(PATIENCE, child.wait()).await.unwrap().unwrap();
    assert_eq!(status.code(), Some(0));
    let settings = std::fs::read_to_string(home.path().join("data/realm.toml")).unwrap();
    assert!(settings.contains("#listen = \"127.0.0.1:9000\""), "{settings}");
}

#[tokio::test]
async fn a_broker_ends_in_order_on_sigterm() {
    let mut realm = Realm::start().await;
    let pid = i32::try_from(realm.broker.id().unwrap()).unwrap();
    let pid = rustix::process::Pid::from_raw(pid).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    let status = timeout(PATIENCE, realm.broker.wait()).await.unwrap().unwrap();
    assert_eq!(status.code(), Some(0));
    assert!(realm.run(&["ledger", "verify"]).await.good().starts_with("verified: "));
}
