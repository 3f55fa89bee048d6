//! The log is verified by a program that shares no line with the realm: Go's own verifier of module checksums (promise P10).

use std::path::{Path, PathBuf};
use std::process::Output;

use mtor_e2e::{Realm, ScriptedWorker, clients, question};
use serde_json::Value;

/// Enough for one full tile of 256 hashes, one that is not full, and a second level.
const JOBS: usize = 150;

/// What Go says of a log, at a URL or in a mirror.
struct Auditor {
    key: String,
}

impl Auditor {
    async fn verify(&self, url: &str, options: &[(&str, &Path)]) -> Output {
        let mut arguments = Vec::new();
        for (name, value) in options {
            arguments.extend([*name, value.to_str().unwrap()]);
        }
        arguments.extend([url, &self.key]);
        clients::go("log_verifier.go", &arguments).await
    }

    async fn accepts(&self, url: &str, options: &[(&str, &Path)]) -> String {
        let output = self.verify(url, options).await;
        assert!(output.status.success(), "{}", said(&output));
        said(&output)
    }

    async fn refuses(&self, url: &str, options: &[(&str, &Path)]) -> String {
        let output = self.verify(url, options).await;
        assert_eq!(output.status.code(), Some(1), "{}", said(&output));
        said(&output)
    }
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Every file in a folder and below.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[tokio::test]
async fn gos_own_verifier_agrees_and_finds_one_changed_byte() {
    let realm = Realm::start().await;
    let worker = ScriptedWorker::attach(&realm).await;
    let owner = realm.owner();
    let older = realm.scratch("older.txt");
    let mut jobs = Vec::new();
    for number in 0..JOBS {
        jobs.push(owner.submit(&question("say hello")).await.id);
        if number == JOBS / 3 {
            std::fs::write(&older, realm.nobody().get("/log/checkpoint").await.text()).unwrap();
        }
    }
    for job in jobs {
        owner.settled(job).await;
    }
    worker.leave().await;

    let verified = realm.run(&["ledger", "verify", "--json"]);
    let verified: Value = serde_json::from_slice(&verified.stdout).unwrap();
    let entries = verified["entries"].as_u64().unwrap();
    assert!(entries > 256, "{verified}");
    let auditor = Auditor { key: verified["verifier_key"].as_str().unwrap().to_owned() };
    let mirror = realm.scratch("mirror");
    let live = format!("{}/log", realm.url());
    let told = auditor.accepts(&live, &[("-older", &older), ("-mirror", &mirror)]).await;
    let root = verified["root"].as_str().unwrap();
    assert!(told.contains(&format!("verified: {entries} entries, root {root}")), "{told}");
    assert!(told.contains("consistent with the log of"), "{told}");

    // One byte of each file: the checkpoint, every tile, every bundle of entries.
    let kept = format!("file://{}", mirror.display());
    auditor.accepts(&kept, &[("-older", &older)]).await;
    let files = files(&mirror);
    assert!(files.len() >= 6, "a checkpoint, two tiles and one above them, two bundles: {files:?}");
    for file in &files {
        let whole = std::fs::read(file).unwrap();
        let mut changed = whole.clone();
        let middle = changed.len() / 2;
        changed[middle] ^= 1;
        std::fs::write(file, changed).unwrap();
        auditor.refuses(&kept, &[]).await;
        std::fs::write(file, whole).unwrap();
    }
    let text = std::fs::read_to_string(&older).unwrap();
    let (origin, rest) = text.split_once('\n').unwrap();
    std::fs::write(&older, format!("{origin}\n1{rest}")).unwrap();
    let refused = auditor.refuses(&kept, &[("-older", &older)]).await;
    assert!(refused.contains("older.txt"), "{refused}");
    realm.assert_unharmed().await;
}
