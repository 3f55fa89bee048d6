//! Whatever is changed behind the ledger's back is found, and named.

use std::fs;
use std::path::{Path, PathBuf};

use mtor_ledger::{Batch, Settings, verify};
use mtor_protocol::JobId;
use rusqlite::Connection;

use crate::support::{History, commit, copy_folder, open_with, realm};

/// A ledger with everything in it: 600 entries, checkpoints, a snapshot, inline and large texts, an open job.
fn full(folder: &Path) {
    let settings = Settings {
        checkpoint_interval_entries: 100,
        snapshot_interval_entries: 1_000_000,
        inline_text_bytes_max: 1_000,
        ..Settings::default()
    };
    let (ledger, _) = open_with(folder, settings);
    let (mut history, founding) = History::founded();
    commit(&ledger, founding);
    commit(&ledger, history.exchange(10, "short question", "short answer"));
    commit(&ledger, history.exchange(11, &"long question ".repeat(100), &"long answer ".repeat(100)));
    commit(&ledger, history.ask(12, "open question"));
    commit(&ledger, history.grant(13, "the children"));
    while history.state.entries() < 1_100 {
        let seq = u128::from(history.state.entries());
        let entries = (0..100).map(|n| history.transfer(1_000 + seq * 1_000 + n)).collect();
        commit(&ledger, Batch { entries, records: vec![] });
    }
    ledger.close().unwrap();
    let verified = verify(folder, Some(&realm().public())).unwrap();
    assert_eq!(verified.entries, history.state.entries());
}

fn blob_files(folder: &Path) -> Vec<PathBuf> {
    let folders = fs::read_dir(folder.join("blobs")).unwrap().map(|entry| entry.unwrap().path());
    folders.flat_map(|folder| fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path())).collect()
}

