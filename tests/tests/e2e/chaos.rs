//! Two people at their browsers, two programs and three workers, and everything at random: jobs, cancels, failures, coins sent, pages that are
//! loaded again and left, `kill -9` of workers and of the broker. In the end every sum is right, whoever counts.
//!
//! A run takes a few seconds, and says its seed; `MTOR_CHAOS_SEED` makes the same choices again, and `MTOR_CHAOS_MINUTES` goes on
//! for so long instead.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use mtor_e2e::{Client, Realm, ScriptedWorker, WorkerOptions, clients, question, scenario, until};
use mtor_identity::Keypair;
use mtor_protocol::http::{JobPage, JobState, MovementKind, MovementPage};
use mtor_protocol::{JobId, Micro};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// How long a run goes on when it is not told.
const ACTING: Duration = Duration::from_secs(12);
/// What the broker does at least, however slow the machine is.
const ACTIONS: usize = 160;
/// For the browsers, beside the time in which they act: to start, to read everything to its end, and to add it up.
const BROWSERS_PATIENCE: Duration = Duration::from_secs(300);
const BROWSERS: usize = 2;
/// For so long at most a broker is spared, so that a page gets a word in between.
const LIFE_MS: usize = 2_000;
/// Answers are compared, so that pay is late and the treasury asks, too.
const SETTINGS: &str = "[trust]\naudit = true\nholdback = 5\n";

#[tokio::test]
async fn whatever_happens_the_sums_are_right() {
    let seed = variable("MTOR_CHAOS_SEED")
        .unwrap_or_else(|| SystemTime::now().duration_since(UNIX_EPOCH).unwrap().subsec_nanos().into());
    println!("chaos: MTOR_CHAOS_SEED={seed}");
    let acting = variable("MTOR_CHAOS_MINUTES").map_or(ACTING, |minutes| Duration::from_secs(60 * minutes));
    let mut chaos = Chaos::begin(seed).await;
    let url = chaos.realm.url();
    let people = People::default();
    let realm = async {
        let (end, mut actions) = (Instant::now() + acting, 0);
        while actions < ACTIONS || Instant::now() < end || people.have_acted() < BROWSERS {
            chaos.act().await;
            actions += 1;
        }
        println!("chaos: {actions} actions, {}", chaos.tally());
        chaos.come_to_rest(&people).await;
        chaos
    };
    let ((), (), mut chaos) =
        tokio::join!(people.play(&url, seed, acting), people.play(&url, seed + 1, acting), realm);
    chaos.check().await;
}

/// The people at the pages, and how far they are.
#[derive(Default)]
struct People {
    acted: watch::Sender<usize>,
    answered: watch::Sender<usize>,
    /// Whether everything has come to rest, so that they can add up.
    rest: watch::Sender<bool>,
}

impl People {
    fn have_acted(&self) -> usize {
        *self.acted.borrow()
    }

    async fn have_their_answers(&self) {
        self.answered.subscribe().wait_for(|count| *count == BROWSERS).await.expect("it is there");
    }

    async fn play(&self, url: &str, seed: u64, acting: Duration) {
        let arguments = [(seed % (1 << 31)).to_string(), acting.as_secs().to_string()];
        scenario::play_within(acting + BROWSERS_PATIENCE, "chaos.mjs", url, &arguments, async |words| {
            match words {
                "has acted" => self.acted.send_modify(|count| *count += 1),
                "has its answers" => {
                    self.answered.send_modify(|count| *count += 1);
                    self.rest.subscribe().wait_for(|rest| *rest).await.expect("it is there");
                }
                other => panic!("nobody knows how to: {other}"),
            }
        })
        .await;
    }
}

fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok().filter(|text| !text.is_empty()).map(|text| text.parse().expect("a number"))
}

struct Chaos {
    dice: u64,
    realm: Realm,
    clients: [Client; 2],
    workers: Vec<ScriptedWorker>,
    /// Every key that ever worked.
    keys: Vec<Arc<Keypair>>,
    /// Requests on their way: the client, and the job if it was taken.
    asked: JoinSet<Option<(usize, JobId)>>,
    acknowledged: Vec<(usize, JobId)>,
    broker_kills: u32,
    worker_kills: u32,
    /// Until when the broker lives at least.
    spared: Instant,
    /// A checkpoint of the log, from early on.
    older: String,
}

impl Chaos {
    async fn begin(seed: u64) -> Self {
        let realm = Realm::with_settings(SETTINGS).await;
        let clients = [realm.funded_wallet().await, realm.funded_wallet().await];
        let older = realm.nobody().get("/log/checkpoint").await.text();
        let mut chaos = Self {
            dice: seed,
            realm,
            clients,
            workers: Vec::new(),
            keys: Vec::new(),
            asked: JoinSet::new(),
            acknowledged: Vec::new(),
            broker_kills: 0,
            worker_kills: 0,
            spared: Instant::now(),
            older,
        };
        for _ in 0..3 {
            chaos.attach().await;
        }
        chaos
    }

