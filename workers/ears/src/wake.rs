//! The wake word, for microphones that can't listen for it themselves: somebody's satellite hands on all that it hears, and is
//! told when the word was said. The same networks at the same thresholds as in the console's page
//! (web/src/lib/listen), where most people are heard: docs, "The wake word".
//!
//! The spectrum (`mel`) is computed always, the speech embedding (`features`) only when something like a voice was heard.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use mtor_audio::HEARD_HZ;

use crate::defaults::{
    FRAME_SAMPLES, VOICE_HINT, VOICE_HINT_SAMPLES, WAKE_HOP_SAMPLES, WAKE_SCORES_MEANT, WAKE_THRESHOLD,
};
use crate::engine::Engine;
use crate::error::{Failure, LoadError};
use crate::vad::{Vad, VadStream};
use features::Features;
use network::Network;

mod features;
mod mel;
mod network;

/// The head that this project trained (tools/wake). The page has the same.
const COMPUTER: &[u8] = include_bytes!("../../../web/src/lib/listen/heads/computer.onnx");

/// What to listen for, and with what.
#[derive(Debug, Clone)]
pub struct WakeOptions {
    /// The speech embedding, an ONNX file.
    pub embedding: PathBuf,
    /// A head that tools/wake trained for another phrase; `None` for "computer".
    pub head: Option<PathBuf>,
}

/// A wake word that can be listened for. Cheap to clone: the weights are there once.
#[derive(Debug, Clone)]
pub struct WakeWord {
    phrase: Arc<str>,
    voice_activity: Vad,
    embedding: Arc<Network>,
    head: Arc<Network>,
}

impl WakeWord {
    /// Loads the networks, and looks at silence with them. `engine` lends its model of voice activity.
    ///
    /// # Errors
    /// [`LoadError::NotWakeWord`], [`LoadError::Unreadable`].
    pub fn load(options: &WakeOptions, engine: &Engine) -> Result<Self, LoadError> {
        let embedding = Network::load(&options.embedding, read(&options.embedding)?)?;
        let head = match &options.head {
            None => Network::load(Path::new("computer.onnx"), COMPUTER.to_vec())?,
            Some(path) => Network::load(path, read(path)?)?,
        };
        // A head's file is called after its phrase.
        let name = options.head.as_deref().and_then(Path::file_stem).map(|stem| stem.to_string_lossy());
        let word = Self {
            phrase: name.as_deref().unwrap_or("computer").into(),
            voice_activity: engine.vad().clone(),
            embedding: Arc::new(embedding),
            head: Arc::new(head),
        };
        let unusable = |failure: Failure| LoadError::NotWakeWord {
            path: options.head.clone().unwrap_or_else(|| options.embedding.clone()),
            why: failure.to_string(),
        };
        Features::new().score(&word.embedding, &word.head).map_err(unusable)?;
        Ok(word)
    }

    /// What is to be said.
    pub fn phrase(&self) -> &str {
        &self.phrase
    }

    /// Begins to listen to a sound.
    pub fn listener(&self) -> WakeListener {
        WakeListener {
            voice_activity: self.voice_activity.stream(),
            features: Features::new(),
            word: self.clone(),
            frame: Vec::with_capacity(FRAME_SAMPLES),
            hop: Vec::with_capacity(WAKE_HOP_SAMPLES),
            heard: 0,
            last_hint: None,
            scores: [0.0; WAKE_SCORES_MEANT],
        }
    }
}

fn read(path: &Path) -> Result<Vec<u8>, LoadError> {
    std::fs::read(path).map_err(|source| LoadError::Unreadable { path: path.to_owned(), source })
}

/// One sound, in which the word is listened for until it is said.
#[derive(Debug)]
pub struct WakeListener {
    word: WakeWord,
    voice_activity: VadStream,
    features: Features,
    /// What is left of the sound, shorter than a look of either kind.
    frame: Vec<f32>,
    hop: Vec<f32>,
    heard: u64,
    /// Up to where there was something like a voice, in samples.
    last_hint: Option<u64>,
    scores: [f32; WAKE_SCORES_MEANT],
}

impl WakeListener {
    /// Takes more sound, 16,000 samples a second. When the word was said in it: after how much sound that was certain, in
    /// milliseconds.
    ///
    /// Computes for about a hundredth of the time that the sound takes, and for a tenth of it while somebody speaks.
    ///
    /// # Errors
    /// [`Failure::Engine`] when a network can't be run.
    pub fn push(&mut self, samples: &[f32]) -> Result<Option<u64>, Failure> {
        for sample in samples {
            self.heard += 1;
            self.frame.push(*sample);
            self.hop.push(*sample);
            if let Ok(frame) = <&[f32; FRAME_SAMPLES]>::try_from(&self.frame[..]) {
                if self.voice_activity.look(frame)? >= VOICE_HINT {
                    self.last_hint = Some(self.heard);
                }
                self.frame.clear();
            }
            if self.hop.len() == WAKE_HOP_SAMPLES {
                self.features.push(&self.hop);
                self.hop.clear();
                if self.is_said()? {
                    return Ok(Some(self.heard_ms()));
                }
            }
        }
        Ok(None)
    }

    /// How much sound was heard, in milliseconds.
    pub fn heard_ms(&self) -> u64 {
        self.heard * 1_000 / u64::from(HEARD_HZ)
    }

    /// Whether the sound so far ends with the word.
    fn is_said(&mut self) -> Result<bool, Failure> {
        let is_voice = self.last_hint.is_some_and(|at| self.heard - at <= VOICE_HINT_SAMPLES);
        if !is_voice {
            self.scores = [0.0; WAKE_SCORES_MEANT];
            return Ok(false);
        }
        self.scores.rotate_left(1);
        self.scores[WAKE_SCORES_MEANT - 1] = self.features.score(&self.word.embedding, &self.word.head)?;
        Ok(self.scores.iter().sum::<f32>() / WAKE_SCORES_MEANT as f32 >= WAKE_THRESHOLD)
    }
}
