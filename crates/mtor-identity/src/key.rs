//! Ed25519 keys and signatures.
//!
//! Verification is strict: a signature has one valid form only, and keys of small order, for which one signature fits
//! many messages, are no keys.

use std::array;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use curve25519_dalek::EdwardsPoint;
use ed25519_dalek::{Signer, SigningKey, Verifier, VerifyingKey};
use mtor_protocol::Did;
use zeroize::{Zeroize, Zeroizing};

use crate::did::{self, DidError};
use crate::random::{RandomnessError, random_bytes};

/// A secret key with its public half.
///
/// The secret is wiped from memory on drop, is never shown by `Debug` and can't be cloned: share it with an `Arc`.
pub struct Keypair(SigningKey);

impl Keypair {
    /// A new key from the operating system's randomness.
    ///
    /// A key made so has no recovery phrase; for a wallet prefer [`Phrase::generate`](crate::Phrase::generate).
    ///
    /// # Errors
    /// [`RandomnessError`] when the operating system has none to give.
    pub fn generate() -> Result<Self, RandomnessError> {
        random_bytes().map(Self::from_seed)
    }

    /// The key that belongs to a 32-byte seed (the "secret key" of RFC 8032).
    pub fn from_seed(mut seed: [u8; 32]) -> Self {
        let keypair = Self(SigningKey::from_bytes(&seed));
        seed.zeroize();
        keypair
    }

    /// The seed, which is the whole secret. Wiped when dropped; never log it.
    pub fn seed(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.0.to_bytes())
    }

    /// The public half.
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key())
    }

    /// The name of the public half.
    pub fn did(&self) -> Did {
        self.public().to_did()
    }

    /// Signs `message`. The same key and message always give the same signature.
    ///
    /// Signing bytes that somebody else chose lets them act in your name: give each purpose its own prefix, as
    /// [`session`](crate::session) does.
    pub fn sign(&self, message: &[u8]) -> Signature {
        Signature(self.0.sign(message).to_bytes())
    }
}

impl fmt::Debug for Keypair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keypair").field("public", &self.public()).field("secret", &"(not shown)").finish()
    }
}

/// Bytes that are no public key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PublicKeyError {
    /// The bytes name no point of the curve, or not in the one canonical way.
    #[error("these 32 bytes are no Ed25519 public key")]
    NotAPoint,
    /// A point of small order: signatures under it prove nothing.
    #[error("this Ed25519 public key is weak (a point of small order) and is refused")]
    Weak,
}

/// The signature does not belong to this message and key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the signature does not belong to this message and this key")]
pub struct VerifyError;

/// A public key: valid, canonical and not weak. Shown as its `did:key`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

impl PublicKey {
    /// The key of these 32 bytes.
    ///
    /// # Errors
    /// [`PublicKeyError`] when they are no point of the curve, not its canonical form, or a weak point.
    pub fn from_bytes(bytes: [u8; 32]) -> Result<Self, PublicKeyError> {
        let key = VerifyingKey::from_bytes(&bytes).map_err(|_| PublicKeyError::NotAPoint)?;
        if key.is_weak() {
            return Err(PublicKeyError::Weak);
        }
        // A second encoding of the same point would be a second name for the same wallet.
        if key.to_edwards().compress().to_bytes() != bytes {
            return Err(PublicKeyError::NotAPoint);
        }
        Ok(Self(key))
    }

    /// The 32 bytes of the key.
    pub fn to_bytes(&self) -> [u8; 32] {
        self.0.to_bytes()
    }

    /// The point of the curve that it is.
    pub(crate) fn point(&self) -> EdwardsPoint {
        self.0.to_edwards()
    }

    /// The key that a `did:key` names.
    ///
    /// # Errors
    /// [`DidError`] says what is wrong with the name.
    pub fn from_did(did: &str) -> Result<Self, DidError> {
        did::parse(did)
    }

    /// The name of this key, `did:key:z6Mk...`.
    pub fn to_did(&self) -> Did {
        did::format(self)
    }

    /// Checks `signature` over `message`, as RFC 8032 section 5.1.7 says, without the cofactor: what is taken here, Go's
    /// `crypto/ed25519` and OpenSSL take as well, and the other way round. The weak keys, under which one signature
    /// fits any message, were refused when this key was read.
    ///
    /// # Errors
    /// [`VerifyError`] when the signature was made by another key, over another message, or is malformed.
    pub fn verify(&self, message: &[u8], signature: &Signature) -> Result<(), VerifyError> {
        let signature = ed25519_dalek::Signature::from_bytes(&signature.0);
        self.0.verify(message, &signature).map_err(|_| VerifyError)
    }
}

impl Hash for PublicKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.as_bytes().hash(state);
    }
}

