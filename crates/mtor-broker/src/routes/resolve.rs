//! What some words want.

use axum::Json;
use axum::extract::State;
use mtor_protocol::resolve::{Resolve, Resolved};

use super::Shared;
use super::reply::Refusal;
use super::request::Asked;

pub(super) async fn resolve(State(app): Shared, asked: Asked) -> Result<Json<Resolved>, Refusal> {
    Ok(Json(app.resolve(&asked.wallet, asked.json::<Resolve>()?).await?))
}
