//! Balances are written down now and then, and nobody can write down others.

use mtor_protocol::{AccountId, CapabilityKind, Digest, Micro, Ware};

use super::harness::{ALICE, BOB, COINS, START, World, chat, job};
use crate::books::{BooksError, ISSUER};
use crate::merkle::root_of_path;
use crate::{Balances, Books, Corrupt, Entry, Fact, Input, State, Ticket};

/// As long as a realm waits that was not told otherwise.
const BALANCE_INTERVAL_MS: u64 = 60 * 60 * 1_000;

/// The balances in the journal, with the number of their entry.
fn written(world: &World) -> Vec<(u64, Balances)> {
    let of = |entry: &Entry| match &entry.fact {
        Fact::Balanced { balances, .. } => Some((entry.seq, *balances)),
        _ => None,
    };
    world.journal.iter().filter_map(of).collect()
}

#[test]
fn once_an_hour_and_only_when_something_has_happened() {
    let mut world = World::new();
    world.wait_ms(BALANCE_INTERVAL_MS - 1);
    world.tick();
    assert_eq!(written(&world), []);
    world.wait_ms(1);
    world.tick();
    let expected =
        Balances { accounts: 2, liabilities: Micro(2 * COINS.0), ..world.realm.state().books().balances() };
    assert_eq!(written(&world), [(3, expected)]);

    // However long nothing happens, nothing is written.
    for _ in 0..5 {
        world.wait_ms(BALANCE_INTERVAL_MS);
        world.tick();
    }
    assert_eq!(written(&world).len(), 1);

    // What is written are the balances before the input that finds that it is time.
    world.join(1, [chat("small", 1)]);
    world.submit(job_then(&world, 1));
    assert_eq!(
        written(&world).len(),
        1,
        "the hour began to count when balances were written, but nothing had moved"
    );
    world.wait_ms(1);
    world.tick();
    let (_, second) = written(&world)[1];
    assert_eq!(second.liabilities, expected.liabilities, "what is held for a job is owed to its payer");
    assert_ne!(second.root, expected.root, "but is not available");
    world.tick();
    assert_eq!(written(&world).len(), 2);
}

fn job_then(world: &World, id: u128) -> crate::NewJob {
    crate::NewJob { deadline: world.now.plus_ms(60_000), ..job(id) }
}

#[test]
fn after_a_restart_the_hour_goes_on() {
    let mut world = World::new();
    world.wait_ms(BALANCE_INTERVAL_MS);
    world.tick();
    let transfer = |id| Input::Transfer {
        ticket: Ticket::NOBODY,
        id: mtor_protocol::JobId(id),
        from: ALICE,
        to: BOB,
        amount: Micro(1),
        memo: Digest([0; 32]),
    };
    world.handle(transfer(50));
    world.restart();
    world.wait_ms(BALANCE_INTERVAL_MS - 1);
    world.tick();
    assert_eq!(written(&world).len(), 1);
    world.wait_ms(1);
    world.restart();
    world.tick();
    assert_eq!(written(&world).len(), 2);
}

#[test]
fn prices_stand_beside_the_balances() {
    let mut world = World::new();
    world.join(1, [chat("small", 1)]);
    world.wait_ms(BALANCE_INTERVAL_MS);
    world.tick();
    let Some(Fact::Balanced { prices, .. }) = world.journal.last().map(|entry| &entry.fact) else {
        panic!("they were not written")
    };
    let chat = Ware::from(CapabilityKind::CHAT);
    let listed = world.realm.config().price(&chat);
    assert_eq!(prices.iter().collect::<Vec<_>>(), [(&chat, &listed)]);
}

#[test]
fn other_balances_than_those_of_the_books_are_refused() {
    let mut world = World::new();
    world.wait_ms(BALANCE_INTERVAL_MS);
    world.tick();
    let (_, right) = written(&world)[0];
    let wrong = [
        Balances { accounts: right.accounts + 1, ..right },
        Balances { liabilities: Micro(right.liabilities.0 - 1), ..right },
        Balances { root: Digest([0; 32]), ..right },
    ];
    for balances in wrong {
        let mut state = State::default();
        for entry in &world.journal[..3] {
            state.apply(entry).unwrap();
        }
        let before = state.clone();
        let fact = Fact::Balanced { balances, prices: Default::default() };
        let entry = Entry { seq: 3, time: START, fact };
        assert_eq!(state.apply(&entry), Err(Corrupt::Books(3, BooksError::OtherBalances)));
        assert_eq!(state, before);
    }
}

#[test]
fn every_wallet_has_a_path_to_the_root() {
    for wallets in [1, 2, 3, 255, 256, 257, 600] {
        let mut books = Books::default();
        for wallet in 0..wallets {
            books.transfer(ISSUER, AccountId(1_000 + 7 * wallet), Micro(wallet as u64 + 1)).unwrap();
        }
        let balances = books.balances();
        assert_eq!(balances.accounts, wallets as u64);
        for wallet in 0..wallets {
            let account = AccountId(1_000 + 7 * wallet);
            let (line, index, path) = books.prove(account).unwrap();
            assert_eq!(
                (line.account, line.available, line.held),
                (account, Micro(wallet as u64 + 1), Micro::ZERO)
            );
            let root = |line: crate::Balance| root_of_path(line.hash(), index, balances.accounts, &path);
            assert_eq!(root(line), Some(balances.root.0), "wallet {wallet} of {wallets}");
            let richer = crate::Balance { available: Micro(line.available.0 + 1), ..line };
            assert_ne!(root(richer), Some(balances.root.0));
        }
        assert_eq!(books.prove(AccountId(1_001)), None);
        assert_eq!(books.prove(ISSUER), None, "the realm's own accounts have no line");
    }
}
