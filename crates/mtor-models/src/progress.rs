//! How a fetch tells its progress. Drawing it is the caller's business.

use std::sync::Mutex;
use std::time::Instant;

use crate::defaults::LOG_LINE_EVERY;
use crate::size::human_of;

/// What a fetch reports while it works. All methods may be called from any thread and must return quickly.
pub trait Progress: Send + Sync {
    /// A transfer of `total_bytes` begins, or begins anew: the position is zero again. A fetch that goes on to
    /// another source calls this again with that source's total.
    fn started(&self, total_bytes: u64);
    /// `bytes` more are on this machine. Bytes kept from an earlier run are reported too, right after `started`.
    fn advanced(&self, bytes: u64);
    /// Something a person may want to read: which source is tried, what is retried and why.
    fn note(&self, text: &str);
    /// The model lies verified in the cache. Not called when the fetch fails.
    fn done(&self);
}

/// Reports nothing.
#[derive(Debug, Default, Clone, Copy)]
pub struct Silent;

impl Progress for Silent {
    fn started(&self, _total_bytes: u64) {}
    fn advanced(&self, _bytes: u64) {}
    fn note(&self, _text: &str) {}
    fn done(&self) {}
}

/// Reports a download in log lines, for a program that has no screen of its own.
#[derive(Debug, Default)]
pub struct LogLines(Mutex<Position>);

#[derive(Debug, Default)]
struct Position {
    done_bytes: u64,
    total_bytes: u64,
    last_line: Option<Instant>,
}

impl LogLines {
    fn with(&self, change: impl FnOnce(&mut Position)) {
        // A panic in another reporter leaves numbers that are good enough to report.
        change(&mut self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
    }
}

impl Progress for LogLines {
    fn started(&self, total_bytes: u64) {
        self.with(|position| *position = Position { total_bytes, ..Position::default() });
    }

    fn advanced(&self, bytes: u64) {
        self.with(|position| {
            position.done_bytes += bytes;
            if position.last_line.is_none_or(|last| last.elapsed() >= LOG_LINE_EVERY) {
                position.last_line = Some(Instant::now());
                tracing::info!("fetching: {}", human_of(position.done_bytes, position.total_bytes));
            }
        });
    }

    fn note(&self, text: &str) {
        tracing::info!("{text}");
    }

    fn done(&self) {
        tracing::info!("it is here and verified");
    }
}

/// Keeps the position of one source's transfer, so that a part of it can begin anew without confusing the caller.
pub(crate) struct Meter<'a> {
    progress: &'a dyn Progress,
    total_bytes: u64,
    position_bytes: u64,
}

impl<'a> Meter<'a> {
    pub(crate) fn start(progress: &'a dyn Progress, total_bytes: u64) -> Self {
        progress.started(total_bytes);
        Self { progress, total_bytes, position_bytes: 0 }
    }

    pub(crate) fn position(&self) -> u64 {
        self.position_bytes
    }

    pub(crate) fn advance(&mut self, bytes: u64) {
        self.position_bytes += bytes;
        self.progress.advanced(bytes);
    }

    /// Moves to `position_bytes`; going back is shown as a new start.
    pub(crate) fn move_to(&mut self, position_bytes: u64) {
        if position_bytes < self.position_bytes {
            self.progress.started(self.total_bytes);
            self.position_bytes = 0;
        }
        if position_bytes > self.position_bytes {
            self.advance(position_bytes - self.position_bytes);
        }
    }

    pub(crate) fn note(&self, text: &str) {
        tracing::debug!(target: "mtor_models", "{text}");
        self.progress.note(text);
    }
}
