//! Figures for Prometheus. Names and meanings stand here, once.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};

use mtor_protocol::http::JobState;
use mtor_protocol::{Micro, Usage};

/// A number that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// One more.
    pub fn inc(&self) {
        self.add(1);
    }

    /// So many more.
    pub fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    /// One less: for what comes and goes.
    pub fn dec(&self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }

    /// How many.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What the broker counts.
#[derive(Debug, Default)]
pub struct Metrics {
    /// Jobs taken.
    pub submitted: Counter,
    /// Requests refused by the core.
    pub refused: Counter,
    /// Jobs done and paid.
    pub completed: Counter,
    /// Jobs that failed.
    pub failed: Counter,
    /// Jobs that were cancelled.
    pub cancelled: Counter,
    /// Tokens read by workers.
    pub input_tokens: Counter,
    /// Tokens written by workers.
    pub output_tokens: Counter,
    /// Micro paid.
    pub paid_micro: Counter,
    /// HTTP requests.
    pub requests: Counter,
    /// Connections now.
    pub connections: Counter,
    /// Connections turned away because there were too many.
    pub connections_refused: Counter,
    /// WebSocket sessions now.
    pub sessions: Counter,
}

impl Metrics {
    /// A job has ended.
    pub fn settled(&self, state: JobState, usage: Usage, cost: Micro) {
        match state {
            JobState::Completed => self.completed.inc(),
            JobState::Cancelled => self.cancelled.inc(),
            JobState::Failed | JobState::Queued | JobState::Running => self.failed.inc(),
        }
        self.input_tokens.add(usage.input_tokens);
        self.output_tokens.add(usage.output_tokens);
        self.paid_micro.add(cost.0);
    }

    /// All figures in Prometheus' text format, with these that are looked up when asked.
    pub fn render(&self, gauges: &[(&str, &str, u64)]) -> String {
        let counters = [
            ("mtor_jobs_submitted_total", "Jobs taken.", &self.submitted),
            (
                "mtor_jobs_refused_total",
                "Requests refused, with the reason told to the client.",
                &self.refused,
            ),
            ("mtor_jobs_completed_total", "Jobs done and paid.", &self.completed),
            ("mtor_jobs_failed_total", "Jobs that failed and were refunded.", &self.failed),
            ("mtor_jobs_cancelled_total", "Jobs stopped on request.", &self.cancelled),
            ("mtor_tokens_read_total", "Tokens read by workers, as billed.", &self.input_tokens),
            ("mtor_tokens_written_total", "Tokens written by workers, as billed.", &self.output_tokens),
            ("mtor_paid_micro_total", "Micro paid for jobs.", &self.paid_micro),
            ("mtor_http_requests_total", "HTTP requests.", &self.requests),
            (
                "mtor_connections_refused_total",
                "Connections turned away because there were too many.",
                &self.connections_refused,
            ),
        ];
        let live = [
            ("mtor_connections", "Connections now.", self.connections.get()),
            ("mtor_sessions", "WebSocket sessions now.", self.sessions.get()),
        ];
        let mut text = String::with_capacity(4_096);
        let mut line = |name: &str, help: &str, kind: &str, value: u64| {
            // Writing to a string can't fail.
            let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}");
        };
        counters.iter().for_each(|(name, help, counter)| line(name, help, "counter", counter.get()));
        live.iter().chain(gauges).for_each(|(name, help, value)| line(name, help, "gauge", *value));
        text
    }
}
