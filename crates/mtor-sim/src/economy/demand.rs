//! What people want: when, how much, and what it is worth to them.

use super::EconomyOptions;
use super::defaults::*;
use crate::dice::Dice;

/// The times at which something happens.
#[derive(Debug, Clone)]
pub(super) struct Calendar {
    pub(super) end: u64,
    pub(super) surge: std::ops::Range<u64>,
    pub(super) outage: std::ops::Range<u64>,
}

impl Calendar {
    pub(super) fn new(days: u32) -> Self {
        let end = u64::from(days) * DAY_MS;
        let at = |permille| end * permille / 1_000 / HOUR_MS * HOUR_MS;
        let (surge, outage) = (at(SURGE_AT_PERMILLE), at(OUTAGE_AT_PERMILLE));
        Self { end, surge: surge..surge + SURGE_MS, outage: outage..outage + OUTAGE_MS }
    }

    /// Wishes per millisecond.
    pub(super) fn rate(&self, options: &EconomyOptions, now: u64) -> f64 {
        let hour = (now % DAY_MS) as f64 / HOUR_MS as f64;
        let swing = 1.0 + SWING * ((hour - BUSIEST_HOUR) * std::f64::consts::TAU / 24.0).cos();
        let surge = if self.surge.contains(&now) { SURGE_TIMES } else { 1.0 };
        f64::from(options.users) * JOBS_PER_DAY / DAY_MS as f64 * swing * surge
    }

    /// Whether the cartel withholds machines now.
    pub(super) fn withholds(&self, now: u64) -> bool {
        CARTEL_HOURS.contains(&(now % DAY_MS / HOUR_MS))
    }
}

/// One thing that somebody wants.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wish {
    pub(super) user: u32,
    pub(super) tokens: u16,
    /// The highest factor of the list price that it is worth, in thousandths.
    pub(super) worth: u32,
    pub(super) tries: u8,
    pub(super) since: u64,
}

/// A wish of some user of so many; some people want more than others.
pub(super) fn wish(dice: &mut Dice, users: u32, now: u64) -> Wish {
    let place = dice.unit();
    let user = ((place * place * f64::from(users)) as u32).min(users - 1);
    Wish { user, tokens: tokens(dice), worth: worth(dice), tries: 0, since: now }
}

pub(super) fn tokens(dice: &mut Dice) -> u16 {
    let tokens = OUTPUT_TOKENS_MEDIAN * (OUTPUT_TOKENS_SIGMA * dice.normal()).exp();
    tokens.clamp(8.0, OUTPUT_TOKENS_MAX as f64) as u16
}

fn worth(dice: &mut Dice) -> u32 {
    (1_000.0 * WORTH_MEDIAN * (WORTH_SIGMA * dice.normal()).exp()) as u32
}
