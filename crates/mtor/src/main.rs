//! The `mtor` command: starts a realm, talks to one, and looks after wallets, workers, models and the ledger.
//!
//! One module per command lives in [`commands`]; what they share of talking to a realm lives in [`client`]. Each command
//! takes its arguments and gives a [`anyhow::Result`]; [`exit`] turns errors into words and exit codes, in one place.
//!
//! What must not live here: anything that a library crate could know. This crate wires the others together.

mod cli;
mod client;
mod commands;
mod data;
mod defaults;
mod exit;
mod log_file;
mod logging;
mod signals;
mod terminal;

use std::process::ExitCode;

/// A job is many small allocations that one thread makes and another frees: see docs/src/performance.md.
#[cfg(target_os = "linux")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = match cli::Cli::read(&std::env::args_os().collect::<Vec<_>>()) {
        Ok(cli) => cli,
        Err(error) => error.exit(),
    };
    match commands::run(cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => exit::report(&error),
    }
}
