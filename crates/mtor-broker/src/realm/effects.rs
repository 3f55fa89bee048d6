//! Does what the core has decided: entries to the ledger, assignments to the workers' links, events to the jobs'
//! streams, answers to those who wait.

use std::sync::Arc;

use mtor_core::trust::Check;
use mtor_core::{Fact, KeyDecision, Outcome, Output, Ticket, WorkerId};
use mtor_ledger::{Record, ResultRecord};
use mtor_protocol::body::{Accepted, Assigned, Cancelled, Completed, Failed, FlowStep, Queued};
use mtor_protocol::http::JobState;
use mtor_protocol::worker::{Run, Stop};
use mtor_protocol::{
    AccountId, Body, Digest, Event, FinishReason, Intent, JobId, Micro, Problem, ProblemKind, Timestamp,
    Usage,
};
use tokio::sync::oneshot;

use super::{Answer, OpenJob, RealmTask, Reply, Taken, Todo, Told, Waiter};
use crate::audit::Answered;
use crate::defaults::PREVIEW_CHARS;
use crate::flow::Step;
use crate::key_ring::KeyRing;
use crate::memory;
use crate::stream::JobStream;
use crate::streams::Streams;

/// What is done when the journal has the entries before it.
pub(super) enum AfterCommit {
    /// The job is taken, which somebody may wait to hear.
    Taken(Arc<JobStream>, Option<Waiting>),
    /// The job was taken before.
    Known(oneshot::Sender<Result<Reply, Problem>>),
    /// It is done.
    Done(oneshot::Sender<Result<Answer, Problem>>),
    /// Keys of a wallet have changed.
    Keys(Arc<KeyRing>, Timestamp, AccountId, KeyDecision),
    /// It is recorded.
    Recorded(oneshot::Sender<()>),
    /// The job has ended, which somebody may wait to hear.
    Ended(Arc<JobStream>, Timestamp, Box<Body>, Arc<Streams>, Option<Waiting>),
}

/// Whoever has submitted a job.
type Waiting = oneshot::Sender<Result<Reply, Problem>>;

impl AfterCommit {
    /// Does it. Whoever asked may have gone; then nobody is told.
    pub(super) fn run(self) {
        match self {
            Self::Taken(stream, reply) => {
                stream.open();
                tell_taken(reply);
            }
            Self::Known(reply) => drop(reply.send(Ok(Reply::Taken(Taken::Known)))),
            Self::Done(reply) => drop(reply.send(Ok(Answer::Done))),
            Self::Keys(keys, time, account, decision) => keys.learn(time, account, decision),
            Self::Recorded(reply) => drop(reply.send(())),
            Self::Ended(stream, time, body, streams, reply) => {
                stream.end(time, *body);
                streams.remove(stream.job);
                tell_taken(reply);
            }
        }
    }
}

fn tell_taken(waiting: Option<Waiting>) {
    if let Some(reply) = waiting {
        let _ = reply.send(Ok(Reply::Taken(Taken::New)));
    }
}

impl RealmTask {
    pub(super) fn effects(&mut self, now: Timestamp, todo: &mut Todo) {
        let mut outputs = std::mem::take(&mut self.outputs);
        for output in outputs.drain(..) {
            self.effect(now, output, todo);
        }
        // Kept for its room.
        self.outputs = outputs;
    }

