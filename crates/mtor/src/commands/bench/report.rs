//! What a bench found: as JSON, and as a person reads it.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

use super::echo::Answer;
use super::idle::Found;
use super::load::{Load, Measured};
use super::realm::Target;
use crate::terminal::{self, Align};

/// Everything that was found.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    version: &'static str,
    clients: u32,
    seconds: u64,
    stream: bool,
    chunks: u32,
    pace_ms: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    start_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    idle_rss_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) idle: Option<Found>,
    /// The realm first, then the floors.
    pub(super) runs: Vec<Run>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    cpu_ratio: BTreeMap<&'static str, f64>,
}

/// One target under the load.
#[derive(Debug, Serialize)]
pub(super) struct Run {
    target: &'static str,
    jobs: u64,
    errors: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_error: Option<String>,
    jobs_per_s: f64,
    latency_us: Percentiles,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_chunk_us: Option<Percentiles>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cpu_us_per_job: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rss_bytes: Option<u64>,
}

/// Microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
struct Percentiles {
    p50: u64,
    p90: u64,
    p99: u64,
    max: u64,
    mean: f64,
}

impl Percentiles {
    fn of(histogram: &Histogram<u64>) -> Self {
        Self {
            p50: histogram.value_at_quantile(0.5),
            p90: histogram.value_at_quantile(0.9),
            p99: histogram.value_at_quantile(0.99),
            max: histogram.max(),
            mean: rounded(histogram.mean()),
        }
    }
}

impl Run {
    /// From what was measured; CPU and memory where they are known.
    pub(super) fn new(
        target: &'static str,
        measured: &Measured,
        cpu: Option<Duration>,
        rss_bytes: Option<u64>,
    ) -> Self {
        let jobs = measured.whole.len();
        let per_job = |cpu: Duration| rounded(cpu.as_secs_f64() * 1e6 / jobs.max(1) as f64);
        Self {
            target,
            jobs,
            errors: measured.errors,
            first_error: measured.first_error.clone(),
            jobs_per_s: rounded(jobs as f64 / measured.elapsed.as_secs_f64().max(1e-9)),
            latency_us: Percentiles::of(&measured.whole),
            first_chunk_us: measured.first.as_ref().map(Percentiles::of),
            cpu_us_per_job: cpu.map(per_job),
            rss_bytes,
        }
    }
}

impl Report {
    /// A report without runs yet.
    pub(super) fn new(load: &Load, answer: &Answer, target: &Target) -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION"),
            clients: load.clients,
            seconds: load.measured.as_secs(),
            stream: load.stream,
            chunks: answer.chunks,
            pace_ms: answer.pace.as_millis() as u64,
            start_ms: target.start_time().map(|time| time.as_millis() as u64),
            idle_rss_bytes: target.idle_rss_bytes(),
            idle: None,
            runs: Vec::new(),
            cpu_ratio: BTreeMap::new(),
        }
    }

    /// With the realm's CPU compared with each floor's.
    pub(super) fn compared(mut self) -> Self {
        let Some((realm, floors)) = self.runs.split_first() else { return self };
        let ratio =
            |floor: &Run| Some((floor.target, rounded(realm.cpu_us_per_job? / floor.cpu_us_per_job?)));
        self.cpu_ratio = floors.iter().filter_map(ratio).filter(|(_, ratio)| ratio.is_finite()).collect();
        self
    }

    /// Whether every request was answered.
    pub(super) fn is_flawless(&self) -> bool {
        self.runs.iter().all(|run| run.errors == 0 && run.jobs > 0)
    }

    /// As a person reads it.
    pub(super) fn text(&self) -> String {
        let kind = if self.stream { "streamed answers" } else { "answers" };
        let mut text = format!(
            "{} clients in a closed loop for {} s, {kind} in {} {}{}\n",
            self.clients,
            self.seconds,
            self.chunks,
            if self.chunks == 1 { "piece" } else { "pieces" },
            if self.pace_ms > 0 { format!(", one every {} ms", self.pace_ms) } else { String::new() }
        );
        if let Some((start, memory)) = self.start_ms.zip(self.idle_rss_bytes) {
            text.push_str(&format!(
                "realm: ready {start} ms after its start, {} of memory then\n",
                megabytes(memory)
            ));
        }
        if let Some(idle) = &self.idle {
            text.push_str(&format!("{}\n", idle.text()));
        }
        text.push('\n');
        text.push_str(&self.table());
        for run in self.runs.iter().filter(|run| run.errors > 0) {
            let first = run.first_error.as_deref().unwrap_or_default();
            text.push_str(&format!("\n{}: {} requests failed; the first: {first}\n", run.target, run.errors));
        }
        for (floor, ratio) in &self.cpu_ratio {
            text.push_str(&format!("\nThe realm's CPU per job is {ratio} times that of {floor}.\n"));
        }
        text
    }

    fn table(&self) -> String {
        let mut columns = vec![
            ("target", Align::Left),
            ("jobs/s", Align::Right),
            ("p50 ms", Align::Right),
            ("p90 ms", Align::Right),
            ("p99 ms", Align::Right),
            ("max ms", Align::Right),
        ];
        if self.stream {
            columns.extend([("first p50", Align::Right), ("first p99", Align::Right)]);
        }
        columns.extend([("CPU us/job", Align::Right), ("memory", Align::Right), ("errors", Align::Right)]);
        let row = |run: &Run| {
            let latency = run.latency_us;
            let mut cells = vec![run.target.to_owned(), format!("{:.0}", run.jobs_per_s)];
            cells.extend([latency.p50, latency.p90, latency.p99, latency.max].map(ms));
            if self.stream {
                let first = run.first_chunk_us.map(|first| [first.p50, first.p99].map(ms));
                cells.extend(first.unwrap_or_default());
            }
            cells.push(run.cpu_us_per_job.map_or_else(|| "?".to_owned(), |cpu| format!("{cpu:.0}")));
            cells.push(run.rss_bytes.map_or_else(|| "?".to_owned(), megabytes));
            cells.push(run.errors.to_string());
            cells
        };
        terminal::table(&columns, &self.runs.iter().map(row).collect::<Vec<_>>())
    }
}

