//! A realm in a process of its own, with a folder and a port of its own.

use std::fs::Permissions;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Output};
use std::sync::Arc;

use mtor_identity::{KeyFile, Keypair, random::random_bytes};
use mtor_protocol::http::{QueueInfo, RealmInfo, WalletInfo, WorkerInfo};
use tempfile::TempDir;

use crate::client::{Client, Who};
use crate::deadline::until;
use crate::defaults::{PORT_TRIES, PORTS};
use crate::process::{Process, kill_hard};
use crate::programs;

/// Variables that would change what a realm does; tests begin without them.
const VARIABLES: [&str; 8] = [
    "MTOR_DATA",
    "MTOR_LISTEN",
    "MTOR_NAME",
    "MTOR_REALM",
    "MTOR_WORKERS",
    "MTOR_WALLET",
    "MTOR_LOG",
    "MTOR_PARENT_PIPE",
];

/// How to start a realm. The default is a broker alone, with the default settings.
#[derive(Debug, Clone, Default)]
pub struct RealmOptions {
    /// The content of `realm.toml`; the default settings when empty.
    pub settings: String,
    /// Arguments of `mtor up`; with none, `mtor broker` is started.
    pub up: Vec<String>,
    /// Puts the data folder on a disk of its own, of so many bytes.
    pub disk_bytes: Option<u64>,
    /// Three brokers on a database of their own; also where `$MTOR_E2E_CLUSTER` says so and one broker would do.
    pub cluster: bool,
    /// Variables in its environment.
    pub environment: Vec<(String, String)>,
}

/// A running realm. Dropped, it is killed, and its folder removed.
pub struct Realm {
    folder: TempDir,
    options: RealmOptions,
    address: SocketAddr,
    process: Option<Process>,
}

impl Realm {
    /// A broker with the default settings, ready.
    pub async fn start() -> Self {
        Self::with(RealmOptions::default()).await
    }

    /// A broker whose `realm.toml` says this, ready.
    pub async fn with_settings(settings: &str) -> Self {
        Self::with(RealmOptions { settings: settings.to_owned(), ..RealmOptions::default() }).await
    }

