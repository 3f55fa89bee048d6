//! Salted commitments: what the journal says about texts without saying them. Whoever has the text and the salt can
//! check it; nobody can guess a short text from the log alone.

use mtor_identity::Keypair;
use mtor_protocol::{AccountId, Digest, JobId, KeyStatement};
use sha2::{Digest as _, Sha256};

/// The salt of one job's commitments.
pub type Salt = [u8; 16];

/// The commitment to `bytes`: SHA-256 over the salt, then the bytes.
///
/// ```
/// let commitment = mtor_ledger::commitment(&[7; 16], b"What is the capital of France?");
/// assert_ne!(commitment, mtor_ledger::commitment(&[8; 16], b"What is the capital of France?"));
/// ```
pub fn commitment(salt: &Salt, bytes: &[u8]) -> Digest {
    Digest(Sha256::new().chain_update(salt).chain_update(bytes).finalize().into())
}

/// The commitment to an answer: to its text where it is nothing else, so that whoever has the text can check it. Of sound
/// no more is kept than the digest of the whole answer; there, that is what is committed to.
pub fn answer_commitment(salt: &Salt, text: &str, whole: Digest) -> Digest {
    match digest(text.as_bytes()) == whole {
        true => commitment(salt, text.as_bytes()),
        false => commitment(salt, &whole.0),
    }
}

/// The plain SHA-256 of `bytes`, as in `JobInfo::output`.
pub fn digest(bytes: &[u8]) -> Digest {
    Digest(Sha256::digest(bytes).into())
}

/// What tells a change of keys from another under the same id.
pub fn statement_digest(statement: &KeyStatement) -> Digest {
    // These fields are texts and numbers: they can't fail to be written.
    digest(&serde_json::to_vec(statement).unwrap_or_default())
}

/// A salt for the job or transfer of this id, which only the holder of the realm's key can compute. The same id gives
/// the same salt, so that a request that is repeated gives the same commitment, even when the first one is forgotten.
pub fn salt(realm: &Keypair, id: JobId) -> Salt {
    let hash = Sha256::new()
        .chain_update(b"mtor commitment salt v1\n")
        .chain_update(realm.seed().as_slice())
        .chain_update(id.0.to_be_bytes())
        .finalize();
    let mut salt = [0; 16];
    salt.copy_from_slice(&hash[..16]);
    salt
}

/// The name under which the answer to a request of this account is remembered. Only the holder of the realm's key can compute
/// it, so that it tells nobody what was asked, and no account meets what another one has asked.
pub fn memory_key(realm: &Keypair, account: AccountId, request: &[u8]) -> Digest {
    let hash = Sha256::new()
        .chain_update(b"mtor memory key v1\n")
        .chain_update(realm.seed().as_slice())
        .chain_update(account.0.to_be_bytes())
        .chain_update(request);
    Digest(hash.finalize().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_salt_belongs_to_one_realm_and_one_id() {
        let [one, other] = [1, 2].map(|seed| Keypair::from_seed([seed; 32]));
        assert_eq!(salt(&one, JobId(1)), salt(&one, JobId(1)));
        assert_ne!(salt(&one, JobId(1)), salt(&one, JobId(2)));
        assert_ne!(salt(&one, JobId(1)), salt(&other, JobId(1)));
    }
}
