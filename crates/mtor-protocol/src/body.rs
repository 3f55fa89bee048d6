//! What an event says. Every type of event is declared once, in the table below: its name on the wire, who may send
//! it to whom, and its data.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::event::ParseError;
use crate::http::{QueueInfo, WorkerInfo};
use crate::id::{Did, Digest, JobId, Timestamp};
use crate::intent::Submit;
use crate::keys::WalletKeysInfo;
use crate::money::{Micro, Price};
use crate::order::Order;
use crate::part::Part;
use crate::plan::{Plan, PlanAnswer, PlanAsk};
use crate::problem::Problem;
use crate::resolve::{Resolve, Resolved};
use crate::sound::VoiceTiming;
use crate::usage::{FinishReason, Usage};
use crate::ware::ModelSize;
use crate::worker::{
    Announcement, Beat, CapabilityKind, Done, Drain, Piece, Run, Stop, WorkFailed, WorkPart, WorkPartial,
};

/// Between whom a type of event passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// From a client to the broker.
    ClientToBroker,
    /// From the broker to a client.
    BrokerToClient,
    /// From a worker to the broker.
    WorkerToBroker,
    /// From the broker to a worker.
    BrokerToWorker,
    /// Clients and workers alike, to the broker.
    AnyToBroker,
    /// The broker, to clients and workers alike.
    BrokerToAny,
}

