//! Answers that were proven wrong: who may see which, who may object, and who decides.

use axum::Json;
use axum::extract::{Path, State};
use mtor_core::trust::TrustRules;
use mtor_core::{Case, Input, Realm};
use mtor_protocol::trust::{CaseAction, CaseAnswer, CaseInfo, CaseRequest, LatePay};
use mtor_protocol::{AccountId, JobId, Micro, Problem, ProblemKind};

use super::Shared;
use super::reply::Refusal;
use super::request::{Asked, value};
use crate::app::{App, Wallet};
use crate::auth::whole_wallet;

/// Most cases that a list shows, the oldest first.
const CASES_SHOWN_MAX: usize = 1_000;

/// The sysop sees all cases, whoever else those of the own worker.
pub(super) async fn list(State(app): Shared, asked: Asked) -> Result<Json<Vec<CaseInfo>>, Refusal> {
    whole_wallet(&asked.wallet)?;
    let (account, all) = (asked.wallet.account, is_sysop(&app, &asked.wallet));
    let cases = app.realm.view(move |realm| cases(realm, |case| all || case.worker == account)).await?;
    Ok(Json(cases))
}

pub(super) async fn show(
    State(app): Shared,
    Path(job): Path<String>,
    asked: Asked,
) -> Result<Json<CaseInfo>, Refusal> {
    whole_wallet(&asked.wallet)?;
    Ok(Json(case_of(&app, &asked.wallet, value("job", &job)?).await?))
}

pub(super) async fn act(
    State(app): Shared,
    Path(job): Path<String>,
    asked: Asked,
) -> Result<Json<CaseInfo>, Refusal> {
    whole_wallet(&asked.wallet)?;
    let (job, request): (JobId, CaseRequest) = (value("job", &job)?, asked.json()?);
    let case = case_of(&app, &asked.wallet, job).await?;
    let account = asked.wallet.account;
    match request.action {
        CaseAction::Appeal => app.realm.ask(move |ticket| Input::Appeal { ticket, job, account }).await?,
        CaseAction::Pardon | CaseAction::Uphold if !is_sysop(&app, &asked.wallet) => {
            let detail = "only the realm's owner decides that; a worker can object: mtor trust appeal";
            return Err(Problem::new(ProblemKind::Forbidden, detail).into());
        }
        action => {
            let pardon = action == CaseAction::Pardon;
            app.realm.ask(move |ticket| Input::DecideCase { ticket, job, pardon }).await?;
        }
    }
    // When it is decided, it is as it was before.
    Ok(Json(case_of(&app, &asked.wallet, job).await.unwrap_or(case)))
}

/// Pay of a wallet's workers that is held back.
pub(super) fn late_pay(realm: &Realm, account: AccountId) -> Vec<LatePay> {
    let mature_ms = realm.config().trust.mature_ms;
    let of = |(kind, record): (&mtor_protocol::CapabilityKind, &mtor_core::trust::Record)| {
        let (oldest, newest) = (record.payments().next()?, record.payments().last()?);
        Some(LatePay {
            capability: kind.clone(),
            payments: u32::try_from(record.payments().len()).unwrap_or(u32::MAX),
            amount: record.held().amount,
            first: oldest.since.plus_ms(mature_ms),
            last: newest.since.plus_ms(mature_ms),
        })
    };
    realm.state().records(account).filter_map(of).collect()
}

/// What is at stake of a wallet's, in all cases together.
pub(super) fn at_stake(realm: &Realm, account: AccountId) -> Micro {
    let theirs = realm.state().cases().values().filter(|case| case.worker == account);
    // All of it was issued once, so that it fits.
    theirs.fold(Micro::ZERO, |sum, case| Micro(sum.0.saturating_add(case.amount().0)))
}

fn is_sysop(app: &App, wallet: &Wallet) -> bool {
    wallet.account == app.owner.account
}

fn cases(realm: &Realm, shown: impl Fn(&Case) -> bool) -> Vec<CaseInfo> {
    let rules = realm.config().trust;
    let found = realm.state().cases().iter().filter(|(_, case)| shown(case));
    let mut found: Vec<CaseInfo> = found.map(|(job, case)| info(*job, case, &rules)).collect();
    found.sort_by_key(|case| (case.proven, case.job));
    found.truncate(CASES_SHOWN_MAX);
    found
}

fn info(job: JobId, case: &Case, rules: &TrustRules) -> CaseInfo {
    let answer = |of: &mtor_core::trust::Judged| CaseAnswer {
        job: of.job,
        worker: of.worker,
        verdict: of.verdict,
        output: None,
        text: None,
    };
    CaseInfo {
        job,
        worker: case.worker,
        capability: case.capability.clone(),
        proven: case.proven,
        amount: case.amount(),
        payments: u32::try_from(case.payments.len()).unwrap_or(u32::MAX),
        appealed: case.appealed,
        over: case.over(rules),
        evidence: case.evidence,
        answers: case.results.iter().map(answer).collect(),
    }
}

/// One case, with the answers as far as they are kept and the caller may see them.
async fn case_of(app: &App, wallet: &Wallet, job: JobId) -> Result<CaseInfo, Problem> {
    let (account, all) = (wallet.account, is_sysop(app, wallet));
    let look = move |realm: &Realm| {
        let case = realm.state().cases().get(&job).filter(|case| all || case.worker == account)?;
        Some(info(job, case, &realm.config().trust))
    };
    let found = app.realm.view(look).await?;
    let mut case = found.ok_or_else(|| {
        let detail =
            "no answer to this job was proven wrong, or it is decided already, or it is not yours to see";
        Problem::new(ProblemKind::NotFound, detail)
    })?;
    for answer in &mut case.answers {
        let id = answer.job;
        if let Some(stored) = app.realm.ledger_read(move |ledger| ledger.job(id)).await? {
            answer.output = stored.output;
            answer.text = stored.text.filter(|_| all || answer.worker == account);
        }
    }
    Ok(case)
}
