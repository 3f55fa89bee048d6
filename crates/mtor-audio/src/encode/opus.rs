//! Opus in Ogg (RFC 7845), through libopus.

use ogg::writing::{PacketWriteEndInfo, PacketWriter};
use opusic_c::{Application, Bitrate, Channels, SampleRate};

use super::{EncodeError, Format};
use crate::defaults::SPOKEN_HZ;

/// Samples in a packet: 20 ms.
const PACKET: usize = SPOKEN_HZ as usize / 50;
/// Packets on a page: a fifth of a second, so that a listener waits no longer for it.
const PAGE_PACKETS: u64 = 10;
/// Positions in the file count samples at this rate, whatever the sound's own is.
const POSITION_HZ: u64 = 48_000;
/// Longest packet that libopus may make, in bytes; its own advice.
const PACKET_BYTES_MAX: usize = 4_000;
/// Bits per second: speech is clear and pleasant with these.
const BITS_PER_S: u32 = 32_000;
/// Tells the streams within one file apart; there is only one.
const SERIAL: u32 = 0x4d54_4f52;

pub(super) struct Encoder {
    opus: opusic_c::Encoder,
    writer: PacketWriter<'static, Vec<u8>>,
    /// Samples that fill no packet yet.
    held: Vec<f32>,
    /// A packet that is written once it is known whether it is the last.
    waiting: Option<Vec<u8>>,
    /// What the decoder drops at the beginning, in samples of the file's positions.
    skip: u64,
    packets: u64,
    samples: u64,
}

impl Encoder {
    pub(super) fn new() -> Result<Self, EncodeError> {
        let mut opus = opusic_c::Encoder::new(Channels::Mono, SampleRate::Hz24000, Application::Voip)
            .map_err(|code| error(code.message()))?;
        opus.set_bitrate(Bitrate::Value(BITS_PER_S)).map_err(|code| error(code.message()))?;
        let ahead = opus.get_look_ahead().map_err(|code| error(code.message()))?;
        let skip = u64::from(ahead) * POSITION_HZ / u64::from(SPOKEN_HZ);
        let mut encoder = Self {
            opus,
            writer: PacketWriter::new(Vec::new()),
            held: Vec::new(),
            waiting: None,
            skip,
            packets: 0,
            samples: 0,
        };
        encoder.write(head(skip), PacketWriteEndInfo::EndPage, 0)?;
        encoder.write(tags(), PacketWriteEndInfo::EndPage, 0)?;
        Ok(encoder)
    }

    pub(super) fn push(&mut self, samples: &[f32]) -> Result<Vec<u8>, EncodeError> {
        self.samples += samples.len() as u64;
        self.held.extend_from_slice(samples);
        while self.held.len() >= PACKET {
            let rest = self.held.split_off(PACKET);
            let packet = std::mem::replace(&mut self.held, rest);
            self.packet(&packet)?;
        }
        Ok(std::mem::take(self.writer.inner_mut()))
    }

    pub(super) fn finish(mut self) -> Result<Vec<u8>, EncodeError> {
        // As much silence as brings the last sample out of the codec, which is late by what is skipped.
        let end = self.samples * POSITION_HZ / u64::from(SPOKEN_HZ) + self.skip;
        let packet_positions = PACKET as u64 * POSITION_HZ / u64::from(SPOKEN_HZ);
        while self.packets * packet_positions < end || self.packets == 0 {
            let mut packet = std::mem::take(&mut self.held);
            packet.resize(PACKET, 0.0);
            self.packet(&packet)?;
        }
        if let Some(packet) = self.waiting.take() {
            // A position before the last packet's end cuts that packet short.
            self.write(packet, PacketWriteEndInfo::EndStream, end)?;
        }
        Ok(std::mem::take(self.writer.inner_mut()))
    }

    /// Makes a packet, and writes the one before it.
    fn packet(&mut self, samples: &[f32]) -> Result<(), EncodeError> {
        let mut bytes = vec![0; PACKET_BYTES_MAX];
        let length =
            self.opus.encode_float_to_slice(samples, &mut bytes).map_err(|code| error(code.message()))?;
        bytes.truncate(length);
        if let Some(before) = self.waiting.replace(bytes) {
            let position = self.packets * PACKET as u64 * POSITION_HZ / u64::from(SPOKEN_HZ);
            let end = match self.packets.is_multiple_of(PAGE_PACKETS) {
                true => PacketWriteEndInfo::EndPage,
                false => PacketWriteEndInfo::NormalPacket,
            };
            self.write(before, end, position)?;
        }
        self.packets += 1;
        Ok(())
    }

    fn write(&mut self, packet: Vec<u8>, end: PacketWriteEndInfo, position: u64) -> Result<(), EncodeError> {
        self.writer.write_packet(packet, SERIAL, end, position).map_err(error)
    }
}

/// The first packet: what the sound is.
fn head(skip: u64) -> Vec<u8> {
    const VERSION: u8 = 1;
    const CHANNELS: u8 = 1;
    let mut head = b"OpusHead".to_vec();
    head.extend([VERSION, CHANNELS]);
    head.extend(u16::try_from(skip).unwrap_or(u16::MAX).to_le_bytes());
    head.extend(SPOKEN_HZ.to_le_bytes());
    // No gain, one stream.
    head.extend([0, 0, 0]);
    head
}

/// The second packet: who made it.
fn tags() -> Vec<u8> {
    let maker = b"mtor";
    let mut tags = b"OpusTags".to_vec();
    tags.extend((maker.len() as u32).to_le_bytes());
    tags.extend(maker);
    tags.extend(0_u32.to_le_bytes());
    tags
}

fn error(reason: impl ToString) -> EncodeError {
    EncodeError::new(Format::Opus, reason)
}
