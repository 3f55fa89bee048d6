//! Every limit of the broker, in one place. Those that a sysop may change stand in [`Settings`](crate::Settings) too.

use std::time::Duration;

/// Most connections at once, WebSockets included.
pub const CONNECTIONS_MAX: usize = 20_000;
/// Longest wait for a request's headers, and longest silence between two requests on one connection.
pub const HEADER_TIMEOUT: Duration = Duration::from_secs(30);
/// Largest block of headers, in bytes.
pub const HEADER_BYTES_MAX: usize = 32 * 1024;
/// Longest wait for the answer to a challenge.
pub const CHALLENGE_TTL_MS: u64 = 15_000;
/// Oldest signed request that is taken, in seconds.
pub const SIGNATURE_AGE_MAX_S: u64 = 60;
/// Nonces of signed requests that are remembered at once.
pub const NONCES_MAX: usize = 100_000;
/// WebSocket buffers: axum's default would cost 137 KB for each idle connection. The first is there as long as the
/// connection is, the second grows when something is written.
pub const SOCKET_READ_BYTES: usize = 1_280;
/// The same for a connection whose address says that a worker is at its other end: it has the words of many answers.
pub const WORKER_SOCKET_READ_BYTES: usize = 16 * 1024;
/// See [`SOCKET_READ_BYTES`].
pub const SOCKET_WRITE_BYTES: usize = 4 * 1024;
/// Frames that wait for a worker's connection. A worker that lets more pile up is stuck, and dismissed.
pub const LINK_QUEUE_MAX: usize = 2_048;
/// Sessions of the Model Context Protocol that are remembered at once; past it the oldest is forgotten, and its client begins anew.
pub const MCP_SESSIONS_MAX: usize = 1_024;
/// Frames that wait for a client's connection before those who feed it wait too.
pub const SESSION_QUEUE_MAX: usize = 16;
/// Jobs that one client session follows at once.
pub const WATCHES_PER_SESSION_MAX: usize = 256;
/// Commands that wait for the realm before those who ask wait too.
pub const REALM_QUEUE_MAX: usize = 8_192;
/// Commands that the realm takes in one go: they share one commit.
pub const REALM_BATCH_MAX: usize = 512;
/// How often the text of running answers is saved, so that a crash loses little of it.
pub const SAVE_RUNNING_TEXT: Duration = Duration::from_millis(500);
/// How often a watcher of the realm is told at most how it stands.
pub const STATUS_PERIOD: Duration = Duration::from_secs(1);
/// Steps of jobs that a slow watcher of the realm may lag behind before it loses some (they are only a picture).
pub const FLOW_QUEUE_MAX: usize = 1_024;
/// What workers are asked to keep to between two beats, in milliseconds.
pub const BEAT_MS: u64 = 10_000;
/// Results after which a worker's key is prepared, which makes the check of each further one twice as fast.
pub const PREPARED_AFTER_CHECKS: u32 = 64;
/// Keys that are prepared at once: 130 kB each.
pub const PREPARED_KEYS_MAX: usize = 64;
/// Longest time that a client can wait for a job's end in one request, in seconds.
pub const WAIT_S_MAX: u64 = 60;
/// Characters of the question and the answer that a list of jobs shows.
pub const PREVIEW_CHARS: usize = 160;
/// The space that is left free in a job's numbering after a restart, so that no number is ever given twice: more than
/// the events that a job can have between two savings of its text.
pub const SEQUENCE_GAP: u64 = 1 << 20;
/// How long something that is handed from one device to another waits, in seconds.
pub const HANDOVER_TTL_S: u32 = 2 * 60;
/// Longest thing that is handed over, in bytes. A sealed wallet has about 150.
pub const HANDOVER_BYTES_MAX: usize = 512;
/// Handovers that wait at once, one for each wallet.
pub const HANDOVERS_MAX: usize = 1_000;

