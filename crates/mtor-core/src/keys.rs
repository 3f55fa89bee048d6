//! Which key speaks for which wallet. A wallet's account is named by its first key, and stays when the key changes: by a
//! statement of the key before it, or, when that is lost, by one of the recovery key, after a delay in which the wallet can
//! say no.

use std::collections::BTreeMap;

use mtor_protocol::{AccountId, JobId, KeyId, RecoveryPending, Timestamp};
use serde::{Deserialize, Serialize};

/// What was decided about the keys of a wallet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum KeyDecision {
    /// Its key is this one from now on.
    Rotated {
        /// The new key.
        key: KeyId,
    },
    /// This key may ask for it; without one, none may.
    RecoveryNamed {
        /// The recovery key.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        key: Option<KeyId>,
    },
    /// The recovery key asked for it.
    RecoveryAsked {
        /// What names the asking.
        ask: JobId,
        /// The key that will be the wallet's ...
        key: KeyId,
        /// ... then.
        due: Timestamp,
    },
    /// The wallet said no, and has no recovery key any more.
    Vetoed {
        /// To which asking.
        ask: JobId,
    },
    /// The delay is over: its key is this one from now on.
    Recovered {
        /// By which asking.
        ask: JobId,
        /// The new key.
        key: KeyId,
    },
}

/// How a wallet's keys stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct WalletKeys {
    /// The key that speaks for it.
    pub current: KeyId,
    /// The key that may ask for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovery: Option<KeyId>,
    /// What that has asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending: Option<RecoveryPending>,
    /// How often something was changed.
    pub changes: u32,
}

/// What a key is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It speaks for the wallet with this account.
    Speaks(AccountId),
    /// It did once, and does not any more.
    Replaced(AccountId),
    /// It will, unless the wallet says no.
    Waits(AccountId, RecoveryPending),
}

/// The keys of all wallets that ever changed anything about them. A wallet that never did has the key that its account is
/// named by.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Keys {
    wallets: BTreeMap<AccountId, WalletKeys>,
    /// The wallets of all keys that are, were or will be somebody's, but for the first of each.
    later: BTreeMap<KeyId, AccountId>,
}

impl Keys {
    /// What a key is good for.
    pub fn standing(&self, key: KeyId) -> Standing {
        let account = self.account_of(key);
        let Some(wallet) = self.wallets.get(&account) else { return Standing::Speaks(account) };
        match wallet.pending {
            _ if wallet.current == key => Standing::Speaks(account),
            Some(pending) if pending.next == key => Standing::Waits(account, pending),
            _ => Standing::Replaced(account),
        }
    }

    /// The wallet that a key names: whose it is, was or will be.
    pub fn account_of(&self, key: KeyId) -> AccountId {
        self.later.get(&key).copied().unwrap_or(key.first_of())
    }

    /// How a wallet's keys stand.
    pub fn of(&self, account: AccountId) -> WalletKeys {
        let first = WalletKeys { current: account.first_key(), recovery: None, pending: None, changes: 0 };
        self.wallets.get(&account).copied().unwrap_or(first)
    }

    /// Whether any wallet has, had or will have this key, other than as one that changed nothing.
    pub(crate) fn knows(&self, key: KeyId) -> bool {
        self.later.contains_key(&key) || self.wallets.contains_key(&key.first_of())
    }

    /// The recoveries that were asked for and have not taken effect.
    pub(crate) fn pending(&self) -> impl Iterator<Item = (Timestamp, AccountId)> {
        self.wallets.iter().filter_map(|(account, wallet)| Some((wallet.pending?.due, *account)))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.wallets.is_empty()
    }

    /// Makes a decision true.
    ///
    /// # Errors
    /// What is wrong with it; nothing has changed then.
    pub fn apply(
        &mut self,
        now: Timestamp,
        account: AccountId,
        decision: KeyDecision,
    ) -> Result<(), &'static str> {
        let mut wallet = self.of(account);
        match decision {
            KeyDecision::Rotated { key } => {
                if self.knows(key) || key == account.first_key() {
                    return Err("the new key was somebody's before");
                }
                self.later.insert(key, account);
                wallet.current = key;
            }
            KeyDecision::RecoveryNamed { key } => {
                if key == Some(wallet.current) {
                    return Err("the recovery key is the wallet's key");
                }
                wallet.recovery = key;
            }
            KeyDecision::RecoveryAsked { ask, key, due } => {
                if wallet.recovery.is_none() || wallet.pending.is_some() {
                    return Err("there is no recovery key, or it has asked already");
                }
                if self.knows(key) || key == account.first_key() {
                    return Err("the new key was somebody's before");
                }
                self.later.insert(key, account);
                wallet.pending = Some(RecoveryPending { ask, next: key, asked: now, due });
            }
            KeyDecision::Vetoed { ask } => {
                let pending = wallet.pending.take().filter(|pending| pending.ask == ask);
                let pending = pending.ok_or("there is no such recovery to say no to")?;
                self.later.remove(&pending.next);
                wallet.recovery = None;
            }
            KeyDecision::Recovered { ask, key } => {
                let pending =
                    wallet.pending.take().filter(|pending| (pending.ask, pending.next) == (ask, key));
                if pending.is_none_or(|pending| now < pending.due) {
                    return Err("no such recovery is due");
                }
                wallet.current = key;
            }
        }
        // A key that speaks for the wallet has no need to ask for it.
        wallet.recovery = wallet.recovery.filter(|recovery| *recovery != wallet.current);
        wallet.changes = wallet.changes.saturating_add(1);
        self.wallets.insert(account, wallet);
        Ok(())
    }
}
