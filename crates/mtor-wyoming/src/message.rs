//! What events mean. One table says which there are; everything else follows from it.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::audio::{AudioChunk, AudioFormat, AudioStart, AudioStop};
use crate::codec::{Data, Event};
use crate::info::Info;

/// An event that is known by its name, but does not say what it should. The connection can go on after it.
#[derive(Debug, thiserror::Error)]
#[error("{kind}: {error}")]
pub struct MessageError {
    /// Which event.
    pub kind: String,
    /// What is wrong with it.
    #[source]
    pub error: serde_json::Error,
}

macro_rules! messages {
    (
        bare { $($(#[$bare_doc:meta])* $bare:ident = $bare_kind:literal,)* }
        with { $($(#[$with_doc:meta])* $with:ident($content:ty) = $with_kind:literal,)* }
    ) => {
        /// An event, and what it means.
        #[derive(Debug, Clone, PartialEq)]
        pub enum Message {
            $($(#[$bare_doc])* $bare,)*
            $($(#[$with_doc])* $with($content),)*
            /// A piece of sound.
            AudioChunk(AudioChunk),
            /// An event that is not known here. Passing it over is what the protocol asks for.
            Other(Event),
        }

        impl Message {
            /// The name of its event.
            pub fn kind(&self) -> &str {
                match self {
                    $(Self::$bare => $bare_kind,)*
                    $(Self::$with(_) => $with_kind,)*
                    Self::AudioChunk(_) => AUDIO_CHUNK,
                    Self::Other(event) => &event.kind,
                }
            }

            /// What an event means.
            ///
            /// # Errors
            /// [`MessageError`] when it does not say what an event of this name has to.
            pub fn from_event(event: Event) -> Result<Self, MessageError> {
                match event.kind.as_str() {
                    $($bare_kind => Ok(Self::$bare),)*
                    $($with_kind => Ok(Self::$with(read(event)?.0)),)*
                    AUDIO_CHUNK => {
                        let (mut chunk, audio) = read::<AudioChunk>(event)?;
                        chunk.audio = audio;
                        Ok(Self::AudioChunk(chunk))
                    }
                    _ => Ok(Self::Other(event)),
                }
            }

            /// The event that says this.
            pub fn into_event(self) -> Event {
                match self {
                    $(Self::$bare => Event::bare($bare_kind),)*
                    $(Self::$with(content) => write($with_kind, &content, Bytes::new()),)*
                    Self::AudioChunk(chunk) => {
                        let audio = chunk.audio.clone();
                        write(AUDIO_CHUNK, &chunk, audio)
                    }
                    Self::Other(event) => event,
                }
            }
        }

        #[cfg(test)]
        const KINDS: &[&str] = &[$($bare_kind,)* $($with_kind,)* AUDIO_CHUNK];
    };
}

const AUDIO_CHUNK: &str = "audio-chunk";

messages! {
    bare {
        /// Say what you are.
        Describe = "describe",
        /// The pieces of a transcript are complete.
        TranscriptStop = "transcript-stop",
        /// The text to be spoken is complete.
        SynthesizeStop = "synthesize-stop",
        /// All text that came in pieces has been spoken.
        SynthesizeStopped = "synthesize-stopped",
        /// To a satellite: the server is ready.
        RunSatellite = "run-satellite",
        /// To a satellite: the server is not ready.
        PauseSatellite = "pause-satellite",
        /// A satellite has begun to send what its microphone hears.
        StreamingStarted = "streaming-started",
        /// A satellite has ceased to send what its microphone hears.
        StreamingStopped = "streaming-stopped",
        /// A satellite has a server.
        SatelliteConnected = "satellite-connected",
        /// A satellite has lost its server.
        SatelliteDisconnected = "satellite-disconnected",
        /// What was sent was played to its end.
        Played = "played",
    }
    with {
        /// What somebody is.
        Info(Box<Info>) = "info",
        /// Which of several programs is meant on this connection.
        SelectProgram(SelectProgram) = "select-program",
        /// Write down the sound that follows.
        Transcribe(Transcribe) = "transcribe",
        /// What was said, as a whole.
        Transcript(Transcript) = "transcript",
        /// What was said follows in pieces.
        TranscriptStart(TranscriptStart) = "transcript-start",
        /// A piece of what was said.
        TranscriptChunk(Text) = "transcript-chunk",
        /// Sound begins.
        AudioStart(AudioStart) = "audio-start",
        /// Sound ends.
        AudioStop(AudioStop) = "audio-stop",
        /// Speak this.
        Synthesize(Synthesize) = "synthesize",
        /// Speak the text that follows in pieces.
        SynthesizeStart(SynthesizeStart) = "synthesize-start",
        /// A piece of the text to be spoken.
        SynthesizeChunk(Text) = "synthesize-chunk",
        /// Listen for wake words in the sound that follows.
        Detect(Detect) = "detect",
        /// A wake word was heard.
        Detection(Detection) = "detection",
        /// The sound ended without a wake word.
        NotDetected(NotDetected) = "not-detected",
        /// A satellite asks for a turn of a conversation.
        RunPipeline(RunPipeline) = "run-pipeline",
        /// Somebody has begun to speak.
        VoiceStarted(AudioStop) = "voice-started",
        /// Somebody has ceased to speak.
        VoiceStopped(AudioStop) = "voice-stopped",
        /// Are you there?
        Ping(Ping) = "ping",
        /// I am.
        Pong(Ping) = "pong",
        /// Something went wrong.
        Error(Fault) = "error",
    }
}

impl Message {
    /// A piece of sound.
    pub fn chunk(format: AudioFormat, audio: Bytes) -> Self {
        Self::AudioChunk(AudioChunk { format, timestamp: Timestamp(None), audio })
    }

    /// An error in words, with a code for programs.
    pub fn error(text: impl Into<String>, code: impl Into<String>) -> Self {
        Self::Error(Fault { text: text.into(), code: Some(code.into()) })
    }
}

fn read<T: DeserializeOwned>(event: Event) -> Result<(T, Bytes), MessageError> {
    match serde_json::from_value(Value::Object(event.data)) {
        Ok(content) => Ok((content, event.payload)),
        Err(error) => Err(MessageError { kind: event.kind, error }),
    }
}

fn write<T: Serialize>(kind: &str, content: &T, payload: Bytes) -> Event {
    // Every content above is a struct with string keys, which always becomes an object.
    let data = match serde_json::to_value(content) {
        Ok(Value::Object(data)) => data,
        _ => Data::new(),
    };
    Event { kind: kind.to_owned(), data, payload }
}

/// A moment, in milliseconds since whenever the sender likes, if it says. Numbers of any kind are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Timestamp(pub Option<i64>);

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = Option::<serde_json::Number>::deserialize(deserializer)?;
        // A float is cut to its whole part, and one that is too large to the largest there is.
        Ok(Self(number.and_then(|number| number.as_i64().or(number.as_f64().map(|float| float as i64)))))
    }
}

/// Context that a client sends along and gets back.
type Context = Option<BTreeMap<String, Value>>;

/// Which of several programs is meant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SelectProgram {
    /// Its name in the [`Info`].
    pub name: String,
}

/// What is asked of a speech-to-text service.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Transcribe {
    /// With which model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What language is spoken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// Sent back with the transcript.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context: Context,
    /// Names that are likely to be said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transcript_names: Option<Vec<String>>,
    /// Other words that are likely to be said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transcript_terms: Option<Vec<String>>,
}

/// What was said.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Transcript {
    /// The words; empty when there were none.
    pub text: String,
    /// Their language.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// For the next time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Context,
}

/// A transcript begins.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct TranscriptStart {
    /// Its language.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// For the next time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context: Context,
}

/// A piece of text.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Text {
    /// The text; pieces are joined without anything between them.
    pub text: String,
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self { text }
    }
}

/// What is asked of a text-to-speech service.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Synthesize {
    /// What to say.
    pub text: String,
    /// With which voice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub voice: Option<Voice>,
    /// `text`, or `ssml`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text_format: Option<String>,
    /// For the next time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Context,
}

/// The same, with the text to follow.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct SynthesizeStart {
    /// With which voice.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub voice: Option<Voice>,
    /// `text`, or `ssml`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text_format: Option<String>,
    /// For the next time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context: Context,
}

