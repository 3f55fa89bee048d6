//! Some results of workers are checked: the same is asked again of a worker of another account, and the answers are compared.
//! When and with what consequence, [`crate::trust`] says; the shell compares, since no text ever comes here.

use mtor_protocol::{AccountId, CapabilityKind, Digest, JobId, Privacy, Problem, ProblemKind, Timestamp};

use super::{Meter, Output, Realm, Ticket, WorkerId};
use crate::books::TREASURY;
use crate::entry::{Fact, NewJob};
use crate::offers::{Offer, OfferId};
use crate::state::Corrupt;
use crate::trust::{Check, Judged, Record, TrustRules, Verdict};

/// What can be compared: by vectors, or by the vectors of what was written.
const COMPARABLE: [CapabilityKind; 2] = [CapabilityKind::CHAT, CapabilityKind::EMBED];

impl Realm {
    /// A worker is about to be paid for an answer: says so when it is to be compared with others.
    pub(super) fn ask_for_check(
        &self,
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
        let is_strangers = !worker.house && *account != open.job.account;
        let may_be_shown = open.job.privacy != Privacy::Own;
        let check = !is_replica
            && is_strangers
            && may_be_shown
            && COMPARABLE.contains(&offer.capability)
            && self.is_check_due(*account, offer, (part.output_tokens, service_us), output);
        if is_replica || check {
            outputs.push(Output::Answered { job, worker: *account, check });
        }
    }

    fn is_check_due(
        &self,
        account: AccountId,
        offer: &Offer,
        (tokens, service_us): (u64, u64),
        output: &Digest,
    ) -> bool {
        let rules = TrustRules::STANDARD;
        let record = self.state.records(account).find(|(kind, _)| **kind == offer.capability);
        let record = record.map(|(_, record)| record.clone()).unwrap_or_default();
        // The commitment's salt is the realm's secret until the answer is there, so that no worker knows its lot before.
        let [a, b, c, d, e, f, g, h, ..] = output.0;
        let lot = u64::from_le_bytes([a, b, c, d, e, f, g, h]);
        let measured = tokens as f64 * 1e6 / service_us.max(1) as f64;
        let implausible = service_us > 0
            && offer.tokens_per_s.is_some_and(|speed| rules.is_implausible(measured, speed.into()));
        record.check(&rules, lot, implausible) != Check::None
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
        let in_pools = tried.iter().filter_map(|id| self.workers.get(id)).filter(|worker| !worker.draining);
        let offers = in_pools.flat_map(|worker| &worker.offers);
        if !self.offers.another_fits(&self.wish(&job, &price), offers, |id| self.offer(id)) {
            let detail = "nobody else could say whether the answer is right";
            outputs.push(Self::refuse(ticket, ProblemKind::NoWorker, detail));
            return Ok(());
        }
        self.submit(now, ticket, job, tried, meter, outputs)
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
        let house = |account| self.workers.values().any(|worker| worker.house && worker.account == account);
        results.retain(|judged| !house(judged.worker));
        results.truncate(TrustRules::STANDARD.answers_max);
        if !results.is_empty() {
            let failed: Vec<AccountId> =
                results.iter().filter(|of| of.verdict == Verdict::Failed).map(|of| of.worker).collect();
            self.record(now, Fact::Validated { capability, results, evidence }, outputs)?;
            for account in failed {
                self.send_away(now, account, meter, outputs)?;
            }
        }
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
