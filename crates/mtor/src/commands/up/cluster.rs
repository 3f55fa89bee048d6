//! `mtor up --cluster`: three brokers for one realm on this machine, with a PostgreSQL and a NATS server of their own, to see what
//! becomes of it when one of them dies.
//!
//! Everything is a program of its own and is started again when it ends. The folder of the realm has its keys and settings; each
//! broker has a folder in it with copies of them and a ledger of its own.

use std::ffi::OsString;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use mtor_identity::KeyFile;
use tokio::net::{TcpStream, UnixStream};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::child_log::ChildLog;
use super::summary::Summary;
use super::supervisor::{Say, Supervisor};
use super::{UpArgs, announce, worker_did, workers};
use crate::commands::up::chat_model::ChatModel;
use crate::data::DataFolder;
use crate::exit::Fault;
use crate::log_file::LogFile;
use crate::logging;
use crate::signals::Interrupts;

/// Brokers of the realm: one can die, and of those that are left none is alone.
const BROKERS: usize = 3;
/// Ports from the first broker's on: the brokers', what they take from each other, and NATS.
const PORTS: u16 = 2 * BROKERS as u16 + 1;
/// How long the database may take to start.
const DATABASE_PATIENCE: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(100);
/// PostgreSQL does not run as root: then it runs as the user that its package makes, in a folder that this user can reach.
const POSTGRES_USER: &str = "postgres";
const POSTGRES_FOLDER_OF_ROOT: &str = "/var/lib/mtor-cluster";
/// Where Debian puts the server's programs, by version.
const POSTGRES_PROGRAMS: &str = "/usr/lib/postgresql";
/// The longest path that a socket can have, in bytes.
const SOCKET_PATH_MAX: usize = 100;

/// Starts everything and runs it until it is told to end.
pub(super) async fn run(args: UpArgs, interrupts: &Interrupts) -> anyhow::Result<()> {
    let model = ChatModel::choose(args.model.as_deref(), args.model_id.as_deref())?;
    let programs = args.workers.programs()?;
    let (folder, settings) = args.broker.settings()?;
    logging::to_file(LogFile::open(&folder.log("mtor")).context("the log file can't be opened")?);
    let ports = Ports::choose(settings.file.listen)?;
    let database = Database::prepare(&folder)?;
    let nats = find_program("nats-server").context("NATS is missing: `./mtor up --cluster` fetches it")?;
    let summary = Summary::new(ports.broker(0))?;
    let programs_of = || Programs::new(&folder, &summary);
    let (servers, brokers, workers) = (programs_of(), programs_of(), programs_of());

    servers.start("postgres", database.server())?;
    servers.start("nats", ports.nats_server(nats))?;
    let running = async {
        database.until_up().await?;
        summary.say(&format!("MTOR realm \"{}\", with {BROKERS} brokers", settings.file.name));
        for place in 0..BROKERS {
            let broker = broker(&args, &folder, (ports, place), &database)?;
            brokers.start(&broker_name(place), broker)?;
            summary.worker(&broker_name(place), &format!("http://{}", ports.broker(place)));
        }
        // Cancelled when a worker can't be started at all: then nobody waits for the realm to become ready.
        let never_ready = interrupts.first.child_token();
        for (place, (kind, program)) in programs.into_iter().enumerate() {
            let worker = workers::Start {
                kind,
                program,
                folder: folder.clone(),
                model: model.clone(),
                // Each at another broker: whoever asks is served through whichever it is.
                summary: Summary::new(ports.broker(place % BROKERS))?,
                never_ready: never_ready.clone(),
            };
            workers.tracker.spawn(worker.run(interrupts.first.clone(), workers.stop.clone()));
        }
        while TcpStream::connect(ports.broker(0)).await.is_err() {
            sleep(LOOK).await;
        }
        announce(summary.clone(), args.no_browser, never_ready).await;
        std::future::pending().await
    };
    let ended = interrupts.first.run_until_cancelled(running).await.unwrap_or(Ok(()));
    summary.say("\nDraining: no new jobs, running ones finish. Ctrl-C again ends at once.");
    let ending = async {
        // Brokers drain while their workers finish; what they share goes last.
        brokers.end().await;
        workers.end().await;
        servers.end().await;
        Ok(())
    };
    let stopped = interrupts.or_at_once(ending).await;
    ended.and(stopped)?;
    summary.say("The realm is down. Everything is in its ledgers.");
    Ok(())
}

/// Programs that are kept running, and end together.
struct Programs {
    folder: DataFolder,
    summary: Summary,
    tracker: TaskTracker,
    stop: CancellationToken,
}

impl Programs {
    fn new(folder: &DataFolder, summary: &Summary) -> Self {
        let (folder, summary) = (folder.clone(), summary.clone());
        Self { folder, summary, tracker: TaskTracker::new(), stop: CancellationToken::new() }
    }

