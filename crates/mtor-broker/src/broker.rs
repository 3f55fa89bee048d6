//! Starts a broker, runs it, and lets it end without losing anything.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use mtor_core::{Input, Output, Realm, State, Ticket};
use mtor_identity::{KeyFile, Keypair, PublicKey, key_id};
use mtor_ledger::{Batch, Ledger, Recovered, SharedLog, StoredJob};
use mtor_protocol::http::CapabilityQueue;
use mtor_protocol::{Did, Intent, JobId, Submit, Timestamp};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::app::{App, Wallet};
use crate::key_ring::KeyRing;
use crate::metrics::Metrics;
use crate::peers::Peers;
use crate::realm::{Parts, RealmFault, RealmTask};
use crate::server::Door;
use crate::settings::Settings;
use crate::stream::JobStream;
use crate::streams::Streams;
use crate::wyoming::Wyoming;
use crate::{audit, clock, defaults, routes, server, witness};

/// How often the drain looks whether the last job is done.
const DRAIN_LOOK: Duration = Duration::from_millis(100);
/// The jobs of this capability last until a bell rings: the drain does not wait for them, they go on at the next start.
const LASTING: &str = "tool.timer";
/// How long connections may take to end once they are told to.
const CLOSE_GRACE: Duration = Duration::from_secs(5);

/// A running broker.
pub struct Broker {
    app: Arc<App>,
    address: SocketAddr,
    wyoming_address: Option<SocketAddr>,
    accepting: JoinHandle<()>,
    realm: JoinHandle<Result<(), RealmFault>>,
    stop_realm: CancellationToken,
    deposed: CancellationToken,
}

/// What the one of a realm's several brokers that leads is given by whoever chose it.
pub struct Leading {
    /// The log that all of them share.
    pub log: Arc<dyn SharedLog>,
    /// Connections that were made to any of them, with the address of who made them.
    pub connections: mpsc::Receiver<(TcpStream, SocketAddr)>,
    /// Where this one is reached.
    pub address: SocketAddr,
    /// Cancelled when another one leads: then this one ends at once, and keeps nothing that it has not shared.
    pub deposed: CancellationToken,
}

/// Starts a broker: opens its ledger, rebuilds the realm from it, and listens.
///
/// # Errors
/// What is wrong with the data folder, the keys, the settings or the address, and what to do about it.
pub async fn start(settings: Settings) -> Result<Broker> {
    let (listener, address) = listen(settings.file.listen).await?;
    open(settings, Door::Listening(listener), address, None, CancellationToken::new()).await
}

/// Starts the broker that leads the others of its realm. Its data folder is up to date with the log that they share.
///
/// # Errors
/// As of [`start`].
pub async fn lead(settings: Settings, leading: Leading) -> Result<Broker> {
    let Leading { log, connections, address, deposed } = leading;
    open(settings, Door::Handed(connections), address, Some(log), deposed).await
}

/// Binds the address that people connect to.
///
/// # Errors
/// Why it can't be had, and what to do about it.
pub async fn listen(address: SocketAddr) -> Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind(address).await.map_err(|error| explain_bind(address, error))?;
    let address = listener.local_addr().context("the listening address can't be read")?;
    Ok((listener, address))
}

