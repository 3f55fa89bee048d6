//! Three realms, of which the one in the middle alone knows the others: a job of the first is done by a worker of the third. The roads
//! between them are slow, lose what is sent, and are cut; the realm in the middle has a clock of its own.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use mtor_e2e::{Client, Reader, Realm, RealmOptions, ScriptedWorker, Session, question, until, workspace};
use mtor_protocol::http::JobState;
use mtor_protocol::{Micro, Privacy, Submit};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

const WORDS: &str = "alpha beta gamma delta epsilon zeta eta theta iota kappa";
const HALF: &str = "alpha beta gamma delta epsilon ";

const HOUR_S: i64 = 3_600;
/// How long whatever is sent over a road is on its way.
const LATENCY: Duration = Duration::from_millis(200);
/// One packet in so many is lost, and comes a retransmission later.
const LOSSES: u32 = 20;
const RETRANSMISSION: Duration = Duration::from_millis(400);
/// Bytes of a packet, and packets that are on their way at once.
const PACKET: usize = 1_400;
const PACKETS_MAX: usize = 256;

/// The way to a realm, for another one. Dropped, it is gone.
struct Road {
    address: SocketAddr,
    open: watch::Sender<bool>,
    _building: JoinSet<()>,
}

impl Road {
    async fn to(realm: &Realm) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, target) = (listener.local_addr().unwrap(), realm.address());
        let open = watch::Sender::new(true);
        let mut building = JoinSet::new();
        let gate = open.clone();
        building.spawn(async move {
            let mut travellers = JoinSet::new();
            loop {
                let (socket, _) = listener.accept().await.unwrap();
                let mut gate = gate.subscribe();
                if !*gate.borrow() {
                    continue;
                }
                travellers.spawn(async move {
                    let Ok(onward) = TcpStream::connect(target).await else { return };
                    let (near, far) = (socket.into_split(), onward.into_split());
                    tokio::select! {
                        () = carry(near.0, far.1) => {}
                        () = carry(far.0, near.1) => {}
                        _ = gate.wait_for(|open| !open) => {}
                    }
                });
            }
        });
        Self { address, open, _building: building }
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Whoever is on it comes nowhere, and nobody sets out.
    fn cut(&self) {
        self.open.send_replace(false);
    }

    fn mend(&self) {
        self.open.send_replace(true);
    }
}

/// Carries bytes one way, late, in order, until one end is gone.
async fn carry(mut from: OwnedReadHalf, mut to: OwnedWriteHalf) {
    let (sender, mut packets) = mpsc::channel::<(Instant, Vec<u8>)>(PACKETS_MAX);
    let reading = async move {
        let mut packet = vec![0; PACKET];
        let mut number = 0_u32;
        while let Ok(count @ 1..) = from.read(&mut packet).await {
            number += 1;
            let lost = if number.is_multiple_of(LOSSES) { RETRANSMISSION } else { Duration::ZERO };
            if sender.send((Instant::now() + LATENCY + lost, packet[..count].to_vec())).await.is_err() {
                return;
            }
        }
    };
    let writing = async move {
        while let Some((arrival, packet)) = packets.recv().await {
            tokio::time::sleep_until(arrival).await;
            if to.write_all(&packet).await.is_err() {
                return;
            }
        }
    };
    tokio::join!(reading, writing);
}

/// `lender` joins `borrower`, and lends it chat; as their owners do it at the command line.
async fn lend(borrower: &Realm, road: &Road, lender: &Realm) {
    let invited = said(borrower, &["peer", "invite", "--address", &road.url(), "--json"]).await;
    let code = invited["code"].as_str().unwrap().to_owned();
    let join = ["peer", "join", &code, "--share", "chat", "--limit", "20", "--json"];
    said(lender, &join).await;
}

