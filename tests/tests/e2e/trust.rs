//! A worker that lies is found out by asking others, or by asking it what is known, and is sent away.

use std::sync::Arc;

use mtor_e2e::{Board, Client, Realm, ScriptedWorker, WorkerOptions, question, until};
use mtor_identity::{KeyFile, Keypair};
use mtor_protocol::http::{JobInfo, JobState, TrustInfo, WorkerInfo};
use mtor_protocol::trust::{CaseInfo, Verdict};
use mtor_protocol::{
    Announcement, CapabilityKind, CapabilityOffer, Did, Effect, FinishReason, Micro, ProblemKind, Submit,
    Task, ToolInfo,
};
use mtor_worker::{
    CancellationToken, Finished, Job, JobError, Output, Settings as WorkerSettings, Worker, serve,
};
use serde_json::{Value, json};
use tokio::task::JoinSet;

/// A job is dear and its words are cheap, and the treasury gets most of it: so it can soon pay for asking again.
const SETTINGS: &str = r#"
[splits]
worker_permille = 100
treasury_permille = 900
[trust]
audit = true
[price.chat]
job = "100000"
input_ktoken = "1"
output_ktoken = "1"
[price.embed]
job = "1"
input_ktoken = "1"
output_ktoken = "1"
"#;
const ANSWER: &str = "the sky is blue and the grass is green";
/// More than two workers take at once.
const QUESTIONS: usize = 12;

#[tokio::test]
async fn garbage_is_found_out_and_its_worker_sent_away() {
    let realm = Realm::with_settings(SETTINGS).await;
    let client = realm.funded_wallet().await;
    let options = |name: &str| WorkerOptions { name: name.to_owned(), ..WorkerOptions::default() };
    // The treasury begins with nothing, and is paid for honest work first.
    let one = ScriptedWorker::attach_as(&realm, WorkerOptions { embeds: true, ..options("one") }).await;
    for _ in 0..5 {
        ask(&client).await;
    }
    let two = ScriptedWorker::attach_as(&realm, options("two")).await;
    let garbage =
        ScriptedWorker::attach_as(&realm, WorkerOptions { garbage: true, ..options("garbage") }).await;
    let did = garbage.wallet(&realm).did().clone();
    let is_here = async || workers(&realm).await.iter().any(|worker| worker.did == did);
    // The two honest ones are kept busy, so that whatever their speed some questions go to the third.
    let mut jobs = Vec::new();
    for _ in 0..QUESTIONS {
        jobs.push(client.submit(&question(&format!("slowly {ANSWER}"))).await.id);
    }
    one.let_all();
    two.let_all();
    for job in jobs {
        assert_eq!(client.settled(job).await.state, JobState::Completed);
    }
    until("the third to be sent away", async || (!is_here().await).then_some(())).await;
    // Whoever answered as the other did has that in its record, and nobody else was found guilty.
    until("both others to have a record", async || {
        let both = [one.attached(&realm).await, two.attached(&realm).await];
        let good = |worker: &WorkerInfo| record(worker).is_some_and(|of| of.run > 0 && of.failures == 0);
        if both.iter().all(good) {
            return Some(());
        }
        ask(&client).await;
        None
    })
    .await;
    // It is not taken again: the same key, a new connection.
    until("it to give up", async || garbage.has_ended().then_some(())).await;
    assert!(!is_here().await);
    can_object_and_be_pardoned(&realm, &garbage.wallet(&realm), &client).await;

    // Nothing of it is among the client's jobs: those were asked by the realm, and paid by the treasury.
    let jobs = client.history("").await.jobs;
    assert!(jobs.iter().all(|job| job.state == JobState::Completed));
    let said = realm.verify_ledger();
    assert!(said.contains("sum 0"), "{said}");
    realm.assert_unharmed().await;
}

#[tokio::test]
async fn who_copies_what_another_has_answered_is_found_out() {
    let realm = Realm::with_settings(SETTINGS).await;
    let client = realm.funded_wallet().await;
    let board = Board::default();
    let honest = |name: &str| WorkerOptions {
        name: name.to_owned(),
        embeds: true,
        tells: Some(board.clone()),
        ..WorkerOptions::default()
    };
    let one = ScriptedWorker::attach_as(&realm, honest("one")).await;
    for _ in 0..5 {
        ask(&client).await;
    }
    let two = ScriptedWorker::attach_as(&realm, honest("two")).await;
    let copies = Some(board.clone());
    let options = WorkerOptions { name: "copier".to_owned(), copies, ..WorkerOptions::default() };
    let copier = ScriptedWorker::attach_as(&realm, options).await;
    let did = copier.wallet(&realm).did().clone();
    one.let_all();
    two.let_all();
    let mut questions = Questions::default();
    until("the copier to be sent away", async || {
        questions.ask_many(&client).await;
        (!workers(&realm).await.iter().any(|worker| worker.did == did)).then_some(())
    })
    .await;
    for worker in workers(&realm).await {
        assert!(record(&worker).is_none_or(|of| of.failures == 0), "nobody else is found guilty");
    }
    assert!(copier.wallet(&realm).balance().await.at_stake > Micro::ZERO);
    realm.verify_ledger();
}

