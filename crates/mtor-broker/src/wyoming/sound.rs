//! Between what a client's sound is like and what the realm's is like.

use bytes::Bytes;
use mtor_audio::pcm::{S16leReader, to_s16le};
use mtor_audio::resample::{Resampler, UnusableRate};
use mtor_audio::{HEARD_HZ, SPOKEN_HZ};
use mtor_wyoming::{AudioChunk, AudioFormat};

use super::limits::VOLUME_KNEE;

/// From any sound to samples as the realm hears them.
pub(super) struct Ear {
    format: Option<(AudioFormat, Resampler)>,
    samples: Vec<f32>,
}

impl Ear {
    pub(super) fn new() -> Self {
        Self { format: None, samples: Vec::new() }
    }

    /// Appends what a piece of sound sounds like to `heard`.
    ///
    /// # Errors
    /// When its rate makes no sense.
    pub(super) fn hear(&mut self, chunk: &AudioChunk, heard: &mut Vec<f32>) -> Result<(), UnusableRate> {
        let known = self.format.take().filter(|(format, _)| *format == chunk.format);
        let (format, mut resampler) = match known {
            Some(known) => known,
            None => (chunk.format, Resampler::new(chunk.format.rate, HEARD_HZ)?),
        };
        self.samples.clear();
        format.to_mono(&chunk.audio, &mut self.samples);
        resampler.push(&self.samples, heard);
        self.format = Some((format, resampler));
        Ok(())
    }

    /// Appends what is left: the sound ends here.
    pub(super) fn end(&mut self, heard: &mut Vec<f32>) {
        if let Some((_, resampler)) = &mut self.format {
            resampler.flush(heard);
        }
    }
}

/// From the realm's speech to sound at a client's rate.
pub(super) struct Mouth {
    reader: S16leReader,
    resampler: Resampler,
    rate: u32,
    volume: f32,
    samples: Vec<f32>,
    spoken: Vec<f32>,
}

impl Mouth {
    /// For a client's rate, and so loud: 1 is as it is spoken.
    ///
    /// # Errors
    /// When the rate makes no sense.
    pub(super) fn new(rate: u32, volume: f32) -> Result<Self, UnusableRate> {
        let (reader, resampler) = (S16leReader::new(), Resampler::new(SPOKEN_HZ, rate)?);
        Ok(Self { reader, resampler, rate, volume, samples: Vec::new(), spoken: Vec::new() })
    }

    /// What its sound is like.
    pub(super) fn format(&self) -> AudioFormat {
        AudioFormat::mono16(self.rate)
    }

    /// The next piece of speech, for the client.
    pub(super) fn speak(&mut self, bytes: &[u8]) -> Bytes {
        self.samples.clear();
        self.spoken.clear();
        self.reader.push(bytes, &mut self.samples);
        if self.volume != 1.0 {
            self.samples.iter_mut().for_each(|sample| *sample = louder(*sample, self.volume));
        }
        self.resampler.push(&self.samples, &mut self.spoken);
        to_s16le(&self.spoken).into()
    }

    /// What is left at the end.
    pub(super) fn end(&mut self) -> Bytes {
        self.spoken.clear();
        self.resampler.flush(&mut self.spoken);
        to_s16le(&self.spoken).into()
    }
}

/// A sample so much louder, and never too loud.
fn louder(sample: f32, volume: f32) -> f32 {
    let loud = sample * volume;
    let over = loud.abs() - VOLUME_KNEE;
    if over <= 0.0 {
        return loud;
    }
    let room = 1.0 - VOLUME_KNEE;
    (VOLUME_KNEE + room * (over / room).tanh()).copysign(loud)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sound_of_any_kind_is_heard_as_the_realm_hears() {
        let (mut ear, mut heard) = (Ear::new(), Vec::new());
        let stereo = AudioFormat { rate: 48_000, width: 2, channels: 2 };
        // A constant of a quarter in both channels, a second long, in pieces.
        let moment = 8_192_i16.to_le_bytes().repeat(2);
        for _ in 0..10 {
            let chunk = AudioChunk {
                format: stereo,
                timestamp: Default::default(),
                audio: moment.repeat(4_800).into(),
            };
            ear.hear(&chunk, &mut heard).unwrap();
        }
        ear.end(&mut heard);
        assert_eq!(heard.len(), 16_000);
        assert!((heard[8_000] - 0.25).abs() < 1e-3);
        let absurd = AudioFormat { rate: 1, ..stereo };
        let chunk = AudioChunk { format: absurd, timestamp: Default::default(), audio: moment.into() };
        assert!(ear.hear(&chunk, &mut heard).is_err());
    }

    #[test]
    fn speech_comes_at_the_clients_rate_however_it_is_cut() {
        let mut mouth = Mouth::new(22_050, 1.0).unwrap();
        let second = 8_192_i16.to_le_bytes().repeat(24_000);
        let mut out = Vec::new();
        for piece in second.chunks(1_001) {
            out.extend_from_slice(&mouth.speak(piece));
        }
        out.extend_from_slice(&mouth.end());
        assert_eq!((out.len(), mouth.format()), (2 * 22_050, AudioFormat::mono16(22_050)));
    }

    #[test]
    fn louder_is_louder_until_there_is_no_room() {
        assert_eq!(louder(0.1, 2.0), 0.2);
        assert_eq!(louder(-0.4, 0.5), -0.2);
        let loud: Vec<f32> = (1..=10).map(|tenth| louder(tenth as f32 / 10.0, 5.0)).collect();
        assert!(loud.windows(2).all(|pair| pair[0] <= pair[1]) && loud[9] <= 1.0, "{loud:?}");
        let mut mouth = Mouth::new(SPOKEN_HZ, 2.0).unwrap();
        let spoken = [mouth.speak(&2_000_i16.to_le_bytes().repeat(2_400)), mouth.end()].concat();
        let middle = i16::from_le_bytes([spoken[2_400], spoken[2_401]]);
        assert!((3_990..=4_010).contains(&middle), "{middle}");
    }
}
