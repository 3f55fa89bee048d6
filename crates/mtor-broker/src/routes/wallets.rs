//! Wallets: balance, history, keys, coins. Each concerns the caller's own wallet, and no other.

use std::sync::Arc;

use axum::extract::{ConnectInfo, Path, Query, Request, State};
use axum::{Extension, Json};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use mtor_core::Input;
use mtor_identity::{PublicKey, key_id};
use mtor_ledger::{KeyRecord, Record, digest};
use mtor_protocol::http::{
    ApiKey, DeviceList, JobPage, KeyRequest, MovementPage, TransferRequest, WalletInfo,
};
use mtor_protocol::{AccountId, JobId, Problem, ProblemKind, limits};
use serde::Deserialize;

use super::reply::Refusal;
use super::request::{Asked, value};
use super::{Peer, Shared, trust};
use crate::app::{App, Wallet};
use crate::auth::{KEY_PREFIX, is_at_home, own_wallet, whole_wallet};
use crate::clock;
use crate::realm::Once;

/// Lines of a page, when the caller does not say.
const PAGE_DEFAULT: usize = 50;
/// Most lines of a page.
const PAGE_MAX: usize = 200;
/// Most API keys of one wallet.
const KEYS_MAX: usize = 100;
/// Longest memo of a transfer, and longest search, in bytes.
const TEXT_BYTES_MAX: usize = 1_024;

#[derive(Deserialize)]
pub(super) struct Page {
    before: Option<String>,
    limit: Option<String>,
    q: Option<String>,
    grant: Option<String>,
}

impl Page {
    pub(super) fn before<T: std::str::FromStr<Err: std::fmt::Display>>(&self) -> Result<Option<T>, Problem> {
        self.before.as_deref().map(|text| value("before", text)).transpose()
    }

    pub(super) fn limit(&self) -> Result<usize, Problem> {
        let limit: usize = self.limit.as_deref().map_or(Ok(PAGE_DEFAULT), |text| value("limit", text))?;
        Ok(limit.clamp(1, PAGE_MAX))
    }

    /// The account that is asked for: the wallet's, or that of a grant which it gave, and may have taken back.
    async fn account(&self, app: &App, wallet: &Wallet) -> Result<AccountId, Problem> {
        let Some(grant) = &self.grant else { return Ok(wallet.account) };
        let id: JobId = value("grant", grant)?;
        let found = app.realm.ledger_read(move |ledger| ledger.grants(&[id])).await?;
        let own = found.into_iter().find(|grant| grant.granter == wallet.account);
        own.map(|grant| grant.account).ok_or_else(|| {
            Problem::new(ProblemKind::NotFound, "this wallet gives no such grant").param("grant")
        })
    }
}

pub(super) async fn show(
    State(app): Shared,
    Path(did): Path<String>,
    asked: Asked,
) -> Result<Json<WalletInfo>, Refusal> {
    own_wallet(&app, &asked.wallet, &did)?;
    Ok(Json(info(&app, &asked.wallet).await?))
}

pub(super) async fn info(app: &App, wallet: &Wallet) -> Result<WalletInfo, Problem> {
    let id = wallet.account;
    let look = move |realm: &mtor_core::Realm| {
        let state = realm.state();
        let late = (trust::late_pay(realm, id), trust::at_stake(realm, id));
        (state.books().account(id), state.starters().has(id), late)
    };
    let (account, started, (late, at_stake)) = app.realm.view(look).await?;
    Ok(WalletInfo {
        did: wallet.did.clone(),
        guid: wallet.account,
        available: account.available(),
        held: account.debits_pending,
        received: account.credits_posted,
        spent: account.debits_posted,
        bound: account.bound,
        late,
        at_stake,
        starter: app.config.starter.filter(|_| !started).map(|rules| rules.coins),
        recovery: app.keys.info(id, app.config.recovery_delay_ms).pending,
    })
}

