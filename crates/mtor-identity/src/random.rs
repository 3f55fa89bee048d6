//! Randomness from the operating system, and nowhere else.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The operating system gave no randomness; without it no key or challenge would be safe.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the operating system gives no random numbers ({0}); start again when it does")]
pub struct RandomnessError(getrandom::Error);

/// `N` bytes that nobody can guess.
///
/// # Errors
/// [`RandomnessError`] when the operating system refuses, as it may in a sandbox without the system call.
pub fn random_bytes<const N: usize>() -> Result<[u8; N], RandomnessError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(RandomnessError)?;
    Ok(bytes)
}

/// A nonce for a signed HTTP request: 16 random bytes in base64url, 22 characters.
///
/// # Errors
/// As [`random_bytes`].
pub fn random_nonce() -> Result<String, RandomnessError> {
    random_bytes::<16>().map(|bytes| URL_SAFE_NO_PAD.encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_draws_differ() {
        assert_ne!(random_bytes::<32>().unwrap(), random_bytes::<32>().unwrap());
        assert_ne!(random_nonce().unwrap(), random_nonce().unwrap());
        assert_eq!(random_nonce().unwrap().len(), 22);
    }
}
