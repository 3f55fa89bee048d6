//! Modules in text, and one visit to one.

use std::sync::Arc;

use mtor_sandbox::{Allowed, Halt, Limits, LoadError, Skill, Visit};
use mtor_worker::CancellationToken;
use serde_json::{Map, Value, json};
use tokio::sync::mpsc;

/// A module whose `mtor_run` has this body. Its manifest asks for these hosts.
pub(crate) fn module(hosts: &[&str], body: &str) -> String {
    let manifest = json!({
        "name": "guest",
        "description": "A guest.",
        "parameters": { "type": "object" },
        "effect": "reads",
        "hosts": hosts,
    })
    .to_string();
    let answer = r#"{"text":"done"}"#;
    format!(
        r#"(module
            (import "mtor" "log" (func $log (param i32 i32)))
            (import "mtor" "chunk" (func $chunk (param i32 i32)))
            (import "mtor" "http_get" (func $http_get (param i32 i32) (result i32)))
            (import "mtor" "take" (func $take (param i32)))
            (memory (export "memory") 2)
            (data (i32.const 0) {manifest:?})
            (data (i32.const 2048) {answer:?})
            (global $done i64 (i64.const {done}))
            (func (export "mtor_alloc") (param i32) (result i32) (i32.const 4096))
            (func (export "mtor_manifest") (result i64) (i64.const {length}))
            (func $run (export "mtor_run") (param $at i32) (param $bytes i32) (result i64) {body})
        )"#,
        done = (2048_u64 << 32) + answer.len() as u64,
        length = manifest.len(),
    )
}

pub(crate) fn load(text: &str, allowed: &Allowed, limits: Limits) -> Result<Arc<Skill>, LoadError> {
    Skill::load(text.as_bytes(), allowed, limits).map(Arc::new)
}

/// What a skill answers.
pub(crate) async fn visit(skill: &Arc<Skill>, arguments: Value) -> Result<String, Halt> {
    let (pieces, mut written) = mpsc::channel::<String>(16);
    let arguments: Map<String, Value> = serde_json::from_value(arguments).unwrap();
    let visit = Visit { arguments, pieces, cancelled: CancellationToken::new() };
    let all = async {
        let mut all = String::new();
        while let Some(piece) = written.recv().await {
            all.push_str(&piece);
        }
        all
    };
    let (done, all) = tokio::join!(skill.clone().visit(visit), all);
    done.map(|()| all)
}

/// What one visit to a module ends with, within small limits.
pub(crate) async fn ends(body: &str) -> Result<String, Halt> {
    let limits = Limits { fuel: 20_000_000, ..Limits::default() };
    let skill = load(&module(&[], body), &Allowed::default(), limits).unwrap();
    visit(&skill, json!({})).await
}
