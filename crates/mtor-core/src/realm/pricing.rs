//! What wares cost now: the list price, times what the market makes of the load.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use mtor_protocol::http::{PriceHistory, PriceInfo, PricePoint};
use mtor_protocol::intent::DEFAULT_MODEL;
use mtor_protocol::{CapabilityKind, Price, Timestamp, Ware};

use super::{Output, Realm};
use crate::market::{Load, Market, PriceNote};

/// Most models that are named beside a price.
const MODELS_SHOWN_MAX: usize = 8;

impl Realm {
    /// Looks at the load, if it is time to. Comes before each input: until then the load was as it is.
    pub(super) fn follow_load(&mut self, now: Timestamp, outputs: &mut Vec<Output>) {
        if let Some(rules) = self.config.market
            && self.market.is_due(now)
        {
            let loads = self.loads();
            let notes = self.market.advance(now, rules, &loads);
            if !notes.is_empty() {
                outputs.push(Output::Priced(notes));
            }
        }
    }

    /// Goes on from the prices of an earlier life, if they follow load: what was given out as [`Output::Priced`], in the
    /// order of time. They are no part of the journal, and may be missing.
    pub fn recall_prices(&mut self, notes: impl IntoIterator<Item = PriceNote>) {
        if self.config.market.is_some() {
            self.market.recall(notes);
        }
    }

    /// The price that holds now; with a quote that expires then, that one's if it is lower.
    pub(super) fn price(&self, now: Timestamp, ware: &Ware, quote: Option<Timestamp>) -> Price {
        match self.config.market {
            Some(_) => self.price_in(&self.market_at(now), now, ware, quote),
            None => self.config.price(ware),
        }
    }

    fn price_in(&self, market: &Market, now: Timestamp, ware: &Ware, quote: Option<Timestamp>) -> Price {
        self.config.price(ware).times_permille(market.factor(now, ware, quote))
    }

    /// What wares cost now: those with a price of their own, and those that are on offer.
    pub fn prices(&self, now: Timestamp) -> Vec<PriceInfo> {
        let mut wares = self.offers.wares();
        for ware in self.config.prices.keys() {
            wares.entry(ware.clone()).or_default();
        }
        let market = self.market_at(now);
        let percent = |load: f64| (load * 100.0).round() as u32;
        let info = |(ware, models): (Ware, BTreeSet<&str>)| {
            let (price, list) = (self.price_in(&market, now, &ware, None), self.config.price(&ware));
            PriceInfo {
                models: models.into_iter().take(MODELS_SHOWN_MAX).map(str::to_owned).collect(),
                price,
                list,
                of_list_percent: price.percent_of(&list),
                load_percent: market.load(&ware).map(percent),
                size: ware.size,
                capability: ware.capability,
            }
        };
        wares.into_iter().map(info).collect()
    }

    /// How prices and loads were in the last day, minute by minute; nothing where prices do not follow load.
    pub fn price_history(&self, now: Timestamp) -> Vec<PriceHistory> {
        let market = self.market_at(now);
        let of = |(ware, points): (&Ware, &VecDeque<PricePoint>)| PriceHistory {
            capability: ware.capability.clone(),
            size: ware.size,
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

    /// How much there is to do for each ware, and who is there to do it.
    fn loads(&self) -> BTreeMap<Ware, Load> {
        let mut loads: BTreeMap<Ware, Load> = BTreeMap::new();
        for worker in self.workers.values().filter(|worker| !worker.draining) {
            let mut wares: BTreeSet<Ware> = BTreeSet::new();
            for offer in &worker.offers {
                let load = loads.entry(offer.ware()).or_default();
                load.busy += offer.busy;
                load.slots += offer.slots;
                load.service_s += offer.service_s() * f64::from(offer.slots);
                // One with several models of a ware is one worker still.
                load.workers += u32::from(wares.insert(offer.ware()));
            }
        }
        let mut slots: BTreeMap<CapabilityKind, u32> = BTreeMap::new();
        for (ware, load) in &mut loads {
            load.service_s /= f64::from(load.slots.max(1));
            *slots.entry(ware.capability.clone()).or_default() += load.slots;
        }
        for (kind, slots) in slots {
            for (model, waiting) in self.waiting.lengths_by_model(&kind) {
                self.share_out(&mut loads, &kind, model, f64::from(waiting), f64::from(slots));
            }
        }
        loads
    }

    /// Jobs that wait for a model weigh on models of its size; those that left it open on all, by their slots.
    fn share_out(
        &self,
        loads: &mut BTreeMap<Ware, Load>,
        kind: &CapabilityKind,
        model: &str,
        waiting: f64,
        slots: f64,
    ) {
        let named = (model != DEFAULT_MODEL).then(|| self.offers.sizes(kind, model).next()).flatten();
        if let Some(load) = named.and_then(|size| loads.get_mut(&Ware::new(kind.clone(), size))) {
            load.queued += waiting;
            return;
        }
        for (_, load) in loads.iter_mut().filter(|(ware, _)| ware.capability == *kind) {
            load.queued += waiting * f64::from(load.slots) / slots.max(1.0);
        }
    }
}
