//! Where a job writes its answer.

use std::fmt::Write as _;

use mtor_protocol::{Body, Digest, Event, Usage, worker::Piece};
use sha2::{Digest as _, Sha256};
use tokio::sync::mpsc::{Sender, error::TrySendError};
use tokio_tungstenite::tungstenite::Message;
use tokio_util::sync::CancellationToken;

use crate::clock;
use crate::defaults::PIECE_BYTES_MAX;
use crate::worker::{Job, Stopped};

/// The answer of one job on its way to whoever asked. Counts what passes, and computes the digest that is signed.
#[derive(Debug)]
pub struct Output {
    queue: Sender<Message>,
    cancelled: CancellationToken,
    /// The event of the last chunk, written over for the next one: a chunk then allocates its frame and no more.
    event: Event,
    lease: u64,
    chunks: u64,
    bytes: u64,
    tokens: u64,
    /// Tokens that came without text, to be counted with the next piece.
    tokens_carried: u32,
    hash: Sha256,
}

impl Output {
    pub(crate) fn new(job: &Job, me: String, queue: Sender<Message>) -> Self {
        let piece = Piece { lease: job.lease, text: String::new(), tokens: 0 };
        Self {
            queue,
            cancelled: job.cancelled.clone(),
            event: Event {
                id: String::new(),
                source: me,
                time: clock::now(),
                subject: Some(job.id),
                sequence: None,
                body: Body::WorkerChunk(piece),
            },
            lease: job.lease,
            chunks: 0,
            bytes: 0,
            tokens: 0,
            tokens_carried: 0,
            hash: Sha256::new(),
        }
    }

    /// Sends a piece of the answer at once. When the link is slower than the job, waits until there is room.
    ///
    /// `tokens` is how many tokens the piece holds. An empty piece is not sent; its tokens count with the next one.
    ///
    /// # Errors
    /// [`Stopped`] when nobody wants the rest. Hand it on with `?`.
    ///
    /// # Cancel safety
    /// Not cancel safe: when the future is dropped, whether the piece was sent is not known. End the job then.
    pub async fn text(&mut self, text: &str, tokens: u32) -> Result<(), Stopped> {
        self.tokens += u64::from(tokens);
        self.tokens_carried = self.tokens_carried.saturating_add(tokens);
        let mut rest = text;
        while !rest.is_empty() {
            let (piece, after) = rest.split_at(piece_end(rest));
            self.piece(piece).await?;
            rest = after;
        }
        Ok(())
    }

    /// How much text was written, in bytes.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// How many tokens were written.
    pub fn tokens(&self) -> u64 {
        self.tokens
    }

    /// What a job used that read `input_tokens` and wrote what this output counted.
    pub fn usage(&self, input_tokens: u64) -> Usage {
        Usage { input_tokens, output_tokens: self.tokens, ..Usage::default() }
    }

    /// SHA-256 of all text so far.
    pub(crate) fn digest(&self) -> Digest {
        Digest(self.hash.clone().finalize().into())
    }

    async fn piece(&mut self, text: &str) -> Result<(), Stopped> {
        if self.cancelled.is_cancelled() {
            return Err(Stopped);
        }
        let frame = Message::text(self.encode(text));
        self.hash.update(text);
        self.bytes += text.len() as u64;
        match self.queue.try_send(frame) {
            Ok(()) => Ok(()),
            Err(TrySendError::Closed(_)) => Err(Stopped),
            Err(TrySendError::Full(frame)) => tokio::select! {
                biased;
                () = self.cancelled.cancelled() => Err(Stopped),
                sent = self.queue.send(frame) => sent.map_err(|_| Stopped),
            },
        }
    }

    fn encode(&mut self, text: &str) -> String {
        self.event.id.clear();
        // Writing to a string can't fail. Leases never come again, so the id is unique.
        let _ = write!(self.event.id, "{}/{}", self.lease, self.chunks);
        self.chunks += 1;
        self.event.time = clock::now();
        if let Body::WorkerChunk(piece) = &mut self.event.body {
            piece.text.clear();
            piece.text.push_str(text);
            piece.tokens = std::mem::take(&mut self.tokens_carried);
        }
        self.event.to_json()
    }
}

/// Where the next piece of `text` ends: at its end, or at the last character that fits.
fn piece_end(text: &str) -> usize {
    let mut end = text.len().min(PIECE_BYTES_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    end
}
