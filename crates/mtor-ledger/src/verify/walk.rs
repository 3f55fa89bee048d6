//! One walk through the leaves, in order: each must be an entry as this program writes it, follow from those before it,
//! and keep the books in balance.

use mtor_core::merkle::{Frontier, Hash, TileRoot, leaf_hash};
use mtor_core::{Entry, State};
use mtor_identity::PublicKey;
use mtor_protocol::Digest;

use super::since::{Kept, Since};
use super::{Verified, VerifyError};
use crate::defaults::VERIFY_BOOKS_INTERVAL;

/// How far the walk has come, and what it has found.
pub(super) struct Walk {
    realm: PublicKey,
    state: State,
    frontier: Frontier,
    kept: Kept,
    again: Vec<u8>,
}

impl Walk {
    /// A walk from the first entry of this realm's log, past older checkpoints of it.
    pub(super) fn new(realm: &PublicKey, since: &Since) -> Result<Self, VerifyError> {
        let mut kept = Kept::open(since, realm)?;
        let frontier = Frontier::default();
        kept.check(&frontier)?;
        Ok(Self { realm: *realm, state: State::default(), frontier, kept, again: Vec::new() })
    }

    /// Entries so far.
    pub(super) fn entries(&self) -> u64 {
        self.frontier.size()
    }

    /// The root over them.
    pub(super) fn root(&self) -> Hash {
        self.frontier.root()
    }

    /// The state after them.
    pub(super) fn state(&self) -> &State {
        &self.state
    }

    /// Reads the next leaf.
    pub(super) fn read(&mut self, leaf: &[u8]) -> Result<Entry, VerifyError> {
        let seq = self.entries();
        let entry: Entry = serde_json::from_slice(leaf)
            .map_err(|error| VerifyError::entry(seq, format_args!("it can't be read: {error}")))?;
        // Replay gives the same bytes: an entry that could be written in two ways would have two hashes.
        self.again.clear();
        serde_json::to_writer(&mut self.again, &entry).map_err(|error| VerifyError::entry(seq, error))?;
        match self.again == leaf {
            true => Ok(entry),
            false => Err(VerifyError::entry(seq, "it is not written as this program writes it")),
        }
    }

    /// Takes the entry in that was read from `leaf`. Every tile that it completes is given to `completed`.
    pub(super) fn step(
        &mut self,
        leaf: &[u8],
        entry: &Entry,
        mut completed: impl FnMut(TileRoot) -> Result<(), VerifyError>,
    ) -> Result<(), VerifyError> {
        let seq = self.entries();
        self.state.apply(entry).map_err(|error| VerifyError::entry(seq, error))?;
        let mut result = Ok(());
        self.frontier.append(leaf_hash(leaf), |root| {
            if result.is_ok() {
                result = completed(root);
            }
        });
        result?;
        self.kept.check(&self.frontier)?;
        match self.entries() % VERIFY_BOOKS_INTERVAL {
            0 => self.check_books(),
            _ => Ok(()),
        }
    }

    /// The end is reached.
    pub(super) fn finish(self) -> Result<Verified, VerifyError> {
        self.check_books()?;
        self.kept.finish(self.entries())?;
        Ok(Verified {
            realm: self.realm,
            entries: self.entries(),
            accounts: self.state.books().accounts().len(),
            root: Digest(self.root()),
        })
    }

    fn check_books(&self) -> Result<(), VerifyError> {
        let place = || format!("the books after entry {}", self.entries().saturating_sub(1));
        self.state.books().check().map_err(|error| VerifyError::wrong(place(), error))
    }
}
