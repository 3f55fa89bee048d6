//! Services that the owner attached by their address: each has a gateway of its own, which is kept running, and comes back with
//! the realm. What there is stands in `workers/attached.json`; the key of a service in a file beside it, for its owner alone,
//! which the gateway reads and nobody gives out.

use std::ffi::OsString;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use mtor_broker::AttachWish;
use mtor_protocol::{AttachRequest, Attachment, Problem, ProblemKind, limits};
use serde::{Deserialize, Serialize};
use tokio::process::Command;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::child_log::ChildLog;
use super::summary::Summary;
use super::supervisor::{Say, Supervisor};
use crate::commands::worker::{Kind, find_program};
use crate::data::DataFolder;
use crate::log_file::LogFile;

/// How long finding out what is at an address may take.
const PROBE_PATIENCE: Duration = Duration::from_secs(25);
/// How long what a gateway said last counts as its trouble.
const TROUBLE_LASTS: Duration = Duration::from_secs(120);

/// A service, as it is remembered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Remembered {
    id: String,
    name: String,
    gateway: String,
    address: String,
    keyed: bool,
}

/// What `mtor-gateway probe` says.
#[derive(Debug, Deserialize)]
struct Probed {
    service: String,
    name: String,
    gateway: String,
    address: String,
}

/// What a gateway said last, and when.
type Trouble = Arc<Mutex<Option<(Instant, String)>>>;

/// One that runs.
struct Running {
    service: Remembered,
    trouble: Trouble,
    stop: CancellationToken,
}

/// All of them, and the way to start more.
pub(super) struct Attached {
    folder: DataFolder,
    summary: Summary,
    running: Vec<Running>,
    tasks: TaskTracker,
    /// Ends all of them.
    stop: CancellationToken,
}

impl Attached {
    /// Starts those that are remembered. They end at `stop`.
    pub(super) fn recall(
        folder: DataFolder,
        summary: Summary,
        tasks: TaskTracker,
        stop: CancellationToken,
    ) -> Self {
        let mut attached = Self { folder, summary, running: Vec::new(), tasks, stop };
        let remembered = match attached.read() {
            Ok(remembered) => remembered,
            Err(error) => {
                attached.summary.say(&format!("The attached services are not started: {error:#}"));
                Vec::new()
            }
        };
        for service in remembered {
            attached.start(service);
        }
        attached
    }

    /// Does what the owner wants, one wish after the other, until `stop`.
    pub(super) async fn run(mut self, mut wishes: mpsc::Receiver<AttachWish>) {
        let stop = self.stop.clone();
        while let Some(Some(wish)) = stop.run_until_cancelled(wishes.recv()).await {
            // Whoever asked may be gone.
            match wish {
                AttachWish::List(reply) => drop(reply.send(self.list())),
                AttachWish::Attach(request, reply) => {
                    let Some(done) = stop.run_until_cancelled(self.attach(request)).await else { return };
                    drop(reply.send(done));
                }
                AttachWish::Detach(id, reply) => drop(reply.send(self.detach(&id))),
            }
        }
    }

    fn list(&self) -> Vec<Attachment> {
        self.running.iter().map(shown).collect()
    }

    async fn attach(&mut self, request: AttachRequest) -> Result<Attachment, Problem> {
        if self.running.len() >= limits::ATTACHMENTS_MAX {
            let detail = format!("{} services are attached, the most that may be", self.running.len());
            return Err(Problem::new(ProblemKind::TooManyRequests, detail));
        }
        let Probed { service, name, gateway, address } = probe(&request.address).await.map_err(|error| {
            Problem::new(ProblemKind::InvalidRequest, format!("{error:#}")).param("address")
        })?;
        if self.running.iter().any(|running| running.service.address == address) {
            let detail = format!("{address} is attached already");
            return Err(Problem::new(ProblemKind::Conflict, detail).param("address"));
        }
        let id = self.free_id(&service);
        let keyed = request.key.is_some() && gateway != "wyoming";
        let unkept = |error: std::io::Error| {
            Problem::new(ProblemKind::Internal, format!("it can't be remembered: {error}"))
        };
        if let Some(key) = request.key.filter(|_| keyed) {
            write_private(&self.secret(&id), key.trim().as_bytes()).map_err(unkept)?;
        }
        let service = Remembered { id, name, gateway, address, keyed };
        let all = self.running.iter().map(|running| &running.service).chain([&service]);
        self.remember(&all.collect::<Vec<_>>()).map_err(unkept)?;
        self.summary.worker(&service.id, &format!("attached {} at {}", service.name, service.address));
        Ok(shown(self.start(service)))
    }

