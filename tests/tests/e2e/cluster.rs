//! Several brokers, one realm: whoever is asked, whoever leads, whoever dies.
//!
//! `MTOR_CHAOS_MINUTES` lets the brokers die for so long; `MTOR_E2E_CLUSTER=1` has the other tests run on three brokers, too,
//! where one would do.

use std::sync::Arc;
use std::time::{Duration, Instant};

use mtor_e2e::{
    Client, Reader, Realm, RealmOptions, ScriptedWorker, Session, WorkerOptions, question, until,
};
use mtor_identity::Keypair;
use mtor_protocol::http::{JobPage, JobState, MovementPage, RealmInfo};
use mtor_protocol::{Digest, JobId, Micro};

const WORDS: &str = "alpha beta gamma delta epsilon zeta eta theta iota kappa";
const HALF: &str = "alpha beta gamma delta epsilon ";
const BROKERS: usize = 3;

/// How long brokers die when nobody says how long.
const DYING: Duration = Duration::from_secs(20);
/// The time between two deaths, then and in a long run.
const LIFE: Duration = Duration::from_secs(4);
const LIFE_IN_A_LONG_RUN: Duration = Duration::from_secs(10);
/// Clients that ask all the time.
const CLIENTS: usize = 8;

async fn cluster() -> Realm {
    Realm::with(RealmOptions { cluster: true, ..RealmOptions::default() }).await
}

#[tokio::test]
async fn a_client_of_one_broker_is_served_by_a_worker_of_another() {
    let realm = cluster().await;
    let leader = realm.leading_broker().await;
    let (one, other) = ((leader + 1) % BROKERS, (leader + 2) % BROKERS);
    let _worker = ScriptedWorker::attach_at(&realm, realm.brokers()[other], WorkerOptions::default()).await;
    let wallet = realm.funded_wallet().await;
    let client = realm.wallet_at(one, wallet.keypair());
    let mut session = Session::open_at(realm.brokers()[one], &client).await;
    let submit = question(&format!("say {WORDS}"));
    session.submit(&submit).await;
    let mut reader = Reader::default();
    reader.read_to_end(&mut session).await;
    assert_eq!(reader.text, WORDS);
    // Read at the third one.
    let job = realm.wallet_at(other, wallet.keypair()).settled(submit.id.unwrap()).await;
    assert_eq!((job.state, job.text.as_deref()), (JobState::Completed, Some(WORDS)));
    all_ledgers_are_one(&realm).await;
    realm.end().await;
}

#[tokio::test]
async fn whoever_leads_dies_in_mid_answer_and_another_goes_on() {
    let realm = cluster().await;
    let leader = realm.leading_broker().await;
    let other = (leader + 1) % BROKERS;
    let worker = ScriptedWorker::attach_at(&realm, realm.brokers()[other], WorkerOptions::default()).await;
    let wallet = realm.funded_wallet().await;
    let client = realm.wallet_at(other, wallet.keypair());
    let before = client.balance().await;
    let mut session = Session::open_at(realm.brokers()[other], &client).await;
    let submit = question(&format!("slowly {WORDS}"));
    session.submit(&submit).await;
    worker.let_words(5);
    let mut reader = Reader::default();
    reader.read_text(&mut session, HALF.len()).await;

    realm.kill_broker(leader).await;
    assert_eq!(session.next().await, None, "what was relayed ended with the one that led");
    worker.let_all();

    // The same address, behind which somebody else leads.
    let mut session = Session::open_at(realm.brokers()[other], &client).await;
    session.watch(submit.id.unwrap(), reader.sequence).await;
    reader.read_to_end(&mut session).await;
    assert_eq!(reader.text, WORDS, "one text, without a hole and without a repetition");
    let after = client.balance().await;
    assert_eq!(after.held.0, 0);
    assert_eq!(before.available.0 - after.available.0, reader.completed().cost.0);
    all_ledgers_are_one(&realm).await;
    realm.end().await;
}