pub(super) async fn jobs(
    State(app): Shared,
    Path(did): Path<String>,
    Query(page): Query<Page>,
    asked: Asked,
) -> Result<Json<JobPage>, Refusal> {
    own_wallet(&app, &asked.wallet, &did)?;
    let before: Option<JobId> = page.before()?;
    let account = page.account(&app, &asked.wallet).await?;
    let (limit, words) = (page.limit()?, page.q.filter(|q| !q.trim().is_empty()));
    if words.as_ref().is_some_and(|words| words.len() > TEXT_BYTES_MAX) {
        let detail = format!("a search has at most {TEXT_BYTES_MAX} bytes");
        return Err(Problem::new(ProblemKind::InvalidRequest, detail).param("q").into());
    }
    let mut page =
        app.realm.ledger_read(move |ledger| ledger.jobs(account, before, limit, words.as_deref())).await?;
    let ids: Vec<JobId> = page.jobs.iter().filter(|job| !job.state.is_final()).map(|job| job.id).collect();
    let live = app.realm.view(move |realm| {
        ids.iter().filter_map(|id| Some((*id, realm.job(*id)?.state))).collect::<Vec<_>>()
    });
    for (id, state) in live.await? {
        page.jobs.iter_mut().filter(|job| job.id == id).for_each(|job| job.state = state);
    }
    Ok(Json(page))
}

pub(super) async fn movements(
    State(app): Shared,
    Path(did): Path<String>,
    Query(page): Query<Page>,
    asked: Asked,
) -> Result<Json<MovementPage>, Refusal> {
    own_wallet(&app, &asked.wallet, &did)?;
    let before: Option<u64> = page.before()?;
    let (account, limit) = (page.account(&app, &asked.wallet).await?, page.limit()?);
    Ok(Json(app.realm.ledger_read(move |ledger| ledger.movements(account, before, limit)).await?))
}

pub(super) async fn devices(
    State(app): Shared,
    Path(did): Path<String>,
    asked: Asked,
) -> Result<Json<DeviceList>, Refusal> {
    own_wallet(&app, &asked.wallet, &did)?;
    Ok(Json(DeviceList { since: app.started, devices: app.devices.of(asked.wallet.account) }))
}

/// At home, the owner fills a wallet of the household up. Whoever sits at the realm's own machine may ask for it.
pub(super) async fn welcome(
    State(app): Shared,
    Extension(ConnectInfo(peer)): Peer,
    Path(did): Path<String>,
    request: Request,
) -> Result<Json<WalletInfo>, Refusal> {
    if !is_at_home(request.headers(), peer) {
        let detail = "a wallet is filled up only from the realm's own machine; elsewhere, ask the owner to send coins: mtor wallet send";
        return Err(Problem::new(ProblemKind::Forbidden, detail).into());
    }
    let wallet = named(&app, &did)?;
    let (id, to) = (JobId::generate(), wallet.account);
    app.realm.ask(move |ticket| Input::Welcome { ticket, id, to }).await?;
    Ok(Json(info(&app, &wallet).await?))
}

pub(super) async fn transfer(State(app): Shared, asked: Asked) -> Result<Json<WalletInfo>, Refusal> {
    whole_wallet(&asked.wallet)?;
    let request: TransferRequest = asked.json()?;
    if request.memo.len() > TEXT_BYTES_MAX {
        let detail = format!("a memo has at most {TEXT_BYTES_MAX} bytes");
        return Err(Problem::new(ProblemKind::InvalidRequest, detail).param("memo").into());
    }
    let to = named(&app, request.to.as_str()).map_err(|problem| problem.param("to"))?.account;
    let (id, amount, from) = (request.id, request.amount, asked.wallet.account);
    let salt = mtor_ledger::salt(&app.key, id);
    // Over the sender and the whole request, so that the same id from another wallet, or with another amount or receiver,
    // is another transfer.
    let memo =
        mtor_ledger::commitment(&salt, &[asked.wallet.did.as_str().as_bytes(), b"\n", &asked.body].concat());
    let once = Once { id, request: memo };
    app.realm
        .ask_once(once, None, move |ticket| Input::Transfer { ticket, id, from, to, amount, memo })
        .await?;
    Ok(Json(info(&app, &asked.wallet).await?))
}

