//! One offer of one worker, with its load and its measured speed; and what a job asks of one.

use std::hash::Hash;
use std::sync::Arc;

use mtor_protocol::intent::DEFAULT_MODEL;
use mtor_protocol::worker::OfferLimits;
use mtor_protocol::{
    AccountId, CapabilityKind, ModelSize, Needs, Price, Privacy, ToolInfo, VoiceInfo, Ware, limits,
};

use crate::books::TREASURY;
use crate::entry::NewJob;
use crate::realm::WorkerId;

/// The time that a job is taken to need on a worker that has not been measured, in microseconds.
const SERVICE_US_UNKNOWN: f64 = 2_000_000.0;
/// The length of an answer by which a speed in tokens per second becomes a time.
const TYPICAL_TOKENS: f64 = 100.0;
/// The weight of the newest measurement in the moving averages.
const EWMA_WEIGHT: f64 = 0.3;
/// By how much jobs per second are multiplied to be counted in whole numbers.
pub(super) const RATE_UNIT: f64 = 1e6;
/// The finest that the clock tells, in microseconds. A job measured as shorter took at most so long.
const CLOCK_US: f64 = 1_000.0;
/// Most points of one offer on the ring of prefixes.
pub(super) const RING_POINTS_MAX: u64 = 16;

/// What an offer looks like to a job. Offers that look the same stand in one group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Shape {
    pub(crate) limits: OfferLimits,
    pub(crate) ask: Price,
    pub(crate) can: Needs,
    /// Attached by the realm itself.
    pub(crate) house: bool,
    /// The realm that it is, if it is a peer.
    pub(crate) peer: Option<AccountId>,
    /// Nobody but strangers has its model, so that only friends of its worker could say what an answer is worth.
    pub(crate) unvouched: bool,
}

/// An offer with its load and its measured speed.
#[derive(Debug, Clone)]
pub(crate) struct Offer {
    pub(crate) capability: CapabilityKind,
    pub(crate) model: String,
    /// How large that is.
    pub(crate) size: ModelSize,
    /// Whom it is paid to.
    pub(crate) account: AccountId,
    pub(crate) slots: u32,
    pub(crate) busy: u32,
    /// Takes nothing but what the treasury asks, until there is a verdict on what its account did before.
    pub(crate) on_hold: bool,
    pub(crate) shape: Shape,
    pub(crate) tokens_per_s: Option<f32>,
    /// Moving averages in microseconds; `None` until measured here.
    pub(crate) first_chunk_us: Option<f64>,
    /// How far from it the first chunk usually is, in microseconds.
    pub(crate) first_chunk_deviation_us: f64,
    pub(crate) service_us: Option<f64>,
    /// Round trip to the worker, in microseconds.
    pub(crate) link_us: u64,
    /// How many realms stand behind it, if it is a peer's.
    pub(crate) hops: u8,
    /// What it understands or speaks: for people, nothing is decided by it.
    pub(crate) languages: Vec<String>,
    /// How it can sound: for people too.
    pub(crate) voices: Vec<VoiceInfo>,
    /// How it is used, if it is a tool.
    pub(crate) tool: Option<Arc<ToolInfo>>,
}

impl Offer {
    /// What it is paid for.
    pub(crate) fn ware(&self) -> Ware {
        Ware::new(self.capability.clone(), self.size)
    }

    /// Whether it has a slot left.
    pub(crate) fn has_slot(&self) -> bool {
        self.busy < self.slots
    }

    /// What was measured of one job.
    pub(crate) fn measured(&mut self, first_chunk_us: u64, service_us: u64) {
        let blend = |old: Option<f64>, new: u64| {
            let new = new as f64;
            Some(old.map_or(new, |old| old + EWMA_WEIGHT * (new - old)))
        };
        let off_us = self.first_chunk_us.map_or(0.0, |mean| (first_chunk_us as f64 - mean).abs());
        self.first_chunk_deviation_us += EWMA_WEIGHT * (off_us - self.first_chunk_deviation_us);
        self.first_chunk_us = blend(self.first_chunk_us, first_chunk_us);
        self.service_us = blend(self.service_us, service_us);
    }

    /// How long a job is expected to take here, in microseconds: the measured service time, else from the announced
    /// speed, stretched by those that share the machine, and the way there and back.
    pub(crate) fn expected_us(&self) -> u64 {
        let announced = self.tokens_per_s.map(|speed| TYPICAL_TOKENS / f64::from(speed) * 1e6);
        let service = self.service_us.or(announced).unwrap_or(SERVICE_US_UNKNOWN);
        let crowding = 1.0 + f64::from(self.busy) / f64::from(self.slots.max(1));
        let first = self.first_chunk_us.unwrap_or(0.0);
        ((first + service * crowding) as u64).saturating_add(self.link_us)
    }

