//! What was called back is there afterwards.

use std::sync::{Arc, Mutex};

use mtor_ledger::{Batch, OpenError, Settings, Unavailable, verify};
use proptest::prelude::*;

use crate::support::{History, commit, copy_folder, open, open_with, realm, send, until, wait};

#[test]
fn a_realm_comes_back_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, recovered) = open(folder.path());
    assert_eq!((recovered.state.entries(), recovered.open_jobs.len()), (0, 0));
    let (mut history, founding) = History::founded();
    commit(&ledger, founding);
    commit(&ledger, history.exchange(10, "What is the capital of France?", "Paris."));
    commit(&ledger, history.ask(11, "And of Italy?"));
    let info = ledger.info();
    assert_eq!((info.entries, info.writable), (6, true));
    ledger.close().unwrap();
    ledger.close().unwrap();

    let (ledger, recovered) = open(folder.path());
    assert_eq!(recovered.state, history.state);
    assert_eq!(ledger.info(), info, "the root is the same");
    let [open_job] = &recovered.open_jobs[..] else { panic!("{:?}", recovered.open_jobs) };
    assert_eq!((open_job.question.as_str(), open_job.text.as_deref()), ("And of Italy?", Some("")));
    let verified = verify(folder.path(), Some(&realm().public())).unwrap();
    assert_eq!((verified.entries, verified.root), (6, info.root));
    let line = verified.to_string();
    assert_eq!(line, format!("verified: 6 entries, 6 accounts, sum 0, root {}", info.root));
}

#[test]
fn a_crash_at_any_commit_loses_nothing_that_was_called_back() {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, _) = open(folder.path());
    let (mut history, founding) = History::founded();
    commit(&ledger, founding);
    for id in 10..20 {
        commit(&ledger, history.exchange(id, "question", &"answer ".repeat(1_000 * (id as usize % 3))));
        commit(&ledger, history.ask(id + 100, "still open"));
        let crashed = folder.path().join(format!("crashed-{id}"));
        std::fs::create_dir(&crashed).unwrap();
        for name in ["ledger.sqlite", "ledger.sqlite-wal"] {
            std::fs::copy(folder.path().join(name), crashed.join(name)).unwrap();
        }
        let (restarted, recovered) = open(&crashed);
        assert_eq!(recovered.state, history.state, "after job {id}");
        assert_eq!(recovered.open_jobs.len(), id as usize - 9);
        restarted.close().unwrap();
        verify(&crashed, None).unwrap();
    }
}

#[test]
fn what_an_abandoned_ledger_had_called_back_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, _) = open(folder.path());
    let (mut history, founding) = History::founded();
    commit(&ledger, founding);
    let durable: Vec<_> = (10..500).map(|id| send(&ledger, history.exchange(id, "q", "a"))).collect();
    wait(&durable[100]);
    ledger.abandon();
    let called_back = durable.iter().filter(|durable| durable.recv().is_ok()).count();
    let (_, recovered) = open(folder.path());
    assert!(recovered.state.entries() >= 3 + 2 * called_back as u64);
    verify(folder.path(), None).unwrap();
}

#[test]
fn batches_are_called_back_in_order_and_share_commits() {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, _) = open(folder.path());
    let (mut history, founding) = History::founded();
    commit(&ledger, founding);
    let before = ledger.stats().commits;
    let order = Arc::new(Mutex::new(Vec::new()));
    for number in 0..5_000u128 {
        let order = Arc::clone(&order);
        let batch = Batch { entries: vec![history.transfer(1_000 + number)], records: vec![] };
        ledger.commit(batch, Box::new(move || order.lock().unwrap().push(number))).unwrap();
    }
    until("5,000 batches", || order.lock().unwrap().len() == 5_000);
    assert!(order.lock().unwrap().is_sorted());
    let commits = ledger.stats().commits - before;
    assert!((5..2_500).contains(&commits), "at most 1,000 operations each: {commits}");
    assert_eq!(ledger.stats().pending, 0);
}

#[test]
fn a_panicking_callback_harms_nobody_else() {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, _) = open(folder.path());
    let (mut history, founding) = History::founded();
    ledger.commit(founding, Box::new(|| panic!("this panic is part of a test"))).unwrap();
    commit(&ledger, history.ask(10, "q"));
    assert!(ledger.writable());
}

#[test]
fn entries_out_of_order_are_refused_and_harm_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, _) = open(folder.path());
    let (mut history, founding) = History::founded();
    let later = Batch { entries: vec![history.transfer(50)], records: vec![] };
    let refused = ledger.commit(later.clone(), Box::new(|| panic!("never called")));
    assert_eq!(refused, Err(Unavailable::OutOfOrder { expected: 0, found: 3 }));
    commit(&ledger, founding);
    commit(&ledger, later.clone());
    let refused = ledger.commit(later, Box::new(|| panic!("never called")));
    assert_eq!(refused, Err(Unavailable::OutOfOrder { expected: 4, found: 3 }));
    ledger.close().unwrap();
    assert_eq!(ledger.commit(Batch::default(), Box::new(|| {})), Err(Unavailable::Closed));
}

