//! One network: numbers in, numbers out.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use rten::{Model, NodeId, RunOptions, ThreadPool};
use rten_tensor::prelude::*;
use rten_tensor::{NdTensor, Tensor};

use crate::error::{Failure, LoadError};

/// A loaded network with one input. Several threads may use it at once.
pub(crate) struct Network {
    model: Model,
    input: NodeId,
    pool: Arc<ThreadPool>,
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Network").finish_non_exhaustive()
    }
}

impl Network {
    /// Loads an ONNX file.
    pub(crate) fn load(path: &Path, pool: &Arc<ThreadPool>) -> Result<Self, LoadError> {
        let unusable = |why: String| LoadError::Model { path: path.to_owned(), why };
        let model = Model::load_file(path).map_err(|error| unusable(error.to_string()))?;
        let input = *model.input_ids().first().ok_or_else(|| unusable("it has no input".to_owned()))?;
        Ok(Self { model, input, pool: Arc::clone(pool) })
    }

    /// What its maker has written beside it under this name.
    pub(crate) fn note(&self, name: &str) -> Option<&str> {
        self.model.metadata().get(name)
    }

    /// Its first `N` outputs for one input.
    pub(crate) fn run<const N: usize>(&self, input: NdTensor<f32, 4>) -> Result<[Tensor<f32>; N], Failure> {
        let failed = |why: String| Failure::Engine(why);
        let outputs: [NodeId; N] = self
            .model
            .output_ids()
            .get(..N)
            .and_then(|ids| ids.try_into().ok())
            .ok_or_else(|| failed(format!("the network has fewer than {N} outputs")))?;
        let options = RunOptions::default().with_thread_pool(Some(Arc::clone(&self.pool)));
        let values = self
            .model
            .run_n(vec![(self.input, input.into())], outputs, Some(options))
            .map_err(|error| failed(error.to_string()))?;
        let mut tensors = Vec::with_capacity(N);
        for value in values {
            let tensor: Tensor<f32> =
                value.try_into().map_err(|_| failed("its output is no numbers".to_owned()))?;
            tensors.push(tensor.to_contiguous().to_tensor());
        }
        tensors.try_into().map_err(|_| failed("an output is missing".to_owned()))
    }
}
