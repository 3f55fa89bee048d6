//! Compares answers: what the core wants checked is asked again of a worker of another account, and when the two differ of a
//! third. The texts stay here; the core hears the verdicts, and the journal holds a salted commitment to what they rest on.
//!
//! Some checks are canaries: the worker itself is asked something to which the realm knows the answer, because others have
//! said the same to it before. That finds those who tell each other their answers.
//!
//! Vectors are compared with each other. Texts are compared by their vectors, so that without a worker that embeds there is
//! no verdict on them. What tools say that give the same result every time is compared to the letter. What can't be found out, for lack of workers or of coins in the treasury, proves nothing.

mod known;

use std::sync::Arc;

use mtor_core::Input;
use mtor_core::trust::{Check, Comparison, Judged, Verdict, compare};
use mtor_protocol::intent::DEFAULT_MODEL;
use mtor_protocol::{AccountId, Body, CapabilityKind, Intent, JobId, Problem, ProblemKind, ServiceClass};
use tokio::sync::{Semaphore, mpsc};

use crate::app::App;
use crate::clock;
use crate::defaults::{ALIKE_TEXTS, ALIKE_VECTORS, AUDIT_VECTORS_PATIENCE, AUDITS_AT_ONCE};
use crate::realm::Asked;
use crate::stream::JobStream;

use known::{Known, KnownAnswers};

/// A client's job whose answer is to be compared.
pub(crate) struct Answered {
    pub(crate) stream: Arc<JobStream>,
    pub(crate) intent: Arc<Intent>,
    pub(crate) check: Check,
}

/// One answer to the question.
struct Said {
    job: JobId,
    worker: AccountId,
    text: String,
}

/// Compares what comes, until the broker goes down.
pub(crate) fn start(app: &Arc<App>, mut answers: mpsc::Receiver<Answered>) {
    let app = app.clone();
    app.tasks.clone().spawn(async move {
        let closing = app.closing.clone();
        let at_once = Arc::new(Semaphore::new(AUDITS_AT_ONCE));
        let known = Arc::new(KnownAnswers::default());
        let all = async {
            while let Some(answered) = answers.recv().await {
                // Never closed, so that there is always one in the end.
                let Ok(permit) = at_once.clone().acquire_owned().await else { return };
                let (app, closing, known) = (app.clone(), app.closing.clone(), known.clone());
                app.tasks.clone().spawn(async move {
                    let job = answered.stream.job;
                    if let Some(Err(problem)) =
                        closing.run_until_cancelled(audit(&app, answered, &known)).await
                    {
                        tracing::debug!(%job, %problem, "an answer was not compared to the end");
                        // Fails when the realm goes down: then nobody waits.
                        let _ = app.realm.input(Input::Unjudged { jobs: vec![job] }).await;
                    }
                    drop(permit);
                });
            }
        };
        closing.run_until_cancelled(all).await;
    });
}

async fn audit(app: &App, answered: Answered, known: &KnownAnswers) -> Result<(), Problem> {
    let Answered { stream, intent, check } = answered;
    let kind = stream.capability.clone();
    let unknown = || Problem::new(ProblemKind::Internal, "its model is unknown");
    // A tool is the same whatever is behind it.
    let model = match Likeness::of(&kind) {
        Likeness::Exact => DEFAULT_MODEL.to_owned(),
        Likeness::Vectors | Likeness::Meaning => stream.model().ok_or_else(unknown)?,
    };
    if Likeness::of(&kind) == Likeness::Meaning {
        // Without it there is no verdict, and the others would work for nothing.
        app.embedding_model().await?;
    }
    let first = said(&stream).await?;
    let canary = match check {
        Check::Canary => known.ask(clock::now(), &kind, &model, first.worker),
        Check::None | Check::Replica => None,
    };
    match canary {
        Some(canary) => try_worker(app, canary, first.worker).await,
        // What is not known yet is asked of others.
        None => compare_with_others(app, (kind, model), intent, first, known).await,
    }
}

