//! The load: clients in a closed loop, each with a connection of its own.

use std::time::Duration;

use anyhow::Context as _;
use hdrhistogram::Histogram;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::echo::MODEL;
use super::http::{Connection, Timing};
use crate::client::RealmUrl;

/// The longest time that is told apart; a longer one counts as this.
const LONGEST: Duration = Duration::from_secs(60);

/// What to do.
#[derive(Debug, Clone)]
pub(super) struct Load {
    pub(super) clients: u32,
    pub(super) warmup: Duration,
    pub(super) measured: Duration,
    pub(super) stream: bool,
}

/// What was seen in the measured time.
#[derive(Debug)]
pub(super) struct Measured {
    /// Microseconds until the whole answer was there.
    pub(super) whole: Histogram<u64>,
    /// Microseconds until its first byte, when it was streamed.
    pub(super) first: Option<Histogram<u64>>,
    /// Requests that failed.
    pub(super) errors: u64,
    /// What the first of them said.
    pub(super) first_error: Option<String>,
    /// How long it really was.
    pub(super) elapsed: Duration,
}

/// What was seen, and what the other side spent for it.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) measured: Measured,
    /// CPU of the other side in the measured time, where it is known.
    pub(super) cpu: Option<Duration>,
}

impl Load {
    /// Loads the server at `url`; `cpu` gives the CPU time that it has used so far.
    ///
    /// # Errors
    /// When not even the first connections come about.
    pub(super) async fn run(
        &self,
        url: &RealmUrl,
        cpu: impl Fn() -> Option<Duration>,
    ) -> anyhow::Result<Outcome> {
        let body = serde_json::json!({
            "model": MODEL,
            "messages": [{ "role": "user", "content": "What is the capital of France?" }],
            "stream": self.stream,
        })
        .to_string();
        let begin = Instant::now() + self.warmup;
        let end = begin + self.measured;
        let mut clients = JoinSet::new();
        for _ in 0..self.clients {
            let connection = Connection::open(url, "/v1/chat/completions", &body).await?;
            clients.spawn(client(connection, url.clone(), body.clone(), begin, end, self.stream));
        }
        sleep_until(begin).await;
        let (cpu_before, from) = (cpu(), Instant::now());
        sleep_until(end).await;
        let (cpu_after, elapsed) = (cpu(), from.elapsed());
        let mut measured = Measured::new(self.stream)?;
        measured.elapsed = elapsed;
        while let Some(of_client) = clients.join_next().await {
            measured.add(of_client.context("a client broke off")??)?;
        }
        let cpu = cpu_before.zip(cpu_after).map(|(before, after)| after.saturating_sub(before));
        Ok(Outcome { measured, cpu })
    }
}

impl Measured {
    fn new(stream: bool) -> anyhow::Result<Self> {
        let histogram = || Histogram::new_with_max(LONGEST.as_micros() as u64, 3);
        let first = if stream { Some(histogram()?) } else { None };
        Ok(Self { whole: histogram()?, first, errors: 0, first_error: None, elapsed: Duration::ZERO })
    }

    fn record(&mut self, timing: Timing) {
        let micros = |time: Duration| time.as_micros() as u64;
        self.whole.saturating_record(micros(timing.whole));
        if let Some(first) = &mut self.first {
            first.saturating_record(micros(timing.first));
        }
    }

    fn fail(&mut self, error: &anyhow::Error) {
        self.errors += 1;
        self.first_error.get_or_insert_with(|| format!("{error:#}"));
    }

    fn add(&mut self, other: Self) -> anyhow::Result<()> {
        self.whole.add(&other.whole)?;
        if let (Some(mine), Some(other)) = (&mut self.first, &other.first) {
            mine.add(other)?;
        }
        self.errors += other.errors;
        self.first_error = self.first_error.take().or(other.first_error);
        Ok(())
    }
}

/// Asks until the end; what begins before `begin` is not counted. A connection that failed is replaced.
async fn client(
    mut connection: Connection,
    url: RealmUrl,
    body: String,
    begin: Instant,
    end: Instant,
    stream: bool,
) -> anyhow::Result<Measured> {
    let mut measured = Measured::new(stream)?;
    while Instant::now() < end {
        let counts = Instant::now() >= begin;
        match connection.ask().await {
            Ok(timing) if counts => measured.record(timing),
            Ok(_) => {}
            Err(error) => {
                measured.fail(&error);
                // Not at full speed: a server that refuses everything is not what is to be measured.
                sleep_until(Instant::now() + Duration::from_millis(10)).await;
                match Connection::open(&url, "/v1/chat/completions", &body).await {
                    Ok(opened) => connection = opened,
                    Err(error) => measured.fail(&error),
                }
            }
        }
    }
    Ok(measured)
}
