//! Whose a key is, for everybody who has to know: what the realm has decided and the ledger has, and who is to be told when it
//! changes. Sessions are proven once and live long, so each watches the keys of its wallet.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use mtor_core::{KeyDecision, Keys, Standing};
use mtor_identity::{PublicKey, key_id};
use mtor_protocol::{AccountId, KeyId, Problem, ProblemKind, Timestamp, WalletKeysInfo};
use tokio::sync::watch;

use crate::app::Wallet;

/// The keys of all wallets.
#[derive(Debug, Default)]
pub struct KeyRing {
    keys: RwLock<Keys>,
    watched: Mutex<HashMap<AccountId, watch::Sender<()>>>,
}

impl KeyRing {
    /// With what was decided so far.
    pub(crate) fn new(keys: Keys) -> Self {
        Self { keys: RwLock::new(keys), watched: Mutex::default() }
    }

    /// The wallet that a key speaks for.
    ///
    /// # Errors
    /// When it speaks for none any more, or not yet.
    pub(crate) fn wallet(&self, key: &PublicKey) -> Result<Wallet, Problem> {
        let account = self.speaks_for(key_id(key))?;
        Ok(Wallet { did: key.to_did(), account, grant: None })
    }

    /// The account of the wallet that a key names: whose it is, was or will be.
    pub(crate) fn account_of(&self, key: KeyId) -> AccountId {
        self.read(|keys| keys.account_of(key))
    }

    /// How a wallet's keys stand, in a realm with this delay.
    pub(crate) fn info(&self, account: AccountId, delay_ms: u64) -> WalletKeysInfo {
        let wallet = self.read(|keys| keys.of(account));
        WalletKeysInfo {
            account,
            key: wallet.current,
            recovery: wallet.recovery,
            pending: wallet.pending,
            delay_s: delay_ms / 1_000,
        }
    }

    /// Takes in what was decided and is durable, and tells the sessions that it concerns.
    pub(crate) fn learn(&self, time: Timestamp, account: AccountId, decision: KeyDecision) {
        let applied = {
            let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
            keys.apply(time, account, decision)
        };
        if let Err(what) = applied {
            // The core has applied the same to the same.
            tracing::error!(%account, what, "a change of keys could not be taken in");
        }
        // Somebody may have a session with the new key already, as the wallet that it would be by itself.
        let new = match decision {
            KeyDecision::Rotated { key } | KeyDecision::RecoveryAsked { key, .. } => Some(key.first_of()),
            _ => None,
        };
        let watched = self.watched();
        for account in [Some(account), new].into_iter().flatten() {
            if let Some(watchers) = watched.get(&account) {
                watchers.send_replace(());
            }
        }
    }

    /// Watches the keys of a wallet from now on; `proven` says that it is there by its key, and not as whoever sits at the realm's
    /// own machine. There is news at once, so that nothing is missed that happened while the wallet proved itself.
    pub(crate) fn watch(self: &Arc<Self>, wallet: &Wallet, proven: bool) -> KeyWatch {
        let key = PublicKey::from_did(wallet.did.as_str()).ok().filter(|_| proven);
        let mut news = self.watched().entry(wallet.account).or_default().subscribe();
        news.mark_changed();
        KeyWatch { ring: self.clone(), account: wallet.account, key: key.as_ref().map(key_id), news }
    }

    fn speaks_for(&self, key: KeyId) -> Result<AccountId, Problem> {
        match self.read(|keys| keys.standing(key)) {
            Standing::Speaks(account) => Ok(account),
            Standing::Replaced(account) => {
                let detail = format!(
                    "the wallet {account} has another key now, and this one is good for nothing any more; use the one that came after it, or its twelve words"
                );
                Err(Problem::new(ProblemKind::KeyReplaced, detail))
            }
            Standing::Waits(account, pending) => {
                let detail = format!(
                    "this key will be that of the wallet {account} at {}, unless the wallet says no",
                    pending.due
                );
                Err(Problem::new(ProblemKind::KeyWaiting, detail))
            }
        }
    }

