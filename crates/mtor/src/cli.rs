//! The command line: what `mtor --help` shows.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory as _, Parser};

use crate::commands::Command;
use crate::exit::EXIT_CODES;

const EXAMPLES: &str = "\
Examples:
  mtor up                                      start a realm with its workers and open its console
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

impl Cli {
    /// Reads the command line. A command that does not exist is answered with the one that was probably meant, also
    /// where two letters changed places, which clap itself does not see in short words.
    ///
    /// # Errors
    /// clap's own, to be shown with its `exit`; that is also how help and version come out.
    pub(crate) fn read(line: &[OsString]) -> Result<Self, clap::Error> {
        Self::try_parse_from(line).map_err(|mut error| {
            let known = error.get(ContextKind::SuggestedSubcommand).is_some();
            if error.kind() == ErrorKind::InvalidSubcommand
                && !known
                && let Some(name) = nearest(line.iter().filter_map(|word| word.to_str()))
            {
                error.insert(ContextKind::SuggestedSubcommand, ContextValue::Strings(vec![name]));
            }
            error
        })
    }
}

/// The command that the first unknown word of the line comes near to.
fn nearest<'a>(line: impl Iterator<Item = &'a str>) -> Option<String> {
    let mut command = Cli::command();
    for word in line.skip(1).filter(|word| !word.starts_with('-')) {
        match command.find_subcommand(word).cloned() {
            Some(found) => command = found,
            None => {
                let names = command
                    .get_subcommands()
                    .filter(|command| !command.is_hide_set())
                    .map(|command| command.get_name());
                let (distance, name) = names.map(|name| (slips(word, name), name)).min()?;
                return (distance <= 2 && distance < name.len()).then(|| name.to_owned());
            }
        }
    }
    None
}

/// How many slips of the finger lie between two words: a letter too many, too few, another one, or two that changed
/// places (optimal string alignment).
pub(crate) fn slips(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) =
        (a.to_lowercase().chars().collect(), b.to_lowercase().chars().collect());
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            rows[i][j] = if i == 0 || j == 0 {
                i + j
            } else {
                let other = usize::from(a[i - 1] != b[j - 1]);
                let mut least = (rows[i - 1][j] + 1).min(rows[i][j - 1] + 1).min(rows[i - 1][j - 1] + other);
                if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                    least = least.min(rows[i - 2][j - 2] + 1);
                }
                least
            };
        }
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn slips_are_counted() {
        assert_eq!((slips("aks", "ask"), slips("ask", "ask"), slips("Bnch", "bench")), (1, 0, 1));
        assert!(slips("chat", "telepathy") > 2);
    }

    #[test]
    fn the_nearest_command_is_found_where_the_word_stands() {
        let near = |line: &[&str]| nearest(line.iter().copied());
        assert_eq!(near(&["mtor", "aks", "hi"]).as_deref(), Some("ask"));
        assert_eq!(near(&["mtor", "wallet", "hsow"]).as_deref(), Some("show"));
        assert_eq!(near(&["mtor", "hsow"]), None);
        assert_eq!(near(&["mtor", "telepathy"]), None);
    }
}
