//! The made-up world in numbers. What the realm decides is not here.

use std::ops::Range;

pub(super) const SECOND_MS: u64 = 1_000;
pub(super) const MINUTE_MS: u64 = 60 * SECOND_MS;
pub(super) const HOUR_MS: u64 = 60 * MINUTE_MS;
pub(super) const DAY_MS: u64 = 24 * HOUR_MS;

/// Jobs that a user wants in a day, on average.
pub(super) const JOBS_PER_DAY: f64 = 36.0;
/// How far the rate swings round its average between night and evening.
pub(super) const SWING: f64 = 0.7;
/// When the evening is busiest, in hours.
pub(super) const BUSIEST_HOUR: f64 = 20.0;
/// How many times as many jobs come in the surge.
pub(super) const SURGE_TIMES: f64 = 5.0;
/// The surge: begins after so much of all the time, in thousandths, and lasts so long.
pub(super) const SURGE_AT_PERMILLE: u64 = 500;
pub(super) const SURGE_MS: u64 = 2 * HOUR_MS;
/// The outage of half the workers.
pub(super) const OUTAGE_AT_PERMILLE: u64 = 830;
pub(super) const OUTAGE_MS: u64 = HOUR_MS;
/// The hours of each day in which the cartel withholds half of its machines.
pub(super) const CARTEL_HOURS: Range<u64> = 18..21;

/// Tokens of a prompt.
pub(super) const INPUT_TOKENS: u64 = 300;
/// The most that a prompt of this length can be, which is what is held.
pub(super) const INPUT_TOKENS_MAX: u64 = 1_200;
/// Tokens of an answer: the median, and how widely they scatter (log-normal); what is asked for at most.
pub(super) const OUTPUT_TOKENS_MEDIAN: f64 = 400.0;
pub(super) const OUTPUT_TOKENS_SIGMA: f64 = 0.6;
pub(super) const OUTPUT_TOKENS_MAX: u64 = 1_024;
/// Tokens per second of a worker: the median, and how widely they scatter.
pub(super) const SPEED_MEDIAN: f64 = 20.0;
pub(super) const SPEED_SIGMA: f64 = 0.4;
/// From a job's assignment to its first token, in milliseconds.
pub(super) const FIRST_TOKEN_MS: u64 = 500;

/// What a job is worth, in times the list price: the median, and how widely it scatters.
pub(super) const WORTH_MEDIAN: f64 = 2.5;
pub(super) const WORTH_SIGMA: f64 = 0.6;
/// Whoever finds it too dear comes back after so long, and after a full queue sooner.
pub(super) const PUT_OFF_MS: Range<u64> = 10 * MINUTE_MS..60 * MINUTE_MS;
pub(super) const FULL_MS: Range<u64> = 30 * SECOND_MS..120 * SECOND_MS;
/// How often somebody tries with one wish.
pub(super) const TRIES_MAX: u8 = 6;

/// What users bring, in micro. Those at zero bring nothing, in percent of all, and come in the course of a week.
pub(super) const DEPOSIT: u64 = 20_000_000;
pub(super) const AT_ZERO_PERCENT: u32 = 10;
pub(super) const JOIN_MS: Range<u64> = 1..7 * DAY_MS;
/// What the sysop puts into the treasury for each worker, in micro: enough for the audits of the first hours.
pub(super) const TREASURY_PER_WORKER: u64 = 100_000;

/// Garbage comes so many times faster than an answer.
pub(super) const GARBAGE_TIMES: f64 = 20.0;
/// A sleeper that cheats takes this care not to be implausible.
pub(super) const SLEEPER_TIMES: f64 = 3.0;
/// A copier's answer comes so many times faster, and that is what it announces.
pub(super) const COPIER_TIMES: f64 = 5.0;
/// Copiers are in rings of so many, who tell each other what they answered.
pub(super) const COPIER_RING: u32 = 20;
/// Colluders are in circles of so many.
pub(super) const CIRCLE: u32 = 20;
/// A circle asks itself so many questions in a minute, each with so short an answer; no other is so short.
pub(super) const CIRCLE_JOBS_PER_MINUTE: u32 = 20;
pub(super) const CIRCLE_TOKENS: u16 = 7;
/// Tokens of such a question.
pub(super) const CIRCLE_INPUT_TOKENS: u64 = 10;
/// What a circle's wallet begins with, in micro: more than it asks for in weeks.
pub(super) const CIRCLE_DEPOSIT: u64 = 1_000_000_000;
/// When a sleeper begins to cheat: the length of its run at which audits are rarest.
pub(super) const SLEEPER_RUN: u32 = 50;
/// Garbage makers that were caught come back under a new key after so long; every second one of them does.
pub(super) const NEW_KEY_MS: u64 = 10 * MINUTE_MS;
/// Honest answers that look like no other one, in millionths of all.
pub(super) const ODD_PPM: u64 = 2_000;

/// Starter coins of one wallet, in micro: some twenty jobs.
pub(super) const STARTER: u64 = 50_000;
/// Wallets that the pool of one day is enough for, in thousandths of all users.
pub(super) const POOL_PERMILLE: u64 = 20;
/// What the first claim of a day costs in computing, in milliseconds of one core.
pub(super) const PROOF_MS: u64 = 20 * SECOND_MS;
/// Keys of the Sybil ring, in thousandths of all users: 1,000 of 100,000.
pub(super) const RING_PERMILLE: u64 = 10;
/// Address prefixes and cores that the ring has.
pub(super) const RING_PREFIXES: usize = 16;
pub(super) const RING_CORES: u64 = 8;
