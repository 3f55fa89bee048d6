//! Prices: what a job would cost, what things cost before a restart, how payments are divided, whose the realm's own jobs are.

use std::path::Path;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use mtor_core::PriceNote;
use mtor_identity::KeyFile;
use mtor_ledger::{Batch, Ledger, Record};
use mtor_protocol::http::PricePoint;
use mtor_protocol::worker::CapabilityOffer;
use mtor_protocol::{Announcement, CapabilityKind, FinishReason, Task, Timestamp};
use mtor_worker::{Finished, Job, JobError, Output, Worker};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::{Home, PATIENCE, json};

const MINUTE_MS: u64 = 60_000;

/// A realm with these settings.
async fn home_with(settings: &str) -> Home {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("realm.toml"), settings).unwrap();
    Home::start_in(folder).await
}

async fn owner(home: &Home) -> String {
    json(home.get("/api/realm").await, 200).await["owner"].as_str().unwrap().to_owned()
}

/// A figure of `/metrics`.
async fn figure(home: &Home, name: &str) -> f64 {
    let text = home.get("/metrics").await.text().await.unwrap();
    let line = text.lines().find(|line| line.starts_with(name) && !line.starts_with('#'));
    line.unwrap_or_else(|| panic!("no {name} in {text}")).rsplit(' ').next().unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_dry_run_says_what_would_be_done_and_does_nothing() {
    let home = Home::start().await;
    home.attach_worker("attic").await;
    let submit = json!({"intent": {"capability": "chat", "params": {"prompt": "one two three"}}});
    let entries = json(home.get("/api/realm").await, 200).await["ledger"]["entries"].clone();
    let quote = json(home.post("/api/jobs?dry_run=true", &submit).await, 200).await;
    let said = [&quote["capability"], &quote["model"], &quote["size"], &quote["offers"], &quote["eta_ms"]];
    assert_eq!(said, [&json!("chat"), &json!("default"), &json!("small"), &json!(1), &json!(0)]);
    let after = json(home.get("/api/realm").await, 200).await["ledger"]["entries"].clone();
    assert_eq!(entries, after, "nothing is held, and nothing is written down");
    let jobs = json(home.get(&format!("/api/wallets/{}/jobs", owner(&home).await)).await, 200).await;
    assert_eq!(jobs["jobs"], json!([]));
    let job = json(home.post("/api/jobs?wait=30", &submit).await, 201).await;
    assert_eq!(job["hold"], quote["max"], "it costs at most what was said");
    let mut dear = submit.clone();
    dear["max_price"] = json!("1");
    let problem = json(home.post("/api/jobs?dry_run=true", &dear).await, 422).await;
    assert_eq!(
        problem["type"],
        json!("urn:mtor:problem:infeasible"),
        "what would be refused is refused here too"
    );
    json(home.post("/api/jobs?dry_run=perhaps", &submit).await, 400).await;
    home.stop().await;
}

/// Writes down what chat cost in the last hours, minute by minute, as a realm does that runs.
fn write_prices(folder: &Path, hours: u64) -> Vec<PriceNote> {
    let key = Arc::new(KeyFile::load_or_create(&folder.join("realm.key")).unwrap().into_keypair());
    let (ledger, _) = Ledger::open(folder, mtor_ledger::Settings::default(), key).unwrap();
    let now_ms = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64;
    let now = now_ms / MINUTE_MS;
    let note = |minute: u64| PriceNote {
        ware: CapabilityKind::CHAT.into(),
        point: PricePoint { time: Timestamp(minute * MINUTE_MS), factor_permille: 1_700, load_percent: 130 },
        base_permille: 1_200,
    };
    let notes: Vec<PriceNote> = (now - hours * 60..now).map(note).collect();
    let (done, durable) = std::sync::mpsc::channel();
    let batch = Batch { entries: Vec::new(), records: vec![Record::Prices(notes.clone())] };
    ledger.commit(batch, Box::new(move || done.send(()).unwrap())).unwrap();
    durable.recv_timeout(PATIENCE).unwrap();
    ledger.close().unwrap();
    notes
}

#[tokio::test]
async fn prices_and_their_history_outlive_the_broker() {
    let home = home_with("[market]\nfollow_load = true\n").await;
    let folder: TempDir = home.stop().await;
    let notes = write_prices(folder.path(), 72);
    let home = Home::start_in(folder).await;
    home.attach_worker("attic").await;

    let day = json(home.get("/api/prices/history").await, 200).await;
    let points = day[0]["points"].as_array().unwrap();
    assert!((24 * 60 - 2..=24 * 60).contains(&points.len()), "{}", points.len());
    let newest = notes.last().unwrap().point.time;
    assert_eq!(points.last().unwrap()["time"], json!(newest.to_string()));
    assert_eq!((&day[0]["capability"], &day[0]["size"]), (&json!("chat"), &json!("small")));

    let week = json(home.get("/api/prices/history?days=7").await, 200).await;
    let coarse = week[0]["points"].as_array().unwrap().len();
    assert!((72 * 4 - 1..=72 * 4 + 1).contains(&coarse), "a point in a quarter of an hour: {coarse}");
    json(home.get("/api/prices/history?days=36").await, 400).await;

    let prices = json(home.get("/api/prices").await, 200).await;
    assert_eq!((&prices[0]["of_list_percent"], &prices[0]["load_percent"]), (&json!(170), &json!(130)));
    assert_eq!(prices[0]["models"], json!(["reverse"]));
    let folder = home.stop().await;
    mtor_ledger::verify(folder.path(), None).unwrap();
}

#[tokio::test]
async fn what_is_burnt_is_gone_and_the_ledger_still_verifies() {
    let splits = "[splits]\nworker_permille = 500\ntreasury_permille = 300\nburn_permille = 200\n";
    let home = home_with(&format!("{splits}[price.chat]\njob = \"1000\"\n")).await;
    home.attach_worker("attic").await;
    let submit = json!({"intent": {"capability": "chat", "params": {"prompt": "one two three"}}});
    let job = json(home.post("/api/jobs?wait=30", &submit).await, 201).await;
    assert_eq!(job["cost"], json!("1000"));
    let workers = json(home.get("/api/workers").await, 200).await;
    assert_eq!((figure(&home, "mtor_burnt_micro").await, &workers[0]["earned"]), (200.0, &json!("500")));
    let folder = home.stop().await;
    let verified = mtor_ledger::verify(folder.path(), None).unwrap().to_string();
    assert!(verified.contains("sum 0"), "{verified}");
}

#[tokio::test]
async fn splits_that_make_no_whole_stop_the_realm_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("realm.toml"), "[splits]\nburn_permille = 1\n").unwrap();
    let mut settings = mtor_broker::Settings::load(folder.path()).unwrap();
    settings.file.listen.set_port(0);
    let error = mtor_broker::start(settings).await.map(drop).unwrap_err().to_string();
    assert!(error.contains("realm.toml: splits: ") && error.contains("make 1001"), "{error}");
}

