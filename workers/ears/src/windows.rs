//! Cuts a sound into windows that the model can look at: from the first voice on, at pauses, without long silences.
//!
//! No model in here: frames come in with the probability of a voice, windows come out.

use crate::defaults::{
    CUT_FRAMES, FRAME_SAMPLES, PAD_FRAMES, PAUSE_FRAMES, SILENCE_FRAMES, VOICE_OFF, VOICE_ON,
    VOICED_FRAMES_MIN, WINDOW_MAX_FRAMES, WINDOW_SOFT_FRAMES,
};

/// A stretch of sound in which somebody speaks.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Window {
    /// Where it begins, in samples from the beginning of the sound.
    pub(crate) start: u64,
    /// Its samples.
    pub(crate) samples: Vec<f32>,
    /// Frames in which there is a voice.
    pub(crate) voiced_frames: usize,
}

/// The cutter. Holds one window at most.
#[derive(Debug, Default)]
pub(crate) struct Windows {
    start: u64,
    samples: Vec<f32>,
    /// For each frame in `samples`, how likely a voice is.
    likely: Vec<f32>,
    /// For each frame in `samples`, whether it counts as voice.
    voiced: Vec<bool>,
}

impl Windows {
    /// Before the first frame.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Takes a frame, and gives the window that it completes.
    pub(crate) fn push(&mut self, frame: &[f32; FRAME_SAMPLES], likely: f32) -> Option<Window> {
        let threshold = if self.voiced.last() == Some(&true) { VOICE_OFF } else { VOICE_ON };
        self.samples.extend_from_slice(frame);
        self.likely.push(likely);
        self.voiced.push(likely >= threshold);
        let Some(quiet) = self.quiet_frames() else {
            // Nobody has spoken yet: only the moment before a first word is worth keeping.
            self.forget(self.voiced.len().saturating_sub(PAD_FRAMES));
            return None;
        };
        let frames = self.voiced.len();
        if quiet >= SILENCE_FRAMES || frames >= WINDOW_SOFT_FRAMES && quiet >= PAUSE_FRAMES {
            let end = frames - quiet + PAD_FRAMES.min(quiet);
            return self.cut(end);
        }
        if frames >= WINDOW_MAX_FRAMES {
            return self.cut(self.quietest_end());
        }
        None
    }

    /// The last window: the sound ends here.
    pub(crate) fn finish(&mut self) -> Option<Window> {
        let window = self.cut(self.end_of_voice());
        self.forget(self.voiced.len());
        window
    }

    /// The window as it is now, when it was over.
    pub(crate) fn so_far(&self) -> Option<Window> {
        self.window(self.end_of_voice())
    }

    /// Frames with a voice in the window so far.
    pub(crate) fn voiced_frames(&self) -> usize {
        count(&self.voiced)
    }

    /// Frames since the last one with a voice; `None` when there was none.
    pub(crate) fn quiet_frames(&self) -> Option<usize> {
        let last = self.voiced.iter().rposition(|voiced| *voiced)?;
        Some(self.voiced.len() - 1 - last)
    }

    /// Behind the last voice, and what belongs to it.
    fn end_of_voice(&self) -> usize {
        let quiet = self.quiet_frames().unwrap_or(0);
        self.voiced.len() - quiet + PAD_FRAMES.min(quiet)
    }

    /// The end of a full window: where, near its end, a voice is least likely.
    fn quietest_end(&self) -> usize {
        let from = self.likely.len().saturating_sub(CUT_FRAMES);
        let quietest = self.likely[from..].iter().enumerate().min_by(|a, b| a.1.total_cmp(b.1));
        quietest.map_or(self.likely.len(), |(at, _)| from + at + 1)
    }

    /// The first `end` frames as a window, if somebody speaks in them.
    fn window(&self, end: usize) -> Option<Window> {
        let voiced_frames = count(&self.voiced[..end]);
        (voiced_frames >= VOICED_FRAMES_MIN).then(|| Window {
            start: self.start,
            samples: self.samples[..end * FRAME_SAMPLES].to_vec(),
            voiced_frames,
        })
    }

    fn cut(&mut self, end: usize) -> Option<Window> {
        let window = self.window(end);
        self.forget(end);
        window
    }

    fn forget(&mut self, frames: usize) {
        self.samples.drain(..frames * FRAME_SAMPLES);
        self.likely.drain(..frames);
        self.voiced.drain(..frames);
        self.start += (frames * FRAME_SAMPLES) as u64;
    }
}

