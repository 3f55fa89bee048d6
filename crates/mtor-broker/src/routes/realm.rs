//! Who this realm is, and how it stands.

use axum::Json;
use axum::extract::State;
use mtor_core::Realm;
use mtor_protocol::SUBPROTOCOL;
use mtor_protocol::http::{PriceHistory, PriceInfo, QueueInfo, RealmInfo, WorkerInfo};

use super::Shared;
use super::reply::Refusal;
use crate::clock;

pub(super) async fn info(State(app): Shared) -> Result<Json<RealmInfo>, Refusal> {
    let draining = app.realm.view(Realm::is_draining).await?;
    Ok(Json(RealmInfo {
        name: app.settings.file.name.clone(),
        did: app.did.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        protocol: SUBPROTOCOL.to_owned(),
        private: app.settings.file.private,
        owner: app.owner.did.clone(),
        started: app.started,
        draining,
        ledger: app.realm.ledger.info(),
        witnesses: app.settings.file.log.witnesses.iter().map(|witness| witness.key.to_string()).collect(),
    }))
}

pub(super) async fn queue(State(app): Shared) -> Result<Json<QueueInfo>, Refusal> {
    Ok(Json(app.realm.view(Realm::queue_info).await?))
}

pub(super) async fn prices(State(app): Shared) -> Result<Json<Vec<PriceInfo>>, Refusal> {
    Ok(Json(app.realm.view(|realm| realm.prices(clock::now())).await?))
}

pub(super) async fn price_history(State(app): Shared) -> Result<Json<Vec<PriceHistory>>, Refusal> {
    Ok(Json(app.realm.view(|realm| realm.price_history(clock::now())).await?))
}

pub(super) async fn workers(State(app): Shared) -> Result<Json<Vec<WorkerInfo>>, Refusal> {
    Ok(Json(app.realm.view(Realm::worker_infos).await?))
}
