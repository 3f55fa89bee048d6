//! The shapes of the HTTP interface, and the table of its routes. OpenAPI is generated from this table, and the
//! broker's tests ask every route in it.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::{AccountId, Did, Digest, JobId, Timestamp};
use crate::intent::{Intent, Privacy, ServiceClass};
use crate::keys::RecoveryPending;
use crate::money::{Micro, Price};
use crate::part::Part;
use crate::problem::Problem;
use crate::sound::VoiceInfo;
use crate::tool::ToolInfo;
use crate::trust::LatePay;
use crate::usage::{FinishReason, Usage};
use crate::ware::{ModelSize, Ware};
use crate::worker::{CapabilityKind, Needs, OfferLimits};

/// `GET /api/realm`: who this realm is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RealmInfo {
    /// Its name.
    pub name: String,
    /// Its key.
    pub did: Did,
    /// The program's version.
    pub version: String,
    /// The wire's version.
    pub protocol: String,
    /// Whether coins are issued by the owner alone.
    pub private: bool,
    /// The owner's wallet.
    pub owner: Did,
    /// Since when it runs.
    pub started: Timestamp,
    /// Whether it is going down and takes no new jobs.
    pub draining: bool,
    /// Its ledger.
    pub ledger: LedgerInfo,
    /// The keys of those who cosign its log's checkpoints, as their keepers give them out (C2SP vkeys of cosignature/v1).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub witnesses: Vec<String>,
    /// Whether its owner can attach services by their address: it was started with `mtor up`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub attaches: bool,
}

/// How the ledger stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LedgerInfo {
    /// Entries in the journal.
    pub entries: u64,
    /// The Merkle root over them, hexadecimal.
    pub root: Digest,
    /// Whether it can write.
    pub writable: bool,
}

/// `GET /api/queue`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct QueueInfo {
    /// Jobs that wait for a worker.
    pub queued: u32,
    /// Jobs that a worker has.
    pub running: u32,
    /// The same by capability.
    pub capabilities: Vec<CapabilityQueue>,
    /// How well the goals of the service classes are kept.
    #[serde(default)]
    pub classes: Vec<ClassInfo>,
    /// The wallets with the most open jobs, at most sixteen: the more a wallet has open, the later its next job is served.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub wallets: Vec<WalletShare>,
}

/// How a service class stands against its goal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ClassInfo {
    /// Which.
    pub class: ServiceClass,
    /// How soon a job of it should begin to be answered, in milliseconds.
    pub goal_ms: u64,
    /// Jobs of it that wait for a worker.
    pub queued: u32,
    /// Jobs of it that a worker has.
    pub running: u32,
    /// Of those that are not answered yet, so many are past the goal.
    pub late: u32,
    /// How long the oldest of those has been waiting for its answer, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oldest_ms: Option<u64>,
    /// How many jobs of late the following rests on; what is ten minutes old counts half.
    pub jobs: u32,
    /// The share of them that began to be answered within the goal, in percent; absent when there were none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within_percent: Option<u32>,
    /// The performance index, in thousandths: how long they waited for the first word on average, divided by the goal. Up to
    /// 1,000 the goal is met.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index_permille: Option<u32>,
}

/// What a wallet has of the realm now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WalletShare {
    /// Whose.
    pub account: AccountId,
    /// Jobs that wait for a worker.
    pub queued: u32,
    /// Jobs that a worker has.
    pub running: u32,
}

/// One capability's queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CapabilityQueue {
    /// Which.
    pub capability: CapabilityKind,
    /// Jobs that wait.
    pub queued: u32,
    /// Jobs that run.
    pub running: u32,
    /// Slots granted by all workers.
    pub slots: u32,
}

