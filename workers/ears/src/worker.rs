//! Between the realm and the engine: a job of the one is a recording for the other.

use std::fs::File;
use std::io::{self, Seek, Write};
use std::sync::Arc;

use mtor_audio::pcm::S16leReader;
use mtor_ears::{
    Engine, Event, Failure, Hearing, Request, Source, Speaker, Transcript, WakeListener, WakeWord, listen,
    live,
};
use mtor_worker::protocol::{
    Announcement, AudioSource, CapabilityKind, CapabilityOffer, FinishReason, ProblemKind, Task,
    TranscribeTask, Usage, Woken, limits,
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
    wake_word: Option<WakeWord>,
    wake_slots: u32,
}

impl EarsWorker {
    pub(crate) fn new(
        engine: Arc<Engine>,
        model: &str,
        wake_word: Option<WakeWord>,
        options: &WorkOptions,
    ) -> Self {
        Self {
            engine,
            name: within_limit(&options.name),
            model: within_limit(model),
            slots: options.slots,
            audio_ms_max: u64::from(options.audio_minutes) * 60_000,
            wake_word,
            wake_slots: options.wake_slots,
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
        let wake = self.wake_word.as_ref().map(|word| {
            CapabilityOffer::new(CapabilityKind::WAKE, within_limit(word.phrase()), self.wake_slots)
        });
        Announcement::new(self.name.as_str(), std::iter::once(offer).chain(wake).collect::<Vec<_>>())
    }

    async fn run(&self, job: Job, output: &mut Output) -> Result<Finished, JobError> {
        match &job.intent.task {
            Task::Transcribe(task) => {
                let task = task.clone();
                self.transcribe(task, job, output).await
            }
            Task::Wake(task) => {
                let bound_ms = u64::from(task.audio_ms_bound());
                self.wait_for_wake_word(bound_ms, job, output).await
            }
            _ => Err(JobError::refused(ProblemKind::Infeasible, "this worker only listens")),
        }
    }
}

impl EarsWorker {
    async fn transcribe(
        &self,
        task: TranscribeTask,
        job: Job,
        output: &mut Output,
    ) -> Result<Finished, JobError> {
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

    /// Listens until the word is said, the sound ends, or `bound_ms` of it were heard.
    async fn wait_for_wake_word(
        &self,
        bound_ms: u64,
        job: Job,
        output: &mut Output,
    ) -> Result<Finished, JobError> {
        let Some(word) = &self.wake_word else {
            return Err(JobError::refused(ProblemKind::Infeasible, "this worker waits for no wake word"));
        };
        let waited = wait(word.listener(), bound_ms, job.input);
        let (listener, said_at) = job
            .cancelled
            .run_until_cancelled(waited)
            .await
            .ok_or(Stopped)?
            .map_err(|failure| self.job_error(failure))?;
        let heard_ms = listener.heard_ms();
        let woken =
            Woken { phrase: said_at.map(|_| word.phrase().to_owned()), at_ms: said_at.unwrap_or(heard_ms) };
        // A string and a number: there is nothing in it that can't be written.
        let json = serde_json::to_string(&woken).unwrap_or_default();
        let rest = json.strip_prefix(job.prefix.as_str());
        output.text(rest.ok_or_else(|| JobError::failed("another worker heard it otherwise"))?, 0).await?;
        let usage = Usage { audio_ms: heard_ms.min(bound_ms), ..output.usage(0) };
        Ok(Finished { usage, finish: FinishReason::Stop })
    }
}

/// Lets a sound be listened to while it comes; the listener, and when the word was said.
async fn wait(
    mut listener: WakeListener,
    bound_ms: u64,
    mut input: Input,
) -> Result<(WakeListener, Option<u64>), Failure> {
    let mut reader = S16leReader::new();
    while listener.heard_ms() < bound_ms {
        let Some(piece) = input.next().await else { break };
        let mut samples = Vec::new();
        reader.push(&piece, &mut samples);
        // The networks take their time, and others speak meanwhile.
        let looked = tokio::task::spawn_blocking(move || {
            let said_at = listener.push(&samples);
            (listener, said_at)
        });
        let said_at;
        (listener, said_at) = looked.await.map_err(|error| Failure::Engine(format!("wake word: {error}")))?;
        if let Some(at_ms) = said_at? {
            return Ok((listener, Some(at_ms)));
        }
    }
    Ok((listener, None))
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
