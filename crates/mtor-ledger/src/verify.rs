//! Proof that a ledger is whole.

use std::fmt;
use std::path::Path;

use mtor_identity::PublicKey;
use mtor_protocol::Digest;

/// A ledger that is whole. Its text is the line that `mtor ledger verify` prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verified {
    /// Entries in the journal.
    pub entries: u64,
    /// Accounts in the books.
    pub accounts: usize,
    /// The Merkle root over the entries.
    pub root: Digest,
}

impl fmt::Display for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { entries, accounts, root } = self;
        write!(f, "verified: {entries} entries, {accounts} accounts, sum 0, root {root}")
    }
}

/// What is wrong with a ledger.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// It can't be read.
    #[error("{0}")]
    Unreadable(String),
    /// This is wrong, in this place.
    #[error("{place}: {what}")]
    Wrong {
        /// Where: `entry 17`, `job ...`, `checkpoint at 10000`, a file.
        place: String,
        /// What is wrong there.
        what: String,
    },
}

/// Verifies the ledger in `folder`, also while a broker uses it. `realm` is the key that must have signed it; without
/// it, the key that the ledger names is believed.
///
/// # Errors
/// [`VerifyError`] names the first thing that is wrong.
pub fn verify(_folder: &Path, _realm: Option<&PublicKey>) -> Result<Verified, VerifyError> {
    unimplemented!()
}

/// Verifies leaves that came from elsewhere, in order from the first, against the checkpoint over them.
///
/// # Errors
/// [`VerifyError`] names the first thing that is wrong.
pub fn verify_leaves<L: AsRef<[u8]>>(
    _leaves: impl IntoIterator<Item = L>,
    _checkpoint: &str,
    _realm: &PublicKey,
) -> Result<Verified, VerifyError> {
    unimplemented!()
}