#[tokio::test]
async fn goals_and_shares_can_be_seen() {
    let home = home_with("[goals]\ninteractive_ms = 60000\n").await;
    home.attach_worker("attic").await;
    let submit = json!({"intent": {"capability": "chat", "params": {"prompt": "one two three"}}});
    json(home.post("/api/jobs?wait=30", &submit).await, 201).await;
    let queue = json(home.get("/api/queue").await, 200).await;
    let interactive = &queue["classes"][1];
    let said = ["class", "goal_ms", "jobs", "within_percent"].map(|name| interactive[name].clone());
    assert_eq!(said, [json!("interactive"), json!(60_000), json!(1), json!(100)]);
    assert!(figure(&home, "mtor_class_index{class=\"interactive\"}").await <= 1.0);
    assert_eq!(figure(&home, "mtor_class_goal_seconds{class=\"interactive\"}").await, 60.0);
    home.stop().await;
}

/// Gives every text the same vector.
struct Vectors;

impl Worker for Vectors {
    fn announcement(&self) -> Announcement {
        Announcement::new("vectors", vec![CapabilityOffer::new(CapabilityKind::EMBED, "flat", 4)])
    }

    async fn run(&self, job: Job, output: &mut Output) -> Result<Finished, JobError> {
        let Task::Embed(embed) = &job.intent.task else { return Err(JobError::failed("only embed")) };
        let vectors = vec![[1.0, 0.0]; embed.input.len()];
        output.text(&serde_json::to_string(&vectors).unwrap(), 0).await?;
        Ok(Finished { usage: output.usage(embed.input.len() as u64), finish: FinishReason::Stop })
    }
}

#[tokio::test]
async fn what_the_realm_asks_for_itself_is_not_the_owners() {
    let home = Home::start().await;
    home.attach(Vectors).await;
    // By now, or when the first words are resolved, the realm has the examples turned into vectors; and then it uses them.
    let resolved = async {
        loop {
            let asked = json!({"text": "a zebra under the old bridge", "language": "en"});
            let resolved = json(home.post("/api/resolve", &asked).await, 200).await;
            if resolved["by"] == json!("examples") {
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, resolved).await.expect("the examples become known");
    let done = figure(&home, "mtor_jobs_completed_total").await;
    let wallet = format!("/api/wallets/{}", owner(&home).await);
    let jobs = json(home.get(&format!("{wallet}/jobs?limit=200")).await, 200).await;
    let own: Vec<&Value> = jobs["jobs"].as_array().unwrap().iter().collect();
    assert_eq!(own.len(), 1, "the words that were resolved by a vector, and nothing else: {own:?}");
    assert!(done > 2.0, "the examples were jobs too");
    let folder = home.stop().await;
    mtor_ledger::verify(folder.path(), None).unwrap();
}
