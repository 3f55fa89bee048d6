//! A realm that rewrites its history can sign what it has made of it. Only an older signature tells.

use std::path::Path;

use mtor_ledger::{Batch, Ledger, Since, VerifyError, verify, verify_leaves_since, verify_since};

use crate::support::{History, commit, leaves, open, realm};

/// A ledger of 400 entries whose last 100 are of the transfers with numbers from `last` on; two of them, of whatever number,
/// have the same first 300.
fn ledger(folder: &Path, last: u128) -> Ledger {
    let (ledger, _) = open(folder);
    let (mut history, founding) = History::founded();
    commit(&ledger, founding);
    let count = 300 - history.state.entries();
    let common = (0..count).map(|number| history.transfer(1_000 + u128::from(number))).collect();
    commit(&ledger, Batch { entries: common, records: vec![] });
    let own = (0..100).map(|number| history.transfer(last + number)).collect();
    commit(&ledger, Batch { entries: own, records: vec![] });
    ledger
}

fn since(text: &str) -> Since {
    let mut since = Since::default();
    assert!(since.add("kept.txt", text) > 0);
    since
}

#[test]
fn a_rewritten_end_passes_until_an_older_checkpoint_is_looked_at() {
    let (before, after) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let honest = ledger(before.path(), 10_000);
    let kept = honest.checkpoint();
    honest.close().unwrap();

    let rewritten = ledger(after.path(), 20_000);
    let (note, key) = (rewritten.checkpoint(), realm().public());
    let leaves = leaves(&rewritten);
    rewritten.close().unwrap();
    verify(after.path(), Some(&key)).unwrap();

    let said = "the history before entry 400 was rewritten";
    for error in [
        verify_since(after.path(), Some(&key), &since(&kept)).unwrap_err(),
        verify_leaves_since(&leaves, &note, &key, &since(&kept)).unwrap_err(),
    ] {
        let VerifyError::Wrong { place, what } = error else { panic!("{error}") };
        assert_eq!(place, "kept.txt, checkpoint 1");
        assert!(what.starts_with(said) && what.contains("the realm's own signatures"), "{what}");
    }
    verify_since(before.path(), Some(&key), &since(&kept)).unwrap();
    verify_since(after.path(), Some(&key), &since(&note)).unwrap();
}

#[test]
fn checkpoints_of_all_ages_are_looked_at_and_the_newest_that_holds_is_named() {
    let (before, after) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let key = realm().public();
    let (short, _) = open(&before.path().join("short"));
    let mut kept = short.checkpoint().to_string();
    let (mut history, founding) = History::founded();
    commit(&short, founding);
    kept += &short.checkpoint();
    kept += &short.checkpoint();
    let count = 250 - history.state.entries();
    let entries = (0..count).map(|number| history.transfer(1_000 + u128::from(number))).collect();
    commit(&short, Batch { entries, records: vec![] });
    kept += &short.checkpoint();

    let honest = ledger(&before.path().join("honest"), 10_000);
    let honest_note = honest.checkpoint();
    honest.close().unwrap();
    drop(ledger(after.path(), 20_000));

    // Those before what was changed hold, in any order, with the empty log's among them.
    let newest_first = format!("{}{kept}", short.checkpoint());
    let old = since(&newest_first);
    assert_eq!(old.len(), 5);
    verify_since(after.path(), Some(&key), &old).unwrap();

    let error = verify_since(after.path(), None, &since(&format!("{honest_note}{kept}"))).unwrap_err();
    let error = error.to_string();
    assert!(error.starts_with("kept.txt, checkpoint 1: the history before entry 400"), "{error}");
    assert!(error.contains("not before entry 250"), "{error}");
}

#[test]
fn a_log_that_was_cut_off_is_found_too() {
    let folder = tempfile::tempdir().unwrap();
    let key = realm().public();
    let whole = ledger(&folder.path().join("whole"), 10_000);
    let (short, _) = open(&folder.path().join("short"));
    let (_, founding) = History::founded();
    commit(&short, founding);
    short.close().unwrap();
    let error =
        verify_since(&folder.path().join("short"), Some(&key), &since(&whole.checkpoint())).unwrap_err();
    let error = error.to_string();
    assert!(error.contains("signed a log of 400 entries, but only 3 are here"), "{error}");
}

#[test]
fn what_another_realm_has_signed_says_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = ledger(folder.path(), 10_000);
    let note = ledger.checkpoint();
    let stranger = mtor_identity::Keypair::from_seed([1; 32]);
    let foreign = note.replace(realm().did().as_str(), stranger.did().as_str());
    let forged = note.replacen("\n400\n", "\n300\n", 1);
    for text in [foreign.as_str(), &forged, "an error page", &format!("{note}{foreign}")] {
        let error = verify_since(folder.path(), None, &since(text)).unwrap_err();
        assert!(matches!(error, VerifyError::Unreadable(_)), "{error}");
    }
}
