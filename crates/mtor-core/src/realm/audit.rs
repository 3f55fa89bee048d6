//! Some results of workers are checked: the same is asked again of a worker of another account, and the answers are compared.
//! When and with what consequence, [`crate::trust`] says; the shell compares, since no text ever comes here.

use std::collections::BTreeSet;

use mtor_protocol::{
    AccountId, CapabilityKind, Digest, Effect, JobId, Privacy, Problem, ProblemKind, Timestamp, ToolInfo,
};

use super::submit::Asked;
use super::{Meter, Output, Phase, Realm, Ticket, WorkerId};
use crate::books::TREASURY;
use crate::entry::{Fact, NewJob, Outcome};
use crate::offers::{Offer, OfferId, Only, Wish};
use crate::state::Corrupt;
use crate::trust::{Check, Judged, Record, Verdict};

/// Whether answers can be compared by what they say: by vectors, or by the vectors of what was written.
pub(super) fn is_comparable(kind: &CapabilityKind) -> bool {
    [CapabilityKind::CHAT, CapabilityKind::EMBED].contains(kind)
}

/// Whether it is a tool.
fn is_tool(kind: &CapabilityKind) -> bool {
    kind.as_str().starts_with("tool.")
}

impl Realm {
    /// Whether answers can be compared at all: by what they say, or, of a tool that gives the same result for the same parameters,
    /// to the letter. That a tool does so, the house has to say that has it too: a stranger could say what suits it.
    pub(super) fn can_be_compared(&self, kind: &CapabilityKind) -> bool {
        let says_so = |tool: &ToolInfo| tool.repeatable && tool.effect == Effect::Reads;
        let house = || self.workers.values().filter(|worker| worker.house).flat_map(|worker| &worker.offers);
        let repeats =
            || house().any(|offer| offer.capability == *kind && offer.tool.as_deref().is_some_and(says_so));
        is_comparable(kind) || is_tool(kind) && repeats()
    }

    /// A worker is about to be paid for an answer: says so when it is to be compared with others.
    pub(super) fn ask_for_check(
        &mut self,
        now: Timestamp,
        (worker, index): OfferId,
        job: JobId,
        service_us: u64,
        output: &Digest,
        outputs: &mut Vec<Output>,
    ) {
        if !self.config.audit {
            return;
        }
        let (Some(open), Some(running)) = (self.state.open().get(&job), self.jobs.get(&job)) else { return };
        let (Some(worker), Some(offer)) = (self.workers.get(&worker), self.offer((worker, index))) else {
            return;
        };
        // Of an answer in parts nobody could be asked for just one.
        let [(account, part)] = running.parts.as_slice() else { return };
        let is_replica = open.job.account == TREASURY;
        let is_strangers = !worker.house && *account != open.job.account && !self.state.is_peer(*account);
        let may_be_shown = open.job.privacy != Privacy::Own;
        // Else friends with a model of their own would say that each other's answers are right.
        let is_vouched_for =
            is_tool(&offer.capability) || self.offers.is_vouched_for(&offer.capability, &offer.model);
        let may_be_checked = !is_replica
            && is_strangers
            && may_be_shown
            && self.can_be_compared(&offer.capability)
            && is_vouched_for;
        let check = match may_be_checked {
            true => self.check_due(*account, offer, (part.output_tokens, service_us), output),
            false => Check::None,
        };
        let (account, kind) = (*account, offer.capability.clone());
        if is_replica || check != Check::None {
            outputs.push(Output::Answered { job, worker: account, check });
        }
        if check != Check::None {
            self.await_verdict(now, account, &kind, job);
        }
    }

