//! One plan on its way: its task alone changes it, keeps it in the ledger after every change, and ends when the plan is over
//! or the broker goes down.

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use mtor_protocol::http::JobState;
use mtor_protocol::{
    Effect, Intent, JobId, Micro, Plan, PlanAnswer, PlanState, PlanStep, Problem, ProblemKind, StepState,
    Submit, limits,
};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::compose;
use crate::app::{App, Wallet};
use crate::clock;

/// How long a plan waits for a person's word before it is stopped.
const PATIENCE: Duration = Duration::from_secs(24 * 60 * 60);
/// How long a step waits for a worker that can do it: after a restart they come back within moments.
const WORKER_PATIENCE: Duration = Duration::from_secs(60);
/// How long a plan that is stopped waits for its jobs to end.
const STOP_PATIENCE: Duration = Duration::from_secs(5);
/// How much of an answer stands in the plan itself; all of it is the job's.
const SHOWN_CHARS: usize = 600;

/// Where the answer to a word goes: the plan as it stands then, or why it can't be.
pub(super) type Reply = oneshot::Sender<Result<Plan, Problem>>;

/// What a person says to a plan.
#[derive(Debug)]
pub(super) enum Word {
    /// Yes or no.
    Answer(PlanAnswer, Reply),
    /// Stop.
    Cancel(Reply),
}

/// The id of a step's job. It follows from the plan's, so that asking again finds the same job; and it is of the same time,
/// so that it stands beside it in the history.
pub(super) fn job_of_step(plan: JobId, step: usize) -> JobId {
    const TIME: u128 = u128::MAX << 80;
    let mut hash = Sha256::new();
    hash.update(b"mtor.v1 step\n");
    hash.update(plan.0.to_be_bytes());
    hash.update((step as u64).to_be_bytes());
    let mut low = [0; 16];
    low.copy_from_slice(&hash.finalize()[..16]);
    JobId((plan.0 & TIME) | (u128::from_be_bytes(low) & !TIME))
}

/// What a step's job came to.
struct Outcome {
    cost: Micro,
    worker: Option<String>,
    result: Result<String, Problem>,
}

/// Owns a plan.
pub(super) struct Runner {
    app: Arc<App>,
    wallet: Wallet,
    plan: Plan,
    state: watch::Sender<Plan>,
    /// The whole answers of the steps that are done.
    answers: Vec<Option<String>>,
    jobs: JoinSet<(usize, Outcome)>,
    /// Whose jobs are under way.
    started: Vec<bool>,
}

impl Runner {
    pub(super) fn new(app: Arc<App>, wallet: Wallet, plan: Plan, state: watch::Sender<Plan>) -> Self {
        let (answers, started) = (vec![None; plan.steps.len()], vec![false; plan.steps.len()]);
        Self { app, wallet, plan, state, answers, jobs: JoinSet::new(), started }
    }

    pub(super) async fn run(mut self, mut words: mpsc::Receiver<Word>) {
        let age = clock::now().since_ms(self.plan.submitted);
        let give_up = Instant::now() + PATIENCE.saturating_sub(Duration::from_millis(age));
        self.recall().await;
        loop {
            self.advance();
            self.publish().await;
            if self.plan.state.is_final() {
                return;
            }
            tokio::select! {
                Some(word) = words.recv() => self.hear(word).await,
                Some(ended) = self.jobs.join_next() => match ended {
                    Ok((step, outcome)) => self.finish(step, outcome),
                    Err(error) => {
                        tracing::error!(plan = %self.plan.id, %error, "a step was cut short");
                        self.stop(PlanState::Failed).await;
                    }
                },
                () = tokio::time::sleep_until(give_up) => self.stop(PlanState::Cancelled).await,
            }
        }
    }

    /// After a restart: the answers of the steps that were done.
    async fn recall(&mut self) {
        for step in 0..self.plan.steps.len() {
            if self.plan.steps[step].state == StepState::Done {
                let job = self.app.stored_job(&self.wallet, self.plan.steps[step].job).await;
                self.answers[step] = job.ok().and_then(|job| job.text);
            }
        }
    }

    /// Begins whatever can begin.
    fn advance(&mut self) {
        if matches!(self.plan.state, PlanState::Proposed) || self.plan.state.is_final() {
            return;
        }
        for at in 0..self.plan.steps.len() {
            if self.plan.steps[at].state == StepState::Waiting {
                self.prepare(at);
            }
            if self.plan.steps[at].state == StepState::Running && !self.started[at] {
                self.start(at);
            }
        }
        let has = |state| self.plan.steps.iter().any(|step| step.state == state);
        let running = has(StepState::Running) || has(StepState::Waiting);
        self.plan.state = match () {
            () if has(StepState::Running) => PlanState::Running,
            () if has(StepState::Asking) => PlanState::Asking,
            () if running => PlanState::Running,
            () if self.plan.steps.iter().all(|step| step.state == StepState::Done) => PlanState::Done,
            () => PlanState::Failed,
        };
    }

