//! A realm that hears and speaks, with real models.

use mtor_e2e::{Realm, RealmOptions, clients};

#[tokio::test]
async fn openais_client_is_heard_and_spoken_to() {
    let realm = up("ears,voice").await;
    clients::python("openai_audio.py", &[&format!("{}/v1", realm.url()), "at-home"]).await;
    let queue = realm.queue().await;
    assert_eq!((queue.running, queue.queued), (0, 0), "nothing is left behind");
    realm.assert_unharmed().await;
    realm.verify_ledger();
}

/// A realm with these workers, all of them ready.
async fn up(workers: &str) -> Realm {
    let up = ["--workers", workers].map(str::to_owned).to_vec();
    Realm::with(RealmOptions { up, ..RealmOptions::default() }).await
}
