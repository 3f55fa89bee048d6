//! Changes of a wallet's keys: signed by the key that may, and by the key that comes.

use mtor_protocol::{AccountId, JobId, KeyChange, KeyId, KeyStatement};

use crate::guid::guid;
use crate::key::{Keypair, PublicKey, Signature};

/// Why a statement changes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotStated {
    /// Its signature.
    #[error("the signature is not that of the key that the statement names, or not for this realm")]
    Signature,
    /// The new key has not signed, or not this.
    #[error("the new key has to sign the statement too, and has not")]
    Next,
    /// A key that is none.
    #[error("the key that it names is none: a did:key of Ed25519 is wanted")]
    Named,
}

/// The keys of a statement whose signatures hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stated {
    /// Who signed it.
    pub by: KeyId,
    /// The key that it names, if it names one.
    pub named: Option<KeyId>,
}

/// The name of a key by which wallets' keys are told apart.
pub fn key_id(key: &PublicKey) -> KeyId {
    guid(key).first_key()
}

/// Signs a change of a wallet's keys for this realm; `next` signs too, where it becomes the wallet's key.
///
/// ```
/// use mtor_identity::{Keypair, guid, sign_keys, verify_keys};
/// use mtor_protocol::{JobId, KeyChange};
/// let [old, new] = [[1; 32], [2; 32]].map(Keypair::from_seed);
/// let change = KeyChange::Rotate { next: new.did() };
/// let statement = sign_keys(&old, Some(&new), "did:key:z6MkRealm", JobId(7), guid(&old.public()), change);
/// assert!(verify_keys(&statement, "did:key:z6MkRealm").is_ok());
/// assert!(verify_keys(&statement, "did:key:z6MkOther").is_err());
/// ```
pub fn sign_keys(
    by: &Keypair,
    next: Option<&Keypair>,
    realm: &str,
    id: JobId,
    wallet: AccountId,
    change: KeyChange,
) -> KeyStatement {
    let text = KeyStatement::signing_text(realm, id, wallet, &change);
    let sign = |key: &Keypair| key.sign(text.as_bytes()).to_string();
    KeyStatement { id, wallet, by: by.did(), signature: sign(by), next_signature: next.map(sign), change }
}

/// Checks that whom a statement names has signed it for this realm, and so has the key that becomes the wallet's by it.
///
/// # Errors
/// [`NotStated`]
pub fn verify_keys(statement: &KeyStatement, realm: &str) -> Result<Stated, NotStated> {
    let KeyStatement { id, wallet, change, by, signature, next_signature } = statement;
    let text = KeyStatement::signing_text(realm, *id, *wallet, change);
    let signed = |key: &PublicKey, signature: &str| {
        // Read and written again: what stands in the log has one spelling.
        let read = signature.parse::<Signature>().ok().filter(|read| read.to_string() == signature);
        read.is_some_and(|read| key.verify(text.as_bytes(), &read).is_ok())
    };
    let by = PublicKey::from_did(by.as_str()).map_err(|_| NotStated::Signature)?;
    if !signed(&by, signature) {
        return Err(NotStated::Signature);
    }
    let named = change.named().map(|did| PublicKey::from_did(did.as_str())).transpose();
    let named = named.map_err(|_| NotStated::Named)?;
    let next = change.next().and(named);
    let next_holds = match (next, next_signature) {
        (Some(next), Some(signature)) => signed(&next, signature),
        (None, None) => true,
        _ => false,
    };
    match next_holds {
        true => Ok(Stated { by: key_id(&by), named: named.as_ref().map(key_id) }),
        false => Err(NotStated::Next),
    }
}

#[cfg(test)]
mod tests {
    use mtor_protocol::Did;

    use super::*;

    const REALM: &str = "did:key:z6MkRealm";

    fn keys() -> [Keypair; 3] {
        [[1; 32], [2; 32], [3; 32]].map(Keypair::from_seed)
    }

    fn rotation() -> KeyStatement {
        let [old, new, _] = keys();
        let change = KeyChange::Rotate { next: new.did() };
        sign_keys(&old, Some(&new), REALM, JobId(7), guid(&old.public()), change)
    }

    /// The console's tests hold the same vector.
    #[test]
    fn the_signatures_are_those_of_other_implementations() {
        let KeyStatement { signature, next_signature, .. } = rotation();
        assert_eq!(
            signature,
            "sOKBg2IvbJVmPJFPLkwuACC_QaZuRDCVJppJmhr9CwZl0FM672eEQOQtCxNb5NCVgXoY4-kAgwpBUn8u-gAeCQ"
        );
        assert_eq!(
            next_signature.as_deref(),
            Some("oh92tF_CpIF97biTU1yoP8Te2kfA4pWvWKgpgbkcfhR_sBDxBeSmBwyk75AUO-QwFWGYzu6RMiXx8GXqlJn9BQ")
        );
    }

    #[test]
    fn a_statement_holds_for_what_it_says_its_realm_and_its_keys_alone() {
        let [old, new, other] = keys();
        let statement = rotation();
        let stated = Stated { by: key_id(&old.public()), named: Some(key_id(&new.public())) };
        assert_eq!(verify_keys(&statement, REALM), Ok(stated));
        assert_eq!(verify_keys(&statement, "did:key:z6MkOther"), Err(NotStated::Signature));
        let but = |change: fn(&mut KeyStatement)| {
            let mut statement = statement.clone();
            change(&mut statement);
            verify_keys(&statement, REALM)
        };
        assert_eq!(but(|it| it.id = JobId(8)), Err(NotStated::Signature));
        assert_eq!(but(|it| it.wallet = AccountId(8)), Err(NotStated::Signature));
        assert_eq!(but(|it| it.signature.push('=')), Err(NotStated::Signature));
        assert_eq!(but(|it| it.next_signature = None), Err(NotStated::Next));
        assert_eq!(but(|it| it.next_signature = Some(it.signature.clone())), Err(NotStated::Next));
        assert_eq!(but(|it| it.by = it.change.next().unwrap().clone()), Err(NotStated::Signature));
        // A key that somebody else holds can't be made one's own.
        let foreign = KeyChange::Rotate { next: other.did() };
        let foreign = sign_keys(&old, Some(&new), REALM, JobId(7), guid(&old.public()), foreign);
        assert_eq!(verify_keys(&foreign, REALM), Err(NotStated::Next));
        // Nothing stands in a statement that nobody needs.
        let veto = KeyChange::Veto { ask: JobId(1) };
        let veto = sign_keys(&old, Some(&new), REALM, JobId(7), guid(&old.public()), veto);
        assert_eq!(verify_keys(&veto, REALM), Err(NotStated::Next));
        let nobody = KeyChange::NameRecovery { key: Some(Did("did:key:nobody".to_owned())) };
        let nobody = sign_keys(&old, None, REALM, JobId(7), guid(&old.public()), nobody);
        assert_eq!(verify_keys(&nobody, REALM), Err(NotStated::Named));
    }
}
