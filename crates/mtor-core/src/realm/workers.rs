//! Workers join, beat, drain and leave.

use mtor_protocol::{AccountId, Announcement, CapabilityOffer, Did, JobId, Problem, ProblemKind, Timestamp};

use super::{Meter, Output, Phase, Realm, Worker, WorkerId};
use crate::offers::{Offer, Shape};
use crate::sizes::SizeRules;
use crate::state::Corrupt;

impl Realm {
    #[expect(clippy::too_many_arguments, reason = "each is a part of one input, handed on as it came")]
    pub(super) fn worker_joined(
        &mut self,
        now: Timestamp,
        id: WorkerId,
        (account, did, house): (AccountId, Did, bool),
        announcement: Announcement,
        link_us: u64,
        meter: &impl Meter,
        outputs: &mut Vec<Output>,
    ) -> Result<(), Corrupt> {
        if self.workers.contains_key(&id) {
            return self.worker_announced_anew(now, id, announcement, link_us, meter, outputs);
        }
        if self.workers.len() >= self.config.workers_max as usize {
            let detail =
                format!("{} workers are attached, the most that this realm takes", self.workers.len());
            outputs.push(Output::Dismiss {
                worker: id,
                problem: Problem::new(ProblemKind::TooManyRequests, detail).retry_after_s(60),
            });
            return Ok(());
        }
        if let Some(problem) = self.sent_away(now, account, house) {
            outputs.push(Output::Dismiss { worker: id, problem });
            return Ok(());
        }
        if house {
            self.house.insert(account);
        }
        let worker = Worker {
            account,
            did,
            name: announcement.name.clone(),
            software: announcement.software.clone(),
            house,
            since: now,
            draining: false,
            offers: offers(&announcement, self.kind_of(account, house), link_us, &self.config.sizes),
            jobs: Default::default(),
            last_beat: now,
            jobs_done: 0,
            earned: Default::default(),
        };
        self.beats.insert((now, id));
        self.workers.insert(id, worker);
        self.open_offers(now, id, meter, outputs);
        Ok(())
    }

    fn kind_of(&self, account: AccountId, house: bool) -> Whose {
        Whose { account, house, peer: self.state.is_peer(account).then_some(account) }
    }

    /// New offers in place of the old ones. What it has in hand it keeps, if the offer it has it under is still there.
    fn worker_announced_anew(
        &mut self,
        now: Timestamp,
        id: WorkerId,
        announcement: Announcement,
        link_us: u64,
        meter: &impl Meter,
        outputs: &mut Vec<Output>,
    ) -> Result<(), Corrupt> {
        self.worker_beat(now, id, None);
        self.close_offers(id);
        let whose = self.workers.get(&id).map(|worker| self.kind_of(worker.account, worker.house));
        let (Some(worker), Some(whose)) = (self.workers.get_mut(&id), whose) else { return Ok(()) };
        let mut renewed = offers(&announcement, whose, link_us, &self.config.sizes);
        let same = |old: &Offer, new: &Offer| old.capability == new.capability && old.model == new.model;
        // Where each old offer stands now: in its old place if it can, else wherever the same is offered.
        let places: Vec<Option<usize>> = (0..)
            .zip(&worker.offers)
            .map(|(index, old)| match renewed.get(index) {
                Some(new) if same(old, new) => Some(index),
                _ => renewed.iter().position(|new| same(old, new)),
            })
            .collect();
        for (old, place) in worker.offers.iter().zip(&places) {
            if let Some(new) = place.and_then(|place| renewed.get_mut(place)) {
                (new.first_chunk_us, new.service_us) = (old.first_chunk_us, old.service_us);
                new.first_chunk_deviation_us = old.first_chunk_deviation_us;
            }
        }
        let mut orphans = Vec::new();
        worker.jobs.retain(|job, index| {
            let Some(place) = places.get(usize::from(*index)).copied().flatten() else {
                orphans.push(*job);
                return false;
            };
            renewed[place].busy += 1;
            // Offers are at most u16::MAX: see `Announcement::fault`.
            *index = place as u16;
            if let Some(running) = self.jobs.get_mut(job) {
                if let Some(rival) = running.rival.as_mut().filter(|rival| rival.worker == id) {
                    rival.offer = *index;
                } else if let Phase::Assigned { offer, .. } = &mut running.phase {
                    *offer = *index;
                }
            }
            true
        });
        worker.offers = renewed;
        worker.name = announcement.name;
        worker.software = announcement.software;
        worker.draining = false;
        for job in orphans {
            if let Some(running) = self.jobs.get(&job) {
                let lease = match (running.rival, running.phase) {
                    (Some(rival), _) if rival.worker == id => Some(rival.lease),
                    (_, Phase::Assigned { lease, .. }) => Some(lease),
                    (_, Phase::Waiting) => None,
                };
                outputs.extend(lease.map(|lease| Output::Stop { job, worker: id, lease }));
            }
            self.worker_lost_job(now, id, job, meter, outputs)?;
        }
        self.open_offers(now, id, meter, outputs);
        Ok(())
    }

