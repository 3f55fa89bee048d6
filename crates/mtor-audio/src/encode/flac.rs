//! FLAC, frame by frame. How long the sound is, its header leaves open.

use flacenc::bitsink::ByteSink;
use flacenc::component::{BitRepr, Stream, StreamInfo};
use flacenc::config;
use flacenc::error::{Verified, Verify};
use flacenc::source::{Fill, FrameBuf};

use super::{EncodeError, Format};
use crate::defaults::SPOKEN_HZ;
use crate::pcm;

/// Samples in a frame: 170 ms.
const FRAME: usize = 4_096;
/// The shortest frame that the encoder takes. A shorter last one ends in silence, less than two milliseconds of it.
const FRAME_MIN: usize = 32;

pub(super) struct Encoder {
    config: Verified<config::Encoder>,
    info: StreamInfo,
    held: Vec<i32>,
    frames: usize,
    begun: bool,
}

impl Encoder {
    pub(super) fn new() -> Result<Self, EncodeError> {
        let mut config = config::Encoder::default();
        config.block_size = FRAME;
        let config = config.into_verified().map_err(|(_, reason)| error(reason))?;
        let mut info = StreamInfo::new(SPOKEN_HZ as usize, 1, 16).map_err(error)?;
        info.set_block_sizes(FRAME, FRAME).map_err(error)?;
        Ok(Self { config, info, held: Vec::new(), frames: 0, begun: false })
    }

    /// The mark and the header were written by another.
    pub(super) fn leave_out_beginning(&mut self) {
        self.begun = true;
    }

    pub(super) fn push(&mut self, samples: &[f32]) -> Result<Vec<u8>, EncodeError> {
        self.held.extend(samples.iter().map(|sample| i32::from(pcm::to_i16(*sample))));
        let mut bytes = self.beginning()?;
        while self.held.len() >= FRAME {
            let rest = self.held.split_off(FRAME);
            let frame = std::mem::replace(&mut self.held, rest);
            bytes.extend(self.frame(&frame)?);
        }
        Ok(bytes)
    }

    pub(super) fn finish(mut self) -> Result<Vec<u8>, EncodeError> {
        let mut bytes = self.beginning()?;
        if !self.held.is_empty() {
            let mut frame = std::mem::take(&mut self.held);
            frame.resize(frame.len().max(FRAME_MIN), 0);
            bytes.extend(self.frame(&frame)?);
        }
        Ok(bytes)
    }

    /// The mark and the header, once.
    fn beginning(&mut self) -> Result<Vec<u8>, EncodeError> {
        if std::mem::replace(&mut self.begun, true) {
            return Ok(Vec::new());
        }
        written(&Stream::with_stream_info(self.info.clone()))
    }

    fn frame(&mut self, samples: &[i32]) -> Result<Vec<u8>, EncodeError> {
        let mut buffer = FrameBuf::with_size(1, samples.len()).map_err(error)?;
        buffer.fill_interleaved(samples).map_err(error)?;
        let frame = flacenc::encode_fixed_size_frame(&self.config, &buffer, self.frames, &self.info)
            .map_err(error)?;
        self.frames += 1;
        written(&frame)
    }
}

fn written(part: &impl BitRepr) -> Result<Vec<u8>, EncodeError> {
    let mut sink = ByteSink::new();
    part.write(&mut sink).map_err(error)?;
    Ok(sink.as_slice().to_vec())
}

fn error(reason: impl ToString) -> EncodeError {
    EncodeError::new(Format::Flac, reason)
}
