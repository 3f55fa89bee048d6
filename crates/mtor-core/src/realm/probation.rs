//! One job at a time on probation: while all results of a stranger's are checked still, its account has one client's job in
//! hand, or one result that waits for its verdict. Else a fast cheat would take the whole queue before the first verdict is
//! there.
//!
//! It is the realm that asks for patience, so nobody waits in vain: not where no other worker could say whether a result is
//! right, and for no verdict longer than [`PATIENCE_MS`]. What the treasury asks is no part of it, or two that are on probation
//! would wait for each other's replicas.

use std::collections::{BTreeMap, BTreeSet};

use mtor_protocol::{AccountId, CapabilityKind, JobId, Timestamp};

use super::{Meter, Output, Realm, WorkerId};
use crate::offers::OfferId;

/// How long a result may wait for its verdict, in milliseconds. After that its worker gets the next job without one.
pub(super) const PATIENCE_MS: u64 = 60_000;

/// Whose results in what.
type Apprentice = (AccountId, CapabilityKind);

/// Results that wait for their verdict, and offers that wait with them. Nothing of it survives a restart, since the comparisons
/// don't.
#[derive(Debug, Default)]
pub(super) struct Probation {
    unjudged: BTreeMap<Apprentice, BTreeMap<JobId, Timestamp>>,
    /// When each is given up.
    due: BTreeSet<(Timestamp, JobId)>,
    whose: BTreeMap<JobId, Apprentice>,
    /// Accounts of which some offer is on hold.
    on_hold: BTreeSet<Apprentice>,
    /// Offers that are not on hold any more, and may have been waited for.
    lifted: Vec<OfferId>,
}

impl Probation {
    /// When the next result is given up.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        self.due.first().map(|(due, _)| *due)
    }

    /// An offer may take more than before: what waits is looked through for it.
    pub(super) fn lift(&mut self, offer: OfferId) {
        self.lifted.push(offer);
    }

    fn wait_for(&mut self, now: Timestamp, apprentice: Apprentice, job: JobId) {
        let due = now.plus_ms(PATIENCE_MS);
        self.due.insert((due, job));
        self.whose.insert(job, apprentice.clone());
        self.unjudged.entry(apprentice).or_default().insert(job, due);
    }

    fn give_up(&mut self, job: JobId) -> Option<Apprentice> {
        let apprentice = self.whose.remove(&job)?;
        if let Some(waits) = self.unjudged.get_mut(&apprentice) {
            if let Some(due) = waits.remove(&job) {
                self.due.remove(&(due, job));
            }
            if waits.is_empty() {
                self.unjudged.remove(&apprentice);
            }
        }
        Some(apprentice)
    }
}

impl Realm {
    /// A result is to be compared: on probation its worker waits for the verdict.
    pub(super) fn await_verdict(
        &mut self,
        now: Timestamp,
        account: AccountId,
        kind: &CapabilityKind,
        job: JobId,
    ) {
        if self.is_apprentice(account, kind) {
            self.probation.wait_for(now, (account, kind.clone()), job);
        }
    }

    /// There is a verdict on these, or there will be none.
    pub(super) fn verdict_is_there(&mut self, jobs: impl IntoIterator<Item = JobId>) {
        for job in jobs {
            if let Some((account, kind)) = self.probation.give_up(job) {
                self.hold_or_lift(account, &kind);
            }
        }
    }

    /// Verdicts that did not come in time.
    pub(super) fn give_up_verdicts(&mut self, now: Timestamp) {
        while let Some((_, job)) = self.probation.due.first().copied().filter(|(due, _)| *due <= now) {
            self.verdict_is_there([job]);
        }
    }

    /// The worker's offers have come, gone, taken a job or given one back: those of its account are on hold, or not any more.
    pub(super) fn hold_or_lift_of(&mut self, worker: WorkerId, index: u16) {
        if !self.config.audit {
            return;
        }
        let Some(worker) = self.workers.get(&worker) else { return };
        if worker.house || self.state.is_peer(worker.account) {
            return;
        }
        let Some(offer) = worker.offers.get(usize::from(index)) else { return };
        let (account, kind) = (worker.account, offer.capability.clone());
        if self.is_apprentice(account, &kind)
            || self.probation.on_hold.iter().any(|held| (held.0, &held.1) == (account, &kind))
        {
            self.hold_or_lift(account, &kind);
        }
    }

