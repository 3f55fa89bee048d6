//! Challenge and answer: how a WebSocket learns who is at its other end.
//!
//! The realm opens each connection with a [`Challenge`]: its own name, a nonce that is used once, and an end. The other
//! side signs [`signed_bytes`] with its key and sends the [`Answer`]. From then on the connection is that wallet's, and
//! its frames need no signatures.
//!
//! A challenge belongs to one connection. It can't be cloned, and [`Challenge::verify`] consumes it, so an answer
//! recorded on the wire is of no use on any connection, this one included.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use mtor_protocol::body::{self, SessionRole};
use mtor_protocol::{Did, SUBPROTOCOL, Timestamp};

use crate::defaults::CHALLENGE_NONCE_BYTES;
use crate::did::DidError;
use crate::key::{Keypair, PublicKey, Signature, SignatureTextError};
use crate::random::{RandomnessError, random_bytes};

/// Why a challenge or an answer is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SessionError {
    /// The realm's name in the challenge is no `did:key`.
    #[error("the challenge names no realm: {0}")]
    Realm(DidError),
    /// The nonce in the challenge is not what a realm makes.
    #[error("the nonce of a challenge is {CHALLENGE_NONCE_BYTES} bytes in base64url without padding")]
    Nonce,
    /// The challenge comes from another realm than the one that was meant.
    #[error(
        "this is realm {found}, not the expected {expected}; check the address, somebody may stand in between"
    )]
    OtherRealm {
        /// The realm that was meant.
        expected: Did,
        /// The realm that the challenge names.
        found: Did,
    },
    /// The answer came too late.
    #[error("the answer came {late_ms} ms after the challenge ended; connect again and answer sooner")]
    Expired {
        /// By how much.
        late_ms: u64,
    },
    /// The name in the answer is no `did:key`.
    #[error("the answer names no wallet: {0}")]
    Signer(DidError),
    /// The signature in the answer is no signature at all.
    #[error("the answer holds no signature: {0}")]
    SignatureText(#[from] SignatureTextError),
    /// The signature is over something else, or by another key.
    #[error(
        "the signature does not prove this wallet for this connection; sign the challenge of this connection, with \
         the role that is asked for"
    )]
    Signature,
}

/// The bytes that an answer signs, in the one place where they are defined.
///
/// Seven lines of ASCII, each ended by a line feed:
///
/// ```text
/// mtor session
/// protocol mtor.v1
/// realm did:key:z6Mk...        the realm that asks
/// nonce ...                    32 random bytes, base64url without padding: 43 characters
/// role client                  or worker
/// signer did:key:z6Mk...       who answers
/// expires 1767225600000        milliseconds since the Unix epoch
/// ```
///
/// The first line keeps this signature apart from any other that a wallet makes; each of the others binds what an
/// attacker might want to exchange. No value can hold a line feed, so no two sets of values give the same bytes.
pub fn signed_bytes(offer: &Offer, role: SessionRole, signer: &PublicKey) -> Vec<u8> {
    format!(
        "mtor session\nprotocol {SUBPROTOCOL}\nrealm {realm}\nnonce {nonce}\nrole {role}\nsigner {signer}\n\
         expires {expires}\n",
        realm = offer.realm,
        role = role.as_str(),
        nonce = offer.nonce(),
        expires = offer.expires.0,
    )
    .into_bytes()
}

/// What a challenge says on the wire; the side that answers has only this.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    realm: PublicKey,
    nonce: [u8; CHALLENGE_NONCE_BYTES],
    expires: Timestamp,
}

impl Offer {
    /// A challenge as it came over the wire.
    ///
    /// # Errors
    /// [`SessionError::Realm`] or [`SessionError::Nonce`] when a field is not what a realm sends.
    pub fn from_wire(challenge: &body::Challenge) -> Result<Self, SessionError> {
        let realm = PublicKey::from_did(challenge.realm.as_str()).map_err(SessionError::Realm)?;
        let nonce = URL_SAFE_NO_PAD.decode(&challenge.nonce).map_err(|_| SessionError::Nonce)?;
        let nonce = nonce.try_into().map_err(|_| SessionError::Nonce)?;
        Ok(Self { realm, nonce, expires: challenge.expires })
    }

