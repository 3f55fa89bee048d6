//! A thousand silent WebSockets and a small load beside them. How fast it is, `mtor bench` says; here it is without error.

use mtor_e2e::Realm;
use serde_json::Value;

#[tokio::test]
async fn a_thousand_idle_sockets_and_a_few_busy_clients_see_no_error() {
    let realm = Realm::start().await;
    let pid = realm.process().id().to_string();
    let output = realm
        .run_aside(&[
            "bench",
            "--realm",
            &realm.url(),
            "--broker-pid",
            &pid,
            "--idle-sockets",
            "1000",
            "--clients",
            "8",
            "--seconds",
            "2",
            "--json",
        ])
        .await;
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["idle"]["sockets"], 1000, "{report}");
    let run = &report["runs"][0];
    assert_eq!(run["errors"], 0, "{report}");
    assert!(run["jobs"].as_u64().is_some_and(|jobs| jobs >= 100), "{report}");
    realm.assert_unharmed().await;
    realm.verify_ledger();
}
