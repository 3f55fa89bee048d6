//! Time passes: deadlines, silent workers, places in line.

use mtor_protocol::{JobId, Price, Problem, ProblemKind, Timestamp};

use super::{Meter, Output, Phase, Realm};
use crate::entry::{NewJob, Outcome};
use crate::state::Corrupt;

/// Wallets are told at most so often that their place in line has changed, in milliseconds.
const QUEUE_REPORT_MS: u64 = 1_000;

impl Realm {
    /// When [`Input::Tick`](super::Input::Tick) has something to do next; `None` when nothing is due, ever.
    pub fn next_tick(&self) -> Option<Timestamp> {
        let deadline = self.deadlines.first().map(|(time, _)| *time);
        let silence = self.beats.first().map(|(time, _)| time.plus_ms(self.config.beat_timeout_ms));
        let report = (!self.waiting.is_empty()).then(|| self.last_queue_report.plus_ms(QUEUE_REPORT_MS));
        let late = self.late_words.first().map(|(time, _)| *time);
        let (verdict, recovery) = (self.probation.next_due(), self.recoveries.next_due());
        [deadline, silence, report, late, verdict, recovery, self.next_late(), self.grants.next_end()]
            .into_iter()
            .flatten()
            .min()
    }

    pub(super) fn tick(
        &mut self,
        now: Timestamp,
        meter: &impl Meter,
        outputs: &mut Vec<Output>,
    ) -> Result<(), Corrupt> {
        while let Some((deadline, job)) =
            self.deadlines.first().copied().filter(|(deadline, _)| *deadline <= now)
        {
            self.deadlines.remove(&(deadline, job));
            let problem = self.expiry(now, job);
            self.end(now, job, Outcome::Expired, Some(problem), meter, outputs)?;
        }
        while let Some((beat, worker)) = self.beats.first().copied() {
            let silent_ms = now.since_ms(beat);
            if silent_ms < self.config.beat_timeout_ms {
                break;
            }
            let detail = format!("nothing was heard of the worker for {} s", silent_ms / 1_000);
            outputs.push(Output::Dismiss { worker, problem: Problem::new(ProblemKind::Expired, detail) });
            self.worker_left(now, worker, meter, outputs)?;
            self.beats.remove(&(beat, worker));
        }
        while let Some(grant) = self.grants.ended(now) {
            self.end_grant(now, grant, meter, outputs)?;
        }
        self.give_up_verdicts(now);
        self.late_tick(now, outputs)?;
        self.hedge(now, meter, outputs);
        if now >= self.last_queue_report.plus_ms(QUEUE_REPORT_MS) {
            self.last_queue_report = now;
            self.report_queue(outputs);
        }
        Ok(())
    }

    fn expiry(&self, now: Timestamp, id: JobId) -> Problem {
        let waited_s = self.state.open().get(&id).map_or(0, |open| now.since_ms(open.accepted) / 1_000);
        let detail = match self.jobs.get(&id) {
            Some(running) if matches!(running.phase, Phase::Waiting) => match &running.last_problem {
                Some(problem) => format!("no other worker came within {waited_s} s after this: {problem}"),
                None => format!("no worker was free for it within {waited_s} s"),
            },
            _ => format!("it was not done within {waited_s} s"),
        };
        Problem::new(ProblemKind::Expired, detail).about(id)
    }

    /// Tells every waiting job whose place in line has changed.
    fn report_queue(&mut self, outputs: &mut Vec<Output>) {
        let changed: Vec<_> = self
            .waiting
            .in_order()
            .filter(|(position, job)| {
                self.jobs.get(job).is_some_and(|running| running.told_position != Some(*position))
            })
            .collect();
        for (position, id) in changed {
            self.tell(id, position, outputs);
        }
    }

    /// Tells one waiting job its place in line.
    pub(super) fn tell_position(&mut self, id: JobId, outputs: &mut Vec<Output>) {
        let (Some(open), Some(running)) = (self.state.open().get(&id), self.jobs.get(&id)) else { return };
        let position = self.waiting.before(&open.job.capability, running.rank);
        self.tell(id, position, outputs);
    }

    fn tell(&mut self, job: JobId, position: u32, outputs: &mut Vec<Output>) {
        let eta_ms =
            self.state.open().get(&job).and_then(|open| self.eta_ms(&open.job, &open.price, position));
        if let Some(running) = self.jobs.get_mut(&job) {
            running.told_position = Some(position);
        }
        outputs.push(Output::Queued { job, position, eta_ms });
    }

    /// How long until a job with so many before it starts. Known only when workers that could take it have been
    /// measured at work; never guessed.
    pub(super) fn eta_ms(&self, job: &NewJob, price: &Price, position: u32) -> Option<u64> {
        let per_s = self.offers.jobs_per_s(&self.wish(job, price), |id| self.offer(id))?;
        Some((f64::from(position + 1) / per_s * 1_000.0) as u64)
    }
}
