//! The benchmark, as short as it can be: that it measures, not what.

use crate::support::Home;

#[tokio::test]
async fn a_bench_measures_a_realm_and_a_floor() {
    let home = Home::new();
    let args =
        ["bench", "--json", "--clients", "2", "--seconds", "1", "--warmup", "0", "--stream", "--chunks", "3"];
    let more = ["--floor", "axum", "--idle-sockets", "5"];
    let report = home.run(&[&args[..], &more].concat()).await.good();
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    for (index, target) in ["realm", "axum"].into_iter().enumerate() {
        let run = &report["runs"][index];
        assert_eq!((&run["target"], &run["errors"]), (&target.into(), &0.into()), "{run}");
        assert!(run["jobs"].as_u64().unwrap() > 0, "{run}");
        let latency = |name: &str| run["latency_us"][name].as_u64().unwrap();
        assert!(latency("p50") <= latency("p99") && latency("p99") <= latency("max"), "{run}");
        assert!(run["first_chunk_us"]["p50"].as_u64().unwrap() <= latency("p50"), "{run}");
    }
    assert_eq!(report["idle"]["sockets"], 5);
    assert_eq!(report["chunks"], 3);
}
