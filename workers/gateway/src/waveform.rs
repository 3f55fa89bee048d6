//! Sound on its way to and from services that take and give whole files.

use mtor_audio::encode::{Encoder, Format};
use mtor_audio::{HEARD_HZ, SPOKEN_HZ, pcm};
use mtor_worker::protocol::sound::raw_audio_ms;
use mtor_worker::protocol::{FinishReason, ProblemKind, SpeechFormat, TranscribeTask, Usage};
use mtor_worker::{Finished, Input, JobError, Output};

use crate::heard::Heard;

/// All that is heard, as a WAV file, and how long it is in milliseconds.
///
/// # Errors
/// When it can't be read, or is longer than it may be.
pub(crate) async fn record(task: &TranscribeTask, input: Input) -> Result<(Vec<u8>, u64), JobError> {
    let mut heard = Heard::new(task.source, input);
    let mut sound = Vec::new();
    while let Some(piece) = heard.next().await? {
        sound.extend_from_slice(&piece);
        if raw_audio_ms(sound.len() as u64, HEARD_HZ) > u64::from(task.audio_ms_bound()) {
            let detail = format!("the recording is longer than {} ms", task.audio_ms_bound());
            return Err(JobError::refused(ProblemKind::TooLarge, detail));
        }
    }
    let mut file = pcm::wav_header(HEARD_HZ, u32::try_from(sound.len()).ok()).to_vec();
    let length = raw_audio_ms(sound.len() as u64, HEARD_HZ);
    file.extend(sound);
    Ok((file, length))
}

/// Speech that comes as raw samples, as 24,000 a second, and goes out in the format that was asked for.
pub(crate) struct Spoken {
    encoder: Encoder,
    reader: pcm::S16leReader,
    samples: u64,
}

impl Spoken {
    pub(crate) fn new(format: SpeechFormat, goes_on: bool) -> Result<Self, JobError> {
        let format = match format {
            SpeechFormat::Pcm => Format::Pcm,
            SpeechFormat::Wav => Format::Wav,
            SpeechFormat::Mp3 => Format::Mp3,
            SpeechFormat::Opus => Format::Opus,
            SpeechFormat::Flac => Format::Flac,
        };
        // Whoever spoke the beginning has begun the file too.
        let encoder = if goes_on { Encoder::continuing(format) } else { Encoder::new(format) };
        let encoder = encoder.map_err(|error| JobError::failed(error.to_string()))?;
        Ok(Self { encoder, reader: pcm::S16leReader::new(), samples: 0 })
    }

    pub(crate) async fn push(&mut self, bytes: &[u8], output: &mut Output) -> Result<(), JobError> {
        let mut samples = Vec::new();
        self.reader.push(bytes, &mut samples);
        self.samples += samples.len() as u64;
        let encoded = self.encoder.push(&samples).map_err(|error| JobError::failed(error.to_string()))?;
        Ok(output.payload(&encoded).await?)
    }

    pub(crate) async fn finish(self, output: &mut Output) -> Result<Finished, JobError> {
        let rest = self.encoder.finish().map_err(|error| JobError::failed(error.to_string()))?;
        output.payload(&rest).await?;
        let usage = Usage { audio_ms: pcm::duration_ms(self.samples, SPOKEN_HZ), ..Usage::default() };
        Ok(Finished { usage, finish: FinishReason::Stop })
    }
}
