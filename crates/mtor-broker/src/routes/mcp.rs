//! `/mcp`: the realm as a server of the Model Context Protocol (streamable HTTP). What workers offer are its tools; a call
//! is a job like any other, held, streamed as progress, paid, and cancelled when its client says so; or it is a task (`tasks`). A client that
//! goes without a word leaves its job running: it is found in the wallet.

mod answer;
mod rpc;
mod sessions;
mod tasks;
mod tools;

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use mtor_protocol::{Problem, ProblemKind, ServiceClass, Submit};
use serde_json::{Value, json};

use super::Shared;
use super::jobs::event_stream;
use super::reply::Refusal;
use super::request::Asked;
use crate::app::{App, Wallet};
use answer::Call;
use rpc::{Fault, Message};
use sessions::Session;
pub(crate) use sessions::Sessions;
use tools::{Request as ToolRequest, Toolbox};

/// The versions of the protocol that are spoken here, the newest first.
const VERSIONS: [&str; 3] = ["2025-11-25", "2025-06-18", "2025-03-26"];
/// The longest message: a recording or a picture in base64, and something beside it.
const MESSAGE_BYTES_MAX: usize = 32 << 20;

const SESSION: HeaderName = HeaderName::from_static("mcp-session-id");
const VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");

const INSTRUCTIONS: &str = "Each tool is something that a worker of this realm offers now; the list changes as workers come and go. \
    Every call is a paid job of the wallet that asks.";

/// A message of a client.
pub(super) async fn post(State(app): Shared, request: Request) -> Result<Response, Refusal> {
    let asked = Asked::read_up_to(&app, request, MESSAGE_BYTES_MAX).await?;
    let message = match Message::read(&asked.body) {
        Ok(message) => message,
        Err(fault) => return Ok(reply(StatusCode::BAD_REQUEST, &fault.answer(Value::Null))),
    };
    let headers = &asked.parts.headers;
    if message.method() == Some("initialize") {
        return Ok(initialize(&app, &asked.wallet, &message));
    }
    let session = match text(headers, &SESSION) {
        None => None,
        Some(id) => match app.mcp.get(id, &asked.wallet) {
            Some(session) => Some(session),
            // The client begins anew.
            None => {
                return Err(Problem::new(ProblemKind::NotFound, "there is no such session (any more)").into());
            }
        },
    };
    if let Some(version) = text(headers, &VERSION).filter(|version| !VERSIONS.contains(version)) {
        let fault = Fault::invalid_request(format!(
            "version {version:?} is not spoken here, but {}",
            VERSIONS.join(", ")
        ));
        return Ok(reply(
            StatusCode::BAD_REQUEST,
            &fault.answer(message.id().cloned().unwrap_or(Value::Null)),
        ));
    }
    match message {
        Message::Answer => Ok(StatusCode::ACCEPTED.into_response()),
        Message::Notification { method, params } => {
            if method == "notifications/cancelled"
                && let Some(job) = session.as_ref().and_then(|session| session.job(&params["requestId"]))
            {
                // It may have ended in this moment.
                let _ = app.cancel(&asked.wallet, job).await;
            }
            Ok(StatusCode::ACCEPTED.into_response())
        }
        Message::Request { id, method, params } => {
            let streams =
                text(headers, &header::ACCEPT).is_some_and(|kinds| kinds.contains("text/event-stream"));
            let result = match method.as_str() {
                "ping" => Ok(json!({})),
                "tools/list" => list(&app).await,
                "tools/call" => return call(app, asked.wallet, session, id, params, streams).await,
                "tasks/get" => tasks::get(&app, &asked.wallet, &params).await,
                "tasks/cancel" => tasks::cancel(&app, &asked.wallet, &params).await,
                "tasks/result" => return Ok(tasks::result(&app, &asked.wallet, id, &params, streams).await),
                other => Err(Fault::no_method(other)),
            };
            let answer = match result {
                Ok(result) => rpc::result(&id, &result),
                Err(fault) => fault.answer(id),
            };
            Ok(reply(StatusCode::OK, &answer))
        }
    }
}