    fn start(&self, name: &str, program: Supervised) -> anyhow::Result<()> {
        let log = LogFile::open(&self.folder.log(name))
            .with_context(|| format!("the log of {name} can't be written"))?;
        let (summary, who) = (self.summary.clone(), name.to_owned());
        let say: Say = Arc::new(move |line: &str| summary.worker(&who, line));
        let Supervised { program, options, environment } = program;
        let supervisor = Supervisor { program, options, environment, log: ChildLog::new(log), say };
        self.tracker.spawn(supervisor.run(self.stop.clone()));
        Ok(())
    }

    async fn end(&self) {
        self.stop.cancel();
        self.tracker.close();
        self.tracker.wait().await;
    }
}

/// One of the brokers, as a program.
fn broker(
    args: &UpArgs,
    folder: &DataFolder,
    (ports, place): (Ports, usize),
    database: &Database,
) -> anyhow::Result<Supervised> {
    let own = broker_folder(folder, place)?;
    let mut options: Vec<OsString> = vec!["broker".into(), "--data".into(), own.into()];
    options.extend(["--listen".into(), ports.broker(place).to_string().into()]);
    options.extend(["--relay".into(), ports.relay(place).to_string().into()]);
    if let Some(name) = &args.broker.name {
        options.extend(["--name".into(), name.into()]);
    }
    for kind in args.workers.kinds() {
        options.extend(["--house-worker".into(), worker_did(folder, *kind)?.as_str().into()]);
        options.extend(["--expect".into(), kind.name().into()]);
    }
    let environment =
        vec![("MTOR_POSTGRES", database.address().into()), ("MTOR_NATS", ports.nats_address().into())];
    let program = std::env::current_exe().context("this program's own file can't be found")?;
    Ok(Supervised::dying_with_us(&program, None, options, environment))
}

fn broker_name(place: usize) -> String {
    format!("broker-{}", place + 1)
}

/// A broker's own folder, with the realm's keys and settings in it.
fn broker_folder(folder: &DataFolder, place: usize) -> anyhow::Result<PathBuf> {
    let own = folder.path().join("brokers").join((place + 1).to_string());
    std::fs::create_dir_all(&own).with_context(|| format!("{} can't be made", own.display()))?;
    for name in ["realm.key", "owner.key"] {
        let (file, copy) = (folder.path().join(name), own.join(name));
        KeyFile::load_or_create(&file).with_context(|| format!("the key {}", file.display()))?;
        if !copy.exists() {
            std::fs::copy(&file, &copy).with_context(|| format!("{} can't be written", copy.display()))?;
        }
    }
    // Settings are changed in one place.
    let copy = own.join("realm.toml");
    std::fs::copy(folder.settings_file(), &copy)
        .with_context(|| format!("{} can't be written", copy.display()))?;
    Ok(own)
}

/// A program to be kept running.
struct Supervised {
    program: PathBuf,
    options: Vec<OsString>,
    environment: Vec<(&'static str, OsString)>,
}

impl Supervised {
    /// A program that ends when this process does, however that ends; as another user, if one is named.
    fn dying_with_us(
        program: &Path,
        user: Option<&str>,
        options: Vec<OsString>,
        environment: Vec<(&'static str, OsString)>,
    ) -> Self {
        let mut all: Vec<OsString> = Vec::new();
        if let Some(user) = user {
            all.extend(["--reuid", user, "--regid", user, "--init-groups"].map(OsString::from));
        }
        all.extend(["--pdeathsig", "TERM"].map(OsString::from));
        all.push(program.into());
        all.extend(options);
        Self { program: "setpriv".into(), options: all, environment }
    }
}

/// Where everything listens, all of it on this machine but for the brokers themselves.
#[derive(Debug, Clone, Copy)]
struct Ports {
    first: SocketAddr,
}

impl Ports {
    /// The port that was asked for, and those after it.
    ///
    /// # Errors
    /// When one of them is taken.
    fn choose(first: SocketAddr) -> anyhow::Result<Self> {
        let ports = Self { first };
        if first.port().checked_add(PORTS - 1).is_none() || first.port() == 0 {
            bail!(Fault::Usage(format!(
                "the {PORTS} ports from the one given by --listen on are used: choose a lower one"
            )));
        }
        for port in first.port()..first.port() + PORTS {
            TcpListener::bind(SocketAddr::new(first.ip(), port)).map_err(|error| {
                anyhow!("port {port} is taken or can't be listened on ({error}); the {PORTS} ports from the one given by --listen on are used")
            })?;
        }
        Ok(ports)
    }

    fn broker(self, place: usize) -> SocketAddr {
        SocketAddr::new(self.first.ip(), self.first.port() + place as u16)
    }

    fn relay(self, place: usize) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.first.port() + (BROKERS + place) as u16))
    }

    fn nats(self) -> u16 {
        self.first.port() + PORTS - 1
    }

    fn nats_address(self) -> String {
        format!("nats://127.0.0.1:{}", self.nats())
    }

    fn nats_server(self, program: PathBuf) -> Supervised {
        let options = ["--addr", "127.0.0.1", "--port", &self.nats().to_string()].map(OsString::from);
        Supervised::dying_with_us(&program, None, options.to_vec(), Vec::new())
    }
}

