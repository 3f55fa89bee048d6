//! The cache folder: what lies in it, whether it is right, and the door to fetching what is missing.

use std::path::{Path, PathBuf};

use tokio_util::sync::CancellationToken;

use crate::catalogue::Model;
use crate::disk;
use crate::error::ModelError;
use crate::fetch::Fetch;
use crate::hash;
use crate::lock;
use crate::options::{Options, default_cache_folder};
use crate::progress::Progress;
use crate::verified;

/// A cache folder of models. Finished files lie in it under their own names; downloads, locks and notes of what was
/// verified lie in `.work` below it.
#[derive(Debug, Clone)]
pub struct Store {
    folder: PathBuf,
    options: Options,
}

impl Store {
    /// Opens the cache at `folder`, creating it when needed, with the options of the environment.
    ///
    /// # Errors
    /// [`ModelError::Io`] when the folder cannot be created.
    pub fn open(folder: impl Into<PathBuf>) -> Result<Self, ModelError> {
        Self::open_with(folder, Options::from_env())
    }

    /// Opens the user's cache: `$MTOR_MODELS`, else the platform's cache folder.
    ///
    /// # Errors
    /// As [`Store::open`], and [`ModelError::NoCacheFolder`].
    pub fn open_default() -> Result<Self, ModelError> {
        Self::open(default_cache_folder()?)
    }

    /// Opens the cache at `folder` with options of the caller's.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open_with(folder: impl Into<PathBuf>, options: Options) -> Result<Self, ModelError> {
        let store = Self { folder: folder.into(), options };
        let work = store.work();
        std::fs::create_dir_all(&work).map_err(ModelError::io(format!("create {}", work.display())))?;
        Ok(store)
    }

    /// The cache folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where the model lies, or will lie.
    #[must_use]
    pub fn path_of(&self, model: &Model) -> PathBuf {
        self.folder.join(&model.file_name)
    }

    /// Where the model lies when a file of its name and size is there. Its content is not looked at: see
    /// [`Store::is_verified`] and [`Store::verify`].
    #[must_use]
    pub fn path_if_present(&self, model: &Model) -> Option<PathBuf> {
        let path = self.path_of(model);
        let meta = std::fs::metadata(&path).ok()?;
        (meta.is_file() && meta.len() == model.bytes).then_some(path)
    }

    /// Whether the model is there, was found right once and has not been changed since. Reads no content: quick.
    #[must_use]
    pub fn is_verified(&self, model: &Model) -> bool {
        self.path_if_present(model).is_some_and(|path| verified::recall(&self.work(), &path, model))
    }

    /// Hashes the model in the cache and remembers that it is right. Takes about a second per gigabyte.
    ///
    /// # Errors
    /// [`ModelError::Missing`], [`ModelError::HashMismatch`], [`ModelError::Cancelled`], [`ModelError::Io`].
    pub async fn verify(&self, model: &Model, cancel: &CancellationToken) -> Result<PathBuf, ModelError> {
        let path = self.path_of(model);
        let bytes = match std::fs::metadata(&path) {
            Ok(meta) => meta.len(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(ModelError::Missing(path));
            }
            Err(error) => return Err(ModelError::io(format!("read {}", path.display()))(error)),
        };
        let found = if bytes == model.bytes {
            hash::hex(hash::absorb_file(&path, cancel).await?)
        } else {
            format!("not worth computing at {bytes} instead of {} bytes", model.bytes)
        };
        if found != model.sha256.as_str() {
            return Err(ModelError::HashMismatch { path, expected: model.sha256.to_string(), found });
        }
        self.remember(&path, model);
        Ok(path)
    }

    /// The path of the verified model, fetched if need be. Returns at once when it is in the cache and was verified
    /// before. A fetch that fails or is cancelled keeps what it downloaded, and the next one goes on from there; two
    /// processes never fetch the same model at once.
    ///
    /// # Errors
    /// [`ModelError::NoSource`] with every source that was tried, [`ModelError::DiskFull`], [`ModelError::Cancelled`],
    /// [`ModelError::Io`].
    pub async fn fetch(
        &self,
        model: &Model,
        progress: &dyn Progress,
        cancel: &CancellationToken,
    ) -> Result<PathBuf, ModelError> {
        // Dropped in mid-work, this stops what runs in other threads as well.
        let cancel = &cancel.child_token();
        let _stop = cancel.clone().drop_guard();
        let _lock = if self.is_verified(model) {
            None
        } else {
            let path = self.work().join(format!("{}.lock", model.file_name));
            Some(lock::acquire(&path, progress, cancel).await?)
        };
        if let Some(path) = self.usable(model, progress, cancel).await? {
            progress.done();
            return Ok(path);
        }
        let work = self.work();
        let fetch = Fetch {
            folder: &self.folder,
            work: &work,
            options: &self.options,
            model,
            progress,
            cancel,
            keep_wheels: false,
        };
        let ready = fetch.run().await?;
        let path = self.path_of(model);
        disk::publish(&ready, &path).map_err(ModelError::io(format!("write {}", path.display())))?;
        self.remember(&path, model);
        fetch.clean_up();
        progress.done();
        Ok(path)
    }

    /// The model when it is in the cache and right; a wrong file is deleted.
    async fn usable(
        &self,
        model: &Model,
        progress: &dyn Progress,
        cancel: &CancellationToken,
    ) -> Result<Option<PathBuf>, ModelError> {
        if self.is_verified(model) {
            return Ok(Some(self.path_of(model)));
        }
        if self.path_if_present(model).is_some() {
            progress.note(&format!("checking the {} that is in the cache", model.name));
        }
        match self.verify(model, cancel).await {
            Ok(path) => Ok(Some(path)),
            Err(ModelError::Missing(_)) => Ok(None),
            Err(ModelError::HashMismatch { path, .. }) => {
                progress.note(&format!("{} is damaged; fetching it anew", path.display()));
                disk::remove(&path)?;
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Failing to remember costs the next start a second, and is no reason to refuse a right file.
    fn remember(&self, path: &Path, model: &Model) {
        if let Err(error) = verified::remember(&self.work(), path, model) {
            tracing::warn!(path = %path.display(), %error, "cannot note that the model was verified");
        }
    }

    fn work(&self) -> PathBuf {
        self.folder.join(".work")
    }
}
