//! The economy: a week of a public realm with many users and workers, of whom some cheat, under the rules that ship.
//!
//! Prices come from [`mtor_core::Market`], audits, verdicts and holdback from [`mtor_core::trust`], list prices, shares and
//! bounds from [`mtor_core::Config`]. The world round them is made up here: who wants what and when, how fast workers are,
//! what cheats do. It runs event by event in virtual time; every choice comes from one seed, so that the same options give
//! the same bytes.

mod audits;
mod cast;
mod defaults;
mod demand;
mod measure;
mod plot;
mod purse;
mod report;
mod starter;
mod world;

use std::path::Path;

pub use cast::Kind;
pub use measure::{Phase, Waits};
pub use report::{CircleReport, Economy, KindReport, StarterReport};

/// The size of the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::Args)]
pub struct EconomyOptions {
    /// People who ask.
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(1_000..=1_000_000))]
    pub users: u32,
    /// Machines that work.
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(50..=20_000))]
    pub workers: u32,
    /// How long it runs, in days.
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..=60))]
    pub days: u32,
    /// Where every choice comes from.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}

impl Default for EconomyOptions {
    fn default() -> Self {
        Self { users: 100_000, workers: 2_000, days: 7, seed: 1 }
    }
}

/// Plays the economy to its end.
pub fn run_economy(options: EconomyOptions) -> Economy {
    world::Economics::new(options).run()
}

/// Writes a report into a folder: `economy.md`, `economy.json` and the plots beside them.
///
/// # Errors
/// When the folder can't be made or a file can't be written.
pub fn write_economy(economy: &Economy, folder: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    std::fs::write(folder.join("economy.md"), economy.markdown(true))?;
    std::fs::write(folder.join("economy.json"), economy.json())?;
    for (name, svg) in economy.plots() {
        std::fs::write(folder.join(name), svg)?;
    }
    Ok(())
}
