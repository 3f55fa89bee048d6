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
async fn a_folder_without_a_ledger_is_not_verified() {
    let home = Home::new();
    std::fs::create_dir(home.path().join("empty")).unwrap();
    let answer = home.run(&["ledger", "verify", "--data", "empty"]).await;
    assert_eq!(answer.code, 1, "{}", answer.out);
    assert!(answer.err.starts_with("error: not verified: "), "{}", answer.err);
}
