//! What the journal says: facts that were decided, in order. An entry's JSON is its leaf in the Merkle log, so it holds
//! no word that a person wrote, only salted commitments to it.

mod leaf;

use std::collections::BTreeMap;

use mtor_protocol::{
    AccountId, CapabilityKind, Digest, FinishReason, GrantTerms, JobId, KeyStatement, Micro, Needs, Price,
    Privacy, ServiceClass, Timestamp, Usage, Ware,
};
use serde::{Deserialize, Serialize};

use crate::balances::Balances;
use crate::keys::KeyDecision;
use crate::late::late_account;
use crate::trust::Judged;

/// One entry of the journal. Its JSON is flat: number and time, the fact's name, and what belongs to that fact.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Its number, from 0, without gaps.
    pub seq: u64,
    /// When it was decided.
    pub time: Timestamp,
    /// What was decided.
    pub fact: Fact,
}

/// What was decided.
#[derive(Debug, Clone, PartialEq)]
pub enum Fact {
    /// The realm came to be. Always the first entry, and only that.
    Founded {
        /// The owner's account.
        owner: AccountId,
    },
    /// New coins.
    Issued {
        /// The transfer.
        id: JobId,
        /// To whom.
        to: AccountId,
        /// How much.
        amount: Micro,
    },
    /// Starter coins, for a wallet that never had any: they can be spent, not sent.
    Started {
        /// The transfer.
        id: JobId,
        /// To whom.
        to: AccountId,
        /// How much.
        amount: Micro,
    },
    /// Coins from a wallet to another.
    Transferred {
        /// The transfer.
        id: JobId,
        /// From whom.
        from: AccountId,
        /// To whom.
        to: AccountId,
        /// How much.
        amount: Micro,
        /// Salted commitment to the memo.
        memo: Digest,
    },
    /// A wallet lets others spend of its coins. Nothing moves yet.
    Granted {
        /// The grant.
        id: JobId,
        /// Whose coins.
        from: AccountId,
        /// The account that it has of its own, see [`grant_account`](crate::grant_account).
        account: AccountId,
        /// The wallets that may spend.
        to: Vec<AccountId>,
        /// What it allows.
        terms: GrantTerms,
        /// Salted commitment to its name and to the names of the wallets.
        about: Digest,
    },
    /// Coins of the granter are set aside in the grant's account.
    Filled {
        /// The grant.
        grant: JobId,
        /// The granter.
        from: AccountId,
        /// The grant's account.
        to: AccountId,
        /// How much.
        amount: Micro,
    },
    /// A grant is over, and what was left in its account goes back.
    Revoked {
        /// The grant.
        grant: JobId,
        /// The grant's account.
        from: AccountId,
        /// The granter.
        to: AccountId,
        /// All that was left.
        amount: Micro,
    },
    /// A job was taken: it will be done or refunded. Its hold stands.
    Accepted {
        /// The job.
        job: NewJob,
        /// The most that it can cost.
        hold: Micro,
        /// The price that holds for it.
        price: Price,
    },
    /// A job ended; its hold is resolved.
    Settled {
        /// The job.
        id: JobId,
        /// How it ended.
        outcome: Outcome,
        /// What was used in all.
        usage: Usage,
        /// Who gets what. Their sum is the cost.
        legs: Vec<Leg>,
        /// Salted commitment to the answer, if it is whole.
        output: Option<Digest>,
        /// Salted commitment to what the worker that finished it has signed.
        receipt: Option<Digest>,
    },
    /// Pay that was held back is the worker's own.
    Matured {
        /// The worker's account.
        worker: AccountId,
        /// For what it worked.
        capability: CapabilityKind,
        /// How many payments, the oldest first.
        payments: u32,
        /// Their sum.
        amount: Micro,
    },
    /// A worker objects to a proof.
    Appealed {
        /// The job whose answer was proven wrong.
        job: JobId,
    },
    /// A proof was taken back: what was at stake is the worker's own.
    Pardoned {
        /// The job whose answer was proven wrong.
        job: JobId,
        /// The worker's account.
        worker: AccountId,
        /// What was at stake.
        amount: Micro,
    },
    /// A proof stands: what was at stake is lost.
    Forfeited {
        /// The job whose answer was proven wrong.
        job: JobId,
        /// The worker's account.
        worker: AccountId,
        /// Who gets it. All that was at stake.
        legs: Vec<Leg>,
    },
    /// Answers to one question were compared.
    Validated {
        /// What was asked of.
        capability: CapabilityKind,
        /// The jobs that gave an answer, the first of them a client's, and what was shown about each. Workers of the house are
        /// not among them.
        results: Vec<Judged>,
        /// Salted commitment to the answers.
        evidence: Digest,
    },
    /// The keys of a wallet changed.
    Keys {
        /// Which wallet.
        account: AccountId,
        /// What holds from now on.
        decision: KeyDecision,
        /// What was signed for it; nothing when only time has passed.
        statement: Option<Box<KeyStatement>>,
    },
    /// Another realm is a peer: its account may owe so much for jobs.
    Peered {
        /// Its account.
        account: AccountId,
        /// The most that it may owe.
        limit: Micro,
    },
    /// It is one no more. What it owes it owes still.
    Parted {
        /// Its account.
        account: AccountId,
    },
    /// What all wallets had then: at most once an hour, and only when something had happened since.
    Balanced {
        /// Their number, their sum and their root.
        balances: Balances,
        /// What wares cost then, by name.
        prices: BTreeMap<Ware, Price>,
    },
}

