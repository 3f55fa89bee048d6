//! One ledger shares what becomes durable, others follow it, and whoever was deposed decides nothing more.

use std::path::Path;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::mpsc::RecvTimeoutError;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mtor_ledger::{
    CloseError, FollowError, Group, Ledger, Settings, SharedLog, SharedLogError, Unavailable, verify,
};
use mtor_protocol::http::JobState;
use mtor_protocol::{JobId, Micro};

use crate::support::{History, commit, leaves, open, realm, send, until, wait};

const WORKS: u8 = 0;
const AWAY: u8 = 1;
const ANOTHER_LEADS: u8 = 2;

/// A shared log in memory, with what can go wrong.
#[derive(Default)]
struct Log {
    groups: Mutex<Vec<Group>>,
    state: AtomicU8,
}

impl SharedLog for Log {
    fn append(&self, group: &Group) -> Result<(), SharedLogError> {
        match self.state.load(Ordering::SeqCst) {
            AWAY => return Err(SharedLogError::Unreachable("it is away".into())),
            ANOTHER_LEADS => return Err(SharedLogError::Deposed),
            _ => {}
        }
        let mut groups = self.groups.lock().unwrap();
        if groups.last().is_none_or(|last| last.number < group.number) {
            groups.push(group.clone());
        }
        Ok(())
    }
}

impl Log {
    fn groups(&self) -> Vec<Group> {
        self.groups.lock().unwrap().clone()
    }

    fn is(&self, state: u8) {
        self.state.store(state, Ordering::SeqCst);
    }
}

fn lead(folder: &Path, log: &Arc<Log>) -> Ledger {
    let shared: Arc<dyn SharedLog> = log.clone();
    Ledger::open_shared(folder, Settings::default(), realm(), Some(shared)).unwrap().0
}

fn follow_all(ledger: &Ledger, groups: &[Group]) {
    groups
        .iter()
        .filter(|group| group.number > ledger.group())
        .for_each(|group| ledger.follow(group).unwrap());
}

#[test]
fn what_one_shares_another_follows_and_can_lead_from() {
    let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let log = Arc::new(Log::default());
    let (mut history, founding) = History::founded();
    let leading = lead(first.path(), &log);
    commit(&leading, founding);
    commit(&leading, history.ask(9, "is it still there?"));
    commit(&leading, history.exchange(10, "what?", &"long ".repeat(20_000)));
    commit(&leading, history.ask(11, "draw"));
    commit(&leading, history.drawn(11, &[b"a picture"], "drawn"));
    commit(&leading, history.grant(12, "for the children"));

    let (following, _) = open(second.path());
    follow_all(&following, &log.groups());
    assert_eq!((leaves(&following), following.info()), (leaves(&leading), leading.info()));
    assert_eq!(following.checkpoint(), leading.checkpoint());
    for id in [9, 10, 11] {
        assert_eq!(following.job(JobId(id)).unwrap(), leading.job(JobId(id)).unwrap());
    }
    assert_eq!(following.group(), leading.group());
    assert!(following.group() > 0);

    // Both come back where they were, and the second leads.
    leading.close().unwrap();
    following.close().unwrap();
    let leading = lead(second.path(), &log);
    commit(&leading, history.answer(9, "it is"));
    let (following, recovered) = open(first.path());
    assert_eq!(recovered.open_jobs.len(), 1, "this one does not know of the answer yet");
    follow_all(&following, &log.groups());
    assert_eq!(following.job(JobId(9)).unwrap().unwrap().text.as_deref(), Some("it is"));
    following.close().unwrap();
    leading.close().unwrap();
    assert_eq!(verify(first.path(), None).unwrap().root, verify(second.path(), None).unwrap().root);
}

