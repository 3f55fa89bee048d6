//! What people find again: their jobs, their movements, their keys.

use mtor_core::{Fact, NewJob};
use mtor_ledger::{Batch, KeyRecord, PartialRecord, PasskeyRecord, Record, digest, verify};
use mtor_protocol::http::{JobState, MovementKind};
use mtor_protocol::{JobId, Micro, Price, Timestamp};

use crate::support::{ALICE, HOLD, History, OWNER, WORKER, commit, open, realm, request_json};

#[test]
fn a_job_is_found_at_every_stage() {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, _) = open(folder.path());
    let (mut history, founding) = History::founded();
    commit(&ledger, founding);
    assert_eq!(ledger.job(JobId(10)).unwrap(), None);

    commit(&ledger, history.ask(10, "What is the capital of France?"));
    let job = ledger.job(JobId(10)).unwrap().unwrap();
    assert_eq!((job.account, job.hold, job.state), (ALICE, HOLD, JobState::Queued));
    assert_eq!(job.request_json, Some(request_json("What is the capital of France?")));
    assert_eq!((job.text.as_deref(), job.settled, job.cost), (Some(""), None, None));

    let partial = |text: &str, sequence| {
        let partial = PartialRecord { job: JobId(10), text: text.into(), output_tokens: 2, sequence };
        Batch { entries: vec![], records: vec![Record::Partial(Box::new(partial))] }
    };
    commit(&ledger, partial("The capital", 4));
    commit(&ledger, partial("The capital of France", 6));
    let job = ledger.job(JobId(10)).unwrap().unwrap();
    assert_eq!((job.text.as_deref(), job.output_tokens, job.sequence), (Some("The capital of France"), 2, 6));

    let answer = "The capital of France is Paris.";
    commit(&ledger, history.answer(10, answer));
    commit(&ledger, partial("too late", 7));
    let job = ledger.job(JobId(10)).unwrap().unwrap();
    assert_eq!(
        (job.text.as_deref(), job.state, job.cost),
        (Some(answer), JobState::Completed, Some(Micro(100)))
    );
    assert_eq!((job.output, job.sequence), (Some(digest(answer.as_bytes())), 12));
    assert_eq!((job.workers, job.usage.unwrap().output_tokens), (vec!["worker one".to_owned()], 9));
    let expected = request_json("What is the capital of France?").len() + answer.len();
    assert_eq!(ledger.stats().text_bytes, expected as u64, "parts that were replaced do not count");
}

#[test]
fn pages_of_jobs_go_backwards_and_searches_find_words_anywhere() {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, _) = open(folder.path());
    let (mut history, founding) = History::founded();
    commit(&ledger, founding);
    for id in 10..35 {
        let city = ["Paris", "Rome", "Zürich"][id as usize % 3];
        let answer = format!("{} the city is {city}", "well, ".repeat(40));
        commit(&ledger, history.exchange(id, &format!("Question number {id}"), &answer));
    }
    let mut seen = Vec::new();
    let mut before = None;
    loop {
        let page = ledger.jobs(ALICE, before, 10, None).unwrap();
        seen.extend(page.jobs.iter().map(|job| job.id.0));
        before = page.next;
        if before.is_none() {
            break;
        }
    }
    assert_eq!(seen, (10..35).rev().collect::<Vec<u128>>());
    let found = |q: &str| -> Vec<u128> {
        let page = ledger.jobs(ALICE, None, 200, Some(q)).unwrap();
        assert_eq!(page.next, None);
        page.jobs.iter().map(|job| job.id.0).collect()
    };
    assert_eq!(found("number 23"), [23], "in the question");
    assert_eq!(found("zÜRICH CITY").len(), 8, "beyond the first words of the answer, in whatever case");
    assert_eq!(found("zürich 23"), [23], "one word in each");
    assert_eq!(found("100%"), Vec::<u128>::new());
    assert_eq!(found("role"), Vec::<u128>::new(), "the names of fields are no words that anybody said");
    assert_eq!(found("earlier"), Vec::<u128>::new(), "what was said before was a job of its own");
    assert_eq!(found("  ").len(), 25);
    assert!(ledger.jobs(OWNER, None, 10, None).unwrap().jobs.is_empty(), "other wallets see nothing of it");
}