    fn effect(&mut self, now: Timestamp, output: Output, todo: &mut Todo) {
        match output {
            Output::Journal(entry) => {
                if let Fact::Keys { account, decision, .. } = entry.fact {
                    let keys = self.keys.clone();
                    todo.after.push(AfterCommit::Keys(keys, entry.time, account, decision));
                }
                todo.batch.entries.push(entry);
            }
            Output::Accepted { ticket, job, hold, deadline } => {
                self.accepted(now, ticket, job, (hold, deadline), todo)
            }
            Output::Known { ticket, .. } => {
                if let Some(Waiter::Submit(_, reply)) = self.waiters.remove(&ticket) {
                    todo.after.push(AfterCommit::Known(reply));
                }
            }
            Output::Refused { ticket, problem } => self.refused(ticket, problem),
            Output::Done { ticket } => {
                if let Some(Waiter::Ask(record, reply)) = self.waiters.remove(&ticket) {
                    todo.batch.records.extend(record);
                    todo.after.push(AfterCommit::Done(reply));
                }
            }
            Output::Queued { job, position, eta_ms } => {
                if let Some(open) = self.open.get(&job) {
                    open.stream.revoke();
                    open.stream.push(now, Body::JobQueued(Queued { position, eta_ms }));
                }
            }
            Output::Assign { job, worker, offer, lease, attempt, rival, output_tokens_max, deadline } => {
                let hops = self.hops(worker, job);
                let run = |intent, prefix, parts| Run {
                    lease,
                    intent,
                    prefix,
                    parts,
                    output_tokens_max,
                    deadline,
                    hops,
                };
                self.assign(now, job, (worker, offer), attempt, (lease, rival), run);
            }
            Output::Alone { job, lease } => {
                if let Some(open) = self.open.get(&job) {
                    open.stream.alone(lease);
                }
            }
            Output::Stop { job, worker, lease } => {
                if let Some(link) = self.links.get(&worker) {
                    link.send(&Event::about(&*self.source, now, job, Body::WorkerStop(Stop { lease })));
                }
            }
            Output::Stale { worker, job } => {
                tracing::debug!(worker = worker.0, %job, "a report on a job that the worker does not have (any more)");
            }
            Output::Settled { job, outcome, usage, cost, receipt, problem, time, account } => {
                let settlement = Settlement { outcome, usage, cost, receipt, problem, time };
                self.settled(job, account, settlement, todo);
            }
            Output::Priced(notes) => todo.batch.records.push(Record::Prices(notes)),
            Output::Answered { job, worker, check } => self.answered(job, worker, check),
            Output::Dismiss { worker, problem } => {
                if let Some(link) = self.links.remove(&worker) {
                    tracing::warn!(worker = worker.0, %problem, "dismissed");
                    link.send(&Event::new(&*self.source, now, Body::Error(problem)));
                    link.dismissed.cancel();
                }
            }
        }
    }

    fn accepted(
        &mut self,
        now: Timestamp,
        ticket: Ticket,
        job: JobId,
        (hold, deadline): (Micro, Timestamp),
        todo: &mut Todo,
    ) {
        let Some(Waiter::Submit(submission, reply)) = self.waiters.remove(&ticket) else { return };
        let (stream, intent) = (submission.stream.clone(), submission.intent.clone());
        let memory_key = submission.memory_key;
        stream.push(now, Body::JobAccepted(Accepted { hold, deadline }));
        if let Some(known) = &submission.remembered {
            stream.recall(now, &known.text, known.usage.output_tokens);
        }
        self.streams.insert(stream.clone());
        self.metrics.submitted.inc();
        self.tell(job, stream.account, &intent, FlowStep::Submitted, None);
        let (now_told, told_later) = match submission.told {
            Told::WhenTaken => (Some(reply), None),
            Told::AtTheEnd => (None, Some(reply)),
        };
        todo.batch.records.push(Record::Request(Box::new(submission.into_request(now, hold))));
        self.open.insert(job, OpenJob { stream: stream.clone(), intent, reply: told_later, memory_key });
        todo.after.push(AfterCommit::Taken(stream, now_told));
    }

    fn refused(&mut self, ticket: Ticket, problem: Problem) {
        self.metrics.refused.inc();
        match self.waiters.remove(&ticket) {
            Some(Waiter::Submit(_, reply)) => drop(reply.send(Err(problem))),
            Some(Waiter::Ask(_, reply)) => drop(reply.send(Err(problem))),
            None => {}
        }
    }

    fn assign(
        &self,
        now: Timestamp,
        job: JobId,
        (worker, offer): (WorkerId, u16),
        attempt: u32,
        (lease, rival): (u64, bool),
        run: impl FnOnce(Arc<Intent>, String, u32) -> Run,
    ) {
        let (Some(open), Some(link)) = (self.open.get(&job), self.links.get(&worker)) else { return };
        open.stream.give(lease, worker);
        let prefix = if rival { open.stream.rival(lease) } else { open.stream.lease(lease) };
        let name = self.realm.worker_name(worker).map_or_else(String::new, |(name, _)| name.to_owned());
        let model = self.realm.offer_model(worker, offer).unwrap_or_default().to_owned();
        self.tell(job, open.stream.account, &open.intent, FlowStep::Assigned, Some(name.clone()));
        let assigned = Assigned { worker: name, did: link.did.clone(), model: model.clone(), attempt };
        open.stream.push(now, Body::JobAssigned(assigned));
        let mut run = run(open.intent.clone(), prefix, open.stream.parts_count());
        if !run.hops.is_empty() {
            // A peer is told which of its offers is meant: each has its own price.
            run.intent = Arc::new(Intent { model, ..Intent::clone(&open.intent) });
        }
        link.send(&Event::leased(&*self.source, now, job, lease, Body::WorkerRun(run)));
        if open.stream.input.is_some() {
            self.tasks.spawn(link.clone().feed(open.stream.clone(), lease));
        }
    }

