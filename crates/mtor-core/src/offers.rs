//! Who can do what: every offer of every worker, arranged so that the fastest free one for a job is found in
//! O(log n), and so that a job which nobody can take is refused with the reason in numbers.
//!
//! Offers with the same limits, price and owner stand in one [`Group`]: whether a job fits is asked once per group,
//! not once per worker. Inside a group the free ones are sorted by expected time.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;

use mtor_protocol::worker::OfferLimits;
use mtor_protocol::{CapabilityKind, Price, Privacy, Problem, ProblemKind};

use crate::entry::NewJob;
use crate::realm::WorkerId;

/// The time that a job is taken to need on a worker that has not been measured, in microseconds.
const SERVICE_US_UNKNOWN: f64 = 2_000_000.0;
/// The length of an answer by which a speed in tokens per second becomes a time.
const TYPICAL_TOKENS: f64 = 100.0;
/// The weight of the newest measurement in the moving averages.
const EWMA_WEIGHT: f64 = 0.3;
/// An owner of the prompt's prefix is preferred when it is at most so many times slower than the fastest.
const PREFIX_PATIENCE: u64 = 2;
/// By how much jobs per second are multiplied to be counted in whole numbers.
const RATE_UNIT: f64 = 1e6;
/// Most points of one offer on the ring of prefixes.
const RING_POINTS_MAX: f64 = 16.0;

/// One offer of one worker: the worker and the offer's index in its announcement.
pub(crate) type OfferId = (WorkerId, u16);

/// What an offer looks like to a job. Offers that look the same stand in one group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) limits: OfferLimits,
    pub(crate) ask: Price,
    /// Attached by the realm itself.
    pub(crate) house: bool,
}

/// An offer with its load and its measured speed.
#[derive(Debug, Clone)]
pub(crate) struct Offer {
    pub(crate) capability: CapabilityKind,
    pub(crate) model: String,
    pub(crate) slots: u32,
    pub(crate) busy: u32,
    pub(crate) shape: Shape,
    pub(crate) tokens_per_s: Option<f32>,
    /// Moving averages in microseconds; `None` until measured here.
    pub(crate) first_chunk_us: Option<f64>,
    pub(crate) service_us: Option<f64>,
    /// Round trip to the worker, in microseconds.
    pub(crate) link_us: u64,
}

impl Offer {
    pub(crate) fn is_free(&self) -> bool {
        self.busy < self.slots
    }

    /// What was measured of one job.
    pub(crate) fn measured(&mut self, first_chunk_us: u64, service_us: u64) {
        let blend = |old: Option<f64>, new: u64| {
            let new = new as f64;
            Some(old.map_or(new, |old| old + EWMA_WEIGHT * (new - old)))
        };
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
        (first + service * crowding) as u64 + self.link_us
    }

    /// Jobs per second with all slots busy, in millionths; nothing until measured.
    fn rate(&self) -> u64 {
        self.service_us
            .map_or(0, |service| (f64::from(self.slots) * 1e6 / service.max(1.0) * RATE_UNIT) as u64)
    }

    fn ring_points(&self) -> u64 {
        (10e6 / self.expected_us().max(1) as f64).clamp(1.0, RING_POINTS_MAX) as u64
    }
}

/// The offers of one model, or of one capability whatever the model.
#[derive(Debug, Default)]
pub(crate) struct Pool {
    groups: Vec<Group>,
    /// Consistent hashing of prompt prefixes: faster offers have more points.
    ring: BTreeMap<u64, OfferId>,
    /// The sum of [`Offer::rate`], a whole number so that adding and taking away never drifts.
    rate: u64,
}

#[derive(Debug)]
struct Group {
    shape: Shape,
    offers: u32,
    slots: u32,
    free: BTreeSet<(u64, OfferId)>,
}

