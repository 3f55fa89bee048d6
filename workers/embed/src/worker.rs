//! Between the realm and the engine: a job of the one is a call to the other.

use std::sync::Arc;

use mtor_embed::{Embedded, Engine, Failure, defaults};
use mtor_worker::protocol::worker::OfferLimits;
use mtor_worker::protocol::{
    Announcement, CapabilityKind, CapabilityOffer, FinishReason, ProblemKind, Task, limits,
};
use mtor_worker::{Finished, Job, JobError, Output, Stopped, Worker};

use crate::cli::Options;
use crate::find_model;

/// The worker that the realm sees.
pub(crate) struct EmbedWorker {
    engine: Arc<Engine>,
    name: String,
    model: String,
    slots: u32,
}

impl EmbedWorker {
    pub(crate) fn new(engine: Arc<Engine>, options: &Options) -> Self {
        Self {
            engine,
            name: within_limit(&options.name),
            model: within_limit(&find_model::name(&options.model)),
            slots: options.slots,
        }
    }
}

impl Worker for EmbedWorker {
    fn announcement(&self) -> Announcement {
        let mut offer = CapabilityOffer::new(CapabilityKind::EMBED, self.model.as_str(), self.slots);
        // The model's window is that of each text, not of the job; a text that is too long is refused in numbers.
        offer.limits = OfferLimits { input_bytes: Some(defaults::INPUT_BYTES_MAX), ..OfferLimits::default() };
        offer.tokens_per_s = self.tokens_per_s();
        Announcement::new(self.name.as_str(), [offer])
    }

    fn tokens_per_s(&self) -> Option<f32> {
        let speed = self.engine.pieces_per_s();
        (speed.is_finite() && speed > 0.0).then_some(speed)
    }

    async fn run(&self, job: Job, output: &mut Output) -> Result<Finished, JobError> {
        let Task::Embed(task) = job.intent.task else {
            return Err(JobError::refused(
                ProblemKind::Infeasible,
                "this worker only turns texts into vectors",
            ));
        };
        if task.input.is_empty() {
            return Err(JobError::refused(ProblemKind::InvalidRequest, "input: at least one text"));
        }
        let (engine, cancelled) = (Arc::clone(&self.engine), job.cancelled.clone());
        let compute = move || engine.embed(&task.input, &|| cancelled.is_cancelled());
        let embedded = tokio::task::spawn_blocking(compute)
            .await
            .map_err(|error| JobError::failed(format!("the vectors could not be computed: {error}")))?
            .map_err(job_error)?;
        let answer = json(&embedded)?;
        // What another worker of the same model began, this one ends; another model's vectors can't be gone on with.
        let rest = answer.strip_prefix(&job.prefix).ok_or_else(|| {
            JobError::failed("another model began this answer; its vectors can't be gone on with, ask again")
        })?;
        output.text(rest, 0).await?;
        Ok(Finished { usage: output.usage(embedded.pieces as u64), finish: FinishReason::Stop })
    }
}

/// An array with one array of numbers for each text.
fn json(embedded: &Embedded) -> Result<String, JobError> {
    serde_json::to_string(&embedded.vectors).map_err(|error| JobError::failed(error.to_string()))
}

/// What the realm is told. A text that is wrong here is wrong everywhere; all else another worker may do better.
fn job_error(failure: Failure) -> JobError {
    let text = failure.to_string();
    match failure {
        // Another model may have a larger window; the realm knows them all.
        Failure::TooLong { .. } => JobError::refused(ProblemKind::ContextExceeded, text),
        Failure::Empty { .. } => JobError::refused(ProblemKind::InvalidRequest, text),
        Failure::Cancelled => Stopped.into(),
        Failure::Engine(_) => JobError::failed(text),
    }
}

/// A name as long as the wire takes; what is longer loses its end.
fn within_limit(name: &str) -> String {
    let mut end = name.len().min(limits::NAME_BYTES_MAX);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    name[..end].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_failures_of_this_worker_are_tried_elsewhere() {
        let long = job_error(Failure::TooLong { number: 2, of: 5, pieces: 300 });
        assert!(!long.retry);
        assert_eq!(
            long.problem.detail,
            "text 3 of 5 is 300 word pieces long, this model takes 256; cut it into parts"
        );
        assert!(!job_error(Failure::Empty { number: 0, of: 1 }).retry);
        assert!(job_error(Failure::Engine("out of memory".into())).retry);
    }

    #[test]
    fn the_answer_is_an_array_of_arrays() {
        let embedded = Embedded { vectors: vec![vec![0.5, -0.25], vec![1.0, 0.0]], pieces: 9 };
        assert_eq!(json(&embedded).unwrap(), "[[0.5,-0.25],[1.0,0.0]]");
    }

    #[test]
    fn long_names_lose_their_end_between_characters() {
        assert_eq!(within_limit(&"é".repeat(100)), "é".repeat(64));
    }
}
