//! What the two sides of a job have signed, as far as a proof shows it: the wallet its order, the worker its result.

use mtor_core::{Entry, Fact, NewJob};
use mtor_identity::{PublicKey, Signature, verify_order};
use mtor_protocol::{Did, Digest, JobId, Order, OrderSeal, Receipt};

use super::{ProofError, Shown, salt_of};
use crate::commitment::commitment;

/// What somebody has signed of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Signed {
    /// Its wallet has ordered it.
    Order(Did),
    /// Its worker has done it.
    Receipt(Receipt),
}

/// Whether a signature is this worker's over this text.
fn holds(by: &Did, text: &str, signature: &str) -> bool {
    let key = PublicKey::from_did(by.as_str());
    let signature = signature.parse::<Signature>();
    matches!((key, signature), (Ok(key), Ok(signature)) if key.verify(text.as_bytes(), &signature).is_ok())
}

/// The signature that is shown, if it holds and is the one that the entry commits to.
pub(super) fn shown_signature(
    entry: &Entry,
    shown: &Shown,
    realm: &PublicKey,
) -> Result<Option<Signed>, ProofError> {
    match (&entry.fact, &shown.order, &shown.receipt) {
        (Fact::Accepted { job, .. }, Some(order), _) => shown_order(job, order, shown, realm).map(Some),
        (Fact::Settled { id, receipt: Some(committed), .. }, _, Some(receipt)) => {
            shown_receipt(*id, *committed, receipt, shown).map(Some)
        }
        (_, None, None) => Ok(None),
        _ => Err(ProofError::Signature("the entry commits to none")),
    }
}

fn shown_order(job: &NewJob, seal: &str, shown: &Shown, realm: &PublicKey) -> Result<Signed, ProofError> {
    let salt = shown.salt.as_deref().and_then(salt_of).ok_or(ProofError::Text)?;
    if job.order != Some(commitment(&salt, seal.as_bytes())) {
        return Err(ProofError::Signature("it is not the one that the entry commits to"));
    }
    let seal: OrderSeal =
        serde_json::from_str(seal).map_err(|_| ProofError::Signature("it can't be read"))?;
    let order = shown.request.as_ref().ok_or(ProofError::Signature("what was signed is not shown"))?;
    let OrderSeal { by, signature } = seal;
    let order = Order { order: order.clone(), by, signature };
    match verify_order(&order, realm.to_did().as_str()) {
        Ok(_) => Ok(Signed::Order(order.by)),
        Err(_) => Err(ProofError::Signature("the wallet that it names did not sign this order")),
    }
}

fn shown_receipt(id: JobId, committed: Digest, receipt: &str, shown: &Shown) -> Result<Signed, ProofError> {
    let salt = shown.salt.as_deref().and_then(salt_of).ok_or(ProofError::Text)?;
    if committed != commitment(&salt, receipt.as_bytes()) {
        return Err(ProofError::Signature("it is not the one that the entry commits to"));
    }
    let receipt: Receipt =
        serde_json::from_str(receipt).map_err(|_| ProofError::Signature("it can't be read"))?;
    match holds(&receipt.by, &receipt.signing_text(id), &receipt.signature) {
        true => Ok(Signed::Receipt(receipt)),
        false => Err(ProofError::Signature("the worker that it names did not sign this result")),
    }
}
