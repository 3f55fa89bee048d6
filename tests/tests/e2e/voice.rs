//! A realm that hears and speaks, with real models. What the person at the page says and hears stands in `tests/browser`.

use std::path::Path;

use mtor_e2e::{Realm, RealmOptions, ScriptedWorker, clients, scenario, sound, test_model, until};

#[tokio::test]
async fn openais_client_is_heard_and_spoken_to() {
    let realm = up("ears,voice").await;
    clients::python("openai_audio.py", &[&format!("{}/v1", realm.url()), "at-home"]).await;
    let queue = realm.queue().await;
    assert_eq!((queue.running, queue.queued), (0, 0), "nothing is left behind");
    realm.assert_unharmed().await;
    realm.verify_ledger();
}

/// The whole way, with a model that knows.
#[tokio::test]
async fn computer_what_is_the_capital_of_france() {
    let realm = up("ears,voice").await;
    // The likeliest words: a model this small knows the answer, but does not always give it.
    let model = test_model();
    let options = ["worker", "chat", "--", "--model", model.to_str().unwrap(), "--temperature", "0"];
    let mut chat = realm.start_beside(&options, "chat.log");
    until("the model to be loaded", async || realm.offers("chat").await.then_some(())).await;
    play(&realm, "spoken.mjs").await;
    chat.terminate();
    assert_eq!(chat.wait().await.code(), Some(0), "{}", chat.said());
}

#[tokio::test]
async fn a_conversation_is_interrupted_goes_on_and_is_repeated() {
    let realm = up("ears,voice").await;
    let worker = ScriptedWorker::attach(&realm).await;
    worker.let_all();
    play(&realm, "manners.mjs").await;
}

#[tokio::test]
async fn a_microphone_that_fails_is_told_in_plain_words() {
    let realm = up("ears,voice").await;
    let _worker = ScriptedWorker::attach(&realm).await;
    play(&realm, "no_microphone.mjs").await;
}

/// Plays a scenario at the page of a realm that makes and judges its sound.
async fn play(realm: &Realm, script: &str) {
    scenario::play(script, &realm.url(), async |words| match words.splitn(3, ' ').collect::<Vec<_>>()[..] {
        ["record", file, rest] => {
            let (silence_s, words) = rest.split_once(' ').expect("seconds and words");
            sound::record(realm, Path::new(file), silence_s.parse().unwrap(), words).await;
        }
        ["hear", file, words] => {
            let heard = sound::transcript(realm, Path::new(file)).await;
            println!("heard: {heard}");
            assert!(heard.contains(words), "{words:?} is not in {heard:?}");
        }
        _ => panic!("nobody knows how to {words}"),
    })
    .await;
    realm.assert_unharmed().await;
    realm.verify_ledger();
}

/// A realm with these workers, all of them ready.
async fn up(workers: &str) -> Realm {
    let up = ["--workers", workers].map(str::to_owned).to_vec();
    Realm::with(RealmOptions { up, ..RealmOptions::default() }).await
}
