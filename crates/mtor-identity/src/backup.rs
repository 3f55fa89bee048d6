//! Backup files: a wallet under a password, as small JSON that the command and the console read alike.
//!
//! ```text
//! {
//!   "format": "mtor-wallet-backup",
//!   "version": 1,
//!   "did": "did:key:z6Mk...",
//!   "secret": "phrase-entropy",
//!   "kdf": { "name": "argon2id", "memory_kib": 65536, "passes": 3, "lanes": 1, "salt": "..." },
//!   "cipher": { "name": "aes-256-gcm", "nonce": "..." },
//!   "sealed": "..."
//! }
//! ```
//!
//! Argon2id (version 1.3) makes 32 bytes out of the password, in UTF-8 and NFC, and the salt; with them AES-256-GCM seals the
//! 16 bytes of a phrase's entropy, or the 32 bytes of a seed. Sealed along, unencrypted, is whose wallet it is and which of
//! the two it holds. Bytes are written in base64url without padding. The whole secret is in the words or the seed, so what
//! is in a file can never be more up to date than the wallet.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Key, Nonce};
use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use mtor_protocol::Did;
use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

use crate::defaults::{
    BACKUP_BYTES_MAX, BACKUP_LANES_RANGE, BACKUP_MEMORY_KIB, BACKUP_MEMORY_KIB_RANGE, BACKUP_PASSES,
    BACKUP_PASSES_RANGE, PASSWORD_BYTES_MAX, PASSWORD_CHARS_MIN,
};
use crate::file::KeyFile;
use crate::key::Keypair;
use crate::phrase::Phrase;
use crate::random::{RandomnessError, random_bytes};

const FORMAT: &str = "mtor-wallet-backup";
const VERSION: u32 = 1;
const SALT_BYTES: usize = 16;
const NONCE_BYTES: usize = 12;

/// Why a backup can't be made, read or opened, and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// Whoever finds the file may guess for years; a short password does not last that long.
    #[error(
        "the password has {found} characters and needs at least {PASSWORD_CHARS_MIN}; four or five words that don't \
         belong together are easy to keep in mind"
    )]
    PasswordTooShort {
        /// How many it has.
        found: usize,
    },
    /// Longer than anybody types.
    #[error("the password is longer than {PASSWORD_BYTES_MAX} bytes; take a shorter one")]
    PasswordTooLong,
    /// Some other file, or a torn one.
    #[error("this is no intact wallet backup: {0}; take another copy of it, or the wallet's twelve words")]
    NotABackup(String),
    /// Written by a later version of this program.
    #[error("this backup has version {found}, and this program reads version {VERSION}; use a newer one")]
    Version {
        /// The version it says it has.
        found: u32,
    },
    /// It asks for more, or for less, than any backup needs.
    #[error(
        "this backup asks for {found} {what}, and {min} to {max} are taken: it was changed or damaged; take another \
         copy of it, or the wallet's twelve words"
    )]
    Cost {
        /// Of what.
        what: &'static str,
        /// How much.
        found: u32,
        /// The least that is taken.
        min: u32,
        /// The most that is taken.
        max: u32,
    },
    /// The password is not the one that it was sealed with, or the file was changed: they can't be told apart.
    #[error(
        "the password does not open this backup; check capitals and keyboard layout, or take another copy of it"
    )]
    WrongPassword,
    /// Opened, but the key in it is not the one that it names.
    #[error("this backup names {named}, but its key is {actual}; it was not made by this program")]
    DidMismatch {
        /// The name in the file.
        named: String,
        /// The name of the key in the file.
        actual: Did,
    },
    /// A file stands there already.
    #[error("{path} exists already and is never overwritten; choose another name")]
    Exists {
        /// The file.
        path: PathBuf,
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
    /// No randomness for salt and nonce.
    #[error(transparent)]
    Randomness(#[from] RandomnessError),
}

/// A wallet under a password. Without the password it says whose it is, and nothing else.
///
/// ```
/// use mtor_identity::{Backup, KeyFile};
/// let wallet = KeyFile::generate()?;
/// let backup = Backup::seal(&wallet, "four words and a horse")?;
/// let again = Backup::parse(&backup.to_text())?.open("four words and a horse")?;
/// assert_eq!(again.keypair().did(), wallet.keypair().did());
/// assert!(backup.open("four words and a mule").is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Backup {
    format: String,
    version: u32,
    did: String,
    secret: SecretKind,
    kdf: Kdf,
    cipher: Cipher,
    sealed: String,
}

/// What is sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum SecretKind {
    PhraseEntropy,
    Seed,
}

impl SecretKind {
    /// As it stands in the file.
    fn name(self) -> &'static str {
        match self {
            Self::PhraseEntropy => "phrase-entropy",
            Self::Seed => "seed",
        }
    }
}

