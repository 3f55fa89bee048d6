//! What a worker is owed but not paid yet, and what hangs on answers that were proven wrong.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{AccountId, CapabilityKind, Digest, JobId, Micro, Timestamp};

/// What a check has shown about one answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Another worker, or the known answer, says the same.
    Valid,
    /// The others agree on something else: this is proof.
    Failed,
    /// No two agree. Nothing is proven, and the next result is checked.
    Undecided,
}

/// Pay of a wallet's workers that is held back, by what they worked in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LatePay {
    /// In what.
    pub capability: CapabilityKind,
    /// How many payments.
    pub payments: u32,
    /// Their sum.
    pub amount: Micro,
    /// When the oldest of them is the wallet's own, if no newer ones push it out before.
    pub first: Timestamp,
    /// When the newest is.
    pub last: Timestamp,
}

/// An answer that was proven wrong, as long as it is not decided what becomes of the pay that was held back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CaseInfo {
    /// The job of which it is the answer.
    pub job: JobId,
    /// The account of the worker.
    pub worker: AccountId,
    /// What was asked of.
    pub capability: CapabilityKind,
    /// When it was proven.
    pub proven: Timestamp,
    /// What is at stake: all that was held back then.
    pub amount: Micro,
    /// Of how many payments.
    pub payments: u32,
    /// When the worker objected; absent when it has not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub appealed: Option<Timestamp>,
    /// When it is lost, if nobody decides before.
    pub over: Timestamp,
    /// Salted commitment to the answers that were compared.
    pub evidence: Digest,
    /// The answers that were compared, the client's first.
    pub answers: Vec<CaseAnswer>,
}

/// One of the answers that were compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CaseAnswer {
    /// The job.
    pub job: JobId,
    /// The account of the worker that gave it.
    pub worker: AccountId,
    /// What was shown about it.
    pub verdict: Verdict,
    /// SHA-256 of the answer, as long as it is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<Digest>,
    /// The answer itself, as long as it is kept: the sysop sees each, a worker its own. In a list it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// `POST /api/trust/{job}`: what becomes of a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CaseRequest {
    /// What is to be done.
    pub action: CaseAction,
}

/// What can be done about a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CaseAction {
    /// The worker objects: then the sysop has a month to decide.
    Appeal,
    /// The sysop takes the proof back: what is at stake is the worker's own, and it may work again.
    Pardon,
    /// The sysop lets the proof stand: what is at stake is lost at once.
    Uphold,
}
