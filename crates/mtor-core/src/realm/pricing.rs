//! What capabilities cost now: the list price, times what the market makes of the load.

use std::borrow::Cow;
use std::collections::BTreeMap;

use mtor_protocol::http::{PriceHistory, PriceInfo};
use mtor_protocol::{CapabilityKind, Price, Timestamp};

use super::Realm;
use crate::market::{Load, Market};

impl Realm {
    /// Looks at the load, if it is time to. Comes before each input: until then the load was as it is.
    pub(super) fn follow_load(&mut self, now: Timestamp) {
        if let Some(rules) = self.config.market
            && self.market.is_due(now)
        {
            let loads = self.loads();
            self.market.advance(now, rules, &loads);
        }
    }

    /// The price that holds now; with a quote that expires then, that one's if it is lower.
    pub(super) fn price(&self, now: Timestamp, kind: &CapabilityKind, quote: Option<Timestamp>) -> Price {
        match self.config.market {
            Some(_) => self.price_in(&self.market_at(now), now, kind, quote),
            None => self.config.price(kind),
        }
    }

    fn price_in(
        &self,
        market: &Market,
        now: Timestamp,
        kind: &CapabilityKind,
        quote: Option<Timestamp>,
    ) -> Price {
        self.config.price(kind).times_permille(market.factor(now, kind, quote))
    }

    /// What capabilities cost now: those with a price of their own, and those that are on offer.
    pub fn prices(&self, now: Timestamp) -> Vec<PriceInfo> {
        let mut kinds: Vec<_> =
            self.config.prices.keys().chain(self.offers.capabilities().map(|(kind, _)| kind)).collect();
        kinds.sort_unstable();
        kinds.dedup();
        let market = self.market_at(now);
        let percent = |load: f64| (load * 100.0).round() as u32;
        kinds
            .into_iter()
            .map(|kind| PriceInfo {
                capability: kind.clone(),
                price: self.price_in(&market, now, kind, None),
                list: self.config.price(kind),
                load_percent: market.load(kind).map(percent),
            })
            .collect()
    }

    /// How prices and loads were in the last day, minute by minute; nothing where prices do not follow load.
    pub fn price_history(&self, now: Timestamp) -> Vec<PriceHistory> {
        let market = self.market_at(now);
        let of = |(kind, points): (&CapabilityKind, &std::collections::VecDeque<_>)| PriceHistory {
            capability: kind.clone(),
            points: points.iter().copied().collect(),
        };
        market.history().map(of).collect()
    }

    /// The market as it is now, also when nothing has happened for a while.
    fn market_at(&self, now: Timestamp) -> Cow<'_, Market> {
        match self.config.market {
            Some(rules) if self.market.is_due(now) => {
                let mut market = self.market.clone();
                market.advance(now, rules, &self.loads());
                Cow::Owned(market)
            }
            _ => Cow::Borrowed(&self.market),
        }
    }

    /// How much there is to do for each capability, and who is there to do it.
    fn loads(&self) -> BTreeMap<CapabilityKind, Load> {
        let mut loads: BTreeMap<CapabilityKind, Load> = BTreeMap::new();
        for worker in self.workers.values().filter(|worker| !worker.draining) {
            for offer in &worker.offers {
                let load = loads.entry(offer.capability.clone()).or_default();
                load.busy += offer.busy;
                load.slots += offer.slots;
                load.workers += 1;
                load.service_s += offer.service_s() * f64::from(offer.slots);
            }
        }
        for (kind, load) in &mut loads {
            load.queued = self.waiting.length(kind);
            load.service_s /= f64::from(load.slots.max(1));
        }
        loads
    }
}
