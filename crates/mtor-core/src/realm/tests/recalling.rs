//! Answers that the realm remembers: taken and settled at once, for a share that no worker gets.

use mtor_protocol::{Digest, Micro, Usage};
use proptest::prelude::*;

use super::harness::*;
use crate::entry::Outcome;
use crate::{Config, Input, Output, TREASURY, Ticket};

fn recall(id: u128, usage: Usage) -> Input {
    Input::Recall { ticket: Ticket(7), job: job(id), usage, output: Digest([3; 32]) }
}

fn cost(outputs: &[Output]) -> Option<Micro> {
    outputs.iter().find_map(|output| match output {
        Output::Settled { outcome: Outcome::Stop, cost, .. } => Some(*cost),
        _ => None,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// The harness checks after each step that the books balance and that a replay of the journal gives the same.
    #[test]
    fn a_share_goes_to_the_treasury_and_never_more_than_was_held(
        percent in 0u32..=200,
        input_tokens in 0u64..=100_000,
        output_tokens in 0u64..=100_000,
    ) {
        let mut world = World::with(Config { memory_percent: percent, ..Config::default() });
        world.join(1, [chat("small", 1)]);
        let available = |world: &World| world.realm.state().books().account(ALICE).available();
        let (before, treasury) = (available(&world), world.realm.state().books().account(TREASURY).available());
        let usage = Usage { input_tokens, output_tokens, ..Usage::default() };
        let outputs = world.handle(recall(1, usage));
        let cost = cost(&outputs).expect("settled at once");
        let held = |output: &Output| matches!(output, Output::Accepted { hold, .. } if cost <= *hold);
        let assigned = |output: &Output| matches!(output, Output::Assign { .. });
        prop_assert!(outputs.iter().any(held) && !outputs.iter().any(assigned), "{:?}", outputs);
        prop_assert_eq!(available(&world), before.saturating_sub(cost));
        let gained = world.realm.state().books().account(TREASURY).available().0 - treasury.0;
        prop_assert_eq!(gained, cost.0);
        // The same request once more changes nothing.
        let again = world.handle(recall(1, usage));
        let known = matches!(again[..], [Output::Known { .. }]);
        prop_assert!(known, "{:?}", again);
        world.restart();
        prop_assert_eq!(available(&world), before.saturating_sub(cost));
    }
}
