//! The offers that a job is served from, so arranged that the fastest free one is found in O(log n).
//!
//! Offers with the same limits, price and owner stand in one [`Group`]: whether a job fits is asked once per group, not
//! once per worker. Inside a group the free ones are sorted by expected time; the groups are sorted by their fastest.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;

use mtor_protocol::{AccountId, ModelSize};

use super::OfferId;
use super::offer::{Fault, Offer, Only, RATE_UNIT, RING_POINTS_MAX, Shape, Wish};

/// An owner of the prompt's prefix is preferred when it is at most so many times slower than the fastest.
const PREFIX_PATIENCE: u64 = 2;

/// A free offer, and when it would be done.
type Free = (u64, OfferId);

/// The offers of one model, or of one capability whatever the model.
#[derive(Debug, Default)]
pub(crate) struct Pool {
    groups: HashMap<Shape, Group>,
    /// The fastest free offer of each group that has one.
    heads: BTreeMap<Free, Shape>,
    /// Offers of others than the house, by the account that they are paid to.
    own: HashMap<AccountId, BTreeSet<OfferId>>,
    /// How many offers are the house's.
    house: u32,
    /// Offers that have a slot, but are on hold.
    on_hold: BTreeSet<Free>,
    /// Consistent hashing of prompt prefixes: faster offers have more points.
    ring: BTreeMap<u64, OfferId>,
    /// How many offers have models of each size.
    sizes: [u32; ModelSize::ALL.len()],
}

#[derive(Debug, Default)]
struct Group {
    offers: u32,
    slots: u32,
    /// The sum of [`Offer::rate`], a whole number so that adding and taking away never drifts.
    rate: u64,
    free: BTreeSet<Free>,
}

/// What a pool keeps of one offer, to be replaced when it changes.
#[derive(Clone, Copy)]
pub(super) struct Standing {
    free: Option<Free>,
    on_hold: Option<Free>,
    rate: u64,
}

impl Standing {
    pub(super) fn of(id: OfferId, offer: &Offer) -> Self {
        let place = offer.has_slot().then(|| (offer.expected_us(), id));
        Self {
            free: place.filter(|_| !offer.on_hold),
            on_hold: place.filter(|_| offer.on_hold),
            rate: offer.rate(),
        }
    }
}

impl Pool {
    pub(super) fn enter(&mut self, id: OfferId, offer: &Offer) {
        let group = self.groups.entry(offer.shape).or_default();
        group.offers += 1;
        group.slots += offer.slots;
        group.rate += offer.rate();
        if let Some(free) = Standing::of(id, offer).free {
            let head = group.free.first().copied();
            group.free.insert(free);
            move_head(&mut self.heads, offer.shape, head, group.free.first().copied());
        }
        self.on_hold.extend(Standing::of(id, offer).on_hold);
        match offer.shape.house {
            true => self.house += 1,
            false => drop(self.own.entry(offer.account).or_default().insert(id)),
        }
        for point in 0..offer.ring_points() {
            self.ring.insert(ring_key(id, point), id);
        }
        self.sizes[offer.size as usize] += 1;
    }

    pub(super) fn leave(&mut self, id: OfferId, offer: &Offer) {
        if let Some(group) = self.groups.get_mut(&offer.shape) {
            group.offers -= 1;
            group.slots -= offer.slots;
            group.rate -= offer.rate();
            let head = group.free.first().copied();
            group.free.remove(&(offer.expected_us(), id));
            move_head(&mut self.heads, offer.shape, head, group.free.first().copied());
            if group.offers == 0 {
                self.groups.remove(&offer.shape);
            }
        }
        if let Some(waits) = Standing::of(id, offer).on_hold {
            self.on_hold.remove(&waits);
        }
        if offer.shape.house {
            self.house -= 1;
        } else if let Some(own) = self.own.get_mut(&offer.account) {
            own.remove(&id);
            if own.is_empty() {
                self.own.remove(&offer.account);
            }
        }
        for key in (0..RING_POINTS_MAX).map(|point| ring_key(id, point)) {
            if self.ring.get(&key) == Some(&id) {
                self.ring.remove(&key);
            }
        }
        self.sizes[offer.size as usize] -= 1;
    }

