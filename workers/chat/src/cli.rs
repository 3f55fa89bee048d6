//! The command line.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Parser;
use mtor_chat::defaults;

const EXAMPLES: &str = "\
Examples:
  mtor-chat --model my-model.gguf                    any chat model in the GGUF format
  mtor-chat --model-id chat-default                  one that the catalogue knows, fetched when it is not here
  mtor-chat --model m.gguf --slots 2 --context 8192  fewer conversations at once, each with a longer memory

It runs until Ctrl-C or SIGTERM, which lets its jobs finish first. $MTOR_LOG sets what is logged: a level, or levels by
module, such as debug or info,llama-cpp-2=info.

Exit codes: 0 done, 1 failed, 2 wrong usage or a model that can't be used.";

/// The chat worker of MTOR: answers conversations with a model on this machine, for a realm.
#[derive(Debug, Parser)]
#[command(version, after_help = EXAMPLES, args_override_self = true)]
pub(crate) struct Options {
    /// The realm to work for
    #[arg(long, value_name = "URL", default_value = "ws://127.0.0.1:9000")]
    pub(crate) realm: String,
    /// The model: a file in the GGUF format
    #[arg(long, value_name = "FILE", required_unless_present = "model_id")]
    pub(crate) model: Option<PathBuf>,
    /// A model of the catalogue; with --model, the name to offer that file under
    #[arg(long, value_name = "ID")]
    pub(crate) model_id: Option<String>,
    /// What people call this worker
    #[arg(long, default_value = "chat")]
    pub(crate) name: String,
    /// Conversations answered at once
    #[arg(long, value_name = "N", default_value_t = defaults::SLOTS,
          value_parser = clap::value_parser!(u32).range(1..=i64::from(defaults::SLOTS_MAX)))]
    pub(crate) slots: u32,
    /// Tokens of prompt and answer together, for each conversation [default: what the model knows, at most 4096]
    #[arg(long, value_name = "TOKENS",
          value_parser = clap::value_parser!(u32).range(i64::from(defaults::WINDOW_TOKENS_MIN)..=1 << 22))]
    pub(crate) context: Option<u32>,
    /// Threads to compute with [default: one per physical core]
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<NonZeroUsize>,
    /// Longest answer in tokens, whatever is asked for [default: what the window leaves]
    #[arg(long, value_name = "TOKENS", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) max_tokens: Option<u32>,
    /// How freely it answers a question that does not say: 0 picks the likeliest word always, 2 is wild
    #[arg(long, value_name = "T", default_value_t = defaults::TEMPERATURE, value_parser = temperature)]
    pub(crate) temperature: f32,
    /// The worker's key: its name in the realm, and where it is paid. Made when it is not there
    #[arg(long, value_name = "FILE", default_value = "mtor-chat.key")]
    pub(crate) key: PathBuf,
}

fn temperature(text: &str) -> Result<f32, String> {
    let wrong = || format!("{text:?} is no number from 0 to 2");
    text.parse().ok().filter(|number| (0.0..=2.0).contains(number)).ok_or_else(wrong)
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
    fn a_model_is_required_in_one_way_or_the_other() {
        assert!(Options::try_parse_from(["mtor-chat"]).is_err());
        assert!(Options::try_parse_from(["mtor-chat", "--model-id", "chat-default"]).is_ok());
        let both = ["mtor-chat", "--model", "m.gguf", "--model-id", "chat-default"];
        assert_eq!(Options::try_parse_from(both).unwrap().model, Some("m.gguf".into()));
    }

    #[test]
    fn numbers_out_of_range_are_refused() {
        for wrong in [
            ["--slots", "0"],
            ["--slots", "65"],
            ["--context", "10"],
            ["--threads", "0"],
            ["--max-tokens", "0"],
            ["--temperature", "2.1"],
            ["--temperature", "NaN"],
        ] {
            let line = ["mtor-chat", "--model", "m.gguf"].into_iter().chain(wrong);
            assert!(Options::try_parse_from(line).is_err(), "{wrong:?}");
        }
    }
}
