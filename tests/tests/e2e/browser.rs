//! The console in a real browser. What the person does stands in `tests/browser`, one script for each of these.

use std::fs;
use std::path::Path;

use mtor_e2e::{Realm, ScriptedWorker, scenario, until};

#[tokio::test]
async fn asking_stopping_retrying_finding_and_paying() {
    play("asking.mjs").await;
}

#[tokio::test]
async fn a_tab_closed_in_mid_answer_finds_it_whole_when_opened_again() {
    play("closing.mjs").await;
}

#[tokio::test]
async fn with_the_keyboard_alone_and_on_a_phone() {
    play("by_hand.mjs").await;
}

#[tokio::test]
async fn a_hostile_answer_is_only_words() {
    play("hostile.mjs").await;
}

#[tokio::test]
async fn a_broker_that_dies_and_comes_back_is_joined_again() {
    play("reconnecting.mjs").await;
}

#[tokio::test]
async fn a_wallet_comes_back_after_the_browser_was_lost() {
    play("coming_back.mjs").await;
}

#[tokio::test]
async fn money_is_proven_asked_for_and_not_spent_unasked() {
    play("proving.mjs").await;
}

#[tokio::test]
async fn a_wallet_is_taken_to_another_device() {
    play("another_device.mjs").await;
}

#[tokio::test]
async fn a_wallet_gets_another_key_and_says_no_to_its_recovery_key() {
    play("keys.mjs").await;
}

/// Passkeys belong to names, so the page is opened by one.
#[tokio::test]
async fn a_passkey_brings_a_wallet_back() {
    play_at("passkey.mjs", "localhost").await;
}

/// Plays a scenario with a realm on this machine, see [`play_at`].
async fn play(script: &str) {
    play_at(script, "127.0.0.1").await;
}

/// Plays a scenario with a realm and a scripted worker, which do what the script asks of them.
async fn play_at(script: &str, host: &str) {
    let mut realm = Realm::start().await;
    let worker = ScriptedWorker::attach(&realm).await;
    let url = realm.url().replace("127.0.0.1", host);
    let kept = tempfile::tempdir().unwrap();
    scenario::play(script, &url, async |words| match words.split(' ').collect::<Vec<_>>()[..] {
        ["let", count, "words"] => worker.let_words(count.parse().unwrap()),
        ["finish", "all", "jobs"] => finish_all(&realm, &worker).await,
        ["kill", "the", "realm"] => realm.kill(),
        ["restart", "the", "realm"] => realm.restart().await,
        ["keep", "the", "ledger"] => {
            realm.kill();
            copy_files(&realm.data(), kept.path());
            realm.restart().await;
            worker.attached(&realm).await;
        }
        ["put", "the", "ledger", "back"] => {
            realm.kill();
            copy_files(kept.path(), &realm.data());
            realm.restart().await;
            worker.attached(&realm).await;
        }
        _ => panic!("nobody knows how to {words}"),
    })
    .await;
    realm.assert_unharmed().await;
    realm.verify_ledger();
}

/// Makes the files of one folder those of another, as a backup is made and put back.
fn copy_files(from: &Path, to: &Path) {
    let files = |folder: &Path| {
        fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.is_file())
            .collect::<Vec<_>>()
    };
    files(to).iter().for_each(|path| fs::remove_file(path).unwrap());
    for path in files(from) {
        fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
    }
}

async fn finish_all(realm: &Realm, worker: &ScriptedWorker) {
    // As many words as any of them has; what is left over goes to the next ones.
    worker.let_words(7);
    until("all jobs to be done", async || {
        let queue = realm.queue().await;
        (queue.running + queue.queued == 0).then_some(())
    })
    .await;
}
