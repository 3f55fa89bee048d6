//! A challenge as text: what it says, and the realm's seal over it and the wallet that it is for.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use mtor_identity::Keypair;
use mtor_protocol::{Did, Timestamp};
use sha2::{Digest as _, Sha256};

/// What the key of the seal is derived with.
const KEY_DOMAIN: &[u8] = b"mtor starter challenge v1\n";
const NONCE_BYTES: usize = 16;
const SEAL_BYTES: usize = 32;
/// Nonce, end, difficulty, memory.
const SAID_BYTES: usize = NONCE_BYTES + 8 + 1 + 4;

/// What a challenge says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Challenge {
    pub(super) nonce: [u8; NONCE_BYTES],
    pub(super) expires: Timestamp,
    pub(super) zero_bits: u8,
    pub(super) memory_kib: u32,
}

/// Seals challenges, and knows its own.
pub(super) struct Seal(Hmac<Sha256>);

impl Seal {
    pub(super) fn new(realm: &Keypair) -> Self {
        let key = Sha256::new().chain_update(KEY_DOMAIN).chain_update(realm.seed().as_slice()).finalize();
        Self(Hmac::new_from_slice(&key).expect("HMAC takes a key of any length"))
    }

    pub(super) fn write(&self, did: &Did, challenge: &Challenge) -> String {
        let mut text = said(challenge).to_vec();
        text.extend_from_slice(&self.over(did, &text).finalize().into_bytes());
        URL_SAFE_NO_PAD.encode(text)
    }

    /// `None` when it is none of this realm's, or another wallet's.
    pub(super) fn read(&self, did: &Did, text: &str) -> Option<Challenge> {
        let bytes =
            URL_SAFE_NO_PAD.decode(text).ok().filter(|bytes| bytes.len() == SAID_BYTES + SEAL_BYTES)?;
        let (said, seal) = bytes.split_at(SAID_BYTES);
        self.over(did, said).verify_slice(seal).ok()?;
        let (nonce, rest) = said.split_first_chunk()?;
        let (expires, rest) = rest.split_first_chunk()?;
        let (zero_bits, rest) = rest.split_first()?;
        let memory_kib = u32::from_be_bytes(rest.try_into().ok()?);
        let expires = Timestamp(u64::from_be_bytes(*expires));
        Some(Challenge { nonce: *nonce, expires, zero_bits: *zero_bits, memory_kib })
    }

    fn over(&self, did: &Did, said: &[u8]) -> Hmac<Sha256> {
        // What is said has always the same length, so that the two can't run into each other.
        self.0.clone().chain_update(said).chain_update(did.as_str().as_bytes())
    }
}

fn said(challenge: &Challenge) -> [u8; SAID_BYTES] {
    let Challenge { nonce, expires, zero_bits, memory_kib } = challenge;
    let mut said = [0; SAID_BYTES];
    said[..16].copy_from_slice(nonce);
    said[16..24].copy_from_slice(&expires.0.to_be_bytes());
    said[24] = *zero_bits;
    said[25..].copy_from_slice(&memory_kib.to_be_bytes());
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_realm_that_wrote_it_reads_it_for_whom_it_is() {
        let [realm, other, wallet, stranger] = [1, 2, 3, 4].map(|seed| Keypair::from_seed([seed; 32]));
        let challenge = Challenge { nonce: [9; 16], expires: Timestamp(7), zero_bits: 3, memory_kib: 64 };
        let text = Seal::new(&realm).write(&wallet.did(), &challenge);
        assert_eq!(Seal::new(&realm).read(&wallet.did(), &text), Some(challenge));
        assert_eq!(Seal::new(&realm).read(&stranger.did(), &text), None);
        assert_eq!(Seal::new(&other).read(&wallet.did(), &text), None);
        let bytes = URL_SAFE_NO_PAD.decode(&text).unwrap();
        for index in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[index] ^= 1;
            let changed = URL_SAFE_NO_PAD.encode(changed);
            assert_eq!(Seal::new(&realm).read(&wallet.did(), &changed), None, "byte {index}");
        }
    }
}
