//! Figures for Prometheus. Names and meanings stand here, once.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};

use mtor_protocol::http::{ClassInfo, JobState};
use mtor_protocol::sound::VoiceTiming;
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

/// Upper bounds of the buckets of a [`Durations`], in milliseconds.
const BUCKETS_MS: [u32; 12] = [50, 100, 200, 300, 500, 750, 1_000, 1_500, 2_000, 3_000, 5_000, 10_000];

/// How long something took, again and again.
#[derive(Debug, Default)]
pub(crate) struct Durations {
    /// By bucket, the last for what is longer than all bounds.
    counts: [Counter; BUCKETS_MS.len() + 1],
    sum_ms: Counter,
}

impl Durations {
    /// One more.
    pub(crate) fn note(&self, ms: u32) {
        let bucket = BUCKETS_MS.partition_point(|bound| *bound < ms);
        self.counts[bucket].inc();
        self.sum_ms.add(ms.into());
    }

    fn render(&self, name: &str, label: &str, text: &mut String) {
        let mut count = 0;
        for (index, counter) in self.counts.iter().enumerate() {
            count += counter.get();
            let bound =
                BUCKETS_MS.get(index).map_or("+Inf".to_owned(), |ms| (f64::from(*ms) / 1e3).to_string());
            // Writing to a string can't fail.
            let _ = writeln!(text, "{name}_bucket{{{label},le=\"{bound}\"}} {count}");
        }
        let sum = self.sum_ms.get() as f64 / 1e3;
        let _ = writeln!(text, "{name}_sum{{{label}}} {sum}\n{name}_count{{{label}}} {count}");
    }
}

/// The stages of a spoken turn.
#[derive(Debug, Default)]
pub(crate) struct VoiceStages {
    endpointing: Durations,
    transcription: Durations,
    first_token: Durations,
    first_audio: Durations,
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
    /// Answers that could be remembered, and were.
    pub memory_hits: Counter,
    /// Answers that could be remembered, and were not.
    pub memory_misses: Counter,
    /// Tokens read by workers.
    pub input_tokens: Counter,
    /// Tokens written by workers.
    pub output_tokens: Counter,
    /// Sound heard and spoken by workers, in milliseconds.
    pub audio_ms: Counter,
    /// How long each stage of spoken turns took.
    pub(crate) voice: VoiceStages,
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
    /// Times that a witness of the log did not cosign a checkpoint.
    pub witness_failures: Counter,
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
        self.audio_ms.add(usage.audio_ms);
        self.paid_micro.add(cost.0);
    }

    /// A spoken turn, as whoever asked has timed it.
    pub fn voice_turn(&self, timing: &VoiceTiming) {
        let stages = &self.voice;
        let told = [
            (timing.endpointing_ms, &stages.endpointing),
            (timing.transcription_ms, &stages.transcription),
            (timing.first_token_ms, &stages.first_token),
            (timing.first_audio_ms, &stages.first_audio),
        ];
        told.iter().for_each(|(ms, durations)| ms.iter().for_each(|ms| durations.note(*ms)));
    }

    /// All figures in Prometheus' text format, with these that are looked up when asked.
    pub fn render(&self, gauges: &[(&str, &str, u64)], classes: &[ClassInfo]) -> String {
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
            (
                "mtor_memory_hits_total",
                "Requests that were answered from memory, without a worker.",
                &self.memory_hits,
            ),
            (
                "mtor_memory_misses_total",
                "Requests whose answer could have been remembered, and was not.",
                &self.memory_misses,
            ),
            ("mtor_tokens_read_total", "Tokens read by workers, as billed.", &self.input_tokens),
            ("mtor_tokens_written_total", "Tokens written by workers, as billed.", &self.output_tokens),
            ("mtor_audio_ms_total", "Milliseconds of sound heard and spoken, as billed.", &self.audio_ms),
            ("mtor_paid_micro_total", "Micro paid for jobs.", &self.paid_micro),
            ("mtor_http_requests_total", "HTTP requests.", &self.requests),
            (
                "mtor_connections_refused_total",
                "Connections turned away because there were too many.",
                &self.connections_refused,
            ),
            (
                "mtor_witness_failures_total",
                "Times that a witness of the log did not cosign a checkpoint.",
                &self.witness_failures,
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
        let stage = "mtor_voice_stage_seconds";
        let help = "How long each stage of spoken turns took, as whoever asked has timed it.";
        let _ = writeln!(text, "# HELP {stage} {help}\n# TYPE {stage} histogram");
        let stages = [
            ("endpointing", &self.voice.endpointing),
            ("transcription", &self.voice.transcription),
            ("first_token", &self.voice.first_token),
            ("first_audio", &self.voice.first_audio),
        ];
        for (name, durations) in stages {
            durations.render(stage, &format!("stage=\"{name}\""), &mut text);
        }
        render_classes(classes, &mut text);
        text
    }
}

/// A figure of a service class: its name, its meaning, and where it is.
type ClassFigure = (&'static str, &'static str, fn(&ClassInfo) -> Option<f64>);

const CLASS_FIGURES: [ClassFigure; 5] = [
    ("mtor_class_goal_seconds", "How soon jobs of a class should begin to be answered.", |class| {
        Some(class.goal_ms as f64 / 1e3)
    }),
    ("mtor_class_queued", "Jobs of a class that wait for a worker.", |class| Some(class.queued.into())),
    ("mtor_class_late", "Jobs of a class that are past its goal and not answered yet.", |class| {
        Some(class.late.into())
    }),
    (
        "mtor_class_within_ratio",
        "The share of a class's jobs of late that were answered within its goal.",
        |class| class.within_percent.map(|percent| f64::from(percent) / 1e2),
    ),
    (
        "mtor_class_index",
        "The mean response of a class's jobs of late, divided by its goal: up to 1 it is met.",
        |class| class.index_permille.map(|permille| f64::from(permille) / 1e3),
    ),
];

fn render_classes(classes: &[ClassInfo], text: &mut String) {
    for (name, help, figure) in CLASS_FIGURES {
        // Writing to a string can't fail.
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} gauge");
        for class in classes {
            if let Some(value) = figure(class) {
                let _ = writeln!(text, "{name}{{class=\"{}\"}} {value}", class.class.as_str());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stages_of_a_spoken_turn_are_told_as_histograms() {
        let metrics = Metrics::default();
        metrics.voice_turn(&VoiceTiming { first_token_ms: Some(200), ..VoiceTiming::default() });
        metrics.voice_turn(&VoiceTiming { first_token_ms: Some(60_000), ..VoiceTiming::default() });
        let text = metrics.render(&[], &[]);
        for line in [
            r#"mtor_voice_stage_seconds_bucket{stage="first_token",le="0.1"} 0"#,
            r#"mtor_voice_stage_seconds_bucket{stage="first_token",le="0.2"} 1"#,
            r#"mtor_voice_stage_seconds_bucket{stage="first_token",le="+Inf"} 2"#,
            r#"mtor_voice_stage_seconds_sum{stage="first_token"} 60.2"#,
            r#"mtor_voice_stage_seconds_count{stage="endpointing"} 0"#,
        ] {
            assert!(text.lines().any(|told| told == line), "{line} is not in\n{text}");
        }
    }
}