pub(super) async fn keys(
    State(app): Shared,
    Path(did): Path<String>,
    asked: Asked,
) -> Result<Json<Vec<ApiKey>>, Refusal> {
    own_wallet(&app, &asked.wallet, &did)?;
    Ok(Json(list_keys(&app, &asked.wallet).await?))
}

pub(super) async fn make_key(
    State(app): Shared,
    Path(did): Path<String>,
    asked: Asked,
) -> Result<Json<ApiKey>, Refusal> {
    own_wallet(&app, &asked.wallet, &did)?;
    let KeyRequest { name, grant } = asked.json()?;
    if name.is_empty() || name.len() > limits::NAME_BYTES_MAX {
        let detail = format!("a name of 1 to {} bytes says what the key is for", limits::NAME_BYTES_MAX);
        return Err(Problem::new(ProblemKind::InvalidRequest, detail).param("name").into());
    }
    if list_keys(&app, &asked.wallet).await?.len() >= KEYS_MAX {
        let detail = format!("a wallet has at most {KEYS_MAX} API keys; revoke one first");
        return Err(Problem::new(ProblemKind::Conflict, detail).into());
    }
    let account = key_account(&app, &asked.wallet, grant).await?;
    let secret = new_secret()?;
    let key = KeyRecord {
        id: JobId::generate(),
        account,
        grant,
        wallet: asked.wallet.account,
        did: asked.wallet.did.clone(),
        name,
        hash: digest(secret.as_bytes()),
        created: clock::now(),
    };
    let (id, name, created) = (key.id, key.name.clone(), key.created);
    let made = ApiKey { id, name, created, grant, secret: Some(secret) };
    app.realm.record(Record::Key(Box::new(key))).await?;
    Ok(Json(made))
}

pub(super) async fn revoke_key(
    State(app): Shared,
    Path((did, id)): Path<(String, String)>,
    asked: Asked,
) -> Result<Json<Vec<ApiKey>>, Refusal> {
    own_wallet(&app, &asked.wallet, &did)?;
    let id: JobId = value("id", &id)?;
    if !list_keys(&app, &asked.wallet).await?.iter().any(|key| key.id == id) {
        return Err(Problem::new(ProblemKind::NotFound, "this wallet has no such key").into());
    }
    app.realm.record(Record::RevokeKey { id, wallet: asked.wallet.account }).await?;
    Ok(Json(list_keys(&app, &asked.wallet).await?))
}

async fn list_keys(app: &Arc<App>, wallet: &Wallet) -> Result<Vec<ApiKey>, Problem> {
    let wallet = wallet.account;
    app.realm.ledger_read(move |ledger| ledger.keys(wallet)).await
}

/// The account that a key spends from: the wallet's, or that of a grant which it gives.
async fn key_account(app: &App, wallet: &Wallet, grant: Option<JobId>) -> Result<AccountId, Problem> {
    let Some(id) = grant else { return Ok(wallet.account) };
    let granter = wallet.account;
    let find = move |realm: &mtor_core::Realm| {
        realm.state().grants().get(&id).filter(|grant| grant.from == granter).map(|grant| grant.account)
    };
    app.realm.view(find).await?.ok_or_else(|| {
        Problem::new(ProblemKind::NotFound, "this wallet gives no such grant, or not any more").param("grant")
    })
}

fn new_secret() -> Result<String, Problem> {
    let mut bytes = [0; 24];
    getrandom::fill(&mut bytes).map_err(|error| {
        tracing::error!(%error, "the system has no randomness");
        Problem::new(ProblemKind::Internal, "the system has no randomness for a key")
    })?;
    Ok(format!("{KEY_PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes)))
}

/// The wallet that a name means, whether or not its key has changed since.
///
/// # Errors
/// When it is no name.
pub(super) fn named(app: &App, did: &str) -> Result<Wallet, Problem> {
    match PublicKey::from_did(did) {
        Ok(key) => {
            let account = app.keys.account_of(key_id(&key));
            Ok(Wallet { did: key.to_did(), account, grant: None })
        }
        Err(error) => Err(Problem::new(ProblemKind::InvalidRequest, error.to_string()).param("did")),
    }
}
