//! What a connection asks of the realm: ordinary jobs of a wallet. They end with whoever asked: when nobody listens any more,
//! they are cancelled.

use std::sync::Arc;

use bytes::Bytes;
use mtor_protocol::http::WorkerInfo;
use mtor_protocol::resolve::{Resolve, Resolved};
use mtor_protocol::{
    Body, Intent, JobId, Micro, Plan, PlanAnswer, PlanAsk, PlanState, Problem, ProblemKind, ServiceClass,
    StepState, Submit, Task,
};
use tokio::sync::watch;

use super::limits::{CONNECT_TIMEOUT, TURN_JOB_MS, WAKE_JOB_MS};
use crate::app::{App, Wallet};
use crate::jobs::TakenJob;
use crate::stream::{Item, JobStream};

/// Somebody who does jobs: the realm, or in tests a realm that is played.
pub(super) trait Ask: Send + Sync + 'static {
    /// Takes a job, with somebody standing there and waiting for it. `agreed` is what they have agreed to pay for it, if they
    /// were asked.
    fn ask(
        &self,
        model: Option<String>,
        task: Task,
        agreed: Option<Micro>,
    ) -> impl Future<Output = Result<Asked, Problem>> + Send;

    /// What a question may cost at most, if that is more than may be spent without asking.
    fn dear(&self, task: &Task) -> impl Future<Output = Option<Micro>> + Send;

    /// Who works here now, and what they offer.
    fn workers(&self) -> impl Future<Output = Vec<WorkerInfo>> + Send;

    /// What some words want.
    fn resolve(&self, asked: Resolve) -> impl Future<Output = Result<Resolved, Problem>> + Send;

    /// Makes a plan of some words, or finds the one of this id, and tells how it stands whenever that changes. What it may
    /// cost unasked is the same as for a question.
    fn plan(&self, ask: PlanAsk) -> impl Future<Output = Result<watch::Receiver<Plan>, Problem>> + Send;

    /// Says yes or no to what a plan asks.
    fn answer_plan(
        &self,
        plan: JobId,
        answer: PlanAnswer,
    ) -> impl Future<Output = Result<watch::Receiver<Plan>, Problem>> + Send;
}

/// A realm, asked by a wallet.
#[derive(Clone)]
pub(super) struct Realm {
    app: Arc<App>,
    wallet: Wallet,
    /// The most that a question may cost without anybody being asked.
    limit: Option<Micro>,
}

impl Realm {
    pub(super) fn new(app: Arc<App>, wallet: Wallet, limit: Option<Micro>) -> Self {
        Self { app, wallet, limit }
    }

    /// The limit of a job: of questions alone, since nobody is asked about what is heard and spoken.
    fn limit_of(&self, task: &Task) -> Option<Micro> {
        self.limit.filter(|_| matches!(task, Task::Chat(_)))
    }
}

impl Ask for Realm {
    async fn ask(&self, model: Option<String>, task: Task, agreed: Option<Micro>) -> Result<Asked, Problem> {
        let input = self.app.input_for(&task);
        let max_price = agreed.or(self.limit_of(&task));
        let timeout_ms = if matches!(task, Task::Wake(_)) { WAKE_JOB_MS } else { TURN_JOB_MS };
        let mut intent = Intent::any_model(task);
        if let Some(model) = model {
            intent.model = model;
        }
        let mut submit = Submit::new(intent);
        submit.class = ServiceClass::Voice;
        submit.timeout_ms = Some(timeout_ms);
        submit.max_price = max_price;
        let TakenJob { id, stream, .. } = self.app.take_with(&self.wallet, submit, input).await?;
        let gone = || Problem::new(ProblemKind::Internal, "the job has no events");
        let (app, wallet) = (self.app.clone(), self.wallet.clone());
        let give_up = move || {
            let tasks = app.tasks.clone();
            tasks.spawn(async move {
                if let Err(problem) = app.cancel(&wallet, id).await {
                    tracing::debug!(job = %id, %problem, "a job that nobody listens to could not be cancelled");
                }
            });
        };
        Ok(Asked::new(stream.ok_or_else(gone)?, give_up))
    }

    async fn dear(&self, task: &Task) -> Option<Micro> {
        let limit = self.limit_of(task)?;
        let submit = Submit { class: ServiceClass::Voice, ..Submit::new(Intent::any_model(task.clone())) };
        // What is wrong with it, the job itself will say.
        let quote = self.app.quote(&self.wallet, submit).await.ok()?;
        Some(quote.max).filter(|most| *most > limit)
    }

