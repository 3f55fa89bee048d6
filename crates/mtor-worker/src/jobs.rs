//! The jobs that this worker holds: starting them, stopping them, and never more at once than it has slots.
//!
//! A job that the broker stopped may need a moment to end, and the broker may fill its slot in that moment. Such a
//! newcomer waits here until the slot is free in truth. Anything beyond that is refused.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use mtor_protocol::worker::Run;
use mtor_protocol::{Announcement, CapabilityKind, JobId, ProblemKind};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::input::{Feeder, Input};
use crate::link::{LinkError, Voice};
use crate::task::{self, Ended};
use crate::worker::{Job, JobError, Stopped, Worker};

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
    /// Where its binary input goes, until that has ended.
    feeder: Option<Feeder>,
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
        let Run { intent, prefix, parts, output_tokens_max, deadline, hops, .. } = run;
        let intent = Arc::unwrap_or_clone(intent);
        let (feeder, input) = Input::channel(intent.task.input_frames_max());
        let feeder = intent.task.takes_input().then_some(feeder);
        let held = Held { kind: kind.clone(), feeder, cancelled: cancelled.clone(), stopped: false };
        self.held.insert(lease, held);
        let job =
            Job { id, lease, intent, prefix, parts, output_tokens_max, deadline, hops, input, cancelled };
        if may_start {
            self.start(&kind, job);
        } else {
            self.waiting.push_back((kind, job));
        }
        Ok(())
    }

    /// A piece of a job's input; an empty one ends it.
    pub(crate) fn input(&mut self, lease: u64, piece: Bytes) {
        // A job that was stopped a moment ago may still be sent its input.
        let Some(held) = self.held.get_mut(&lease) else { return };
        let Some(feeder) = &mut held.feeder else {
            tracing::warn!(lease, "input for a job that takes none, or has all of it, is ignored");
            return;
        };
        if piece.is_empty() {
            held.feeder = None;
        } else if feeder.feed(piece).is_err() {
            tracing::warn!(lease, "the broker sends more input than the job may have; the rest is ignored");
            held.feeder = None;
        }
    }

    /// Why no job of this kind is taken now.
    fn objection(&self, kind: &CapabilityKind) -> Option<JobError> {
        let (problem, detail) = match (self.closed, self.slots.get(kind)) {
            (Some(reason), _) => (ProblemKind::Draining, reason.to_owned()),
            (None, Some(slots)) if slots.taken < slots.max => return None,
            (None, Some(Slots { max: 1.., .. })) => {
                (ProblemKind::TooManyRequests, format!("all slots of this worker for {kind} are taken"))
            }
            (None, _) => (ProblemKind::NoWorker, format!("this worker does not offer {kind}")),
        };
        Some(JobError { retry: true, ..JobError::refused(problem, detail) })
    }

    /// Tells the broker that a job can't be done, without trying it.
    pub(crate) async fn refuse(&self, id: JobId, lease: u64, error: JobError) -> Result<(), LinkError> {
        tracing::warn!(job = %id, lease, reason = %error, "job refused");
        self.voice.say(Some(id), task::failed(lease, error)).await
    }

    /// Cancels the job of this lease, at once.
    pub(crate) async fn stop(&mut self, lease: u64) -> Result<(), LinkError> {
        let Some(held) = self.held.get_mut(&lease).filter(|held| !held.stopped) else {
            tracing::debug!(lease, "asked to stop a job that has ended");
            return Ok(());
        };
        held.stopped = true;
        held.feeder = None;
        held.cancelled.cancel();
        if let Some(slots) = self.slots.get_mut(&held.kind) {
            slots.taken -= 1;
        }
        let Some(place) = self.waiting.iter().position(|(_, job)| job.lease == lease) else { return Ok(()) };
        self.held.remove(&lease);
        match self.waiting.remove(place) {
            Some((_, job)) => {
                self.voice.say(Some(job.id), task::failed(lease, JobError::from(Stopped))).await
            }
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
        self.held.values_mut().for_each(|held| held.feeder = None);
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
        self.tasks.spawn(task::run(worker, job, voice, all, self.stop_grace));
    }
}

#[cfg(test)]
mod tests;
