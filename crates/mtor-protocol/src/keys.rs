//! Changes of a wallet's keys: what is signed to change them, and how they stand. The wallet keeps its account, its GUID and
//! its history while its key changes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::{AccountId, Did, JobId, KeyId, Timestamp};

/// What shall change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub enum KeyChange {
    /// From now on the wallet's key is `next`; the one that signs is good for nothing any more.
    Rotate {
        /// The new key, which was never used before.
        next: Did,
    },
    /// This key may ask for the wallet when its own is lost; without one, none may.
    NameRecovery {
        /// The recovery key.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        key: Option<Did>,
    },
    /// The recovery key wants `next` to be the wallet's key: it will be, after the realm's delay, unless the wallet says no.
    AskRecovery {
        /// The new key, which was never used before.
        next: Did,
    },
    /// The wallet says no, and names no recovery key any more.
    Veto {
        /// The id of the statement that asked.
        ask: JobId,
    },
}

impl KeyChange {
    /// The key that becomes the wallet's by it, at once or later. It signs too.
    pub fn next(&self) -> Option<&Did> {
        match self {
            Self::Rotate { next } | Self::AskRecovery { next } => Some(next),
            Self::NameRecovery { .. } | Self::Veto { .. } => None,
        }
    }

    /// The key that is named in it, if one is.
    pub fn named(&self) -> Option<&Did> {
        match self {
            Self::Rotate { next } | Self::AskRecovery { next } => Some(next),
            Self::NameRecovery { key } => key.as_ref(),
            Self::Veto { .. } => None,
        }
    }

    /// As a line that is signed.
    fn line(&self) -> String {
        match self {
            Self::Rotate { next } => format!("rotate {next}"),
            Self::NameRecovery { key: Some(key) } => format!("name-recovery {key}"),
            Self::NameRecovery { key: None } => "name-recovery none".to_owned(),
            Self::AskRecovery { next } => format!("ask-recovery {next}"),
            Self::Veto { ask } => format!("veto {ask}"),
        }
    }
}

/// `POST /api/keys`: a change of a wallet's keys, signed. It stands in the log as it is, so that anybody can check who changed
/// what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyStatement {
    /// Chosen by whoever signs; the same id with the same statement is the same change.
    pub id: JobId,
    /// The wallet, by the GUID of any key that it ever had.
    pub wallet: AccountId,
    /// What shall change.
    pub change: KeyChange,
    /// Who signs: the wallet's key; for `ask_recovery`, its recovery key.
    pub by: Did,
    /// Over [`signing_text`](Self::signing_text), base64url.
    pub signature: String,
    /// The same text, signed by the key that becomes the wallet's: nobody can name a key that is another's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_signature: Option<String>,
}

impl KeyStatement {
    /// What is signed: which realm, which statement, which wallet and what, each on its line, after a line that keeps this
    /// signature from being taken for another.
    pub fn signing_text(realm: &str, id: JobId, wallet: AccountId, change: &KeyChange) -> String {
        format!("mtor.v1 keys\n{realm}\n{id}\n{wallet}\n{}\n", change.line())
    }
}

/// `GET /api/wallets/{did}/recovery`, and the data of `mtor.wallet.keys`: how a wallet's keys stand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WalletKeysInfo {
    /// The wallet's account, whatever its key.
    pub account: AccountId,
    /// Its key.
    pub key: KeyId,
    /// The key that may ask for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovery: Option<KeyId>,
    /// What the recovery key asked for, until it takes effect or the wallet says no.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending: Option<RecoveryPending>,
    /// How long the wallet has to say no, in seconds.
    pub delay_s: u64,
}

/// A recovery that has not taken effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RecoveryPending {
    /// The statement that asked: what a veto names.
    pub ask: JobId,
    /// The key that will be the wallet's.
    pub next: KeyId,
    /// When it was asked.
    pub asked: Timestamp,
    /// When it takes effect.
    pub due: Timestamp,
}
