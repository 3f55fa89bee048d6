//! What words want, with and without a worker that turns texts into vectors.

use mtor_e2e::{Client, Realm, ScriptedWorker, WorkerOptions, until};
use mtor_protocol::resolve::{By, Resolve, Resolved, Understanding};

/// No rule knows them; they are two of the examples, one after the other.
const WORDS: &str = "it is too dark in here, brighten the room a little";

#[tokio::test]
async fn words_that_no_rule_knows_are_understood_once_somebody_embeds() {
    let realm = Realm::start().await;
    let owner = realm.owner();
    let before = resolve(&owner, WORDS).await;
    assert_eq!((before.by, capability(&before)), (By::Fallback, Some("chat")), "{before:?}");

    let options = WorkerOptions { embeds: true, ..WorkerOptions::default() };
    let worker = ScriptedWorker::attach_as(&realm, options).await;
    // The examples' vectors are computed in the background; until they are there, nobody waits.
    let understood = until("the words to be understood", async || {
        Some(resolve(&owner, WORDS).await).filter(|resolved| resolved.by == By::Examples)
    })
    .await;
    assert_eq!(capability(&understood), Some("tool.home"), "{understood:?}");
    let question = resolve(&owner, "what is the capital of france").await;
    assert_eq!(capability(&question), Some("chat"), "{question:?}");

    // They are the owner's jobs, and paid as all others; a rule needs none.
    let jobs = owner.history("").await.jobs.len();
    assert!(jobs > 1, "the examples come in several jobs");
    let control = resolve(&owner, "computer, stop").await;
    assert_eq!(control.by, By::Rules, "{control:?}");
    assert_eq!(owner.history("").await.jobs.len(), jobs, "a rule asks nobody");

    worker.leave().await;
    let after = resolve(&owner, WORDS).await;
    assert_eq!(
        (after.by, capability(&after)),
        (By::Fallback, Some("chat")),
        "nobody embeds any more: {after:?}"
    );
    realm.assert_unharmed().await;
    realm.verify_ledger();
}

async fn resolve(client: &Client, text: &str) -> Resolved {
    let asked = Resolve { text: text.to_owned(), language: "en".to_owned(), wake_word: None };
    client.post("/api/resolve", serde_json::to_vec(&asked).unwrap()).await.json()
}

fn capability(resolved: &Resolved) -> Option<&str> {
    match &resolved.understanding {
        Understanding::Act { capability, .. } => Some(capability.as_str()),
        _ => None,
    }
}
