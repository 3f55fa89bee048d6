//! Running the binary in an environment of its own, and a realm with a worker that does as the test says.

use std::path::Path;
use std::process::{Output, Stdio};
use std::sync::Arc;
use std::time::Duration;

use mtor_worker::protocol::{Announcement, CapabilityKind, CapabilityOffer, FinishReason};
use mtor_worker::{
    CancellationToken, Finished, Job, JobError, Keypair, Output as Answer, Settings, Worker, serve,
};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::Notify;
use tokio::time::timeout;

/// Longer than anything here takes, also on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// An empty home.
pub(crate) struct Home(TempDir);

/// What a command said, and how it ended.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Home {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// The binary with these arguments, and nothing of the tester's own environment.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mtor"));
        command.args(args).env_clear().current_dir(self.path());
        command
            .env("HOME", self.path())
            .env("TZ", "UTC")
            .env("CI", "1")
            .env("MTOR_MODELS", self.path().join("models"));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        command
    }

    /// Runs it to its end.
    pub(crate) async fn run(&self, args: &[&str]) -> Said {
        said(self.command(args).output(), self).await
    }

    /// Runs it with this on standard input.
    pub(crate) async fn run_with_input(&self, args: &[&str], input: &str) -> Said {
        let mut child = self.command(args).stdin(Stdio::piped()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        // A command that refuses without reading may be gone already.
        if let Err(error) = stdin.write_all(input.as_bytes()).await {
            assert_eq!(error.kind(), std::io::ErrorKind::BrokenPipe);
        }
        drop(stdin);
        said(child.wait_with_output(), self).await
    }
}

async fn said(output: impl Future<Output = std::io::Result<Output>>, home: &Home) -> Said {
    let output = timeout(PATIENCE, output).await.expect("it should have ended").unwrap();
    let text =
        |bytes: Vec<u8>| String::from_utf8(bytes).unwrap().replace(home.path().to_str().unwrap(), "HOME");
    Said { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
}

impl Said {
    /// All of it, for a snapshot.
    pub(crate) fn all(&self) -> String {
        format!("exit code {}\n--- out\n{}--- err\n{}", self.code, self.out, self.err)
    }

    /// What was said, of a command that did what it should.
    pub(crate) fn good(self) -> String {
        assert_eq!(self.code, 0, "{}", self.err);
        self.out
    }
}

/// A realm with an empty ledger.
pub(crate) struct Realm {
    pub(crate) home: Home,
    pub(crate) url: String,
    pub(crate) broker: Child,
}

impl Realm {
    pub(crate) async fn start() -> Self {
        Self::start_in(Home::new()).await
    }

    /// A realm in a home that has been prepared.
    pub(crate) async fn start_in(home: Home) -> Self {
        let (broker, url) = broker(&home, "127.0.0.1:0").await;
        Self { home, url, broker }
    }

    /// Kills the broker as a power failure would, and starts it again where it was.
    pub(crate) async fn crash_and_restart(&mut self) {
        self.broker.kill().await.unwrap();
        let address = self.url.strip_prefix("http://").unwrap().to_owned();
        (self.broker, _) = broker(&self.home, &address).await;
    }

    /// Runs a command against this realm.
    pub(crate) async fn run(&self, args: &[&str]) -> Said {
        said(self.command(args).output(), &self.home).await
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = self.home.command(args);
        command.env("MTOR_REALM", &self.url);
        command
    }

    /// The checkpoint that the realm publishes now, as `curl` gets it.
    pub(crate) async fn checkpoint(&self) -> String {
        let address = self.url.strip_prefix("http://").unwrap();
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let request = format!("GET /log/checkpoint HTTP/1.0\r\nHost: {address}\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer.split_once("\r\n\r\n").unwrap().1.to_owned()
    }

    /// Attaches a worker and waits until the realm knows it.
    pub(crate) async fn attach(&self, script: Arc<Script>) -> CancellationToken {
        let stop = CancellationToken::new();
        let settings = Settings::new(self.url.clone(), Arc::new(Keypair::generate().unwrap()));
        tokio::spawn(serve(Scripted(script), settings, stop.clone()));
        let known = async {
            while !self.run(&["price"]).await.out.contains("chat") {
                tokio::task::yield_now().await;
            }
        };
        timeout(PATIENCE, known).await.expect("the worker should be known");
        stop
    }
}

async fn broker(home: &Home, listen: &str) -> (Child, String) {
    let mut command = home.command(&["broker", "--listen", listen]);
    let mut child = command.stderr(Stdio::null()).spawn().unwrap();
    let line = first_line(&mut child).await;
    (child, line.strip_prefix("listening on ").unwrap_or_else(|| panic!("it said {line:?}")).to_owned())
}

/// The first line that a program says.
pub(crate) async fn first_line(child: &mut Child) -> String {
    let mut line = String::new();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    timeout(PATIENCE, output.read_line(&mut line)).await.expect("it should say something").unwrap();
    line.trim_end().to_owned()
}

/// Reads a program's output until these words came.
pub(crate) async fn read_until(child: &mut Child, words: &str) -> String {
    let output = child.stdout.as_mut().unwrap();
    let mut seen = Vec::new();
    let reading = async {
        while !String::from_utf8_lossy(&seen).contains(words) {
            if output.read_buf(&mut seen).await.unwrap() == 0 {
                break;
            }
        }
    };
    timeout(PATIENCE, reading).await.expect("these words should have come");
    let seen = String::from_utf8(seen).unwrap();
    assert!(seen.contains(words), "{seen}");
    seen
}

/// Sends a program the signal that Ctrl-C sends.
pub(crate) fn interrupt(child: &Child) {
    let pid = rustix::process::Pid::from_raw(i32::try_from(child.id().unwrap()).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
}

/// What the worker answers: the words of the question, each as a token. Before the word "wait" it waits for `go`.
#[derive(Default)]
pub(crate) struct Script {
    pub(crate) go: Notify,
}

struct Scripted(Arc<Script>);

impl Worker for Scripted {
    fn announcement(&self) -> Announcement {
        Announcement::new("scripted", [CapabilityOffer::new(CapabilityKind::CHAT, "echo", 4)])
    }

    async fn run(&self, job: Job, output: &mut Answer) -> Result<Finished, JobError> {
        let mtor_worker::protocol::intent::Task::Chat(chat) = &job.intent.task else {
            return Err(JobError::failed("only chat"));
        };
        let answer =
            chat.messages.iter().map(|message| message.content.as_str()).collect::<Vec<_>>().join("|");
        for word in answer.strip_prefix(&job.prefix).unwrap_or(&answer).split_inclusive(' ') {
            if word.starts_with("wait") {
                tokio::select! {
                    () = self.0.go.notified() => {}
                    () = job.cancelled.cancelled() => {}
                }
            }
            output.text(word, 1).await?;
        }
        Ok(Finished { usage: output.usage(1), finish: FinishReason::Stop })
    }
}
