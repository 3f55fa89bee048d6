//! Key files: one key on disk, readable by its owner only.
//!
//! The format is four lines of text:
//!
//! ```text
//! MTOR key file: secret, whoever reads it owns the wallet
//! version: 1
//! did: did:key:z6Mk...
//! phrase-entropy: (16 bytes in base64url: the recovery phrase)
//! ```
//!
//! A key that has no phrase says `seed:` (32 bytes) instead of `phrase-entropy:`. The did stands there so that a person
//! sees whose file it is, and so that a file damaged on disk is noticed: it must match the key.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use mtor_protocol::Did;
use zeroize::Zeroizing;

use crate::defaults::KEY_FILE_BYTES_MAX;
use crate::key::Keypair;
use crate::phrase::Phrase;
use crate::random::{RandomnessError, random_bytes};

const HEADER: &str = "MTOR key file: secret, whoever reads it owns the wallet";
const VERSION: &str = "1";
const PHRASE_FIELD: &str = "phrase-entropy";
const SEED_FIELD: &str = "seed";

/// Why a key file can't be read or written, and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// A file stands there already. Key files are never overwritten: that would destroy a wallet.
    #[error(
        "{path} exists already and a key file is never overwritten; move it away first or choose another path"
    )]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// Others than the owner may read or change the file.
    #[error("{path} may be read or changed by others (mode {mode:04o}); run: chmod 600 {path}")]
    TooOpen {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// The content is not that of a key file.
    #[error("{path} is not an intact key file: {reason}; restore it from a copy or from the recovery phrase")]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Written by a later version of this program.
    #[error(
        "{path} is a key file of version {version}, and this program reads version {VERSION}; use a newer one"
    )]
    Version {
        /// The file.
        path: PathBuf,
        /// The version it says it has.
        version: String,
    },
    /// The key in the file is not the one that the file names.
    #[error(
        "{path} names {named}, but its key is {actual}: the file was changed or damaged; restore it from a copy"
    )]
    DidMismatch {
        /// The file.
        path: PathBuf,
        /// The name in the file.
        named: String,
        /// The name of the key in the file.
        actual: Did,
    },
    /// The file system refused.
    #[error("could not {action} {path}: {source}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// Where.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// No randomness for a new key.
    #[error(transparent)]
    Randomness(#[from] RandomnessError),
}

/// A key with what it was made from, as it stands in a file.
///
/// ```
/// use mtor_identity::KeyFile;
/// # let folder = tempfile::tempdir()?;
/// let path = folder.path().join("wallet.key");
/// let created = KeyFile::load_or_create(&path)?;
/// let loaded = KeyFile::load_or_create(&path)?;
/// assert_eq!(loaded.keypair().did(), created.keypair().did());
/// assert_eq!(loaded.phrase().map(|phrase| phrase.words()), created.phrase().map(|phrase| phrase.words()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct KeyFile {
    keypair: Keypair,
    phrase: Option<Phrase>,
}

impl KeyFile {
    /// A new key with a recovery phrase, in memory.
    ///
    /// # Errors
    /// [`RandomnessError`] when the operating system has none to give.
    pub fn generate() -> Result<Self, RandomnessError> {
        Phrase::generate().map(Self::from_phrase)
    }

    /// The key of a recovery phrase, in memory.
    pub fn from_phrase(phrase: Phrase) -> Self {
        Self { keypair: phrase.keypair(), phrase: Some(phrase) }
    }

    /// A key without a recovery phrase, in memory.
    pub fn from_keypair(keypair: Keypair) -> Self {
        Self { keypair, phrase: None }
    }

    /// The key.
    pub fn keypair(&self) -> &Keypair {
        &self.keypair
    }

    /// The recovery phrase, if the key was made from one.
    pub fn phrase(&self) -> Option<&Phrase> {
        self.phrase.as_ref()
    }

    /// The key alone, to sign with; the phrase is wiped.
    pub fn into_keypair(self) -> Keypair {
        self.keypair
    }

