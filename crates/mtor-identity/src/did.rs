//! `did:key` names: an Ed25519 public key as text, `did:key:z6Mk...`.
//!
//! The name is `did:key:`, the letter `z` for base58btc, then the multicodec prefix 0xED 0x01 ("this is an Ed25519
//! public key") and the 32 bytes of the key. A key has exactly one name and a name exactly one key: anything else is
//! refused, so that names can be compared as text.

use mtor_protocol::Did;

use crate::key::{PublicKey, PublicKeyError};

const PREFIX: &str = "did:key:";
/// The multibase letter of base58btc.
const BASE58BTC: char = 'z';
/// The multicodec of an Ed25519 public key, as the varint that it is written as.
const ED25519_CODEC: [u8; 2] = [0xED, 0x01];
/// The 34 bytes of codec and key always give 47 digits: the first byte decides the length.
const DIGITS: usize = 47;

/// What is wrong with a `did:key`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DidError {
    /// It is some other text or another kind of DID.
    #[error("a wallet's name starts with did:key:, such as did:key:z6Mk...")]
    NotDidKey,
    /// The key is not written in base58btc.
    #[error("the part after did:key: must start with z (base58btc)")]
    NotBase58Btc,
    /// It carries a path, a query or a fragment (`#...`), which names a part of a document and not a key.
    #[error("a did:key ends after the key; leave off the part from {0:?}")]
    Trailing(char),
    /// A character that base58 does not have, such as 0, O, I or l.
    #[error("character {position} of the did:key is not base58: {found:?}")]
    BadCharacter {
        /// Its place in the whole name, from 1.
        position: usize,
        /// What stands there.
        found: char,
    },
    /// Too short or too long to be an Ed25519 key, or a key of another kind.
    #[error(
        "this did:key does not hold an Ed25519 public key; one looks like did:key:z6Mk... and has 56 characters"
    )]
    NotEd25519,
    /// The bytes are no usable key.
    #[error(transparent)]
    Key(#[from] PublicKeyError),
}

/// The key that `text` names.
///
/// # Errors
/// [`DidError`] when `text` is anything but the canonical `did:key` of a usable Ed25519 key.
pub fn parse(text: &str) -> Result<PublicKey, DidError> {
    let encoded = text.strip_prefix(PREFIX).ok_or(DidError::NotDidKey)?;
    let digits = encoded.strip_prefix(BASE58BTC).ok_or(DidError::NotBase58Btc)?;
    if let Some(delimiter) = digits.chars().find(|c| matches!(c, '#' | '?' | '/' | ';')) {
        return Err(DidError::Trailing(delimiter));
    }
    if let Some((index, found)) = digits.chars().enumerate().find(|(_, c)| !is_base58(*c)) {
        return Err(DidError::BadCharacter { position: PREFIX.len() + 1 + index + 1, found });
    }
    // Checked before decoding, whose cost grows with the square of the length.
    if digits.len() != DIGITS {
        return Err(DidError::NotEd25519);
    }
    let bytes = bs58::decode(digits).into_vec().map_err(|_| DidError::NotEd25519)?;
    let key = bytes.strip_prefix(&ED25519_CODEC).ok_or(DidError::NotEd25519)?;
    let key: [u8; 32] = key.try_into().map_err(|_| DidError::NotEd25519)?;
    Ok(PublicKey::from_bytes(key)?)
}

/// Letters and digits, without those that look alike.
fn is_base58(character: char) -> bool {
    character.is_ascii_alphanumeric() && !matches!(character, '0' | 'O' | 'I' | 'l')
}

