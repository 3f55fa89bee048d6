//! `mtor completions`: scripts that teach a shell the command.

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use crate::cli::Cli;
use crate::terminal;

const EXAMPLES: &str = "\
Examples:
  mtor completions bash > ~/.local/share/bash-completion/completions/mtor
  mtor completions zsh > ~/.zfunc/_mtor
  mtor completions fish > ~/.config/fish/completions/mtor.fish";

/// Writes completions for a shell to standard output.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct CompletionsArgs {
    /// Which shell
    shell: Shell,
}

/// Writes them.
pub(crate) fn run(args: &CompletionsArgs) -> anyhow::Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "mtor", &mut script);
    terminal::write(&String::from_utf8(script)?)
}
