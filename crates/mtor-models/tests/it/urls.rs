//! Whole files over HTTP.

use std::time::Duration;

use mtor_models::{CancellationToken, ModelError, Silent, Store};

use crate::fixture::{Watch, bytes, model, nobody, options, url_source};
use crate::server::{Answer, Server};

const LENGTH: usize = 3_000_000;

fn names_in(folder: &std::path::Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[tokio::test]
async fn a_file_is_fetched_told_and_published() {
    let server = Server::start().await;
    let content = bytes(1, LENGTH);
    server.put("/m", &content);
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open_with(folder.path(), options()).unwrap();
    let model = model(&content, &url_source(&server.url("/m")));
    assert_eq!(store.path_if_present(&model), None);

    let watch = Watch::default();
    let path = store.fetch(&model, &watch, &CancellationToken::new()).await.unwrap();

    assert_eq!(std::fs::read(&path).unwrap(), content);
    let watched = watch.state();
    assert_eq!((watched.total, watched.position, watched.done), (LENGTH as u64, LENGTH as u64, true));
    assert_eq!(store.path_if_present(&model), Some(path));
    assert!(store.is_verified(&model));
    assert_eq!(names_in(&folder.path().join(".work")), ["m.gguf.lock", "m.gguf.verified"]);
}

#[tokio::test]
async fn a_cut_transfer_goes_on_where_it_stopped() {
    let server = Server::start().await;
    let content = bytes(2, LENGTH);
    server.put("/m", &content);
    server.plan("/m", &[Answer::CutAfter(1_234_567), Answer::CutAfter(765_433)]);
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open_with(folder.path(), options()).unwrap();
    let watch = Watch::default();
    let model = model(&content, &url_source(&server.url("/m")));

    let path = store.fetch(&model, &watch, &CancellationToken::new()).await.unwrap();

    assert_eq!(std::fs::read(path).unwrap(), content);
    assert_eq!(server.sent("/m"), LENGTH, "no byte was sent twice");
    let seen = server.seen("/m");
    let asked: Vec<_> = seen.iter().map(|seen| seen.headers.get("range").map(String::as_str)).collect();
    assert_eq!(asked, [None, Some("bytes=1234567-"), Some("bytes=2000000-")]);
    assert_eq!(seen[1].headers["if-range"], format!("\"{LENGTH}\""));
    assert_eq!(watch.state().position, LENGTH as u64);
}

#[tokio::test]
async fn a_cancelled_fetch_is_resumed_by_the_next_store() {
    let server = Server::start().await;
    let content = bytes(3, LENGTH);
    server.put("/m", &content);
    server.plan("/m", &[Answer::StallAfter(1_000_000)]);
    let folder = tempfile::tempdir().unwrap();
    let model = model(&content, &url_source(&server.url("/m")));

    let cancel = CancellationToken::new();
    let watch = Watch::cancelling_at(1_000_000, &cancel);
    let first = Store::open_with(folder.path(), options()).unwrap();
    let error = first.fetch(&model, &watch, &cancel).await.unwrap_err();
    assert!(matches!(error, ModelError::Cancelled), "{error}");
    assert_eq!(first.path_if_present(&model), None);

    let second = Store::open_with(folder.path(), options()).unwrap();
    second.fetch(&model, &Silent, &CancellationToken::new()).await.unwrap();
    assert_eq!(server.sent("/m"), LENGTH, "no byte was sent twice");
}

#[tokio::test]
async fn a_server_that_ignores_ranges_is_read_from_the_start() {
    let server = Server::start().await;
    let content = bytes(4, LENGTH);
    server.put("/m", &content);
    server.plan("/m", &[Answer::CutAfter(1_500_000), Answer::WholeBody]);
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open_with(folder.path(), options()).unwrap();
    let watch = Watch::default();
    let model = model(&content, &url_source(&server.url("/m")));
    let path = store.fetch(&model, &watch, &CancellationToken::new()).await.unwrap();
    assert_eq!(std::fs::read(path).unwrap(), content);
    assert_eq!(server.sent("/m"), 1_500_000 + LENGTH);
    assert_eq!(watch.state().position, LENGTH as u64, "the position went back with the transfer");
}

#[tokio::test]
async fn kept_bytes_that_are_wrong_cost_one_new_beginning() {
    let server = Server::start().await;
    let content = bytes(5, LENGTH);
    server.put("/m", &content);
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open_with(folder.path(), options()).unwrap();
    std::fs::write(folder.path().join(".work/m.gguf.part"), vec![0; 1_000_000]).unwrap();
    let model = model(&content, &url_source(&server.url("/m")));
    let path = store.fetch(&model, &Silent, &CancellationToken::new()).await.unwrap();
    assert_eq!(std::fs::read(path).unwrap(), content);
    assert_eq!(server.seen("/m").len(), 2);
}

#[tokio::test]
async fn kept_bytes_outlive_a_missing_source_but_not_a_refused_range() {
    let content = bytes(13, LENGTH);
    for (plan, sent) in [(vec![], LENGTH - 1_000_000), (vec![Answer::Status(416)], LENGTH)] {
        let server = Server::start().await;
        server.put("/m", &content);
        server.plan("/m", &plan);
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open_with(folder.path(), options()).unwrap();
        std::fs::write(folder.path().join(".work/m.gguf.part"), &content[..1_000_000]).unwrap();
        let model = model(&content, &(url_source(&server.url("/absent")) + &url_source(&server.url("/m"))));
        store.fetch(&model, &Silent, &CancellationToken::new()).await.unwrap();
        assert_eq!(server.sent("/m"), sent);
    }
}

#[tokio::test]
async fn a_fetch_that_is_dropped_loses_a_write_buffer_at_most() {
    let server = Server::start().await;
    let content = bytes(14, LENGTH);
    server.put("/m", &content);
    server.plan("/m", &[Answer::StallAfter(2_000_000)]);
    let folder = tempfile::tempdir().unwrap();
    let model = model(&content, &url_source(&server.url("/m")));
    let store = Store::open_with(folder.path(), options()).unwrap();
    let reached = CancellationToken::new();
    let task = tokio::spawn({
        let (store, model, watch) = (store.clone(), model.clone(), Watch::cancelling_at(2_000_000, &reached));
        async move { store.fetch(&model, &watch, &CancellationToken::new()).await }
    });
    reached.cancelled().await;
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());

    let path = store.fetch(&model, &Silent, &CancellationToken::new()).await.unwrap();
    assert_eq!(std::fs::read(path).unwrap(), content);
    assert!(server.sent("/m") < LENGTH + 600_000, "{} bytes were sent", server.sent("/m"));
}

