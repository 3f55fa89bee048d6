//! `mtor mcp`: a realm's tools for programs that start their servers of the Model Context Protocol themselves. Each line
//! of the standard input goes to the realm's `/mcp`, and what it answers comes out as lines.

use std::sync::Arc;

use anyhow::Context as _;
use clap::Args;
use futures_util::StreamExt as _;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinSet;

use crate::client::{Api, RealmArg, WhoArg};
use crate::data::DataArg;

const EXAMPLES: &str = "\
Examples:
  mtor mcp                                  the realm on this machine, as its owner
  mtor mcp --realm http://attic:9000        another realm, with the wallet of the data folder

In a client's settings: command \"mtor\", arguments [\"mcp\"].";

/// Answers that wait for whoever reads the output.
const LINES_MAX: usize = 64;
/// Requests under way at once; what comes beyond that waits.
const REQUESTS_MAX: usize = 64;
/// The header that names the session.
const SESSION: &str = "mcp-session-id";

/// Serves a realm's tools on the standard input and output (Model Context Protocol), until the input ends.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct McpArgs {
    #[command(flatten)]
    realm: RealmArg,
    #[command(flatten)]
    data: DataArg,
    #[command(flatten)]
    who: WhoArg,
}

/// The way to the realm.
struct Bridge {
    api: Api,
    /// As the realm named it.
    session: Mutex<Option<String>>,
    lines: mpsc::Sender<String>,
}

/// Carries lines both ways.
pub(crate) async fn run(args: McpArgs) -> anyhow::Result<()> {
    let realm = &args.realm.realm;
    let who = args.who.who(realm, &args.data.folder()?)?;
    let (lines, out) = mpsc::channel(LINES_MAX);
    let bridge = Arc::new(Bridge { api: Api::new(realm, who)?, session: Mutex::default(), lines });
    let writing = tokio::spawn(write(out));
    let mut input = BufReader::new(tokio::io::stdin()).lines();
    let mut requests = JoinSet::new();
    while let Some(line) = input.next_line().await.context("reading the input")? {
        while requests.len() >= REQUESTS_MAX {
            requests.join_next().await;
        }
        while requests.try_join_next().is_some() {}
        if line.trim().is_empty() {
            continue;
        }
        let bridge = bridge.clone();
        let begins = line.contains("\"initialize\"");
        let carried = async move { bridge.carry(line).await };
        // Whatever follows belongs to the session that this begins.
        if begins {
            carried.await;
        } else {
            requests.spawn(carried);
        }
    }
    while requests.join_next().await.is_some() {}
    bridge.end().await;
    drop(bridge);
    writing.await.context("writing the output")?
}

async fn write(mut lines: mpsc::Receiver<String>) -> anyhow::Result<()> {
    let mut output = tokio::io::stdout();
    while let Some(line) = lines.recv().await {
        output.write_all(format!("{line}\n").as_bytes()).await?;
        output.flush().await?;
    }
    Ok(())
}

impl Bridge {
    /// Carries one message to the realm, and its answers back. Whoever waits for one is told when there is none.
    async fn carry(&self, line: String) {
        let id = serde_json::from_str::<Value>(&line).ok().and_then(|message| message.get("id").cloned());
        if let Err(error) = self.exchange(line).await {
            let Some(id) = id else { return tracing::warn!(%error, "a message did not reach the realm") };
            let answer = json!({ "jsonrpc": "2.0", "id": id, "error": { "code": -32603, "message": format!("{error:#}") } });
            self.say(answer.to_string()).await;
        }
    }

    async fn exchange(&self, line: String) -> anyhow::Result<()> {
        let session = self.session.lock().await.clone();
        let headers = session.iter().map(|name| (SESSION, name.as_str()));
        let headers: Vec<_> = headers.chain([("accept", "application/json, text/event-stream")]).collect();
        let answer = self.api.stream("/mcp", line.into_bytes(), &headers).await?;
        if let Some(name) = answer.headers().get(SESSION).and_then(|name| name.to_str().ok()) {
            *self.session.lock().await = Some(name.to_owned());
        }
        let kind =
            answer.headers().get("content-type").and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        if !kind.starts_with("text/event-stream") {
            let text = answer.text().await?;
            if !text.is_empty() {
                self.say(text).await;
            }
            return Ok(());
        }
        let (mut pieces, mut held) = (answer.bytes_stream(), Vec::new());
        while let Some(piece) = pieces.next().await {
            held.extend_from_slice(&piece?);
            while let Some(end) = held.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = held.drain(..=end).collect();
                let line = String::from_utf8_lossy(&line);
                if let Some(data) = line.trim_end().strip_prefix("data: ") {
                    self.say(data.to_owned()).await;
                }
            }
        }
        Ok(())
    }

    async fn end(&self) {
        if let Some(name) = self.session.lock().await.take() {
            // A realm that is gone has no session either.
            let _ = self.api.leave("/mcp", (SESSION, &name)).await;
        }
    }

    /// Nobody reads any more when this fails; the input ends then, too.
    async fn say(&self, line: String) {
        let _ = self.lines.send(line).await;
    }
}
