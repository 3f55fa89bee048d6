//! What one job may use.

use std::time::Duration;

use wasmi::{StoreLimits, StoreLimitsBuilder};

use crate::defaults;

/// What one job of a skill may use. What has no field here stands in [`defaults`].
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Steps of work; a step is about one instruction.
    pub fuel: u64,
    /// From its first step to the last, with all that is waited for.
    pub time: Duration,
    /// Memory.
    pub memory_bytes: usize,
    /// The answer.
    pub output_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            fuel: defaults::FUEL_MAX,
            time: defaults::JOB_TIMEOUT,
            memory_bytes: defaults::MEMORY_BYTES_MAX,
            output_bytes: defaults::OUTPUT_BYTES_MAX,
        }
    }
}

impl Limits {
    /// The part of them that the interpreter minds. Growing past them stops a module, rather than telling it no, so that
    /// it is named.
    pub(crate) fn of_store(&self) -> StoreLimits {
        StoreLimitsBuilder::new()
            .memory_size(self.memory_bytes)
            .table_elements(defaults::TABLE_ENTRIES_MAX)
            .instances(1)
            .memories(1)
            .tables(4)
            .trap_on_grow_failure(true)
            .build()
    }
}