#[test]
fn every_change_is_found_and_named() {
    let original = tempfile::tempdir().unwrap();
    full(original.path());
    let changes = [
        // The journal.
        (
            "UPDATE journal SET leaf = CAST(replace(CAST(leaf AS TEXT), '\"amount\":\"1\"', '\"amount\":\"2\"') AS BLOB) WHERE seq = 500",
            "entry 500: it does not match its hash",
        ),
        ("UPDATE journal SET hash = zeroblob(32) WHERE seq = 77", "entry 77: it does not match its hash"),
        ("DELETE FROM journal WHERE seq = 300", "entry 300: it is missing; the next one there is 301"),
        ("DELETE FROM journal WHERE seq >= 1000", "checkpoint at "),
        (
            "UPDATE journal SET seq = -1 WHERE seq = 200; UPDATE journal SET seq = 200 WHERE seq = 201; UPDATE journal SET seq = 201 WHERE seq = -1",
            "entry 200: entry 201 stands where entry 200 should be",
        ),
        ("INSERT INTO journal SELECT max(seq) + 1, leaf, hash FROM journal", "stands where entry"),
        // The log.
        (
            "UPDATE nodes SET hash = zeroblob(32) WHERE level = 1 AND idx = 1",
            "tile hash 1 of level 1: it is not that of the entries below it",
        ),
        ("DELETE FROM nodes WHERE idx = 0", "tile hash 0 of level 1"),
        ("INSERT INTO nodes VALUES (1, 99, zeroblob(32))", "table nodes: "),
        (
            "UPDATE checkpoints SET note = replace(note, 'A', 'B') WHERE size = (SELECT min(size) FROM checkpoints)",
            "checkpoint at ",
        ),
        (
            "UPDATE checkpoints SET size = size + 1 WHERE size = (SELECT max(size) FROM checkpoints)",
            "checkpoint at ",
        ),
        (
            "UPDATE checkpoints SET size = size - 1 WHERE size = (SELECT max(size) FROM checkpoints)",
            "checkpoint at ",
        ),
        // The state.
        (
            "UPDATE snapshots SET state = CAST(replace(CAST(state AS TEXT), '1000000', '2000000') AS BLOB)",
            "does not match its hash",
        ),
        ("UPDATE snapshots SET entries = entries - 1", "snapshot at "),
        // What is beside it.
        (
            "UPDATE texts SET text = replace(text, 'short answer', 'short lie') WHERE text LIKE 'short%'",
            "job 00000000-0000-0000-0000-00000000000a: the answer is not what its entry commits to",
        ),
        (
            "UPDATE texts SET text = replace(text, 'short question', 'other') WHERE key % 2 = 0",
            "00000a: what was asked is not what its entry commits to",
        ),
        ("UPDATE texts SET text = replace(text, 'open question', 'other')", "00000c: what was asked is not"),
        ("UPDATE jobs SET salt = zeroblob(16)", "00000a: what was asked is not what its entry commits to"),
        (
            "UPDATE jobs SET output = zeroblob(32) WHERE output IS NOT NULL",
            "00000a: the answer is not what its entry commits to",
        ),
        ("UPDATE jobs SET signed = replace(signed, 'did', 'DID')", "00000a: the signature under it is not"),
        ("UPDATE jobs SET receipt = NULL", "00000a: what the worker signed is not"),
        ("UPDATE jobs SET cost = 1 WHERE cost = 100", "00000a: cost and usage are not"),
        (
            "UPDATE jobs SET state = 'failed' WHERE state = 'completed'",
            "00000a: its state is not the outcome",
        ),
        ("UPDATE jobs SET state = 'done' WHERE state = 'completed'", "00000a: "),
        ("UPDATE jobs SET hold = 7", "00000a: account and hold are not"),
        ("UPDATE jobs SET model = 'other'", "00000a: capability and model"),
        ("UPDATE jobs SET class = 'batch'", "00000a: class and privacy"),
        (
            "UPDATE jobs SET settled = NULL WHERE settled IS NOT NULL",
            "00000a: the journal says that it has ended",
        ),
        ("UPDATE jobs SET settled = 5 WHERE settled IS NULL", "00000c: its record says that it has ended"),
        ("DELETE FROM jobs WHERE state = 'queued'", "00000c: its record is missing"),
        ("UPDATE texts SET blob = zeroblob(32) WHERE blob IS NOT NULL", "00000b: "),
        ("UPDATE grants SET about = 'other'", "00000d: its names are not what its entry commits to"),
        ("UPDATE grants SET granter = account", "00000d: its accounts are not"),
        ("DELETE FROM grants", "00000d: its record is missing"),
        (
            "INSERT INTO grants SELECT x'00', granter, account, salt, about FROM grants",
            "table grants: there are",
        ),
        ("DELETE FROM ids WHERE seq = 3", "table ids: entry 3 is missing"),
        ("INSERT INTO ids VALUES (x'00', 3)", "table ids: there are"),
        ("DELETE FROM movements WHERE seq = 4 AND kind = 2", "table movements: entry 4 of account"),
        ("INSERT INTO movements VALUES (zeroblob(16), 4, 1)", "table movements: there are"),
        (
            "UPDATE meta SET value = 'did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp' WHERE name = 'realm'",
            "the realm's name",
        ),
    ];
    for (sql, said) in changes {
        let folder = tempfile::tempdir().unwrap();
        copy_folder(original.path(), folder.path());
        let connection = Connection::open(folder.path().join("ledger.sqlite")).unwrap();
        connection.execute_batch(sql).unwrap();
        assert!(connection.total_changes() > 0, "{sql}");
        drop(connection);
        let error = verify(folder.path(), Some(&realm().public())).unwrap_err().to_string();
        assert!(error.contains(said), "{sql}: {error}");
    }
}

#[test]
fn a_changed_or_missing_blob_is_named_by_its_file() {
    let folder = tempfile::tempdir().unwrap();
    full(folder.path());
    let files = blob_files(folder.path());
    assert_eq!(files.len(), 2, "question and answer");
    for file in files {
        let whole = fs::read(&file).unwrap();
        let mut flipped = whole.clone();
        flipped[500] ^= 1;
        fs::write(&file, &flipped).unwrap();
        let error = verify(folder.path(), None).unwrap_err().to_string();
        let name = file.display().to_string();
        assert!(error.contains(&format!("{name} does not match its name")), "{error}");
        fs::remove_file(&file).unwrap();
        let error = verify(folder.path(), None).unwrap_err().to_string();
        assert!(error.contains(&name) && error.contains("can't be read"), "{error}");
        fs::write(&file, &whole).unwrap();
    }
    verify(folder.path(), None).unwrap();
}

