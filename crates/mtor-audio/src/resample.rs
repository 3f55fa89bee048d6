//! From one sample rate to another, as the samples come.
//!
//! A windowed sinc: each output sample is the sum of the input samples round its instant, weighted by a low-pass filter
//! that lets nothing pass what the lower rate can't carry. Output sample `n` is the sound at the very instant
//! `n / to_hz`: nothing is delayed.

use std::f64::consts::PI;
use std::sync::Arc;

use crate::defaults::{
    FILTER_CUTOFF, FILTER_KAISER_BETA, FILTER_PHASES, FILTER_REACH, RATE_HZ_MAX, RATE_HZ_MIN,
};

/// A rate that is not resampled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0} samples per second can't be resampled: from {RATE_HZ_MIN} to {RATE_HZ_MAX} are possible")]
pub struct UnusableRate(
    /// The rate asked for.
    pub u32,
);

/// Changes the rate of one mono sound. Holds no more than some hundred samples of it.
#[derive(Debug, Clone)]
pub struct Resampler {
    from_hz: u64,
    to_hz: u64,
    /// `None` when the rates are the same.
    filter: Option<Arc<Filter>>,
    /// Input that is still needed; its first sample is number `first` of the input, which begins with silence.
    held: Vec<f32>,
    first: i64,
    /// Input samples so far.
    taken: u64,
    /// Output samples so far.
    given: u64,
}

impl Resampler {
    /// From `from_hz` to `to_hz` samples per second.
    ///
    /// # Errors
    /// [`UnusableRate`] when one of them is out of the possible.
    pub fn new(from_hz: u32, to_hz: u32) -> Result<Self, UnusableRate> {
        for rate in [from_hz, to_hz] {
            if !(RATE_HZ_MIN..=RATE_HZ_MAX).contains(&rate) {
                return Err(UnusableRate(rate));
            }
        }
        let filter = (from_hz != to_hz).then(|| Arc::new(Filter::new(from_hz, to_hz)));
        let mut resampler = Self {
            from_hz: u64::from(from_hz),
            to_hz: u64::from(to_hz),
            filter,
            held: Vec::new(),
            first: 0,
            taken: 0,
            given: 0,
        };
        resampler.begin();
        Ok(resampler)
    }

    /// Takes input, and appends the output that it completes.
    pub fn push(&mut self, input: &[f32], output: &mut Vec<f32>) {
        self.taken += input.len() as u64;
        let Some(filter) = self.filter.clone() else {
            output.extend_from_slice(input);
            return;
        };
        self.held.extend_from_slice(input);
        self.give(&filter, u64::MAX, output);
    }

    /// Appends what is left of the output: the sound ends here. The next input begins another one.
    pub fn flush(&mut self, output: &mut Vec<f32>) {
        if let Some(filter) = self.filter.clone() {
            let all = (self.taken * self.to_hz).div_ceil(self.from_hz);
            self.held.resize(self.held.len() + filter.taps, 0.0);
            self.give(&filter, all, output);
        }
        self.begin();
    }

    /// The state before the first sample: silence all round.
    fn begin(&mut self) {
        let reach = self.filter.as_ref().map_or(0, |filter| filter.taps / 2);
        self.held.clear();
        self.held.resize(reach, 0.0);
        self.first = -(reach as i64);
        (self.taken, self.given) = (0, 0);
    }

    /// Computes output while the input round its instant is here, up to `end` samples in all.
    fn give(&mut self, filter: &Filter, end: u64, output: &mut Vec<f32>) {
        let reach = filter.taps as i64 / 2;
        while self.given < end {
            let instant = self.given * self.from_hz;
            let before = (instant / self.to_hz) as i64;
            let start = (before - reach + 1 - self.first) as usize;
            let Some(around) = self.held.get(start..start + filter.taps) else { break };
            let fraction = (instant % self.to_hz) as f64 / self.to_hz as f64;
            output.push(filter.at(around, fraction));
            self.given += 1;
        }
        let next = (self.given * self.from_hz / self.to_hz) as i64 - reach + 1;
        let done = (next - self.first).clamp(0, self.held.len() as i64);
        self.held.drain(..done as usize);
        self.first += done;
    }
}

/// A whole sound at another rate.
///
/// # Errors
/// As [`Resampler::new`].
pub fn resample(input: &[f32], from_hz: u32, to_hz: u32) -> Result<Vec<f32>, UnusableRate> {
    let mut resampler = Resampler::new(from_hz, to_hz)?;
    let mut output = Vec::new();
    resampler.push(input, &mut output);
    resampler.flush(&mut output);
    Ok(output)
}

/// The low-pass filter, tabulated for [`FILTER_PHASES`] positions between two input samples.
#[derive(Debug)]
struct Filter {
    taps: usize,
    /// One row of `taps` weights per position, and one more row for the position of the next sample.
    rows: Vec<f32>,
}

impl Filter {
    fn new(from_hz: u32, to_hz: u32) -> Self {
        // One when the rate rises.
        let ratio = f64::from(to_hz.min(from_hz)) / f64::from(from_hz);
        let reach = FILTER_REACH as f64 / ratio;
        let half = reach.ceil() as usize;
        let cutoff = ratio * FILTER_CUTOFF;
        let weight = |distance: f64| {
            let inside = 1.0 - (distance / reach).powi(2);
            if inside <= 0.0 {
                return 0.0;
            }
            let window = bessel_i0(FILTER_KAISER_BETA * inside.sqrt()) / bessel_i0(FILTER_KAISER_BETA);
            cutoff * sinc(cutoff * distance) * window
        };
        let mut rows = Vec::with_capacity((FILTER_PHASES + 1) * 2 * half);
        for phase in 0..=FILTER_PHASES {
            let fraction = phase as f64 / FILTER_PHASES as f64;
            let row: Vec<f64> =
                (0..2 * half).map(|tap| weight(tap as f64 - (half as f64 - 1.0) - fraction)).collect();
            // A constant stays what it is.
            let sum: f64 = row.iter().sum();
            rows.extend(row.iter().map(|weight| (weight / sum) as f32));
        }
        Self { taps: 2 * half, rows }
    }

