//! Every default and limit of the gateway, in one place.

use std::time::Duration;

/// Jobs at once for each thing that a service offers.
pub const SLOTS: u32 = 2;

/// Most jobs at once that `--slots` may ask for.
pub const SLOTS_MAX: u32 = 64;

/// How long connecting to a service may take.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a service may take to say what it is.
pub const DESCRIBE_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a service may be silent while it speaks, or after the last of the sound that it listens to. Large models on
/// small machines take their time.
pub const ANSWER_TIMEOUT: Duration = Duration::from_secs(120);

/// How often a service that is there is asked what it offers now. That it is gone is noticed at once.
pub const LOOK_AGAIN: Duration = Duration::from_secs(60);

/// The first wait before a service that is gone is tried again; each one is twice as long as the one before.
pub const BACKOFF_MIN: Duration = Duration::from_millis(500);

/// The longest wait before a service that is gone is tried again.
pub const BACKOFF_MAX: Duration = Duration::from_secs(30);

/// Sound in one message to a service, in bytes: a tenth of a second.
pub const CHUNK_BYTES: usize = 3_200;

/// Pieces of a file that were decoded and wait to be sent to a service.
pub const DECODED_CHUNKS_MAX: usize = 8;

/// Longest piece of text that is spoken in one go, in bytes: a longer sentence is cut between its words.
pub const CLAUSE_BYTES_MAX: usize = 500;

/// Shortest piece of text that is spoken by itself, in bytes, unless it is the last: what is shorter ("1.", "Dr.") goes
/// with what follows.
pub const CLAUSE_BYTES_MIN: usize = 12;

/// Most models and most voices of a service that a realm is told of.
pub const MODELS_MAX: usize = 32;
/// See [`MODELS_MAX`].
pub const VOICES_MAX: usize = 256;

/// How often a service that has no connection to watch is asked whether it is there, and what it offers.
pub const LOOK_PERIOD: Duration = Duration::from_secs(20);

/// How long a service may take to say what it offers.
pub const LOOK_TIMEOUT: Duration = Duration::from_secs(10);

/// The longest pause that a service may ask for (429, 503 with Retry-After) and a job still waits for; beyond it the job goes
/// to another worker.
pub const PAUSE_MAX: Duration = Duration::from_secs(20);

/// How often a job asks again that a service told to wait.
pub const PAUSES_MAX: u32 = 3;

/// How long a service is left alone that is overloaded and does not say for how long.
pub const PAUSE_UNSAID: Duration = Duration::from_secs(1);

/// Most of an answer of a service that is read at once: a picture in base64, with room.
pub const ANSWER_BYTES_MAX: usize = 64 << 20;

/// Longest line of a stream of server-sent events, or of a tool's answer on its standard output.
pub const LINE_BYTES_MAX: usize = 16 << 20;

/// Characters of a service's own words that are handed on when it says no.
pub const SAID_CHARS: usize = 300;

/// How often a service is asked how far a picture has come.
pub const PROGRESS_PERIOD: Duration = Duration::from_millis(500);

/// How long a service may take to be told to stop.
pub const ABORT_TIMEOUT: Duration = Duration::from_secs(3);

/// Most requests that wait for one tool server at a time.
pub const TOOL_CALLS_MAX: usize = 256;

/// Most tokens that are asked for where a service wants a number and the job has none.
pub const OUTPUT_TOKENS_MAX: u32 = 4_096;

/// Longest arguments of one call of a tool, as a model writes them.
pub const CALL_BYTES_MAX: usize = 256 << 10;