/// `GET /api/prices`: what a capability costs, done by models of one size.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PriceInfo {
    /// Of what.
    pub capability: CapabilityKind,
    /// Done by models of which size.
    #[serde(default)]
    pub size: ModelSize,
    /// Models of that size that are on offer, the first few by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub models: Vec<String>,
    /// How much, now.
    pub price: Price,
    /// How much by the realm's list: the price when the load is just right. The same where prices do not follow load.
    #[serde(default)]
    pub list: Price,
    /// The price in percent of the list price; absent when the list says that it is free.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of_list_percent: Option<u32>,
    /// How busy those are who do it, in percent of what they can do at once, with what waits for them; absent where prices do
    /// not follow load.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub load_percent: Option<u32>,
}

impl PriceInfo {
    /// What has this price.
    pub fn ware(&self) -> Ware {
        Ware::new(self.capability.clone(), self.size)
    }
}

/// `GET /api/prices/history`: what one ware cost of late.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PriceHistory {
    /// Of what.
    pub capability: CapabilityKind,
    /// Done by models of which size.
    #[serde(default)]
    pub size: ModelSize,
    /// A point for each minute of the last day, or for each quarter of an hour when more days were asked for; the newest last.
    pub points: Vec<PricePoint>,
}

impl PriceHistory {
    /// What it is about.
    pub fn ware(&self) -> Ware {
        Ware::new(self.capability.clone(), self.size)
    }
}

/// A price and a load at one time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PricePoint {
    /// When.
    pub time: Timestamp,
    /// The price in thousandths of the list price.
    pub factor_permille: u32,
    /// The load, in percent.
    pub load_percent: u32,
}

/// `GET /api/jobs/{id}/proofs`: proofs that the journal has what happened to a job, each a C2SP tlog-proof that anybody can
/// check who knows the realm's key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct JobProofs {
    /// The job.
    pub job: JobId,
    /// That it was taken, and at which price.
    pub accepted: String,
    /// That it has ended, how, and who was paid what; absent while it has not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settled: Option<String>,
}

/// `GET /api/workers`: one worker.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WorkerInfo {
    /// Its session with this broker; a worker that comes back has another.
    pub id: u64,
    /// What people call it.
    pub name: String,
    /// Its key: the wallet that is paid.
    pub did: Did,
    /// Program and version.
    pub software: String,
    /// Since when it is here.
    pub since: Timestamp,
    /// Whether it takes no new jobs.
    pub draining: bool,
    /// Whether it is of the house: the realm itself attached it.
    #[serde(default)]
    pub house: bool,
    /// Jobs done in this session.
    pub jobs_done: u64,
    /// Coins earned in this session.
    pub earned: Micro,
    /// What it offers.
    pub offers: Vec<OfferInfo>,
    /// What comparing its answers with those of others has shown; empty before the first verdict.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub records: Vec<TrustInfo>,
}

/// What comparing a worker's answers in one capability with those of others has shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TrustInfo {
    /// In what.
    pub capability: CapabilityKind,
    /// Answers in a row that were found right.
    pub run: u32,
    /// Answers that were compared.
    pub audits: u64,
    /// Answers that were proven wrong.
    pub failures: u32,
    /// Whether every answer is compared still.
    pub probation: bool,
}

/// One offer of a worker, with its load.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OfferInfo {
    /// What it can do.
    pub capability: CapabilityKind,
    /// With which model.
    pub model: String,
    /// Jobs at once.
    pub slots: u32,
    /// Of these taken.
    pub busy: u32,
    /// What it can take.
    pub limits: OfferLimits,
    /// How fast it writes, in tokens per second for one job, as measured by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens_per_s: Option<f32>,
    /// What it asks.
    pub price: Price,
    /// How large its model is, by the realm's rules.
    #[serde(default)]
    pub size: ModelSize,
    /// The languages that it understands or speaks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub languages: Vec<String>,
    /// The voices that it speaks with.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub voices: Vec<VoiceInfo>,
    /// What the tool is, if it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool: Option<Arc<ToolInfo>>,
    /// What it can do beside the capability itself.
    #[serde(default, skip_serializing_if = "Needs::is_none")]
    pub can: Needs,
}

/// The state of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// Waits for a worker.
    Queued,
    /// A worker has it.
    Running,
    /// Done and paid.
    Completed,
    /// Not done; refunded but for what was delivered.
    Failed,
    /// Stopped on request.
    Cancelled,
}

