//! The log is verified, and witnessed, by a program that shares no line with the realm: it is made of Go's own verifier of module
//! checksums (promise P10).

use std::path::{Path, PathBuf};
use std::process::Output;

use mtor_e2e::{Process, Realm, ScriptedWorker, clients, question, until};
use serde_json::Value;

/// Enough for one full tile of 256 hashes, one that is not full, and a second level.
const JOBS: usize = 150;

/// What Go says of a log, at a URL or in a mirror.
struct Auditor {
    key: String,
}

impl Auditor {
    async fn verify(&self, url: &str, options: &[(&str, &Path)]) -> Output {
        let mut arguments = vec!["verify"];
        for (name, value) in options {
            arguments.extend([*name, value.to_str().unwrap()]);
        }
        arguments.extend([url, &self.key]);
        clients::log_tool(&arguments).await
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

/// A witness in a process of its own: its address and its key are what it says first.
struct Witness {
    process: Process,
    url: String,
    key: String,
}

impl Witness {
    async fn start(realm: &Realm, log_key: &str) -> Self {
        let process = clients::log_tool_beside(
            &["witness", "witness.example/w1", log_key],
            &realm.scratch("witness.log"),
        );
        let (url, key) = until("the witness to serve", async || {
            let said = process.said();
            let mut lines = said.lines();
            let url = lines.next()?.strip_prefix("url ")?.to_owned();
            Some((url, lines.next()?.strip_prefix("key ")?.to_owned()))
        })
        .await;
        Self { process, url, key }
    }

    /// The status of every answer that it has given.
    fn answers(&self) -> Vec<String> {
        self.process.said().lines().skip(2).map(str::to_owned).collect()
    }
}

#[tokio::test]
async fn a_witness_made_of_gos_own_verifier_cosigns_the_log() {
    let mut realm = Realm::start().await;
    let verified = realm.run(&["ledger", "verify", "--json"]);
    let verified: Value = serde_json::from_slice(&verified.stdout).unwrap();
    let witness = Witness::start(&realm, verified["verifier_key"].as_str().unwrap()).await;
    let settings = format!("[log]\nwitnesses = [{{ url = {:?}, key = {:?} }}]\n", witness.url, witness.key);
    std::fs::write(realm.data().join("realm.toml"), settings).unwrap();

    // With each start it is shown what has come since.
    for _ in 0..2 {
        realm.funded_wallet().await;
        restart_and_be_cosigned(&mut realm).await;
    }
    let worker = ScriptedWorker::attach(&realm).await;
    let owner = realm.owner();
    let job = owner.submit(&question("say hello")).await.id;
    owner.settled(job).await;
    let folder = realm.scratch("proofs");
    let proven = |realm: &Realm| {
        let (job, out) = (job.to_string(), folder.to_str().unwrap());
        let output = realm.run(&["ledger", "prove", &job, "--out", out]);
        assert!(output.status.success(), "{}", said(&output));
        let file = folder.join(format!("{job}.settled.tlog-proof"));
        realm.run(&["ledger", "check", file.to_str().unwrap(), "--witness", &witness.key])
    };
    let early = proven(&realm);
    assert!(said(&early).contains("it holds, but the witness witness.example/w1"), "{}", said(&early));
    worker.leave().await;
    restart_and_be_cosigned(&mut realm).await;
    let witnessed = proven(&realm);
    assert!(witnessed.status.success() && said(&witnessed).contains("holds"), "{}", said(&witnessed));
    // Never a no: from the empty log on, each start goes on from what was kept.
    assert_eq!(witness.answers(), ["200", "200", "200"]);
    let url = realm.url();
    let check = ["ledger", "verify", "--realm", &url, "--witness", &witness.key];
    let cosigned = realm.run(&check);
    assert!(cosigned.status.success(), "{}", said(&cosigned));
    assert!(said(&cosigned).contains("cosigned by witness.example/w1 at 20"), "{}", said(&cosigned));
    let other = verified["verifier_key"].as_str().unwrap();
    let refused = realm.run(&[&check[..5], &[other]].concat());
    assert!(said(&refused).contains("a key of type 1"), "{}", said(&refused));
    realm.assert_unharmed().await;
    realm.verify_ledger();
}

/// Starts the realm again, and waits until its witness has seen all of the log.
async fn restart_and_be_cosigned(realm: &mut Realm) {
    realm.terminate();
    assert!(realm.wait().await.success());
    realm.restart().await;
    until("all of the log to be cosigned", async || {
        let metrics = realm.nobody().get("/metrics").await.text();
        let of = |name: &str| metrics.lines().find_map(|line| line.strip_prefix(name)?.parse::<u64>().ok());
        (of("mtor_log_cosigned_entries ")? == of("mtor_ledger_entries ")?).then_some(())
    })
    .await;
}
