//! Grants: what a wallet lets others spend of its coins.

use std::collections::HashMap;

use axum::Json;
use axum::extract::{Path, State};
use mtor_core::{Grant, Input, Realm};
use mtor_ledger::{GrantRecord, Record};
use mtor_protocol::{
    AccountId, Did, GrantInfo, GrantList, GrantRequest, GrantTerms, JobId, Problem, ProblemKind, limits,
};
use serde::{Deserialize, Serialize};

use super::Shared;
use super::reply::Refusal;
use super::request::{Asked, value};
use super::wallets::named;
use crate::app::{App, Wallet};
use crate::auth::own_wallet;
use crate::clock;
use crate::realm::Once;

/// What the ledger keeps of a grant beside the journal, which commits to it: all that makes it this grant and no other.
#[derive(Debug, Serialize, Deserialize)]
struct About {
    name: String,
    to: Vec<Did>,
    terms: GrantTerms,
}

pub(super) async fn list(
    State(app): Shared,
    Path(did): Path<String>,
    asked: Asked,
) -> Result<Json<GrantList>, Refusal> {
    own_wallet(&app, &asked.wallet, &did)?;
    Ok(Json(grants_of(&app, &asked.wallet).await?))
}

pub(super) async fn give(
    State(app): Shared,
    Path(did): Path<String>,
    asked: Asked,
) -> Result<Json<GrantInfo>, Refusal> {
    own_wallet(&app, &asked.wallet, &did)?;
    let GrantRequest { id, name, terms, to: dids } = asked.json()?;
    if name.is_empty() || name.len() > limits::NAME_BYTES_MAX {
        let detail = format!("a name of 1 to {} bytes says whom the grant is for", limits::NAME_BYTES_MAX);
        return Err(Problem::new(ProblemKind::InvalidRequest, detail).param("name").into());
    }
    let holder = |did: &Did| named(&app, did.as_str()).map(|wallet| wallet.account);
    let to: Vec<AccountId> =
        dids.iter().map(holder).collect::<Result<_, _>>().map_err(|problem| problem.param("to"))?;
    let about = serde_json::to_string(&About { name, to: dids, terms: terms.clone() })
        .map_err(|error| Problem::new(ProblemKind::Internal, error.to_string()))?;
    let (salt, from) = (mtor_ledger::salt(&app.key, id), asked.wallet.account);
    let commitment = mtor_ledger::commitment(&salt, about.as_bytes());
    let record = GrantRecord { id, granter: from, account: mtor_core::grant_account(from, id), salt, about };
    let once = Once { id, request: commitment };
    let record = Some(Record::Grant(Box::new(record)));
    let input = move |ticket| Input::Grant { ticket, id, from, to, terms, about: commitment };
    app.realm.ask_once(once, record, input).await?;
    let given = grants_of(&app, &asked.wallet).await?.given;
    let ended =
        || Problem::new(ProblemKind::Conflict, "this grant was given before, and has ended").about(id);
    Ok(Json(given.into_iter().find(|grant| grant.id == id).ok_or_else(ended)?))
}

pub(super) async fn take_back(
    State(app): Shared,
    Path((did, id)): Path<(String, String)>,
    asked: Asked,
) -> Result<Json<GrantList>, Refusal> {
    own_wallet(&app, &asked.wallet, &did)?;
    let (grant, account) = (value("id", &id)?, asked.wallet.account);
    app.realm.ask(move |ticket| Input::Revoke { ticket, grant, account }).await?;
    Ok(Json(grants_of(&app, &asked.wallet).await?))
}

async fn grants_of(app: &App, wallet: &Wallet) -> Result<GrantList, Problem> {
    let account = wallet.account;
    let mut found = app.realm.view(move |realm| grants_in(realm, account)).await?;
    let ids: Vec<JobId> = found.given.iter().chain(&found.received).map(|grant| grant.id).collect();
    let records = app.realm.ledger_read(move |ledger| ledger.grants(&ids)).await?;
    let about = |record: GrantRecord| Some((record.id, serde_json::from_str(&record.about).ok()?));
    let mut abouts: HashMap<JobId, About> = records.into_iter().filter_map(about).collect();
    for grant in &mut found.given {
        if let Some(about) = abouts.remove(&grant.id) {
            (grant.name, grant.to) = (about.name, about.to);
        }
    }
    for grant in &mut found.received {
        if let Some(about) = abouts.remove(&grant.id) {
            grant.name = about.name;
        }
    }
    Ok(found)
}

/// The grants of a wallet, still without their names.
fn grants_in(realm: &Realm, wallet: AccountId) -> GrantList {
    let now = clock::now();
    let info = |(id, grant): (&JobId, &Grant)| {
        let account = realm.state().books().account(grant.account);
        GrantInfo {
            id: *id,
            name: String::new(),
            account: grant.account,
            from: grant.from,
            to: Vec::new(),
            terms: grant.terms.clone(),
            created: grant.created,
            left: realm.grant_left(now, grant),
            held: account.debits_pending,
            spent: account.debits_posted,
            renews: grant.terms.period.map(|period| period.next(now)),
        }
    };
    let of = |wanted: &dyn Fn(&Grant) -> bool| {
        realm.state().grants().iter().filter(|(_, grant)| wanted(grant)).map(info).collect()
    };
    GrantList { given: of(&|grant| grant.from == wallet), received: of(&|grant| grant.to.contains(&wallet)) }
}
