//! How many transfers per second the ledger makes durable, at several batch sizes, beside a floor: bare SQLite that
//! inserts the same bytes, as durably, in the same run.
//!
//! `cargo bench -p mtor-ledger`

use std::sync::Arc;
use std::sync::mpsc::channel;

use divan::Bencher;
use divan::counter::ItemsCount;
use mtor_core::{Entry, Fact};
use mtor_identity::Keypair;
use mtor_ledger::{Batch, Ledger, Settings};
use mtor_protocol::{AccountId, Digest, JobId, Micro, Timestamp};
use rusqlite::{Connection, params};

/// Transfers in one sample.
const TRANSFERS: u64 = 20_000;
/// Wallets that take part.
const WALLETS: u64 = 1_000;

fn main() {
    divan::main();
}

/// The entries from number `first` on: the founding, one issue to each wallet, then transfers among them.
fn entries(first: u64, count: u64) -> Vec<Entry> {
    let wallet =
        |n: u64| AccountId(0x9000_0000_0000 + u128::from(n % WALLETS).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    let id = |seq: u64| JobId(u128::from(1_700_000_000_000 + seq / 50) << 80 | u128::from(seq));
    let fact = |seq: u64| match seq {
        0 => Fact::Founded { owner: wallet(0) },
        seq if seq <= WALLETS => Fact::Issued { id: id(seq), to: wallet(seq), amount: Micro::coins(1_000) },
        seq => Fact::Transferred {
            id: id(seq),
            from: wallet(seq * 7),
            to: wallet(seq * 7 + 1 + seq % (WALLETS - 1)),
            amount: Micro(1),
            memo: Digest([seq as u8; 32]),
        },
    };
    (first..first + count)
        .map(|seq| Entry { seq, time: Timestamp(1_700_000_000_000 + seq), fact: fact(seq) })
        .collect()
}

/// Everything is given to the ledger in batches of this size, then waited for: it groups what has gathered.
#[divan::bench(args = [1, 10, 100, 1_000], sample_count = 5, sample_size = 1)]
fn ledger(bencher: Bencher<'_, '_>, batch: usize) {
    bencher
        .counter(ItemsCount::new(TRANSFERS))
        .with_inputs(|| {
            let folder = tempfile::tempdir().expect("a folder");
            let settings = Settings { pending_operations_max: 1_000_000, ..Settings::default() };
            let key = Arc::new(Keypair::from_seed([1; 32]));
            let (ledger, _) = Ledger::open(folder.path(), settings, key).expect("a ledger");
            give(&ledger, batches(0, WALLETS + 1, 1_000));
            (folder, ledger, batches(WALLETS + 1, TRANSFERS, batch))
        })
        .bench_values(|(folder, ledger, batches)| {
            give(&ledger, batches);
            (folder, ledger)
        });
}

fn batches(first: u64, count: u64, size: usize) -> Vec<Batch> {
    let mut entries = entries(first, count).into_iter().peekable();
    let mut batches = Vec::new();
    while entries.peek().is_some() {
        batches.push(Batch { entries: entries.by_ref().take(size).collect(), records: vec![] });
    }
    batches
}

fn give(ledger: &Ledger, mut batches: Vec<Batch>) {
    let (sender, receiver) = channel();
    let last = batches.pop().expect("at least one batch");
    for batch in batches {
        ledger.commit(batch, Box::new(|| {})).expect("room");
    }
    ledger.commit(last, Box::new(move || sender.send(()).expect("somebody waits"))).expect("room");
    receiver.recv().expect("it becomes durable");
}

/// The same leaves and hashes into one table of a database with the same settings, in transactions of this size.
#[divan::bench(args = [1_000], sample_count = 5, sample_size = 1)]
fn floor_bare_sqlite(bencher: Bencher<'_, '_>, group: usize) {
    bencher
        .counter(ItemsCount::new(TRANSFERS))
        .with_inputs(|| {
            let folder = tempfile::tempdir().expect("a folder");
            let connection = Connection::open(folder.path().join("floor.sqlite")).expect("a database");
            connection
                .execute_batch(
                    "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
                     CREATE TABLE journal (seq INTEGER PRIMARY KEY, leaf BLOB NOT NULL, hash BLOB NOT NULL) STRICT;",
                )
                .expect("a table");
            let leaves: Vec<Vec<u8>> = entries(WALLETS + 1, TRANSFERS)
                .iter()
                .map(|entry| serde_json::to_vec(entry).expect("entries are JSON"))
                .collect();
            (folder, connection, leaves)
        })
        .bench_values(|(folder, connection, leaves)| {
            let mut insert = connection.prepare("INSERT INTO journal VALUES (?1, ?2, ?3)").expect("a table");
            for (first, group_of_leaves) in (0..).step_by(group).zip(leaves.chunks(group)) {
                connection.execute_batch("BEGIN").expect("no transaction runs");
                for (seq, leaf) in (first..).zip(group_of_leaves) {
                    insert.execute(params![seq as i64, leaf, [0u8; 32]]).expect("room");
                }
                connection.execute_batch("COMMIT").expect("room");
            }
            drop(insert);
            (folder, connection)
        });
}
