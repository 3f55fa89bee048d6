//! What the satellites of a realm share: the arbiter, with a clock and a bell.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::arbiter::{Arbiter, SatelliteId, Ticket, Verdict};
use super::limits::{LEVEL_PATIENCE_MS, LISTEN_MS_MAX};

/// One for all satellites.
pub(super) struct House {
    began: Instant,
    arbiter: Mutex<Arbiter>,
    news: Notify,
}

/// A satellite is connected for as long as this lives.
pub(super) struct Presence<'a> {
    house: &'a House,
    satellite: SatelliteId,
}

impl House {
    pub(super) fn new(window: Duration) -> Self {
        let window_ms = u64::try_from(window.as_millis()).unwrap_or(u64::MAX);
        let arbiter = Mutex::new(Arbiter::new(window_ms, LEVEL_PATIENCE_MS, LISTEN_MS_MAX.into()));
        Self { began: Instant::now(), arbiter, news: Notify::new() }
    }

    /// Milliseconds since the house began.
    pub(super) fn now_ms(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// A satellite was connected.
    pub(super) fn present(&self, satellite: SatelliteId) -> Presence<'_> {
        self.arbiter().join();
        Presence { house: self, satellite }
    }

    /// A satellite has heard the wake word.
    pub(super) fn heard(&self, satellite: SatelliteId) -> Ticket {
        let ticket = self.arbiter().heard(self.now_ms(), satellite);
        self.news.notify_waiters();
        ticket
    }

    /// How loud the words are at a satellite.
    pub(super) fn level(&self, ticket: Ticket, level: f32) {
        self.arbiter().level(self.now_ms(), ticket, level);
        self.news.notify_waiters();
    }

    /// Whether a satellite goes on, as soon as that is decided.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub(super) async fn goes_on(&self, ticket: Ticket) -> bool {
        loop {
            let news = self.news.notified();
            tokio::pin!(news);
            // Registered before looking, so that nothing is missed in between.
            news.as_mut().enable();
            let verdict = self.arbiter().verdict(self.now_ms(), ticket);
            let until_ms = match verdict {
                Verdict::Go => return true,
                Verdict::Quiet => return false,
                Verdict::Wait { until_ms } => until_ms,
            };
            tokio::select! {
                () = &mut news => {}
                () = tokio::time::sleep_until(self.began + Duration::from_millis(until_ms)) => {}
            }
        }
    }

    // A panic while the lock is held is impossible but for lack of memory; the arbiter is whole either way.
    fn arbiter(&self) -> MutexGuard<'_, Arbiter> {
        self.arbiter.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Presence<'_> {
    fn drop(&mut self) {
        self.house.arbiter().leave(self.satellite);
        self.house.news.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn both_learn_who_goes_on_and_nobody_waits_longer_than_needed() {
        let house = House::new(Duration::from_millis(300));
        let _present = [0, 1, 2].map(|satellite| house.present(satellite));
        let (hall, kitchen) = (house.heard(0), house.heard(1));
        let bring = async {
            house.level(hall, 0.1);
            house.level(kitchen, 0.2);
        };
        let (hall, kitchen, ()) = tokio::join!(house.goes_on(hall), house.goes_on(kitchen), bring);
        assert_eq!((hall, kitchen), (false, true));
        // A third might have heard it too.
        assert!(house.now_ms() >= 300, "{}", house.now_ms());
    }
}