    /// Writes the key to a new file with mode 0600, durable when this returns.
    ///
    /// The file appears complete or not at all: it is written under another name in the same folder and then linked to
    /// `path`, which fails when something stands there. Missing folders are made, open to the owner only.
    ///
    /// # Errors
    /// [`KeyFileError::Exists`] when `path` is taken, [`KeyFileError::Io`] when the file system refuses.
    pub fn create(&self, path: &Path) -> Result<(), KeyFileError> {
        let folder = parent_of(path);
        make_private_folder(folder).map_err(io_error("make the folder", folder))?;
        let draft = Draft::new(folder)?;
        draft.write(&self.to_text()).map_err(io_error("write", &draft.path))?;
        fs::hard_link(&draft.path, path).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => KeyFileError::Exists { path: path.into() },
            _ => io_error("create", path)(error),
        })?;
        drop(draft);
        sync_folder(folder).map_err(io_error("make durable", folder))
    }

    /// Reads a key file.
    ///
    /// # Errors
    /// [`KeyFileError::TooOpen`] when others may read it, [`KeyFileError::Corrupt`], [`KeyFileError::Version`] or
    /// [`KeyFileError::DidMismatch`] when its content is wrong, [`KeyFileError::Io`] when it is missing or unreadable.
    pub fn load(path: &Path) -> Result<Self, KeyFileError> {
        let read_error = || io_error("read the key file", path);
        // Asked before opening: opening a pipe would wait for whoever writes to it.
        if !fs::metadata(path).map_err(read_error())?.is_file() {
            return Err(KeyFileError::Corrupt { path: path.into(), reason: "it is no regular file" });
        }
        let file = File::open(path).map_err(read_error())?;
        refuse_open_permissions(&file, path)?;
        // Large enough from the start, so that no copy of the secret is left behind by growing.
        let mut content = Zeroizing::new(Vec::with_capacity(2 * KEY_FILE_BYTES_MAX));
        file.take(KEY_FILE_BYTES_MAX as u64 + 1).read_to_end(&mut content).map_err(read_error())?;
        if content.len() > KEY_FILE_BYTES_MAX {
            return Err(KeyFileError::Corrupt { path: path.into(), reason: "it is too large" });
        }
        let Ok(text) = std::str::from_utf8(&content) else {
            return Err(KeyFileError::Corrupt { path: path.into(), reason: "it is not text" });
        };
        Self::from_text(text, path)
    }

    /// Reads the key file at `path`, or makes a new key with a recovery phrase when there is none. When two programs
    /// do so at once, both get the same key.
    ///
    /// # Errors
    /// As [`load`](Self::load) and [`create`](Self::create). A file that can't be read is never replaced.
    pub fn load_or_create(path: &Path) -> Result<Self, KeyFileError> {
        match Self::load(path) {
            Err(KeyFileError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {}
            outcome => return outcome,
        }
        let fresh = Self::generate()?;
        match fresh.create(path) {
            Ok(()) => Ok(fresh),
            // Somebody else was faster: theirs is the key.
            Err(KeyFileError::Exists { .. }) => Self::load(path),
            Err(error) => Err(error),
        }
    }

    /// Puts the key file `next` in the place of the one at `path`, which stays under the name `kept`. There is a whole key file
    /// at `path` at every moment, and neither key is lost whatever happens on the way.
    ///
    /// # Errors
    /// [`KeyFileError::Io`] when the file system refuses.
    pub fn succeed(path: &Path, next: &Path, kept: &Path) -> Result<(), KeyFileError> {
        match fs::hard_link(path, kept) {
            Ok(()) => {}
            // From a try before this one, that broke off here.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(io_error("keep", kept)(error)),
        }
        let folder = parent_of(path);
        sync_folder(folder).map_err(io_error("make durable", folder))?;
        fs::rename(next, path).map_err(io_error("replace", path))?;
        sync_folder(folder).map_err(io_error("make durable", folder))
    }

    fn to_text(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(KEY_FILE_BYTES_MAX));
        let did = self.keypair.did();
        for part in [HEADER, "\nversion: ", VERSION, "\ndid: ", did.as_str(), "\n"] {
            text.push_str(part);
        }
        let (field, secret): (_, Zeroizing<Vec<u8>>) = match &self.phrase {
            Some(phrase) => (PHRASE_FIELD, Zeroizing::new(phrase.entropy().to_vec())),
            None => (SEED_FIELD, Zeroizing::new(self.keypair.seed().to_vec())),
        };
        text.push_str(field);
        text.push_str(": ");
        URL_SAFE_NO_PAD.encode_string(&*secret, &mut text);
        text.push('\n');
        text
    }

    fn from_text(text: &str, path: &Path) -> Result<Self, KeyFileError> {
        let corrupt = |reason| KeyFileError::Corrupt { path: path.into(), reason };
        let mut lines = text.lines();
        if lines.next() != Some(HEADER) {
            return Err(corrupt("its first line is not that of a key file"));
        }
        let version =
            field(lines.next(), "version").ok_or_else(|| corrupt("the line version: is missing"))?;
        if version != VERSION {
            return Err(KeyFileError::Version { path: path.into(), version: version.into() });
        }
        let named = field(lines.next(), "did").ok_or_else(|| corrupt("the line did: is missing"))?;
        let secret = lines.next();
        let key = if let Some(entropy) = field(secret, PHRASE_FIELD) {
            let entropy =
                decode(entropy).ok_or_else(|| corrupt("phrase-entropy: is not 16 bytes in base64url"))?;
            Self::from_phrase(Phrase::from_entropy(*entropy))
        } else if let Some(seed) = field(secret, SEED_FIELD) {
            let seed = decode(seed).ok_or_else(|| corrupt("seed: is not 32 bytes in base64url"))?;
            Self::from_keypair(Keypair::from_seed(*seed))
        } else {
            return Err(corrupt("the line phrase-entropy: or seed: is missing"));
        };
        if lines.next().is_some() {
            return Err(corrupt("more lines follow than a key file has"));
        }
        let actual = key.keypair.did();
        if actual.as_str() != named {
            return Err(KeyFileError::DidMismatch { path: path.into(), named: named.into(), actual });
        }
        Ok(key)
    }
}

