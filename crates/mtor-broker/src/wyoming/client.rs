//! One connection of somebody who uses the realm as a Wyoming service, such as Home Assistant: asks what there is, has sound
//! written down or a wake word waited for in it, has text spoken. One thing is under way at a time; wishes to speak wait their turn, and new sound takes the
//! place of whatever was under way.

use std::collections::VecDeque;
use std::sync::Arc;

use mtor_protocol::Problem;
use mtor_wyoming::{
    AudioStop, Connection, ConnectionError, Detect, Message, Synthesize, SynthesizeStart, Transcribe, Writer,
};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::ask::Ask;
use super::info::info;
use super::limits::{HEARD_QUEUE_MAX, QUEUE_MAX, WISHES_MAX};
use super::serve::{self, Spoken};
use super::words::error;

/// Serves a connection until its end, or until the realm closes.
pub(super) async fn attend<A: Ask>(
    ask: Arc<A>,
    realm_name: &str,
    connection: Connection,
    closing: CancellationToken,
) -> Result<(), ConnectionError> {
    let Connection { mut reader, writer } = connection;
    let (said, mut outgoing) = channel(QUEUE_MAX);
    let mut client = Client {
        ask,
        realm_name,
        writer,
        said,
        tasks: JoinSet::new(),
        running: None,
        wishes: VecDeque::new(),
        wish: None,
        held: None,
    };
    loop {
        let held = client.held.is_some();
        let feed = client.running.as_ref().map(|running| running.feed.clone());
        tokio::select! {
            () = closing.cancelled() => return Ok(()),
            Some(message) = outgoing.recv() => client.writer.send(message).await?,
            Some(_) = client.tasks.join_next() => client.next_wish(),
            room = room(feed), if held => client.feed(room),
            message = reader.next(), if !held => match message {
                Ok(Some(message)) => client.handle(message).await?,
                Ok(None) => return Ok(()),
                Err(fault) => {
                    client.writer.send(Message::error(fault.to_string(), "invalid-request")).await?;
                    if !fault.is_mendable() {
                        return Err(fault);
                    }
                }
            },
        }
    }
}

struct Client<'a, A> {
    ask: Arc<A>,
    realm_name: &'a str,
    writer: Writer,
    said: Sender<Message>,
    /// What is under way: at most one. It ends with the connection.
    tasks: JoinSet<()>,
    running: Option<Running>,
    /// What is to be spoken after it.
    wishes: VecDeque<Synthesize>,
    /// What was said of the sound that is to come.
    wish: Option<Transcribe>,
    /// What is for the task under way and has no room yet. Nothing more is read meanwhile.
    held: Option<Message>,
}

/// The task under way takes sound or text through `feed` while it is open.
struct Running {
    feed: Sender<Message>,
    takes: Takes,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Takes {
    Sound,
    /// For a wake word: also without a beginning that was told.
    SoundAllDay,
    Text,
    Nothing,
}

impl<A: Ask> Client<'_, A> {
    async fn handle(&mut self, message: Message) -> Result<(), ConnectionError> {
        match message {
            Message::Describe => {
                let info = info(self.realm_name, &self.ask.workers().await);
                self.writer.send(Message::Info(Box::new(info))).await?;
            }
            Message::Ping(ping) => self.writer.send(Message::Pong(ping)).await?,
            Message::Transcribe(wish) => self.wish = Some(wish),
            // What a wake word is waited for in.
            Message::AudioStart(_) if self.takes(Takes::SoundAllDay) && self.wish.is_none() => {}
            Message::AudioStart(_) => self.listen(),
            Message::AudioChunk(_) if self.takes(Takes::SoundAllDay) => self.held = Some(message),
            Message::AudioStop(_) if self.takes(Takes::SoundAllDay) => self.held = Some(message),
            Message::AudioChunk(_) if self.takes(Takes::Sound) => self.held = Some(message),
            Message::AudioStop(AudioStop { .. }) if self.takes(Takes::Sound) => self.held = Some(message),
            Message::SynthesizeStart(wish) => self.speak_as_written(wish),
            Message::SynthesizeChunk(_) | Message::SynthesizeStop if self.takes(Takes::Text) => {
                self.held = Some(message);
            }
            // The whole text comes too, for services that can't take it in pieces.
            Message::Synthesize(_) if self.takes(Takes::Text) => {}
            Message::Synthesize(wish) => return self.speak(wish).await,
            Message::Detect(wish) => self.watch(wish),
            other => tracing::debug!(event = other.kind(), "a Wyoming event that means nothing here"),
        }
        Ok(())
    }

