//! What keeps a realm from starting is said plainly, and harms no realm that runs.

use std::fs::{File, OpenOptions, Permissions};
use std::os::unix::fs::{FileExt as _, PermissionsExt as _};
use std::path::Path;
use std::process::Command;

use mtor_e2e::{Realm, ScriptedWorker, free_port, question, test_model};

#[tokio::test]
async fn a_port_that_is_taken_is_named_with_another_to_try() {
    let realm = Realm::start().await;
    let address = realm.address().to_string();
    let (status, said) = realm.beside(broker(&realm.scratch("other"), &address)).await;
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(said.contains(&format!("{address} is taken")) && said.contains("--listen 127.0.0.1:"), "{said}");
    assert_serves(&realm).await;
}

#[tokio::test]
async fn a_second_broker_on_the_same_folder_is_refused() {
    let realm = Realm::start().await;
    let (status, said) = realm.beside(broker(&realm.data(), &any_address())).await;
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(said.contains("is in use by another broker"), "{said}");
    assert!(said.contains(&realm.process().id().to_string()), "it says which process: {said}");
    assert_serves(&realm).await;
}

#[tokio::test]
async fn a_journal_that_is_no_database_is_told_and_left_alone() {
    let mut realm = Realm::start().await;
    // In order, so that no write-ahead log is left that would mend it.
    realm.terminate();
    assert_eq!(realm.wait().await.code(), Some(0));
    let journal = realm.data().join("ledger.sqlite");
    std::fs::write(&journal, "this was a ledger once ".repeat(1_000)).unwrap();
    let (status, said) = realm.beside(broker(&realm.data(), &any_address())).await;
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(said.contains("ledger.sqlite"), "it names the file: {said}");
    assert!(!said.contains("panicked"), "{said}");
    assert!(std::fs::read_to_string(journal).unwrap().starts_with("this was a ledger once"));
}

#[tokio::test]
async fn a_damaged_page_of_the_journal_does_not_pass_as_whole() {
    let mut realm = Realm::start().await;
    let _worker = ScriptedWorker::attach(&realm).await;
    let client = realm.funded_wallet().await;
    for number in 0..10 {
        let id = client.submit(&question(&format!("say number {number}"))).await.id;
        client.settled(id).await;
    }
    realm.terminate();
    assert_eq!(realm.wait().await.code(), Some(0));
    // Every page after the first: whatever is read, it is not what was written.
    let journal = OpenOptions::new().write(true).open(realm.data().join("ledger.sqlite")).unwrap();
    let bytes = journal.metadata().unwrap().len();
    for page in 1..bytes / 4096 {
        journal.write_all_at(&[0xa5; 512], page * 4096 + 1024).unwrap();
        journal.write_all_at(&[0xa5; 64], page * 4096).unwrap();
    }
    let (status, said) = realm.beside(broker(&realm.data(), &any_address())).await;
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(said.contains("ledger"), "{said}");
    assert!(!said.contains("panicked"), "{said}");
    let verify = realm.run(&["ledger", "verify", "--data", realm.data().to_str().unwrap()]);
    assert!(!verify.status.success(), "a damaged ledger does not verify");
}

#[tokio::test]
async fn a_folder_that_cannot_be_used_is_named() {
    let realm = Realm::start().await;
    // A file in its place: no rights help against that, not even the administrator's.
    let file = realm.scratch("file");
    File::create(&file).unwrap();
    for place in [file.clone(), file.join("below")] {
        let (status, said) = realm.beside(broker(&place, &any_address())).await;
        assert_eq!(status.code(), Some(1), "{said}");
        assert!(said.contains(file.to_str().unwrap()), "it names the folder: {said}");
        assert!(!said.contains("panicked"), "{said}");
    }
    let locked = realm.scratch("locked");
    std::fs::create_dir(&locked).unwrap();
    std::fs::set_permissions(&locked, Permissions::from_mode(0o000)).unwrap();
    if std::fs::read_dir(&locked).is_err() {
        let (status, said) = realm.beside(broker(&locked, &any_address())).await;
        assert_eq!(status.code(), Some(1), "{said}");
        assert!(said.contains("denied"), "{said}");
    }
    realm.assert_unharmed().await;
}

#[tokio::test]
async fn a_key_or_settings_that_make_no_sense_are_named() {
    let mut realm = Realm::start().await;
    realm.kill();
    let [key, settings] = ["realm.key", "realm.toml"].map(|name| realm.data().join(name));
    let good = std::fs::read(&key).unwrap();
    std::fs::write(&key, "no key at all").unwrap();
    let (status, said) = realm.beside(broker(&realm.data(), &any_address())).await;
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(said.contains("realm.key"), "{said}");
    std::fs::write(&key, good).unwrap();

    std::fs::write(&settings, "[limits]\nopen_per_walet = 3\n").unwrap();
    let (status, said) = realm.beside(broker(&realm.data(), &any_address())).await;
    assert_ne!(status.code(), Some(0), "{said}");
    assert!(said.contains("realm.toml") && said.contains("open_per_walet"), "{said}");

    std::fs::remove_file(settings).unwrap();
    realm.restart().await;
    assert_serves(&realm).await;
}

#[tokio::test]
async fn a_model_file_that_is_cut_off_is_refused_before_anything_starts() {
    let realm = Realm::start().await;
    let whole = test_model();
    let cut = realm.scratch("cut.gguf");
    std::fs::copy(whole, &cut).unwrap();
    let file = OpenOptions::new().write(true).open(&cut).unwrap();
    let bytes = file.metadata().unwrap().len();
    for keep in [bytes - 1_000, bytes / 2, 100, 0] {
        file.set_len(keep).unwrap();
        let mut command = Command::new(mtor_e2e::mtor());
        command.args(["up", "--no-browser", "--listen", &any_address(), "--model"]).arg(&cut);
        command.arg("--data").arg(realm.scratch("new"));
        let (status, said) = realm.beside(command).await;
        assert_eq!(status.code(), Some(2), "{keep} of {bytes} bytes: {said}");
        assert!(said.contains("cut.gguf"), "it names the file: {said}");
    }
    assert!(!realm.scratch("new").exists(), "nothing was begun");
    realm.assert_unharmed().await;
}

/// A broker on this folder and address.
fn broker(folder: &Path, address: &str) -> Command {
    let mut command = Command::new(mtor_e2e::mtor());
    command.args(["broker", "--listen", address, "--data"]).arg(folder);
    command
}

fn any_address() -> String {
    format!("127.0.0.1:{}", free_port())
}

/// The realm still answers a question, and is whole.
async fn assert_serves(realm: &Realm) {
    let _worker = ScriptedWorker::attach(realm).await;
    let client = realm.funded_wallet().await;
    let id = client.submit(&question("say still here")).await.id;
    assert_eq!(client.settled(id).await.text.as_deref(), Some("still here"));
    realm.assert_unharmed().await;
    realm.verify_ledger();
}
