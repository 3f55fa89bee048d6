//! Between the realm and a service: a job of the one is a wish to the other.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use mtor_audio::encode::{Encoder, Format};
use mtor_audio::resample::Resampler;
use mtor_audio::{HEARD_HZ, SPOKEN_HZ};
use mtor_worker::protocol::sound::{TranscriptSegment, raw_audio_ms};
use mtor_worker::protocol::{
    Announcement, FinishReason, ProblemKind, SpeakTask, SpeechFormat, Task, TranscribeTask, Transcript, Usage,
};
use mtor_worker::{CancellationToken, Finished, Input, Job, JobError, Output, Stopped, Worker};
use mtor_wyoming::{AudioFormat, Synthesize, Transcribe, Voice, Writer};

use super::error::ServiceError;
use super::offers::{Offered, SpeakWith, TranscribeWith};
use super::service::{Service, Transcribing, TranscriptWords, Words};
use super::waking;
use super::watch::Watch;
use crate::clauses::Clauses;
use crate::defaults::ANSWER_TIMEOUT;
use crate::heard::Heard;
use crate::plain::plain;

/// How long a service that hung up is listened to for its reason.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// The worker that the realm sees.
pub struct WyomingWorker {
    service: Service,
    name: String,
    slots: u32,
    /// What the service offered when it was attached, for the moment in which it is gone and the realm does not know yet.
    first: Offered,
    watch: Watch,
}

impl WyomingWorker {
    /// A service as a worker of this name, with so many jobs at once for each thing that it offers: `first`, and what
    /// `watch` says from then on.
    pub fn new(service: Service, name: impl Into<String>, slots: u32, first: Offered, watch: Watch) -> Self {
        Self { service, name: name.into(), slots, first, watch }
    }

    fn offered(&self) -> Offered {
        self.watch.borrow().clone().unwrap_or_else(|| self.first.clone())
    }
}

impl Worker for WyomingWorker {
    fn announcement(&self) -> Announcement {
        Announcement::new(self.name.as_str(), self.offered().capabilities(self.slots))
    }

    async fn run(&self, job: Job, output: &mut Output) -> Result<Finished, JobError> {
        let (offered, model) = (self.offered(), job.intent.model.as_str());
        match job.intent.task {
            Task::Transcribe(task) => {
                let with = offered
                    .transcribe(model, task.language.as_deref())
                    .ok_or_else(|| infeasible("this Wyoming service does not listen"))?;
                let transcription =
                    Transcription { service: &self.service, with, task: &task, cancelled: &job.cancelled };
                transcription.run(job.input, output).await
            }
            Task::Speak(task) => {
                let (with, voice) = offered
                    .speak(model, task.voice.as_deref(), task.language.as_deref())
                    .ok_or_else(|| infeasible("this Wyoming service has no such voice"))?;
                let cancelled = job.cancelled.clone();
                let reading = Reading { service: &self.service, with, voice, spoken: 0, encoder: None };
                // Leaving drops the connection, and the service stops.
                tokio::select! {
                    biased;
                    () = cancelled.cancelled() => Err(Stopped.into()),
                    done = reading.run(task, job.prefix, job.input, output) => done,
                }
            }
            Task::Wake(task) => {
                let with = offered
                    .wake(model)
                    .ok_or_else(|| infeasible("this Wyoming service waits for no wake word"))?;
                // Leaving drops the connection, and the service stops.
                tokio::select! {
                    biased;
                    () = job.cancelled.cancelled() => Err(Stopped.into()),
                    done = waking::wait(&self.service, with, &task, job.input, output) => done,
                }
            }
            other => Err(infeasible(format!("this worker does not {}", other.kind()))),
        }
    }
}

/// Another worker may be able to.
fn infeasible(detail: impl Into<String>) -> JobError {
    JobError { retry: true, ..JobError::refused(ProblemKind::Infeasible, detail) }
}

pub(super) fn failed(error: impl Into<ServiceError>) -> JobError {
    JobError::failed(error.into().to_string())
}

/// One recording to be written down.
struct Transcription<'a> {
    service: &'a Service,
    with: &'a TranscribeWith,
    task: &'a TranscribeTask,
    cancelled: &'a CancellationToken,
}