    /// A step that waits goes on when what it needs is there, and is left out when that will never be.
    fn prepare(&mut self, at: usize) {
        let needs = self.plan.steps[at].needs();
        let states: Vec<StepState> = needs.iter().map(|need| self.plan.steps[*need].state).collect();
        let lost =
            |state: &StepState| matches!(state, StepState::Failed | StepState::Refused | StepState::LeftOut);
        if states.iter().any(lost) {
            self.plan.steps[at].state = StepState::LeftOut;
        } else if states.iter().all(|state| *state == StepState::Done) {
            if let Some(need) = needs.iter().find(|need| self.answers[**need].is_none()) {
                let detail = format!("the answer of step {} is not kept any more", need + 1);
                self.fail(at, Problem::new(ProblemKind::NotFound, detail));
                return;
            }
            let answers = &self.answers;
            let step = &mut self.plan.steps[at];
            let room = compose::content_room(step);
            let cut = Cell::new(false);
            step.fill(&|need| {
                let answer = answers.get(need)?.as_deref()?;
                let fits = beginning(answer, room);
                cut.set(cut.get() || fits.len() < answer.len());
                Some(fits.to_owned())
            });
            step.note = cut
                .get()
                .then(|| "The text was too long for one step: only its beginning was taken.".to_owned());
            step.state = if step.effect.needs_consent() { StepState::Asking } else { StepState::Running };
        }
    }

    fn start(&mut self, at: usize) {
        self.started[at] = true;
        let (app, wallet, step) = (self.app.clone(), self.wallet.clone(), self.plan.steps[at].clone());
        self.jobs.spawn(async move { (at, do_step(&app, &wallet, &step).await) });
    }

    fn finish(&mut self, at: usize, outcome: Outcome) {
        self.plan.cost = Micro(self.plan.cost.0.saturating_add(outcome.cost.0));
        let step = &mut self.plan.steps[at];
        step.cost = Some(outcome.cost);
        step.worker = outcome.worker;
        match outcome.result {
            Ok(text) => {
                step.state = StepState::Done;
                step.text = Some(text.chars().take(SHOWN_CHARS).collect());
                self.answers[at] = Some(text);
            }
            Err(problem) => self.fail(at, problem),
        }
    }

    fn fail(&mut self, at: usize, problem: Problem) {
        let step = &mut self.plan.steps[at];
        (step.state, step.problem) = (StepState::Failed, Some(problem));
    }

    async fn hear(&mut self, word: Word) {
        let (heard, reply) = match word {
            Word::Answer(answer, reply) => (self.answer(answer).await, reply),
            Word::Cancel(reply) => {
                self.stop(PlanState::Cancelled).await;
                (Ok(()), reply)
            }
        };
        self.advance();
        // Whoever said it may be gone.
        let _ = reply.send(heard.map(|()| self.plan.clone()));
    }

    async fn answer(&mut self, answer: PlanAnswer) -> Result<(), Problem> {
        let conflict = |detail: &str| Problem::new(ProblemKind::Conflict, detail);
        let Some(at) = answer.step else {
            if self.plan.state != PlanState::Proposed {
                return Err(conflict("this plan has begun; it asks about single steps"));
            }
            match answer.yes {
                true => self.plan.state = PlanState::Running,
                false => self.stop(PlanState::Cancelled).await,
            }
            return Ok(());
        };
        let step = self.plan.steps.get_mut(usize::from(at));
        let step = step.filter(|step| step.state == StepState::Asking);
        let step = step.ok_or_else(|| conflict("this step asks nothing now"))?;
        step.state = if answer.yes { StepState::Running } else { StepState::Refused };
        Ok(())
    }

