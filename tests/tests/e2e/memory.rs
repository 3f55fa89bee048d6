//! Answers that are the same every time are remembered for the wallet that asked: no worker is asked or paid again.

use mtor_e2e::{Client, Realm, until};
use mtor_protocol::http::JobInfo;
use mtor_protocol::{FinishReason, Micro};
use reqwest::header::{CACHE_CONTROL, HeaderMap, HeaderValue};
use serde_json::json;

#[tokio::test]
async fn a_repeatable_answer_is_remembered_for_its_wallet_alone_and_costs_a_share() {
    let mut realm = Realm::with_settings("[cache]\nshare_percent = 20\n").await;
    let folder = realm.scratch("greet");
    let made =
        realm.run(&["worker", "new", "greet", "--lang", "wasm", "--folder", &folder.to_string_lossy()]);
    assert!(made.status.success(), "{made:?}");
    let skill = folder.join("skill.wat").display().to_string();
    let _sandbox = realm.start_beside(&["worker", "sandbox", "--", "--skill", &skill], "sandbox.log");
    until("the tool to be offered", async || realm.offers("tool.greet").await.then_some(())).await;
    let (owner, other) = (realm.owner(), realm.funded_wallet().await);

    let first = greet(&owner, HeaderMap::new()).await;
    let full = first.cost.expect("it is settled");
    assert!(!first.from_memory && first.workers == ["sandbox"] && full > Micro(0), "{first:?}");
    let again = greet(&owner, HeaderMap::new()).await;
    assert!(again.from_memory && again.workers.is_empty(), "{again:?}");
    assert_eq!((&again.text, &again.output), (&first.text, &first.output));
    assert_eq!(again.finish, Some(FinishReason::Stop));
    assert_eq!(again.cost, Some(full.scaled(20, 100)));

    let no_cache = HeaderMap::from_iter([(CACHE_CONTROL, HeaderValue::from_static("no-cache"))]);
    assert!(!greet(&owner, no_cache).await.from_memory, "a worker was asked for");
    assert!(!greet(&other, HeaderMap::new()).await.from_memory, "nobody learns what another has asked");
    assert!(greet(&other, HeaderMap::new()).await.from_memory);
    let metrics = owner.get("/metrics").await.text();
    assert!(metrics.contains("mtor_memory_hits_total 2") && metrics.contains("mtor_memory_misses_total 3"));

    // What is remembered survives in the ledger like every job; which job it was, the realm learns anew.
    realm.kill();
    realm.restart().await;
    let kept = realm.owner().job(again.id).await;
    assert!(kept.from_memory && kept.text == first.text, "{kept:?}");
    realm.assert_unharmed().await;
    realm.verify_ledger();
}

async fn greet(client: &Client, headers: HeaderMap) -> JobInfo {
    let asked = json!({ "intent": { "capability": "tool.greet", "params": { "name": "Ada" } } });
    client.send("POST", "/api/jobs?wait=20", asked.to_string().into_bytes(), headers).await.json()
}
