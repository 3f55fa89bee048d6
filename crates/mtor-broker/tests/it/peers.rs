//! Realms as peers: invited, joined, and working for each other on credit; the books of all of them say the same.

use std::time::Duration;

use mtor_protocol::worker::CapabilityOffer;
use mtor_protocol::{Announcement, CapabilityKind};
use mtor_worker::{Finished, Job, JobError, Output, Worker};
use serde_json::{Value, json};

use crate::harness::{Home, PATIENCE, json};

const COIN: u64 = 1_000_000;

async fn until<F: Future<Output = bool>>(mut holds: impl FnMut() -> F) {
    let wait = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.expect("it comes to pass in time");
}

/// `lender` lends chat to `borrower`, which has invited it, up to a limit; gives the peer as the borrower sees it.
async fn lend(borrower: &Home, lender: &Home, limit: u64) {
    let invite = json!({"address": borrower.url()});
    let invite = json(borrower.post("/api/peers/invite", &invite).await, 200).await;
    let terms = json!({"share": ["chat"], "limit": limit.to_string()});
    let join = json!({"code": invite["code"], "address": lender.url(), "terms": terms});
    json(lender.post("/api/peers/join", &join).await, 200).await;
    json(lender.post("/api/peers/join", &join).await, 400).await;
}

async fn attached(borrower: &Home) {
    until(|| async { json(borrower.get("/api/peers").await, 200).await[0]["attached"] == json!(true) }).await;
}

/// What the other realm owes and is owed, by the books of this one.
async fn stands(home: &Home, with: usize) -> (u64, u64) {
    let peer = &json(home.get("/api/peers").await, 200).await[with];
    let amount = |name: &str| peer[name].as_str().unwrap().parse().unwrap();
    (amount("owes"), amount("owed"))
}

fn question(privacy: &str) -> Value {
    json!({"intent": {"capability": "chat", "params": {"prompt": "one two three"}}, "privacy": privacy})
}

#[tokio::test]
async fn a_peer_does_what_nobody_here_can_and_both_books_say_the_same() {
    let (home, far) = (Home::start().await, Home::start().await);
    lend(&home, &far, COIN).await;
    far.attach_worker("attic").await;
    attached(&home).await;
    json(home.post("/api/jobs?wait=30", &question("realm")).await, 422).await;
    let job = json(home.post("/api/jobs?wait=30", &question("peers")).await, 201).await;
    assert_eq!((&job["state"], &job["text"]), (&json!("completed"), &json!("three two one")), "{job}");
    let cost: u64 = job["cost"].as_str().unwrap().parse().unwrap();
    let (owes, owed) = stands(&home, 0).await;
    assert_eq!((owes, owed), (0, cost), "the far realm asks what this one does");
    assert_eq!(stands(&far, 0).await, (cost, 0), "and its books say the same");
    let far_did = json(far.get("/api/realm").await, 200).await["did"].clone();
    assert_eq!(json(home.get("/api/peers").await, 200).await[0]["did"], far_did);

    // After a restart of the borrower it is as before.
    let home = home.restart().await;
    assert_eq!(stands(&home, 0).await, (0, cost));
    let parted = home.request("DELETE", &format!("/api/peers/{}", far_did.as_str().unwrap()), None).await;
    assert_eq!(json(parted, 200).await, json!([]));
    home.stop().await;
    far.stop().await;
}

#[tokio::test]
async fn a_job_goes_through_a_realm_in_the_middle_and_all_three_books_net_out() {
    let (a, b, c) = (Home::start().await, Home::start().await, Home::start().await);
    lend(&a, &b, COIN).await;
    lend(&b, &c, COIN).await;
    c.attach_worker("attic").await;
    attached(&a).await;
    let job = json(a.post("/api/jobs?wait=30", &question("peers")).await, 201).await;
    assert_eq!((&job["state"], &job["text"]), (&json!("completed"), &json!("three two one")), "{job}");
    let cost: u64 = job["cost"].as_str().unwrap().parse().unwrap();
    let mut middle = [stands(&b, 0).await, stands(&b, 1).await];
    middle.sort_unstable();
    assert_eq!(stands(&a, 0).await, (0, cost));
    assert_eq!(middle, [(0, cost), (cost, 0)], "what it is owed by one it owes the other");
    assert_eq!(stands(&c, 0).await, (cost, 0));
    for home in [a, b, c] {
        home.stop().await;
    }
}

#[tokio::test]
async fn a_peer_at_its_limit_is_helped_no_more_and_an_invitation_is_good_once() {
    let (home, far) = (Home::start().await, Home::start().await);
    lend(&home, &far, 1).await;
    far.attach_worker("attic").await;
    attached(&home).await;
    let job = json(home.post("/api/jobs?wait=30", &question("peers")).await, 201).await;
    assert_eq!(job["state"], json!("failed"), "{job}");
    assert_eq!(job["cost"], json!("0"));
    assert_eq!((stands(&home, 0).await, stands(&far, 0).await), ((0, 0), (0, 0)));
    for (method, path) in [("GET", "/api/peers"), ("POST", "/api/peers/invite"), ("POST", "/api/peers/greet")]
    {
        assert_eq!(home.stranger(method, path).await, 401, "{path}");
    }
    let forged = json!({"secret": "guessed", "name": "mallory"});
    json(home.post("/api/peers/greet", &forged).await, 403).await;
    home.stop().await;
    far.stop().await;
}

/// Says a word, and then nothing for ever.
struct Stuck;

impl Worker for Stuck {
    fn announcement(&self) -> Announcement {
        Announcement::new("stuck", vec![CapabilityOffer::new(CapabilityKind::CHAT, "reverse", 1)])
    }

    async fn run(&self, job: Job, output: &mut Output) -> Result<Finished, JobError> {
        output.text("three", 1).await?;
        job.cancelled.cancelled().await;
        Err(JobError::failed("stopped"))
    }
}

#[tokio::test]
async fn a_lender_that_goes_in_mid_answer_costs_nothing_but_what_it_wrote() {
    let (home, far) = (Home::start().await, Home::start().await);
    lend(&home, &far, COIN).await;
    far.attach(Stuck).await;
    attached(&home).await;
    let job = json(home.post("/api/jobs", &question("peers")).await, 201).await;
    let path = format!("/api/jobs/{}", job["id"].as_str().unwrap());
    until(|| async { json(home.get(&path).await, 200).await["text"] == json!("three") }).await;
    far.stop().await;
    // Whoever comes next goes on after the first word, and is paid for the rest.
    home.attach_worker("attic").await;
    until(|| async { json(home.get(&path).await, 200).await["state"] == json!("completed") }).await;
    let job = json(home.get(&path).await, 200).await;
    assert!(job["text"].as_str().unwrap().starts_with("three"), "{job}");
    let cost: u64 = job["cost"].as_str().unwrap().parse().unwrap();
    let (owes, owed) = stands(&home, 0).await;
    assert_eq!(owes, 0);
    assert!(owed < cost, "the lender is paid a part of {cost}, not {owed}");
    home.stop().await;
}