#[test]
fn nothing_is_durable_before_it_is_shared() {
    let folder = tempfile::tempdir().unwrap();
    let log = Arc::new(Log::default());
    let (mut history, founding) = History::founded();
    let ledger = lead(folder.path(), &log);
    commit(&ledger, founding);
    log.is(AWAY);
    let durable = send(&ledger, history.ask(9, "who hears this?"));
    until("it has tried", || ledger.stats().failures > 0);
    assert!(!ledger.writable());
    assert_eq!(
        (durable.recv_timeout(Duration::ZERO), ledger.info().entries),
        (Err(RecvTimeoutError::Timeout), 3)
    );
    log.is(WORKS);
    wait(&durable);
    assert!(ledger.writable());
    assert_eq!((ledger.info().entries, log.groups().last().unwrap().entries), (4, 4));
}

#[test]
fn a_broker_that_was_deposed_decides_nothing_more() {
    let folder = tempfile::tempdir().unwrap();
    let log = Arc::new(Log::default());
    let (mut history, founding) = History::founded();
    let ledger = lead(folder.path(), &log);
    commit(&ledger, founding);
    log.is(ANOTHER_LEADS);
    let lost = send(&ledger, history.ask(9, "in vain"));
    assert_eq!(lost.recv(), Err(std::sync::mpsc::RecvError), "nobody is told that it is durable");
    assert!(!ledger.writable());
    until("it takes nothing", || {
        let again = ledger.commit(Default::default(), Box::new(|| panic!("it must not become durable")));
        again == Err(Unavailable::Closed)
    });
    assert!(matches!(ledger.close(), Err(CloseError::Deposed { .. })));
    let (ledger, _) = open(folder.path());
    assert_eq!((ledger.info().entries, ledger.job(JobId(9)).unwrap()), (3, None));
}

#[test]
fn a_group_that_does_not_fit_is_refused() {
    let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let log = Arc::new(Log::default());
    let (mut history, founding) = History::founded();
    let leading = lead(first.path(), &log);
    commit(&leading, founding);
    commit(&leading, history.ask(9, "what?"));
    let groups = log.groups();
    let (following, _) = open(second.path());
    let refused = following.follow(&groups[1]).unwrap_err();
    assert!(matches!(refused, FollowError::OutOfOrder { expected: 1, found: 2 }));
    follow_all(&following, &groups);
    assert!(matches!(following.follow(&groups[1]), Err(FollowError::OutOfOrder { .. })));
    let garbage = Group { number: 3, entries: 5, bytes: b"{}".to_vec() };
    assert!(matches!(following.follow(&garbage), Err(FollowError::Unreadable { number: 3, .. })));

    // A ledger with a history of its own is no follower.
    let alone = tempfile::tempdir().unwrap();
    let (ledger, _) = open(alone.path());
    commit(&ledger, History::founded().1);
    assert!(matches!(ledger.follow(&groups[0]), Err(FollowError::Parted { number: 1, here: 6, there: 3 })));
}

#[test]
fn what_is_forgotten_in_the_shared_log_is_not_there_for_whoever_comes_later() {
    let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let log = Arc::new(Log::default());
    let (mut history, founding) = History::founded();
    let leading = lead(first.path(), &log);
    commit(&leading, founding);
    commit(&leading, history.ask(9, "a secret question"));
    commit(&leading, history.drawn(9, &[b"a secret picture"], "a secret answer"));
    let forgotten: Vec<_> = log.groups().iter().map(|group| group.without_texts().unwrap()).collect();
    let all: Vec<u8> = forgotten.iter().flat_map(|group| group.bytes.clone()).collect();
    assert!(!String::from_utf8(all).unwrap().contains("secret"));

    let (following, _) = open(second.path());
    follow_all(&following, &forgotten);
    assert_eq!(following.info(), leading.info());
    let job = following.job(JobId(9)).unwrap().unwrap();
    assert_eq!(
        (job.state, job.cost, job.request_json, job.text),
        (JobState::Completed, Some(Micro(100)), None, None)
    );
    assert_eq!(
        (job.question.as_str(), job.answer.as_str(), job.receipt_json, job.parts.len()),
        ("", "", None, 0)
    );
    assert_eq!(following.stats().text_bytes, 0);
    following.close().unwrap();
    verify(second.path(), None).unwrap();
}
