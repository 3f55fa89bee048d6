//! Where a job writes its answer.

use std::fmt::Write as _;

use mtor_protocol::worker::{Piece, WorkPart, WorkPartial};
use mtor_protocol::{Body, Digest, Event, Frame, FrameKind, NewPart, ProblemKind, Usage, limits};
use sha2::{Digest as _, Sha256};
use tokio::sync::mpsc::{Sender, error::TrySendError};
use tokio_tungstenite::tungstenite::Message;
use tokio_util::sync::CancellationToken;

use crate::clock;
use crate::defaults::{PAYLOAD_BYTES_MAX, PIECE_BYTES_MAX};
use crate::worker::{Job, JobError, Stopped};

/// The answer of one job on its way to whoever asked. Counts what passes, and computes the digest that is signed.
#[derive(Debug)]
pub struct Output {
    queue: Sender<Message>,
    cancelled: CancellationToken,
    /// The event of the last chunk, written over for the next one: a chunk then allocates its frame and no more.
    event: Event,
    lease: u64,
    chunks: u64,
    payloads: u64,
    previews: u32,
    bytes: u64,
    payload_bytes: u64,
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
            payloads: 0,
            previews: 0,
            bytes: 0,
            payload_bytes: 0,
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

    /// Sends a piece of sound at once, or waits until there is room. An empty piece is not sent.
    ///
    /// # Errors
    /// [`Stopped`] when nobody wants the rest. Hand it on with `?`.
    ///
    /// # Cancel safety
    /// Not cancel safe, as [`text`](Self::text).
    pub async fn payload(&mut self, bytes: &[u8]) -> Result<(), Stopped> {
        for payload in bytes.chunks(PAYLOAD_BYTES_MAX) {
            self.hash.update(payload);
            self.payload_bytes += payload.len() as u64;
            self.frame(payload).await?;
        }
        Ok(())
    }

    async fn frame(&mut self, payload: &[u8]) -> Result<(), Stopped> {
        let Some(job) = self.event.subject else { return Err(Stopped) };
        let frame =
            Frame { kind: FrameKind::Output, job, lease: self.lease, sequence: self.payloads, payload };
        // Every payload of at most this size fits into a frame.
        let Ok(frame) = frame.encode() else { return Err(Stopped) };
        self.payloads += 1;
        self.send(Message::binary(frame)).await
    }

    /// Tells what the answer looks like so far, such as what is heard while one speaks. The next one, or the answer
    /// itself, replaces it; it is no part of the answer.
    ///
    /// # Errors
    /// [`Stopped`] when nobody wants the rest. Hand it on with `?`.
    pub async fn partial(&mut self, text: &str) -> Result<(), Stopped> {
        let partial = WorkPartial { lease: self.lease, text: text[..piece_end(text)].to_owned() };
        let event = Event {
            id: format!("{}/~{}", self.lease, self.chunks),
            source: self.event.source.clone(),
            time: clock::now(),
            subject: self.event.subject,
            sequence: None,
            body: Body::WorkerPartial(partial),
        };
        // So that no two have the same id.
        self.chunks += 1;
        self.send(Message::text(event.to_json())).await
    }

    /// Sends a part of the answer that is no text, such as a picture, with the name that a file with it would have.
    ///
    /// # Errors
    /// When it is larger than the realm takes, its name is none of a file, or nobody wants the rest.
    ///
    /// # Cancel safety
    /// Not cancel safe, as [`text`](Self::text).
    pub async fn part(&mut self, name: &str, media_type: &str, bytes: &[u8]) -> Result<(), JobError> {
        let part = new_part(name, media_type, bytes, false);
        if let Some(fault) = part.fault() {
            return Err(JobError::refused(ProblemKind::TooLarge, fault));
        }
        self.announce(part).await?;
        Ok(self.payload(bytes).await?)
    }

