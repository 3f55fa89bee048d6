//! `/v1/models`: what workers offer now.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Path, Request, State};
use mtor_protocol::intent::DEFAULT_MODEL;
use mtor_protocol::openai::{ModelCard, ModelList};
use mtor_protocol::{Problem, ProblemKind};

use super::OpenAiRefusal;
use crate::app::App;
use crate::routes::Shared;
use crate::routes::request::Asked;

pub(in crate::routes) async fn models(
    State(app): Shared,
    request: Request,
) -> Result<Json<ModelList>, OpenAiRefusal> {
    Asked::read(&app, request).await?;
    Ok(Json(ModelList { object: "list", data: cards(&app).await? }))
}

pub(in crate::routes) async fn model(
    State(app): Shared,
    Path(id): Path<String>,
    request: Request,
) -> Result<Json<ModelCard>, OpenAiRefusal> {
    Asked::read(&app, request).await?;
    let card = cards(&app).await?.into_iter().find(|card| card.id == id);
    let none = || {
        Problem::new(ProblemKind::UnknownModel, format!("no attached worker offers {id:?}")).param("model")
    };
    Ok(Json(card.ok_or_else(none)?))
}

/// The models on offer, each since its first worker came, after the name that leaves the choice to the realm.
async fn cards(app: &App) -> Result<Vec<ModelCard>, Problem> {
    let workers = app.realm.view(mtor_core::Realm::worker_infos).await?;
    let mut since: BTreeMap<String, u64> = BTreeMap::new();
    for worker in workers.into_iter().filter(|worker| !worker.draining) {
        for offer in worker.offers {
            let seen = since.entry(offer.model).or_insert(u64::MAX);
            *seen = (*seen).min(worker.since.0 / 1_000);
        }
    }
    let card =
        |(id, created)| ModelCard { id, object: "model", created, owned_by: app.settings.file.name.clone() };
    let earliest = since.values().min().copied();
    let default = earliest.map(|created| (DEFAULT_MODEL.to_owned(), created));
    Ok(default.into_iter().chain(since).map(card).collect())
}
