//! What a stranger may try.

use std::time::{Duration, Instant};

use mtor_sandbox::{Allowed, Halt, Limits, LoadError, Visit};
use mtor_worker::CancellationToken;
use serde_json::json;

use crate::modules::{ends, load, module, visit};

const FOREVER: &str = "(loop $again (br $again)) (global.get $done)";

#[tokio::test]
async fn a_good_guest_answers_in_pieces_and_at_its_end() {
    // The first piece is what it was asked.
    let text = ends("(call $chunk (local.get $at) (local.get $bytes)) (global.get $done)").await.unwrap();
    assert_eq!(text, "{}done");
}

#[tokio::test]
async fn whoever_goes_over_a_limit_is_stopped_and_named() {
    let cases: &[(&str, Halt)] = &[
        (FOREVER, Halt::Fuel(20_000_000)),
        (
            "(loop $again (drop (memory.grow (i32.const 16))) (br $again)) (global.get $done)",
            Halt::Memory(16 << 20),
        ),
        ("(call $run (local.get $at) (local.get $bytes))", Halt::Depth),
        (
            "(loop $again (call $log (i32.const 0) (i32.const 1)) (br $again)) (global.get $done)",
            Halt::HostCalls,
        ),
        (
            "(loop $again (call $chunk (i32.const 65536) (i32.const 32768)) (br $again)) (global.get $done)",
            Halt::Output(64 << 10),
        ),
    ];
    for (body, halt) in cases {
        assert_eq!(ends(body).await.as_ref(), Err(halt), "{body}");
    }
}

#[tokio::test]
async fn what_is_not_the_interface_is_told_and_reads_nothing_of_the_worker() {
    for (body, told) in [
        ("(unreachable)", "it broke"),
        ("(i64.const 0x7fffffff00000010)", "past the end"),
        ("(call $chunk (i32.const -1) (i32.const 8)) (global.get $done)", "past the end"),
        ("(call $chunk (i32.const 0) (i32.const -1)) (global.get $done)", "wrote more than"),
        ("(call $take (i32.const 131072)) (i64.const 0)", "can't be read"),
        (
            "(i32.store8 (i32.const 5000) (i32.const 255)) (call $chunk (i32.const 5000) (i32.const 1)) (global.get $done)",
            "no UTF-8",
        ),
    ] {
        let halt = ends(body).await.unwrap_err().to_string();
        assert!(halt.contains(told), "{body}: {halt}");
    }
}

#[tokio::test]
async fn a_module_that_asks_for_more_than_there_is_is_none() {
    for (text, told) in [
        (
            r#"(module (import "wasi_snapshot_preview1" "fd_write" (func (param i32 i32 i32 i32) (result i32))))"#,
            "fd_write",
        ),
        (r#"(module (memory (export "memory") 5000))"#, "more than 16777216 bytes"),
        (r#"(module (func $f (loop $l (br $l))) (start $f) (memory (export "memory") 1))"#, ""),
        (r#"(module (memory (export "memory") 1))"#, "mtor_manifest"),
        (
            r#"(module (memory (export "memory") 1) (func (export "mtor_manifest") (result i64) (loop $l (br $l)) (i64.const 0)))"#,
            "more than 1000000 steps",
        ),
        ("no module at all", "no WebAssembly module"),
    ] {
        let limits = Limits { fuel: 1_000_000, ..Limits::default() };
        let Err(error) = load(text, &Allowed::default(), limits) else { panic!("{text} is a skill") };
        assert!(error.to_string().contains(told), "{text}: {error}");
    }
    let calls_early = module(&[], "(global.get $done)").replace(
        "(result i64) (i64.const",
        "(result i64) (call $log (i32.const 0) (i32.const 1)) (i64.const",
    );
    let early = load(&calls_early, &Allowed::default(), Limits::default());
    assert!(matches!(early, Err(LoadError::Halt(Halt::Interface(_)))));
}

#[tokio::test]
async fn time_and_whoever_goes_away_end_a_visit() {
    let endless = Limits { fuel: u64::MAX / 2, time: Duration::from_millis(50), ..Limits::default() };
    let skill = load(&module(&[], FOREVER), &Allowed::default(), endless).unwrap();
    assert_eq!(visit(&skill, json!({})).await, Err(Halt::Time(50)));

    let patient = Limits { time: Duration::from_secs(600), ..endless };
    let skill = load(&module(&[], FOREVER), &Allowed::default(), patient).unwrap();
    let (pieces, _kept) = tokio::sync::mpsc::channel(1);
    let cancelled = CancellationToken::new();
    let begun = tokio::spawn(skill.visit(Visit {
        arguments: serde_json::Map::new(),
        pieces,
        cancelled: cancelled.clone(),
    }));
    cancelled.cancel();
    assert_eq!(begun.await.unwrap(), Err(Halt::Unwanted));
}

#[tokio::test]
async fn others_go_on_beside_one_that_never_ends() {
    let forever = Limits { fuel: u64::MAX / 2, time: Duration::from_secs(600), ..Limits::default() };
    let bad = load(&module(&[], FOREVER), &Allowed::default(), forever).unwrap();
    let good = load(&module(&[], "(global.get $done)"), &Allowed::default(), Limits::default()).unwrap();
    let cancelled = CancellationToken::new();
    let (pieces, _kept) = tokio::sync::mpsc::channel(1);
    let stuck = tokio::spawn(bad.visit(Visit {
        arguments: serde_json::Map::new(),
        pieces,
        cancelled: cancelled.clone(),
    }));
    let begun = Instant::now();
    for _ in 0..20 {
        assert_eq!(visit(&good, json!({})).await.unwrap(), "done");
    }
    assert!(!stuck.is_finished() && begun.elapsed() < Duration::from_secs(20));
    cancelled.cancel();
    assert_eq!(stuck.await.unwrap(), Err(Halt::Unwanted));
}

#[tokio::test]
async fn nothing_of_one_job_is_there_in_the_next() {
    let counts = "(i32.store8 (i32.const 9000) (i32.add (i32.load8_u (i32.const 9000)) (i32.const 65)))
        (call $chunk (i32.const 9000) (i32.const 1)) (global.get $done)";
    let skill = load(&module(&[], counts), &Allowed::default(), Limits::default()).unwrap();
    for _ in 0..2 {
        assert_eq!(visit(&skill, json!({})).await.unwrap(), "Adone");
    }
}
