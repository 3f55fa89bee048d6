//! What a wallet had is proven out of the log alone.

use mtor_ledger::{BalanceProofError, Batch, VerifyError, check_proof, prove_balance, verify, verify_leaves};
use mtor_protocol::{AccountId, Micro};

use crate::support::{ALICE, HOLD, History, OWNER, WORKER, commit, leaves, open, realm};

#[test]
fn a_wallet_proves_what_it_had() {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, _) = open(folder.path());
    let (mut history, founding) = History::founded();
    commit(&ledger, founding);
    let key = realm().public();
    let prove = |account| prove_balance(&leaves(&ledger), &ledger.checkpoint(), &key, account);
    assert!(matches!(prove(ALICE), Err(BalanceProofError::NotYet)));

    commit(&ledger, history.balance());
    commit(&ledger, history.ask(12, "open question"));
    let count = 300;
    let entries = (0..count).map(|number| history.transfer(1_000 + number)).collect();
    commit(&ledger, Batch { entries, records: vec![] });
    commit(&ledger, history.balance());
    let newest = history.state.entries() - 1;
    let after = history.transfer(5_000);
    commit(&ledger, Batch { entries: vec![after], records: vec![] });

    let proof = prove(ALICE).unwrap();
    let proven = check_proof(&proof, Some(&key)).unwrap();
    let balance = proven.balance.unwrap();
    let left = Micro(Micro::coins(1_000).0 - count as u64 - HOLD.0);
    assert_eq!((proven.entry.seq, balance.account), (newest, ALICE));
    assert_eq!((balance.available, balance.held), (left, HOLD));
    assert!(
        proven.to_string().contains("3 wallets had 1000000 coins together; of them the wallet"),
        "{proven}"
    );
    for account in [OWNER, WORKER] {
        let proof = prove(account).unwrap();
        assert_eq!(check_proof(&proof, None).unwrap().balance.unwrap().account, account);
    }
    let Err(BalanceProofError::Unknown { entry, .. }) = prove(AccountId(7_777)) else { panic!() };
    assert_eq!(entry, newest);

    // Nobody's line can be another's, or of another amount.
    let head = |proof: &str| proof.lines().nth(1).unwrap().to_owned();
    let other = prove(OWNER).unwrap();
    for at in 0..proof.len() {
        let mut bytes = proof.clone().into_bytes();
        bytes[at] ^= 1;
        let Ok(changed) = String::from_utf8(bytes) else { continue };
        if let Ok(still) = check_proof(&changed, Some(&key)) {
            assert_eq!(still, proven, "byte {at}");
        }
    }
    assert_ne!(head(&proof), head(&other));
    ledger.close().unwrap();
    verify(folder.path(), Some(&key)).unwrap();
}

#[test]
fn balances_that_are_not_those_of_the_log_are_found() {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, _) = open(folder.path());
    let (mut history, founding) = History::founded();
    commit(&ledger, founding);
    // A realm that owes more than it writes down has to sign it: here it did.
    let mut batch = history.balance();
    let mtor_core::Fact::Balanced { balances, .. } = &mut batch.entries[0].fact else { panic!() };
    balances.liabilities = Micro(balances.liabilities.0 - 1);
    commit(&ledger, batch);
    let (leaves, note) = (leaves(&ledger), ledger.checkpoint());
    ledger.close().unwrap();
    let key = realm().public();
    for error in [verify(folder.path(), None).unwrap_err(), verify_leaves(&leaves, &note, &key).unwrap_err()]
    {
        let VerifyError::Wrong { place, what } = &error else { panic!("{error}") };
        assert_eq!(place, "entry 3");
        assert!(what.contains("the balances in it are not those"), "{what}");
    }
}