fn ms(micros: u64) -> String {
    format!("{:.2}", micros as f64 / 1e3)
}

fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}

/// Two decimals are more than a measurement has.
fn rounded(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(latencies: impl IntoIterator<Item = u64>) -> Measured {
        let mut whole = Histogram::new(3).unwrap();
        latencies.into_iter().for_each(|micros| whole.record(micros).unwrap());
        Measured { whole, first: None, errors: 0, first_error: None, elapsed: Duration::from_secs(2) }
    }

    #[test]
    fn the_realm_is_compared_with_each_floor() {
        let load =
            Load { clients: 4, warmup: Duration::ZERO, measured: Duration::from_secs(2), stream: false };
        let target = Target::running(crate::client::RealmUrl::parse("127.0.0.1:1").unwrap(), None);
        let mut report = Report::new(&load, &Answer { chunks: 1, pace: Duration::ZERO }, &target);
        let cpu = |micros| Some(Duration::from_micros(micros));
        report.runs.push(Run::new("realm", &measured(1_000..=1_099), cpu(15_000), Some(20_000_000)));
        report.runs.push(Run::new("nginx", &measured(100..=199), cpu(5_000), None));
        let report = report.compared();
        assert!(report.is_flawless());
        insta::assert_snapshot!(report.text());
        let json = serde_json::to_value(&report).unwrap();
        assert_eq!(json["cpu_ratio"]["nginx"], 3.0);
        assert_eq!(json["runs"][0]["latency_us"]["p50"], 1_049);
        assert_eq!(json["runs"][0]["jobs_per_s"], 50.0);
        assert_eq!(json["runs"][1].get("rss_bytes"), None);
    }

    #[test]
    fn a_run_with_an_error_or_without_a_job_is_not_flawless() {
        let load =
            Load { clients: 1, warmup: Duration::ZERO, measured: Duration::from_secs(1), stream: false };
        let target = Target::running(crate::client::RealmUrl::parse("127.0.0.1:1").unwrap(), None);
        let mut report = Report::new(&load, &Answer { chunks: 1, pace: Duration::ZERO }, &target);
        report.runs.push(Run::new("realm", &measured([]), None, None));
        assert!(!report.is_flawless());
        report.runs[0] = Run::new("realm", &Measured { errors: 1, ..measured([5]) }, None, None);
        assert!(!report.is_flawless());
    }
}
