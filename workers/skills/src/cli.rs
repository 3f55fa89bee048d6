//! The command line.

use std::path::PathBuf;

use clap::Parser;

const EXAMPLES: &str = "\
Examples:
  mtor-skills                               the skills that need no account, for the realm on this machine
  mtor-skills --data my-folder              with the settings in my-folder/skills.toml
  mtor-skills --check                       says whether the accounts in skills.toml can be opened

Runs until Ctrl-C or SIGTERM. $MTOR_LOG sets what is logged: a level, or levels by module.

Exit codes: 0 done, 1 failed, 2 wrong usage or wrong settings.";

/// The skills worker of MTOR: calculator, time, timers, weather, Wikipedia, news, web pages, mail and the home, for a realm.
#[derive(Debug, Parser)]
#[command(version, after_help = EXAMPLES, args_override_self = true)]
pub(crate) struct Options {
    /// The realm to work for
    #[arg(long, value_name = "URL", default_value = "ws://127.0.0.1:9000")]
    pub(crate) realm: String,
    /// The folder with skills.toml, the files that it names, and what skills keep
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    pub(crate) data: PathBuf,
    /// What people call this worker
    #[arg(long, default_value = "skills")]
    pub(crate) name: String,
    /// The worker's key: its name in the realm, and where it is paid. Made when it is not there
    #[arg(long, value_name = "FILE", default_value = "mtor-skills.key")]
    pub(crate) key: PathBuf,
    /// Say whether the accounts that the settings name can be opened, and end
    #[arg(long)]
    pub(crate) check: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Options::command().debug_assert();
    }
}
