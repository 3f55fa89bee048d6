//! The engine's door: starts the thread that owns the model, and hands it one window after the other.
//!
//! Windows of somebody who speaks right now go before those of files.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use crate::error::{Failure, LoadError};
use crate::language;
use crate::vad::Vad;
use crate::whisper::{Heard, Pass, Whisper};

/// What to load and how much of the machine to give it.
#[derive(Debug, Clone)]
pub struct EngineOptions {
    /// The Whisper model, a ggml file.
    pub model: PathBuf,
    /// The Silero voice activity model, an ONNX file.
    pub voice_activity: PathBuf,
    /// Threads to compute with.
    pub threads: usize,
    /// The language of recordings that name none; `None` to have it told from the sound.
    pub language: Option<String>,
}

/// The models at work. Dropping it ends the thread after the pass at hand.
#[derive(Debug)]
pub struct Engine {
    queue: Arc<Queue>,
    vad: Vad,
    multilingual: bool,
    language: Option<&'static str>,
    ended: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

impl Engine {
    /// Loads the models and hears a second of silence. Takes as long as reading the files, and a second.
    ///
    /// # Errors
    /// [`LoadError`], which says what the user can do.
    pub fn start(options: &EngineOptions) -> Result<Self, LoadError> {
        let vad = Vad::load(&options.voice_activity)?;
        let queue = Arc::new(Queue::default());
        let ended = CancellationToken::new();
        let (ready, is_ready) = std::sync::mpsc::sync_channel(1);
        let (path, threads) = (options.model.clone(), options.threads.max(1));
        let (orders, end) = (Arc::clone(&queue), ended.clone().drop_guard());
        let work = move || {
            let _end = end;
            let mut whisper = match Whisper::load(&path, threads).and_then(warmed_up) {
                Ok(whisper) => whisper,
                Err(error) => {
                    let _ = ready.send(Err(error));
                    return;
                }
            };
            let _ = ready.send(Ok(whisper.is_multilingual()));
            drop(ready);
            while let Some(order) = orders.next() {
                let heard = whisper.hear(&order.pass);
                orders.passes.fetch_add(1, Ordering::Relaxed);
                // Whoever asked may have gone.
                let _ = order.reply.send(heard);
            }
        };
        let thread = std::thread::Builder::new()
            .name("mtor-engine".into())
            .spawn(work)
            .map_err(|error| LoadError::Engine(format!("no thread for it: {error}")))?;
        let multilingual =
            is_ready.recv().unwrap_or_else(|_| Err(LoadError::Engine("its thread panicked".into())))?;
        let language =
            options.language.as_deref().map(|name| language::code(name, multilingual)).transpose()?;
        Ok(Self { queue, vad, multilingual, language, ended, thread: Some(thread) })
    }

    /// Whether the model knows more than English.
    pub fn is_multilingual(&self) -> bool {
        self.multilingual
    }

    /// The codes of the languages that the model knows.
    pub fn languages(&self) -> Vec<&'static str> {
        language::all(self.multilingual)
    }

    /// Waits until the engine's thread has ended, which it never should while this lives.
    pub async fn ended(&self) {
        self.ended.cancelled().await;
    }

    /// How many windows were heard since the start, early and given up ones included.
    pub fn passes(&self) -> u64 {
        self.queue.passes.load(Ordering::Relaxed)
    }

    pub(crate) fn vad(&self) -> &Vad {
        &self.vad
    }

    /// The code of a wanted language; the engine's own where none is wanted.
    pub(crate) fn language(&self, wanted: Option<&str>) -> Result<Option<&'static str>, Failure> {
        match wanted {
            Some(name) => language::code(name, self.multilingual).map(Some),
            // A model of one language needs none to be told.
            None => Ok(self.language.or((!self.multilingual).then_some(language::ENGLISH))),
        }
    }

    /// Puts a window in the queue.
    pub(crate) fn submit(&self, pass: Pass, live: bool) -> oneshot::Receiver<Result<Heard, Failure>> {
        let (reply, heard) = oneshot::channel();
        self.queue.push(Order { pass, reply }, live);
        heard
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.queue.close();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the engine's thread had panicked");
        }
    }
}

/// The first pass is slow, as it allocates; nobody should wait for it.
fn warmed_up(mut whisper: Whisper) -> Result<Whisper, LoadError> {
    let silence = Pass {
        samples: vec![0.0; mtor_audio::HEARD_HZ as usize],
        language: Some(language::ENGLISH),
        hint: None,
        thorough: false,
        cancel: CancellationToken::new(),
    };
    whisper.hear(&silence).map_err(|error| LoadError::Engine(error.to_string()))?;
    Ok(whisper)
}

struct Order {
    pass: Pass,
    reply: oneshot::Sender<Result<Heard, Failure>>,
}

/// Windows that wait for the engine. Each recording waits for one at a time, and at most one more that it has given up, so
/// there are never more than twice as many as slots.
#[derive(Default)]
struct Queue {
    waiting: Mutex<Waiting>,
    changed: Condvar,
    passes: AtomicU64,
}

#[derive(Default)]
struct Waiting {
    live: VecDeque<Order>,
    files: VecDeque<Order>,
    closed: bool,
}

impl std::fmt::Debug for Queue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Queue")
    }
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, order: Order, live: bool) {
        let mut waiting = self.lock();
        // Closed, the order is dropped, and whoever waits for it is told.
        if !waiting.closed {
            if live {
                waiting.live.push_back(order)
            } else {
                waiting.files.push_back(order)
            }
            self.changed.notify_one();
        }
    }

    fn close(&self) {
        let mut waiting = self.lock();
        *waiting = Waiting { closed: true, ..Waiting::default() };
        self.changed.notify_all();
    }

    /// The next order that somebody still waits for; `None` when the engine is to end.
    fn next(&self) -> Option<Order> {
        let mut waiting = self.lock();
        loop {
            if waiting.closed {
                return None;
            }
            match waiting.live.pop_front().or_else(|| waiting.files.pop_front()) {
                Some(order) if order.reply.is_closed() => {}
                Some(order) => return Some(order),
                None => waiting = self.changed.wait(waiting).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(samples: usize) -> (Order, oneshot::Receiver<Result<Heard, Failure>>) {
        let (reply, heard) = oneshot::channel();
        let pass = Pass {
            samples: vec![0.0; samples],
            language: None,
            hint: None,
            thorough: false,
            cancel: CancellationToken::new(),
        };
        (Order { pass, reply }, heard)
    }

    #[test]
    fn those_who_speak_go_first_and_those_who_left_are_passed_over() {
        let queue = Queue::default();
        let ((file, _file), (left, gone), (live, _live)) = (order(1), order(2), order(3));
        queue.push(file, false);
        queue.push(left, true);
        queue.push(live, true);
        drop(gone);
        let next = || queue.next().map(|order| order.pass.samples.len());
        assert_eq!((next(), next()), (Some(3), Some(1)));
        queue.close();
        assert_eq!(next(), None);
    }

    #[tokio::test]
    async fn whoever_waits_when_the_engine_ends_is_told() {
        let queue = Queue::default();
        let (early, told) = order(1);
        queue.push(early, false);
        queue.close();
        assert!(told.await.is_err());
        let (late, told) = order(1);
        queue.push(late, false);
        assert!(told.await.is_err());
    }
}
