//! Hears one recording: finds the voices in it, hands windows to the engine, and puts together what comes back.
//!
//! While somebody speaks, the window so far is heard again and again (partial results). When they fall silent for a breath,
//! it is heard thoroughly, as if that were the end; if it was, the result is there already.

use std::fs::File;
use std::sync::Arc;

use mtor_audio::decode::Decoder;
use mtor_audio::{HEARD_HZ, pcm};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::defaults::{
    AUDIO_MS_MAX, BREATH_FRAMES, EVENTS_MAX, FRAME_SAMPLES, HINT_BYTES_MAX, LANGUAGE_SAMPLES_SURE,
    PARTIAL_FRAMES, SOUND_SAMPLES_MAX, SOUNDS_MAX,
};
use crate::doubt::{self, Grounds};
use crate::engine::Engine;
use crate::error::Failure;
use crate::request::{Event, Hearing, Request, Source};
use crate::transcript::{Transcript, Word, segments_of, text_of, words_of};
use crate::vad::VadStream;
use crate::whisper::{Heard, Pass};
use crate::windows::{Window, Windows};

/// Begins to hear a recording. Needs a tokio runtime.
///
/// # Errors
/// [`Failure::UnknownLanguage`] and [`Failure::HintTooLong`], before anything is heard.
pub fn listen(engine: &Arc<Engine>, request: Request, source: Source) -> Result<Hearing, Failure> {
    let language = engine.language(request.language.as_deref())?;
    if let Some(hint) = &request.hint
        && hint.len() > HINT_BYTES_MAX
    {
        return Err(Failure::HintTooLong { bytes: hint.len(), max: HINT_BYTES_MAX });
    }
    let cancel = CancellationToken::new();
    let (events, received) = mpsc::channel(EVENTS_MAX);
    let live = matches!(source, Source::Live(_));
    let listener = Listener {
        vad: engine.vad().stream(),
        engine: Arc::clone(engine),
        live,
        partials: request.partials,
        limit_ms: request.audio_ms_max.unwrap_or(AUDIO_MS_MAX).min(AUDIO_MS_MAX),
        hint: request.hint.filter(|hint| !hint.trim().is_empty()).map(Arc::from),
        language,
        language_is_sure: language.is_some(),
        heard_language: language,
        windows: Windows::new(),
        frame: Vec::with_capacity(FRAME_SAMPLES),
        samples: 0,
        early: None,
        words: Vec::new(),
        events: events.clone(),
        cancel: cancel.clone(),
    };
    tokio::spawn(async move {
        let cancelled = listener.cancel.clone();
        let heard = match source {
            Source::Live(sound) => listener.hear_all(Live(sound.0)).await,
            Source::File(file) => listener.hear_all(Decoded(decode(file, cancelled))).await,
        };
        let last = match heard {
            Ok(transcript) => Event::Done(transcript),
            Err(failure) => Event::Failed(failure),
        };
        // Whoever asked may have gone.
        let _ = events.send(last).await;
    });
    Ok(Hearing::new(received, cancel))
}

/// Reads a file in a thread of its own, as fast as it is heard.
fn decode(file: File, cancel: CancellationToken) -> mpsc::Receiver<Result<Vec<f32>, Failure>> {
    let (sounds, heard) = mpsc::channel(SOUNDS_MAX);
    tokio::task::spawn_blocking(move || {
        let read = || -> Result<(), Failure> {
            let mut decoder = Decoder::open(file)?;
            let mut samples = Vec::new();
            let mut more = true;
            while more && !cancel.is_cancelled() {
                more = decoder.read(&mut samples)?;
                if samples.len() >= SOUND_SAMPLES_MAX || !more {
                    for piece in samples.chunks(SOUND_SAMPLES_MAX) {
                        if sounds.blocking_send(Ok(piece.to_vec())).is_err() {
                            return Ok(());
                        }
                    }
                    samples.clear();
                }
            }
            let damage = decoder.damage();
            if damage.cut_short || damage.broken_packets > 0 {
                tracing::info!(?damage, "the file is damaged; what is left of it is heard");
            }
            Ok(())
        };
        if let Err(failure) = read() {
            let _ = sounds.blocking_send(Err(failure));
        }
    });
    heard
}

/// Pieces of sound, one after the other.
trait Sounds {
    async fn next(&mut self) -> Option<Result<Vec<f32>, Failure>>;
}

