//! Wallets that passkeys have sealed. The realm keeps them by the hash of the passkey's name, and can read neither.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use mtor_ledger::{PasskeyRecord, Record};
use mtor_protocol::http::{PasskeyInfo, PasskeyRequest, PasskeySealed};
use mtor_protocol::{Digest, Problem, ProblemKind};

use super::Shared;
use super::reply::Refusal;
use super::request::{Asked, is_base64url, value};
use crate::app::{App, Wallet};
use crate::auth::own_wallet;
use crate::clock;
use crate::defaults::{PASSKEY_BYTES_MAX, PASSKEYS_MAX};

pub(super) async fn list(
    State(app): Shared,
    Path(did): Path<String>,
    asked: Asked,
) -> Result<Json<Vec<PasskeyInfo>>, Refusal> {
    own_wallet(&app, &asked.wallet, &did)?;
    Ok(Json(passkeys_of(&app, &asked.wallet).await?))
}

pub(super) async fn keep(
    State(app): Shared,
    Path(did): Path<String>,
    asked: Asked,
) -> Result<Json<Vec<PasskeyInfo>>, Refusal> {
    own_wallet(&app, &asked.wallet, &did)?;
    let PasskeyRequest { id, sealed } = asked.json()?;
    if !is_base64url(&sealed, PASSKEY_BYTES_MAX) {
        let detail =
            format!("what a passkey has sealed has 1 to {PASSKEY_BYTES_MAX} characters of base64url");
        return Err(Problem::new(ProblemKind::InvalidRequest, detail).param("sealed").into());
    }
    let wallet = asked.wallet.account;
    let conflict = |detail: String| Err(Problem::new(ProblemKind::Conflict, detail).into());
    // What is kept for ever shall have cost somebody something.
    if !app.realm.view(move |realm| realm.state().books().has(wallet)).await? {
        return conflict(
            "this wallet never had any coins here; keep it in another way until it has".to_owned(),
        );
    }
    let known = app.realm.ledger_read(move |ledger| ledger.passkey(id)).await?;
    match known {
        Some(known) if known.wallet != wallet => {
            return conflict("this passkey has sealed another wallet; use another passkey".to_owned());
        }
        None if passkeys_of(&app, &asked.wallet).await?.len() >= PASSKEYS_MAX => {
            return conflict(format!(
                "a wallet is kept by at most {PASSKEYS_MAX} passkeys; forget one first"
            ));
        }
        _ => {}
    }
    let record = PasskeyRecord { id, wallet, sealed, created: clock::now() };
    app.realm.record(Record::Passkey(Box::new(record))).await?;
    Ok(Json(passkeys_of(&app, &asked.wallet).await?))
}

pub(super) async fn forget(
    State(app): Shared,
    Path((did, id)): Path<(String, String)>,
    asked: Asked,
) -> Result<Json<Vec<PasskeyInfo>>, Refusal> {
    own_wallet(&app, &asked.wallet, &did)?;
    let id: Digest = value("id", &id)?;
    app.realm.record(Record::ForgetPasskey { id, wallet: asked.wallet.account }).await?;
    Ok(Json(passkeys_of(&app, &asked.wallet).await?))
}

pub(super) async fn find(
    State(app): Shared,
    Path(id): Path<String>,
    _asked: Asked,
) -> Result<Json<PasskeySealed>, Refusal> {
    let id: Digest = value("id", &id)?;
    let found = app.realm.ledger_read(move |ledger| ledger.passkey(id)).await?;
    let none = || Problem::new(ProblemKind::NotFound, "no wallet is kept here under this passkey");
    Ok(Json(PasskeySealed { sealed: found.ok_or_else(none)?.sealed }))
}

async fn passkeys_of(app: &Arc<App>, wallet: &Wallet) -> Result<Vec<PasskeyInfo>, Problem> {
    let account = wallet.account;
    let found = app.realm.ledger_read(move |ledger| ledger.passkeys(account)).await?;
    Ok(found.into_iter().map(|(id, created)| PasskeyInfo { id, created }).collect())
}
