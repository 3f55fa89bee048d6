//! Jobs progress and end: done, failed, cancelled, expired. Whoever wrote a part of the answer is paid for it; a hold
//! is resolved exactly once, because only the worker with the present lease is heard.

use std::collections::BTreeMap;

use mtor_protocol::{
    AccountId, Digest, FinishReason, JobId, Micro, Price, Problem, ProblemKind, Timestamp, ToolName, Usage,
};

use super::{Finished, Meter, Output, Phase, Realm, Retry, Ticket, WorkerId};
use crate::books::{BURN, TREASURY};
use crate::entry::{Fact, Leg, Outcome};
use crate::offers::Only;
use crate::splits::{Parts, Splits};
use crate::state::Corrupt;

/// Who says something about which job, under which lease.
type Report = (WorkerId, JobId, u64);

impl Realm {
    pub(super) fn progressed(
        &mut self,
        now: Timestamp,
        worker: WorkerId,
        job: JobId,
        lease: u64,
        meter: &impl Meter,
        outputs: &mut Vec<Output>,
    ) {
        let freed = self.decide_race((worker, job, lease), outputs);
        match self.jobs.get_mut(&job).map(|running| &mut running.phase) {
            Some(Phase::Assigned { worker: has, lease: valid, first_chunk, .. })
                if (*has, *valid) == (worker, lease) =>
            {
                first_chunk.get_or_insert(now);
                self.note_response(now, job, true);
            }
            _ => outputs.push(Output::Stale { worker, job }),
        }
        if let Some(offer) = freed {
            self.fill(now, offer, meter, outputs);
        }
    }

    #[expect(clippy::too_many_arguments, reason = "each is a part of one input, handed on as it came")]
    pub(super) fn finished(
        &mut self,
        now: Timestamp,
        report: Report,
        usage: Usage,
        finish: FinishReason,
        (output, receipt): (Digest, Option<Digest>),
        meter: &impl Meter,
        outputs: &mut Vec<Output>,
    ) -> Result<(), Corrupt> {
        let (worker, job, _) = report;
        if let Some(freed) = self.decide_race(report, outputs) {
            self.fill(now, freed, meter, outputs);
        }
        let Some((offer, since, first_chunk)) = self.assignment(report, outputs) else { return Ok(()) };
        let (Some(open), Some(running)) = (self.state.open().get(&job), self.jobs.get_mut(&job)) else {
            return Ok(());
        };
        let Some(account) = self.workers.get(&worker).map(|worker| worker.account) else { return Ok(()) };
        // What an earlier worker wrote was read by this one as a part of its prompt, but is billed as output once.
        // The same goes for what was written before a restart, which nobody is paid for any more.
        let written: u64 = running.parts.iter().map(|(_, part)| part.output_tokens).sum();
        let carried = written + meter.carried(job);
        let bounds = open.job.bounds();
        let mut part = usage.at_most(&bounds);
        part.input_tokens = part.input_tokens.saturating_sub(carried);
        part.output_tokens = part.output_tokens.min(bounds.output_tokens.saturating_sub(carried));
        let spoken: u64 = running.parts.iter().map(|(_, part)| part.audio_ms).sum();
        part.audio_ms = part.audio_ms.min(bounds.audio_ms.saturating_sub(spoken));
        running.parts.push((account, part));

        let service_us = now.since_ms(since) * 1_000;
        let first_us = first_chunk.map_or(service_us, |first| first.since_ms(since) * 1_000);
        self.ask_for_check(now, (worker, offer), job, service_us, &output, outputs);
        self.release(worker, job, Some((first_us, service_us)));
        let paid = self.settle(now, job, finish.into(), (Some(output), receipt), None, outputs)?;
        if let Some(worker) = self.workers.get_mut(&worker) {
            worker.jobs_done += 1;
            let earned = paid
                .iter()
                .filter(|leg| leg.to == account)
                .fold(Micro::ZERO, |sum, leg| Micro(sum.0 + leg.amount.0));
            worker.earned = Micro(worker.earned.0.saturating_add(earned.0));
        }
        self.fill(now, (worker, offer), meter, outputs);
        Ok(())
    }

