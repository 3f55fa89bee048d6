//! Requests of several steps. Words are taken apart into a plan by rules, or where they don't understand by what a model
//! proposes (`propose`), and the plan is whole before its first step
//! begins; each step is an ordinary job of the wallet's, with an id that follows from the plan's, so that a plan that goes on
//! after a crash finds the jobs that it had.
//!
//! What a step brings comes from outside and is data: it fills places that are made for content (`compose`), and nothing
//! reads it to find out what to do. What sends or switches waits for a person's yes (`run`).

mod compose;
mod propose;
mod run;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mtor_ledger::{PlanRecord, Record};
use mtor_protocol::{
    AccountId, JobId, Micro, Plan, PlanAnswer, PlanAsk, PlanPage, PlanState, Problem, ProblemKind, limits,
};
use tokio::sync::{mpsc, watch};

use crate::app::{App, Wallet};
use crate::clock;
use compose::Composed;
use run::{Runner, Word};

/// Words to one plan that wait to be heard.
const WORDS_MAX: usize = 16;

/// The plans that are under way.
#[derive(Debug, Default)]
pub struct Plans(Mutex<HashMap<JobId, Live>>);

/// A plan that is under way, as others see it.
#[derive(Debug, Clone)]
struct Live {
    account: AccountId,
    state: watch::Receiver<Plan>,
    words: mpsc::Sender<Word>,
}

impl Plans {
    fn live(&self) -> MutexGuard<'_, HashMap<JobId, Live>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn get(&self, id: JobId, wallet: &Wallet) -> Option<Live> {
        self.live().get(&id).filter(|live| live.account == wallet.account).cloned()
    }
}

