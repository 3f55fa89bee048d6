//! Whether the realm lives, whether it is ready, and its figures.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use mtor_protocol::CapabilityKind;

use super::Shared;
use crate::clock;

pub(super) async fn alive() -> &'static str {
    "alive\n"
}

/// Ready when jobs are taken, the ledger can write, and every worker that was told to start can take a job.
pub(super) async fn ready(State(app): Shared) -> Response {
    let look = |realm: &mtor_core::Realm| (realm.is_draining(), realm.queue_info(clock::now()));
    let Ok((draining, queue)) = app.realm.view(look).await else {
        return unready("the realm is going down");
    };
    let offered = |kind: &CapabilityKind| {
        queue.capabilities.iter().any(|queue| queue.capability == *kind && queue.slots > 0)
    };
    let missing: Vec<_> =
        app.settings.expected.iter().filter(|kind| !offered(kind)).map(CapabilityKind::as_str).collect();
    if draining {
        unready("the realm is going down")
    } else if !app.realm.ledger.writable() {
        unready("the ledger can't write")
    } else if !missing.is_empty() {
        unready(&format!("no worker yet for: {}", missing.join(", ")))
    } else {
        "ready\n".into_response()
    }
}

fn unready(reason: &str) -> Response {
    (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {reason}\n")).into_response()
}

pub(super) async fn metrics(State(app): Shared) -> Response {
    let look = |realm: &mtor_core::Realm| {
        let books = realm.state().books();
        let burnt = books.account(mtor_core::BURN).credits_posted;
        (realm.queue_info(clock::now()), realm.workers_attached(), books.holds(), burnt)
    };
    let (queue, workers, holds, burnt) = app.realm.view(look).await.unwrap_or_default();
    let ledger = app.realm.ledger.stats();
    let gauges = [
        ("mtor_jobs_queued", "Jobs that wait for a worker.", u64::from(queue.queued)),
        ("mtor_jobs_running", "Jobs that a worker has.", u64::from(queue.running)),
        ("mtor_workers", "Workers attached.", workers as u64),
        ("mtor_holds", "Holds that stand.", holds as u64),
        ("mtor_burnt_micro", "Micro that nobody has any more.", burnt.0),
        ("mtor_ledger_entries", "Entries in the journal.", ledger.entries),
        ("mtor_log_cosigned_entries", "Entries that a witness has cosigned.", app.cosigned.size()),
        ("mtor_ledger_commits", "Commits since the start.", ledger.commits),
        ("mtor_ledger_failures", "Commits that failed since the start.", ledger.failures),
        ("mtor_ledger_pending", "Operations that wait to become durable.", ledger.pending as u64),
        ("mtor_ledger_writable", "1 when the ledger can write.", u64::from(app.realm.ledger.writable())),
    ];
    let text = app.metrics.render(&gauges, &queue.classes);
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
}
