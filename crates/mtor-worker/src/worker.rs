//! What a worker is: the one trait to implement, what it is given and what it gives back.

use std::future::Future;
use std::sync::Arc;

use mtor_protocol::{
    AccountId, Announcement, FinishReason, Intent, JobId, Problem, ProblemKind, Timestamp, Usage,
};
use tokio_util::sync::CancellationToken;

use crate::input::Input;
use crate::output::Output;

/// Something that runs jobs.
pub trait Worker: Send + Sync + 'static {
    /// What this worker offers, at what price and in how many slots. Asked for at each connection, and after
    /// [`Handle::announce_again`](crate::Handle::announce_again).
    fn announcement(&self) -> Announcement;

    /// The measured speed of the first offer, in tokens per second for one job; sent with each beat.
    fn tokens_per_s(&self) -> Option<f32> {
        None
    }

    /// Does one job: writes the answer to `output` and says what it used.
    ///
    /// Runs in a task of its own, at most as many at once as the announced slots. It must not block the thread: give
    /// heavy work to a thread of its own. Once [`Job::cancelled`] is, nobody waits for the answer:
    /// [`Output::text`] fails, and a job that goes on for longer than [`STOP_GRACE`](crate::defaults::STOP_GRACE) is
    /// dropped.
    ///
    /// # Errors
    /// [`JobError`] when it can't be done here. A panic is reported as an error too, and the worker goes on.
    fn run(&self, job: Job, output: &mut Output) -> impl Future<Output = Result<Finished, JobError>> + Send;
}

/// A shared worker, for a program that keeps an eye on it while it runs.
impl<W: Worker> Worker for Arc<W> {
    fn announcement(&self) -> Announcement {
        (**self).announcement()
    }

    fn tokens_per_s(&self) -> Option<f32> {
        (**self).tokens_per_s()
    }

    async fn run(&self, job: Job, output: &mut Output) -> Result<Finished, JobError> {
        (**self).run(job, output).await
    }
}

/// One assignment of a job.
#[derive(Debug)]
pub struct Job {
    /// The job.
    pub id: JobId,
    /// The number of this assignment: grows from one to the next, and is another when the job comes here again.
    pub lease: u64,
    /// What to do.
    pub intent: Intent,
    /// Text of the answer that somebody else has delivered already: go on right after it, don't repeat it.
    pub prefix: String,
    /// Parts of the answer that somebody else has delivered already: go on with the next one.
    pub parts: u32,
    /// The most tokens to write from here on.
    pub output_tokens_max: u32,
    /// When the realm gives up, by this machine's clock.
    pub deadline: Timestamp,
    /// For a worker that is a realm itself: the realms that the job has come through, by their accounts.
    pub hops: Vec<AccountId>,
    /// The sound, or the text that is still being written; empty for a task that takes none.
    pub input: Input,
    /// Cancelled as soon as nobody wants the answer any more, the link is lost, or the worker has to leave.
    pub cancelled: CancellationToken,
}

/// How a job ended well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Finished {
    /// What was used; [`Output::usage`] counts it for text.
    pub usage: Usage,
    /// Why the answer ends.
    pub finish: FinishReason,
}

/// Why a job can't be done here.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{problem}")]
pub struct JobError {
    /// The reason, for whoever asked.
    pub problem: Box<Problem>,
    /// Whether another worker may do better.
    pub retry: bool,
    /// What was used until then; when it is nothing, the tokens written are reported.
    pub usage: Usage,
}

impl JobError {
    /// This job can't be done by anybody: the request is wrong, or too large for the model.
    pub fn refused(kind: ProblemKind, detail: impl Into<String>) -> Self {
        Problem::new(kind, detail).into()
    }

    /// Something went wrong here; another worker may do better.
    pub fn failed(detail: impl Into<String>) -> Self {
        Self { retry: true, ..Self::refused(ProblemKind::WorkerFailed, detail) }
    }
}

/// This job can't be done by anybody.
impl From<Problem> for JobError {
    fn from(problem: Problem) -> Self {
        Self { problem: problem.into(), retry: false, usage: Usage::default() }
    }
}

/// The job was cancelled, or its link was lost: nobody wants the rest. Give it back with `?`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the job was cancelled")]
pub struct Stopped;

impl From<Stopped> for JobError {
    fn from(_: Stopped) -> Self {
        Self::refused(ProblemKind::Cancelled, "")
    }
}