async fn open(
    settings: Settings,
    door: Door,
    address: SocketAddr,
    log: Option<Arc<dyn SharedLog>>,
    deposed: CancellationToken,
) -> Result<Broker> {
    raise_file_limit();
    witness::check(&settings.file.log)?;
    let wyoming = Wyoming::bind(&settings.file.wyoming).await?;
    let wyoming_address = wyoming.address();
    std::fs::create_dir_all(&settings.data)
        .with_context(|| format!("the data folder {} can't be made", settings.data.display()))?;
    let key = Arc::new(load_key(&settings, "realm.key")?);
    let owner_key = load_key(&settings, "owner.key")?.public();
    let (ledger, recovered) = open_ledger(&settings, key.clone(), log).await?;
    let ledger = Arc::new(ledger);
    let peers = Peers::load(&settings.data)?;
    let keys = Arc::new(KeyRing::new(recovered.state.keys().clone()));
    let owner = owner(&keys, &owner_key);
    let config = settings.file.core_config(owner.account).map_err(|fault| anyhow!("realm.toml: {fault}"))?;
    let now = clock::now();
    let streams = Arc::new(Streams::default());
    let intents = resume_jobs(&recovered, &streams);
    // Leases begin at the time, so that none of an earlier life is ever given again.
    let mut realm = Realm::new(config.clone(), recovered.state, now.0.saturating_mul(1_000));
    if realm.state() == &State::default() {
        found(&mut realm, &owner, &ledger)?;
    }
    recall_prices(&mut realm, &ledger, now);
    let metrics = Arc::new(Metrics::default());
    let tasks = TaskTracker::new();
    let (answers, compared) = mpsc::channel(defaults::AUDITS_WAITING_MAX);
    let parts = Parts {
        realm,
        did: key.did(),
        account: mtor_identity::guid(&key.public()),
        ledger,
        streams,
        metrics: metrics.clone(),
        intents,
        tasks: tasks.clone(),
        answers,
        keys: keys.clone(),
    };
    let lost = lost_jobs(&parts);
    let (task, handle, inbox) = RealmTask::new(parts);
    let stop_realm = CancellationToken::new();
    let realm = tokio::spawn(task.run(inbox, stop_realm.clone()));
    for input in lost {
        handle.input(input).await?;
    }
    let app = Arc::new(App::new(settings, config, key, (owner, keys, peers), handle, metrics, tasks));
    app.cosigned.recall(&app.realm, app.key.public()).await?;
    witness::start(&app)?;
    let router = routes::router(app.clone());
    let accepting = tokio::spawn(server::serve(app.clone(), door, router));
    wyoming.start(&app);
    audit::start(&app, compared);
    app.resume_peers().await;
    app.resume_plans().await?;
    Ok(Broker { app, address, wyoming_address, accepting, realm, stop_realm, deposed })
}

impl Broker {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it listens for Wyoming clients, if it does.
    pub fn wyoming_address(&self) -> Option<SocketAddr> {
        self.wyoming_address
    }

    /// The realm's key.
    pub fn realm_did(&self) -> Did {
        self.app.did.clone()
    }

    /// What its requests and sessions share.
    pub fn app(&self) -> &Arc<App> {
        &self.app
    }

    /// Runs until `shutdown`, then drains: no new jobs, running ones finish within the grace, the rest waits in the
    /// ledger for the next start; connections are closed, and the ledger is flushed.
    ///
    /// # Errors
    /// When the realm could not go on by itself, or the ledger could not be closed cleanly.
    pub async fn run_until(mut self, shutdown: CancellationToken) -> Result<()> {
        let fault = tokio::select! {
            biased;
            () = self.deposed.cancelled() => None,
            () = shutdown.cancelled() => None,
            ended = &mut self.realm => Some(ended),
        };
        if fault.is_none() && !self.deposed.is_cancelled() {
            self.drain().await;
        }
        self.app.closing.cancel();
        self.app.tasks.close();
        if tokio::time::timeout(CLOSE_GRACE, self.app.tasks.wait()).await.is_err() {
            tracing::warn!("some connections did not end in time");
        }
        self.accepting.abort();
        self.stop_realm.cancel();
        let ended = match fault {
            Some(ended) => ended,
            None => self.realm.await,
        };
        let (ledger, deposed) = (self.app.realm.ledger.clone(), self.deposed.is_cancelled());
        let close = move || match deposed {
            // What is not shared by now was never decided.
            true => {
                ledger.abandon();
                Ok(())
            }
            false => ledger.close(),
        };
        let closed =
            tokio::task::spawn_blocking(close).await.context("the ledger's closing was cut short")?;
        if deposed {
            return Ok(());
        }
        ended.context("the realm's task was cut short")?.context("the realm stopped")?;
        closed.context("the ledger was not closed cleanly")
    }

    async fn drain(&self) {
        // An error means that the realm has ended by itself; then there is nothing to wait for.
        let _ = self.app.realm.input(Input::Drain).await;
        let deadline = tokio::time::Instant::now() + defaults::DRAIN_GRACE;
        while tokio::time::Instant::now() < deadline {
            let running = self.app.realm.view(|realm| realm.queue_info(clock::now()).capabilities).await;
            let is_over =
                |queue: &CapabilityQueue| queue.running == 0 || queue.capability.as_str() == LASTING;
            if running.unwrap_or_default().iter().all(is_over) {
                return;
            }
            tokio::time::sleep(DRAIN_LOOK).await;
        }
        tracing::warn!("some jobs were still running; they go on at the next start");
    }
}

fn load_key(settings: &Settings, name: &str) -> Result<Keypair> {
    let path = settings.data.join(name);
    let file = KeyFile::load_or_create(&path)
        .with_context(|| format!("the key {} can't be used", path.display()))?;
    Ok(file.into_keypair())
}

