//! One broker among several: it follows until nobody leads, then leads until somebody else does, and takes connections all along.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use mtor_broker::{Leading, Settings};
use mtor_identity::{KeyFile, Keypair};
use mtor_ledger::{Group, Ledger, SharedLog, SharedLogError};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::defaults::{
    ACCEPT_PAUSE, CLOSE_GRACE, FORGET_INTERVAL, HANDED_MAX, LEADER_PATIENCE, LEADER_PAUSE, LEASE_GRACE, LOOK,
    TURNED_AWAY_BYTES_MAX,
};
use crate::relay;
use crate::signals::Signals;
use crate::store::{Leader, Store};

/// What joins brokers together.
#[derive(Debug, Clone)]
pub struct Cluster {
    /// The database that they share, as `postgres://USER@HOST/DATABASE`.
    pub postgres: String,
    /// The server that wakes followers, as `nats://HOST:4222`; without one they look once a second.
    pub nats: Option<String>,
    /// Where this one takes connections of the others, and how they reach it there.
    pub relay: SocketAddr,
}

/// What becomes of a broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// It takes connections.
    Listening(SocketAddr),
    /// It follows the one with this address; empty while nobody leads.
    Follows(String),
    /// It leads.
    Leads,
}

/// Runs a broker among others until `shutdown`. `tell` hears what becomes of it.
///
/// # Errors
/// What is wrong with its settings, its folder, its keys or the database, and what to do about it. A database that goes away later is
/// waited for.
pub async fn run(
    settings: Settings,
    cluster: Cluster,
    shutdown: CancellationToken,
    tell: impl Fn(Event) + Send + Sync + 'static,
) -> Result<()> {
    let key = Arc::new(realm_key(&settings)?);
    let store = Store::new(&cluster.postgres)?;
    store.prepare(&key.did()).await?;
    let (listener, address) = mtor_broker::listen(settings.file.listen).await?;
    let relay = TcpListener::bind(cluster.relay).await.with_context(|| {
        format!("{} can't be listened on for other brokers; choose another with --relay", cluster.relay)
    })?;
    let relay_address = relay.local_addr()?;
    let closing = CancellationToken::new();
    let _closes = closing.clone().drop_guard();
    let signals = Signals::start(cluster.nats.as_deref(), &key.did(), &closing)?;
    let door = Door {
        role: watch::Sender::new(Role::Unknown),
        key: key.clone(),
        room: Arc::new(Semaphore::new(settings.file.limits.connections)),
        tasks: TaskTracker::new(),
        closing: closing.clone(),
    };
    tokio::spawn(door.clone().take_clients(listener));
    tokio::spawn(door.clone().take_brokers(relay));
    tell(Event::Listening(address));
    let node = Node {
        settings,
        cluster,
        key,
        store: Arc::new(store),
        signals,
        door,
        address,
        relay_address,
        tell: Box::new(tell),
    };
    let ended = node.live(&shutdown).await;
    closing.cancel();
    node.door.tasks.close();
    if timeout(CLOSE_GRACE, node.door.tasks.wait()).await.is_err() {
        tracing::warn!("some connections did not end in time");
    }
    ended
}

/// The realm's key, which all its brokers have. The first broker of a new realm makes it.
fn realm_key(settings: &Settings) -> Result<Keypair> {
    std::fs::create_dir_all(&settings.data)
        .with_context(|| format!("the data folder {} can't be made", settings.data.display()))?;
    let path = settings.data.join("realm.key");
    let file = KeyFile::load_or_create(&path)
        .with_context(|| format!("the key {} can't be used", path.display()))?;
    Ok(file.into_keypair())
}

struct Node {
    settings: Settings,
    cluster: Cluster,
    key: Arc<Keypair>,
    store: Arc<Store>,
    signals: Signals,
    door: Door,
    address: SocketAddr,
    relay_address: SocketAddr,
    tell: Box<dyn Fn(Event) + Send + Sync>,
}

impl Node {
    async fn live(&self, shutdown: &CancellationToken) -> Result<()> {
        loop {
            let Some(epoch) = self.follow(shutdown).await? else { return Ok(()) };
            self.lead(epoch, shutdown).await?;
            self.door.role.send_replace(Role::Unknown);
            if shutdown.is_cancelled() {
                return Ok(());
            }
        }
    }

