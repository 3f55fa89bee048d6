//! The first coins of a new wallet, in a realm that is not private: for some work, once, within what there is for a day; to
//! be spent, and not sent by anybody.

use mtor_e2e::{Client, Realm, ScriptedWorker, question, scenario};
use mtor_identity::Work;
use mtor_protocol::http::{JobState, MovementKind, StarterChallenge, StarterClaim, WalletInfo};
use mtor_protocol::{JobId, Micro, ProblemKind};
use serde_json::json;

/// Tries that cost next to nothing, so that a thousand wallets can work in a test. A wallet gets 0.1 coins, sixty of a day.
/// What a stranger's worker earns is its own at once.
const SETTINGS: &str = r#"
private = false
[starter]
coins = "0.1"
daily_coins = "6"
zero_bits = 2
memory_kib = 8
[trust]
holdback = 0
"#;
const COINS: Micro = Micro(100_000);

fn route(client: &Client) -> String {
    format!("/api/wallets/{}/starter", client.did())
}

async fn challenge(client: &Client) -> StarterChallenge {
    client.get(&route(client)).await.json()
}

fn solved(challenge: &StarterChallenge) -> String {
    let mut work = Work::new(&challenge.challenge, challenge.memory_kib, challenge.passes).unwrap();
    let solves = |number: &u64| work.zero_bits(*number).unwrap() >= u32::from(challenge.zero_bits);
    let number = (0..).find(solves).unwrap();
    serde_json::to_string(&StarterClaim { challenge: challenge.challenge.clone(), number }).unwrap()
}

async fn started(client: &Client) -> WalletInfo {
    let claim = solved(&challenge(client).await);
    client.post(&route(client), claim).await.json()
}

#[tokio::test]
async fn a_new_wallet_gets_its_coins_once_and_asks_with_them() {
    let mut realm = Realm::with_settings(SETTINGS).await;
    let worker = ScriptedWorker::attach(&realm).await;
    let client = realm.new_wallet();
    client.try_submit(&question("say hello")).await.problem(ProblemKind::InsufficientFunds);
    assert_eq!(client.balance().await.starter, Some(COINS));
    let has = started(&client).await;
    assert_eq!((has.available, has.bound, has.starter), (COINS, COINS, None));

    let submit = question("say hello");
    client.submit(&submit).await;
    let job = client.settled(submit.id.unwrap()).await;
    assert_eq!((job.state, job.text.as_deref()), (JobState::Completed, Some("hello")));
    let left = client.balance().await;
    assert_eq!((left.available.0, left.bound), (COINS.0 - job.cost.unwrap().0, left.available));
    let kinds: Vec<_> = client.movements().await.movements.iter().map(|movement| movement.kind).collect();
    assert_eq!(kinds, [MovementKind::Job, MovementKind::Started]);

    // Whoever was paid with them has them to spend as well, and can't send them on.
    let earner = worker.wallet(&realm);
    let earned = earner.balance().await;
    assert!(earned.available > Micro::ZERO);
    assert_eq!(earned.bound, earned.available);
    for (from, to) in [(&earner, &client), (&client, &earner)] {
        let send = json!({ "id": JobId::generate(), "to": to.did(), "amount": "1" }).to_string();
        let refused = from.post("/api/transfers", send).await.problem(ProblemKind::InsufficientFunds);
        assert!(refused.detail.starts_with("0 coins can be sent, not 0.000001"), "{}", refused.detail);
    }

    // Once is once: also after the broker died, when it remembers no challenge.
    client.get(&route(&client)).await.problem(ProblemKind::Conflict);
    realm.kill();
    realm.restart().await;
    let client = realm.wallet(client.keypair());
    client.get(&route(&client)).await.problem(ProblemKind::Conflict);
    assert_eq!(client.balance().await.bound, left.bound);
    realm.verify_ledger();
}

