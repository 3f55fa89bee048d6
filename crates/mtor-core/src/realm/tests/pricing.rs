//! Prices follow load, quotes hold, and what a job costs is what stood when it was taken.

use mtor_protocol::http::PriceInfo;
use mtor_protocol::worker::OfferLimits;
use mtor_protocol::{CapabilityKind, CapabilityOffer, Micro, ModelSize, Price, Ware};

use super::harness::*;
use crate::Output;
use crate::config::{Config, MarketRules};
use crate::entry::{Entry, Fact, NewJob};

const MINUTE_MS: u64 = 60_000;

/// A realm whose prices follow load, with a hundred workers of one slot each.
fn market() -> World {
    let mut world = World::with(Config {
        market: Some(MarketRules::default()),
        open_per_wallet_max: 10_000,
        waiting_per_capability_max: 10_000,
        ..Config::default()
    });
    for worker in 1..=100 {
        world.join(worker, [chat("small", 1)]);
    }
    world
}

fn price_of(world: &World) -> Price {
    world.realm.prices(world.now).remove(0).price
}

/// The hold and the price with which the journal takes a job.
fn terms(world: &mut World, job: NewJob) -> (Micro, Price) {
    world.submit(for_ever(job));
    match world.journal.last() {
        Some(Entry { fact: Fact::Accepted { hold, price, .. }, .. }) => (*hold, *price),
        other => panic!("it was not taken: {other:?}"),
    }
}

/// Jobs that nobody finishes.
fn load(world: &mut World, ids: std::ops::Range<u128>) {
    for id in ids {
        world.submit(NewJob { output_tokens_max: 1, input_tokens_max: 1, ..for_ever(job(id)) });
    }
}

#[test]
fn a_surge_makes_it_dearer_and_quiet_cheaper() {
    let mut world = market();
    let list = price_of(&world);
    load(&mut world, 1_000..2_400);
    world.wait_ms(5 * MINUTE_MS);
    let surge = price_of(&world);
    assert!(surge.output_ktoken.0 > 2 * list.output_ktoken.0, "{surge:?} after {list:?}");
    assert_eq!(world.realm.prices(world.now)[0].list, list);
    // Seen without any input in between, and held at the next one.
    let history = &world.realm.price_history(world.now)[0];
    assert_eq!(history.points.len(), 5);
    let (hold, price) = terms(&mut world, job(9_000));
    assert_eq!((hold, price), (surge.cost(&job(9_000).bounds()), surge));
}

#[test]
fn a_quote_holds_while_the_price_rises() {
    let mut world = market();
    world.wait_ms(MINUTE_MS);
    let quote = world.realm.quote(world.now, &job(1)).unwrap();
    load(&mut world, 1_000..1_400);
    world.wait_ms(25_000);
    assert!(price_of(&world).output_ktoken > quote.price.output_ktoken);
    let (hold, price) = terms(&mut world, NewJob { quote: Some(quote.expires), ..job(2) });
    assert_eq!((hold, price), (quote.max, quote.price));
    assert!(terms(&mut world, job(3)).0 > hold, "without the quote it costs what it costs now");
    world.wait_ms(10_000);
    let late = terms(&mut world, NewJob { quote: Some(quote.expires), ..job(4) });
    assert!(late.0 > hold, "the quote has expired");
}

/// Ten workers with a small model and ten with a large one.
fn two_sizes(large_ask: Price) -> World {
    let mut world = World::with(Config { market: Some(MarketRules::default()), ..Config::default() });
    for worker in 1..=10 {
        world.join(worker, [chat("tiny-1b", 1)]);
        world.join(100 + worker, [CapabilityOffer { price: large_ask, ..chat("huge-70b", 1) }]);
    }
    world
}

fn named(model: &str, id: u128) -> NewJob {
    NewJob { model: model.to_owned(), ..job(id) }
}

fn price_in(world: &World, size: ModelSize) -> PriceInfo {
    world.realm.prices(world.now).into_iter().find(|info| info.size == size).unwrap()
}

