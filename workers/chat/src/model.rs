//! A model file, checked and loaded.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use llama_cpp_2::LogOptions;
use llama_cpp_2::llama_backend::LlamaBackend;
use llama_cpp_2::model::LlamaModel;
use llama_cpp_2::model::params::LlamaModelParams;

use mtor_models::gguf;
use mtor_worker::program::physical_cores;

use crate::defaults;
use crate::error::LoadError;

/// What to load and how much of the machine to give it.
#[derive(Debug, Clone)]
pub struct EngineOptions {
    /// The GGUF file.
    pub model: PathBuf,
    /// Conversations answered at once.
    pub slots: u32,
    /// Window of each conversation in tokens; [`defaults::WINDOW_TOKENS`] or what the model was trained on when
    /// `None`.
    pub window: Option<u32>,
    /// Threads to compute with; one per physical core when `None`.
    pub threads: Option<usize>,
}

impl EngineOptions {
    /// The defaults for a model file.
    pub fn new(model: impl Into<PathBuf>) -> Self {
        Self { model: model.into(), slots: defaults::SLOTS, window: None, threads: None }
    }

    /// Threads to compute with, at least one.
    pub(crate) fn thread_count(&self) -> i32 {
        let threads = self.threads.unwrap_or_else(physical_cores).max(1);
        i32::try_from(threads).unwrap_or(i32::MAX)
    }

    /// The window of each conversation for `model`, in tokens.
    pub(crate) fn window_for(&self, model: &LlamaModel) -> u32 {
        self.window
            .unwrap_or_else(|| model.n_ctx_train().min(defaults::WINDOW_TOKENS))
            .max(defaults::WINDOW_TOKENS_MIN)
    }
}

/// What is known of a loaded model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelFacts {
    /// The name it was given by its makers, else its file's.
    pub name: String,
    /// Parameters.
    pub parameters: u64,
    /// Size of the weights in bytes.
    pub bytes: u64,
    /// Window of one conversation in tokens, prompt and answer together.
    pub window: u32,
    /// Conversations answered at once.
    pub slots: u32,
    /// Whether it is talked to in ChatML because it brought no template of its own.
    pub template_is_fallback: bool,
}

/// Loads the file.
pub(crate) fn load(path: &Path) -> Result<Arc<LlamaModel>, LoadError> {
    // llama.cpp would refuse a broken file as well, but without a reason.
    gguf::inspect(path)?;
    let refused = || LoadError::Refused { path: path.to_path_buf() };
    let model =
        LlamaModel::load_from_file(backend(), path, &LlamaModelParams::default()).map_err(|_| refused())?;
    let architecture = model.meta_val_str("general.architecture").unwrap_or_default();
    // Models that look at a whole text at once can't go on writing it, and those with an encoder are fed otherwise.
    let sees_all =
        model.meta_val_str(&format!("{architecture}.attention.causal")).is_ok_and(|value| value == "false");
    if sees_all || architecture.starts_with("t5") {
        return Err(LoadError::NotChat { path: path.to_path_buf() });
    }
    Ok(Arc::new(model))
}

/// The name that the makers put in the file, else the file's own.
pub(crate) fn name_of(model: &LlamaModel, path: &Path) -> String {
    let given = model.meta_val_str("general.name").ok().filter(|name| !name.trim().is_empty());
    given.unwrap_or_else(|| path.file_stem().unwrap_or_default().to_string_lossy().into_owned())
}

/// llama.cpp itself, set up once for the whole process, its messages sent to `tracing`.
pub(crate) fn backend() -> &'static LlamaBackend {
    static BACKEND: OnceLock<LlamaBackend> = OnceLock::new();
    BACKEND.get_or_init(|| {
        llama_cpp_2::send_logs_to_tracing(LogOptions::default());
        // Fails only when it was set up before, which this cell rules out.
        LlamaBackend::init().unwrap_or(LlamaBackend {})
    })
}
