//! How the rest of the broker speaks to the realm's task.

use std::pin::pin;
use std::sync::Arc;

use mtor_core::{Input, NewJob, Realm, Ticket};
use mtor_ledger::{Ledger, QueryError, Record, RequestRecord, Salt};
use mtor_protocol::{AccountId, Did, Digest, Intent, JobId, Micro, Problem, ProblemKind, Timestamp};
use tokio::sync::{broadcast, mpsc, oneshot, watch};

use super::{Command, unwritable};
use crate::defaults::COMMIT_PATIENCE;
use crate::flow::Step;
use crate::link::Link;
use crate::memory::{Memory, Remembered};
use crate::stream::JobStream;
use crate::streams::Streams;

/// A job on its way into the realm, with everything that is kept of it.
pub struct Submission {
    /// What the core needs to know.
    pub job: NewJob,
    /// Where its events will go.
    pub stream: Arc<JobStream>,
    /// What is asked.
    pub intent: Arc<Intent>,
    /// The request as it was committed to.
    pub request_json: String,
    /// The wallet's signature under it, if it has one.
    pub order_json: Option<String>,
    /// The salt of its commitments.
    pub salt: Salt,
    /// Whose it is.
    pub did: Did,
    /// The first words of the question.
    pub question: String,
    /// Whether the ledger was asked for the id already.
    pub not_forgotten: bool,
    /// Whose workers it may go to.
    pub asked: Asked,
    /// The key under which its answer will be remembered, if it will.
    pub memory_key: Option<Digest>,
    /// The answer, when it is there already.
    pub remembered: Option<Remembered>,
    /// When whoever submits it hears that it is taken.
    pub told: Told,
}

/// When whoever submits a job hears that it is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// As soon as it is durable.
    WhenTaken,
    /// When it has ended: who waits for the end alone need not be woken before.
    AtTheEnd,
}

/// Whose workers a job may go to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// Anybody's.
    Anybody,
    /// Of none of these: the realm asks again what a client has asked, and they have answered.
    Others(Vec<AccountId>),
    /// Of this account: the realm knows the answer.
    Only(AccountId),
}

impl Submission {
    /// What the ledger keeps of it.
    pub(super) fn into_request(self, submitted: Timestamp, hold: Micro) -> RequestRecord {
        let Self { job, did, request_json, order_json, question, salt, .. } = self;
        RequestRecord {
            job: job.id,
            account: job.account,
            did,
            capability: job.capability,
            model: job.model,
            class: job.class,
            privacy: job.privacy,
            submitted,
            deadline: job.deadline,
            hold,
            request_json,
            order_json,
            question,
            salt,
        }
    }
}

/// Whether a job is new to the realm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// Now it is in the ledger.
    New,
    /// The same job was taken before.
    Known,
}

/// What the realm's task answers to a submission that it does not refuse.
pub(crate) enum Reply {
    /// It is taken.
    Taken(Taken),
    /// Its id may have been used long ago: ask the ledger, and try again.
    Unsure(Box<Submission>),
}

/// What the realm is asked, with a yes or a no as the answer.
pub(crate) struct Question {
    /// The input, for a reply with this ticket.
    pub(crate) input: Box<dyn FnOnce(Ticket) -> Input + Send>,
    /// What is stored with it, if the answer is yes.
    pub(crate) record: Option<Record>,
    /// Set when it may be asked only once.
    pub(crate) once: Option<Once>,
}

/// The name of something that is done once, however often it is asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Once {
    pub(crate) id: JobId,
    /// What the ledger's entry under this id commits to, if it is the same request.
    pub(crate) request: Digest,
}

/// What the realm's task answers to a question that it does not refuse.
pub(crate) enum Answer {
    /// It is done.
    Done,
    /// Its id may have been used long ago: ask the ledger, and try again.
    Unsure(Question),
}

/// The realm's task has ended: the broker is going down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the realm is going down")]
pub struct RealmGone;

impl From<RealmGone> for Problem {
    fn from(_: RealmGone) -> Self {
        Self::new(ProblemKind::Draining, "ask again when it is back").retry_after_s(5)
    }
}

/// The way to the realm's task. Cheap to clone.
#[derive(Clone)]
pub struct RealmHandle {
    commands: mpsc::Sender<Command>,
    /// The streams of open jobs.
    pub streams: Arc<Streams>,
    flow: broadcast::Sender<Step>,
    revision: watch::Sender<u64>,
    /// What is durable.
    pub ledger: Arc<Ledger>,
    /// Which requests were answered by which jobs.
    pub(crate) memory: Arc<Memory>,
}

impl RealmHandle {
    pub(super) fn new(
        commands: mpsc::Sender<Command>,
        streams: Arc<Streams>,
        flow: broadcast::Sender<Step>,
        revision: watch::Sender<u64>,
        ledger: Arc<Ledger>,
    ) -> Self {
        Self { commands, streams, flow, revision, ledger, memory: Arc::default() }
    }

    /// Submits a job; answers when it is durable, or has ended ([`Told`]).
    ///
    /// # Errors
    /// Why it is refused.
    pub async fn submit(&self, submission: Submission) -> Result<Taken, Problem> {
        match self.try_submit(submission).await? {
            Reply::Taken(taken) => Ok(taken),
            Reply::Unsure(submission) => self.submit_old_id(*submission).await,
        }
    }

