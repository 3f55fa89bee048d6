//! MCP over standard input and output: the server is a child of ours, one line is one message.

use std::collections::HashMap;
use std::process::Stdio;
use std::sync::{Arc, Mutex as SyncMutex, PoisonError};

use mtor_worker::Output;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::{Mutex, mpsc};
use tokio_util::task::AbortOnDropHandle;

use super::rpc::{self, Heard, hear};
use super::tell_progress;
use crate::defaults::{LINE_BYTES_MAX, TOOL_CALLS_MAX};
use crate::fault::{Fault, RunError};

/// Messages about one request that wait to be read.
const WAITING_MAX: usize = 64;

/// A program that is an MCP server.
#[derive(Debug, Clone)]
pub struct ServerCommand {
    /// The program.
    pub program: std::ffi::OsString,
    /// What it is started with.
    pub arguments: Vec<std::ffi::OsString>,
}

#[derive(Debug)]
pub(super) struct Link {
    command: ServerCommand,
    server: Mutex<Option<Arc<Server>>>,
}

impl Link {
    pub(super) fn new(command: ServerCommand) -> Self {
        Self { command, server: Mutex::default() }
    }

    /// The program's name alone: what it is started with may be anything.
    pub(super) fn address(&self) -> String {
        self.command.program.to_string_lossy().into_owned()
    }

    pub(super) async fn ask(
        &self,
        method: &str,
        params: Value,
        output: Option<&mut Output>,
    ) -> Result<Value, RunError> {
        self.server().await?.ask(method, params, output).await
    }

    async fn server(&self) -> Result<Arc<Server>, RunError> {
        // Held while it starts, so that there is one.
        let mut server = self.server.lock().await;
        if let Some(server) = server.as_ref().filter(|server| server.lives()) {
            return Ok(server.clone());
        }
        let new = Arc::new(Server::start(&self.command)?);
        new.ask("initialize", rpc::hello(), None).await?;
        new.say(&rpc::notification("notifications/initialized", json!({}))).await?;
        Ok(server.insert(new).clone())
    }
}

/// Who waits for what the server says about a request.
type Waiting = Arc<SyncMutex<HashMap<u64, mpsc::Sender<Heard>>>>;

/// A server that runs.
#[derive(Debug)]
struct Server {
    /// Killed when this is dropped.
    _child: Child,
    input: Arc<Mutex<ChildStdin>>,
    waiting: Waiting,
    next: SyncMutex<u64>,
    reader: AbortOnDropHandle<()>,
}

impl Server {
    fn start(command: &ServerCommand) -> Result<Self, Fault> {
        let spawned = Command::new(&command.program)
            .args(&command.arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // What it logs is read where our own log is.
            .stderr(Stdio::inherit())
            .kill_on_drop(true)
            .spawn();
        let program = command.program.to_string_lossy();
        let mut child =
            spawned.map_err(|error| Fault::Lost(format!("{program} can't be started: {error}")))?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(Fault::Lost(format!("{program} has no standard input and output")));
        };
        let (input, waiting) = (Arc::new(Mutex::new(input)), Waiting::default());
        let reader = tokio::spawn(read(output, input.clone(), waiting.clone()));
        Ok(Self {
            _child: child,
            input,
            waiting,
            next: SyncMutex::new(1),
            reader: AbortOnDropHandle::new(reader),
        })
    }

    fn lives(&self) -> bool {
        !self.reader.is_finished()
    }

    async fn say(&self, message: &Value) -> Result<(), Fault> {
        write(&self.input, message).await
    }

    async fn ask(
        &self,
        method: &str,
        params: Value,
        mut output: Option<&mut Output>,
    ) -> Result<Value, RunError> {
        let (sender, mut heard) = mpsc::channel(WAITING_MAX);
        let id = {
            let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
            *next += 1;
            *next
        };
        {
            let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            if waiting.len() >= TOOL_CALLS_MAX {
                return Err(Fault::Busy { status: 429, after: crate::defaults::PAUSE_UNSAID }.into());
            }
            waiting.insert(id, sender);
        }
        let mut asked = Asked { server: self, id, answered: false };
        self.say(&rpc::request(id, method, params)).await?;
        // The sender is dropped when the server is gone.
        while let Some(heard) = heard.recv().await {
            match heard {
                Heard::Answer(_, result) => {
                    asked.answered = true;
                    return Ok(result?);
                }
                Heard::Progress(_, params) => {
                    if let Some(output) = output.as_deref_mut() {
                        tell_progress(&params, output).await?;
                    }
                }
                Heard::Question(_) | Heard::Nothing => {}
            }
        }
        asked.answered = true;
        Err(Fault::Lost("the server ended in the middle".to_owned()).into())
    }
}

/// A request under way. Dropped without an answer, it is called off.
struct Asked<'s> {
    server: &'s Server,
    id: u64,
    answered: bool,
}

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        self.server.waiting.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
        if !self.answered {
            let (input, id) = (self.server.input.clone(), self.id);
            // Ends as soon as the line is written, or the server is gone.
            tokio::spawn(async move {
                let params = json!({"requestId": id, "reason": "nobody waits for it any more"});
                let _ = write(&input, &rpc::notification("notifications/cancelled", params)).await;
            });
        }
    }
}

async fn write(input: &Mutex<ChildStdin>, message: &Value) -> Result<(), Fault> {
    let line = format!("{message}\n");
    let mut input = input.lock().await;
    let written = async {
        input.write_all(line.as_bytes()).await?;
        input.flush().await
    };
    written.await.map_err(|error| Fault::Lost(format!("the server does not read: {error}")))
}

/// Reads what the server says until it ends.
async fn read(output: ChildStdout, input: Arc<Mutex<ChildStdin>>, waiting: Waiting) {
    let mut output = BufReader::new(output);
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = (&mut output).take(LINE_BYTES_MAX as u64).read_until(b'\n', &mut line).await;
        if !matches!(read, Ok(1..)) || !line.ends_with(b"\n") {
            break;
        }
        let text = String::from_utf8_lossy(&line);
        let heard = match hear(text.trim()) {
            Ok(heard) => heard,
            Err(_) => {
                tracing::warn!(
                    "the server wrote something on its standard output that is no message; it is ignored"
                );
                continue;
            }
        };
        match heard {
            Heard::Answer(id, _) | Heard::Progress(id, _) => {
                let sender = waiting.lock().unwrap_or_else(PoisonError::into_inner).get(&id).cloned();
                if let Some(sender) = sender {
                    // Whoever reads slowly slows the server down, and nobody else's messages are lost.
                    let _ = sender.send(heard).await;
                }
            }
            Heard::Question(answer) => {
                if write(&input, &answer).await.is_err() {
                    break;
                }
            }
            Heard::Nothing => {}
        }
    }
    // Nobody waits in vain.
    waiting.lock().unwrap_or_else(PoisonError::into_inner).clear();
}
