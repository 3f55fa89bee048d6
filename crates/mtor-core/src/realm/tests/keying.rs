//! Keys: a wallet changes its own at once, its recovery key only when nobody says no.

use mtor_protocol::{AccountId, Did, JobId, KeyChange, KeyId, KeyStatement, ProblemKind, limits};

use super::harness::*;
use crate::entry::Fact;
use crate::keys::{KeyDecision, Standing};
use crate::{Input, Output};

const NEW: KeyId = KeyId(201);
const NEWER: KeyId = KeyId(202);
const RECOVERY: KeyId = KeyId(203);
const DELAY_MS: u64 = 72 * 3_600 * 1_000;

fn named(change: &KeyChange) -> Option<KeyId> {
    change.named().map(|did| KeyId(did.0.parse().unwrap()))
}

fn did(key: KeyId) -> Did {
    Did(key.0.to_string())
}

pub(super) fn rotate(next: KeyId) -> KeyChange {
    KeyChange::Rotate { next: did(next) }
}

pub(super) fn name(key: KeyId) -> KeyChange {
    KeyChange::NameRecovery { key: Some(did(key)) }
}

pub(super) fn ask(next: KeyId) -> KeyChange {
    KeyChange::AskRecovery { next: did(next) }
}

pub(super) fn veto(ask: u128) -> KeyChange {
    KeyChange::Veto { ask: JobId(ask) }
}

impl World {
    pub(super) fn keys(&mut self, id: u128, wallet: AccountId, by: KeyId, change: KeyChange) -> Vec<Output> {
        let (ticket, named) = (self.ticket(), named(&change));
        let statement = KeyStatement {
            id: JobId(id),
            wallet,
            change,
            by: did(by),
            signature: String::new(),
            next_signature: None,
        };
        self.handle(Input::ChangeKeys { ticket, statement: Box::new(statement), by, named })
    }

    fn standing(&self, key: KeyId) -> Standing {
        self.realm.state().keys().standing(key)
    }

    #[track_caller]
    fn says(&mut self, id: u128, by: KeyId, change: KeyChange) {
        let outputs = self.keys(id, ALICE, by, change);
        assert!(matches!(*outputs, [Output::Done { .. }]), "{outputs:?}");
    }

    #[track_caller]
    fn refuses(&mut self, id: u128, by: KeyId, change: KeyChange) -> ProblemKind {
        let entries = self.journal.len();
        let outputs = self.keys(id, ALICE, by, change);
        assert_eq!(self.journal.len(), entries);
        match &*outputs {
            [Output::Refused { problem, .. }] => problem.known_kind().unwrap(),
            other => panic!("not refused: {other:?}"),
        }
    }
}

fn own() -> KeyId {
    ALICE.first_key()
}

/// Alice has named a recovery key, which has asked for her wallet as statement 1.
fn asked() -> World {
    let mut world = World::new();
    world.says(2, own(), name(RECOVERY));
    world.says(1, RECOVERY, ask(NEW));
    world
}

#[test]
fn a_wallet_keeps_its_account_while_its_key_changes() {
    let mut world = World::new();
    assert_eq!(world.standing(own()), Standing::Speaks(ALICE));
    world.says(1, own(), rotate(NEW));
    assert_eq!(world.standing(own()), Standing::Replaced(ALICE));
    assert_eq!(world.standing(NEW), Standing::Speaks(ALICE));
    world.says(2, NEW, rotate(NEWER));
    assert_eq!(world.standing(NEW), Standing::Replaced(ALICE));
    assert_eq!(world.standing(NEWER), Standing::Speaks(ALICE));
    for key in [own(), NEW, NEWER] {
        assert_eq!(world.realm.state().keys().account_of(key), ALICE, "every key that it had names it");
    }
    world.restart();
    assert_eq!(world.standing(NEWER), Standing::Speaks(ALICE));
    // By whichever of its keys the wallet is called.
    let outputs = world.keys(3, NEW.first_of(), NEWER, name(RECOVERY));
    assert!(matches!(*outputs, [Output::Done { .. }]), "{outputs:?}");
}

#[test]
fn a_key_that_was_replaced_says_nothing_more() {
    let mut world = World::new();
    world.says(1, own(), rotate(NEW));
    assert_eq!(world.refuses(2, own(), rotate(NEWER)), ProblemKind::Forbidden);
    assert_eq!(world.refuses(3, own(), name(RECOVERY)), ProblemKind::Forbidden);
    // The same statement again is the same change, and another under its id is a conflict.
    let entries = world.journal.len();
    world.says(1, own(), rotate(NEW));
    assert_eq!(world.journal.len(), entries);
    assert_eq!(world.refuses(1, NEW, rotate(NEWER)), ProblemKind::Conflict);
    // There is no way back to a key that was given up, for nobody.
    assert_eq!(world.refuses(4, NEW, rotate(own())), ProblemKind::InvalidRequest);
    assert_eq!(world.refuses(5, NEW, name(own())), ProblemKind::InvalidRequest);
}

#[test]
fn nobody_takes_a_key_that_is_anothers() {
    let mut world = World::new();
    world.join(1, [chat("small", 1)]);
    let worker = AccountId(WORKERS + 1).first_key();
    for key in [BOB.first_key(), own(), worker] {
        assert_eq!(world.refuses(1, own(), rotate(key)), ProblemKind::InvalidRequest, "{key}");
    }
    let outputs = world.keys(2, BOB, BOB.first_key(), rotate(NEW));
    assert!(matches!(*outputs, [Output::Done { .. }]));
    assert_eq!(world.refuses(3, own(), rotate(NEW)), ProblemKind::InvalidRequest);
    assert_eq!(world.refuses(4, own(), rotate(BOB.first_key())), ProblemKind::InvalidRequest, "given up");
    // Nor does anybody say anything for another wallet.
    let outputs = world.keys(5, BOB, own(), rotate(NEWER));
    assert!(matches!(&*outputs, [Output::Refused { problem, .. }] if problem.status == 403));
}

