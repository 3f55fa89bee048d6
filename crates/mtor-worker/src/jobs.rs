//! The jobs that this worker holds: starting them, stopping them, and never more at once than it has slots.
//!
//! A job that the broker stopped may need a moment to end, and the broker may fill its slot in that moment. Such a
//! newcomer waits here until the slot is free in truth. Anything beyond that is refused.

use std::any::Any;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use mtor_protocol::worker::{Done, Run, WorkFailed};
use mtor_protocol::{Announcement, Body, CapabilityKind, JobId, Problem, ProblemKind, Usage};
use tokio::sync::mpsc::OwnedPermit;
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::Message;
use tokio_util::sync::CancellationToken;

use crate::link::{LinkError, Voice};
use crate::output::Output;
use crate::worker::{Finished, Job, JobError, Stopped, Worker};

/// All jobs of one session.
pub(crate) struct Jobs<W> {
    worker: Arc<W>,
    voice: Voice,
    /// How long a cancelled job may go on.
    stop_grace: Duration,
    tasks: JoinSet<Ended>,
    held: HashMap<u64, Held>,
    slots: BTreeMap<CapabilityKind, Slots>,
    /// Accepted, and waiting for a stopped job to make room. Never longer than the slots are many.
    waiting: VecDeque<(CapabilityKind, Job)>,
    /// The parent of every job's token.
    all: CancellationToken,
    /// Why no new job is taken, once none is.
    closed: Option<&'static str>,
}

/// What is known of a job that was accepted and has not ended.
struct Held {
    kind: CapabilityKind,
    cancelled: CancellationToken,
    /// The broker stopped it, so that it counts against no slot any more.
    stopped: bool,
}

#[derive(Default)]
struct Slots {
    /// As announced.
    max: u32,
    /// Accepted jobs that the broker has not stopped: what its own count should be.
    taken: u32,
    /// Tasks that run.
    running: u32,
}

/// What the task of a job leaves behind: its last frame, and a place in the queue for it. The frame is sent only when
/// the slot is free again, lest the broker's next job be faster than our own bookkeeping.
pub(crate) struct Ended {
    lease: u64,
    last: Option<(OwnedPermit<Message>, Message)>,
}

impl<W: Worker> Jobs<W> {
    pub(crate) fn new(worker: Arc<W>, voice: Voice, stop_grace: Duration) -> Self {
        Self {
            worker,
            voice,
            stop_grace,
            tasks: JoinSet::new(),
            held: HashMap::new(),
            slots: BTreeMap::new(),
            waiting: VecDeque::new(),
            all: CancellationToken::new(),
            closed: None,
        }
    }

    /// Takes over the slots of a new announcement. Jobs that run stay.
    pub(crate) fn announced(&mut self, announcement: &Announcement) {
        self.slots.values_mut().for_each(|slots| slots.max = 0);
        for offer in &announcement.offers {
            let slots = self.slots.entry(offer.capability.clone()).or_default();
            slots.max = slots.max.saturating_add(offer.slots);
        }
        self.slots.retain(|_, slots| slots.max > 0 || slots.taken > 0 || slots.running > 0);
        self.start_waiting();
    }

    /// Starts a job, or refuses it.
    pub(crate) async fn run(&mut self, id: JobId, run: Run) -> Result<(), LinkError> {
        let kind = run.intent.task.kind();
        let lease = run.lease;
        if self.held.contains_key(&lease) {
            tracing::warn!(job = %id, lease, "the broker repeats an assignment; it is ignored");
            return Ok(());
        }
        if let Some(objection) = self.objection(&kind) {
            return self.refuse(id, lease, objection).await;
        }
        let slots = self.slots.entry(kind.clone()).or_default();
        slots.taken += 1;
        let may_start = slots.running < slots.max;
        let cancelled = self.all.child_token();
        self.held.insert(lease, Held { kind: kind.clone(), cancelled: cancelled.clone(), stopped: false });
        let Run { intent, prefix, output_tokens_max, deadline, .. } = run;
        let job = Job { id, lease, intent, prefix, output_tokens_max, deadline, cancelled };
        if may_start {
            self.start(&kind, job);
        } else {
            self.waiting.push_back((kind, job));
        }
        Ok(())
    }

