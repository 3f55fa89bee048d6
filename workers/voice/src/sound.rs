//! What is done to the sound of a clause before it is sent: one rate, one loudness, clean ends.

use mtor_audio::SPOKEN_HZ;
use mtor_audio::pcm::rms;
use mtor_audio::resample::resample;

use crate::defaults::{FADE_MS, GAIN_MAX, LOUDNESS, PEAK_MAX, SILENCE_LEFT_MS, SILENCE_LEVEL};
use crate::error::Failure;

/// A clause as it is sent: at [`SPOKEN_HZ`], without silence at its ends, as loud as the others, never too loud.
pub(crate) fn finished(samples: &[f32], rate: u32) -> Result<Vec<f32>, Failure> {
    let samples = without_silence(samples, rate);
    let mut sound = resample(samples, rate, SPOKEN_HZ).map_err(|error| Failure::Model(error.to_string()))?;
    let gain = gain(&sound);
    for sample in &mut sound {
        *sample *= gain;
    }
    fade(&mut sound);
    Ok(sound)
}

/// So many milliseconds of nothing.
pub(crate) fn silence(ms: u32) -> Vec<f32> {
    vec![0.0; samples_in(ms, SPOKEN_HZ)]
}

pub(crate) fn samples_in(ms: u32, rate: u32) -> usize {
    (u64::from(ms) * u64::from(rate) / 1_000) as usize
}

fn without_silence(samples: &[f32], rate: u32) -> &[f32] {
    let is_loud = |sample: &f32| sample.abs() >= SILENCE_LEVEL;
    let (Some(first), Some(last)) = (samples.iter().position(is_loud), samples.iter().rposition(is_loud))
    else {
        return &[];
    };
    let left = samples_in(SILENCE_LEFT_MS, rate);
    &samples[first.saturating_sub(left)..(last + 1 + left).min(samples.len())]
}

/// What brings a clause to the common loudness, unless its peaks would be cut or it is mostly breath.
fn gain(sound: &[f32]) -> f32 {
    let loud: Vec<f32> = sound.iter().copied().filter(|sample| sample.abs() >= SILENCE_LEVEL).collect();
    let peak = sound.iter().fold(0.0_f32, |peak, sample| peak.max(sample.abs()));
    if loud.is_empty() || peak <= 0.0 {
        return 1.0;
    }
    (LOUDNESS / rms(&loud)).min(GAIN_MAX).min(PEAK_MAX / peak)
}

fn fade(sound: &mut [f32]) {
    let length = samples_in(FADE_MS, SPOKEN_HZ).min(sound.len() / 2);
    let end = sound.len();
    for at in 0..length {
        let share = at as f32 / length as f32;
        sound[at] *= share;
        sound[end - 1 - at] *= share;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f32::consts::TAU;

    fn tone(level: f32, rate: u32, ms: u32) -> Vec<f32> {
        (0..samples_in(ms, rate)).map(|n| level * (TAU * 200.0 * n as f32 / rate as f32).sin()).collect()
    }

    #[test]
    fn silence_at_the_ends_is_cut_and_the_ends_are_quiet() {
        let rate = 22_050;
        let sound = [vec![0.0; 22_050], tone(0.3, rate, 500), vec![0.001; 11_025]].concat();
        let finished = finished(&sound, rate).unwrap();
        let ms = finished.len() * 1_000 / SPOKEN_HZ as usize;
        assert!((550..=565).contains(&ms), "{ms} ms");
        assert_eq!((finished[0], finished[finished.len() - 1]), (0.0, 0.0));
    }

    #[test]
    fn quiet_and_loud_clauses_come_out_alike_and_never_too_loud() {
        let loudness = |level| rms(&finished(&tone(level, 24_000, 400), 24_000).unwrap());
        assert!((loudness(0.06) / loudness(0.9) - 1.0).abs() < 0.1);
        let mut click = tone(0.05, 24_000, 400);
        click[4_000] = 1.0;
        let peak =
            finished(&click, 24_000).unwrap().iter().fold(0.0_f32, |peak, sample| peak.max(sample.abs()));
        assert!(peak <= PEAK_MAX + 1e-3, "{peak}");
    }

    #[test]
    fn nothing_stays_nothing() {
        assert_eq!(finished(&[], 22_050).unwrap(), Vec::<f32>::new());
        assert_eq!(finished(&[0.0; 1_000], 22_050).unwrap(), Vec::<f32>::new());
    }
}
