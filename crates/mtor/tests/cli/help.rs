//! What `--help` says, of every command. After a change: `INSTA_UPDATE=always cargo test -p mtor`, and read the diff.

use crate::support::Home;

const COMMANDS: &[&[&str]] = &[
    &[],
    &["up"],
    &["broker"],
    &["ask"],
    &["worker"],
    &["worker", "list"],
    &["worker", "new"],
    &["mcp"],
    &["wallet"],
    &["wallet", "new"],
    &["wallet", "history"],
    &["wallet", "prove"],
    &["wallet", "send"],
    &["wallet", "key"],
    &["ledger"],
    &["ledger", "verify"],
    &["ledger", "prove"],
    &["ledger", "check"],
    &["plan"],
    &["peer"],
    &["price"],
    &["top"],
    &["trust"],
    &["model"],
    &["bench"],
    &["doctor"],
    &["completions"],
];

#[tokio::test]
async fn every_command_explains_itself() {
    let home = Home::new();
    for command in COMMANDS {
        let said = home.run(&[command, &["--help"][..]].concat()).await.good();
        let name = if command.is_empty() { "mtor".to_owned() } else { command.join("_") };
        insta::assert_snapshot!(format!("help_{name}"), said);
    }
}

#[tokio::test]
async fn every_command_that_is_listed_is_explained_here() {
    let listed = Home::new().run(&["--help"]).await.good();
    let commands =
        listed.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    for name in commands.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help") {
        assert!(COMMANDS.iter().any(|command| command == &[name]), "{name} is missing in COMMANDS");
    }
}

#[tokio::test]
async fn completions_know_the_commands() {
    let home = Home::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = home.run(&["completions", shell]).await.good();
        assert!(script.contains("wallet") && script.contains("max-tokens"), "{shell}");
    }
}