    /// A worker's offers have come or gone: with the house's, models of strangers come to be vouched for, or are not any more.
    pub(super) fn look_what_is_vouched_for(&mut self, id: WorkerId) {
        let Some(worker) = self.workers.get(&id).filter(|_| self.config.audit) else { return };
        let kinds: BTreeSet<CapabilityKind> =
            worker.offers.iter().map(|offer| offer.capability.clone()).filter(is_comparable).collect();
        let mut concerned: Vec<WorkerId> = match worker.house {
            true => self.workers.iter().filter(|(_, of)| !of.house).map(|(id, _)| *id).collect(),
            false => vec![id],
        };
        concerned.sort_unstable();
        for id in concerned {
            let Some(worker) = self.workers.get_mut(&id).filter(|worker| !worker.draining) else { continue };
            for (index, offer) in (0..).zip(&mut worker.offers) {
                let unvouched = offer.shape.peer.is_none()
                    && kinds.contains(&offer.capability)
                    && !self.offers.is_vouched_for(&offer.capability, &offer.model);
                if !kinds.contains(&offer.capability) || offer.shape.unvouched == unvouched {
                    continue;
                }
                self.offers.leave((id, index), offer);
                offer.shape.unvouched = unvouched;
                self.offers.enter((id, index), offer);
                if !unvouched {
                    self.probation.lift((id, index));
                }
            }
        }
    }

    fn check_due(
        &self,
        account: AccountId,
        offer: &Offer,
        (tokens, service_us): (u64, u64),
        output: &Digest,
    ) -> Check {
        let rules = self.config.trust;
        let record = self.state.record(account, &offer.capability).cloned().unwrap_or_default();
        let measured = tokens as f64 * 1e6 / service_us.max(1) as f64;
        let implausible = service_us > 0
            && offer.tokens_per_s.is_some_and(|speed| rules.is_implausible(measured, speed.into()));
        record.check(&rules, lot(output), implausible)
    }

    /// Takes a job of the treasury that workers of these accounts must not do.
    pub(super) fn replicate(
        &mut self,
        now: Timestamp,
        ticket: Ticket,
        job: NewJob,
        answered: &[AccountId],
        meter: &impl Meter,
        outputs: &mut Vec<Output>,
    ) -> Result<(), Corrupt> {
        let of_them = self.workers.iter().filter(|(_, worker)| answered.contains(&worker.account));
        let tried: Vec<WorkerId> = of_them.map(|(id, _)| *id).collect();
        let price = match self.ware_for(now, &job) {
            Ok((_, price)) => price,
            Err(problem) => {
                outputs.push(Output::Refused { ticket, problem });
                return Ok(());
            }
        };
        let wish = Wish { tried: &tried, ..self.wish(&job, &price) };
        let Some(judge) = self.offers.draw(lot(&job.request), &wish, answered, |id| self.offer(id)) else {
            let detail = "nobody else could say whether the answer is right";
            outputs.push(Self::refuse(ticket, ProblemKind::NoWorker, detail));
            return Ok(());
        };
        self.submit(now, ticket, job, Asked::Only(judge, tried), meter, outputs)
    }

    /// Where those who alone may do a job have left: one that was drawn by lot is done by others, one that tries them by nobody.
    pub(super) fn let_others_do_it(
        &mut self,
        now: Timestamp,
        meter: &impl Meter,
        outputs: &mut Vec<Output>,
    ) -> Result<(), Corrupt> {
        let chosen: Vec<JobId> = self.chosen.iter().copied().collect();
        for job in chosen {
            let (Some(open), Some(running)) = (self.state.open().get(&job), self.jobs.get(&job)) else {
                continue;
            };
            let kind = &open.job.capability;
            let is_there = match running.only {
                _ if running.phase != Phase::Waiting => true,
                None => false,
                Some(Only::House) => self.offers.has_house(kind, &open.job.model),
                Some(Only::Tried(account) | Only::Drawn(account)) => {
                    self.offers.of_account(account, kind).next().is_some()
                }
            };
            if is_there {
                continue;
            }
            match running.only {
                Some(Only::Tried(_)) => {
                    let detail = "the worker that was to do it has left";
                    let problem = Problem::new(ProblemKind::NoWorker, detail).about(job);
                    self.end(now, job, Outcome::Failed, Some(problem), meter, outputs)?;
                }
                _ => {
                    self.waiting.leave(kind, &open.job.model, running.rank);
                    if let Some(running) = self.jobs.get_mut(&job) {
                        running.only = None;
                    }
                    self.chosen.remove(&job);
                    self.place_or_line_up(now, job, meter, outputs);
                }
            }
        }
        Ok(())
    }

