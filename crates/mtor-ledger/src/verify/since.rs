//! Checkpoints that somebody kept: what the log was then must be the beginning of what it is now.

use mtor_core::merkle::Frontier;
use mtor_identity::PublicKey;
use mtor_protocol::Digest;

use super::VerifyError;
use crate::checkpoint::{Checkpoint, split_notes};

/// Older checkpoints of a realm, as they were kept. A realm that rewrites its history can sign the new one as well as it
/// signed the old one, so only whoever kept an older signature can tell.
#[derive(Debug, Clone, Default)]
pub struct Since {
    /// Each with where it was found.
    notes: Vec<(String, String)>,
}

impl Since {
    /// Adds the checkpoints in a text, one after the other as `curl .../log/checkpoint >> FILE` leaves them. `name` says in
    /// errors where they are from. Gives how many there were.
    pub fn add(&mut self, name: &str, text: &str) -> usize {
        let before = self.notes.len();
        let found = (1..).zip(split_notes(text));
        self.notes
            .extend(found.map(|(number, note)| (format!("{name}, checkpoint {number}"), note.to_owned())));
        self.notes.len() - before
    }

    /// How many checkpoints there are.
    pub fn len(&self) -> usize {
        self.notes.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.notes.is_empty()
    }
}

/// Checkpoints to be compared when a walk reaches their sizes.
#[derive(Default)]
pub(super) struct Kept {
    /// Those to come, the next one last, each with where it was found.
    to_come: Vec<(Checkpoint, String)>,
    /// The size of the newest one that holds.
    agreed: u64,
}

impl Kept {
    /// Opens checkpoints that this realm must have signed.
    pub(super) fn open(since: &Since, realm: &PublicKey) -> Result<Self, VerifyError> {
        let opened = since.notes.iter().map(|(name, note)| match Checkpoint::open(note, realm) {
            Ok(checkpoint) => Ok((checkpoint, name.clone())),
            Err(error) => {
                Err(VerifyError::Unreadable(format!("{name} says nothing about this log: {error}")))
            }
        });
        let mut to_come = opened.collect::<Result<Vec<_>, _>>()?;
        to_come.sort_by_key(|(checkpoint, _)| std::cmp::Reverse(checkpoint.size));
        Ok(Self { to_come, agreed: 0 })
    }

    /// Compares those that are over as many entries as the tree has now.
    pub(super) fn check(&mut self, tree: &Frontier) -> Result<(), VerifyError> {
        let size = tree.size();
        while let Some((checkpoint, name)) = self.to_come.pop_if(|(checkpoint, _)| checkpoint.size == size) {
            if checkpoint.root != Digest(tree.root()) {
                let since = match self.agreed {
                    0 => String::new(),
                    agreed => format!(" (not before entry {agreed}: up to there an older checkpoint agrees)"),
                };
                let what = format!(
                    "the history before entry {size} was rewritten{since}. The realm has signed another root over the first \
                     {size} entries than they have now: the file and the log together prove it, by the realm's own signatures"
                );
                return Err(VerifyError::wrong(name, what));
            }
            self.agreed = size;
        }
        Ok(())
    }

    /// Nothing is left that was signed over more entries than there are.
    pub(super) fn finish(&self, entries: u64) -> Result<(), VerifyError> {
        let Some((checkpoint, name)) = self.to_come.last() else { return Ok(()) };
        let what = format!(
            "the realm has signed a log of {} entries, but only {entries} are here: the rest was taken away, or this is an \
             older copy",
            checkpoint.size
        );
        Err(VerifyError::wrong(name.clone(), what))
    }
}