#[test]
fn snapshots_shorten_replay_and_are_never_needed() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings { snapshot_interval_entries: 500, ..Settings::default() };
    let (ledger, _) = open_with(folder.path(), settings.clone());
    let (mut history, founding) = History::founded();
    commit(&ledger, founding);
    for round in 0..6u128 {
        let entries = (0..500).map(|n| history.transfer(10_000 + round * 500 + n)).collect();
        commit(&ledger, Batch { entries, records: vec![] });
    }
    let database = folder.path().join("ledger.sqlite");
    let count = |sql: &str| {
        let connection = rusqlite::Connection::open(&database).unwrap();
        connection.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap()
    };
    until("two snapshots", || count("SELECT count(*) FROM snapshots") == 2);
    ledger.close().unwrap();
    verify(folder.path(), None).unwrap();

    // The newest is damaged: the one before serves. Both are: the journal does.
    for damage in [
        "UPDATE snapshots SET state = x'00' WHERE entries = (SELECT max(entries) FROM snapshots)",
        "UPDATE snapshots SET hash = zeroblob(32)",
    ] {
        rusqlite::Connection::open(&database).unwrap().execute(damage, []).unwrap();
        let error = verify(folder.path(), None).unwrap_err().to_string();
        assert!(error.starts_with("snapshot at "), "{error}");
        let (ledger, recovered) = open_with(folder.path(), Settings::default());
        assert_eq!(recovered.state, history.state);
        ledger.abandon();
    }
}

#[test]
fn a_clean_close_after_much_work_leaves_a_snapshot() {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, _) = open(folder.path());
    let (mut history, founding) = History::founded();
    commit(&ledger, founding);
    let entries = (0..1_000).map(|n| history.transfer(10_000 + n)).collect();
    commit(&ledger, Batch { entries, records: vec![] });
    ledger.close().unwrap();
    let connection = rusqlite::Connection::open(folder.path().join("ledger.sqlite")).unwrap();
    let entries: i64 =
        connection.query_row("SELECT max(entries) FROM snapshots", [], |row| row.get(0)).unwrap();
    assert_eq!(entries, 1_003);
    drop(connection);
    verify(folder.path(), None).unwrap();
}

#[test]
fn the_second_broker_on_a_folder_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, _) = open(folder.path());
    let refused = mtor_ledger::Ledger::open(folder.path(), Settings::default(), realm()).unwrap_err();
    assert!(
        matches!(refused, OpenError::InUse { process: Some(process), .. } if process == std::process::id())
    );
    ledger.close().unwrap();
    open(folder.path()).0.close().unwrap();
}

#[test]
fn a_copy_of_a_live_folder_opens() {
    let folder = tempfile::tempdir().unwrap();
    let copy = tempfile::tempdir().unwrap();
    let (ledger, _) = open(folder.path());
    let (mut history, founding) = History::founded();
    commit(&ledger, founding);
    commit(&ledger, history.exchange(10, &"long question ".repeat(20_000), &"long answer ".repeat(20_000)));
    copy_folder(folder.path(), copy.path());
    let (restarted, recovered) = open(copy.path());
    assert_eq!(recovered.state, history.state);
    let job = restarted.job(mtor_protocol::JobId(10)).unwrap().unwrap();
    assert_eq!(job.text.unwrap(), "long answer ".repeat(20_000));
    verify(copy.path(), None).unwrap();
}

/// What happens to a ledger, by chance.
#[derive(Debug, Clone)]
enum Step {
    Transfers(u8),
    Exchange { question: String, answer: String },
    Ask(String),
    Close,
    Crash,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1..50u8).prop_map(Step::Transfers),
        4 => ("\\PC{0,40}", "\\PC{0,3000}").prop_map(|(question, answer)| Step::Exchange { question, answer }),
        2 => "\\PC{0,40}".prop_map(Step::Ask),
        1 => Just(Step::Close),
        1 => Just(Step::Crash),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    /// Whatever is committed, and however it is stopped in between: replay gives the same state and the same root, and
    /// everything can be proven.
    #[test]
    fn replay_is_the_same_whatever_happens(steps in prop::collection::vec(step(), 1..25)) {
        let folder = tempfile::tempdir().unwrap();
        let settings = Settings {
            snapshot_interval_entries: 40,
            checkpoint_interval_entries: 30,
            inline_text_bytes_max: 1_000,
            ..Settings::default()
        };
        let (mut ledger, _) = open_with(folder.path(), settings.clone());
        let (mut history, founding) = History::founded();
        commit(&ledger, founding);
        for (id, step) in (1_000u128..).step_by(1_000).zip(steps) {
            match step {
                Step::Transfers(count) => {
                    let entries = (0..u128::from(count)).map(|n| history.transfer(id + n)).collect();
                    commit(&ledger, Batch { entries, records: vec![] });
                }
                Step::Exchange { question, answer } => commit(&ledger, history.exchange(id, &question, &answer)),
                Step::Ask(question) => commit(&ledger, history.ask(id, &question)),
                Step::Close | Step::Crash => {
                    let before = ledger.info();
                    match step {
                        Step::Close => ledger.close().unwrap(),
                        _ => ledger.abandon(),
                    }
                    let (reopened, recovered) = open_with(folder.path(), settings.clone());
                    prop_assert_eq!(&recovered.state, &history.state);
                    prop_assert_eq!(recovered.open_jobs.len(), history.state.open().len());
                    prop_assert_eq!(reopened.info().root, before.root);
                    ledger = reopened;
                }
            }
        }
        let verified = verify(folder.path(), Some(&realm().public())).unwrap();
        prop_assert_eq!((verified.entries, verified.root), (history.state.entries(), ledger.info().root));
    }
}
