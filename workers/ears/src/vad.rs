//! Where in a sound somebody speaks: the Silero model, asked for every 32 ms.

use std::path::Path;
use std::sync::Arc;

use mtor_audio::HEARD_HZ;
use rten::{Model, NodeId, RunOptions, ThreadPool};
use rten_tensor::NdTensor;
use rten_tensor::prelude::*;

use crate::defaults::FRAME_SAMPLES;
use crate::error::{Failure, LoadError};

/// Samples before a frame that the model looks at again.
const CONTEXT_SAMPLES: usize = 64;
/// Values of the model's memory.
const MEMORY: [usize; 3] = [2, 1, 128];

/// The model. Cheap to clone: the weights are there once.
#[derive(Clone)]
pub(crate) struct Vad(Arc<Loaded>);

struct Loaded {
    model: Model,
    input: NodeId,
    memory: NodeId,
    rate: NodeId,
    probability: NodeId,
    memory_after: NodeId,
    /// One thread: a frame is too little work to be shared.
    threads: Arc<ThreadPool>,
}

impl std::fmt::Debug for Vad {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Vad")
    }
}

impl Vad {
    /// Loads the model, and looks at a frame of silence with it.
    ///
    /// # Errors
    /// [`LoadError::NotVoiceActivity`], [`LoadError::Unreadable`].
    pub(crate) fn load(path: &Path) -> Result<Self, LoadError> {
        let not = |why: String| LoadError::NotVoiceActivity { path: path.to_owned(), why };
        let bytes =
            std::fs::read(path).map_err(|source| LoadError::Unreadable { path: path.to_owned(), source })?;
        let model = Model::load(bytes).map_err(|error| not(error.to_string()))?;
        let node = |name: &str| model.node_id(name).map_err(|error| not(error.to_string()));
        let (input, memory, rate) = (node("input")?, node("state")?, node("sr")?);
        let (probability, memory_after) = (node("output")?, node("stateN")?);
        let threads = Arc::new(ThreadPool::with_num_threads(1));
        let vad = Self(Arc::new(Loaded { model, input, memory, rate, probability, memory_after, threads }));
        vad.stream().look(&[0.0; FRAME_SAMPLES]).map_err(|error| not(error.to_string()))?;
        Ok(vad)
    }

    /// A new sound.
    pub(crate) fn stream(&self) -> VadStream {
        VadStream {
            vad: Arc::clone(&self.0),
            memory: NdTensor::zeros(MEMORY),
            context: [0.0; CONTEXT_SAMPLES],
        }
    }
}

/// One sound, frame by frame.
pub(crate) struct VadStream {
    vad: Arc<Loaded>,
    memory: NdTensor<f32, 3>,
    context: [f32; CONTEXT_SAMPLES],
}

impl std::fmt::Debug for VadStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("VadStream")
    }
}

impl VadStream {
    /// The probability that somebody speaks in the next frame, from 0 to 1.
    ///
    /// # Errors
    /// [`Failure::Engine`] when the model can't be run.
    pub(crate) fn look(&mut self, frame: &[f32; FRAME_SAMPLES]) -> Result<f32, Failure> {
        let failed = |error: &dyn std::fmt::Display| Failure::Engine(format!("voice activity: {error}"));
        let vad = &self.vad;
        let input: Vec<f32> = self.context.iter().chain(frame).copied().collect();
        let input = NdTensor::from_data([1, CONTEXT_SAMPLES + FRAME_SAMPLES], input);
        let rate = NdTensor::<i32, 0>::from_data([], vec![HEARD_HZ as i32]);
        let inputs =
            vec![(vad.input, input.into()), (vad.memory, self.memory.view().into()), (vad.rate, rate.into())];
        let options = RunOptions::default().with_thread_pool(Some(Arc::clone(&vad.threads)));
        let [probability, memory] = vad
            .model
            .run_n(inputs, [vad.probability, vad.memory_after], Some(options))
            .map_err(|error| failed(&error))?;
        let probability: NdTensor<f32, 2> = probability.try_into().map_err(|error| failed(&error))?;
        self.memory = memory.try_into().map_err(|error| failed(&error))?;
        self.context.copy_from_slice(&frame[FRAME_SAMPLES - CONTEXT_SAMPLES..]);
        probability.iter().next().copied().ok_or_else(|| failed(&"no answer"))
    }
}
