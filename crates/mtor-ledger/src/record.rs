//! What is kept beside the journal: what people asked and were answered, and their API keys. The journal's leaves
//! hold only salted commitments to these texts, so they can be forgotten while the log stays whole.

use std::fmt;

use bytes::Bytes;
use mtor_core::{Entry, PriceNote};
use mtor_protocol::http::JobState;
use mtor_protocol::{
    AccountId, CapabilityKind, Did, Digest, FinishReason, JobId, Micro, Part, Privacy, Problem, ServiceClass,
    Timestamp, Usage,
};
use serde::{Deserialize, Serialize};

use crate::commitment::Salt;

/// What becomes durable together: all of it or nothing.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Batch {
    /// Entries of the journal, in order and without gaps after those committed before.
    pub entries: Vec<Entry>,
    /// What is kept beside it.
    pub records: Vec<Record>,
}

/// Something kept beside the journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Record {
    /// A job was taken. Comes in the batch of its `Accepted` entry.
    Request(Box<RequestRecord>),
    /// An answer as far as it has come; replaces the one before.
    Partial(Box<PartialRecord>),
    /// A job has ended. Comes in the batch of its `Settled` entry.
    Result(Box<ResultRecord>),
    /// The texts of a job were forgotten in a shared log before this ledger had them. Comes after its result.
    Forgotten(JobId),
    /// An API key was made.
    Key(Box<KeyRecord>),
    /// An API key is not valid any more.
    RevokeKey {
        /// Which.
        id: JobId,
        /// Whose; a key of another wallet stays.
        wallet: AccountId,
    },
    /// A wallet was sealed by a passkey; replaces what that passkey sealed before.
    Passkey(Box<PasskeyRecord>),
    /// What a passkey has sealed is gone.
    ForgetPasskey {
        /// Which.
        id: Digest,
        /// Whose; what is another wallet's stays.
        wallet: AccountId,
    },
    /// A grant was given. Comes in the batch of its `Granted` entry.
    Grant(Box<GrantRecord>),
    /// A request of several steps, as it stands; replaces what was kept of it before.
    Plan(Box<PlanRecord>),
    /// A value that the realm remembers by name.
    Setting {
        /// Its name.
        name: String,
        /// The value; replaces the one before.
        value: String,
    },
    /// What wares cost at the end of some minutes. Kept as long as the [`defaults`](crate::defaults) say.
    Prices(Vec<PriceNote>),
}

/// A request of several steps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanRecord {
    /// Its id.
    pub id: JobId,
    /// Whose it is.
    pub account: AccountId,
    /// The name of the key that asked.
    pub did: Did,
    /// Whether something is still to happen to it.
    pub open: bool,
    /// The [`Plan`](mtor_protocol::Plan) as JSON.
    pub plan: String,
}

/// What was asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RequestRecord {
    /// The job.
    pub job: JobId,
    /// Who pays.
    pub account: AccountId,
    /// The name of the key that asked.
    pub did: Did,
    /// What is asked of.
    pub capability: CapabilityKind,
    /// Of which model.
    pub model: String,
    /// How soon.
    pub class: ServiceClass,
    /// Seen by whom.
    pub privacy: Privacy,
    /// When it was taken.
    pub submitted: Timestamp,
    /// When it is given up.
    pub deadline: Timestamp,
    /// What is held for it.
    pub hold: Micro,
    /// The request ([`Submit`](mtor_protocol::Submit)) as JSON: the bytes that `NewJob::request` commits to, with [`salt`](Self::salt).
    pub request_json: String,
    /// The wallet's signature under it ([`OrderSeal`](mtor_protocol::OrderSeal)) as JSON, if it has one: the bytes that
    /// `NewJob::order` commits to.
    pub order_json: Option<String>,
    /// The first words of it, for lists.
    pub question: String,
    /// The salt of the commitments to the request and to the answer.
    pub salt: Salt,
}

/// An answer as far as it has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartialRecord {
    /// The job.
    pub job: JobId,
    /// All of the text so far.
    pub text: String,
    /// Tokens in it.
    pub output_tokens: u64,
    /// The sequence of the last event in it.
    pub sequence: u64,
}

/// How a job ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ResultRecord {
    /// The job.
    pub job: JobId,
    /// A final state.
    pub state: JobState,
    /// The answer, as far as it came.
    pub text: String,
    /// What came out of it beside the text, in order.
    pub parts: Vec<PartRecord>,
    /// SHA-256 of the whole answer, if it is whole; the journal's `Settled::output` is the salted commitment to the
    /// same bytes.
    pub output: Option<Digest>,
    /// Why the answer ends, if it is whole.
    pub finish: Option<FinishReason>,
    /// What was used.
    pub usage: Usage,
    /// What it cost.
    pub cost: Micro,
    /// Why it failed.
    pub problem: Option<Problem>,
    /// The workers that had it, in order.
    pub workers: Vec<String>,
    /// The sequence of its last event.
    pub sequence: u64,
    /// What the worker that finished it has signed ([`Receipt`](mtor_protocol::Receipt)) as JSON: the bytes that
    /// `Settled::receipt` commits to.
    pub receipt_json: Option<String>,
    /// When it ended.
    pub settled: Timestamp,
    /// The first words of the answer, for lists.
    pub answer: String,
}

