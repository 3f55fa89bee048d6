//! What time it is, for the stamps on events, and what a time of another machine is here. Nothing here decides by it.

use std::time::{SystemTime, UNIX_EPOCH};

use mtor_protocol::Timestamp;

/// Now, on this machine's clock; the epoch itself when that stands before it.
pub(crate) fn now() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX))
}

/// A moment to come on the clock of whoever says that it is `said` there, by this machine's clock: clocks of realms differ, by hours
/// at worst. The way of the words is taken to take no time.
pub(crate) fn here(moment: Timestamp, said: Timestamp) -> Timestamp {
    now().plus_ms(moment.since_ms(said))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_to_come_is_as_far_away_here_whatever_the_other_clock_says() {
        for hours in [0, 1, 500_000] {
            let there = Timestamp(hours * 3_600_000);
            let (before, deadline, after) = (now(), here(there.plus_ms(60_000), there), now());
            assert!((before.plus_ms(60_000)..=after.plus_ms(60_000)).contains(&deadline));
        }
        assert!(here(Timestamp(5), Timestamp(9)) <= now(), "what is over there is over here");
    }
}
