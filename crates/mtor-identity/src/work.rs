//! Proofs of work: a number that took many tries to find, and takes one to check.
//!
//! Each try is one Argon2id (version 1.3, one lane, 32 bytes): the number's decimal digits are the password, the challenge's
//! text is the salt. The number is found when the hash begins with enough zero bits; each bit more doubles the tries that it
//! takes on average. Every try needs its memory, so that hardware made for hashing gains little over a plain machine.

use argon2::{Algorithm, Argon2, Block, Params, Version};

/// Bytes of the hash.
const HASH_BYTES: usize = 32;

/// Work that can't be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this work can't be done ({0}); ask for another challenge")]
pub struct WorkError(argon2::Error);

/// Work on one challenge, with the memory that it needs.
pub struct Work {
    argon: Argon2<'static>,
    salt: Vec<u8>,
    memory: Vec<Block>,
}

impl Work {
    /// Gets ready: `memory_kib` KiB are taken, and kept for every try.
    ///
    /// # Errors
    /// [`WorkError`] when Argon2id does not take these values: less than 8 KiB, no pass, or a challenge of less than 8 bytes.
    pub fn new(challenge: &str, memory_kib: u32, passes: u32) -> Result<Self, WorkError> {
        let params = Params::new(memory_kib, passes, 1, Some(HASH_BYTES)).map_err(WorkError)?;
        let memory = vec![Block::default(); params.block_count()];
        let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        Ok(Self { argon, salt: challenge.as_bytes().to_vec(), memory })
    }

    /// One try: how many zero bits this number's hash begins with.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn zero_bits(&mut self, number: u64) -> Result<u32, WorkError> {
        let mut hash = [0; HASH_BYTES];
        let digits = number.to_string();
        self.argon
            .hash_password_into_with_memory(digits.as_bytes(), &self.salt, &mut hash, &mut self.memory)
            .map_err(WorkError)?;
        Ok(leading_zero_bits(&hash))
    }
}

fn leading_zero_bits(hash: &[u8]) -> u32 {
    let zeros = hash.iter().take_while(|byte| **byte == 0).count();
    // 32 bytes have 256 bits.
    let whole = u32::try_from(zeros * 8).unwrap_or(u32::MAX);
    whole + hash.get(zeros).map_or(0, |byte| byte.leading_zeros())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_bits_are_counted_from_the_front() {
        for (hash, zeros) in [(&[0x80, 0][..], 0), (&[0x01, 0], 7), (&[0, 0x10], 11), (&[0, 0], 16)] {
            assert_eq!(leading_zero_bits(hash), zeros, "{hash:?}");
        }
    }

    /// The browser counts the same ones: `web/test/starter.test.ts` has the same numbers.
    #[test]
    fn the_same_number_always_gives_the_same_hash() {
        let mut work = Work::new("a challenge for all languages", 64, 1).unwrap();
        let found = (0..).find(|number| work.zero_bits(*number).unwrap() >= 6).unwrap();
        assert_eq!((found, work.zero_bits(found).unwrap()), (102, 7));
        let mut other = Work::new("another challenge", 64, 1).unwrap();
        assert!(other.zero_bits(found).unwrap() < 6);
    }

    #[test]
    fn what_makes_no_sense_is_an_error() {
        assert!(Work::new("a challenge", 1, 1).is_err());
        assert!(Work::new("a challenge", 8, 0).is_err());
        assert!(Work::new("short", 8, 1).unwrap().zero_bits(1).is_err());
    }
}
