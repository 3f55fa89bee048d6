//! Every default and limit of the chat worker, in one place.

/// Conversations answered at once.
pub const SLOTS: u32 = 4;

/// Most conversations that `--slots` may ask for. Each one costs a whole window of memory.
pub const SLOTS_MAX: u32 = 64;

/// Largest window (prompt and answer together, in tokens) given to one conversation unless `--context` says otherwise.
/// A model trained on less gets what it was trained on.
pub const WINDOW_TOKENS: u32 = 4_096;

/// Smallest window that `--context` may ask for, in tokens.
pub const WINDOW_TOKENS_MIN: u32 = 256;

/// Longest answer, in tokens, where the request names no limit.
pub const ANSWER_TOKENS: u32 = 1_024;

/// Most prompt tokens read in one step, over all conversations that are still being read.
pub const CHUNK_TOKENS_MAX: usize = 64;

/// Fewest prompt tokens read in one step, however slow the machine is: smaller chunks take nearly as long, since every
/// step goes through all the weights.
pub const CHUNK_TOKENS_MIN: usize = 16;

/// How long reading a chunk of prompt should take, in seconds. The chunk is sized by the measured reading speed, so
/// that everybody else's next token, and a slot that is to be freed, don't wait much longer than this.
pub const CHUNK_S: f64 = 0.1;

/// Requests that may wait for a free slot before more are refused. The broker sends no more than the slots it was
/// granted, so this only absorbs the moment between a finished answer and its slot being free.
pub const WAITING_MAX: usize = 16;

/// Most stop strings in one request, and the longest of them in bytes.
pub const STOPS_MAX: usize = 16;
/// See [`STOPS_MAX`].
pub const STOP_BYTES_MAX: usize = 256;

/// Sampling where the request leaves it open: what small instruct models answer sensibly with.
pub const TEMPERATURE: f32 = 0.7;
/// See [`TEMPERATURE`].
pub const TOP_P: f32 = 0.9;
/// See [`TEMPERATURE`].
pub const TOP_K: u32 = 40;
/// See [`TEMPERATURE`].
pub const MIN_P: f32 = 0.05;
/// Above one, tokens that were just written become less likely.
pub const REPEAT_PENALTY: f32 = 1.05;

/// How many of the newest tokens the penalties look at.
pub const PENALTY_TOKENS: i32 = 256;

/// Weight of the newest measurement in the averages of speed.
pub const SPEED_WEIGHT: f64 = 0.1;

/// Prompt tokens read, and answer tokens written, to measure the machine's speed at start.
pub const WARM_UP_PROMPT_TOKENS: usize = 32;
/// See [`WARM_UP_PROMPT_TOKENS`].
pub const WARM_UP_ANSWER_TOKENS: usize = 6;
