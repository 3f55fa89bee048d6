//! How loud words are where a microphone stands. Pure: sound goes in, and once there was enough of them, their level comes out.

use mtor_audio::HEARD_HZ;
use mtor_audio::pcm::rms;

use super::endpoint::{Endpoint, Found};
use super::limits::LEVEL_MS;

const LEVEL_SAMPLES: usize = (HEARD_HZ / 1_000 * LEVEL_MS) as usize;

/// Judges one utterance by its first syllables. What comes before them says nothing: people pause after a wake word, and then
/// there is only the noise of the room.
#[derive(Debug)]
pub(super) struct Loudness {
    endpoint: Endpoint,
    begun: bool,
    words: Vec<f32>,
}

impl Loudness {
    pub(super) fn new() -> Self {
        Self { endpoint: Endpoint::new(), begun: false, words: Vec::with_capacity(LEVEL_SAMPLES) }
    }

    /// Takes samples at [`HEARD_HZ`]. The level, from 0 to 1, once enough was said.
    pub(super) fn push(&mut self, samples: &[f32]) -> Option<f32> {
        let found = self.endpoint.push(samples);
        self.begun |= matches!(found, Some(Found::Begun | Found::Ended));
        if self.begun {
            let room = LEVEL_SAMPLES - self.words.len();
            self.words.extend(samples.iter().take(room));
        }
        (self.words.len() == LEVEL_SAMPLES).then(|| self.so_far())
    }

    /// The level of what was said so far; of nothing, 0.
    pub(super) fn so_far(&self) -> f32 {
        rms(&self.words)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A tenth of a second.
    fn sound(level: f32) -> Vec<f32> {
        (0..HEARD_HZ / 10).map(|sample| if sample % 2 == 0 { level } else { -level }).collect()
    }

    #[test]
    fn a_pause_is_not_judged_and_words_are() {
        let mut loudness = Loudness::new();
        for _ in 0..10 {
            assert_eq!(loudness.push(&sound(0.002)), None);
        }
        assert_eq!(loudness.so_far(), 0.0);
        let level = (0..5).find_map(|_| loudness.push(&sound(0.2))).unwrap();
        assert!((level - 0.2).abs() < 1e-3, "{level}");
    }

    #[test]
    fn what_ends_early_is_judged_by_what_there_was() {
        let mut loudness = Loudness::new();
        loudness.push(&sound(0.002));
        loudness.push(&sound(0.1));
        assert_eq!(loudness.push(&sound(0.1)), None);
        assert!((loudness.so_far() - 0.1).abs() < 1e-3);
    }
}
