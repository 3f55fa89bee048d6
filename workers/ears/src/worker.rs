//! Between the realm and the engine: a job of the one is a recording for the other.

use std::fs::File;
use std::io::{self, Seek, Write};
use std::sync::Arc;

use mtor_ears::{Engine, Event, Failure, Hearing, Request, Source, Speaker, Transcript, listen, live};
use mtor_worker::protocol::{
    Announcement, AudioSource, CapabilityKind, CapabilityOffer, FinishReason, ProblemKind, Task,
    TranscribeTask, Usage, limits,
};
use mtor_worker::{Finished, Input, Job, JobError, Output, Stopped, Worker};

use crate::cli::WorkOptions;

/// The worker that the realm sees.
pub(crate) struct EarsWorker {
    engine: Arc<Engine>,
    name: String,
    model: String,
    slots: u32,
    audio_ms_max: u64,
}

impl EarsWorker {
    pub(crate) fn new(engine: Arc<Engine>, model: &str, options: &WorkOptions) -> Self {
        Self {
            engine,
            name: within_limit(&options.name),
            model: within_limit(model),
            slots: options.slots,
            audio_ms_max: u64::from(options.audio_minutes) * 60_000,
        }
    }

    fn request(&self, task: &TranscribeTask) -> Request {
        let wanted = task.audio_ms_max.map_or(u64::MAX, u64::from);
        Request {
            language: task.language.clone(),
            hint: task.hint.clone(),
            partials: task.partials,
            audio_ms_max: Some(wanted.min(self.audio_ms_max)),
        }
    }

    /// What the realm is told. A recording that is wrong here is wrong everywhere; all else another worker may do better.
    fn job_error(&self, failure: Failure) -> JobError {
        let text = failure.to_string();
        match failure {
            Failure::Audio(mtor_audio::decode::DecodeError::Io(_)) | Failure::Engine(_) => {
                JobError::failed(text)
            }
            Failure::Audio(_) | Failure::HintTooLong { .. } => {
                JobError::refused(ProblemKind::InvalidRequest, text)
            }
            Failure::TooLong { .. } => JobError::refused(ProblemKind::TooLarge, text),
            Failure::UnknownLanguage(_) => JobError {
                retry: !self.engine.is_multilingual(),
                ..JobError::refused(ProblemKind::InvalidRequest, text)
            },
            Failure::Cancelled => Stopped.into(),
        }
    }
}

impl Worker for EarsWorker {
    fn announcement(&self) -> Announcement {
        let mut offer = CapabilityOffer::new(CapabilityKind::TRANSCRIBE, self.model.as_str(), self.slots);
        offer.languages = self.engine.languages().into_iter().map(str::to_owned).collect();
        Announcement::new(self.name.as_str(), [offer])
    }

    async fn run(&self, job: Job, output: &mut Output) -> Result<Finished, JobError> {
        let Task::Transcribe(task) = job.intent.task else {
            return Err(JobError::refused(ProblemKind::Infeasible, "this worker only transcribes"));
        };
        let request = self.request(&task);
        let source = match task.source {
            AudioSource::File => {
                let spooled = job.cancelled.run_until_cancelled(spooled(job.input)).await;
                Source::File(spooled.ok_or(Stopped)?.map_err(|error| {
                    JobError::failed(format!("the recording can't be kept while it is heard: {error}"))
                })?)
            }
            AudioSource::Pcm => {
                let (speaker, sound) = live();
                // Ends with the input, or when nobody listens any more.
                tokio::spawn(relay_sound(job.input, speaker));
                Source::Live(sound)
            }
        };
        let hearing = listen(&self.engine, request, source).map_err(|failure| self.job_error(failure))?;
        let relayed = relay(hearing, &task, &job.prefix, output);
        let transcript = match job.cancelled.run_until_cancelled(relayed).await {
            None => return Err(Stopped.into()),
            Some(Err(Ended::Stopped)) => return Err(Stopped.into()),
            Some(Err(Ended::Failed(failure))) => return Err(self.job_error(failure)),
            Some(Err(Ended::Differs)) => {
                return Err(JobError::failed("the details of another worker can't be continued by this one"));
            }
            Some(Ok(transcript)) => transcript,
        };
        let usage = Usage { audio_ms: transcript.duration_ms, ..output.usage(0) };
        Ok(Finished { usage, finish: FinishReason::Stop })
    }
}

