//! How soon jobs should begin, and how well that is kept: the performance index of each service class, as mainframes'
//! workload managers have it.

use mtor_protocol::{ServiceClass, Timestamp};

/// After how long an observation counts half, in milliseconds: ten minutes.
const HALF_LIFE_MS: f64 = 10.0 * 60.0 * 1_000.0;

/// How soon a job of each class should have begun, in milliseconds. Waiting jobs are served in the order of arrival plus
/// goal: an urgent class overtakes, and no job waits without end, since time passes its goal too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Goals {
    /// Somebody has asked aloud, and listens.
    pub voice_ms: u64,
    /// Somebody looks at the page.
    pub interactive_ms: u64,
    /// Nobody waits.
    pub batch_ms: u64,
}

impl Default for Goals {
    fn default() -> Self {
        Self { voice_ms: 500, interactive_ms: 5_000, batch_ms: 10 * 60 * 1_000 }
    }
}

impl Goals {
    /// The goal of a class, in milliseconds.
    pub const fn of(&self, class: ServiceClass) -> u64 {
        match class {
            ServiceClass::Voice => self.voice_ms,
            ServiceClass::Interactive => self.interactive_ms,
            ServiceClass::Batch => self.batch_ms,
        }
    }
}

/// How soon jobs of one class have begun of late. What is long ago counts less and less.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Kept {
    /// Sums over all observations, each times its weight.
    jobs: f64,
    within: f64,
    response_ms: f64,
    as_of: Timestamp,
}

impl Kept {
    /// One more job has begun after so long, or was given up after so long without having begun.
    pub(crate) fn note(&mut self, now: Timestamp, response_ms: u64, goal_ms: u64) {
        *self = self.at(now);
        self.jobs += 1.0;
        self.within += if response_ms <= goal_ms { 1.0 } else { 0.0 };
        self.response_ms += response_ms as f64;
    }

    /// The same, as it counts by then.
    fn at(&self, now: Timestamp) -> Self {
        let weight = 0.5_f64.powf(now.since_ms(self.as_of) as f64 / HALF_LIFE_MS);
        Self {
            jobs: self.jobs * weight,
            within: self.within * weight,
            response_ms: self.response_ms * weight,
            as_of: now.max(self.as_of),
        }
    }

    /// How many jobs this rests on, each as it still counts.
    pub(crate) fn jobs(&self, now: Timestamp) -> u32 {
        self.at(now).jobs.round() as u32
    }

    /// The share of jobs that began within their goal, in percent; `None` when none did lately.
    pub(crate) fn within_percent(&self, now: Timestamp) -> Option<u32> {
        (self.jobs(now) > 0).then(|| (self.within / self.jobs * 100.0).round() as u32)
    }

    /// The mean response divided by the goal, in thousandths: up to 1,000 the goal is met.
    pub(crate) fn index_permille(&self, now: Timestamp, goal_ms: u64) -> Option<u32> {
        let index = || self.response_ms / self.jobs / goal_ms.max(1) as f64 * 1_000.0;
        (self.jobs(now) > 0).then(|| index().round() as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_index_is_the_mean_response_over_the_goal() {
        let mut kept = Kept::default();
        assert_eq!((kept.within_percent(Timestamp(9)), kept.index_permille(Timestamp(9), 500)), (None, None));
        for response_ms in [250, 250, 500, 1_000] {
            kept.note(Timestamp(9), response_ms, 500);
        }
        assert_eq!(kept.jobs(Timestamp(9)), 4);
        assert_eq!(kept.within_percent(Timestamp(9)), Some(75));
        assert_eq!(kept.index_permille(Timestamp(9), 500), Some(1_000), "on the whole the goal is met");
    }

    #[test]
    fn what_is_long_ago_counts_less_and_at_last_nothing() {
        let mut kept = Kept::default();
        (0..8).for_each(|_| kept.note(Timestamp(0), 5_000, 500));
        let later = Timestamp(HALF_LIFE_MS as u64);
        (0..4).for_each(|_| kept.note(later, 250, 500));
        assert_eq!((kept.jobs(later), kept.within_percent(later)), (8, Some(50)));
        assert_eq!(kept.index_permille(Timestamp(later.0 * 20), 500), None);
    }
}
