//! Orders: jobs that a wallet signs, so that nobody but it can have asked.

use mtor_protocol::{Digest, Order};
use sha2::{Digest as _, Sha256};

use crate::key::{Keypair, PublicKey, Signature};

/// Why an order is none of the wallet that it names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the signature is not this wallet's, or not for this order in this realm")]
pub struct NotOrdered;

/// Signs an order, the JSON of a [`Submit`](mtor_protocol::Submit), for this realm.
///
/// ```
/// use mtor_identity::{Keypair, sign_order, verify_order};
/// let wallet = Keypair::from_seed([7; 32]);
/// let order = sign_order(&wallet, "did:key:z6MkRealm", "{}".to_owned());
/// assert!(verify_order(&order, "did:key:z6MkRealm").is_ok());
/// assert!(verify_order(&order, "did:key:z6MkOther").is_err());
/// ```
pub fn sign_order(wallet: &Keypair, realm: &str, order: String) -> Order {
    let signature = wallet.sign(text(realm, &order).as_bytes()).to_string();
    Order { order, by: wallet.did(), signature }
}

/// Checks that the wallet that an order names has signed it for this realm.
///
/// # Errors
/// [`NotOrdered`]
pub fn verify_order(order: &Order, realm: &str) -> Result<PublicKey, NotOrdered> {
    let key = PublicKey::from_did(order.by.as_str()).map_err(|_| NotOrdered)?;
    let signature: Signature = order.signature.parse().map_err(|_| NotOrdered)?;
    key.verify(text(realm, &order.order).as_bytes(), &signature).map_err(|_| NotOrdered)?;
    Ok(key)
}

fn text(realm: &str, order: &str) -> String {
    Order::signing_text(realm, &Digest(Sha256::digest(order).into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const REALM: &str = "did:key:z6MkRealm";

    /// The console's tests hold the same vector.
    #[test]
    fn the_signature_is_that_of_other_implementations() {
        let order = sign_order(&Keypair::from_seed([7; 32]), REALM, r#"{"id":"x"}"#.to_owned());
        assert_eq!(
            order.signature,
            "6FwDKmp07PsANjQSaWogxT_xaFfAdtPkxyc_Yylm-yQgtaH3R_ij3Ce7KJowSFkK5gpZLVbP7LvYyTOB3Q2-Dw"
        );
    }

    #[test]
    fn an_order_holds_for_its_text_its_realm_and_its_wallet_alone() {
        let order = sign_order(&Keypair::from_seed([7; 32]), REALM, "{}".to_owned());
        assert_eq!(verify_order(&order, REALM), Ok(Keypair::from_seed([7; 32]).public()));
        let others = [
            Order { order: "{ }".to_owned(), ..order.clone() },
            Order { by: Keypair::from_seed([8; 32]).did(), ..order.clone() },
            Order { signature: "AAAA".to_owned(), ..order.clone() },
            Order { signature: String::new(), ..order.clone() },
        ];
        for other in others {
            assert_eq!(verify_order(&other, REALM), Err(NotOrdered), "{other:?}");
        }
        assert_eq!(verify_order(&order, "did:key:z6MkOther"), Err(NotOrdered));
    }
}