#[tokio::test]
async fn wrong_bytes_missing_files_and_other_sizes_lead_to_the_next_source() {
    let server = Server::start().await;
    let content = bytes(6, LENGTH);
    server.put("/wrong", &bytes(7, LENGTH));
    server.put("/short", &content[..100]);
    server.put("/right", &content);
    let urls = ["/wrong", "/absent", "/short", "/right"].map(|path| url_source(&server.url(path)));
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open_with(folder.path(), options()).unwrap();
    let watch = Watch::default();

    let path =
        store.fetch(&model(&content, &urls.concat()), &watch, &CancellationToken::new()).await.unwrap();

    assert_eq!(std::fs::read(path).unwrap(), content);
    assert_eq!(server.sent("/right"), LENGTH, "the wrong bytes were not gone on with");
    let notes = watch.state().notes.join("\n");
    for reason in ["not the pinned", "404 Not Found", "another file: 100 bytes, expected 3000000"] {
        assert!(notes.contains(reason), "{reason} in {notes}");
    }
}

#[tokio::test]
async fn a_busy_server_is_asked_again_but_not_for_ever() {
    let server = Server::start().await;
    let content = bytes(8, LENGTH);
    server.put("/m", &content);
    server.plan("/m", &[Answer::Status(503), Answer::Status(429)]);
    server.plan("/busy", &[Answer::Status(503); 50]);
    let sources = url_source(&server.url("/busy")) + &url_source(&server.url("/m"));
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open_with(folder.path(), options()).unwrap();
    store.fetch(&model(&content, &sources), &Silent, &CancellationToken::new()).await.unwrap();
    assert_eq!(server.seen("/busy").len() as u32, options().fruitless_attempts_max);
    assert_eq!(server.seen("/m").len(), 3);
}

