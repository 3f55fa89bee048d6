//! What it costs to write all balances down, which is done at most once an hour, and while the realm waits.
//!
//! Run with `cargo bench -p mtor-core --bench balances`.

use mtor_core::{Books, ISSUER};
use mtor_protocol::{AccountId, Micro};

fn main() {
    divan::main();
}

#[divan::bench(args = [100, 10_000, 100_000])]
fn all_balances(bencher: divan::Bencher<'_, '_>, wallets: u128) {
    let mut books = Books::default();
    for wallet in 0..wallets {
        let taken = books.transfer(ISSUER, AccountId(1_000 + wallet), Micro(wallet as u64 + 1));
        assert_eq!(taken, Ok(()));
    }
    bencher.bench_local(|| divan::black_box(&books).balances());
}
