//! A wallet's balance, proven: its line, the path to the root of all balances, and the entry that has this root. Everything for
//! it is in the published log, so that nobody has to be asked.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mtor_core::merkle::{self, Hash, leaf_hash};
use mtor_core::{Balance, Entry, Fact, State};
use mtor_identity::PublicKey;
use mtor_protocol::AccountId;
use serde::{Deserialize, Serialize};

use super::{PATH_MAX, ProofError, Shown, write};
use crate::verify::{VerifyError, verify_leaves};

/// A wallet's line, and where it stands among the others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShownBalance {
    /// The line.
    line: Balance,
    /// Its number, in the order of the accounts.
    index: u64,
    /// The path to the root of all balances: hashes in base64.
    path: Vec<String>,
}

impl ShownBalance {
    /// The line, if it is among the balances in this entry.
    pub(super) fn check(&self, entry: &Entry) -> Result<Balance, ProofError> {
        let Fact::Balanced { balances, .. } = &entry.fact else { return Err(ProofError::Balance) };
        let hash = |text: &String| STANDARD.decode(text).ok().and_then(|bytes| Hash::try_from(bytes).ok());
        let path: Option<Vec<Hash>> = self.path.iter().take(PATH_MAX + 1).map(hash).collect();
        let path = path.ok_or(ProofError::Balance)?;
        match merkle::root_of_path(self.line.hash(), self.index, balances.accounts, &path) {
            Some(root) if root == balances.root.0 => Ok(self.line),
            _ => Err(ProofError::Balance),
        }
    }
}

/// Why a balance can't be proven.
#[derive(Debug, thiserror::Error)]
pub enum BalanceProofError {
    /// The log itself is not as it should be.
    #[error("the log does not verify: {0}")]
    Log(#[from] VerifyError),
    /// The realm has not written any balances down.
    #[error(
        "the realm has not written its balances down yet: it does so with the first thing that happens an hour after it was \
         founded, and then at most once an hour; try again later"
    )]
    NotYet,
    /// The wallet was not there.
    #[error(
        "the wallet {account} is not among the balances of entry {entry}, the newest: it had never had a coin by then; try again \
         an hour after it got some"
    )]
    Unknown {
        /// Whose.
        account: AccountId,
        /// The entry with the newest balances.
        entry: u64,
    },
}

/// Proves what a wallet had when the realm last wrote all balances down, from the whole log, which is verified on the way. The
/// proof is for [`check_proof`](super::check_proof).
///
/// # Errors
/// [`BalanceProofError`]
pub fn prove_balance<L: AsRef<[u8]>>(
    leaves: &[L],
    checkpoint: &str,
    realm: &PublicKey,
    account: AccountId,
) -> Result<String, BalanceProofError> {
    verify_leaves(leaves, checkpoint, realm)?;
    let parse = |seq: usize| -> Result<Entry, VerifyError> {
        serde_json::from_slice(leaves[seq].as_ref()).map_err(|error| VerifyError::entry(seq as u64, error))
    };
    let mut newest = None;
    for seq in (0..leaves.len()).rev() {
        if matches!(parse(seq)?.fact, Fact::Balanced { .. }) {
            newest = Some(seq);
            break;
        }
    }
    let newest = newest.ok_or(BalanceProofError::NotYet)?;
    let mut state = State::default();
    for seq in 0..newest {
        state.apply(&parse(seq)?).map_err(|error| VerifyError::entry(seq as u64, error))?;
    }
    let (line, index, path) =
        state.books().prove(account).ok_or(BalanceProofError::Unknown { account, entry: newest as u64 })?;
    let path = path.iter().map(|hash| STANDARD.encode(hash)).collect();

    let hashes: Vec<Hash> = leaves.iter().map(|leaf| leaf_hash(leaf.as_ref())).collect();
    let leaf = String::from_utf8_lossy(leaves[newest].as_ref()).into_owned();
    let balance = Some(ShownBalance { line, index, path });
    let shown = Shown { leaf, balance, ..Shown::default() };
    Ok(write(newest as u64, &shown, &merkle::path_in(&hashes, newest), checkpoint))
}
