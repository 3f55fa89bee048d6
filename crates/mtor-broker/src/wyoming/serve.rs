//! What a client can have done: sound written down, a wake word waited for in it, and text spoken.

use std::pin::pin;
use std::sync::Arc;

use bytes::Bytes;
use mtor_audio::SPOKEN_HZ;
use mtor_audio::pcm::to_s16le;
use mtor_audio::resample::UnusableRate;
use mtor_protocol::{AudioSource, Problem, ProblemKind, SpeakTask, Task, TranscribeTask, limits};
use mtor_wyoming::{
    AudioFormat, AudioStop, Detect, Detection, Message, NotDetected, Synthesize, SynthesizeStart, Transcribe,
    Transcript, Voice,
};
use tokio::sync::mpsc::Sender;

use super::ask::{Ask, Piece};
use super::client::{Feed, tell};
use super::info::is_any_voice;
use super::limits::CHUNK_BYTES;
use super::sound::Ear;
use super::wake;

/// Has the sound that comes through `feed` written down, and tells the words.
pub(super) async fn listen<A: Ask>(ask: Arc<A>, wish: Transcribe, feed: Feed, said: Sender<Message>) {
    let language = wish.language.clone();
    match heard(&*ask, wish, feed).await {
        Ok(text) => {
            let transcript = Transcript { text, language, ..Transcript::default() };
            // When the connection is gone, nobody needs to know.
            let _ = said.send(Message::Transcript(transcript)).await;
        }
        Err(problem) => tell(&said, &problem).await,
    }
}

/// Tells of each time that a wake word is said in the sound that comes through `feed`.
pub(super) async fn watch<A: Ask>(ask: Arc<A>, wish: Detect, mut feed: Feed, said: Sender<Message>) {
    let mut ever = false;
    loop {
        match wake::wait(&*ask, wish.names.as_deref(), &mut feed).await {
            Ok(Some(heard)) => {
                ever = true;
                let detection = Detection { name: Some(heard.phrase), ..Detection::default() };
                // When the connection is gone, nobody needs to know.
                let _ = said.send(Message::Detection(detection)).await;
            }
            Ok(None) if ever => return,
            Ok(None) => {
                let _ = said.send(Message::NotDetected(NotDetected::default())).await;
                return;
            }
            Err(problem) => {
                tell(&said, &problem).await;
                // Somebody who listens may come, and microphones do not ask twice.
                if !wake::rest(&mut feed).await {
                    return;
                }
            }
        }
    }
}

async fn heard(ask: &impl Ask, wish: Transcribe, mut feed: Feed) -> Result<String, Problem> {
    let task = TranscribeTask {
        source: AudioSource::Pcm,
        language: code(wish.language),
        hint: hint(wish.transcript_names, wish.transcript_terms),
        ..TranscribeTask::default()
    };
    let task = task.checked().map_err(invalid)?;
    let job = ask.ask(wish.name, Task::Transcribe(task), None).await?;
    let feeder = job.feeder();
    let mut words = pin!(job.text());
    let (mut ear, mut samples) = (Ear::new(), Vec::new());
    loop {
        let message = tokio::select! {
            biased;
            text = &mut words => return Ok(text?.trim().to_owned()),
            message = feed.recv() => message,
        };
        samples.clear();
        let Some(Message::AudioChunk(chunk)) = message else { break };
        ear.hear(&chunk, &mut samples).map_err(|error: UnusableRate| invalid(error.to_string()))?;
        feeder.push(to_s16le(&samples).into())?;
    }
    ear.end(&mut samples);
    feeder.push(to_s16le(&samples).into())?;
    feeder.end();
    Ok(words.await?.trim().to_owned())
}

/// Something to be spoken.
#[derive(Debug, Default)]
pub(super) struct Spoken {
    text: String,
    voice: Voice,
    text_format: Option<String>,
}

impl From<Synthesize> for Spoken {
    fn from(wish: Synthesize) -> Self {
        Self { text: wish.text, voice: wish.voice.unwrap_or_default(), text_format: wish.text_format }
    }
}

