//! What a listener is asked for, and what comes back.

use std::fs::File;

use mtor_audio::pcm::S16leReader;
use tokio::sync::mpsc;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::defaults::SOUND_SAMPLES_MAX;
use crate::error::Failure;
use crate::transcript::Transcript;

/// A recording to be heard.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// Its language, as a code or an English name; `None` to have it told from the sound.
    pub language: Option<String>,
    /// Names and spellings that may come up, or what was said before.
    pub hint: Option<String>,
    /// Whether [`Event::Partial`] is wanted.
    pub partials: bool,
    /// The longest that it may be, in milliseconds; [`crate::defaults::AUDIO_MS_MAX`] at most.
    pub audio_ms_max: Option<u64>,
}

/// Where the sound comes from.
#[derive(Debug)]
pub enum Source {
    /// A whole file of any common format.
    File(File),
    /// Somebody who speaks right now.
    Live(LiveSound),
}

/// The listener's end of a live sound.
#[derive(Debug)]
pub struct LiveSound(pub(crate) mpsc::Receiver<Vec<f32>>);

/// The speaker's end of a live sound. Dropping it ends the sound.
#[derive(Debug)]
pub struct Speaker {
    sounds: mpsc::Sender<Vec<f32>>,
    reader: S16leReader,
}

/// A live sound: what one end says, the other hears.
#[must_use]
pub fn live() -> (Speaker, LiveSound) {
    let (sounds, heard) = mpsc::channel(crate::defaults::SOUNDS_MAX);
    (Speaker { sounds, reader: S16leReader::new() }, LiveSound(heard))
}

impl Speaker {
    /// Says 16 kHz mono little-endian 16-bit samples, cut anywhere. Waits while the listener is behind.
    ///
    /// # Errors
    /// [`Failure::Cancelled`] when nobody listens any more.
    pub async fn say_bytes(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let mut samples = Vec::with_capacity(bytes.len() / 2 + 1);
        self.reader.push(bytes, &mut samples);
        self.say(&samples).await
    }

    /// Says samples. Waits while the listener is behind.
    ///
    /// # Errors
    /// [`Failure::Cancelled`] when nobody listens any more.
    pub async fn say(&mut self, samples: &[f32]) -> Result<(), Failure> {
        for piece in samples.chunks(SOUND_SAMPLES_MAX) {
            self.sounds.send(piece.to_vec()).await.map_err(|_| Failure::Cancelled)?;
        }
        Ok(())
    }
}

/// What is heard, as it is heard.
#[derive(Debug)]
pub enum Event {
    /// Everything so far, part of it uncertain: the next one replaces it.
    Partial(String),
    /// Further words, certain by now. Joined, they are the transcript's text.
    Text(String),
    /// All of it; the last event.
    Done(Transcript),
    /// There is no transcript; the last event.
    Failed(Failure),
}

/// A recording that is being heard. Dropping it stops that.
#[derive(Debug)]
pub struct Hearing {
    events: mpsc::Receiver<Event>,
    /// Cancels when it is dropped.
    _cancel: DropGuard,
}

impl Hearing {
    /// The next event; `None` after the last.
    pub async fn next(&mut self) -> Option<Event> {
        self.events.recv().await
    }

    /// Waits for the transcript, whatever comes before.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn transcript(mut self) -> Result<Transcript, Failure> {
        while let Some(event) = self.next().await {
            match event {
                Event::Done(transcript) => return Ok(transcript),
                Event::Failed(failure) => return Err(failure),
                Event::Partial(_) | Event::Text(_) => {}
            }
        }
        Err(Failure::Engine("the listener has ended".into()))
    }

    pub(crate) fn new(events: mpsc::Receiver<Event>, cancel: CancellationToken) -> Self {
        Self { events, _cancel: cancel.drop_guard() }
    }
}
