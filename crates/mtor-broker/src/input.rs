//! What goes into a job as binary frames: sound, or text that is still being written. It is held in memory until the
//! job is settled, so that a second worker can hear all of it, and is never written to a disk.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use mtor_protocol::{Problem, ProblemKind};
use tokio::sync::Notify;

use crate::defaults::{INPUT_BYTES_IN_ALL_MAX, INPUT_FRAMES_MAX};

/// The room that the inputs of all jobs share.
#[derive(Debug)]
pub struct InputRoom {
    left: AtomicUsize,
}

impl Default for InputRoom {
    fn default() -> Self {
        Self { left: AtomicUsize::new(INPUT_BYTES_IN_ALL_MAX) }
    }
}

impl InputRoom {
    fn take(&self, bytes: usize) -> bool {
        let less = |left: usize| left.checked_sub(bytes);
        self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok()
    }

    fn give_back(&self, bytes: usize) {
        self.left.fetch_add(bytes, Ordering::Relaxed);
    }
}

/// The binary input of one job.
#[derive(Debug)]
pub struct JobInput {
    room: Arc<InputRoom>,
    bytes_max: usize,
    log: Mutex<Log>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Log {
    frames: Vec<Bytes>,
    bytes: usize,
    ended: bool,
}

/// What a reader of an input finds after its place.
#[derive(Debug, PartialEq, Eq)]
pub enum More {
    /// The next frame.
    Frame(Bytes),
    /// That was all.
    End,
}

impl JobInput {
    /// An input of at most so many bytes.
    pub fn new(room: Arc<InputRoom>, bytes_max: usize) -> Self {
        Self { room, bytes_max, log: Mutex::default(), changed: Notify::new() }
    }

    /// An input that is complete.
    ///
    /// # Errors
    /// When it is too large, or there is no room for it now.
    pub fn whole(
        room: Arc<InputRoom>,
        bytes_max: usize,
        bytes: Bytes,
        frame_max: usize,
    ) -> Result<Self, Problem> {
        let input = Self::new(room, bytes_max);
        let mut rest = bytes;
        while !rest.is_empty() {
            input.push(rest.split_to(rest.len().min(frame_max)))?;
        }
        input.end();
        Ok(input)
    }

    /// Adds a frame; an empty one ends the input.
    ///
    /// # Errors
    /// When it has ended already, becomes too large, or there is no room for it now.
    pub fn push(&self, frame: Bytes) -> Result<(), Problem> {
        if frame.is_empty() {
            self.end();
            return Ok(());
        }
        {
            let mut log = self.log();
            if log.ended {
                let detail = "the job's input has ended already; a new job takes a new input";
                return Err(Problem::new(ProblemKind::Conflict, detail));
            }
            if log.bytes + frame.len() > self.bytes_max {
                let detail = format!("this job takes at most {} bytes of input", self.bytes_max);
                return Err(Problem::new(ProblemKind::TooLarge, detail));
            }
            if log.frames.len() >= INPUT_FRAMES_MAX {
                let detail =
                    format!("a job takes at most {INPUT_FRAMES_MAX} frames of input; send longer ones");
                return Err(Problem::new(ProblemKind::TooLarge, detail));
            }
            if !self.room.take(frame.len()) {
                let detail = "the realm holds as much sound as it can; ask again in a moment";
                return Err(Problem::new(ProblemKind::TooManyRequests, detail).retry_after_s(5));
            }
            log.bytes += frame.len();
            log.frames.push(frame);
        }
        self.changed.notify_waiters();
        Ok(())
    }

    /// There will be no more.
    pub fn end(&self) {
        self.log().ended = true;
        self.changed.notify_waiters();
    }

    /// Whether all of it is there.
    pub fn has_ended(&self) -> bool {
        self.log().ended
    }

    /// How many bytes there are.
    pub fn bytes(&self) -> usize {
        self.log().bytes
    }

    /// What comes after so many frames. Waits until it is there.
    ///
    /// Cancel safe.
    pub async fn read(&self, place: usize) -> More {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            // Registered before looking, so that nothing is missed in between.
            changed.as_mut().enable();
            {
                let log = self.log();
                match log.frames.get(place) {
                    Some(frame) => return More::Frame(frame.clone()),
                    None if log.ended => return More::End,
                    None => {}
                }
            }
            changed.await;
        }
    }

    // A panic while the lock is held is impossible but for lack of memory; the log is whole either way.
    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for JobInput {
    fn drop(&mut self) {
        let bytes = self.log().bytes;
        self.room.give_back(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(text: &'static str) -> Bytes {
        Bytes::from_static(text.as_bytes())
    }

    #[tokio::test]
    async fn any_number_of_readers_find_every_frame_and_the_end() {
        let input = Arc::new(JobInput::new(Arc::default(), 100));
        let reader = tokio::spawn({
            let input = input.clone();
            async move { (input.read(0).await, input.read(1).await, input.read(2).await) }
        });
        input.push(frame("a")).unwrap();
        input.push(frame("b")).unwrap();
        assert!(!input.has_ended());
        input.push(frame("")).unwrap();
        assert_eq!(reader.await.unwrap(), (More::Frame(frame("a")), More::Frame(frame("b")), More::End));
        assert_eq!(input.read(1).await, More::Frame(frame("b")));
        assert_eq!(input.push(frame("c")).unwrap_err().known_kind(), Some(ProblemKind::Conflict));
    }

    #[test]
    fn an_input_is_bounded_and_gives_its_room_back() {
        let room = Arc::new(InputRoom::default());
        let input = JobInput::new(room.clone(), 3);
        input.push(frame("abc")).unwrap();
        assert_eq!(input.push(frame("d")).unwrap_err().known_kind(), Some(ProblemKind::TooLarge));
        assert_eq!(room.left.load(Ordering::Relaxed), INPUT_BYTES_IN_ALL_MAX - 3);
        drop(input);
        assert_eq!(room.left.load(Ordering::Relaxed), INPUT_BYTES_IN_ALL_MAX);
        assert!(room.take(INPUT_BYTES_IN_ALL_MAX));
        let refused = JobInput::whole(room, 3, frame("a"), 1).unwrap_err();
        assert_eq!(
            (refused.known_kind(), refused.retry_after),
            (Some(ProblemKind::TooManyRequests), Some(5))
        );
    }
}
