//! Starter coins: a wallet asks for work, does it, and gets its first coins.

use axum::extract::{ConnectInfo, Path, State};
use axum::{Extension, Json};
use mtor_core::{Input, Realm};
use mtor_protocol::http::{StarterChallenge, StarterClaim, WalletInfo};
use mtor_protocol::{AccountId, JobId, Micro, Problem, ProblemKind, Timestamp};

use super::reply::Refusal;
use super::request::Asked;
use super::wallets::info;
use super::{Peer, Shared};
use crate::app::App;
use crate::auth::{origin_address, own_wallet};
use crate::clock;
use crate::starter::Starter;

pub(super) async fn challenge(
    State(app): Shared,
    Extension(ConnectInfo(peer)): Peer,
    Path(did): Path<String>,
    asked: Asked,
) -> Result<Json<StarterChallenge>, Refusal> {
    own_wallet(&app, &asked.wallet, &did)?;
    let (now, address) = (clock::now(), origin_address(&asked.parts.headers, peer));
    let given = given_today(&app, now, asked.wallet.account).await?;
    Ok(Json(starter(&app)?.challenge(now, &asked.wallet.did, address, given)?))
}

pub(super) async fn claim(
    State(app): Shared,
    Extension(ConnectInfo(peer)): Peer,
    Path(did): Path<String>,
    asked: Asked,
) -> Result<Json<WalletInfo>, Refusal> {
    own_wallet(&app, &asked.wallet, &did)?;
    let starter = starter(&app)?;
    let address = origin_address(&asked.parts.headers, peer);
    starter.admit(address)?;
    let claim: StarterClaim = asked.json()?;
    let (now, to) = (clock::now(), asked.wallet.account);
    // Before the challenge is used up: nobody shall have worked for nothing that could have been known.
    let given = given_today(&app, now, to).await?;
    starter.check(now, &asked.wallet.did, address, given, &claim).await?;
    let id = JobId::generate();
    app.realm.ask(move |ticket| Input::Start { ticket, id, to }).await?;
    starter.note(clock::now(), address);
    Ok(Json(info(&app, &asked.wallet).await?))
}

fn starter(app: &App) -> Result<&Starter, Problem> {
    let none = "this realm gives no starter coins: ask somebody to send you some";
    app.starter.as_ref().ok_or_else(|| Problem::new(ProblemKind::Forbidden, none))
}

/// How many starter coins went out today, if this wallet can still get its own.
async fn given_today(app: &App, now: Timestamp, to: AccountId) -> Result<Micro, Problem> {
    let look = move |realm: &Realm| realm.starter_coins(now, to).map(|_| realm.state().starters().given(now));
    app.realm.view(look).await?
}