    /// Follows the log until this broker is to lead. Gives the epoch, or nothing when it is to end.
    async fn follow(&self, shutdown: &CancellationToken) -> Result<Option<i64>> {
        let (folder, settings, key) = (self.settings.data.clone(), self.settings.ledger(), self.key.clone());
        let opened = tokio::task::spawn_blocking(move || Ledger::open(&folder, settings, key)).await;
        let (ledger, _) = opened.context("opening the ledger was cut short")??;
        if ledger.group() == 0 && ledger.info().entries > 0 {
            bail!(
                "the ledger in {} is that of a realm with one broker, which can't be shared; start with an empty folder, and take realm.key \
                 and owner.key along",
                self.settings.data.display()
            );
        }
        let ledger = Arc::new(ledger);
        let followed = self.follow_into(&ledger, shutdown).await;
        let closed = tokio::task::spawn_blocking(move || ledger.close()).await;
        let epoch = followed?;
        closed.context("the ledger's closing was cut short")?.context("the ledger was not closed cleanly")?;
        Ok(epoch)
    }

    async fn follow_into(&self, ledger: &Arc<Ledger>, shutdown: &CancellationToken) -> Result<Option<i64>> {
        let mut expired: Option<(i64, Instant)> = None;
        let mut said = None;
        loop {
            match self.look(ledger).await {
                Ok(leader) => {
                    self.door.follow(&leader);
                    let address = if leader.is_alive { leader.address.clone() } else { String::new() };
                    if said.as_ref() != Some(&address) {
                        (self.tell)(Event::Follows(address.clone()));
                        said = Some(address);
                    }
                    if let Some(epoch) = self.succeed(&leader, &mut expired).await? {
                        // Nobody writes to the log any more but this broker.
                        self.catch_up(ledger).await?;
                        return Ok(Some(epoch));
                    }
                }
                // A history of its own does not mend itself; a database that is away may come back.
                Err(Trouble::Ledger(error)) => return Err(error),
                Err(Trouble::Store(error)) => {
                    expired = None;
                    tracing::warn!("waiting for the database: {error:#}");
                }
            }
            tokio::select! {
                () = shutdown.cancelled() => return Ok(None),
                () = self.signals.heard() => {}
                () = sleep(LOOK) => {}
            }
        }
    }

    /// Takes what is new in the log, and sees who leads.
    async fn look(&self, ledger: &Arc<Ledger>) -> Result<Leader, Trouble> {
        self.catch_up(ledger).await?;
        self.store.leader().await.map_err(Trouble::Store)
    }

    /// Leads next, if it is certain that nobody does.
    async fn succeed(&self, leader: &Leader, expired: &mut Option<(i64, Instant)>) -> Result<Option<i64>> {
        if leader.is_alive {
            *expired = None;
            return Ok(None);
        }
        let since = match *expired {
            Some((epoch, since)) if epoch == leader.epoch => since,
            _ => Instant::now(),
        };
        *expired = Some((leader.epoch, since));
        // Whoever has stepped down is not waited for.
        if !leader.name.is_empty() && since.elapsed() < LEASE_GRACE {
            return Ok(None);
        }
        let (name, address) = (self.address.to_string(), self.relay_address.to_string());
        let taken = self.store.take_the_lead(leader, &name, &address);
        Ok(taken.await.unwrap_or_else(|error| {
            tracing::warn!("the lead could not be taken: {error:#}");
            None
        }))
    }

    async fn catch_up(&self, ledger: &Arc<Ledger>) -> Result<(), Trouble> {
        loop {
            let groups = self.store.after(ledger.group()).await.map_err(Trouble::Store)?;
            if groups.is_empty() {
                let last = self.store.last().await.map_err(Trouble::Store)?;
                if last < ledger.group() {
                    return Err(Trouble::Ledger(anyhow!(
                        "this ledger has {} groups of the shared log, and the database only {last}: is it the right one?",
                        ledger.group()
                    )));
                }
                return Ok(());
            }
            let ledger = ledger.clone();
            let follow = move || groups.iter().try_for_each(|group| ledger.follow(group));
            let followed = tokio::task::spawn_blocking(follow).await;
            followed
                .map_err(|error| Trouble::Ledger(error.into()))?
                .map_err(|error| Trouble::Ledger(error.into()))?;
        }
    }