#[tokio::test]
async fn brokers_and_what_they_share_die_under_load_and_nothing_is_lost() {
    let minutes = std::env::var("MTOR_CHAOS_MINUTES").ok().filter(|text| !text.is_empty());
    let (dying, life) = match minutes {
        Some(minutes) => {
            (Duration::from_secs(60 * minutes.parse::<u64>().expect("a number")), LIFE_IN_A_LONG_RUN)
        }
        None => (DYING, LIFE),
    };
    let realm = cluster().await;
    let mut workers = Vec::new();
    for broker in realm.brokers() {
        let worker = ScriptedWorker::attach_at(&realm, broker, WorkerOptions::default()).await;
        worker.let_all();
        workers.push(worker);
    }
    let mut wallets = Vec::new();
    for _ in 0..CLIENTS {
        wallets.push(realm.funded_wallet().await.keypair().clone());
    }
    let end = Instant::now() + dying;
    let asking = wallets.iter().enumerate().map(|(place, key)| ask_until(&realm, place, key, end));
    let (taken, ()) = tokio::join!(futures_util::future::join_all(asking), kill_until(&realm, life, end));
    let total: usize = taken.iter().map(Vec::len).sum();
    println!("cluster: {total} jobs taken");
    assert!(total > 0, "some jobs were taken");

    for (place, (key, jobs)) in wallets.iter().zip(&taken).enumerate() {
        let client = realm.wallet_at(place % BROKERS, key);
        adds_up(&client, jobs).await;
    }
    all_ledgers_are_one(&realm).await;
    realm.end().await;
}

/// Asks one question after the other, each at another broker, and gives those that were taken.
async fn ask_until(realm: &Realm, place: usize, key: &Arc<Keypair>, end: Instant) -> Vec<JobId> {
    let mut taken = Vec::new();
    let mut turn = place;
    while Instant::now() < end {
        turn += 1;
        let client = realm.wallet_at(turn % BROKERS, key);
        let submit = question(&format!("say {WORDS}"));
        let id = submit.id.unwrap();
        let body = serde_json::to_vec(&submit).unwrap();
        let reply = client.try_post("/api/jobs", body).await;
        if reply.is_some_and(|reply| reply.status == 201) {
            taken.push(id);
        }
        // A person looks at the answer for a moment.
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    taken
}

/// Kills a broker after the other, the database and NATS.
async fn kill_until(realm: &Realm, life: Duration, end: Instant) {
    let mut round = 0;
    loop {
        let next = Instant::now() + life;
        if next >= end {
            return;
        }
        tokio::time::sleep_until(next.into()).await;
        match round {
            1 => realm.kill_shared("postgres"),
            3 => realm.kill_shared("nats-server"),
            // The one that leads, and in between any.
            _ if round % 2 == 0 => realm.kill_broker(realm.leading_broker().await).await,
            _ => realm.kill_broker(round % BROKERS).await,
        }
        round += 1;
    }
}

/// Every job that was taken has ended, is in the history, and was paid once.
async fn adds_up(client: &Client, taken: &[JobId]) {
    for id in taken {
        let ended = until("the job to end", async || {
            let reply = client.try_get_signed(&format!("/api/jobs/{id}")).await?;
            let job: mtor_protocol::http::JobInfo = (reply.status == 200).then(|| reply.json())?;
            job.state.is_final().then_some(job)
        })
        .await;
        assert_eq!((ended.state, ended.text.as_deref()), (JobState::Completed, Some(WORDS)), "{id}");
    }
    let (mut costs, mut before) = (0, String::new());
    loop {
        let page: JobPage =
            client.get(&format!("/api/wallets/{}/jobs?limit=200{before}", client.did())).await.json();
        assert!(page.jobs.iter().all(|job| job.state.is_final()));
        costs += page.jobs.iter().map(|job| job.cost.unwrap_or_default().0).sum::<u64>();
        let Some(next) = page.next else { break };
        before = format!("&before={next}");
    }
    let wallet = client.balance().await;
    assert_eq!(
        (wallet.held, wallet.spent),
        (Micro::ZERO, Micro(costs)),
        "what it has spent is what its jobs have cost"
    );
    let (mut moved, mut before) = (0, String::new());
    loop {
        let page: MovementPage =
            client.get(&format!("/api/wallets/{}/movements?limit=200{before}", client.did())).await.json();
        for line in &page.movements {
            let amount = i128::from(line.amount.0);
            moved += if line.kind.is_gain() { amount } else { -amount };
        }
        let Some(next) = page.next else { break };
        before = format!("&before={next}");
    }
    assert_eq!(moved, i128::from(wallet.available.0), "its receipts add up to what it has");
}

/// The ledger of each broker verifies, and has the same root as that of the one that leads.
async fn all_ledgers_are_one(realm: &Realm) {
    let roots: Vec<(u64, Digest)> = until("all ledgers to be the same", async || {
        let info: RealmInfo =
            realm.nobody().try_get("/api/realm").await.filter(|reply| reply.status == 200)?.json();
        let mut roots = Vec::new();
        for place in 0..BROKERS {
            let said = realm.verify_ledger_in(&realm.broker_data(place));
            if !said.contains(&info.ledger.root.to_string()) {
                return None;
            }
            roots.push((info.ledger.entries, info.ledger.root));
        }
        Some(roots)
    })
    .await;
    assert_eq!(roots.len(), BROKERS);
}
