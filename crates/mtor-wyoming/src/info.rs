//! What a service or a satellite says about itself when it is asked to describe itself.
//!
//! Written in full, `null` where nothing is known, since readers of other makers insist on every field. Read with
//! patience: what is missing has a default, and what is not known here is passed over.

use serde::{Deserialize, Serialize};

use crate::audio::AudioFormat;

/// Everything that can be asked of whoever is at the other end.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Info {
    /// Speech to text.
    pub asr: Vec<AsrProgram>,
    /// Text to speech.
    pub tts: Vec<TtsProgram>,
    /// Answering what was said; its entries are passed on as they are.
    pub handle: Vec<serde_json::Value>,
    /// Understanding what was said; its entries are passed on as they are.
    pub intent: Vec<serde_json::Value>,
    /// Wake words.
    pub wake: Vec<WakeProgram>,
    /// Microphones.
    pub mic: Vec<MicProgram>,
    /// Speakers.
    pub snd: Vec<SndProgram>,
    /// Set by a satellite.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub satellite: Option<Satellite>,
}

/// Who made something.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Attribution {
    /// Their name.
    pub name: String,
    /// Where to find them.
    pub url: String,
}

/// A speech-to-text program.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct AsrProgram {
    /// Its name.
    pub name: String,
    /// Who made it.
    pub attribution: Attribution,
    /// Whether it can be used now.
    pub installed: bool,
    /// For people.
    pub description: Option<String>,
    /// Its version.
    pub version: Option<String>,
    /// What it can listen with.
    pub models: Vec<AsrModel>,
    /// Whether transcripts come piece by piece.
    pub supports_transcript_streaming: bool,
}

/// A speech-to-text model.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct AsrModel {
    /// Its name.
    pub name: String,
    /// Who made it.
    pub attribution: Attribution,
    /// Whether it can be used now.
    pub installed: bool,
    /// For people.
    pub description: Option<String>,
    /// Its version.
    pub version: Option<String>,
    /// Languages that it understands.
    pub languages: Vec<String>,
}

/// A text-to-speech program.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct TtsProgram {
    /// Its name.
    pub name: String,
    /// Who made it.
    pub attribution: Attribution,
    /// Whether it can be used now.
    pub installed: bool,
    /// For people.
    pub description: Option<String>,
    /// Its version.
    pub version: Option<String>,
    /// What it can speak with.
    pub voices: Vec<TtsVoice>,
    /// Whether text may come piece by piece.
    pub supports_synthesize_streaming: bool,
}

/// A voice.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct TtsVoice {
    /// Its name.
    pub name: String,
    /// Who made it.
    pub attribution: Attribution,
    /// Whether it can be used now.
    pub installed: bool,
    /// For people.
    pub description: Option<String>,
    /// Its version.
    pub version: Option<String>,
    /// Languages that it speaks.
    pub languages: Vec<String>,
    /// The people in it, when it is a voice of several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub speakers: Option<Vec<Speaker>>,
}

/// One of the people in a voice of several.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Speaker {
    /// Their name.
    pub name: String,
}

/// A program that listens for wake words.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct WakeProgram {
    /// Its name.
    pub name: String,
    /// Who made it.
    pub attribution: Attribution,
    /// Whether it can be used now.
    pub installed: bool,
    /// For people.
    pub description: Option<String>,
    /// Its version.
    pub version: Option<String>,
    /// What it can listen for.
    pub models: Vec<WakeModel>,
}

/// A wake word.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct WakeModel {
    /// Its name.
    pub name: String,
    /// Who made it.
    pub attribution: Attribution,
    /// Whether it can be used now.
    pub installed: bool,
    /// For people.
    pub description: Option<String>,
    /// Its version.
    pub version: Option<String>,
    /// Languages that it understands.
    pub languages: Vec<String>,
    /// The words to be said.
    pub phrase: Option<String>,
}

/// A microphone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MicProgram {
    /// Its name.
    #[serde(default)]
    pub name: String,
    /// Who made it.
    #[serde(default)]
    pub attribution: Attribution,
    /// Whether it can be used now.
    #[serde(default)]
    pub installed: bool,
    /// For people.
    #[serde(default)]
    pub description: Option<String>,
    /// Its version.
    #[serde(default)]
    pub version: Option<String>,
    /// The sound that comes from it.
    pub mic_format: AudioFormat,
}

/// A speaker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SndProgram {
    /// Its name.
    #[serde(default)]
    pub name: String,
    /// Who made it.
    #[serde(default)]
    pub attribution: Attribution,
    /// Whether it can be used now.
    #[serde(default)]
    pub installed: bool,
    /// For people.
    #[serde(default)]
    pub description: Option<String>,
    /// Its version.
    #[serde(default)]
    pub version: Option<String>,
    /// The sound that it plays.
    pub snd_format: AudioFormat,
}

/// A satellite: microphone and speaker in some room.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Satellite {
    /// Its name.
    pub name: String,
    /// Who made it.
    pub attribution: Attribution,
    /// Whether it can be used now.
    pub installed: bool,
    /// For people.
    pub description: Option<String>,
    /// Its version.
    pub version: Option<String>,
    /// The room that it stands in.
    pub area: Option<String>,
    /// Whether it finds the end of what is said by itself.
    pub has_vad: Option<bool>,
    /// Wake words that it listens for.
    pub active_wake_words: Option<Vec<String>>,
    /// How many of them it can listen for at once.
    pub max_active_wake_words: Option<u32>,
    /// Whether it can be told to listen.
    pub supports_trigger: Option<bool>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_is_written_and_few_are_needed() {
        let info: Info = serde_json::from_str(
            r#"{"asr":[{"name":"ears","models":[{"name":"base","languages":["en"],"future":1}]}],"later":[]}"#,
        )
        .unwrap();
        assert_eq!(info.asr[0].models[0].languages, ["en"]);
        let json = serde_json::to_value(&info).unwrap();
        assert_eq!(json["asr"][0]["models"][0]["description"], serde_json::Value::Null);
        assert_eq!(json["asr"][0]["attribution"]["url"], "");
        assert_eq!(json["tts"], serde_json::json!([]));
        assert!(json.get("satellite").is_none());
        assert_eq!(serde_json::from_value::<Info>(json).unwrap(), info);
    }
}
