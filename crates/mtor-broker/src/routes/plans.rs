//! Requests of several steps.

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use mtor_protocol::{Plan, PlanAnswer, PlanAsk, PlanPage};

use super::Shared;
use super::reply::Refusal;
use super::request::{Asked, value};
use super::wallets::Page;

pub(super) async fn ask(State(app): Shared, asked: Asked) -> Result<(StatusCode, Json<Plan>), Refusal> {
    let (plan, new) = app.plan(&asked.wallet, asked.json::<PlanAsk>()?).await?;
    Ok((if new { StatusCode::CREATED } else { StatusCode::OK }, Json(plan)))
}

pub(super) async fn list(
    State(app): Shared,
    Query(page): Query<Page>,
    asked: Asked,
) -> Result<Json<PlanPage>, Refusal> {
    Ok(Json(app.plans_of(&asked.wallet, page.before()?, page.limit()?).await?))
}

pub(super) async fn show(
    State(app): Shared,
    Path(id): Path<String>,
    asked: Asked,
) -> Result<Json<Plan>, Refusal> {
    Ok(Json(app.plan_of(&asked.wallet, value("id", &id)?).await?))
}

pub(super) async fn answer(
    State(app): Shared,
    Path(id): Path<String>,
    asked: Asked,
) -> Result<Json<Plan>, Refusal> {
    let answer = asked.json::<PlanAnswer>()?;
    Ok(Json(app.answer_plan(&asked.wallet, value("id", &id)?, answer).await?))
}

pub(super) async fn cancel(
    State(app): Shared,
    Path(id): Path<String>,
    asked: Asked,
) -> Result<Json<Plan>, Refusal> {
    Ok(Json(app.cancel_plan(&asked.wallet, value("id", &id)?).await?))
}
