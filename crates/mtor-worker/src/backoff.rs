//! How long to wait before the next try to connect.

use std::time::Duration;

use mtor_identity::random::{RandomnessError, random_bytes};

use crate::defaults::{BACKOFF_MAX, BACKOFF_MIN};

/// Waits between [`BACKOFF_MIN`] and [`BACKOFF_MAX`]. The step doubles, and a random part of its upper half is waited, so
/// that the workers of a realm that comes back don't all knock in the same moment.
#[derive(Debug)]
pub(crate) struct Backoff {
    step: Duration,
}

impl Backoff {
    pub(crate) fn new() -> Self {
        Self { step: BACKOFF_MIN * 2 }
    }

    /// The wait before the next try; the one after it will be longer.
    pub(crate) fn next(&mut self) -> Result<Duration, RandomnessError> {
        let jitter = f64::from(u32::from_be_bytes(random_bytes()?)) / f64::from(u32::MAX);
        let wait = self.step.mul_f64(0.5 + 0.5 * jitter);
        self.step = (self.step * 2).min(BACKOFF_MAX);
        Ok(wait)
    }

    /// Starts from the shortest wait again.
    pub(crate) fn reset(&mut self) {
        *self = Self::new();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_within_their_bounds_and_start_again() {
        let mut backoff = Backoff::new();
        let waits: Vec<_> = (0..20).map(|_| backoff.next().unwrap()).collect();
        assert!(waits.iter().all(|wait| (BACKOFF_MIN..=BACKOFF_MAX).contains(wait)), "{waits:?}");
        assert!(waits[12..].iter().all(|wait| *wait >= BACKOFF_MAX / 2), "{waits:?}");
        assert!(waits[12..].windows(2).any(|pair| pair[0] != pair[1]), "no jitter: {waits:?}");
        backoff.reset();
        assert!(backoff.next().unwrap() <= BACKOFF_MIN * 2);
    }
}
