//! Recovery phrases: a key as twelve English words (BIP-39), for paper and for memory.
//!
//! The way from words to key is standard all along, so that other tools find the same key: BIP-39 with an empty
//! passphrase makes a seed, and SLIP-0010 for Ed25519 takes it down m/44'/9000'/0'.

use std::fmt;
use std::str::FromStr;

use bip39::{Language, Mnemonic};
use zeroize::Zeroizing;

use crate::defaults::{DERIVATION_PATH, PHRASE_WORDS};
use crate::key::Keypair;
use crate::random::{RandomnessError, random_bytes};
use crate::slip10;

/// What is wrong with a recovery phrase. The words themselves are a secret and are never repeated here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PhraseError {
    /// Not twelve words.
    #[error("a recovery phrase has {PHRASE_WORDS} words; this one has {found}")]
    WordCount {
        /// How many there are.
        found: usize,
    },
    /// A word that the list does not have.
    #[error("word {position} of the recovery phrase is not in the BIP-39 English list; check its spelling")]
    UnknownWord {
        /// Its place in the phrase, from 1.
        position: usize,
    },
    /// All words are in the list but do not belong together.
    #[error(
        "the words are all in the list, but their checksum fails: one of them is another word than was written \
         down, or two have changed places"
    )]
    Checksum,
}

/// Twelve words that are a key. Wiped from memory on drop; `Debug` does not show them.
///
/// ```
/// use mtor_identity::Phrase;
/// // Capitals and spaces don't matter.
/// let words = "  Legal winner THANK year wave sausage worth useful legal winner thank   yellow ";
/// let phrase: Phrase = words.parse()?;
/// assert_eq!(phrase.keypair().did().as_str(), "did:key:z6MkhwbYKEYTTgDTckscw4m9dkMVty2srriwoLFk3T2jzTLG");
/// # Ok::<(), mtor_identity::PhraseError>(())
/// ```
pub struct Phrase {
    entropy: Zeroizing<[u8; 16]>,
}

impl Phrase {
    /// A new phrase from the operating system's randomness.
    ///
    /// # Errors
    /// [`RandomnessError`] when the operating system has none to give.
    pub fn generate() -> Result<Self, RandomnessError> {
        random_bytes().map(Self::from_entropy)
    }

    /// The phrase of these 128 bits.
    pub fn from_entropy(entropy: [u8; 16]) -> Self {
        Self { entropy: Zeroizing::new(entropy) }
    }

    /// The 128 bits that the words stand for: as secret as the words.
    pub fn entropy(&self) -> &[u8; 16] {
        &self.entropy
    }

    /// The words, in lower case, one space between them. Show them to their owner and to nobody else.
    pub fn words(&self) -> Zeroizing<String> {
        // Sized for the longest words there are (eight letters), so that no copy is left behind by growing.
        let mut words = Zeroizing::new(String::with_capacity(PHRASE_WORDS * 9));
        for word in self.mnemonic().words() {
            if !words.is_empty() {
                words.push(' ');
            }
            words.push_str(word);
        }
        words
    }

    /// The key that this phrase is.
    pub fn keypair(&self) -> Keypair {
        let seed = Zeroizing::new(self.mnemonic().to_seed_normalized(""));
        Keypair::from_seed(*slip10::derive(&*seed, &DERIVATION_PATH))
    }

    fn mnemonic(&self) -> Mnemonic {
        Mnemonic::from_entropy_in(Language::English, &*self.entropy)
            .expect("BIP-39 takes 16 bytes of entropy")
    }
}

impl FromStr for Phrase {
    type Err = PhraseError;

    fn from_str(text: &str) -> Result<Self, PhraseError> {
        let found = text.split_whitespace().count();
        if found != PHRASE_WORDS {
            return Err(PhraseError::WordCount { found });
        }
        let lower = Zeroizing::new(text.to_ascii_lowercase());
        let mnemonic =
            Mnemonic::parse_in_normalized(Language::English, &lower).map_err(|error| match error {
                bip39::Error::UnknownWord(index) => PhraseError::UnknownWord { position: index + 1 },
                bip39::Error::BadWordCount(found) => PhraseError::WordCount { found },
                // The other errors are about entropy and about telling languages apart, which parsing in English has not.
                _ => PhraseError::Checksum,
            })?;
        let bytes = Zeroizing::new(mnemonic.to_entropy_array().0);
        let mut entropy = Zeroizing::new([0; 16]);
        entropy.copy_from_slice(&bytes[..16]);
        Ok(Self { entropy })
    }
}