    pub(super) fn job_failed(
        &mut self,
        now: Timestamp,
        report: Report,
        problem: Problem,
        retry: Retry,
        meter: &impl Meter,
        outputs: &mut Vec<Output>,
    ) -> Result<(), Corrupt> {
        let (worker, job, lease) = report;
        if self.jobs.get(&job).and_then(|running| running.rival).is_some_and(|rival| rival.lease == lease) {
            // The other one goes on.
            if let Some(running) = self.jobs.get_mut(&job) {
                running.tried.push(worker);
            }
            if let Some(freed) = self.drop_rival(job, false, outputs) {
                self.fill(now, freed, meter, outputs);
            }
            return Ok(());
        }
        let Some((offer, ..)) = self.assignment(report, outputs) else { return Ok(()) };
        let window = self.workers.get(&worker).and_then(|worker| worker.offers.get(usize::from(offer)));
        let window = window.and_then(|offer| offer.shape.limits.context_tokens);
        if let Some(running) = self.jobs.get_mut(&job) {
            if retry == Retry::LargerWindow {
                running.window_too_small = running.window_too_small.max(window);
            }
            running.last_problem = Some(problem.clone());
            running.tried.push(worker);
            running.only = running.only.filter(|only| matches!(only, Only::Tried(_)));
        }
        let freed = self.drop_rival_that_is_late(job, lease, meter, outputs);
        self.give_back(worker, job, meter);
        self.release(worker, job, None);
        if let Some(freed) = freed {
            self.fill(now, freed, meter, outputs);
        }
        if self.promote_rival(job, outputs) {
            self.fill(now, (worker, offer), meter, outputs);
            return Ok(());
        }
        let hope = match retry {
            Retry::No => false,
            Retry::Elsewhere | Retry::LargerWindow => self.another_may_do_it(job),
        };
        match hope {
            true => self.place_or_line_up(now, job, meter, outputs),
            false => self
                .settle(now, job, Outcome::Failed, (None, None), Some(problem.about(job)), outputs)
                .map(drop)?,
        }
        self.fill(now, (worker, offer), meter, outputs);
        Ok(())
    }

    /// The worker is gone. The job waits for another, or for the same one to come back, until its deadline.
    pub(super) fn worker_lost_job(
        &mut self,
        now: Timestamp,
        worker: WorkerId,
        job: JobId,
        meter: &impl Meter,
        outputs: &mut Vec<Output>,
    ) -> Result<(), Corrupt> {
        if self.is_rival(worker, job) {
            self.drop_rival(job, false, outputs);
            return Ok(());
        }
        if let Some(Phase::Assigned { lease, .. }) = self.jobs.get(&job).map(|running| running.phase)
            && let Some(freed) = self.drop_rival_that_is_late(job, lease, meter, outputs)
        {
            self.give_back(worker, job, meter);
            self.fill(now, freed, meter, outputs);
        } else {
            self.give_back(worker, job, meter);
        }
        if self.promote_rival(job, outputs) {
            return Ok(());
        }
        let attempts = self.jobs.get(&job).map_or(0, |running| running.attempts);
        if attempts < self.config.attempts_max {
            self.place_or_line_up(now, job, meter, outputs);
            return Ok(());
        }
        let detail = format!("{attempts} workers had it, and the last left in the middle of it");
        let problem = Problem::new(ProblemKind::WorkerFailed, detail).about(job);
        self.settle(now, job, Outcome::Failed, (None, None), Some(problem), outputs).map(drop)
    }

    pub(super) fn cancel(
        &mut self,
        now: Timestamp,
        ticket: Ticket,
        job: JobId,
        account: AccountId,
        meter: &impl Meter,
        outputs: &mut Vec<Output>,
    ) -> Result<(), Corrupt> {
        match self.state.open().get(&job) {
            Some(open) if open.job.account == account => {}
            Some(_) => {
                outputs.push(Self::refuse(ticket, ProblemKind::NotFound, "this wallet has no such job"));
                return Ok(());
            }
            None => {
                outputs.push(Self::refuse(
                    ticket,
                    ProblemKind::Conflict,
                    "the job is not running: it has ended, or never was",
                ));
                return Ok(());
            }
        }
        self.end(now, job, Outcome::Cancelled, None, meter, outputs)?;
        outputs.push(Output::Done { ticket });
        Ok(())
    }

