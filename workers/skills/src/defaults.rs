//! Every default and limit of this crate, in one place.

use std::time::Duration;

/// Jobs of one skill at once.
pub const SLOTS: u32 = 4;
/// Timers that run at once, each of them a job of its own.
pub const TIMERS_MAX: u32 = 256;
/// The longest time that a timer runs: a little less than the longest life of a job.
pub const TIMER_S_MAX: u64 = 24 * 60 * 60 - 120;
/// How long the end of a timer that nobody came back for is kept.
pub const TIMER_KEEP_S: i64 = 24 * 60 * 60;

/// From the first packet to the last byte of anything that is fetched.
pub const FETCH_TIMEOUT: Duration = Duration::from_secs(15);
/// How long a server may take to be reached.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// The most that is read of one answer of a service.
pub const FETCH_BYTES_MAX: usize = 4 << 20;
/// How often one page may send a reader on to another.
pub const REDIRECTS_MAX: usize = 5;

/// How long a mail server may take for one question.
pub const MAIL_TIMEOUT: Duration = Duration::from_secs(30);
/// How much of a mail is fetched, in bytes: what is beyond is not seen.
pub const MAIL_BYTES_MAX: usize = 128 << 10;
/// How many mails are read, unless somebody says.
pub const MAILS_READ: u8 = 5;
/// How many mails are read at most.
pub const MAILS_MAX: usize = 10;
/// The longest text of a mail that is written here, in bytes.
pub const MAIL_BODY_BYTES_MAX: usize = 64 << 10;
/// The longest subject or name, in characters.
pub const MAIL_LINE_CHARS_MAX: usize = 200;

/// The longest argument in words, in bytes.
pub const WORDS_BYTES_MAX: usize = 1_024;
/// How much of a page is read out, in characters.
pub const PAGE_CHARS_MAX: usize = 6_000;
/// How many headlines are read from all feeds together.
pub const HEADLINES_MAX: usize = 7;
/// How many feeds a language may have.
pub const FEEDS_MAX: usize = 16;
