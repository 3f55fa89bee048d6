//! Sound: what is heard and what is spoken. The bytes themselves travel as binary [frames](crate::frame), never inside
//! JSON.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::limits;

/// Samples in a second of raw audio that a worker is asked to listen to.
pub const HEARD_RATE: u32 = 16_000;
/// Samples in a second of raw audio that a worker speaks.
pub const SPOKEN_RATE: u32 = 24_000;
/// Bytes of one sample of raw audio: a signed 16-bit integer, little endian, in one channel.
pub const SAMPLE_BYTES: u32 = 2;

/// Milliseconds of so many bytes of raw audio at a rate.
pub const fn raw_audio_ms(bytes: u64, rate: u32) -> u64 {
    bytes.saturating_mul(1_000) / (rate * SAMPLE_BYTES) as u64
}

/// How the input frames of a [`TranscribeTask`] are to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AudioSource {
    /// A whole file, in any format that the worker can decode.
    #[default]
    File,
    /// Raw audio while it is spoken: 16,000 samples a second, one channel, signed 16-bit little endian.
    Pcm,
}

/// Write down what is said. The sound comes as binary input frames, ended by an empty one.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, try_from = "TranscribeForm")]
pub struct TranscribeTask {
    /// What the frames hold.
    pub source: AudioSource,
    /// The language spoken, as in ISO 639-1 (`en`); found out when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// Words that are likely to occur, such as names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// Whether the answer is a [`Transcript`] in JSON rather than the bare words.
    pub detail: bool,
    /// Whether to tell what is heard so far while one speaks.
    pub partials: bool,
    /// The longest recording that shall be paid for, in milliseconds; the realm's own limit when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audio_ms_max: Option<u32>,
}

/// As it is written: nothing unknown, and within the limits.
#[derive(Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[derive(Default)]
struct TranscribeForm {
    source: AudioSource,
    language: Option<String>,
    hint: Option<String>,
    detail: bool,
    partials: bool,
    audio_ms_max: Option<u32>,
}

impl TryFrom<TranscribeForm> for TranscribeTask {
    type Error = String;

    fn try_from(form: TranscribeForm) -> Result<Self, String> {
        let TranscribeForm { source, language, hint, detail, partials, audio_ms_max } = form;
        Self { source, language, hint, detail, partials, audio_ms_max }.checked()
    }
}

impl TranscribeTask {
    /// The same task, if every value in it is one that can be honoured.
    ///
    /// # Errors
    /// A sentence that begins with the name of the field that is wrong.
    pub fn checked(self) -> Result<Self, String> {
        check_language(self.language.as_deref())?;
        if self.hint.as_ref().is_some_and(|hint| hint.len() > limits::HINT_BYTES_MAX) {
            return Err(format!("hint: at most {} bytes", limits::HINT_BYTES_MAX));
        }
        if self.audio_ms_max.is_some_and(|ms| ms == 0 || ms > limits::AUDIO_MS_MAX) {
            return Err(format!("audio_ms_max must lie between 1 and {}", limits::AUDIO_MS_MAX));
        }
        Ok(self)
    }

    /// The longest recording that this task pays for, in milliseconds.
    pub fn audio_ms_bound(&self) -> u32 {
        self.audio_ms_max.unwrap_or(limits::AUDIO_MS_MAX)
    }
}

/// Wait until somebody says a wake word: the intent's model is the word, `default` any. The sound comes as binary input frames,
/// raw as [`AudioSource::Pcm`] says, while it is heard; the answer is a [`Woken`] in JSON.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, try_from = "WakeForm")]
pub struct WakeTask {
    /// After how much sound the waiting ends, in milliseconds; the realm's own limit when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audio_ms_max: Option<u32>,
}

/// As it is written: nothing unknown, and within the limits.
#[derive(Deserialize, JsonSchema, Default)]
#[serde(default, deny_unknown_fields)]
struct WakeForm {
    audio_ms_max: Option<u32>,
}

impl TryFrom<WakeForm> for WakeTask {
    type Error = String;

    fn try_from(form: WakeForm) -> Result<Self, String> {
        if form.audio_ms_max.is_some_and(|ms| ms == 0 || ms > limits::WAKE_MS_MAX) {
            return Err(format!("audio_ms_max must lie between 1 and {}", limits::WAKE_MS_MAX));
        }
        Ok(Self { audio_ms_max: form.audio_ms_max })
    }
}

impl WakeTask {
    /// The most sound that this task pays for, in milliseconds.
    pub fn audio_ms_bound(&self) -> u32 {
        self.audio_ms_max.unwrap_or(limits::WAKE_MS_MAX)
    }
}