async fn said(realm: &Realm, arguments: &[&str]) -> Value {
    let output = realm.run_aside(arguments).await;
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// What the others owe and are owed, by the books of this realm, whichever comes first.
async fn stands(realm: &Realm) -> Vec<(u64, u64)> {
    let peers: Value = realm.owner().get("/api/peers").await.json();
    let amount = |peer: &Value, name: &str| -> u64 { peer[name].as_str().unwrap().parse().unwrap() };
    let mut all: Vec<_> =
        peers.as_array().unwrap().iter().map(|peer| (amount(peer, "owes"), amount(peer, "owed"))).collect();
    all.sort_unstable();
    all
}

async fn attached(realm: &Realm) {
    until("the peer to be attached", async || {
        let peers: Value = realm.owner().get("/api/peers").await.json();
        peers.as_array().unwrap().iter().any(|peer| peer["attached"] == true).then_some(())
    })
    .await;
}

fn for_peers(text: &str) -> Submit {
    Submit { privacy: Privacy::Peers, ..question(text) }
}

/// A, B and C, with roads from B to A and from C to B, and a worker at C. B's clock is so many seconds ahead.
struct Chain {
    a: Realm,
    b: Realm,
    c: Realm,
    roads: [Road; 2],
    worker: ScriptedWorker,
    client: Client,
}

impl Chain {
    async fn new(ahead: Option<i64>) -> Self {
        let (a, c) = (Realm::start().await, Realm::start().await);
        let b = match ahead {
            None => Realm::start().await,
            Some(ahead) => {
                let clock = skewed_clock().to_string_lossy().into_owned();
                let environment =
                    vec![("LD_PRELOAD".to_owned(), clock), ("SKEW_S".to_owned(), ahead.to_string())];
                Realm::with(RealmOptions { environment, ..RealmOptions::default() }).await
            }
        };
        let roads = [Road::to(&a).await, Road::to(&b).await];
        lend(&a, &roads[0], &b).await;
        lend(&b, &roads[1], &c).await;
        let worker = ScriptedWorker::attach(&c).await;
        attached(&a).await;
        let client = a.funded_wallet().await;
        Self { a, b, c, roads, worker, client }
    }

    /// Each realm's ledger is whole, and nothing is held for anybody.
    async fn is_sound(&self) {
        for realm in [&self.a, &self.b, &self.c] {
            until("nothing to run", async || {
                let queue = realm.queue().await;
                (queue.queued + queue.running == 0).then_some(())
            })
            .await;
            assert!(realm.verify_ledger().contains("sum 0"));
        }
        assert_eq!(self.client.balance().await.held, Micro::ZERO);
    }
}

/// The library that gives a program a clock of its own.
fn skewed_clock() -> PathBuf {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    let make = || {
        let folder = tempfile::Builder::new().prefix("mtor-e2e-clock-").tempdir().unwrap().keep();
        let library = folder.join("skewed_clock.so");
        let source = workspace().join("tests/clock/skewed_clock.c");
        let made = Command::new("cc")
            .args(["-shared", "-fPIC", "-O2", "-o"])
            .arg(&library)
            .arg(source)
            .output()
            .unwrap();
        assert!(made.status.success(), "{made:?}");
        library
    };
    LIBRARY.get_or_init(make).clone()
}

async fn streams_and_nets_out(chain: Chain) {
    let mut session = Session::open(&chain.a, &chain.client).await;
    let submit = for_peers(&format!("slowly {WORDS}"));
    session.submit(&submit).await;
    chain.worker.let_words(5);
    let mut reader = Reader::default();
    reader.read_text(&mut session, HALF.len()).await;
    // What is there streams back before the rest is written.
    chain.worker.let_all();
    reader.read_to_end(&mut session).await;
    assert_eq!(reader.text, WORDS);
    let cost = reader.completed().cost.0;
    assert!(cost > 0);
    chain.is_sound().await;
    let books = (stands(&chain.a).await, stands(&chain.b).await, stands(&chain.c).await);
    let (owes, owed) = ((cost, 0), (0, cost));
    assert_eq!(
        books,
        (vec![owed], vec![owed, owes], vec![owes]),
        "what one owes the other is owed, and B keeps nothing"
    );
}

#[tokio::test]
async fn a_job_of_one_realm_is_done_two_realms_away_on_bad_roads_and_the_books_net_out() {
    streams_and_nets_out(Chain::new(None).await).await;
}

#[tokio::test]
async fn a_realm_whose_clock_is_an_hour_ahead_works_for_another_as_well() {
    streams_and_nets_out(Chain::new(Some(HOUR_S)).await).await;
}

#[tokio::test]
async fn a_realm_whose_clock_is_an_hour_behind_works_for_another_as_well() {
    streams_and_nets_out(Chain::new(Some(-HOUR_S)).await).await;
}

#[tokio::test]
async fn the_realm_in_the_middle_is_cut_off_in_mid_stream_and_nothing_is_lost_or_paid_twice() {
    let chain = Chain::new(None).await;
    let before = chain.client.balance().await;
    let mut session = Session::open(&chain.a, &chain.client).await;
    let submit = for_peers(&format!("slowly {WORDS}"));
    let id = submit.id.unwrap();
    session.submit(&submit).await;
    chain.worker.let_words(5);
    let mut reader = Reader::default();
    reader.read_text(&mut session, HALF.len()).await;
    chain.roads[0].cut();
    until("A to know that B is gone", async || {
        let peers: Value = chain.a.owner().get("/api/peers").await.json();
        (peers[0]["attached"] == false).then_some(())
    })
    .await;
    let job = chain.client.job(id).await;
    assert!(!job.state.is_final(), "it waits for whoever comes next: {job:?}");
    chain.worker.let_all();
    chain.roads[0].mend();
    reader.read_to_end(&mut session).await;
    assert_eq!(reader.text, WORDS, "one text, without a hole and without a repetition");
    let job = chain.client.settled(id).await;
    assert_eq!(job.state, JobState::Completed);
    let after = chain.client.balance().await;
    assert_eq!(before.available.0 - after.available.0, job.cost.unwrap().0, "it is paid once");
    chain.is_sound().await;
    let (a, c) = (stands(&chain.a).await, stands(&chain.c).await);
    assert_eq!(a[0], (0, job.cost.unwrap().0), "A owes for what its client has paid");
    assert!(
        c[0].0 >= a[0].1,
        "whoever did the work is owed no less: what was on its way when the road was cut is B's loss"
    );
}

#[tokio::test]
async fn without_a_road_a_job_for_peers_is_refused_at_once() {
    let chain = Chain::new(None).await;
    chain.roads[0].cut();
    until("the refusal", async || {
        let reply = chain.client.try_submit(&for_peers("say hello")).await;
        (reply.status == 422 || reply.status == 503).then_some(())
    })
    .await;
}