impl Pool {
    fn enter(&mut self, id: OfferId, offer: &Offer) {
        let group = match self.groups.iter_mut().position(|group| group.shape == offer.shape) {
            Some(index) => &mut self.groups[index],
            None => {
                self.groups.push(Group { shape: offer.shape, offers: 0, slots: 0, free: BTreeSet::new() });
                let last = self.groups.len() - 1;
                &mut self.groups[last]
            }
        };
        group.offers += 1;
        group.slots += offer.slots;
        if offer.is_free() {
            group.free.insert((offer.expected_us(), id));
        }
        self.rate += offer.rate();
        for point in 0..offer.ring_points() {
            self.ring.insert(mix(id.0.0, u64::from(id.1) << 32 | point), id);
        }
    }

    fn leave(&mut self, id: OfferId, offer: &Offer) {
        if let Some(index) = self.groups.iter().position(|group| group.shape == offer.shape) {
            let group = &mut self.groups[index];
            group.offers -= 1;
            group.slots -= offer.slots;
            group.free.remove(&(offer.expected_us(), id));
            if group.offers == 0 {
                self.groups.swap_remove(index);
            }
        }
        self.rate -= offer.rate();
        for point in 0..RING_POINTS_MAX as u64 {
            let key = mix(id.0.0, u64::from(id.1) << 32 | point);
            if self.ring.get(&key) == Some(&id) {
                self.ring.remove(&key);
            }
        }
    }

    fn update(&mut self, id: OfferId, shape: &Shape, before: &Standing, after: &Standing) {
        if let Some(group) = self.groups.iter_mut().find(|group| group.shape == *shape) {
            before.free_at_us.map(|score| group.free.remove(&(score, id)));
            after.free_at_us.map(|score| group.free.insert((score, id)));
        }
        self.rate = self.rate - before.rate + after.rate;
    }

    /// How many jobs the measured offers finish in a second, all slots busy; `None` when none has been measured.
    pub(crate) fn jobs_per_s(&self) -> Option<f64> {
        (self.rate > 0).then(|| self.rate as f64 / RATE_UNIT)
    }

    /// The largest window of its offers, in tokens; `None` when one has no limit.
    pub(crate) fn largest_window(&self) -> Option<u32> {
        let windows = self.groups.iter().map(|group| group.shape.limits.context_tokens);
        windows.collect::<Option<Vec<_>>>()?.into_iter().max()
    }

    /// Slots of all offers.
    pub(crate) fn slots(&self) -> u32 {
        self.groups.iter().map(|group| group.slots).sum()
    }

    fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }
}

/// What the pools keep of one offer, to be replaced when it changes.
struct Standing {
    free_at_us: Option<u64>,
    rate: u64,
}

impl Standing {
    fn of(offer: &Offer) -> Self {
        Self { free_at_us: offer.is_free().then(|| offer.expected_us()), rate: offer.rate() }
    }
}

/// What a pool is asked about a job, besides what the job says.
pub(crate) struct Wish<'a> {
    pub(crate) job: &'a NewJob,
    /// The price that holds for the job.
    pub(crate) price: &'a Price,
    /// Workers that had it already.
    pub(crate) tried: &'a [WorkerId],
    /// A window that has turned out too small for it.
    pub(crate) window_too_small: Option<u32>,
}

/// Why an offer can't take a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fault {
    InputBytes(u32),
    Window(u32),
    Price,
    Privacy,
}

impl Wish<'_> {
    /// Whether a worker of this shape may have the job.
    pub(crate) fn fits(&self, worker: WorkerId, shape: &Shape) -> bool {
        !self.tried.contains(&worker) && self.fault(shape).is_none()
    }

    fn fault(&self, shape: &Shape) -> Option<Fault> {
        if self.job.privacy == Privacy::Own && !shape.house {
            return Some(Fault::Privacy);
        }
        if !shape.ask.within(self.price) {
            return Some(Fault::Price);
        }
        match (shape.limits.input_bytes, shape.limits.context_tokens, self.window_too_small) {
            (Some(limit), _, _) if self.job.input_bytes > limit => Some(Fault::InputBytes(limit)),
            (_, Some(window), Some(too_small)) if window <= too_small => Some(Fault::Window(window)),
            _ => None,
        }
    }
}