    async fn workers(&self) -> Vec<WorkerInfo> {
        // The realm's task has ended: nobody works here any more.
        self.app.realm.view(|realm| realm.worker_infos()).await.unwrap_or_default()
    }

    async fn resolve(&self, asked: Resolve) -> Result<Resolved, Problem> {
        self.app.resolve(&self.wallet, asked).await
    }

    async fn plan(&self, ask: PlanAsk) -> Result<watch::Receiver<Plan>, Problem> {
        let id = ask.id;
        self.app.plan(&self.wallet, PlanAsk { max_price: self.limit, ..ask }).await?;
        self.app.follow_plan(&self.wallet, id).await
    }

    async fn answer_plan(&self, plan: JobId, answer: PlanAnswer) -> Result<watch::Receiver<Plan>, Problem> {
        let mut state = self.app.follow_plan(&self.wallet, plan).await?;
        self.app.answer_plan(&self.wallet, plan, answer).await?;
        // The answer is taken a moment before the plan shows it.
        let heard = |plan: &Plan| match answer.step {
            None => plan.state != PlanState::Proposed,
            Some(at) => plan.steps.get(usize::from(at)).is_none_or(|step| step.state != StepState::Asking),
        };
        let _ = tokio::time::timeout(CONNECT_TIMEOUT, state.wait_for(heard)).await;
        Ok(state)
    }
}

/// A job that was taken. Dropping it before its end cancels it.
pub(super) struct Asked {
    stream: Arc<JobStream>,
    place: u64,
    ended: bool,
    give_up: Option<Box<dyn FnOnce() + Send + Sync>>,
}

/// What a job brings forth.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Piece {
    /// Text of the answer.
    Text(String),
    /// Sound.
    Sound(Bytes),
}

impl Asked {
    pub(super) fn new(stream: Arc<JobStream>, give_up: impl FnOnce() + Send + Sync + 'static) -> Self {
        Self { stream, place: 0, ended: false, give_up: Some(Box::new(give_up)) }
    }

    /// Another hand that feeds it.
    pub(super) fn feeder(&self) -> Feeder {
        Feeder(self.stream.clone())
    }

    /// The next pieces; none at the end.
    ///
    /// # Errors
    /// Why the job failed.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub(super) async fn next(&mut self) -> Result<Vec<Piece>, Problem> {
        let mut pieces = Vec::new();
        while pieces.is_empty() && !self.ended {
            let heard = self.stream.hear_after(self.place).await;
            let Some(last) = heard.last() else {
                self.ended = true;
                break;
            };
            self.place = last.sequence;
            for heard in heard {
                match heard.item {
                    Item::Payload(bytes) => pieces.push(Piece::Sound(bytes)),
                    Item::Event(body) => match body {
                        Body::JobChunk(chunk) => pieces.push(Piece::Text(chunk.text)),
                        Body::JobCompleted(_) => self.ended = true,
                        Body::JobFailed(failed) => {
                            self.ended = true;
                            return Err(failed.problem);
                        }
                        Body::JobCancelled(_) => {
                            self.ended = true;
                            return Err(Problem::new(ProblemKind::Cancelled, ""));
                        }
                        _ => {}
                    },
                }
            }
        }
        Ok(pieces)
    }

    /// The whole text of the answer.
    ///
    /// # Errors
    /// Why the job failed.
    pub(super) async fn text(mut self) -> Result<String, Problem> {
        let mut text = String::new();
        loop {
            let pieces = self.next().await?;
            if pieces.is_empty() {
                return Ok(text);
            }
            for piece in pieces {
                if let Piece::Text(more) = piece {
                    text.push_str(&more);
                }
            }
        }
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        if let Some(give_up) = self.give_up.take().filter(|_| !self.ended) {
            give_up();
        }
    }
}

/// Feeds a job's input.
pub(super) struct Feeder(Arc<JobStream>);

impl Feeder {
    /// More input; nothing is no input.
    ///
    /// # Errors
    /// When the job takes no more.
    pub(super) fn push(&self, bytes: Bytes) -> Result<(), Problem> {
        match &self.0.input {
            Some(input) if !bytes.is_empty() => input.push(bytes),
            _ => Ok(()),
        }
    }

    /// That was all.
    pub(super) fn end(&self) {
        if let Some(input) = &self.0.input {
            input.end();
        }
    }
}
