//! Changes of wallets' keys: whoever verifies the log sees that each was signed by whom it had to be.

use mtor_core::{Entry, Fact, KeyDecision};
use mtor_identity::{Keypair, guid, key_id, sign_keys};
use mtor_ledger::{Batch, statement_digest, verify};
use mtor_protocol::{JobId, KeyChange, KeyStatement, Timestamp};

use crate::support::*;

fn keys() -> [Keypair; 4] {
    [[1; 32], [2; 32], [3; 32], [4; 32]].map(Keypair::from_seed)
}

/// A wallet of its own whose key changes, by hand and by recovery; `forge` may change what is in the log.
fn changed(forge: fn(&mut KeyDecision, &mut KeyStatement)) -> Result<mtor_ledger::Verified, String> {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, _) = open(folder.path());
    let [first, second, recovery, third] = keys();
    let [second_id, recovery_id, third_id] = [&second, &recovery, &third].map(|key| key_id(&key.public()));
    let (account, realm) = (guid(&first.public()), realm().did());
    let (mut history, founding) = History::founded();
    commit(&ledger, founding);
    let rotate = KeyChange::Rotate { next: second.did() };
    let name = KeyChange::NameRecovery { key: Some(recovery.did()) };
    let ask = KeyChange::AskRecovery { next: third.did() };
    let due = Timestamp(0);
    let said = [
        (&first, Some(&second), rotate, KeyDecision::Rotated { key: second_id }),
        (&second, None, name, KeyDecision::RecoveryNamed { key: Some(recovery_id) }),
        (&recovery, Some(&third), ask, KeyDecision::RecoveryAsked { ask: JobId(52), key: third_id, due }),
    ];
    for (id, (by, next, change, mut decision)) in (50..).zip(said) {
        let mut statement = sign_keys(by, next, realm.as_str(), JobId(id), account, change);
        forge(&mut decision, &mut statement);
        let statement = Some(Box::new(statement));
        let entry = history.entry(Fact::Keys { account, decision, statement: statement.clone() });
        commit(&ledger, Batch { entries: vec![entry], records: vec![] });
        assert_eq!(ledger.known_id(JobId(id)).unwrap(), statement.map(|said| statement_digest(&said)));
    }
    let pending = history.state.keys().of(account).pending.unwrap();
    let decision = KeyDecision::Recovered { ask: pending.ask, key: third_id };
    let entry: Entry = history.entry(Fact::Keys { account, decision, statement: None });
    commit(&ledger, Batch { entries: vec![entry], records: vec![] });
    ledger.close().unwrap();
    let (ledger, recovered) = open(folder.path());
    assert_eq!(recovered.state.keys().of(account).current, third_id);
    ledger.close().unwrap();
    verify(folder.path(), None).map_err(|error| error.to_string())
}

#[test]
fn changes_of_keys_are_verified() {
    assert_eq!(changed(|_, _| {}).map(|verified| verified.realm), Ok(realm().public()));
}

#[test]
fn a_change_that_nobody_signed_is_found() {
    let error = changed(|_, statement| statement.signature = keys()[1].sign(b"something else").to_string());
    assert!(error.unwrap_err().contains("the signature is not that of the key"));
    let error = changed(|_, statement| rotate_instead(statement, 3, 1));
    assert!(error.unwrap_err().contains("by a key that may not"));
    let error = changed(|_, statement| rotate_instead(statement, 0, 3));
    assert!(error.unwrap_err().contains("what was signed is another change of keys"));
    let error = changed(|decision, _| {
        if let KeyDecision::RecoveryAsked { ask, .. } = decision {
            *ask = JobId(7);
        }
    });
    assert!(error.unwrap_err().contains("what was signed is another change of keys"));
}

/// In the place of a rotation: another one, by whoever, and to whichever key.
fn rotate_instead(statement: &mut KeyStatement, by: usize, next: usize) {
    if let KeyChange::Rotate { .. } = statement.change {
        let keys = keys();
        let (by, next) = (&keys[by], &keys[next]);
        let change = KeyChange::Rotate { next: next.did() };
        *statement =
            sign_keys(by, Some(next), realm().did().as_str(), statement.id, statement.wallet, change);
    }
}
