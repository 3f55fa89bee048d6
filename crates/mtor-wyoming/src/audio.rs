//! Sound on the wire: what its samples are like, and pieces of it.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::limits::{CHANNELS_MAX, RATE_MAX};
use crate::message::Timestamp;

/// What the samples of raw sound are like: little-endian integers, signed but for a width of one byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "FormatForm")]
pub struct AudioFormat {
    /// Samples per second.
    pub rate: u32,
    /// Bytes of a sample: 1 to 4.
    pub width: u8,
    /// Samples at the same time.
    pub channels: u16,
}

#[derive(Deserialize)]
struct FormatForm {
    rate: u64,
    width: u64,
    channels: u64,
}

impl AudioFormat {
    /// One channel of 16 bits at this rate.
    pub const fn mono16(rate: u32) -> Self {
        Self { rate, width: 2, channels: 1 }
    }

    /// Bytes of one moment of sound, all channels together.
    pub const fn frame_bytes(&self) -> usize {
        self.width as usize * self.channels as usize
    }

    /// Appends what so many bytes sound like to `samples`: one channel, numbers from -1 to 1. Several channels become their
    /// mean. What is left of the bytes after the last whole moment is dropped, for chunks hold whole ones.
    pub fn to_mono(&self, bytes: &[u8], samples: &mut Vec<f32>) {
        let moments = bytes.chunks_exact(self.frame_bytes());
        let channels = f32::from(self.channels);
        samples.extend(
            moments.map(|moment| {
                moment.chunks_exact(usize::from(self.width)).map(sample).sum::<f32>() / channels
            }),
        );
    }

    /// How long so many bytes sound, in milliseconds.
    pub const fn milliseconds(&self, bytes: usize) -> u64 {
        (bytes / self.frame_bytes()) as u64 * 1_000 / self.rate as u64
    }
}

/// One sample of 1 to 4 bytes.
fn sample(bytes: &[u8]) -> f32 {
    match *bytes {
        // Of all widths this one alone is unsigned.
        [only] => (f32::from(only) - 128.0) / 128.0,
        [low, high] => f32::from(i16::from_le_bytes([low, high])) / 32_768.0,
        [low, middle, high] => (i32::from_le_bytes([0, low, middle, high]) >> 8) as f32 / 8_388_608.0,
        [a, b, c, d] => i32::from_le_bytes([a, b, c, d]) as f32 / 2_147_483_648.0,
        _ => 0.0,
    }
}

impl TryFrom<FormatForm> for AudioFormat {
    type Error = String;

    fn try_from(form: FormatForm) -> Result<Self, String> {
        let rate = u32::try_from(form.rate).ok().filter(|rate| (1..=RATE_MAX).contains(rate));
        let width = u8::try_from(form.width).ok().filter(|width| (1..=4).contains(width));
        let channels = u16::try_from(form.channels).ok().filter(|count| (1..=CHANNELS_MAX).contains(count));
        Ok(Self {
            rate: rate.ok_or_else(|| format!("rate must be 1 to {RATE_MAX} Hz, not {}", form.rate))?,
            width: width.ok_or_else(|| format!("width must be 1 to 4 bytes, not {}", form.width))?,
            channels: channels
                .ok_or_else(|| format!("channels must be 1 to {CHANNELS_MAX}, not {}", form.channels))?,
        })
    }
}

/// Sound begins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AudioStart {
    /// What its samples are like.
    #[serde(flatten)]
    pub format: AudioFormat,
    /// When, in milliseconds since whenever the sender likes.
    #[serde(default)]
    pub timestamp: Timestamp,
}

/// A piece of sound.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AudioChunk {
    /// What its samples are like.
    #[serde(flatten)]
    pub format: AudioFormat,
    /// When, in milliseconds since whenever the sender likes.
    #[serde(default)]
    pub timestamp: Timestamp,
    /// The samples.
    #[serde(skip)]
    pub audio: Bytes,
}

impl AudioChunk {
    /// How long it sounds, in milliseconds.
    pub fn milliseconds(&self) -> u64 {
        self.format.milliseconds(self.audio.len())
    }
}

/// Sound ends.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct AudioStop {
    /// When, in milliseconds since whenever the sender likes.
    #[serde(default)]
    pub timestamp: Timestamp,
}

impl From<AudioFormat> for AudioStart {
    fn from(format: AudioFormat) -> Self {
        Self { format, timestamp: Timestamp(Some(0)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_of_every_width_and_number_of_channels() {
        let heard = |width, channels, bytes: &[u8]| {
            let mut samples = Vec::new();
            AudioFormat { rate: 8_000, width, channels }.to_mono(bytes, &mut samples);
            samples
        };
        assert_eq!(heard(1, 1, &[0, 128, 192]), [-1.0, 0.0, 0.5]);
        assert_eq!(heard(2, 1, &[0, 0x80, 0, 0x40, 9]), [-1.0, 0.5]);
        assert_eq!(heard(3, 1, &[0, 0, 0x80, 0, 0, 0x40]), [-1.0, 0.5]);
        assert_eq!(heard(4, 1, &[0, 0, 0, 0x80, 0, 0, 0, 0x40]), [-1.0, 0.5]);
        assert_eq!(heard(2, 2, &[0, 0x40, 0, 0, 0, 0x80, 0, 0x40]), [0.25, -0.25]);
    }

    #[test]
    fn formats_that_are_none_are_refused_in_words() {
        let read = |json: &str| serde_json::from_str::<AudioStart>(json).map_err(|error| error.to_string());
        let good = read(r#"{"rate":16000,"width":2,"channels":1,"timestamp":null}"#).unwrap();
        assert_eq!(good.format, AudioFormat::mono16(16_000));
        assert_eq!(good.format.milliseconds(32_000), 1_000);
        for (json, said) in [
            (r#"{"rate":0,"width":2,"channels":1}"#, "rate must be 1 to 768000 Hz, not 0"),
            (r#"{"rate":16000,"width":9,"channels":1}"#, "width must be 1 to 4 bytes, not 9"),
            (r#"{"rate":16000,"width":2,"channels":0}"#, "channels must be 1 to 32, not 0"),
            (r#"{"width":2,"channels":1}"#, "missing field `rate`"),
        ] {
            let error = read(json).unwrap_err();
            assert!(error.contains(said), "{json} gives {error}");
        }
    }
}