    /// Takes a job of the treasury for workers of this account alone: its answer is known.
    pub(super) fn try_workers_of(
        &mut self,
        now: Timestamp,
        ticket: Ticket,
        job: NewJob,
        account: AccountId,
        meter: &impl Meter,
        outputs: &mut Vec<Output>,
    ) -> Result<(), Corrupt> {
        let price = match self.ware_for(now, &job) {
            Ok((_, price)) => price,
            Err(problem) => {
                outputs.push(Output::Refused { ticket, problem });
                return Ok(());
            }
        };
        let wish = Wish { only: Some(Only::Tried(account)), ..self.wish(&job, &price) };
        let able = |(id, index)| {
            let offer = self.offer((id, index));
            offer.is_some_and(|offer| offer.model == job.model && wish.fits(id, offer))
        };
        let may_do_it = self.offers.of_account(account, &job.capability).any(able);
        if !may_do_it {
            let detail = "no worker of that account could be asked any more";
            outputs.push(Self::refuse(ticket, ProblemKind::NoWorker, detail));
            return Ok(());
        }
        self.submit(now, ticket, job, Asked::Only(Only::Tried(account), Vec::new()), meter, outputs)
    }

    /// Enters verdicts. Whoever is proven wrong is sent away; the house is not judged.
    #[expect(clippy::too_many_arguments, reason = "each is a part of one input, handed on as it came")]
    pub(super) fn judge(
        &mut self,
        now: Timestamp,
        ticket: Ticket,
        capability: CapabilityKind,
        mut results: Vec<Judged>,
        evidence: Digest,
        meter: &impl Meter,
        outputs: &mut Vec<Output>,
    ) -> Result<(), Corrupt> {
        let jobs: Vec<JobId> = results.iter().map(|judged| judged.job).collect();
        // An answer is proven wrong once.
        results.retain(|of| !self.house.contains(&of.worker) && !self.state.cases().contains_key(&of.job));
        results.truncate(self.config.trust.answers_max);
        if !results.is_empty() {
            let failed: Vec<(JobId, AccountId)> = results
                .iter()
                .filter(|of| of.verdict == Verdict::Failed)
                .map(|of| (of.job, of.worker))
                .collect();
            self.record(now, Fact::Validated { capability, results, evidence }, outputs)?;
            for (job, account) in failed {
                self.watch_case(job);
                self.send_away(now, account, meter, outputs)?;
            }
        }
        self.verdict_is_there(jobs);
        outputs.push(Output::Done { ticket });
        Ok(())
    }

    fn send_away(
        &mut self,
        now: Timestamp,
        account: AccountId,
        meter: &impl Meter,
        outputs: &mut Vec<Output>,
    ) -> Result<(), Corrupt> {
        let Some(problem) = self.sent_away(now, account, false) else { return Ok(()) };
        let mut theirs: Vec<WorkerId> =
            self.workers.iter().filter(|(_, worker)| worker.account == account).map(|(id, _)| *id).collect();
        theirs.sort_unstable();
        for worker in theirs {
            outputs.push(Output::Dismiss { worker, problem: problem.clone() });
            self.worker_left(now, worker, meter, outputs)?;
        }
        Ok(())
    }

    /// Why a worker may not come yet, if it may not.
    pub(super) fn sent_away(&self, now: Timestamp, account: AccountId, house: bool) -> Option<Problem> {
        let until = self.state.records(account).map(|(_, record)| record.paused_until()).max()?;
        if !self.config.audit || house || until <= now {
            return None;
        }
        let seconds = until.since_ms(now).div_ceil(1_000);
        let detail = format!(
            "answers of this worker were proven wrong, so that it is not taken for {} min; see to its model and its memory before it comes back",
            seconds.div_ceil(60)
        );
        let seconds = u32::try_from(seconds).unwrap_or(u32::MAX);
        Some(Problem::new(ProblemKind::Forbidden, detail).retry_after_s(seconds))
    }

    /// What is known of an account's results, by capability.
    pub(super) fn records(&self, account: AccountId) -> impl Iterator<Item = (&CapabilityKind, &Record)> {
        self.state.records(account)
    }
}

/// A number that nobody outside can know: the commitment's salt is the realm's secret until the answer is there.
fn lot(commitment: &Digest) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = commitment.0;
    u64::from_le_bytes([a, b, c, d, e, f, g, h])
}