/// Which voice.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Voice {
    /// By its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Any of this language.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// Whom in a voice of several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub speaker: Option<String>,
}

/// What is asked of a wake word service.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Detect {
    /// Which wake words; any when absent.
    pub names: Option<Vec<String>>,
    /// For the next time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context: Context,
}

/// A wake word was heard.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Detection {
    /// Which.
    pub name: Option<String>,
    /// When.
    pub timestamp: Timestamp,
    /// Who said it.
    pub speaker: Option<String>,
    /// For the next time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context: Context,
}

/// No wake word was heard.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct NotDetected {
    /// For the next time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context: Context,
}

/// A step of a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Waiting for the wake word.
    Wake,
    /// Sound to words.
    Asr,
    /// Words to what is wanted.
    Intent,
    /// Doing what is wanted.
    Handle,
    /// The answer to sound.
    Tts,
}

/// What a satellite asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunPipeline {
    /// The first step.
    pub start_stage: Stage,
    /// The last.
    pub end_stage: Stage,
    /// Whether another turn follows by itself.
    #[serde(default)]
    pub restart_on_end: bool,
    /// The wake word that was heard.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wake_word_name: Option<String>,
    /// Wake words to listen for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wake_word_names: Option<Vec<String>>,
    /// What to say, when the first step is speaking.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub announce_text: Option<String>,
    /// The sound that the satellite likes to play.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snd_format: Option<AudioFormat>,
}