    fn detach(&mut self, id: &str) -> Result<Vec<Attachment>, Problem> {
        let at = self.running.iter().position(|running| running.service.id == id);
        let at =
            at.ok_or_else(|| Problem::new(ProblemKind::NotFound, "no such service is attached").param("id"))?;
        let rest: Vec<_> =
            self.running.iter().map(|running| &running.service).filter(|service| service.id != id).collect();
        self.remember(&rest)
            .map_err(|error| Problem::new(ProblemKind::Internal, format!("it stays attached: {error}")))?;
        let gone = self.running.remove(at);
        gone.stop.cancel();
        if gone.service.keyed
            && let Err(error) = std::fs::remove_file(self.secret(id))
        {
            tracing::warn!(id, %error, "the key of a service that was detached could not be removed");
        }
        self.summary.worker(id, "detached");
        Ok(self.list())
    }

    fn start(&mut self, service: Remembered) -> &Running {
        let trouble = Trouble::default();
        let stop = self.stop.child_token();
        match self.supervisor(&service, trouble.clone()) {
            Ok(supervisor) => drop(self.tasks.spawn(supervisor.run(stop.clone()))),
            Err(error) => {
                let why = format!("not started: {error:#}");
                self.summary.worker(&service.id, &why);
                note(&trouble, &why);
            }
        }
        self.running.push(Running { service, trouble, stop });
        // It was pushed just now.
        &self.running[self.running.len() - 1]
    }

    fn supervisor(&self, service: &Remembered, trouble: Trouble) -> anyhow::Result<Supervisor> {
        let name = format!("gateway-{}", service.id);
        let log = LogFile::open(&self.folder.log(&name)).context("its log can't be written")?;
        let mut options: Vec<OsString> = vec![
            service.gateway.clone().into(),
            service.address.clone().into(),
            "--realm".into(),
            self.summary.realm_address().into(),
            "--key".into(),
            self.folder.worker_key(&name).into(),
            "--name".into(),
            service.id.clone().into(),
        ];
        if service.keyed {
            options.extend(["--key-file".into(), self.secret(&service.id).into()]);
        }
        let (summary, id) = (self.summary.clone(), service.id.clone());
        let say: Say = Arc::new(move |line: &str| {
            note(&trouble, line);
            summary.worker(&id, line);
        });
        let (program, environment) = (find_program(Kind::Gateway)?, Vec::new());
        Ok(Supervisor { program, options, environment, log: ChildLog::new(log), say })
    }

    /// `ollama`, `ollama-2`, ...: the first that is free.
    fn free_id(&self, word: &str) -> String {
        let taken = |id: &String| self.running.iter().any(|running| running.service.id == *id);
        let numbered = (2..).map(|number| format!("{word}-{number}"));
        std::iter::once(word.to_owned()).chain(numbered).find(|id| !taken(id)).unwrap_or_default()
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("workers").join("attached.json")
    }

    fn secret(&self, id: &str) -> PathBuf {
        self.folder.path().join("workers").join(format!("attached-{id}.secret"))
    }

    fn read(&self) -> anyhow::Result<Vec<Remembered>> {
        let file = self.file();
        match std::fs::read(&file) {
            Ok(bytes) => serde_json::from_slice(&bytes).with_context(|| format!("{}", file.display())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(error).with_context(|| format!("{}", file.display())),
        }
    }

    fn remember(&self, services: &[&Remembered]) -> std::io::Result<()> {
        write_private(&self.file(), &serde_json::to_vec_pretty(services)?)
    }
}

fn shown(Running { service, trouble, .. }: &Running) -> Attachment {
    let said = trouble.lock().unwrap_or_else(PoisonError::into_inner);
    Attachment {
        id: service.id.clone(),
        service: service.name.clone(),
        address: service.address.clone(),
        keyed: service.keyed,
        trouble: said.as_ref().filter(|(at, _)| at.elapsed() < TROUBLE_LASTS).map(|(_, line)| line.clone()),
    }
}

fn note(trouble: &Trouble, line: &str) {
    *trouble.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), line.to_owned()));
}

/// Asks the gateway what is at an address.
async fn probe(address: &str) -> anyhow::Result<Probed> {
    let mut command = Command::new(find_program(Kind::Gateway)?);
    // An address that begins with a dash is no option.
    command.arg("probe").arg("--").arg(address).stdin(Stdio::null()).kill_on_drop(true);
    let ended = tokio::time::timeout(PROBE_PATIENCE, command.output()).await;
    let ended = ended.context("it does not answer in time")??;
    if !ended.status.success() {
        let said = String::from_utf8_lossy(&ended.stderr);
        let last = said.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("nobody says why");
        anyhow::bail!("{}", last.trim_start_matches("error: "));
    }
    serde_json::from_slice(&ended.stdout).context("the gateway's answer")
}

/// Writes a file for its owner alone, whole or not at all.
fn write_private(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let coming = path.with_extension("new");
    // One that was left behind may have other rights.
    if let Err(error) = std::fs::remove_file(&coming)
        && error.kind() != std::io::ErrorKind::NotFound
    {
        return Err(error);
    }
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&coming)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(coming, path)
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn what_is_private_is_its_owner_s_alone_and_replaced_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("workers/attached-a.secret");
        for text in ["sk-first", "sk-2"] {
            write_private(&path, text.as_bytes()).unwrap();
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
        assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }
}
