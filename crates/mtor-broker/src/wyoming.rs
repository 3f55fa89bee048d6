//! The realm as Home Assistant and its like know voice services: the Wyoming protocol, both ways.
//!
//! Clients connect to the realm's listener and use its ears and voices (`client`, `serve`, `info`), also to be told when a wake
//! word was said (`wake`). The realm connects to the
//! satellites that its settings name (`satellite`), and runs a whole turn when one hears its wake word (`turn`): the loudest
//! alone, when several do (`arbiter`, `house`). Everything is done by ordinary jobs of the owner's wallet (`ask`).
//!
//! What must not live here: the protocol itself (`mtor-wyoming`), engines, and anything that decides about jobs and money.

mod arbiter;
mod ask;
mod client;
mod endpoint;
mod house;
mod info;
mod limits;
mod loudness;
mod memory;
mod satellite;
#[cfg(test)]
mod scenes;
mod serve;
mod settings;
mod sound;
mod turn;
mod wake;
mod words;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use mtor_wyoming::{Connection, Listener};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use self::ask::Realm;
use self::house::House;
use self::satellite::Place;
use crate::app::App;

pub use self::settings::{SatelliteSection, WyomingSection};

/// How long to wait after the system refused to accept, for example because too many files are open.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// The Wyoming side of a realm, bound and not yet running.
pub(crate) struct Wyoming {
    listener: Option<TcpListener>,
    places: Vec<Place>,
}

impl Wyoming {
    /// Binds what the settings ask for.
    ///
    /// # Errors
    /// What is wrong with the settings or the address, and what to do about it.
    pub(crate) async fn bind(section: &WyomingSection) -> Result<Self> {
        let places = section.places()?;
        let Some(address) = section.listen else { return Ok(Self { listener: None, places }) };
        ensure!(
            address.ip().is_loopback() || !section.allow.is_empty(),
            "wyoming.listen = \"{address}\" would let everybody who reaches it speak at the owner's expense, since Wyoming \
             knows no passwords; listen on 127.0.0.1, or name the machines that may: wyoming.allow = [\"192.168.1.20\"]"
        );
        let listener = TcpListener::bind(address).await.with_context(|| {
            format!("wyoming.listen = \"{address}\" can't be listened on; choose another port")
        })?;
        Ok(Self { listener: Some(listener), places })
    }

    /// Where it listens, if it does.
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        self.listener.as_ref().and_then(|listener| listener.local_addr().ok())
    }

    /// Runs until the broker closes, as tasks of the broker's.
    pub(crate) fn start(self, app: &Arc<App>) {
        let section = &app.settings.file.wyoming;
        let realm = Arc::new(Realm::new(app.clone(), app.owner.clone(), section.ask_above()));
        if let Some(listener) = self.listener {
            app.tasks.spawn(listen(app.clone(), realm.clone(), Listener::from_tcp(listener)));
        }
        let house = Arc::new(House::new(Duration::from_millis(section.window_ms)));
        for place in self.places {
            app.tasks.spawn(satellite::keep(realm.clone(), place, house.clone(), app.closing.clone()));
        }
    }
}

/// Serves connections until the broker closes.
async fn listen(app: Arc<App>, realm: Arc<Realm>, listener: Listener) {
    let room = Arc::new(Semaphore::new(limits::CONNECTIONS_MAX));
    loop {
        let accepted = tokio::select! {
            () = app.closing.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        let (connection, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a Wyoming connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let allow = &app.settings.file.wyoming.allow;
        if !peer.is_some_and(|peer| is_allowed(allow, peer.ip())) {
            tracing::warn!(?peer, "a machine that wyoming.allow does not name was turned away");
            continue;
        }
        // Closed at once when there is no room: that is said faster than any words.
        let Ok(place) = room.clone().try_acquire_owned() else { continue };
        app.tasks.spawn(serve_one(app.clone(), realm.clone(), connection, place));
    }
}

async fn serve_one(
    app: Arc<App>,
    realm: Arc<Realm>,
    connection: Connection,
    _place: tokio::sync::OwnedSemaphorePermit,
) {
    let name = &app.settings.file.name;
    if let Err(error) = client::attend(realm, name, connection, app.closing.clone()).await {
        tracing::debug!(%error, "a Wyoming connection ended");
    }
}

/// This machine always, others when they are named.
fn is_allowed(allow: &[IpAddr], peer: IpAddr) -> bool {
    let peer = peer.to_canonical();
    peer.is_loopback() || allow.iter().any(|address| address.to_canonical() == peer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_listens_to_others_only_when_they_are_named() {
        let section = |listen: &str, allow: &[&str]| WyomingSection {
            listen: Some(listen.parse().unwrap()),
            allow: allow.iter().map(|address| address.parse().unwrap()).collect(),
            ..WyomingSection::default()
        };
        let Err(error) = Wyoming::bind(&section("0.0.0.0:0", &[])).await else {
            panic!("it listens to everybody")
        };
        assert!(error.to_string().contains("wyoming.allow"), "{error}");
        assert!(Wyoming::bind(&section("127.0.0.1:0", &[])).await.unwrap().address().is_some());
        assert!(Wyoming::bind(&section("0.0.0.0:0", &["192.0.2.7"])).await.is_ok());
        assert_eq!(Wyoming::bind(&WyomingSection::default()).await.unwrap().address(), None);
    }

    #[test]
    fn this_machine_and_those_that_are_named() {
        let allow = ["192.0.2.7".parse().unwrap()];
        let allowed = |peer: &str| is_allowed(&allow, peer.parse().unwrap());
        assert!(allowed("127.0.0.1") && allowed("::1") && allowed("::ffff:127.0.0.1"));
        assert!(allowed("192.0.2.7") && allowed("::ffff:192.0.2.7"));
        assert!(!allowed("192.0.2.8") && !allowed("::2"));
    }
}
