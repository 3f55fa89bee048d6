//! Other realms as peers: an account that may owe for jobs, and workers that are never asked while one of our own is free.

use std::collections::BTreeMap;

use mtor_protocol::{
    AccountId, CapabilityKind, CapabilityOffer, JobId, Micro, ProblemKind, Timestamp, limits,
};

use super::{Output, Realm, Ticket, WorkerId};
use crate::books::is_the_realms;
use crate::entry::Fact;
use crate::offers::Offer;
use crate::state::Corrupt;

/// By how much the jobs of peers are later in line than all own jobs: longer than any job lives.
pub(super) const AFTER_OWN_MS: u64 = 365 * 24 * 60 * 60 * 1_000;

impl Realm {
    pub(super) fn peer(
        &mut self,
        now: Timestamp,
        ticket: Ticket,
        account: AccountId,
        limit: Option<Micro>,
        outputs: &mut Vec<Output>,
    ) -> Result<(), Corrupt> {
        let owed = self.state.books().account(account).least_credit();
        let is_peer = self.state.is_peer(account);
        let (fact, is_so) = match limit {
            Some(_) if is_the_realms(account) => {
                outputs.push(Self::refuse(
                    ticket,
                    ProblemKind::InvalidRequest,
                    "this account is the realm's own",
                ));
                return Ok(());
            }
            Some(limit) if limit < owed => {
                let detail =
                    format!("it owes {owed} coins, so that its limit can't be {limit}; let it settle first");
                outputs.push(Self::refuse(ticket, ProblemKind::InvalidRequest, detail));
                return Ok(());
            }
            Some(limit) => {
                let is_so = is_peer && self.state.books().account(account).credit == limit;
                (Fact::Peered { account, limit }, is_so)
            }
            None => (Fact::Parted { account }, !is_peer),
        };
        if !is_so {
            self.record(now, fact, outputs)?;
        }
        outputs.push(Output::Done { ticket });
        Ok(())
    }

    /// What a peer is offered of these capabilities: what the workers here can do together, at the realm's own price, and what
    /// other peers offer that nobody here does. Nothing that it offers itself.
    pub fn offers_for_peer(
        &self,
        now: Timestamp,
        peer: AccountId,
        kinds: &[CapabilityKind],
    ) -> Vec<CapabilityOffer> {
        let mut nearest: BTreeMap<(&CapabilityKind, &str), CapabilityOffer> = BTreeMap::new();
        let workers = self.workers.values().filter(|worker| !worker.draining && worker.account != peer);
        let offers = workers.flat_map(|worker| &worker.offers);
        for offer in offers.filter(|offer| kinds.contains(&offer.capability)) {
            if usize::from(offer.hops) + 1 >= limits::HOPS_MAX {
                continue;
            }
            let price = self.price(now, &offer.ware(), None);
            let one = || CapabilityOffer {
                price,
                limits: offer.shape.limits,
                tokens_per_s: offer.tokens_per_s,
                languages: offer.languages.clone(),
                can: offer.shape.can,
                hops: offer.hops,
                ..CapabilityOffer::new(offer.capability.clone(), offer.model.clone(), offer.slots)
            };
            let known = nearest
                .entry((&offer.capability, &offer.model))
                .or_insert_with(|| CapabilityOffer { slots: 0, ..one() });
            if offer.hops < known.hops {
                *known = one();
            } else if offer.hops == known.hops {
                also(known, offer);
            }
        }
        let mut offers: Vec<_> = nearest.into_values().collect();
        offers.truncate(limits::OFFERS_MAX);
        offers
    }

    /// Whether a worker is a peer realm; then where a job of it has come through.
    pub fn hops_to(&self, worker: WorkerId, job: JobId) -> Option<&[AccountId]> {
        let account = self.workers.get(&worker)?.account;
        self.state.is_peer(account).then(|| self.state.open().get(&job).map(|open| &*open.job.hops))?
    }
}

/// Two of the same kind are one with the slots of both, and promise what each of them keeps.
fn also(known: &mut CapabilityOffer, offer: &Offer) {
    let least = |a: Option<u32>, b: Option<u32>| [a, b].into_iter().flatten().min();
    let of = offer.shape.limits;
    known.slots = known.slots.saturating_add(offer.slots).min(limits::SLOTS_MAX);
    known.limits.context_tokens = least(known.limits.context_tokens, of.context_tokens);
    known.limits.output_tokens = least(known.limits.output_tokens, of.output_tokens);
    known.limits.input_bytes = least(known.limits.input_bytes, of.input_bytes);
    known.can.tools &= offer.shape.can.tools;
    known.can.json &= offer.shape.can.json;
}