/// Asks others the same, until it is decided.
async fn compare_with_others(
    app: &App,
    (kind, model): (CapabilityKind, String),
    intent: Arc<Intent>,
    first: Said,
    known: &KnownAnswers,
) -> Result<(), Problem> {
    let mut answers = vec![first];
    let mut looks = vec![look_of(app, &kind, &answers[0].text).await?];
    let verdicts = loop {
        let comparison =
            compare(&app.config.trust, answers.len(), |a, b| a == b || looks[a].is_like(&looks[b]));
        match comparison {
            Comparison::Decided(verdicts) => break verdicts,
            Comparison::AskAnother => {
                let asked = answers.iter().map(|answer| answer.worker).collect();
                let other =
                    said(&*app.ask_again(&intent, model.clone(), Asked::Others(asked)).await?).await?;
                if answers.iter().any(|answer| answer.worker == other.worker) {
                    let detail = "another worker of the same account came in between";
                    return Err(Problem::new(ProblemKind::Conflict, detail));
                }
                looks.push(look_of(app, &kind, &other.text).await?);
                answers.push(other);
            }
        }
    };
    let valid = answers.iter().zip(&verdicts).filter(|(_, verdict)| **verdict == Verdict::Valid);
    known.learn(Known {
        intent,
        kind: kind.clone(),
        model,
        answers: valid.map(|(answer, _)| answer.text.clone()).collect(),
        heard: answers.iter().map(|answer| answer.worker).collect(),
        since: clock::now(),
    });
    let judged =
        |(answer, verdict): (&Said, Verdict)| Judged { job: answer.job, worker: answer.worker, verdict };
    let results = answers.iter().zip(verdicts).map(judged).collect();
    let texts: Vec<&str> = answers.iter().map(|answer| answer.text.as_str()).collect();
    judge(app, kind, results, &texts).await
}

/// Asks a worker what is known already. What others said to it decides as if they had been asked now; they are not judged again.
async fn try_worker(app: &App, canary: Known, worker: AccountId) -> Result<(), Problem> {
    let Known { intent, kind, model, answers, .. } = canary;
    let answer = said(&*app.ask_again(&intent, model, Asked::Only(worker)).await?).await?;
    let mut texts: Vec<&str> = answers.iter().map(String::as_str).take(2).collect();
    texts.push(&answer.text);
    let mut looks = Vec::new();
    for text in &texts {
        looks.push(look_of(app, &kind, text).await?);
    }
    let comparison = compare(&app.config.trust, texts.len(), |a, b| a == b || looks[a].is_like(&looks[b]));
    let Comparison::Decided(verdicts) = comparison else { return Ok(()) };
    let results = verdicts.last().map(|verdict| Judged { job: answer.job, worker, verdict: *verdict });
    judge(app, kind, results.into_iter().collect(), &texts).await
}

/// Has the verdicts entered, with a commitment to what they rest on.
async fn judge(
    app: &App,
    capability: CapabilityKind,
    results: Vec<Judged>,
    texts: &[&str],
) -> Result<(), Problem> {
    let salt = mtor_ledger::salt(&app.key, results.first().map_or(JobId(0), |first| first.job));
    let evidence = mtor_ledger::commitment(&salt, texts.join("\0").as_bytes());
    for of in results.iter().filter(|of| of.verdict == Verdict::Failed) {
        tracing::warn!(job = %of.job, worker = %of.worker, %capability, "an answer was proven wrong");
    }
    app.realm.ask(move |ticket| Input::Judge { ticket, capability, results, evidence }).await
}

/// What a job has brought forth, once it is settled.
async fn said(stream: &JobStream) -> Result<Said, Problem> {
    match stream.ended().await {
        Body::JobCompleted(_) => {}
        Body::JobFailed(failed) => return Err(failed.problem),
        _ => return Err(Problem::new(ProblemKind::Cancelled, "it was cancelled")),
    }
    let in_parts = || Problem::new(ProblemKind::Conflict, "several workers wrote it, or nobody knows which");
    let worker = *stream.answered_by.get().ok_or_else(in_parts)?;
    Ok(Said { job: stream.job, worker, text: stream.answer().0 })
}

