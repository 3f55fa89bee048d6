//! The realm that is loaded: one that runs already, or a temporary one in a process of its own.

use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::process;
use crate::client::{Api, RealmUrl, Who};

/// How long a child may take to listen.
const START_TIMEOUT: Duration = Duration::from_secs(30);

/// Limits that would be met by one machine that plays all clients.
const SETTINGS: &str = "\
name = \"bench\"
[limits]
requests_per_s = 10000000
open_per_wallet = 100000
waiting_per_capability = 100000
";

/// A realm under load.
pub(super) struct Target {
    url: RealmUrl,
    pid: Option<u32>,
    started: Option<Started>,
}

/// A temporary realm: its process ends with this, and its folder goes.
struct Started {
    _child: Child,
    start: Duration,
    idle_rss_bytes: Option<u64>,
    _folder: TempDir,
}

impl Target {
    /// One that runs already; with its process, if that is known.
    pub(super) fn running(url: RealmUrl, pid: Option<u32>) -> Self {
        Self { url, pid, started: None }
    }

    /// Starts one in a temporary folder.
    ///
    /// # Errors
    /// When it does not come up.
    pub(super) async fn start() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir().context("a temporary folder for the realm")?;
        std::fs::write(folder.path().join("realm.toml"), SETTINGS)?;
        let begun = Instant::now();
        let mut command = Command::new(std::env::current_exe()?);
        command
            .args(["broker", "--listen", "127.0.0.1:0", "--data"])
            .arg(folder.path())
            .env("MTOR_LOG", "warn");
        let (child, url) = start_child(command).await.context("starting a temporary realm")?;
        Api::new(&url, Who::Owner)?.get_bytes("/readyz").await.context("the temporary realm is not ready")?;
        let start = begun.elapsed();
        let pid = child.id();
        let idle_rss_bytes = pid.and_then(|pid| process::rss_bytes_of(&[pid]));
        let started = Started { _child: child, start, idle_rss_bytes, _folder: folder };
        Ok(Self { url, pid, started: Some(started) })
    }

    /// Where it is.
    pub(super) fn url(&self) -> &RealmUrl {
        &self.url
    }

    /// The broker's process, if it is known.
    pub(super) fn pid(&self) -> Option<u32> {
        self.pid
    }

    /// From the start of the process until it was ready, if we started it.
    pub(super) fn start_time(&self) -> Option<Duration> {
        self.started.as_ref().map(|started| started.start)
    }

    /// Its memory right after that, in bytes.
    pub(super) fn idle_rss_bytes(&self) -> Option<u64> {
        self.started.as_ref().and_then(|started| started.idle_rss_bytes)
    }
}

/// Starts a program of ours that says `listening on URL` first, and waits for that. It ends when the child is dropped.
///
/// # Errors
/// When it ends or is silent instead.
pub(super) async fn start_child(mut command: Command) -> anyhow::Result<(Child, RealmUrl)> {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true).spawn()?;
    let output = child.stdout.take().context("the child has no output")?;
    let mut line = String::new();
    let said = timeout(START_TIMEOUT, BufReader::new(output).read_line(&mut line)).await;
    said.context("it did not say where it listens")??;
    let Some(url) = line.trim().strip_prefix("listening on ") else {
        bail!("it ended, or said {line:?} instead of where it listens");
    };
    let url = RealmUrl::parse(url).map_err(anyhow::Error::msg)?;
    Ok((child, url))
}
