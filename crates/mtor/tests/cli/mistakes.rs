//! What is said to somebody who mistypes, forgets, or asks for what is not there.

use crate::support::Home;

#[tokio::test]
async fn mistakes_are_answered_with_what_was_probably_meant() {
    let home = Home::new();
    let mut said = String::new();
    for line in [
        "aks hello",
        "wallet shwo",
        "bench --clinets 3",
        "worker caht",
        "worker telepathy",
        "up --workers ears",
        "up --model nowhere.gguf",
        "up --model-id chat-tinny",
        "up --listen example.org:80",
        "model fetch chat-defualt",
        "ask",
        "ask --temperature 9 hi",
        "ask --max-tokens 0 hi",
        "ask --max-price 1.2345678 hi",
        "ask --class urgent hi",
        "ask --realm https://realm.example hi",
        "ask --realm http://realm.example hi",
        "ask --wallet nowhere.key hi",
        "wallet send did:key:abc 1",
        "wallet send did:key:z6MkhwbYKEYTTgDTckscw4m9dkMVty2srriwoLFk3T2jzTLG -5",
        "wallet phrase",
        "wallet history --limit 1000",
        "ledger verify",
        "ledger verify --key nobody",
        "bench --broker-pid 1",
    ] {
        let answer = home.run(&line.split(' ').collect::<Vec<_>>()).await;
        assert_eq!(answer.code, 2, "{line}: {}", answer.err);
        assert_eq!(answer.out, "", "{line}");
        said.push_str(&format!("$ mtor {line}\n{}\n", answer.err));
    }
    insta::assert_snapshot!(said);
}

#[tokio::test]
async fn a_realm_that_is_not_there_is_exit_code_3() {
    let home = Home::new();
    // A port that was free a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("http://127.0.0.1:{port}");
    for command in [&["ask", "hi"][..], &["price"], &["wallet", "history"], &["ledger", "verify"]] {
        let answer = home.run(&[command, &["--realm", &url]].concat()).await;
        assert_eq!(answer.code, 3, "{}", answer.err);
        let expected = format!(
            "error: no realm answers at {url}: Connection refused (os error 111)\nhint: start one with `mtor up`, or name \
             another with --realm URL or $MTOR_REALM\n"
        );
        assert_eq!(answer.err, expected);
    }
}

#[tokio::test]
async fn the_doctor_finds_what_is_missing() {
    let home = Home::new();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    std::fs::create_dir_all(home.path().join("data")).unwrap();
    std::fs::write(home.path().join("data/realm.toml"), "lisen = 3\n").unwrap();
    let url = format!("http://127.0.0.1:{port}");
    let answer = home.run(&["doctor", "--data", "data", "--json", "--realm", &url]).await;
    assert_eq!(answer.code, 1);
    let findings: Vec<serde_json::Value> = serde_json::from_str(&answer.out).unwrap();
    let state = |what: &str| {
        let finding = findings.iter().find(|finding| finding["what"] == what).unwrap();
        finding["state"].as_str().unwrap().to_owned()
    };
    assert_eq!(state("data folder"), "good");
    assert_eq!(state("realm.toml"), "missing");
    assert_eq!(state("realm"), "good");
    assert_eq!(state("chat model"), "remark");
    let settings = findings.iter().find(|finding| finding["what"] == "realm.toml").unwrap();
    assert!(settings["seen"].as_str().unwrap().contains("unknown field `lisen`"), "{settings}");
}