impl App {
    /// Makes a plan of some words, and begins with it unless it may cost more than was allowed. The second value says
    /// whether it is new: the same id finds the same plan.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn plan(self: &Arc<Self>, wallet: &Wallet, ask: PlanAsk) -> Result<(Plan, bool), Problem> {
        if let Some((field, detail)) = ask.fault() {
            return Err(Problem::new(ProblemKind::InvalidRequest, detail).param(field));
        }
        if wallet.grant.is_some() {
            let detail = "an API key asks for one thing at a time; plans are for wallets";
            return Err(Problem::new(ProblemKind::Forbidden, detail));
        }
        match self.plan_of(wallet, ask.id).await {
            Ok(known) if known.text == ask.text => return Ok((known, false)),
            Ok(_) => {
                let detail = "this id is that of a plan for other words";
                return Err(Problem::new(ProblemKind::Conflict, detail).param("id"));
            }
            Err(problem) if problem.is(ProblemKind::NotFound) => {}
            Err(problem) => return Err(problem),
        }
        let open = self.open_plans(Some(wallet.account)).await?.len();
        if open >= limits::PLANS_OPEN_MAX {
            let detail = format!("{open} plans of this wallet are under way, the most that may be");
            return Err(Problem::new(ProblemKind::TooManyRequests, detail).retry_after_s(60));
        }
        let Composed { steps, max, proposed } = self.compose(wallet, &ask).await?;
        let within = ask.max_price.is_none_or(|allowed| max <= allowed);
        let begins = within && proposed.is_none();
        let state = if begins { PlanState::Running } else { PlanState::Proposed };
        let (submitted, cost) = (clock::now(), proposed.unwrap_or(Micro::ZERO));
        let plan = Plan { id: ask.id, text: ask.text, submitted, state, max, cost, steps };
        self.keep_plan(wallet, &plan).await?;
        self.run_plan(wallet.clone(), plan.clone());
        Ok((plan, true))
    }

    /// A plan of this wallet's, as it stands.
    ///
    /// # Errors
    /// When the wallet has no such plan.
    pub async fn plan_of(&self, wallet: &Wallet, id: JobId) -> Result<Plan, Problem> {
        if let Some(live) = self.plans.get(id, wallet) {
            return Ok(live.state.borrow().clone());
        }
        let stored = self.realm.ledger_read(move |ledger| ledger.plan(id)).await?;
        let stored = stored.filter(|stored| stored.account == wallet.account);
        read(&stored.ok_or_else(|| Problem::new(ProblemKind::NotFound, "this wallet has no such plan"))?)
    }

    /// The plans of this wallet, the newest first.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub async fn plans_of(
        &self,
        wallet: &Wallet,
        before: Option<JobId>,
        limit: usize,
    ) -> Result<PlanPage, Problem> {
        let account = wallet.account;
        let stored = self.realm.ledger_read(move |ledger| ledger.plans(account, before, limit)).await?;
        let next = (stored.len() == limit).then(|| stored.last().map(|last| last.id)).flatten();
        let plan = |stored: &PlanRecord| match self.plans.get(stored.id, wallet) {
            Some(live) => Ok(live.state.borrow().clone()),
            None => read(stored),
        };
        Ok(PlanPage { plans: stored.iter().map(plan).collect::<Result<_, _>>()?, next })
    }

    /// How a plan stands now and whenever that changes, until it is over.
    ///
    /// # Errors
    /// When the wallet has no such plan.
    pub async fn follow_plan(&self, wallet: &Wallet, id: JobId) -> Result<watch::Receiver<Plan>, Problem> {
        match self.plans.get(id, wallet) {
            Some(live) => Ok(live.state),
            // It is over: nothing will change any more.
            None => Ok(watch::channel(self.plan_of(wallet, id).await?).1),
        }
    }

    /// A person's word about what a plan asks.
    ///
    /// # Errors
    /// When it asks nothing of the kind.
    pub async fn answer_plan(&self, wallet: &Wallet, id: JobId, answer: PlanAnswer) -> Result<Plan, Problem> {
        self.tell_plan(wallet, id, |reply| Word::Answer(answer, reply)).await
    }

    /// Stops a plan: what runs is cancelled, what is done stays done.
    ///
    /// # Errors
    /// When the wallet has no such plan under way.
    pub async fn cancel_plan(&self, wallet: &Wallet, id: JobId) -> Result<Plan, Problem> {
        self.tell_plan(wallet, id, Word::Cancel).await
    }

    async fn tell_plan(
        &self,
        wallet: &Wallet,
        id: JobId,
        word: impl FnOnce(run::Reply) -> Word,
    ) -> Result<Plan, Problem> {
        let over = || Problem::new(ProblemKind::Conflict, "this plan is over");
        let Some(live) = self.plans.get(id, wallet) else {
            self.plan_of(wallet, id).await?;
            return Err(over());
        };
        let (reply, answer) = tokio::sync::oneshot::channel();
        live.words.send(word(reply)).await.map_err(|_| over())?;
        answer.await.map_err(|_| over())?
    }

    /// Goes on with the plans that were under way when the realm went down.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub(crate) async fn resume_plans(self: &Arc<Self>) -> Result<(), Problem> {
        for stored in self.open_plans(None).await? {
            match read(&stored) {
                Ok(plan) => {
                    let wallet = Wallet { did: stored.did, account: stored.account, grant: None };
                    self.run_plan(wallet, plan);
                }
                Err(problem) => tracing::error!(plan = %stored.id, %problem, "a plan can't go on"),
            }
        }
        Ok(())
    }

    async fn open_plans(&self, account: Option<AccountId>) -> Result<Vec<PlanRecord>, Problem> {
        self.realm.ledger_read(move |ledger| ledger.open_plans(account)).await
    }

    /// The task that owns the plan from here on.
    fn run_plan(self: &Arc<Self>, wallet: Wallet, plan: Plan) {
        let (id, account) = (plan.id, wallet.account);
        let (state, seen) = watch::channel(plan.clone());
        let (words, heard) = mpsc::channel(WORDS_MAX);
        self.plans.live().insert(id, Live { account, state: seen, words });
        let app = self.clone();
        self.tasks.spawn(async move {
            let closing = app.closing.clone();
            let runner = Runner::new(app.clone(), wallet, plan, state);
            closing.run_until_cancelled(runner.run(heard)).await;
            app.plans.live().remove(&id);
        });
    }

    async fn keep_plan(&self, wallet: &Wallet, plan: &Plan) -> Result<(), Problem> {
        let json = serde_json::to_string(plan)
            .map_err(|error| Problem::new(ProblemKind::Internal, error.to_string()))?;
        let record = PlanRecord {
            id: plan.id,
            account: wallet.account,
            did: wallet.did.clone(),
            open: !plan.state.is_final(),
            plan: json,
        };
        Ok(self.realm.record(Record::Plan(Box::new(record))).await?)
    }
}

fn read(stored: &PlanRecord) -> Result<Plan, Problem> {
    serde_json::from_str(&stored.plan)
        .map_err(|error| Problem::new(ProblemKind::Internal, format!("a stored plan can't be read: {error}")))
}
