//! Prices that follow load: each ware's list price (a capability's, done by models of one size) is multiplied by a factor that rises when workers are scarce and
//! falls when they are idle.
//!
//! Every [`PERIOD_MS`], for each ware: the load is the moving average of (busy slots + the slots that would work the
//! queue off within [`PATIENCE_S`]) / slots; its error is (load - 0.8) / 0.8. The base goes up or down by half a percent at
//! most in a period, and the factor is the base times e to the error: the base follows the days, the factor the minutes.
//! Against fixed prices, surge tables and the rule of EIP-1559 this one lost nobody to waiting in simulations of a fivefold
//! surge and of half the workers leaving.
//!
//! Time passes here only when somebody looks: between two inputs the load does not change, so the periods since are made
//! up for then, and no timer is needed.

use std::collections::{BTreeMap, VecDeque};

use mtor_protocol::http::PricePoint;
use mtor_protocol::{Timestamp, Ware};
use serde::{Deserialize, Serialize};

use crate::config::MarketRules;

/// How often a factor changes, in milliseconds.
const PERIOD_MS: u64 = 5_000;
/// How long a quoted price holds, in milliseconds.
pub(crate) const QUOTE_MS: u64 = 30_000;
/// The factor of a list price.
pub(crate) const ONE: u32 = 1_000;

/// The weight of the newest period in the average load.
const WEIGHT: f64 = 0.3;
/// The load at which a price stays as it is.
const TARGET: f64 = 0.8;
/// By how much the base follows the error, in each period.
const GAIN: f64 = 0.005;
/// How soon a queue should be worked off, in seconds.
const PATIENCE_S: f64 = 30.0;
/// With fewer workers the load jumps at every job, so that prices follow it less.
const STEADY_WORKERS: f64 = 50.0;
/// Periods that are made up for at most: a day. After that, everything is at rest.
const CATCH_UP_MAX: u64 = 24 * 3_600 * 1_000 / PERIOD_MS;
/// Between two points of the history, in milliseconds. They stand at whole minutes, also after a restart.
const POINT_MS: u64 = 60_000;
/// Points that are kept here: a day.
const POINTS_MAX: usize = 24 * 60;
/// Wares that have a price of their own at most: strangers may offer capabilities under any name. What is beyond costs what
/// the list says.
const WARES_MAX: usize = 128;

/// How much there is to do, and who is there to do it.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Load {
    /// Slots in use.
    pub busy: u32,
    /// Jobs that wait; those that others may do as well are shared out.
    pub queued: f64,
    /// All slots.
    pub slots: u32,
    /// Workers that have them.
    pub workers: u32,
    /// How long a job takes, in seconds.
    pub service_s: f64,
}

/// What a ware cost at one time, and what it takes to go on from there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriceNote {
    /// Of what.
    pub ware: Ware,
    /// When, and how much.
    pub point: PricePoint,
    /// The base that the price followed, in thousandths of the list price.
    pub base_permille: u32,
}

/// The factors of all wares.
#[derive(Debug, Clone, Default)]
pub struct Market {
    quotations: BTreeMap<Ware, Quotation>,
    /// The end of the present period; not before the first look.
    due: Option<Timestamp>,
}

#[derive(Debug, Clone)]
struct Quotation {
    load: f64,
    base: f64,
    /// In thousandths, as it is multiplied.
    factor: u32,
    /// Since when it was which, as far back as a quote may hold; the present one last.
    lately: VecDeque<(Timestamp, u32)>,
    history: VecDeque<PricePoint>,
}

impl Market {
    /// How often a factor changes, in milliseconds.
    pub const PERIOD_MS: u64 = PERIOD_MS;

    /// Whether a period has ended.
    pub(crate) fn is_due(&self, now: Timestamp) -> bool {
        self.due.is_none_or(|due| due <= now)
    }

    /// Goes on from where the prices of an earlier life stood. The notes come in the order of time.
    pub fn recall(&mut self, notes: impl IntoIterator<Item = PriceNote>) {
        for PriceNote { ware, point, base_permille } in notes {
            if self.quotations.len() >= WARES_MAX && !self.quotations.contains_key(&ware) {
                continue;
            }
            let quotation = self.quotations.entry(ware).or_default();
            quotation.load = f64::from(point.load_percent) / 100.0;
            quotation.base = f64::from(base_permille) / f64::from(ONE);
            quotation.factor = point.factor_permille;
            quotation.lately = VecDeque::from([(point.time, point.factor_permille)]);
            quotation.keep(point);
        }
    }

