//! Every default and limit of this crate, in one place.

use std::time::Duration;

/// The database, inside the ledger's folder.
pub const DATABASE_FILE: &str = "ledger.sqlite";
/// The file whose lock says that a broker uses the folder.
pub const LOCK_FILE: &str = "ledger.lock";
/// The folder of large texts, inside the ledger's folder.
pub const BLOB_FOLDER: &str = "blobs";

/// Most operations (entries and records) in one transaction.
pub const GROUP_OPERATIONS_MAX: usize = 1_000;
/// Most bytes of text in one transaction; a single larger batch still goes in, alone.
pub const GROUP_BYTES_MAX: usize = 8 << 20;
/// Most operations that wait to become durable. Beyond it the ledger is unavailable.
pub const PENDING_OPERATIONS_MAX: usize = 20_000;
/// Most bytes of text that wait to become durable.
pub const PENDING_BYTES_MAX: usize = 64 << 20;

/// The first pause after a commit that failed; doubled up to [`RETRY_PAUSE_MAX`].
pub const RETRY_PAUSE_MIN: Duration = Duration::from_millis(200);
/// The longest pause between tries to commit.
pub const RETRY_PAUSE_MAX: Duration = Duration::from_secs(2);

/// Texts longer than this go to the blob folder rather than into the database, in bytes.
pub const INLINE_TEXT_BYTES_MAX: usize = 64 << 10;
/// Most bytes of questions and answers that are kept; beyond it the oldest finished jobs lose theirs.
pub const TEXT_BYTES_MAX: u64 = 1 << 30;
/// Most jobs that lose their texts in one step, so that a step never holds up a commit for long.
pub const PRUNE_JOBS_PER_STEP: usize = 100;
/// How often texts are looked through for old ones, while the realm is active.
pub const PRUNE_INTERVAL: Duration = Duration::from_secs(60);

/// Entries from one snapshot of the state to the next.
pub const SNAPSHOT_INTERVAL_ENTRIES: u64 = 50_000;
/// A clean close writes a snapshot when more entries than this came since the last.
pub const SNAPSHOT_AT_CLOSE_ENTRIES: u64 = 1_000;
/// Snapshots kept: the newest, and one more for the case that it is damaged.
pub const SNAPSHOTS_KEPT: usize = 2;

/// A signed checkpoint is stored after so many entries ...
pub const CHECKPOINT_INTERVAL_ENTRIES: u64 = 10_000;
/// ... or with the first commit after so long.
pub const CHECKPOINT_INTERVAL: Duration = Duration::from_secs(60);

/// Connections for queries that are kept open.
pub const READERS_MAX: usize = 4;
/// Most lines in one page of jobs or movements.
pub const PAGE_LINES_MAX: usize = 200;
/// Most jobs that one search looks at before it gives its page; the next page goes on from there.
pub const SEARCH_JOBS_MAX: usize = 20_000;
/// Most bytes of text that one search reads before it gives its page.
pub const SEARCH_BYTES_MAX: usize = 64 << 20;
/// Most words in one search.
pub const SEARCH_WORDS_MAX: usize = 16;

/// Longest leaf: an entry bundle (C2SP tlog-tiles) gives the length in 16 bits.
pub const LEAF_BYTES_MAX: usize = u16::MAX as usize;
/// Leaves between two full checks of the books during verification.
pub const VERIFY_BOOKS_INTERVAL: u64 = 10_000;

/// The oldest SQLite that may be used: older ones can corrupt a write-ahead log when it is reset.
pub const SQLITE_VERSION_MIN: i32 = 3_051_003;
/// How many requests of several steps are kept of each wallet when they are over.
pub const PLANS_KEPT_MAX: u32 = 200;

/// How long the prices of every minute are kept, in milliseconds: a day. After that, one in a quarter of an hour is.
pub const PRICE_MINUTES_KEPT_MS: u64 = 24 * 3_600 * 1_000;
/// How long prices are kept at all, in days.
pub const PRICE_DAYS_MAX: u32 = 35;