    /// Why no job of this kind is taken now.
    fn objection(&self, kind: &CapabilityKind) -> Option<JobError> {
        let elsewhere = |kind, detail| Some(JobError { retry: true, ..JobError::refused(kind, detail) });
        if let Some(reason) = self.closed {
            return elsewhere(ProblemKind::Draining, reason.to_owned());
        }
        match self.slots.get(kind) {
            Some(slots) if slots.taken < slots.max => None,
            Some(Slots { max, .. }) if *max > 0 => elsewhere(
                ProblemKind::TooManyRequests,
                format!("this worker has {max} slots for {kind}, all taken"),
            ),
            _ => elsewhere(ProblemKind::NoWorker, format!("this worker does not offer {kind}")),
        }
    }

    /// Tells the broker that a job can't be done, without trying it.
    pub(crate) async fn refuse(&self, id: JobId, lease: u64, error: JobError) -> Result<(), LinkError> {
        tracing::warn!(job = %id, lease, reason = %error, "job refused");
        self.voice.say(Some(id), failed(lease, error)).await
    }

    /// Cancels the job of this lease, at once.
    pub(crate) async fn stop(&mut self, lease: u64) -> Result<(), LinkError> {
        let Some(held) = self.held.get_mut(&lease).filter(|held| !held.stopped) else {
            tracing::debug!(lease, "asked to stop a job that has ended");
            return Ok(());
        };
        held.stopped = true;
        held.cancelled.cancel();
        if let Some(slots) = self.slots.get_mut(&held.kind) {
            slots.taken -= 1;
        }
        let Some(place) = self.waiting.iter().position(|(_, job)| job.lease == lease) else { return Ok(()) };
        self.held.remove(&lease);
        match self.waiting.remove(place) {
            Some((_, job)) => self.voice.say(Some(job.id), failed(lease, JobError::from(Stopped))).await,
            None => Ok(()),
        }
    }

    /// Takes no new jobs from here on.
    pub(crate) fn close(&mut self, reason: &'static str) {
        self.closed.get_or_insert(reason);
    }

    /// Cancels all jobs; each is reported as one that another worker may do. Says whether this is the first time.
    pub(crate) fn cancel_all(&mut self) -> bool {
        let first = !self.all.is_cancelled();
        self.all.cancel();
        // Those that wait need no room any more: their tasks end before the worker sees them.
        while let Some((kind, job)) = self.waiting.pop_front() {
            self.start(&kind, job);
        }
        first
    }

    /// Whether no job is held.
    pub(crate) fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// Waits until no job is held. What the last ones say is lost if the link is.
    pub(crate) async fn all_ended(&mut self) {
        while !self.is_empty() {
            match self.next_ended().await {
                Ok(ended) => self.ended(ended),
                // Its lease is not known, so that waiting for it would never end; the set drops what is left.
                Err(_) => return,
            }
        }
    }

    /// Waits until a job ends; for ever, while there is none.
    ///
    /// Cancel safe.
    pub(crate) async fn next_ended(&mut self) -> Result<Ended, LinkError> {
        match self.tasks.join_next().await {
            Some(ended) => ended.map_err(|error| LinkError::Lost(format!("a job's task broke: {error}"))),
            None => std::future::pending().await,
        }
    }

    /// Frees the slot of a job that ended, and then tells the broker.
    pub(crate) fn ended(&mut self, ended: Ended) {
        if let Some(held) = self.held.remove(&ended.lease)
            && let Some(slots) = self.slots.get_mut(&held.kind)
        {
            slots.running -= 1;
            slots.taken -= u32::from(!held.stopped);
        }
        if let Some((place, frame)) = ended.last {
            place.send(frame);
        }
        self.start_waiting();
    }

