//! What can be seen of the realm from outside. Changes nothing.

use std::collections::BTreeMap;

use mtor_protocol::http::{CapabilityQueue, JobState, OfferInfo, QueueInfo, TrustInfo, WorkerInfo};
use mtor_protocol::{CapabilityKind, JobId, Micro, Timestamp};

use super::{Phase, Realm, WorkerId};
use crate::entry::NewJob;

/// An open job, seen from outside.
#[derive(Debug, Clone, PartialEq)]
pub struct JobView<'a> {
    /// The job.
    pub job: &'a NewJob,
    /// Waiting or running.
    pub state: JobState,
    /// What is held.
    pub hold: Micro,
    /// When it was taken.
    pub accepted: Timestamp,
    /// Who has it, and under which lease.
    pub worker: Option<(WorkerId, u64)>,
    /// The names of the workers that had it, the present one last.
    pub workers: &'a [String],
    /// How many start before it, while it waits.
    pub position: Option<u32>,
    /// How long until it starts, in milliseconds; `None` when it can't be known.
    pub eta_ms: Option<u64>,
}

impl Realm {
    /// An open job; `None` when it has ended or never was.
    pub fn job(&self, id: JobId) -> Option<JobView<'_>> {
        let (open, running) = (self.state.open().get(&id)?, self.jobs.get(&id)?);
        let (state, worker, position) = match running.phase {
            Phase::Waiting => {
                (JobState::Queued, None, Some(self.waiting.before(&open.job.capability, running.rank)))
            }
            Phase::Assigned { worker, lease, .. } => (JobState::Running, Some((worker, lease)), None),
        };
        Some(JobView {
            job: &open.job,
            state,
            hold: open.hold,
            accepted: open.accepted,
            worker,
            workers: &running.workers,
            position,
            eta_ms: position.and_then(|position| self.eta_ms(&open.job, &open.price, position)),
        })
    }

    /// Jobs that wait and run, by capability, by service class and by wallet.
    pub fn queue_info(&self, now: Timestamp) -> QueueInfo {
        let mut capabilities: BTreeMap<CapabilityKind, CapabilityQueue> = BTreeMap::new();
        let mut of = |kind: &CapabilityKind, change: &dyn Fn(&mut CapabilityQueue)| {
            let empty = CapabilityQueue { capability: kind.clone(), queued: 0, running: 0, slots: 0 };
            change(capabilities.entry(kind.clone()).or_insert(empty));
        };
        self.offers.capabilities().for_each(|(kind, slots)| of(kind, &|queue| queue.slots = slots));
        self.waiting.lengths().for_each(|(kind, length)| of(kind, &|queue| queue.queued = length));
        for offer in self.workers.values().flat_map(|worker| &worker.offers) {
            of(&offer.capability, &|queue| queue.running += offer.busy);
        }
        let capabilities: Vec<_> = capabilities.into_values().collect();
        QueueInfo {
            queued: capabilities.iter().map(|queue| queue.queued).sum(),
            running: capabilities.iter().map(|queue| queue.running).sum(),
            capabilities,
            classes: self.class_infos(now),
            wallets: self.wallet_shares(),
        }
    }

    /// Everybody who works here, the longest here first.
    pub fn worker_infos(&self) -> Vec<WorkerInfo> {
        let mut workers: Vec<_> = self.workers.iter().collect();
        workers.sort_unstable_by_key(|(id, _)| **id);
        let info = |(id, worker): (&WorkerId, &super::Worker)| WorkerInfo {
            id: id.0,
            name: worker.name.clone(),
            did: worker.did.clone(),
            software: worker.software.clone(),
            since: worker.since,
            draining: worker.draining,
            house: worker.house,
            jobs_done: worker.jobs_done,
            earned: worker.earned,
            offers: worker
                .offers
                .iter()
                .map(|offer| OfferInfo {
                    capability: offer.capability.clone(),
                    model: offer.model.clone(),
                    slots: offer.slots,
                    busy: offer.busy,
                    limits: offer.shape.limits,
                    tokens_per_s: offer.tokens_per_s,
                    price: offer.shape.ask,
                    size: offer.size,
                    languages: offer.languages.clone(),
                    voices: offer.voices.clone(),
                    tool: offer.tool.clone(),
                    can: offer.shape.can,
                })
                .collect(),
            records: self
                .records(worker.account)
                .map(|(kind, record)| TrustInfo {
                    capability: kind.clone(),
                    run: record.run(),
                    audits: record.audits(),
                    failures: record.failures(),
                    probation: record.is_on_probation(&self.config.trust),
                })
                .collect(),
        };
        workers.into_iter().map(info).collect()
    }

    /// A worker's name and key, while it is attached.
    pub fn worker_name(&self, id: WorkerId) -> Option<(&str, &mtor_protocol::Did)> {
        self.workers.get(&id).map(|worker| (worker.name.as_str(), &worker.did))
    }

    /// The model of one offer of an attached worker.
    pub fn offer_model(&self, id: WorkerId, offer: u16) -> Option<&str> {
        let worker = self.workers.get(&id)?;
        worker.offers.get(usize::from(offer)).map(|offer| offer.model.as_str())
    }

    /// The largest window among the offers that a job is served from, in tokens; `None` when one has no limit or none
    /// is there. Bounds what a prompt can cost.
    pub fn largest_window(&self, capability: &CapabilityKind, model: &str) -> Option<u32> {
        self.offers.pool(capability, model)?.largest_window()
    }

    /// How many workers are attached.
    pub fn workers_attached(&self) -> usize {
        self.workers.len()
    }

    /// Whether the realm takes no new jobs any more.
    pub fn is_draining(&self) -> bool {
        self.draining
    }
}