    fn read<T>(&self, look: impl FnOnce(&Keys) -> T) -> T {
        // What is in there is whole whatever panicked elsewhere.
        look(&self.keys.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn watched(&self) -> MutexGuard<'_, HashMap<AccountId, watch::Sender<()>>> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A session's eye on the keys of its wallet. Small, since each open and silent session has one.
#[derive(Debug)]
pub(crate) struct KeyWatch {
    ring: Arc<KeyRing>,
    account: AccountId,
    /// The key that the session was proven with, if it was.
    key: Option<KeyId>,
    news: watch::Receiver<()>,
}

impl KeyWatch {
    /// Waits until there is news.
    pub(crate) async fn changed(&mut self) {
        if self.news.changed().await.is_err() {
            // There is a sender as long as somebody watches; without one there would be no news any more.
            std::future::pending().await
        }
    }

    /// Whether the session's key still speaks for its wallet.
    ///
    /// # Errors
    /// When it does not.
    pub(crate) fn check(&self) -> Result<(), Problem> {
        let Some(key) = self.key else { return Ok(()) };
        match self.ring.speaks_for(key)? == self.account {
            true => Ok(()),
            false => Err(Problem::new(ProblemKind::KeyReplaced, "this key speaks for another wallet by now")),
        }
    }
}

impl Drop for KeyWatch {
    fn drop(&mut self) {
        let mut watched = self.ring.watched();
        // This one is still counted.
        if watched.get(&self.account).is_some_and(|watchers| watchers.receiver_count() <= 1) {
            watched.remove(&self.account);
        }
    }
}

#[cfg(test)]
mod tests {
    use mtor_identity::{Keypair, guid};
    use mtor_protocol::JobId;

    use super::*;

    const NOW: Timestamp = Timestamp(1_000);

    fn keys() -> [PublicKey; 2] {
        [[1; 32], [2; 32]].map(|seed| Keypair::from_seed(seed).public())
    }

    #[tokio::test]
    async fn a_session_learns_of_its_wallets_keys_and_leaves_nothing_behind() {
        let ring = Arc::new(KeyRing::default());
        let [old, new] = keys();
        let wallet = ring.wallet(&old).unwrap();
        let mut watches = [&wallet, &ring.wallet(&new).unwrap()].map(|wallet| ring.watch(wallet, true));
        for watch in &mut watches {
            watch.changed().await;
            assert_eq!(watch.check(), Ok(()), "each looks once at the beginning");
        }
        let at_home = ring.watch(&wallet, false);
        ring.learn(NOW, wallet.account, KeyDecision::Rotated { key: key_id(&new) });
        for watch in &mut watches {
            watch.changed().await;
            assert_eq!(watch.check().unwrap_err().known_kind(), Some(ProblemKind::KeyReplaced));
        }
        assert_eq!(at_home.check(), Ok(()), "who sits at home needs no key");
        assert_eq!(ring.wallet(&new).unwrap().account, wallet.account);
        drop(watches);
        assert_eq!(ring.watched().len(), 1);
        drop(at_home);
        assert!(ring.watched().is_empty());
    }

    #[test]
    fn a_key_that_waits_is_told_until_when() {
        let ring = KeyRing::default();
        let [old, new] = keys();
        let account = guid(&old);
        let due = Timestamp(5_000);
        ring.learn(NOW, account, KeyDecision::RecoveryNamed { key: Some(KeyId(9)) });
        ring.learn(NOW, account, KeyDecision::RecoveryAsked { ask: JobId(1), key: key_id(&new), due });
        let problem = ring.wallet(&new).unwrap_err();
        assert_eq!(problem.known_kind(), Some(ProblemKind::KeyWaiting));
        assert!(problem.detail.contains(&due.to_string()));
        assert_eq!(ring.info(account, 72_000).pending.map(|pending| pending.due), Some(due));
        assert!(ring.wallet(&old).is_ok());
    }
}
