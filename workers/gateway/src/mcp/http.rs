//! MCP over streamable HTTP: each request is a POST, whose answer is JSON or a stream of events.

use std::sync::atomic::{AtomicU64, Ordering};

use mtor_worker::Output;
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use reqwest::{Method, Response, Url};
use serde_json::Value;
use tokio::sync::Mutex;

use super::rpc::{self, Heard, hear};
use super::tell_progress;
use crate::fault::{Fault, RunError};
use crate::http::{Http, Key, KeyHeader, read_all};
use crate::sse::Events;

const SESSION: &str = "mcp-session-id";
const PROTOCOL: &str = "mcp-protocol-version";

#[derive(Debug)]
pub(super) struct Link {
    http: Http,
    /// The path at which the server listens.
    path: String,
    next: AtomicU64,
    /// What was agreed on with the server, once it was.
    session: Mutex<Option<Session>>,
}

#[derive(Debug, Clone)]
struct Session {
    id: Option<String>,
    protocol: String,
}

impl Link {
    pub(super) fn new(url: Url, key: Option<Key>) -> anyhow::Result<Self> {
        // The address was made to end with a slash, which is another path to some servers.
        let path = url.path().trim_end_matches('/').to_owned();
        let http = Http::new(url, key, KeyHeader::Bearer)?;
        Ok(Self { http, path, next: AtomicU64::new(1), session: Mutex::default() })
    }

    pub(super) fn address(&self) -> String {
        format!("{}{}", self.http.base().origin().ascii_serialization(), self.path)
    }

    pub(super) async fn ask(
        &self,
        method: &str,
        params: Value,
        output: Option<&mut Output>,
    ) -> Result<Value, RunError> {
        let session = self.session().await?;
        match self.send(Some(&session), method, params, output).await {
            // The server has forgotten us: the next request begins anew.
            Err(RunError::Service(fault @ Fault::Refused { status: 404, .. })) => {
                *self.session.lock().await = None;
                Err(Fault::Lost(fault.to_string()).into())
            }
            other => other,
        }
    }

    async fn session(&self) -> Result<Session, RunError> {
        // Held while it is agreed on, so that it is once: nobody could ask anything before.
        let mut session = self.session.lock().await;
        if let Some(session) = &*session {
            return Ok(session.clone());
        }
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let response = self.post(None, &rpc::request(id, "initialize", rpc::hello())).await?;
        let told = response.headers().get(SESSION).and_then(|id| id.to_str().ok()).map(str::to_owned);
        let answer = self.answer(response, id, None, None).await?;
        let protocol =
            answer.get("protocolVersion").and_then(Value::as_str).unwrap_or(super::VERSION).to_owned();
        let new = Session { id: told, protocol };
        self.post(
            Some(&new),
            &rpc::notification("notifications/initialized", Value::Object(Default::default())),
        )
        .await?;
        Ok(session.insert(new).clone())
    }

    async fn send(
        &self,
        session: Option<&Session>,
        method: &str,
        params: Value,
        output: Option<&mut Output>,
    ) -> Result<Value, RunError> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let response = self.post(session, &rpc::request(id, method, params)).await?;
        self.answer(response, id, session, output).await
    }

    async fn post(&self, session: Option<&Session>, message: &Value) -> Result<Response, Fault> {
        let with = |request: reqwest::RequestBuilder| {
            let mut request = request.header(ACCEPT, "application/json, text/event-stream").json(message);
            if let Some(session) = session {
                request = request.header(PROTOCOL, &session.protocol);
                if let Some(id) = &session.id {
                    request = request.header(SESSION, id);
                }
            }
            request
        };
        self.http.send(Method::POST, &self.path, with).await
    }

    async fn answer(
        &self,
        response: Response,
        id: u64,
        session: Option<&Session>,
        mut output: Option<&mut Output>,
    ) -> Result<Value, RunError> {
        let kind =
            response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        if !kind.starts_with("text/event-stream") {
            let body = read_all(response).await?;
            return match hear(&String::from_utf8_lossy(&body))? {
                Heard::Answer(answered, result) if answered == id => Ok(result?),
                _ => Err(Fault::Nonsense("it answers something else".to_owned()).into()),
            };
        }
        let mut events = Events::new(response);
        while let Some(data) = events.next().await? {
            match hear(&data)? {
                Heard::Answer(answered, result) if answered == id => return Ok(result?),
                Heard::Progress(of, params) if of == id => {
                    if let Some(output) = output.as_deref_mut() {
                        tell_progress(&params, output).await?;
                    }
                }
                Heard::Question(answer) => drop(self.post(session, &answer).await?),
                _ => {}
            }
        }
        Err(Fault::Lost("its answer broke off in the middle".to_owned()).into())
    }
}
