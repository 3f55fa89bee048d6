//! A file of any common format to mono samples at [`HEARD_HZ`], a moment at a time.
//!
//! Containers: WAV, MP3, FLAC, Ogg, WebM and Matroska, MP4, ADTS. Codecs: PCM, MP3, FLAC, Vorbis, Opus, AAC. Which of them it
//! is, the bytes say; no name is looked at.
//!
//! A file that stops in the middle, or has damaged places, gives what can be heard of it, and [`Decoder::damage`] says so:
//! a recording whose end was lost is worth more than an error.

use std::io::{self, Read, Seek, SeekFrom};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoder, AudioDecoderOptions};
use symphonia::core::codecs::registry::CodecRegistry;
use symphonia::core::common::Limit;
use symphonia::core::errors::Error;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatOptions, FormatReader, TrackType};
use symphonia::core::io::{MediaSource, MediaSourceStream};
use symphonia::core::meta::MetadataOptions;
use symphonia::core::packet::Packet;
use symphonia_adapter_libopus::OpusDecoder;

use crate::defaults::{BROKEN_PACKETS_MAX, HEARD_HZ, TAG_BYTES_MAX};
use crate::resample::{Resampler, UnusableRate};

/// Why a file gives no sound.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// There are no bytes.
    #[error("the audio is empty: it has no bytes")]
    Empty,
    /// Nothing in the bytes looks like sound.
    #[error(
        "this is not audio: it is none of WAV, MP3, FLAC, Ogg, WebM, MP4 and AAC, whatever its name says"
    )]
    NotAudio,
    /// A film without sound, or a container that is cut off before its sound begins.
    #[error("there is no sound in this file")]
    NoTrack,
    /// The format is known, and what is in it is not.
    #[error("this kind of audio can't be read ({0}); WAV, MP3, FLAC, Opus, Vorbis and AAC can")]
    Unsupported(String),
    /// Nothing of it could be read.
    #[error("the audio is damaged: nothing of it could be read ({0})")]
    Damaged(String),
    /// The sample rate makes no sense.
    #[error(transparent)]
    Rate(#[from] UnusableRate),
    /// The file can't be read.
    #[error("the audio can't be read: {0}")]
    Io(#[source] io::Error),
}

/// What was wrong with a file that could be heard all the same.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Damage {
    /// The file stops in the middle.
    pub cut_short: bool,
    /// Places that could not be read and were left out.
    pub broken_packets: u32,
}

/// A file being read. Holds one packet of it at a time.
pub struct Decoder {
    format: Box<dyn FormatReader>,
    track: u32,
    decoder: Box<dyn AudioDecoder>,
    /// The rate of the last packet and the way from it; before the first packet there is none.
    resampler: Option<(u32, Resampler)>,
    interleaved: Vec<f32>,
    mono: Vec<f32>,
    heard_packets: u64,
    broken_in_a_row: u32,
    damage: Damage,
    ended: bool,
}

impl std::fmt::Debug for Decoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Decoder")
            .field("track", &self.track)
            .field("heard_packets", &self.heard_packets)
            .field("damage", &self.damage)
            .field("ended", &self.ended)
            .finish_non_exhaustive()
    }
}

impl Decoder {
    /// Finds out what the file is.
    ///
    /// # Errors
    /// [`DecodeError`], which says what is wrong with it.
    pub fn open(source: impl Read + Seek + Send + Sync + 'static) -> Result<Self, DecodeError> {
        let source = Source::new(source).map_err(DecodeError::Io)?;
        if source.bytes == 0 {
            return Err(DecodeError::Empty);
        }
        let format = match probed(source.clone()) {
            // Some readers look at the end first, and give up a file that is cut off there. Those that can't seek don't.
            Err(_) => probed(source.unseekable().map_err(DecodeError::Io)?).map_err(unknown)?,
            Ok(format) => format,
        };
        let (track, decoder) = sound_of(format.as_ref())?;
        Ok(Self {
            format,
            track,
            decoder,
            resampler: None,
            interleaved: Vec::new(),
            mono: Vec::new(),
            heard_packets: 0,
            broken_in_a_row: 0,
            damage: Damage::default(),
            ended: false,
        })
    }