/// The answer to a [`WakeTask`].
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Woken {
    /// The wake word that was said; none when the sound ended without it.
    pub phrase: Option<String>,
    /// How much of the sound was heard by then, in milliseconds: what comes after it was said after the word.
    pub at_ms: u64,
}

/// The answer to a [`TranscribeTask`] that asked for detail.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Transcript {
    /// All that was said; empty when nothing was.
    pub text: String,
    /// The language, as in ISO 639-1; empty when nothing was said.
    pub language: String,
    /// How long the recording is.
    pub duration_ms: u64,
    /// Its parts, in order.
    pub segments: Vec<TranscriptSegment>,
    /// Its words, in order.
    pub words: Vec<TranscriptWord>,
}

/// A sentence or so of a recording.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct TranscriptSegment {
    /// Where it begins.
    pub start_ms: u64,
    /// Where it ends.
    pub end_ms: u64,
    /// What is said.
    pub text: String,
}

/// A word of a recording.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct TranscriptWord {
    /// Where it begins.
    pub start_ms: u64,
    /// Where it ends.
    pub end_ms: u64,
    /// The word, with the punctuation that belongs to it.
    pub text: String,
    /// How sure the worker is of it, from 0 to 1.
    pub probability: f32,
}

/// The format of spoken audio.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SpeechFormat {
    /// Raw: 24,000 samples a second, one channel, signed 16-bit little endian.
    #[default]
    Pcm,
    /// The same with a header.
    Wav,
    /// MPEG layer III.
    Mp3,
    /// Opus in Ogg.
    Opus,
    /// FLAC.
    Flac,
}

impl SpeechFormat {
    /// All formats.
    pub const ALL: [Self; 5] = [Self::Pcm, Self::Wav, Self::Mp3, Self::Opus, Self::Flac];

    /// Its name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pcm => "pcm",
            Self::Wav => "wav",
            Self::Mp3 => "mp3",
            Self::Opus => "opus",
            Self::Flac => "flac",
        }
    }

    /// Its media type.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Pcm => "audio/pcm",
            Self::Wav => "audio/wav",
            Self::Mp3 => "audio/mpeg",
            Self::Opus => "audio/ogg",
            Self::Flac => "audio/flac",
        }
    }
}

/// Speak a text. The sound goes out as binary output frames; the answer's text is what has been spoken so far.
#[derive(Debug, Clone, PartialEq, Default, Serialize, JsonSchema, Deserialize)]
#[serde(default, try_from = "SpeakForm")]
pub struct SpeakTask {
    /// What to say. Markdown is read as its words.
    pub text: String,
    /// Whether more text follows as binary input frames (UTF-8, cut anywhere), ended by an empty one: for an answer that
    /// is still being written.
    pub more: bool,
    /// The voice's id, as the workers list them; the worker's choice when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub voice: Option<String>,
    /// The text's language, as in ISO 639-1; the voice's own when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// How fast, from 0.25 to 4; 1 when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub speed: Option<f32>,
    /// The format of the sound.
    pub format: SpeechFormat,
}

/// As it is written: nothing unknown, and within the limits.
#[derive(Deserialize, JsonSchema, Default)]
#[serde(default, deny_unknown_fields)]
struct SpeakForm {
    text: String,
    more: bool,
    voice: Option<String>,
    language: Option<String>,
    speed: Option<f32>,
    format: SpeechFormat,
}

impl TryFrom<SpeakForm> for SpeakTask {
    type Error = String;

    fn try_from(form: SpeakForm) -> Result<Self, String> {
        let SpeakForm { text, more, voice, language, speed, format } = form;
        Self { text, more, voice, language, speed, format }.checked()
    }
}

impl SpeakTask {
    /// This text, in whatever voice there is.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    /// The same task, if every value in it is one that can be honoured.
    ///
    /// # Errors
    /// A sentence that begins with the name of the field that is wrong.
    pub fn checked(self) -> Result<Self, String> {
        if self.text.is_empty() && !self.more {
            return Err("text must not be empty".to_owned());
        }
        if self.text.len() > limits::SPEAK_BYTES_MAX {
            return Err(format!("text: at most {} bytes, not {}", limits::SPEAK_BYTES_MAX, self.text.len()));
        }
        if self.voice.as_ref().is_some_and(|voice| voice.is_empty() || voice.len() > limits::NAME_BYTES_MAX) {
            return Err(format!("voice: a name of 1 to {} bytes", limits::NAME_BYTES_MAX));
        }
        check_language(self.language.as_deref())?;
        if self.speed.is_some_and(|speed| !(0.25..=4.0).contains(&speed)) {
            return Err("speed must lie between 0.25 and 4".to_owned());
        }
        Ok(self)
    }

