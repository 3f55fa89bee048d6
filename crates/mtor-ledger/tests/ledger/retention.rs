//! Texts are forgotten when there are too many or they are too old; everything else stays, and stays provable.

use std::fs;
use std::path::Path;

use mtor_core::Fact;
use mtor_ledger::{Batch, Settings, verify};
use mtor_protocol::http::JobState;
use mtor_protocol::{JobId, Micro};

use crate::support::{ALICE, History, commit, open_with, until};

fn files(folder: &Path) -> usize {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    entries.map(|entry| entry.unwrap().path()).map(|path| if path.is_dir() { files(&path) } else { 1 }).sum()
}

#[test]
fn the_oldest_finished_jobs_lose_their_texts_when_there_are_too_many() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings { text_bytes_max: 500_000, ..Settings::default() };
    let (ledger, _) = open_with(folder.path(), settings.clone());
    let (mut history, founding) = History::founded();
    commit(&ledger, founding);
    commit(&ledger, history.ask(9, "the oldest, but open"));
    for id in 10..30 {
        let answer = format!("{id} {}", "words ".repeat(15_000));
        commit(&ledger, history.exchange(id, "q", &answer));
    }
    until("there is room", || ledger.stats().text_bytes <= 500_000);
    let blobs = folder.path().join("blobs");
    until("blobs are gone", || files(&blobs) <= 5);

    let oldest = ledger.job(JobId(10)).unwrap().unwrap();
    assert_eq!((oldest.request_json, oldest.text, oldest.state), (None, None, JobState::Completed));
    assert_eq!((oldest.cost, oldest.answer.as_str()), (Some(Micro(100)), ""));
    let newest = ledger.job(JobId(29)).unwrap().unwrap();
    assert!(newest.text.unwrap().starts_with("29 words") && newest.request_json.is_some());
    assert!(ledger.job(JobId(9)).unwrap().unwrap().request_json.is_some(), "open jobs keep theirs");
    assert_eq!(ledger.jobs(ALICE, None, 200, None).unwrap().jobs.len(), 21, "history has them all");
    ledger.close().unwrap();
    verify(folder.path(), None).unwrap();
}

#[test]
fn pictures_go_with_the_texts_of_their_job_unless_another_job_has_them_too() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings { text_bytes_max: 100_000, ..Settings::default() };
    let (ledger, _) = open_with(folder.path(), settings);
    let (mut history, founding) = History::founded();
    commit(&ledger, founding);
    let shared = vec![7; 30_000];
    for id in 10..20 {
        let own = vec![id as u8; 10_000];
        commit(&ledger, history.ask(id, "draw"));
        commit(&ledger, history.drawn(id, &[&own, &shared], ""));
    }
    until("there is room", || ledger.stats().text_bytes <= 100_000);
    let blobs = folder.path().join("blobs");
    until("blobs are gone", || files(&blobs) <= 3);
    assert!(ledger.job(JobId(10)).unwrap().unwrap().parts.is_empty());
    let newest = ledger.job(JobId(19)).unwrap().unwrap().parts;
    assert_eq!(ledger.part(&newest[1].part).unwrap(), shared, "the older jobs had it too");
    ledger.close().unwrap();
    verify(folder.path(), None).unwrap();
}

#[test]
fn old_texts_are_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings { text_age_ms_max: Some(3_600_000), ..Settings::default() };
    let (ledger, _) = open_with(folder.path(), settings.clone());
    let (mut history, founding) = History::founded();
    commit(&ledger, founding);
    commit(&ledger, history.exchange(10, "old question", "old answer"));
    ledger.close().unwrap();

    // An hour and more passes; the first entries after the start show it.
    let (ledger, _) = open_with(folder.path(), settings);
    let entries: Vec<_> = (0..3_601)
        .map(|id| history.entry(Fact::Issued { id: JobId(90_000 + id), to: ALICE, amount: Micro(1) }))
        .collect();
    commit(&ledger, Batch { entries, records: vec![] });
    until("it is forgotten", || ledger.job(JobId(10)).unwrap().unwrap().text.is_none());
    assert_eq!(ledger.stats().text_bytes, 0);
}

#[test]
fn blobs_that_nothing_names_are_removed_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, _) = open_with(folder.path(), Settings::default());
    let (mut history, founding) = History::founded();
    commit(&ledger, founding);
    let answer = "a long answer ".repeat(10_000);
    commit(&ledger, history.exchange(10, "q", &answer));
    commit(&ledger, history.exchange(11, "q", &answer));
    ledger.close().unwrap();
    let blobs = folder.path().join("blobs");
    assert_eq!(files(&blobs), 1, "the same text is kept once");
    // As a crash between blob and row leaves it.
    fs::create_dir_all(blobs.join("00")).unwrap();
    fs::write(blobs.join("00").join("1".repeat(62)), "nobody's").unwrap();
    fs::write(blobs.join("00").join("2.draft"), "half").unwrap();
    let (ledger, _) = open_with(folder.path(), Settings::default());
    until("they are removed", || files(&blobs) == 1);
    assert_eq!(ledger.job(JobId(11)).unwrap().unwrap().text, Some(answer));
}