/// All pools.
#[derive(Debug, Default)]
pub(crate) struct Offers {
    capabilities: HashMap<CapabilityKind, Capability>,
}

#[derive(Debug, Default)]
struct Capability {
    any: Pool,
    models: HashMap<String, Pool>,
}

impl Offers {
    pub(crate) fn enter(&mut self, id: OfferId, offer: &Offer) {
        let capability = self.capabilities.entry(offer.capability.clone()).or_default();
        capability.any.enter(id, offer);
        capability.models.entry(offer.model.clone()).or_default().enter(id, offer);
    }

    pub(crate) fn leave(&mut self, id: OfferId, offer: &Offer) {
        let Some(capability) = self.capabilities.get_mut(&offer.capability) else { return };
        capability.any.leave(id, offer);
        if let Some(pool) = capability.models.get_mut(&offer.model) {
            pool.leave(id, offer);
            if pool.is_empty() {
                capability.models.remove(&offer.model);
            }
        }
        if capability.any.is_empty() {
            self.capabilities.remove(&offer.capability);
        }
    }

    /// Keeps the order of free offers right while an offer's load or speed changes.
    pub(crate) fn update(&mut self, id: OfferId, offer: &mut Offer, change: impl FnOnce(&mut Offer)) {
        let before = Standing::of(offer);
        change(offer);
        let after = Standing::of(offer);
        let Some(capability) = self.capabilities.get_mut(&offer.capability) else { return };
        capability.any.update(id, &offer.shape, &before, &after);
        if let Some(pool) = capability.models.get_mut(&offer.model) {
            pool.update(id, &offer.shape, &before, &after);
        }
    }

    /// How many offers could take this job, free or not, tried or not.
    pub(crate) fn feasible_offers(&self, wish: &Wish<'_>) -> usize {
        let Some(pool) = self.pool(&wish.job.capability, &wish.job.model) else { return 0 };
        let fitting = pool.groups.iter().filter(|group| wish.fault(&group.shape).is_none());
        fitting.map(|group| group.offers as usize).sum()
    }

    /// The pool that a job is served from.
    pub(crate) fn pool(&self, capability: &CapabilityKind, model: &str) -> Option<&Pool> {
        let capability = self.capabilities.get(capability)?;
        match model {
            mtor_protocol::intent::DEFAULT_MODEL => Some(&capability.any),
            model => capability.models.get(model),
        }
    }

    /// The free offer that is expected to be done first: among equals an owner of the prompt's prefix.
    pub(crate) fn choose(
        &self,
        wish: &Wish<'_>,
        offer: impl Fn(OfferId) -> Option<Offer>,
    ) -> Option<OfferId> {
        let pool = self.pool(&wish.job.capability, &wish.job.model)?;
        let untried = |(_, id): &&(u64, OfferId)| !wish.tried.contains(&id.0);
        let fastest = |group: &Group| group.free.iter().find(untried).copied();
        let feasible = pool.groups.iter().filter(|group| wish.fault(&group.shape).is_none());
        let (best_us, best) = feasible.filter_map(fastest).min()?;
        let owner = wish.job.prefix.and_then(|prefix| {
            pool.owners(prefix).into_iter().flatten().find(|id| {
                let fits = |offer: Offer| {
                    offer.is_free()
                        && wish.fault(&offer.shape).is_none()
                        && offer.expected_us() <= best_us.saturating_mul(PREFIX_PATIENCE)
                };
                !wish.tried.contains(&id.0) && offer(*id).is_some_and(fits)
            })
        });
        Some(owner.unwrap_or(best))
    }

