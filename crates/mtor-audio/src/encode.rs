//! Samples to a file of a common format, as they come: push samples and get bytes, finish and get the last ones.
//!
//! The sound is mono at [`SPOKEN_HZ`]. No encoder holds more than a fraction of a second of it, and none needs to know how
//! long it will be: what is written is a stream that plays from its first bytes on.

use crate::defaults::SPOKEN_HZ;
use crate::pcm;

mod flac;
mod mp3;
mod opus;

/// The formats that sound can be written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// Little-endian 16-bit samples, nothing round them.
    Pcm,
    /// A WAV file of 16-bit samples, whose header does not know its length.
    Wav,
    /// MP3 at a constant bit rate.
    Mp3,
    /// Opus in Ogg.
    Opus,
    /// FLAC with 16-bit samples.
    Flac,
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Pcm, Self::Wav, Self::Mp3, Self::Opus, Self::Flac];

    /// What a file of that format is usually called after the dot.
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self {
            Self::Pcm => "pcm",
            Self::Wav => "wav",
            Self::Mp3 => "mp3",
            Self::Opus => "opus",
            Self::Flac => "flac",
        }
    }
}

/// Why sound could not be written.
#[derive(Debug, thiserror::Error)]
#[error("the sound can't be written as {format}: {reason}")]
pub struct EncodeError {
    format: &'static str,
    reason: String,
}

impl EncodeError {
    fn new(format: Format, reason: impl ToString) -> Self {
        Self { format: format.extension(), reason: reason.to_string() }
    }
}

/// Writes one sound.
pub struct Encoder(Kind);

enum Kind {
    Pcm,
    Wav { begun: bool },
    Mp3(mp3::Encoder),
    Opus(Box<opus::Encoder>),
    Flac(Box<flac::Encoder>),
}

impl Encoder {
    /// Begins a sound.
    ///
    /// # Errors
    /// When the format's library has no memory for it.
    pub fn new(format: Format) -> Result<Self, EncodeError> {
        Ok(Self(match format {
            Format::Pcm => Kind::Pcm,
            Format::Wav => Kind::Wav { begun: false },
            Format::Mp3 => Kind::Mp3(mp3::Encoder::new()?),
            Format::Opus => Kind::Opus(Box::new(opus::Encoder::new()?)),
            Format::Flac => Kind::Flac(Box::new(flac::Encoder::new()?)),
        }))
    }

    /// Goes on with a sound that another encoder of this format began and did not finish: what stands only at the
    /// beginning of a file is left out.
    ///
    /// # Errors
    /// As [`Encoder::new`].
    pub fn continuing(format: Format) -> Result<Self, EncodeError> {
        let mut encoder = Self::new(format)?;
        match &mut encoder.0 {
            Kind::Wav { begun } => *begun = true,
            Kind::Flac(flac) => flac.leave_out_beginning(),
            // A stream of MP3 has no beginning, and one of Ogg may follow another.
            Kind::Pcm | Kind::Mp3(_) | Kind::Opus(_) => {}
        }
        Ok(encoder)
    }

    /// Takes samples, and gives the bytes that are ready with them; there may be none.
    ///
    /// # Errors
    /// When the format's library refuses; the sound can't go on then.
    pub fn push(&mut self, samples: &[f32]) -> Result<Vec<u8>, EncodeError> {
        match &mut self.0 {
            Kind::Pcm => Ok(pcm::to_s16le(samples)),
            Kind::Wav { begun } => {
                let mut bytes = wav_beginning(begun);
                bytes.extend(pcm::to_s16le(samples));
                Ok(bytes)
            }
            Kind::Mp3(encoder) => encoder.push(samples),
            Kind::Opus(encoder) => encoder.push(samples),
            Kind::Flac(encoder) => encoder.push(samples),
        }
    }

    /// Ends the sound, and gives its last bytes. A sound without a sample is a file all the same.
    ///
    /// # Errors
    /// As [`Encoder::push`].
    pub fn finish(self) -> Result<Vec<u8>, EncodeError> {
        match self.0 {
            Kind::Pcm => Ok(Vec::new()),
            Kind::Wav { mut begun } => Ok(wav_beginning(&mut begun)),
            Kind::Mp3(encoder) => encoder.finish(),
            Kind::Opus(encoder) => encoder.finish(),
            Kind::Flac(encoder) => encoder.finish(),
        }
    }
}