/// A question whether somebody is there, or the answer.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Ping {
    /// Comes back with the answer.
    pub text: Option<String>,
}

/// What went wrong.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Fault {
    /// In words.
    pub text: String,
    /// For programs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn event(kind: &str, data: Value) -> Event {
        let Value::Object(data) = data else { panic!("{data} is no object") };
        Event { kind: kind.to_owned(), data, payload: Bytes::new() }
    }

    #[test]
    fn every_name_stands_once_in_the_table() {
        let mut names = KINDS.to_vec();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), KINDS.len());
    }

    #[test]
    fn messages_survive_their_events() {
        let voice = Voice { name: Some("amy".into()), ..Voice::default() };
        let messages = [
            Message::Describe,
            Message::Info(Box::default()),
            Message::SelectProgram(SelectProgram { name: "ears".into() }),
            Message::Transcribe(Transcribe { language: Some("de".into()), ..Transcribe::default() }),
            Message::Transcript(Transcript { text: "Hallo".into(), ..Transcript::default() }),
            Message::TranscriptChunk(Text { text: "Hal".into() }),
            Message::TranscriptStop,
            Message::AudioStart(AudioFormat::mono16(16_000).into()),
            Message::chunk(AudioFormat::mono16(22_050), Bytes::from_static(b"\x01\x02")),
            Message::AudioStop(AudioStop { timestamp: Timestamp(Some(5)) }),
            Message::Synthesize(Synthesize {
                text: "Hi".into(),
                voice: Some(voice.clone()),
                ..Synthesize::default()
            }),
            Message::SynthesizeStart(SynthesizeStart { voice: Some(voice), ..SynthesizeStart::default() }),
            Message::Detect(Detect::default()),
            Message::Detection(Detection { name: Some("computer".into()), ..Detection::default() }),
            Message::RunPipeline(RunPipeline {
                start_stage: Stage::Asr,
                end_stage: Stage::Tts,
                restart_on_end: true,
                wake_word_name: None,
                wake_word_names: None,
                announce_text: None,
                snd_format: Some(AudioFormat::mono16(22_050)),
            }),
            Message::Ping(Ping { text: Some("x".into()) }),
            Message::error("no", "busy"),
            Message::Other(event("timer-started", json!({"id": "1"}))),
        ];
        for message in messages {
            assert_eq!(Message::from_event(message.clone().into_event()).unwrap(), message);
        }
    }

    #[test]
    fn what_is_missing_is_named() {
        let error = Message::from_event(event("transcript", json!({}))).unwrap_err();
        assert_eq!(error.to_string(), "transcript: missing field `text`");
        let error = Message::from_event(event("audio-chunk", json!({"rate": 1, "width": 9, "channels": 1})));
        assert_eq!(error.unwrap_err().to_string(), "audio-chunk: width must be 1 to 4 bytes, not 9");
        let stages = json!({"start_stage": "asr", "end_stage": "fly"});
        let error = Message::from_event(event("run-pipeline", stages)).unwrap_err().to_string();
        assert!(error.contains("unknown variant `fly`, expected one of `wake`, `asr`"), "{error}");
    }

    #[test]
    fn nulls_floats_and_news_are_read() {
        let detection = json!({"name": null, "timestamp": 12.7, "speaker": null, "mood": "good"});
        let read = Message::from_event(event("detection", detection)).unwrap();
        assert_eq!(
            read,
            Message::Detection(Detection { timestamp: Timestamp(Some(12)), ..Detection::default() })
        );
        let start = json!({"rate": 16000, "width": 2, "channels": 1, "timestamp": null});
        assert!(matches!(Message::from_event(event("audio-start", start)), Ok(Message::AudioStart(_))));
        assert!(Message::from_event(event("synthesize-start", json!({"voice": null}))).is_ok());
    }
}
