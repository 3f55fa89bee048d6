//! What the rules are there for holds in a small world: three days of five thousand users and a hundred workers.

use std::sync::LazyLock;

use mtor_protocol::Micro;
use mtor_sim::{Economy, EconomyOptions, Kind, Phase, run_economy, write_economy};

const SMALL: EconomyOptions = EconomyOptions { users: 5_000, workers: 100, days: 3, seed: 1 };
const DAY_S: f64 = 24.0 * 3_600.0;

static ECONOMY: LazyLock<Economy> = LazyLock::new(|| run_economy(SMALL));

#[test]
fn cheats_end_below_honest_workers_of_the_same_speed() {
    for seed in 1..4 {
        let economy = run_economy(EconomyOptions { seed, ..SMALL });
        for kind in Kind::ALL.into_iter().filter(|kind| kind.cheats()) {
            let report = economy.kind(kind).unwrap();
            assert!(report.workers > 0 && report.proofs > 0, "seed {seed}: {report:?} was never at it");
            assert!(report.beside_honest < 0.9, "seed {seed}: {report:?}");
        }
        let bad = economy.bad_answers as f64 / economy.completed as f64;
        assert!(bad < 0.02, "seed {seed}: a fifth of all workers cheats, and {bad} of the answers were bad");
        assert!(economy.audit_percent < 10.0, "seed {seed}: audits cost {} %", economy.audit_percent);
    }
}

#[test]
fn a_ring_on_starter_coins_extracts_nothing() {
    let starter = &ECONOMY.starter;
    assert!(
        starter.ring_claims > 10 && starter.ring_paid_itself > Micro::ZERO,
        "it did not try: {starter:?}"
    );
    assert_eq!(starter.ring_extracted, Micro::ZERO);
    assert_eq!(ECONOMY.coins_astray, 0);
}

#[test]
fn who_asks_friends_for_trust_ends_below_honest_workers() {
    for seed in 1..4 {
        let economy = run_economy(EconomyOptions { seed, ..SMALL });
        let circles = economy.circles;
        assert!(circles.own_jobs > 1_000 && circles.spent > Micro::ZERO, "it did not try: {circles:?}");
        assert!(circles.net_beside_honest < 0.9, "seed {seed}: {circles:?}");
        assert_eq!(economy.coins_astray, 0);
    }
}

#[test]
fn nobody_waits_without_end() {
    let economy = &*ECONOMY;
    assert_eq!((economy.unfinished, economy.lost_to_waiting, economy.lost_to_outage), (0, 0, 0));
    assert_eq!(economy.accepted, economy.completed);
    let waits = economy.waits_of_all();
    assert!(waits.count() > 100_000 && waits.longest_s() < 600.0, "{} s", waits.longest_s());
    assert!(economy.moved > 0, "the outage touched nobody");
}

#[test]
fn nobody_at_zero_waits_without_end() {
    let economy = &*ECONOMY;
    assert!(economy.at_zero > 0 && economy.starter.claims > 50, "{:?}", economy.starter);
    assert!(economy.starter.longest_wait_s < 1.5 * DAY_S, "{:?}", economy.starter);
}

#[test]
fn prices_rise_in_the_surge_and_come_back() {
    let economy = &*ECONOMY;
    let Economy { price_before, price_surge, price_back_h, .. } = *economy;
    assert!(price_surge > 2.0 * price_before, "{price_before} before, {price_surge} in the surge");
    assert!(price_back_h.is_some_and(|hours| hours <= 12), "back after {price_back_h:?} hours");
    assert!(
        economy.waits[&Phase::Surge].quantile_s(990) < 120.0,
        "{:?}",
        economy.waits[&Phase::Surge].quantile_s(990)
    );
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let options = EconomyOptions { users: 1_000, workers: 50, days: 1, seed: 7 };
    let written = || {
        let folder = tempfile::tempdir().unwrap();
        write_economy(&run_economy(options), folder.path()).unwrap();
        let mut files: Vec<_> =
            std::fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().path()).collect();
        files.sort();
        files
            .iter()
            .map(|file| (file.file_name().unwrap().to_owned(), std::fs::read(file).unwrap()))
            .collect::<Vec<_>>()
    };
    let (once, again) = (written(), written());
    assert_eq!(once.len(), 7);
    assert_eq!(once, again);
    let other = run_economy(EconomyOptions { seed: 8, ..options });
    assert_ne!(once.iter().find(|(name, _)| name == "economy.json").unwrap().1, other.json().into_bytes());
}
