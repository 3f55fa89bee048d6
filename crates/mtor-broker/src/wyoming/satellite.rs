//! The realm's connection to one satellite: dialled, kept, dialled again. It hands what the satellite hears to a turn and what
//! the turn says to the satellite; at most one turn runs, and a new wake word ends the one before. For satellites without an ear for
//! wake words, the realm listens for them.

use std::sync::{Arc, Mutex};

use mtor_wyoming::{
    Address, AudioStop, Connection, ConnectionError, Detection, Info, Message, Ping, RunPipeline, Stage,
    Writer, connect,
};
use tokio::sync::mpsc::{Receiver, Sender, channel, error::TrySendError};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep};
use tokio_util::sync::CancellationToken;

use super::arbiter::{SatelliteId, Ticket};
use super::ask::Ask;
use super::client::{Feed, tell};
use super::house::House;
use super::limits::{
    BACKOFF_MAX, BACKOFF_MIN, CONNECT_TIMEOUT, HEARD_QUEUE_MAX, PING_PERIOD, QUEUE_MAX, SILENT_MAX,
    SPEAKER_HZ,
};
use super::memory::Memory;
use super::turn::Turn;
use super::wake;

/// A satellite as the settings name it.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) id: SatelliteId,
    pub(super) name: String,
    pub(super) address: Address,
    pub(super) room: Option<String>,
    pub(super) language: Option<String>,
}

/// Why a connection to a satellite ended.
#[derive(Debug, thiserror::Error)]
enum Lost {
    #[error(transparent)]
    Connection(#[from] ConnectionError),
    #[error("it hung up")]
    HungUp,
    #[error("it has said nothing for {} s", SILENT_MAX.as_secs())]
    Silent,
}

/// Keeps a satellite until the realm closes.
pub(super) async fn keep<A: Ask>(ask: Arc<A>, place: Place, house: Arc<House>, closing: CancellationToken) {
    let memory = Arc::default();
    let mut wait = BACKOFF_MIN;
    loop {
        let started = Instant::now();
        let lost = match dial(&place, &closing).await {
            None => return,
            Some(Err(lost)) => lost,
            Some(Ok(connection)) => {
                tracing::info!(satellite = place.name, address = %place.address, "connected to a satellite");
                let _present = house.present(place.id);
                let satellite = Satellite::new(&ask, &place, &house, &memory, connection.writer);
                match satellite.attend(connection.reader, &closing).await {
                    Ok(()) => return,
                    Err(lost) => lost,
                }
            }
        };
        if started.elapsed() > BACKOFF_MAX {
            wait = BACKOFF_MIN;
        }
        tracing::warn!(satellite = place.name, address = %place.address, reason = %lost, next_try_in = ?wait, "no satellite");
        if closing.run_until_cancelled(sleep(wait)).await.is_none() {
            return;
        }
        wait = (wait * 2).min(BACKOFF_MAX);
    }
}

async fn dial(place: &Place, closing: &CancellationToken) -> Option<Result<Connection, Lost>> {
    let dialled = closing.run_until_cancelled(connect(&place.address, CONNECT_TIMEOUT)).await?;
    Some(dialled.map_err(Lost::from))
}

struct Satellite<'a, A> {
    ask: &'a Arc<A>,
    place: &'a Place,
    house: &'a Arc<House>,
    memory: &'a Arc<Mutex<Memory>>,
    writer: Writer,
    /// The turn: at most one. It ends with the connection.
    turns: JoinSet<()>,
    /// What the running turn listens to.
    feed: Option<Sender<Message>>,
    /// What it says. A new turn has a new one, so that nothing of an old one is said after it.
    outgoing: Receiver<Message>,
    /// The wake word was heard, and its turn has not begun yet.
    woken: Option<Ticket>,
    /// What a satellite without an ear for wake words has asked for: turns that begin with one, again and again.
    standing: Option<RunPipeline>,
    speaker_hz: u32,
    last_heard: Instant,
    /// Sound was begun and not ended.
    speaking: bool,
}