#[test]
fn movements_say_what_came_and_went() {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, _) = open(folder.path());
    let (mut history, founding) = History::founded();
    commit(&ledger, founding);
    commit(&ledger, history.exchange(10, "q", "a"));
    let transfer = history.entry(Fact::Transferred {
        id: JobId(11),
        from: WORKER,
        to: ALICE,
        amount: Micro(5),
        memo: digest(b"thanks"),
    });
    commit(&ledger, Batch { entries: vec![transfer], records: vec![] });
    let lines = |account| -> Vec<_> {
        let page = ledger.movements(account, None, 100).unwrap();
        assert_eq!(page.next, None);
        page.movements.into_iter().map(|line| (line.entry, line.kind, line.amount.0, line.other)).collect()
    };
    let coins = |coins| Micro::coins(coins).0;
    assert_eq!(
        lines(ALICE),
        [
            (5, MovementKind::Received, 5, Some(WORKER)),
            (4, MovementKind::Job, 100, None),
            (2, MovementKind::Received, coins(1_000), Some(OWNER)),
        ]
    );
    assert_eq!(
        lines(WORKER),
        [(5, MovementKind::Sent, 5, Some(ALICE)), (4, MovementKind::Earned, 90, Some(ALICE))]
    );
    assert_eq!(
        lines(OWNER),
        [
            (2, MovementKind::Sent, coins(1_000), Some(ALICE)),
            (1, MovementKind::Issued, coins(1_000_000), None)
        ]
    );
    let page = ledger.movements(ALICE, None, 2).unwrap();
    assert_eq!((page.movements.len(), page.next), (2, Some(4)));
    let page = ledger.movements(ALICE, page.next, 2).unwrap();
    assert_eq!((page.movements.len(), page.movements[0].entry, page.next), (1, 2, None));
}

#[test]
fn ids_are_known_for_ever() {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, _) = open(folder.path());
    let (mut history, founding) = History::founded();
    commit(&ledger, founding);
    let asked = history.ask(10, "q");
    let Fact::Accepted { job, .. } = asked.entries[0].fact.clone() else { panic!() };
    commit(&ledger, asked);
    commit(&ledger, history.answer(10, "a"));
    assert_eq!(ledger.known_id(JobId(10)).unwrap(), Some(job.request));
    assert_eq!(ledger.known_id(JobId(2)).unwrap(), Some(digest(b"welcome")));
    assert_eq!(ledger.known_id(JobId(3)).unwrap(), None);
    assert_eq!(ledger.entries(3, 10).unwrap().len(), 2);
    assert_eq!(ledger.entries(0, 1).unwrap()[0].seq, 0);
}

#[test]
fn a_grant_has_a_page_of_its_own_also_when_it_has_ended() {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, _) = open(folder.path());
    let (mut history, founding) = History::founded();
    commit(&ledger, founding);
    commit(&ledger, history.grant(13, "the children"));
    commit(&ledger, history.take_back(13, 400));
    let record = ledger.grants(&[JobId(13), JobId(14)]).unwrap();
    assert_eq!(record.iter().map(|grant| grant.about.as_str()).collect::<Vec<_>>(), ["the children"]);
    let lines = |account| -> Vec<_> {
        let page = ledger.movements(account, None, 10).unwrap().movements;
        page.into_iter().map(|line| (line.kind, line.amount, line.reference, line.other)).collect()
    };
    let (id, set_aside, account) = (JobId(13), Micro(400), record[0].account);
    assert_eq!(
        lines(account),
        [
            (MovementKind::Sent, set_aside, id, Some(ALICE)),
            (MovementKind::Received, set_aside, id, Some(ALICE)),
        ]
    );
    assert_eq!(
        lines(ALICE)[..2],
        [
            (MovementKind::Returned, set_aside, id, Some(account)),
            (MovementKind::Granted, set_aside, id, Some(account)),
        ]
    );
    assert!(ledger.known_id(JobId(13)).unwrap().is_some());
    ledger.close().unwrap();
    verify(folder.path(), None).unwrap();
}

