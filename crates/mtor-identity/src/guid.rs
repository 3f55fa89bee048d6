//! The public GUID of a wallet: its account in the books, its number on a business card.
//!
//! A GUID is derived from the public key and says nothing about it; the way back does not exist.

use mtor_protocol::AccountId;
use sha2::{Digest, Sha256};

use crate::key::PublicKey;

/// Keeps this digest apart from every other use of SHA-256 over a public key.
const DOMAIN: &[u8] = b"mtor guid v1\0";

/// The GUID of `key`: the first 16 bytes of SHA-256("mtor guid v1" || 0x00 || key), marked as a UUID of version 8
/// (RFC 9562: made in the maker's own way), so that anybody can derive it again.
///
/// ```
/// use mtor_identity::{Keypair, guid};
/// let wallet = Keypair::from_seed([0; 32]);
/// assert_eq!(guid(&wallet.public()).to_string(), "642ee582-13fc-850b-a85d-6b5ce3c1fe77");
/// ```
pub fn guid(key: &PublicKey) -> AccountId {
    let digest = Sha256::new().chain_update(DOMAIN).chain_update(key.to_bytes()).finalize();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    bytes[6] = bytes[6] & 0x0F | 0x80;
    bytes[8] = bytes[8] & 0x3F | 0x80;
    AccountId(u128::from_be_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::Keypair;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_guid_is_a_version_8_uuid_and_names_one_key(one: [u8; 32], other: [u8; 32]) {
            prop_assume!(one != other);
            let first = guid(&Keypair::from_seed(one).public());
            let second = guid(&Keypair::from_seed(other).public());
            prop_assert_ne!(first, second);
            let text = first.to_string();
            prop_assert_eq!(&text[14..15], "8");
            prop_assert!("89ab".contains(&text[19..20]));
        }
    }
}
