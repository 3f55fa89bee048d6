//! The public log: signed checkpoint and tiles (C2SP), for anybody who wants to check that nothing was changed.

use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use mtor_protocol::{Problem, ProblemKind};

use super::Shared;
use super::reply::Refusal;

pub(super) async fn checkpoint(State(app): Shared) -> Response {
    let headers = [(header::CONTENT_TYPE, "text/plain; charset=utf-8"), (header::CACHE_CONTROL, "no-store")];
    (headers, app.cosigned.published(&app.realm.ledger)).into_response()
}

/// Tiles never change, so they may be kept for ever; a partial one is another path than the full one.
pub(super) async fn tile(State(app): Shared, Path(path): Path<String>) -> Result<Response, Refusal> {
    let tile = app.realm.ledger_read(move |ledger| ledger.tile(&path)).await?;
    let none = || Problem::new(ProblemKind::NotFound, "the log has no such tile");
    let bytes = tile.ok_or_else(none)?;
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream"),
        (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
    ];
    Ok((headers, bytes).into_response())
}
