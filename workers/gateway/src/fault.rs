//! What can go wrong with a service, and what that means for a job.

use std::time::Duration;

use mtor_worker::protocol::{Problem, ProblemKind, Usage};
use mtor_worker::{JobError, Stopped};

/// Why a service did not do what it was asked for.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Fault {
    /// It can't be reached, or the connection was lost in the middle.
    #[error("the service can't be reached, or was lost: {0}")]
    Lost(String),
    /// It says no.
    #[error("the service answers {status}: {said}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// What it says.
        said: String,
    },
    /// It has too much to do.
    #[error("the service has too much to do ({status}); it can be asked again in {} s", .after.as_secs().max(1))]
    Busy {
        /// The HTTP status.
        status: u16,
        /// When to ask again.
        after: Duration,
    },
    /// What it says makes no sense.
    #[error("the service's answer makes no sense: {0}")]
    Nonsense(String),
    /// It offers nothing that a realm has a use for.
    #[error("the service offers nothing: {0}")]
    Nothing(String),
}

impl Fault {
    /// Whether the service should be looked at: it may be gone.
    pub fn is_loss(&self) -> bool {
        matches!(self, Self::Lost(_))
    }

    fn problem(&self) -> (ProblemKind, bool) {
        match self {
            Self::Refused { status: 413, .. } => (ProblemKind::TooLarge, false),
            Self::Refused { status: 400 | 422, said } if is_about_the_window(said) => {
                (ProblemKind::ContextExceeded, true)
            }
            // What one service can't take, another service may: but a request that is wrong is wrong everywhere.
            Self::Refused { status: 400 | 422, .. } => (ProblemKind::InvalidRequest, false),
            Self::Busy { .. } => (ProblemKind::TooManyRequests, true),
            _ => (ProblemKind::WorkerFailed, true),
        }
    }
}

/// Services say in words of their own that a prompt is too long for their model.
fn is_about_the_window(said: &str) -> bool {
    let said = said.to_lowercase();
    [
        "context length",
        "context_length",
        "context size",
        "context window",
        "prompt is too long",
        "maximum context",
    ]
    .iter()
    .any(|words| said.contains(words))
}

impl From<Fault> for JobError {
    fn from(fault: Fault) -> Self {
        let (kind, retry) = fault.problem();
        let mut problem = Problem::new(kind, fault.to_string());
        if let Fault::Busy { after, .. } = fault {
            problem = problem.retry_after_s(u32::try_from(after.as_secs().max(1)).unwrap_or(u32::MAX));
        }
        Self { problem: problem.into(), retry, usage: Usage::default() }
    }
}

/// Why a job was not done: because of the service, or because of the job.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The service's doing.
    #[error(transparent)]
    Service(#[from] Fault),
    /// The job's.
    #[error(transparent)]
    Job(#[from] JobError),
}

impl From<Stopped> for RunError {
    fn from(stopped: Stopped) -> Self {
        Self::Job(stopped.into())
    }
}

impl From<RunError> for JobError {
    fn from(error: RunError) -> Self {
        match error {
            RunError::Service(fault) => fault.into(),
            RunError::Job(error) => error,
        }
    }
}

/// Another worker may be able to.
pub(crate) fn infeasible(detail: impl Into<String>) -> RunError {
    JobError { retry: true, ..JobError::refused(ProblemKind::Infeasible, detail) }.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_service_says_becomes_what_a_realm_understands() {
        let told = |fault: Fault| {
            let error = JobError::from(fault);
            (error.problem.known_kind().unwrap(), error.retry)
        };
        let refused = |status, said: &str| told(Fault::Refused { status, said: said.into() });
        assert_eq!(refused(400, "bad temperature"), (ProblemKind::InvalidRequest, false));
        let window = "This model's maximum context length is 8192 tokens";
        assert_eq!(refused(400, window), (ProblemKind::ContextExceeded, true));
        assert_eq!(refused(401, "no key"), (ProblemKind::WorkerFailed, true));
        assert_eq!(refused(500, "boom"), (ProblemKind::WorkerFailed, true));
        assert_eq!(told(Fault::Lost("reset".into())), (ProblemKind::WorkerFailed, true));
        let busy = JobError::from(Fault::Busy { status: 429, after: Duration::from_secs(90) });
        assert_eq!((busy.problem.retry_after, busy.retry), (Some(90), true));
    }
}