    /// Ends a job from outside, wherever it is; what was delivered is paid.
    pub(super) fn end(
        &mut self,
        now: Timestamp,
        job: JobId,
        outcome: Outcome,
        problem: Option<Problem>,
        meter: &impl Meter,
        outputs: &mut Vec<Output>,
    ) -> Result<(), Corrupt> {
        let Some(Phase::Assigned { worker, offer, lease, .. }) =
            self.jobs.get(&job).map(|running| running.phase)
        else {
            return self.settle(now, job, outcome, (None, None), problem, outputs).map(drop);
        };
        let rival = self.drop_rival(job, true, outputs);
        self.give_back(worker, job, meter);
        self.release(worker, job, None);
        outputs.push(Output::Stop { job, worker, lease });
        self.settle(now, job, outcome, (None, None), problem, outputs)?;
        self.fill(now, (worker, offer), meter, outputs);
        if let Some(freed) = rival {
            self.fill(now, freed, meter, outputs);
        }
        Ok(())
    }

    /// The offer and times of the assignment that a report is about, if it is the present one.
    fn assignment(
        &self,
        (worker, job, lease): Report,
        outputs: &mut Vec<Output>,
    ) -> Option<(u16, Timestamp, Option<Timestamp>)> {
        match self.jobs.get(&job).map(|running| running.phase) {
            Some(Phase::Assigned { worker: has, offer, lease: valid, since, first_chunk })
                if (has, valid) == (worker, lease) =>
            {
                Some((offer, since, first_chunk))
            }
            _ => {
                outputs.push(Output::Stale { worker, job });
                None
            }
        }
    }

    /// Notes what the worker has delivered, and that it has the job no more.
    fn give_back(&mut self, worker: WorkerId, job: JobId, meter: &impl Meter) {
        let (Some(running), Some(state)) = (self.jobs.get_mut(&job), self.workers.get(&worker)) else {
            return;
        };
        let Phase::Assigned { lease, .. } = running.phase else { return };
        let delivered = meter.delivered_under(job, lease);
        if delivered != Usage::default() {
            running.parts.push((state.account, delivered));
        }
        running.phase = Phase::Waiting;
    }

    /// Frees the slot that a job had on a worker.
    pub(super) fn release(&mut self, id: WorkerId, job: JobId, measured_us: Option<(u64, u64)>) {
        let Some(worker) = self.workers.get_mut(&id) else { return };
        let Some(index) = worker.jobs.remove(&job) else { return };
        let Some(offer) = worker.offers.get_mut(usize::from(index)) else { return };
        let change = |offer: &mut crate::offers::Offer| {
            offer.busy = offer.busy.saturating_sub(1);
            if let Some((first_us, service_us)) = measured_us {
                offer.measured(first_us, service_us);
            }
        };
        match worker.draining {
            true => change(offer),
            false => self.offers.update((id, index), offer, change),
        }
        self.hold_or_lift_of(id, index);
    }

    fn another_may_do_it(&self, job: JobId) -> bool {
        let (Some(open), Some(running)) = (self.state.open().get(&job), self.jobs.get(&job)) else {
            return false;
        };
        let here = running.tried.iter().filter_map(|worker| self.workers.get(worker));
        let tried = here.filter(|worker| !worker.draining).flat_map(|worker| &worker.offers);
        !matches!(running.only, Some(Only::Tried(_)))
            && running.attempts < self.config.attempts_max
            && self.offers.another_fits(&self.wish(&open.job, &open.price), tried, |id| self.offer(id))
    }

    /// Resolves the hold, pays, and forgets the job but for its id. Gives back who was paid what.
    fn settle(
        &mut self,
        now: Timestamp,
        id: JobId,
        outcome: Outcome,
        (output, receipt): (Option<Digest>, Option<Digest>),
        problem: Option<Problem>,
        outputs: &mut Vec<Output>,
    ) -> Result<Vec<Leg>, Corrupt> {
        self.note_response(now, id, matches!(outcome, Outcome::Stop | Outcome::Length));
        let (Some(open), Some(running)) = (self.state.open().get(&id), self.jobs.get(&id)) else {
            return Ok(Vec::new());
        };
        let usage = total(&running.parts);
        // A tool meters nothing: what is paid for is that it was done.
        let is_tool = open.job.capability.as_str().starts_with(ToolName::PREFIX);
        let done = is_tool && matches!(outcome, Outcome::Stop | Outcome::Length);
        let pays = done || (outcome != Outcome::Failed && usage != Usage::default());
        let cost = if pays { open.price.cost(&usage).min(open.hold) } else { Micro::ZERO };
        let legs = split(cost, self.config.splits, &running.parts, &running.peer_asks);
        let legs = self.pay_late(&open.job, legs);
        let (account, request, kind) = (open.job.account, open.job.request, open.job.capability.clone());
        self.waiting.leave(&open.job.capability, &open.job.model, running.rank);
        self.deadlines.remove(&(open.job.deadline, id));
        if let Some(count) = self.open_by_wallet.get_mut(&account) {
            *count -= 1;
            if *count == 0 {
                self.open_by_wallet.remove(&account);
            }
        }
        self.jobs.remove(&id);
        self.chosen.remove(&id);
        self.record(now, Fact::Settled { id, outcome, usage, legs: legs.clone(), output, receipt }, outputs)?;
        self.mature_beyond(now, &kind, &legs, outputs)?;
        self.remember(id, Finished::Job { account, request });
        outputs.push(Output::Settled { job: id, account, outcome, usage, cost, receipt, problem, time: now });
        Ok(legs)
    }
}

