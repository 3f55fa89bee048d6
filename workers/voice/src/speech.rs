//! A text that is spoken while it comes: one clause is sent while the next is made.
//!
//! [`begin`] gives two ends: a [`Script`], which takes the text, and a [`Speech`], which gives the sound clause by clause.
//! Between them works one thread. It runs ahead of what is sent by a bounded time, and ends when the speech is dropped.

use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use crate::defaults::{
    AHEAD_MS_MAX, CLAUSES_WAITING_MAX, PAUSE_COMMA_MS, PAUSE_LINE_MS, PAUSE_PARAGRAPH_MS, PAUSE_SENTENCE_MS,
};
use crate::engine::Speaker;
use crate::error::Failure;
use crate::sound;
use crate::text::{Clause, Clauses, Pause};

/// A clause that is ready to be sent.
#[derive(Debug)]
pub struct Spoken {
    /// The text as it was written. The sources of all, one after the other, are the text.
    pub source: String,
    /// Its sound at 24,000 samples a second, with the pause before it; none when there is nothing to say.
    pub samples: Vec<f32>,
    /// Its share of what may be made ahead, free again when this is dropped.
    _ahead: OwnedSemaphorePermit,
}

/// Takes the text.
pub struct Script {
    clauses: Clauses,
    sender: mpsc::Sender<Clause>,
    /// Bytes of the text that were spoken already, elsewhere.
    spoken_before: usize,
}

/// Nobody listens any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("nobody listens any more")]
pub struct NobodyListens;

/// Gives the sound.
pub struct Speech {
    receiver: mpsc::Receiver<Result<Spoken, Failure>>,
}

/// Begins to speak. What `prefix` says was spoken before, and is passed over when the text comes by it.
///
/// # Panics
/// Outside a tokio runtime.
#[must_use]
pub fn begin(speaker: Speaker, prefix: &str) -> (Script, Speech) {
    let (sender, clauses) = mpsc::channel(CLAUSES_WAITING_MAX);
    // The semaphore is the bound; this one is never reached, since every clause takes a millisecond at least.
    let (spoken, receiver) = mpsc::channel(CLAUSES_WAITING_MAX);
    let script = Script { clauses: Clauses::new(&speaker.language()), sender, spoken_before: prefix.len() };
    let handle = Handle::current();
    tokio::task::spawn_blocking(move || speak_all(&speaker, clauses, &spoken, &handle));
    (script, Speech { receiver })
}

impl Script {
    /// Takes the next bytes of the text, cut anywhere. Waits while there is too much to say.
    ///
    /// # Errors
    /// When the speech is gone.
    pub async fn push(&mut self, bytes: &[u8]) -> Result<(), NobodyListens> {
        let clauses = self.clauses.push(bytes);
        self.send(clauses).await
    }

    /// The text ends here.
    ///
    /// # Errors
    /// When the speech is gone.
    pub async fn finish(mut self) -> Result<(), NobodyListens> {
        let clauses = self.clauses.finish();
        self.send(clauses).await
    }

    async fn send(&mut self, clauses: Vec<Clause>) -> Result<(), NobodyListens> {
        for clause in clauses {
            if let Some(clause) = rest_of(clause, &mut self.spoken_before) {
                self.sender.send(clause).await.map_err(|_| NobodyListens)?;
            }
        }
        Ok(())
    }
}

impl Speech {
    /// The next clause; `None` at the end.
    ///
    /// # Errors
    /// When the voice fails. There is nothing more then.
    pub async fn next(&mut self) -> Result<Option<Spoken>, Failure> {
        self.receiver.recv().await.transpose()
    }
}

/// What is left of a clause when so many bytes were spoken before.
fn rest_of(mut clause: Clause, spoken_before: &mut usize) -> Option<Clause> {
    if *spoken_before >= clause.source.len() {
        *spoken_before -= clause.source.len();
        return None;
    }
    let cut = clause.source.floor_char_boundary(std::mem::take(spoken_before));
    clause.source.drain(..cut);
    Some(clause)
}

/// Makes the sound of all clauses, one after the other, until there are no more or nobody listens.
fn speak_all(
    speaker: &Speaker,
    mut clauses: mpsc::Receiver<Clause>,
    spoken: &mpsc::Sender<Result<Spoken, Failure>>,
    handle: &Handle,
) {
    let ahead = Arc::new(Semaphore::new(AHEAD_MS_MAX as usize));
    // The pause that is due before the next words; none before the first.
    let mut pause = None;
    while let Some(clause) = clauses.blocking_recv() {
        if spoken.is_closed() {
            return;
        }
        let said = speaker.speak(&clause).map(|said| {
            let silent = said.is_empty();
            let samples = if silent {
                pause = pause.map(|due: Pause| due.max(clause.pause));
                said
            } else {
                let due = pause.replace(clause.pause).map_or(0, |due| pause_ms(due, speaker.speed()));
                [sound::silence(due), said].concat()
            };
            (clause.source, samples)
        });
        let message = match said {
            Err(failure) => Err(failure),
            Ok((source, samples)) => {
                let ms = mtor_audio::pcm::duration_ms(samples.len() as u64, mtor_audio::SPOKEN_HZ);
                let share = u32::try_from(ms).unwrap_or(u32::MAX).clamp(1, AHEAD_MS_MAX);
                let room = handle.block_on(async {
                    tokio::select! {
                        room = Arc::clone(&ahead).acquire_many_owned(share) => room.ok(),
                        () = spoken.closed() => None,
                    }
                });
                let Some(room) = room else { return };
                Ok(Spoken { source, samples, _ahead: room })
            }
        };
        let is_end = message.is_err();
        if spoken.blocking_send(message).is_err() || is_end {
            return;
        }
    }
}

/// How long a pause is; whoever speaks fast rests less.
fn pause_ms(pause: Pause, speed: f32) -> u32 {
    let ms = match pause {
        Pause::None => 0,
        Pause::Comma => PAUSE_COMMA_MS,
        Pause::Sentence => PAUSE_SENTENCE_MS,
        Pause::Line => PAUSE_LINE_MS,
        Pause::Paragraph => PAUSE_PARAGRAPH_MS,
    };
    (ms as f32 / speed) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Kind;

    fn clause(source: &str) -> Clause {
        Clause { source: source.into(), kind: Kind::Prose, pause: Pause::Sentence }
    }

    #[test]
    fn what_was_spoken_before_is_passed_over() {
        let mut before = "One. Two".len();
        assert_eq!(rest_of(clause("One. "), &mut before), None);
        assert_eq!(rest_of(clause("Two three. "), &mut before), Some(clause(" three. ")));
        assert_eq!(rest_of(clause("Four."), &mut before), Some(clause("Four.")));
    }

    #[test]
    fn a_prefix_that_ends_within_a_character_does_no_harm() {
        let mut before = 1;
        assert_eq!(rest_of(clause("é."), &mut before), Some(clause("é.")));
    }

    #[test]
    fn pauses_grow_with_what_ends_and_shrink_with_speed() {
        let pauses = [Pause::None, Pause::Comma, Pause::Sentence, Pause::Line, Pause::Paragraph];
        assert!(
            pauses
                .windows(2)
                .all(|pair| pair[0] < pair[1] && pause_ms(pair[0], 1.0) < pause_ms(pair[1], 1.0))
        );
        assert_eq!(pause_ms(Pause::Sentence, 2.0) * 2, pause_ms(Pause::Sentence, 1.0));
    }
}
