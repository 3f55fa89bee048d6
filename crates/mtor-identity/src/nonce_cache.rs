//! Nonces that were used and must not be used again, in bounded memory.

use std::collections::{BTreeSet, HashSet};

use sha2::{Digest, Sha256};

use crate::http_signature::Verified;

/// Why a nonce is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NonceError {
    /// The same signer used it before: a request that was sent twice, or recorded and replayed.
    #[error("this request was made before (its nonce is used up); sign a new one")]
    Replayed,
    /// What it belongs to is over already, so that it can no longer be told whether it was used.
    #[error("this request has expired; sign a new one")]
    Expired,
    /// No room: forgetting a nonce that is still good would allow its replay.
    #[error("too many signed requests at this time; try again in {retry_after_s} s")]
    Full {
        /// When the first place becomes free, in seconds from now.
        retry_after_s: u64,
    },
}

/// A digest of signer and nonce: a fixed size whatever the nonce, and one signer can't use up the nonces of another.
type Fingerprint = [u8; 32];

/// Remembers each nonce until what it belongs to has expired, and never longer.
///
/// Expired ones leave first, in the order of their expiry. When all that are held are still good, new ones are refused
/// rather than old ones forgotten. Time never runs backwards here: a clock that is set back does not bring expired
/// requests to life again. Some 150 bytes a place are used, and only as places fill.
///
/// ```
/// use mtor_identity::{NonceCache, NonceError, RequestParts, Keypair, sign_request, verify_request};
/// let wallet = Keypair::from_seed([2; 32]);
/// let request = RequestParts { method: "GET", authority: "realm.example", path: "/api/queue", query: None, body: b"" };
/// let headers = sign_request(&wallet, &request, 1_767_225_600, "4ZbN3kW0u7TrvVvk")?;
///
/// let mut seen = NonceCache::new(10_000);
/// let verified = verify_request(&request, &headers, 1_767_225_601, 60)?;
/// assert_eq!(seen.spend(&verified, 1_767_225_601), Ok(()));
/// assert_eq!(seen.spend(&verified, 1_767_225_602), Err(NonceError::Replayed));
/// # Ok::<(), mtor_identity::HttpSignatureError>(())
/// ```
#[derive(Debug)]
pub struct NonceCache {
    capacity: usize,
    seen: HashSet<Fingerprint>,
    by_expiry: BTreeSet<(u64, Fingerprint)>,
    /// The latest time that was seen, in seconds.
    now_s: u64,
}

impl NonceCache {
    /// A memory for at most `capacity` nonces at a time.
    pub fn new(capacity: usize) -> Self {
        Self { capacity, seen: HashSet::new(), by_expiry: BTreeSet::new(), now_s: 0 }
    }

    /// How many nonces are held.
    pub fn len(&self) -> usize {
        self.seen.len()
    }

    /// Whether none is held.
    pub fn is_empty(&self) -> bool {
        self.seen.is_empty()
    }

    /// Uses up the nonce of a verified request. Call it once per request, after [`verify_request`] and before acting.
    ///
    /// [`verify_request`]: crate::verify_request
    ///
    /// # Errors
    /// [`NonceError`]: in each case the request must not be acted upon.
    pub fn spend(&mut self, request: &Verified, now_unix_s: u64) -> Result<(), NonceError> {
        self.insert(&request.key.to_bytes(), request.nonce.as_bytes(), request.expires, now_unix_s)
    }

    /// Uses up `nonce` of `signer` (any bytes that name it), good through the second `expires_unix_s`.
    ///
    /// # Errors
    /// [`NonceError`] when it was used before, has expired, or there is no room.
    pub fn insert(
        &mut self,
        signer: &[u8; 32],
        nonce: &[u8],
        expires_unix_s: u64,
        now_unix_s: u64,
    ) -> Result<(), NonceError> {
        self.now_s = self.now_s.max(now_unix_s);
        self.forget_expired();
        if expires_unix_s < self.now_s {
            return Err(NonceError::Expired);
        }
        let fingerprint: Fingerprint =
            Sha256::new().chain_update(signer).chain_update(nonce).finalize().into();
        if self.seen.contains(&fingerprint) {
            return Err(NonceError::Replayed);
        }
        if self.seen.len() >= self.capacity {
            let first_end = self.by_expiry.first().map_or(expires_unix_s, |(end, _)| *end);
            return Err(NonceError::Full {
                retry_after_s: first_end.saturating_sub(self.now_s).saturating_add(1),
            });
        }
        self.seen.insert(fingerprint);
        self.by_expiry.insert((expires_unix_s, fingerprint));
        Ok(())
    }

