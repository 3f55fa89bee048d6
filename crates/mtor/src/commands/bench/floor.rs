//! The floors: what the same load costs a plain axum server, and nginx as a proxy before it.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use axum::extract::State;
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use axum::serve::ListenerExt as _;
use axum::{Json, Router};
use clap::Args;
use futures_util::stream;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep};

use super::echo::Answer;
use super::realm::start_child;
use crate::client::RealmUrl;
use crate::exit::Fault;
use crate::terminal;

/// How long nginx may take to listen.
const START_TIMEOUT: Duration = Duration::from_secs(10);

/// The plain axum server, as a program of its own. For `mtor bench` only.
#[derive(Debug, Args)]
pub(crate) struct FloorArgs {
    /// Pieces of each answer
    #[arg(long, default_value_t = 1)]
    chunks: u32,
    /// Milliseconds between two pieces
    #[arg(long, default_value_t = 0)]
    pace: u64,
}

/// Runs the plain axum server until it is ended.
pub(crate) async fn serve(args: FloorArgs) -> anyhow::Result<()> {
    let answer = Answer { chunks: args.chunks, pace: Duration::from_millis(args.pace) };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    terminal::line(&format!("listening on http://{}", listener.local_addr()?))?;
    let router = Router::new().route("/v1/chat/completions", post(complete)).with_state(Arc::new(answer));
    // Without it chunks wait 40 ms for the acknowledgement of the one before, which would flatter whoever is compared.
    let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
    axum::serve(listener, router).await.context("the plain server")
}

async fn complete(State(answer): State<Arc<Answer>>, Json(request): Json<Value>) -> Response {
    if request["stream"] == Value::Bool(true) {
        return stream_of(answer).into_response();
    }
    let words = "word ".repeat(answer.chunks as usize);
    let choice =
        json!({ "index": 0, "message": { "role": "assistant", "content": words }, "finish_reason": "stop" });
    let usage =
        json!({ "prompt_tokens": 1, "completion_tokens": answer.chunks, "total_tokens": answer.chunks + 1 });
    Json(json!({
        "id": "chatcmpl-1", "object": "chat.completion", "created": 0, "model": request["model"],
        "choices": [choice], "usage": usage,
    }))
    .into_response()
}

fn stream_of(answer: Arc<Answer>) -> Sse<impl stream::Stream<Item = Result<Event, Infallible>>> {
    Sse::new(stream::unfold(0, move |number| {
        let answer = answer.clone();
        async move {
            if number > answer.chunks {
                return None;
            }
            if number == answer.chunks {
                return Some((Ok(Event::default().data("[DONE]")), number + 1));
            }
            if number > 0 && !answer.pace.is_zero() {
                sleep(answer.pace).await;
            }
            let choice = json!({ "index": 0, "delta": { "content": "word " }, "finish_reason": null });
            let chunk = json!({ "id": "chatcmpl-1", "object": "chat.completion.chunk", "choices": [choice] });
            Some((Ok(Event::default().data(chunk.to_string())), number + 1))
        }
    }))
}

/// The plain axum server in a child process.
pub(super) struct Axum {
    child: Child,
    url: RealmUrl,
}

impl Axum {
    /// Starts it; its answers are those of the echo worker.
    ///
    /// # Errors
    /// When it does not come up.
    pub(super) async fn start(answer: &Answer) -> anyhow::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["bench-floor", "--chunks", &answer.chunks.to_string()]);
        command.args(["--pace", &answer.pace.as_millis().to_string()]);
        let (child, url) = start_child(command).await.context("starting the plain axum server")?;
        Ok(Self { child, url })
    }

    /// Where it is.
    pub(super) fn url(&self) -> &RealmUrl {
        &self.url
    }

    /// Its process.
    pub(super) fn pid(&self) -> u32 {
        self.child.id().unwrap_or(0)
    }
}

/// nginx in a child process, with a configuration of its own.
pub(super) struct Nginx {
    child: Child,
    url: RealmUrl,
    _folder: TempDir,
}

impl Nginx {
    /// Starts it as a proxy before `upstream`.
    ///
    /// # Errors
    /// When it is not installed or does not come up.
    pub(super) async fn start(upstream: &RealmUrl) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        // The port is free now; that nobody takes it before nginx does is all but certain.
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?.local_addr()?.port();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let file = folder.path().join("nginx.conf");
        std::fs::write(&file, configuration(folder.path(), address, upstream))?;
        let mut command = Command::new("nginx");
        command
            .arg("-p")
            .arg(folder.path())
            .arg("-e")
            .arg(folder.path().join("error.log"))
            .arg("-c")
            .arg(&file);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
        let mut child = command.spawn().map_err(|error| {
            Fault::Usage(format!(
                "nginx can't be started ({error}); install it, or leave nginx out of --floor"
            ))
        })?;
        let deadline = Instant::now() + START_TIMEOUT;
        while TcpStream::connect(address).await.is_err() {
            if Instant::now() > deadline || child.try_wait()?.is_some() {
                let log = std::fs::read_to_string(folder.path().join("error.log")).unwrap_or_default();
                bail!("nginx does not come up: {}", log.lines().last().unwrap_or("it says nothing"));
            }
            sleep(Duration::from_millis(20)).await;
        }
        let url = RealmUrl::parse(&address.to_string()).map_err(anyhow::Error::msg)?;
        Ok(Self { child, url, _folder: folder })
    }

    /// Where it is.
    pub(super) fn url(&self) -> &RealmUrl {
        &self.url
    }

    /// Its process: there is only one, see the configuration.
    pub(super) fn pid(&self) -> u32 {
        self.child.id().unwrap_or(0)
    }
}

/// One process, kept connections on both sides, nothing buffered, nothing logged.
fn configuration(folder: &Path, listen: SocketAddr, upstream: &RealmUrl) -> String {
    let folder = folder.display();
    let upstream = upstream.authority();
    format!(
        "daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
worker_rlimit_nofile 65536;
events {{ worker_connections 16384; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    keepalive_requests 100000000;
    upstream echo {{ server {upstream}; keepalive 256; keepalive_requests 100000000; }}
    server {{
        listen {listen};
        location / {{
            proxy_pass http://echo;
            proxy_http_version 1.1;
            proxy_set_header Connection \"\";
            proxy_buffering off;
        }}
    }}
}}
"
    )
}
