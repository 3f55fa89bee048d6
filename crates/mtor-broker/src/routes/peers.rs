//! Peers: inviting, joining, and what the owner sees and says of them.

use axum::Json;
use axum::extract::{Path, State};
use mtor_protocol::peer::{PeerInfo, PeerInvite, PeerWelcome};
use mtor_protocol::{Did, Problem, ProblemKind};

use super::Shared;
use super::reply::Refusal;
use super::request::Asked;
use crate::app::{App, Wallet};
use crate::auth::whole_wallet;

pub(super) async fn list(State(app): Shared, asked: Asked) -> Result<Json<Vec<PeerInfo>>, Refusal> {
    for_owner(&app, &asked.wallet)?;
    Ok(Json(app.all_peers().await?))
}

pub(super) async fn invite(State(app): Shared, asked: Asked) -> Result<Json<PeerInvite>, Refusal> {
    for_owner(&app, &asked.wallet)?;
    Ok(Json(app.invite_peer(asked.json()?)?))
}

pub(super) async fn join(State(app): Shared, asked: Asked) -> Result<Json<PeerInfo>, Refusal> {
    for_owner(&app, &asked.wallet)?;
    Ok(Json(app.join_peer(asked.json()?).await?))
}

pub(super) async fn greet(State(app): Shared, asked: Asked) -> Result<Json<PeerWelcome>, Refusal> {
    whole_wallet(&asked.wallet)?;
    Ok(Json(app.greeted(&asked.wallet, asked.json()?).await?))
}

pub(super) async fn change(
    State(app): Shared,
    Path(did): Path<String>,
    asked: Asked,
) -> Result<Json<PeerInfo>, Refusal> {
    for_owner(&app, &asked.wallet)?;
    Ok(Json(app.change_peer(&Did(did), asked.json()?).await?))
}

pub(super) async fn part(
    State(app): Shared,
    Path(did): Path<String>,
    asked: Asked,
) -> Result<Json<Vec<PeerInfo>>, Refusal> {
    for_owner(&app, &asked.wallet)?;
    app.part_with_peer(&Did(did)).await?;
    Ok(Json(app.all_peers().await?))
}

fn for_owner(app: &App, wallet: &Wallet) -> Result<(), Problem> {
    whole_wallet(wallet)?;
    match wallet.account == app.owner.account {
        true => Ok(()),
        false => Err(Problem::new(ProblemKind::Forbidden, "the peers of a realm are its owner's affair")),
    }
}