#[tokio::test]
async fn a_transfer_that_stands_still_is_broken_off_and_resumed() {
    let server = Server::start().await;
    let content = bytes(9, LENGTH);
    server.put("/m", &content);
    server.plan("/m", &[Answer::StallAfter(2_000_000)]);
    let folder = tempfile::tempdir().unwrap();
    let quick = mtor_models::Options { idle_timeout: Duration::from_millis(500), ..options() };
    let store = Store::open_with(folder.path(), quick).unwrap();
    let watch = Watch::default();
    let model = model(&content, &url_source(&server.url("/m")));
    store.fetch(&model, &watch, &CancellationToken::new()).await.unwrap();
    assert!(watch.state().notes.iter().any(|note| note.contains("stood still")), "{:?}", watch.state().notes);
}

#[tokio::test]
async fn more_bytes_than_expected_are_not_taken() {
    let server = Server::start().await;
    let content = bytes(10, LENGTH);
    server.put("/m", &[content.as_slice(), b"and more"].concat());
    server.plan("/m", &[Answer::WithoutLength]);
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open_with(folder.path(), options()).unwrap();
    let model = model(&content, &url_source(&server.url("/m")));
    let error = store.fetch(&model, &Silent, &CancellationToken::new()).await.unwrap_err();
    assert!(error.to_string().contains("sends more than the 3000000 bytes expected"), "{error}");
    assert_eq!(names_in(&folder.path().join(".work")), ["m.gguf.lock"]);
}

#[tokio::test]
async fn without_a_network_the_error_lists_what_was_tried_and_what_to_do() {
    let content = bytes(11, 1000);
    let sources = url_source(&format!("{}/m", nobody()));
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open_with(folder.path(), options()).unwrap();
    let watch = Watch::default();
    let error = store.fetch(&model(&content, &sources), &watch, &CancellationToken::new()).await.unwrap_err();
    let ModelError::NoSource { tried, .. } = &error else { panic!("{error}") };
    assert_eq!(tried.len(), 1);
    let text = error.to_string();
    assert!(
        text.starts_with("Test Model could not be fetched from any source:\n  - http://127.0.0.1:"),
        "{text}"
    );
    for part in [
        "cannot connect (",
        "attach a network",
        "put m.gguf into a folder and set MTOR_MODELS_DIR",
        "--model FILE",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert!(!watch.state().done);
    assert!(
        !watch.state().notes.iter().any(|note| note.contains("trying again")),
        "no time is lost on an unseen host"
    );
}

#[cfg(unix)]
#[tokio::test]
async fn a_disk_without_room_is_told_in_numbers_before_anything_is_asked() {
    let server = Server::start().await;
    let mut model = model(&bytes(12, 1000), &url_source(&server.url("/m")));
    model.bytes = 1 << 60;
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open_with(folder.path(), options()).unwrap();
    let error = store.fetch(&model, &Silent, &CancellationToken::new()).await.unwrap_err();
    let ModelError::DiskFull { needed_bytes, free_bytes, .. } = error else { panic!("{error}") };
    assert!(needed_bytes > 1 << 60 && free_bytes < needed_bytes);
    assert!(error.to_string().contains("1152921504.6 GB needed"), "{error}");
    assert!(server.seen("/m").is_empty());
}
