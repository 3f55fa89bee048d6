//! The task of one job, from its start to its last frame.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use mtor_protocol::worker::{Done, WorkFailed};
use mtor_protocol::{Body, JobId, ProblemKind, Usage};
use tokio::sync::mpsc::OwnedPermit;
use tokio_tungstenite::tungstenite::Message;
use tokio_util::sync::CancellationToken;

use crate::link::Voice;
use crate::output::Output;
use crate::worker::{Finished, Job, JobError, Stopped, Worker};

/// What the task of a job leaves behind: its last frame, and a place in the queue for it. The frame is sent only when
/// the slot is free again, lest the broker's next job be faster than our own bookkeeping.
pub(crate) struct Ended {
    pub(crate) lease: u64,
    /// Nothing when the link was lost.
    pub(crate) last: Option<(OwnedPermit<Message>, Message)>,
}

/// Has `worker` do one job. `all` is cancelled when the worker leaves or has lost the link, and with it the job.
pub(crate) async fn run<W: Worker>(
    worker: Arc<W>,
    job: Job,
    voice: Voice,
    all: CancellationToken,
    stop_grace: Duration,
) -> Ended {
    let (id, lease, cancelled) = (job.id, job.lease, job.cancelled.clone());
    let mut output = Output::new(&job, voice.me.to_string(), voice.queue.clone());
    let work = work(&*worker, job, &mut output, stop_grace);
    // Whatever a panic leaves half done belongs to the worker's program, which has to bear that; the output is ours.
    let result = match AssertUnwindSafe(work).catch_unwind().await {
        Ok(result) => result,
        Err(panic) => Err(panicked(id, &*panic)),
    };
    let body = match result {
        Ok(finished) => done(id, lease, finished, &output, &voice),
        Err(error) => {
            let error = told(id, error, output.usage(0), &cancelled, &all);
            failed(lease, error)
        }
    };
    // The number of an assignment never comes again, so that this id is unique.
    let frame = voice.frame(format!("{lease}/end"), Some(id), body);
    let last = voice.queue.reserve_owned().await.ok().map(|place| (place, frame));
    Ended { lease, last }
}

/// The worker's own part; cut off when it goes on for long after it was cancelled.
async fn work<W: Worker>(
    worker: &W,
    job: Job,
    output: &mut Output,
    stop_grace: Duration,
) -> Result<Finished, JobError> {
    let cancelled = job.cancelled.clone();
    if cancelled.is_cancelled() {
        return Err(Stopped.into());
    }
    let mut running = std::pin::pin!(worker.run(job, output));
    tokio::select! {
        biased;
        result = &mut running => return result,
        () = cancelled.cancelled() => {}
    }
    match tokio::time::timeout(stop_grace, running).await {
        Ok(result) => result,
        Err(_) => Err(Stopped.into()),
    }
}

fn done(id: JobId, lease: u64, finished: Finished, output: &Output, voice: &Voice) -> Body {
    let Finished { usage, finish } = finished;
    let digest = output.digest();
    let signature = voice.keypair.sign(Done::signing_text(id, lease, &digest, &usage).as_bytes()).to_string();
    Body::WorkerDone(Done { lease, usage, finish, output: digest, signature })
}

/// The event that says that a job can't be done here.
pub(crate) fn failed(lease: u64, error: JobError) -> Body {
    let JobError { problem, retry, usage } = error;
    Body::WorkerFailed(WorkFailed { lease, problem: *problem, usage, retry })
}

/// What is told of an error. A job that the broker stopped is wanted by nobody; one that was cancelled because this worker
/// leaves is another worker's to do.
fn told(
    id: JobId,
    error: JobError,
    written: Usage,
    cancelled: &CancellationToken,
    all: &CancellationToken,
) -> JobError {
    let usage = if error.usage == Usage::default() { written } else { error.usage };
    if cancelled.is_cancelled() {
        let stopped = JobError::refused(ProblemKind::Cancelled, "the worker was asked to stop");
        return JobError { retry: all.is_cancelled(), usage, ..stopped };
    }
    tracing::warn!(job = %id, reason = %error, retry = error.retry, "job failed");
    JobError { usage, ..error }
}

/// The message of a panic may quote the job's text: it goes to this worker's log, and not over the wire.
fn panicked(id: JobId, panic: &(dyn Any + Send)) -> JobError {
    let said = panic.downcast_ref::<&str>().copied().or(panic.downcast_ref::<String>().map(String::as_str));
    tracing::error!(job = %id, panic = said.unwrap_or("(no text)"), "the worker panicked in a job");
    JobError::failed("the worker's program panicked; its log says where")
}
