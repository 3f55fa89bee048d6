//! A full disk: new jobs are refused, none that was taken is lost, and the realm goes on when there is room again.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use mtor_e2e::{Client, Realm, RealmOptions, ScriptedWorker, question, until};
use mtor_protocol::http::{JobInfo, JobState};
use mtor_protocol::{JobId, ProblemKind, Submit};

const DISK_BYTES: u64 = 8 << 20;

#[tokio::test]
async fn new_jobs_are_refused_none_is_lost_and_room_heals_it() {
    let realm = Realm::with(RealmOptions { disk_bytes: Some(DISK_BYTES), ..RealmOptions::default() }).await;
    let worker = ScriptedWorker::attach(&realm).await;
    let client = realm.funded_wallet().await;
    let done = client.submit(&question("say done before")).await.id;
    let done = client.settled(done).await;
    let running = client.submit(&question("slowly goes on all the while")).await.id;
    let filler = fill(&realm.data());

    // What there is room for yet is taken; then comes the first that is not.
    let (mut taken, mut refused) = (vec![running], Vec::new());
    until("the disk to be full", async || {
        let (id, reply) = ask(&client).await;
        match reply.status {
            201 => taken.push(id),
            _ => {
                reply.problem(ProblemKind::LedgerUnavailable);
                refused.push(id);
            }
        }
        (!refused.is_empty()).then_some(())
    })
    .await;
    let (id, reply) = ask(&client).await;
    let problem = reply.problem(ProblemKind::LedgerUnavailable);
    assert!(problem.detail.contains("disk") && problem.retry_after.is_some(), "{problem:?}");
    refused.push(id);
    assert_eq!(realm.nobody().get("/readyz").await.status, 503);
    assert_eq!(realm.nobody().get("/healthz").await.status, 200, "it lives");
    assert!(!realm.info().await.ledger.writable);
    assert_eq!(client.job(done.id).await, done, "what is there can be read");
    worker.let_all();

    std::fs::remove_file(filler).unwrap();
    until("the realm to be ready again", async || {
        (realm.nobody().get("/readyz").await.status == 200).then_some(())
    })
    .await;
    for id in &taken {
        assert_eq!(client.settled(*id).await.state, JobState::Completed);
    }
    assert_eq!(client.job(running).await.text.as_deref(), Some("goes on all the while"));
    // Who was refused asks again under the same id, as the answer says. What a worker had done before the refusal is
    // known by that id, and is not paid twice.
    for id in refused {
        client.try_submit(&Submit { id: Some(id), ..long_question() }).await.json::<JobInfo>();
        let job = client.settled(id).await;
        let cost = job.cost.map(|cost| cost.0);
        assert!(
            job.state == JobState::Completed || (job.state == JobState::Cancelled && cost == Some(0)),
            "{job:?}"
        );
        taken.push(id);
    }
    let after = client.submit(&question("say as before")).await.id;
    assert_eq!(client.settled(after).await.text.as_deref(), Some("as before"));
    let mut spent = 0;
    for id in taken.iter().chain([&done.id, &after]) {
        spent += client.job(*id).await.cost.expect("it is settled").0;
    }
    let balance = client.balance().await;
    assert_eq!((balance.held.0, balance.spent.0), (0, spent), "nothing else was paid");
    realm.assert_unharmed().await;
    realm.verify_ledger();
}

async fn ask(client: &Client) -> (JobId, mtor_e2e::Reply) {
    let submit = long_question();
    (submit.id.unwrap(), client.try_submit(&submit).await)
}

fn long_question() -> Submit {
    question(&format!("say {}", "something of some length ".repeat(20)))
}

/// Writes a file that takes all the room that there is.
fn fill(folder: &Path) -> PathBuf {
    let path = folder.join("filler");
    let mut file = File::create(&path).unwrap();
    for size in [1 << 16, 1 << 12, 1] {
        let block = vec![0_u8; size];
        let error = loop {
            if let Err(error) = file.write_all(&block) {
                break error;
            }
        };
        assert_eq!(error.kind(), std::io::ErrorKind::StorageFull, "{error}");
    }
    path
}
