//! `mtor up`: a realm on this machine, with its workers, from nothing.
//!
//! The broker runs in this process; each worker is a program of its own, watched by [`supervisor`]. The order is: the
//! broker first, so that the console answers within a moment, then the models, then the workers.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use mtor_identity::KeyFile;
use mtor_protocol::Did;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::commands::realm_file::BrokerArgs;
use crate::commands::worker::Kind;
use crate::data::DataFolder;
use crate::exit::Fault;
use crate::log_file::LogFile;
use crate::logging;
use crate::signals::Interrupts;

mod attached;
mod browser;
mod chat_model;
mod child_log;
mod cluster;
mod summary;
mod supervisor;
mod workers;

use attached::Attached;
use chat_model::ChatModel;
use summary::Summary;
use workers::Workers;

const EXAMPLES: &str = "\
Examples:
  mtor up                                     a realm that chats, hears and speaks, and its console in the browser
  mtor up --workers chat                      one that only chats
  mtor up --model my-model.gguf               with a model of your own
  mtor up --listen 127.0.0.1:9001             when another program has the port
  mtor up --workers none --no-browser         the broker alone; workers attach from elsewhere
  mtor up --data /srv/realm
  mtor up --cluster                           three brokers for one realm, to see one of them die

At the first start the models are downloaded (about 730 MB; it goes on where it stopped). Ctrl-C drains the realm: no new
jobs, running ones finish, then it ends. A second Ctrl-C ends it at once.";

/// Starts a realm on this machine and opens its console. It runs until Ctrl-C.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct UpArgs {
    #[command(flatten)]
    broker: BrokerArgs,
    /// Don't open the console in the browser
    #[arg(long)]
    no_browser: bool,
    /// Which workers to start, separated by commas, or none
    #[arg(long, value_name = "KINDS", env = "MTOR_WORKERS", hide_env_values = true, default_value = "chat,ears,voice,embed,skills", value_parser = Workers::parse)]
    workers: Workers,
    /// A model file of your own for the chat worker
    #[arg(long, value_name = "FILE.gguf")]
    model: Option<PathBuf>,
    /// With --model, what to call it; without, which model of the catalogue (see `mtor model list`)
    #[arg(long, value_name = "ID")]
    model_id: Option<String>,
    /// Three brokers on a PostgreSQL and a NATS server, all started here: to try what several brokers do
    #[arg(long)]
    cluster: bool,
}

/// Starts everything and runs it until it is told to end.
pub(crate) async fn run(args: UpArgs) -> anyhow::Result<()> {
    let interrupts = Interrupts::listen()?;
    if args.cluster {
        return cluster::run(args, &interrupts).await;
    }
    let model = ChatModel::choose(args.model.as_deref(), args.model_id.as_deref())?;
    let programs = args.workers.programs()?;
    let (folder, mut settings) = args.broker.settings()?;
    logging::to_file(LogFile::open(&folder.log("mtor")).context("the log file can't be opened")?);
    settings.expected = args.workers.kinds().iter().filter_map(|kind| kind.capability()).collect();
    settings.house_workers =
        args.workers.kinds().iter().map(|kind| worker_did(&folder, *kind)).collect::<anyhow::Result<_>>()?;
    let (attaching, wishes) = mtor_broker::Attaching::channel();
    settings.attaching = Some(attaching);
    let broker = mtor_broker::start(settings).await?;

    let summary = Summary::new(broker.address())?;
    summary.realm(&folder).await?;
    let tracker = TaskTracker::new();
    let stop_workers = CancellationToken::new();
    // Cancelled when a worker can't be started at all: then nobody waits for the realm to become ready.
    let never_ready = interrupts.first.child_token();
    for (kind, program) in programs {
        let worker = workers::Start {
            kind,
            program,
            folder: folder.clone(),
            model: model.clone(),
            summary: summary.clone(),
            never_ready: never_ready.clone(),
        };
        tracker.spawn(worker.run(interrupts.first.clone(), stop_workers.clone()));
    }
    let attached = Attached::recall(folder.clone(), summary.clone(), tracker.clone(), stop_workers.clone());
    tracker.spawn(attached.run(wishes));
    tracker.close();
    let announcing = tokio::spawn(announce(summary.clone(), args.no_browser, never_ready));

    let ended = interrupts.or_at_once(until_drained(broker, &interrupts, &summary)).await;
    announcing.abort();
    stop_workers.cancel();
    let workers_ended = async {
        tracker.wait().await;
        Ok(())
    };
    let stopped = interrupts.or_at_once(workers_ended).await;
    ended.and(stopped)?;
    summary.say("The realm is down. Everything is in its ledger.");
    Ok(())
}

/// Runs the broker until the first signal and its drain, or until it fails.
async fn until_drained(
    broker: mtor_broker::Broker,
    interrupts: &Interrupts,
    summary: &Summary,
) -> anyhow::Result<()> {
    let telling = async {
        interrupts.first.cancelled().await;
        summary.say("\nDraining: no new jobs, running ones finish. Ctrl-C again ends at once.");
        std::future::pending().await
    };
    tokio::select! {
        ended = broker.run_until(interrupts.first.clone()) => ended,
        never = telling => never,
    }
}

/// Says when the realm is ready, and opens its console then.
async fn announce(summary: Summary, no_browser: bool, stop: CancellationToken) {
    if let Some(Ok(())) = stop.run_until_cancelled(summary.until_ready()).await {
        summary.ready().await;
        if !no_browser {
            browser::open(&summary.console());
        }
    }
}

/// The name of a worker that this realm starts itself: its key is made here, so that the realm knows it as one of the
/// house.
fn worker_did(folder: &DataFolder, kind: Kind) -> anyhow::Result<Did> {
    let file = folder.worker_key(kind.name());
    let key = KeyFile::load_or_create(&file).with_context(|| format!("the key {}", file.display()))?;
    Ok(key.keypair().did())
}

/// What a person did wrong with `--model` or `--workers`.
fn usage(text: impl Into<String>) -> anyhow::Error {
    Fault::Usage(text.into()).into()
}