    pub(super) fn update(&mut self, shape: &Shape, before: Standing, after: Standing) {
        let Some(group) = self.groups.get_mut(shape) else { return };
        group.rate = group.rate - before.rate + after.rate;
        if before.on_hold != after.on_hold {
            if let Some(place) = before.on_hold {
                self.on_hold.remove(&place);
            }
            self.on_hold.extend(after.on_hold);
        }
        if before.free == after.free {
            return;
        }
        let head = group.free.first().copied();
        if let Some(free) = before.free {
            group.free.remove(&free);
        }
        if let Some(free) = after.free {
            group.free.insert(free);
        }
        move_head(&mut self.heads, *shape, head, group.free.first().copied());
    }

    /// The free offer that is expected to be done first: among equals an owner of the prompt's prefix.
    pub(super) fn choose<'a>(
        &self,
        wish: &Wish<'_>,
        lookup: impl Fn(OfferId) -> Option<&'a Offer>,
    ) -> Option<OfferId> {
        let free = |id: OfferId| {
            let offer = lookup(id).filter(|offer| offer.has_slot() && wish.fits(id.0, offer))?;
            Some((offer.expected_us(), id))
        };
        if let Some(Only::Tried(account) | Only::Drawn(account)) = wish.only {
            return self.of_account(account).filter_map(free).min().map(|(_, id)| id);
        }
        let own = self.own_of(wish).filter_map(free).min();
        // Of those on hold only the realm asks anything. They are few: strangers that are new here.
        let on_hold = wish.is_the_realms().then(|| {
            let places = self.on_hold.iter().copied();
            places.filter(|(_, id)| lookup(*id).is_some_and(|offer| wish.fits(id.0, offer))).min()
        });
        let (best_us, best) = [self.fastest(wish), own, on_hold.flatten()].into_iter().flatten().min()?;
        let is_peers = |id| lookup(id).is_some_and(|offer| offer.shape.peer.is_some());
        let as_near = |id: &OfferId| is_peers(*id) == is_peers(best);
        let owner = wish.prefix.and_then(|prefix| {
            let owners = self.owners(prefix).into_iter().flatten().filter(as_near).filter_map(free);
            owners.filter(|(us, _)| *us <= best_us.saturating_mul(PREFIX_PATIENCE)).map(|(_, id)| id).next()
        });
        Some(owner.unwrap_or(best))
    }

    /// The fastest free offer among the groups that fit. The groups come in the order of their fastest, so that the
    /// first one that fits has the answer, unless its fastest was tried already. A peer realm is asked only when no worker
    /// that is attached here is free.
    fn fastest(&self, wish: &Wish<'_>) -> Option<Free> {
        self.fastest_of(wish, false).or_else(|| self.fastest_of(wish, true))
    }

    fn fastest_of(&self, wish: &Wish<'_>, peers: bool) -> Option<Free> {
        let untried = |(_, id): &Free| !wish.tried.contains(&id.0);
        let mut best: Option<Free> = None;
        for (head, shape) in &self.heads {
            if best.is_some_and(|best| best <= *head) {
                break;
            }
            if shape.peer.is_some() != peers {
                continue;
            }
            if wish.fault_of_shape(shape).is_some() || (wish.only == Some(Only::House) && !shape.house) {
                continue;
            }
            if untried(head) {
                return Some(*head);
            }
            let next = self.groups.get(shape).and_then(|group| group.free.iter().copied().find(untried));
            best = [best, next].into_iter().flatten().min();
        }
        best
    }

    /// Offers of the job's own wallet, when whose they are matters: those that [`Wish::fault_of_shape`] does not know.
    fn own_of(&self, wish: &Wish<'_>) -> impl Iterator<Item = OfferId> {
        let own = wish.is_private().then(|| self.own.get(&wish.job.account)).flatten();
        own.into_iter().flatten().copied()
    }

    /// How many offers fit, free or not, tried or not; and for those that don't, how many have which fault.
    pub(super) fn fitting<'a>(
        &self,
        wish: &Wish<'_>,
        lookup: impl Fn(OfferId) -> Option<&'a Offer>,
    ) -> (u32, BTreeMap<Fault, u32>) {
        let mut fit = 0;
        let mut faults: BTreeMap<Fault, u32> = BTreeMap::new();
        for (shape, group) in &self.groups {
            match wish.fault_of_shape(shape) {
                None => fit += group.offers,
                Some(fault) => *faults.entry(fault).or_default() += group.offers,
            }
        }
        for offer in self.own_of(wish).filter_map(lookup) {
            // By its shape it was counted as a stranger's.
            if let Some(strangers) = faults.get_mut(&Fault::Privacy) {
                *strangers = strangers.saturating_sub(1);
            }
            match wish.fault_of(offer) {
                None => fit += 1,
                Some(fault) => *faults.entry(fault).or_default() += 1,
            }
        }
        faults.retain(|_, count| *count > 0);
        (fit, faults)
    }

    /// Whether any offer fits, free or not.
    pub(super) fn any_fits<'a>(
        &self,
        wish: &Wish<'_>,
        lookup: impl Fn(OfferId) -> Option<&'a Offer>,
    ) -> bool {
        self.groups.keys().any(|shape| wish.fault_of_shape(shape).is_none())
            || self.own_of(wish).filter_map(lookup).any(|offer| wish.fault_of(offer).is_none())
    }

    /// How many jobs the measured offers that fit finish in a second, all slots busy; `None` when none of them has
    /// been measured.
    pub(super) fn jobs_per_s<'a>(
        &self,
        wish: &Wish<'_>,
        lookup: impl Fn(OfferId) -> Option<&'a Offer>,
    ) -> Option<f64> {
        let groups = self.groups.iter().filter(|(shape, _)| wish.fault_of_shape(shape).is_none());
        let own = self.own_of(wish).filter_map(lookup).filter(|offer| wish.fault_of(offer).is_none());
        let rate = groups.map(|(_, group)| group.rate).sum::<u64>() + own.map(Offer::rate).sum::<u64>();
        (rate > 0).then(|| rate as f64 / RATE_UNIT)
    }

    /// The largest window of its offers, in tokens; `None` when one has no limit.
    pub(crate) fn largest_window(&self) -> Option<u32> {
        let windows = self.groups.keys().map(|shape| shape.limits.context_tokens);
        windows.collect::<Option<Vec<_>>>()?.into_iter().max()
    }

    /// The sizes of the models on offer, the smallest first.
    pub(super) fn sizes(&self) -> impl Iterator<Item = ModelSize> {
        ModelSize::ALL.into_iter().filter(|size| self.sizes[*size as usize] > 0)
    }

    /// Offers of an account that is not the house's.
    pub(super) fn of_account(&self, account: AccountId) -> impl Iterator<Item = OfferId> {
        self.own.get(&account).into_iter().flatten().copied()
    }

    /// One of those who offer something and could do this, drawn by lot: each account has one lot, however many workers it has
    /// and however fast they are, and the house has one. `but` are out of it.
    pub(super) fn draw<'a>(
        &self,
        lot: u64,
        wish: &Wish<'_>,
        but: &[AccountId],
        lookup: impl Fn(OfferId) -> Option<&'a Offer>,
    ) -> Option<Only> {
        let fits = |only: Only| {
            let wish = Wish { only: Some(only), ..*wish };
            match only {
                Only::House => self.groups.keys().any(|of| of.house && wish.fault_of_shape(of).is_none()),
                Only::Tried(account) | Only::Drawn(account) => {
                    self.of_account(account).any(|id| lookup(id).is_some_and(|offer| wish.fits(id.0, offer)))
                }
            }
        };
        let accounts = self.own.keys().filter(|account| !but.contains(account)).map(|account| {
            let [high, low] = [(account.0 >> 64) as u64, account.0 as u64];
            (mix(lot ^ high, low), Only::Drawn(*account))
        });
        let house = (self.house > 0).then_some((mix(lot, 0), Only::House));
        let fitting = accounts.chain(house).filter(|(_, only)| fits(*only));
        fitting.min_by_key(|(place, _)| *place).map(|(_, only)| only)
    }

    /// Whether the house offers something.
    pub(super) fn has_house(&self) -> bool {
        self.house > 0
    }

    /// Whether anybody but this account offers something.
    pub(super) fn has_others_than(&self, account: AccountId) -> bool {
        self.house > 0 || self.own.len() > usize::from(self.own.contains_key(&account))
    }

    /// Slots of all offers.
    pub(super) fn slots(&self) -> u32 {
        self.groups.values().map(|group| group.slots).sum()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

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

/// Keeps the order of groups right when the fastest free offer of one has changed.
fn move_head(heads: &mut BTreeMap<Free, Shape>, shape: Shape, before: Option<Free>, after: Option<Free>) {
    if before == after {
        return;
    }
    if let Some(head) = before {
        heads.remove(&head);
    }
    if let Some(head) = after {
        heads.insert(head, shape);
    }
}

fn ring_key(id: OfferId, point: u64) -> u64 {
    mix(id.0.0, u64::from(id.1) << 32 | point)
}

/// Spreads two numbers over 64 bits (the finaliser of SplitMix64, by Steele, Lea and Flood).
fn mix(a: u64, b: u64) -> u64 {
    let mut z = a.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(b).wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