    /// Leads until somebody else does, or the broker is to end.
    async fn lead(&self, epoch: i64, shutdown: &CancellationToken) -> Result<()> {
        let deposed = CancellationToken::new();
        let _ends = deposed.clone().drop_guard();
        let (handed, connections) = mpsc::channel(HANDED_MAX);
        let log = Appender {
            // A connection of its own, so that no append waits behind anything else.
            store: Store::new(&self.cluster.postgres)?,
            epoch,
            signals: self.signals.clone(),
            deposed: deposed.clone(),
            runtime: Handle::current(),
        };
        let leading =
            Leading { log: Arc::new(log), connections, address: self.address, deposed: deposed.clone() };
        let renewing = tokio::spawn(renew(self.store.clone(), epoch, deposed.clone()));
        let started = mtor_broker::lead(self.settings.clone(), leading).await;
        let ended = match started {
            Ok(broker) => {
                self.door.role.send_replace(Role::Leads(handed));
                (self.tell)(Event::Leads);
                let age = Duration::from_secs(u64::from(self.settings.file.retention.days) * 24 * 60 * 60);
                let forgetting = tokio::spawn(forget(self.store.clone(), age, deposed.clone()));
                let ended = broker.run_until(shutdown.clone()).await;
                forgetting.abort();
                ended
            }
            Err(error) => Err(error),
        };
        renewing.abort();
        if deposed.is_cancelled() {
            tracing::warn!("another broker leads the realm now");
            return Ok(());
        }
        if let Err(error) = self.store.step_down(epoch).await {
            tracing::warn!("stepping down was not noted, the others wait until the lease is over: {error:#}");
        }
        self.signals.tell(0);
        ended
    }
}

/// Why a look at the log was in vain.
enum Trouble {
    /// The database does not answer.
    Store(anyhow::Error),
    /// This broker's own ledger can't follow.
    Ledger(anyhow::Error),
}

impl From<Trouble> for anyhow::Error {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Store(error) | Trouble::Ledger(error) => error,
        }
    }
}

/// Keeps the lease until somebody else has it.
async fn renew(store: Arc<Store>, epoch: i64, deposed: CancellationToken) {
    loop {
        match store.renew(epoch).await {
            Ok(true) => {}
            Ok(false) => return deposed.cancel(),
            Err(error) => tracing::warn!("the lease was not renewed: {error:#}"),
        }
        sleep(LOOK).await;
    }
}

/// Has the shared log forget what ledgers forget by their age.
async fn forget(store: Arc<Store>, age: Duration, deposed: CancellationToken) {
    while !deposed.is_cancelled() {
        match store.forget(age).await {
            Ok(true) => continue,
            Ok(false) => {}
            Err(error) => tracing::warn!("old texts were not forgotten in the shared log: {error:#}"),
        }
        sleep(FORGET_INTERVAL).await;
    }
}

/// The leader's way into the shared log.
struct Appender {
    store: Store,
    epoch: i64,
    signals: Signals,
    deposed: CancellationToken,
    runtime: Handle,
}

impl SharedLog for Appender {
    fn append(&self, group: &Group) -> Result<(), SharedLogError> {
        if self.deposed.is_cancelled() {
            return Err(SharedLogError::Deposed);
        }
        let appended = self.runtime.block_on(self.store.append(self.epoch, group));
        match &appended {
            Ok(()) => self.signals.tell(group.number),
            Err(SharedLogError::Deposed) => self.deposed.cancel(),
            Err(SharedLogError::Unreachable(_)) => {}
        }
        appended
    }
}

/// What this broker does with connections.
#[derive(Clone)]
enum Role {
    /// Nobody leads, as far as is known.
    Unknown,
    /// Hands them to the leader at this address.
    Follows(String),
    /// Serves them.
    Leads(mpsc::Sender<(TcpStream, SocketAddr)>),
}

/// Takes connections, whatever the role.
#[derive(Clone)]
struct Door {
    role: watch::Sender<Role>,
    key: Arc<Keypair>,
    room: Arc<Semaphore>,
    tasks: TaskTracker,
    closing: CancellationToken,
}

