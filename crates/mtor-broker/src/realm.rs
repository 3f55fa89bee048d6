//! The realm's own task. It alone owns the core: commands come in through a bounded queue, the core decides, and what it
//! decides is done in the right order: assignments at once, everything else when the journal has it.

mod effects;
mod handle;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use mtor_core::{Corrupt, Input, Output, Realm, Ticket, WorkerId};
use mtor_ledger::{Batch, Ledger, PartialRecord, Record, Unavailable, answer_commitment};
use mtor_protocol::{AccountId, Did, Digest, Intent, JobId, Problem, ProblemKind, Timestamp};
use tokio::sync::{broadcast, mpsc, oneshot, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::audit::Answered;
use crate::clock;
use crate::defaults;
use crate::flow::Step;
use crate::key_ring::KeyRing;
use crate::link::Link;
use crate::memory::Memory;
use crate::metrics::Metrics;
use crate::stream::JobStream;
use crate::streams::Streams;
use effects::AfterCommit;

pub(crate) use handle::Once;
use handle::{Answer, Question, Reply};
pub use handle::{Asked, RealmGone, RealmHandle, Submission, Taken, Told};

/// What the realm is asked.
pub(crate) enum Command {
    /// Something happened.
    Input(Input),
    /// A worker came, with its link.
    Join(Link, Input),
    /// A client wants something done.
    Submit(Box<Submission>, oneshot::Sender<Result<Reply, Problem>>),
    /// Something with a yes or a no.
    Ask(Question, oneshot::Sender<Result<Answer, Problem>>),
    /// Something that only looks.
    View(Box<dyn FnOnce(&Realm) + Send>),
    /// A record for the side tables, with no decision of the core.
    Record(Record, oneshot::Sender<()>),
}

/// Who waits for which answer.
enum Waiter {
    Submit(Box<Submission>, oneshot::Sender<Result<Reply, Problem>>),
    Ask(Option<Record>, oneshot::Sender<Result<Answer, Problem>>),
}

/// An open job, as the shell needs it.
struct OpenJob {
    stream: Arc<JobStream>,
    intent: Arc<Intent>,
    /// Who hears that it was taken when it has ended.
    reply: Option<oneshot::Sender<Result<Reply, Problem>>>,
    /// The key under which the answer will be remembered, if it will.
    memory_key: Option<Digest>,
}

/// What a number of commands lead to, gathered for one commit.
#[derive(Default)]
struct Todo {
    batch: Batch,
    after: Vec<AfterCommit>,
    changed: bool,
}

/// Why the realm can't go on. It loses nothing: started again, it is rebuilt from the journal.
#[derive(Debug, thiserror::Error)]
pub enum RealmFault {
    /// A decision of its own could not be entered: a fault in this program.
    #[error("the realm contradicts itself: {0}; please report this, and start again")]
    Corrupt(#[from] Corrupt),
    /// The ledger takes no more entries.
    #[error("the ledger takes no more entries: {0}; free some space on the disk, and start again")]
    Ledger(#[from] Unavailable),
}

/// The task's own state.
pub(crate) struct RealmTask {
    realm: Realm,
    source: String,
    /// The account that the realm has with its peers: that of its key.
    account: AccountId,
    ledger: Arc<Ledger>,
    streams: Arc<Streams>,
    metrics: Arc<Metrics>,
    flow: broadcast::Sender<Step>,
    revision: watch::Sender<u64>,
    open: HashMap<JobId, OpenJob>,
    links: HashMap<WorkerId, Link>,
    waiters: HashMap<Ticket, Waiter>,
    next_ticket: u64,
    outputs: Vec<Output>,
    tasks: TaskTracker,
    answers: mpsc::Sender<Answered>,
    keys: Arc<KeyRing>,
    memory: Arc<Memory>,
}

/// What the task is made of.
pub(crate) struct Parts {
    pub(crate) realm: Realm,
    pub(crate) did: Did,
    /// The account that the realm has with its peers.
    pub(crate) account: AccountId,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) streams: Arc<Streams>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) intents: Vec<(JobId, Arc<Intent>)>,
    pub(crate) tasks: TaskTracker,
    /// Where answers go that are to be compared.
    pub(crate) answers: mpsc::Sender<Answered>,
    /// Who has to know which key speaks for which wallet.
    pub(crate) keys: Arc<KeyRing>,
}

impl RealmTask {
    /// The task, and the handle by which the rest of the broker speaks to it.
    pub(crate) fn new(parts: Parts) -> (Self, RealmHandle, mpsc::Receiver<Command>) {
        let (commands, inbox) = mpsc::channel(defaults::REALM_QUEUE_MAX);
        let flow = broadcast::Sender::new(defaults::FLOW_QUEUE_MAX);
        let revision = watch::Sender::new(0);
        let handle = RealmHandle::new(
            commands,
            parts.streams.clone(),
            flow.clone(),
            revision.clone(),
            parts.ledger.clone(),
        );
        let streams = &parts.streams;
        let open = parts.intents.into_iter().filter_map(|(job, intent)| {
            streams.get(job).map(|stream| (job, OpenJob { stream, intent, reply: None, memory_key: None }))
        });
        let task = Self {
            open: open.collect(),
            realm: parts.realm,
            account: parts.account,
            source: parts.did.0,
            ledger: parts.ledger,
            streams: parts.streams,
            metrics: parts.metrics,
            flow,
            revision,
            links: HashMap::new(),
            waiters: HashMap::new(),
            next_ticket: Ticket::NOBODY.0 + 1,
            outputs: Vec::new(),
            tasks: parts.tasks,
            answers: parts.answers,
            keys: parts.keys,
            memory: handle.memory.clone(),
        };
        (task, handle, inbox)
    }

    /// Takes commands until `stop`. Idle, it sleeps: a timer runs only while something is due.
    pub(crate) async fn run(
        mut self,
        mut inbox: mpsc::Receiver<Command>,
        stop: CancellationToken,
    ) -> Result<(), RealmFault> {
        let mut commands = Vec::with_capacity(defaults::REALM_BATCH_MAX);
        let mut save_at: Option<Instant> = None;
        loop {
            let tick_in = self.realm.next_tick().map(|due| Duration::from_millis(due.since_ms(clock::now())));
            let running = !self.open.is_empty();
            save_at =
                running.then(|| save_at.unwrap_or_else(|| Instant::now() + defaults::SAVE_RUNNING_TEXT));
            tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(()),
                count = inbox.recv_many(&mut commands, defaults::REALM_BATCH_MAX) => {
                    if count == 0 {
                        return Ok(());
                    }
                }
                () = sleep_until(save_at) => {
                    save_at = None;
                    self.save_running_text()?;
                    continue;
                }
                () = sleep(tick_in) => commands.push(Command::Input(Input::Tick)),
            }
            self.process(&mut commands)?;
        }
    }

    /// Lets the core decide about a number of commands, and does what follows, with one commit for all of them.
    fn process(&mut self, commands: &mut Vec<Command>) -> Result<(), RealmFault> {
        let now = clock::now();
        let mut todo = Todo::default();
        for command in commands.drain(..) {
            self.command(now, command, &mut todo)?;
        }
        self.effects(now, &mut todo);
        if todo.changed {
            self.revision.send_modify(|revision| *revision += 1);
        }
        self.commit(todo.batch, todo.after)
    }

    fn command(&mut self, now: Timestamp, command: Command, todo: &mut Todo) -> Result<(), RealmFault> {
        let input = match command {
            Command::Input(input) => {
                if let Input::WorkerLeft { worker } = &input {
                    self.links.remove(worker);
                }
                input
            }
            Command::Join(link, input) => {
                self.links.insert(link.worker, link);
                input
            }
            Command::Submit(submission, reply) => {
                if !self.ledger.writable() {
                    // Nobody waits for the answer any more if this fails.
                    let _ = reply.send(Err(unwritable()));
                    return Ok(());
                }
                if !submission.not_forgotten && self.realm.may_be_forgotten(submission.job.id) {
                    let _ = reply.send(Ok(Reply::Unsure(submission)));
                    return Ok(());
                }
                let (job, asked) = (submission.job.clone(), submission.asked.clone());
                let recalled = submission.remembered.as_ref().map(|known| {
                    let output = answer_commitment(&submission.salt, &known.text, known.output);
                    (known.usage, output)
                });
                let ticket = self.wait(Waiter::Submit(submission, reply));
                match (recalled, asked) {
                    (Some((usage, output)), _) => Input::Recall { ticket, job, usage, output },
                    (None, Asked::Anybody) => Input::Submit { ticket, job },
                    (None, Asked::Others(answered)) => Input::Replicate { ticket, job, answered },
                    (None, Asked::Only(account)) => Input::Try { ticket, job, account },
                }
            }
            Command::Ask(question, reply) => {
                if !self.ledger.writable() {
                    let _ = reply.send(Err(unwritable()));
                    return Ok(());
                }
                if question.once.is_some_and(|once| self.realm.may_be_forgotten(once.id)) {
                    let _ = reply.send(Ok(Answer::Unsure(question)));
                    return Ok(());
                }
                let ticket = self.wait(Waiter::Ask(question.record, reply));
                (question.input)(ticket)
            }
            Command::View(look) => {
                look(&self.realm);
                return Ok(());
            }
            Command::Record(record, done) => {
                todo.batch.records.push(record);
                todo.after.push(AfterCommit::Recorded(done));
                return Ok(());
            }
        };
        todo.changed = true;
        Ok(self.realm.handle(now, input, &*self.streams, &mut self.outputs)?)
    }

    fn wait(&mut self, waiter: Waiter) -> Ticket {
        let ticket = Ticket(self.next_ticket);
        self.next_ticket += 1;
        self.waiters.insert(ticket, waiter);
        ticket
    }

    /// Hands a batch to the ledger; what waits for it is done on the ledger's thread as soon as it is durable. A batch
    /// with nothing to write goes the same way, so that no answer overtakes what it depends on.
    fn commit(&self, batch: Batch, after: Vec<AfterCommit>) -> Result<(), RealmFault> {
        if batch == Batch::default() && after.is_empty() {
            return Ok(());
        }
        let done = Box::new(move || after.into_iter().for_each(AfterCommit::run));
        Ok(self.ledger.commit(batch, done)?)
    }

    /// Saves the text of running answers, so that a crash loses at most the words of the last half second.
    fn save_running_text(&self) -> Result<(), RealmFault> {
        let partial = |stream: Arc<JobStream>| {
            let unsaved = stream.unsaved()?;
            let (text, output_tokens, sequence) = (unsaved.text, unsaved.output_tokens, unsaved.sequence);
            Some(Record::Partial(Box::new(PartialRecord { job: stream.job, text, output_tokens, sequence })))
        };
        let records: Vec<Record> = self.streams.all().into_iter().filter_map(partial).collect();
        match self.ledger.writable() {
            true => self.commit(Batch { entries: Vec::new(), records }, Vec::new()),
            false => Ok(()),
        }
    }
}

fn unwritable() -> Problem {
    let detail = "the ledger can't write, most likely because the disk is full; what was accepted is safe. Free some space and ask again";
    Problem::new(ProblemKind::LedgerUnavailable, detail).retry_after_s(10)
}

async fn sleep(duration: Option<Duration>) {
    match duration {
        Some(duration) => tokio::time::sleep(duration).await,
        None => std::future::pending().await,
    }
}

async fn sleep_until(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => std::future::pending().await,
    }
}