impl JobState {
    /// Whether nothing more will happen to it.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled)
    }
}

/// `GET /api/jobs/{id}`: everything about a job, for the wallet that it belongs to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct JobInfo {
    /// Its id.
    pub id: JobId,
    /// How it stands.
    pub state: JobState,
    /// What was asked; absent when it was pruned by the realm's retention.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intent: Option<Intent>,
    /// How soon.
    pub class: ServiceClass,
    /// Seen by whom.
    pub privacy: Privacy,
    /// When it was taken.
    pub submitted: Timestamp,
    /// When the realm gives up.
    pub deadline: Timestamp,
    /// When it was settled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settled: Option<Timestamp>,
    /// What was held.
    pub hold: Micro,
    /// What it cost, once settled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<Micro>,
    /// What it used, once settled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    /// Whether the realm remembered the answer, and no worker was asked.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub from_memory: bool,
    /// Why the answer ends, once completed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finish: Option<FinishReason>,
    /// The answer as far as it is there; absent when it was pruned by the realm's retention.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// What came out of it beside the text; empty when it was pruned by the realm's retention.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Part>,
    /// SHA-256 of the whole answer, once completed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<Digest>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
    /// The workers that had it, in order.
    pub workers: Vec<String>,
    /// The sequence of its last event.
    pub sequence: u64,
    /// How many jobs start before it, while it waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<u32>,
    /// How long until it starts, in milliseconds; absent when it can't be known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eta_ms: Option<u64>,
}

/// One line of `GET /api/wallets/{did}/jobs`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct JobLine {
    /// Its id.
    pub id: JobId,
    /// How it stands.
    pub state: JobState,
    /// What was asked of.
    pub capability: CapabilityKind,
    /// When it was taken.
    pub submitted: Timestamp,
    /// What it cost, once settled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<Micro>,
    /// The first words of the question.
    pub question: String,
    /// The first words of the answer.
    pub answer: String,
}

/// `GET /api/wallets/{did}/jobs?before=ID&limit=N&q=WORDS`: a page of a wallet's jobs, the newest first.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct JobPage {
    /// The jobs.
    pub jobs: Vec<JobLine>,
    /// Pass this as `before` for the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<JobId>,
}

/// `GET /api/wallets/{did}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WalletInfo {
    /// Whose.
    pub did: Did,
    /// Its account, public.
    pub guid: AccountId,
    /// What can be spent now.
    pub available: Micro,
    /// What is held for jobs that are not settled.
    pub held: Micro,
    /// What came in, ever.
    pub received: Micro,
    /// What went out, ever.
    pub spent: Micro,
    /// How much of what is available can be spent, but not sent; absent when it is none.
    #[serde(default, skip_serializing_if = "is_nothing")]
    pub bound: Micro,
    /// What its workers have earned that is held back, by what they worked in; absent when it is nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub late: Vec<LatePay>,
    /// Of what was held back, what is at stake because answers were proven wrong (`GET /api/trust`); absent when it is nothing.
    #[serde(default, skip_serializing_if = "is_nothing")]
    pub at_stake: Micro,
    /// The starter coins that it can still get, once, by `POST /api/wallets/{did}/starter`; absent when it can't.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starter: Option<Micro>,
    /// What its recovery key has asked for; absent when that is nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovery: Option<RecoveryPending>,
}

fn is_nothing(amount: &Micro) -> bool {
    *amount == Micro::ZERO
}

/// `GET /api/wallets/{did}/starter`: the work that a wallet has to do for its starter coins. It is done when a number is
/// found for which Argon2id (version 1.3, one lane, 32 bytes; the number's decimal digits as the password, the text of
/// `challenge` as the salt) gives a hash that begins with `zero_bits` zero bits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StarterChallenge {
    /// For this wallet alone, and good for one claim.
    pub challenge: String,
    /// How many zero bits: each one more doubles the work.
    pub zero_bits: u8,
    /// Memory for each try, in KiB.
    pub memory_kib: u32,
    /// Passes over that memory.
    pub passes: u32,
    /// Until when the work has to be handed in.
    pub expires: Timestamp,
    /// How many coins there are for it.
    pub coins: Micro,
}

