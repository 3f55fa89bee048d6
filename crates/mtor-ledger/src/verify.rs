//! Proof that a ledger is whole: that nothing in the journal was changed, dropped or reordered, that the money in it
//! adds up, and that what is kept beside it is what it commits to.

mod beside;
mod folder;
mod since;
mod walk;

use std::fmt;

use mtor_identity::PublicKey;
use mtor_protocol::Digest;

use crate::checkpoint::Checkpoint;
use walk::Walk;

pub use folder::{verify, verify_since};
pub use since::Since;

/// A ledger that is whole. Its text is the line that `mtor ledger verify` prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verified {
    /// The realm whose log it is.
    pub realm: PublicKey,
    /// Entries in the journal.
    pub entries: u64,
    /// Accounts in the books.
    pub accounts: usize,
    /// The Merkle root over the entries.
    pub root: Digest,
}

impl fmt::Display for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { entries, accounts, root, .. } = self;
        write!(f, "verified: {entries} entries, {accounts} accounts, sum 0, root {root}")
    }
}

/// What is wrong with a ledger.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// It can't be read, so nothing can be said about it.
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

impl VerifyError {
    fn wrong(place: impl Into<String>, what: impl ToString) -> Self {
        Self::Wrong { place: place.into(), what: what.to_string() }
    }

    pub(crate) fn entry(seq: u64, what: impl ToString) -> Self {
        Self::wrong(format!("entry {seq}"), what)
    }
}

/// Verifies leaves that came from elsewhere, in order from the first, against the checkpoint over them.
///
/// # Errors
/// [`VerifyError`] names the first thing that is wrong.
pub fn verify_leaves<L: AsRef<[u8]>>(
    leaves: impl IntoIterator<Item = L>,
    checkpoint: &str,
    realm: &PublicKey,
) -> Result<Verified, VerifyError> {
    verify_leaves_since(leaves, checkpoint, realm, &Since::default())
}

/// The same, and that the log begins with what it was when older checkpoints were signed.
///
/// # Errors
/// [`VerifyError`] names the first thing that is wrong.
pub fn verify_leaves_since<L: AsRef<[u8]>>(
    leaves: impl IntoIterator<Item = L>,
    checkpoint: &str,
    realm: &PublicKey,
    since: &Since,
) -> Result<Verified, VerifyError> {
    let checkpoint =
        Checkpoint::open(checkpoint, realm).map_err(|error| VerifyError::wrong("the checkpoint", error))?;
    let mut walk = Walk::new(realm, since)?;
    for leaf in leaves {
        let entry = walk.read(leaf.as_ref())?;
        walk.step(leaf.as_ref(), &entry, |_| Ok(()))?;
    }
    let verified = walk.finish()?;
    if verified.entries != checkpoint.size {
        let what = format!("it is over {} entries, but there are {}", checkpoint.size, verified.entries);
        return Err(VerifyError::wrong("the checkpoint", what));
    }
    if verified.root != checkpoint.root {
        return Err(VerifyError::wrong("the checkpoint", "its root is not that of the entries"));
    }
    Ok(verified)
}
