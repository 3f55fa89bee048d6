//! The command line.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use mtor_eyes::defaults;

const EXAMPLES: &str = "\
Examples:
  mtor-eyes                          looks for the realm on this machine, with the catalogue's models
  mtor-eyes look photo.jpg           says what it sees in a picture, without any realm
  mtor-eyes look --json photo.jpg    the same with every box and probability

As a worker it runs until Ctrl-C or SIGTERM, which lets its jobs finish first. $MTOR_LOG sets what is logged: a level, or
levels by module.

Exit codes: 0 done, 1 failed, 2 wrong usage or a model that can't be used.";

/// The eyes of MTOR: what is in a picture, by models on this machine, for a realm.
#[derive(Debug, Parser)]
#[command(version, after_help = EXAMPLES, args_override_self = true, args_conflicts_with_subcommands = true)]
pub(crate) struct Options {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    /// The realm to work for
    #[arg(long, value_name = "URL", default_value = "ws://127.0.0.1:9000")]
    pub(crate) realm: String,
    #[command(flatten)]
    pub(crate) machine: MachineOptions,
    /// What people call this worker
    #[arg(long, default_value = "eyes")]
    pub(crate) name: String,
    /// Jobs of each capability at once
    #[arg(long, value_name = "N", default_value_t = defaults::SLOTS,
          value_parser = clap::value_parser!(u32).range(1..=i64::from(defaults::SLOTS_MAX)))]
    pub(crate) slots: u32,
    /// The worker's key: its name in the realm, and where it is paid. Made when it is not there
    #[arg(long, value_name = "FILE", default_value = "mtor-eyes.key")]
    pub(crate) key: PathBuf,
}

/// What it may use of the machine.
#[derive(Debug, Args)]
pub(crate) struct MachineOptions {
    /// Threads to compute with [default: one per physical core]
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<NonZeroUsize>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Look at a picture right here, and say what is seen
    Look(LookOptions),
}

#[derive(Debug, Args)]
pub(crate) struct LookOptions {
    /// The picture
    #[arg(value_name = "FILE")]
    pub(crate) picture: PathBuf,
    /// The question about it
    #[arg(long, value_name = "TEXT", default_value = "What is in this picture?")]
    pub(crate) question: String,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) machine: MachineOptions,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Options::command().debug_assert();
    }

    #[test]
    fn a_picture_is_looked_at_without_a_realm() {
        assert!(Options::try_parse_from(["mtor-eyes"]).unwrap().command.is_none());
        let options = Options::try_parse_from(["mtor-eyes", "look", "a.png", "--json"]).unwrap();
        let Some(Command::Look(look)) = options.command else { panic!("no picture") };
        assert!(look.json && look.picture == std::path::Path::new("a.png"));
        assert!(Options::try_parse_from(["mtor-eyes", "--slots", "33"]).is_err());
    }
}