    fn forget_expired(&mut self) {
        while let Some((expires_s, fingerprint)) = self.by_expiry.first().copied()
            && expires_s < self.now_s
        {
            self.by_expiry.pop_first();
            self.seen.remove(&fingerprint);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashMap;

    const ALICE: [u8; 32] = [1; 32];
    const BOB: [u8; 32] = [2; 32];

    #[test]
    fn a_nonce_is_good_once_for_each_signer() {
        let mut cache = NonceCache::new(8);
        assert!(cache.is_empty());
        assert_eq!(cache.insert(&ALICE, b"n", 100, 50), Ok(()));
        assert_eq!(cache.insert(&ALICE, b"n", 100, 50), Err(NonceError::Replayed));
        assert_eq!(
            cache.insert(&ALICE, b"n", 200, 100),
            Err(NonceError::Replayed),
            "good through its last second"
        );
        assert_eq!(cache.insert(&BOB, b"n", 100, 100), Ok(()));
        assert_eq!(cache.len(), 2);
    }

    #[test]
    fn when_full_of_live_ones_it_refuses_and_forgets_none() {
        let mut cache = NonceCache::new(2);
        cache.insert(&ALICE, b"late", 120, 50).unwrap();
        cache.insert(&ALICE, b"early", 60, 50).unwrap();
        assert_eq!(cache.insert(&BOB, b"third", 90, 50), Err(NonceError::Full { retry_after_s: 11 }));
        assert_eq!(cache.insert(&ALICE, b"late", 120, 50), Err(NonceError::Replayed));
        assert_eq!(cache.insert(&ALICE, b"early", 60, 50), Err(NonceError::Replayed));
        // After the time that it said, there is room, and the live one is still known.
        assert_eq!(cache.insert(&BOB, b"third", 90, 61), Ok(()));
        assert_eq!(cache.insert(&ALICE, b"late", 120, 61), Err(NonceError::Replayed));
        assert_eq!(cache.len(), 2);
    }

    #[test]
    fn no_room_at_all_is_no_panic() {
        assert_eq!(NonceCache::new(0).insert(&ALICE, b"n", 9, 9), Err(NonceError::Full { retry_after_s: 1 }));
    }

    #[test]
    fn a_clock_set_back_revives_nothing() {
        let mut cache = NonceCache::new(2);
        cache.insert(&ALICE, b"old", 60, 50).unwrap();
        cache.insert(&ALICE, b"new", 500, 400).unwrap();
        assert_eq!(cache.insert(&ALICE, b"old", 60, 50), Err(NonceError::Expired));
    }

    proptest! {
        /// Against a memory without bounds: it never takes what that one would refuse, and never holds too many.
        #[test]
        fn no_live_nonce_is_taken_twice(
            capacity in 0usize..6,
            steps in proptest::collection::vec((0u8..8, 0u64..20, 0u64..4), 0..80),
        ) {
            let mut cache = NonceCache::new(capacity);
            let mut used: HashMap<u8, u64> = HashMap::new();
            let mut now = 0;
            for (nonce, lifetime, passes) in steps {
                now += passes;
                let expires = now + lifetime;
                let live = used.get(&nonce).is_some_and(|end| *end >= now);
                let live_count = used.values().filter(|end| **end >= now).count();
                match cache.insert(&ALICE, &[nonce], expires, now) {
                    Ok(()) => {
                        prop_assert!(!live);
                        used.insert(nonce, expires);
                    }
                    Err(NonceError::Replayed) => prop_assert!(live),
                    Err(NonceError::Full { .. }) => prop_assert_eq!(live_count, capacity),
                    Err(NonceError::Expired) => prop_assert!(false, "nothing here has expired"),
                }
                prop_assert!(cache.len() <= capacity);
            }
        }
    }
}