impl fmt::Debug for Phrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Phrase(not shown)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::slip10::tests::bytes;
    use proptest::prelude::*;

    /// The twelve-word vectors of BIP-39 (entropy, words, seed under the passphrase "TREZOR").
    const VECTORS: [(u8, &str, &str); 4] = [
        (
            0x00,
            "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about",
            "c55257c360c07c72029aebc1b53c05ed0362ada38ead3e3e9efa3708e5349553\
             1f09a6987599d18264c1e1c92f2cf141630c7a3c4ab7c81b2f001698e7463b04",
        ),
        (
            0x7F,
            "legal winner thank year wave sausage worth useful legal winner thank yellow",
            "2e8905819b8723fe2c1d161860e5ee1830318dbf49a83bd451cfb8440c28bd6f\
             a457fe1296106559a3c80937a1c1069be3a3a5bd381ee6260e8d9739fce1f607",
        ),
        (
            0x80,
            "letter advice cage absurd amount doctor acoustic avoid letter advice cage above",
            "d71de856f81a8acc65e6fc851a38d4d7ec216fd0796d0a6827a3ad6ed5511a30\
             fa280f12eb2e47ed2ac03b5c462a0358d18d69fe4f985ec81778c1b370b652a8",
        ),
        (
            0xFF,
            "zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo wrong",
            "ac27495480225222079d7be181583751e86f571027b0497b5b5d11218e0a8a13\
             332572917f0f8e5a589620c6f15b11c61dee327651a14c34e18231052e48c069",
        ),
    ];

    #[test]
    fn official_vectors_of_bip_39() {
        for (byte, words, seed) in VECTORS {
            let phrase = Phrase::from_entropy([byte; 16]);
            assert_eq!(&*phrase.words(), words);
            assert_eq!(words.parse::<Phrase>().unwrap().entropy(), &[byte; 16]);
            assert_eq!(phrase.mnemonic().to_seed_normalized("TREZOR"), bytes::<64>(seed));
        }
    }

    /// The console's tests read the same file: both sides must come to the same wallets.
    #[test]
    fn words_are_the_same_wallet_as_in_the_console() {
        let vectors: Vec<serde_json::Value> =
            serde_json::from_str(include_str!("../vectors/phrases.json")).unwrap();
        assert!(vectors.len() > 3);
        for vector in vectors {
            let text = |name: &str| vector[name].as_str().unwrap();
            let phrase: Phrase = text("words").parse().unwrap();
            assert_eq!(phrase.entropy(), &bytes::<16>(text("entropy")));
            assert_eq!(phrase.keypair().did().as_str(), text("did"));
        }
    }

    #[test]
    fn spaces_and_capitals_are_forgiven() {
        let (byte, words, _) = VECTORS[2];
        for text in [words.to_uppercase(), words.replace(' ', " \t\n  "), format!("\n {words} \r\n")] {
            assert_eq!(text.parse::<Phrase>().unwrap().entropy(), &[byte; 16]);
        }
    }

    #[test]
    fn mistakes_are_named_by_place_and_never_by_word() {
        let error = |text: &str| text.parse::<Phrase>().unwrap_err();
        let (_, words, _) = VECTORS[1];
        assert_eq!(error(""), PhraseError::WordCount { found: 0 });
        assert_eq!(error("zoo zoo"), PhraseError::WordCount { found: 2 });
        // Valid BIP-39 of another length is still not ours.
        let fifteen = "abandon ".repeat(14) + "address";
        assert_eq!(error(&fifteen), PhraseError::WordCount { found: 15 });

        let misspelt = error(&words.replace("sausage", "sossage"));
        assert_eq!(misspelt, PhraseError::UnknownWord { position: 6 });
        assert!(misspelt.to_string().starts_with("word 6 "));
        assert!(!misspelt.to_string().contains("sossage"));
        assert_eq!(error(&words.replace("yellow", "gälb")), PhraseError::UnknownWord { position: 12 });

        assert_eq!(error(&words.replace("yellow", "zoo")), PhraseError::Checksum);
        assert_eq!(error(&words.replace("wave sausage", "sausage wave")), PhraseError::Checksum);
    }

    #[test]
    fn debug_shows_no_word() {
        assert_eq!(format!("{:?}", Phrase::from_entropy([0xFF; 16])), "Phrase(not shown)");
    }

    proptest! {
        // Each case stretches a key with 2 x 2,048 rounds of HMAC.
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn words_bring_the_key_back(entropy: [u8; 16]) {
            let phrase = Phrase::from_entropy(entropy);
            let again: Phrase = phrase.words().parse().unwrap();
            prop_assert_eq!(again.entropy(), &entropy);
            prop_assert_eq!(again.keypair().did(), phrase.keypair().did());
        }

        #[test]
        fn arbitrary_text_never_panics(text: String) {
            prop_assert!(text.parse::<Phrase>().is_err());
        }
    }
}