impl<'a, A: Ask> Satellite<'a, A> {
    fn new(
        ask: &'a Arc<A>,
        place: &'a Place,
        house: &'a Arc<House>,
        memory: &'a Arc<Mutex<Memory>>,
        writer: Writer,
    ) -> Self {
        Self {
            ask,
            place,
            house,
            memory,
            writer,
            turns: JoinSet::new(),
            feed: None,
            outgoing: channel(1).1,
            woken: None,
            standing: None,
            speaker_hz: SPEAKER_HZ,
            last_heard: Instant::now(),
            speaking: false,
        }
    }

    /// Until the connection is lost, or the realm closes.
    async fn attend(
        mut self,
        mut reader: mtor_wyoming::Reader,
        closing: &CancellationToken,
    ) -> Result<(), Lost> {
        self.writer.send(Message::Describe).await?;
        self.writer.send(Message::RunSatellite).await?;
        let mut ping = interval_at(Instant::now() + PING_PERIOD, PING_PERIOD);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = closing.cancelled() => {
                    self.writer.send(Message::PauseSatellite).await?;
                    return Ok(());
                }
                Some(message) = self.outgoing.recv() => self.tell(message).await?,
                Some(_) = self.turns.join_next() => self.rest().await?,
                _ = ping.tick() => self.ask_whether_there().await?,
                message = reader.next() => match message {
                    Ok(message) => self.handle(message.ok_or(Lost::HungUp)?).await?,
                    Err(fault) if fault.is_mendable() => {
                        tracing::debug!(satellite = self.place.name, %fault, "a satellite sent something wrong");
                    }
                    Err(fault) => return Err(fault.into()),
                },
            }
        }
    }

    /// A turn has ended. It may be one that made room for another.
    async fn rest(&mut self) -> Result<(), Lost> {
        if !self.turns.is_empty() {
            return Ok(());
        }
        self.feed = None;
        // Its last words are told before another one begins.
        while let Some(message) = self.outgoing.recv().await {
            self.tell(message).await?;
        }
        if let Some(wish) = self.standing.clone() {
            self.wait_for_wake_word(wish);
        }
        Ok(())
    }

    async fn tell(&mut self, message: Message) -> Result<(), Lost> {
        match message {
            Message::AudioStart(_) => self.speaking = true,
            Message::AudioStop(_) => self.speaking = false,
            _ => {}
        }
        Ok(self.writer.send(message).await?)
    }

    async fn ask_whether_there(&mut self) -> Result<(), Lost> {
        if self.last_heard.elapsed() > SILENT_MAX {
            return Err(Lost::Silent);
        }
        Ok(self.writer.send(Message::Ping(Ping::default())).await?)
    }

    async fn handle(&mut self, message: Message) -> Result<(), Lost> {
        self.last_heard = Instant::now();
        match message {
            Message::Ping(ping) => self.writer.send(Message::Pong(ping)).await?,
            Message::Info(info) => self.speaker_hz = speaker_hz(&info).unwrap_or(self.speaker_hz),
            Message::Detection(_) => {
                self.hush().await?;
                self.woken = Some(self.house.heard(self.place.id));
            }
            Message::RunPipeline(wish) => self.run_pipeline(wish).await?,
            Message::AudioChunk(_) => {
                if self.woken.is_some() {
                    // Some go on without asking for a turn.
                    self.begin(Stage::Tts).await?;
                }
                self.feed(message).await?;
            }
            // It finds the end of what is said by itself.
            Message::AudioStop(_) | Message::VoiceStopped(_) | Message::StreamingStopped => {
                self.feed(message).await?;
                self.feed = None;
            }
            other => tracing::debug!(satellite = self.place.name, event = other.kind(), "nothing to be done"),
        }
        Ok(())
    }

    async fn run_pipeline(&mut self, wish: RunPipeline) -> Result<(), Lost> {
        if let Some(format) = wish.snd_format {
            self.speaker_hz = format.rate;
        }
        self.standing = None;
        match wish.start_stage {
            Stage::Asr => self.begin(wish.end_stage).await?,
            Stage::Wake => {
                self.hush().await?;
                self.standing = wish.restart_on_end.then(|| wish.clone());
                self.wait_for_wake_word(wish);
            }
            _ => {
                let detail = "this realm does no turns for satellites that begin after the words";
                self.writer.send(Message::error(detail, "infeasible")).await?;
            }
        }
        Ok(())
    }

    /// Listens for the satellite until a wake word is said, and then begins the turn.
    fn wait_for_wake_word(&mut self, wish: RunPipeline) {
        let (turn, mut feed, names) = (self.turn(wish.end_stage), self.new_feed(), wish.wake_word_names);
        let (place, house) = (self.place.id, self.house.clone());
        self.turns.spawn(async move {
            match wake::wait(&*turn.ask, names.as_deref(), &mut feed).await {
                Ok(Some(heard)) => {
                    let ticket = house.heard(place);
                    let detection = Detection { name: Some(heard.phrase), ..Detection::default() };
                    // When the satellite is gone, the turn notices.
                    let _ = turn.said.send(Message::Detection(detection)).await;
                    turn.run(ticket, feed, heard.after).await;
                }
                Ok(None) => {}
                Err(problem) => {
                    tell(&turn.said, &problem).await;
                    wake::rest(&mut feed).await;
                }
            }
        });
    }

    /// Ends the turn that is under way, if one is.
    async fn hush(&mut self) -> Result<(), Lost> {
        self.turns.abort_all();
        (self.feed, self.outgoing) = (None, channel(1).1);
        if std::mem::take(&mut self.speaking) {
            self.writer.send(Message::AudioStop(AudioStop::default())).await?;
        }
        Ok(())
    }

    /// Begins a turn; the one before ends.
    async fn begin(&mut self, end_stage: Stage) -> Result<(), Lost> {
        self.hush().await?;
        // Push-to-talk has no wake word, but others may hear it all the same.
        let ticket = self.woken.take().unwrap_or_else(|| self.house.heard(self.place.id));
        let (turn, feed) = (self.turn(end_stage), self.new_feed());
        self.turns.spawn(turn.run(ticket, feed, Vec::new()));
        Ok(())
    }

    /// A turn that is about to begin. Nothing of the one before is said any more.
    fn turn(&mut self, end_stage: Stage) -> Turn<A> {
        let (said, outgoing) = channel(QUEUE_MAX);
        self.outgoing = outgoing;
        Turn {
            ask: self.ask.clone(),
            house: self.house.clone(),
            said,
            memory: self.memory.clone(),
            room: self.place.room.clone(),
            language: self.place.language.clone(),
            speaker_hz: self.speaker_hz,
            end_stage,
        }
    }

    /// What the satellite hears from here on.
    fn new_feed(&mut self) -> Feed {
        let (feed, heard) = channel(HEARD_QUEUE_MAX);
        self.feed = Some(feed);
        heard
    }

    /// Hands on what the satellite hears, if a turn listens.
    async fn feed(&mut self, message: Message) -> Result<(), Lost> {
        let Some(feed) = &self.feed else { return Ok(()) };
        if let Err(TrySendError::Full(_)) = feed.try_send(message) {
            tracing::warn!(
                satellite = self.place.name,
                "a turn does not keep up with its satellite and is given up"
            );
            self.turns.abort_all();
            self.feed = None;
            let detail = "the realm does not keep up with what it hears";
            self.writer.send(Message::error(detail, "too-many-requests")).await?;
        }
        Ok(())
    }
}

fn speaker_hz(info: &Info) -> Option<u32> {
    info.snd.first().map(|speaker| speaker.snd_format.rate)
}
