//! A realm at home: the owner never runs dry, and fills the wallets of the household.

use mtor_protocol::{AccountId, Digest, JobId, Micro, ProblemKind};

use super::harness::*;
use crate::entry::{Fact, NewJob};
use crate::{Config, ISSUER, Input, Output, PrivateMode};

fn home() -> World {
    let private = PrivateMode {
        owner: OWNER,
        owner_floor: Micro(1_000),
        owner_fill: Micro(5_000),
        welcome: Micro(2_000),
    };
    let mut world = World::unfunded(Config { private: Some(private), ..Config::default() });
    world.join(1, [chat("small", 99)]);
    world
}

impl World {
    fn welcome(&mut self, id: u128, to: AccountId) -> Vec<Output> {
        let ticket = self.ticket();
        self.handle(Input::Welcome { ticket, id: JobId(id), to })
    }
}

fn is_done(outputs: &[Output]) -> bool {
    matches!(outputs, [Output::Done { .. }])
}

#[test]
fn the_owner_is_funded_from_the_first_moment_and_before_running_dry() {
    let mut world = home();
    assert_eq!(world.available(OWNER), Micro(5_000));
    let mine = |id| NewJob { account: OWNER, ..job(id) };
    for id in 1..=50 {
        assert_eq!(assigned(&world.submit(mine(id))), [(id, 1)], "600 each, 30,000 in all");
    }
    let issued: Vec<_> = world
        .journal
        .iter()
        .filter_map(|entry| match entry.fact {
            Fact::Issued { id, amount, .. } => Some((id, amount)),
            _ => None,
        })
        .collect();
    assert_eq!(world.account(ISSUER).debits_posted.0, issued.iter().map(|(_, amount)| amount.0).sum::<u64>());
    let ids: std::collections::BTreeSet<_> = issued.iter().map(|(id, _)| id).collect();
    assert_eq!(ids.len(), issued.len(), "every issue has its own id");
}

#[test]
fn nobody_else_is_funded() {
    let mut world = home();
    assert_eq!(world.refused(job(1)).known_kind(), Some(ProblemKind::InsufficientFunds));
}

#[test]
fn wallets_of_the_household_are_filled_up_when_they_ask() {
    let mut world = home();
    assert!(is_done(&world.welcome(1, ALICE)));
    assert_eq!((world.available(ALICE), world.available(OWNER)), (Micro(2_000), Micro(3_000)));
    let entries = world.journal.len();
    assert!(is_done(&world.welcome(2, ALICE)), "full already");
    assert!(is_done(&world.welcome(3, OWNER)));
    assert_eq!(world.journal.len(), entries);

    world.submit(job(10));
    world.finish(10, 25);
    assert!(is_done(&world.welcome(1, ALICE)), "the same request again is the same transfer");
    assert_eq!(world.available(ALICE), Micro(2_000 - 210));
    assert!(is_done(&world.welcome(4, ALICE)));
    assert_eq!(world.available(ALICE), Micro(2_000));
}

#[test]
fn the_owner_is_funded_before_sending() {
    let mut world = home();
    let send = |world: &mut World, id| {
        let ticket = world.ticket();
        let (amount, memo) = (Micro(4_500), Digest([1; 32]));
        world.handle(Input::Transfer { ticket, id: JobId(id), from: OWNER, to: BOB, amount, memo })
    };
    assert!(is_done(&send(&mut world, 1)));
    assert!(is_done(&send(&mut world, 2)));
    assert_eq!((world.available(BOB), world.available(OWNER)), (Micro(9_000), Micro(500)));
}

#[test]
fn a_realm_that_is_not_at_home_welcomes_nobody() {
    let mut world = World::new();
    let outputs = world.welcome(1, ALICE);
    assert!(
        matches!(&outputs[..], [Output::Refused { problem, .. }] if problem.known_kind() == Some(ProblemKind::Forbidden)),
        "{outputs:?}"
    );
}

#[test]
fn a_realm_is_founded_once() {
    let mut world = home();
    assert!(world.realm.found(START, OWNER, &mut Vec::new()).is_err());
}