    /// The longest that it can take to say, in milliseconds: what is held for it. People say about 15 letters in a
    /// second; numbers and slow languages take longer.
    pub fn audio_ms_bound(&self) -> u32 {
        const SLOWEST_MS_PER_BYTE: f64 = 250.0;
        let bytes = if self.more { limits::SPEAK_BYTES_MAX } else { self.text.len() };
        let slowest_ms = 1_000.0 + bytes as f64 * SLOWEST_MS_PER_BYTE / f64::from(self.speed.unwrap_or(1.0));
        (slowest_ms as u32).min(limits::AUDIO_MS_MAX)
    }
}

fn check_language(language: Option<&str>) -> Result<(), String> {
    let is_code = |code: &str| {
        let letters = code.len().min(3);
        (2..=limits::LANGUAGE_BYTES_MAX).contains(&code.len())
            && code.bytes().take(letters).all(|byte| byte.is_ascii_lowercase() || byte == b'-')
            && code.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    match language {
        Some(code) if !is_code(code) => Err("language: a code such as en, de or pt-BR".to_owned()),
        _ => Ok(()),
    }
}

/// A voice that a worker can speak with.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VoiceInfo {
    /// What a [`SpeakTask`] calls it.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// Its language, as in ISO 639-1, perhaps with a region.
    pub language: String,
}

/// The data of `mtor.voice.timing`: how long a spoken turn took, as whoever asked saw it. All in milliseconds, each from
/// the end of the stage before it, the first from the last sound of the question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct VoiceTiming {
    /// Until the end of the question was noticed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpointing_ms: Option<u32>,
    /// Until its words were there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transcription_ms: Option<u32>,
    /// Until the answer began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_token_ms: Option<u32>,
    /// Until it was heard.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_audio_ms: Option<u32>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn transcribe(json: &str) -> Result<TranscribeTask, String> {
        serde_json::from_str(json).map_err(|error| error.to_string())
    }

    fn speak(json: &str) -> Result<SpeakTask, String> {
        serde_json::from_str(json).map_err(|error| error.to_string())
    }

    #[test]
    fn tasks_survive_their_json() {
        let task =
            TranscribeTask { source: AudioSource::Pcm, language: Some("pt-BR".into()), ..Default::default() };
        assert_eq!(transcribe(&serde_json::to_string(&task).unwrap()), Ok(task));
        let task = SpeakTask { speed: Some(1.5), format: SpeechFormat::Opus, ..SpeakTask::new("Hello") };
        assert_eq!(speak(&serde_json::to_string(&task).unwrap()), Ok(task));
    }

    #[test]
    fn wrong_values_are_named() {
        assert!(transcribe(r#"{"language":"english please"}"#).unwrap_err().contains("a code such as en"));
        assert!(transcribe(r#"{"language":"EN"}"#).is_err());
        assert!(transcribe(r#"{"audio_ms_max":0}"#).unwrap_err().contains("audio_ms_max"));
        assert!(transcribe(r#"{"loud":true}"#).unwrap_err().contains("unknown field `loud`"));
        assert!(speak("{}").unwrap_err().contains("text must not be empty"));
        assert!(speak(r#"{"more":true}"#).is_ok());
        assert!(speak(r#"{"text":"a","speed":9}"#).unwrap_err().contains("speed"));
        assert!(speak(r#"{"text":"a","format":"aac"}"#).unwrap_err().contains("unknown variant `aac`"));
        let long = SpeakTask::new("a".repeat(limits::SPEAK_BYTES_MAX + 1));
        assert!(speak(&serde_json::to_string(&long).unwrap()).unwrap_err().contains("at most"));
    }

    #[test]
    fn what_is_held_follows_the_text_and_the_speed() {
        let bound =
            |bytes: usize, speed| SpeakTask { speed, ..SpeakTask::new("a".repeat(bytes)) }.audio_ms_bound();
        assert_eq!((bound(10, None), bound(10, Some(0.5))), (3_500, 6_000));
        assert_eq!(SpeakTask { more: true, ..SpeakTask::default() }.audio_ms_bound(), 4_097_000);
        assert_eq!(raw_audio_ms(48_000, SPOKEN_RATE), 1_000);
    }
}