    /// Appends the next moment of sound to `samples`, at [`HEARD_HZ`]; `false` when there is no more.
    ///
    /// # Errors
    /// [`DecodeError`] when nothing of the file can be heard, or it changes into something that can't be read.
    pub fn read(&mut self, samples: &mut Vec<f32>) -> Result<bool, DecodeError> {
        while !self.ended {
            let packet = match self.format.next_packet() {
                Ok(Some(packet)) => packet,
                Ok(None) => return self.end(samples).map(|()| false),
                // One song after the other in one stream: the next one may be of another kind.
                Err(Error::ResetRequired) => {
                    (self.track, self.decoder) = sound_of(self.format.as_ref())?;
                    continue;
                }
                Err(error) => {
                    self.damage.cut_short = true;
                    if self.heard_packets == 0 {
                        return Err(DecodeError::Damaged(error.to_string()));
                    }
                    return self.end(samples).map(|()| false);
                }
            };
            if packet.track_id == self.track && self.decode(&packet, samples)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// What was wrong with the part that has been read.
    #[must_use]
    pub fn damage(&self) -> Damage {
        self.damage
    }

    /// Whether the packet gave sound.
    fn decode(&mut self, packet: &Packet, samples: &mut Vec<f32>) -> Result<bool, DecodeError> {
        let sound = match self.decoder.decode(packet) {
            Ok(sound) => sound,
            Err(Error::ResetRequired) => {
                self.decoder.reset();
                return Ok(false);
            }
            Err(Error::Unsupported(what)) => return Err(DecodeError::Unsupported(what.to_owned())),
            Err(error) => {
                self.damage.broken_packets = self.damage.broken_packets.saturating_add(1);
                self.broken_in_a_row += 1;
                if self.broken_in_a_row >= BROKEN_PACKETS_MAX && self.heard_packets == 0 {
                    return Err(DecodeError::Damaged(error.to_string()));
                }
                return Ok(false);
            }
        };
        if sound.frames() == 0 {
            return Ok(false);
        }
        let (rate_hz, channels) = (sound.spec().rate(), sound.spec().channels().count().max(1));
        sound.copy_to_vec_interleaved(&mut self.interleaved);
        self.heard_packets += 1;
        self.broken_in_a_row = 0;
        let share = 1.0 / channels as f32;
        self.mono.clear();
        self.mono.extend(
            self.interleaved.chunks_exact(channels).map(|frame| finite(frame.iter().sum::<f32>() * share)),
        );
        // Where the rate changes in mid-sound, what is left at the old one goes out first.
        if self.resampler.as_ref().is_some_and(|(of, _)| *of != rate_hz)
            && let Some((_, mut old)) = self.resampler.take()
        {
            old.flush(samples);
        }
        let resampler = match &mut self.resampler {
            Some((_, resampler)) => resampler,
            none => &mut none.insert((rate_hz, Resampler::new(rate_hz, HEARD_HZ)?)).1,
        };
        resampler.push(&self.mono, samples);
        Ok(true)
    }

    fn end(&mut self, samples: &mut Vec<f32>) -> Result<(), DecodeError> {
        self.ended = true;
        if let Some((_, resampler)) = &mut self.resampler {
            resampler.flush(samples);
        }
        if self.heard_packets == 0 && self.damage.broken_packets > 0 {
            return Err(DecodeError::Damaged(format!("{} packets are broken", self.damage.broken_packets)));
        }
        Ok(())
    }
}

/// A whole file at once, at most `samples_max` samples of it.
///
/// # Errors
/// As [`Decoder::open`] and [`Decoder::read`].
pub fn decode(
    source: impl Read + Seek + Send + Sync + 'static,
    samples_max: usize,
) -> Result<Vec<f32>, DecodeError> {
    let mut decoder = Decoder::open(source)?;
    let mut samples = Vec::new();
    while samples.len() < samples_max && decoder.read(&mut samples)? {}
    samples.truncate(samples_max);
    Ok(samples)
}

/// The file's first track of sound, with somebody who can read it.
fn sound_of(format: &dyn FormatReader) -> Result<(u32, Box<dyn AudioDecoder>), DecodeError> {
    let track = format.default_track(TrackType::Audio).ok_or(DecodeError::NoTrack)?;
    let parameters =
        track.codec_params.as_ref().and_then(|parameters| parameters.audio()).ok_or(DecodeError::NoTrack)?;
    Ok((track.id, reader_of(parameters)?))
}

fn reader_of(parameters: &AudioCodecParameters) -> Result<Box<dyn AudioDecoder>, DecodeError> {
    static CODECS: LazyLock<CodecRegistry> = LazyLock::new(|| {
        let mut codecs = CodecRegistry::new();
        symphonia::default::register_enabled_codecs(&mut codecs);
        codecs.register_audio_decoder::<OpusDecoder>();
        codecs
    });
    CODECS.make_audio_decoder(parameters, &AudioDecoderOptions::default()).map_err(|error| match error {
        Error::Unsupported(what) => DecodeError::Unsupported(what.to_owned()),
        other => DecodeError::Damaged(other.to_string()),
    })
}

/// What the failure of looking for a format means.
fn unknown(error: Error) -> DecodeError {
    match error {
        Error::IoError(error) if error.kind() != io::ErrorKind::UnexpectedEof => DecodeError::Io(error),
        Error::DecodeError(what) => DecodeError::Damaged(what.to_owned()),
        _ => DecodeError::NotAudio,
    }
}

fn finite(sample: f32) -> f32 {
    if sample.is_finite() { sample.clamp(-1.0, 1.0) } else { 0.0 }
}

fn probed(source: Source<impl Read + Seek + Send + Sync + 'static>) -> Result<Box<dyn FormatReader>, Error> {
    let stream = MediaSourceStream::new(Box::new(source), Default::default());
    let meta = MetadataOptions::default()
        .limit_tag_bytes(Limit::Maximum(TAG_BYTES_MAX))
        .limit_visual_bytes(Limit::Maximum(0));
    symphonia::default::get_probe().probe(&Hint::new(), stream, FormatOptions::default(), meta)
}

/// Bytes with a known end. Clones share one position, so only one of them is read.
struct Source<R> {
    inner: Arc<Mutex<R>>,
    bytes: u64,
    seekable: bool,
}

impl<R> Clone for Source<R> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner), ..*self }
    }
}

impl<R: Read + Seek> Source<R> {
    fn new(mut inner: R) -> io::Result<Self> {
        let bytes = inner.seek(SeekFrom::End(0))?;
        inner.rewind()?;
        Ok(Self { inner: Arc::new(Mutex::new(inner)), bytes, seekable: true })
    }

    /// From the beginning again, in one direction.
    fn unseekable(self) -> io::Result<Self> {
        self.lock().rewind()?;
        Ok(Self { seekable: false, ..self })
    }
}

impl<R> Source<R> {
    fn lock(&self) -> MutexGuard<'_, R> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<R: Read> Read for Source<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.lock().read(buffer)
    }
}

impl<R: Seek> Seek for Source<R> {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        self.lock().seek(position)
    }
}

impl<R: Read + Seek + Send + Sync> MediaSource for Source<R> {
    fn is_seekable(&self) -> bool {
        self.seekable
    }

    fn byte_len(&self) -> Option<u64> {
        self.seekable.then_some(self.bytes)
    }
}
