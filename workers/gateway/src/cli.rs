//! The command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand};
use mtor_gateway::defaults;
use mtor_wyoming::Address;

const EXAMPLES: &str = "\
Examples:
  mtor-gateway wyoming tcp://127.0.0.1:10300                 a speech-to-text service on this machine
  mtor-gateway wyoming tcp://pi.local:10200 --name piper     voices on another
  mtor-gateway wyoming unix:///run/ears.sock --slots 1       one job at a time

A service that is not there, or goes, is waited for; meanwhile the realm is offered nothing of it. The gateway runs until
Ctrl-C or SIGTERM, which lets its jobs finish first. $MTOR_LOG sets what is logged: a level, or levels by module.

Exit codes: 0 done, 1 failed, 2 wrong usage.";

/// The gateway worker of MTOR: attaches services that speak another protocol to a realm.
#[derive(Debug, Parser)]
#[command(version, after_help = EXAMPLES)]
pub(crate) struct Options {
    #[command(subcommand)]
    pub(crate) service: ServiceKind,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ServiceKind {
    /// A Wyoming service, as Home Assistant uses them: speech to text, text to speech
    Wyoming(WyomingOptions),
}

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, args_override_self = true)]
pub(crate) struct WyomingOptions {
    /// Where the service is: tcp://HOST:PORT or unix:///PATH
    #[arg(value_name = "ADDRESS")]
    pub(crate) address: Address,
    /// The realm to work for
    #[arg(long, value_name = "URL", default_value = "ws://127.0.0.1:9000")]
    pub(crate) realm: String,
    /// What people call this worker
    #[arg(long, default_value = "wyoming")]
    pub(crate) name: String,
    /// Jobs at once, for each model that listens and each program that speaks
    #[arg(long, value_name = "N", default_value_t = defaults::SLOTS,
          value_parser = clap::value_parser!(u32).range(1..=i64::from(defaults::SLOTS_MAX)))]
    pub(crate) slots: u32,
    /// The worker's key: its name in the realm, and where it is paid. Made when it is not there
    #[arg(long, value_name = "FILE", default_value = "mtor-gateway.key")]
    pub(crate) key: PathBuf,
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
    fn an_address_is_needed_and_must_be_one() {
        assert!(Options::try_parse_from(["mtor-gateway", "wyoming"]).is_err());
        assert!(Options::try_parse_from(["mtor-gateway", "wyoming", "tcp://a:1"]).is_ok());
        let error = Options::try_parse_from(["mtor-gateway", "wyoming", "a:1"]).unwrap_err().to_string();
        assert!(error.contains("write tcp://HOST:PORT or unix:///PATH"), "{error}");
        assert!(Options::try_parse_from(["mtor-gateway", "wyoming", "tcp://a:1", "--slots", "0"]).is_err());
    }
}
