//! Neural voices in the Piper format: a VITS model (`FILE.onnx`) and what it is told (`FILE.onnx.json`), run by rten.

mod config;
mod symbols;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use rten::{Model, ModelOptions, NodeId, RunOptions, ThreadPool, ValueOrView};
use rten_tensor::NdTensor;
use rten_tensor::prelude::*;

use crate::error::{Failure, LoadError};
use crate::espeak::Phonemizer;
use config::{Config, PhonemeType};
use symbols::Numbers;

/// One neural voice.
pub(crate) struct PiperVoice {
    id: String,
    config: Config,
    numbers: Numbers,
    phonemizer: Mutex<Phonemizer>,
    model: Model,
    inputs: Inputs,
    output: NodeId,
    threads: usize,
    /// Threads that no run uses at the moment. Each run has its own, since chance is drawn per thread.
    idle: Mutex<Vec<Arc<ThreadPool>>>,
}

/// What the model is given.
struct Inputs {
    phonemes: NodeId,
    lengths: NodeId,
    scales: NodeId,
    /// Who speaks, in a voice of several people.
    speaker: Option<NodeId>,
}

impl PiperVoice {
    /// Loads a voice; each run of it computes with so many threads.
    pub(crate) fn load(path: &Path, threads: usize) -> Result<Self, LoadError> {
        let unreadable = |reason| LoadError::Unreadable { path: path.to_owned(), reason };
        std::fs::File::open(path).map_err(unreadable)?;
        let config = Config::beside(path)?;
        let wrong = |reason: String| LoadError::Model { path: path.to_owned(), reason };
        let model = ModelOptions::with_all_ops().load_file(path).map_err(|error| wrong(error.to_string()))?;
        let node = |name: &str| model.node_id(name).map_err(|_| wrong(format!("it has no `{name}`")));
        let inputs = Inputs {
            phonemes: node("input")?,
            lengths: node("input_lengths")?,
            scales: node("scales")?,
            speaker: if config.num_speakers > 1 { Some(node("sid")?) } else { None },
        };
        let output = node("output")?;
        let espeak = config.espeak.as_ref().map_or("en-us", |espeak| &espeak.voice);
        Ok(Self {
            id: path.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
            numbers: Numbers::new(&config.phoneme_id_map),
            phonemizer: Mutex::new(Phonemizer::new(espeak)),
            config,
            model,
            inputs,
            output,
            threads,
            idle: Mutex::default(),
        })
    }

    /// What the voice is asked for by: the name of its file.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// What a person calls it.
    pub(crate) fn name(&self) -> String {
        let name = self.config.dataset.clone().unwrap_or_else(|| self.id.clone());
        let mut characters = name.chars();
        characters.next().map(|first| first.to_uppercase().chain(characters).collect()).unwrap_or(name)
    }

    /// The language as a tag.
    pub(crate) fn language(&self) -> String {
        self.config.language_tag()
    }

    /// Words as sound: the samples and their rate. The same words sound the same.
    pub(crate) fn spoken(&self, words: &str, speed: f32) -> Result<(Vec<f32>, u32), Failure> {
        let phonemes = self.phonemes(words)?;
        let mut samples = Vec::new();
        for (index, run) in self.numbers.of(&phonemes).into_iter().enumerate() {
            samples.extend(self.run(run, speed, index as u64)?);
        }
        Ok((samples, self.config.audio.sample_rate))
    }

    /// The phonemes of a clause, with its marks.
    fn phonemes(&self, words: &str) -> Result<String, Failure> {
        if self.config.phoneme_type == PhonemeType::Text {
            return Ok(words.to_lowercase());
        }
        let mut phonemizer = self.phonemizer.lock().unwrap_or_else(PoisonError::into_inner);
        let mut phonemes = String::new();
        for part in symbols::parts(words) {
            if !phonemes.is_empty() {
                phonemes.push(' ');
            }
            phonemes.push_str(&phonemizer.phonemes(&part.words)?);
            phonemes.extend(part.mark);
        }
        Ok(phonemes)
    }

    fn run(&self, phonemes: Vec<i32>, speed: f32, seed: u64) -> Result<Vec<f32>, Failure> {
        let failed = |error: &dyn std::fmt::Display| Failure::Model(error.to_string());
        let inference = &self.config.inference;
        let scales = vec![inference.noise_scale, inference.length_scale / speed, inference.noise_w];
        let length = phonemes.len();
        let mut inputs: Vec<(NodeId, ValueOrView<'_>)> = vec![
            (self.inputs.phonemes, NdTensor::from_data([1, length], phonemes).into()),
            (self.inputs.lengths, NdTensor::from_data([1], vec![length as i32]).into()),
            (self.inputs.scales, NdTensor::from_data([3], scales).into()),
        ];
        if let Some(speaker) = self.inputs.speaker {
            inputs.push((speaker, NdTensor::from_data([1], vec![0]).into()));
        }
        let pool = self.take_pool();
        let options = RunOptions::default().with_thread_pool(Some(Arc::clone(&pool)));
        // The model draws its chance from the generator of the thread that runs it, which is one of the pool's own.
        let outputs = pool.run(|| {
            fastrand::seed(seed);
            self.model.run(inputs, &[self.output], Some(options))
        });
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(pool);
        let output = outputs.map_err(|error| failed(&error))?.into_iter().next();
        let sound: NdTensor<f32, 4> = output
            .ok_or_else(|| Failure::Model("it gave nothing".to_owned()))?
            .try_into()
            .map_err(|_| Failure::Model("what it gave is no sound".to_owned()))?;
        Ok(sound.to_vec())
    }

    fn take_pool(&self) -> Arc<ThreadPool> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        idle.unwrap_or_else(|| Arc::new(ThreadPool::with_num_threads(self.threads)))
    }
}
