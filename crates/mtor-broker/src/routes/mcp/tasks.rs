//! Calls as tasks, as the protocol has them since 2025-11-25: a call with `task` is answered at once, and its client looks how it
//! stands and fetches the result whenever it likes, also in another session. A task is a job of the wallet's and has its id, so
//! that nothing is remembered here.

use axum::response::Response;
use mtor_protocol::http::{JobInfo, JobState};
use mtor_protocol::{JobId, ProblemKind, Task};
use serde_json::{Value, json};

use super::answer::{Call, past, relate};
use super::rpc::{self, Fault};
use super::{answered, reply};
use crate::app::{App, Wallet};
use crate::clock;

/// How often a client should look, in milliseconds.
const POLL_MS: u64 = 1_000;

/// The first version of the protocol that knows of tasks.
pub(super) const SINCE: &str = "2025-11-25";

/// What a client is told of a job that is a task.
fn told(job: &JobInfo) -> Value {
    let status = match job.state {
        JobState::Queued | JobState::Running => "working",
        JobState::Completed => "completed",
        JobState::Failed => "failed",
        JobState::Cancelled => "cancelled",
    };
    let mut task = json!({
        "taskId": job.id,
        "status": status,
        "createdAt": job.submitted.to_string(),
        "lastUpdatedAt": job.settled.unwrap_or_else(clock::now).to_string(),
        // As long as the realm keeps what was said.
        "ttl": null,
        "pollInterval": POLL_MS,
    });
    let message = match (&job.problem, job.position) {
        (Some(problem), _) => Some(problem.to_string()),
        (None, Some(position)) if job.state == JobState::Queued => {
            Some(format!("waits; {position} before it"))
        }
        _ => None,
    };
    if let Some(message) = message {
        task["statusMessage"] = message.into();
    }
    task
}

async fn job(app: &App, wallet: &Wallet, params: &Value) -> Result<JobInfo, Fault> {
    let wrong = || Fault::invalid_params("taskId is no task of yours".to_owned());
    let id: JobId = params["taskId"].as_str().and_then(|id| id.parse().ok()).ok_or_else(wrong)?;
    app.job_info(wallet, id).await.map_err(|problem| match problem.is(ProblemKind::NotFound) {
        true => wrong(),
        false => Fault::problem(&problem),
    })
}

/// The answer to a call that has become a task.
pub(super) async fn begun(app: &App, wallet: &Wallet, id: JobId) -> Result<Value, Fault> {
    let job = app.job_info(wallet, id).await.map_err(|problem| Fault::problem(&problem))?;
    Ok(json!({ "task": told(&job) }))
}

/// `tasks/get`: how it stands.
pub(super) async fn get(app: &App, wallet: &Wallet, params: &Value) -> Result<Value, Fault> {
    Ok(told(&job(app, wallet, params).await?))
}

/// `tasks/cancel`: what was written until then is paid.
pub(super) async fn cancel(app: &App, wallet: &Wallet, params: &Value) -> Result<Value, Fault> {
    let before = job(app, wallet, params).await?;
    if before.state.is_final() {
        return Err(Fault::invalid_params("the task is over".to_owned()));
    }
    let stream = app.realm.streams.get(before.id);
    app.cancel(wallet, before.id).await.map_err(|problem| Fault::problem(&problem))?;
    if let Some(stream) = stream {
        stream.ended().await;
    }
    get(app, wallet, params).await
}

/// `tasks/result`: what the call would have been answered, as soon as it is there.
pub(super) async fn result(app: &App, wallet: &Wallet, id: Value, params: &Value, streams: bool) -> Response {
    let job = match job(app, wallet, params).await {
        Ok(job) => job,
        Err(fault) => return reply(axum::http::StatusCode::OK, &fault.answer(id)),
    };
    if let Some(stream) = app.realm.streams.get(job.id) {
        let progress = params["_meta"].get("progressToken").filter(|_| streams).cloned();
        let speaks = job.intent.as_ref().is_some_and(|intent| matches!(intent.task, Task::Speak(_)));
        let media_type = if speaks { "audio/wav" } else { "application/octet-stream" };
        let call = Call { id, stream, progress, media_type, running: None, is_task: true };
        return answered(app, call, streams).await;
    }
    // It may have ended since it was looked at.
    let job = match app.job_info(wallet, job.id).await {
        Ok(job) => job,
        Err(problem) => return reply(axum::http::StatusCode::OK, &Fault::problem(&problem).answer(id)),
    };
    let mut parts = Vec::with_capacity(job.parts.len());
    for part in &job.parts {
        // Kept or not: the rest of the answer is given.
        if let Ok(bytes) = app.part_bytes(part).await {
            parts.push((part.clone(), bytes));
        }
    }
    let mut result = past(&job, &parts);
    relate(&mut result, job.id);
    reply(axum::http::StatusCode::OK, &rpc::result(&id, &result))
}
