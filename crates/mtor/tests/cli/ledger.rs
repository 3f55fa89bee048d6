//! Proof of the ledger, from the folder and over the wire.

use crate::support::{Home, Realm};

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
async fn a_folder_without_a_ledger_is_not_verified() {
    let home = Home::new();
    std::fs::create_dir(home.path().join("empty")).unwrap();
    let answer = home.run(&["ledger", "verify", "--data", "empty"]).await;
    assert_eq!(answer.code, 1, "{}", answer.out);
    assert!(answer.err.starts_with("error: not verified: "), "{}", answer.err);
}