#[test]
fn larger_models_cost_more_and_whoever_leaves_it_open_pays_for_the_smallest() {
    let mut world = two_sizes(Price::default());
    let (small, large) = (price_in(&world, ModelSize::Small), price_in(&world, ModelSize::Large));
    assert_eq!((small.models, large.models), (vec!["tiny-1b".to_owned()], vec!["huge-70b".to_owned()]));
    assert_eq!(large.price, small.price.times_permille(8_000));
    assert_eq!(terms(&mut world, named("huge-70b", 1)).1, large.price);
    assert_eq!(terms(&mut world, named("tiny-1b", 2)).1, small.price);
    assert_eq!(terms(&mut world, job(3)).1, small.price);
    let quote = world.realm.quote(world.now, &named("huge-70b", 4)).unwrap();
    assert_eq!((quote.size, quote.offers, quote.price), (ModelSize::Large, 10, large.price));
}

#[test]
fn a_job_that_only_a_large_model_can_do_costs_what_that_does() {
    let window = OfferLimits { input_bytes: Some(10), ..OfferLimits::default() };
    let mut world = World::new();
    world.join(1, [CapabilityOffer { limits: window, ..chat("tiny-1b", 1) }]);
    let price = world.realm.config().price(&Ware::new(CapabilityKind::CHAT, ModelSize::Large));
    world.join(2, [CapabilityOffer { price, ..chat("huge-70b", 1) }]);
    assert_eq!(terms(&mut world, job(1)).1, price);
    assert_eq!(world.worker_of(1).map(|(worker, _)| worker.0), Some(2));
}

#[test]
fn each_size_has_a_market_of_its_own() {
    let mut world = two_sizes(Price::default());
    for id in 1_000..1_200 {
        world.submit(for_ever(NewJob { output_tokens_max: 1, input_tokens_max: 1, ..named("huge-70b", id) }));
    }
    world.wait_ms(60 * MINUTE_MS);
    let (small, large) = (price_in(&world, ModelSize::Small), price_in(&world, ModelSize::Large));
    assert!(large.of_list_percent > Some(100) && large.load_percent > Some(100), "{large:?}");
    assert!(small.of_list_percent < Some(100) && small.load_percent == Some(0), "{small:?}");
    // Who left it open weighs on both, by their slots.
    let mut world = two_sizes(Price::default());
    load(&mut world, 1_000..1_200);
    world.wait_ms(60 * MINUTE_MS);
    let loads = [ModelSize::Small, ModelSize::Large].map(|size| price_in(&world, size).load_percent);
    assert_eq!(loads[0], loads[1]);
    assert!(loads[0] > Some(100), "{loads:?}");
}

#[test]
fn a_worker_with_many_models_is_one_worker() {
    let config = || Config { market: Some(MarketRules::default()), ..Config::default() };
    let (mut one, mut many) = (World::with(config()), World::with(config()));
    one.join(1, [chat("a", 2)]);
    many.join(1, [chat("a", 1), chat("b", 1)]);
    for world in [&mut one, &mut many] {
        load(world, 1_000..1_010);
        world.wait_ms(10 * MINUTE_MS);
    }
    assert_eq!(price_of(&one), price_of(&many));
}

#[test]
fn prices_go_on_where_they_were_after_a_restart() {
    let mut world = market();
    load(&mut world, 1_000..2_400);
    world.wait_ms(5 * MINUTE_MS);
    let notes: Vec<_> = world
        .submit(for_ever(job(9_000)))
        .into_iter()
        .filter_map(|output| match output {
            Output::Priced(notes) => Some(notes),
            _ => None,
        })
        .flatten()
        .collect();
    assert_eq!(notes.len(), 5);
    let (before, history) = (price_of(&world), world.realm.price_history(world.now));
    world.restart();
    world.realm.recall_prices(notes);
    world.join(1, [chat("small", 1)]);
    assert_eq!(world.realm.price_history(world.now), history);
    let after = price_of(&world);
    let percent = after.percent_of(&before).unwrap();
    assert!((90..=110).contains(&percent), "{after:?} after {before:?}");
}

#[test]
fn at_home_prices_are_those_of_the_list() {
    let mut world = World::new();
    world.join(1, [chat("small", 1)]);
    let list = price_of(&world);
    load(&mut world, 1_000..1_010);
    world.wait_ms(60 * MINUTE_MS);
    assert_eq!(price_of(&world), list);
    assert!(world.realm.price_history(world.now).is_empty());
}
