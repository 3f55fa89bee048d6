//! Services that the owner attaches by their address. To make the realm's machine ask an address that somebody names is the
//! owner's alone, and from that machine alone; a page of another site is turned away before (see `auth`).

use std::net::SocketAddr;

use axum::Json;
use axum::extract::{ConnectInfo, Path, State};
use axum::http::StatusCode;
use mtor_protocol::{AttachRequest, Attachment, Problem, ProblemKind};

use super::Shared;
use super::reply::Refusal;
use super::request::Asked;
use crate::app::App;
use crate::attach::Attaching;
use crate::auth::{is_at_home, whole_wallet};

pub(super) async fn list(State(app): Shared, asked: Asked) -> Result<Json<Vec<Attachment>>, Refusal> {
    Ok(Json(attaching(&app, &asked)?.list().await?))
}

pub(super) async fn attach(
    State(app): Shared,
    asked: Asked,
) -> Result<(StatusCode, Json<Attachment>), Refusal> {
    let attaching = attaching(&app, &asked)?;
    let request: AttachRequest = asked.json()?;
    if let Some((field, detail)) = request.fault() {
        return Err(Problem::new(ProblemKind::InvalidRequest, detail).param(field).into());
    }
    Ok((StatusCode::CREATED, Json(attaching.attach(request).await?)))
}

pub(super) async fn detach(
    State(app): Shared,
    Path(id): Path<String>,
    asked: Asked,
) -> Result<Json<Vec<Attachment>>, Refusal> {
    Ok(Json(attaching(&app, &asked)?.detach(id).await?))
}

/// Who attaches services here, for the owner who asks from the realm's own machine.
fn attaching<'a>(app: &'a App, asked: &Asked) -> Result<&'a Attaching, Problem> {
    whole_wallet(&asked.wallet)?;
    let peer = asked.parts.extensions.get::<ConnectInfo<SocketAddr>>();
    let at_home = peer.is_some_and(|ConnectInfo(peer)| is_at_home(&asked.parts.headers, *peer));
    if asked.wallet.account != app.owner.account || !at_home {
        let detail = "services are attached by the realm's owner, on the realm's own machine";
        return Err(Problem::new(ProblemKind::Forbidden, detail));
    }
    app.settings.attaching.as_ref().ok_or_else(|| {
        let detail = "this broker runs alone and starts no workers: start the realm with mtor up, or attach the service with mtor worker gateway";
        Problem::new(ProblemKind::Infeasible, detail)
    })
}
