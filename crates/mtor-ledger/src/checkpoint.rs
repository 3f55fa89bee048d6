//! Checkpoints: the log's size and root, signed by the realm. A C2SP signed note whose origin and key name are the
//! realm's `did:key`, so that a checkpoint says by itself which key has to have signed it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mtor_identity::{Keypair, PublicKey, Signature};
use mtor_protocol::Digest;
use sha2::{Digest as _, Sha256};

/// The signed note's type of an Ed25519 signature.
const ED25519: u8 = 1;
/// How a signature line of a note begins.
const SIGNATURE: &str = "\u{2014} ";
/// Longest note that is looked at, in bytes; one signature takes about 200.
const NOTE_BYTES_MAX: usize = 16 << 10;

/// What a checkpoint says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checkpoint {
    /// Leaves in the tree.
    pub size: u64,
    /// The Merkle root over them.
    pub root: Digest,
}

/// What is wrong with a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// Not a signed note, or not one with an origin, a size and a root.
    #[error("it is no checkpoint: {0}")]
    Malformed(&'static str),
    /// Of another log.
    #[error("it is of the log {found}, not of {expected}")]
    OtherLog {
        /// The origin that it names.
        found: String,
        /// The realm's.
        expected: String,
    },
    /// The realm's key did not sign it.
    #[error("its signature is not of the realm's key {0}")]
    Signature(String),
}

impl Checkpoint {
    /// The checkpoint as a note signed by the realm.
    pub fn sign(&self, realm: &Keypair) -> String {
        let origin = realm.did();
        let text = format!("{origin}\n{}\n{}\n", self.size, STANDARD.encode(self.root.0));
        let mut signature = realm_key_id(&realm.public()).to_vec();
        signature.extend(realm.sign(text.as_bytes()).to_bytes());
        format!("{text}\n— {origin} {}\n", STANDARD.encode(signature))
    }

    /// Reads a note, if the realm has signed it. Signatures of others in it are of no account.
    ///
    /// # Errors
    /// [`CheckpointError`]
    pub fn open(note: &str, realm: &PublicKey) -> Result<Self, CheckpointError> {
        use CheckpointError::Malformed;
        if note.len() > NOTE_BYTES_MAX {
            return Err(Malformed("it is too long"));
        }
        if note.chars().any(|char| char.is_ascii_control() && char != '\n') {
            return Err(Malformed("it has control characters"));
        }
        let text = text_of(note).ok_or(Malformed("there is no blank line before the signatures"))?;
        let signatures = &note[text.len() + 1..];
        let mut lines = text.lines();
        let (Some(origin), Some(size), Some(root)) = (lines.next(), lines.next(), lines.next()) else {
            return Err(Malformed("it has fewer than three lines"));
        };
        let name = realm.to_did();
        if origin != name.as_str() {
            return Err(CheckpointError::OtherLog { found: origin.to_owned(), expected: name.0 });
        }
        if !signed_by(signatures, text, realm)? {
            return Err(CheckpointError::Signature(name.0));
        }
        let value: u64 = size.parse().map_err(|_| Malformed("the size is no number"))?;
        if value.to_string() != size {
            return Err(Malformed("the size is not written as it should be"));
        }
        let root = STANDARD.decode(root).ok().and_then(|root| root.try_into().ok());
        Ok(Self { size: value, root: Digest(root.ok_or(Malformed("the root is no hash"))?) })
    }
}

/// Notes that stand one after the other in a text: each ends with its signature lines. What is no note comes out as one part
/// too, for whoever opens it to say so.
pub(crate) fn split_notes(text: &str) -> Vec<&str> {
    let mut notes = Vec::new();
    let (mut first, mut at, mut is_signed) = (0, 0, false);
    for line in text.split_inclusive('\n') {
        let is_signature = line.starts_with(SIGNATURE);
        // A blank line is part of a note only between its text and its signatures.
        let is_between = line.trim().is_empty() && text[first..at].trim().is_empty();
        if (is_signed && !is_signature) || is_between {
            notes.push(&text[first..at]);
            first = if line.trim().is_empty() { at + line.len() } else { at };
        }
        is_signed = is_signature;
        at += line.len();
    }
    notes.push(&text[first..]);
    notes.retain(|note| !note.trim().is_empty());
    notes
}

/// The text of a note that its signatures are over, with the end of its last line.
pub(crate) fn text_of(note: &str) -> Option<&str> {
    note.rfind("\n\n").map(|split| &note[..=split])
}

/// A signature line, taken apart.
pub(crate) struct SignatureLine<'t> {
    /// All of it, without its end.
    pub(crate) whole: &'t str,
    /// Whose it is.
    pub(crate) name: &'t str,
    /// The id of the key.
    pub(crate) id: [u8; 4],
    /// What stands after the id.
    pub(crate) signature: Vec<u8>,
}

/// The signature lines of a note.
pub(crate) fn signature_lines(
    lines: &str,
) -> impl Iterator<Item = Result<SignatureLine<'_>, CheckpointError>> {
    let malformed = CheckpointError::Malformed("a signature line is not of the form \u{2014} NAME BASE64");
    lines.lines().map(move |whole| {
        let parts = whole.strip_prefix(SIGNATURE).and_then(|rest| rest.split_once(' '));
        let (name, encoded) = parts.ok_or_else(|| malformed.clone())?;
        let bytes = STANDARD.decode(encoded).map_err(|_| malformed.clone())?;
        let (id, signature) = bytes.split_first_chunk::<4>().ok_or_else(|| malformed.clone())?;
        Ok(SignatureLine { whole, name, id: *id, signature: signature.to_vec() })
    })
}

