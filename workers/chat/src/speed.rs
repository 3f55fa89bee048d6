//! How fast this machine runs this model, measured while it works.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::defaults::SPEED_WEIGHT;

/// Moving averages, written by the engine's thread and read by anybody.
#[derive(Debug, Default)]
pub(crate) struct SpeedMeter {
    writing: Average,
    writing_alone: Average,
    reading: Average,
    steps: AtomicU64,
}

/// Speeds in tokens per second, zero while unknown.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Speed {
    /// Tokens written for one conversation, at the load of late.
    pub writing: f64,
    /// Tokens written for all conversations together, at the load of late.
    pub writing_all: f64,
    /// Prompt tokens read.
    pub reading: f64,
}

impl SpeedMeter {
    /// The averages now.
    pub(crate) fn speed(&self) -> Speed {
        Speed {
            writing: self.writing_alone.get(),
            writing_all: self.writing.get(),
            reading: self.reading.get(),
        }
    }

    /// Steps of the engine since it started.
    pub(crate) fn steps(&self) -> u64 {
        self.steps.load(Ordering::Relaxed)
    }

    /// Notes a step that wrote a token for each of `writers` conversations and read `read` tokens of prompts.
    pub(crate) fn note_step(&self, writers: usize, read: usize, took: Duration) {
        self.steps.fetch_add(1, Ordering::Relaxed);
        let seconds = took.as_secs_f64();
        if seconds <= 0.0 {
            return;
        }
        if read > 0 {
            self.reading.note((read + writers) as f64 / seconds);
        } else if writers > 0 {
            self.writing.note(writers as f64 / seconds);
            self.writing_alone.note(1.0 / seconds);
        }
    }
}

/// One moving average: the bits of an `f64`, written by one thread only.
#[derive(Debug, Default)]
struct Average(AtomicU64);

impl Average {
    fn get(&self) -> f64 {
        f64::from_bits(self.0.load(Ordering::Relaxed))
    }

    fn note(&self, value: f64) {
        let old = self.get();
        let new = if old == 0.0 { value } else { old + SPEED_WEIGHT * (value - old) };
        self.0.store(new.to_bits(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_measurement_counts_whole_and_later_ones_move_it() {
        let meter = SpeedMeter::default();
        assert_eq!(meter.speed(), Speed { writing: 0.0, writing_all: 0.0, reading: 0.0 });
        meter.note_step(2, 0, Duration::from_millis(100));
        assert_eq!(meter.speed(), Speed { writing: 10.0, writing_all: 20.0, reading: 0.0 });
        meter.note_step(1, 0, Duration::from_millis(50));
        assert_eq!(meter.speed().writing, 11.0);
        assert_eq!(meter.speed().writing_all, 20.0);
    }

    #[test]
    fn steps_that_read_say_nothing_about_writing() {
        let meter = SpeedMeter::default();
        meter.note_step(1, 31, Duration::from_millis(320));
        assert_eq!(meter.speed(), Speed { writing: 0.0, writing_all: 0.0, reading: 100.0 });
        assert_eq!(meter.steps(), 1);
    }
}
