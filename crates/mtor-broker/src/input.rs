//! What goes into a job as binary frames: sound, pictures, or text that is still being written. It is held in memory until
//! the job is settled, so that a second worker can hear or see all of it, and is never written to a disk.
//!
//! Pictures are checked as they come: their task says how large each is, and what its SHA-256 is.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use mtor_protocol::{Digest, Picture, Problem, ProblemKind, Task, ToolTask};
use sha2::{Digest as _, Sha256};
use tokio::sync::Notify;

use crate::defaults::{INPUT_BYTES_IN_ALL_MAX, INPUT_FRAMES_MAX};

/// What is there at once goes to the worker in pieces of this size.
const PIECE_BYTES: usize = 256 * 1024;

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
    /// The pictures that are to come; none in an input of something else.
    album: Option<Album>,
}

/// The pictures of an input, and how much of them has come.
#[derive(Debug)]
struct Album {
    declared: Vec<Picture>,
    /// What they are called in the job, and when one of them is not as it should be.
    param: &'static str,
    noun: &'static str,
    /// How many have come whole.
    whole: usize,
    /// Of the next one.
    bytes: usize,
    hash: Sha256,
}

impl Album {
    fn of(task: &Task) -> Option<Self> {
        let declared = task.files();
        let (param, noun) = match task {
            Task::Tool(_) => (ToolTask::ATTACHMENT, "file"),
            _ => ("pictures", "picture"),
        };
        (!declared.is_empty()).then(|| Self {
            declared,
            param,
            noun,
            whole: 0,
            bytes: 0,
            hash: Sha256::new(),
        })
    }

    /// Takes note of the next bytes.
    ///
    /// # Errors
    /// When a picture that they complete is not the one that the task names.
    fn note(&mut self, mut bytes: &[u8]) -> Result<(), Problem> {
        while !bytes.is_empty() {
            let Some(picture) = self.declared.get(self.whole) else { return Ok(()) };
            let (now, later) = bytes.split_at(bytes.len().min(picture.bytes as usize - self.bytes));
            self.hash.update(now);
            self.bytes += now.len();
            bytes = later;
            if self.bytes < picture.bytes as usize {
                continue;
            }
            let found = Digest(std::mem::take(&mut self.hash).finalize().into());
            if found != picture.sha256 {
                let detail = format!(
                    "{} {} of {} has the SHA-256 {found}, and not {}, which the job says",
                    self.noun,
                    self.whole + 1,
                    self.declared.len(),
                    picture.sha256
                );
                return Err(Problem::new(ProblemKind::InvalidRequest, detail).param(self.param));
            }
            self.whole += 1;
            self.bytes = 0;
        }
        Ok(())
    }

    /// Whether all of it has come.
    fn check_whole(&self) -> Result<(), Problem> {
        let Some(missing) = self.declared.get(self.whole) else { return Ok(()) };
        let detail = format!(
            "the input ends after {} of the {} bytes of {} {} of {}",
            self.bytes,
            missing.bytes,
            self.noun,
            self.whole + 1,
            self.declared.len()
        );
        Err(Problem::new(ProblemKind::InvalidRequest, detail).param(self.param))
    }
}

