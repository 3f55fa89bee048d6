//! Orders and receipts: what a wallet signs when it asks, and what a worker signs when it is done. Neither side can make the
//! other's; the journal commits to both.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::{Did, Digest, JobId};
use crate::usage::Usage;

/// The data of `mtor.job.order`: a job that its wallet has signed. The text is kept as it is, so that what was signed can be
/// shown to the byte.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Order {
    /// The JSON of a [`Submit`](crate::Submit), with `id` and `deadline`, and `max_price` if there shall be a limit.
    pub order: String,
    /// Who signs: the wallet that pays.
    pub by: Did,
    /// Over [`signing_text`](Self::signing_text), base64url.
    pub signature: String,
}

impl Order {
    /// What is signed: which realm is asked, and the SHA-256 of the order's text, each on its line, after a line that keeps
    /// this signature from being taken for another.
    pub fn signing_text(realm: &str, order: &Digest) -> String {
        format!("mtor.v1 order\n{realm}\n{order}\n")
    }
}

/// The signature under an order, as it is kept: the text is kept beside it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OrderSeal {
    /// Who signed.
    pub by: Did,
    /// The signature, base64url.
    pub signature: String,
}

/// What a worker has signed for its part of a job, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    /// Who signed.
    pub by: Did,
    /// The assignment.
    pub lease: u64,
    /// SHA-256 of what this worker wrote for it.
    pub output: Digest,
    /// What it says it used; what is paid is what the realm counted.
    pub usage: Usage,
    /// Over [`Done::signing_text`](crate::worker::Done::signing_text), base64url.
    pub signature: String,
}

impl Receipt {
    /// What is signed.
    pub fn signing_text(&self, job: JobId) -> String {
        crate::worker::Done::signing_text(job, self.lease, &self.output, &self.usage)
    }
}
