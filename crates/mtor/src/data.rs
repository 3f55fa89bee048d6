//! The data folder: where it is, and what is called how in it.

use std::path::{Path, PathBuf};

use crate::exit::Fault;

/// `--data DIR`, for the commands that touch the folder.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct DataArg {
    /// The data folder [default: the platform's, such as ~/.local/share/mtor]
    #[arg(long = "data", global = true, value_name = "DIR", env = "MTOR_DATA", hide_env_values = true)]
    folder: Option<PathBuf>,
}

impl DataArg {
    /// The folder that is meant. It need not exist.
    pub(crate) fn folder(&self) -> anyhow::Result<DataFolder> {
        match self.folder.as_ref().filter(|folder| !folder.as_os_str().is_empty()) {
            Some(folder) => Ok(DataFolder(folder.clone())),
            None => platform_folder().map(DataFolder),
        }
    }
}

/// A realm's data folder.
#[derive(Debug, Clone)]
pub(crate) struct DataFolder(PathBuf);

impl DataFolder {
    /// The folder itself.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// The realm's settings.
    pub(crate) fn settings_file(&self) -> PathBuf {
        self.0.join("realm.toml")
    }

    /// The wallet of whoever uses the command, unless another is named.
    pub(crate) fn wallet_key(&self) -> PathBuf {
        self.0.join("wallet.key")
    }

    /// The wallet of the realm's owner.
    pub(crate) fn owner_key(&self) -> PathBuf {
        self.0.join("owner.key")
    }

    /// The key of a worker that `mtor up` or `mtor worker` starts.
    pub(crate) fn worker_key(&self, kind: &str) -> PathBuf {
        self.0.join("workers").join(format!("{kind}.key"))
    }

    /// The log of the realm itself (`mtor`) or of a worker kind.
    pub(crate) fn log(&self, name: &str) -> PathBuf {
        self.0.join("logs").join(format!("{name}.log"))
    }
}

fn platform_folder() -> anyhow::Result<PathBuf> {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let folder = if cfg!(target_os = "macos") {
        variable("HOME").map(|home| home.join("Library/Application Support"))
    } else if cfg!(windows) {
        variable("LOCALAPPDATA")
    } else {
        variable("XDG_DATA_HOME")
            .filter(|folder| folder.is_absolute())
            .or_else(|| variable("HOME").map(|home| home.join(".local/share")))
    };
    let folder = folder.ok_or_else(|| {
        Fault::Usage("there is no home folder to keep data in; name one with --data".into())
    })?;
    Ok(folder.join("mtor"))
}
