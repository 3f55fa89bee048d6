//! Between the realm and the eyes: a job of the one is some pictures for the other.

use std::sync::Arc;

use mtor_eyes::{Eyes, Failure, Looking, Picture, Sight, describe};
use mtor_worker::protocol::{
    Announcement, CapabilityKind, CapabilityOffer, ChatTask, Digest, FinishReason, Problem, ProblemKind,
    Task, Usage, limits,
};
use mtor_worker::{CancellationToken, Finished, Input, Job, JobError, Output, Stopped, Worker};
use sha2::{Digest as _, Sha256};

use crate::cli::Options;
use crate::{find_models, wire};

/// The worker that the realm sees.
pub(crate) struct EyesWorker {
    eyes: Arc<Eyes>,
    name: String,
    slots: u32,
}

impl EyesWorker {
    pub(crate) fn new(eyes: Arc<Eyes>, options: &Options) -> Self {
        Self { eyes, name: within_limit(&options.name), slots: options.slots }
    }
}

impl Worker for EyesWorker {
    fn announcement(&self) -> Announcement {
        let offer = |kind| CapabilityOffer::new(kind, find_models::NAME, self.slots);
        let kinds = [CapabilityKind::VISION, CapabilityKind::CLASSIFY, CapabilityKind::OCR];
        Announcement::new(self.name.as_str(), kinds.map(offer))
    }

    async fn run(&self, job: Job, output: &mut Output) -> Result<Finished, JobError> {
        let Job { intent, mut input, cancelled, prefix, .. } = job;
        let task = intent.task;
        let read = pictures(&task, &mut input);
        let shown = cancelled.run_until_cancelled(read).await.ok_or(Stopped)??;
        let looking = match &task {
            Task::Vision(_) => Looking::ForAll,
            Task::Classify(_) => Looking::ForKind,
            Task::Ocr(_) => Looking::ForText,
            _ => {
                return Err(JobError::refused(ProblemKind::Infeasible, "this worker only looks at pictures"));
            }
        };
        let count = shown.len() as u64;
        let sights = self.look(shown, looking, cancelled).await?;
        if matches!(task, Task::Vision(_)) {
            // Where everything is, for whoever draws it over the pictures.
            for (number, sight) in sights.iter().enumerate() {
                let seen = serde_json::to_vec(&wire::seen(sight))
                    .map_err(|error| JobError::failed(error.to_string()))?;
                output.part(&format!("seen-{}.json", number + 1), "application/json", &seen).await?;
            }
        }
        let answer = match &task {
            Task::Vision(chat) => describe::answer(question(chat), &sights),
            Task::Classify(look) | Task::Ocr(look) if look.detail => details(&sights)?,
            Task::Classify(_) => sights.iter().map(describe::kind).collect(),
            _ => sights.iter().map(describe::text).collect(),
        };
        // What another pair of the same eyes began, this one ends.
        let rest = answer.strip_prefix(prefix.as_str());
        let rest = rest.ok_or_else(|| JobError::failed("another worker saw it otherwise; ask again"))?;
        let tokens = match &task {
            Task::Vision(_) => words(rest),
            _ => 0,
        };
        output.text(rest, tokens).await?;
        Ok(Finished { usage: Usage { images: count, ..output.usage(0) }, finish: FinishReason::Stop })
    }
}

impl EyesWorker {
    /// Looks at pictures one after the other, beside the link.
    async fn look(
        &self,
        shown: Vec<Vec<u8>>,
        looking: Looking,
        cancelled: CancellationToken,
    ) -> Result<Vec<Sight>, JobError> {
        let eyes = Arc::clone(&self.eyes);
        let of = shown.len();
        let looked = tokio::task::spawn_blocking(move || {
            let sights = shown.into_iter().enumerate().map(|(number, bytes)| {
                let picture = Picture::open(&bytes).map_err(|failure| (number, failure))?;
                drop(bytes);
                eyes.look(&picture, looking, &|| cancelled.is_cancelled())
                    .map_err(|failure| (number, failure))
            });
            sights.collect::<Result<Vec<_>, _>>()
        });
        let looked = looked.await.map_err(|error| JobError::failed(format!("the eyes failed: {error}")))?;
        looked.map_err(|(number, failure)| job_error(failure, number, of))
    }
}