/// Writes the input to a file that is gone when it is closed, so that it lies on the disk rather than in memory.
async fn spooled(mut input: Input) -> io::Result<File> {
    let mut file = tempfile::tempfile()?;
    while let Some(piece) = input.next().await {
        file.write_all(&piece)?;
    }
    file.rewind()?;
    Ok(file)
}

async fn relay_sound(mut input: Input, mut speaker: Speaker) {
    while let Some(piece) = input.next().await {
        if speaker.say_bytes(&piece).await.is_err() {
            return;
        }
    }
}

/// Why nothing more is relayed.
#[derive(Debug)]
enum Ended {
    Stopped,
    Failed(Failure),
    /// Another worker has delivered a beginning that this one can't go on after.
    Differs,
}

impl From<Stopped> for Ended {
    fn from(_: Stopped) -> Self {
        Self::Stopped
    }
}

/// Hands on what is heard. `prefix` was delivered by another worker before.
async fn relay(
    mut hearing: Hearing,
    task: &TranscribeTask,
    prefix: &str,
    output: &mut Output,
) -> Result<Transcript, Ended> {
    let mut known_words = prefix.split_whitespace().count();
    while let Some(event) = hearing.next().await {
        match event {
            Event::Partial(text) => output.partial(&text).await?,
            Event::Text(text) if !task.detail => output.text(after_words(&text, &mut known_words), 0).await?,
            Event::Text(_) => {}
            Event::Done(transcript) => {
                if task.detail {
                    let json = json_of(&transcript);
                    output.text(json.strip_prefix(prefix).ok_or(Ended::Differs)?, 0).await?;
                }
                return Ok(transcript);
            }
            Event::Failed(failure) => return Err(Ended::Failed(failure)),
        }
    }
    Err(Ended::Failed(Failure::Engine("the listener has ended".into())))
}

/// What comes after the first `skip` words, which are counted down.
fn after_words<'t>(text: &'t str, skip: &mut usize) -> &'t str {
    let mut rest = text;
    while *skip > 0 {
        let word = rest.trim_start();
        if word.is_empty() {
            return "";
        }
        rest = word.find(char::is_whitespace).map_or("", |end| &word[end..]);
        *skip -= 1;
    }
    rest
}

/// The transcript in the words of the wire.
fn json_of(transcript: &Transcript) -> String {
    use mtor_worker::protocol::sound::{TranscriptSegment, TranscriptWord};
    let segments = transcript.segments.iter().map(|segment| TranscriptSegment {
        start_ms: segment.start_ms,
        end_ms: segment.end_ms,
        text: segment.text.clone(),
    });
    let words = transcript.words.iter().map(|word| TranscriptWord {
        start_ms: word.start_ms,
        end_ms: word.end_ms,
        text: word.text.trim().to_owned(),
        probability: word.probability,
    });
    let wire = mtor_worker::protocol::Transcript {
        text: transcript.text.clone(),
        language: transcript.language.clone().unwrap_or_default(),
        duration_ms: transcript.duration_ms,
        segments: segments.collect(),
        words: words.collect(),
    };
    // Numbers and strings alone: there is nothing in it that can't be written.
    serde_json::to_string(&wire).unwrap_or_default()
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
    fn words_that_were_delivered_are_not_repeated() {
        let mut skip = 3;
        assert_eq!(after_words("Ask the", &mut skip), "");
        assert_eq!(after_words(" realm what it", &mut skip), " what it");
        assert_eq!(after_words(" costs.", &mut skip), " costs.");
        let mut none = 0;
        assert_eq!(after_words(" all of it", &mut none), " all of it");
    }

    #[test]
    fn details_are_written_as_the_wire_wants_them() {
        let word = mtor_ears::Word { start_ms: 10, end_ms: 200, text: " Hello.".into(), probability: 0.5 };
        let segment = mtor_ears::Segment { start_ms: 10, end_ms: 200, text: "Hello.".into() };
        let transcript = Transcript {
            text: "Hello.".into(),
            language: Some("en".into()),
            duration_ms: 300,
            segments: vec![segment],
            words: vec![word],
        };
        let json: serde_json::Value = serde_json::from_str(&json_of(&transcript)).unwrap();
        assert_eq!(json["words"][0]["text"], "Hello.");
        assert_eq!(json["language"], "en");
        assert_eq!(json["segments"][0]["end_ms"], 200);
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&json_of(&Transcript::default())).unwrap()["language"],
            ""
        );
    }

    #[test]
    fn long_names_lose_their_end_between_characters() {
        assert_eq!(within_limit("ears"), "ears");
        assert!(within_limit(&"é".repeat(100)).len() <= limits::NAME_BYTES_MAX);
    }
}