    /// SplitMix64, by Steele, Lea and Flood.
    fn roll(&mut self, below: usize) -> usize {
        self.dice = self.dice.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.dice;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % below as u64) as usize
    }

    async fn act(&mut self) {
        match self.roll(100) {
            0..46 => self.ask(),
            46..52 => self.cancel(),
            52..58 => self.send(),
            58..68 => self.let_words(),
            68..92 => self.listen().await,
            92..96 => self.kill_worker().await,
            _ => self.kill_broker().await,
        }
        // So that requests leave, and workers work, between two actions.
        tokio::task::yield_now().await;
    }

    fn ask(&mut self) {
        let text = match self.roll(10) {
            0 => "refuse".to_owned(),
            1..5 => format!("slowly {}", self.words()),
            _ => format!("say {}", self.words()),
        };
        let (client, submit) = (self.roll(2), question(&text));
        let id = submit.id.expect("a question has an id");
        let asker = self.clients[client].clone();
        self.asked.spawn(async move {
            let reply = asker.try_post("/api/jobs", serde_json::to_vec(&submit).unwrap()).await?;
            (reply.status == 201).then_some((client, id))
        });
    }

    fn words(&mut self) -> String {
        let words = ["sky", "grass", "blue", "green", "river", "stone", "seven", "bells"];
        (0..2 + self.roll(6)).map(|_| words[self.roll(words.len())]).collect::<Vec<_>>().join(" ")
    }

    /// One of the newest jobs; most of the older ones have ended.
    fn cancel(&mut self) {
        self.note_what_was_taken();
        let newest = self.acknowledged.len().saturating_sub(20);
        if self.acknowledged.len() > newest {
            let place = newest + self.roll(self.acknowledged.len() - newest);
            let (client, id) = self.acknowledged[place];
            let owner = self.clients[client].clone();
            self.asked.spawn(async move {
                drop(owner.try_delete(&format!("/api/jobs/{id}")).await);
                None
            });
        }
    }

    fn send(&mut self) {
        let from = self.roll(2);
        let worker = self.roll(self.keys.len());
        let to = match self.roll(3) {
            0 => self.keys[worker].did(),
            _ => self.clients[1 - from].did().clone(),
        };
        let amount = Micro(1 + self.roll(1_000) as u64);
        let body =
            json!({ "id": JobId::generate(), "to": to, "amount": amount, "memo": "chaos" }).to_string();
        let sender = self.clients[from].clone();
        self.asked.spawn(async move {
            // Sent twice, as by a client that heard no answer: it is made once.
            drop(sender.try_post("/api/transfers", body.clone().into_bytes()).await);
            drop(sender.try_post("/api/transfers", body.into_bytes()).await);
            None
        });
    }

    fn let_words(&mut self) {
        let (worker, words) = (self.roll(self.workers.len()), 1 + self.roll(20));
        self.workers[worker].let_words(words);
    }

    /// Waits for what is on its way.
    async fn listen(&mut self) {
        if let Some(taken) = self.asked.join_next().await {
            self.acknowledged.extend(taken.unwrap());
        }
        self.note_what_was_taken();
    }

    fn note_what_was_taken(&mut self) {
        while let Some(taken) = self.asked.try_join_next() {
            self.acknowledged.extend(taken.unwrap());
        }
    }

    async fn kill_worker(&mut self) {
        let index = self.roll(self.workers.len());
        let worker = self.workers.swap_remove(index);
        if !worker.has_ended() {
            worker.kill().await;
        }
        self.worker_kills += 1;
        self.attach().await;
    }

    /// Every worker embeds: whoever is left can be compared.
    async fn attach(&mut self) {
        let options = WorkerOptions {
            name: format!("worker {}", self.keys.len()),
            embeds: true,
            faulty: self.roll(6) == 0,
            ..WorkerOptions::default()
        };
        let worker = ScriptedWorker::attach_as(&self.realm, options).await;
        self.keys.push(worker.wallet(&self.realm).keypair().clone());
        self.workers.push(worker);
    }

    async fn kill_broker(&mut self) {
        if Instant::now() < self.spared {
            return;
        }
        self.realm.kill();
        self.broker_kills += 1;
        self.realm.restart().await;
        self.spared = Instant::now() + Duration::from_millis(self.roll(LIFE_MS) as u64);
    }

    fn tally(&self) -> String {
        let (jobs, workers) = (self.acknowledged.len(), self.worker_kills);
        format!("{jobs} jobs acknowledged, {} kills of the broker, {workers} of workers", self.broker_kills)
    }

    /// No more faults, and everything comes to its end.
    async fn come_to_rest(&mut self, people: &People) {
        let steady = WorkerOptions { name: "steady".to_owned(), embeds: true, ..WorkerOptions::default() };
        let worker = ScriptedWorker::attach_as(&self.realm, steady).await;
        self.keys.push(worker.wallet(&self.realm).keypair().clone());
        self.workers.push(worker);
        self.workers.iter().for_each(ScriptedWorker::let_all);
        while !self.asked.is_empty() {
            self.listen().await;
        }
        people.have_their_answers().await;
        for (client, id) in &self.acknowledged {
            assert!(self.clients[*client].settled(*id).await.state.is_final(), "{id}");
        }
        until("nothing to wait or run", async || {
            let queue = self.realm.queue().await;
            (queue.queued + queue.running == 0).then_some(())
        })
        .await;
        for worker in self.workers.drain(..) {
            if !worker.has_ended() {
                worker.leave().await;
            }
        }
        people.rest.send_replace(true);
    }

    async fn check(&mut self) {
        let before = self.verified();
        for (place, client) in self.clients.iter().enumerate() {
            let jobs = all_jobs(client).await;
            let taken = self.acknowledged.iter().filter(|(of, _)| *of == place);
            let lost: Vec<_> = taken.filter(|(_, id)| !jobs.iter().any(|(job, _)| job == id)).collect();
            assert!(lost.is_empty(), "acknowledged, and lost: {lost:?}");
            let costs: u64 = jobs.iter().map(|(_, cost)| cost.0).sum();
            let paid = sum_of(client, &[MovementKind::Job]).await;
            assert_eq!(paid, i128::from(costs), "what its jobs say they have cost is what it has paid");
            assert_adds_up(client).await;
        }
        for key in &self.keys {
            assert_adds_up(&self.realm.wallet(key)).await;
        }
        // The state that is read back from the journal is the same, to the byte.
        self.realm.kill();
        self.realm.restart().await;
        let after = self.verified();
        assert_eq!(before, after, "replaying gives the same");
        let older = self.realm.scratch("older.txt");
        std::fs::write(&older, &self.older).unwrap();
        let (log, key) = (format!("{}/log", self.realm.url()), after["verifier_key"].as_str().unwrap());
        let go = clients::log_tool(&["verify", "-older", older.to_str().unwrap(), &log, key]).await;
        let said = String::from_utf8_lossy(&go.stdout).into_owned() + &String::from_utf8_lossy(&go.stderr);
        assert!(go.status.success() && said.contains("consistent with the log of"), "{said}");
        println!("chaos: {}", said.trim());
        self.realm.assert_unharmed().await;
    }

    /// What `mtor ledger verify` says, which replays everything.
    fn verified(&self) -> Value {
        self.realm.verify_ledger();
        let said = self.realm.run(&["ledger", "verify", "--json"]);
        serde_json::from_slice(&said.stdout).unwrap()
    }
}