/// How a job ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The answer is whole.
    Stop,
    /// The answer reached its length limit.
    Length,
    /// No worker could do it. Costs nothing.
    Failed,
    /// Stopped on request. What was delivered is paid.
    Cancelled,
    /// Its deadline passed. What was delivered is paid.
    Expired,
}

impl From<FinishReason> for Outcome {
    fn from(finish: FinishReason) -> Self {
        match finish {
            FinishReason::Stop => Self::Stop,
            FinishReason::Length => Self::Length,
        }
    }
}

/// One part of a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leg {
    /// To whom.
    pub to: AccountId,
    /// How much.
    pub amount: Micro,
    /// Whether it waits in the worker's account for late pay first, see [`late_account`](crate::late_account).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub late: bool,
}

impl Leg {
    /// A part that is paid at once.
    pub const fn new(to: AccountId, amount: Micro) -> Self {
        Self { to, amount, late: false }
    }

    /// The account that it arrives in.
    pub fn account(&self) -> AccountId {
        if self.late { late_account(self.to) } else { self.to }
    }
}

/// A job as the core knows it: everything that scheduling and money need, nothing of what it says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NewJob {
    /// Chosen by the client.
    pub id: JobId,
    /// Whose it is, and who pays unless a grant does.
    pub account: AccountId,
    /// The account of the grant that pays, if one does. The realm finds it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payer: Option<AccountId>,
    /// What is asked of.
    pub capability: CapabilityKind,
    /// Of which model; `default` for the realm's choice.
    pub model: String,
    /// How soon.
    pub class: ServiceClass,
    /// Seen by whom.
    pub privacy: Privacy,
    /// Salted commitment to the request. The same id with another request is a conflict.
    pub request: Digest,
    /// Salted commitment to the wallet's signature under it, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<Digest>,
    /// The text that goes in, in bytes.
    pub input_bytes: u32,
    /// The most tokens that the input can be. An upper bound: what is billed is what was counted.
    pub input_tokens_max: u32,
    /// The most tokens to write.
    pub output_tokens_max: u32,
    /// The longest that may be listened to or spoken, in milliseconds.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub audio_ms_max: u32,
    /// The most pictures that may be looked at or drawn.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub images_max: u32,
    /// What a worker must be able to do for it beside the capability.
    #[serde(default, skip_serializing_if = "Needs::is_none")]
    pub needs: Needs,
    /// When it is given up.
    pub deadline: Timestamp,
    /// The most it may cost, when the client says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_price: Option<Micro>,
    /// A hash of the part of the prompt that a worker may still have in its memory, when that is worth looking for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefix: Option<u64>,
    /// The realms that it has come through, by their accounts, the one where it was asked first; none for a client's own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hops: Vec<AccountId>,
    /// When the quote expires that the client relies on. Not in the journal: the price that it led to is.
    #[serde(skip)]
    pub quote: Option<Timestamp>,
    /// The grant that shall pay, when the client says so. Not in the journal: the payer that it led to is.
    #[serde(skip)]
    pub grant: Option<JobId>,
}

fn is_zero(value: &u32) -> bool {
    *value == 0
}

impl NewJob {
    /// Whose coins are held for it.
    pub fn payer(&self) -> AccountId {
        self.payer.unwrap_or(self.account)
    }

