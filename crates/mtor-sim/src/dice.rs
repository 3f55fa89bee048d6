//! Every choice of a run, from one seed.

use std::ops::Range;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// A source of choices.
#[derive(Debug)]
pub(crate) struct Dice(StdRng);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(StdRng::seed_from_u64(seed))
    }

    /// True in so many of a thousand cases.
    pub(crate) fn chance(&mut self, per_mille: u32) -> bool {
        self.0.random_range(0..1_000) < per_mille
    }

    pub(crate) fn range(&mut self, range: Range<u64>) -> u64 {
        self.0.random_range(range)
    }

    pub(crate) fn index(&mut self, length: usize) -> usize {
        self.0.random_range(0..length)
    }

    pub(crate) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.index(from.len())]
    }
    /// Any number, each as likely as the other.
    pub(crate) fn lot(&mut self) -> u64 {
        self.0.random()
    }

    /// From 0 to below 1.
    pub(crate) fn unit(&mut self) -> f64 {
        self.0.random()
    }

    /// Round zero, with a standard deviation of one (Box and Muller).
    pub(crate) fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (self.unit() * std::f64::consts::TAU).cos()
    }

    /// The time until the next of so many events per unit of time.
    pub(crate) fn until_next(&mut self, rate: f64) -> f64 {
        -(1.0 - self.unit()).ln() / rate
    }
}
