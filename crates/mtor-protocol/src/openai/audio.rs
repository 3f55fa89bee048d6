//! The shapes of `/v1/audio/speech` and `/v1/audio/transcriptions`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::intent::DEFAULT_MODEL;
use crate::problem::{Problem, ProblemKind};
use crate::sound::{AudioSource, SpeakTask, SpeechFormat, TranscribeTask, Transcript};

/// Names that many programs have built in. No such model runs here, so they leave the choice to the realm.
const BUILT_IN_MODELS: [&str; 6] =
    ["whisper-1", "gpt-4o-transcribe", "gpt-4o-mini-transcribe", "tts-1", "tts-1-hd", "gpt-4o-mini-tts"];
/// The same of voices.
const BUILT_IN_VOICES: [&str; 13] = [
    "alloy", "ash", "ballad", "cedar", "coral", "echo", "fable", "marin", "nova", "onyx", "sage", "shimmer",
    "verse",
];

fn realm_model(name: &str) -> &str {
    if name.is_empty() || BUILT_IN_MODELS.contains(&name) { DEFAULT_MODEL } else { name }
}

fn invalid(param: &str, detail: impl Into<String>) -> Problem {
    Problem::new(ProblemKind::InvalidRequest, detail).param(param)
}

/// The body of `POST /v1/audio/speech`.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
pub struct SpeechRequest {
    /// A model's name, or `default`.
    pub model: String,
    /// What to say.
    pub input: String,
    /// A voice's id, as `GET /api/workers` lists them; `default`, or one of OpenAI's own names, for the realm's choice.
    #[serde(default)]
    pub voice: Option<String>,
    /// `mp3` (the default), `opus`, `flac`, `wav` or `pcm`.
    #[serde(default)]
    pub response_format: Option<String>,
    /// How fast, from 0.25 to 4.
    #[serde(default)]
    pub speed: Option<f32>,
    /// How to say it. Not understood by any voice here, so it must be empty.
    #[serde(default)]
    pub instructions: Option<String>,
    /// `audio` (the default) or `sse`.
    #[serde(default)]
    pub stream_format: Option<String>,
}

impl SpeechRequest {
    /// The model's name as the realm knows it.
    pub fn realm_model(&self) -> &str {
        realm_model(&self.model)
    }

    /// Whether the sound is to come in server-sent events.
    ///
    /// # Errors
    /// When that is another word than the interface knows.
    pub fn wants_events(&self) -> Result<bool, Problem> {
        match self.stream_format.as_deref() {
            None | Some("audio") => Ok(false),
            Some("sse") => Ok(true),
            Some(other) => {
                Err(invalid("stream_format", format!("must be \"audio\" or \"sse\", not {other:?}")))
            }
        }
    }

    /// The task that this asks for.
    ///
    /// # Errors
    /// What can't be done, and which field says it.
    pub fn into_task(self) -> Result<SpeakTask, Problem> {
        let format = match self.response_format.as_deref() {
            None => SpeechFormat::Mp3,
            Some(name) => {
                SpeechFormat::ALL.into_iter().find(|format| format.as_str() == name).ok_or_else(|| {
                    let all = SpeechFormat::ALL.map(SpeechFormat::as_str).join(", ");
                    invalid("response_format", format!("there are {all}, not {name:?}"))
                })?
            }
        };
        if self.instructions.is_some_and(|text| !text.is_empty()) {
            return Err(invalid("instructions", "no voice here understands instructions; leave them out"));
        }
        let voice =
            self.voice.filter(|name| name != DEFAULT_MODEL && !BUILT_IN_VOICES.contains(&name.as_str()));
        let task = SpeakTask { voice, speed: self.speed, format, ..SpeakTask::new(self.input) };
        task.checked().map_err(|detail| {
            let field = detail.split([' ', ':']).next().unwrap_or_default();
            let field = if field == "text" { "input" } else { field };
            invalid(field, detail.replacen("text", "input", 1))
        })
    }
}

/// One server-sent event of `POST /v1/audio/speech`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "type")]
pub enum SpeechEvent {
    /// A piece of the sound, base64.
    #[serde(rename = "speech.audio.delta")]
    Delta {
        /// The piece.
        audio: String,
    },
    /// That was all.
    #[serde(rename = "speech.audio.done")]
    Done {},
}

/// The fields of the form of `POST /v1/audio/transcriptions` beside `file`, the recording.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, JsonSchema)]
pub struct TranscriptionRequest {
    /// A model's name, or `default`.
    pub model: String,
    /// The language spoken, as in ISO 639-1; found out when absent.
    pub language: Option<String>,
    /// Words that are likely to occur.
    pub prompt: Option<String>,
    /// `json` (the default), `text`, `verbose_json`, `srt` or `vtt`.
    pub response_format: Option<String>,
    /// Whether the words come in server-sent events; only with `json` and `text`.
    pub stream: bool,
}

