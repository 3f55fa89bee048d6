//! Who somebody is in a Multi-Tronic Operating Realm, and how they prove it.
//!
//! A wallet, a worker, a realm: each is an Ed25519 key pair ([`Keypair`]), named by the `did:key` of its public half
//! ([`did`]) and known in the books by the GUID derived from it ([`guid()`]). A key lives in a file that only its owner
//! reads ([`KeyFile`]) and comes back from twelve words ([`Phrase`]), or, with the feature `backup`, from a file under a
//! password. It proves itself once for each WebSocket
//! ([`Challenge`], [`session`]) and once for each signed HTTP request ([`http_signature`], with [`NonceCache`] against
//! replays). With the feature `work` it can prove that it has taken pains as well.
//!
//! What must not live here: networks, async, clocks (the caller passes the time in), balances, permissions, and the
//! signing of the ledger's checkpoints.
//!
//! ```
//! use mtor_identity::{Keypair, PublicKey};
//!
//! let wallet = Keypair::generate()?;
//! let signature = wallet.sign(b"draw a neon cloud mountain");
//!
//! // Whoever knows the name can check the signature: the name is the public key.
//! let name = wallet.public().to_did();
//! let signer = PublicKey::from_did(name.as_str())?;
//! assert!(signer.verify(b"draw a neon cloud mountain", &signature).is_ok());
//! assert!(signer.verify(b"send all my coins", &signature).is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#[cfg(feature = "backup")]
pub mod backup;
pub mod defaults;
pub mod did;
pub mod file;
pub mod guid;
pub mod http_signature;
pub mod key;
pub mod key_statement;
pub mod nonce_cache;
pub mod order;
pub mod phrase;
pub mod prepared;
pub mod random;
pub mod session;
mod slip10;
#[cfg(feature = "work")]
pub mod work;

#[cfg(feature = "backup")]
pub use backup::{Backup, BackupError};
pub use did::DidError;
pub use file::{KeyFile, KeyFileError};
pub use guid::guid;
pub use http_signature::{
    HttpSignatureError, RequestParts, SignatureHeaders, Verified, sign_request, verify_request,
};
pub use key::{Keypair, PublicKey, PublicKeyError, Signature, SignatureTextError, VerifyError};
pub use key_statement::{NotStated, Stated, key_id, sign_keys, verify_keys};
pub use nonce_cache::{NonceCache, NonceError};
pub use order::{NotOrdered, sign_order, verify_order};
pub use phrase::{Phrase, PhraseError};
pub use prepared::PreparedKey;
pub use random::{RandomnessError, random_nonce};
pub use session::{Answer, Challenge, Offer, SessionError};
#[cfg(feature = "work")]
pub use work::{Work, WorkError};
