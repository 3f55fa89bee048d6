//! Every default and every limit of this crate, in one place.

use std::time::Duration;

/// Environment variable that names the cache folder.
pub const ENV_CACHE: &str = "MTOR_MODELS";
/// Environment variable that names a folder of model files and wheels, for machines without a network.
pub const ENV_LOCAL_FOLDER: &str = "MTOR_MODELS_DIR";

/// How long to wait for a connection. Short, so that a machine that cannot reach one source goes on to the next.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a transfer may stand still before it counts as broken.
pub const IDLE_TIMEOUT: Duration = Duration::from_secs(30);
/// Attempts in a row that bring no new byte before a source is given up.
pub const FRUITLESS_ATTEMPTS_MAX: u32 = 4;
/// The first pause between attempts; each further one doubles it.
pub const BACKOFF_FIRST: Duration = Duration::from_millis(500);
/// The longest pause between attempts (before a random addition of up to a half), also when a server asks for a longer one.
pub const BACKOFF_MAX: Duration = Duration::from_secs(20);

/// The time between two log lines about a download.
pub const LOG_LINE_EVERY: Duration = Duration::from_secs(5);

/// New bytes that make an attempt count as fruitful.
pub(crate) const FRUITFUL_BYTES: u64 = 1 << 20;
/// Attempts at one file from one source, fruitful or not.
pub(crate) const ATTEMPTS_MAX: u32 = 100;
/// Bytes gathered in memory before they are written to disk; what a kill can lose of a download.
pub(crate) const WRITE_BUFFER_BYTES: usize = 256 << 10;
/// Bytes read at once while hashing, copying and unpacking.
pub(crate) const COPY_BUFFER_BYTES: usize = 1 << 20;
/// Room left free on the disk beside what a fetch needs.
pub(crate) const DISK_MARGIN_BYTES: u64 = 64 << 20;
/// How often a second process looks whether the first has finished the same fetch.
pub(crate) const LOCK_RETRY: Duration = Duration::from_millis(500);
/// The largest answer of a package index that is read.
pub(crate) const INDEX_PAGE_BYTES_MAX: usize = 8 << 20;
/// How long the user's pip may take to say where its index is.
pub(crate) const PIP_TIMEOUT: Duration = Duration::from_secs(20);

/// The most metadata entries that a GGUF file may have.
pub(crate) const GGUF_ENTRIES_MAX: u64 = 65_536;
/// The most tensors that a GGUF file may have.
pub(crate) const GGUF_TENSORS_MAX: u64 = 65_536;
/// The most elements in one GGUF array (vocabularies have some 150,000).
pub(crate) const GGUF_ARRAY_MAX: u64 = 16 << 20;
/// The longest GGUF string, in bytes (a chat template has some 10,000).
pub(crate) const GGUF_STRING_BYTES_MAX: u64 = 4 << 20;
/// How deep GGUF arrays may lie in each other.
pub(crate) const GGUF_DEPTH_MAX: u8 = 4;
/// The most dimensions of a GGUF tensor.
pub(crate) const GGUF_DIMENSIONS_MAX: u32 = 8;
