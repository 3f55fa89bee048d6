//! Who this realm is, and how it stands.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Query, State};
use mtor_core::{PriceNote, Realm};
use mtor_ledger::defaults::PRICE_DAYS_MAX;
use mtor_protocol::http::{PriceHistory, PriceInfo, PricePoint, QueueInfo, RealmInfo, WorkerInfo};
use mtor_protocol::{Problem, ProblemKind, SUBPROTOCOL, Timestamp, Ware};
use serde::Deserialize;

use super::Shared;
use super::reply::Refusal;
use super::request::value;
use crate::clock;

const DAY_MS: u64 = 24 * 3_600 * 1_000;

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
        attaches: app.settings.attaching.is_some(),
    }))
}

pub(super) async fn queue(State(app): Shared) -> Result<Json<QueueInfo>, Refusal> {
    Ok(Json(app.realm.view(|realm| realm.queue_info(clock::now())).await?))
}

pub(super) async fn prices(State(app): Shared) -> Result<Json<Vec<PriceInfo>>, Refusal> {
    Ok(Json(app.realm.view(|realm| realm.prices(clock::now())).await?))
}

#[derive(Deserialize)]
pub(super) struct HistoryQuery {
    days: Option<String>,
}

/// The last day, minute by minute, is in memory; what was before is in the ledger.
pub(super) async fn price_history(
    State(app): Shared,
    Query(query): Query<HistoryQuery>,
) -> Result<Json<Vec<PriceHistory>>, Refusal> {
    let days: u32 = query.days.as_deref().map_or(Ok(1), |text| value("days", text))?;
    if !(1..=PRICE_DAYS_MAX).contains(&days) {
        let detail = format!("prices are kept for {PRICE_DAYS_MAX} days; ask for 1 to {PRICE_DAYS_MAX}");
        return Err(Problem::new(ProblemKind::InvalidRequest, detail).param("days").into());
    }
    if days == 1 {
        return Ok(Json(app.realm.view(|realm| realm.price_history(clock::now())).await?));
    }
    let since = Timestamp(clock::now().0.saturating_sub(u64::from(days) * DAY_MS));
    let notes = app.realm.ledger_read(move |ledger| ledger.prices(since, true)).await?;
    let mut histories: BTreeMap<Ware, Vec<PricePoint>> = BTreeMap::new();
    for PriceNote { ware, point, .. } in notes {
        histories.entry(ware).or_default().push(point);
    }
    let history = |(Ware { capability, size }, points)| PriceHistory { capability, size, points };
    Ok(Json(histories.into_iter().map(history).collect()))
}

pub(super) async fn workers(State(app): Shared) -> Result<Json<Vec<WorkerInfo>>, Refusal> {
    Ok(Json(app.realm.view(Realm::worker_infos).await?))
}
