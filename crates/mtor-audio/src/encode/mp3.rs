//! MP3 through LAME.

use mp3lame_encoder::{Bitrate, Builder, FlushNoGap, Mode, MonoPcm, Quality};

use super::{EncodeError, Format};
use crate::defaults::SPOKEN_HZ;

pub(super) struct Encoder {
    lame: mp3lame_encoder::Encoder,
    samples: u64,
}

impl Encoder {
    pub(super) fn new() -> Result<Self, EncodeError> {
        let lame = Builder::new().ok_or_else(|| error("no memory"))?;
        let lame = lame
            .with_num_channels(1)
            .and_then(|lame| lame.with_sample_rate(SPOKEN_HZ))
            .and_then(|lame| lame.with_mode(Mode::Mono))
            // Speech at 24 kHz has no use for more.
            .and_then(|lame| lame.with_brate(Bitrate::Kbps64))
            .and_then(|lame| lame.with_quality(Quality::Good))
            // A stream can't go back to its beginning to write the length there.
            .and_then(|lame| lame.with_to_write_vbr_tag(false))
            .and_then(Builder::build)
            .map_err(error)?;
        Ok(Self { lame, samples: 0 })
    }

    pub(super) fn push(&mut self, samples: &[f32]) -> Result<Vec<u8>, EncodeError> {
        if samples.is_empty() {
            return Ok(Vec::new());
        }
        self.samples += samples.len() as u64;
        // LAME takes floats of this range too, and scales them itself.
        let mut bytes = Vec::with_capacity(mp3lame_encoder::max_required_buffer_size(samples.len()));
        self.lame.encode_to_vec(MonoPcm(samples), &mut bytes).map_err(error)?;
        Ok(bytes)
    }

    pub(super) fn finish(mut self) -> Result<Vec<u8>, EncodeError> {
        let mut bytes = Vec::with_capacity(mp3lame_encoder::max_required_buffer_size(0));
        if self.samples > 0 {
            self.lame.flush_to_vec::<FlushNoGap>(&mut bytes).map_err(error)?;
        }
        Ok(bytes)
    }
}

fn error(reason: impl ToString) -> EncodeError {
    EncodeError::new(Format::Mp3, reason)
}