/// What all parts together used: each wrote its own words, and the prompt is billed once, as the last reader counted it.
fn total(parts: &[(AccountId, Usage)]) -> Usage {
    let sum = |of: fn(&Usage) -> u64| parts.iter().map(|(_, usage)| of(usage)).sum();
    Usage {
        input_tokens: parts.last().map_or(0, |(_, usage)| usage.input_tokens),
        output_tokens: sum(|usage| usage.output_tokens),
        audio_ms: sum(|usage| usage.audio_ms),
        images: sum(|usage| usage.images),
    }
}

/// Divides a cost: the workers' share among those that wrote or spoke, by how much they did, the last one getting what rounding
/// leaves; then the treasury's, and what is burnt. A peer realm gets what it asked, no more and no less: only so do its books and
/// ours say the same. What is over is the treasury's, where nobody else worked.
fn split(
    cost: Micro,
    splits: Splits,
    parts: &[(AccountId, Usage)],
    peer_asks: &BTreeMap<AccountId, Price>,
) -> Vec<Leg> {
    if peer_asks.is_empty() {
        return split_here(cost, splits, parts);
    }
    let mut rest = cost;
    let mut legs = Vec::new();
    let mut here = Vec::new();
    for (to, usage) in parts {
        let Some(ask) = peer_asks.get(to) else {
            here.push((*to, *usage));
            continue;
        };
        let due = ask.cost(usage).min(rest);
        rest = rest.saturating_sub(due);
        legs.push(Leg::new(*to, due));
    }
    match here.is_empty() {
        true => legs.push(Leg::new(TREASURY, rest)),
        false => legs.extend(split_here(rest, splits, &here)),
    }
    legs.retain(|leg| leg.amount > Micro::ZERO);
    legs
}

fn split_here(cost: Micro, splits: Splits, parts: &[(AccountId, Usage)]) -> Vec<Leg> {
    let Some(((last, _), earlier)) = parts.split_last() else { return Vec::new() };
    let Parts { worker: share, treasury, burn } = splits.divide(cost);
    // A job is either written or listened to and spoken, so that the two never compete.
    let work = |usage: &Usage| usage.output_tokens.saturating_add(usage.audio_ms);
    let all = parts.iter().fold(0_u64, |sum, (_, usage)| sum.saturating_add(work(usage)));
    let mut legs: Vec<Leg> =
        earlier.iter().map(|(to, usage)| Leg::new(*to, share.scaled(work(usage), all))).collect();
    let paid = legs.iter().fold(Micro::ZERO, |sum, leg| Micro(sum.0 + leg.amount.0));
    legs.push(Leg::new(*last, share.saturating_sub(paid)));
    legs.extend([Leg::new(TREASURY, treasury), Leg::new(BURN, burn)]);
    legs.retain(|leg| leg.amount > Micro::ZERO);
    legs
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_legs_sum_to_the_cost(cost: u64, worker in 0u16..=900, burn in 0u16..=100, peer: Option<u64>, written in prop::collection::vec(0u64..1_000_000, 1..4)) {
            let parts: Vec<_> = (10u128..)
                .zip(&written)
                .map(|(account, tokens)| (AccountId(account), Usage { output_tokens: *tokens, ..Usage::default() }))
                .collect();
            let asks = BTreeMap::from_iter(peer.map(|job| (AccountId(10), Price { job: Micro(job), ..Price::default() })));
            let legs = split(Micro(cost), Splits::new(worker, 1_000 - worker - burn, burn).unwrap(), &parts, &asks);
            let sum: u128 = legs.iter().map(|leg| u128::from(leg.amount.0)).sum();
            prop_assert_eq!(sum, u128::from(cost));
        }
    }
}