    /// The challenge as it goes over the wire.
    pub fn to_wire(&self) -> body::Challenge {
        body::Challenge { realm: self.realm.to_did(), nonce: self.nonce(), expires: self.expires }
    }

    /// The realm that asks.
    pub fn realm(&self) -> PublicKey {
        self.realm
    }

    /// The nonce, in base64url.
    pub fn nonce(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.nonce)
    }

    /// The last moment at which an answer is taken.
    pub fn expires(&self) -> Timestamp {
        self.expires
    }

    /// Checks that this is the realm that was meant. A client that knows its realm calls this before answering: an
    /// answer to a strange realm could be passed on to the realm it names.
    ///
    /// # Errors
    /// [`SessionError::OtherRealm`] when it is not.
    pub fn expect_realm(&self, expected: &PublicKey) -> Result<(), SessionError> {
        if self.realm != *expected {
            return Err(SessionError::OtherRealm { expected: expected.to_did(), found: self.realm.to_did() });
        }
        Ok(())
    }

    /// The proof that `keypair` is at this end of the connection and wants to be `role`.
    pub fn answer(&self, keypair: &Keypair, role: SessionRole) -> Answer {
        let signature = keypair.sign(&signed_bytes(self, role, &keypair.public()));
        Answer { did: keypair.did(), signature }
    }
}

/// Who answers a challenge, and the proof. Nothing is checked before [`Challenge::verify`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The wallet that the answering side claims to be.
    pub did: Did,
    /// Its signature over [`signed_bytes`].
    pub signature: Signature,
}

impl Answer {
    /// The answer in a `mtor.session.hello`; `None` when it names nobody, as the owner may on loopback.
    ///
    /// # Errors
    /// [`SessionError::SignatureText`] when the signature is missing or is none.
    pub fn from_wire(hello: &body::Hello) -> Result<Option<Self>, SessionError> {
        let Some(did) = hello.did.clone() else {
            return Ok(None);
        };
        let signature = hello.signature.as_deref().ok_or(SignatureTextError)?.parse()?;
        Ok(Some(Self { did, signature }))
    }

    /// The answer as it goes over the wire, with the role that it was made for.
    pub fn to_wire(&self, role: SessionRole) -> body::Hello {
        body::Hello {
            role,
            did: Some(self.did.clone()),
            signature: Some(self.signature.to_string()),
            device: None,
        }
    }
}

/// A question that only the holder of a key can answer, once. Kept by the realm, beside the connection it belongs to.
///
/// ```
/// use mtor_identity::{Answer, Challenge, Keypair, Offer};
/// use mtor_protocol::{Timestamp, body::SessionRole};
///
/// let realm = Keypair::from_seed([1; 32]);
/// let wallet = Keypair::from_seed([2; 32]);
/// let now = Timestamp(1_767_225_600_000);
///
/// // The realm asks,
/// let challenge = Challenge::new(&realm.public(), now, 10_000)?;
/// let sent = challenge.offer().to_wire();
///
/// // the client answers,
/// let offer = Offer::from_wire(&sent)?;
/// offer.expect_realm(&realm.public())?;
/// let hello = offer.answer(&wallet, SessionRole::Client).to_wire(SessionRole::Client);
///
/// // and the realm knows who it is.
/// let answer = Answer::from_wire(&hello)?.ok_or("nobody")?;
/// assert_eq!(challenge.verify(&answer, hello.role, now.plus_ms(80))?, wallet.public());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// It is used up by that:
///
/// ```compile_fail,E0382
/// # use mtor_identity::{Challenge, Keypair};
/// # use mtor_protocol::{Timestamp, body::SessionRole};
/// # let (wallet, now) = (Keypair::from_seed([2; 32]), Timestamp(0));
/// # let challenge = Challenge::new(&wallet.public(), now, 10_000).unwrap();
/// let answer = challenge.answer(&wallet, SessionRole::Client);
/// challenge.verify(&answer, SessionRole::Client, now);
/// challenge.verify(&answer, SessionRole::Client, now); // error: use of moved value
/// ```
#[derive(Debug)]
pub struct Challenge(Offer);