    fn takes(&self, what: Takes) -> bool {
        self.running.as_ref().is_some_and(|running| running.takes == what)
    }

    fn listen(&mut self) {
        let wish = self.wish.take().unwrap_or_default();
        let (feed, sound) = channel(HEARD_QUEUE_MAX);
        self.replace(Running { feed, takes: Takes::Sound });
        self.tasks.spawn(serve::listen(self.ask.clone(), wish, sound, self.said.clone()));
    }

    fn watch(&mut self, wish: Detect) {
        let (feed, sound) = channel(HEARD_QUEUE_MAX);
        self.replace(Running { feed, takes: Takes::SoundAllDay });
        self.tasks.spawn(serve::watch(self.ask.clone(), wish, sound, self.said.clone()));
    }

    fn speak_as_written(&mut self, wish: SynthesizeStart) {
        let (feed, text) = channel(QUEUE_MAX);
        self.replace(Running { feed, takes: Takes::Text });
        let spoken = Spoken::from(wish);
        self.tasks.spawn(serve::speak(self.ask.clone(), spoken, Some(text), self.said.clone()));
    }

    async fn speak(&mut self, wish: Synthesize) -> Result<(), ConnectionError> {
        if self.wishes.len() >= WISHES_MAX {
            let detail = format!("{WISHES_MAX} texts are waiting to be spoken on this connection already");
            return self.writer.send(Message::error(detail, "too-many-requests")).await;
        }
        self.wishes.push_back(wish);
        if self.tasks.is_empty() {
            self.next_wish();
        }
        Ok(())
    }

    /// Whatever was under way has ended.
    fn next_wish(&mut self) {
        if !self.tasks.is_empty() {
            return;
        }
        (self.running, self.held) = (None, None);
        if let Some(wish) = self.wishes.pop_front() {
            let (feed, _) = channel(1);
            self.running = Some(Running { feed, takes: Takes::Nothing });
            self.tasks.spawn(serve::speak(self.ask.clone(), wish.into(), None, self.said.clone()));
        }
    }

    fn replace(&mut self, running: Running) {
        self.tasks.abort_all();
        self.wishes.clear();
        self.running = Some(running);
    }

    /// Hands over what is held, now that there is room, or drops it when nobody wants it any more.
    fn feed(&mut self, room: Option<tokio::sync::mpsc::OwnedPermit<Message>>) {
        let Some(message) = self.held.take() else { return };
        let Some(running) = &mut self.running else { return };
        if matches!(message, Message::AudioStop(_) | Message::SynthesizeStop) {
            running.takes = Takes::Nothing;
        }
        if let Some(room) = room {
            room.send(message);
        }
    }
}

/// Waits for room; `None` when nobody takes anything any more.
async fn room(feed: Option<Sender<Message>>) -> Option<tokio::sync::mpsc::OwnedPermit<Message>> {
    feed?.reserve_owned().await.ok()
}

/// Tells a client what went wrong.
pub(super) async fn tell(said: &Sender<Message>, problem: &Problem) {
    // When the connection is gone, nobody needs to know.
    let _ = said.send(error(problem)).await;
}

/// Messages that feed a task.
pub(super) type Feed = Receiver<Message>;
