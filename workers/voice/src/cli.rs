//! The command line.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use mtor_voice::defaults;

const EXAMPLES: &str = "\
Examples:
  mtor-voice                                        the first voice of the catalogue, fetched when it is not here
  mtor-voice --voice de_DE-thorsten-medium.onnx     any Piper voice, with its .onnx.json beside it
  mtor-voice say \"It is 9:30.\" --out time.wav       a file, without a realm
  mtor-voice say \"Guten Tag\" --language de --out tag.mp3
  mtor-voice voices                                 which voices there are

It runs until Ctrl-C or SIGTERM, which lets its jobs finish first. $MTOR_LOG sets what is logged: a level, or levels by
module, such as debug or info,rten=debug.

Exit codes: 0 done, 1 failed, 2 wrong usage or a voice that can't be used.";

/// The voice of MTOR: text to speech with voices on this machine, for a realm.
#[derive(Debug, Parser)]
#[command(version, after_help = EXAMPLES, args_override_self = true, args_conflicts_with_subcommands = true)]
pub(crate) struct Options {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) work: WorkOptions,
}

/// What it does without a realm.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Say a text into a file
    Say(SayOptions),
    /// List the voices
    Voices(VoiceOptions),
}

/// Which voices, and what they compute with.
#[derive(Debug, Args)]
pub(crate) struct VoiceOptions {
    /// A neural voice: a file in the Piper format with its .onnx.json beside it, or one of the catalogue. May be repeated;
    /// the first speaks unless another is asked for [default: the catalogue's first]
    #[arg(long = "voice", value_name = "FILE|ID")]
    pub(crate) voices: Vec<String>,
    /// No neural voice: those of espeak-ng alone, which need no model
    #[arg(long, conflicts_with = "voices")]
    pub(crate) espeak_only: bool,
    /// Threads that each job computes with [default: all]
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<NonZeroUsize>,
}

/// How it works for a realm.
#[derive(Debug, Args)]
pub(crate) struct WorkOptions {
    /// The realm to work for
    #[arg(long, value_name = "URL", default_value = "ws://127.0.0.1:9000")]
    pub(crate) realm: String,
    #[command(flatten)]
    pub(crate) voices: VoiceOptions,
    /// What people call this worker
    #[arg(long, default_value = "voice")]
    pub(crate) name: String,
    /// Texts spoken at once
    #[arg(long, value_name = "N", default_value_t = defaults::SLOTS,
          value_parser = clap::value_parser!(u32).range(1..=i64::from(defaults::SLOTS_MAX)))]
    pub(crate) slots: u32,
    /// The worker's key: its name in the realm, and where it is paid. Made when it is not there
    #[arg(long, value_name = "FILE", default_value = "mtor-voice.key")]
    pub(crate) key: PathBuf,
}

/// What to say into which file.
#[derive(Debug, Args)]
pub(crate) struct SayOptions {
    /// What to say; `-` reads it from standard input
    pub(crate) text: String,
    /// Where to; the ending says as what: wav, mp3, flac, opus or pcm
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// The voice: one that `voices` lists, or a file in the Piper format [default: the one for the language]
    #[arg(long, value_name = "FILE|ID")]
    pub(crate) voice: Option<String>,
    /// The language, as a tag such as en or pt-br [default: the voice's]
    #[arg(long, value_name = "TAG")]
    pub(crate) language: Option<String>,
    /// How fast, from 0.25 to 4
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0)]
    pub(crate) speed: f32,
    /// Threads to compute with [default: all]
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<NonZeroUsize>,
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
    fn it_works_without_a_word_and_takes_several_voices() {
        assert!(Options::try_parse_from(["mtor-voice"]).is_ok());
        let two = Options::try_parse_from(["mtor-voice", "--voice", "a.onnx", "--voice", "b.onnx"]).unwrap();
        assert_eq!(two.work.voices.voices, ["a.onnx", "b.onnx"]);
    }

    #[test]
    fn wrong_usage_is_refused() {
        for wrong in [
            vec!["--slots", "0"],
            vec!["--slots", "33"],
            vec!["--threads", "0"],
            vec!["--espeak-only", "--voice", "a.onnx"],
            vec!["say", "words"],
            vec!["say", "words", "--out", "a.wav", "--speed", "fast"],
        ] {
            let line = ["mtor-voice"].into_iter().chain(wrong.iter().copied());
            assert!(Options::try_parse_from(line).is_err(), "{wrong:?}");
        }
    }
}