impl Transcription<'_> {
    async fn run(&self, input: Input, output: &mut Output) -> Result<Finished, JobError> {
        let mut heard = Heard::new(self.task.source, input);
        let first = tokio::select! {
            biased;
            () = self.cancelled.cancelled() => return Err(Stopped.into()),
            first = heard.next() => first?,
        };
        // Nothing is nothing, and need not be listened to.
        let Some(first) = first else {
            return self.finish(mtor_wyoming::Transcript::default(), 0, output).await;
        };
        let language = self.task.language.as_deref();
        let ask = Transcribe {
            name: Some(self.with.model.clone()),
            language: language.map(|wanted| self.with.language(wanted).unwrap_or(wanted).to_owned()),
            transcript_terms: self.task.hint.clone().map(|hint| vec![hint]),
            ..Transcribe::default()
        };
        let asked = self.service.transcribe(self.with.program.as_deref(), ask, AudioFormat::mono16(HEARD_HZ));
        let (mouth, mut words) = asked.await.map_err(failed)?;
        let bytes = AtomicU64::new(0);
        let feed = self.feed(first, heard, mouth, &bytes);
        tokio::pin!(feed);
        let mut fed: Option<Writer> = None;
        let transcript = loop {
            let patience = if fed.is_some() { ANSWER_TIMEOUT } else { Duration::MAX };
            tokio::select! {
                biased;
                () = self.cancelled.cancelled() => return Err(Stopped.into()),
                heard = words.next_within(patience) => match heard.map_err(failed)? {
                    Words::SoFar(text) if self.task.partials => output.partial(text.trim()).await?,
                    Words::SoFar(_) => {}
                    Words::Whole(transcript) => break transcript,
                },
                done = &mut feed, if fed.is_none() => match done {
                    Ok(writer) => fed = Some(writer),
                    Err(Fault::Job(error)) => return Err(error),
                    Err(Fault::Service(error)) => return Err(last_words(&mut words, error).await),
                },
            }
        };
        self.finish(transcript, bytes.load(Ordering::Relaxed), output).await
    }

    /// Sends all of the sound.
    async fn feed(
        &self,
        first: Bytes,
        mut heard: Heard,
        mut mouth: Transcribing,
        bytes: &AtomicU64,
    ) -> Result<Writer, Fault> {
        let mut next = Some(first);
        while let Some(chunk) = next {
            let so_far = bytes.fetch_add(chunk.len() as u64, Ordering::Relaxed) + chunk.len() as u64;
            if raw_audio_ms(so_far, HEARD_HZ) > u64::from(self.task.audio_ms_bound()) {
                let detail = format!("the recording is longer than {} ms", self.task.audio_ms_bound());
                return Err(Fault::Job(JobError::refused(ProblemKind::TooLarge, detail)));
            }
            mouth.send(chunk).await?;
            next = heard.next().await.map_err(Fault::Job)?;
        }
        Ok(mouth.end().await?)
    }

    async fn finish(
        &self,
        heard: mtor_wyoming::Transcript,
        bytes: u64,
        output: &mut Output,
    ) -> Result<Finished, JobError> {
        let duration_ms = raw_audio_ms(bytes, HEARD_HZ);
        let text = heard.text.trim().to_owned();
        let answer = match self.task.detail {
            false => text,
            true => detail(text, heard.language.or(self.task.language.clone()), duration_ms)?,
        };
        output.text(&answer, 0).await?;
        let usage = Usage { audio_ms: duration_ms, ..Usage::default() };
        Ok(Finished { usage, finish: FinishReason::Stop })
    }
}

/// A Wyoming service says nothing of when a word was said: the whole is one segment.
fn detail(text: String, language: Option<String>, duration_ms: u64) -> Result<String, JobError> {
    let whole = (!text.is_empty()).then(|| TranscriptSegment {
        start_ms: 0,
        end_ms: duration_ms,
        text: text.clone(),
    });
    let transcript = Transcript {
        language: language.filter(|_| !text.is_empty()).unwrap_or_default().replace('_', "-"),
        duration_ms,
        segments: whole.into_iter().collect(),
        words: Vec::new(),
        text,
    };
    serde_json::to_string(&transcript).map_err(|error| JobError::failed(error.to_string()))
}

/// Why the sound could not be sent.
pub(super) enum Fault {
    Job(JobError),
    Service(ServiceError),
}

impl From<ServiceError> for Fault {
    fn from(error: ServiceError) -> Self {
        Self::Service(error)
    }
}

/// A service that hangs up has often said why, just before.
async fn last_words(words: &mut TranscriptWords, lost: ServiceError) -> JobError {
    loop {
        match words.next_within(LAST_WORDS).await {
            Ok(_) => {}
            Err(refused @ ServiceError::Refused(_)) => return failed(refused),
            Err(_) => return failed(lost),
        }
    }
}

/// One text to be spoken.
struct Reading<'a> {
    service: &'a Service,
    with: &'a SpeakWith,
    voice: &'a Voice,
    /// Samples so far.
    spoken: u64,
    /// Makes the file of them; there is none before and after.
    encoder: Option<Encoder>,
}

fn encoded(format: SpeechFormat) -> Format {
    match format {
        SpeechFormat::Pcm => Format::Pcm,
        SpeechFormat::Wav => Format::Wav,
        SpeechFormat::Mp3 => Format::Mp3,
        SpeechFormat::Opus => Format::Opus,
        SpeechFormat::Flac => Format::Flac,
    }
}