    /// How long a job takes, in seconds.
    pub(crate) fn service_s(&self) -> f64 {
        self.service_us.unwrap_or(SERVICE_US_UNKNOWN) / 1e6
    }

    /// Jobs per second with all slots busy, in millionths; nothing until measured.
    pub(super) fn rate(&self) -> u64 {
        self.service_us
            .map_or(0, |service| (f64::from(self.slots) * 1e6 / service.max(CLOCK_US) * RATE_UNIT) as u64)
    }

    pub(super) fn ring_points(&self) -> u64 {
        (10e6 / self.expected_us().max(1) as f64).clamp(1.0, RING_POINTS_MAX as f64) as u64
    }
}

/// Who alone may do a job of the realm's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Only {
    /// Workers of this account: it is they that are tried.
    Tried(AccountId),
    /// Workers of this account, which was drawn by lot.
    Drawn(AccountId),
    /// The house, which was drawn by lot.
    House,
}

impl Only {
    pub(crate) fn includes(self, offer: &Offer) -> bool {
        match self {
            Self::Tried(account) | Self::Drawn(account) => !offer.shape.house && offer.account == account,
            Self::House => offer.shape.house,
        }
    }
}

/// What a pool is asked about a job, besides what the job says.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wish<'a> {
    pub(crate) job: &'a NewJob,
    /// The price that holds for the job.
    pub(crate) price: &'a Price,
    /// The part of the prompt that a worker may still have in its memory.
    pub(crate) prefix: Option<u64>,
    /// Workers that failed with it.
    pub(crate) tried: &'a [WorkerId],
    /// The only ones that are asked, when it is not anybody.
    pub(crate) only: Option<Only>,
    /// A window that has turned out too small for it.
    pub(crate) window_too_small: Option<u32>,
}

/// Why an offer can't take a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fault {
    InputBytes(u32),
    Window(u32),
    Tools,
    Json,
    Price,
    Privacy,
    Peer,
    Hops,
    Unvouched,
}

impl Wish<'_> {
    /// Whether this offer of this worker may have the job.
    pub(crate) fn fits(&self, worker: WorkerId, offer: &Offer) -> bool {
        let on_hold = offer.on_hold && !self.is_the_realms();
        let is_asked = self.only.is_none_or(|only| only.includes(offer));
        is_asked && !on_hold && !self.tried.contains(&worker) && self.fault_of(offer).is_none()
    }

    /// Whether it is the realm that asks, to compare or to be told something: then nobody is on hold.
    pub(super) fn is_the_realms(&self) -> bool {
        self.job.account == TREASURY
    }

    /// Whether the job is for the wallet's own workers, so that whose an offer is matters.
    pub(super) fn is_private(&self) -> bool {
        self.job.privacy == Privacy::Own
    }

    pub(super) fn fault_of(&self, offer: &Offer) -> Option<Fault> {
        let own = offer.shape.house || offer.account == self.job.account;
        if self.is_private() && !own {
            return Some(Fault::Privacy);
        }
        self.fault_of_terms(&offer.shape)
    }

    /// What is wrong with all offers of this shape, whoever they belong to: for a job that is for own workers only,
    /// those that are known to be by their shape are the house's.
    pub(super) fn fault_of_shape(&self, shape: &Shape) -> Option<Fault> {
        if self.is_private() && !shape.house {
            return Some(Fault::Privacy);
        }
        self.fault_of_terms(shape)
    }

    fn fault_of_terms(&self, shape: &Shape) -> Option<Fault> {
        if !shape.ask.within(self.price) {
            return Some(Fault::Price);
        }
        if let Some(peer) = shape.peer {
            let hops = &self.job.hops;
            if !matches!(self.job.privacy, Privacy::Peers | Privacy::Any) {
                return Some(Fault::Peer);
            }
            if hops.len() >= limits::HOPS_MAX || hops.contains(&peer) || self.job.account == peer {
                return Some(Fault::Hops);
            }
        }
        if shape.unvouched && self.job.model == DEFAULT_MODEL {
            return Some(Fault::Unvouched);
        }
        let (needs, can) = (self.job.needs, shape.can);
        if needs.tools && !can.tools {
            return Some(Fault::Tools);
        }
        if needs.json && !can.json {
            return Some(Fault::Json);
        }
        match (shape.limits.input_bytes, shape.limits.context_tokens, self.window_too_small) {
            (Some(limit), _, _) if self.job.input_bytes > limit => Some(Fault::InputBytes(limit)),
            (_, Some(window), Some(too_small)) if window <= too_small => Some(Fault::Window(window)),
            _ => None,
        }
    }
}
