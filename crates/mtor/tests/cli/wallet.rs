//! Keys and coins.

use crate::support::{Home, Realm};

#[tokio::test]
async fn a_wallet_comes_back_from_its_words_and_nothing_is_overwritten() {
    let home = Home::new();
    let offline = ["--realm", "http://127.0.0.1:1"];
    let made =
        home.run(&[&["wallet", "new", "--wallet", "a.key", "--json"][..], &offline].concat()).await.good();
    let made: serde_json::Value = serde_json::from_str(&made).unwrap();
    let words = home.run(&["wallet", "phrase", "--wallet", "a.key"]).await;
    assert!(words.err.contains("can spend everything"), "{}", words.err);
    let words = words.good();
    assert_eq!(words.split_whitespace().count(), 12);

    let restore = ["wallet", "restore", "--wallet", "b.key", "--json"];
    let restored = home.run_with_input(&restore, &words.to_uppercase()).await.good();
    let restored: serde_json::Value = serde_json::from_str(&restored).unwrap();
    assert_eq!((&restored["did"], &restored["guid"]), (&made["did"], &made["guid"]));

    let before = std::fs::read(home.path().join("a.key")).unwrap();
    for again in [&["wallet", "new", "--wallet", "a.key"][..], &["wallet", "restore", "--wallet", "a.key"]] {
        let refused = home.run_with_input(again, &words).await;
        assert_eq!(refused.code, 2);
        assert!(refused.err.contains("there is a wallet at a.key already"), "{}", refused.err);
    }
    assert_eq!(std::fs::read(home.path().join("a.key")).unwrap(), before);

    let wrong = home.run_with_input(&["wallet", "restore", "--wallet", "c.key"], "legal winner").await;
    assert_eq!(
        (wrong.code, wrong.err.as_str()),
        (2, "error: a recovery phrase has 12 words; this one has 2\n")
    );
}

#[tokio::test]
async fn a_wallet_comes_back_from_a_file_and_its_password() {
    let home = Home::new();
    let did = |text: String| serde_json::from_str::<serde_json::Value>(&text).unwrap()["did"].clone();
    let offline = ["--realm", "http://127.0.0.1:1", "--json"];
    let made = did(home.run(&[&["wallet", "new", "--wallet", "a.key"][..], &offline].concat()).await.good());

    let password = "  a horse, and its rider \r\nnot this line\n";
    let backup = ["wallet", "backup", "a.json", "--wallet", "a.key"];
    let written = home.run_with_input(&backup, password).await.good();
    assert_eq!(written, format!("{} is in a.json\n", made.as_str().unwrap()));
    let restore = ["wallet", "restore", "--from", "a.json", "--wallet", "b.key", "--json"];
    for wrong in ["a horse, and its rider", "\n", ""] {
        let refused = home.run_with_input(&restore, wrong).await;
        assert_eq!(refused.code, 2, "{}", refused.err);
        assert!(refused.err.starts_with("error: the password does not open this backup"), "{}", refused.err);
    }
    assert_eq!(did(home.run_with_input(&restore, "  a horse, and its rider ").await.good()), made);
    let words = async |key| home.run(&["wallet", "phrase", "--wallet", key]).await.good();
    assert_eq!(words("a.key").await, words("b.key").await, "the words come back as well");

    let before = std::fs::read(home.path().join("a.json")).unwrap();
    for (again, why) in
        [(&backup[..], "a.json exists already"), (&restore, "there is a wallet at b.key already")]
    {
        // Before anything is read.
        let refused = home.run(again).await;
        assert_eq!(refused.code, 2);
        assert!(refused.err.contains(why), "{}", refused.err);
    }
    assert_eq!(std::fs::read(home.path().join("a.json")).unwrap(), before);

    let short = ["wallet", "backup", "short.json", "--wallet", "a.key"];
    let refused = home.run_with_input(&short, "horse\n").await;
    assert!(
        refused.code == 2 && refused.err.contains("5 characters and needs at least 10"),
        "{}",
        refused.err
    );
    assert!(!home.path().join("short.json").exists());

    let other = ["wallet", "restore", "--from", "a.key", "--wallet", "c.key"];
    let refused = home.run(&other).await;
    assert!(
        refused.code == 2 && refused.err.contains("a.key: this is no intact wallet backup"),
        "{}",
        refused.err
    );
}

