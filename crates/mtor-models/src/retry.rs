//! How often and how soon one source is asked again.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};

use crate::defaults::{ATTEMPTS_MAX, FRUITFUL_BYTES};
use crate::error::{ModelError, SourceError};
use crate::net::Net;
use crate::progress::Meter;

/// The attempts at one file or page.
pub(crate) struct Attempts<'a> {
    net: &'a Net<'a>,
    made: u32,
    fruitless: u32,
}

impl<'a> Attempts<'a> {
    pub(crate) fn new(net: &'a Net<'a>) -> Self {
        Self { net, made: 0, fruitless: 0 }
    }

    /// After a failed attempt that brought `gained_bytes`: waits and returns when there shall be another, else gives the error back.
    pub(crate) async fn after(
        &mut self,
        error: SourceError,
        gained_bytes: u64,
        meter: &Meter<'_>,
    ) -> Result<(), SourceError> {
        let pause = match &error {
            SourceError::Transient { pause, .. } => *pause,
            // While nothing of this source has answered, a failed connection is final: the next source is a better
            // use of the user's time than waiting for a host that this machine cannot see.
            SourceError::Unreachable(_) if self.net.answered() => None,
            _ => return Err(error),
        };
        self.fruitless = if gained_bytes >= FRUITFUL_BYTES { 0 } else { self.fruitless + 1 };
        self.made += 1;
        if self.fruitless >= self.net.options.fruitless_attempts_max || self.made >= ATTEMPTS_MAX {
            return Err(error);
        }
        let own = self.net.options.backoff_first.saturating_mul(1 << self.fruitless.min(16));
        let pause = pause.unwrap_or(own).max(own).min(self.net.options.backoff_max).mul_f64(jitter());
        meter.note(&format!("{}; trying again", error.why()));
        tokio::select! {
            () = tokio::time::sleep(pause) => Ok(()),
            () = self.net.cancel.cancelled() => Err(ModelError::Cancelled.into()),
        }
    }
}

/// Between 1 and 1.5, so that many machines that were cut off together do not come back together.
fn jitter() -> f64 {
    // A fresh RandomState is seeded by the operating system: enough chance for a pause, without a dependency.
    let random = RandomState::new().build_hasher().finish();
    1.0 + (random >> 40) as f64 / f64::from(1_u32 << 24) / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jitter_stays_in_its_range_and_varies() {
        let all: Vec<f64> = (0..100).map(|_| jitter()).collect();
        assert!(all.iter().all(|j| (1.0..=1.5).contains(j)), "{all:?}");
        assert!(all.iter().any(|j| (j - all[0]).abs() > 0.01), "{all:?}");
    }
}