/// The end of a session. Its jobs go on.
pub(super) async fn end(State(app): Shared, asked: Asked) -> Result<StatusCode, Refusal> {
    let ended = text(&asked.parts.headers, &SESSION).is_some_and(|id| app.mcp.end(id, &asked.wallet));
    match ended {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(Problem::new(ProblemKind::NotFound, "there is no such session (any more)").into()),
    }
}

fn initialize(app: &App, wallet: &Wallet, message: &Message) -> Response {
    let Message::Request { id, params, .. } = message else {
        let fault = Fault::invalid_request("initialize is a request, with an id".to_owned());
        return reply(StatusCode::BAD_REQUEST, &fault.answer(Value::Null));
    };
    let wanted = params["protocolVersion"].as_str().unwrap_or_default();
    let version = VERSIONS.into_iter().find(|version| *version == wanted).unwrap_or(VERSIONS[0]);
    let result = json!({
        "protocolVersion": version,
        "capabilities": capabilities(version),
        "serverInfo": { "name": "mtor", "title": app.settings.file.name, "version": env!("CARGO_PKG_VERSION") },
        "instructions": INSTRUCTIONS,
    });
    let mut response = reply(StatusCode::OK, &rpc::result(id, &result));
    if let Ok(name) = HeaderValue::from_str(&app.mcp.begin(wallet)) {
        response.headers_mut().insert(SESSION, name);
    }
    response
}

fn capabilities(version: &str) -> Value {
    match version >= tasks::SINCE {
        true => json!({ "tools": {}, "tasks": { "cancel": {}, "requests": { "tools": { "call": {} } } } }),
        false => json!({ "tools": {} }),
    }
}

async fn list(app: &App) -> Result<Value, Fault> {
    let workers =
        app.realm.view(mtor_core::Realm::worker_infos).await.map_err(|gone| Fault::problem(&gone.into()))?;
    Ok(json!({ "tools": Toolbox::of(&workers).describe() }))
}

async fn call(
    app: Arc<App>,
    wallet: Wallet,
    session: Option<Arc<Session>>,
    id: Value,
    params: Value,
    streams: bool,
) -> Result<Response, Refusal> {
    let workers = app.realm.view(mtor_core::Realm::worker_infos).await?;
    let ToolRequest { intent, input, media_type } = match Toolbox::of(&workers).open(&params, &app.input_room)
    {
        Ok(request) => request,
        Err(fault) => return Ok(reply(StatusCode::OK, &fault.answer(id))),
    };
    let submit = Submit { class: ServiceClass::Interactive, ..Submit::new(intent) };
    let taken = match app.take_with(&wallet, submit, input).await {
        Ok(taken) => taken,
        // The model that called is told, in words that it can do something about.
        Err(problem) => return Ok(reply(StatusCode::OK, &rpc::result(&id, &answer::refused(&problem)))),
    };
    if params.get("task").is_some_and(Value::is_object) {
        let answer = match tasks::begun(&app, &wallet, taken.id).await {
            Ok(result) => rpc::result(&id, &result),
            Err(fault) => fault.answer(id),
        };
        return Ok(reply(StatusCode::OK, &answer));
    }
    let Some(stream) = taken.stream else {
        return Err(Problem::new(ProblemKind::Internal, "the job has no events").into());
    };
    let running = session.map(|session| session.run(&id, taken.id));
    let progress = params["_meta"].get("progressToken").filter(|_| streams).cloned();
    let call = Call { id, stream, progress, media_type, running, is_task: false };
    Ok(answered(&app, call, streams).await)
}

/// The answer to a call: its progress and its result as they come, or its result alone.
async fn answered(app: &App, call: Call, streams: bool) -> Response {
    if streams {
        return event_stream(call.events(app.closing.clone()));
    }
    let answer = call.answer().await;
    reply(StatusCode::OK, &answer)
}

fn reply(status: StatusCode, message: &Value) -> Response {
    let mut response = (status, axum::Json(message)).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}