impl Door {
    fn follow(&self, leader: &Leader) {
        let role = if leader.is_alive { Role::Follows(leader.address.clone()) } else { Role::Unknown };
        self.role.send_replace(role);
    }

    /// Takes what clients and workers connect to.
    async fn take_clients(self, listener: TcpListener) {
        while let Some((socket, client)) = self.accept(&listener).await {
            let Ok(place) = self.room.clone().try_acquire_owned() else { continue };
            let (door, closing) = (self.clone(), self.closing.clone());
            self.tasks.spawn(async move {
                closing.run_until_cancelled(door.serve(socket, client)).await;
                drop(place);
            });
        }
    }

    /// Takes what other brokers hand on.
    async fn take_brokers(self, listener: TcpListener) {
        while let Some((mut socket, broker)) = self.accept(&listener).await {
            let Ok(place) = self.room.clone().try_acquire_owned() else { continue };
            let (door, closing) = (self.clone(), self.closing.clone());
            self.tasks.spawn(async move {
                let taking = async {
                    match relay::receive(&mut socket, &door.key).await {
                        Ok(client) => door.serve_if_leading(socket, client).await,
                        Err(error) => {
                            tracing::warn!(%broker, "a connection for other brokers was refused: {error:#}")
                        }
                    }
                };
                closing.run_until_cancelled(taking).await;
                drop(place);
            });
        }
    }

    async fn accept(&self, listener: &TcpListener) -> Option<(TcpStream, SocketAddr)> {
        loop {
            match self.closing.run_until_cancelled(listener.accept()).await? {
                Ok((socket, peer)) => {
                    // A connection that is gone already is found out by whoever serves it.
                    let _ = socket.set_nodelay(true);
                    return Some((socket, peer));
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    /// Serves a connection, or hands it on; waits for somebody to lead, but not for ever.
    async fn serve(&self, mut socket: TcpStream, client: SocketAddr) {
        let patience = Instant::now() + LEADER_PATIENCE;
        let mut roles = self.role.subscribe();
        while Instant::now() < patience {
            let role = roles.borrow_and_update().clone();
            match role {
                Role::Leads(handed) => match handed.send((socket, client)).await {
                    Ok(()) => return,
                    // It stops leading in this moment.
                    Err(mpsc::error::SendError((back, _))) => socket = back,
                },
                Role::Follows(leader) => match relay::reach(&leader, &self.key, client).await {
                    Ok(mut onward) => {
                        // Either end may go at any time; whoever is left sees it.
                        let _ = copy_bidirectional(&mut socket, &mut onward).await;
                        return;
                    }
                    Err(error) => tracing::debug!(leader, "the leader can't be reached: {error:#}"),
                },
                Role::Unknown => {}
            }
            // Somebody else may lead in a moment.
            let _ = timeout(LEADER_PAUSE, roles.changed()).await;
        }
        turn_away(&mut socket).await;
    }

    /// Of a connection that another broker took for a leader's. It is not handed on once more: the follower asks again.
    async fn serve_if_leading(&self, mut socket: TcpStream, client: SocketAddr) {
        let role = self.role.borrow().clone();
        if let Role::Leads(handed) = role
            && relay::accept(&mut socket).await.is_ok()
        {
            // A leader that stops in this moment drops it, and the client connects again.
            let _ = handed.send((socket, client)).await;
        }
    }
}

/// Says in HTTP that nobody leads, whatever was going to be asked.
async fn turn_away(socket: &mut TcpStream) {
    let body = r#"{"type":"about:blank","title":"No broker leads the realm","status":503,"detail":"no broker leads the realm at the moment; try again in a few seconds"}"#;
    let reply = format!(
        "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/problem+json\r\ncontent-length: {}\r\nretry-after: 2\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    let saying = async {
        socket.write_all(reply.as_bytes()).await?;
        socket.shutdown().await?;
        // What was asked is read, so that the reply is not lost with a connection that is reset.
        tokio::io::copy(&mut socket.take(TURNED_AWAY_BYTES_MAX), &mut tokio::io::sink()).await
    };
    if let Ok(Err(error)) = timeout(CLOSE_GRACE, saying).await {
        tracing::debug!(%error, "a client did not wait to be turned away");
    }
}
