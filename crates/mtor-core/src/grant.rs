//! Grants as the books see them: an account for each, filled from the granter's up to a limit, in each period anew.

use mtor_protocol::{AccountId, CapabilityKind, Digest, GrantTerms, JobId, Micro, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::books::Account;

/// What is hashed before the granter's account and the grant's id.
const DOMAIN: &[u8] = b"mtor grant v1\0";

/// The account of a grant: the first 16 bytes of SHA-256("mtor grant v1" || 0x00 || granter || id), marked as a UUID of
/// version 8 (RFC 9562). Being a hash, it can't be made to be anybody else's account.
pub fn grant_account(from: AccountId, id: JobId) -> AccountId {
    let hash = Sha256::new()
        .chain_update(DOMAIN)
        .chain_update(from.0.to_be_bytes())
        .chain_update(id.0.to_be_bytes())
        .finalize();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash[..16]);
    bytes[6] = bytes[6] & 0x0F | 0x80;
    bytes[8] = bytes[8] & 0x3F | 0x80;
    AccountId(u128::from_be_bytes(bytes))
}

/// Coins of a wallet that others may spend.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// Whose coins.
    pub from: AccountId,
    /// The account that holds what is set aside.
    pub account: AccountId,
    /// The wallets that may spend.
    pub to: Vec<AccountId>,
    /// What it allows.
    pub terms: GrantTerms,
    /// Salted commitment to its names.
    pub about: Digest,
    /// When it was made.
    pub created: Timestamp,
    /// The period that `drawn` is of.
    period: Timestamp,
    /// What was set aside in that period, and what was left from the one before.
    drawn: Micro,
}

impl Grant {
    pub(crate) fn new(
        (from, account): (AccountId, AccountId),
        to: Vec<AccountId>,
        terms: GrantTerms,
        about: Digest,
        created: Timestamp,
    ) -> Self {
        let period = terms.period.map_or(created, |period| period.start(created));
        Self { from, account, to, terms, about, created, period, drawn: Micro::ZERO }
    }

    /// How much more may be set aside now; `account` is the grant's, as it stands.
    pub fn drawable(&self, now: Timestamp, account: &Account) -> Micro {
        self.terms.limit.saturating_sub(self.drawn_at(now, account))
    }

    /// Whether it is of use for a job that asks for this, and costs this at most.
    pub(crate) fn allows(&self, now: Timestamp, kind: &CapabilityKind, hold: Micro) -> Result<(), String> {
        let GrantTerms { only, job_max, expires, .. } = &self.terms;
        if expires.is_some_and(|expires| expires <= now) {
            return Err("this grant has ended".to_owned());
        }
        if !only.is_empty() && !only.contains(kind) {
            let names: Vec<&str> = only.iter().map(CapabilityKind::as_str).collect();
            return Err(format!("this grant is for {} alone, not for {kind}", names.join(", ")));
        }
        match job_max.filter(|most| *most < hold) {
            Some(most) => {
                Err(format!("this can cost up to {hold} coins, and the grant allows {most} for one job"))
            }
            None => Ok(()),
        }
    }

    /// Notes that so much is set aside; `account` is the grant's before that. `None` when it is more than may be.
    pub(crate) fn draw(&mut self, now: Timestamp, account: &Account, amount: Micro) -> Option<()> {
        let drawn = self.drawn_at(now, account).checked_add(amount)?;
        if drawn > self.terms.limit {
            return None;
        }
        self.period = self.period.max(self.period_at(now));
        self.drawn = drawn;
        Some(())
    }

    fn period_at(&self, now: Timestamp) -> Timestamp {
        self.terms.period.map_or(self.period, |period| period.start(now))
    }

    /// In a new period only what was left counts as drawn.
    fn drawn_at(&self, now: Timestamp, account: &Account) -> Micro {
        match self.period_at(now) > self.period {
            true => Micro(account.available().0.saturating_add(account.debits_pending.0)),
            false => self.drawn,
        }
    }
}