fn count(voiced: &[bool]) -> usize {
    voiced.iter().filter(|voiced| **voiced).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Plays a sound of so many frames at such a likelihood; each frame is full of its number.
    fn windows_of(parts: &[(usize, f32)]) -> Vec<Window> {
        let mut windows = Windows::new();
        let mut cut = Vec::new();
        let frames = parts.iter().flat_map(|(frames, likely)| std::iter::repeat_n(*likely, *frames));
        for (number, likely) in frames.enumerate() {
            cut.extend(windows.push(&[number as f32; FRAME_SAMPLES], likely));
        }
        cut.extend(windows.finish());
        cut
    }

    fn frames(window: &Window) -> (usize, usize) {
        (window.start as usize / FRAME_SAMPLES, window.samples.len() / FRAME_SAMPLES)
    }

    #[test]
    fn silence_and_clicks_give_no_window() {
        assert_eq!(windows_of(&[(10_000, 0.01)]), []);
        assert_eq!(windows_of(&[(100, 0.01), (2, 0.9), (100, 0.01), (2, 0.9), (100, 0.01)]), []);
        assert_eq!(windows_of(&[]), []);
    }

    #[test]
    fn a_window_has_its_speech_and_a_little_round_it() {
        let windows = windows_of(&[(100, 0.0), (50, 0.9), (40, 0.0)]);
        assert_eq!(windows.len(), 1);
        assert_eq!(frames(&windows[0]), (100 - PAD_FRAMES, PAD_FRAMES + 50 + PAD_FRAMES));
        assert_eq!(windows[0].voiced_frames, 50);
        assert_eq!(windows[0].samples[0], (100 - PAD_FRAMES) as f32);
    }

    #[test]
    fn a_long_silence_ends_a_window_and_a_breath_does_not() {
        let windows =
            windows_of(&[(50, 0.9), (SILENCE_FRAMES - 1, 0.0), (50, 0.9), (SILENCE_FRAMES, 0.0), (50, 0.9)]);
        assert_eq!(windows.len(), 2);
        assert_eq!(windows[0].voiced_frames, 100);
        assert_eq!(windows[1].voiced_frames, 50);
    }

    #[test]
    fn a_long_speech_is_cut_at_a_pause() {
        let windows = windows_of(&[(WINDOW_SOFT_FRAMES + 20, 0.9), (PAUSE_FRAMES, 0.1), (100, 0.9)]);
        assert_eq!(
            windows.iter().map(|window| window.voiced_frames).collect::<Vec<_>>(),
            [WINDOW_SOFT_FRAMES + 20, 100]
        );
    }

    #[test]
    fn a_speech_without_pauses_is_cut_where_it_is_quietest() {
        let windows = windows_of(&[(800, 0.9), (1, 0.4), (500, 0.9)]);
        assert_eq!(windows.iter().map(frames).collect::<Vec<_>>(), [(0, 801), (801, 500)]);
    }

    #[test]
    fn what_was_begun_goes_on_at_a_lower_likelihood() {
        assert_eq!(windows_of(&[(10, 0.4)]), []);
        assert_eq!(windows_of(&[(1, 0.6), (10, 0.4)])[0].voiced_frames, 11);
    }

    proptest! {
        #[test]
        fn no_voice_is_lost_or_heard_twice_and_no_window_is_too_long(
            parts in proptest::collection::vec((1_usize..400, prop_oneof![Just(0.0_f32), Just(0.9), Just(0.42), Just(0.6)]), 1..12)
        ) {
            let windows = windows_of(&parts);
            let mut end = 0;
            for window in &windows {
                let (start, length) = frames(window);
                prop_assert!(start >= end);
                prop_assert!(length <= WINDOW_MAX_FRAMES);
                prop_assert_eq!(window.samples[0], start as f32);
                end = start + length;
            }
            let voiced: usize = windows.iter().map(|window| window.voiced_frames).sum();
            let surely: usize = parts.iter().filter(|(frames, likely)| *likely >= VOICE_ON && *frames >= VOICED_FRAMES_MIN).map(|(frames, _)| frames).sum();
            // A cut may leave too few frames to be worth a window.
            prop_assert!(voiced + windows.len() * VOICED_FRAMES_MIN >= surely, "{} of {}", voiced, surely);
        }
    }
}
