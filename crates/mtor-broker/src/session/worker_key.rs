//! The key with which a worker signs its results. One that signs many is prepared, so that each check costs half; how many
//! are at once is bounded, since a prepared key takes memory.

use std::sync::Arc;

use mtor_identity::{PreparedKey, PublicKey, Signature};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::defaults::PREPARED_AFTER_CHECKS;

/// Checks what one worker signs.
pub(super) struct WorkerKey {
    key: PublicKey,
    checks: u32,
    prepared: Option<Prepared>,
    /// Places for prepared keys, of all sessions together.
    places: Arc<Semaphore>,
}

struct Prepared {
    key: PreparedKey,
    _place: OwnedSemaphorePermit,
}

impl WorkerKey {
    pub(super) fn new(key: PublicKey, places: Arc<Semaphore>) -> Self {
        Self { key, checks: 0, prepared: None, places }
    }

    /// Whether the worker has signed this.
    pub(super) fn has_signed(&mut self, message: &[u8], signature: &Signature) -> bool {
        let verified = match &self.prepared {
            Some(prepared) => prepared.key.verify(message, signature),
            None => self.key.verify(message, signature),
        };
        self.checks = self.checks.wrapping_add(1);
        // Where there was no place it is looked for again, now and then.
        if self.prepared.is_none() && self.checks.is_multiple_of(PREPARED_AFTER_CHECKS) {
            self.prepare();
        }
        verified.is_ok()
    }

    fn prepare(&mut self) {
        let place = self.places.clone().try_acquire_owned().ok();
        self.prepared = place.map(|place| Prepared { key: PreparedKey::new(self.key), _place: place });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mtor_identity::Keypair;

    #[test]
    fn a_busy_key_is_prepared_while_there_is_a_place_and_checks_the_same() {
        let places = Arc::new(Semaphore::new(1));
        let busy = || {
            let keypair = Keypair::from_seed([7; 32]);
            let mut key = WorkerKey::new(keypair.public(), places.clone());
            for _ in 0..=PREPARED_AFTER_CHECKS {
                assert!(key.has_signed(b"done", &keypair.sign(b"done")));
                assert!(!key.has_signed(b"done", &keypair.sign(b"something else")));
            }
            key
        };
        let first = busy();
        assert!(first.prepared.is_some());
        assert!(busy().prepared.is_none(), "the only place is taken");
        drop(first);
        assert!(busy().prepared.is_some());
    }
}