#[test]
fn an_entry_with_a_new_hash_is_found_by_the_tree() {
    let folder = tempfile::tempdir().unwrap();
    full(folder.path());
    let connection = Connection::open(folder.path().join("ledger.sqlite")).unwrap();
    let leaf: Vec<u8> =
        connection.query_row("SELECT leaf FROM journal WHERE seq = 2", [], |row| row.get(0)).unwrap();
    let leaf = String::from_utf8(leaf).unwrap().replace("\"1000000000\"", "\"1000000001\"").into_bytes();
    let hash: [u8; 32] = {
        use sha2::{Digest, Sha256};
        Sha256::new().chain_update([0]).chain_update(&leaf).finalize().into()
    };
    let changed =
        connection.execute("UPDATE journal SET leaf = ?1, hash = ?2 WHERE seq = 2", (leaf, hash)).unwrap();
    assert_eq!(changed, 1);
    let error = verify(folder.path(), None).unwrap_err().to_string();
    assert!(error.starts_with("checkpoint at ") && error.contains("its root is not"), "{error}");
}

#[test]
fn a_flipped_bit_anywhere_in_a_leaf_in_the_file_is_found() {
    let original = tempfile::tempdir().unwrap();
    full(original.path());
    let bytes = fs::read(original.path().join("ledger.sqlite")).unwrap();
    let connection = Connection::open(original.path().join("ledger.sqlite")).unwrap();
    let leaf = |seq: u64| -> Vec<u8> {
        connection
            .query_row("SELECT leaf FROM journal WHERE seq = ?1", [seq as i64], |row| row.get(0))
            .unwrap()
    };
    for seq in (0..1_100).step_by(250) {
        let leaf = leaf(seq);
        // Where pages were split the file has stale copies too, which nobody reads: the same bit is flipped in all.
        let places: Vec<usize> = bytes
            .windows(leaf.len())
            .enumerate()
            .filter_map(|(at, window)| (window == leaf).then_some(at))
            .collect();
        assert!(!places.is_empty(), "entry {seq}");
        for offset in [0, leaf.len() / 2, leaf.len() - 1] {
            let folder = tempfile::tempdir().unwrap();
            copy_folder(original.path(), folder.path());
            let mut bytes = bytes.clone();
            places.iter().for_each(|place| bytes[place + offset] ^= 1);
            fs::write(folder.path().join("ledger.sqlite"), &bytes).unwrap();
            let error = verify(folder.path(), None).unwrap_err().to_string();
            assert_eq!(error, format!("entry {seq}: it does not match its hash"));
        }
    }
}

#[test]
fn it_can_be_verified_while_it_is_used() {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, _) = open_with(folder.path(), Settings::default());
    let (mut history, founding) = History::founded();
    commit(&ledger, founding);
    for id in 10..30 {
        commit(&ledger, history.exchange(id, "q", "a"));
        let verified = verify(folder.path(), Some(&realm().public())).unwrap();
        assert_eq!(verified.entries, history.state.entries());
        assert_eq!(verified.root, ledger.info().root);
    }
}

#[test]
fn of_sound_the_digest_is_what_the_journal_commits_to() {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, _) = open_with(folder.path(), Settings::default());
    let (mut history, founding) = History::founded();
    commit(&ledger, founding);
    commit(&ledger, history.ask(10, "say it aloud"));
    commit(&ledger, history.spoken(10, b"a wave"));
    drop(ledger);
    verify(folder.path(), Some(&realm().public())).unwrap();

    let connection = Connection::open(folder.path().join("ledger.sqlite")).unwrap();
    connection.execute("UPDATE jobs SET output = zeroblob(32)", []).unwrap();
    let error = verify(folder.path(), Some(&realm().public())).unwrap_err().to_string();
    assert!(error.contains("the answer is not what its entry commits to"), "{error}");
}

#[test]
fn a_changed_picture_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, _) = open_with(folder.path(), Settings::default());
    let (mut history, founding) = History::founded();
    commit(&ledger, founding);
    commit(&ledger, history.ask(10, "draw"));
    commit(&ledger, history.drawn(10, &[b"first", b"second"], "Two pictures."));
    let parts = ledger.job(JobId(10)).unwrap().unwrap().parts;
    let told: Vec<_> = parts.iter().map(|kept| (kept.part.number, kept.part.bytes, kept.sequence)).collect();
    assert_eq!(told, [(0, 5, 3), (1, 6, 4)]);
    assert_eq!(ledger.part(&parts[1].part).unwrap(), b"second");
    drop(ledger);
    verify(folder.path(), None).unwrap();

    // Another picture in its place, whose file has its own right name.
    let database = Connection::open(folder.path().join("ledger.sqlite")).unwrap();
    let swapped = "UPDATE parts SET blob = (SELECT blob FROM parts WHERE number = 0)";
    database.execute(swapped, []).unwrap();
    database.close().unwrap();
    let error = verify(folder.path(), None).unwrap_err().to_string();
    assert!(error.contains("its parts are not those of the answer"), "{error}");
}