    /// Makes up for the periods that have ended, in which the load was this. Gives back what is worth to be written down: a
    /// note for each ware and minute.
    pub fn advance(
        &mut self,
        now: Timestamp,
        rules: MarketRules,
        loads: &BTreeMap<Ware, Load>,
    ) -> Vec<PriceNote> {
        let mut notes = Vec::new();
        let Some(due) = self.due else {
            self.due = Some(now.plus_ms(PERIOD_MS));
            return notes;
        };
        if due > now {
            return notes;
        }
        self.make_room(now, loads);
        let ended = (now.since_ms(due) / PERIOD_MS + 1).min(CATCH_UP_MAX);
        // What lies further back has left no trace.
        let mut end = Timestamp(now.0 - now.since_ms(due) % PERIOD_MS - (ended - 1) * PERIOD_MS);
        for _ in 0..ended {
            let is_noted = end.0 / POINT_MS != end.0.saturating_sub(PERIOD_MS) / POINT_MS;
            for (ware, load) in loads {
                let Some(quotation) = self.quotations.get_mut(ware) else { continue };
                quotation.step(end, rules, load);
                if is_noted && load.slots > 0 {
                    let point = quotation.note(Timestamp(end.0 - end.0 % POINT_MS));
                    let base_permille = (quotation.base * f64::from(ONE)).round() as u32;
                    notes.push(PriceNote { ware: ware.clone(), point, base_permille });
                }
            }
            end = end.plus_ms(PERIOD_MS);
        }
        self.due = Some(end);
        notes
    }

    /// Sees to it that what is on offer has a quotation, as far as there may be any more, and that what has not been on offer
    /// for a day has none.
    fn make_room(&mut self, now: Timestamp, loads: &BTreeMap<Ware, Load>) {
        let day_ms = POINT_MS * POINTS_MAX as u64;
        self.quotations.retain(|ware, quotation| {
            loads.contains_key(ware)
                || quotation.history.back().is_some_and(|newest| now.since_ms(newest.time) < day_ms)
        });
        for ware in loads.keys() {
            if self.quotations.len() < WARES_MAX && !self.quotations.contains_key(ware) {
                self.quotations.insert(ware.clone(), Quotation::default());
            }
        }
    }

    /// The factor that holds now, in thousandths; with a quote that expires then, the lower of the two.
    pub fn factor(&self, now: Timestamp, ware: &Ware, quote: Option<Timestamp>) -> u32 {
        let Some(quotation) = self.quotations.get(ware) else { return ONE };
        let quoted = quote.filter(|expires| now <= *expires && *expires <= now.plus_ms(QUOTE_MS));
        let quoted = quoted.map(|expires| quotation.factor_at(Timestamp(expires.0.saturating_sub(QUOTE_MS))));
        quoted.unwrap_or(u32::MAX).min(quotation.factor)
    }

    /// The average load of a ware, as far as it is known.
    pub fn load(&self, ware: &Ware) -> Option<f64> {
        self.quotations.get(ware).map(|quotation| quotation.load)
    }

    /// A ware's prices and loads of the last day, the newest last.
    pub(crate) fn history(&self) -> impl Iterator<Item = (&Ware, &VecDeque<PricePoint>)> {
        self.quotations.iter().map(|(ware, quotation)| (ware, &quotation.history))
    }
}

impl Default for Quotation {
    fn default() -> Self {
        Self { load: TARGET, base: 1.0, factor: ONE, lately: VecDeque::new(), history: VecDeque::new() }
    }
}

impl Quotation {
    fn step(&mut self, end: Timestamp, rules: MarketRules, load: &Load) {
        // Nobody is there: nothing is known of what it should cost.
        if load.slots == 0 {
            return;
        }
        let wanted = f64::from(load.busy) + load.queued * load.service_s / PATIENCE_S;
        self.load += WEIGHT * (wanted / f64::from(load.slots) - self.load);
        let error = (self.load - TARGET) / TARGET;
        let steadiness = (f64::from(load.workers) / STEADY_WORKERS).min(1.0);
        let (floor, cap) = (f64::from(rules.floor_percent) / 100.0, f64::from(rules.cap_percent) / 100.0);
        self.base =
            (self.base * (GAIN * steadiness * error.clamp(-1.0, 1.0)).exp()).clamp(floor, cap.max(floor));
        let factor = self.base * (steadiness * error.clamp(-1.0, 2.0)).exp();
        let factor = (factor * f64::from(ONE)).round().clamp(1.0, f64::from(u32::MAX)) as u32;
        if self.factor != factor || self.lately.is_empty() {
            self.factor = factor;
            self.lately.push_back((end, factor));
        }
        // One that is older than a quote stays: it held at the beginning of that time.
        while self.lately.get(1).is_some_and(|(since, _)| end.since_ms(*since) > QUOTE_MS) {
            self.lately.pop_front();
        }
    }

