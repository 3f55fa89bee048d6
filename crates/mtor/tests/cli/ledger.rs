//! Proof of the ledger, from the folder and over the wire.

use std::sync::Arc;
use std::sync::mpsc::channel;

use mtor_core::{Entry, Fact};
use mtor_identity::{KeyFile, guid};
use mtor_ledger::{Batch, Ledger, Settings};
use mtor_protocol::{JobId, Micro, Timestamp};

use crate::support::{Home, PATIENCE, Realm};

#[tokio::test]
async fn a_ledger_is_verified_in_its_folder_and_from_afar() {
    let realm = Realm::start().await;
    realm.run(&["wallet", "new"]).await.good();
    let local = realm.run(&["ledger", "verify"]).await.good();
    assert!(local.starts_with("verified: ") && local.contains(" accounts, sum 0, root "), "{local}");
    let far = realm.run(&["ledger", "verify", "--realm", &realm.url]).await.good();
    assert_eq!(far, local);

    let other = "did:key:z6MkhwbYKEYTTgDTckscw4m9dkMVty2srriwoLFk3T2jzTLG";
    for place in [&["--realm", &*realm.url][..], &[]] {
        let wrong = realm.run(&[&["ledger", "verify", "--key", other][..], place].concat()).await;
        assert_eq!(wrong.code, 1, "another realm's key must not pass: {}", wrong.out);
        assert!(wrong.err.starts_with("error: not verified: "), "{}", wrong.err);
    }
}

#[tokio::test]
async fn older_checkpoints_are_looked_at() {
    let realm = Realm::start().await;
    let kept = realm.home.path().join("kept.txt");
    let mut checkpoints = realm.checkpoint().await;
    realm.run(&["wallet", "new"]).await.good();
    checkpoints += &realm.checkpoint().await;
    std::fs::write(&kept, &checkpoints).unwrap();
    for place in [&["--realm", &*realm.url][..], &[]] {
        let verified =
            realm.run(&[&["ledger", "verify", "--since", "kept.txt"][..], place].concat()).await.good();
        assert!(verified.ends_with("the 2 older checkpoints are of the same history\n"), "{verified}");
    }
    let json = realm.run(&["ledger", "verify", "--since", "kept.txt", "--json"]).await.good();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let (did, key) = (json["realm"].as_str().unwrap(), json["verifier_key"].as_str().unwrap());
    assert!(key.starts_with(&format!("{did}+")), "{json}");

    std::fs::write(&kept, checkpoints.replacen('\n', "\n1", 1)).unwrap();
    let forged = realm.run(&["ledger", "verify", "--since", "kept.txt"]).await;
    assert_eq!(forged.code, 1, "{}", forged.out);
    assert!(forged.err.contains("kept.txt, checkpoint 1 says nothing about this log"), "{}", forged.err);
    std::fs::write(&kept, "").unwrap();
    let empty = realm.run(&["ledger", "verify", "--since", "kept.txt"]).await;
    assert!(empty.code == 2 && empty.err.contains("there is no checkpoint in it"), "{}", empty.err);
}

#[tokio::test]
async fn a_witness_that_has_not_cosigned_is_missed() {
    let realm = Realm::start().await;
    let key = "witness.example/w1+e42b2f2c+BDtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop";
    let missed = realm.run(&["ledger", "verify", "--realm", &realm.url, "--witness", key]).await;
    assert_eq!(missed.code, 1, "{}", missed.out);
    assert!(missed.err.contains("the witness witness.example/w1 has not cosigned it"), "{}", missed.err);
    let local = realm.run(&["ledger", "verify", "--witness", key]).await;
    assert!(local.code == 2 && local.err.contains("--realm"), "{}", local.err);
}

/// A home whose realm was founded long ago; its owner has coins.
fn founded_long_ago() -> Home {
    let home = Home::new();
    let data = home.path().join(".local/share/mtor");
    std::fs::create_dir_all(&data).unwrap();
    let key = |name: &str| KeyFile::load_or_create(&data.join(name)).unwrap().into_keypair();
    let owner = guid(&key("owner.key").public());
    let (ledger, _) = Ledger::open(&data, Settings::default(), Arc::new(key("realm.key"))).unwrap();
    let facts =
        [Fact::Founded { owner }, Fact::Issued { id: JobId(1), to: owner, amount: Micro::coins(1_000) }];
    let time = Timestamp(1_700_000_000_000);
    let entries = (0..).zip(facts).map(|(seq, fact)| Entry { seq, time, fact }).collect();
    let (done, durable) = channel();
    ledger.commit(Batch { entries, records: vec![] }, Box::new(move || done.send(()).unwrap())).unwrap();
    durable.recv_timeout(PATIENCE).unwrap();
    ledger.close().unwrap();
    home
}

#[tokio::test]
async fn a_wallet_proves_what_it_had() {
    let realm = Realm::start_in(founded_long_ago()).await;
    // The first thing that happens has the balances before it written down: the owner's alone.
    realm.run(&["wallet", "new"]).await.good();
    let proven = realm.run(&["wallet", "--owner", "prove", "--out", "proofs"]).await.good();
    assert!(proven.starts_with("proofs/balance-2.tlog-proof\n"), "{proven}");
    assert!(proven.contains("1 wallet had 1000 coins together; of them the wallet"), "{proven}");

    let file = "proofs/balance-2.tlog-proof";
    let checked = realm.home.run(&["ledger", "check", file, "--json"]).await.good();
    let checked: serde_json::Value = serde_json::from_str(&checked).unwrap();
    assert_eq!(checked[0]["balance"]["available"], "1000000000", "{checked}");
    let text = std::fs::read_to_string(realm.home.path().join(file)).unwrap();
    std::fs::write(realm.home.path().join(file), text.replacen("index 2", "index 1", 1)).unwrap();
    let changed = realm.home.run(&["ledger", "check", file]).await;
    assert!(changed.code == 1 && changed.out.contains("does not hold"), "{}", changed.out);

    let unknown = realm.run(&["wallet", "prove"]).await;
    assert_eq!(unknown.code, 1, "{}", unknown.out);
    assert!(unknown.err.contains("is not among the balances of entry 2"), "{}", unknown.err);
}

#[tokio::test]
async fn a_realm_that_is_young_has_no_balances_yet() {
    let realm = Realm::start().await;
    let answer = realm.run(&["wallet", "prove"]).await;
    assert!(
        answer.code == 1 && answer.err.contains("has not written its balances down yet"),
        "{}",
        answer.err
    );
}

#[tokio::test]
async fn a_folder_without_a_ledger_is_not_verified() {
    let home = Home::new();
    std::fs::create_dir(home.path().join("empty")).unwrap();
    let answer = home.run(&["ledger", "verify", "--data", "empty"]).await;
    assert_eq!(answer.code, 1, "{}", answer.out);
    assert!(answer.err.starts_with("error: not verified: "), "{}", answer.err);
}
