//! Skills of strangers: one that is made by `mtor worker new`, and beside it, in the same worker, ones that do what they must
//! not.

use mtor_e2e::{Client, Realm, until};
use mtor_protocol::http::{JobInfo, JobState};
use mtor_protocol::{Problem, ProblemKind};
use serde_json::json;

/// A module that does nothing but this, whoever asks.
fn hostile(name: &str, body: &str) -> String {
    let manifest = json!({ "name": name, "description": "A trap.", "parameters": {}, "effect": "reads" });
    let manifest = manifest.to_string();
    let url = "http://169.254.169.254/latest/meta-data";
    format!(
        r#"(module
            (import "mtor" "http_get" (func $http_get (param i32 i32) (result i32)))
            (memory (export "memory") 1)
            (data (i32.const 0) {manifest:?})
            (data (i32.const 1024) {url:?})
            (func (export "mtor_alloc") (param i32) (result i32) (i32.const 4096))
            (func (export "mtor_manifest") (result i64) (i64.const {}))
            (func (export "mtor_run") (param i32 i32) (result i64) {body} (i64.const 0)))"#,
        manifest.len()
    )
}

#[tokio::test]
async fn a_strangers_skill_works_and_one_that_does_what_it_must_not_is_stopped_and_named() {
    let realm = Realm::start().await;
    let owner = realm.owner();
    let folder = realm.scratch("greet");
    let made =
        realm.run(&["worker", "new", "greet", "--lang", "wasm", "--folder", &folder.to_string_lossy()]);
    assert!(made.status.success(), "{made:?}");
    let traps = [
        ("endless", "(loop $again (br $again))", "steps"),
        ("greedy", "(loop $again (drop (memory.grow (i32.const 16))) (br $again))", "bytes of memory"),
        ("curious", "(drop (call $http_get (i32.const 1024) (i32.const 39)))", "169.254.169.254"),
    ];
    let mut words = vec!["worker".to_owned(), "sandbox".to_owned(), "--".to_owned()];
    let mut attach = |path: std::path::PathBuf| words.extend(["--skill".into(), path.display().to_string()]);
    attach(folder.join("skill.wat"));
    for (name, body, _) in traps {
        let path = realm.scratch(&format!("{name}.wat"));
        std::fs::write(&path, hostile(name, body)).unwrap();
        attach(path);
    }
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let mut sandbox = realm.start_beside(&words, "sandbox.log");
    until("the skills to be offered", async || realm.offers("tool.curious").await.then_some(())).await;

    // All at once: who greets is not held up by those beside it.
    let (greeted, ..) = tokio::join!(
        greet(&owner),
        stopped(&owner, traps[0]),
        stopped(&owner, traps[1]),
        stopped(&owner, traps[2])
    );
    assert_eq!(greeted.text.as_deref(), Some("Hello, Ada!"), "{greeted:?}");
    assert_eq!(greet(&owner).await.text.as_deref(), Some("Hello, Ada!"));

    sandbox.terminate();
    assert_eq!(sandbox.wait().await.code(), Some(0), "{}", sandbox.said());
    realm.assert_unharmed().await;
    realm.verify_ledger();
}

async fn greet(owner: &Client) -> JobInfo {
    let asked = json!({ "intent": { "capability": "tool.greet", "params": { "name": "Ada" } } });
    owner.post("/api/jobs?wait=20", asked.to_string()).await.json()
}

async fn stopped(owner: &Client, (name, _, told): (&str, &str, &str)) {
    let asked = json!({ "intent": { "capability": format!("tool.{name}"), "params": {} } });
    let job: JobInfo = owner.post("/api/jobs?wait=30", asked.to_string()).await.json();
    let is_named = |problem: &Problem| {
        problem.known_kind() == Some(ProblemKind::SkillStopped)
            && problem.detail.contains(told)
            && problem.detail.contains(name)
    };
    assert!(job.state == JobState::Failed && job.problem.as_ref().is_some_and(is_named), "{job:?}");
    assert_eq!(job.cost.map_or(0, |cost| cost.0), 0, "{job:?}");
}