/// The name of `key`.
pub fn format(key: &PublicKey) -> Did {
    let mut bytes = [0; 34];
    bytes[..2].copy_from_slice(&ED25519_CODEC);
    bytes[2..].copy_from_slice(&key.to_bytes());
    Did(format!("{PREFIX}{BASE58BTC}{}", bs58::encode(bytes).into_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::Keypair;
    use proptest::prelude::*;

    /// The Ed25519 vectors that stand beside the did:key specification: the seed's last byte and the name.
    const SEED_VECTORS: [(u8, &str); 3] = [
        (0, "did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp"),
        (1, "did:key:z6MkjchhfUsD6mmvni8mCdXHw216Xrm9bQe2mBH1P5RDjVJG"),
        (2, "did:key:z6MknGc3ocHs3zdPiJbnaaqDi58NGb4pk1Sp9WxWufuXSdxf"),
    ];

    /// Names from the text of the specification.
    const EXAMPLES: [&str; 2] = [
        "did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK",
        "did:key:z6MkpTHR8VNsBxYAAWHut2Geadd9jSwuBV8xRoAnwWsdvktH",
    ];

    #[test]
    fn the_vectors_of_the_specification_hold() {
        for (last, name) in SEED_VECTORS {
            let mut seed = [0; 32];
            seed[31] = last;
            assert_eq!(Keypair::from_seed(seed).did().as_str(), name);
        }
        for name in EXAMPLES {
            assert_eq!(format(&parse(name).unwrap()).as_str(), name);
        }
    }

    #[test]
    fn each_mistake_has_its_own_words() {
        let good = EXAMPLES[0];
        let cases = [
            ("", DidError::NotDidKey),
            ("did:web:example.com", DidError::NotDidKey),
            ("DID:KEY:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK", DidError::NotDidKey),
            (" did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK", DidError::NotDidKey),
            ("did:key:", DidError::NotBase58Btc),
            ("did:key:u7QEp", DidError::NotBase58Btc),
            ("did:key:z", DidError::NotEd25519),
            ("did:key:z6Mk", DidError::NotEd25519),
            ("did:key:z6MkO", DidError::BadCharacter { position: 13, found: 'O' }),
            // X25519, secp256k1 and P-256 keys, from the same specification.
            ("did:key:z6LSeu9HkTHSfLLeUs2nnzUSNedgDUevfNQgQjQC23ZCit6F", DidError::NotEd25519),
            ("did:key:zQ3shokFTS3brHcDQrn82RUDfCZESWL1ZdCEJwekUDPQiYBme", DidError::NotEd25519),
            ("did:key:zDnaerDaTF5BXEavCrfRZEk316dpbLsfPDZ3WJ5hRTPFU2169", DidError::NotEd25519),
        ];
        for (text, error) in cases {
            assert_eq!(parse(text), Err(error), "{text}");
        }
        assert_eq!(parse(&format!("{good}#{}", &good[8..])), Err(DidError::Trailing('#')));
        assert_eq!(parse(&format!("{good}1")), Err(DidError::NotEd25519));
        assert_eq!(parse(&good.replace("z6Mk", "z16Mk")), Err(DidError::NotEd25519));
        assert_eq!(
            parse(&format!("{good}\n")),
            Err(DidError::BadCharacter { position: 57, found: '\n' }),
            "nothing is trimmed"
        );
    }

    proptest! {
        #[test]
        fn every_key_has_one_name(seed: [u8; 32]) {
            let key = Keypair::from_seed(seed).public();
            let name = format(&key);
            prop_assert!(name.as_str().starts_with("did:key:z6Mk"));
            prop_assert_eq!(name.as_str().len(), 56);
            prop_assert_eq!(parse(name.as_str()), Ok(key));
        }

        #[test]
        fn what_parses_is_canonical(text in "did:key:z6Mk[1-9A-HJ-NP-Za-km-z]{44}") {
            if let Ok(key) = parse(&text) {
                let name = format(&key);
                prop_assert_eq!(name.as_str(), text.as_str());
            }
        }

        #[test]
        fn arbitrary_text_never_panics(text: String) {
            prop_assert!(parse(&text).is_err());
            let prefixed = ["did:key:z", &text].concat();
            prop_assert!(parse(&prefixed).is_err());
        }
    }
}
