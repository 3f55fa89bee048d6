//! Texts to vectors: word pieces through the model, the mean over all pieces, length one.

use std::fmt;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use rten::{Model, NodeId, RunOptions, ThreadPool, ValueOrView};
use rten_tensor::NdTensor;
use rten_tensor::prelude::*;

use crate::defaults;
use crate::error::{Failure, LoadError};
use crate::speed::SpeedMeter;
use crate::wordpiece::{PieceId, WordPiece};

/// Where the model lies, and what it may use.
#[derive(Debug, Clone)]
pub struct EngineOptions {
    /// The model, in the ONNX format.
    pub model: PathBuf,
    /// Its `tokenizer.json`.
    pub tokenizer: PathBuf,
    /// Threads to compute a text with; [`defaults::THREADS`] when `None`.
    pub threads: Option<NonZeroUsize>,
    /// Calls computed at once; more of them wait for each other.
    pub at_once: NonZeroUsize,
}

/// What came of some texts.
#[derive(Debug, Clone, PartialEq)]
pub struct Embedded {
    /// One vector per text, in order, each of length one.
    pub vectors: Vec<Vec<f32>>,
    /// How many word pieces were read.
    pub pieces: usize,
}

/// A model at work. Several threads may use it at once.
pub struct Engine {
    tokenizer: WordPiece,
    model: Model,
    inputs: Vec<(Input, NodeId)>,
    output: NodeId,
    size: usize,
    /// One for each call that is computed at once; calls take them in turn.
    pools: Vec<Arc<ThreadPool>>,
    next_pool: AtomicUsize,
    meter: SpeedMeter,
}

/// The inputs that models of this kind have; each takes a number per word piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Input {
    /// The pieces themselves.
    Pieces,
    /// Which of them count: all, since nothing is padded here.
    Mask,
    /// Which of two texts they belong to: the first.
    Types,
}

impl Input {
    fn by_name(name: &str) -> Option<Self> {
        match name {
            "input_ids" => Some(Self::Pieces),
            "attention_mask" => Some(Self::Mask),
            "token_type_ids" => Some(Self::Types),
            _ => None,
        }
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("size", &self.size).finish_non_exhaustive()
    }
}

impl Engine {
    /// Loads the model, tries it out and measures the machine's speed with it. Takes about a tenth of a second.
    ///
    /// # Errors
    /// [`LoadError`], which says what the user can do.
    pub fn start(options: &EngineOptions) -> Result<Self, LoadError> {
        let tokenizer = WordPiece::load(&options.tokenizer)?;
        let unusable = |why: String| LoadError::Model { path: options.model.clone(), why };
        let model = load(&options.model)?;
        let name_of = |id: NodeId| {
            model.node_info(id).and_then(|node| node.name().map(str::to_owned)).unwrap_or_default()
        };
        let mut inputs = Vec::new();
        for id in model.input_ids() {
            let name = name_of(*id);
            let input = Input::by_name(&name).ok_or_else(|| unusable(format!("it has an input {name:?}")))?;
            inputs.push((input, *id));
        }
        if !inputs.iter().any(|(input, _)| *input == Input::Pieces) {
            return Err(unusable("it has no input \"input_ids\"".to_owned()));
        }
        let output = *model.output_ids().first().ok_or_else(|| unusable("it has no output".to_owned()))?;
        let threads = options.threads.map_or(defaults::THREADS, NonZeroUsize::get);
        let pools =
            (0..options.at_once.get()).map(|_| Arc::new(ThreadPool::with_num_threads(threads))).collect();
        let (next_pool, meter) = (AtomicUsize::new(0), SpeedMeter::default());
        let mut engine = Self { tokenizer, model, inputs, output, size: 0, pools, next_pool, meter };
        engine.try_out().map_err(|failure| unusable(failure.to_string()))?;
        Ok(engine)
    }

    /// How many numbers a vector has.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Word pieces read per second, of late.
    pub fn pieces_per_s(&self) -> f32 {
        self.meter.per_s()
    }

