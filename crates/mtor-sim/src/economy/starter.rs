//! Starter coins: a daily pool behind a proof of work that becomes harder as the pool empties and with each claim of one
//! address prefix. A wallet gets them once.

use super::defaults::{DAY_MS, HOUR_MS, PROOF_MS, RING_CORES, RING_PREFIXES, STARTER};

/// What is left of today's pool.
#[derive(Debug)]
pub(super) struct Pool {
    day: u64,
    daily: u64,
    left: u64,
    /// Computing until each prefix of the ring has its next proof, in milliseconds of one core; and its claims of today.
    ring: [(u64, u32); RING_PREFIXES],
}

impl Pool {
    pub(super) fn new(daily: u64) -> Self {
        Self { day: 0, daily, left: daily, ring: [(PROOF_MS, 0); RING_PREFIXES] }
    }

    fn turn_to(&mut self, now: u64) {
        if now / DAY_MS != self.day {
            *self = Self { day: now / DAY_MS, ..Self::new(self.daily) };
        }
    }

    /// How long one core works on a proof now, after so many claims of the same prefix today, in milliseconds.
    fn proof_ms(&self, claims: u32) -> u64 {
        let emptied = (self.daily - self.left) * 4 / self.daily.max(1);
        PROOF_MS << (emptied + u64::from(claims)).min(24)
    }

    /// How long somebody with one core, alone behind an address, has to work for them. When the pool is empty: until when
    /// to wait.
    pub(super) fn begin(&mut self, now: u64) -> Result<u64, u64> {
        self.turn_to(now);
        if self.left < STARTER {
            // Spread over the first hour, since all know when the pool is full again.
            return Err((self.day + 1) * DAY_MS + now % HOUR_MS);
        }
        Ok(self.proof_ms(0))
    }

    /// The proof is there. Whether there are coins for it still.
    pub(super) fn claim(&mut self, now: u64) -> bool {
        self.turn_to(now);
        let there_are = self.left >= STARTER;
        self.left -= if there_are { STARTER } else { 0 };
        there_are
    }

    /// The ring computes for so long. How many of its keys get coins by it.
    pub(super) fn ring_works(&mut self, now: u64, ms: u64) -> u32 {
        self.turn_to(now);
        let mut claimed = 0;
        let each = ms * RING_CORES / RING_PREFIXES as u64;
        for prefix in 0..RING_PREFIXES {
            let (needed, claims) = self.ring[prefix];
            if needed > each {
                self.ring[prefix].0 = needed - each;
                continue;
            }
            claimed += u32::from(self.claim(now));
            self.ring[prefix] = (self.proof_ms(claims + 1), claims + 1);
        }
        claimed
    }
}
