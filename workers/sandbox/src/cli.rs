//! The command line.

use std::path::PathBuf;

use clap::Parser;
use mtor_sandbox::{Allowed, defaults};

const EXAMPLES: &str = "\
Examples:
  mtor-sandbox --skill dice.wasm                                    for the realm on this machine
  mtor-sandbox --skill weather.wasm --allow-host api.example.org    it may ask that host, if its manifest says so
  mtor-sandbox --skill dice.wat --try '{\"sides\":6}'                 one answer, without any realm

Runs until Ctrl-C or SIGTERM. $MTOR_LOG sets what is logged: a level, or levels by module.

Exit codes: 0 done, 1 failed, 2 wrong usage or no skill.";

/// The sandbox worker of MTOR: skills of strangers, as WebAssembly modules that reach nothing but what they are allowed.
#[derive(Debug, Parser)]
#[command(version, after_help = EXAMPLES, args_override_self = true)]
pub(crate) struct Options {
    /// The realm to work for
    #[arg(long, value_name = "URL", default_value = "ws://127.0.0.1:9000")]
    pub(crate) realm: String,
    /// A skill: a WebAssembly module, or its text (WAT). May be given many times
    #[arg(long, value_name = "FILE", required = true)]
    pub(crate) skill: Vec<PathBuf>,
    /// A host of the open web that skills may ask, if their manifest says that they want to. May be given many times
    #[arg(long, value_name = "HOST", value_parser = mtor_sandbox::parse_host)]
    allow_host: Vec<String>,
    /// The same for a host of one's own network, which strangers reach only by this
    #[arg(long, value_name = "HOST", value_parser = mtor_sandbox::parse_host)]
    allow_private_host: Vec<String>,
    /// Runs the first skill once with these arguments, as JSON, and says its answer
    #[arg(long = "try", value_name = "JSON")]
    pub(crate) once: Option<String>,
    /// Jobs of one skill at once
    #[arg(long, default_value_t = defaults::SLOTS, value_parser = clap::value_parser!(u32).range(1..=32))]
    pub(crate) slots: u32,
    /// What people call this worker
    #[arg(long, default_value = "sandbox")]
    pub(crate) name: String,
    /// The worker's key: its name in the realm, and where it is paid. Made when it is not there
    #[arg(long, value_name = "FILE", default_value = "mtor-sandbox.key")]
    pub(crate) key: PathBuf,
}

impl Options {
    /// The hosts that skills may ask.
    pub(crate) fn allowed(&self) -> Allowed {
        Allowed { public: self.allow_host.clone(), private: self.allow_private_host.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Options::command().debug_assert();
        assert!(Options::try_parse_from(["mtor-sandbox"]).is_err());
        let urls = ["mtor-sandbox", "--skill", "a.wasm", "--allow-host", "https://a/b"];
        assert!(Options::try_parse_from(urls).unwrap_err().to_string().contains("no host"));
    }
}