/// How the password becomes a key.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Kdf {
    name: KdfName,
    memory_kib: u32,
    passes: u32,
    lanes: u32,
    salt: String,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
enum KdfName {
    #[serde(rename = "argon2id")]
    Argon2id,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Cipher {
    name: CipherName,
    nonce: String,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
enum CipherName {
    #[serde(rename = "aes-256-gcm")]
    Aes256Gcm,
}

/// What every version of the format begins with.
#[derive(Deserialize)]
struct Beginning {
    format: String,
    version: u32,
}

/// Whether `password` is good enough for a new backup: long enough to withstand guessing.
///
/// # Errors
/// [`BackupError::PasswordTooShort`] or [`BackupError::PasswordTooLong`].
pub fn check_new_password(password: &str) -> Result<(), BackupError> {
    let found = password.nfc().count();
    if found < PASSWORD_CHARS_MIN {
        return Err(BackupError::PasswordTooShort { found });
    }
    if password.len() > PASSWORD_BYTES_MAX {
        return Err(BackupError::PasswordTooLong);
    }
    Ok(())
}

impl Backup {
    /// Seals a wallet under a password, which costs some tenths of a second and 64 MiB, as each guess at it will.
    ///
    /// # Errors
    /// As [`check_new_password`]; [`BackupError::Randomness`] when the operating system has none to give.
    pub fn seal(wallet: &KeyFile, password: &str) -> Result<Self, BackupError> {
        check_new_password(password)?;
        let did = wallet.keypair().did();
        let (secret, bytes): (_, Zeroizing<Vec<u8>>) = match wallet.phrase() {
            Some(phrase) => (SecretKind::PhraseEntropy, Zeroizing::new(phrase.entropy().to_vec())),
            None => (SecretKind::Seed, Zeroizing::new(wallet.keypair().seed().to_vec())),
        };
        let nonce = random_bytes::<NONCE_BYTES>()?;
        let kdf = Kdf {
            name: KdfName::Argon2id,
            memory_kib: BACKUP_MEMORY_KIB,
            passes: BACKUP_PASSES,
            lanes: 1,
            salt: URL_SAFE_NO_PAD.encode(random_bytes::<SALT_BYTES>()?),
        };
        let beside = sealed_along(did.as_str(), secret);
        let sealed = cipher(&*kdf.key(password)?)
            .encrypt(&Nonce::from(nonce), Payload { msg: &bytes, aad: beside.as_bytes() })
            .expect("AES-GCM takes a message of 32 bytes");
        Ok(Self {
            format: FORMAT.to_owned(),
            version: VERSION,
            did: did.as_str().to_owned(),
            secret,
            kdf,
            cipher: Cipher { name: CipherName::Aes256Gcm, nonce: URL_SAFE_NO_PAD.encode(nonce) },
            sealed: URL_SAFE_NO_PAD.encode(sealed),
        })
    }

    /// Reads the text of a backup file.
    ///
    /// # Errors
    /// [`BackupError::NotABackup`], [`BackupError::Version`] or [`BackupError::Cost`].
    pub fn parse(text: &str) -> Result<Self, BackupError> {
        let beginning: Beginning = serde_json::from_str(text)
            .map_err(|_| BackupError::NotABackup("it does not begin as one".to_owned()))?;
        if beginning.format != FORMAT {
            return Err(BackupError::NotABackup("it is the file of something else".to_owned()));
        }
        if beginning.version != VERSION {
            return Err(BackupError::Version { found: beginning.version });
        }
        let backup: Self =
            serde_json::from_str(text).map_err(|error| BackupError::NotABackup(error.to_string()))?;
        backup.kdf.check()?;
        Ok(backup)
    }

    /// Reads a backup file.
    ///
    /// # Errors
    /// As [`parse`](Self::parse); [`BackupError::Io`] when it is missing or unreadable.
    pub fn load(path: &Path) -> Result<Self, BackupError> {
        let mut content = Vec::with_capacity(BACKUP_BYTES_MAX);
        File::open(path)
            .and_then(|file| file.take(BACKUP_BYTES_MAX as u64 + 1).read_to_end(&mut content))
            .map_err(io_error("read the backup", path))?;
        if content.len() > BACKUP_BYTES_MAX {
            return Err(BackupError::NotABackup("it is too large".to_owned()));
        }
        let text = std::str::from_utf8(&content)
            .map_err(|_| BackupError::NotABackup("it is not text".to_owned()))?;
        Self::parse(text)
    }

    /// Writes the backup to a new file with mode 0600, durable when this returns. Unlike a key file it is not linked into
    /// its place: memory sticks know no links.
    ///
    /// # Errors
    /// [`BackupError::Exists`] when `path` is taken, [`BackupError::Io`] when the file system refuses.
    pub fn create(&self, path: &Path) -> Result<(), BackupError> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(path).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => BackupError::Exists { path: path.into() },
            _ => io_error("create", path)(error),
        })?;
        let written = file.write_all(self.to_text().as_bytes()).and_then(|()| file.sync_all());
        written.map_err(|error| {
            // Half a backup is none; that it can't be removed either would say nothing new.
            let _ = fs::remove_file(path);
            io_error("write", path)(error)
        })
    }

    /// Whose wallet it says it is: not proven before it is opened.
    pub fn did(&self) -> &str {
        &self.did
    }

    /// The text of the file.
    pub fn to_text(&self) -> String {
        let mut text =
            serde_json::to_string_pretty(self).expect("texts and numbers can always be written as JSON");
        text.push('\n');
        text
    }

    /// The wallet, with its recovery phrase if it has one.
    ///
    /// # Errors
    /// [`BackupError::WrongPassword`], also when the file was changed; [`BackupError::NotABackup`] and
    /// [`BackupError::DidMismatch`] when it is no backup of a wallet.
    pub fn open(&self, password: &str) -> Result<KeyFile, BackupError> {
        let nonce = decode::<NONCE_BYTES>("cipher.nonce", &self.cipher.nonce)?;
        let sealed = URL_SAFE_NO_PAD.decode(&self.sealed).map_err(|_| torn("sealed is not base64url"))?;
        let beside = sealed_along(&self.did, self.secret);
        let bytes = cipher(&*self.kdf.key(password)?)
            .decrypt(&Nonce::from(nonce), Payload { msg: &sealed, aad: beside.as_bytes() })
            .map_err(|_| BackupError::WrongPassword)?;
        let bytes = Zeroizing::new(bytes);
        let wallet = match self.secret {
            SecretKind::PhraseEntropy => KeyFile::from_phrase(Phrase::from_entropy(exactly(&bytes)?)),
            SecretKind::Seed => KeyFile::from_keypair(Keypair::from_seed(exactly(&bytes)?)),
        };
        let actual = wallet.keypair().did();
        if actual.as_str() != self.did {
            return Err(BackupError::DidMismatch { named: self.did.clone(), actual });
        }
        Ok(wallet)
    }
}