    fn factor_at(&self, time: Timestamp) -> u32 {
        let held = self.lately.iter().rev().find(|(since, _)| *since <= time).or(self.lately.front());
        held.map_or(self.factor, |(_, factor)| *factor)
    }

    fn note(&mut self, time: Timestamp) -> PricePoint {
        let load_percent = (self.load * 100.0).round().clamp(0.0, f64::from(u32::MAX)) as u32;
        let point = PricePoint { time, factor_permille: self.factor, load_percent };
        self.keep(point);
        point
    }

    fn keep(&mut self, point: PricePoint) {
        if self.history.len() == POINTS_MAX {
            self.history.pop_front();
        }
        self.history.push_back(point);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mtor_protocol::{CapabilityKind, ModelSize};
    use proptest::prelude::*;

    const RULES: MarketRules = MarketRules { floor_percent: 25, cap_percent: 400 };
    const CHAT: Ware = Ware::new(CapabilityKind::CHAT, ModelSize::Small);

    fn loads(busy: u32, queued: u32, workers: u32) -> BTreeMap<Ware, Load> {
        let queued = f64::from(queued);
        BTreeMap::from([(CHAT, Load { busy, queued, slots: workers, workers, service_s: 6.0 })])
    }

    /// A market that was looked at after each of so many periods.
    fn after(market: &mut Market, start: u64, periods: u64, loads: &BTreeMap<Ware, Load>) -> u64 {
        for period in 1..=periods {
            market.advance(Timestamp(start + period * PERIOD_MS), RULES, loads);
        }
        start + periods * PERIOD_MS
    }

    fn market(start: u64) -> Market {
        let mut market = Market::default();
        market.advance(Timestamp(start), RULES, &BTreeMap::new());
        market
    }

    fn now(market: &Market, time: u64) -> u32 {
        market.factor(Timestamp(time), &CHAT, None)
    }

    #[test]
    fn scarce_is_dear_and_idle_is_cheap() {
        let mut market = market(0);
        assert_eq!(now(&market, 0), ONE);
        let mut time = after(&mut market, 0, 20, &loads(80, 0, 100));
        assert!((990..=1_010).contains(&now(&market, time)), "at its target: {}", now(&market, time));
        time = after(&mut market, time, 60, &loads(100, 500, 100));
        let dear = now(&market, time);
        assert!(dear > 2_000, "five minutes of surge: {dear}");
        time = after(&mut market, time, 60, &loads(10, 0, 100));
        let cheap = now(&market, time);
        assert!(cheap < 600, "five quiet minutes: {cheap}");
    }

    #[test]
    fn it_stays_within_its_bounds() {
        let mut market = market(0);
        let time = after(&mut market, 0, 5_000, &loads(100, 100_000, 100));
        assert_eq!(now(&market, time), (4.0 * 2.0_f64.exp() * 1_000.0).round() as u32);
        let time = after(&mut market, time, 5_000, &loads(0, 0, 100));
        assert_eq!(now(&market, time), (0.25 * (-1.0_f64).exp() * 1_000.0).round() as u32);
    }

    #[test]
    fn with_few_workers_prices_hardly_move() {
        let mut market = market(0);
        let time = after(&mut market, 0, 60, &loads(1, 3, 1));
        assert!((1_000..1_060).contains(&now(&market, time)), "{}", now(&market, time));
    }

    #[test]
    fn a_quote_holds_for_thirty_seconds_and_never_makes_it_dearer() {
        let mut market = market(0);
        let quiet = after(&mut market, 0, 60, &loads(80, 0, 100));
        let quoted = now(&market, quiet);
        let expires = Timestamp(quiet + QUOTE_MS);
        let surge = after(&mut market, quiet, 5, &loads(100, 2_000, 100));
        assert!(now(&market, surge) > quoted * 3 / 2);
        assert_eq!(market.factor(Timestamp(surge), &CHAT, Some(expires)), quoted);
        let later = after(&mut market, surge, 2, &loads(100, 2_000, 100));
        assert_eq!(
            market.factor(Timestamp(later), &CHAT, Some(expires)),
            now(&market, later),
            "it has expired"
        );
        let invented = Timestamp(later + 2 * QUOTE_MS);
        assert_eq!(
            market.factor(Timestamp(later), &CHAT, Some(invented)),
            now(&market, later),
            "nobody made it"
        );
        let dear = Timestamp(later + QUOTE_MS);
        let calm = after(&mut market, later, 5, &loads(0, 0, 100));
        assert_eq!(
            market.factor(Timestamp(calm), &CHAT, Some(dear)),
            now(&market, calm),
            "the present price is lower"
        );
    }

    #[test]
    fn a_day_leaves_a_history_of_minutes() {
        let mut market = market(0);
        let days = Timestamp(3 * 24 * 3_600 * 1_000);
        let notes = market.advance(days, RULES, &loads(8, 0, 10));
        assert_eq!(notes.len(), POINTS_MAX);
        let (_, history) = market.history().next().unwrap();
        assert_eq!(history.len(), POINTS_MAX);
        let times: Vec<u64> = history.iter().map(|point| point.time.0).collect();
        assert!(times.windows(2).all(|pair| pair[1] - pair[0] == 60_000));
    }

    #[test]
    fn an_earlier_life_is_gone_on_with() {
        let mut before = market(0);
        let mut notes = Vec::new();
        for period in 1..=200 {
            notes.extend(before.advance(Timestamp(period * PERIOD_MS), RULES, &loads(95, 40, 100)));
        }
        assert_eq!(notes.len(), 16, "a note for each whole minute");
        assert!(notes.iter().all(|note| note.point.time.0 % POINT_MS == 0));
        let last = notes.last().unwrap().point;
        let mut after = Market::default();
        after.recall(notes);
        let restart = last.time.0 + 20_000;
        assert_eq!(after.factor(Timestamp(restart), &CHAT, None), last.factor_permille);
        after.advance(Timestamp(restart), RULES, &BTreeMap::new());
        let none = BTreeMap::from([(CHAT, Load::default())]);
        after.advance(Timestamp(restart + PERIOD_MS), RULES, &none);
        assert_eq!(after.factor(Timestamp(restart + PERIOD_MS), &CHAT, None), last.factor_permille);
        after.advance(Timestamp(restart + 2 * PERIOD_MS), RULES, &loads(95, 40, 100));
        let (was, is) = (f64::from(last.factor_permille), f64::from(now(&after, restart + 2 * PERIOD_MS)));
        assert!((is / was - 1.0).abs() < 0.05, "workers are back, and it costs {is} after {was}");
        assert!(after.history().next().unwrap().1.len() >= 16);
    }

    #[test]
    fn names_of_strangers_do_not_fill_the_memory() {
        let mut market = market(0);
        for round in 0..3 {
            let of = |n: u64| Ware::from(CapabilityKind::new(&format!("tool.n{}", round * 100 + n)).unwrap());
            let load = Load { slots: 1, workers: 1, ..Load::default() };
            let loads = (0..100).map(|n| (of(n), load)).collect();
            market.advance(Timestamp((round + 1) * POINT_MS), RULES, &loads);
            assert!(market.quotations.len() <= WARES_MAX);
        }
        market.advance(Timestamp(3 * 24 * 3_600 * 1_000), RULES, &BTreeMap::new());
        assert_eq!(market.quotations.len(), 0);
    }

    proptest! {
        /// Whether somebody looks at each period or once after many makes no difference.
        #[test]
        fn looking_changes_nothing(busy in 0u32..200, queued in 0u32..5_000, periods in 1u64..500, rest in 0u64..PERIOD_MS) {
            let loads = loads(busy, queued, 100);
            let (mut often, mut once) = (market(7), market(7));
            after(&mut often, 7, periods, &loads);
            let now = Timestamp(7 + periods * PERIOD_MS + rest);
            often.advance(now, RULES, &loads);
            once.advance(now, RULES, &loads);
            prop_assert_eq!(often.factor(now, &CHAT, None), once.factor(now, &CHAT, None));
            prop_assert_eq!(often.due, once.due);
            prop_assert!(often.history().eq(once.history()));
        }
    }
}
