//! `mtor bench`: load against a realm with a worker that does nothing, beside floors in the same run.

use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::client::RealmUrl;
use crate::exit::Fault;
use crate::signals::Interrupts;
use crate::terminal;

mod echo;
mod floor;
mod http;
mod idle;
mod load;
mod process;
mod realm;
mod report;

pub(crate) use floor::FloorArgs;
pub(crate) use floor::serve as serve_floor;

use load::{Load, Outcome};
use report::{Report, Run};

const EXAMPLES: &str = "\
Examples:
  mtor bench                                              64 clients for 10 s against a realm of its own
  mtor bench --floor axum,nginx                           beside a plain axum server, and nginx before it
  mtor bench --stream --chunks 20 --floor nginx           streamed answers of 20 chunks
  mtor bench --stream --chunks 20 --pace 20 --clients 16  one chunk every 20 ms
  mtor bench --clients 64 --seconds 30 --idle-sockets 10000
  mtor bench --realm http://127.0.0.1:9000 --broker-pid 4242 --json

An echo worker is attached for the time of the run; it answers at once, so that what is measured is the realm. Each client
asks, waits for the whole answer, and asks again. CPU is that of the broker's process alone. Exits with 1 when a request
failed.

JSON: { version, clients, seconds, stream, chunks, pace_ms, start_ms, idle_rss_bytes, idle: { sockets, rss_before_bytes,
rss_after_bytes, bytes_per_socket }, runs: [{ target, jobs, errors, first_error, jobs_per_s, latency_us: { p50, p90, p99,
max, mean }, first_chunk_us (with --stream), cpu_us_per_job, rss_bytes }], cpu_ratio: { axum, nginx } }; what was not
measured is absent. The first run is the realm, the others are the floors.";

/// Puts a realm under load and prints throughput, latency percentiles, CPU and memory.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct BenchArgs {
    /// The realm to load [default: a temporary one, in a process of its own]
    #[arg(long, value_name = "URL", value_parser = RealmUrl::parse)]
    realm: Option<RealmUrl>,
    /// Clients that ask at the same time
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=1_024))]
    clients: u32,
    /// How long to measure
    #[arg(long, value_name = "S", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    seconds: u64,
    /// How long to load before measuring
    #[arg(long, value_name = "S", default_value_t = 1)]
    warmup: u64,
    /// Ask for streamed answers
    #[arg(long)]
    stream: bool,
    /// Pieces that each answer comes in [default: 20 with --stream, else 1]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    chunks: Option<u32>,
    /// Milliseconds between two pieces
    #[arg(long, value_name = "MS", default_value_t = 0)]
    pace: u64,
    /// WebSockets that are open and silent meanwhile
    #[arg(long, value_name = "N", default_value_t = 0)]
    idle_sockets: u32,
    /// What to measure beside it, in the same run
    #[arg(long, value_name = "WHAT", value_enum, value_delimiter = ',')]
    floor: Vec<FloorKind>,
    /// The broker's process, for its CPU and memory when --realm is given
    #[arg(long, value_name = "PID", requires = "realm")]
    broker_pid: Option<u32>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FloorKind {
    /// A plain axum server that echoes
    Axum,
    /// nginx as a proxy before that server
    Nginx,
}

impl BenchArgs {
    /// What each answer consists of.
    fn answer(&self) -> echo::Answer {
        let chunks = self.chunks.unwrap_or(if self.stream { 20 } else { 1 });
        echo::Answer { chunks, pace: Duration::from_millis(self.pace) }
    }

    fn load(&self) -> Load {
        Load {
            clients: self.clients,
            warmup: Duration::from_secs(self.warmup),
            measured: Duration::from_secs(self.seconds),
            stream: self.stream,
        }
    }
}

/// Measures, and says what was found.
pub(crate) async fn run(args: BenchArgs) -> anyhow::Result<()> {
    let interrupts = Interrupts::listen()?;
    let report = match interrupts.first.run_until_cancelled(measure(&args)).await {
        Some(report) => report?,
        None => return Err(Fault::Interrupted.into()),
    };
    if args.json {
        terminal::json(&report)?;
    } else {
        terminal::write(&report.text())?;
    }
    if report.is_flawless() { Ok(()) } else { Err(Fault::Said.into()) }
}

async fn measure(args: &BenchArgs) -> anyhow::Result<Report> {
    let (load, answer) = (args.load(), args.answer());
    process::raise_file_limit();
    let target = match &args.realm {
        Some(realm) => realm::Target::running(realm.clone(), args.broker_pid),
        None => realm::Target::start().await?,
    };
    let mut report = Report::new(&load, &answer, &target);
    let worker = echo::Attached::to(target.url(), answer.clone(), args.clients).await?;
    let idle = match args.idle_sockets {
        0 => None,
        count => Some(idle::Sockets::open(target.url(), count, target.pid()).await?),
    };
    report.idle = idle.as_ref().map(|sockets| sockets.found());
    say(args, "the realm");
    let pids = target.pid().into_iter().collect::<Vec<_>>();
    report.runs.push(one("realm", &load, target.url(), || pids.clone()).await?);
    drop(idle);
    worker.leave().await;
    drop(target);
    if args.floor.is_empty() {
        return Ok(report.compared());
    }
    let echo = floor::Axum::start(&answer).await?;
    if args.floor.contains(&FloorKind::Axum) {
        say(args, "a plain axum server");
        report.runs.push(one("axum", &load, echo.url(), || vec![echo.pid()]).await?);
    }
    if args.floor.contains(&FloorKind::Nginx) {
        let nginx = floor::Nginx::start(echo.url()).await?;
        say(args, "nginx before that server");
        report.runs.push(one("nginx", &load, nginx.url(), || vec![nginx.pid()]).await?);
    }
    Ok(report.compared())
}

/// One run of the load against one target.
async fn one(
    name: &'static str,
    load: &Load,
    url: &RealmUrl,
    pids: impl Fn() -> Vec<u32>,
) -> anyhow::Result<Run> {
    let Outcome { measured, cpu } = load.run(url, || process::cpu_of(&pids())).await?;
    Ok(Run::new(name, &measured, cpu, process::rss_bytes_of(&pids())))
}

fn say(args: &BenchArgs, what: &str) {
    if terminal::stderr_is_seen() {
        eprintln!("measuring {what} with {} clients for {} s", args.clients, args.seconds);
    }
}