#[test]
fn what_never_had_coins_has_nothing_to_keep() {
    let mut world = World::new();
    let outputs = world.keys(1, AccountId(300), KeyId(300), rotate(NEW));
    assert!(
        matches!(&*outputs, [Output::Refused { problem, .. }] if problem.detail.contains("make a new one"))
    );
}

#[test]
fn a_recovery_takes_effect_after_its_delay_and_not_before() {
    let mut world = asked();
    let due = world.now.plus_ms(DELAY_MS);
    assert!(matches!(world.standing(NEW), Standing::Waits(ALICE, pending) if pending.due == due));
    assert_eq!(world.standing(own()), Standing::Speaks(ALICE));
    assert_eq!(world.realm.next_tick(), Some(due));
    assert_eq!(world.refuses(3, RECOVERY, ask(NEWER)), ProblemKind::Conflict, "one at a time");
    assert_eq!(world.refuses(4, NEW, rotate(NEWER)), ProblemKind::Forbidden, "not yet");
    world.wait_ms(DELAY_MS - 1);
    world.tick();
    assert_eq!(world.standing(own()), Standing::Speaks(ALICE));
    world.restart();
    world.wait_ms(1);
    world.tick();
    assert_eq!(world.standing(NEW), Standing::Speaks(ALICE));
    assert_eq!(world.standing(own()), Standing::Replaced(ALICE));
    assert_eq!(world.realm.next_tick(), None);
}

#[test]
fn what_is_due_comes_before_whatever_is_said_then() {
    let mut world = asked();
    world.wait_ms(DELAY_MS);
    let outputs = world.keys(9, ALICE, own(), veto(1));
    assert!(matches!(&*outputs, [Output::Refused { problem, .. }] if problem.status == 403), "too late");
    assert_eq!(world.standing(NEW), Standing::Speaks(ALICE));
}

#[test]
fn a_veto_ends_it_and_the_recovery_key_with_it() {
    let mut world = asked();
    assert_eq!(world.refuses(3, own(), veto(2)), ProblemKind::Conflict, "another asking");
    assert_eq!(world.refuses(4, RECOVERY, veto(1)), ProblemKind::Forbidden);
    assert_eq!(world.refuses(5, own(), name(NEWER)), ProblemKind::Conflict, "veto first");
    world.says(6, own(), veto(1));
    assert_eq!(world.standing(NEW), Standing::Speaks(NEW.first_of()), "it is nobody's again");
    world.wait_ms(2 * DELAY_MS);
    world.tick();
    assert_eq!(world.standing(own()), Standing::Speaks(ALICE));
    assert_eq!(world.refuses(7, RECOVERY, ask(NEWER)), ProblemKind::Forbidden, "it is not trusted any more");
    // The statement that asked, sent again, changes nothing.
    let entries = world.journal.len();
    world.says(1, RECOVERY, ask(NEW));
    assert_eq!(world.journal.len(), entries);
}

#[test]
fn a_recovery_goes_on_when_the_key_changes_meanwhile_and_the_new_key_can_say_no() {
    let mut world = asked();
    world.says(3, own(), rotate(NEWER));
    assert!(matches!(world.standing(NEW), Standing::Waits(..)));
    world.says(4, NEWER, veto(1));
    assert_eq!(world.standing(NEWER), Standing::Speaks(ALICE));
}

#[test]
fn only_the_recovery_key_that_was_named_last_may_ask() {
    let mut world = World::new();
    assert_eq!(world.refuses(1, RECOVERY, ask(NEW)), ProblemKind::Forbidden);
    world.says(2, own(), name(RECOVERY));
    world.says(3, own(), name(NEWER));
    assert_eq!(world.refuses(4, RECOVERY, ask(NEW)), ProblemKind::Forbidden);
    world.says(5, own(), KeyChange::NameRecovery { key: None });
    assert_eq!(world.refuses(6, NEWER, ask(NEW)), ProblemKind::Forbidden);
}

#[test]
fn there_is_an_end_to_changes_but_not_to_vetoes() {
    let mut world = World::new();
    for id in 0..u128::from(limits::KEY_CHANGES_MAX) - 1 {
        world.says(10 + id, own(), name(RECOVERY));
    }
    world.says(1, RECOVERY, ask(NEW));
    assert_eq!(world.refuses(2, own(), rotate(NEWER)), ProblemKind::Conflict);
    world.says(3, own(), veto(1));
    let changes = |world: &World| {
        let keys = world.journal.iter().filter(|entry| matches!(entry.fact, Fact::Keys { .. }));
        keys.count()
    };
    assert_eq!(changes(&world), limits::KEY_CHANGES_MAX as usize + 1);
}

#[test]
fn an_entry_that_can_not_follow_changes_nothing() {
    let mut world = asked();
    let mut keys = world.realm.state().keys().clone();
    let before = keys.clone();
    let now = world.now;
    let wrong = [
        KeyDecision::Recovered { ask: JobId(1), key: NEW },
        KeyDecision::Recovered { ask: JobId(2), key: NEW },
        KeyDecision::Vetoed { ask: JobId(2) },
        KeyDecision::Rotated { key: NEW },
        KeyDecision::Rotated { key: own() },
        KeyDecision::RecoveryNamed { key: Some(own()) },
        KeyDecision::RecoveryAsked { ask: JobId(3), key: NEWER, due: now },
    ];
    for decision in wrong {
        assert!(keys.apply(now, ALICE, decision).is_err(), "{decision:?}");
        assert_eq!(keys, before);
    }
    world.tick();
}