macro_rules! bodies {
    ($($(#[$doc:meta])* $name:ident($data:ty) = $kind:literal, $way:ident;)+) => {
        /// What an event says; the variant is the event's `type`.
        #[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
        #[serde(untagged)]
        pub enum Body {
            $($(#[$doc])* $name($data),)+
        }

        impl Body {
            /// Every type of event with its way, for documentation and tests.
            pub const KINDS: &'static [(&'static str, Way)] = &[$(($kind, Way::$way)),+];

            /// The event's `type`.
            pub const fn kind(&self) -> &'static str {
                match self { $(Self::$name(_) => $kind),+ }
            }

            /// Between whom this may pass.
            pub const fn way(&self) -> Way {
                match self { $(Self::$name(_) => Way::$way),+ }
            }

            /// Reads the data of an event of this type.
            pub(crate) fn parse(kind: &str, data: &str) -> Result<Self, ParseError> {
                match kind {
                    $($kind => serde_json::from_str(data)
                        .map(Self::$name)
                        .map_err(|error| ParseError::Data { kind: $kind, error }),)+
                    other => Err(ParseError::UnknownType(other.chars().take(100).collect())),
                }
            }

            /// The schema of each type's data.
            pub(crate) fn schemas(generator: &mut schemars::SchemaGenerator) -> Vec<(&'static str, Way, schemars::Schema)> {
                vec![$(($kind, Way::$way, generator.subschema_for::<$data>())),+]
            }
        }
    };
}

bodies! {
    /// The first frame of a session: prove who you are.
    SessionChallenge(Challenge) = "mtor.session.challenge", BrokerToAny;
    /// The answer to it.
    SessionHello(Hello) = "mtor.session.hello", AnyToBroker;
    /// The session stands.
    SessionWelcome(Welcome) = "mtor.session.welcome", BrokerToAny;

    /// Do this.
    JobSubmit(Submit) = "mtor.job.submit", ClientToBroker;
    /// Do this: the same, signed by the wallet that pays.
    JobOrder(Order) = "mtor.job.order", ClientToBroker;
    /// Send me the events of this job (the subject), past ones first.
    JobWatch(Watch) = "mtor.job.watch", ClientToBroker;
    /// Stop this job (the subject).
    JobCancel(Cancel) = "mtor.job.cancel", ClientToBroker;
    /// The job is in the ledger: it will be done, or refunded.
    JobAccepted(Accepted) = "mtor.job.accepted", BrokerToClient;
    /// It waits for a worker.
    JobQueued(Queued) = "mtor.job.queued", BrokerToClient;
    /// A worker has it.
    JobAssigned(Assigned) = "mtor.job.assigned", BrokerToClient;
    /// A piece of the answer.
    JobChunk(Chunk) = "mtor.job.chunk", BrokerToClient;
    /// What the answer looks like so far: the next one replaces it. No part of the answer.
    JobPartial(Partial) = "mtor.job.partial", BrokerToClient;
    /// A part of the answer that is no text, or a preview of one: its bytes follow as binary frames.
    JobPart(Part) = "mtor.job.part", BrokerToClient;
    /// Done and paid.
    JobCompleted(Completed) = "mtor.job.completed", BrokerToClient;
    /// Not done; what was held beyond the cost is free again.
    JobFailed(Failed) = "mtor.job.failed", BrokerToClient;
    /// Stopped on request; what was held beyond the cost is free again.
    JobCancelled(Cancelled) = "mtor.job.cancelled", BrokerToClient;

    /// What would this cost?
    QuoteAsk(Submit) = "mtor.quote.ask", ClientToBroker;
    /// That much.
    Quote(Quote) = "mtor.quote", BrokerToClient;

    /// What do these words want? The subject, if there is one, comes back with the answer.
    IntentResolve(Resolve) = "mtor.intent.resolve", ClientToBroker;
    /// That.
    IntentResolved(Resolved) = "mtor.intent.resolved", BrokerToClient;
    /// Do what these words want, in several steps. The subject is the plan's id.
    PlanAsk(PlanAsk) = "mtor.plan.ask", ClientToBroker;
    /// Tell me how this plan (the subject) stands, until it is over.
    PlanWatch(PlanWatch) = "mtor.plan.watch", ClientToBroker;
    /// A word about what this plan (the subject) asks.
    PlanAnswer(PlanAnswer) = "mtor.plan.answer", ClientToBroker;
    /// Stop this plan (the subject).
    PlanCancel(Cancel) = "mtor.plan.cancel", ClientToBroker;
    /// So it stands.
    PlanState(Plan) = "mtor.plan.state", BrokerToClient;
    /// How long a spoken turn took.
    VoiceTiming(VoiceTiming) = "mtor.voice.timing", ClientToBroker;

    /// How your wallet's keys stand: sent when they change, and at the beginning of a session while a recovery is asked for.
    WalletKeys(WalletKeysInfo) = "mtor.wallet.keys", BrokerToClient;

    /// Tell me what happens in the realm from now on.
    RealmWatch(RealmWatch) = "mtor.realm.watch", ClientToBroker;
    /// How the realm stands: sent when it changes, at most once a second.
    RealmStatus(RealmStatus) = "mtor.realm.status", BrokerToClient;
    /// A job moved. Says nothing of whose it is or what it says.
    RealmFlow(RealmFlow) = "mtor.realm.flow", BrokerToClient;

    /// What a worker offers.
    WorkerAnnounce(Announcement) = "mtor.worker.announce", WorkerToBroker;
    /// Still here.
    WorkerBeat(Beat) = "mtor.worker.beat", WorkerToBroker;
    /// No new jobs, please.
    WorkerDrain(Drain) = "mtor.worker.drain", AnyToBroker;
    /// Do this.
    WorkerRun(Run) = "mtor.worker.run", BrokerToWorker;
    /// Stop that.
    WorkerStop(Stop) = "mtor.worker.stop", BrokerToWorker;
    /// A piece of the answer.
    WorkerChunk(Piece) = "mtor.worker.chunk", WorkerToBroker;
    /// What the answer looks like so far.
    WorkerPartial(WorkPartial) = "mtor.worker.partial", WorkerToBroker;
    /// A part of the answer that is no text comes: its bytes follow as binary frames.
    WorkerPart(WorkPart) = "mtor.worker.part", WorkerToBroker;
    /// The answer is whole.
    WorkerDone(Done) = "mtor.worker.done", WorkerToBroker;
    /// It can't be done here.
    WorkerFailed(WorkFailed) = "mtor.worker.failed", WorkerToBroker;

    /// Something was wrong with what you sent. The subject is the job, where there is one.
    Error(Problem) = "mtor.error", BrokerToAny;
}

/// The data of `mtor.session.challenge`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Challenge {
    /// The realm that asks.
    pub realm: Did,
    /// 32 random bytes, base64url.
    pub nonce: String,
    /// The answer must come before this.
    pub expires: Timestamp,
}

/// Who opens a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SessionRole {
    /// Somebody with a wallet.
    Client,
    /// A worker.
    Worker,
}

impl SessionRole {
    /// The word that is signed.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Worker => "worker",
        }
    }
}

/// The data of `mtor.session.hello`. On loopback a client may leave `did` and `signature` out: it is the owner then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Hello {
    /// Client or worker.
    pub role: SessionRole,
    /// Whose wallet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub did: Option<Did>,
    /// The signature over the challenge, base64url.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
    /// Of a client: on which device it is, so that the wallet's owner sees where the wallet is in use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<Device>,
}