/// How a transcription is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TranscriptionFormat {
    /// An object with the text.
    Json,
    /// The text alone.
    Text,
    /// An object with everything that is known.
    VerboseJson,
    /// SubRip subtitles.
    Srt,
    /// WebVTT subtitles.
    Vtt,
}

impl TranscriptionRequest {
    /// Takes over one field of the form.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        let some = || Some(value.to_owned()).filter(|value| !value.is_empty());
        match name {
            "model" => value.clone_into(&mut self.model),
            "language" => self.language = some(),
            "prompt" => self.prompt = some(),
            "response_format" => self.response_format = some(),
            "stream" => {
                self.stream = match value.to_ascii_lowercase().as_str() {
                    "true" | "1" => true,
                    "false" | "0" | "" => false,
                    _ => return Err(format!("must be true or false, not {value:?}")),
                }
            }
            // Words and segments are always told in verbose_json. Whatever else there is asks for what models here do
            // not have: how wildly to guess, log probabilities, how to cut a recording.
            "timestamp_granularities[]"
            | "timestamp_granularities"
            | "temperature"
            | "include[]"
            | "chunking_strategy" => {}
            _ => return Err("no such field is known here".to_owned()),
        }
        Ok(())
    }

    /// The model's name as the realm knows it.
    pub fn realm_model(&self) -> &str {
        realm_model(&self.model)
    }

    /// How the transcription is wanted.
    ///
    /// # Errors
    /// When there is no such format, or it can't be streamed.
    pub fn format(&self) -> Result<TranscriptionFormat, Problem> {
        let format = match self.response_format.as_deref() {
            None | Some("json") => TranscriptionFormat::Json,
            Some("text") => TranscriptionFormat::Text,
            Some("verbose_json") => TranscriptionFormat::VerboseJson,
            Some("srt") => TranscriptionFormat::Srt,
            Some("vtt") => TranscriptionFormat::Vtt,
            Some(other) => {
                let detail = format!("there are json, text, verbose_json, srt and vtt, not {other:?}");
                return Err(invalid("response_format", detail));
            }
        };
        if self.stream && !matches!(format, TranscriptionFormat::Json | TranscriptionFormat::Text) {
            return Err(invalid("response_format", "a stream is json or text"));
        }
        Ok(format)
    }

    /// The task that this asks for.
    ///
    /// # Errors
    /// What can't be done, and which field says it.
    pub fn into_task(self) -> Result<TranscribeTask, Problem> {
        let detail = !matches!(self.format()?, TranscriptionFormat::Json | TranscriptionFormat::Text);
        let task = TranscribeTask {
            source: AudioSource::File,
            language: self.language,
            hint: self.prompt,
            detail,
            ..TranscribeTask::default()
        };
        task.checked().map_err(|detail| {
            let field = if detail.starts_with("hint") { "prompt" } else { "language" };
            invalid(field, detail.replacen("hint", "prompt", 1))
        })
    }
}

/// The answer of `POST /v1/audio/transcriptions`.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Transcription {
    /// All that was said.
    pub text: String,
    /// With `verbose_json`: `transcribe`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task: Option<&'static str>,
    /// With `verbose_json`: the language, as in ISO 639-1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// With `verbose_json`: how long the recording is, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration: Option<f64>,
    /// With `verbose_json`: its parts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub segments: Option<Vec<SpokenSegment>>,
    /// With `verbose_json`: its words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub words: Option<Vec<SpokenWord>>,
    /// What was used.
    pub usage: AudioUsage,
}

/// How much was listened to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub struct AudioUsage {
    /// `duration`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Seconds, as billed.
    pub seconds: u64,
}

/// A part of a recording.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct SpokenSegment {
    /// Its number, from 0.
    pub id: usize,
    /// Where it begins, in seconds.
    pub start: f64,
    /// Where it ends, in seconds.
    pub end: f64,
    /// What is said.
    pub text: String,
}

/// A word of a recording.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct SpokenWord {
    /// The word.
    pub word: String,
    /// Where it begins, in seconds.
    pub start: f64,
    /// Where it ends, in seconds.
    pub end: f64,
}

fn seconds(ms: u64) -> f64 {
    ms as f64 / 1_000.0
}

impl Transcription {
    /// The text alone.
    pub fn brief(text: String, audio_ms: u64) -> Self {
        let usage = AudioUsage { kind: "duration", seconds: audio_ms.div_ceil(1_000) };
        Self { text, task: None, language: None, duration: None, segments: None, words: None, usage }
    }

    /// Everything that is known.
    pub fn verbose(transcript: Transcript, audio_ms: u64) -> Self {
        let segments = transcript.segments.into_iter().enumerate().map(|(id, segment)| SpokenSegment {
            id,
            start: seconds(segment.start_ms),
            end: seconds(segment.end_ms),
            text: segment.text,
        });
        let words = transcript.words.into_iter().map(|word| SpokenWord {
            word: word.text,
            start: seconds(word.start_ms),
            end: seconds(word.end_ms),
        });
        Self {
            task: Some("transcribe"),
            language: Some(transcript.language),
            duration: Some(seconds(transcript.duration_ms)),
            segments: Some(segments.collect()),
            words: Some(words.collect()),
            ..Self::brief(transcript.text, audio_ms)
        }
    }
}

