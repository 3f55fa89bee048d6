//! What lies in the cache: remembered, verified, repaired, shared.

use std::fs::File;

use mtor_models::{CancellationToken, ModelError, Options, Silent, Store};

use crate::fixture::{Watch, bytes, model, options, url_source};
use crate::server::Server;

#[tokio::test]
async fn a_warm_start_neither_asks_the_network_nor_reads_the_file() {
    let server = Server::start().await;
    let content = bytes(30, 100_000);
    server.put("/m", &content);
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open_with(folder.path(), options()).unwrap();
    let model = model(&content, &url_source(&server.url("/m")));
    let cancel = CancellationToken::new();
    let path = store.fetch(&model, &Silent, &cancel).await.unwrap();

    // Other bytes under the same size and time: only reading them could tell.
    let modified = std::fs::metadata(&path).unwrap().modified().unwrap();
    std::fs::write(&path, vec![0; content.len()]).unwrap();
    File::options().write(true).open(&path).unwrap().set_modified(modified).unwrap();

    let watch = Watch::default();
    store.fetch(&model, &watch, &cancel).await.unwrap();
    assert!(watch.state().done);
    assert_eq!(server.seen("/m").len(), 1);

    let error = store.verify(&model, &cancel).await.unwrap_err();
    assert!(matches!(error, ModelError::HashMismatch { .. }), "{error}");
}

#[tokio::test]
async fn a_file_that_changed_is_checked_and_fetched_anew() {
    let server = Server::start().await;
    let content = bytes(31, 100_000);
    server.put("/m", &content);
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open_with(folder.path(), options()).unwrap();
    let model = model(&content, &url_source(&server.url("/m")));
    let cancel = CancellationToken::new();
    let path = store.fetch(&model, &Silent, &cancel).await.unwrap();
    for damaged in [vec![0; content.len()], content[..50_000].to_vec()] {
        std::fs::write(&path, damaged).unwrap();
        assert!(!store.is_verified(&model));
        store.fetch(&model, &Silent, &cancel).await.unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), content);
    }
    assert_eq!(server.seen("/m").len(), 3);
}

#[tokio::test]
async fn a_right_file_of_unknown_origin_is_verified_rather_than_fetched() {
    let content = bytes(32, 100_000);
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open_with(folder.path(), options()).unwrap();
    let model = model(&content, &url_source("http://127.0.0.1:9/never-asked"));
    let cancel = CancellationToken::new();
    let missing = store.verify(&model, &cancel).await.unwrap_err();
    assert!(matches!(missing, ModelError::Missing(_)), "{missing}");
    std::fs::write(store.path_of(&model), &content).unwrap();
    assert!(!store.is_verified(&model));
    store.fetch(&model, &Silent, &cancel).await.unwrap();
    assert!(store.is_verified(&model));
}

#[tokio::test]
async fn two_fetches_at_once_download_once() {
    let server = Server::start().await;
    let content = bytes(33, 2_000_000);
    server.put("/m", &content);
    let folder = tempfile::tempdir().unwrap();
    let model = model(&content, &url_source(&server.url("/m")));
    let stores = [(); 2].map(|()| Store::open_with(folder.path(), options()).unwrap());
    let cancel = CancellationToken::new();
    let (first, second) =
        tokio::join!(stores[0].fetch(&model, &Silent, &cancel), stores[1].fetch(&model, &Silent, &cancel));
    assert_eq!(first.unwrap(), second.unwrap());
    assert_eq!(server.sent("/m"), content.len());
}

#[tokio::test]
async fn waiting_for_another_process_can_be_cancelled() {
    let content = bytes(34, 1000);
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open_with(folder.path(), options()).unwrap();
    let model = model(&content, &url_source("http://127.0.0.1:9/never-asked"));
    let lock = File::create(folder.path().join(".work/m.gguf.lock")).unwrap();
    lock.lock().unwrap();
    let cancel = CancellationToken::new();
    cancel.cancel();
    let watch = Watch::default();
    let error = store.fetch(&model, &watch, &cancel).await.unwrap_err();
    assert!(matches!(error, ModelError::Cancelled), "{error}");
    assert!(watch.state().notes[0].contains("another process is fetching"));
}

#[tokio::test]
async fn a_local_folder_comes_first_and_a_damaged_file_in_it_is_left_alone() {
    let server = Server::start().await;
    let content = bytes(35, 100_000);
    server.put("/m", &content);
    let local = tempfile::tempdir().unwrap();
    let own = local.path().join("m.gguf");
    let model = model(&content, &url_source(&server.url("/m")));
    for (held, asked) in [(content.clone(), 0), (vec![7; content.len()], 1), (vec![7; 5], 2)] {
        std::fs::write(&own, &held).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let with_folder = Options { local_folder: Some(local.path().to_owned()), ..options() };
        let store = Store::open_with(folder.path(), with_folder).unwrap();
        let path = store.fetch(&model, &Silent, &CancellationToken::new()).await.unwrap();
        assert_eq!(std::fs::read(path).unwrap(), content);
        assert_eq!(std::fs::read(&own).unwrap(), held);
        assert_eq!(server.seen("/m").len(), asked);
    }
}
