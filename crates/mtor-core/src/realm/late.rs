//! Late pay in the running realm: which payments wait, when they mature, and what becomes of a proof. What each means for the
//! books, [`crate::late`] and the state say.

use std::collections::BTreeSet;

use mtor_protocol::{AccountId, CapabilityKind, JobId, Problem, ProblemKind, Timestamp};

use super::{Output, Realm, Ticket};
use crate::books::{BURN, TREASURY};
use crate::entry::{Fact, Leg, NewJob};
use crate::state::{Corrupt, State};
use crate::trust::TrustRules;

/// So many payments mature at once when newer ones push them out, so that the journal does not grow by an entry for each.
pub(super) const AT_ONCE: usize = 10;

/// When the oldest payment of each record is old enough: where to look next. It may be too early, never too late.
#[derive(Debug, Default)]
pub(super) struct LateIndex {
    oldest: BTreeSet<(Timestamp, AccountId, CapabilityKind)>,
    /// When each case is over, if nobody decides it.
    cases: BTreeSet<(Timestamp, JobId)>,
}

impl LateIndex {
    pub(super) fn new(state: &State, rules: &TrustRules) -> Self {
        let oldest = state.all_records().filter_map(|(worker, kind, record)| {
            record.payments().next().map(|payment| (payment.since, worker, kind.clone()))
        });
        let cases = state.cases().iter().map(|(job, case)| (case.over(rules), *job));
        Self { oldest: oldest.collect(), cases: cases.collect() }
    }
}

impl Realm {
    /// When the next payment matures by waiting, or the next case is over.
    pub(super) fn next_late(&self) -> Option<Timestamp> {
        let rules = &self.config.trust;
        let oldest = self.late.oldest.first().map(|(since, ..)| since.plus_ms(rules.mature_ms));
        let case = self.late.cases.first().map(|(over, _)| *over);
        [oldest, case].into_iter().flatten().min()
    }

    /// A stranger is paid late for what can be proven wrong; whoever works for itself, and the house, at once.
    pub(super) fn pay_late(&self, job: &NewJob, mut legs: Vec<Leg>) -> Vec<Leg> {
        if self.config.audit && self.config.trust.holdback > 0 && self.can_be_compared(&job.capability) {
            let at_once = |to: AccountId| {
                [TREASURY, BURN].contains(&to)
                    || to == job.account
                    || self.house.contains(&to)
                    || self.state.is_peer(to)
            };
            legs.iter_mut().for_each(|leg| leg.late = !at_once(leg.to));
        }
        legs
    }

    /// A job was paid: what its payments push out matures.
    pub(super) fn mature_beyond(
        &mut self,
        now: Timestamp,
        kind: &CapabilityKind,
        legs: &[Leg],
        outputs: &mut Vec<Output>,
    ) -> Result<(), Corrupt> {
        for leg in legs.iter().filter(|leg| leg.late) {
            let Some(record) = self.state.record(leg.to, kind) else { continue };
            let held = record.payments().len();
            if let (1, Some(payment)) = (held, record.payments().next()) {
                self.late.oldest.insert((payment.since, leg.to, kind.clone()));
            }
            if held >= self.config.trust.holdback + AT_ONCE {
                self.mature(now, leg.to, kind, outputs)?;
            }
        }
        Ok(())
    }

    /// What has waited long enough matures, and cases to which nobody has objected in time are over.
    pub(super) fn late_tick(&mut self, now: Timestamp, outputs: &mut Vec<Output>) -> Result<(), Corrupt> {
        let rules = self.config.trust;
        while let Some((since, worker, kind)) = self.late.oldest.first().cloned()
            && now.since_ms(since) >= rules.mature_ms
        {
            self.late.oldest.pop_first();
            self.mature(now, worker, &kind, outputs)?;
            let oldest = self.state.record(worker, &kind).and_then(|record| record.payments().next());
            if let Some(payment) = oldest {
                self.late.oldest.insert((payment.since, worker, kind));
            }
        }
        while let Some((_, job)) = self.late.cases.first().copied().filter(|(over, _)| *over <= now) {
            self.forfeit(now, job, outputs)?;
        }
        Ok(())
    }

    fn mature(
        &mut self,
        now: Timestamp,
        worker: AccountId,
        kind: &CapabilityKind,
        outputs: &mut Vec<Output>,
    ) -> Result<(), Corrupt> {
        let Some(record) = self.state.record(worker, kind) else { return Ok(()) };
        let due = record.due(&self.config.trust, now);
        if due == 0 {
            return Ok(());
        }
        let amount = record.payments().take(due).fold(Default::default(), |sum: mtor_protocol::Micro, of| {
            // Out of one account, which holds it.
            mtor_protocol::Micro(sum.0.saturating_add(of.pay.amount.0))
        });
        let payments = u32::try_from(due).unwrap_or(u32::MAX);
        let fact = Fact::Matured { worker, capability: kind.clone(), payments, amount };
        self.record(now, fact, outputs)
    }

    /// An answer was proven wrong: its case is watched.
    pub(super) fn watch_case(&mut self, job: JobId) {
        if let Some(case) = self.state.cases().get(&job) {
            self.late.cases.insert((case.over(&self.config.trust), job));
        }
    }

    fn forfeit(&mut self, now: Timestamp, job: JobId, outputs: &mut Vec<Output>) -> Result<(), Corrupt> {
        let Some(case) = self.state.cases().get(&job) else { return Ok(()) };
        let (worker, legs) = (case.worker, case.legs(job));
        self.late.cases.remove(&(case.over(&self.config.trust), job));
        self.record(now, Fact::Forfeited { job, worker, legs }, outputs)
    }

    /// A worker objects to a proof: the sysop has to decide.
    pub(super) fn appeal(
        &mut self,
        now: Timestamp,
        ticket: Ticket,
        job: JobId,
        account: AccountId,
        outputs: &mut Vec<Output>,
    ) -> Result<(), Corrupt> {
        let case = self.state.cases().get(&job).filter(|case| case.worker == account);
        let Some(case) = case else {
            let detail =
                "no answer of this wallet's worker to that job was proven wrong, or it was decided already";
            outputs.push(Self::refuse(ticket, ProblemKind::NotFound, detail));
            return Ok(());
        };
        if case.appealed.is_none() {
            self.late.cases.remove(&(case.over(&self.config.trust), job));
            self.record(now, Fact::Appealed { job }, outputs)?;
            self.watch_case(job);
        }
        outputs.push(Output::Done { ticket });
        Ok(())
    }

    /// The sysop has looked at a proof.
    pub(super) fn decide_case(
        &mut self,
        now: Timestamp,
        ticket: Ticket,
        job: JobId,
        pardon: bool,
        outputs: &mut Vec<Output>,
    ) -> Result<(), Corrupt> {
        let Some(case) = self.state.cases().get(&job) else {
            let detail = "there is no such case, or it was decided already";
            outputs.push(Output::Refused { ticket, problem: Problem::new(ProblemKind::NotFound, detail) });
            return Ok(());
        };
        let (worker, amount) = (case.worker, case.amount());
        match pardon {
            true => {
                self.late.cases.remove(&(case.over(&self.config.trust), job));
                self.record(now, Fact::Pardoned { job, worker, amount }, outputs)?;
            }
            false => self.forfeit(now, job, outputs)?,
        }
        outputs.push(Output::Done { ticket });
        Ok(())
    }
}
