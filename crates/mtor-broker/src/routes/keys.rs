//! Changes of a wallet's keys, and how they stand.

use axum::Json;
use axum::extract::{Path, State};
use mtor_core::Input;
use mtor_identity::verify_keys;
use mtor_ledger::statement_digest;
use mtor_protocol::{KeyStatement, Problem, ProblemKind, WalletKeysInfo};

use super::Shared;
use super::reply::Refusal;
use super::request::Asked;
use crate::auth::own_wallet;
use crate::realm::Once;

pub(super) async fn show(
    State(app): Shared,
    Path(did): Path<String>,
    asked: Asked,
) -> Result<Json<WalletKeysInfo>, Refusal> {
    own_wallet(&app, &asked.wallet, &did)?;
    Ok(Json(app.keys.info(asked.wallet.account, app.config.recovery_delay_ms)))
}

/// Who asks does not matter: the statement says whose it is, and is signed.
pub(super) async fn change(State(app): Shared, asked: Asked) -> Result<Json<WalletKeysInfo>, Refusal> {
    let statement: KeyStatement = asked.json()?;
    let stated = verify_keys(&statement, app.did.as_str())
        .map_err(|error| Problem::new(ProblemKind::Unauthorized, error.to_string()).param("signature"))?;
    let once = Once { id: statement.id, request: statement_digest(&statement) };
    let wallet = statement.wallet.first_key();
    let statement = Box::new(statement);
    let input = move |ticket| Input::ChangeKeys { ticket, statement, by: stated.by, named: stated.named };
    app.realm.ask_once(once, None, input).await?;
    Ok(Json(app.keys.info(app.keys.account_of(wallet), app.config.recovery_delay_ms)))
}
