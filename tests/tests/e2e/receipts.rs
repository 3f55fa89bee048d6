//! What the ledger says of a job is proven to people who have nothing of the realm but its key (promise P10), and what it says of a
//! wallet is taken out into one's own books.

use std::path::Path;
use std::process::{Command, Output};

use mtor_e2e::{Realm, ScriptedWorker, mtor, question};
use mtor_identity::Keypair;

fn run(arguments: &[&str]) -> Output {
    Command::new(mtor()).args(arguments).output().unwrap()
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[tokio::test]
async fn a_job_is_proven_to_somebody_without_the_realm() {
    let realm = Realm::start().await;
    let worker = ScriptedWorker::attach(&realm).await;
    let owner = realm.owner();
    let job = owner.submit(&question("say Paris is the capital of France")).await.id;
    let running = owner.submit(&question("slowly something else")).await.id;
    owner.settled(job).await;

    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().to_str().unwrap();
    let data = folder.path().join("nothing").to_str().unwrap().to_owned();
    let url = realm.url();
    let prove = |job: &str, more: &[&str]| {
        let arguments = ["ledger", "prove", job, "--realm", &url, "--data", &data, "--out", out];
        run(&[&arguments, more].concat())
    };
    let id = job.to_string();
    let proven = prove(&id, &["--reveal"]);
    assert!(proven.status.success(), "{}", said(&proven));
    let [accepted, settled] =
        ["accepted", "settled"].map(|part| folder.path().join(format!("{id}.{part}.tlog-proof")));

    // From here on, the realm is not needed.
    let key = realm.info().await.did.0;
    let check = |file: &Path, key: &str| run(&["ledger", "check", file.to_str().unwrap(), "--key", key]);
    let checked = check(&accepted, &key);
    assert!(
        checked.status.success() && said(&checked).contains("say Paris is the capital"),
        "{}",
        said(&checked)
    );
    let checked = check(&settled, &key);
    let text = said(&checked);
    assert!(checked.status.success() && text.contains("Paris is the capital of France"), "{text}");
    assert!(text.contains("6 written") && text.contains("coins to the treasury"), "{text}");

    let stranger = Keypair::generate().unwrap().did();
    let refused = check(&settled, stranger.as_str());
    assert_eq!(refused.status.code(), Some(1), "{}", said(&refused));
    let changed = std::fs::read_to_string(&settled).unwrap().replacen("index ", "index 1", 1);
    std::fs::write(&settled, changed).unwrap();
    let refused = check(&settled, &key);
    assert_eq!(refused.status.code(), Some(1), "{}", said(&refused));
    assert!(said(&refused).contains("does not hold"), "{}", said(&refused));

    // Without a word, and of a job that runs.
    let hidden = prove(&id, &[]);
    assert!(hidden.status.success() && !said(&hidden).contains("Paris"), "{}", said(&hidden));
    let unfinished = prove(&running.to_string(), &[]);
    assert!(
        unfinished.status.success() && said(&unfinished).contains("has not ended yet"),
        "{}",
        said(&unfinished)
    );
    worker.let_all();
    owner.settled(running).await;
    realm.assert_unharmed().await;
}

#[tokio::test]
async fn a_wallet_is_taken_out_into_books_that_balance() {
    let realm = Realm::start().await;
    let worker = ScriptedWorker::attach(&realm).await;
    let owner = realm.owner();
    for _ in 0..3 {
        let job = owner.submit(&question("say hello")).await.id;
        owner.settled(job).await;
    }
    // Sent, and so with the other side's account in it.
    realm.funded_wallet().await;
    let books = |format: &str| {
        let output = realm.run(&["wallet", "export", "--owner", "--format", format]);
        assert!(output.status.success(), "{}", said(&output));
        String::from_utf8(output.stdout).unwrap()
    };
    let (table, journal) = (books("csv"), books("hledger"));
    let kinds: Vec<_> = table.lines().map(|line| line.split(',').nth(2).unwrap()).collect();
    assert_eq!(kinds, ["kind", "issued", "job", "job", "job", "sent"], "{table}");
    let balance = owner.balance().await.available;
    assert!(journal.ends_with(&format!("assets:mtor  0 coin = {balance} coin\n")), "{journal}");
    worker.leave().await;
    realm.verify_ledger();
}
