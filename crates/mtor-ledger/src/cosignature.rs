//! Cosignatures (C2SP tlog-cosignature): a witness says that it has seen the log grow to this checkpoint, and never shrink or
//! change on the way.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mtor_identity::{PublicKey, Signature};
use serde::{Deserialize, Serialize};

use crate::checkpoint::{key_id, signature_lines, text_of};

/// The signed note's type of an Ed25519 cosignature.
const COSIGNATURE_V1: u8 = 4;
/// The latest time that is believed, in seconds since 1970: in the year 6325. Later ones can't be written as dates.
const TIME_S_MAX: u64 = 1 << 37;

/// A witness's key, as its keeper gives it out: name, key id and key, joined by plus signs.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct WitnessKey {
    name: String,
    key: PublicKey,
}

/// Why a text is no witness's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WitnessKeyError {
    /// Not of the form.
    #[error(
        "a witness's key looks like witness.example/w1+1a2b3c4d+BASE64: ask whoever keeps the witness for its vkey"
    )]
    Malformed,
    /// Of another kind.
    #[error("this is a key of type {0}, but a witness's is of type 4 (cosignature/v1)")]
    Kind(u8),
    /// Mistyped.
    #[error(
        "the key and its id (the part between the plus signs) do not belong together: is a character missing?"
    )]
    Id,
}

/// One line of a note by which a witness has cosigned it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cosignature {
    /// The line, with its end.
    pub line: String,
    /// When, by the witness's clock, in seconds since 1970.
    pub time_s: u64,
}

impl WitnessKey {
    /// The name that its lines begin with.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The cosignature by this key over the checkpoint in `note`, if it is among these lines. Other lines are of no account.
    pub fn find(&self, note: &str, lines: &str) -> Option<Cosignature> {
        let text = text_of(note)?;
        let id = key_id(&self.name, COSIGNATURE_V1, &self.key.to_bytes());
        signature_lines(lines).find_map(|line| {
            let line = line.ok()?;
            if line.name != self.name || line.id != id {
                return None;
            }
            let (time, signature) = line.signature.split_first_chunk::<8>()?;
            let (time_s, signature) = (u64::from_be_bytes(*time), <[u8; 64]>::try_from(signature).ok()?);
            if time_s > TIME_S_MAX {
                return None;
            }
            let message = format!("cosignature/v1\ntime {time_s}\n{text}");
            self.key.verify(message.as_bytes(), &Signature::from_bytes(signature)).ok()?;
            Some(Cosignature { line: format!("{}\n", line.whole), time_s })
        })
    }
}

impl TryFrom<String> for WitnessKey {
    type Error = WitnessKeyError;

    fn try_from(text: String) -> Result<Self, WitnessKeyError> {
        use WitnessKeyError::{Id, Kind, Malformed};
        let (name, rest) = text.split_once('+').ok_or(Malformed)?;
        let (id, key) = rest.split_once('+').ok_or(Malformed)?;
        if name.is_empty() || name.chars().any(char::is_whitespace) {
            return Err(Malformed);
        }
        let key = STANDARD.decode(key).map_err(|_| Malformed)?;
        let (kind, key) = key.split_first().ok_or(Malformed)?;
        if *kind != COSIGNATURE_V1 {
            return Err(Kind(*kind));
        }
        let key = <[u8; 32]>::try_from(key).ok().and_then(|key| PublicKey::from_bytes(key).ok());
        let key = key.ok_or(Malformed)?;
        let expected = u32::from_be_bytes(key_id(name, COSIGNATURE_V1, &key.to_bytes()));
        match format!("{expected:08x}") == id.to_ascii_lowercase() {
            true => Ok(Self { name: name.to_owned(), key }),
            false => Err(Id),
        }
    }
}

impl From<WitnessKey> for String {
    fn from(key: WitnessKey) -> Self {
        key.to_string()
    }
}

impl fmt::Display for WitnessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = self.key.to_bytes();
        let id = u32::from_be_bytes(key_id(&self.name, COSIGNATURE_V1, &key));
        let coded = STANDARD.encode([&[COSIGNATURE_V1][..], &key].concat());
        write!(f, "{}+{id:08x}+{coded}", self.name)
    }
}