/// One server-sent event of `POST /v1/audio/transcriptions`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "type")]
pub enum TranscriptionEvent {
    /// More words.
    #[serde(rename = "transcript.text.delta")]
    Delta {
        /// The words.
        delta: String,
    },
    /// That was all.
    #[serde(rename = "transcript.text.done")]
    Done {
        /// All of it.
        text: String,
    },
}

/// Transcripts as subtitles.
pub mod subtitles {
    use std::fmt::Write as _;

    use crate::sound::Transcript;

    /// SubRip.
    pub fn srt(transcript: &Transcript) -> String {
        let mut text = String::new();
        for (index, segment) in transcript.segments.iter().enumerate() {
            let (start, end) = (clock(segment.start_ms, ','), clock(segment.end_ms, ','));
            // Writing to a string can't fail.
            let _ = write!(text, "{}\n{start} --> {end}\n{}\n\n", index + 1, segment.text.trim());
        }
        text
    }

    /// WebVTT.
    pub fn vtt(transcript: &Transcript) -> String {
        let mut text = "WEBVTT\n\n".to_owned();
        for segment in &transcript.segments {
            let (start, end) = (clock(segment.start_ms, '.'), clock(segment.end_ms, '.'));
            let _ = write!(text, "{start} --> {end}\n{}\n\n", segment.text.trim());
        }
        text
    }

    fn clock(ms: u64, point: char) -> String {
        let (h, m, s) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1_000 % 60);
        format!("{h:02}:{m:02}:{s:02}{point}{:03}", ms % 1_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sound::{TranscriptSegment, TranscriptWord};

    fn speech(json: &str) -> Result<SpeakTask, Problem> {
        serde_json::from_str::<SpeechRequest>(json).unwrap().into_task()
    }

    #[test]
    fn names_that_programs_have_built_in_leave_the_choice_to_the_realm() {
        let json = r#"{"model":"tts-1","input":"Hi","voice":"alloy"}"#;
        assert_eq!(serde_json::from_str::<SpeechRequest>(json).unwrap().realm_model(), "default");
        let task = speech(json).unwrap();
        assert_eq!((task.voice, task.format), (None, SpeechFormat::Mp3));
        assert_eq!(speech(r#"{"model":"m","input":"Hi","voice":"joe"}"#).unwrap().voice.unwrap(), "joe");
    }

    #[test]
    fn what_can_not_be_spoken_is_refused_with_its_field() {
        let param = |json: &str| speech(json).unwrap_err().param.unwrap();
        assert_eq!(param(r#"{"model":"m","input":""}"#), "input");
        assert_eq!(param(r#"{"model":"m","input":"a","speed":7}"#), "speed");
        assert_eq!(param(r#"{"model":"m","input":"a","response_format":"aac"}"#), "response_format");
        assert_eq!(param(r#"{"model":"m","input":"a","instructions":"whisper"}"#), "instructions");
    }

    #[test]
    fn a_form_becomes_a_task() {
        let mut request = TranscriptionRequest::default();
        for (name, value) in
            [("model", "whisper-1"), ("language", "de"), ("response_format", "srt"), ("temperature", "0")]
        {
            request.set(name, value).unwrap();
        }
        assert_eq!((request.realm_model(), request.format().unwrap()), ("default", TranscriptionFormat::Srt));
        let task = request.clone().into_task().unwrap();
        assert!(task.detail && task.language.as_deref() == Some("de"));
        assert!(request.set("stream", "perhaps").is_err() && request.set("volume", "11").is_err());
        request.stream = true;
        assert_eq!(request.format().unwrap_err().param.unwrap(), "response_format");
        request.language = Some("German".into());
        request.stream = false;
        assert_eq!(request.into_task().unwrap_err().param.unwrap(), "language");
    }

    #[test]
    fn a_transcript_becomes_subtitles_and_seconds() {
        let transcript = Transcript {
            text: "Hello there.".into(),
            language: "en".into(),
            duration_ms: 3_661_500,
            segments: vec![TranscriptSegment {
                start_ms: 3_660_250,
                end_ms: 3_661_500,
                text: " Hello there.".into(),
            }],
            words: vec![TranscriptWord {
                start_ms: 250,
                end_ms: 500,
                text: "Hello".into(),
                probability: 0.9,
            }],
        };
        let srt = "1\n01:01:00,250 --> 01:01:01,500\nHello there.\n\n";
        assert_eq!(subtitles::srt(&transcript), srt);
        assert!(subtitles::vtt(&transcript).starts_with("WEBVTT\n\n01:01:00.250 -->"));
        let verbose = Transcription::verbose(transcript, 1_001);
        assert_eq!((verbose.duration, verbose.usage.seconds), (Some(3_661.5), 2));
        assert_eq!(verbose.words.unwrap()[0].start, 0.25);
    }
}