    /// Starts those that waited for a free slot, the oldest first.
    fn start_waiting(&mut self) {
        while let Some(place) = self.waiting.iter().position(|(kind, _)| self.has_free_slot(kind))
            && let Some((kind, job)) = self.waiting.remove(place)
        {
            self.start(&kind, job);
        }
    }

    fn has_free_slot(&self, kind: &CapabilityKind) -> bool {
        self.slots.get(kind).is_some_and(|slots| slots.running < slots.max)
    }

    fn start(&mut self, kind: &CapabilityKind, job: Job) {
        if let Some(slots) = self.slots.get_mut(kind) {
            slots.running += 1;
        }
        let (worker, voice, all) = (self.worker.clone(), self.voice.clone(), self.all.clone());
        self.tasks.spawn(run_one(worker, job, voice, all, self.stop_grace));
    }
}

/// One job, from its start to its last frame.
async fn run_one<W: Worker>(
    worker: Arc<W>,
    job: Job,
    voice: Voice,
    all: CancellationToken,
    stop_grace: Duration,
) -> Ended {
    let (id, lease, cancelled) = (job.id, job.lease, job.cancelled.clone());
    let mut output = Output::new(&job, voice.me.to_string(), voice.queue.clone());
    let work = async {
        if cancelled.is_cancelled() {
            return Err(Stopped.into());
        }
        let running = worker.run(job, &mut output);
        tokio::pin!(running);
        tokio::select! {
            biased;
            result = &mut running => return result,
            () = cancelled.cancelled() => {}
        }
        tokio::time::timeout(stop_grace, running).await.unwrap_or_else(|_| Err(Stopped.into()))
    };
    // Whatever the panic left half done belongs to the worker's program, which has to bear that; the output is ours.
    let result =
        AssertUnwindSafe(work).catch_unwind().await.unwrap_or_else(|panic| Err(panicked(id, &*panic)));
    let body = match result {
        Ok(finished) => done(id, lease, finished, &output, &voice),
        Err(error) => {
            let usage = if error.usage == Usage::default() { output.usage(0) } else { error.usage };
            // Stopped by the broker, nobody waits for it. Cancelled because this worker leaves, another should do it.
            let error = if cancelled.is_cancelled() {
                let problem = Problem::new(ProblemKind::Cancelled, "the worker was asked to stop it");
                JobError { problem, retry: all.is_cancelled(), usage }
            } else {
                tracing::warn!(job = %id, lease, reason = %error, retry = error.retry, "job failed");
                JobError { usage, ..error }
            };
            failed(lease, error)
        }
    };
    let frame = voice.frame(Some(id), body);
    let last = voice.queue.reserve_owned().await.ok().map(|place| (place, frame));
    Ended { lease, last }
}

fn done(id: JobId, lease: u64, finished: Finished, output: &Output, voice: &Voice) -> Body {
    let Finished { usage, finish } = finished;
    let digest = output.digest();
    let signature = voice.keypair.sign(Done::signing_text(id, lease, &digest, &usage).as_bytes()).to_string();
    Body::WorkerDone(Done { lease, usage, finish, output: digest, signature })
}

fn failed(lease: u64, error: JobError) -> Body {
    let JobError { problem, retry, usage } = error;
    Body::WorkerFailed(WorkFailed { lease, problem, usage, retry })
}

/// The message of a panic may quote the job's text: it goes to this worker's log, and not over the wire.
fn panicked(id: JobId, panic: &(dyn Any + Send)) -> JobError {
    let said = panic.downcast_ref::<&str>().copied().or(panic.downcast_ref::<String>().map(String::as_str));
    tracing::error!(job = %id, panic = said.unwrap_or("(no text)"), "the worker panicked in a job");
    JobError::failed("the worker's program panicked; its log says where")
}

#[cfg(test)]
mod tests;
