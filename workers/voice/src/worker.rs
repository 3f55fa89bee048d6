//! Between the realm and the engine: a job of the one is a text to be spoken to the other.

use std::sync::Arc;

use mtor_audio::SPOKEN_HZ;
use mtor_audio::encode::{EncodeError, Encoder, Format};
use mtor_audio::pcm::duration_ms;
use mtor_voice::speech::{self, Script, Speech};
use mtor_voice::{Engine, Failure, defaults};
use mtor_worker::protocol::{
    Announcement, CapabilityKind, CapabilityOffer, FinishReason, ProblemKind, SpeechFormat, Task, Usage,
    VoiceInfo, limits,
};
use mtor_worker::{Finished, Input, Job, JobError, Output, Stopped, Worker};

/// Samples that are sent at once.
const PIECE: usize = (defaults::PIECE_MS * SPOKEN_HZ / 1_000) as usize;

/// The worker that the realm sees.
pub(crate) struct VoiceWorker {
    engine: Arc<Engine>,
    name: String,
    slots: u32,
}

impl VoiceWorker {
    pub(crate) fn new(engine: Arc<Engine>, name: &str, slots: u32) -> Self {
        Self { engine, name: within_limit(name), slots }
    }
}

impl Worker for VoiceWorker {
    fn announcement(&self) -> Announcement {
        let voices = self.engine.voices();
        // The model is the voice that speaks unless another is asked for.
        let model =
            voices.first().map_or("espeak-ng", |voice| if voice.is_neural { &voice.id } else { "espeak-ng" });
        let mut offer = CapabilityOffer::new(CapabilityKind::SPEAK, within_limit(model), self.slots);
        let voices = voices.iter().map(|voice| VoiceInfo {
            id: within_limit(&voice.id),
            name: within_limit(&voice.name),
            language: within_limit(&voice.language),
        });
        offer.voices = voices.take(limits::VOICES_MAX).collect();
        offer.languages = languages(&offer.voices);
        Announcement::new(self.name.as_str(), [offer])
    }

    async fn run(&self, job: Job, output: &mut Output) -> Result<Finished, JobError> {
        let Job { intent, prefix, mut input, cancelled, .. } = job;
        let Task::Speak(task) = intent.task else {
            return Err(JobError::refused(ProblemKind::Infeasible, "this worker only speaks"));
        };
        let speed = task.speed.unwrap_or(1.0);
        let speaker =
            self.engine.speaker(task.voice.as_deref(), task.language.as_deref(), speed).map_err(job_error)?;
        let (script, speech) = speech::begin(speaker, &prefix);
        let more = task.more.then_some(&mut input);
        let both = async {
            tokio::try_join!(
                write(script, &task.text, more),
                send(speech, task.format, !prefix.is_empty(), output)
            )
        };
        // Leaving drops the speech, which ends the voice after the clause that it is at.
        let ((), samples) = tokio::select! {
            biased;
            () = cancelled.cancelled() => return Err(Stopped.into()),
            both = both => both?,
        };
        let usage = Usage { audio_ms: duration_ms(samples, SPOKEN_HZ), ..output.usage(0) };
        Ok(Finished { usage, finish: FinishReason::Stop })
    }
}

/// Hands the text to the voice: what is here, and what is still being written.
async fn write(mut script: Script, text: &str, more: Option<&mut Input>) -> Result<(), JobError> {
    let mut bytes = text.len();
    within_bound(bytes)?;
    // When nobody listens, the other side says why.
    if script.push(text.as_bytes()).await.is_err() {
        return Ok(());
    }
    if let Some(input) = more {
        while let Some(piece) = input.next().await {
            bytes += piece.len();
            within_bound(bytes)?;
            if script.push(&piece).await.is_err() {
                return Ok(());
            }
        }
    }
    let _ = script.finish().await;
    Ok(())
}

fn within_bound(bytes: usize) -> Result<(), JobError> {
    if bytes <= defaults::TEXT_BYTES_MAX {
        return Ok(());
    }
    let detail =
        format!("the text is longer than the {} bytes that this worker speaks", defaults::TEXT_BYTES_MAX);
    Err(JobError::refused(ProblemKind::TooLarge, detail))
}