    async fn try_submit(&self, submission: Submission) -> Result<Reply, Problem> {
        let (reply, answer) = oneshot::channel();
        let (id, account, stream) = (submission.job.id, submission.job.account, submission.stream.clone());
        self.send(Command::Submit(Box::new(submission), reply)).await?;
        let mut answer = pin!(answer);
        match tokio::time::timeout(COMMIT_PATIENCE, answer.as_mut()).await {
            Ok(answered) => answered.map_err(|_| RealmGone)?,
            // It is durable, and only its end is waited for.
            Err(_) if stream.is_open() => answer.await.map_err(|_| RealmGone)?,
            Err(_) => {
                // Nobody was told that it is taken, so nobody shall pay for it either.
                self.input(Input::Cancel { ticket: Ticket::NOBODY, job: id, account }).await?;
                Err(unwritable().about(id))
            }
        }
    }

    /// An id that may have been used long ago is looked for in the ledger, since the core remembers only the latest.
    async fn submit_old_id(&self, mut submission: Submission) -> Result<Taken, Problem> {
        let (id, request) = (submission.job.id, submission.job.request);
        match self.ledger_read(move |ledger| ledger.known_id(id)).await? {
            Some(known) if known == request => Ok(Taken::Known),
            Some(_) => {
                Err(Problem::new(ProblemKind::Conflict, format!("job {id} is another request")).about(id))
            }
            None => {
                submission.not_forgotten = true;
                match self.try_submit(submission).await? {
                    Reply::Taken(taken) => Ok(taken),
                    Reply::Unsure(_) => Err(RealmGone.into()),
                }
            }
        }
    }

    /// Asks for something with a yes or a no; answers when it is durable.
    ///
    /// # Errors
    /// Why it is refused.
    pub async fn ask(&self, input: impl FnOnce(Ticket) -> Input + Send + 'static) -> Result<(), Problem> {
        self.question(Question { input: Box::new(input), record: None, once: None }).await.map(drop)
    }

    /// The same for something that has an id of its own, and is done once, however often it is asked for. With a yes,
    /// `record` is stored.
    ///
    /// # Errors
    /// Why it is refused.
    pub(crate) async fn ask_once(
        &self,
        once: Once,
        record: Option<Record>,
        input: impl FnOnce(Ticket) -> Input + Send + 'static,
    ) -> Result<(), Problem> {
        let question = Question { input: Box::new(input), record, once: Some(once) };
        let Answer::Unsure(mut question) = self.question(question).await? else { return Ok(()) };
        match self.ledger_read(move |ledger| ledger.known_id(once.id)).await? {
            Some(known) if known == once.request => Ok(()),
            Some(_) => {
                let detail = format!("{} is another request", once.id);
                Err(Problem::new(ProblemKind::Conflict, detail))
            }
            None => {
                question.once = None;
                self.question(question).await.map(drop)
            }
        }
    }

    async fn question(&self, question: Question) -> Result<Answer, Problem> {
        let (reply, answer) = oneshot::channel();
        self.send(Command::Ask(question, reply)).await?;
        match tokio::time::timeout(COMMIT_PATIENCE, answer).await {
            Ok(answered) => answered.map_err(|_| RealmGone)?,
            Err(_) => Err(unwritable()),
        }
    }

    /// Says that something happened.
    ///
    /// # Errors
    /// When the realm is going down.
    pub async fn input(&self, input: Input) -> Result<(), RealmGone> {
        self.send(Command::Input(input)).await
    }

    /// Attaches a worker.
    ///
    /// # Errors
    /// When the realm is going down.
    pub async fn join(&self, link: Link, input: Input) -> Result<(), RealmGone> {
        self.send(Command::Join(link, input)).await
    }

    /// Looks at the realm.
    ///
    /// # Errors
    /// When the realm is going down.
    pub async fn view<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Realm) -> T + Send + 'static,
    ) -> Result<T, RealmGone> {
        let (reply, answer) = oneshot::channel();
        // Whoever asked may have gone.
        let look = Box::new(move |realm: &Realm| drop(reply.send(look(realm))));
        self.send(Command::View(look)).await?;
        answer.await.map_err(|_| RealmGone)
    }

    /// Writes a record to the side tables; answers when it is durable.
    ///
    /// # Errors
    /// When the realm is going down.
    pub async fn record(&self, record: Record) -> Result<(), RealmGone> {
        let (reply, done) = oneshot::channel();
        self.send(Command::Record(record, reply)).await?;
        done.await.map_err(|_| RealmGone)
    }

    /// Reads from the ledger, off the threads that serve.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub async fn ledger_read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Ledger) -> Result<T, QueryError> + Send + 'static,
    ) -> Result<T, Problem> {
        let ledger = self.ledger.clone();
        let result = tokio::task::spawn_blocking(move || read(&ledger)).await;
        let internal = |error: String| {
            tracing::error!(%error, "the ledger could not be read");
            Problem::new(ProblemKind::Internal, "the ledger could not be read; see the realm's log")
        };
        result.map_err(|error| internal(error.to_string()))?.map_err(|error| internal(error.to_string()))
    }

    /// Steps of jobs from now on.
    pub fn watch_flow(&self) -> broadcast::Receiver<Step> {
        self.flow.subscribe()
    }

    /// Tells a step that the core does not see.
    pub fn tell(&self, step: Step) {
        if self.flow.receiver_count() > 0 {
            // Fails when the last watcher has just gone.
            let _ = self.flow.send(step);
        }
    }

    /// Changes whenever something happened in the realm.
    pub fn watch_revision(&self) -> watch::Receiver<u64> {
        self.revision.subscribe()
    }

    async fn send(&self, command: Command) -> Result<(), RealmGone> {
        self.commands.send(command).await.map_err(|_| RealmGone)
    }
}