struct Live(mpsc::Receiver<Vec<f32>>);

impl Sounds for Live {
    async fn next(&mut self) -> Option<Result<Vec<f32>, Failure>> {
        self.0.recv().await.map(Ok)
    }
}

struct Decoded(mpsc::Receiver<Result<Vec<f32>, Failure>>);

impl Sounds for Decoded {
    async fn next(&mut self) -> Option<Result<Vec<f32>, Failure>> {
        self.0.recv().await
    }
}

struct Listener {
    engine: Arc<Engine>,
    vad: VadStream,
    live: bool,
    partials: bool,
    limit_ms: u64,
    hint: Option<Arc<str>>,
    /// What passes are told; `None` while it is to be found out.
    language: Option<&'static str>,
    language_is_sure: bool,
    heard_language: Option<&'static str>,
    windows: Windows,
    /// The beginning of a frame.
    frame: Vec<f32>,
    /// Samples heard.
    samples: u64,
    early: Option<Early>,
    /// Certain words.
    words: Vec<Word>,
    events: mpsc::Sender<Event>,
    cancel: CancellationToken,
}

/// Which part of the recording a pass covers.
#[derive(Debug, Clone, Copy)]
struct Span {
    /// Where it begins, in samples.
    start: u64,
    samples: usize,
    voiced_frames: usize,
}

impl Span {
    fn of(window: &Window) -> Self {
        Self { start: window.start, samples: window.samples.len(), voiced_frames: window.voiced_frames }
    }
}

/// A pass over a window that is not over.
struct Early {
    span: Span,
    thorough: bool,
    cancel: CancellationToken,
    state: EarlyState,
}

enum EarlyState {
    Running(oneshot::Receiver<Result<Heard, Failure>>),
    Done(Heard),
}

impl Listener {
    async fn hear_all(mut self, mut sounds: impl Sounds) -> Result<Transcript, Failure> {
        let cancel = self.cancel.clone();
        loop {
            tokio::select! {
                biased;
                () = cancel.cancelled() => return Err(Failure::Cancelled),
                heard = Self::early_result(&mut self.early) => self.take_early(heard?),
                sound = sounds.next() => match sound {
                    Some(sound) => self.hear(&sound?).await?,
                    None => break,
                },
            }
            self.begin_early();
        }
        self.finish().await
    }

    /// Takes a piece of sound.
    async fn hear(&mut self, samples: &[f32]) -> Result<(), Failure> {
        self.samples += samples.len() as u64;
        if pcm::duration_ms(self.samples, HEARD_HZ) > self.limit_ms {
            return Err(Failure::TooLong { limit_ms: self.limit_ms });
        }
        let mut samples = samples;
        while !samples.is_empty() {
            let (now, later) = samples.split_at(samples.len().min(FRAME_SAMPLES - self.frame.len()));
            self.frame.extend_from_slice(now);
            samples = later;
            self.look().await?;
        }
        Ok(())
    }

    /// Looks at the frame if it is whole.
    async fn look(&mut self) -> Result<(), Failure> {
        let Some(frame) = self.frame.first_chunk::<FRAME_SAMPLES>() else { return Ok(()) };
        let likely = self.vad.look(frame)?;
        let window = self.windows.push(frame, likely);
        self.frame.clear();
        match window {
            Some(window) => self.settle(window).await,
            None => Ok(()),
        }
    }

    async fn finish(mut self) -> Result<Transcript, Failure> {
        if !self.frame.is_empty() {
            self.frame.resize(FRAME_SAMPLES, 0.0);
            self.look().await?;
        }
        if let Some(window) = self.windows.finish() {
            self.settle(window).await?;
        }
        let duration_ms = pcm::duration_ms(self.samples, HEARD_HZ);
        // The last frame is filled up with silence.
        for word in &mut self.words {
            word.start_ms = word.start_ms.min(duration_ms);
            word.end_ms = word.end_ms.min(duration_ms);
        }
        Ok(Transcript {
            text: text_of(&self.words).trim().to_owned(),
            language: self.heard_language.map(str::to_owned),
            duration_ms,
            segments: segments_of(&self.words),
            words: self.words,
        })
    }

