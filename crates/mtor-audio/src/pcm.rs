//! Samples as numbers and as bytes, how loud they are, and WAV files round them.

/// Turns the bytes of little-endian 16-bit samples into numbers. The bytes may come in pieces that are cut anywhere.
#[derive(Debug, Default, Clone)]
pub struct S16leReader {
    half: Option<u8>,
}

impl S16leReader {
    /// A reader that has seen nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends the samples that `bytes` complete to `samples`. Half a sample at the end waits for the next piece.
    pub fn push(&mut self, bytes: &[u8], samples: &mut Vec<f32>) {
        let mut bytes = bytes;
        if let (Some(low), [high, rest @ ..]) = (self.half, bytes) {
            samples.push(to_f32(i16::from_le_bytes([low, *high])));
            self.half = None;
            bytes = rest;
        }
        let (pairs, rest) = bytes.as_chunks::<2>();
        samples.extend(pairs.iter().map(|pair| to_f32(i16::from_le_bytes(*pair))));
        if let [low] = rest {
            self.half = Some(*low);
        }
    }
}

/// One sample as a number from -1 to just below 1.
#[must_use]
pub fn to_f32(sample: i16) -> f32 {
    f32::from(sample) / 32_768.0
}

/// One sample as a 16-bit integer. What is too loud is clipped; what is no number is silence.
#[must_use]
pub fn to_i16(sample: f32) -> i16 {
    // `as` saturates, and takes NaN for zero.
    (sample * 32_768.0).round() as i16
}

/// Samples as little-endian 16-bit integers.
#[must_use]
pub fn to_s16le(samples: &[f32]) -> Vec<u8> {
    samples.iter().flat_map(|sample| to_i16(*sample).to_le_bytes()).collect()
}

/// Little-endian 16-bit integers as samples. Half a sample at the end is dropped.
#[must_use]
pub fn from_s16le(bytes: &[u8]) -> Vec<f32> {
    let mut samples = Vec::with_capacity(bytes.len() / 2);
    S16leReader::new().push(bytes, &mut samples);
    samples
}

/// How loud samples are: the root of the mean square, from 0 to 1. Nothing is silent.
#[must_use]
pub fn rms(samples: &[f32]) -> f32 {
    if samples.is_empty() {
        return 0.0;
    }
    let sum: f64 = samples.iter().map(|sample| f64::from(*sample) * f64::from(*sample)).sum();
    (sum / samples.len() as f64).sqrt() as f32
}

/// A level from 0 to 1 in decibels below full scale; silence is minus infinity.
#[must_use]
pub fn dbfs(level: f32) -> f32 {
    20.0 * level.log10()
}

/// How long so many samples last, in milliseconds, rounded down.
#[must_use]
pub fn duration_ms(samples: u64, rate_hz: u32) -> u64 {
    samples.saturating_mul(1_000) / u64::from(rate_hz.max(1))
}

/// Bytes of the header that [`wav_header`] makes.
pub const WAV_HEADER_BYTES: usize = 44;

/// The header of a mono WAV file with 16-bit samples, of which `data_bytes` follow. Without a length it begins a file that
/// is still being made: players then read on until the end.
#[must_use]
pub fn wav_header(rate_hz: u32, data_bytes: Option<u32>) -> [u8; WAV_HEADER_BYTES] {
    const PCM: u16 = 1;
    const CHANNELS: u16 = 1;
    const SAMPLE_BYTES: u16 = 2;
    let data_bytes = data_bytes.unwrap_or(u32::MAX);
    let mut header = [0; WAV_HEADER_BYTES];
    let mut at = 0;
    let mut put = |bytes: &[u8]| {
        header[at..at + bytes.len()].copy_from_slice(bytes);
        at += bytes.len();
    };
    put(b"RIFF");
    put(&data_bytes.saturating_add(WAV_HEADER_BYTES as u32 - 8).to_le_bytes());
    put(b"WAVEfmt ");
    put(&16_u32.to_le_bytes());
    put(&PCM.to_le_bytes());
    put(&CHANNELS.to_le_bytes());
    put(&rate_hz.to_le_bytes());
    put(&rate_hz.saturating_mul(u32::from(SAMPLE_BYTES)).to_le_bytes());
    put(&SAMPLE_BYTES.to_le_bytes());
    put(&(SAMPLE_BYTES * 8).to_le_bytes());
    put(b"data");
    put(&data_bytes.to_le_bytes());
    header
}

/// A whole mono WAV file with 16-bit samples.
#[must_use]
pub fn wav(samples: &[f32], rate_hz: u32) -> Vec<u8> {
    let data_bytes = u32::try_from(samples.len() * 2).ok();
    let mut file = wav_header(rate_hz, data_bytes).to_vec();
    file.extend(to_s16le(samples));
    file
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn too_loud_is_clipped_and_no_number_is_silence() {
        let samples = [0.0, 1.0, -1.0, 7.0, -7.0, f32::NAN, f32::INFINITY].map(to_i16);
        assert_eq!(samples, [0, i16::MAX, i16::MIN, i16::MAX, i16::MIN, 0, i16::MAX]);
    }

    #[test]
    fn levels() {
        assert_eq!(rms(&[]), 0.0);
        assert_eq!(rms(&[0.5, -0.5]), 0.5);
        assert!((dbfs(0.5) + 6.02).abs() < 0.01);
        assert_eq!(dbfs(0.0), f32::NEG_INFINITY);
        assert_eq!(duration_ms(16_000 * 3_600, 16_000), 3_600_000);
    }

    #[test]
    fn a_wav_file_says_its_lengths_and_one_in_the_making_the_largest() {
        let file = wav(&[0.5, -0.5], 24_000);
        assert_eq!(file.len(), WAV_HEADER_BYTES + 4);
        assert_eq!(file[4..8], 40_u32.to_le_bytes());
        assert_eq!(file[24..28], 24_000_u32.to_le_bytes());
        assert_eq!(file[28..32], 48_000_u32.to_le_bytes());
        assert_eq!(file[40..44], 4_u32.to_le_bytes());
        let endless = wav_header(24_000, None);
        assert_eq!(endless[4..8], u32::MAX.to_le_bytes());
        assert_eq!(endless[40..44], u32::MAX.to_le_bytes());
    }

    proptest! {
        #[test]
        fn bytes_survive_the_way_there_and_back(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let whole = bytes.len() / 2 * 2;
            prop_assert_eq!(to_s16le(&from_s16le(&bytes)), &bytes[..whole]);
        }

        #[test]
        fn pieces_give_the_same_samples_as_the_whole(
            bytes in proptest::collection::vec(any::<u8>(), 0..200), piece in 1_usize..9
        ) {
            let mut reader = S16leReader::new();
            let mut samples = Vec::new();
            for piece in bytes.chunks(piece) {
                reader.push(piece, &mut samples);
            }
            prop_assert_eq!(samples, from_s16le(&bytes));
        }
    }
}