impl From<SynthesizeStart> for Spoken {
    fn from(wish: SynthesizeStart) -> Self {
        Self { text: String::new(), voice: wish.voice.unwrap_or_default(), text_format: wish.text_format }
    }
}

/// Speaks a text, and what more of it comes through `feed`.
pub(super) async fn speak<A: Ask>(ask: Arc<A>, wish: Spoken, feed: Option<Feed>, said: Sender<Message>) {
    let streamed = feed.is_some();
    match spoken(&*ask, wish, feed, &said).await {
        Ok(()) if streamed => {
            // When the connection is gone, nobody needs to know.
            let _ = said.send(Message::SynthesizeStopped).await;
        }
        Ok(()) => {}
        Err(problem) => tell(&said, &problem).await,
    }
}

async fn spoken(
    ask: &impl Ask,
    wish: Spoken,
    mut feed: Option<Feed>,
    said: &Sender<Message>,
) -> Result<(), Problem> {
    if wish.text_format.as_deref().is_some_and(|format| format != "text") {
        return Err(invalid("only plain text is spoken, no SSML".to_owned()));
    }
    let format = AudioFormat::mono16(SPOKEN_HZ);
    if feed.is_none() && wish.text.trim().is_empty() {
        // Nothing takes no time.
        say(said, Message::AudioStart(format.into())).await?;
        return say(said, Message::AudioStop(AudioStop::default())).await;
    }
    let task = SpeakTask {
        text: wish.text,
        more: feed.is_some(),
        voice: wish.voice.name.filter(|name| !is_any_voice(name)),
        language: code(wish.voice.language),
        ..SpeakTask::default()
    };
    let mut job = ask.ask(None, Task::Speak(task.checked().map_err(invalid)?), None).await?;
    let feeder = job.feeder();
    let mut begun = false;
    loop {
        let pieces = tokio::select! {
            biased;
            message = more(&mut feed) => {
                match message {
                    Some(Message::SynthesizeChunk(piece)) => feeder.push(piece.text.into())?,
                    _ => {
                        feed = None;
                        feeder.end();
                    }
                }
                continue;
            }
            pieces = job.next() => pieces?,
        };
        if pieces.is_empty() {
            break;
        }
        for piece in pieces {
            let Piece::Sound(sound) = piece else { continue };
            if !std::mem::replace(&mut begun, true) {
                say(said, Message::AudioStart(format.into())).await?;
            }
            for chunk in chunks(sound) {
                say(said, Message::chunk(format, chunk)).await?;
            }
        }
    }
    if !begun {
        say(said, Message::AudioStart(format.into())).await?;
    }
    say(said, Message::AudioStop(AudioStop::default())).await
}

/// The next message of a feed; none ever comes of one that is over.
async fn more(feed: &mut Option<Feed>) -> Option<Message> {
    match feed {
        Some(feed) => feed.recv().await,
        None => std::future::pending().await,
    }
}

async fn say(said: &Sender<Message>, message: Message) -> Result<(), Problem> {
    said.send(message).await.map_err(|_| Problem::new(ProblemKind::Cancelled, ""))
}

/// Sound in pieces as clients like them.
pub(super) fn chunks(mut sound: Bytes) -> impl Iterator<Item = Bytes> {
    std::iter::from_fn(move || {
        let chunk = sound.split_to(sound.len().min(CHUNK_BYTES));
        (!chunk.is_empty()).then_some(chunk)
    })
}

/// `en_US` as `en-US`.
pub(super) fn code(language: Option<String>) -> Option<String> {
    language.map(|language| language.replace('_', "-")).filter(|language| !language.is_empty())
}

/// The words that are likely to be said, as many as a hint holds.
fn hint(names: Option<Vec<String>>, terms: Option<Vec<String>>) -> Option<String> {
    let mut hint = String::new();
    for word in names.into_iter().chain(terms).flatten() {
        let comma = if hint.is_empty() { "" } else { ", " };
        if hint.len() + comma.len() + word.len() > limits::HINT_BYTES_MAX {
            break;
        }
        hint.push_str(comma);
        hint.push_str(&word);
    }
    (!hint.is_empty()).then_some(hint)
}

fn invalid(detail: String) -> Problem {
    Problem::new(ProblemKind::InvalidRequest, detail)
}