/// The owner: whoever has the key in the data folder. On this machine nobody asks for it, so that the realm has an owner also
/// while the file still has a key that was replaced.
fn owner(keys: &KeyRing, key: &PublicKey) -> Wallet {
    if let Err(problem) = keys.wallet(key) {
        tracing::warn!(%problem, "owner.key is not the owner's key any more: put the new one in its place");
    }
    Wallet { did: key.to_did(), account: keys.account_of(key_id(key)), grant: None }
}

async fn open_ledger(
    settings: &Settings,
    key: Arc<Keypair>,
    log: Option<Arc<dyn SharedLog>>,
) -> Result<(Ledger, Recovered)> {
    let folder = settings.data.clone();
    let ledger_settings = settings.ledger();
    let open = move || Ledger::open_shared(&folder, ledger_settings, key, log);
    let opened = tokio::task::spawn_blocking(open).await;
    Ok(opened.context("opening the ledger was cut short")??)
}

/// Streams for the jobs that were open when the realm went down, and what they ask.
fn resume_jobs(recovered: &Recovered, streams: &Streams) -> Vec<(JobId, Arc<Intent>)> {
    let now = clock::now();
    let resume = |job: &StoredJob| {
        let json = job.request_json.as_deref()?;
        let submit: Submit = serde_json::from_str(json)
            .inspect_err(|error| tracing::error!(job = %job.id, %error, "a stored request can't be read"))
            .ok()?;
        // What came as binary frames was in memory only, and is lost.
        if submit.intent.task.takes_input() {
            return None;
        }
        let text = job.text.clone().unwrap_or_default();
        let last = job.sequence + defaults::SEQUENCE_GAP;
        let stream = JobStream::of_task(job.id, job.account, &submit.intent.task, None);
        streams.insert(Arc::new(stream.resumed(now, text, job.output_tokens, last)));
        Some((job.id, Arc::new(submit.intent)))
    };
    recovered.open_jobs.iter().filter_map(resume).collect()
}

/// Open jobs whose request can't be read any more, or whose input was lost: nobody can do them, so they are given up and refunded.
/// And jobs of peers: the peer has lost the link, and gives them to others.
fn lost_jobs(parts: &Parts) -> Vec<Input> {
    let open = parts.realm.state().open().values();
    let lost = open.filter(|open| !open.job.hops.is_empty() || parts.streams.get(open.job.id).is_none());
    lost.map(|open| Input::Cancel { ticket: Ticket::NOBODY, job: open.job.id, account: open.job.account })
        .collect()
}

/// Has the market go on from where it was. Without it prices begin at the list's, so that nothing is lost but a chart.
fn recall_prices(realm: &mut Realm, ledger: &Ledger, now: Timestamp) {
    let since = Timestamp(now.0.saturating_sub(mtor_ledger::defaults::PRICE_MINUTES_KEPT_MS));
    match ledger.prices(since, false) {
        Ok(notes) => realm.recall_prices(notes),
        Err(error) => {
            tracing::warn!(%error, "what things cost before can't be read; prices begin at the list's")
        }
    }
}

/// Writes the first entries of a new realm.
fn found(realm: &mut Realm, owner: &Wallet, ledger: &Ledger) -> Result<()> {
    let mut outputs = Vec::new();
    realm.found(clock::now(), owner.account, &mut outputs)?;
    let entry = |output| match output {
        Output::Journal(entry) => Some(entry),
        _ => None,
    };
    let entries = outputs.into_iter().filter_map(entry).collect();
    let (done, durable) = std::sync::mpsc::channel();
    let batch = Batch { entries, records: Vec::new() };
    // The receiver below waits for it.
    ledger.commit(batch, Box::new(move || done.send(()).unwrap_or_default()))?;
    durable.recv_timeout(Duration::from_secs(10)).context("the ledger can't be written; is the disk full?")
}

fn explain_bind(address: SocketAddr, error: std::io::Error) -> anyhow::Error {
    let port = address.port();
    match error.kind() {
        std::io::ErrorKind::AddrInUse => anyhow!(
            "{address} is taken, perhaps by another realm on this machine; stop that one, or choose another port with --listen {}:{}",
            address.ip(),
            port.wrapping_add(1).max(1_024)
        ),
        std::io::ErrorKind::PermissionDenied => {
            anyhow!("{address} may not be listened on by you; choose a port above 1023 with --listen")
        }
        std::io::ErrorKind::AddrNotAvailable => {
            anyhow!("{} is no address of this machine; choose one with --listen", address.ip())
        }
        _ => anyhow!("{address} can't be listened on: {error}"),
    }
}

/// Every connection is an open file, and the usual limit is 1,024 of them: raise it as far as the system lets us.
fn raise_file_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::debug!(%error, "the limit of open files stays as it is");
    }
}
