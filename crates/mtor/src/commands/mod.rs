//! One module per command. This one says which there are, and gives each the runtime that it needs.

mod ask;
mod bench;
mod broker;
mod completions;
mod doctor;
mod ledger;
mod mcp;
mod model;
mod peer;
mod plan;
mod price;
mod realm_file;
mod top;
mod trust;
mod up;
mod wallet;
mod worker;

use std::future::Future;

use anyhow::Context as _;
use clap::Subcommand;
use tokio::runtime::{Builder, Runtime};

/// What `mtor` can do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Start a realm on this machine, with its workers and its console
    Up(up::UpArgs),
    /// Start the broker alone
    Broker(broker::BrokerOnlyArgs),
    /// Ask the realm and stream the answer
    Ask(ask::AskArgs),
    /// Do several things that one sentence asks for, and see them first
    Plan(plan::PlanArgs),
    /// Attach a worker to a realm
    Worker(worker::WorkerArgs),
    /// The realm's tools for other programs (Model Context Protocol)
    Mcp(mcp::McpArgs),
    /// Keys and coins: make, show, restore, send
    Wallet(wallet::WalletArgs),
    /// Proof that the realm's record is whole
    Ledger(ledger::LedgerArgs),
    /// What each capability costs
    Price(price::PriceArgs),
    /// How a realm stands: queues, goals, and who has how much of it
    Top(top::TopArgs),
    /// Answers of workers that were proven wrong, and what becomes of their pay
    Trust(trust::TrustArgs),
    /// Other realms that this one trades work with
    Peer(peer::PeerArgs),
    /// Models: list, fetch, verify
    Model(model::ModelArgs),
    /// Load against a realm, with percentiles
    Bench(bench::BenchArgs),
    /// The plain server that `mtor bench` compares with
    #[command(hide = true)]
    BenchFloor(bench::FloorArgs),
    /// What is missing on this machine, and what to do about it
    Doctor(doctor::DoctorArgs),
    /// Completions for your shell
    Completions(completions::CompletionsArgs),
}

/// Runs a command to its end.
///
/// # Errors
/// Whatever made it fail; [`exit`](crate::exit) knows the exit code.
pub(crate) fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Up(args) => on_all_cores(up::run(args)),
        Command::Broker(args) => on_all_cores(broker::run(args)),
        Command::Ask(args) => {
            let question = args.question()?;
            on_one_thread(ask::run(args, question))
        }
        Command::Plan(args) => on_one_thread(plan::run(args)),
        Command::Worker(args) => match on_one_thread(args.asked())? {
            worker::Asked::Done => Ok(()),
            worker::Asked::Worker(command) => worker::run(command),
        },
        Command::Wallet(args) => on_one_thread(wallet::run(args)),
        Command::Mcp(args) => on_one_thread(mcp::run(args)),
        Command::Ledger(args) => on_one_thread(ledger::run(args)),
        Command::Bench(args) => on_all_cores(bench::run(args)),
        Command::BenchFloor(args) => on_all_cores(bench::serve_floor(args)),
        Command::Doctor(args) => on_one_thread(doctor::run(args)),
        Command::Price(args) => on_one_thread(price::run(args)),
        Command::Top(args) => on_one_thread(top::run(args)),
        Command::Trust(args) => on_one_thread(trust::run(args)),
        Command::Peer(args) => on_one_thread(peer::run(args)),
        Command::Model(args) => on_one_thread(model::run(args)),
        Command::Completions(args) => completions::run(&args),
    }
}

/// Runs what waits more than it works.
fn on_one_thread<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    finish(Builder::new_current_thread().enable_all().build(), work)
}

/// Runs what works as much as it can.
fn on_all_cores<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    finish(Builder::new_multi_thread().enable_all().build(), work)
}

fn finish<T>(
    runtime: std::io::Result<Runtime>,
    work: impl Future<Output = anyhow::Result<T>>,
) -> anyhow::Result<T> {
    let runtime = runtime.context("starting the runtime")?;
    let result = runtime.block_on(work);
    // A thread that still waits for the terminal must not keep the process.
    runtime.shutdown_background();
    result
}
