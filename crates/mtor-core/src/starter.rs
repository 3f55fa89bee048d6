//! Starter coins: what a new wallet gets once, so that it can ask something. They come out of a purse that is filled each day
//! (UTC) up to the same amount, and can be spent, not sent.

use std::collections::BTreeSet;

use mtor_protocol::{AccountId, Micro, Timestamp};
use serde::{Deserialize, Serialize};

const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

/// How many coins new wallets get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StarterRules {
    /// A wallet, once.
    pub coins: Micro,
    /// All wallets of one day (UTC) together, at most.
    pub daily: Micro,
}

/// Who had starter coins, and how many were given today.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Starters {
    /// Every wallet that ever had some.
    wallets: BTreeSet<AccountId>,
    /// The newest day on which some were given, counted from 1970.
    day: u64,
    /// How many on that day.
    given: Micro,
}

impl Starters {
    /// Whether this wallet had its starter coins.
    pub fn has(&self, wallet: AccountId) -> bool {
        self.wallets.contains(&wallet)
    }

    /// What was given on the day of this moment. A clock that goes back does not begin a day anew.
    pub fn given(&self, now: Timestamp) -> Micro {
        if day(now) > self.day { Micro::ZERO } else { self.given }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.wallets.is_empty()
    }

    /// Notes that a wallet gets so much. `false`, and nothing has changed, when it had some before.
    pub(crate) fn note(&mut self, now: Timestamp, wallet: AccountId, amount: Micro) -> bool {
        if !self.wallets.insert(wallet) {
            return false;
        }
        self.given = Micro(self.given(now).0.saturating_add(amount.0));
        self.day = self.day.max(day(now));
        true
    }

    /// Seconds until the next day begins, at least one.
    pub(crate) fn next_day_s(&self, now: Timestamp) -> u32 {
        let next = (day(now).max(self.day) + 1).saturating_mul(DAY_MS);
        let seconds = next.saturating_sub(now.0).div_ceil(1_000).max(1);
        u32::try_from(seconds).unwrap_or(u32::MAX)
    }
}

fn day(now: Timestamp) -> u64 {
    now.0 / DAY_MS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_day_begins_anew_and_a_clock_that_goes_back_gives_nothing() {
        let mut starters = Starters::default();
        let [today, tomorrow] = [5, 6].map(|day| Timestamp(day * DAY_MS + 7_000));
        assert!(starters.note(today, AccountId(9), Micro(3)));
        assert!(!starters.note(tomorrow, AccountId(9), Micro(3)), "once");
        assert_eq!((starters.given(today), starters.given(tomorrow)), (Micro(3), Micro::ZERO));
        assert!(starters.note(tomorrow, AccountId(8), Micro(4)));
        assert_eq!((starters.given(today), starters.given(tomorrow)), (Micro(4), Micro(4)));
        assert!(starters.note(today, AccountId(7), Micro(1)));
        assert_eq!(starters.given(tomorrow), Micro(5));
        assert_eq!(starters.next_day_s(tomorrow), 24 * 3_600 - 7);
        assert_eq!(starters.next_day_s(today), 2 * 24 * 3_600 - 7);
    }
}
