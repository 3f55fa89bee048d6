//! Looks into a model file before whisper.cpp does, which would end with numbers rather than a reason.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use whisper_rs::{DtwMode, DtwModelPreset};

use crate::error::LoadError;

const MAGIC: u32 = 0x6767_6d6c;
/// Vocabularies of this size and above know more languages than English.
const MULTILINGUAL: u32 = 51_865;

/// What the head of a model file says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    vocabulary: u32,
    encoder_layers: u32,
    decoder_layers: u32,
    mels: u32,
    /// How many time steps the model can look at.
    pub(crate) steps: u32,
}

impl Head {
    /// Reads the head of `path`.
    pub(crate) fn read(path: &Path) -> Result<Self, LoadError> {
        let unreadable = |source| LoadError::Unreadable { path: path.to_owned(), source };
        let mut bytes = Vec::new();
        File::open(path).and_then(|file| file.take(48).read_to_end(&mut bytes)).map_err(unreadable)?;
        Self::parse(&bytes).map_err(|why| LoadError::NotWhisper { path: path.to_owned(), why: why.into() })
    }

    fn parse(bytes: &[u8]) -> Result<Self, &'static str> {
        let (numbers, _) = bytes.as_chunks::<4>();
        let numbers: Vec<u32> = numbers.iter().map(|number| u32::from_le_bytes(*number)).collect();
        let [magic, vocabulary, steps, _, _, encoder_layers, _, _, _, decoder_layers, mels, _] = numbers[..]
        else {
            return Err("it is too short");
        };
        if bytes.starts_with(b"GGUF") {
            return Err("it is a GGUF file, as language models are");
        }
        if magic != MAGIC {
            return Err("it begins otherwise");
        }
        let sensible = (50_000..100_000).contains(&vocabulary)
            && (1..=65_536).contains(&steps)
            && (1..=128).contains(&encoder_layers)
            && (1..=128).contains(&decoder_layers)
            && (40..=256).contains(&mels);
        if !sensible {
            return Err("its sizes are those of no Whisper");
        }
        Ok(Self { vocabulary, encoder_layers, decoder_layers, mels, steps })
    }

    /// Whether it knows more than English.
    pub(crate) fn is_multilingual(self) -> bool {
        self.vocabulary >= MULTILINGUAL
    }

    /// Which of the model's heads follow the sound, for the times of words. For models that nobody has looked into,
    /// the upper half of the layers.
    pub(crate) fn alignment(self) -> DtwMode<'static> {
        use DtwModelPreset as Preset;
        let model_preset = match (self.encoder_layers, self.decoder_layers, self.is_multilingual()) {
            (4, 4, true) => Preset::Tiny,
            (4, 4, false) => Preset::TinyEn,
            (6, 6, true) => Preset::Base,
            (6, 6, false) => Preset::BaseEn,
            (12, 12, true) => Preset::Small,
            (12, 12, false) => Preset::SmallEn,
            (24, 24, true) => Preset::Medium,
            (24, 24, false) => Preset::MediumEn,
            (32, 32, _) if self.mels == 128 => Preset::LargeV3,
            (32, 32, _) => Preset::LargeV2,
            (32, 4, _) => Preset::LargeV3Turbo,
            _ => return DtwMode::TopMost { n_top: (self.decoder_layers as i32 / 2).max(1) },
        };
        DtwMode::ModelPreset { model_preset }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(numbers: [u32; 12]) -> Result<Head, &'static str> {
        Head::parse(&numbers.map(u32::to_le_bytes).concat())
    }

    #[test]
    fn the_base_model_is_known_and_others_are_refused_with_a_reason() {
        let base = [MAGIC, 51_865, 1_500, 512, 8, 6, 448, 512, 8, 6, 80, 1];
        let known = head(base).unwrap();
        assert!(known.is_multilingual());
        assert_eq!(known.steps, 1_500);
        assert!(matches!(known.alignment(), DtwMode::ModelPreset { model_preset: DtwModelPreset::Base }));
        let mut strange = base;
        strange[9] = 2;
        assert!(matches!(head(strange).unwrap().alignment(), DtwMode::TopMost { n_top: 1 }));
        strange[9] = 0;
        assert_eq!(head(strange).unwrap_err(), "its sizes are those of no Whisper");
        assert_eq!(Head::parse(b"RIFF").unwrap_err(), "it is too short");
        assert_eq!(Head::parse(&[b'x'; 48]).unwrap_err(), "it begins otherwise");
        assert!(Head::parse(&b"GGUF".repeat(12)).unwrap_err().contains("GGUF"));
    }
}