/// The header, once.
fn wav_beginning(begun: &mut bool) -> Vec<u8> {
    if std::mem::replace(begun, true) { Vec::new() } else { pcm::wav_header(SPOKEN_HZ, None).to_vec() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f32::consts::TAU;

    fn tone(samples: usize) -> Vec<f32> {
        (0..samples).map(|n| 0.5 * (TAU * 440.0 * n as f32 / SPOKEN_HZ as f32).sin()).collect()
    }

    fn encoded(format: Format, samples: &[f32], piece: usize) -> Vec<u8> {
        let mut encoder = Encoder::new(format).unwrap();
        let mut bytes = Vec::new();
        for piece in samples.chunks(piece) {
            bytes.extend(encoder.push(piece).unwrap());
        }
        bytes.extend(encoder.finish().unwrap());
        bytes
    }

    #[test]
    fn each_format_begins_with_its_mark_even_when_nothing_is_said() {
        for (format, mark) in [(Format::Wav, b"RIFF"), (Format::Opus, b"OggS"), (Format::Flac, b"fLaC")] {
            for samples in [0, 1, 24_000] {
                let bytes = encoded(format, &tone(samples), 500);
                assert!(bytes.starts_with(mark), "{format:?} of {samples} samples");
            }
        }
        let mp3 = encoded(Format::Mp3, &tone(24_000), 500);
        assert_eq!((mp3[0], mp3[1] & 0xe0), (0xff, 0xe0), "an MP3 frame begins with eleven ones");
        assert_eq!(encoded(Format::Pcm, &[0.5], 1), 16_384_i16.to_le_bytes());
    }

    #[test]
    fn bytes_come_while_the_sound_goes_on() {
        for format in Format::ALL {
            let mut encoder = Encoder::new(format).unwrap();
            let first: usize =
                tone(24_000).chunks(2_400).map(|piece| encoder.push(piece).unwrap().len()).sum();
            assert!(first > 1_000, "{format:?}: {first} bytes of the first second");
        }
    }

    #[test]
    fn the_size_of_the_pieces_changes_nothing() {
        let sound = tone(30_000);
        for format in Format::ALL {
            assert_eq!(encoded(format, &sound, 77), encoded(format, &sound, 30_000), "{format:?}");
        }
    }

    #[test]
    fn a_sound_that_goes_on_has_no_second_beginning() {
        let sound = tone(24_000);
        for format in [Format::Pcm, Format::Wav, Format::Flac] {
            let whole = encoded(format, &sound, 1_000);
            let mut rest = Encoder::continuing(format).unwrap();
            let mut bytes = rest.push(&sound).unwrap();
            bytes.extend(rest.finish().unwrap());
            assert!(whole.ends_with(&bytes), "{format:?}");
        }
    }

    /// What comes back out: as long as what went in, the same tone, as loud.
    #[cfg(feature = "decode")]
    #[test]
    fn what_is_written_can_be_read_again() {
        use crate::{HEARD_HZ, decode::Decoder, pcm::rms};
        let seconds = 2;
        let sound = tone(SPOKEN_HZ as usize * seconds);
        for format in [Format::Wav, Format::Mp3, Format::Opus, Format::Flac] {
            let file = encoded(format, &sound, 1_000);
            let mut decoder = Decoder::open(std::io::Cursor::new(file)).unwrap();
            let mut heard = Vec::new();
            while decoder.read(&mut heard).unwrap() {}
            let wanted = HEARD_HZ as usize * seconds;
            // MP3 pads both ends, by at most some frames.
            let slack = if format == Format::Mp3 { HEARD_HZ as usize / 5 } else { HEARD_HZ as usize / 50 };
            assert!(heard.len().abs_diff(wanted) <= slack, "{format:?}: {} samples", heard.len());
            let middle = &heard[HEARD_HZ as usize / 2..HEARD_HZ as usize * 3 / 2];
            assert!((rms(middle) - 0.5 / 2_f32.sqrt()).abs() < 0.02, "{format:?}: {}", rms(middle));
            let crossings = middle.windows(2).filter(|pair| pair[0] < 0.0 && pair[1] >= 0.0).count();
            assert!(crossings.abs_diff(440) <= 2, "{format:?}: {crossings} Hz");
        }
    }
}
