//! What every wallet has, as one hash: a Merkle tree with a line for each. The journal gets its root from time to time, so that
//! the realm is held to its balances by its own signature, and a wallet can have its line proven.

use std::collections::BTreeMap;

use mtor_protocol::{AccountId, Digest, Micro, Price, Timestamp, Ware};
use serde::{Deserialize, Serialize};

use crate::books::{Books, is_the_realms};
use crate::entry::Fact;
use crate::merkle::{self, Frontier, Hash};
use crate::realm::{Output, Realm};
use crate::state::Corrupt;

/// Most prices that stand beside the balances, so that the entry fits into a leaf; the first ones by name.
const PRICES_MAX: usize = 128;

/// What one wallet has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Balance {
    /// Whose.
    pub account: AccountId,
    /// What can be spent.
    pub available: Micro,
    /// What is held for jobs.
    pub held: Micro,
}

impl Balance {
    /// The hash of its line: a leaf (RFC 6962) of 32 bytes, the account's 16, then both amounts in micro, all with the largest
    /// byte first.
    #[must_use]
    pub fn hash(&self) -> Hash {
        let mut line = [0; 32];
        line[..16].copy_from_slice(&self.account.0.to_be_bytes());
        line[16..24].copy_from_slice(&self.available.0.to_be_bytes());
        line[24..].copy_from_slice(&self.held.0.to_be_bytes());
        merkle::leaf_hash(&line)
    }
}

/// What all wallets have together, and the root of the tree over their lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Balances {
    /// Wallets with a line: every account that was ever used, but the realm's own.
    pub accounts: u64,
    /// What they have, held or not: what the realm owes.
    pub liabilities: Micro,
    /// The Merkle root over their lines, in the order of the accounts.
    pub root: Digest,
}

impl Books {
    /// The line of each wallet, in the order of the accounts.
    pub fn lines(&self) -> impl Iterator<Item = Balance> {
        self.accounts().filter(|(id, _)| !is_the_realms(*id)).map(|(account, sums)| Balance {
            account,
            available: sums.owned(),
            // What a peer owes is its own affair: a line never has less than nothing.
            held: sums.debits_pending.min(sums.credits_posted.saturating_sub(sums.debits_posted)),
        })
    }

    /// All lines as one hash. Hashes each: 100,000 wallets take some hundredths of a second.
    #[must_use]
    pub fn balances(&self) -> Balances {
        let (mut tree, mut sum) = (Frontier::default(), Micro::ZERO);
        for line in self.lines() {
            tree.append(line.hash(), |_| {});
            // Never beyond what was issued, which fits.
            sum = Micro(sum.0.saturating_add(line.available.0).saturating_add(line.held.0));
        }
        Balances { accounts: tree.size(), liabilities: sum, root: Digest(tree.root()) }
    }

    /// A wallet's line, its number in the order of the accounts, and its path to the root of [`balances`](Self::balances).
    #[must_use]
    pub fn prove(&self, account: AccountId) -> Option<(Balance, u64, Vec<Hash>)> {
        let lines: Vec<Balance> = self.lines().collect();
        let index = lines.binary_search_by_key(&account, |line| line.account).ok()?;
        let hashes: Vec<Hash> = lines.iter().map(Balance::hash).collect();
        let path = merkle::path_in(&hashes, index);
        Some((lines[index], index as u64, path))
    }
}

impl Realm {
    /// Writes the balances down, if it is time to and anything has happened since. Comes before each input: the balances are
    /// those that it finds.
    pub(crate) fn write_balances(
        &mut self,
        now: Timestamp,
        outputs: &mut Vec<Output>,
    ) -> Result<(), Corrupt> {
        if !self.state().are_balances_due(now, self.config().balance_interval_ms) {
            return Ok(());
        }
        let prices: BTreeMap<Ware, Price> =
            self.prices(now).into_iter().take(PRICES_MAX).map(|info| (info.ware(), info.price)).collect();
        let balances = self.state().books().balances();
        self.record(now, Fact::Balanced { balances, prices }, outputs)
    }
}
