//! The spectrum that the speech embedding looks at: 32 mel bands of 60 to 3,800 Hz, one row for each 10 ms. Computed as the
//! page computes it (web/src/lib/listen/mel.ts) and as the heads' training did (tools/wake/features.py).

use std::collections::VecDeque;
use std::f32::consts::TAU;
use std::fmt;
use std::sync::Arc;

use mtor_audio::HEARD_HZ;
use rustfft::num_complex::Complex;
use rustfft::{Fft, FftPlanner};

pub(super) const MEL_BANDS: usize = 32;
/// Samples from one row to the next: 10 ms.
const HOP: usize = 160;
/// Samples that one row looks at.
const WINDOW: usize = 512;
/// Of them, the ones in the middle that the Hann window lets through: 25 ms.
const HANN_SAMPLES: usize = 400;
const BAND_HZ_MIN: f32 = 60.0;
const BAND_HZ_MAX: f32 = 3_800.0;
/// The quietest that a band can be, in dB on the scale of 16-bit samples. Microphones that fall digitally silent between
/// words would otherwise give numbers that the embedding never saw.
const FLOOR_DB: f32 = 20.0;
const INT16_SCALE: f32 = 32_768.0;
/// What every band is in silence.
pub(super) const MEL_SILENCE: f32 = FLOOR_DB / 10.0 + 2.0;

/// One row.
pub(super) type Row = [f32; MEL_BANDS];

pub(super) struct Mel {
    fourier: Arc<dyn Fft<f32>>,
    window: Vec<f32>,
    bands: Vec<Band>,
    /// The last samples, fewer than a window and a hop.
    held: Vec<f32>,
}

/// A triangle over the spectrum's bins.
struct Band {
    first: usize,
    weights: Vec<f32>,
}

impl fmt::Debug for Mel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mel")
    }
}

impl Mel {
    pub(super) fn new() -> Self {
        Self {
            fourier: FftPlanner::new().plan_fft_forward(WINDOW),
            window: hann(),
            bands: bands(),
            held: vec![0.0; WINDOW - HOP],
        }
    }

    /// Appends a row for each 160 samples that have come in.
    pub(super) fn push(&mut self, samples: &[f32], rows: &mut VecDeque<Row>) {
        self.held.extend_from_slice(samples);
        let mut from = 0;
        while let Some(window) = self.held.get(from..from + WINDOW) {
            rows.push_back(self.row(window));
            from += HOP;
        }
        self.held.drain(..from);
    }

    fn row(&self, samples: &[f32]) -> Row {
        let weighted = samples.iter().zip(&self.window);
        let mut spectrum: Vec<Complex<f32>> =
            weighted.map(|(sample, weight)| Complex::from(sample * weight * INT16_SCALE)).collect();
        self.fourier.process(&mut spectrum);
        std::array::from_fn(|band| {
            let Band { first, weights } = &self.bands[band];
            let power: f32 =
                spectrum[*first..].iter().zip(weights).map(|(bin, weight)| bin.norm_sqr() * weight).sum();
            let decibel = 10.0 * power.max(1e-10).log10();
            decibel.max(FLOOR_DB) / 10.0 + 2.0
        })
    }
}

fn hann() -> Vec<f32> {
    let margin = (WINDOW - HANN_SAMPLES) / 2;
    let mut window = vec![0.0; WINDOW];
    for (index, weight) in window[margin..margin + HANN_SAMPLES].iter_mut().enumerate() {
        *weight = 0.5 - 0.5 * (TAU * index as f32 / HANN_SAMPLES as f32).cos();
    }
    window
}

/// Triangles on Slaney's mel scale (linear below 1 kHz), each of area one.
fn bands() -> Vec<Band> {
    let lowest = to_mel(BAND_HZ_MIN);
    let step = (to_mel(BAND_HZ_MAX) - lowest) / (MEL_BANDS + 1) as f32;
    let edge = |index: usize| to_hz(lowest + step * index as f32);
    let bin_hz = HEARD_HZ as f32 / WINDOW as f32;
    let band = |band: usize| {
        let (from, peak, to) = (edge(band), edge(band + 1), edge(band + 2));
        let weight = |bin: usize| {
            let hz = bin as f32 * bin_hz;
            ((hz - from) / (peak - from)).min((to - hz) / (to - peak)).max(0.0) * (2.0 / (to - from))
        };
        let first = (from / bin_hz).ceil() as usize;
        let last = (to / bin_hz).floor() as usize;
        Band { first, weights: (first..=last).map(weight).collect() }
    };
    (0..MEL_BANDS).map(band).collect()
}

const LINEAR_HZ_PER_MEL: f32 = 200.0 / 3.0;
const LINEAR_HZ_MAX: f32 = 1_000.0;
const LINEAR_MEL_MAX: f32 = LINEAR_HZ_MAX / LINEAR_HZ_PER_MEL;

/// Mels on a factor of 6.4 in frequency, above 1 kHz.
const LOG_MELS: f32 = 27.0;

fn to_mel(hz: f32) -> f32 {
    match hz < LINEAR_HZ_MAX {
        true => hz / LINEAR_HZ_PER_MEL,
        false => LINEAR_MEL_MAX + (hz / LINEAR_HZ_MAX).ln() * LOG_MELS / 6.4_f32.ln(),
    }
}

fn to_hz(mel: f32) -> f32 {
    match mel < LINEAR_MEL_MAX {
        true => mel * LINEAR_HZ_PER_MEL,
        false => LINEAR_HZ_MAX * ((mel - LINEAR_MEL_MAX) * 6.4_f32.ln() / LOG_MELS).exp(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(samples: &[f32]) -> Vec<Row> {
        let mut rows = VecDeque::new();
        Mel::new().push(samples, &mut rows);
        rows.into()
    }

    #[test]
    fn silence_is_the_floor_in_every_band() {
        let rows = rows(&[0.0; 1_600]);
        assert_eq!(rows, vec![[MEL_SILENCE; MEL_BANDS]; 10]);
    }

    #[test]
    fn a_tone_is_loudest_in_its_own_band() {
        let tone = |hz: f32| -> Vec<f32> {
            (0..3_200).map(|at| 0.5 * (TAU * hz * at as f32 / HEARD_HZ as f32).sin()).collect()
        };
        for (band, bounds) in bands().iter().enumerate().skip(4) {
            let middle = bounds.first + bounds.weights.len() / 2;
            let row = rows(&tone(middle as f32 * HEARD_HZ as f32 / WINDOW as f32))[15];
            let loudest = (0..MEL_BANDS).max_by(|a, b| row[*a].total_cmp(&row[*b])).unwrap();
            assert!(loudest.abs_diff(band) <= 1, "band {band} is heard in {loudest}");
        }
    }

    #[test]
    fn it_does_not_matter_how_sound_is_cut() {
        let sound: Vec<f32> = (0..4_800).map(|at| ((at * at) as f32 * 0.001).sin() * 0.2).collect();
        let mut cut = VecDeque::new();
        let mut mel = Mel::new();
        for piece in sound.chunks(77) {
            mel.push(piece, &mut cut);
        }
        assert_eq!(Vec::from(cut), rows(&sound));
    }
}
