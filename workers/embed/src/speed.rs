//! How fast the machine is, as a moving average.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crate::defaults::SPEED_WEIGHT;

/// Word pieces per second. Several threads may report to it at once; a report that is lost between two others is no loss.
#[derive(Debug, Default)]
pub(crate) struct SpeedMeter {
    /// The bits of an `f32`; 0 before the first measurement.
    per_s: AtomicU32,
}

impl SpeedMeter {
    pub(crate) fn saw(&self, pieces: usize, took: Duration) {
        let now = pieces as f32 / took.as_secs_f32().max(1e-6);
        let before = self.per_s();
        let mean = if before == 0.0 { now } else { before + SPEED_WEIGHT * (now - before) };
        self.per_s.store(mean.to_bits(), Ordering::Relaxed);
    }

    pub(crate) fn per_s(&self) -> f32 {
        f32::from_bits(self.per_s.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_measurement_counts_whole_and_later_ones_a_little() {
        let meter = SpeedMeter::default();
        assert_eq!(meter.per_s(), 0.0);
        meter.saw(100, Duration::from_secs(1));
        assert_eq!(meter.per_s(), 100.0);
        meter.saw(200, Duration::from_secs(1));
        assert!((meter.per_s() - 110.0).abs() < 0.01);
    }
}