impl PartialOrd for PublicKey {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for PublicKey {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.as_bytes().cmp(other.0.as_bytes())
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_did().fmt(f)
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Text that is no signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a signature is 86 characters of base64url without padding (64 bytes)")]
pub struct SignatureTextError;

/// An Ed25519 signature: 64 bytes, in text base64url without padding.
///
/// ```
/// use mtor_identity::{Keypair, Signature};
/// let signature = Keypair::from_seed([7; 32]).sign(b"hello");
/// let text = signature.to_string();
/// assert_eq!(text.len(), 86);
/// assert_eq!(text.parse::<Signature>()?, signature);
/// # Ok::<(), mtor_identity::SignatureTextError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Signature([u8; 64]);

impl Signature {
    /// A signature from its bytes. Whether it is a valid one, [`PublicKey::verify`] says.
    pub fn from_bytes(bytes: [u8; 64]) -> Self {
        Self(bytes)
    }

    /// The 64 bytes.
    pub fn to_bytes(&self) -> [u8; 64] {
        self.0
    }

    /// The nonce's point and the proof: R and S of RFC 8032.
    pub(crate) fn halves(&self) -> ([u8; 32], [u8; 32]) {
        (array::from_fn(|index| self.0[index]), array::from_fn(|index| self.0[32 + index]))
    }
}

impl FromStr for Signature {
    type Err = SignatureTextError;

    fn from_str(text: &str) -> Result<Self, SignatureTextError> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| SignatureTextError)?;
        bytes.try_into().map(Self).map_err(|_| SignatureTextError)
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// RFC 8032, section 7.1, TEST 2.
    #[test]
    fn signs_as_rfc_8032_says() {
        let seed = crate::slip10::tests::bytes::<32>(
            "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        );
        let keypair = Keypair::from_seed(seed);
        assert_eq!(
            keypair.public().to_bytes(),
            crate::slip10::tests::bytes::<32>(
                "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"
            )
        );
        let signature = keypair.sign(&[0x72]);
        assert_eq!(
            signature.to_bytes(),
            crate::slip10::tests::bytes::<64>(
                "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da\
                 085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
            )
        );
        assert_eq!(keypair.public().verify(&[0x72], &signature), Ok(()));
    }

    #[test]
    fn debug_never_shows_the_secret() {
        let keypair = Keypair::from_seed([0xAB; 32]);
        let shown = format!("{keypair:?} {keypair:#?}").to_lowercase();
        assert!(shown.contains("did:key:z6mk"));
        assert!(!shown.contains("abab") && !shown.contains("171"), "{shown}");
    }

    #[test]
    fn weak_and_uncanonical_keys_are_refused() {
        // The identity, y = 1, has order 1.
        let mut identity = [0; 32];
        identity[0] = 1;
        assert_eq!(PublicKey::from_bytes(identity), Err(PublicKeyError::Weak));
        // y = 2 is no point.
        let mut nowhere = [0; 32];
        nowhere[0] = 2;
        assert_eq!(PublicKey::from_bytes(nowhere), Err(PublicKeyError::NotAPoint));
        // y = p + 3 is the point y = 3 in disguise.
        let mut honest = [0; 32];
        honest[0] = 3;
        assert!(PublicKey::from_bytes(honest).is_ok());
        let mut disguised = [0xFF; 32];
        disguised[0] = 0xED + 3;
        disguised[31] = 0x7F;
        assert_eq!(PublicKey::from_bytes(disguised), Err(PublicKeyError::NotAPoint));
    }

    #[test]
    fn a_signature_has_one_form_only() {
        let keypair = Keypair::from_seed([1; 32]);
        let mut bytes = keypair.sign(b"pay").to_bytes();
        // Adding the group order to S gives a second signature that lenient verifiers take.
        let order = crate::slip10::tests::bytes::<32>(
            "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010",
        );
        let mut carry = 0u16;
        for (digit, add) in bytes[32..].iter_mut().zip(order) {
            carry += u16::from(*digit) + u16::from(add);
            *digit = carry as u8;
            carry >>= 8;
        }
        assert_eq!(keypair.public().verify(b"pay", &Signature::from_bytes(bytes)), Err(VerifyError));
    }

    proptest! {
        #[test]
        fn what_a_key_signs_it_verifies(seed: [u8; 32], message: Vec<u8>, flip in 0usize..64, bit in 0u8..8) {
            let keypair = Keypair::from_seed(seed);
            let signature = keypair.sign(&message);
            prop_assert_eq!(keypair.public().verify(&message, &signature), Ok(()));
            prop_assert_eq!(signature.to_string().parse(), Ok(signature));
            prop_assert_eq!(*keypair.seed(), seed);

            let mut changed = signature.to_bytes();
            changed[flip] ^= 1 << bit;
            prop_assert_eq!(keypair.public().verify(&message, &Signature::from_bytes(changed)), Err(VerifyError));
        }

        #[test]
        fn arbitrary_text_is_no_signature_and_never_panics(text: String) {
            prop_assume!(text.len() != 86);
            prop_assert_eq!(text.parse::<Signature>(), Err(SignatureTextError));
        }
    }
}
