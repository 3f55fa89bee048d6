//! OpenAI's routes, so that what people already use works here: chat, embeddings, images, speech, transcriptions, models.

mod chat;
mod embeddings;
mod images;
mod models;
mod speech;
mod transcriptions;

use std::pin::Pin;
use std::sync::Arc;

use mtor_protocol::body::Completed;
use mtor_protocol::{Body, JobId, Problem, ProblemKind, Submit};
use tokio_util::sync::WaitForCancellationFutureOwned;

use super::reply::OpenAiRefusal;
use crate::app::{App, Wallet};
use crate::input::JobInput;
use crate::jobs::{TakenJob, Wish};
use crate::realm::Taken;
use crate::stream::{Heard, Item, JobStream};

pub(super) use chat::chat;
pub(super) use embeddings::embeddings;
pub(super) use images::images;
pub(super) use models::{model, models};
pub(super) use speech::speech;
pub(super) use transcriptions::transcriptions;

/// A job asked for through these routes. Their clients can't come back for it, so it is cancelled when they go: nobody
/// pays for words that nobody reads.
struct Tied {
    app: Arc<App>,
    wallet: Wallet,
    id: JobId,
    stream: Arc<JobStream>,
    ended: bool,
}

impl Tied {
    async fn submit(
        app: Arc<App>,
        wallet: Wallet,
        submit: Submit,
        input: Option<Arc<JobInput>>,
    ) -> Result<Self, Problem> {
        let TakenJob { id, stream, .. } = app.take_with(&wallet, submit, input).await?;
        Ok(Self { stream: stream.ok_or_else(no_events)?, app, wallet, id, ended: false })
    }

    /// Waits for the end, and for nothing before it.
    async fn submit_to_the_end(
        app: Arc<App>,
        wallet: Wallet,
        submit: Submit,
        input: Option<Arc<JobInput>>,
    ) -> Result<(Self, Body), Problem> {
        let submission = app.submission(&wallet, Wish::from(submit), input).await?;
        let (id, stream) = (submission.job.id, submission.stream.clone());
        let mut tied = Self { stream, app, wallet, id, ended: false };
        let taken = tied.app.take_to_the_end(submission).await;
        tied.set_ended();
        match taken? {
            Taken::New => {
                let end = tied.stream.ended().await;
                Ok((tied, end))
            }
            Taken::Known => Err(no_events()),
        }
    }

    /// The job has ended: nothing is left to cancel.
    fn set_ended(&mut self) {
        self.ended = true;
    }
}

impl Drop for Tied {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        let (app, wallet, id) = (self.app.clone(), self.wallet.clone(), self.id);
        let tasks = app.tasks.clone();
        tasks.spawn(async move {
            if let Err(problem) = app.cancel(&wallet, id).await {
                tracing::debug!(job = %id, %problem, "a job whose client has gone could not be cancelled");
            }
        });
    }
}

/// Where a client is in what its job brings forth.
struct Place {
    tied: Tied,
    after: u64,
    done: bool,
    /// Waited for from the first piece on, and not anew for every piece.
    closing: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl Place {
    fn new(tied: Tied) -> Self {
        let closing = Box::pin(tied.app.closing.clone().cancelled_owned());
        Self { tied, after: 0, done: false, closing }
    }

    /// What comes next; nothing after the end, or when the realm goes down.
    async fn hear(&mut self) -> Option<Vec<Heard>> {
        if self.done {
            return None;
        }
        let heard = tokio::select! {
            heard = self.tied.stream.hear_after(self.after) => heard,
            () = &mut self.closing => return None,
        };
        let last = heard.last()?;
        self.after = last.sequence;
        if last.is_end() {
            self.done = true;
            self.tied.set_ended();
        }
        Some(heard)
    }

    /// The whole answer so far.
    fn answer(&self) -> String {
        self.tied.stream.answer().0
    }
}

fn no_events() -> Problem {
    Problem::new(ProblemKind::Internal, "the job has no events")
}

fn completed(end: Body) -> Result<Completed, Problem> {
    match end {
        Body::JobCompleted(completed) => Ok(completed),
        Body::JobFailed(failed) => Err(failed.problem),
        _ => Err(cancelled_elsewhere()),
    }
}

fn cancelled_elsewhere() -> Problem {
    Problem::new(ProblemKind::Cancelled, "it was cancelled through another interface")
}

/// One server-sent event.
fn data(value: &impl serde::Serialize) -> String {
    let mut out = Vec::new();
    write_data(&mut out, value);
    String::from_utf8(out).unwrap_or_default()
}

/// Writes one server-sent event.
fn write_data(out: &mut Vec<u8>, value: &impl serde::Serialize) {
    out.extend(b"data: ");
    // Neither can the types that come here fail to be written, nor can memory fail to take them.
    let _ = serde_json::to_writer(&mut *out, value);
    out.extend(b"\n\n");
}
