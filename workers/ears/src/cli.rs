//! The command line.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use mtor_ears::defaults;

const EXAMPLES: &str = "\
Examples:
  mtor-ears                                     the first model for ears of the catalogue, fetched when it is not here
  mtor-ears --model ears-small --language en    another one of the catalogue, for English alone
  mtor-ears --model ggml-medium-q5_0.bin        any Whisper model in the ggml format
  mtor-ears --wake-slots 0                      never listens for a wake word
  mtor-ears wer recordings                      how well it hears: word error rates, in quiet and in noise

It runs until Ctrl-C or SIGTERM, which lets its jobs finish first. $MTOR_LOG sets what is logged: a level, or levels by
module, such as debug or info,whisper_rs=info.

Exit codes: 0 done, 1 failed, 2 wrong usage or a model that can't be used.";

/// The ears of MTOR: speech to text with a model on this machine, for a realm.
#[derive(Debug, Parser)]
#[command(version, after_help = EXAMPLES, args_override_self = true, args_conflicts_with_subcommands = true)]
pub(crate) struct Options {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) work: WorkOptions,
}

/// What else the program can do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Measure how well it hears: the word error rate on recordings of which the words are known
    Wer(WerOptions),
}

/// How it works for a realm.
#[derive(Debug, Args)]
pub(crate) struct WorkOptions {
    /// The realm to work for
    #[arg(long, value_name = "URL", default_value = "ws://127.0.0.1:9000")]
    pub(crate) realm: String,
    #[command(flatten)]
    pub(crate) engine: EngineFlags,
    /// What people call this worker
    #[arg(long, default_value = "ears")]
    pub(crate) name: String,
    /// Recordings heard at once
    #[arg(long, value_name = "N", default_value_t = defaults::SLOTS,
          value_parser = clap::value_parser!(u32).range(1..=i64::from(defaults::SLOTS_MAX)))]
    pub(crate) slots: u32,
    /// Longest recording in minutes, whatever is asked for
    #[arg(long, value_name = "MINUTES", default_value_t = (defaults::AUDIO_MS_MAX / 60_000) as u32,
          value_parser = clap::value_parser!(u32).range(1..=(defaults::AUDIO_MS_MAX / 60_000) as i64))]
    pub(crate) audio_minutes: u32,
    /// Sounds in which the wake word is listened for at once, for microphones that can't do it themselves; 0 for none
    #[arg(long, value_name = "N", default_value_t = defaults::WAKE_SLOTS,
          value_parser = clap::value_parser!(u32).range(0..=i64::from(defaults::SLOTS_MAX)))]
    pub(crate) wake_slots: u32,
    /// The head of another wake word, an ONNX file called after its phrase [default: "computer"]
    #[arg(long, value_name = "FILE")]
    pub(crate) wake_word: Option<PathBuf>,
    /// The speech embedding that heads look at, an ONNX file [default: the one of the catalogue]
    #[arg(long, value_name = "FILE")]
    pub(crate) wake_embedding: Option<PathBuf>,
    /// The worker's key: its name in the realm, and where it is paid. Made when it is not there
    #[arg(long, value_name = "FILE", default_value = "mtor-ears.key")]
    pub(crate) key: PathBuf,
}

/// The models, and how much of the machine they get.
#[derive(Debug, Args)]
pub(crate) struct EngineFlags {
    /// The model: a Whisper file in the ggml format, or the id of a model of the catalogue [default: ears-default]
    #[arg(long, value_name = "FILE|ID")]
    pub(crate) model: Option<String>,
    /// A model of the catalogue; with --model, the name to offer that file under
    #[arg(long, value_name = "ID")]
    pub(crate) model_id: Option<String>,
    /// The Silero voice activity model, an ONNX file [default: the one of the catalogue]
    #[arg(long, value_name = "FILE")]
    pub(crate) voice_activity: Option<PathBuf>,
    /// The language of recordings that name none, such as de [default: told from the sound]
    #[arg(long, value_name = "CODE")]
    pub(crate) language: Option<String>,
    /// Threads to compute with [default: one per physical core]
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<NonZeroUsize>,
}

/// What is measured.
#[derive(Debug, Args)]
pub(crate) struct WerOptions {
    /// A folder of NAME.wav, each with its words in NAME.txt, or in a line `the words (NAME)` of a file called transcription
    #[arg(value_name = "FOLDER", required = true)]
    pub(crate) folders: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) engine: EngineFlags,
    /// How much louder the voice is than the noise, in decibels
    #[arg(
        long,
        value_name = "DB",
        value_delimiter = ',',
        default_value = "20,10,5,0",
        allow_hyphen_values = true
    )]
    pub(crate) snr: Vec<f32>,
    /// What the noise is made from
    #[arg(long, value_name = "SEED", default_value_t = 1)]
    pub(crate) seed: u64,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
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
    fn nothing_is_required_and_the_measurement_needs_a_folder() {
        assert!(Options::try_parse_from(["mtor-ears"]).unwrap().command.is_none());
        assert!(Options::try_parse_from(["mtor-ears", "wer"]).is_err());
        let wer = Options::try_parse_from(["mtor-ears", "wer", "here", "--snr", "10,-5", "--threads", "2"])
            .unwrap();
        let Some(Command::Wer(wer)) = wer.command else { panic!("no measurement") };
        assert_eq!((wer.snr, wer.seed), (vec![10.0, -5.0], 1));
    }

    #[test]
    fn numbers_out_of_range_are_refused() {
        for wrong in [["--slots", "0"], ["--slots", "65"], ["--threads", "0"], ["--audio-minutes", "121"]] {
            assert!(Options::try_parse_from(["mtor-ears"].into_iter().chain(wrong)).is_err(), "{wrong:?}");
        }
    }
}
