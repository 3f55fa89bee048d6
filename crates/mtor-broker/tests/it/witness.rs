//! The log's witnesses: real ones over HTTP, that verify what they are shown and keep to the protocol (C2SP tlog-witness).

use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mtor_core::merkle::{Hash, is_consistent};
use mtor_identity::{Keypair, PublicKey};
use mtor_ledger::{Checkpoint, WitnessKey};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use crate::harness::{Home, PATIENCE, json};

const NAME: &str = "witness.example/w1";

/// What goes wrong at a witness the next time that it is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mishap {
    /// It cosigns, and remembers it, but nobody hears of it.
    AnswerLost,
    /// Somebody else signs in its name.
    OtherKey,
}

/// A request that a witness has had: the old size, the new one, and the length of the proof.
type Shown = (u64, u64, usize);

struct Witness {
    keypair: Keypair,
    /// The newest tree that it has cosigned.
    seen: Mutex<(u64, Hash)>,
    shown: Mutex<Vec<Shown>>,
    mishap: Mutex<Option<Mishap>>,
}

impl Witness {
    /// Starts one; it ends with the test. Gives its address too.
    async fn start() -> (Arc<Self>, String) {
        let nothing = Sha256::digest([]).into();
        let witness = Arc::new(Self {
            keypair: Keypair::generate().unwrap(),
            seen: Mutex::new((0, nothing)),
            shown: Mutex::default(),
            mishap: Mutex::default(),
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/log/", listener.local_addr().unwrap());
        let router = axum::Router::new()
            .route("/log/add-checkpoint", post(add_checkpoint))
            .with_state(witness.clone());
        tokio::spawn(axum::serve(listener, router).into_future());
        (witness, url)
    }

    fn id(&self) -> [u8; 4] {
        let hash = Sha256::new().chain_update(NAME).chain_update(b"\n\x04");
        let hash = hash.chain_update(self.keypair.public().to_bytes()).finalize();
        [hash[0], hash[1], hash[2], hash[3]]
    }

    fn vkey(&self) -> String {
        let key = [&[4][..], &self.keypair.public().to_bytes()].concat();
        format!("{NAME}+{:08x}+{}", u32::from_be_bytes(self.id()), STANDARD.encode(key))
    }

    fn cosign(&self, text: &str, with: &Keypair) -> String {
        let time_s = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
        let signature = with.sign(format!("cosignature/v1\ntime {time_s}\n{text}").as_bytes());
        let bytes = [&self.id()[..], &time_s.to_be_bytes(), &signature.to_bytes()].concat();
        format!("\u{2014} {NAME} {}\n", STANDARD.encode(bytes))
    }

    fn shown(&self) -> Vec<Shown> {
        self.shown.lock().unwrap().clone()
    }

    /// The answer to a request, as the standard says it, step by step.
    fn answer(&self, body: &str) -> Response {
        let (head, note) = body.split_once("\n\n").unwrap();
        let mut lines = head.lines();
        let old: u64 = lines.next().unwrap().strip_prefix("old ").unwrap().parse().unwrap();
        let proof: Vec<Hash> = lines.map(|line| STANDARD.decode(line).unwrap().try_into().unwrap()).collect();
        let realm = PublicKey::from_did(note.lines().next().unwrap()).unwrap();
        let checkpoint = Checkpoint::open(note, &realm).unwrap();
        self.shown.lock().unwrap().push((old, checkpoint.size, proof.len()));
        assert!(old <= checkpoint.size && proof.len() <= 63, "{body}");
        let mut seen = self.seen.lock().unwrap();
        if old != seen.0 {
            let size = [(header::CONTENT_TYPE, "text/x.tlog.size")];
            return (StatusCode::CONFLICT, size, format!("{}\n", seen.0)).into_response();
        }
        let now = (checkpoint.size, checkpoint.root.0);
        if !is_consistent(*seen, now, &proof) {
            return StatusCode::UNPROCESSABLE_ENTITY.into_response();
        }
        *seen = now;
        let (text, _) = note.split_once("\n\n").unwrap();
        let text = format!("{text}\n");
        match self.mishap.lock().unwrap().take() {
            None => self.cosign(&text, &self.keypair).into_response(),
            Some(Mishap::AnswerLost) => StatusCode::BAD_GATEWAY.into_response(),
            Some(Mishap::OtherKey) => self.cosign(&text, &Keypair::generate().unwrap()).into_response(),
        }
    }
}

async fn add_checkpoint(State(witness): State<Arc<Witness>>, body: String) -> Response {
    witness.answer(&body)
}

/// A folder whose realm has this witness.
fn folder(witness: &Witness, url: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let section = format!("[log]\nwitnesses = [{{ url = {url:?}, key = {:?} }}]\n", witness.vkey());
    std::fs::write(folder.path().join("realm.toml"), section).unwrap();
    folder
}

/// What a realm publishes.
struct Published {
    note: String,
    size: u64,
    is_cosigned: bool,
}

async fn published(home: &Home, witness: &Witness) -> Published {
    let note = home.get("/log/checkpoint").await.text().await.unwrap();
    let realm = PublicKey::from_did(note.lines().next().unwrap()).unwrap();
    let size = Checkpoint::open(&note, &realm).unwrap().size;
    let key = WitnessKey::try_from(witness.vkey()).unwrap();
    Published { is_cosigned: key.find(&note, &note).is_some(), size, note }
}

/// Waits until what is published is as it should be.
async fn until(home: &Home, witness: &Witness, condition: impl Fn(&Published) -> bool) -> Published {
    let waiting = async {
        loop {
            let published = published(home, witness).await;
            if condition(&published) {
                return published;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.expect("the checkpoint becomes what it should be")
}

/// So many failures are told to the sysop.
async fn until_failures(home: &Home, count: u64) {
    let line = format!("mtor_witness_failures_total {count}");
    let waiting = async {
        while !home.get("/metrics").await.text().await.unwrap().lines().any(|told| told == line) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.expect("the failures are counted");
}

/// Two more entries.
async fn grow(home: &Home) {
    let submit = json!({"intent": {"capability": "chat", "params": {"prompt": "one two"}}});
    json(home.post("/api/jobs?wait=30", &submit).await, 201).await;
}

async fn entries(home: &Home) -> u64 {
    json(home.get("/api/realm").await, 200).await["ledger"]["entries"].as_u64().unwrap()
}

#[tokio::test]
async fn a_witness_sees_the_log_grow_and_its_word_is_published() {
    let (witness, url) = Witness::start().await;
    let home = Home::start_in(folder(&witness, &url)).await;
    let first = until(&home, &witness, |published| published.is_cosigned).await;
    assert_eq!(witness.shown(), [(0, first.size, 0)]);

    // The log grows; until the next round the newest checkpoint with a cosignature is published.
    home.attach_worker("attic").await;
    grow(&home).await;
    grow(&home).await;
    assert!(entries(&home).await >= first.size + 4);
    assert_eq!(published(&home, &witness).await.note, first.note);
    assert_eq!(witness.shown().len(), 1, "a witness is not asked more than once a minute");

    // It is kept: at first the same is published, then the witness sees the rest.
    let home = Home::start_in(home.stop().await).await;
    let second = until(&home, &witness, |published| published.size > first.size).await;
    assert!(second.is_cosigned, "{}", second.note);
    let shown = witness.shown();
    let (old, new, proof) = shown[1];
    assert_eq!((shown.len(), old, new), (2, first.size, second.size));
    assert!(proof > 0, "a log that has grown is proven to be the same");
    let metrics = home.get("/metrics").await.text().await.unwrap();
    assert!(metrics.contains(&format!("mtor_log_cosigned_entries {}\n", second.size)), "{metrics}");
    home.stop().await;
}

#[tokio::test]
async fn a_lost_answer_is_made_good_with_the_size_that_the_witness_has() {
    let (witness, url) = Witness::start().await;
    *witness.mishap.lock().unwrap() = Some(Mishap::AnswerLost);
    let home = Home::start_in(folder(&witness, &url)).await;
    until_failures(&home, 1).await;
    let bare = published(&home, &witness).await;
    assert!(!bare.is_cosigned && bare.size == entries(&home).await, "without witnesses, the newest");
    home.attach_worker("attic").await;
    grow(&home).await;

    let home = Home::start_in(home.stop().await).await;
    let cosigned = until(&home, &witness, |published| published.is_cosigned).await;
    let seen = bare.size;
    let shown: Vec<_> = witness.shown().iter().map(|(old, new, _)| (*old, *new)).collect();
    assert_eq!(shown, [(0, seen), (0, cosigned.size), (seen, cosigned.size)]);
    home.stop().await;
}

#[tokio::test]
async fn what_another_key_signs_is_not_published() {
    let (witness, url) = Witness::start().await;
    *witness.mishap.lock().unwrap() = Some(Mishap::OtherKey);
    let home = Home::start_in(folder(&witness, &url)).await;
    until_failures(&home, 1).await;
    assert!(!published(&home, &witness).await.note.contains(NAME));
    home.stop().await;
}

#[tokio::test]
async fn a_witness_that_has_seen_another_history_does_not_cosign_this_one() {
    let (witness, url) = Witness::start().await;
    *witness.seen.lock().unwrap() = (1, [7; 32]);
    let home = Home::start_in(folder(&witness, &url)).await;
    until_failures(&home, 1).await;
    let shown: Vec<_> = witness.shown().iter().map(|(old, ..)| *old).collect();
    assert_eq!(shown, [0, 1]);
    assert!(!published(&home, &witness).await.is_cosigned);
    home.stop().await;
}
