//! Compares answers: what the core wants checked is asked again of a worker of another account, and when the two differ of a
//! third. The texts stay here; the core hears the verdicts, and the journal holds a salted commitment to what they rest on.
//!
//! Vectors are compared with each other. Texts are compared by their vectors, so that without a worker that embeds there is
//! no verdict on them. What can't be found out, for lack of workers or of coins in the treasury, proves nothing.

use std::sync::Arc;

use mtor_core::Input;
use mtor_core::trust::{Comparison, Judged, TrustRules, Verdict, compare};
use mtor_protocol::{AccountId, Body, CapabilityKind, Intent, JobId, Problem, ProblemKind, ServiceClass};
use tokio::sync::{Semaphore, mpsc};

use crate::app::App;
use crate::defaults::{ALIKE_TEXTS, ALIKE_VECTORS, AUDIT_VECTORS_PATIENCE, AUDITS_AT_ONCE};
use crate::stream::JobStream;

/// A client's job whose answer is to be compared.
pub(crate) struct Answered {
    pub(crate) stream: Arc<JobStream>,
    pub(crate) intent: Arc<Intent>,
}

/// One answer to the question, as vectors.
struct Answer {
    job: JobId,
    worker: AccountId,
    text: String,
    vectors: Vec<Vec<f32>>,
}

/// Compares what comes, until the broker goes down.
pub(crate) fn start(app: &Arc<App>, mut answers: mpsc::Receiver<Answered>) {
    let app = app.clone();
    app.tasks.clone().spawn(async move {
        let closing = app.closing.clone();
        let at_once = Arc::new(Semaphore::new(AUDITS_AT_ONCE));
        let all = async {
            while let Some(answered) = answers.recv().await {
                // Never closed, so that there is always one in the end.
                let Ok(permit) = at_once.clone().acquire_owned().await else { return };
                let (app, closing) = (app.clone(), app.closing.clone());
                app.tasks.clone().spawn(async move {
                    let job = answered.stream.job;
                    if let Some(Err(problem)) = closing.run_until_cancelled(audit(&app, answered)).await {
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

async fn audit(app: &App, answered: Answered) -> Result<(), Problem> {
    let Answered { stream, intent } = answered;
    let kind = stream.capability.clone();
    let model = stream.model().ok_or_else(|| Problem::new(ProblemKind::Internal, "its model is unknown"))?;
    if kind != CapabilityKind::EMBED {
        // Without it there is no verdict, and the others would work for nothing.
        app.embedding_model().await?;
    }
    let mut answers = vec![answer(app, &stream).await?];
    let verdicts = loop {
        let comparison = compare(&TrustRules::STANDARD, answers.len(), |a, b| {
            a == b || are_alike(&kind, &answers[a].vectors, &answers[b].vectors)
        });
        match comparison {
            Comparison::Decided(verdicts) => break verdicts,
            Comparison::AskAnother => {
                let asked = answers.iter().map(|answer| answer.worker).collect();
                let other = answer(app, &*app.ask_again(&intent, model.clone(), asked).await?).await?;
                if answers.iter().any(|answer| answer.worker == other.worker) {
                    let detail = "another worker of the same account came in between";
                    return Err(Problem::new(ProblemKind::Conflict, detail));
                }
                answers.push(other);
            }
        }
    };
    judge(app, kind, &answers, verdicts).await
}

async fn judge(
    app: &App,
    capability: CapabilityKind,
    answers: &[Answer],
    verdicts: Vec<Verdict>,
) -> Result<(), Problem> {
    let texts: Vec<&str> = answers.iter().map(|answer| answer.text.as_str()).collect();
    let salt = mtor_ledger::salt(&app.key, answers.first().map_or(JobId(0), |first| first.job));
    let evidence = mtor_ledger::commitment(&salt, texts.join("\0").as_bytes());
    let judged =
        |(answer, verdict): (&Answer, Verdict)| Judged { job: answer.job, worker: answer.worker, verdict };
    let results: Vec<Judged> = answers.iter().zip(verdicts).map(judged).collect();
    for of in results.iter().filter(|of| of.verdict == Verdict::Failed) {
        tracing::warn!(job = %of.job, worker = %of.worker, %capability, "an answer was proven wrong");
    }
    app.realm.ask(move |ticket| Input::Judge { ticket, capability, results, evidence }).await
}

/// What a job has brought forth, once it is settled.
async fn answer(app: &App, stream: &JobStream) -> Result<Answer, Problem> {
    match stream.ended().await {
        Body::JobCompleted(_) => {}
        Body::JobFailed(failed) => return Err(failed.problem),
        _ => return Err(Problem::new(ProblemKind::Cancelled, "it was cancelled")),
    }
    let in_parts = || Problem::new(ProblemKind::Conflict, "several workers wrote it, or nobody knows which");
    let worker = *stream.answered_by.get().ok_or_else(in_parts)?;
    let text = stream.answer().0;
    let vectors = match stream.capability == CapabilityKind::EMBED {
        // What is no list of vectors is like no other answer.
        true => serde_json::from_str(&text).unwrap_or_default(),
        false => {
            let (model, texts) = (app.embedding_model().await?, vec![text.clone()]);
            app.embed(&app.treasury(), model, texts, ServiceClass::Batch, AUDIT_VECTORS_PATIENCE).await?
        }
    };
    Ok(Answer { job: stream.job, worker, text, vectors })
}

/// Whether two answers say the same.
fn are_alike(kind: &CapabilityKind, a: &[Vec<f32>], b: &[Vec<f32>]) -> bool {
    let near = if *kind == CapabilityKind::EMBED { ALIKE_VECTORS } else { ALIKE_TEXTS };
    !a.is_empty() && a.len() == b.len() && a.iter().zip(b).all(|(a, b)| cosine(a, b) >= near)
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
        let alike = |kind, a: &[f32], b: &[f32]| are_alike(&kind, &[a.to_vec()], &[b.to_vec()]);
        assert!(alike(CapabilityKind::EMBED, &[1.0, 2.0], &[2.0, 4.0]));
        assert!(!alike(CapabilityKind::EMBED, &[1.0, 2.0], &[1.0, 2.5]));
        assert!(alike(CapabilityKind::CHAT, &[1.0, 2.0], &[1.0, 2.5]));
        assert!(!alike(CapabilityKind::CHAT, &[1.0, 0.0], &[0.0, 1.0]));
        assert!(!alike(CapabilityKind::CHAT, &[1.0, 0.0], &[1.0, 0.0, 0.0]));
        assert!(!alike(CapabilityKind::CHAT, &[f32::NAN], &[f32::NAN]));
        assert!(!are_alike(&CapabilityKind::EMBED, &[], &[]), "two that gave nothing agree on nothing");
    }
}
