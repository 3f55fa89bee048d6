//! Every default and limit of this crate, in one place.

use std::time::Duration;

/// Jobs of one skill at once. Each computes in a thread of its own.
pub const SLOTS: u32 = 2;
/// Steps of work for one job; a step is about one instruction. A few seconds of one core.
pub const FUEL_MAX: u64 = 400_000_000;
/// How many steps a skill takes before it is looked at whether anybody still waits: a few hundredths of a second.
pub const FUEL_SLICE: u64 = 5_000_000;
/// From the first step of a job to the last, with all that is waited for.
pub const JOB_TIMEOUT: Duration = Duration::from_secs(20);
/// The memory of one job.
pub const MEMORY_BYTES_MAX: usize = 16 << 20;
/// Entries of the tables of one module.
pub const TABLE_ENTRIES_MAX: usize = 10_000;
/// How deep functions may call each other.
pub const CALLS_DEEP_MAX: usize = 512;
/// Words on the stack of one job, of eight bytes each.
pub const STACK_WORDS_MAX: usize = 128 << 10;
/// Calls to the outside for one job.
pub const HOST_CALLS_MAX: u32 = 1_000;
/// Pages that are fetched for one job.
pub const FETCHES_MAX: u32 = 8;
/// What is fetched for one job, all together.
pub const FETCHED_BYTES_MAX: usize = 4 << 20;
/// The longest address that is fetched.
pub const URL_BYTES_MAX: usize = 4 << 10;
/// The answer to one job, all together.
pub const OUTPUT_BYTES_MAX: usize = 64 << 10;
/// How much of a line goes to the log.
pub const LOG_CHARS_MAX: usize = 300;
/// The arguments of one job.
pub const ARGUMENTS_BYTES_MAX: usize = 64 << 10;
/// The largest module.
pub const MODULE_BYTES_MAX: u64 = 4 << 20;
/// The longest manifest.
pub const MANIFEST_BYTES_MAX: usize = 64 << 10;
/// Hosts that a manifest may ask for.
pub const HOSTS_MAX: usize = 16;
/// Skills that one worker has.
pub const SKILLS_MAX: usize = 32;
/// Pieces of an answer that wait to be sent.
pub const PIECES_MAX: usize = 16;