/// The database of the brokers: reached by a socket, by nobody else.
struct Database {
    programs: PathBuf,
    folder: PathBuf,
    user: Option<&'static str>,
}

impl Database {
    /// Makes it, where there is none.
    ///
    /// # Errors
    /// What is missing.
    fn prepare(realm: &DataFolder) -> anyhow::Result<Self> {
        let programs =
            postgres_programs().context("PostgreSQL is missing: `./mtor up --cluster` installs it")?;
        let whole = std::path::absolute(realm.path())?;
        let user = rustix::process::geteuid().is_root().then_some(POSTGRES_USER);
        let mut database = Self { programs, folder: whole.join("postgres"), user };
        if !database.make_folder()? {
            // Root's folders are mostly closed to the user that the server runs as. Each realm has its own.
            let key = realm.path().join("realm.key");
            let key = KeyFile::load_or_create(&key).with_context(|| format!("the key {}", key.display()))?;
            let did = key.keypair().did();
            let name = did.as_str().rsplit(':').next().unwrap_or_default();
            database.folder = Path::new(POSTGRES_FOLDER_OF_ROOT).join(name);
            database.make_folder()?;
        }
        if database.folder.as_os_str().len() > SOCKET_PATH_MAX {
            let folder = database.folder.display();
            bail!(Fault::Usage(format!("{folder} is too long a path for a socket; choose a shorter --data")));
        }
        if !database.data().join("PG_VERSION").exists() {
            let options: Vec<OsString> = vec![
                "--pgdata".into(),
                database.data().into(),
                "--username".into(),
                POSTGRES_USER.into(),
                "--auth=trust".into(),
                "--encoding=UTF8".into(),
                "--locale=C".into(),
            ];
            let make = Supervised::dying_with_us(
                &database.programs.join("initdb"),
                database.user,
                options,
                Vec::new(),
            );
            database.once("setpriv", &make.options)?;
        }
        Ok(database)
    }

    /// Makes its folder. Gives whether the server's user can reach it; where it can't, no folder is left.
    fn make_folder(&self) -> anyhow::Result<bool> {
        std::fs::create_dir_all(&self.folder)
            .with_context(|| format!("{} can't be made", self.folder.display()))?;
        let Some(user) = self.user else { return Ok(true) };
        self.once("chown", &[user.into(), self.folder.clone().into()])?;
        let looks = ["-w".into(), self.folder.clone().into()].to_vec();
        let looking = Supervised::dying_with_us(Path::new("test"), self.user, looks, Vec::new());
        let reached = self.once("setpriv", &looking.options).is_ok();
        if !reached {
            // It is empty: it was made a moment ago, or by an earlier try.
            std::fs::remove_dir(&self.folder)
                .with_context(|| format!("{} is in the way", self.folder.display()))?;
        }
        Ok(reached)
    }

    /// Runs a program to its end.
    fn once(&self, program: &str, options: &[OsString]) -> anyhow::Result<()> {
        let done = std::process::Command::new(program)
            .args(options)
            .current_dir("/")
            .output()
            .with_context(|| format!("{program} can't be started"))?;
        let said = String::from_utf8_lossy(&done.stderr);
        anyhow::ensure!(done.status.success(), "the database can't be made: {}", said.trim());
        Ok(())
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    fn server(&self) -> Supervised {
        let mut options: Vec<OsString> =
            vec!["-D".into(), self.data().into(), "-k".into(), self.folder.clone().into()];
        // Nobody reaches it but this user, by the socket.
        for setting in
            ["listen_addresses=", "unix_socket_permissions=0700", "max_connections=40", "shared_buffers=32MB"]
        {
            options.extend(["-c".into(), setting.into()]);
        }
        Supervised::dying_with_us(&self.programs.join("postgres"), self.user, options, Vec::new())
    }

    fn address(&self) -> String {
        format!("host={} user={POSTGRES_USER} dbname=postgres", self.folder.display())
    }

    /// Waits until it takes connections.
    async fn until_up(&self) -> anyhow::Result<()> {
        let deadline = Instant::now() + DATABASE_PATIENCE;
        let socket = self.folder.join(".s.PGSQL.5432");
        while UnixStream::connect(&socket).await.is_err() {
            if Instant::now() >= deadline {
                bail!("PostgreSQL does not start; its log is beside that of the realm");
            }
            sleep(LOOK).await;
        }
        Ok(())
    }
}

/// The folder of the newest server's programs.
fn postgres_programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir(POSTGRES_PROGRAMS).into_iter().flatten().flatten();
    let newest = versions
        .filter_map(|entry| {
            Some((entry.file_name().to_str()?.parse::<u32>().ok()?, entry.path().join("bin")))
        })
        .filter(|(_, folder)| folder.join("initdb").exists())
        .max();
    newest.map(|(_, folder)| folder).or_else(|| find_program("initdb")?.parent().map(Path::to_path_buf))
}

fn find_program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}
