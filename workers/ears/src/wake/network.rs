//! A network of one input and one output, on one thread: each look is too little work to be shared.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use rten::{Model, NodeId, RunOptions, ThreadPool};
use rten_tensor::prelude::*;
use rten_tensor::{NdTensor, Tensor};

use crate::error::{Failure, LoadError};

pub(super) struct Network {
    model: Model,
    input: NodeId,
    output: NodeId,
    threads: Arc<ThreadPool>,
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Network")
    }
}

impl Network {
    /// Reads it from the bytes of an ONNX file; `path` is for errors alone.
    pub(super) fn load(path: &Path, bytes: Vec<u8>) -> Result<Self, LoadError> {
        let not = |why: String| LoadError::NotWakeWord { path: path.to_owned(), why };
        let model = Model::load(bytes).map_err(|error| not(error.to_string()))?;
        let ([input], [output]) = (model.input_ids(), model.output_ids()) else {
            return Err(not("it has more than one input and one output".to_owned()));
        };
        let (input, output) = (*input, *output);
        Ok(Self { model, input, output, threads: Arc::new(ThreadPool::with_num_threads(1)) })
    }

    /// What it makes of an input, in one row.
    pub(super) fn run<const N: usize>(&self, input: NdTensor<f32, N>) -> Result<Vec<f32>, Failure> {
        let failed = |error: &dyn fmt::Display| Failure::Engine(format!("wake word: {error}"));
        let options = RunOptions::default().with_thread_pool(Some(Arc::clone(&self.threads)));
        let [output] = self
            .model
            .run_n(vec![(self.input, input.into())], [self.output], Some(options))
            .map_err(|error| failed(&error))?;
        let output: Tensor<f32> = output.try_into().map_err(|error| failed(&error))?;
        Ok(output.to_vec())
    }
}