/// A part of an answer that is no text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartRecord {
    /// What is told of it.
    pub part: Part,
    /// What it is; kept in the blob folder.
    #[serde(with = "crate::shared_log::base64_bytes")]
    pub data: Bytes,
    /// The number of its event among those of its job; its frames have the numbers after it.
    pub sequence: u64,
    /// How much of the text came before it, in bytes: the answer's digest is over text and parts in the order in which they
    /// came.
    pub offset: u64,
}

/// A part of a job's answer that is kept, without its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredPart {
    /// What is told of it.
    pub part: Part,
    /// The number of its event.
    pub sequence: u64,
    /// How much of the text came before it, in bytes.
    pub offset: u64,
}

/// An API key. The secret itself is never stored.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRecord {
    /// Its public name.
    pub id: JobId,
    /// Whose account it spends from.
    pub account: AccountId,
    /// Whose, whatever its key is by now.
    pub wallet: AccountId,
    /// The name of the key that made it.
    pub did: Did,
    /// What it is for.
    pub name: String,
    /// SHA-256 of the secret.
    pub hash: Digest,
    /// When it was made.
    pub created: Timestamp,
    /// The grant that it spends from, if not from the wallet.
    pub grant: Option<JobId>,
}

/// A wallet as a passkey has sealed it: what the realm keeps and can't read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasskeyRecord {
    /// SHA-256 of the credential's id.
    pub id: Digest,
    /// Whose.
    pub wallet: AccountId,
    /// The sealed words.
    pub sealed: String,
    /// When it was sealed.
    pub created: Timestamp,
}

/// What a grant is called, and whom it is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantRecord {
    /// The grant.
    pub id: JobId,
    /// Whose coins.
    pub granter: AccountId,
    /// Its account.
    pub account: AccountId,
    /// The salt of the commitment to its names.
    pub salt: Salt,
    /// The names as JSON: the bytes that the entry commits to, with [`salt`](Self::salt).
    pub about: String,
}

impl fmt::Debug for KeyRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, account, wallet, did, name, hash: _, created, grant } = self;
        f.debug_struct("KeyRecord")
            .field("id", id)
            .field("account", account)
            .field("wallet", wallet)
            .field("did", did)
            .field("name", name)
            .field("created", created)
            .field("grant", grant)
            .finish_non_exhaustive()
    }
}

/// Everything that is stored about a job.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredJob {
    /// Its id.
    pub id: JobId,
    /// Who pays.
    pub account: AccountId,
    /// The name of the key that asked.
    pub did: Did,
    /// What is asked of.
    pub capability: CapabilityKind,
    /// Of which model.
    pub model: String,
    /// How soon.
    pub class: ServiceClass,
    /// Seen by whom.
    pub privacy: Privacy,
    /// When it was taken.
    pub submitted: Timestamp,
    /// When it is given up.
    pub deadline: Timestamp,
    /// What was held for it.
    pub hold: Micro,
    /// The salt of the commitments to the request and to the answer.
    pub salt: Salt,
    /// How it stands: `Queued` until it has ended; whether it runs, only the core knows.
    pub state: JobState,
    /// The request as JSON; `None` once it is forgotten.
    pub request_json: Option<String>,
    /// The wallet's signature under the request as JSON, if it has one; `None` once it is forgotten.
    pub order_json: Option<String>,
    /// What the worker that finished it has signed, as JSON; `None` once it is forgotten.
    pub receipt_json: Option<String>,
    /// The answer as far as it was stored; `None` once it is forgotten. Empty before the first part was stored.
    pub text: Option<String>,
    /// What came out of it beside the text; empty once it is forgotten.
    pub parts: Vec<StoredPart>,
    /// Tokens in the text; for a job that has ended, what it used in all.
    pub output_tokens: u64,
    /// The sequence of the last event that was stored.
    pub sequence: u64,
    /// When it ended.
    pub settled: Option<Timestamp>,
    /// Why the answer ends, if it is whole.
    pub finish: Option<FinishReason>,
    /// What it used, once ended.
    pub usage: Option<Usage>,
    /// What it cost, once ended.
    pub cost: Option<Micro>,
    /// SHA-256 of the whole answer.
    pub output: Option<Digest>,
    /// Why it failed.
    pub problem: Option<Problem>,
    /// The workers that had it, in order.
    pub workers: Vec<String>,
    /// The first words of what was asked.
    pub question: String,
    /// The first words of the answer.
    pub answer: String,
    /// The entry that accepted it.
    pub accepted_seq: u64,
    /// The entry that settled it, if it has ended (and since format 2 of the ledger).
    pub settled_seq: Option<u64>,
}
