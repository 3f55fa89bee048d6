//! Where what somebody says begins and ends, by loudness alone: a frame counts as speech when it is well above the noise of
//! the room, and the noise is what the quietest moments were like. Pure: sound goes in, what happened comes out, and time is
//! counted in sound.
//!
//! A satellite that tells the end itself (`audio-stop`, `voice-stopped`) is believed; this is for those that don't.

use mtor_audio::HEARD_HZ;
use mtor_audio::pcm::rms;

use super::limits::{
    LISTEN_MS_MAX, NOISE_LEVEL_MIN, SILENCE_MS, SPEECH_MS_MIN, SPEECH_OVER_NOISE, UTTERANCE_MS_MAX,
};

/// How long one decision looks at the sound.
const FRAME_MS: u32 = 20;
const FRAME_SAMPLES: usize = (HEARD_HZ / 1_000 * FRAME_MS) as usize;
/// How fast the noise is thought to rise when the quietest moment gets louder, for each frame: doubled in two seconds.
const NOISE_RISE: f32 = 1.007;

/// What was found in the sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// Somebody has begun to speak.
    Begun,
    /// They have ended.
    Ended,
    /// Nobody has spoken for so long that nobody will.
    Nothing,
}

/// Finds the end of one utterance.
#[derive(Debug)]
pub(super) struct Endpoint {
    /// Of a frame that is not whole yet.
    held: Vec<f32>,
    noise: Option<f32>,
    heard_ms: u32,
    speech_ms: u32,
    silence_ms: u32,
    begun: bool,
    over: bool,
}

impl Endpoint {
    pub(super) fn new() -> Self {
        let held = Vec::with_capacity(FRAME_SAMPLES);
        Self { held, noise: None, heard_ms: 0, speech_ms: 0, silence_ms: 0, begun: false, over: false }
    }

    /// Takes samples at [`HEARD_HZ`]. Says each thing once, and after the end nothing.
    pub(super) fn push(&mut self, samples: &[f32]) -> Option<Found> {
        let mut found = None;
        for sample in samples {
            self.held.push(*sample);
            if self.held.len() == FRAME_SAMPLES {
                let level = rms(&self.held);
                self.held.clear();
                found = self.frame(level).or(found);
            }
        }
        found
    }

    fn frame(&mut self, level: f32) -> Option<Found> {
        if self.over {
            return None;
        }
        self.heard_ms += FRAME_MS;
        let noise = self.noise.map_or(level, |noise| level.min(noise * NOISE_RISE)).max(NOISE_LEVEL_MIN);
        self.noise = Some(noise);
        if level > noise * SPEECH_OVER_NOISE {
            self.speech_ms += FRAME_MS;
            self.silence_ms = 0;
        } else {
            self.silence_ms += FRAME_MS;
            if !self.begun && self.silence_ms >= SILENCE_MS {
                // A click some time ago is not the beginning of a word.
                self.speech_ms = 0;
            }
        }
        let ended = self.begun && (self.silence_ms >= SILENCE_MS || self.heard_ms >= UTTERANCE_MS_MAX);
        if ended {
            self.over = true;
            return Some(Found::Ended);
        }
        if !self.begun && self.speech_ms >= SPEECH_MS_MIN {
            self.begun = true;
            return Some(Found::Begun);
        }
        if !self.begun && self.heard_ms >= LISTEN_MS_MAX {
            self.over = true;
            return Some(Found::Nothing);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sound of so many milliseconds and about this level, noise of a fixed seed.
    fn sound(ms: u32, level: f32, seed: &mut u32) -> Vec<f32> {
        (0..HEARD_HZ / 1_000 * ms)
            .map(|_| {
                *seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                level * 1.73 * ((*seed >> 8) as f32 / 8_388_608.0 - 1.0)
            })
            .collect()
    }

    /// What is found in parts of sound, and after how many milliseconds.
    fn found(parts: &[(u32, f32)]) -> Vec<(Found, u32)> {
        let (mut endpoint, mut seed, mut ms, mut all) = (Endpoint::new(), 7, 0, Vec::new());
        for (part_ms, level) in parts {
            for _ in 0..part_ms / 10 {
                let found = endpoint.push(&sound(10, *level, &mut seed));
                ms += 10;
                all.extend(found.map(|found| (found, ms)));
            }
        }
        all
    }

    #[test]
    fn words_between_silences_are_found() {
        let found = found(&[(500, 0.003), (1_500, 0.1), (3_000, 0.003)]);
        let [(Found::Begun, begun), (Found::Ended, ended)] = found[..] else { panic!("{found:?}") };
        assert!((500 + SPEECH_MS_MIN..700).contains(&begun), "{begun}");
        assert!((2_000 + SILENCE_MS - 100..=2_000 + SILENCE_MS + 100).contains(&ended), "{ended}");
    }

    #[test]
    fn a_loud_room_is_no_speech_and_does_not_hide_it() {
        let found = found(&[(1_000, 0.05), (1_500, 0.3), (2_000, 0.05)]);
        assert_eq!(found.iter().map(|(found, _)| *found).collect::<Vec<_>>(), [Found::Begun, Found::Ended]);
    }

    #[test]
    fn a_breath_between_words_is_not_the_end() {
        let found = found(&[(300, 0.003), (800, 0.1), (400, 0.003), (800, 0.1), (2_000, 0.003)]);
        let [_, (Found::Ended, ended)] = found[..] else { panic!("{found:?}") };
        assert!(ended > 2_300 + SILENCE_MS - 100, "{ended}");
    }

    #[test]
    fn clicks_and_silence_are_nothing() {
        let mut parts = vec![(300, 0.003)];
        for _ in 0..10 {
            parts.extend([(20, 0.5), (1_000, 0.003)]);
        }
        let found = found(&parts);
        let [(Found::Nothing, ms)] = found[..] else { panic!("{found:?}") };
        assert_eq!(ms, LISTEN_MS_MAX);
    }

    #[test]
    fn somebody_who_never_stops_is_stopped() {
        let mut parts = vec![(300, 0.003)];
        for _ in 0..40 {
            parts.extend([(900, 0.2), (100, 0.003)]);
        }
        let found = found(&parts);
        let [(Found::Begun, _), (Found::Ended, ms)] = found[..] else { panic!("{found:?}") };
        assert_eq!(ms, UTTERANCE_MS_MAX);
    }
}
