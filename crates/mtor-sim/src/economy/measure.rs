//! What is counted on the way.

use super::defaults::MINUTE_MS;

/// Tenths of a second are counted up to a quarter of an hour, past which no job can wait.
const BUCKETS: usize = 9_001;
const BUCKET_MS: u64 = 100;

/// When something happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// An ordinary day.
    Usual,
    /// Five times as many wishes.
    Surge,
    /// Half of the workers are away.
    Outage,
}

impl Phase {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Usual, Self::Surge, Self::Outage];

    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Usual => "usual",
            Self::Surge => "surge",
            Self::Outage => "outage",
        }
    }
}

/// How long jobs waited.
#[derive(Debug, Clone)]
pub struct Waits {
    buckets: Vec<u64>,
    count: u64,
    longest_ms: u64,
}

impl Default for Waits {
    fn default() -> Self {
        Self { buckets: vec![0; BUCKETS], count: 0, longest_ms: 0 }
    }
}

impl Waits {
    pub(super) fn add(&mut self, ms: u64) {
        let bucket = (ms / BUCKET_MS).min(BUCKETS as u64 - 1);
        self.buckets[bucket as usize] += 1;
        self.count += 1;
        self.longest_ms = self.longest_ms.max(ms);
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.buckets.iter_mut().zip(&other.buckets).for_each(|(sum, more)| *sum += more);
        self.count += other.count;
        self.longest_ms = self.longest_ms.max(other.longest_ms);
    }

    /// How many.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// What so many in a thousand did not exceed, in seconds.
    pub fn quantile_s(&self, permille: u64) -> f64 {
        let rank = (self.count * permille).div_ceil(1_000);
        let mut seen = 0;
        let bucket = self.buckets.iter().position(|count| {
            seen += count;
            seen >= rank
        });
        bucket.unwrap_or(0) as f64 * BUCKET_MS as f64 / 1_000.0
    }

    /// The longest, in seconds.
    pub fn longest_s(&self) -> f64 {
        self.longest_ms as f64 / 1_000.0
    }
}

/// How the world was in one minute.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Minute {
    /// The price, in thousandths of the list price.
    pub(super) factor: u32,
    pub(super) busy: u32,
    pub(super) attached: u32,
    pub(super) queued: u32,
    /// The longest wait of a job that began in it, in milliseconds.
    pub(super) wait_ms: u64,
}

/// The place of a moment in a series of minutes.
pub(super) fn minute(now: u64) -> usize {
    (now / MINUTE_MS) as usize
}

/// How unequal: 0 when all have the same, 1 when one has all.
pub(super) fn gini(mut values: Vec<u64>) -> f64 {
    values.sort_unstable();
    let sum: f64 = values.iter().map(|value| *value as f64).sum();
    if sum == 0.0 {
        return 0.0;
    }
    let count = values.len() as f64;
    let weighted: f64 = (1..).zip(&values).map(|(rank, value)| f64::from(rank) * *value as f64).sum();
    2.0 * weighted / (count * sum) - (count + 1.0) / count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inequality_has_its_two_ends() {
        assert!(gini(vec![5; 100]).abs() < 1e-9);
        let mut one = vec![0; 999];
        one.push(7);
        assert!((gini(one) - 0.999).abs() < 1e-9);
    }

    #[test]
    fn quantiles_are_those_of_what_was_added() {
        let mut waits = Waits::default();
        (0..1_000).for_each(|second| waits.add(second * 1_000 / 10));
        assert_eq!((waits.quantile_s(500), waits.quantile_s(990)), (49.9, 98.9));
        assert_eq!((waits.count(), waits.longest_s()), (1_000, 99.9));
    }
}