    /// Whether some attached worker could take this job when it is free.
    ///
    /// # Errors
    /// The reason why none can, in numbers.
    pub(crate) fn feasible(&self, wish: &Wish<'_>) -> Result<&Pool, Problem> {
        let job = wish.job;
        let Some(capability) = self.capabilities.get(&job.capability) else {
            let here = match self.list(self.capabilities.keys().map(CapabilityKind::as_str)) {
                None => "no worker is attached at all".to_owned(),
                Some(names) => format!("attached workers offer: {names}"),
            };
            let detail = format!("no attached worker offers {}; {here}", job.capability);
            return Err(Problem::new(ProblemKind::NoWorker, detail).retry_after_s(5));
        };
        let Some(pool) = self.pool(&job.capability, &job.model) else {
            let names = self.list(capability.models.keys().map(String::as_str)).unwrap_or_default();
            let detail = format!(
                "no attached worker offers {} with the model {:?}; there are: default, {names}",
                job.capability, job.model
            );
            return Err(Problem::new(ProblemKind::UnknownModel, detail).param("model"));
        };
        let mut faults: BTreeMap<Fault, u32> = BTreeMap::new();
        for group in &pool.groups {
            match wish.fault(&group.shape) {
                None => return Ok(pool),
                Some(fault) => *faults.entry(fault).or_default() += group.offers,
            }
        }
        Err(infeasible(job, &faults))
    }

    fn list<'a>(&self, names: impl Iterator<Item = &'a str>) -> Option<String> {
        let names: BTreeSet<_> = names.collect();
        let shown: Vec<_> = names.iter().take(8).copied().collect();
        let more = names.len().saturating_sub(shown.len());
        let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
        (!names.is_empty()).then(|| format!("{}{rest}", shown.join(", ")))
    }

    /// Capabilities on offer, with the slots of each.
    pub(crate) fn capabilities(&self) -> impl Iterator<Item = (&CapabilityKind, u32)> {
        self.capabilities.iter().map(|(kind, capability)| (kind, capability.any.slots()))
    }
}

fn infeasible(job: &NewJob, faults: &BTreeMap<Fault, u32>) -> Problem {
    let workers = |count: u32| if count == 1 { "1 worker".to_owned() } else { format!("{count} workers") };
    let total: u32 = faults.values().sum();
    let reasons = faults.iter().map(|(fault, count)| match fault {
        Fault::InputBytes(limit) => {
            format!("{} takes at most {limit} bytes of text, this has {}", workers(*count), job.input_bytes)
        }
        Fault::Window(window) => {
            format!("{} has a window of {window} tokens, too small for this", workers(*count))
        }
        Fault::Price => format!("{} asks more than the realm's price", workers(*count)),
        Fault::Privacy => {
            format!("{} is not your own, and the job is for your own workers only", workers(*count))
        }
    });
    let detail = format!(
        "{} of {} offer it, and none can take this: {}",
        total,
        workers(total),
        reasons.collect::<Vec<_>>().join("; ")
    );
    let kind = match faults.keys().all(|fault| matches!(fault, Fault::Window(_))) {
        true => ProblemKind::ContextExceeded,
        false => ProblemKind::Infeasible,
    };
    Problem::new(kind, detail)
}

impl Pool {
    /// The two offers that own a prefix: the next two different ones round the ring.
    fn owners(&self, prefix: u64) -> [Option<OfferId>; 2] {
        let start = mix(prefix, 0);
        let mut round =
            self.ring.range((Bound::Included(start), Bound::Unbounded)).chain(self.ring.range(..start));
        let first = round.next().map(|(_, id)| *id);
        let second =
            round.map(|(_, id)| *id).take(2 * RING_POINTS_MAX as usize).find(|id| Some(*id) != first);
        [first, second]
    }
}

/// Spreads two numbers over 64 bits (the finaliser of SplitMix64, by Steele, Lea and Flood).
fn mix(a: u64, b: u64) -> u64 {
    let mut z = a.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(b).wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