    /// Shows how the next part comes on. It is replaced by the next preview, or by the part itself, and is no part of the
    /// answer. One that is larger than the realm takes, or too many, are left out.
    ///
    /// # Errors
    /// [`Stopped`] when nobody wants the rest. Hand it on with `?`.
    ///
    /// # Cancel safety
    /// Not cancel safe, as [`text`](Self::text).
    pub async fn preview(&mut self, name: &str, media_type: &str, bytes: &[u8]) -> Result<(), Stopped> {
        let part = new_part(name, media_type, bytes, true);
        if self.previews == limits::PREVIEWS_MAX || part.fault().is_some() {
            return Ok(());
        }
        self.previews += 1;
        self.announce(part).await?;
        for payload in bytes.chunks(PAYLOAD_BYTES_MAX) {
            self.frame(payload).await?;
        }
        Ok(())
    }

    async fn announce(&mut self, part: NewPart) -> Result<(), Stopped> {
        let event = Event {
            id: format!("{}/+{}", self.lease, self.chunks),
            source: self.event.source.clone(),
            time: clock::now(),
            subject: self.event.subject,
            sequence: None,
            body: Body::WorkerPart(WorkPart { lease: self.lease, part }),
        };
        // So that no two have the same id.
        self.chunks += 1;
        self.send(Message::text(event.to_json())).await
    }

    /// How many bytes of sound and of parts were sent.
    pub fn payload_bytes(&self) -> u64 {
        self.payload_bytes
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

    /// SHA-256 of all text and sound so far.
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
        self.send(frame).await
    }