    /// Workers have come or gone: who waits for a verdict may be alone now, or not any more.
    pub(super) fn look_who_could_judge(&mut self) {
        let concerned: BTreeSet<Apprentice> =
            self.probation.on_hold.iter().chain(self.probation.unjudged.keys()).cloned().collect();
        for (account, kind) in concerned {
            self.hold_or_lift(account, &kind);
        }
    }

    /// Gives what waits to those that have waited for a verdict.
    pub(super) fn fill_lifted(&mut self, now: Timestamp, meter: &impl Meter, outputs: &mut Vec<Output>) {
        while let Some(offer) = self.probation.lifted.pop() {
            self.fill(now, offer, meter, outputs);
        }
    }

    /// Whether all results of this account are checked still. Of the house nobody is.
    fn is_apprentice(&self, account: AccountId, kind: &CapabilityKind) -> bool {
        if !self.config.audit || !self.can_be_compared(kind) {
            return false;
        }
        let record = self.state.record(account, kind);
        record.is_none_or(|record| record.is_on_probation(&self.config.trust))
    }

    fn hold_or_lift(&mut self, account: AccountId, kind: &CapabilityKind) {
        let apprentice = (account, kind.clone());
        let theirs: Vec<OfferId> = self.offers.of_account(account, kind).collect();
        let in_hand: u32 = theirs.iter().filter_map(|id| self.offer(*id)).map(|offer| offer.busy).sum();
        let waits = in_hand > 0 || self.probation.unjudged.contains_key(&apprentice);
        let waits = waits && self.is_apprentice(account, kind);
        let mut any = false;
        for (id, index) in theirs {
            let Some(offer) = self.offer((id, index)) else { continue };
            let hold = waits && self.offers.another_could_judge(account, kind, &offer.model);
            let was = offer.on_hold;
            any |= hold;
            let worker = self.workers.get_mut(&id);
            let Some(offer) = worker.and_then(|worker| worker.offers.get_mut(usize::from(index))) else {
                continue;
            };
            if hold != was {
                self.offers.update((id, index), offer, |offer| offer.on_hold = hold);
            }
            if was && !hold {
                self.probation.lift((id, index));
            }
        }
        match any {
            true => self.probation.on_hold.insert(apprentice),
            false => self.probation.on_hold.remove(&apprentice),
        };
    }

    /// Accounts whose next client's job waits for a verdict, and those of them that nobody else could judge any more.
    #[cfg(test)]
    pub(super) fn who_waits(&self) -> BTreeSet<(Apprentice, JobId)> {
        let judged_by_another = |account: AccountId, kind: &CapabilityKind| {
            let mut theirs = self.offers.of_account(account, kind).filter_map(|id| self.offer(id));
            theirs.all(|offer| self.offers.another_could_judge(account, kind, &offer.model))
        };
        let waits = self.probation.unjudged.iter();
        waits
            .filter(|((account, kind), _)| {
                self.is_apprentice(*account, kind) && judged_by_another(*account, kind)
            })
            .flat_map(|(whose, jobs)| jobs.keys().map(|job| (whose.clone(), *job)))
            .collect()
    }

    /// Whether every offer on hold is so for a reason.
    #[cfg(test)]
    pub(super) fn check_holds(&self) {
        for ((id, index), offer) in
            self.workers.iter().filter(|(_, worker)| !worker.draining).flat_map(|(id, worker)| {
                (0_u16..).zip(&worker.offers).map(move |(index, offer)| ((*id, index), offer))
            })
        {
            if !offer.on_hold {
                continue;
            }
            let (account, kind) = (offer.account, &offer.capability);
            let in_hand: u32 = self
                .offers
                .of_account(account, kind)
                .filter_map(|id| self.offer(id))
                .map(|offer| offer.busy)
                .sum();
            let unjudged = self.probation.unjudged.contains_key(&(account, kind.clone()));
            assert!(in_hand > 0 || unjudged, "{id:?}.{index} is on hold, and nothing of its account is out");
            assert!(self.is_apprentice(account, kind), "{id:?}.{index} is on hold, and trusted");
            assert!(
                self.offers.another_could_judge(account, kind, &offer.model),
                "{id:?}.{index} is on hold, and nobody could judge it"
            );
        }
    }
}
