//! Hedging: somebody stands there and listens, and the worker is later with its first word than it usually is. Then a
//! second one, the *rival*, gets the job too, if one is free. Whoever says the first word keeps it; the other is stopped
//! before it delivered anything, so that no word is heard twice and nothing is owed for it.

use mtor_protocol::{JobId, ServiceClass, Timestamp, Usage};

use super::{Meter, Output, Phase, Realm, WorkerId};
use crate::offers::{Offer, OfferId};

/// How late the first word may be before a rival is looked for, when the worker was not measured yet, in milliseconds.
const PATIENCE_MS_UNKNOWN: u64 = 2_000;
/// The least patience with a worker, in milliseconds: a rival costs a slot.
const PATIENCE_MS_MIN: u64 = 150;
/// Mean deviations above the mean until which a first word is not late: about the 95th percentile of what was measured.
const DEVIATIONS: f64 = 3.0;

/// The second assignment of a job that has two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rival {
    pub(crate) worker: WorkerId,
    pub(crate) offer: u16,
    pub(crate) lease: u64,
    pub(crate) since: Timestamp,
}

impl Realm {
    /// A job was assigned: when its first word will be late, if anybody stands there and listens.
    pub(super) fn watch_first_word(&mut self, now: Timestamp, id: JobId) {
        let Some(open) = self.state.open().get(&id).filter(|open| open.job.class == ServiceClass::Voice)
        else {
            return;
        };
        let Some(Phase::Assigned { worker, offer, .. }) = self.jobs.get(&id).map(|running| running.phase)
        else {
            return;
        };
        debug_assert!(open.job.id == id);
        let patience_ms = self.offer((worker, offer)).map_or(PATIENCE_MS_UNKNOWN, patience_ms);
        self.late_words.insert((now.plus_ms(patience_ms), id));
    }

    /// Gives the jobs whose first word is late to a rival.
    pub(super) fn hedge(&mut self, now: Timestamp, meter: &impl Meter, outputs: &mut Vec<Output>) {
        while let Some((due, id)) = self.late_words.first().copied().filter(|(due, _)| *due <= now) {
            self.late_words.remove(&(due, id));
            if let Some(offer) = self.rival_for(id, due) {
                self.assign_rival(now, id, offer, meter, outputs);
            }
        }
    }

    /// The best free offer of another worker, if the job still waits for its first word since the assignment of which this
    /// is the due time.
    fn rival_for(&self, id: JobId, due: Timestamp) -> Option<OfferId> {
        let (open, running) = (self.state.open().get(&id)?, self.jobs.get(&id)?);
        let Phase::Assigned { worker, since, first_chunk: None, .. } = running.phase else { return None };
        // Of an earlier assignment: the present one has a time of its own.
        if running.rival.is_some() || due < since.plus_ms(PATIENCE_MS_MIN) {
            return None;
        }
        let mut tried = running.tried.clone();
        tried.push(worker);
        let wish = crate::offers::Wish { tried: &tried, ..self.wish(&open.job, &open.price) };
        self.offers.choose(&wish, |id| self.offer(id))
    }

    fn assign_rival(
        &mut self,
        now: Timestamp,
        id: JobId,
        (worker_id, index): OfferId,
        meter: &impl Meter,
        outputs: &mut Vec<Output>,
    ) {
        let lease = self.next_lease;
        let Some(output_tokens_max) = self.tokens_left(id, (worker_id, index), meter) else { return };
        let (Some(open), Some(running), Some(worker)) =
            (self.state.open().get(&id), self.jobs.get_mut(&id), self.workers.get_mut(&worker_id))
        else {
            return;
        };
        let Some(offer) = worker.offers.get_mut(usize::from(index)) else { return };
        self.next_lease += 1;
        running.workers.push(worker.name.clone());
        running.rival = Some(Rival { worker: worker_id, offer: index, lease, since: now });
        self.offers.update((worker_id, index), offer, |offer| offer.busy += 1);
        worker.jobs.insert(id, index);
        outputs.push(Output::Assign {
            job: id,
            worker: worker_id,
            offer: index,
            lease,
            attempt: running.attempts,
            rival: true,
            output_tokens_max,
            deadline: open.job.deadline,
        });
        self.hold_or_lift_of(worker_id, index);
    }

    /// The rival of a job has it alone from now on. The one that had it before is to be dealt with by the caller.
    pub(super) fn promote_rival(&mut self, id: JobId, outputs: &mut Vec<Output>) -> bool {
        let Some(running) = self.jobs.get_mut(&id) else { return false };
        let Some(Rival { worker, offer, lease, since }) = running.rival.take() else { return false };
        running.phase = Phase::Assigned { worker, offer, lease, since, first_chunk: None };
        running.attempts += 1;
        outputs.push(Output::Alone { job: id, lease });
        true
    }

    /// Frees the rival of a job, if it has one. `stop` unless the rival itself has given up. Gives back the offer that is
    /// free now.
    pub(super) fn drop_rival(&mut self, id: JobId, stop: bool, outputs: &mut Vec<Output>) -> Option<OfferId> {
        let running = self.jobs.get_mut(&id)?;
        let Rival { worker, offer, lease, .. } = running.rival.take()?;
        let Phase::Assigned { lease: kept, .. } = running.phase else { return None };
        self.release(worker, id, None);
        if stop {
            outputs.push(Output::Stop { job: id, worker, lease });
        }
        outputs.push(Output::Alone { job: id, lease: kept });
        Some((worker, offer))
    }

    /// The worker that had a job first is about to lose it, and has delivered words of which its report is still on the way:
    /// then the rival, which was told that there are none, can't go on from them. Gives back the offer that is free now.
    pub(super) fn drop_rival_that_is_late(
        &mut self,
        id: JobId,
        first_lease: u64,
        meter: &impl Meter,
        outputs: &mut Vec<Output>,
    ) -> Option<OfferId> {
        let begun = meter.delivered_under(id, first_lease) != Usage::default();
        begun.then(|| self.drop_rival(id, true, outputs)).flatten()
    }

    /// A report under a lease says that its worker has begun or is done: of two, that one keeps the job, and the other is
    /// stopped. Gives back the offer that is free now, if there is one.
    pub(super) fn decide_race(
        &mut self,
        (worker, id, lease): (WorkerId, JobId, u64),
        outputs: &mut Vec<Output>,
    ) -> Option<OfferId> {
        let running = self.jobs.get(&id)?;
        let rival = running.rival?;
        let Phase::Assigned { worker: first, offer, lease: first_lease, .. } = running.phase else {
            return None;
        };
        if (worker, lease) == (first, first_lease) {
            return self.drop_rival(id, true, outputs);
        }
        if (worker, lease) != (rival.worker, rival.lease) {
            return None;
        }
        self.promote_rival(id, outputs);
        self.release(first, id, None);
        outputs.push(Output::Stop { job: id, worker: first, lease: first_lease });
        Some((first, offer))
    }

    /// Whether this worker is the rival in this job.
    pub(super) fn is_rival(&self, worker: WorkerId, id: JobId) -> bool {
        self.jobs.get(&id).and_then(|running| running.rival).is_some_and(|rival| rival.worker == worker)
    }
}

fn patience_ms(offer: &Offer) -> u64 {
    let Some(mean_us) = offer.first_chunk_us else { return PATIENCE_MS_UNKNOWN };
    let late_us = mean_us + DEVIATIONS * offer.first_chunk_deviation_us;
    ((late_us / 1_000.0) as u64).max(PATIENCE_MS_MIN)
}
