//! What one device leaves for another one of the same person: a sealed thing, fetched once and soon, or gone.
//!
//! The broker keeps it in memory and can't read it. What is past its time is let go of when somebody leaves or fetches
//! something: no timer runs for it.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use mtor_protocol::http::Handover;
use mtor_protocol::{AccountId, JobId, Timestamp};

use crate::defaults::{HANDOVER_TTL_S, HANDOVERS_MAX};

const TTL_MS: u64 = HANDOVER_TTL_S as u64 * 1_000;

/// The handovers that wait.
#[derive(Debug, Default)]
pub struct Handovers {
    waiting: Mutex<HashMap<AccountId, Waiting>>,
}

/// What one wallet has left.
#[derive(Debug)]
struct Waiting {
    handover: Handover,
    sealed: String,
}

impl Handovers {
    /// Leaves something for another device; what the wallet left before is gone. Nothing when too many wait already.
    pub fn leave(&self, from: AccountId, sealed: String, now: Timestamp) -> Option<Handover> {
        let mut waiting = self.live(now);
        if waiting.len() >= HANDOVERS_MAX && !waiting.contains_key(&from) {
            return None;
        }
        let handover = Handover { id: JobId::generate(), expires: now.plus_ms(TTL_MS) };
        waiting.insert(from, Waiting { handover: handover.clone(), sealed });
        Some(handover)
    }

    /// Fetches it, once.
    pub fn take(&self, id: JobId, now: Timestamp) -> Option<String> {
        let mut waiting = self.live(now);
        let from = waiting.iter().find(|(_, one)| one.handover.id == id).map(|(from, _)| *from)?;
        waiting.remove(&from).map(|one| one.sealed)
    }

    /// Those whose time is not over.
    fn live(&self, now: Timestamp) -> std::sync::MutexGuard<'_, HashMap<AccountId, Waiting>> {
        // The map is whole whatever panicked elsewhere.
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.retain(|_, one| now < one.handover.expires);
        waiting
    }
}

#[cfg(test)]
mod tests {
    use mtor_identity::{Keypair, guid};

    use super::*;

    const NOW: Timestamp = Timestamp(1_000_000);

    fn account(number: u64) -> AccountId {
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&number.to_le_bytes());
        guid(&Keypair::from_seed(seed).public())
    }

    #[test]
    fn what_is_left_is_fetched_once_and_in_time() {
        let handovers = Handovers::default();
        let [first, second] =
            [1, 2].map(|number| handovers.leave(account(number), number.to_string(), NOW).unwrap());
        assert_eq!(first.expires, NOW.plus_ms(TTL_MS));
        assert_eq!(handovers.take(JobId::generate(), NOW), None);
        let last = NOW.plus_ms(TTL_MS - 1);
        assert_eq!(handovers.take(first.id, last).as_deref(), Some("1"));
        assert_eq!(handovers.take(first.id, last), None, "whoever comes second finds nothing");
        assert_eq!(handovers.take(second.id, second.expires), None, "too late");
        assert!(handovers.waiting.lock().unwrap().is_empty(), "nothing stays behind");
    }

    #[test]
    fn a_wallet_has_one_at_a_time() {
        let handovers = Handovers::default();
        let before = handovers.leave(account(1), "before".into(), NOW).unwrap();
        let after = handovers.leave(account(1), "after".into(), NOW).unwrap();
        assert_eq!(handovers.take(before.id, NOW), None);
        assert_eq!(handovers.take(after.id, NOW).as_deref(), Some("after"));
    }

    #[test]
    fn there_is_an_end_to_them_and_it_passes() {
        let handovers = Handovers::default();
        for number in 0..HANDOVERS_MAX as u64 {
            handovers.leave(account(number), String::new(), NOW).unwrap();
        }
        let late = account(HANDOVERS_MAX as u64);
        assert_eq!(handovers.leave(late, String::new(), NOW), None);
        assert!(handovers.leave(account(1), String::new(), NOW).is_some(), "instead of its own");
        assert!(handovers.leave(late, String::new(), NOW.plus_ms(TTL_MS)).is_some());
    }
}
