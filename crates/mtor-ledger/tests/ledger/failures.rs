//! Disks fill up, files break: nothing that was taken is lost, and nothing that is there is overwritten.

use std::fs;
use std::path::Path;

use mtor_ledger::{Batch, CloseError, Ledger, OpenError, Settings, Unavailable, verify};

use crate::support::{History, commit, open, open_with, realm, send, until, wait};

/// Too little for anything more than the empty tables.
const FULL: Option<u64> = Some(4_096);

#[test]
fn a_full_disk_loses_nothing_and_changes_no_order() {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, _) = open(folder.path());
    let (mut history, founding) = History::founded();
    commit(&ledger, founding);
    ledger.set_database_bytes_max(FULL);
    let text = "many words ".repeat(5_000);
    let durable: Vec<_> = (10..40).map(|id| send(&ledger, history.exchange(id, &text, &text))).collect();
    until("the ledger says that it can't write", || !ledger.writable());
    assert!(!ledger.info().writable);
    let pending = ledger.stats().pending;
    assert!(pending > 0 && ledger.stats().failures > 0);
    assert!(durable.last().unwrap().try_recv().is_err(), "nothing is acknowledged that is not durable");
    verify(folder.path(), None).unwrap();

    ledger.set_database_bytes_max(None);
    durable.iter().for_each(wait);
    until("the ledger can write again", || ledger.writable());
    assert_eq!(ledger.stats().pending, 0);
    ledger.close().unwrap();
    let (_, recovered) = open(folder.path());
    assert_eq!(recovered.state, history.state);
    verify(folder.path(), None).unwrap();
}

#[test]
fn what_waits_is_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings { pending_operations_max: 100, database_bytes_max: FULL, ..Settings::default() };
    let (ledger, _) = open_with(folder.path(), settings);
    let (mut history, mut founding) = History::founded();
    // More than the pages that are there can hold.
    let big = history.exchange(10, &"q".repeat(60_000), &"a".repeat(60_000));
    founding.entries.extend(big.entries);
    founding.records.extend(big.records);
    let mut taken = vec![send(&ledger, founding)];
    let refused = (100..400).find_map(|id| {
        let batch = Batch { entries: vec![history.transfer(id)], records: vec![] };
        let (sender, receiver) = std::sync::mpsc::channel();
        let result = ledger.commit(batch, Box::new(move || sender.send(()).unwrap_or_default()));
        taken.push(receiver);
        result.err()
    });
    assert_eq!(refused, Some(Unavailable::Full { pending: 100 }));
    let refused = taken.pop().unwrap();
    ledger.set_database_bytes_max(None);
    taken.iter().for_each(wait);
    assert!(refused.recv().is_err(), "what was refused is never called back");
    until("there is room again", || ledger.stats().pending == 0);
}

#[test]
fn closing_on_a_full_disk_says_what_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, _) = open(folder.path());
    let (mut history, founding) = History::founded();
    commit(&ledger, founding);
    let durable_state = history.state.clone();
    ledger.set_database_bytes_max(FULL);
    let durable = send(&ledger, history.exchange(10, &"q".repeat(60_000), "a"));
    match ledger.close() {
        Err(CloseError::NotDurable { pending: 4, reason }) => assert!(reason.contains("full"), "{reason}"),
        other => panic!("{other:?}"),
    }
    assert!(durable.recv().is_err(), "it was never acknowledged");
    let (_, recovered) = open(folder.path());
    assert_eq!(recovered.state, durable_state);
}

fn refused(folder: &Path) -> OpenError {
    Ledger::open(folder, Settings::default(), realm()).unwrap_err()
}

/// A folder with a small ledger in it, closed.
fn small() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, _) = open(folder.path());
    let (mut history, founding) = History::founded();
    commit(&ledger, founding);
    commit(&ledger, history.exchange(10, "q", "a"));
    ledger.close().unwrap();
    folder
}

