//! The promises hold for a thousand seeds, and the checks find every way in which a shell could break them.

use mtor_sim::{Options, Report, Sabotage, run_seed};

const SEEDS: u64 = 1_000;
/// A sabotage must be found within so many seeds.
const SABOTAGED_SEEDS_MAX: u64 = 50;

fn run(seeds: impl Iterator<Item = u64>, options: Options) -> Report {
    let run = |seed| run_seed(seed, options).unwrap_or_else(|failure| panic!("{failure}"));
    seeds.map(run).fold(Report::default(), Report::plus)
}

#[test]
fn a_thousand_seeds_keep_every_promise() {
    let total = run(0..SEEDS, Options { real_ledger: Some(false), ..Options::default() });
    // If nothing happened, nothing was tested.
    assert!(total.crashes > SEEDS, "{total:?}");
    assert!(total.acknowledged > 10 * SEEDS && total.ended > 10 * SEEDS, "{total:?}");
    assert!(total.key_changes > SEEDS && total.recoveries > 10, "{total:?}");
}

#[test]
fn the_real_ledger_keeps_them_too() {
    let total = run(0..8, Options { real_ledger: Some(true), ..Options::default() });
    assert!(total.crashes > 8, "{total:?}");
}

#[test]
fn a_seed_gives_the_same_run_every_time() {
    for seed in 0..20 {
        let once = || run(seed..seed + 1, Options { real_ledger: Some(false), ..Options::default() });
        assert_eq!(once(), once());
    }
}

#[test]
fn every_sabotage_is_found() {
    for sabotage in Sabotage::ALL {
        let options = Options { sabotage: Some(sabotage), ..Options::default() };
        let found = (0..SABOTAGED_SEEDS_MAX).find_map(|seed| run_seed(seed, options).err());
        let failure = found.unwrap_or_else(|| panic!("{sabotage:?} was not found"));
        println!("{sabotage:?}: {failure}");
    }
}
