//! The HTTP interface: which path leads where, and what holds for all of them.

mod attachments;
mod console;
mod grants;
mod handovers;
mod health;
mod jobs;
mod keys;
mod log;
mod mcp;
mod openai;
mod passkeys;
mod peers;
mod plans;
mod realm;
mod reply;
mod request;
mod resolve;
mod starter;
mod trust;
mod wallets;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::Method;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{delete, get, post};
use axum::{Extension, Router};
use mtor_protocol::{Problem, ProblemKind};

use crate::app::App;
use crate::auth::refuse_other_sites;
use crate::session;
pub(crate) use mcp::Sessions;
use reply::problem_for;

type Shared = State<Arc<App>>;
type Peer = Extension<ConnectInfo<SocketAddr>>;

/// Every route. `mtor_protocol::http::ROUTES` lists them for people; a test holds the two together.
pub(crate) fn router(app: Arc<App>) -> Router {
    Router::new()
        .route("/ws", get(websocket))
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(health::metrics))
        .route("/api/realm", get(realm::info))
        .route("/api/queue", get(realm::queue))
        .route("/api/prices", get(realm::prices))
        .route("/api/prices/history", get(realm::price_history))
        .route("/api/workers", get(realm::workers))
        .route("/api/jobs", post(jobs::submit))
        .route("/api/jobs/{id}", get(jobs::show).delete(jobs::cancel))
        .route("/api/jobs/{id}/events", get(jobs::events))
        .route("/api/jobs/{id}/parts/{number}", get(jobs::part))
        .route("/api/jobs/{id}/proofs", get(jobs::proofs))
        .route("/api/plans", get(plans::list).post(plans::ask))
        .route("/api/plans/{id}", get(plans::show).delete(plans::cancel))
        .route("/api/plans/{id}/answer", post(plans::answer))
        .route("/api/resolve", post(resolve::resolve))
        .route("/api/wallets/{did}", get(wallets::show))
        .route("/api/wallets/{did}/jobs", get(wallets::jobs))
        .route("/api/wallets/{did}/movements", get(wallets::movements))
        .route("/api/wallets/{did}/welcome", post(wallets::welcome))
        .route("/api/wallets/{did}/starter", get(starter::challenge).post(starter::claim))
        .route("/api/wallets/{did}/keys", get(wallets::keys).post(wallets::make_key))
        .route("/api/wallets/{did}/keys/{id}", delete(wallets::revoke_key))
        .route("/api/wallets/{did}/grants", get(grants::list).post(grants::give))
        .route("/api/wallets/{did}/grants/{id}", delete(grants::take_back))
        .route("/api/wallets/{did}/recovery", get(keys::show))
        .route("/api/wallets/{did}/devices", get(wallets::devices))
        .route("/api/wallets/{did}/passkeys", get(passkeys::list).post(passkeys::keep))
        .route("/api/wallets/{did}/passkeys/{id}", delete(passkeys::forget))
        .route("/api/passkeys/{id}", get(passkeys::find))
        .route("/api/keys", post(keys::change))
        .route("/api/handovers", post(handovers::leave))
        .route("/api/handovers/{id}/take", post(handovers::take))
        .route("/api/trust", get(trust::list))
        .route("/api/trust/{job}", get(trust::show).post(trust::act))
        .route("/api/peers", get(peers::list))
        .route("/api/peers/invite", post(peers::invite))
        .route("/api/peers/join", post(peers::join))
        .route("/api/peers/greet", post(peers::greet))
        .route("/api/peers/{did}", post(peers::change).delete(peers::part))
        .route("/api/transfers", post(wallets::transfer))
        .route("/api/attachments", get(attachments::list).post(attachments::attach))
        .route("/api/attachments/{id}", delete(attachments::detach))
        .route("/log/checkpoint", get(log::checkpoint))
        .route("/log/tile/{*path}", get(log::tile))
        .route("/v1/chat/completions", post(openai::chat))
        .route("/v1/embeddings", post(openai::embeddings))
        .route("/v1/images/generations", post(openai::images))
        .route("/v1/audio/transcriptions", post(openai::transcriptions))
        .route("/v1/audio/speech", post(openai::speech))
        .route("/v1/models", get(openai::models))
        .route("/v1/models/{id}", get(openai::model))
        .route("/mcp", post(mcp::post).delete(mcp::end))
        .fallback(console::file)
        .method_not_allowed_fallback(wrong_method)
        .layer(from_fn_with_state(app.clone(), guard))
        .with_state(app)
}

/// What holds for every request: not too many of one address, and none for another site's page.
async fn guard(
    State(app): Shared,
    Extension(ConnectInfo(peer)): Peer,
    request: Request,
    next: Next,
) -> Response {
    app.metrics.requests.inc();
    if !peer.ip().to_canonical().is_loopback() && !app.rates.admits(peer.ip()) {
        let detail = format!(
            "at most {} requests in a second from one address",
            app.settings.file.limits.requests_per_s
        );
        let problem = Problem::new(ProblemKind::TooManyRequests, detail).retry_after_s(1);
        return problem_for(request.uri().path(), &problem);
    }
    // Looking at the page or the health of the realm from a link elsewhere is fine; anything of a wallet is not.
    let path = request.uri().path();
    let open = request.method() == Method::GET
        && !path.starts_with("/api/")
        && !path.starts_with("/v1/")
        && path != "/ws"
        && path != "/mcp";
    if !open && let Err(problem) = refuse_other_sites(request.headers()) {
        return problem_for(path, &problem);
    }
    next.run(request).await
}

async fn websocket(
    State(app): Shared,
    Extension(ConnectInfo(peer)): Peer,
    uri: axum::http::Uri,
    headers: axum::http::HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    let at_home = crate::auth::is_at_home(&headers, peer);
    session::upgrade(app, at_home, uri.query() == Some("role=worker"), upgrade)
}

async fn wrong_method(request: Request) -> Response {
    let detail = format!("{} does not take {}", request.uri().path(), request.method());
    problem_for(request.uri().path(), &Problem::new(ProblemKind::MethodNotAllowed, detail)).into_response()
}