impl Kdf {
    /// Refuses what would be too weak, or too much for whoever opens it.
    fn check(&self) -> Result<(), BackupError> {
        within("KiB of memory", self.memory_kib, BACKUP_MEMORY_KIB_RANGE)?;
        within("passes", self.passes, BACKUP_PASSES_RANGE)?;
        within("lanes", self.lanes, BACKUP_LANES_RANGE)
    }

    fn key(&self, password: &str) -> Result<Zeroizing<[u8; 32]>, BackupError> {
        if password.len() > PASSWORD_BYTES_MAX {
            return Err(BackupError::PasswordTooLong);
        }
        let salt = decode::<SALT_BYTES>("kdf.salt", &self.salt)?;
        let params = Params::new(self.memory_kib, self.passes, self.lanes, Some(32))
            .map_err(|_| torn("kdf is not what Argon2id takes"))?;
        // The same password, whichever way the keyboard composes its letters; sized so that no copy stays behind.
        let mut composed = Zeroizing::new(String::with_capacity(2 * PASSWORD_BYTES_MAX));
        composed.extend(password.nfc());
        let mut key = Zeroizing::new([0; 32]);
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into(composed.as_bytes(), &salt, &mut *key)
            .map_err(|_| torn("kdf is not what Argon2id takes"))?;
        Ok(key)
    }
}

/// What is sealed along with the secret, for all to read: a file can't be made to pass for another wallet's.
fn sealed_along(did: &str, secret: SecretKind) -> String {
    format!("mtor wallet backup\nversion {VERSION}\ndid {did}\nsecret {}\n", secret.name())
}

fn cipher(key: &[u8; 32]) -> Aes256Gcm {
    Aes256Gcm::new(&Key::<Aes256Gcm>::from(*key))
}

fn within(what: &'static str, found: u32, range: RangeInclusive<u32>) -> Result<(), BackupError> {
    if range.contains(&found) {
        return Ok(());
    }
    Err(BackupError::Cost { what, found, min: *range.start(), max: *range.end() })
}

fn torn(why: &str) -> BackupError {
    BackupError::NotABackup(why.to_owned())
}

fn decode<const N: usize>(name: &str, text: &str) -> Result<[u8; N], BackupError> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok();
    bytes
        .and_then(|bytes| <[u8; N]>::try_from(bytes).ok())
        .ok_or_else(|| BackupError::NotABackup(format!("{name} is not {N} bytes in base64url")))
}

fn exactly<const N: usize>(secret: &[u8]) -> Result<[u8; N], BackupError> {
    <[u8; N]>::try_from(secret).map_err(|_| torn("what it holds has another length than a secret"))
}

fn io_error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> BackupError {
    let path = path.to_path_buf();
    move |source| BackupError::Io { action, path, source }
}

#[cfg(test)]
mod tests;