    /// The most that it can use.
    pub fn bounds(&self) -> Usage {
        Usage {
            input_tokens: self.input_tokens_max.into(),
            output_tokens: self.output_tokens_max.into(),
            audio_ms: self.audio_ms_max.into(),
            images: self.images_max.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use mtor_protocol::Period;

    use mtor_protocol::{Did, KeyChange, KeyId};

    use super::*;

    #[test]
    fn entries_survive_their_json() {
        let job = NewJob {
            id: JobId(1),
            account: AccountId(2),
            payer: Some(AccountId(3)),
            capability: CapabilityKind::CHAT,
            model: "default".into(),
            class: ServiceClass::Interactive,
            privacy: Privacy::Realm,
            request: Digest([7; 32]),
            order: Some(Digest([8; 32])),
            input_bytes: 9,
            input_tokens_max: 90,
            output_tokens_max: 100,
            audio_ms_max: 0,
            images_max: 0,
            needs: Needs { tools: true, json: false },
            deadline: Timestamp(1_000),
            max_price: None,
            prefix: Some(3),
            hops: vec![AccountId(4)],
            quote: None,
            grant: None,
        };
        let facts = [
            Fact::Founded { owner: AccountId(9) },
            Fact::Issued { id: JobId(1), to: AccountId(2), amount: Micro(3) },
            Fact::Started { id: JobId(4), to: AccountId(2), amount: Micro(3) },
            Fact::Granted {
                id: JobId(7),
                from: AccountId(2),
                account: AccountId(8),
                to: vec![AccountId(9)],
                terms: GrantTerms {
                    limit: Micro(5),
                    period: Some(Period::Month),
                    job_max: None,
                    only: vec![CapabilityKind::CHAT],
                    expires: Some(Timestamp(9)),
                },
                about: Digest([2; 32]),
            },
            Fact::Filled { grant: JobId(7), from: AccountId(2), to: AccountId(8), amount: Micro(5) },
            Fact::Revoked { grant: JobId(7), from: AccountId(8), to: AccountId(2), amount: Micro::ZERO },
            Fact::Accepted { job, hold: Micro(4), price: Price::default() },
            Fact::Settled {
                id: JobId(1),
                outcome: Outcome::Stop,
                usage: Usage { output_tokens: 1, ..Usage::default() },
                legs: vec![
                    Leg { late: true, ..Leg::new(AccountId(5), Micro(6)) },
                    Leg::new(AccountId(3), Micro(1)),
                ],
                output: Some(Digest([1; 32])),
                receipt: Some(Digest([3; 32])),
            },
            Fact::Matured {
                worker: AccountId(5),
                capability: CapabilityKind::CHAT,
                payments: 10,
                amount: Micro(60),
            },
            Fact::Appealed { job: JobId(1) },
            Fact::Pardoned { job: JobId(1), worker: AccountId(5), amount: Micro(6) },
            Fact::Forfeited {
                job: JobId(1),
                worker: AccountId(5),
                legs: vec![Leg::new(AccountId(2), Micro(6))],
            },
            Fact::Validated {
                capability: CapabilityKind::CHAT,
                results: vec![Judged {
                    job: JobId(1),
                    worker: AccountId(5),
                    verdict: crate::trust::Verdict::Failed,
                }],
                evidence: Digest([3; 32]),
            },
            Fact::Keys {
                account: AccountId(9),
                decision: KeyDecision::RecoveryAsked { ask: JobId(5), key: KeyId(6), due: Timestamp(7) },
                statement: Some(Box::new(KeyStatement {
                    id: JobId(5),
                    wallet: AccountId(9),
                    change: KeyChange::AskRecovery { next: Did("did:key:z6Mk".to_owned()) },
                    by: Did("did:key:z6Mj".to_owned()),
                    signature: "s".to_owned(),
                    next_signature: Some("n".to_owned()),
                })),
            },
            Fact::Keys {
                account: AccountId(9),
                decision: KeyDecision::Recovered { ask: JobId(5), key: KeyId(6) },
                statement: None,
            },
            Fact::Balanced {
                balances: Balances { accounts: 7, liabilities: Micro(8), root: Digest([2; 32]) },
                prices: BTreeMap::from([(CapabilityKind::CHAT.into(), Price::default())]),
            },
        ];
        for (seq, fact) in (0..).zip(facts) {
            let entry = Entry { seq, time: Timestamp(5), fact };
            let json = serde_json::to_string(&entry).unwrap();
            assert_eq!(serde_json::from_str::<Entry>(&json).unwrap(), entry, "{json}");
        }
    }

    #[test]
    fn an_entry_without_what_belongs_to_its_fact_is_none() {
        let error = |json: &str| serde_json::from_str::<Entry>(json).unwrap_err().to_string();
        assert!(
            error(r#"{"seq":1,"time":"2026-01-01T00:00:00Z","fact":"founded"}"#).contains("owner is missing")
        );
        assert!(
            error(r#"{"seq":1,"time":"2026-01-01T00:00:00Z","fact":"flown"}"#).contains("unknown variant")
        );
        assert!(error(r#"{"seq":1,"fact":"founded"}"#).contains("missing field `time`"));
    }
}