impl Reading<'_> {
    async fn run(
        mut self,
        task: SpeakTask,
        prefix: String,
        input: Input,
        output: &mut Output,
    ) -> Result<Finished, JobError> {
        if task.speed.is_some_and(|speed| (speed - 1.0).abs() > 0.01) {
            return Err(infeasible("a Wyoming service speaks at its own speed"));
        }
        let format = encoded(task.format);
        // Whoever spoke the beginning has begun the file too.
        let encoder = if prefix.is_empty() { Encoder::new(format) } else { Encoder::continuing(format) };
        self.encoder = Some(encoder.map_err(|error| JobError::failed(error.to_string()))?);
        let spoken = match self.clauses(task, prefix.len(), input, output).await {
            Ok(()) => self.finish(output).await,
            Err(error) => Err(error),
        };
        match spoken {
            Ok(()) => Ok(Finished { usage: self.usage(), finish: FinishReason::Stop }),
            Err(error) => Err(JobError { usage: self.usage(), ..error }),
        }
    }

    /// Speaks clause after clause, as the text comes, from behind what was spoken before.
    async fn clauses(
        &mut self,
        task: SpeakTask,
        mut spoken_before: usize,
        mut input: Input,
        output: &mut Output,
    ) -> Result<(), JobError> {
        let mut clauses = Clauses::default();
        let mut push = |clauses: &mut Clauses, text: &[u8]| {
            let skipped = spoken_before.min(text.len());
            spoken_before -= skipped;
            clauses.push(&text[skipped..]);
        };
        push(&mut clauses, task.text.as_bytes());
        let mut more = task.more;
        loop {
            let clause = if more { clauses.next_whole() } else { clauses.next_of_rest() };
            match clause {
                Some(clause) => {
                    self.speak(&clause, output).await?;
                    output.text(&clause, 0).await?;
                }
                None if more => match input.next().await {
                    Some(text) => push(&mut clauses, &text),
                    None => more = false,
                },
                None => return Ok(()),
            }
        }
    }

    async fn speak(&mut self, clause: &str, output: &mut Output) -> Result<(), JobError> {
        let text = plain(clause);
        if !text.contains(char::is_alphanumeric) {
            return Ok(());
        }
        let ask = Synthesize { text, voice: Some(self.voice.clone()), ..Synthesize::default() };
        let mut speech = self.service.synthesize(self.with.program.as_deref(), ask).await.map_err(failed)?;
        let mut resampler: Option<(AudioFormat, Resampler)> = None;
        let (mut samples, mut resampled) = (Vec::new(), Vec::new());
        while let Some(sound) = speech.next().await.map_err(failed)? {
            let known = resampler.take().filter(|(format, _)| *format == sound.format);
            let (format, mut now) = match known {
                Some(known) => known,
                None => {
                    let rate = sound.format.rate;
                    let new = Resampler::new(rate, SPOKEN_HZ)
                        .map_err(|error| JobError::failed(error.to_string()))?;
                    (sound.format, new)
                }
            };
            samples.clear();
            format.to_mono(&sound.audio, &mut samples);
            resampled.clear();
            now.push(&samples, &mut resampled);
            self.send(&resampled, output).await?;
            resampler = Some((format, now));
        }
        if let Some((_, mut last)) = resampler {
            resampled.clear();
            last.flush(&mut resampled);
            self.send(&resampled, output).await?;
        }
        Ok(())
    }

    async fn send(&mut self, samples: &[f32], output: &mut Output) -> Result<(), JobError> {
        self.spoken += samples.len() as u64;
        let Some(encoder) = &mut self.encoder else { return Ok(()) };
        let bytes = encoder.push(samples).map_err(|error| JobError::failed(error.to_string()))?;
        Ok(output.payload(&bytes).await?)
    }

    async fn finish(&mut self, output: &mut Output) -> Result<(), JobError> {
        let Some(encoder) = self.encoder.take() else { return Ok(()) };
        let bytes = encoder.finish().map_err(|error| JobError::failed(error.to_string()))?;
        Ok(output.payload(&bytes).await?)
    }

    fn usage(&self) -> Usage {
        Usage { audio_ms: mtor_audio::pcm::duration_ms(self.spoken, SPOKEN_HZ), ..Usage::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn detail_tells_the_whole_as_one_segment() {
        let json = detail("Hello".into(), Some("en_US".into()), 1_500).unwrap();
        let transcript: Transcript = serde_json::from_str(&json).unwrap();
        assert_eq!((transcript.language.as_str(), transcript.duration_ms), ("en-US", 1_500));
        assert_eq!(
            transcript.segments,
            [TranscriptSegment { start_ms: 0, end_ms: 1_500, text: "Hello".into() }]
        );
        let nothing: Transcript =
            serde_json::from_str(&detail(String::new(), Some("en".into()), 9).unwrap()).unwrap();
        assert_eq!((nothing.language.as_str(), nothing.segments.len()), ("", 0));
    }
}
