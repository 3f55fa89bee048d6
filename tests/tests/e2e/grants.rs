//! Coins that others may spend: within their limits, for whom they are meant, until they are taken back.

use mtor_e2e::{Client, Realm, ScriptedWorker, Session, question};
use mtor_protocol::http::{ApiKey, JobPage, JobState, MovementKind, MovementPage, WalletInfo};
use mtor_protocol::{Body, GrantInfo, GrantList, JobId, Micro, ProblemKind};
use serde_json::{Value, json};

fn grants(client: &Client) -> String {
    format!("/api/wallets/{}/grants", client.did())
}

async fn give(from: &Client, to: &[&Client], terms: Value) -> GrantInfo {
    let to: Vec<_> = to.iter().map(|client| client.did()).collect();
    let request = json!({ "id": JobId::generate(), "name": "the children", "terms": terms, "to": to });
    from.post(&grants(from), request.to_string()).await.json()
}

#[tokio::test]
async fn a_child_without_coins_asks_until_the_grant_is_taken_back() {
    let mut realm = Realm::start().await;
    let worker = ScriptedWorker::attach(&realm).await;
    let (parent, child, stranger) = (realm.funded_wallet().await, realm.new_wallet(), realm.new_wallet());
    let before = parent.balance().await.available;
    let grant = give(&parent, &[&child], json!({ "limit": "1000000", "period": "week" })).await;
    assert_eq!((grant.left, grant.renews.is_some()), (Micro(1_000_000), true));

    // The child's own live session, from before and after it is taken back.
    let mut session = Session::open(&realm, &child).await;
    let done = question("say hello");
    session.submit(&done).await;
    while !matches!(session.next().await.expect("an answer").body, Body::JobCompleted(_)) {}
    let job = child.settled(done.id.unwrap()).await;
    let cost = job.cost.unwrap();
    assert_eq!((job.state, child.balance().await.spent), (JobState::Completed, Micro::ZERO));

    let seen: GrantList = child.get(&grants(&child)).await.json();
    assert_eq!((seen.given.len(), seen.received[0].name.as_str()), (0, "the children"));
    assert_eq!((seen.received[0].to.len(), seen.received[0].spent), (0, cost), "who else has it is not told");
    let given: GrantList = parent.get(&grants(&parent)).await.json();
    assert_eq!(given.given[0].to, [child.did().clone()]);
    assert_eq!(given.given[0].left, Micro(1_000_000 - cost.0));

    // Nobody else can look at it, take it back or spend from it; and a question stays the child's own.
    stranger.get(&grants(&parent)).await.problem(ProblemKind::Forbidden);
    stranger.delete(&format!("{}/{}", grants(&stranger), grant.id)).await.problem(ProblemKind::NotFound);
    child.delete(&format!("{}/{}", grants(&child), grant.id)).await.problem(ProblemKind::NotFound);
    let mut borrowed = question("say something");
    borrowed.grant = Some(grant.id);
    stranger.try_submit(&borrowed).await.problem(ProblemKind::NotFound);
    parent.get(&format!("/api/jobs/{}", job.id)).await.problem(ProblemKind::NotFound);

    // A restart forgets nothing of it.
    realm.kill();
    realm.restart().await;
    worker.attached(&realm).await;
    let mut session = Session::open(&realm, &child).await;
    let running = question("slowly one two three");
    session.submit(&running).await;
    worker.let_words(1);
    while !matches!(session.next().await.map(|event| event.body), Some(Body::JobChunk(_))) {}

    let left: GrantList = parent.delete(&format!("{}/{}", grants(&parent), grant.id)).await.json();
    assert_eq!(left, GrantList::default());
    let cancelled = child.settled(running.id.unwrap()).await;
    assert_eq!(cancelled.state, JobState::Cancelled);
    session.submit(&question("say no more")).await;
    let refused = loop {
        match session.next().await.expect("an answer").body {
            Body::Error(problem) => break problem,
            _ => continue,
        }
    };
    assert_eq!(refused.known_kind(), Some(ProblemKind::InsufficientFunds), "{refused}");

    let after = parent.balance().await;
    let spent = cost.0 + cancelled.cost.unwrap().0;
    assert_eq!((after.available.0, after.held), (before.0 - spent, Micro::ZERO));
    realm.verify_ledger();
}