#[test]
fn broken_files_are_named_and_left_as_they_are() {
    type Damage = fn(&[u8]) -> Vec<u8>;
    let damages: [(&str, Damage); 4] = [
        ("empty", |_| Vec::new()),
        ("some text", |_| b"this is no database at all, but a letter to a friend".repeat(100)),
        ("half of it", |bytes| bytes[..bytes.len() / 2].to_vec()),
        ("zeroes in it", |bytes| {
            bytes.iter().enumerate().map(|(at, byte)| if at > 4_096 { 0 } else { *byte }).collect()
        }),
    ];
    for (name, damage) in damages {
        let folder = small();
        let database = folder.path().join("ledger.sqlite");
        let damaged = damage(&fs::read(&database).unwrap());
        fs::write(&database, &damaged).unwrap();
        let error = refused(folder.path());
        assert!(matches!(error, OpenError::Damaged { .. }), "{name}: {error:?}");
        let message = error.to_string();
        assert!(
            message.contains("ledger.sqlite is damaged") && message.contains("restore it"),
            "{name}: {message}"
        );
        assert_eq!(fs::read(&database).unwrap(), damaged, "{name}: it was left as it is");
        assert!(verify(folder.path(), None).is_err(), "{name}");
    }
}

#[test]
fn a_lost_database_is_no_new_realm() {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, _) = open(folder.path());
    let (mut history, founding) = History::founded();
    commit(&ledger, founding);
    commit(&ledger, history.exchange(10, "q", &"a".repeat(100_000)));
    ledger.close().unwrap();
    fs::remove_file(folder.path().join("ledger.sqlite")).unwrap();
    let message = refused(folder.path()).to_string();
    assert!(message.contains("it is missing, but other parts of the ledger are there"), "{message}");
    let message = verify(folder.path(), None).unwrap_err().to_string();
    assert!(message.contains("does not exist"), "{message}");
}

#[test]
fn a_newer_or_foreign_database_is_refused() {
    let change = |sql: &str| {
        let folder = small();
        rusqlite::Connection::open(folder.path().join("ledger.sqlite")).unwrap().execute_batch(sql).unwrap();
        refused(folder.path())
    };
    let newer = change("PRAGMA user_version = 7");
    assert!(matches!(newer, OpenError::Newer { found: 7, known: 4, .. }), "{newer:?}");
    let foreign = change("PRAGMA user_version = 0");
    assert!(foreign.to_string().contains("not a ledger"), "{foreign}");
    let other = change(
        "UPDATE meta SET value = 'did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp' WHERE name = 'realm'",
    );
    assert!(matches!(other, OpenError::OtherRealm { .. }), "{other:?}");
}

#[test]
fn entries_that_are_gone_are_missed_when_it_is_opened() {
    for (sql, said) in [
        ("DELETE FROM journal WHERE seq = 4", "it has 4 entries, but a checkpoint over 5"),
        ("DELETE FROM journal WHERE seq = 2", "entry 3 stands where entry 2 should be"),
        ("UPDATE journal SET leaf = zeroblob(100) WHERE seq = 2", "entry 2 does not match its hash"),
        ("UPDATE checkpoints SET note = replace(note, 'z6', 'z7')", "the checkpoint at 5: "),
    ] {
        let folder = small();
        let connection = rusqlite::Connection::open(folder.path().join("ledger.sqlite")).unwrap();
        connection.execute_batch(sql).unwrap();
        drop(connection);
        let error = refused(folder.path());
        assert!(
            matches!(error, OpenError::Damaged { .. }) && error.to_string().contains(said),
            "{sql}: {error}"
        );
    }
}

#[test]
fn a_folder_that_is_a_file_is_said_to_be_one() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("data");
    fs::write(&file, "x").unwrap();
    let error = refused(&file);
    assert!(matches!(error, OpenError::Unreadable { .. }), "{error:?}");
    assert!(error.to_string().contains("check that the folder exists"), "{error}");
}
