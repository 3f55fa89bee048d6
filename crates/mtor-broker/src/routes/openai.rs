//! OpenAI's routes, so that what people already use works here: chat, embeddings, models.

mod chat;
mod embeddings;
mod models;

use std::sync::Arc;

use mtor_protocol::{Intent, JobId, Problem, ProblemKind, Submit};

use super::reply::OpenAiRefusal;
use crate::app::{App, Wallet};
use crate::jobs::TakenJob;
use crate::stream::JobStream;

pub(super) use chat::chat;
pub(super) use embeddings::embeddings;
pub(super) use models::{model, models};

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
    async fn submit(app: Arc<App>, wallet: Wallet, intent: Intent) -> Result<Self, Problem> {
        let TakenJob { id, stream, .. } = app.take(&wallet, Submit::new(intent)).await?;
        let gone = || Problem::new(ProblemKind::Internal, "the job has no events");
        Ok(Self { stream: stream.ok_or_else(gone)?, app, wallet, id, ended: false })
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