/// `POST /api/wallets/{did}/starter`: the work is done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StarterClaim {
    /// As it came.
    pub challenge: String,
    /// The number that was found, below 2^53, so that every language can write it.
    pub number: u64,
}

/// `POST /api/transfers`: send coins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TransferRequest {
    /// Chosen by the sender; the same id with the same transfer is the same transfer.
    pub id: JobId,
    /// To whom.
    pub to: Did,
    /// How much.
    pub amount: Micro,
    /// What for; the ledger keeps only its salted hash.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub memo: String,
}

/// What a movement of a wallet was for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MovementKind {
    /// Paid for a job.
    Job,
    /// Earned with a job.
    Earned,
    /// Sent to another wallet.
    Sent,
    /// Received from another wallet.
    Received,
    /// Issued by the realm's owner.
    Issued,
    /// Starter coins.
    Started,
    /// Set aside for a grant.
    Granted,
    /// Came back from a grant that ended.
    Returned,
    /// Pay that was held back, and lost because an answer was proven wrong.
    Forfeited,
    /// What an answer has cost that was proven wrong.
    Refunded,
}

impl MovementKind {
    /// Whether coins came in with it.
    pub const fn is_gain(self) -> bool {
        match self {
            Self::Job | Self::Sent | Self::Granted | Self::Forfeited => false,
            Self::Earned
            | Self::Received
            | Self::Issued
            | Self::Started
            | Self::Returned
            | Self::Refunded => true,
        }
    }
}

/// One line of `GET /api/wallets/{did}/movements`, the newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Movement {
    /// The ledger's entry.
    pub entry: u64,
    /// When.
    pub time: Timestamp,
    /// What for.
    pub kind: MovementKind,
    /// How much.
    pub amount: Micro,
    /// The job or transfer.
    pub reference: JobId,
    /// The other side's account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub other: Option<AccountId>,
}

/// A page of a wallet's movements.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct MovementPage {
    /// The movements.
    pub movements: Vec<Movement>,
    /// Pass this as `before` for the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<u64>,
}

/// `POST /api/handovers`: leave something sealed for another device of the same person. The realm can't read it: what
/// opens it goes from device to device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HandoverRequest {
    /// What is handed over, sealed, in base64url.
    pub sealed: String,
}

/// A handover that waits for the other device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Handover {
    /// What the other device asks for.
    pub id: JobId,
    /// When it is gone, fetched or not.
    pub expires: Timestamp,
}

/// What was handed over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HandoverTaken {
    /// As it was left.
    pub sealed: String,
}

/// `POST /api/wallets/{did}/keys`: make an API key for programs that can't sign.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyRequest {
    /// What it is for.
    pub name: String,
    /// The grant that it spends from; without it, the key can do all that the wallet can.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant: Option<JobId>,
}

/// An API key. The secret is shown once, when it is made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ApiKey {
    /// Its public name.
    pub id: JobId,
    /// What it is for.
    pub name: String,
    /// When it was made.
    pub created: Timestamp,
    /// The grant that it spends from, if not from the wallet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant: Option<JobId>,
    /// The secret, only in the answer that makes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
}

/// `GET /api/wallets/{did}/devices`: where a wallet is in use. All of them have its key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeviceList {
    /// Since when the realm has looked: it remembers devices for as long as it runs.
    pub since: Timestamp,
    /// Who is here first, then who was here last.
    pub devices: Vec<DeviceInfo>,
}

/// A device on which a wallet is, or was, in use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeviceInfo {
    /// What tells it from the others.
    pub id: String,
    /// What it calls itself.
    pub name: String,
    /// How many sessions it has open; 0 when it is not here.
    pub sessions: u32,
    /// When it was first seen.
    pub since: Timestamp,
    /// When it last opened or ended a session.
    pub seen: Timestamp,
}