    /// Where a job has come through, this realm last, if it goes to a peer; else that is nobody's business.
    fn hops(&self, worker: WorkerId, job: JobId) -> Vec<AccountId> {
        let Some(before) = self.realm.hops_to(worker, job) else { return Vec::new() };
        before.iter().copied().chain([self.account]).collect()
    }

    /// Somebody compares it, unless there are too many already.
    fn answered(&self, job: JobId, worker: AccountId, check: Check) {
        let Some(open) = self.open.get(&job) else { return };
        // Set once: a job is settled once.
        let _ = open.stream.answered_by.set(worker);
        let answered = Answered { stream: open.stream.clone(), intent: open.intent.clone(), check };
        if check != Check::None && self.answers.try_send(answered).is_err() {
            tracing::debug!(%job, "an answer is not compared: too many are already");
        }
    }

    fn settled(&mut self, job: JobId, account: AccountId, settlement: Settlement, todo: &mut Todo) {
        let Some(open) = self.open.remove(&job) else { return };
        let stream = open.stream;
        stream.close();
        let (text, output) = stream.answer();
        let finish = settlement.finish();
        let workers = stream.workers();
        let (state, body, step) = settlement.told(finish, output, &workers);
        let remembered = memory::is_from_it(state, &workers);
        // What workers read and wrote is counted; of this, nothing.
        let used = if remembered { Usage::default() } else { settlement.usage };
        self.metrics.settled(state, used, settlement.cost);
        if let Some(key) = open.memory_key.filter(|_| finish == Some(FinishReason::Stop) && !remembered) {
            self.memory.learn(key, job);
        }
        self.tell(job, account, &open.intent, step, None);
        let problem = match &body {
            Body::JobFailed(failed) => Some(failed.problem.clone()),
            _ => None,
        };
        todo.batch.records.push(Record::Result(Box::new(ResultRecord {
            job,
            state,
            answer: text.chars().take(PREVIEW_CHARS).collect(),
            text,
            parts: stream.parts(),
            output: (state == JobState::Completed).then_some(output),
            finish,
            usage: settlement.usage,
            cost: settlement.cost,
            problem,
            receipt_json: settlement.receipt.and_then(|committed| stream.receipt(committed)),
            workers,
            sequence: stream.last_sequence() + 1,
            settled: settlement.time,
        })));
        let streams = self.streams.clone();
        todo.after.push(AfterCommit::Ended(stream, settlement.time, Box::new(body), streams, open.reply));
    }

    /// Tells those who watch the realm, if anybody does.
    fn tell(&self, job: JobId, account: AccountId, intent: &Intent, step: FlowStep, worker: Option<String>) {
        if self.flow.receiver_count() > 0 {
            let capability = intent.task.kind();
            // Fails when the last watcher has just gone.
            let _ = self.flow.send(Step { job, account, capability, step, worker });
        }
    }
}

struct Settlement {
    outcome: Outcome,
    usage: Usage,
    cost: Micro,
    receipt: Option<Digest>,
    problem: Option<Problem>,
    time: Timestamp,
}

impl Settlement {
    fn finish(&self) -> Option<FinishReason> {
        match self.outcome {
            Outcome::Stop => Some(FinishReason::Stop),
            Outcome::Length => Some(FinishReason::Length),
            Outcome::Failed | Outcome::Cancelled | Outcome::Expired => None,
        }
    }

    /// The job's last state, event and step.
    fn told(
        &self,
        finish: Option<FinishReason>,
        output: mtor_protocol::Digest,
        workers: &[String],
    ) -> (JobState, Body, FlowStep) {
        let cost = self.cost;
        match (finish, self.outcome) {
            (Some(finish), _) => {
                let state = JobState::Completed;
                let from_memory = memory::is_from_it(state, workers);
                let (usage, settled) = (self.usage, self.time);
                let completed = Completed { usage, cost, finish, output, settled, from_memory };
                (state, Body::JobCompleted(completed), FlowStep::Completed)
            }
            (None, Outcome::Cancelled) => {
                (JobState::Cancelled, Body::JobCancelled(Cancelled { cost }), FlowStep::Cancelled)
            }
            (None, _) => {
                let problem =
                    self.problem.clone().unwrap_or_else(|| Problem::new(ProblemKind::WorkerFailed, ""));
                (JobState::Failed, Body::JobFailed(Failed { problem, cost }), FlowStep::Failed)
            }
        }
    }
}
