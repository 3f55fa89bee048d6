//! The sound of a job as raw audio at 16,000 Hz in small pieces, whether it came so or as a file.

use std::io::Cursor;

use bytes::Bytes;
use mtor_audio::decode::Decoder;
use mtor_audio::pcm::to_s16le;
use mtor_worker::protocol::{AudioSource, ProblemKind, limits};
use mtor_worker::{Input, JobError};
use tokio::sync::mpsc::{Receiver, Sender, channel};

use crate::defaults::{CHUNK_BYTES, DECODED_CHUNKS_MAX};

/// The sound of one job.
pub(crate) struct Heard {
    source: Source,
    /// What is left of a piece that was too long.
    left: Bytes,
    /// Half a sample at the end of a piece.
    half: Option<u8>,
}

enum Source {
    /// As it is spoken.
    Live(Input),
    /// A file that is still to be read.
    File(Input),
    /// A file that is being read.
    Decoded(Receiver<Result<Bytes, JobError>>),
}

impl Heard {
    pub(crate) fn new(source: AudioSource, input: Input) -> Self {
        let source = match source {
            AudioSource::Pcm => Source::Live(input),
            AudioSource::File => Source::File(input),
        };
        Self { source, left: Bytes::new(), half: None }
    }

    /// The next piece: whole samples, and never empty.
    ///
    /// # Errors
    /// When the file can't be read.
    ///
    /// # Cancel safety
    /// Not cancel safe.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, JobError> {
        loop {
            if !self.left.is_empty() {
                return Ok(Some(self.left.split_to(self.left.len().min(CHUNK_BYTES))));
            }
            match &mut self.source {
                Source::Live(input) => match input.next().await {
                    Some(piece) => self.left = whole_samples(piece, &mut self.half),
                    None => return Ok(None),
                },
                Source::File(input) => {
                    let file = input.read_all(limits::INPUT_BYTES_MAX).await?;
                    self.source = Source::Decoded(decoded(file));
                }
                Source::Decoded(pieces) => match pieces.recv().await {
                    Some(piece) => self.left = piece?,
                    None => return Ok(None),
                },
            }
        }
    }
}

/// A piece that may be cut within a sample, without its last half one, and with the last half one of the piece before.
fn whole_samples(piece: Bytes, half: &mut Option<u8>) -> Bytes {
    if half.is_none() && piece.len().is_multiple_of(2) {
        return piece;
    }
    let mut whole: Vec<u8> = half.take().into_iter().chain(piece).collect();
    if !whole.len().is_multiple_of(2) {
        *half = whole.pop();
    }
    whole.into()
}

/// Reads a file on a thread of its own, no faster than it is listened to.
fn decoded(file: Vec<u8>) -> Receiver<Result<Bytes, JobError>> {
    let (pieces, receiver) = channel(DECODED_CHUNKS_MAX);
    tokio::task::spawn_blocking(move || {
        if let Err(error) = decode(file, &pieces) {
            // When nobody listens any more, nobody wants to know.
            let _ = pieces.blocking_send(Err(error));
        }
    });
    receiver
}

fn decode(file: Vec<u8>, pieces: &Sender<Result<Bytes, JobError>>) -> Result<(), JobError> {
    let wrong = |error: mtor_audio::decode::DecodeError| {
        JobError::refused(ProblemKind::InvalidRequest, error.to_string())
    };
    let mut decoder = Decoder::open(Cursor::new(file)).map_err(wrong)?;
    let mut samples = Vec::new();
    let mut more = true;
    while more {
        samples.clear();
        more = decoder.read(&mut samples).map_err(wrong)?;
        if !samples.is_empty() && pieces.blocking_send(Ok(to_s16le(&samples).into())).is_err() {
            break;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn all(source: AudioSource, pieces: Vec<Bytes>) -> Result<Vec<Bytes>, JobError> {
        let mut heard = Heard::new(source, Input::of(pieces));
        let mut all = Vec::new();
        while let Some(piece) = heard.next().await? {
            all.push(piece);
        }
        Ok(all)
    }

    #[tokio::test]
    async fn live_sound_comes_in_small_pieces_of_whole_samples() {
        let sound: Vec<u8> = (0..=255).cycle().take(2 * CHUNK_BYTES + 1_001).collect();
        let cut = vec![Bytes::copy_from_slice(&sound[..7]), Bytes::copy_from_slice(&sound[7..])];
        let pieces = all(AudioSource::Pcm, cut).await.unwrap();
        assert!(
            pieces
                .iter()
                .all(|piece| !piece.is_empty() && piece.len() <= CHUNK_BYTES && piece.len() % 2 == 0)
        );
        assert_eq!(pieces.concat(), sound[..sound.len() - 1]);
        assert!(all(AudioSource::Pcm, vec![]).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_file_comes_as_what_it_sounds_like() {
        let samples: Vec<f32> = (0..8_000).map(|n| (n as f32 / 20.0).sin() / 2.0).collect();
        let file = mtor_audio::pcm::wav(&samples, 16_000);
        let pieces =
            all(AudioSource::File, file.chunks(999).map(Bytes::copy_from_slice).collect()).await.unwrap();
        assert_eq!(pieces.concat(), to_s16le(&samples));
        let error =
            all(AudioSource::File, vec![Bytes::from_static(b"Dear diary, today I named a text file .wav")]);
        let error = error.await.unwrap_err();
        assert!(error.problem.detail.contains("this is not audio") && !error.retry, "{error}");
    }
}