/// `POST /api/wallets/{did}/passkeys`: a wallet as a passkey has sealed it. The realm keeps it and can't read it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PasskeyRequest {
    /// SHA-256 of the credential's id, under which it is found again.
    pub id: Digest,
    /// What is sealed, base64url.
    pub sealed: String,
}

/// A passkey under which a wallet has something sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PasskeyInfo {
    /// SHA-256 of the credential's id.
    pub id: Digest,
    /// When it was sealed.
    pub created: Timestamp,
}

/// `GET /api/passkeys/{id}`: what a passkey has sealed. Without the passkey it is of no use to anybody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PasskeySealed {
    /// What is sealed, base64url.
    pub sealed: String,
}

/// Who may ask a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Anybody.
    Public,
    /// The wallet that it concerns: RFC 9421 signature, API key, or nothing on loopback (the owner).
    Wallet,
}

/// One route of the HTTP interface.
#[derive(Debug, Clone, Copy)]
pub struct Route {
    /// The method.
    pub method: &'static str,
    /// The path, with `{parameters}`.
    pub path: &'static str,
    /// What it does.
    pub summary: &'static str,
    /// Query parameters with their meaning.
    pub query: &'static [(&'static str, &'static str)],
    /// Who may ask it.
    pub access: Access,
    /// The name of the body's schema, if it has one.
    pub request: Option<&'static str>,
    /// The name of the answer's schema, or its media type when it is not JSON.
    pub response: &'static str,
}

macro_rules! route {
    ($method:literal $path:literal $access:ident $($request:literal)? -> $response:literal, $summary:literal $(, $name:literal: $meaning:literal)*) => {
        Route {
            method: $method,
            path: $path,
            summary: $summary,
            query: &[$(($name, $meaning)),*],
            access: Access::$access,
            request: route!(@request $($request)?),
            response: $response,
        }
    };
    (@request) => { None };
    (@request $request:literal) => { Some($request) };
}