impl Challenge {
    /// A fresh challenge of `realm`, to be answered within `ttl_ms` milliseconds.
    ///
    /// # Errors
    /// [`RandomnessError`] when the operating system has none to give.
    pub fn new(realm: &PublicKey, now: Timestamp, ttl_ms: u64) -> Result<Self, RandomnessError> {
        Ok(Self(Offer { realm: *realm, nonce: random_bytes()?, expires: now.plus_ms(ttl_ms) }))
    }

    /// What to send.
    pub fn offer(&self) -> &Offer {
        &self.0
    }

    /// As [`Offer::answer`], where both sides are in one process.
    pub fn answer(&self, keypair: &Keypair, role: SessionRole) -> Answer {
        self.0.answer(keypair, role)
    }

    /// Checks `answer` and says whose it is. The challenge is used up, whatever comes out: after a failure the
    /// connection is closed, or a new challenge is sent.
    ///
    /// # Errors
    /// [`SessionError::Expired`], [`SessionError::Signer`] or [`SessionError::Signature`]. The last one does not say
    /// which of the bound values differs; the signature can't tell.
    pub fn verify(
        self,
        answer: &Answer,
        role: SessionRole,
        now: Timestamp,
    ) -> Result<PublicKey, SessionError> {
        if now > self.0.expires {
            return Err(SessionError::Expired { late_ms: now.since_ms(self.0.expires) });
        }
        let signer = PublicKey::from_did(answer.did.as_str()).map_err(SessionError::Signer)?;
        signer
            .verify(&signed_bytes(&self.0, role, &signer), &answer.signature)
            .map_err(|_| SessionError::Signature)?;
        Ok(signer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: Timestamp = Timestamp(1_767_225_600_000);

    fn realm() -> Keypair {
        Keypair::from_seed([1; 32])
    }

    fn wallet() -> Keypair {
        Keypair::from_seed([2; 32])
    }

    /// A challenge with known values, which `Challenge::new` can't have.
    fn known() -> Challenge {
        Challenge(Offer { realm: realm().public(), nonce: [7; 32], expires: NOW.plus_ms(5_000) })
    }

    #[test]
    fn the_signed_bytes_stay_as_they_are() {
        let bytes = signed_bytes(known().offer(), SessionRole::Worker, &wallet().public());
        let expected = format!(
            "mtor session\nprotocol mtor.v1\nrealm {}\nnonce BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc\n\
             role worker\nsigner {}\nexpires 1767225605000\n",
            realm().did(),
            wallet().did()
        );
        assert_eq!(String::from_utf8(bytes).unwrap(), expected);
    }

    #[test]
    fn an_answer_is_taken_until_the_challenge_ends() {
        for role in [SessionRole::Client, SessionRole::Worker] {
            for waited_ms in [0, 5_000] {
                let answer = known().answer(&wallet(), role);
                assert_eq!(known().verify(&answer, role, NOW.plus_ms(waited_ms)), Ok(wallet().public()));
            }
        }
        let answer = known().answer(&wallet(), SessionRole::Client);
        assert_eq!(
            known().verify(&answer, SessionRole::Client, NOW.plus_ms(5_001)),
            Err(SessionError::Expired { late_ms: 1 })
        );
    }

    #[test]
    fn everything_bound_is_checked() {
        let role = SessionRole::Client;
        let good = known().answer(&wallet(), role);
        assert_eq!(known().verify(&good, role, NOW), Ok(wallet().public()));

        let refused = |challenge: Challenge, answer: &Answer, role| {
            assert_eq!(challenge.verify(answer, role, NOW), Err(SessionError::Signature));
        };
        refused(known(), &good, SessionRole::Worker);
        refused(Challenge(Offer { realm: wallet().public(), ..known().0 }), &good, role);
        refused(Challenge(Offer { nonce: [8; 32], ..known().0 }), &good, role);
        refused(Challenge(Offer { expires: NOW.plus_ms(5_001), ..known().0 }), &good, role);
        refused(known(), &Answer { did: realm().did(), ..good.clone() }, role);

        // Signed by the wallet, but not for this purpose.
        let text = String::from_utf8(signed_bytes(known().offer(), role, &wallet().public())).unwrap();
        for (from, to) in
            [("mtor session", "mtor receipt"), ("mtor.v1", "mtor.v2"), ("expires ", "expires 0")]
        {
            let signature = wallet().sign(text.replace(from, to).as_bytes());
            refused(known(), &Answer { did: wallet().did(), signature }, role);
        }

        let nobody = Answer { did: Did("did:web:example.com".into()), ..good };
        assert_eq!(known().verify(&nobody, role, NOW), Err(SessionError::Signer(DidError::NotDidKey)));
    }

    #[test]
    fn an_answer_to_one_challenge_fails_on_the_next() {
        let first = Challenge::new(&realm().public(), NOW, 1_000).unwrap();
        let second = Challenge::new(&realm().public(), NOW, 1_000).unwrap();
        let answer = first.answer(&wallet(), SessionRole::Client);
        assert_eq!(second.verify(&answer, SessionRole::Client, NOW), Err(SessionError::Signature));
        assert_eq!(first.verify(&answer, SessionRole::Client, NOW), Ok(wallet().public()));
    }

    #[test]
    fn what_comes_over_the_wire_is_checked() {
        let good = known().offer().to_wire();
        assert_eq!(Offer::from_wire(&good), Ok(known().0));
        let injected = body::Challenge { realm: Did("did:key:z\nrole worker".into()), ..good.clone() };
        assert_eq!(
            Offer::from_wire(&injected),
            Err(SessionError::Realm(DidError::BadCharacter { position: 10, found: '\n' }))
        );
        let nonce = &good.nonce;
        for bad in
            ["", "AAAA", &format!("{nonce}="), &nonce.replace('B', "+"), &format!("{nonce}\nrole worker")]
        {
            let bad = body::Challenge { nonce: bad.to_owned(), ..good.clone() };
            assert_eq!(Offer::from_wire(&bad), Err(SessionError::Nonce), "{bad:?}");
        }
    }

    #[test]
    fn an_answer_survives_the_wire_and_half_of_one_is_refused() {
        let answer = known().answer(&wallet(), SessionRole::Worker);
        let hello = answer.to_wire(SessionRole::Worker);
        let text = serde_json::to_string(&hello).unwrap();
        let read: body::Hello = serde_json::from_str(&text).unwrap();
        assert_eq!(read.role, SessionRole::Worker);
        assert_eq!(Answer::from_wire(&read), Ok(Some(answer)));

        let nobody = body::Hello { did: None, ..hello.clone() };
        assert_eq!(Answer::from_wire(&nobody), Ok(None));
        for signature in [None, Some("abc".to_owned())] {
            let unsigned = body::Hello { signature, ..hello.clone() };
            assert_eq!(Answer::from_wire(&unsigned), Err(SessionError::SignatureText(SignatureTextError)));
        }
    }

    #[test]
    fn a_strange_realm_is_noticed() {
        assert_eq!(known().offer().expect_realm(&realm().public()), Ok(()));
        assert_eq!(
            known().offer().expect_realm(&wallet().public()),
            Err(SessionError::OtherRealm { expected: wallet().did(), found: realm().did() })
        );
    }

    proptest! {
        #[test]
        fn any_offer_survives_the_wire(seed: [u8; 32], nonce: [u8; 32], expires: u64) {
            let offer = Offer { realm: Keypair::from_seed(seed).public(), nonce, expires: Timestamp(expires) };
            prop_assert_eq!(Offer::from_wire(&offer.to_wire()), Ok(offer));
        }
    }
}
