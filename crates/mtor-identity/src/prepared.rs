//! A key that is about to check many signatures. Most of a check is to multiply two points: the curve's base point and the
//! key's own. Both stay the same from one signature to the next, so their multiples can be kept; what is left then are
//! additions, and a check takes half the time.
//!
//! Only the arithmetic differs from [`PublicKey::verify`]: whatever one of the two takes, the other takes.

use std::array;
use std::sync::OnceLock;

use curve25519_dalek::constants::ED25519_BASEPOINT_POINT;
use curve25519_dalek::traits::Identity as _;
use curve25519_dalek::{EdwardsPoint, Scalar};
use sha2::{Digest as _, Sha512};

use crate::key::{PublicKey, Signature, VerifyError};

/// A scalar is cut into digits of so many bits. Six would save a fifteenth of the time, and cost half as much memory again.
const DIGIT_BITS: usize = 5;
/// Digits lie between minus this and this, so that half as many multiples are kept.
const DIGIT_MAX: usize = 1 << (DIGIT_BITS - 1);
/// Scalars are shorter than 253 bits: what the last digit can't hold never happens.
const DIGITS: usize = 253_usize.div_ceil(DIGIT_BITS);

/// A public key with the multiples of its point: 130 kB, made in the time of five checks.
pub struct PreparedKey {
    key: PublicKey,
    /// Of the key's negative: then the check is a sum.
    multiples: Multiples,
}

impl PreparedKey {
    /// Prepares a key.
    pub fn new(key: PublicKey) -> Self {
        Self { key, multiples: Multiples::of(&-key.point()) }
    }

    /// The key.
    pub fn key(&self) -> &PublicKey {
        &self.key
    }

    /// Checks `signature` over `message`, exactly as [`PublicKey::verify`] does, in half the time.
    ///
    /// # Errors
    /// [`VerifyError`] when the signature was made by another key, over another message, or is malformed.
    pub fn verify(&self, message: &[u8], signature: &Signature) -> Result<(), VerifyError> {
        let (nonce_point, proof) = signature.halves();
        // The proof has one form only: what is not reduced is refused.
        let proof: Scalar = Option::from(Scalar::from_canonical_bytes(proof)).ok_or(VerifyError)?;
        let hash = Sha512::new().chain_update(nonce_point).chain_update(self.key.to_bytes());
        let challenge = Scalar::from_bytes_mod_order_wide(&hash.chain_update(message).finalize().into());

        let mut expected = EdwardsPoint::identity();
        base_multiples().add(&proof, &mut expected);
        self.multiples.add(&challenge, &mut expected);
        // Compared as bytes, so that a nonce point has one form only, too.
        if expected.compress().to_bytes() == nonce_point { Ok(()) } else { Err(VerifyError) }
    }
}

fn base_multiples() -> &'static Multiples {
    static BASE: OnceLock<Multiples> = OnceLock::new();
    BASE.get_or_init(|| Multiples::of(&ED25519_BASEPOINT_POINT))
}

/// Multiples of one point: for each place of a digit all that the digit can stand for there, but for the sign.
struct Multiples(Vec<[EdwardsPoint; DIGIT_MAX]>);

impl Multiples {
    fn of(point: &EdwardsPoint) -> Self {
        let mut unit = *point;
        let place = |_| {
            let mut next = unit;
            let multiples = array::from_fn(|_| {
                let this = next;
                next += unit;
                this
            });
            unit = multiples[DIGIT_MAX - 1] + multiples[DIGIT_MAX - 1];
            multiples
        };
        Self((0..DIGITS).map(place).collect())
    }

    /// Adds `scalar` times the point to `sum`. How long it takes depends on the scalar: nothing here is a secret.
    fn add(&self, scalar: &Scalar, sum: &mut EdwardsPoint) {
        let digits = digits(scalar);
        // Picked before they are added: so they come out of memory side by side, and no addition waits for the next one's.
        let picked: [EdwardsPoint; DIGITS] = array::from_fn(|place| {
            let index = usize::from(digits[place].unsigned_abs()).checked_sub(1);
            index.map_or_else(EdwardsPoint::identity, |index| self.0[place][index])
        });
        for (point, digit) in picked.iter().zip(digits) {
            match digit.signum() {
                1 => *sum += point,
                -1 => *sum -= point,
                _ => {}
            }
        }
    }
}