#[tokio::test]
async fn work_of_another_wallet_and_work_that_was_handed_in_before_are_worth_nothing() {
    let realm = Realm::with_settings(SETTINGS).await;
    let [one, two, three] = [realm.new_wallet(), realm.new_wallet(), realm.new_wallet()];
    let (of_one, of_two, hoarded) =
        (solved(&challenge(&one).await), challenge(&two).await, solved(&challenge(&three).await));

    let problem = two.post(&route(&two), of_one.clone()).await.problem(ProblemKind::InvalidRequest);
    assert_eq!(problem.param.as_deref(), Some("challenge"));
    two.post(&route(&one), of_one.clone()).await.problem(ProblemKind::Forbidden);

    // A wrong number uses the challenge up: whoever guesses has to ask each time.
    let mut work = Work::new(&of_two.challenge, of_two.memory_kib, of_two.passes).unwrap();
    let wrong = (0..).find(|number| work.zero_bits(*number).unwrap() < u32::from(of_two.zero_bits)).unwrap();
    let guessed = json!({ "challenge": of_two.challenge, "number": wrong }).to_string();
    let problem = two.post(&route(&two), guessed).await.problem(ProblemKind::InvalidRequest);
    assert_eq!(problem.param.as_deref(), Some("number"));
    let problem = two.post(&route(&two), solved(&of_two)).await.problem(ProblemKind::InvalidRequest);
    assert!(problem.detail.contains("handed in before"), "{}", problem.detail);

    assert_eq!(one.post(&route(&one), of_one.clone()).await.json::<WalletInfo>().available, COINS);
    one.post(&route(&one), of_one).await.problem(ProblemKind::Conflict);
    started(&two).await;

    // Asked for when it was cheap: by now two wallets of this network have got theirs.
    let problem = three.post(&route(&three), hoarded).await.problem(ProblemKind::InvalidRequest);
    assert!(problem.detail.contains("ask for a new challenge"), "{}", problem.detail);
    assert_eq!(started(&three).await.bound, COINS);
}

#[tokio::test]
async fn a_thousand_wallets_of_one_network_work_ever_harder_and_get_no_more_than_the_day_has() {
    let realm = Realm::with_settings(SETTINGS).await;
    let (mut bits, mut refused) = (Vec::new(), 0);
    for _ in 0..1_000 {
        let client = realm.new_wallet();
        let reply = client.get(&route(&client)).await;
        if reply.status == 429 {
            let problem = reply.problem(ProblemKind::TooManyRequests);
            let day_s = 24 * 60 * 60;
            assert!(problem.retry_after.is_some_and(|wait_s| (1..=day_s).contains(&wait_s)), "{problem:?}");
            assert!(problem.detail.contains("midnight UTC"), "{}", problem.detail);
            refused += 1;
            continue;
        }
        let challenge: StarterChallenge = reply.json();
        client.post(&route(&client), solved(&challenge)).await.json::<WalletInfo>();
        bits.push(challenge.zero_bits);
    }
    // A day that begins in the middle of this begins anew.
    assert!([60, 120].contains(&bits.len()) && refused > 0, "{} got some", bits.len());
    let day = &bits[..60];
    assert!(day.is_sorted(), "it never gets cheaper: {day:?}");
    assert_eq!((day[0], day[1]), (2, 3));
    assert!(day[59] >= 2 + 6 + 4, "six doublings of the network, and the last coins: {day:?}");
    realm.verify_ledger();
}

#[tokio::test]
async fn a_private_realm_gives_none() {
    let realm = Realm::start().await;
    let client = realm.new_wallet();
    client.get(&route(&client)).await.problem(ProblemKind::Forbidden);
    let claim = json!({ "challenge": "AAAA", "number": 1 }).to_string();
    client.post(&route(&client), claim).await.problem(ProblemKind::Forbidden);
    assert_eq!(client.balance().await.starter, None);
}

#[tokio::test]
async fn the_console_works_for_them() {
    // Hard enough to be seen and left, and done within seconds.
    let settings = "private = false\n[starter]\nzero_bits = 7\nmemory_kib = 8192";
    let realm = Realm::with_settings(settings).await;
    let _worker = ScriptedWorker::attach(&realm).await;
    scenario::play("starter_coins.mjs", &realm.url(), async |words| panic!("nobody knows how to {words}"))
        .await;
    realm.assert_unharmed().await;
    realm.verify_ledger();
}