/// Works well until it is trusted, then lies. Nobody else has its model by then, so that nobody can be asked the same: what finds
/// it out is a question to which the realm knows the answer, asked of the liar itself.
#[tokio::test]
async fn who_lies_with_nobody_to_compare_it_with_is_found_out_by_a_canary() {
    let settings = SETTINGS.replace("audit = true", "audit = true\ncanary_percent = 100");
    let realm = Realm::with_settings(&settings).await;
    let client = realm.funded_wallet().await;
    let named = |name: &str| WorkerOptions { name: name.to_owned(), ..WorkerOptions::default() };
    let vectors = WorkerOptions { chats: false, embeds: true, ..named("vectors") };
    let _vectors = ScriptedWorker::attach_as(&realm, vectors).await;
    let one = ScriptedWorker::attach_as(&realm, named("one")).await;
    let two = ScriptedWorker::attach_as(&realm, named("two")).await;
    one.let_all();
    two.let_all();
    // What these two agree on, the realm knows from then on.
    let mut questions = Questions::default();
    until("both to have been compared", async || {
        questions.ask_many(&client).await;
        let both = [one.attached(&realm).await, two.attached(&realm).await];
        both.iter().all(|worker| record(worker).is_some_and(|of| of.run >= 5)).then_some(())
    })
    .await;
    let lie = Board::default();
    let liar = WorkerOptions { copies: Some(lie.clone()), ..named("liar") };
    let liar = ScriptedWorker::attach_as(&realm, liar).await;
    liar.let_all();
    let did = liar.wallet(&realm).did().clone();
    until("the third to be trusted", async || {
        questions.ask_many(&client).await;
        record(&liar.attached(&realm).await).is_some_and(|of| !of.probation).then_some(())
    })
    .await;
    one.leave().await;
    two.leave().await;
    "nothing of the kind".clone_into(&mut lie.lock().unwrap());
    let is_here = async || workers(&realm).await.iter().any(|worker| worker.did == did);
    let mut asked = None;
    until("the liar to be sent away", async || {
        if !is_here().await {
            return Some(());
        }
        // One question after another; the last may find nobody any more.
        let is_free = match asked {
            Some(job) => client.job(job).await.state.is_final(),
            None => true,
        };
        if is_free {
            let reply = client.try_submit(&questions.next()).await;
            asked = (reply.status == 201).then(|| reply.json::<JobInfo>().id);
        }
        None
    })
    .await;

    // What it was asked was no client's job, and no other answer was judged beside it.
    let liar = liar.wallet(&realm);
    let cases: Vec<CaseInfo> = liar.get("/api/trust").await.json();
    let [case] = cases.as_slice() else { panic!("one proof is enough: {cases:?}") };
    client.get(&format!("/api/jobs/{}", case.job)).await.problem(ProblemKind::NotFound);
    let judged: Vec<_> = case.answers.iter().map(|answer| (answer.job, answer.verdict)).collect();
    assert_eq!(judged, [(case.job, Verdict::Failed)]);
    assert!(liar.balance().await.at_stake > Micro::ZERO);
    realm.verify_ledger();
}

