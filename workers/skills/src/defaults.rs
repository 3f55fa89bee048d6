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

/// The largest table, in bytes.
pub const TABLE_BYTES_MAX: usize = 8 << 20;
/// The longest table that stands in the arguments, in bytes: half of a message of the realm, so that there is room
/// for escaped quotes and line ends, and for all around it.
pub const TABLE_INLINE_BYTES_MAX: usize = 512 << 10;
/// The longest argument of a question about a table that is looked at at all, in bytes: what is one message of the realm.
pub const TABLE_ARGUMENT_BYTES_MAX: usize = mtor_worker::protocol::limits::TEXT_BYTES_MAX;
/// The most rows of a table, without its header.
pub const TABLE_ROWS_MAX: usize = 200_000;
/// The most columns of a table.
pub const TABLE_COLUMNS_MAX: usize = 200;
/// The most rows of an answer.
pub const TABLE_ANSWER_ROWS_MAX: usize = 1_000;
/// The most bytes that one value of a query may have.
pub const TABLE_VALUE_BYTES_MAX: i32 = 16 << 20;
/// The most bytes of memory that all queries of this worker have together.
pub const TABLE_HEAP_BYTES_MAX: i64 = 512 << 20;
/// How often SQLite asks whether a query may go on: after so many steps of its machine.
pub const TABLE_STEPS: i32 = 10_000;
/// How long a query may take.
pub const TABLE_QUERY_TIMEOUT: Duration = Duration::from_secs(5);
/// Tables that are looked at at once.
pub const TABLE_SLOTS: u32 = 2;
/// The most bars or points that a chart shows.
pub const CHART_POINTS_MAX: usize = 500;
/// The most bars of a bar chart: more can't be told apart.
pub const CHART_BARS_MAX: usize = 30;
/// The most bins of a histogram, but for one or two more that let the edges be round numbers.
pub const CHART_BINS_MAX: f64 = 24.0;