    /// A realm, ready.
    ///
    /// # Panics
    /// When it does not become ready; what it said is printed.
    pub async fn with(options: RealmOptions) -> Self {
        let mut options = options;
        let one_would_do = options.up.is_empty() && options.disk_bytes.is_none();
        options.cluster |=
            one_would_do && options.environment.is_empty() && std::env::var_os("MTOR_E2E_CLUSTER").is_some();
        let folder = tempfile::Builder::new().prefix("mtor-e2e-").tempdir().unwrap();
        // The database's user, where it is another, goes through here.
        std::fs::set_permissions(folder.path(), Permissions::from_mode(0o711)).unwrap();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_ports(options.ports())));
        let mut realm = Self { folder, options, address, process: None };
        std::fs::create_dir(realm.data()).unwrap();
        if !realm.options.settings.is_empty() {
            std::fs::write(realm.data().join("realm.toml"), &realm.options.settings).unwrap();
        }
        for _ in 0..PORT_TRIES {
            realm.process = Some(Process::start(realm.command(), &realm.log()));
            if realm.ready().await {
                return realm;
            }
            let said = realm.process.take().map(|process| process.said()).unwrap_or_default();
            assert!(said.contains("is taken"), "the realm ended before it was ready:\n{said}");
            // Another test took the port in the moment between looking and listening.
            std::fs::remove_file(realm.log()).unwrap();
            realm.address.set_port(free_ports(realm.options.ports()));
        }
        panic!("no free port after {PORT_TRIES} tries");
    }

    /// The command that starts it, for tests that start it in their own way.
    pub fn command(&self) -> Command {
        let mut command = match self.options.disk_bytes {
            Some(bytes) => on_small_disk(bytes, &self.data_folder()),
            None if self.options.up.is_empty() => Command::new(programs::mtor()),
            None => on_one_core(),
        };
        without_variables(&mut command);
        match self.options.up.is_empty() {
            true if self.options.cluster => {
                command.args(["up", "--cluster", "--workers", "none", "--no-browser"])
            }
            true => command.arg("broker"),
            false => command.args(["up", "--no-browser"]).env("PATH", path_with_workers()),
        };
        command.arg("--data").arg(self.data_folder()).arg("--listen").arg(self.address.to_string());
        command.args(&self.options.up);
        command.envs(self.options.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Waits until it is ready; false when it ends instead.
    async fn ready(&mut self) -> bool {
        let client = self.nobody();
        let process = self.process.as_mut().unwrap();
        until("the realm to be ready", async || {
            if process.ended().is_some() {
                return Some(false);
            }
            client.try_get("/readyz").await.filter(|reply| reply.status == 200).map(|_| true)
        })
        .await
    }

    /// `kill -9`. Of a cluster, for the broker that leads.
    pub fn kill(&mut self) {
        if self.options.cluster {
            let leader = self.leader().expect("somebody leads");
            return kill_hard(self.process_of_broker(leader).expect("it runs"));
        }
        self.process.take().expect("it runs").kill();
    }

    /// Where the brokers of a cluster listen.
    pub fn brokers(&self) -> [SocketAddr; 3] {
        [0, 1, 2].map(|place| SocketAddr::new(self.address.ip(), self.address.port() + place))
    }

    /// The folder of one of a cluster's brokers.
    pub fn broker_data(&self, place: usize) -> PathBuf {
        self.data_folder().join("brokers").join((place + 1).to_string())
    }

    /// The process of one of a cluster's brokers, once it has its ledger open.
    pub async fn broker_process(&self, place: usize) -> u32 {
        until("the broker to have its ledger", async || self.process_of_broker(place)).await
    }

    fn process_of_broker(&self, place: usize) -> Option<u32> {
        let lock = std::fs::read_to_string(self.broker_data(place).join("ledger.lock")).ok()?;
        let id: u32 = lock.trim().parse().ok()?;
        Path::new(&format!("/proc/{id}/exe")).exists().then_some(id)
    }

    /// `kill -9` for one of a cluster's brokers; it is started again by itself.
    pub async fn kill_broker(&self, place: usize) {
        kill_hard(self.broker_process(place).await);
    }

    /// Which of a cluster's brokers leads, as their logs say.
    pub async fn leading_broker(&self) -> usize {
        until("somebody to lead", async || self.leader()).await
    }

    fn leader(&self) -> Option<usize> {
        let leads = |place: &usize| {
            let log = self.data_folder().join("logs").join(format!("broker-{}.log", place + 1));
            let said = std::fs::read_to_string(log).unwrap_or_default();
            let tells = |line: &&str| {
                ["leads", "nobody leads"].contains(line)
                    || ["listening on ", "follows "].iter().any(|word| line.starts_with(word))
            };
            said.lines().rev().find(tells) == Some("leads") && self.process_of_broker(*place).is_some()
        };
        (0..self.brokers().len()).find(leads)
    }

    /// `kill -9` for what the brokers of a cluster share: `postgres` or `nats-server`. It is started again by itself.
    pub fn kill_shared(&self, name: &str) {
        self.kill_child(name);
    }

    /// Ends a cluster in order.
    ///
    /// # Panics
    /// When it does not end so.
    pub async fn end(mut self) {
        self.terminate();
        let status = self.wait().await;
        assert!(status.success(), "it did not end in order: {status}");
    }

    /// A client of one of a cluster's brokers that signs with this key.
    pub fn wallet_at(&self, place: usize, key: &Arc<Keypair>) -> Client {
        Client::new(self.brokers()[place], Who::Wallet(key.clone()), key.did())
    }

    /// Starts it again on the same folder and port, and waits until it is ready.
    ///
    /// # Panics
    /// When it still runs, or does not become ready.
    pub async fn restart(&mut self) {
        if self.options.cluster {
            // It is started again by itself, and somebody else leads meanwhile.
            assert!(self.ready().await, "the cluster ended");
            return;
        }
        let ended = self.process.take().is_none_or(|mut process| process.ended().is_some());
        assert!(ended, "it still runs");
        self.process = Some(Process::start(self.command(), &self.log()));
        assert!(self.ready().await, "the realm ended before it was ready again");
    }

    /// Asks it to end in order (SIGTERM). [`wait`](Self::wait) waits for it.
    pub fn terminate(&self) {
        self.process().terminate();
    }

    /// Waits for its end.
    pub async fn wait(&mut self) -> ExitStatus {
        self.process.as_mut().expect("it was started").wait().await
    }

    /// The process.
    pub fn process(&self) -> &Process {
        self.process.as_ref().expect("it runs")
    }

    /// The process, to ask whether it has ended.
    pub fn process_mut(&mut self) -> &mut Process {
        self.process.as_mut().expect("it was started")
    }

    /// Kills a program that the realm started, by its name: `kill -9`.
    ///
    /// # Panics
    /// When the realm has no such child.
    pub fn kill_child(&self, name: &str) {
        let child = self.child(name).unwrap_or_else(|| panic!("the realm has no child {name}"));
        kill_hard(child);
    }

    /// The process id of a program that the realm started.
    pub fn child(&self, name: &str) -> Option<u32> {
        let parent = self.process().id().to_string();
        let pids = std::fs::read_dir("/proc")
            .unwrap()
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
        pids.into_iter().find(|pid: &u32| {
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            // `PID (NAME) STATE PARENT ...`; a dead one that nobody waited for yet is in state Z.
            let Some((front, back)) = stat.rsplit_once(") ") else { return false };
            let mut fields = back.split(' ');
            let (state, its_parent) = (fields.next().unwrap_or_default(), fields.next().unwrap_or_default());
            front.split_once('(').is_some_and(|(_, its_name)| its_name == name)
                && its_parent == parent
                && state != "Z"
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its address as a URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Its data folder, as far as it can be seen from here.
    pub fn data(&self) -> PathBuf {
        match &self.process {
            // Its disk is mounted where it alone sees it.
            Some(process) if self.options.disk_bytes.is_some() => {
                let here = format!("/proc/{}/root{}", process.id(), self.data_folder().display());
                PathBuf::from(here)
            }
            _ => self.data_folder(),
        }
    }

    fn data_folder(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// A place for files that belong to the test, removed with the realm.
    pub fn scratch(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Starts another program on this realm's folder or port, and gives how it ended and what it said.
    pub async fn beside(&self, command: Command) -> (ExitStatus, String) {
        let mut process = Process::start(command, &self.scratch("beside.log"));
        let status = process.wait().await;
        (status, process.said())
    }

    /// Whether some worker offers a capability.
    pub async fn offers(&self, capability: &str) -> bool {
        let workers: Vec<WorkerInfo> = self.nobody().get("/api/workers").await.json();
        workers.iter().flat_map(|worker| &worker.offers).any(|offer| offer.capability.as_str() == capability)
    }

    /// Starts `mtor` with these arguments as somebody on the realm's machine, for as long as the test needs it.
    pub fn start_beside(&self, arguments: &[&str], log: &str) -> Process {
        let mut command = mtor(arguments);
        command.env("MTOR_REALM", self.url()).env("MTOR_DATA", self.data());
        Process::start(command, &self.scratch(log))
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("realm.log")
    }

    /// A client on the realm's machine that does not say who it is: the owner, to the realm.
    pub fn owner(&self) -> Client {
        let key = KeyFile::load(&self.data().join("owner.key")).unwrap();
        Client::new(self.address, Who::Owner, key.keypair().did())
    }

    /// A client for what everybody may see.
    pub fn nobody(&self) -> Client {
        Client::new(self.address, Who::Owner, mtor_protocol::Did(String::new()))
    }

    /// A client that signs with this key.
    pub fn wallet(&self, key: &Arc<Keypair>) -> Client {
        Client::new(self.address, Who::Wallet(key.clone()), key.did())
    }

    /// A client with a new key, whose wallet is empty.
    pub fn new_wallet(&self) -> Client {
        self.wallet(&Arc::new(Keypair::generate().unwrap()))
    }

    /// A client with a new key, whose wallet was filled by the owner.
    pub async fn funded_wallet(&self) -> Client {
        let client = self.new_wallet();
        let wallet: WalletInfo =
            client.post(&format!("/api/wallets/{}/welcome", client.did()), Vec::new()).await.json();
        assert!(wallet.available.0 > 0, "the owner fills a new wallet: {wallet:?}");
        client
    }

    /// Who the realm is.
    pub async fn info(&self) -> RealmInfo {
        self.nobody().get("/api/realm").await.json()
    }

    /// How its queues stand.
    pub async fn queue(&self) -> QueueInfo {
        self.nobody().get("/api/queue").await.json()
    }

    /// The realm still does its work: it is ready, and says who it is.
    ///
    /// # Panics
    /// When it does not.
    pub async fn assert_unharmed(&self) {
        let ready = self.nobody().get("/readyz").await;
        assert_eq!(ready.status, 200, "{}", ready.text());
        assert!(self.info().await.ledger.writable);
    }

    /// `mtor ledger verify` on the data folder, also while the realm runs.
    ///
    /// # Panics
    /// When it does not verify.
    pub fn verify_ledger(&self) -> String {
        match self.options.cluster {
            true => self.verify_ledger_in(&self.broker_data(self.leader().expect("somebody leads"))),
            false => self.verify_ledger_in(&self.data_folder()),
        }
    }

    /// The same on another folder.
    ///
    /// # Panics
    /// When it does not verify.
    pub fn verify_ledger_in(&self, folder: &Path) -> String {
        let mut command = match (&self.process, self.options.disk_bytes) {
            (Some(process), Some(_)) => beside_its_disk(process.id()),
            _ => Command::new(programs::mtor()),
        };
        without_variables(&mut command);
        let output = run(command.args(["ledger", "verify", "--data"]).arg(folder));
        let said =
            format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "the ledger does not verify: {said}");
        assert!(said.contains("verified: ") && said.contains("sum 0, root "), "{said}");
        said
    }

    /// As [`run`](Self::run), off the test's own thread, on which its workers live.
    ///
    /// # Panics
    /// When it can't be run.
    pub async fn run_aside(&self, arguments: &[&str]) -> Output {
        let mut command = mtor(arguments);
        command.env("MTOR_REALM", self.url()).env("MTOR_DATA", self.data());
        tokio::task::spawn_blocking(move || run(&mut command)).await.unwrap()
    }

    /// Runs `mtor` with these arguments as somebody on the realm's machine, to its end.
    pub fn run(&self, arguments: &[&str]) -> Output {
        run(mtor(arguments).env("MTOR_REALM", self.url()).env("MTOR_DATA", self.data()))
    }
}

/// The `mtor` command with arguments, free of what the environment says about other realms.
fn mtor<'a>(arguments: impl IntoIterator<Item = &'a (impl AsRef<std::ffi::OsStr> + ?Sized + 'a)>) -> Command {
    let mut command = Command::new(programs::mtor());
    without_variables(&mut command);
    command.args(arguments);
    command
}

impl RealmOptions {
    /// Ports that it takes, one after the other.
    fn ports(&self) -> u16 {
        if self.cluster { 7 } else { 1 }
    }
}

fn without_variables(command: &mut Command) {
    for name in VARIABLES {
        command.env_remove(name);
    }
}

/// Where programs are found, the chat worker's among them.
fn path_with_workers() -> std::ffi::OsString {
    let chat = programs::chat_worker();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = chat.parent().map(Path::to_owned).into_iter().chain(std::env::split_paths(&path));
    std::env::join_paths(folders).expect("folders of PATH have no colon in their names")
}

/// The `mtor` command with one core for itself and its workers. Beside other tests, an engine's threads on several busy
/// cores wait for one another most of the time.
fn on_one_core() -> Command {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let allowed = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:")).unwrap().trim();
    // `0-3,8`: any of them will do, but not the same one for all tests.
    let cores: Vec<&str> = allowed.split([',', '-']).collect();
    let core = cores[usize::from(u16::from_be_bytes(random_bytes().unwrap())) % cores.len()];
    let mut command = Command::new("taskset");
    command.args(["--cpu-list", core]).arg(programs::mtor());
    command
}

/// The `mtor` command with a disk of so many bytes mounted at `folder`, for itself alone: it is gone with the process.
fn on_small_disk(bytes: u64, folder: &Path) -> Command {
    let mut command = Command::new("unshare");
    if !rustix::process::getuid().is_root() {
        command.arg("--map-root-user");
    }
    let script = format!("mount -t tmpfs -o size={bytes} tmpfs {} && exec \"$0\" \"$@\"", folder.display());
    command.args(["--mount", "sh", "-c", &script]).arg(programs::mtor());
    command
}

/// The `mtor` command where the disk of that process can be seen.
fn beside_its_disk(process: u32) -> Command {
    let mut command = Command::new("nsenter");
    if !rustix::process::getuid().is_root() {
        command.args(["--user", "--preserve-credentials"]);
    }
    command.args(["--mount", "--target", &process.to_string()]).arg(programs::mtor());
    command
}

fn run(command: &mut Command) -> Output {
    command.stdin(std::process::Stdio::null()).output().unwrap()
}

/// A port that nobody listens on now.
///
/// # Panics
/// When there is none.
pub fn free_port() -> u16 {
    free_ports(1)
}

/// The first of so many ports, one after the other, on which nobody listens.
fn free_ports(count: u16) -> u16 {
    let start = u16::from_be_bytes(random_bytes().unwrap());
    let span = PORTS.end - PORTS.start - count;
    let is_free = |port: u16| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok();
    (0..span)
        .map(|step| PORTS.start + start.wrapping_add(step) % span)
        .find(|first| (*first..*first + count).all(is_free))
        .expect("some ports are free")
}