/// The pictures of a task, which are the ones that it names: the realm has checked that, and this worker believes nobody.
async fn pictures(task: &Task, input: &mut Input) -> Result<Vec<Vec<u8>>, JobError> {
    let mut rest = input.read_all(task.input_frames_max()).await?;
    let invalid =
        |detail: &str| JobError::from(Problem::new(ProblemKind::InvalidRequest, detail).param("pictures"));
    let mut pictures = Vec::new();
    for declared in task.pictures() {
        let length = declared.bytes as usize;
        if rest.len() < length {
            return Err(invalid("the pictures end before they are whole"));
        }
        let later = rest.split_off(length);
        let picture = std::mem::replace(&mut rest, later);
        if Digest(Sha256::digest(&picture).into()) != declared.sha256 {
            return Err(invalid("a picture is not the one whose SHA-256 the job names"));
        }
        pictures.push(picture);
    }
    Ok(pictures)
}

/// The last thing that was asked.
fn question(chat: &ChatTask) -> &str {
    chat.messages.last().map_or("", |message| message.content.as_str())
}

/// What is billed beside the pictures: a word is about a token.
fn words(text: &str) -> u32 {
    u32::try_from(text.split_whitespace().count()).unwrap_or(u32::MAX)
}

fn details(sights: &[Sight]) -> Result<String, JobError> {
    let seen = sights.first().map(wire::seen);
    serde_json::to_string(&seen).map_err(|error| JobError::failed(error.to_string()))
}

/// What the realm is told. A picture that is wrong here is wrong everywhere; all else another worker may do better.
fn job_error(failure: Failure, number: usize, of: usize) -> JobError {
    let text = match of {
        1 => failure.to_string(),
        _ => format!("picture {} of {of}: {failure}", number + 1),
    };
    match failure {
        Failure::TooLarge { .. } => JobError::refused(ProblemKind::TooLarge, text),
        Failure::NotTaken { .. } | Failure::Unknown | Failure::Damaged(_) => {
            JobError::refused(ProblemKind::InvalidRequest, text)
        }
        Failure::Cancelled => Stopped.into(),
        Failure::Engine(_) => JobError::failed(text),
    }
}

/// A name as long as the wire takes; what is longer loses its end.
fn within_limit(name: &str) -> String {
    name[..name.floor_char_boundary(limits::NAME_BYTES_MAX)].to_owned()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use mtor_worker::protocol::{LookTask, Picture as Declared};

    use super::*;

    fn look(bytes: &[u8], sha256: Digest) -> Task {
        let picture = Declared { bytes: bytes.len() as u32, sha256 };
        Task::Ocr(LookTask { picture, detail: false })
    }

    #[tokio::test]
    async fn pictures_are_the_ones_that_the_task_names() {
        let right = look(b"abc", Digest(Sha256::digest(b"abc").into()));
        let input = |pieces: &[&'static str]| {
            Input::of(pieces.iter().map(|piece| Bytes::from_static(piece.as_bytes())))
        };
        assert_eq!(pictures(&right, &mut input(&["a", "bc"])).await.unwrap(), [b"abc"]);
        let refused = pictures(&right, &mut input(&["ab"])).await.unwrap_err();
        assert!(refused.to_string().contains("before they are whole") && !refused.retry);
        let wrong = pictures(&look(b"abc", Digest([0; 32])), &mut input(&["abc"])).await.unwrap_err();
        assert!(wrong.to_string().contains("SHA-256"));
    }

    #[test]
    fn only_failures_of_this_worker_are_tried_elsewhere() {
        let large = job_error(Failure::TooLarge { width: 30_000, height: 2 }, 1, 3);
        assert!(
            !large.retry
                && large.problem.detail.starts_with("picture 2 of 3: this picture has 30000 x 2 pixels")
        );
        assert!(!job_error(Failure::Unknown, 0, 1).retry);
        assert!(job_error(Failure::Engine("out of memory".into()), 0, 1).retry);
    }
}
