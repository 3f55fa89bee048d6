//! The command line: what `mtor --help` shows.

use clap::Parser;

use crate::commands::Command;
use crate::exit::EXIT_CODES;

const EXAMPLES: &str = "\
Examples:
  mtor up                                      start a realm with a chat worker and open its console
  mtor ask \"What is the capital of France?\"    ask it from the command line
  git diff | mtor ask \"Explain this change\"    with what another program says
  mtor wallet show                             what is in the wallet
  mtor doctor                                  what is missing, and what to do about it

`mtor COMMAND --help` has more about each.";

/// MTOR, the Multi-Tronic Operating Realm: turns a machine into a realm that a person talks to.
#[derive(Debug, Parser)]
#[command(
    name = "mtor",
    version,
    propagate_version = true,
    arg_required_else_help = true,
    after_help = EXAMPLES,
    after_long_help = format!("{EXAMPLES}\n\n{EXIT_CODES}"),
    disable_help_subcommand = false,
)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}
