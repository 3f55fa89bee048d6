//! Handing something sealed from one device to another.

use axum::Json;
use axum::extract::{Path, State};
use mtor_protocol::http::{Handover, HandoverRequest, HandoverTaken};
use mtor_protocol::{JobId, Problem, ProblemKind};

use super::Shared;
use super::reply::Refusal;
use super::request::{Asked, is_base64url, value};
use crate::clock;
use crate::defaults::{HANDOVER_BYTES_MAX, HANDOVER_TTL_S, HANDOVERS_MAX};

pub(super) async fn leave(State(app): Shared, asked: Asked) -> Result<Json<Handover>, Refusal> {
    let sealed = asked.json::<HandoverRequest>()?.sealed;
    if !is_base64url(&sealed, HANDOVER_BYTES_MAX) {
        let detail = format!("what is handed over has 1 to {HANDOVER_BYTES_MAX} characters of base64url");
        return Err(Problem::new(ProblemKind::InvalidRequest, detail).param("sealed").into());
    }
    let left = app.handovers.leave(asked.wallet.account, sealed, clock::now());
    Ok(Json(left.ok_or_else(|| {
        let detail = format!("{HANDOVERS_MAX} handovers are waiting, and no more can");
        Problem::new(ProblemKind::TooManyRequests, detail).retry_after_s(HANDOVER_TTL_S)
    })?))
}

pub(super) async fn take(
    State(app): Shared,
    Path(id): Path<String>,
    _asked: Asked,
) -> Result<Json<HandoverTaken>, Refusal> {
    let id: JobId = value("id", &id)?;
    let sealed = app.handovers.take(id, clock::now()).ok_or_else(|| {
        let detail =
            "nothing waits under this id: it was fetched, its time is over, or the realm started anew";
        Problem::new(ProblemKind::NotFound, detail)
    })?;
    Ok(Json(HandoverTaken { sealed }))
}
