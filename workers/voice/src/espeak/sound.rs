//! Speech by espeak-ng itself: any of its languages, at once, in the voice of a machine.

use std::io::{Read, Write};
use std::process::{Command, Stdio};

use mtor_audio::pcm;

use crate::defaults::{
    ESPEAK_PROGRAM, ESPEAK_SOUND_BYTES_MAX, ESPEAK_WORDS_PER_MINUTE, ESPEAK_WORDS_PER_MINUTE_MAX,
    ESPEAK_WORDS_PER_MINUTE_MIN,
};
use crate::error::Failure;

/// Words as sound: the samples and their rate.
pub(crate) fn spoken(words: &str, voice: &str, speed: f32) -> Result<(Vec<f32>, u32), Failure> {
    let failed = |error: std::io::Error| Failure::Espeak(error.to_string());
    let rate = (ESPEAK_WORDS_PER_MINUTE * speed).round() as u32;
    let rate = rate.clamp(ESPEAK_WORDS_PER_MINUTE_MIN, ESPEAK_WORDS_PER_MINUTE_MAX);
    let mut child = Command::new(ESPEAK_PROGRAM)
        .args(["-b", "1", "-z", "--stdout", "--stdin", "-v", voice, "-s", &rate.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(failed)?;
    // It reads all of its input before it begins to speak, so that neither side waits for the other.
    if let Some(mut input) = child.stdin.take() {
        input.write_all(words.replace("[[", " ").as_bytes()).map_err(failed)?;
    }
    let mut file = Vec::new();
    if let Some(output) = child.stdout.take() {
        output.take(ESPEAK_SOUND_BYTES_MAX).read_to_end(&mut file).map_err(failed)?;
    }
    child.wait().map_err(failed)?;
    samples(&file).ok_or_else(|| Failure::Espeak(format!("it gave no sound for the voice {voice}")))
}

/// The samples of the WAV file that it writes, whose header does not know how long it is.
fn samples(file: &[u8]) -> Option<(Vec<f32>, u32)> {
    let (header, data) = file.split_at_checked(pcm::WAV_HEADER_BYTES)?;
    if !header.starts_with(b"RIFF") || !header[36..].starts_with(b"data") {
        return None;
    }
    let rate = u32::from_le_bytes(*header[24..].first_chunk()?);
    Some((pcm::from_s16le(data), rate))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_header_is_believed() {
        assert_eq!(samples(&pcm::wav(&[0.5, -0.5], 22_050)), Some((vec![0.5, -0.5], 22_050)));
        assert_eq!(samples(b"RIFF"), None);
        assert_eq!(samples(&[0; 100]), None);
    }
}