    /// The sound at `fraction` of the way between the two middle samples of `around`.
    fn at(&self, around: &[f32], fraction: f64) -> f32 {
        let position = fraction * FILTER_PHASES as f64;
        let phase = (position as usize).min(FILTER_PHASES - 1);
        let between = (position - phase as f64) as f32;
        let (near, far) = self.rows[phase * self.taps..][..2 * self.taps].split_at(self.taps);
        let (near, far) = (dot(around, near), dot(around, far));
        near + (far - near) * between
    }
}

/// The sum of products. Several sums side by side let the compiler use the processor's wide registers.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    const LANES: usize = 8;
    let mut sums = [0.0_f32; LANES];
    let (a_lanes, a_rest) = a.as_chunks::<LANES>();
    let (b_lanes, b_rest) = b.as_chunks::<LANES>();
    for (a, b) in a_lanes.iter().zip(b_lanes) {
        for lane in 0..LANES {
            sums[lane] += a[lane] * b[lane];
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    sums.iter().sum::<f32>() + rest
}

fn sinc(x: f64) -> f64 {
    if x.abs() < 1e-9 { 1.0 } else { (PI * x).sin() / (PI * x) }
}

/// The modified Bessel function of the first kind and order zero, by its power series.
fn bessel_i0(x: f64) -> f64 {
    let quarter = x * x / 4.0;
    let (mut sum, mut term) = (1.0, 1.0);
    for k in 1..64 {
        term *= quarter / f64::from(k * k);
        sum += term;
        if term < sum * 1e-12 {
            break;
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn tone(hz: f64, rate_hz: u32, samples: usize) -> Vec<f32> {
        (0..samples).map(|n| (0.5 * (2.0 * PI * hz * n as f64 / f64::from(rate_hz)).sin()) as f32).collect()
    }

    /// How much louder the tone is than what differs from it, in decibels, without the edges.
    fn signal_to_noise_db(found: &[f32], wanted: &[f32]) -> f32 {
        let middle = found.len() / 8..found.len() * 7 / 8;
        let noise: Vec<f32> = found.iter().zip(wanted).map(|(f, w)| f - w).collect();
        crate::pcm::dbfs(crate::pcm::rms(&wanted[middle.clone()]) / crate::pcm::rms(&noise[middle]))
    }

    #[test]
    fn a_tone_stays_that_tone_at_that_instant() {
        for (from, to) in
            [(44_100, 16_000), (48_000, 16_000), (8_000, 16_000), (22_050, 24_000), (96_000, 16_000)]
        {
            let found = resample(&tone(1_000.0, from, from as usize), from, to).unwrap();
            assert_eq!(found.len(), to as usize);
            let clean = signal_to_noise_db(&found, &tone(1_000.0, to, to as usize));
            assert!(clean > 80.0, "{from} to {to}: {clean} dB");
        }
    }

    #[test]
    fn what_the_lower_rate_cannot_carry_is_gone_rather_than_folded_down() {
        let found = resample(&tone(11_000.0, 48_000, 48_000), 48_000, 16_000).unwrap();
        let left = crate::pcm::dbfs(crate::pcm::rms(&found[1_000..15_000]));
        assert!(left < -80.0, "{left} dB are left");
    }

    #[test]
    fn the_same_rate_changes_nothing() {
        let input = tone(440.0, 16_000, 100);
        assert_eq!(resample(&input, 16_000, 16_000).unwrap(), input);
    }

    #[test]
    fn nothing_gives_nothing_and_rates_without_sense_are_refused() {
        assert_eq!(resample(&[], 44_100, 16_000).unwrap(), Vec::<f32>::new());
        assert_eq!(Resampler::new(0, 16_000).unwrap_err(), UnusableRate(0));
        assert!(Resampler::new(16_000, u32::MAX).is_err());
    }

    #[test]
    fn an_hour_is_held_a_moment_at_a_time() {
        let mut resampler = Resampler::new(192_000, 16_000).unwrap();
        let (mut output, second) = (Vec::new(), vec![0.25; 192_000]);
        for _ in 0..20 {
            output.clear();
            resampler.push(&second, &mut output);
            assert!(resampler.held.len() <= 2 * FILTER_REACH * 12 + 12, "{}", resampler.held.len());
        }
        assert!((output[8_000] - 0.25).abs() < 1e-4, "a constant stays what it is");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn pieces_give_the_same_sound_as_the_whole(
            input in proptest::collection::vec(-1.0_f32..1.0, 0..600), piece in 1_usize..70,
            from in 4_000_u32..50_000, to in 4_000_u32..50_000
        ) {
            let mut resampler = Resampler::new(from, to).unwrap();
            for _ in 0..2 {
                let mut output = Vec::new();
                for piece in input.chunks(piece) {
                    resampler.push(piece, &mut output);
                }
                resampler.flush(&mut output);
                prop_assert_eq!(&output, &resample(&input, from, to).unwrap());
                prop_assert_eq!(output.len() as u64, (input.len() as u64 * u64::from(to)).div_ceil(u64::from(from)));
            }
        }
    }
}
