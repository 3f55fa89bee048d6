//! Late pay: what a stranger's last results have brought it waits in an account of its own until so many newer ones have come, or
//! a day has passed. A proof that one of them was wrong takes it all: it becomes a [`Case`], and stays where it is until the
//! time to appeal is over or the sysop has decided.

use std::collections::BTreeMap;

use mtor_protocol::{AccountId, CapabilityKind, Digest, JobId, Micro, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::books::TREASURY;
use crate::entry::Leg;
use crate::trust::{Judged, Payment, TrustRules};

/// What is hashed before the worker's account.
const DOMAIN: &[u8] = b"mtor late pay v1\0";

/// Where a worker's pay waits: the first 16 bytes of SHA-256("mtor late pay v1" || 0x00 || worker), marked as a UUID of version 8
/// (RFC 9562). Being a hash, it can't be made to be anybody else's account, and nobody has a key for it.
pub fn late_account(worker: AccountId) -> AccountId {
    let hash = Sha256::new().chain_update(DOMAIN).chain_update(worker.0.to_be_bytes()).finalize();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash[..16]);
    bytes[6] = bytes[6] & 0x0F | 0x80;
    bytes[8] = bytes[8] & 0x3F | 0x80;
    AccountId(u128::from_be_bytes(bytes))
}

/// A result that was proven wrong, and what hangs on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Case {
    /// The account of the worker.
    pub worker: AccountId,
    /// In what it was wrong.
    pub capability: CapabilityKind,
    /// All answers that were compared.
    pub results: Vec<Judged>,
    /// Salted commitment to them.
    pub evidence: Digest,
    /// When it was proven.
    pub proven: Timestamp,
    /// What was held back then, and is at stake.
    pub payments: Vec<Payment>,
    /// Results that had been found right in a row before.
    pub run_before: u32,
    /// When the worker objected, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub appealed: Option<Timestamp>,
}

impl Case {
    /// What is at stake.
    pub fn amount(&self) -> Micro {
        // No more than was ever issued, which fits.
        self.payments
            .iter()
            .fold(Micro::ZERO, |sum, payment| Micro(sum.0.saturating_add(payment.pay.amount.0)))
    }

    /// When it is over, if nobody decides before: the worker has its time to object, and when it has, the sysop has some to decide.
    pub fn over(&self, rules: &TrustRules) -> Timestamp {
        match self.appealed {
            None => self.proven.plus_ms(rules.appeal_ms),
            Some(appealed) => appealed.plus_ms(rules.decide_ms),
        }
    }

    /// Who gets it when the proof stands: whoever paid for the wrong answer has all back that it cost, as far as it goes; the
    /// rest is the treasury's, which paid for finding out. The treasury comes first, so that coins that are bound go to it.
    pub fn legs(&self, job: JobId) -> Vec<Leg> {
        let all = self.amount();
        let wronged = self.payments.iter().find(|payment| payment.job == job);
        let back = wronged.map_or(Micro::ZERO, |payment| payment.cost.min(all));
        let to = wronged.map_or(TREASURY, |payment| payment.payer);
        let mut legs: Vec<Leg> = Vec::new();
        match to == TREASURY {
            true => legs.push(Leg::new(TREASURY, all)),
            false => legs.extend([Leg::new(TREASURY, all.saturating_sub(back)), Leg::new(to, back)]),
        }
        legs.retain(|leg| leg.amount > Micro::ZERO);
        legs
    }
}

/// The cases that are not decided, by the job whose answer was wrong.
pub type Cases = BTreeMap<JobId, Case>;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trust::Pay;

    fn payment(job: u128, amount: u64) -> Payment {
        Payment {
            since: Timestamp(1),
            job: JobId(job),
            payer: AccountId(50),
            cost: Micro(100),
            pay: Pay { amount: Micro(amount), bound: Micro::ZERO },
        }
    }

    fn case(payments: Vec<Payment>) -> Case {
        Case {
            worker: AccountId(9),
            capability: CapabilityKind::CHAT,
            results: Vec::new(),
            evidence: Digest([1; 32]),
            proven: Timestamp(2),
            payments,
            run_before: 3,
            appealed: None,
        }
    }

    #[test]
    fn who_was_wronged_comes_first_and_the_treasury_has_the_rest() {
        let legs = |payments, job| {
            let legs = case(payments).legs(JobId(job));
            legs.iter().map(|leg| (leg.to.0, leg.amount.0)).collect::<Vec<_>>()
        };
        assert_eq!(legs(vec![payment(1, 90), payment(2, 90)], 2), [(TREASURY.0, 80), (50, 100)]);
        assert_eq!(legs(vec![payment(1, 90)], 1), [(50, 90)], "no more than there is");
        assert_eq!(legs(vec![payment(1, 90)], 7), [(TREASURY.0, 90)], "that one was paid long ago");
        assert_eq!(legs(vec![], 1), []);
    }

    #[test]
    fn the_account_is_nobody_elses() {
        assert_ne!(late_account(AccountId(5)), late_account(AccountId(6)));
        assert_ne!(late_account(AccountId(5)), AccountId(5));
    }
}