/// A scalar in digits between `-DIGIT_MAX` and `DIGIT_MAX`, the lowest first.
fn digits(scalar: &Scalar) -> [i8; DIGITS] {
    let bytes = scalar.as_bytes();
    let mut carry = 0;
    array::from_fn(|place| {
        let (byte, shift) = (place * DIGIT_BITS / 8, place * DIGIT_BITS % 8);
        let two_bytes = u16::from_le_bytes([bytes[byte], bytes.get(byte + 1).copied().unwrap_or(0)]);
        let digit = ((two_bytes >> shift) & ((1 << DIGIT_BITS) - 1)) as i8 + carry;
        carry = i8::from(digit > DIGIT_MAX as i8);
        digit - carry * (1 << DIGIT_BITS)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Keypair;
    use curve25519_dalek::constants::EIGHT_TORSION;
    use proptest::prelude::*;

    /// Both ways to check, which must agree.
    fn check(key: PublicKey, message: &[u8], signature: &Signature) -> bool {
        let plain = key.verify(message, signature);
        assert_eq!(PreparedKey::new(key).verify(message, signature), plain);
        plain.is_ok()
    }

    /// The signature of `secret` under a key that is the secret's and a point of small order: only its maker can have it.
    fn signed_with_torsion(secret: Scalar, torsion: usize, message: &[u8]) -> (PublicKey, Signature) {
        let key = EdwardsPoint::mul_base(&secret) + EIGHT_TORSION[torsion];
        let key = PublicKey::from_bytes(key.compress().to_bytes()).unwrap();
        let nonce = secret + Scalar::ONE;
        let nonce_point = EdwardsPoint::mul_base(&nonce).compress().to_bytes();
        let hash = Sha512::new().chain_update(nonce_point).chain_update(key.to_bytes()).chain_update(message);
        let challenge = Scalar::from_bytes_mod_order_wide(&hash.finalize().into());
        let mut bytes = [0; 64];
        bytes[..32].copy_from_slice(&nonce_point);
        bytes[32..].copy_from_slice((nonce + challenge * secret).as_bytes());
        (key, Signature::from_bytes(bytes))
    }

    #[test]
    fn scalars_at_the_edges_are_multiplied_rightly() {
        let largest = Scalar::ZERO - Scalar::ONE;
        let ones = Scalar::from_bytes_mod_order([0xFF; 32]);
        let sixteens = (0..50).fold(Scalar::ZERO, |sum, _| sum * Scalar::from(32_u8) + Scalar::from(16_u8));
        let sixteens_and_one = sixteens + Scalar::ONE;
        let point = EdwardsPoint::mul_base(&Scalar::from(7_u8)) + EIGHT_TORSION[1];
        let multiples = Multiples::of(&point);
        for scalar in [Scalar::ZERO, Scalar::ONE, largest, ones, sixteens, sixteens_and_one] {
            let mut sum = EdwardsPoint::identity();
            multiples.add(&scalar, &mut sum);
            assert_eq!(sum, point * scalar);
        }
    }

    #[test]
    fn a_proof_that_is_not_reduced_is_refused() {
        let keypair = Keypair::from_seed([1; 32]);
        let mut bytes = keypair.sign(b"pay").to_bytes();
        // With the order of the group added the equation still holds.
        let order = crate::slip10::tests::bytes::<32>(
            "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010",
        );
        let mut carry = 0_u16;
        for (digit, add) in bytes[32..].iter_mut().zip(order) {
            carry += u16::from(*digit) + u16::from(add);
            *digit = carry as u8;
            carry >>= 8;
        }
        assert!(!check(keypair.public(), b"pay", &Signature::from_bytes(bytes)));
    }

    #[test]
    fn a_nonce_point_of_small_order_is_treated_alike() {
        let keypair = Keypair::from_seed([1; 32]);
        for point in EIGHT_TORSION {
            let mut bytes = keypair.sign(b"pay").to_bytes();
            bytes[..32].copy_from_slice(point.compress().as_bytes());
            assert!(!check(keypair.public(), b"pay", &Signature::from_bytes(bytes)));
        }
    }

    proptest! {
        #[test]
        fn both_ways_take_the_same(seed: [u8; 32], message: Vec<u8>, flip in 0_usize..64, bit in 0_u8..8) {
            let keypair = Keypair::from_seed(seed);
            let signature = keypair.sign(&message);
            prop_assert!(check(keypair.public(), &message, &signature));
            let mut changed = signature.to_bytes();
            changed[flip] ^= 1 << bit;
            prop_assert!(!check(keypair.public(), &message, &Signature::from_bytes(changed)));
        }

        #[test]
        fn both_ways_agree_on_keys_of_mixed_order(secret: [u8; 32], torsion in 0_usize..8, message: Vec<u8>) {
            let (key, signature) = signed_with_torsion(Scalar::from_bytes_mod_order(secret), torsion, &message);
            check(key, &message, &signature);
        }

        #[test]
        fn a_product_is_that_of_the_library(scalar: [u8; 64], point: [u8; 32], torsion in 0_usize..8) {
            let scalar = Scalar::from_bytes_mod_order_wide(&scalar);
            let point = EdwardsPoint::mul_base(&Scalar::from_bytes_mod_order(point)) + EIGHT_TORSION[torsion];
            let mut sum = EdwardsPoint::identity();
            Multiples::of(&point).add(&scalar, &mut sum);
            prop_assert_eq!(sum, point * scalar);
        }
    }
}