/// What it was paid is at stake, all of it; nobody but the owner decides, and a pardon gives it back.
async fn can_object_and_be_pardoned(realm: &Realm, accused: &Client, stranger: &Client) {
    let wallet = accused.balance().await;
    assert_eq!((wallet.available, wallet.late), (Micro::ZERO, Vec::new()));
    assert!(wallet.at_stake > Micro::ZERO);
    let cases: Vec<CaseInfo> = accused.get("/api/trust").await.json();
    let job = cases[0].job;
    let route = format!("/api/trust/{job}");
    stranger.get(&route).await.problem(ProblemKind::NotFound);
    assert!(stranger.get("/api/trust").await.json::<Vec<CaseInfo>>().is_empty());
    accused.post(&route, r#"{"action":"pardon"}"#).await.problem(ProblemKind::Forbidden);
    let own: CaseInfo = accused.get(&route).await.json();
    let shown: Vec<bool> = own.answers.iter().map(|answer| answer.text.is_some()).collect();
    let theirs: Vec<bool> = own.answers.iter().map(|answer| answer.worker == own.worker).collect();
    assert_eq!(shown, theirs, "a worker sees its own words alone");
    let objected: CaseInfo = accused.post(&route, r#"{"action":"appeal"}"#).await.json();
    assert!(objected.appealed.is_some() && objected.over > own.over);

    let said = |output: std::process::Output| {
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    assert!(said(realm.run_aside(&["trust", "list"]).await).contains(&job.to_string()));
    let shown = said(realm.run_aside(&["trust", "show", &job.to_string()]).await);
    assert!(shown.contains("failed: ") && shown.contains(ANSWER) && shown.contains("objected"), "{shown}");
    for case in cases {
        let pardoned = said(realm.run_aside(&["trust", "pardon", &case.job.to_string()]).await);
        assert!(pardoned.contains("pardoned"), "{pardoned}");
    }
    let now = accused.balance().await;
    assert_eq!((now.available, now.at_stake), (wallet.at_stake, Micro::ZERO));
}

/// No two of them have a word in common, so that no answer to one does for another.
#[derive(Default)]
struct Questions {
    number: usize,
}

impl Questions {
    fn next(&mut self) -> Submit {
        self.number += 1;
        question(&format!("slowly a{0} b{0} c{0}", self.number))
    }

    /// As many at once as keep every worker busy, and waits for the answers.
    async fn ask_many(&mut self, client: &Client) {
        let mut jobs = Vec::new();
        for _ in 0..QUESTIONS {
            jobs.push(client.submit(&self.next()).await.id);
        }
        for job in jobs {
            client.settled(job).await;
        }
    }
}

async fn ask(client: &Client) {
    let job = client.submit(&question(&format!("say {ANSWER}"))).await;
    assert_eq!(client.settled(job.id).await.state, JobState::Completed);
}

async fn workers(realm: &Realm) -> Vec<WorkerInfo> {
    realm.nobody().get("/api/workers").await.json()
}

fn record(worker: &WorkerInfo) -> Option<&TrustInfo> {
    worker.records.iter().find(|of| of.capability.as_str() == "chat")
}

/// Adds two numbers, or says that it did.
struct Adder {
    name: &'static str,
    lies: bool,
    speed: Option<f32>,
}

fn sum() -> CapabilityKind {
    CapabilityKind::new("tool.sum").unwrap()
}

impl Worker for Adder {
    fn announcement(&self) -> Announcement {
        let schema = json!({ "type": "object", "properties": { "a": { "type": "integer" }, "b": { "type": "integer" } } });
        let Value::Object(parameters) = schema else { panic!("it is an object") };
        let tool =
            ToolInfo { description: "adds".to_owned(), parameters, effect: Effect::Reads, repeatable: true };
        let offer = CapabilityOffer {
            tool: Some(tool.into()),
            tokens_per_s: self.speed,
            ..CapabilityOffer::new(sum(), self.name, 1)
        };
        Announcement::new(self.name, vec![offer])
    }

    async fn run(&self, job: Job, output: &mut Output) -> Result<Finished, JobError> {
        let Task::Tool(task) = &job.intent.task else { return Err(JobError::failed("it was not offered")) };
        let number = |name: &str| task.arguments[name].as_i64().unwrap_or_default();
        let wrong = i64::from(self.lies);
        output.text(&(number("a") + number("b") + wrong).to_string(), 0).await?;
        Ok(Finished { usage: output.usage(0), finish: FinishReason::Stop })
    }
}

#[tokio::test]
async fn a_tool_that_gives_the_same_every_time_is_held_to_the_letter() {
    let realm = Realm::with_settings(SETTINGS).await;
    let client = realm.funded_wallet().await;
    let owner = KeyFile::load(&realm.data().join("owner.key")).unwrap().into_keypair();
    let (stop, mut serving) = (CancellationToken::new(), JoinSet::new());
    let mut attach = |name, lies, speed, key: Arc<Keypair>| {
        let (did, adder) = (key.did(), Adder { name, lies, speed });
        serving.spawn(serve(adder, WorkerSettings::new(realm.url(), key), stop.clone()));
        did
    };
    // The owner's own worker is of the house, and what it says of the tool holds.
    let house = attach("house", false, None, Arc::new(owner));
    let here = async |did: &Did| workers(&realm).await.iter().any(|worker| worker.did == *did);
    until("the house's worker", async || here(&house).await.then_some(())).await;
    let mut a = 0;
    let mut ask = async || {
        a += 1;
        let asked = json!({ "intent": { "capability": "tool.sum", "params": { "a": a, "b": 2 } } });
        let done: JobInfo = client.post("/api/jobs?wait=20", asked.to_string()).await.json();
        assert_eq!(done.state, JobState::Completed);
    };
    // So that the treasury can pay for asking again.
    for _ in 0..5 {
        ask().await;
    }
    // Faster than the house, as they say.
    let mut stranger = |name, lies| attach(name, lies, Some(1e9), Arc::new(Keypair::generate().unwrap()));
    let (honest, liar) = (stranger("honest", false), stranger("liar", true));
    until("both strangers", async || (here(&honest).await && here(&liar).await).then_some(())).await;
    until("the liar to be sent away", async || {
        ask().await;
        (!here(&liar).await).then_some(())
    })
    .await;
    assert!(here(&honest).await);
    let failures = |worker: &WorkerInfo| worker.records.iter().map(|of| of.failures).sum::<u32>();
    assert!(workers(&realm).await.iter().all(|worker| failures(worker) == 0), "nobody else is found guilty");
    stop.cancel();
    realm.verify_ledger();
}
