//! `mtor-sim`: runs seeds until one breaks a promise; plays the economy.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::{Parser, Subcommand};
use mtor_sim::{EconomyOptions, Failure, Options, Report, Sabotage, run_economy, run_seed, write_economy};

/// Runs the real core and ledger under crashes, lost messages, slow disks and dying workers, and checks that the realm
/// keeps its promises. The same seed gives the same run.
#[derive(Debug, Parser)]
#[command(
    version,
    args_conflicts_with_subcommands = true,
    after_help = "Examples:\n  mtor-sim --seeds 10000\n  mtor-sim --seed 77    replays one, step by step\n  mtor-sim economy --out /tmp/economy\n\nExit codes: 0 all promises kept, 1 one was broken."
)]
struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    /// How many seeds to run.
    #[arg(long, default_value_t = 1_000)]
    seeds: u64,
    /// The first seed.
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// Steps of each seed before the faults stop.
    #[arg(long, default_value_t = Options::default().steps)]
    steps: u32,
    /// Replay this seed alone, and print every step.
    #[arg(long, conflicts_with_all = ["seeds", "from"])]
    seed: Option<u64>,
    /// Use the real ledger for all seeds (slower), rather than for a share of them.
    #[arg(long)]
    ledger: bool,
    /// Break the shell in this way, to see that the checks find it.
    #[arg(long)]
    sabotage: Option<Sabotage>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Plays a public realm for days: many users and workers, a surge, an outage, cheats, rings; under the rules of the core.
    /// Prints the report. The same options give the same bytes.
    Economy {
        #[command(flatten)]
        options: EconomyOptions,
        /// Write the report there too, as Markdown, JSON and plots (SVG).
        #[arg(long, value_name = "FOLDER")]
        out: Option<PathBuf>,
    },
}

fn main() -> ExitCode {
    let args = Args::parse();
    if let Some(Command::Economy { options, out }) = args.command {
        return economy(options, out);
    }
    let options = Options {
        steps: args.steps,
        real_ledger: args.ledger.then_some(true),
        sabotage: args.sabotage,
        verbose: args.seed.is_some(),
    };
    let seeds = match args.seed {
        Some(seed) => seed..seed.saturating_add(1),
        None => args.from..args.from.saturating_add(args.seeds),
    };
    match run(seeds, options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}

fn economy(options: EconomyOptions, out: Option<PathBuf>) -> ExitCode {
    let economy = run_economy(options);
    print!("{}", economy.markdown(false));
    if let Some(folder) = out
        && let Err(error) = write_economy(&economy, &folder)
    {
        eprintln!("the report can't be written to {}: {error}; choose another --out", folder.display());
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

fn run(seeds: std::ops::Range<u64>, options: Options) -> Result<(), Failure> {
    let begun = Instant::now();
    let mut total = Report::default();
    let count = seeds.end - seeds.start;
    for (done, seed) in (1..).zip(seeds) {
        total = total.plus(run_seed(seed, options)?);
        if done % 100 == 0 || done == count {
            println!(
                "{done} of {count} seeds kept every promise: {} steps, {} crashes, {} jobs acknowledged, {} ended, {} virtual hours, {:.1} s",
                total.steps,
                total.crashes,
                total.acknowledged,
                total.ended,
                total.virtual_ms / 3_600_000,
                begun.elapsed().as_secs_f64()
            );
        }
    }
    Ok(())
}