    /// The vectors of some texts. Blocks for about 5 to 10 ms a sentence. `cancelled` is asked before each text.
    ///
    /// Each text goes through the model by itself, so that its vector is the same whatever else is in the job.
    ///
    /// # Errors
    /// When a text is empty or too long (then none is computed), the engine fails, or nobody waits any more.
    pub fn embed(&self, texts: &[String], cancelled: &dyn Fn() -> bool) -> Result<Embedded, Failure> {
        let of = texts.len();
        let mut all = Vec::with_capacity(of);
        for (number, text) in texts.iter().enumerate() {
            let pieces = self.tokenizer.pieces(text);
            match pieces.len() {
                ..=2 => return Err(Failure::Empty { number, of }),
                pieces if pieces > defaults::PIECES_MAX => {
                    return Err(Failure::TooLong { number, of, pieces });
                }
                _ => all.push(pieces),
            }
        }
        let pool = self.next_pool.fetch_add(1, Ordering::Relaxed) % self.pools.len();
        let pieces = all.iter().map(Vec::len).sum();
        let mut vectors = Vec::with_capacity(of);
        for pieces in all {
            if cancelled() {
                return Err(Failure::Cancelled);
            }
            vectors.push(self.vector(&pieces, &self.pools[pool])?);
        }
        Ok(Embedded { vectors, pieces })
    }

    fn vector(&self, pieces: &[PieceId], pool: &Arc<ThreadPool>) -> Result<Vec<f32>, Failure> {
        let started = Instant::now();
        let length = pieces.len();
        let inputs = self.inputs.iter().map(|(input, id)| {
            let numbers = match input {
                Input::Pieces => pieces.to_vec(),
                Input::Mask => vec![1; length],
                Input::Types => vec![0; length],
            };
            (*id, ValueOrView::from(NdTensor::from_data([1, length], numbers)))
        });
        let options = RunOptions::default().with_thread_pool(Some(Arc::clone(pool)));
        let failed = |why: String| Failure::Engine(why);
        let mut outputs = self
            .model
            .run(inputs.collect(), &[self.output], Some(options))
            .map_err(|error| failed(error.to_string()))?;
        let hidden: NdTensor<f32, 3> = outputs
            .pop()
            .ok_or_else(|| failed("it gave nothing".to_owned()))?
            .try_into()
            .map_err(|_| failed("its output is not of the shape [texts, pieces, numbers]".to_owned()))?;
        let vector = mean_of_length_one(hidden);
        self.meter.saw(length, started.elapsed());
        match vector.iter().all(|number| number.is_finite()) {
            true => Ok(vector),
            false => Err(failed("its output is no numbers".to_owned())),
        }
    }

    /// Learns the size of its vectors and the machine's speed.
    fn try_out(&mut self) -> Result<(), Failure> {
        let largest = self.tokenizer.largest_id();
        self.size = self.vector(&[largest], &self.pools[0])?.len();
        for _ in 0..defaults::WARM_UP_TEXTS {
            self.embed(
                &["What is the capital of France, and which river runs through it?".to_owned()],
                &|| false,
            )?;
        }
        Ok(())
    }
}

fn load(path: &Path) -> Result<Model, LoadError> {
    std::fs::File::open(path).map_err(|why| LoadError::Read { path: path.to_owned(), why })?;
    let unusable = |why| LoadError::Model { path: path.to_owned(), why };
    Model::load_file(path).map_err(|error| unusable(error.to_string()))
}

/// The mean of what the model says of each piece of the one text, as a vector of length one.
fn mean_of_length_one(hidden: NdTensor<f32, 3>) -> Vec<f32> {
    let [_, length, size] = hidden.shape();
    let mut sum = vec![0.0; size];
    for piece in 0..length {
        for (number, at) in sum.iter_mut().zip(0..size) {
            *number += hidden[[0, piece, at]];
        }
    }
    let norm = sum.iter().map(|number| number * number).sum::<f32>().sqrt().max(f32::MIN_POSITIVE);
    sum.iter_mut().for_each(|number| *number /= norm);
    sum
}
