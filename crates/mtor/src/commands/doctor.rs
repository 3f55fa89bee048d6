//! `mtor doctor`: what is there, what is missing, and what to do about it.

use clap::Args;
use serde::Serialize;

use crate::client::{Api, RealmArg, Who};
use crate::data::DataArg;
use crate::exit::Fault;
use crate::terminal;

mod checks;
mod system;

const EXAMPLES: &str = "\
Examples:
  mtor doctor
  mtor doctor --data /srv/realm --realm http://127.0.0.1:9001
  mtor doctor --json

Exits with 1 when something is missing that `mtor up` needs.";

/// Checks this machine, the data folder and the realm, and explains what is missing.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct DoctorArgs {
    #[command(flatten)]
    data: DataArg,
    #[command(flatten)]
    realm: RealmArg,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What one check found.
#[derive(Debug, Serialize)]
pub(crate) struct Finding {
    /// What was looked at.
    what: &'static str,
    /// How it stands.
    state: State,
    /// What was seen.
    seen: String,
    /// What to do, unless all is well.
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    /// As it should be.
    Good,
    /// It works without; `mtor up` may see to it itself.
    Remark,
    /// Needed, and missing.
    Missing,
}

impl Finding {
    fn good(what: &'static str, seen: impl Into<String>) -> Self {
        Self { what, state: State::Good, seen: seen.into(), advice: None }
    }

    fn remark(what: &'static str, seen: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { what, state: State::Remark, seen: seen.into(), advice: Some(advice.into()) }
    }

    fn missing(what: &'static str, seen: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { what, state: State::Missing, seen: seen.into(), advice: Some(advice.into()) }
    }
}

/// Looks at everything, and says it.
pub(crate) async fn run(args: DoctorArgs) -> anyhow::Result<()> {
    let folder = args.data.folder()?;
    let api = Api::new(&args.realm.realm, Who::Owner)?;
    let realm = checks::realm(&api, &args.realm.realm).await;
    let mut findings =
        vec![checks::data_folder(&folder), checks::settings(&folder), checks::ledger(&folder), realm];
    findings.extend(checks::worker_programs());
    findings.extend(checks::models());
    findings.extend([checks::memory(), checks::clock()]);
    findings.extend(checks::goals(&api).await);
    if args.json {
        terminal::json(&findings)?;
    } else {
        terminal::write(&text(&findings))?;
    }
    let missing = findings.iter().filter(|finding| finding.state == State::Missing).count();
    match missing {
        0 if args.json => Ok(()),
        0 => terminal::line("\nNothing that is needed is missing."),
        n => {
            eprintln!("\n{n} of {} checks found something missing.", findings.len());
            Err(Fault::Said.into())
        }
    }
}

fn text(findings: &[Finding]) -> String {
    let mut text = String::new();
    for Finding { what, state, seen, advice } in findings {
        let sign = match state {
            State::Good => "✓",
            State::Remark => "·",
            State::Missing => "✗",
        };
        text.push_str(&format!("{sign} {what:<14} {seen}\n"));
        if let Some(advice) = advice {
            text.push_str(&format!("  {:<14} → {advice}\n", ""));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_say_what_to_do() {
        let findings =
            [Finding::good("clock", "right"), Finding::missing("chat worker", "not found", "build it")];
        let expected = "✓ clock          right\n✗ chat worker    not found\n                 → build it\n";
        assert_eq!(text(&findings), expected);
    }
}