/// Whether one of the signature lines is the realm's, over this text.
fn signed_by(lines: &str, text: &str, realm: &PublicKey) -> Result<bool, CheckpointError> {
    let malformed = CheckpointError::Malformed("there is no whole signature line");
    if lines.is_empty() || !lines.ends_with('\n') {
        return Err(malformed);
    }
    for line in signature_lines(lines) {
        let SignatureLine { name, id, signature, .. } = line?;
        if name != realm.to_did().as_str() || id != realm_key_id(realm) {
            continue;
        }
        let signature = <[u8; 64]>::try_from(signature).map_err(|_| malformed)?;
        return Ok(realm.verify(text.as_bytes(), &Signature::from_bytes(signature)).is_ok());
    }
    Ok(false)
}

/// The key as tools of others want it (`golang.org/x/mod/sumdb/note`): name, key id and key, joined by plus signs.
pub fn verifier_key(realm: &PublicKey) -> String {
    let id = u32::from_be_bytes(realm_key_id(realm));
    let mut key = vec![ED25519];
    key.extend(realm.to_bytes());
    format!("{}+{id:08x}+{}", realm.to_did(), STANDARD.encode(key))
}

fn realm_key_id(realm: &PublicKey) -> [u8; 4] {
    key_id(realm.to_did().as_str(), ED25519, &realm.to_bytes())
}

/// The signed note's key id: not a secret, and no proof of anything; it only says which signature to look at.
pub(crate) fn key_id(name: &str, kind: u8, key: &[u8; 32]) -> [u8; 4] {
    let hash = Sha256::new().chain_update(name).chain_update([b'\n', kind]).chain_update(key).finalize();
    [hash[0], hash[1], hash[2], hash[3]]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn realm() -> Keypair {
        Keypair::from_seed([9; 32])
    }

    const CHECKPOINT: Checkpoint = Checkpoint { size: 70_000, root: Digest([5; 32]) };

    #[test]
    fn a_note_has_the_form_of_the_standard() {
        let note = CHECKPOINT.sign(&realm());
        let lines: Vec<_> = note.split('\n').collect();
        assert_eq!(lines[0], realm().did().as_str());
        assert_eq!(lines[1..4], ["70000", "BQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQU=", ""]);
        assert!(lines[4].starts_with(&format!("\u{2014} {} ", realm().did())));
        assert_eq!(lines[5..], [""]);
        assert_eq!(Checkpoint::open(&note, &realm().public()), Ok(CHECKPOINT));
    }

    /// The key in the documentation of Go's `golang.org/x/mod/sumdb/note`.
    #[test]
    fn key_ids_are_those_of_other_implementations() {
        let (name, rest) =
            "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW".split_once('+').unwrap();
        let (id, key) = rest.split_once('+').unwrap();
        let key: [u8; 33] = STANDARD.decode(key).unwrap().try_into().unwrap();
        let (kind, key) = key.split_first_chunk::<1>().unwrap();
        assert_eq!(*kind, [ED25519]);
        assert_eq!(format!("{:08x}", u32::from_be_bytes(key_id(name, ED25519, key.try_into().unwrap()))), id);

        let ours = verifier_key(&realm().public());
        assert!(ours.starts_with(&format!("{}+", realm().did())) && ours.matches('+').count() >= 2, "{ours}");
    }

    #[test]
    fn signatures_of_others_are_of_no_account() {
        let note = CHECKPOINT.sign(&realm());
        let witness = "\u{2014} witness.example/w AAAAAAAAAAAA\n";
        assert_eq!(Checkpoint::open(&format!("{note}{witness}"), &realm().public()), Ok(CHECKPOINT));
        let (text, _) = note.split_once("\n\n").unwrap();
        assert_eq!(
            Checkpoint::open(&format!("{text}\n\n{witness}"), &realm().public()),
            Err(CheckpointError::Signature(realm().did().0))
        );
    }

    #[test]
    fn notes_in_one_text_are_told_apart() {
        let first = CHECKPOINT.sign(&realm());
        let second = Checkpoint { size: 70_001, ..CHECKPOINT }.sign(&realm());
        let cosigned = format!("{first}\u{2014} witness.example/w AAAAAAAAAAAA\n");
        let whole = format!("{cosigned}{second}{second}");
        assert_eq!(split_notes(&whole), [cosigned.as_str(), &second, &second]);
        let apart = format!("\n\n{first}\n\n{second}\n");
        assert_eq!(split_notes(&apart), [first.as_str(), &second]);
        assert_eq!(split_notes(&format!("{first}an error page\n")), [first.as_str(), "an error page\n"]);
        assert_eq!(split_notes(" \n\n"), Vec::<&str>::new());
    }

    #[test]
    fn another_realm_is_another_log() {
        let other = Keypair::from_seed([8; 32]);
        assert!(matches!(
            Checkpoint::open(&CHECKPOINT.sign(&other), &realm().public()),
            Err(CheckpointError::OtherLog { .. })
        ));
    }

    proptest! {
        #[test]
        fn a_changed_byte_is_never_accepted(at: prop::sample::Index, bit in 0u8..8) {
            let mut note = CHECKPOINT.sign(&realm()).into_bytes();
            let at = at.index(note.len());
            note[at] ^= 1 << bit;
            if let Ok(note) = String::from_utf8(note) {
                prop_assert!(Checkpoint::open(&note, &realm().public()).is_err(), "{note}");
            }
        }

        #[test]
        fn nonsense_never_panics(text: String) {
            prop_assert!(Checkpoint::open(&text, &realm().public()).is_err());
        }
    }
}