    /// Hears a whole window, unless that was done already, and makes its words certain.
    async fn settle(&mut self, window: Window) -> Result<(), Failure> {
        let heard = match self.early.take() {
            Some(early) if early.is_all_of(&window) => early.result().await?,
            other => {
                if let Some(early) = other {
                    early.cancel.cancel();
                }
                let cancel = self.cancel.clone();
                let result = self.engine.submit(self.pass(&window, true, cancel.clone()), self.live);
                tokio::select! {
                    biased;
                    () = cancel.cancelled() => return Err(Failure::Cancelled),
                    heard = result => heard.map_err(|_| ended())??,
                }
            }
        };
        let words = believed(&heard, Span::of(&window));
        if words.is_empty() {
            return Ok(());
        }
        self.heard_language = Some(heard.language);
        if !self.language_is_sure {
            self.language = Some(heard.language);
            self.language_is_sure = window.voiced_frames * FRAME_SAMPLES >= LANGUAGE_SAMPLES_SURE;
        }
        let text = text_of(&words);
        let text = if self.words.is_empty() { text.trim_start() } else { &text };
        let text = Event::Text(text.to_owned());
        self.words.extend(words);
        // Whoever asked may have gone; the token says so soon.
        let _ = self.events.send(text).await;
        Ok(())
    }

    /// Hears the window so far when it is worth it, and the last early pass is over.
    fn begin_early(&mut self) {
        if !self.live || matches!(&self.early, Some(Early { state: EarlyState::Running(_), .. })) {
            return;
        }
        let (voiced, quiet) = (self.windows.voiced_frames(), self.windows.quiet_frames());
        let (known, thorough) = match &self.early {
            Some(early) if early.span.voiced_frames <= voiced => (early.span.voiced_frames, early.thorough),
            _ => (0, false),
        };
        let breath = quiet.is_some_and(|quiet| quiet >= BREATH_FRAMES) && (voiced > known || !thorough);
        let partial = self.partials && voiced >= known + PARTIAL_FRAMES;
        if !(breath || partial) {
            return;
        }
        let Some(window) = self.windows.so_far() else { return };
        let cancel = self.cancel.child_token();
        let result = self.engine.submit(self.pass(&window, breath, cancel.clone()), true);
        self.early = Some(Early {
            span: Span::of(&window),
            thorough: breath,
            cancel,
            state: EarlyState::Running(result),
        });
    }

    /// Waits for the early pass that runs; for ever when none does.
    async fn early_result(early: &mut Option<Early>) -> Result<Heard, Failure> {
        match early {
            Some(Early { state: EarlyState::Running(result), .. }) => result.await.map_err(|_| ended())?,
            _ => std::future::pending().await,
        }
    }

    /// Shows what an early pass heard.
    fn take_early(&mut self, heard: Heard) {
        let Some(early) = &mut self.early else { return };
        early.state = EarlyState::Done(heard.clone());
        if !self.partials {
            return;
        }
        let text = text_of(&self.words) + &text_of(&believed(&heard, early.span));
        // Somebody who is behind gets the next one.
        let _ = self.events.try_send(Event::Partial(text.trim().to_owned()));
    }

    fn pass(&self, window: &Window, thorough: bool, cancel: CancellationToken) -> Pass {
        Pass {
            samples: window.samples.clone(),
            language: if self.language_is_sure { self.language } else { None },
            hint: self.hint.clone(),
            thorough,
            cancel,
        }
    }
}

/// The words of a pass that are believed, with their times in the recording.
fn believed(heard: &Heard, span: Span) -> Vec<Word> {
    let milliseconds = |samples| pcm::duration_ms(samples, HEARD_HZ);
    let words = words_of(&heard.tokens, milliseconds(span.start), milliseconds(span.samples as u64));
    let grounds =
        Grounds { voiced_frames: span.voiced_frames, no_speech: heard.no_speech, logprob: heard.logprob };
    doubt::believed(words, grounds)
}

impl Early {
    /// Whether it is as good as a pass over the whole window: thorough, and no voice came after it.
    fn is_all_of(&self, window: &Window) -> bool {
        self.thorough && self.span.start == window.start && self.span.voiced_frames == window.voiced_frames
    }

    async fn result(self) -> Result<Heard, Failure> {
        match self.state {
            EarlyState::Done(heard) => Ok(heard),
            EarlyState::Running(result) => result.await.map_err(|_| ended())?,
        }
    }
}

fn ended() -> Failure {
    Failure::Engine("it has ended by itself".into())
}