    async fn send(&mut self, frame: Message) -> Result<(), Stopped> {
        if self.cancelled.is_cancelled() {
            return Err(Stopped);
        }
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

fn new_part(name: &str, media_type: &str, bytes: &[u8], preview: bool) -> NewPart {
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    NewPart { name: name.to_owned(), media_type: media_type.to_owned(), bytes: length, preview }
}

/// Where the next piece of `text` ends: at its end, or at the last character that fits.
fn piece_end(text: &str) -> usize {
    let mut end = text.len().min(PIECE_BYTES_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    end
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::Input;
    use futures_util::FutureExt;
    use mtor_protocol::{ChatTask, Intent, JobId, Task, Timestamp};
    use tokio::sync::mpsc;

    fn output(room: usize) -> (Output, mpsc::Receiver<Message>, CancellationToken) {
        let (queue, frames) = mpsc::channel(room);
        let cancelled = CancellationToken::new();
        let job = Job {
            id: JobId(1),
            lease: 9,
            intent: Intent::any_model(Task::Chat(ChatTask::question("?"))),
            prefix: String::new(),
            parts: 0,
            output_tokens_max: 1,
            deadline: Timestamp(0),
            hops: Vec::new(),
            input: Input::of([]),
            cancelled: cancelled.clone(),
        };
        (Output::new(&job, "me".to_owned(), queue), frames, cancelled)
    }

    fn next(frames: &mut mpsc::Receiver<Message>) -> (String, Piece) {
        let event = Event::parse(frames.try_recv().unwrap().to_text().unwrap()).unwrap();
        assert_eq!((event.source.as_str(), event.subject), ("me", Some(JobId(1))));
        match event.body {
            Body::WorkerChunk(piece) => (event.id, piece),
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn pieces_are_counted_and_hashed() {
        let (mut output, mut frames, _) = output(8);
        output.text("Grüße", 2).await.unwrap();
        output.text("", 1).await.unwrap();
        output.text("!", 1).await.unwrap();
        assert_eq!(next(&mut frames), ("9/0".into(), Piece { lease: 9, text: "Grüße".into(), tokens: 2 }));
        assert_eq!(next(&mut frames), ("9/1".into(), Piece { lease: 9, text: "!".into(), tokens: 2 }));
        assert!(frames.try_recv().is_err(), "the empty piece is not sent");
        assert_eq!((output.bytes(), output.tokens(), output.usage(5).input_tokens), (8, 4, 5));
        assert_eq!(output.digest(), Digest(Sha256::digest("Grüße!").into()));
    }

    #[tokio::test]
    async fn sound_goes_in_frames_and_is_hashed_in_its_place() {
        let (mut output, mut frames, _) = output(8);
        output.partial("Hel").await.unwrap();
        output.payload(&[1, 2, 3]).await.unwrap();
        output.text("Hello", 0).await.unwrap();
        output.payload(&[]).await.unwrap();
        let partial = Event::parse(frames.try_recv().unwrap().to_text().unwrap()).unwrap();
        assert_eq!(partial.body, Body::WorkerPartial(WorkPartial { lease: 9, text: "Hel".into() }));
        let bytes = frames.try_recv().unwrap().into_data();
        let frame = Frame::decode(&bytes).unwrap();
        assert_eq!((frame.job, frame.lease, frame.sequence, frame.payload), (JobId(1), 9, 0, &[1, 2, 3][..]));
        assert_eq!(next(&mut frames).1.text, "Hello");
        assert!(frames.try_recv().is_err(), "an empty payload is not sent");
        assert_eq!(output.payload_bytes(), 3);
        assert_eq!(output.digest(), Digest(Sha256::digest(b"\x01\x02\x03Hello").into()));
    }

    #[tokio::test]
    async fn a_part_is_announced_and_a_preview_is_no_part_of_the_answer() {
        let (mut output, mut frames, _) = output(8);
        output.preview("cloud.png", "image/png", b"so far").await.unwrap();
        output.part("cloud.png", "image/png", b"picture").await.unwrap();
        let mut announced = || match Event::parse(frames.try_recv().unwrap().to_text().unwrap()).unwrap().body
        {
            Body::WorkerPart(WorkPart { lease: 9, part }) => {
                let bytes = frames.try_recv().unwrap().into_data();
                (part.bytes, part.preview, Frame::decode(&bytes).unwrap().payload.to_vec())
            }
            other => panic!("{other:?}"),
        };
        assert_eq!(announced(), (6, true, b"so far".to_vec()));
        assert_eq!(announced(), (7, false, b"picture".to_vec()));
        assert_eq!(output.digest(), Digest(Sha256::digest("picture").into()));
        let refused = output.part("../cloud.png", "image/png", b"picture").await.unwrap_err();
        assert!(refused.problem.detail.contains("part.name"), "{refused}");
        let large = vec![0; limits::PREVIEW_BYTES_MAX as usize + 1];
        output.preview("cloud.png", "image/png", &large).await.unwrap();
        assert!(frames.try_recv().is_err(), "too large to be shown");
    }

    #[tokio::test]
    async fn long_text_is_cut_between_characters() {
        let (mut output, mut frames, _) = output(8);
        let text = format!("x{}", "é".repeat(PIECE_BYTES_MAX));
        output.text(&text, 7).await.unwrap();
        let pieces: Vec<Piece> = (0..3).map(|_| next(&mut frames).1).collect();
        assert!(frames.try_recv().is_err());
        assert!(pieces.iter().all(|piece| piece.text.len() <= PIECE_BYTES_MAX));
        assert_eq!(pieces.iter().map(|piece| piece.text.as_str()).collect::<String>(), text);
        assert_eq!(pieces.iter().map(|piece| piece.tokens).sum::<u32>(), 7);
    }

    #[tokio::test]
    async fn a_slow_link_slows_the_job_and_a_stop_frees_it() {
        let (mut output, mut frames, cancelled) = output(1);
        output.text("a", 1).await.unwrap();
        let mut second = Box::pin(output.text("b", 1));
        assert!(second.as_mut().now_or_never().is_none(), "there is no room");
        next(&mut frames);
        second.await.unwrap();
        let mut third = Box::pin(output.text("c", 1));
        assert!(third.as_mut().now_or_never().is_none(), "there is no room");
        cancelled.cancel();
        assert_eq!(third.await, Err(Stopped));
        assert_eq!(output.text("d", 1).await, Err(Stopped));
    }

    #[tokio::test]
    async fn a_lost_link_stops_the_job() {
        let (mut output, frames, _) = output(1);
        drop(frames);
        assert_eq!(output.text("a", 1).await, Err(Stopped));
    }
}
