//! What a ledger can be told when it is opened.

use std::time::Duration;

use crate::defaults;

/// How a ledger behaves. Every value has a default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// How long the writer waits for more work before it commits. Zero commits at once: while one commit runs, the
    /// work for the next gathers anyway.
    pub linger: Duration,
    /// Most operations (entries and records) that wait to become durable; beyond it [`commit`](crate::Ledger::commit) refuses.
    pub pending_operations_max: usize,
    /// Entries from one snapshot of the state to the next.
    pub snapshot_interval_entries: u64,
    /// Entries from one stored checkpoint to the next.
    pub checkpoint_interval_entries: u64,
    /// Questions and answers of finished jobs older than this are forgotten, in milliseconds; `None` keeps them
    /// while there is room.
    pub text_age_ms_max: Option<u64>,
    /// Most bytes of questions and answers that are kept; beyond it the oldest finished jobs lose theirs.
    pub text_bytes_max: u64,
    /// Texts longer than this go to the blob folder, in bytes.
    pub inline_text_bytes_max: usize,
    /// The largest that the database file may become, in bytes; `None` for as large as the disk. A ledger at its
    /// limit behaves as on a full disk: it refuses new work and loses none.
    pub database_bytes_max: Option<u64>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            linger: Duration::ZERO,
            pending_operations_max: defaults::PENDING_OPERATIONS_MAX,
            snapshot_interval_entries: defaults::SNAPSHOT_INTERVAL_ENTRIES,
            checkpoint_interval_entries: defaults::CHECKPOINT_INTERVAL_ENTRIES,
            text_age_ms_max: None,
            text_bytes_max: defaults::TEXT_BYTES_MAX,
            inline_text_bytes_max: defaults::INLINE_TEXT_BYTES_MAX,
            database_bytes_max: None,
        }
    }
}