/// A device of a wallet, as it calls itself. Nothing proves it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Device {
    /// What tells it from the others; it keeps it.
    pub id: String,
    /// For people.
    pub name: String,
}

/// The data of `mtor.session.welcome`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Welcome {
    /// Who you are to the realm.
    pub did: Did,
    /// As what.
    pub role: SessionRole,
    /// The realm's name.
    pub realm_name: String,
    /// For a worker: beat at least this often, in milliseconds.
    pub beat_ms: u64,
}

/// The data of `mtor.job.watch`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Watch {
    /// Only events with a greater sequence; 0 for all.
    pub after: u64,
}

/// The data of `mtor.job.cancel`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cancel {}

/// The data of `mtor.plan.watch`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlanWatch {}

/// The data of `mtor.job.accepted`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Accepted {
    /// What is held of the balance until it is done: the most that it can cost.
    pub hold: Micro,
    /// When the realm gives up.
    pub deadline: Timestamp,
}

/// The data of `mtor.job.queued`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Queued {
    /// How many jobs of this capability start before it.
    pub position: u32,
    /// How long until it starts, in milliseconds; absent when it can't be known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eta_ms: Option<u64>,
}

/// The data of `mtor.job.assigned`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Assigned {
    /// The worker's name.
    pub worker: String,
    /// The worker's key.
    pub did: Did,
    /// The model that it runs.
    pub model: String,
    /// 1 for the first worker, 2 for the one after it, and so on.
    pub attempt: u32,
}

/// The data of `mtor.job.chunk`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Chunk {
    /// Where the piece belongs in the whole answer, in bytes of UTF-8. A reader that holds more than this cuts its
    /// text here first: after a crash of the broker a few words may be written anew.
    pub offset: u64,
    /// The piece.
    pub text: String,
    /// Tokens in it.
    pub tokens: u32,
}

/// The data of `mtor.job.partial`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Partial {
    /// All of it, as it looks so far.
    pub text: String,
}

/// The data of `mtor.job.completed`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Completed {
    /// What was used.
    pub usage: Usage,
    /// What it cost.
    pub cost: Micro,
    /// Why the answer ends.
    pub finish: FinishReason,
    /// SHA-256 of the whole answer.
    pub output: Digest,
    /// When.
    pub settled: Timestamp,
    /// Whether the realm remembered the answer, and no worker was asked.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub from_memory: bool,
}

/// The data of `mtor.job.failed`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Failed {
    /// Why.
    pub problem: Problem,
    /// What the text delivered so far cost; nothing, if there was none.
    pub cost: Micro,
}

/// The data of `mtor.job.cancelled`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Cancelled {
    /// What the text delivered so far cost.
    pub cost: Micro,
}

/// The data of `mtor.quote`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Quote {
    /// The most that the job can cost: what would be held.
    pub max: Micro,
    /// The price it is computed with.
    pub price: Price,
    /// What would be done.
    pub capability: CapabilityKind,
    /// By which model, as it was asked for: `default` leaves it to the realm.
    pub model: String,
    /// The class of the models whose price it is.
    pub size: ModelSize,
    /// How many offers of attached workers fit it, free or not.
    pub offers: u32,
    /// How many jobs would start before it.
    pub position: u32,
    /// How long until it starts, in milliseconds; absent when it can't be known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eta_ms: Option<u64>,
    /// Until when the price holds.
    pub expires: Timestamp,
}

/// The data of `mtor.realm.watch`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RealmWatch {}

/// The data of `mtor.realm.status`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RealmStatus {
    /// Queues.
    pub queue: QueueInfo,
    /// Workers.
    pub workers: Vec<WorkerInfo>,
}

/// Where a job has just come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FlowStep {
    /// A client's job was taken.
    Submitted,
    /// A worker got it.
    Assigned,
    /// Its first words came.
    FirstChunk,
    /// It was done and paid.
    Completed,
    /// It failed.
    Failed,
    /// It was cancelled.
    Cancelled,
}

/// The data of `mtor.realm.flow`: one step of one job, without a word of what it says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RealmFlow {
    /// The job, as a short token that is good only for joining the steps of one job.
    pub token: String,
    /// What is asked of the realm.
    pub capability: CapabilityKind,
    /// Where it has come to.
    pub step: FlowStep,
    /// The worker, once there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worker: Option<String>,
    /// Whether it is one of the watcher's own; then `job` says which.
    pub own: bool,
    /// The job, if it is the watcher's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<JobId>,
}
