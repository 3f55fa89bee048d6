//! One run: a seed in, a report or a failure out.

use std::fmt;

use crate::defaults;
use crate::promises::Violation;
use crate::sabotage::Sabotage;
use crate::world::World;

/// How a seed is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Steps before the faults stop.
    pub steps: u32,
    /// Whether on the real ledger; `None` for a share of the seeds.
    pub real_ledger: Option<bool>,
    /// A fault in the shell that the checks must find.
    pub sabotage: Option<Sabotage>,
    /// Print every step.
    pub verbose: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { steps: defaults::STEPS, real_ledger: None, sabotage: None, verbose: false }
    }
}

/// What a run has seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Report {
    /// Steps, with those after the faults had stopped.
    pub steps: u32,
    /// How often the broker died.
    pub crashes: u64,
    /// Acknowledgements that clients were given.
    pub acknowledged: u64,
    /// Ends that clients were told.
    pub ended: u64,
    /// Changes of wallets' keys that took hold, and recoveries among them.
    pub key_changes: u64,
    /// See [`key_changes`](Self::key_changes).
    pub recoveries: u64,
    /// Virtual time, in milliseconds.
    pub virtual_ms: u64,
}

impl Report {
    /// Both together.
    pub fn plus(self, other: Self) -> Self {
        Self {
            steps: self.steps.saturating_add(other.steps),
            crashes: self.crashes + other.crashes,
            acknowledged: self.acknowledged + other.acknowledged,
            ended: self.ended + other.ended,
            key_changes: self.key_changes + other.key_changes,
            recoveries: self.recoveries + other.recoveries,
            virtual_ms: self.virtual_ms + other.virtual_ms,
        }
    }
}

/// A run that broke a promise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Of which seed.
    pub seed: u64,
    /// At which step; none when the world could not even be made.
    pub step: Option<u32>,
    /// How it was run.
    pub options: Options,
    /// What was wrong.
    pub what: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, step, options, what } = self;
        let step = step.map_or("before the first step".to_owned(), |step| format!("at step {step}"));
        write!(
            f,
            "seed {seed}, {step}: {what}\nreplay it with: mtor-sim --seed {seed} --steps {}",
            options.steps
        )?;
        if options.real_ledger == Some(true) {
            f.write_str(" --ledger")?;
        }
        match options.sabotage.as_ref().and_then(clap::ValueEnum::to_possible_value) {
            Some(sabotage) => write!(f, " --sabotage {}", sabotage.get_name()),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Failure {}

/// Runs one seed.
///
/// # Errors
/// [`Failure`] with the promise that was broken.
pub fn run_seed(seed: u64, options: Options) -> Result<Report, Failure> {
    let failure = |step, what| Failure { seed, step, options, what };
    let mut world = World::new(seed, options).map_err(|error| failure(None, error))?;
    world.run().map_err(|(step, violation): (u32, Violation)| failure(Some(step), violation.to_string()))
}