    pub(super) fn worker_beat(&mut self, now: Timestamp, id: WorkerId, tokens_per_s: Option<f32>) {
        let Some(worker) = self.workers.get_mut(&id) else { return };
        self.beats.remove(&(worker.last_beat, id));
        worker.last_beat = now;
        self.beats.insert((now, id));
        let speed = tokens_per_s.filter(|speed| speed.is_finite() && *speed > 0.0);
        if let (Some(speed), Some(offer), false) = (speed, worker.offers.first_mut(), worker.draining) {
            self.offers.update((id, 0), offer, |offer| offer.tokens_per_s = Some(speed));
        }
    }

    pub(super) fn worker_draining(&mut self, id: WorkerId) {
        self.close_offers(id);
        if let Some(worker) = self.workers.get_mut(&id) {
            worker.draining = true;
        }
    }

    pub(super) fn worker_left(
        &mut self,
        now: Timestamp,
        id: WorkerId,
        meter: &impl Meter,
        outputs: &mut Vec<Output>,
    ) -> Result<(), Corrupt> {
        self.close_offers(id);
        let Some(worker) = self.workers.get_mut(&id) else { return Ok(()) };
        self.beats.remove(&(worker.last_beat, id));
        for job in std::mem::take(&mut worker.jobs).into_keys() {
            self.worker_lost_job(now, id, job, meter, outputs)?;
        }
        self.workers.remove(&id);
        Ok(())
    }

    /// Makes a worker's offers known to the scheduler, and gives it what waits for such.
    fn open_offers(&mut self, now: Timestamp, id: WorkerId, meter: &impl Meter, outputs: &mut Vec<Output>) {
        let Some(worker) = self.workers.get(&id) else { return };
        for (index, offer) in (0..).zip(&worker.offers) {
            self.offers.enter((id, index), offer);
        }
        let offers = worker.offers.len() as u16;
        self.look_what_is_vouched_for(id);
        for index in 0..offers {
            self.hold_or_lift_of(id, index);
        }
        self.look_who_could_judge();
        for index in 0..offers {
            self.fill(now, (id, index), meter, outputs);
        }
    }

    fn close_offers(&mut self, id: WorkerId) {
        let Some(worker) = self.workers.get(&id).filter(|worker| !worker.draining) else { return };
        for (index, offer) in (0..).zip(&worker.offers) {
            self.offers.leave((id, index), offer);
        }
        let is_house = worker.house;
        if is_house {
            self.look_what_is_vouched_for(id);
        }
        self.look_who_could_judge();
    }

    /// Gives waiting jobs to an offer while it has free slots and there are any that it can take.
    pub(super) fn fill(
        &mut self,
        now: Timestamp,
        offer_id: (WorkerId, u16),
        meter: &impl Meter,
        outputs: &mut Vec<Output>,
    ) {
        loop {
            let Some(worker) = self.workers.get(&offer_id.0).filter(|worker| !worker.draining) else {
                return;
            };
            let Some(offer) = worker.offers.get(usize::from(offer_id.1)).filter(|offer| offer.has_slot())
            else {
                return;
            };
            let takes = |job: JobId| {
                let Some(open) = self.state.open().get(&job) else { return false };
                self.wish(&open.job, &open.price).fits(offer_id.0, offer)
            };
            let Some(job) = self.waiting.first_for(&offer.capability, &offer.model, takes) else { return };
            self.assign(now, job, offer_id, meter, outputs);
        }
    }
}

/// Whose a worker is.
#[derive(Clone, Copy)]
struct Whose {
    account: AccountId,
    house: bool,
    peer: Option<AccountId>,
}

fn offers(
    announcement: &Announcement,
    Whose { account, house, peer }: Whose,
    link_us: u64,
    sizes: &SizeRules,
) -> Vec<Offer> {
    let offer = |offer: &CapabilityOffer| Offer {
        capability: offer.capability.clone(),
        model: offer.model.clone(),
        size: sizes.size(&offer.model, offer.parameters),
        account,
        slots: offer.slots,
        busy: 0,
        on_hold: false,
        shape: Shape {
            limits: offer.limits,
            ask: offer.price,
            can: offer.can,
            house,
            peer,
            unvouched: false,
        },
        tokens_per_s: offer.tokens_per_s,
        first_chunk_us: None,
        first_chunk_deviation_us: 0.0,
        service_us: None,
        link_us,
        hops: if peer.is_some() { offer.hops.saturating_add(1) } else { 0 },
        languages: offer.languages.clone(),
        voices: offer.voices.clone(),
        tool: offer.tool.clone(),
    };
    announcement.offers.iter().map(offer).collect()
}