impl fmt::Debug for WitnessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WitnessKey({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::Checkpoint;
    use mtor_identity::Keypair;
    use mtor_protocol::Digest;

    fn witness() -> (Keypair, WitnessKey) {
        let keypair = Keypair::from_seed([7; 32]);
        (
            Keypair::from_seed([7; 32]),
            WitnessKey { name: "witness.example/w1".to_owned(), key: keypair.public() },
        )
    }

    /// What the standard says, word by word.
    fn cosign(keypair: &Keypair, key: &WitnessKey, note: &str, time_s: u64) -> String {
        let (text, _) = note.split_once("\n\n").unwrap();
        let signature = keypair.sign(format!("cosignature/v1\ntime {time_s}\n{text}\n").as_bytes());
        let id = key_id(&key.name, 4, &key.key.to_bytes());
        let bytes = [&id[..], &time_s.to_be_bytes(), &signature.to_bytes()].concat();
        format!("\u{2014} {} {}\n", key.name, STANDARD.encode(bytes))
    }

    #[test]
    fn a_cosignature_is_found_among_other_lines_and_no_changed_one_is() {
        let (keypair, key) = witness();
        let note = Checkpoint { size: 9, root: Digest([5; 32]) }.sign(&Keypair::from_seed([9; 32]));
        let line = cosign(&keypair, &key, &note, 1_700_000_000);
        let others = "\u{2014} witness.example/w2 AAAAAAAAAAAA\nnonsense\n";
        let found = key.find(&note, &format!("{others}{line}")).unwrap();
        assert_eq!(found, Cosignature { line: line.clone(), time_s: 1_700_000_000 });
        assert!(Checkpoint::open(&format!("{note}{line}"), &Keypair::from_seed([9; 32]).public()).is_ok());

        assert_eq!(key.find(&note, others), None);
        assert_eq!(key.find(&note, &cosign(&keypair, &key, &note, TIME_S_MAX + 1)), None);
        let other_note = Checkpoint { size: 8, root: Digest([5; 32]) }.sign(&Keypair::from_seed([9; 32]));
        assert_eq!(key.find(&other_note, &line), None);
        for at in 0..line.len() - 1 {
            let mut changed = line.clone().into_bytes();
            changed[at] ^= 1;
            let Ok(changed) = String::from_utf8(changed) else { continue };
            assert_eq!(key.find(&note, &changed), None, "byte {at}");
        }
    }

    /// The console's tests hold the same vector.
    #[test]
    fn a_cosigned_note_is_that_of_other_implementations() {
        let (keypair, key) = witness();
        let note = Checkpoint { size: 9, root: Digest([5; 32]) }.sign(&Keypair::from_seed([9; 32]));
        assert_eq!(
            key.to_string(),
            "witness.example/w1+aa4a09d1+BOpKbGPinFIKvvVQexMuxfmVR3auvr57kkIe6mkURtIs"
        );
        assert_eq!(
            cosign(&keypair, &key, &note, 1_700_000_000),
            "\u{2014} witness.example/w1 qkoJ0QAAAABlU/EARZNtzvENi/YNnzqG3s7XqNUJT1U7XxGLVz+tQotK4nfhh0Xcte+3nhusfyTpqi1KOjNPvLt6xcp81hIWF3IkCQ==\n"
        );
    }

    #[test]
    fn keys_are_read_as_they_are_written_and_mistakes_are_named() {
        let (_, key) = witness();
        let text = key.to_string();
        assert_eq!(WitnessKey::try_from(text.clone()), Ok(key));
        let of = |text: &str| WitnessKey::try_from(text.to_owned()).unwrap_err();
        assert_eq!(of(&text.replacen("w1", "w2", 1)), WitnessKeyError::Id);
        assert_eq!(
            of("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"),
            WitnessKeyError::Kind(1)
        );
        for nonsense in ["", "witness", "a+b", "a b+00000000+BAAA", "+00000000+BAAA", &text[..text.len() - 4]]
        {
            assert_eq!(of(nonsense), WitnessKeyError::Malformed, "{nonsense}");
        }
    }
}