/// Sends the sound clause by clause, each followed by its text. Gives the number of samples.
async fn send(
    mut speech: Speech,
    format: SpeechFormat,
    is_continued: bool,
    output: &mut Output,
) -> Result<u64, JobError> {
    let mut encoder = None;
    let mut samples = 0;
    while let Some(spoken) = speech.next().await.map_err(job_error)? {
        for piece in spoken.samples.chunks(PIECE) {
            let encoder = match &mut encoder {
                Some(encoder) => encoder,
                none => none.insert(begin(format, is_continued).map_err(not_encoded)?),
            };
            output.payload(&encoder.push(piece).map_err(not_encoded)?).await?;
            samples += piece.len() as u64;
        }
        output.text(&spoken.source, 0).await?;
    }
    if let Some(encoder) = encoder {
        output.payload(&encoder.finish().map_err(not_encoded)?).await?;
    }
    Ok(samples)
}

fn begin(format: SpeechFormat, is_continued: bool) -> Result<Encoder, EncodeError> {
    let format = match format {
        SpeechFormat::Pcm => Format::Pcm,
        SpeechFormat::Wav => Format::Wav,
        SpeechFormat::Mp3 => Format::Mp3,
        SpeechFormat::Opus => Format::Opus,
        SpeechFormat::Flac => Format::Flac,
    };
    if is_continued { Encoder::continuing(format) } else { Encoder::new(format) }
}

fn not_encoded(error: EncodeError) -> JobError {
    JobError::failed(error.to_string())
}

/// What the realm is told. Another worker may have the voice that is missing here, or be in better health.
fn job_error(failure: Failure) -> JobError {
    let text = failure.to_string();
    match failure {
        Failure::UnknownVoice { .. } | Failure::UnknownLanguage { .. } => {
            JobError { retry: true, ..JobError::refused(ProblemKind::InvalidRequest, text) }
        }
        Failure::Speed(_) => JobError::refused(ProblemKind::InvalidRequest, text),
        Failure::Espeak(_) | Failure::Model(_) => JobError::failed(text),
    }
}

/// The languages of some voices, without their regions, each once.
fn languages(voices: &[VoiceInfo]) -> Vec<String> {
    let mut languages: Vec<String> = Vec::new();
    for voice in voices {
        let language = voice.language.split('-').next().unwrap_or_default().to_lowercase();
        if !language.is_empty() && !languages.contains(&language) {
            languages.push(language);
        }
    }
    languages
}

/// A name as long as the wire takes; what is longer loses its end.
fn within_limit(name: &str) -> String {
    name[..name.floor_char_boundary(limits::NAME_BYTES_MAX)].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_language_is_listed_once_and_without_its_regions() {
        let voices = ["en-US", "de", "en-gb", "fr-fr"].map(|language| VoiceInfo {
            id: "v".into(),
            name: "v".into(),
            language: language.into(),
        });
        assert_eq!(languages(&voices), ["en", "de", "fr"]);
    }

    #[test]
    fn a_voice_that_is_missing_here_may_be_elsewhere() {
        let missing = Failure::UnknownVoice { wanted: "alto".into(), voices: "joe".into() };
        let error = job_error(missing);
        assert!(error.retry);
        assert_eq!(error.problem.detail, "there is no voice `alto`; there are: joe");
        assert!(!job_error(Failure::Speed(9.0)).retry);
        assert!(job_error(Failure::Model("no memory".into())).retry);
    }

    #[test]
    fn long_names_lose_their_end_between_characters() {
        assert_eq!(within_limit("joe"), "joe");
        assert!(within_limit(&"é".repeat(1_000)).len() <= limits::NAME_BYTES_MAX);
    }

    #[test]
    fn a_text_that_is_too_long_is_refused_with_the_number() {
        let refused = within_bound(defaults::TEXT_BYTES_MAX + 1).unwrap_err();
        assert!(refused.problem.detail.contains(&defaults::TEXT_BYTES_MAX.to_string()));
        assert!(within_bound(defaults::TEXT_BYTES_MAX).is_ok());
    }
}
