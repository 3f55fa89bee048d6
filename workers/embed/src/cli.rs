//! The command line.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use mtor_embed::defaults;
use mtor_embed::evaluate::Half;

const EXAMPLES: &str = "\
Examples:
  mtor-embed                                the catalogue's model, fetched when it is not here
  mtor-embed --model my-model               a folder with model.onnx and tokenizer.json
  mtor-embed evaluate                       how well the realm understands people with this model
  mtor-embed evaluate --half all --json     the same as JSON, over all sentences of the set

As a worker it runs until Ctrl-C or SIGTERM, which lets its jobs finish first. $MTOR_LOG sets what is logged: a level, or
levels by module, such as debug or info,rten=debug.

Exit codes: 0 done, 1 failed, 2 wrong usage or a model that can't be used.";

/// The embed worker of MTOR: turns texts into vectors with a model on this machine, for a realm.
#[derive(Debug, Parser)]
#[command(version, after_help = EXAMPLES, args_override_self = true, args_conflicts_with_subcommands = true)]
pub(crate) struct Options {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    /// The realm to work for
    #[arg(long, value_name = "URL", default_value = "ws://127.0.0.1:9000")]
    pub(crate) realm: String,
    #[command(flatten)]
    pub(crate) model: ModelOptions,
    /// What people call this worker
    #[arg(long, default_value = "embed")]
    pub(crate) name: String,
    /// Jobs computed at once
    #[arg(long, value_name = "N", default_value_t = defaults::SLOTS,
          value_parser = clap::value_parser!(u32).range(1..=i64::from(defaults::SLOTS_MAX)))]
    pub(crate) slots: u32,
    /// The worker's key: its name in the realm, and where it is paid. Made when it is not there
    #[arg(long, value_name = "FILE", default_value = "mtor-embed.key")]
    pub(crate) key: PathBuf,
}

/// Which model, and what it may use.
#[derive(Debug, Args)]
pub(crate) struct ModelOptions {
    /// The model: a folder with model.onnx and tokenizer.json
    #[arg(long, value_name = "FOLDER")]
    pub(crate) model: Option<PathBuf>,
    /// A model of the catalogue; with --model, the name to offer that folder's model under
    #[arg(long, value_name = "ID")]
    pub(crate) model_id: Option<String>,
    /// Threads to compute a text with; each job at once has its own [default: 1]
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<NonZeroUsize>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Measure how well the realm understands what people say: rules, examples, questions back
    Evaluate(EvaluateOptions),
}

#[derive(Debug, Args)]
pub(crate) struct EvaluateOptions {
    #[command(flatten)]
    pub(crate) model: ModelOptions,
    /// Which sentences: dev is tuned on, test is not
    #[arg(long, value_enum, default_value = "test")]
    pub(crate) half: Half,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Print each sentence that was not understood as it should be. Looking at those of the test half spoils it
    #[arg(long)]
    pub(crate) misses: bool,
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
    fn it_needs_no_flag_and_has_a_subcommand() {
        let plain = Options::try_parse_from(["mtor-embed"]).unwrap();
        assert!(plain.command.is_none() && plain.model.model.is_none());
        let evaluate =
            Options::try_parse_from(["mtor-embed", "evaluate", "--half", "dev", "--model", "m"]).unwrap();
        let Some(Command::Evaluate(options)) = evaluate.command else { panic!("no subcommand") };
        assert_eq!((options.half, options.model.model), (Half::Dev, Some("m".into())));
    }

    #[test]
    fn numbers_out_of_range_are_refused() {
        for wrong in [["--slots", "0"], ["--slots", "17"], ["--threads", "0"]] {
            assert!(Options::try_parse_from(["mtor-embed"].into_iter().chain(wrong)).is_err(), "{wrong:?}");
        }
    }
}