#[tokio::test]
async fn coins_are_sent_shown_and_counted() {
    let realm = Realm::start().await;
    let json = |text: String| serde_json::from_str::<serde_json::Value>(&text).unwrap();
    let made = json(realm.run(&["wallet", "new", "--json"]).await.good());
    assert_eq!(made["available"], "100000000", "at home the owner fills a new wallet");
    let did = made["did"].as_str().unwrap();

    let asked = realm.run(&["wallet", "--owner", "send", did, "1.5"]).await;
    assert_eq!(
        (asked.code, asked.err.as_str()),
        (2, "error: nobody is there to confirm it; add --yes to send without asking\n")
    );
    let sent =
        realm.run(&["wallet", "--owner", "send", did, "1.5", "--yes", "--memo", "thanks"]).await.good();
    assert!(sent.starts_with(&format!("sent 1.5 coins to {did}\n898.5 coins are left")), "{sent}");

    let shown = realm.run(&["wallet", "show"]).await.good();
    assert!(shown.contains("balance  101.5 coins") && shown.contains(did), "{shown}");
    let history = realm.run(&["wallet", "history"]).await.good();
    assert!(history.contains(" +1.5  ") && history.contains(" +100  "), "{history}");

    let owner = json(realm.run(&["wallet", "--owner", "show", "--json"]).await.good());
    let owner = owner["did"].as_str().unwrap();
    let poor = realm.run(&["wallet", "send", owner, "1000", "--yes"]).await;
    assert_eq!(poor.code, 4, "{}", poor.err);
    assert!(
        poor.err.contains("The balance is too low") && poor.err.contains("hint: `mtor wallet show`"),
        "{}",
        poor.err
    );
    let itself = realm.run(&["wallet", "send", did, "1", "--yes"]).await;
    assert_eq!((itself.code, itself.err.as_str()), (2, "error: that is this wallet itself\n"));
}

#[tokio::test]
async fn api_keys_are_made_listed_and_revoked() {
    let realm = Realm::start().await;
    let secret = realm.run(&["wallet", "key", "new", "my script"]).await.good();
    assert!(secret.trim().len() > 20, "{secret}");
    let list = realm.run(&["wallet", "key", "list"]).await.good();
    assert!(list.contains("my script") && !list.contains(secret.trim()), "{list}");
    let id = list.lines().nth(1).unwrap().split_whitespace().next().unwrap();
    realm.run(&["wallet", "key", "revoke", id]).await.good();
    assert_eq!(realm.run(&["wallet", "key", "list"]).await.good(), "this wallet has no API keys\n");
}

#[tokio::test]
async fn a_new_wallet_works_for_its_first_coins() {
    let home = Home::new();
    let data = home.path().join(".local/share/mtor");
    std::fs::create_dir_all(&data).unwrap();
    let settings = "private = false\n[starter]\nzero_bits = 4\nmemory_kib = 8\n";
    std::fs::write(data.join("realm.toml"), settings).unwrap();
    let realm = Realm::start_in(home).await;
    realm.run(&["wallet", "new"]).await.good();
    let offered = realm.run(&["wallet", "show"]).await.good();
    assert!(
        offered.contains("balance  0 coins\nstarter  2 coins for some work: mtor wallet start\n"),
        "{offered}"
    );

    let started = realm.run(&["wallet", "start"]).await;
    assert!(
        started.err.starts_with("working for 2 coins: about 16 tries with 1 MiB each\n"),
        "{}",
        started.err
    );
    assert_eq!(started.good(), "2 coins are in the wallet; 2 of them can be spent, not sent\n");
    let shown = realm.run(&["wallet", "show"]).await.good();
    assert!(
        shown.ends_with("balance  2 coins\nbound    2 coins of the balance, which can be spent, not sent\n"),
        "{shown}"
    );

    let again = realm.run(&["wallet", "start"]).await;
    assert_eq!(again.code, 4);
    assert!(again.err.contains("every wallet gets them once"), "{}", again.err);
    let owner = realm.run(&["wallet", "--owner", "show", "--json"]).await.good();
    let owner: serde_json::Value = serde_json::from_str(&owner).unwrap();
    let sent = realm.run(&["wallet", "send", owner["did"].as_str().unwrap(), "1", "--yes"]).await;
    assert_eq!(sent.code, 4);
    assert!(sent.err.contains("0 coins can be sent, not 1"), "{}", sent.err);
    let history = realm.run(&["wallet", "history"]).await.good();
    assert!(history.contains("starter coins") && history.contains(" +2 "), "{history}");
}
