//! Prices follow load, quotes hold, and what a job costs is what stood when it was taken.

use mtor_protocol::{Micro, Price};

use super::harness::*;
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