/// How answers of a kind are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Likeness {
    /// They are vectors themselves.
    Vectors,
    /// By vectors of what they say.
    Meaning,
    /// To the letter.
    Exact,
}

impl Likeness {
    fn of(kind: &CapabilityKind) -> Self {
        match kind {
            kind if *kind == CapabilityKind::EMBED => Self::Vectors,
            kind if *kind == CapabilityKind::CHAT => Self::Meaning,
            _ => Self::Exact,
        }
    }
}

/// An answer as it is compared.
enum Look {
    /// So near must others be.
    Vectors(f64, Vec<Vec<f32>>),
    Text(String),
}

impl Look {
    /// Whether two answers say the same.
    fn is_like(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Vectors(near, a), Self::Vectors(_, b)) => {
                !a.is_empty() && a.len() == b.len() && a.iter().zip(b).all(|(a, b)| cosine(a, b) >= *near)
            }
            (Self::Text(a), Self::Text(b)) => a == b,
            _ => false,
        }
    }
}

async fn look_of(app: &App, kind: &CapabilityKind, text: &str) -> Result<Look, Problem> {
    Ok(match Likeness::of(kind) {
        // What is no list of vectors is like no other answer.
        Likeness::Vectors => Look::Vectors(ALIKE_VECTORS, serde_json::from_str(text).unwrap_or_default()),
        Likeness::Exact => Look::Text(text.to_owned()),
        Likeness::Meaning => {
            let (model, texts) = (app.embedding_model().await?, vec![text.to_owned()]);
            let treasury = app.treasury();
            let vectors =
                app.embed(&treasury, model, texts, ServiceClass::Batch, AUDIT_VECTORS_PATIENCE).await?;
            Look::Vectors(ALIKE_TEXTS, vectors)
        }
    })
}

/// The cosine of the angle between two vectors; 0 when they can't be compared.
fn cosine(a: &[f32], b: &[f32]) -> f64 {
    if a.len() != b.len() {
        return 0.0;
    }
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
    let lengths = (dot(a, a) * dot(b, b)).sqrt();
    if lengths > 0.0 { dot(a, b) / lengths } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_are_compared_by_their_direction() {
        let alike = |near: f64, a: &[f32], b: &[f32]| {
            Look::Vectors(near, vec![a.to_vec()]).is_like(&Look::Vectors(near, vec![b.to_vec()]))
        };
        assert!(alike(ALIKE_VECTORS, &[1.0, 2.0], &[2.0, 4.0]));
        assert!(!alike(ALIKE_VECTORS, &[1.0, 2.0], &[1.0, 2.5]));
        assert!(alike(ALIKE_TEXTS, &[1.0, 2.0], &[1.0, 2.5]));
        assert!(!alike(ALIKE_TEXTS, &[1.0, 0.0], &[0.0, 1.0]));
        assert!(!alike(ALIKE_TEXTS, &[1.0, 0.0], &[1.0, 0.0, 0.0]));
        assert!(!alike(ALIKE_TEXTS, &[f32::NAN], &[f32::NAN]));
        let nothing = || Look::Vectors(ALIKE_VECTORS, Vec::new());
        assert!(!nothing().is_like(&nothing()), "two that gave nothing agree on nothing");
    }

    #[test]
    fn what_tools_say_is_compared_to_the_letter() {
        let kind = CapabilityKind::new("tool.calculator").unwrap();
        assert_eq!(Likeness::of(&kind), Likeness::Exact);
        let look = |text: &str| Look::Text(text.to_owned());
        assert!(look("42").is_like(&look("42")));
        assert!(!look("42").is_like(&look("42.0")));
        assert!(!look("[[1.0]]").is_like(&Look::Vectors(ALIKE_VECTORS, vec![vec![1.0]])));
    }
}