/// Every route.
pub const ROUTES: &[Route] = &[
    route!("GET" "/healthz" Public -> "text/plain", "The process lives"),
    route!("GET" "/readyz" Public -> "text/plain", "200 when the broker and every worker it was told to start can take a job, else 503 and why"),
    route!("GET" "/metrics" Public -> "text/plain", "Figures for Prometheus"),
    route!("GET" "/api/realm" Public -> "RealmInfo", "Who this realm is, and how its ledger stands"),
    route!("GET" "/api/queue" Public -> "QueueInfo", "Jobs that wait and run"),
    route!("GET" "/api/prices" Public -> "PriceList", "What each capability costs"),
    route!("GET" "/api/prices/history" Public -> "PriceHistories", "What it cost in the last day, minute by minute", "days": "of so many days instead (at most 35), a point for each quarter of an hour"),
    route!("GET" "/api/workers" Public -> "WorkerList", "Who works here, with load and speed"),
    route!("POST" "/api/jobs" Wallet "Submit" -> "JobInfo", "Submit a job: a CloudEvent mtor.job.submit or mtor.job.order, or its data alone; or a form (multipart/form-data) with that as its part job, and a part picture for each of the job's pictures. 201, or 200 when the id is known already", "wait": "seconds (at most 60) to wait for the end before answering", "dry_run": "true to be told what would be done, by whom and at which price, and nothing is: the answer is a Quote"),
    route!("GET" "/api/jobs/{id}" Wallet -> "JobInfo", "A job, with its answer as far as it is there"),
    route!("GET" "/api/jobs/{id}/events" Wallet -> "text/event-stream", "The job's events, past ones first; ends with the job", "after": "only events with a greater sequence; the header Last-Event-ID says the same"),
    route!("GET" "/api/jobs/{id}/parts/{number}" Wallet -> "application/octet-stream", "A part of the answer that is no text, such as a picture, in its own media type"),
    route!("GET" "/api/jobs/{id}/proofs" Wallet -> "JobProofs", "Proofs of what the journal says of a job, for anybody to check", "reveal": "true to show in them what was asked and answered"),
    route!("DELETE" "/api/jobs/{id}" Wallet -> "JobInfo", "Cancel a job"),
    route!("POST" "/api/resolve" Wallet "Resolve" -> "Resolved", "What some words want: a word to the realm itself, a capability with its text, or a question back"),
    route!("POST" "/api/plans" Wallet "PlanAsk" -> "Plan", "Do what some words want in several steps. 201, or 200 when the id is known already"),
    route!("GET" "/api/plans" Wallet -> "PlanPage", "A wallet's plans, the newest first", "before": "only plans older than this id", "limit": "at most so many, 1 to 200"),
    route!("GET" "/api/plans/{id}" Wallet -> "Plan", "A plan, and how far it is"),
    route!("POST" "/api/plans/{id}/answer" Wallet "PlanAnswer" -> "Plan", "Say yes or no to what a plan asks"),
    route!("DELETE" "/api/plans/{id}" Wallet -> "Plan", "Stop a plan: what runs is cancelled, what is done stays done"),
    route!("GET" "/api/wallets/{did}" Wallet -> "WalletInfo", "A wallet's balance"),
    route!("GET" "/api/wallets/{did}/jobs" Wallet -> "JobPage", "A wallet's jobs, the newest first", "grant": "the jobs of this grant's API keys instead", "before": "only jobs older than this id", "limit": "at most so many, 1 to 200", "q": "only jobs whose question or answer has these words"),
    route!("GET" "/api/wallets/{did}/movements" Wallet -> "MovementPage", "What came into a wallet and went out of it, the newest first", "grant": "those of this grant of the wallet's instead, also when it has ended", "before": "only entries before this one", "limit": "at most so many, 1 to 200"),
    route!("POST" "/api/wallets/{did}/welcome" Public -> "WalletInfo", "At home (on loopback, in private mode) the owner fills this wallet up to the welcome amount"),
    route!("GET" "/api/wallets/{did}/starter" Wallet -> "StarterChallenge", "The work that this wallet has to do for its starter coins, where the realm gives some"),
    route!("POST" "/api/wallets/{did}/starter" Wallet "StarterClaim" -> "WalletInfo", "Hand the work in, and get the starter coins: once, and as long as there are some today"),
    route!("GET" "/api/wallets/{did}/keys" Wallet -> "ApiKeyList", "The wallet's API keys, without their secrets"),
    route!("POST" "/api/wallets/{did}/keys" Wallet "KeyRequest" -> "ApiKey", "Make an API key for programs that can't sign"),
    route!("DELETE" "/api/wallets/{did}/keys/{id}" Wallet -> "ApiKeyList", "Revoke an API key at once"),
    route!("GET" "/api/wallets/{did}/grants" Wallet -> "GrantList", "What the wallet lets others spend, and what others let it spend"),
    route!("POST" "/api/wallets/{did}/grants" Wallet "GrantRequest" -> "GrantInfo", "Let others spend of this wallet's coins, up to a limit"),
    route!("DELETE" "/api/wallets/{did}/grants/{id}" Wallet -> "GrantList", "Take a grant back at once: its open jobs are cancelled, and what is left comes back"),
    route!("GET" "/api/wallets/{did}/recovery" Wallet -> "WalletKeysInfo", "How the wallet's keys stand: its recovery key, and a recovery that was asked for"),
    route!("POST" "/api/keys" Wallet "KeyStatement" -> "WalletKeysInfo", "Change a wallet's keys: a new key, a recovery key, a recovery, a veto"),
    route!("GET" "/api/wallets/{did}/devices" Wallet -> "DeviceList", "On which devices the wallet is in use"),
    route!("GET" "/api/wallets/{did}/passkeys" Wallet -> "PasskeyList", "The passkeys under which the wallet is sealed here"),
    route!("POST" "/api/wallets/{did}/passkeys" Wallet "PasskeyRequest" -> "PasskeyList", "Keep the wallet here, as a passkey has sealed it"),
    route!("DELETE" "/api/wallets/{did}/passkeys/{id}" Wallet -> "PasskeyList", "Forget what a passkey has sealed"),
    route!("GET" "/api/passkeys/{id}" Wallet -> "PasskeySealed", "What a passkey has sealed, for whoever holds the passkey"),
    route!("POST" "/api/handovers" Wallet "HandoverRequest" -> "Handover", "Leave something sealed for another device, to be fetched once within two minutes"),
    route!("POST" "/api/handovers/{id}/take" Wallet -> "HandoverTaken", "Fetch it; whoever comes second finds nothing"),
    route!("GET" "/api/trust" Wallet -> "CaseList", "Answers that were proven wrong and are not decided: the owner sees all, whoever else those of the own worker"),
    route!("GET" "/api/trust/{job}" Wallet -> "CaseInfo", "One of them, with the answers that were compared, as far as they are kept"),
    route!("POST" "/api/trust/{job}" Wallet "CaseRequest" -> "CaseInfo", "Object, as the worker; pardon or uphold, as the owner"),
    route!("GET" "/api/peers" Wallet -> "PeerList", "The realms that are peers of this one, for its owner"),
    route!("POST" "/api/peers/invite" Wallet "PeerInviteRequest" -> "PeerInvite", "Invite another realm, as the owner: a code that is good once, for an hour"),
    route!("POST" "/api/peers/join" Wallet "PeerJoinRequest" -> "PeerInfo", "Join a realm that has invited this one, as the owner"),
    route!("POST" "/api/peers/greet" Wallet "PeerGreeting" -> "PeerWelcome", "Become a peer, as the realm that was invited: signed by its key"),
    route!("POST" "/api/peers/{did}" Wallet "PeerTerms" -> "PeerInfo", "Change the terms on which a realm is a peer, as the owner; open jobs of it go on"),
    route!("DELETE" "/api/peers/{did}" Wallet -> "PeerList", "Part with a peer, as the owner: nothing is shared any more, and what it owes it owes still"),
    route!("POST" "/api/transfers" Wallet "TransferRequest" -> "WalletInfo", "Send coins to another wallet"),
    route!("GET" "/api/attachments" Wallet -> "AttachmentList", "The services that are attached by their address; for the owner, at home"),
    route!("POST" "/api/attachments" Wallet "AttachRequest" -> "Attachment", "Find out what service is at an address, and attach it, for good; for the owner, at home"),
    route!("DELETE" "/api/attachments/{id}" Wallet -> "AttachmentList", "Detach a service, and forget its key; for the owner, at home"),
    route!("GET" "/log/checkpoint" Public -> "text/plain", "The signed checkpoint of the log (C2SP)"),
    route!("GET" "/log/tile/{path}" Public -> "application/octet-stream", "A tile of the log (C2SP tlog-tiles)"),
    route!("POST" "/v1/chat/completions" Wallet "ChatCompletionRequest" -> "ChatCompletion", "Chat, in OpenAI's shape; streams server-sent events when asked to"),
    route!("POST" "/v1/embeddings" Wallet "EmbeddingRequest" -> "EmbeddingList", "Embeddings, in OpenAI's shape"),
    route!("POST" "/v1/images/generations" Wallet "ImageRequest" -> "ImageList", "Pictures, in OpenAI's shape"),
    route!("POST" "/v1/audio/transcriptions" Wallet "TranscriptionRequest" -> "Transcription", "A recording in the field file of a form, written down, in OpenAI's shape; streams server-sent events when asked to"),
    route!("POST" "/v1/audio/speech" Wallet "SpeechRequest" -> "audio/mpeg", "Text, spoken, in OpenAI's shape; sent as it is spoken, in the format that was asked for"),
    route!("GET" "/v1/models" Wallet -> "ModelList", "Models, in OpenAI's shape"),
    route!("GET" "/v1/models/{id}" Wallet -> "ModelCard", "One model, in OpenAI's shape"),
    route!("POST" "/mcp" Wallet -> "text/event-stream", "A message of the Model Context Protocol (streamable HTTP); its tools are what workers offer"),
    route!("DELETE" "/mcp" Wallet -> "text/plain", "The end of a session of the Model Context Protocol, named by the header Mcp-Session-Id"),
];
