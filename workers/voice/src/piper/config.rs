//! The file beside a Piper voice that says how it is spoken to (`FILE.onnx.json`).

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::error::LoadError;

/// What a voice's file says.
#[derive(Debug, Deserialize)]
pub(crate) struct Config {
    pub(crate) audio: Audio,
    pub(crate) espeak: Option<Espeak>,
    #[serde(default)]
    pub(crate) inference: Inference,
    /// How its phonemes are made.
    #[serde(default)]
    pub(crate) phoneme_type: PhonemeType,
    /// The numbers of each phoneme.
    pub(crate) phoneme_id_map: HashMap<String, Vec<i32>>,
    #[serde(default = "one")]
    pub(crate) num_speakers: u32,
    pub(crate) language: Option<Language>,
    #[serde(default)]
    pub(crate) dataset: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Audio {
    pub(crate) sample_rate: u32,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Espeak {
    pub(crate) voice: String,
}

/// How much chance there is in a voice, and how slow it is.
#[derive(Debug, Deserialize)]
#[serde(default)]
pub(crate) struct Inference {
    pub(crate) noise_scale: f32,
    pub(crate) length_scale: f32,
    pub(crate) noise_w: f32,
}

impl Default for Inference {
    fn default() -> Self {
        Self { noise_scale: 0.667, length_scale: 1.0, noise_w: 0.8 }
    }
}

/// How text becomes phonemes.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum PhonemeType {
    /// By espeak-ng.
    #[default]
    Espeak,
    /// Each character is one.
    Text,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Language {
    pub(crate) code: String,
}

fn one() -> u32 {
    1
}

impl Config {
    /// Reads the file that belongs to a model.
    pub(crate) fn beside(model: &Path) -> Result<Self, LoadError> {
        let path = path_beside(model);
        let text = std::fs::read_to_string(&path)
            .map_err(|reason| LoadError::Unreadable { path: path.clone(), reason })?;
        let wrong = |reason: String| LoadError::Config { path: path.clone(), reason };
        let config: Self = serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?;
        if config.phoneme_type == PhonemeType::Espeak && config.espeak.is_none() {
            return Err(wrong("it names no voice of espeak-ng".to_owned()));
        }
        for needed in ["_", "^", "$"] {
            if config.phoneme_id_map.get(needed).is_none_or(Vec::is_empty) {
                return Err(wrong(format!("its phoneme_id_map has no `{needed}`")));
            }
        }
        Ok(config)
    }

    /// The language as a tag: `en-US`.
    pub(crate) fn language_tag(&self) -> String {
        match (&self.language, &self.espeak) {
            (Some(language), _) => language.code.replace('_', "-"),
            (None, Some(espeak)) => espeak.voice.clone(),
            (None, None) => "und".to_owned(),
        }
    }
}

/// `voice.onnx` is described by `voice.onnx.json`.
fn path_beside(model: &Path) -> PathBuf {
    let mut name = model.as_os_str().to_owned();
    name.push(".json");
    PathBuf::from(name)
}