/// What a job says of a picture, for one that is at hand.
pub fn declare(picture: &[u8]) -> Picture {
    let bytes = u32::try_from(picture.len()).unwrap_or(u32::MAX);
    Picture { bytes, sha256: Digest(Sha256::digest(picture).into()) }
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
    /// The input of this task, still empty.
    pub fn new(room: Arc<InputRoom>, task: &Task) -> Self {
        let log = Log { album: Album::of(task), ..Log::default() };
        Self { room, bytes_max: task.input_frames_max(), log: Mutex::new(log), changed: Notify::new() }
    }

    /// An input that is complete: these parts, one after the other.
    ///
    /// # Errors
    /// When it is too large or not what the task says, or there is no room for it now.
    pub fn whole(
        room: Arc<InputRoom>,
        task: &Task,
        parts: impl IntoIterator<Item = Bytes>,
    ) -> Result<Self, Problem> {
        let input = Self::new(room, task);
        for mut part in parts {
            while !part.is_empty() {
                input.push(part.split_to(part.len().min(PIECE_BYTES)))?;
            }
        }
        input.push(Bytes::new())?;
        Ok(input)
    }

    /// Adds a frame; an empty one ends the input.
    ///
    /// # Errors
    /// When it has ended already, becomes too large, is not what the task says, or there is no room for it now.
    pub fn push(&self, frame: Bytes) -> Result<(), Problem> {
        if frame.is_empty() {
            if let Some(album) = &self.log().album {
                album.check_whole()?;
            }
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
                let detail =
                    "the realm holds as much sound and as many pictures as it can; ask again in a moment";
                return Err(Problem::new(ProblemKind::TooManyRequests, detail).retry_after_s(5));
            }
            // Before anybody sees it. What is refused gives its room back with the rest.
            log.bytes += frame.len();
            if let Some(album) = &mut log.album {
                album.note(&frame)?;
            }
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
    use mtor_protocol::picture::LookTask;
    use mtor_protocol::{SpeakTask, limits};

    use super::*;

    /// A task that takes at most so many bytes of text.
    fn taking(bytes: usize) -> Task {
        let text = " ".repeat(limits::SPEAK_BYTES_MAX - bytes);
        Task::Speak(SpeakTask { text, more: true, ..SpeakTask::default() })
    }

    fn look(picture: &[u8]) -> Task {
        Task::Ocr(LookTask { picture: declare(picture), detail: false })
    }

    fn frame(text: &'static str) -> Bytes {
        Bytes::from_static(text.as_bytes())
    }

    #[tokio::test]
    async fn any_number_of_readers_find_every_frame_and_the_end() {
        let input = Arc::new(JobInput::new(Arc::default(), &taking(100)));
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
        let input = JobInput::new(room.clone(), &taking(3));
        input.push(frame("abc")).unwrap();
        assert_eq!(input.push(frame("d")).unwrap_err().known_kind(), Some(ProblemKind::TooLarge));
        assert_eq!(room.left.load(Ordering::Relaxed), INPUT_BYTES_IN_ALL_MAX - 3);
        drop(input);
        assert_eq!(room.left.load(Ordering::Relaxed), INPUT_BYTES_IN_ALL_MAX);
        assert!(room.take(INPUT_BYTES_IN_ALL_MAX));
        let refused = JobInput::whole(room, &taking(3), [frame("a")]).unwrap_err();
        assert_eq!(
            (refused.known_kind(), refused.retry_after),
            (Some(ProblemKind::TooManyRequests), Some(5))
        );
    }

    #[test]
    fn pictures_are_the_ones_that_the_task_names() {
        let whole = |task: &Task, parts: &[&'static str]| {
            let parts: Vec<_> = parts.iter().map(|part| frame(part)).collect();
            JobInput::whole(Arc::default(), task, parts).map(|input| input.bytes())
        };
        assert_eq!(whole(&look(b"abc"), &["a", "bc"]).unwrap(), 3);
        let detail = |task: &Task, parts: &[&'static str]| whole(task, parts).unwrap_err().detail;
        assert!(detail(&look(b"abc"), &["abd"]).contains("picture 1 of 1 has the SHA-256 a52d159f"));
        assert!(detail(&look(b"abc"), &["ab"]).contains("ends after 2 of the 3 bytes of picture 1 of 1"));
        assert!(detail(&look(b"abc"), &["abcd"]).contains("at most 3 bytes"));

        let two: Task = {
            let pictures = vec![declare(b"ab"), declare(b"cde")];
            let message = mtor_protocol::ChatMessage {
                pictures,
                ..mtor_protocol::ChatMessage::new(mtor_protocol::Role::User, "?")
            };
            Task::Vision(mtor_protocol::ChatTask { messages: vec![message], ..Default::default() })
        };
        assert_eq!(whole(&two, &["abcde"]).unwrap(), 5);
        assert!(detail(&two, &["abced"]).contains("picture 2 of 2"));

        let tool: Task = {
            let declared = serde_json::to_value(declare(b"abc")).unwrap();
            let tool = mtor_protocol::ToolName::new("tool.table").unwrap();
            let arguments = [(ToolTask::ATTACHMENT.to_owned(), declared)].into_iter().collect();
            Task::Tool(ToolTask { tool, arguments })
        };
        assert_eq!(whole(&tool, &["ab", "c"]).unwrap(), 3);
        let wrong = whole(&tool, &["abd"]).unwrap_err();
        assert!(wrong.detail.starts_with("file 1 of 1 has the SHA-256 a52d159f"), "{}", wrong.detail);
        assert_eq!(wrong.param.as_deref(), Some("attachment"));
    }
}
