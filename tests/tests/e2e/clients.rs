//! What other programs use a realm with: tools of the Model Context Protocol, and workers that others write.

use std::process::Command;

use mtor_e2e::{Process, Realm, ScriptedWorker, clients, mtor, until, workspace};
use mtor_protocol::http::{ApiKey, JobInfo};
use serde_json::json;

/// A worker as `mtor worker new` makes it, in Python.
fn python_greeter(realm: &Realm) -> Process {
    let made = realm.run(&["worker", "new", "greet", "--lang", "python", "--folder", &scratch(realm)]);
    assert!(made.status.success(), "{made:?}");
    let script = realm.scratch("greet").join("worker.py");
    clients::python_program_beside(&script, &[&realm.url()], &realm.scratch("greeter.log"))
}

fn scratch(realm: &Realm) -> String {
    realm.scratch("greet").to_string_lossy().into_owned()
}

async fn greets(realm: &Realm) {
    until("the tool to be offered", async || realm.offers("tool.greet").await.then_some(())).await;
    let asked = json!({ "intent": { "capability": "tool.greet", "params": { "name": "Ada" } } });
    let done: JobInfo = realm.owner().post("/api/jobs?wait=20", asked.to_string()).await.json();
    assert_eq!(done.text.as_deref(), Some("Hello, Ada!"));
}

#[tokio::test]
async fn the_official_mcp_client_uses_what_workers_offer() {
    let realm = Realm::start().await;
    let worker = ScriptedWorker::attach(&realm).await;
    let _greeter = python_greeter(&realm);
    greets(&realm).await;
    let client = realm.funded_wallet().await;
    let keys = format!("/api/wallets/{}/keys", client.did());
    let key: ApiKey = client.post(&keys, json!({ "name": "mcp" }).to_string()).await.json();
    let mtor = mtor().to_string_lossy().into_owned();
    let owner = realm.data().join("owner.key").to_string_lossy().into_owned();
    clients::python("mcp_client.py", &[&realm.url(), &mtor, &owner, &key.secret.unwrap()]).await;
    until("what was left in the middle to end", async || (realm.queue().await.running == 0).then_some(()))
        .await;
    assert!(client.balance().await.spent.0 > 0, "the key's wallet pays");
    worker.leave().await;
    realm.verify_ledger();
}

#[tokio::test]
async fn an_official_mcp_server_becomes_a_worker() {
    let realm = Realm::start().await;
    let server = clients::python_words("mcp_server.py");
    let mut gateway = vec!["worker", "gateway", "--", "mcp-command", "--"];
    gateway.extend(server.iter().map(String::as_str));
    let _gateway = realm.start_beside(&gateway, "gateway.log");
    until("the tool to be offered", async || realm.offers("tool.add").await.then_some(())).await;
    let asked = json!({ "intent": { "capability": "tool.add", "params": { "a": 2, "b": 3 } } });
    let done: JobInfo = realm.owner().post("/api/jobs?wait=20", asked.to_string()).await.json();
    assert_eq!(done.text.as_deref().map(str::trim), Some("5"));
    realm.verify_ledger();
}

#[tokio::test]
async fn a_worker_in_rust_is_made_and_runs() {
    let realm = Realm::start().await;
    let sdk = workspace().join("crates/mtor-worker");
    let folder = scratch(&realm);
    let made = realm.run(&["worker", "new", "greet", "--folder", &folder, "--sdk", &sdk.to_string_lossy()]);
    assert!(made.status.success(), "{made:?}");
    // The same versions as here, so that nothing is fetched.
    std::fs::copy(workspace().join("Cargo.lock"), format!("{folder}/Cargo.lock")).unwrap();
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--offline", "--quiet"]).current_dir(&folder).env("CARGO_PROFILE_DEV_DEBUG", "0");
    let target = workspace().join("target/new-worker");
    cargo.env("CARGO_TARGET_DIR", &target);
    let built = tokio::task::spawn_blocking(move || cargo.output().unwrap()).await.unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let mut worker = Command::new(target.join("debug/greet"));
    worker.arg(realm.url()).current_dir(&folder);
    let _worker = Process::start(worker, &realm.scratch("greeter.log"));
    greets(&realm).await;
}

#[tokio::test]
async fn the_python_sdk_passes_its_own_tests_in_a_real_realm() {
    clients::python_sdk_tests().await;
}