/// Most devices that are remembered of one wallet.
pub const DEVICES_MAX: usize = 16;
/// Most wallets whose devices are remembered.
pub const DEVICE_WALLETS_MAX: usize = 1_000;
/// Longest id of a device, in bytes.
pub const DEVICE_ID_BYTES_MAX: usize = 64;
/// Longest name of a device, in bytes.
pub const DEVICE_NAME_BYTES_MAX: usize = 80;
/// Longest thing that a passkey has sealed, in bytes. A sealed wallet has about 150.
pub const PASSKEY_BYTES_MAX: usize = 512;
/// Most passkeys that keep one wallet.
pub const PASSKEYS_MAX: usize = 10;
/// Requests that one address elsewhere may make in a second, on average. This machine itself is not limited.
pub const REQUESTS_PER_S: u32 = 200;
/// How long an answer waits for the ledger. Beyond that the disk is full or stuck, and the client is told so.
pub const COMMIT_PATIENCE: Duration = Duration::from_secs(10);
/// Silence after which the system looks whether a connection's other end is still there.
pub const KEEPALIVE_IDLE: Duration = Duration::from_secs(60);
/// How long running jobs may go on when the realm goes down.
pub const DRAIN_GRACE: Duration = Duration::from_secs(30);
/// Sound that is held in memory for all jobs together, in bytes: 256 MiB, more than two hours of raw speech.
pub const INPUT_BYTES_IN_ALL_MAX: usize = 256 << 20;
/// Frames that one job's input may come in.
pub const INPUT_FRAMES_MAX: usize = 1 << 19;
/// Binary frames that wait for a worker's connection before those who feed it wait too.
pub const LINK_PAYLOADS_MAX: usize = 8;
/// How long a wallet has for the work that its starter coins cost, in milliseconds.
pub const STARTER_CHALLENGE_MS: u64 = 10 * 60 * 1_000;
/// Zero bits asked for of a wallet's work at first: some hundred tries, half a minute in a browser.
pub const STARTER_ZERO_BITS: u8 = 8;
/// The most that are added as the day's coins get scarce.
pub const STARTER_SCARCITY_BITS_MAX: u8 = 4;
/// By how many bits the work may have become harder while somebody was at it.
pub const STARTER_SLACK_BITS: u8 = 1;
/// Memory for each try, in KiB: 32 MiB.
pub const STARTER_MEMORY_KIB: u32 = 32 << 10;
/// Passes over that memory.
pub const STARTER_PASSES: u32 = 1;
/// Claims that are checked at once: each takes the memory of a try and a core for some hundredths of a second.
pub const STARTER_CHECKS_MAX: usize = 2;
/// Claims of one network that are looked at in a second, on average.
pub const STARTER_CLAIMS_PER_S: u32 = 2;
/// Challenges that were spent and are still good, at most: as many as can be checked in the time that they live.
pub const STARTER_SPENT_MAX: usize = 100_000;
/// Networks whose claims of one day are counted each by itself.
pub const STARTER_NETWORKS_MAX: usize = 10_000;
/// Witnesses of the log.
pub const WITNESSES_MAX: usize = 16;
/// Witnesses are shown a new checkpoint at most so often.
pub const WITNESS_INTERVAL: Duration = Duration::from_secs(60);
/// How long after a change of the realm it is looked whether the log has grown: by then the disk has it.
pub const WITNESS_SETTLE: Duration = Duration::from_secs(1);
/// Longest wait for a witness's answer.
pub const WITNESS_TIMEOUT: Duration = Duration::from_secs(10);
/// The longest pause after failures of a witness; it begins with [`WITNESS_INTERVAL`] and doubles.
pub const WITNESS_PAUSE_MAX: Duration = Duration::from_secs(60 * 60);
/// Longest answer of a witness that is read, in bytes.
pub const WITNESS_ANSWER_BYTES_MAX: usize = 16 << 10;
/// How long the newest cosigned checkpoint is published although the log has grown beyond it, in milliseconds. Then the newest
/// is published without witnesses: a log that nobody witnesses any more must not seem to stand still.
pub const COSIGNED_AGE_MS_MAX: u64 = 10 * 60 * 1_000;
/// Answers that are remembered, by the job that gave them; each takes a hundred bytes or so.
pub const REMEMBERED_MAX: usize = 16_384;
/// How long an answer is remembered, in milliseconds: what is repeatable changes slowly, but it may.
pub const REMEMBERED_MS_MAX: u64 = 24 * 60 * 60 * 1_000;
/// Answers that wait to be compared; beyond that they are believed.
pub const AUDITS_WAITING_MAX: usize = 256;
/// Answers that are compared at once.
pub const AUDITS_AT_ONCE: usize = 16;
/// How long the vectors of answers may take, by which they are compared.
pub const AUDIT_VECTORS_PATIENCE: Duration = Duration::from_secs(60);
/// Questions with known answers that are kept for canaries.
pub const KNOWN_MAX: usize = 256;
/// The longest answers to one of them together, in bytes.
pub const KNOWN_BYTES_MAX: usize = 64 * 1024;
/// How long one is kept, in milliseconds.
pub const KNOWN_AGE_MS_MAX: u64 = 6 * 60 * 60 * 1_000;
/// How often one is asked.
pub const KNOWN_USES_MAX: usize = 3;
/// How near the vectors of two texts must be to say the same: two that share nothing are near 0, one with itself is 1. Low, since
/// a wrong proof costs an honest worker more than an unproven answer costs the realm.
pub const ALIKE_TEXTS: f64 = 0.5;
/// How near two vectors of the same text by the same model must be.
pub const ALIKE_VECTORS: f64 = 0.999;

/// Most peers of a realm.
pub const PEERS_MAX: usize = 64;
/// Most invitations that wait for a guest.
pub const PEER_INVITES_MAX: usize = 32;
/// How long an invitation is good, in milliseconds.
pub const PEER_INVITE_TTL_MS: u64 = 60 * 60 * 1_000;
/// How long a realm that has invited this one may take to answer.
pub const PEER_TIMEOUT: Duration = Duration::from_secs(15);
/// The longest answer that is read of it, in bytes.
pub const PEER_ANSWER_BYTES_MAX: usize = 16 * 1_024;
/// What is lent to a peer is said anew at most so often.
pub const PEER_ANNOUNCE_PAUSE: Duration = Duration::from_secs(1);
/// A peer that refuses what is lent to it is asked again after so long. (A link that is lost is dialled sooner.)
pub const PEER_REDIAL_PAUSE: Duration = Duration::from_secs(10);