/// The value of a line `name: value`, if `line` is that.
fn field<'a>(line: Option<&'a str>, name: &str) -> Option<&'a str> {
    line?.strip_prefix(name)?.strip_prefix(": ")
}

fn decode<const N: usize>(text: &str) -> Option<Zeroizing<[u8; N]>> {
    let bytes = Zeroizing::new(URL_SAFE_NO_PAD.decode(text).ok()?);
    <[u8; N]>::try_from(bytes.as_slice()).ok().map(Zeroizing::new)
}

fn io_error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> KeyFileError {
    let path = path.to_path_buf();
    move |source| KeyFileError::Io { action, path, source }
}

/// The file under its first name; that name goes when this is dropped, whatever happened.
struct Draft {
    path: PathBuf,
    file: File,
}

impl Draft {
    fn new(folder: &Path) -> Result<Self, KeyFileError> {
        let path = folder.join(format!(".key-{:016x}.new", u64::from_be_bytes(random_bytes()?)));
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&path).map_err(io_error("create", &path))?;
        Ok(Self { path, file })
    }

    fn write(&self, text: &str) -> io::Result<()> {
        (&self.file).write_all(text.as_bytes())?;
        self.file.sync_all()
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // Nothing can be done about a failure; what would stay behind is as private as the key file itself.
        let _ = fs::remove_file(&self.path);
    }
}

/// Makes `folder` and what is missing above it, each durable in the one above before the next is made.
fn make_private_folder(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let above = parent_of(folder);
    make_private_folder(above)?;
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(folder) {
        // Somebody else was faster.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && folder.is_dir() => {}
        outcome => outcome?,
    }
    sync_folder(above)
}

/// The folder that holds `path`: the current one for a bare name.
fn parent_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

#[cfg(unix)]
fn refuse_open_permissions(file: &File, path: &Path) -> Result<(), KeyFileError> {
    use std::os::unix::fs::PermissionsExt;
    let mode =
        file.metadata().map_err(io_error("read the permissions of", path))?.permissions().mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(KeyFileError::TooOpen { path: path.into(), mode });
    }
    Ok(())
}

/// Elsewhere the folder of the user protects the file; there are no mode bits to look at.
#[cfg(not(unix))]
fn refuse_open_permissions(_: &File, _: &Path) -> Result<(), KeyFileError> {
    Ok(())
}

/// The name of a file is durable when its folder is.
#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Elsewhere a folder can't be opened to be synced; the file system's own journal keeps the name.
#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests;
