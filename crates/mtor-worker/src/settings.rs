//! What a worker is told when it starts, and how it is spoken to while it runs.

use std::sync::Arc;
use std::time::Duration;

use mtor_identity::{Keypair, PublicKey};
use tokio::sync::Notify;
use tokio::sync::futures::Notified;

use crate::defaults;

/// Which realm to serve, and as whom.
///
/// ```
/// use std::{sync::Arc, time::Duration};
/// use mtor_worker::{Keypair, Settings};
///
/// let mut settings = Settings::new("http://127.0.0.1:9000", Arc::new(Keypair::generate()?));
/// settings.grace = Duration::from_secs(10);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Settings {
    /// The realm's address: `http://HOST:PORT` or `ws://HOST:PORT`.
    pub realm: String,
    /// The realm's key, if it is known: any other realm at that address is refused.
    pub realm_key: Option<PublicKey>,
    /// The worker's own key: its name in the realm, its signature under its work, and where it is paid.
    pub keypair: Arc<Keypair>,
    /// How long running jobs may go on after a shutdown was asked for.
    pub grace: Duration,
    /// Program and version, announced where [`Worker::announcement`](crate::Worker::announcement) leaves them out.
    pub software: String,
    /// The way to speak to the worker while it runs; keep a clone of it.
    pub handle: Handle,
}

impl Settings {
    /// This realm, served by this key, the rest as in [`defaults`].
    pub fn new(realm: impl Into<String>, keypair: Arc<Keypair>) -> Self {
        Self {
            realm: realm.into(),
            realm_key: None,
            keypair,
            grace: defaults::GRACE,
            software: concat!("mtor-worker/", env!("CARGO_PKG_VERSION")).to_owned(),
            handle: Handle::default(),
        }
    }
}

/// Speaks to a worker while [`serve`](crate::serve) runs it. Clones speak to the same one.
#[derive(Debug, Clone, Default)]
pub struct Handle(Arc<Notify>);

impl Handle {
    /// Asks for [`Worker::announcement`](crate::Worker::announcement) again and sends it: after a model was loaded, a
    /// price or the number of slots changed. Without a link it is sent with the next one.
    pub fn announce_again(&self) {
        self.0.notify_one();
    }

    /// Waits until somebody asks for another announcement.
    pub(crate) fn asked(&self) -> Notified<'_> {
        self.0.notified()
    }
}