/// What came in less what went out is what there is: to spend, held back, or at stake. Nothing is held for jobs any more.
async fn assert_adds_up(client: &Client) {
    let wallet = client.balance().await;
    assert_eq!(wallet.held, Micro::ZERO, "a hold was left open");
    let late: u64 = wallet.late.iter().map(|late| late.amount.0).sum();
    let has = i128::from(wallet.available.0) + i128::from(late) + i128::from(wallet.at_stake.0);
    let mut moved = 0;
    for line in all_movements(client).await {
        let amount = i128::from(line.1.0);
        moved += if line.0.is_gain() { amount } else { -amount };
    }
    assert_eq!(moved, has, "the receipts of {} add up to what it has", client.did());
}

async fn sum_of(client: &Client, kinds: &[MovementKind]) -> i128 {
    let all = all_movements(client).await;
    all.iter().filter(|(kind, _)| kinds.contains(kind)).map(|(_, amount)| i128::from(amount.0)).sum()
}

async fn all_movements(client: &Client) -> Vec<(MovementKind, Micro)> {
    let (mut all, mut before) = (Vec::new(), String::new());
    loop {
        let route = format!("/api/wallets/{}/movements?limit=200{before}", client.did());
        let page: MovementPage = client.get(&route).await.json();
        all.extend(page.movements.iter().map(|line| (line.kind, line.amount)));
        let Some(next) = page.next else { return all };
        before = format!("&before={next}");
    }
}

async fn all_jobs(client: &Client) -> Vec<(JobId, Micro)> {
    let (mut all, mut before) = (Vec::new(), String::new());
    loop {
        let route = format!("/api/wallets/{}/jobs?limit=200{before}", client.did());
        let page: JobPage = client.get(&route).await.json();
        for job in page.jobs {
            assert!(!matches!(job.state, JobState::Queued | JobState::Running), "{} is left open", job.id);
            all.push((job.id, job.cost.unwrap_or_default()));
        }
        let Some(next) = page.next else { return all };
        before = format!("&before={next}");
    }
}
