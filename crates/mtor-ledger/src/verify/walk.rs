//! One walk through the leaves, in order: each must be an entry as this program writes it, follow from those before it,
//! and keep the books in balance.

use mtor_core::merkle::{Frontier, Hash, TileRoot, leaf_hash};
use mtor_core::{Entry, Fact, KeyDecision, State};
use mtor_identity::{PublicKey, verify_keys};
use mtor_protocol::{AccountId, Digest, KeyChange, KeyStatement};

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
        if let Fact::Keys { account, decision, statement } = &entry.fact {
            self.check_keys(*account, *decision, statement.as_deref())
                .map_err(|what| VerifyError::entry(seq, what))?;
        }
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

    /// Whoever may change a wallet's keys has signed that they change, and what was decided is what was signed. That a
    /// recovery takes effect is signed by nobody: that is for the state to say.
    fn check_keys(
        &self,
        account: AccountId,
        decision: KeyDecision,
        statement: Option<&KeyStatement>,
    ) -> Result<(), String> {
        let Some(statement) = statement else {
            return match decision {
                KeyDecision::Recovered { .. } => Ok(()),
                _ => Err("nobody has signed this change of keys".to_owned()),
            };
        };
        let stated =
            verify_keys(statement, self.realm.to_did().as_str()).map_err(|error| error.to_string())?;
        let keys = self.state.keys();
        let wallet = keys.of(account);
        let (signer, said) = match (&statement.change, decision) {
            (KeyChange::Rotate { .. }, KeyDecision::Rotated { key }) => {
                (Some(wallet.current), stated.named == Some(key))
            }
            (KeyChange::NameRecovery { .. }, KeyDecision::RecoveryNamed { key }) => {
                (Some(wallet.current), stated.named == key)
            }
            (KeyChange::AskRecovery { .. }, KeyDecision::RecoveryAsked { ask, key, .. }) => {
                (wallet.recovery, stated.named == Some(key) && ask == statement.id)
            }
            (KeyChange::Veto { ask }, KeyDecision::Vetoed { ask: vetoed }) => {
                (Some(wallet.current), *ask == vetoed)
            }
            _ => (None, false),
        };
        if !said || keys.account_of(statement.wallet.first_key()) != account {
            return Err("what was signed is another change of keys".to_owned());
        }
        match signer == Some(stated.by) {
            true => Ok(()),
            false => Err("the change of keys was signed by a key that may not".to_owned()),
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
