//! What goes into a job beside its intent: sound, or text that is still being written.

use bytes::Bytes;
use mtor_protocol::ProblemKind;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::worker::JobError;

/// The binary input of one job, in the order in which it was sent. A task that takes none has an empty one.
#[derive(Debug)]
pub struct Input {
    frames: UnboundedReceiver<Bytes>,
}

/// The other end of an [`Input`]. Dropping it ends the input.
#[derive(Debug)]
pub(crate) struct Feeder {
    /// Unbounded in frames; `room` bounds it in bytes.
    frames: UnboundedSender<Bytes>,
    room: usize,
}

/// More came than the task allows.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TooMuch;

impl Input {
    /// An input that takes at most `bytes_max` in all, and its other end.
    pub(crate) fn channel(bytes_max: usize) -> (Feeder, Self) {
        let (sender, frames) = unbounded_channel();
        (Feeder { frames: sender, room: bytes_max }, Self { frames })
    }

    /// An input that is there already: for a worker's own tests.
    pub fn of(pieces: impl IntoIterator<Item = Bytes>) -> Self {
        let (sender, frames) = unbounded_channel();
        for piece in pieces {
            // The receiver is in our hands.
            let _ = sender.send(piece);
        }
        Self { frames }
    }

    /// The next piece, as soon as it is there; `None` at the end, or when the job was cancelled.
    ///
    /// # Cancel safety
    /// Cancel safe: no piece is lost.
    pub async fn next(&mut self) -> Option<Bytes> {
        self.frames.recv().await
    }

    /// The next piece, if it is there already.
    pub fn try_next(&mut self) -> Option<Bytes> {
        self.frames.try_recv().ok()
    }

    /// All of it.
    ///
    /// # Errors
    /// When it is longer than `bytes_max`.
    pub async fn read_all(&mut self, bytes_max: usize) -> Result<Vec<u8>, JobError> {
        let mut all = Vec::new();
        while let Some(piece) = self.next().await {
            if all.len() + piece.len() > bytes_max {
                let detail = format!("this worker takes at most {bytes_max} bytes");
                return Err(JobError::refused(ProblemKind::TooLarge, detail));
            }
            all.extend_from_slice(&piece);
        }
        Ok(all)
    }
}

impl Feeder {
    /// Adds a piece. A job that reads no more is no fault.
    pub(crate) fn feed(&mut self, piece: Bytes) -> Result<(), TooMuch> {
        self.room = self.room.checked_sub(piece.len()).ok_or(TooMuch)?;
        let _ = self.frames.send(piece);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn pieces_come_in_order_and_end_with_their_feeder() {
        let (mut feeder, mut input) = Input::channel(8);
        feeder.feed(Bytes::from_static(b"four")).unwrap();
        feeder.feed(Bytes::from_static(b"more")).unwrap();
        assert_eq!(feeder.feed(Bytes::from_static(b"!")), Err(TooMuch));
        drop(feeder);
        assert_eq!(input.next().await.unwrap(), "four");
        assert_eq!(input.try_next().unwrap(), "more");
        assert_eq!(input.next().await, None);
    }

    #[tokio::test]
    async fn reading_all_is_bounded() {
        let pieces = || ["ab", "cd"].map(|piece| Bytes::from_static(piece.as_bytes()));
        assert_eq!(Input::of(pieces()).read_all(4).await.unwrap(), b"abcd");
        let refused = Input::of(pieces()).read_all(3).await.unwrap_err();
        assert_eq!(refused.problem.known_kind(), Some(ProblemKind::TooLarge));
    }
}