#[tokio::test]
async fn a_key_of_a_grant_can_do_nothing_but_spend_from_it() {
    let realm = Realm::start().await;
    let _worker = ScriptedWorker::attach(&realm).await;
    let owner = realm.funded_wallet().await;
    let grant = give(&owner, &[], json!({ "limit": "20000", "only": ["chat"] })).await;
    let request = json!({ "name": "nightly", "grant": grant.id }).to_string();
    let keys = format!("/api/wallets/{}/keys", owner.did());
    let key: ApiKey = owner.post(&keys, request).await.json();
    let program = owner.with_key(key.secret.as_deref().unwrap());

    let own = owner.submit(&question("say it is mine")).await.id;
    owner.settled(own).await;
    let job = program.submit(&question("say it is paid by the grant")).await.id;
    let job = program.settled(job).await;
    assert_eq!(job.state, JobState::Completed);
    program.get(&format!("/api/jobs/{own}")).await.problem(ProblemKind::NotFound);
    for rest in ["", "/jobs", "/movements", "/keys", "/grants"] {
        program.get(&format!("/api/wallets/{}{rest}", owner.did())).await.problem(ProblemKind::Forbidden);
    }
    program.post(&keys, r#"{"name":"another"}"#).await.problem(ProblemKind::Forbidden);
    program.delete(&format!("{keys}/{}", key.id)).await.problem(ProblemKind::Forbidden);
    program.delete(&format!("{}/{}", grants(&owner), grant.id)).await.problem(ProblemKind::Forbidden);
    let away = json!({ "id": JobId::generate(), "to": realm.new_wallet().did(), "amount": "1" });
    program.post("/api/transfers", away.to_string()).await.problem(ProblemKind::Forbidden);

    // What was spent, and on what, is on the granter's pages.
    let of = |kind: &str| format!("/api/wallets/{}/{kind}?grant={}", owner.did(), grant.id);
    let jobs: JobPage = owner.get(&of("jobs")).await.json();
    assert_eq!(jobs.jobs.iter().map(|line| line.id).collect::<Vec<_>>(), [job.id]);
    let statement: MovementPage = owner.get(&of("movements")).await.json();
    let kinds: Vec<_> = statement.movements.iter().map(|line| line.kind).collect();
    assert_eq!(kinds, [MovementKind::Job, MovementKind::Received]);
    assert!(owner.movements().await.movements.iter().any(|line| line.kind == MovementKind::Granted));

    // The limit is the limit.
    let mut asked = 0;
    let refused = loop {
        let reply = program.try_submit(&question("say it again and again")).await;
        if reply.status >= 400 {
            break reply.problem(ProblemKind::InsufficientFunds);
        }
        program.settled(reply.json::<mtor_protocol::http::JobInfo>().id).await;
        asked += 1;
        assert!(asked < 1_000, "the limit is never reached");
    };
    assert!(refused.detail.contains("of the grant are left"), "{refused}");

    owner.delete(&format!("{}/{}", grants(&owner), grant.id)).await.json::<GrantList>();
    let gone = program.try_submit(&question("say no more")).await;
    assert!(gone.problem(ProblemKind::Unauthorized).detail.contains("has ended"));
    let wallet: WalletInfo = owner.balance().await;
    assert_eq!(wallet.held, Micro::ZERO);
    let ended: MovementPage = owner.get(&of("movements")).await.json();
    assert_eq!(ended.movements[0].kind, MovementKind::Sent, "its statement is there when it has ended");
    realm.verify_ledger();
}

#[tokio::test]
async fn at_the_command_line_a_department_gets_a_budget_and_a_statement() {
    let realm = Realm::start().await;
    let _worker = ScriptedWorker::attach(&realm).await;
    let chemist = realm.new_wallet();
    let run = |arguments: &[&str]| {
        let output = realm.run(&[&["wallet", "--owner"], arguments].concat());
        let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.success(), said(&output.stdout) + &said(&output.stderr))
    };
    let did = chemist.did().as_str();
    let (good, said) = run(&[
        "grant",
        "new",
        "chemistry",
        "--limit",
        "2000",
        "--per",
        "month",
        "--only",
        "chat",
        "--to",
        did,
    ]);
    assert!(good && said.contains("granted: chemistry\n2000 coins a month, for chat"), "{said}");
    let id = chemist.submit(&question("say benzene")).await.id;
    chemist.settled(id).await;

    let (good, said) = run(&["grant", "list"]);
    assert!(good && said.contains("given") && said.contains("1999.99"), "{said}");
    let (good, said) = run(&["history", "--grant", "chemistry"]);
    assert!(good && said.contains("paid for a job") && said.contains(&id.to_string()), "{said}");
    let (good, said) = run(&["export", "--grant", "chemistry"]);
    assert!(good && said.lines().nth(2).is_some_and(|line| line.contains(",job,-0.")), "{said}");

    let (good, said) = run(&["grant", "revoke", "chemisty"]);
    assert!(!good && said.contains("there are: chemistry"), "{said}");
    let (good, said) = run(&["grant", "new", "physics", "--limit", "5", "--only", "chat,no such"]);
    assert!(!good && said.contains("is no capability"), "{said}");
    let (good, said) = run(&["grant", "new", "physics", "--limit", "5", "--until", "2020-01-01"]);
    assert!(!good && said.contains("must end in the future"), "{said}");
    let (good, said) = run(&["grant", "revoke", "chemistry"]);
    assert!(good && said.contains("gives no grants"), "{said}");
    chemist.try_submit(&question("say toluene")).await.problem(ProblemKind::InsufficientFunds);
}