#[test]
fn what_a_grant_pays_for_is_the_grants_also_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, _) = open(folder.path());
    let (mut history, founding) = History::founded();
    commit(&ledger, founding);
    commit(&ledger, history.grant(13, "the children"));
    let asked = Batch { records: vec![], ..history.ask(10, "q") };
    let Fact::Accepted { job, .. } = asked.entries[0].fact.clone() else { panic!() };
    commit(&ledger, asked);
    let account = mtor_core::grant_account(ALICE, JobId(13));
    let job = NewJob { id: JobId(20), payer: Some(account), ..job };
    let accepted = history.entry(Fact::Accepted { job, hold: Micro(300), price: Price::default() });
    commit(&ledger, Batch { entries: vec![accepted], records: vec![] });
    ledger.close().unwrap();

    let (ledger, _) = open(folder.path());
    commit(&ledger, Batch { records: vec![], ..history.answer(20, "a") });
    let newest = &ledger.movements(account, None, 1).unwrap().movements[0];
    assert_eq!((newest.kind, newest.amount, newest.reference), (MovementKind::Job, Micro(100), JobId(20)));
    ledger.close().unwrap();
    verify(folder.path(), None).unwrap();
}

#[test]
fn what_a_passkey_sealed_is_its_wallets() {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, _) = open(folder.path());
    let passkey = |id: &[u8], wallet, sealed: &str, created| PasskeyRecord {
        id: digest(id),
        wallet,
        sealed: sealed.to_owned(),
        created: Timestamp(created),
    };
    let records = |records| Batch { entries: vec![], records };
    let seal = |passkey| commit(&ledger, records(vec![Record::Passkey(Box::new(passkey))]));
    seal(passkey(b"one", ALICE, "words", 2));
    seal(passkey(b"two", ALICE, "more words", 1));
    seal(passkey(b"one", OWNER, "other words", 3));
    assert_eq!(ledger.passkey(digest(b"one")).unwrap(), Some(passkey(b"one", ALICE, "words", 2)));
    seal(passkey(b"one", ALICE, "new words", 4));
    assert_eq!(ledger.passkey(digest(b"one")).unwrap().unwrap().sealed, "new words");
    let of = |wallet| ledger.passkeys(wallet).unwrap();
    assert_eq!(of(ALICE), [(digest(b"two"), Timestamp(1)), (digest(b"one"), Timestamp(4))]);
    assert_eq!(of(OWNER), []);
    let forget = |wallet| {
        commit(&ledger, records(vec![Record::ForgetPasskey { id: digest(b"one"), wallet }]));
    };
    forget(OWNER);
    assert_eq!(of(ALICE).len(), 2);
    forget(ALICE);
    assert_eq!(ledger.passkey(digest(b"one")).unwrap(), None);
}

#[test]
fn keys_open_until_they_are_revoked_and_settings_are_remembered() {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, _) = open(folder.path());
    let key = |id, secret: &[u8]| KeyRecord {
        id: JobId(id),
        account: ALICE,
        wallet: ALICE,
        did: realm().did(),
        name: format!("key {id}"),
        hash: digest(secret),
        created: Timestamp(id as u64),
        grant: (id == 2).then_some(JobId(7)),
    };
    let records = |records| Batch { entries: vec![], records };
    let setting = |value: &str| Record::Setting { name: "name".into(), value: value.into() };
    commit(
        &ledger,
        records(vec![
            Record::Key(Box::new(key(2, b"two"))),
            Record::Key(Box::new(key(1, b"one"))),
            setting("Cloud Mountain"),
        ]),
    );
    commit(&ledger, records(vec![setting("Neon Mountain")]));
    assert_eq!(ledger.key_by_hash(digest(b"one")).unwrap(), Some(key(1, b"one")));
    assert_eq!(ledger.key_by_hash(digest(b"guess")).unwrap(), None);
    let names = || -> Vec<_> {
        ledger.keys(ALICE).unwrap().into_iter().map(|key| (key.name, key.grant, key.secret)).collect()
    };
    assert_eq!(names(), [("key 1".to_owned(), None, None), ("key 2".to_owned(), Some(JobId(7)), None)]);
    commit(&ledger, records(vec![Record::RevokeKey { id: JobId(1), wallet: OWNER }]));
    assert_eq!(names().len(), 2, "only its owner revokes a key");
    commit(&ledger, records(vec![Record::RevokeKey { id: JobId(1), wallet: ALICE }]));
    assert_eq!(ledger.key_by_hash(digest(b"one")).unwrap(), None);
    assert_eq!(ledger.setting("name").unwrap().as_deref(), Some("Neon Mountain"));
    assert_eq!(ledger.setting("other").unwrap(), None);
    let shown = format!("{:?}", key(1, b"one"));
    assert!(!shown.contains(&digest(b"one").to_string()), "{shown}");
}