    /// Ends the plan: what runs is cancelled, what has not begun is left out.
    async fn stop(&mut self, end: PlanState) {
        for at in 0..self.plan.steps.len() {
            let step = &mut self.plan.steps[at];
            match step.state {
                StepState::Waiting | StepState::Asking => step.state = StepState::LeftOut,
                StepState::Running => {
                    step.state = StepState::LeftOut;
                    if let Err(problem) = self.app.cancel(&self.wallet, step.job).await {
                        // It has ended by itself, or was not taken yet.
                        tracing::debug!(job = %step.job, %problem, "a step could not be cancelled");
                    }
                }
                StepState::Done | StepState::Failed | StepState::Refused | StepState::LeftOut => {}
            }
        }
        // What was cancelled has cost what it had delivered. What still waits for a worker has no job, and waits no more.
        let give_up = Instant::now() + STOP_PATIENCE;
        while let Ok(Some(ended)) = tokio::time::timeout_at(give_up, self.jobs.join_next()).await {
            if let Ok((at, outcome)) = ended {
                self.plan.steps[at].cost = Some(outcome.cost);
                self.plan.cost = Micro(self.plan.cost.0.saturating_add(outcome.cost.0));
            }
        }
        self.jobs.abort_all();
        self.plan.state = end;
    }

    /// Keeps the plan, and then tells of it.
    async fn publish(&self) {
        if *self.state.borrow() == self.plan {
            return;
        }
        if let Err(problem) = self.app.keep_plan(&self.wallet, &self.plan).await {
            // Its jobs are in the ledger; at worst somebody is asked once more.
            tracing::warn!(plan = %self.plan.id, %problem, "a plan could not be kept as it stands");
        }
        self.state.send_replace(self.plan.clone());
    }
}

/// Does a step by its job: a new one, or the one that has its id.
async fn do_step(app: &App, wallet: &Wallet, step: &PlanStep) -> Outcome {
    let nothing = |problem| Outcome { cost: Micro::ZERO, worker: None, result: Err(problem) };
    let intent = match intent_of(step) {
        Ok(intent) => intent,
        Err(problem) => return nothing(problem),
    };
    // What keeps something for a person, such as a timer, may last.
    let timeout_ms = (step.effect == Effect::Notes).then_some(limits::TIMEOUT_MS_MAX);
    let until = Instant::now() + WORKER_PATIENCE;
    let mut changed = app.realm.watch_revision();
    let taken = loop {
        let submit = Submit { id: Some(step.job), timeout_ms, ..Submit::new(intent.clone()) };
        match app.take(wallet, submit).await {
            Ok(taken) => break taken,
            Err(problem) if problem.is(ProblemKind::NoWorker) => {
                match tokio::time::timeout_at(until, changed.changed()).await {
                    Ok(Ok(())) => {}
                    Ok(Err(_)) | Err(_) => return nothing(problem),
                }
            }
            // The realm is going down, and this task with it; the next start goes on from here.
            Err(problem) if problem.is(ProblemKind::Draining) => std::future::pending().await,
            Err(problem) => return nothing(problem),
        }
    };
    if let Some(stream) = taken.stream {
        stream.ended().await;
    }
    match app.job_info(wallet, step.job).await {
        Ok(job) => Outcome {
            cost: job.cost.unwrap_or(Micro::ZERO),
            worker: job.workers.last().cloned(),
            result: match (job.state, job.text) {
                (JobState::Completed, Some(text)) => Ok(text),
                (JobState::Completed, None) => {
                    Err(Problem::new(ProblemKind::NotFound, "its answer is not kept any more"))
                }
                _ => Err(job
                    .problem
                    .unwrap_or_else(|| Problem::new(ProblemKind::Cancelled, "it was cancelled"))),
            },
        },
        Err(problem) => nothing(problem),
    }
}

/// What a step asks, once nothing in it stands for an answer any more.
pub(super) fn intent_of(step: &PlanStep) -> Result<Intent, Problem> {
    let intent = serde_json::json!({
        "capability": step.capability,
        "params": Value::Object(step.params.clone()),
    });
    serde_json::from_value(intent)
        .map_err(|error| Problem::new(ProblemKind::InvalidRequest, error.to_string()).param("params"))
}

/// The beginning of a text that fits into so many bytes.
fn beginning(text: &str, bytes: usize) -> &str {
    let mut end = text.len().min(bytes);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_jobs_of_a_plan_follow_from_it_and_differ() {
        let plan = JobId::generate();
        let (first, second) = (job_of_step(plan, 0), job_of_step(plan, 1));
        assert_eq!(first, job_of_step(plan, 0));
        assert!(first != second && first != plan && first.0 >> 80 == plan.0 >> 80);
        assert_ne!(first, job_of_step(JobId(plan.0 + 1), 0));
    }

    #[test]
    fn a_text_is_cut_between_letters() {
        assert_eq!((beginning("aäb", 2), beginning("aäb", 3), beginning("aäb", 9)), ("a", "aä", "aäb"));
    }
}
