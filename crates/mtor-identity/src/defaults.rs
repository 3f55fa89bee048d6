//! Every default and limit of this crate, in one place.

/// How long a signed HTTP request stays valid when its signer says nothing else, in seconds.
pub const HTTP_SIGNATURE_LIFETIME_S: u64 = 60;

/// How far the clock of a request's signer may run ahead of ours, in seconds.
pub const HTTP_CLOCK_AHEAD_MAX_S: u64 = 30;

/// The longest `Signature-Input`, `Signature` or `Content-Digest` header that is looked at, in bytes.
pub const HTTP_HEADER_BYTES_MAX: usize = 4096;

/// The shortest nonce that a signed request may carry, in characters: 16 random bytes make 22 in base64url.
pub const HTTP_NONCE_CHARS_MIN: usize = 16;

/// The longest nonce that a signed request may carry, in characters.
pub const HTTP_NONCE_CHARS_MAX: usize = 128;

/// Random bytes in the challenge of a WebSocket.
pub const CHALLENGE_NONCE_BYTES: usize = 32;

/// The largest file that can be a key file, in bytes. A real one has about 150.
pub const KEY_FILE_BYTES_MAX: usize = 1024;

/// Words in a recovery phrase; twelve hold 128 bits.
pub const PHRASE_WORDS: usize = 12;

/// The path from a recovery phrase to the key, each step hardened: m/44'/9000'/0', after the coin "9000".
pub const DERIVATION_PATH: [u32; 3] = [44, 9000, 0];

/// The shortest password of a backup file, in characters.
pub const PASSWORD_CHARS_MIN: usize = 10;

/// The longest one, in bytes of UTF-8.
pub const PASSWORD_BYTES_MAX: usize = 1024;

/// What a new backup file costs to open: memory in KiB (64 MiB), and how often all of it is passed over.
pub const BACKUP_MEMORY_KIB: u32 = 64 * 1024;
/// See [`BACKUP_MEMORY_KIB`].
pub const BACKUP_PASSES: u32 = 3;

/// What a backup file may ask for, in KiB: below, its password would be guessed too cheaply; above, it would take the
/// memory away from whoever opens it.
pub const BACKUP_MEMORY_KIB_RANGE: std::ops::RangeInclusive<u32> = 16 * 1024..=256 * 1024;
/// How many passes over the memory it may ask for.
pub const BACKUP_PASSES_RANGE: std::ops::RangeInclusive<u32> = 1..=16;
/// How many lanes it may ask for.
pub const BACKUP_LANES_RANGE: std::ops::RangeInclusive<u32> = 1..=4;

/// The largest file that can be a backup, in bytes. A real one has about 450.
pub const BACKUP_BYTES_MAX: usize = 4096;
