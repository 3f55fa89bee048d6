//! How a command ends: exit codes, and errors in words.

use std::process::ExitCode;

use mtor_protocol::{Problem, ProblemKind};

/// The exit codes, as `mtor --help` lists them. Scripts rely on these numbers.
pub(crate) const EXIT_CODES: &str = "\
Exit codes:
  0    done
  1    failed
  2    wrong usage or bad input
  3    the realm can't be reached
  4    the realm refused: no funds, no worker, not allowed, too many requests
  130  interrupted, or the reader of the output went away";

/// A failure whose kind decides the exit code. A [`Problem`] from the realm is told apart as well; every other error
/// is exit code 1.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    /// What was asked for makes no sense, in words that say what would.
    #[error("{0}")]
    Usage(String),
    /// Nothing answers at the realm's address.
    #[error("no realm answers at {realm}: {why}")]
    Unreachable {
        /// The address.
        realm: String,
        /// What the operating system or the other side said.
        why: String,
    },
    /// Ctrl-C.
    #[error("interrupted")]
    Interrupted,
    /// Whoever read standard output went away, as `head` does: nothing is wrong and nothing is said.
    #[error("the reader of the output went away")]
    OutputClosed,
    /// Failed, and everything was said already.
    #[error("failed")]
    Said,
}

/// Says what went wrong and gives the exit code for it.
pub(crate) fn report(error: &anyhow::Error) -> ExitCode {
    let silent = matches!(error.downcast_ref(), Some(Fault::OutputClosed | Fault::Said));
    if !silent {
        eprintln!("error: {error:#}");
        if let Some(hint) = hint(error) {
            eprintln!("hint: {hint}");
        }
    }
    ExitCode::from(code(error))
}

fn code(error: &anyhow::Error) -> u8 {
    for cause in error.chain() {
        if let Some(fault) = cause.downcast_ref::<Fault>() {
            return match fault {
                Fault::Usage(_) => 2,
                Fault::Unreachable { .. } => 3,
                Fault::Interrupted | Fault::OutputClosed => 130,
                Fault::Said => 1,
            };
        }
        if let Some(problem) = cause.downcast_ref::<Problem>() {
            return code_of_problem(problem);
        }
    }
    1
}

fn code_of_problem(problem: &Problem) -> u8 {
    match problem.known_kind() {
        Some(ProblemKind::InvalidRequest | ProblemKind::TooLarge | ProblemKind::ContextExceeded) => 2,
        Some(
            ProblemKind::WorkerFailed | ProblemKind::Expired | ProblemKind::Internal | ProblemKind::Cancelled,
        ) => 1,
        Some(_) => 4,
        None if (400..500).contains(&problem.status) => 4,
        None => 1,
    }
}

/// What to do about it, where the error itself does not say.
fn hint(error: &anyhow::Error) -> Option<&'static str> {
    for cause in error.chain() {
        if let Some(Fault::Unreachable { .. }) = cause.downcast_ref() {
            return Some("start one with `mtor up`, or name another with --realm URL or $MTOR_REALM");
        }
        if let Some(problem) = cause.downcast_ref::<Problem>() {
            return match problem.known_kind()? {
                ProblemKind::InsufficientFunds => Some("`mtor wallet show` says what is there"),
                ProblemKind::NoWorker => Some("attach one with `mtor worker chat`, or start `mtor up`"),
                ProblemKind::UnknownModel => Some("leave --model out for the realm's own choice"),
                ProblemKind::Unauthorized => {
                    Some("give a key with --wallet FILE; `mtor wallet new` makes one")
                }
                _ => None,
            };
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::anyhow;

    #[test]
    fn every_kind_of_failure_has_its_exit_code() {
        let refused = |kind| code(&anyhow::Error::new(Problem::new(kind, "")).context("asking"));
        assert_eq!(code(&anyhow!("anything")), 1);
        assert_eq!(code(&anyhow::Error::new(Fault::Usage("no".into())).context("reading")), 2);
        assert_eq!(code(&Fault::Unreachable { realm: "r".into(), why: "w".into() }.into()), 3);
        assert_eq!(code(&Fault::Interrupted.into()), 130);
        assert_eq!(refused(ProblemKind::InsufficientFunds), 4);
        assert_eq!(refused(ProblemKind::NoWorker), 4);
        assert_eq!(refused(ProblemKind::InvalidRequest), 2);
        assert_eq!(refused(ProblemKind::WorkerFailed), 1);
    }
}
