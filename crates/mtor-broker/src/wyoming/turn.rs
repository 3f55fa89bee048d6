//! One turn of a conversation with a satellite, from the wake word to the last sound of the answer:
//!
//! 1. the arbiter says whether this satellite is the loudest that heard it; if not, it is told to be quiet;
//! 2. what it hears is written down until nobody speaks any more (`transcribe`);
//! 3. the resolver says what they want: control words are done at once, a question goes to `chat` with what was said lately;
//! 4. the answer is spoken while it is written (`speak`), and goes to the satellite.
//!
//! The turn is one task. It ends early, with its jobs, when the satellite is lost or another wake word is heard.

use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};

use mtor_audio::pcm::to_s16le;
use mtor_intent::say::{self, Phrase};
use mtor_protocol::resolve::{By, Control, Resolve, Understanding};
use mtor_protocol::{
    AudioSource, CapabilityKind, ChatTask, JobId, Micro, Plan, PlanAnswer, PlanAsk, PlanState, Problem,
    ProblemKind, SpeakTask, StepState, Task, TranscribeTask, limits,
};
use mtor_wyoming::{AudioStop, Message, Stage, Synthesize, Transcribe, Transcript};
use tokio::sync::mpsc::Sender;
use tokio::sync::watch;

use super::arbiter::Ticket;
use super::ask::{Ask, Asked, Piece};
use super::client::{Feed, tell};
use super::endpoint::{Endpoint, Found};
use super::house::House;
use super::limits::{ANSWER_TOKENS_MAX, PLAN_PATIENCE, SPEED_STEP, VOLUME_STEP};
use super::loudness::Loudness;
use super::memory::{Memory, Waiting};
use super::serve::chunks;
use super::sound::{Ear, Mouth};

/// A timer's job lasts longer than a turn, and nobody would be there when it rings.
const TIMER: &str = "tool.timer";
/// A mail has to be seen before it is sent.
const SEND_MAIL: &str = "tool.mail.send";

/// A turn, before it runs.
pub(super) struct Turn<A> {
    pub(super) ask: Arc<A>,
    pub(super) house: Arc<House>,
    /// What the satellite is told.
    pub(super) said: Sender<Message>,
    pub(super) memory: Arc<Mutex<Memory>>,
    /// The room that it stands in, if anybody has said.
    pub(super) room: Option<String>,
    /// The language that is spoken there; found out when absent.
    pub(super) language: Option<String>,
    /// The rate of its speaker.
    pub(super) speaker_hz: u32,
    /// Where it wants the turn to end.
    pub(super) end_stage: Stage,
}

/// Why a turn ended before its time.
enum Broken {
    /// The satellite is gone.
    Gone,
    /// The realm could not do what was needed for it.
    Problem {
        problem: Box<Problem>,
        /// What was to be done.
        doing: CapabilityKind,
    },
}

impl<A: Ask> Turn<A> {
    /// Runs to its end. `feed` brings what the satellite hears, and that it hears nothing more; `heard` is what it has heard
    /// since the wake word already, as the realm hears.
    pub(super) async fn run(mut self, ticket: Ticket, mut feed: Feed, mut heard: Vec<f32>) {
        let mut ear = Ear::new();
        if !self.is_loudest(ticket, &mut feed, &mut ear, &mut heard).await {
            // Quiet, without a sound or a light: as if it had heard nothing.
            let _ = self.say(Message::PauseSatellite).await;
            let _ = self.say(Message::RunSatellite).await;
            return;
        }
        match self.converse(feed, ear, heard).await {
            Ok(()) | Err(Broken::Gone) => {}
            Err(Broken::Problem { problem, doing }) => self.apologise(&problem, &doing).await,
        }
    }

    /// Listens for as long as it takes to know how loud it is here, and who is to answer.
    async fn is_loudest(&self, ticket: Ticket, feed: &mut Feed, ear: &mut Ear, heard: &mut Vec<f32>) -> bool {
        let house = &self.house;
        let mut decided = pin!(house.goes_on(ticket));
        let (mut loudness, mut told) = (Loudness::new(), false);
        if let Some(level) = loudness.push(heard) {
            house.level(ticket, level);
            told = true;
        }
        loop {
            let message = tokio::select! {
                biased;
                goes_on = &mut decided => return goes_on,
                // Once the level is told, the rest waits in the queue.
                message = feed.recv(), if !told => message,
            };
            let place = heard.len();
            let level = match message {
                Some(Message::AudioChunk(chunk)) if ear.hear(&chunk, heard).is_ok() => {
                    loudness.push(&heard[place..])
                }
                _ => Some(loudness.so_far()),
            };
            if let Some(level) = level {
                house.level(ticket, level);
                told = true;
            }
        }
    }

    async fn converse(&mut self, feed: Feed, ear: Ear, heard: Vec<f32>) -> Result<(), Broken> {
        let wish = Transcribe { language: self.language.clone(), ..Transcribe::default() };
        self.say(Message::Transcribe(wish)).await?;
        let question = self.listen(feed, ear, heard).await?;
        self.say(Message::Transcript(Transcript { text: question.clone(), ..Transcript::default() })).await?;
        if question.is_empty() || self.end_stage < Stage::Intent {
            return Ok(());
        }
        self.serve(&question).await
    }

    /// Does what some words want.
    async fn serve(&mut self, question: &str) -> Result<(), Broken> {
        let language = self.language.clone().unwrap_or_default();
        let asked = Resolve { text: within(question), language, wake_word: None };
        let resolved = self.ask.resolve(asked).await.map_err(cannot(CapabilityKind::CHAT))?;
        if self.language.is_none() {
            self.language = Some(resolved.language).filter(|language| !language.is_empty());
        }
        let now_ms = self.house.now_ms();
        // Whatever is said next answers it, or leaves it behind.
        let waiting = self.memory(|memory| memory.take_waiting(now_ms));
        match (resolved.understanding, waiting) {
            (Understanding::Control { control: Control::Yes }, Some(Waiting::Dear { question, most })) => {
                self.answer(&question, Some(most)).await
            }
            (Understanding::Control { control: Control::No }, Some(Waiting::Dear { .. })) => Ok(()),
            (
                Understanding::Control { control: control @ (Control::Yes | Control::No) },
                Some(Waiting::Plan { plan, step }),
            ) => {
                let word = PlanAnswer { step, yes: control == Control::Yes };
                let state = self.ask.answer_plan(plan, word).await.map_err(cannot(CapabilityKind::CHAT))?;
                self.follow_plan(state, question).await
            }
            (understanding, _) => self.understood(understanding, resolved.by, &resolved.text, question).await,
        }
    }

    async fn understood(
        &mut self,
        understanding: Understanding,
        by: By,
        text: &str,
        question: &str,
    ) -> Result<(), Broken> {
        match understanding {
            Understanding::Control { control } => self.obey(control, question).await,
            Understanding::Act { capability, .. } if capability == CapabilityKind::CHAT => {
                self.answer(text, None).await
            }
            Understanding::Act { capability, intent, .. } => {
                // What switches something is done when the words say just that, and not when they only come near to it.
                let is_sure = by == By::Rules && capability.as_str() != TIMER;
                let is_done = |task: &Task| is_sure && task.kind().as_str() != SEND_MAIL;
                if let Some(task @ Task::Tool(_)) = intent.map(|intent| intent.task).filter(is_done) {
                    return self.use_tool(question, task).await;
                }
                let detail = format!("no worker of this realm does {capability} for a satellite");
                let problem = Problem::new(ProblemKind::NoWorker, detail).into();
                Err(Broken::Problem { problem, doing: capability })
            }
            Understanding::Steps { .. } => {
                let language = self.language.clone().unwrap_or_default();
                let (id, text) = (JobId::generate(), within(question));
                let ask = PlanAsk { id, text, language, page: None, max_price: None };
                let state = self.ask.plan(ask).await.map_err(cannot(CapabilityKind::CHAT))?;
                self.follow_plan(state, question).await
            }
            Understanding::Unsure { question: back, .. } => {
                self.recite(&back).await?;
                self.keep(question, &back);
                Ok(())
            }
        }
    }

    /// Waits until a plan asks something or is over, and says it. What it asks is answered by the next words.
    async fn follow_plan(&mut self, mut state: watch::Receiver<Plan>, question: &str) -> Result<(), Broken> {
        let settled = |plan: &Plan| plan.state.is_final() || asks(plan).is_some();
        // One that takes longer goes on without somebody who listens: the console shows it.
        let _ = tokio::time::timeout(PLAN_PATIENCE, state.wait_for(settled)).await;
        let plan = state.borrow().clone();
        let language = self.language.as_deref().unwrap_or_default();
        let words = match asks(&plan) {
            Some(step) => {
                let now_ms = self.house.now_ms();
                self.memory(|memory| memory.wait_for_yes(now_ms, Waiting::Plan { plan: plan.id, step }));
                match step.and_then(|step| plan.steps.get(usize::from(step))) {
                    Some(step) => say::step(step.effect, &step.params, language),
                    None => say::dear(plan.max, language),
                }
            }
            None => {
                if let Some(problem) = plan.steps.iter().find_map(|step| step.problem.clone()) {
                    let step = plan.steps.iter().find(|step| step.problem.is_some());
                    let doing = step.map_or(CapabilityKind::CHAT, |step| step.capability.clone());
                    return Err(Broken::Problem { problem: problem.into(), doing });
                }
                let said = plan.steps.iter().rev().find_map(|step| step.text.clone());
                said.unwrap_or_else(|| say::phrase(Phrase::AtYourService, language).to_owned())
            }
        };
        self.recite(words.trim()).await?;
        self.keep(question, words.trim());
        Ok(())
    }

    /// Has a tool do something, and says what came of it.
    async fn use_tool(&mut self, question: &str, task: Task) -> Result<(), Broken> {
        let tool = task.kind();
        let job = self.ask.ask(None, task, None).await.map_err(cannot(tool.clone()))?;
        let answer = job.text().await.map_err(cannot(tool))?;
        self.recite(answer.trim()).await?;
        self.keep(question, answer.trim());
        Ok(())
    }

    async fn obey(&mut self, control: Control, words: &str) -> Result<(), Broken> {
        match control {
            // What was under way ended with the wake word.
            Control::Stop | Control::Cancel | Control::Mute => Ok(()),
            Control::Louder => self.turn_up(VOLUME_STEP).await,
            Control::Quieter => self.turn_up(1.0 / VOLUME_STEP).await,
            Control::Slower => self.speed_up(1.0 / SPEED_STEP).await,
            Control::Faster => self.speed_up(SPEED_STEP).await,
            Control::Repeat => self.repeat().await,
            Control::Help => self.recite(self.phrase(Phrase::Help)).await,
            Control::Goodbye => {
                self.memory(Memory::clear);
                self.recite(self.phrase(Phrase::Goodbye)).await
            }
            // An answer to what was asked back, or the wish for more of one: the model has both before it.
            Control::Yes | Control::No | Control::Continue => self.answer(words, None).await,
        }
    }

    async fn speed_up(&mut self, factor: f32) -> Result<(), Broken> {
        self.memory(|memory| memory.speed_up(factor));
        self.repeat().await
    }

    async fn turn_up(&mut self, factor: f32) -> Result<(), Broken> {
        self.memory(|memory| memory.turn_up(factor));
        self.repeat().await
    }

    async fn repeat(&mut self) -> Result<(), Broken> {
        let now_ms = self.house.now_ms();
        let last = self.memory(|memory| memory.last_answer(now_ms).map(str::to_owned));
        match last {
            Some(last) => self.recite(&last).await,
            None => self.recite(self.phrase(Phrase::NothingToRepeat)).await,
        }
    }

    /// What is said, until nobody speaks any more; nothing, when nobody does.
    async fn listen(&mut self, mut feed: Feed, mut ear: Ear, mut heard: Vec<f32>) -> Result<String, Broken> {
        let task = TranscribeTask {
            source: AudioSource::Pcm,
            language: self.language.clone(),
            ..TranscribeTask::default()
        };
        let job = self
            .ask
            .ask(None, Task::Transcribe(task), None)
            .await
            .map_err(cannot(CapabilityKind::TRANSCRIBE))?;
        let feeder = job.feeder();
        let mut words = pin!(job.text());
        let mut endpoint = Endpoint::new();
        loop {
            feeder.push(to_s16le(&heard).into()).map_err(cannot(CapabilityKind::TRANSCRIBE))?;
            match endpoint.push(&heard) {
                Some(Found::Begun) => self.say(Message::VoiceStarted(AudioStop::default())).await?,
                Some(Found::Ended) => {
                    self.say(Message::VoiceStopped(AudioStop::default())).await?;
                    break;
                }
                // Dropping the job cancels it.
                Some(Found::Nothing) => return Ok(String::new()),
                None => {}
            }
            heard.clear();
            let message = tokio::select! {
                biased;
                text = &mut words => return trimmed(text),
                message = feed.recv() => message,
            };
            let Some(Message::AudioChunk(chunk)) = message else {
                ear.end(&mut heard);
                feeder.push(to_s16le(&heard).into()).map_err(cannot(CapabilityKind::TRANSCRIBE))?;
                break;
            };
            ear.hear(&chunk, &mut heard).map_err(|error| {
                let invalid = ProblemKind::InvalidRequest;
                cannot(CapabilityKind::TRANSCRIBE)(Problem::new(invalid, error.to_string()))
            })?;
        }
        feeder.end();
        // What comes while the words are found is of no interest.
        drop(feed);
        trimmed(words.await)
    }

    /// Has a question answered, and the answer spoken while it is written; when it is dear, asks first. `agreed` is what
    /// somebody has said yes to.
    async fn answer(&mut self, question: &str, agreed: Option<Micro>) -> Result<(), Broken> {
        let now_ms = self.house.now_ms();
        let instructions = self.instructions();
        let messages = self.memory(|memory| memory.conversation(now_ms, &instructions, question));
        let task = ChatTask { messages, max_tokens: Some(ANSWER_TOKENS_MAX), ..ChatTask::default() };
        let task = Task::Chat(task);
        if let Some(most) =
            self.ask.dear(&task).await.filter(|most| agreed.is_none_or(|agreed| agreed < *most))
        {
            let waiting = Waiting::Dear { question: question.to_owned(), most };
            self.memory(|memory| memory.wait_for_yes(now_ms, waiting));
            let language = self.language.as_deref().unwrap_or_default();
            return self.recite(&say::dear(most, language)).await;
        }
        let mut chat = self.ask.ask(None, task, agreed).await.map_err(cannot(CapabilityKind::CHAT))?;
        let mut answer = String::new();
        if self.end_stage < Stage::Tts {
            answer = chat.text().await.map_err(cannot(CapabilityKind::CHAT))?;
        } else {
            let task = SpeakTask { more: true, ..self.speech(String::new()) };
            let voice =
                self.ask.ask(None, Task::Speak(task), None).await.map_err(cannot(CapabilityKind::SPEAK))?;
            self.speak(voice, Some(&mut chat), &mut answer).await?;
        }
        self.keep(question, answer.trim());
        Ok(())
    }

    /// Speaks a text.
    async fn recite(&mut self, text: &str) -> Result<(), Broken> {
        if self.end_stage < Stage::Tts {
            return Ok(());
        }
        let task = self.speech(text.to_owned());
        let voice =
            self.ask.ask(None, Task::Speak(task), None).await.map_err(cannot(CapabilityKind::SPEAK))?;
        self.speak(voice, None, &mut text.to_owned()).await
    }

    /// Sends what `voice` says to the satellite. What `chat` writes meanwhile is given to it, and kept in `answer`.
    async fn speak(
        &mut self,
        mut voice: Asked,
        mut chat: Option<&mut Asked>,
        answer: &mut String,
    ) -> Result<(), Broken> {
        let mut mouth =
            Mouth::new(self.speaker_hz, self.memory(|memory| memory.volume())).map_err(|error| {
                let invalid = ProblemKind::InvalidRequest;
                cannot(CapabilityKind::SPEAK)(Problem::new(invalid, error.to_string()))
            })?;
        let feeder = voice.feeder();
        let format = mouth.format();
        let mut begun = false;
        if chat.is_none() {
            self.say_text(answer).await?;
        }
        loop {
            let pieces = tokio::select! {
                biased;
                written = next_of(&mut chat) => {
                    let written = written.map_err(cannot(CapabilityKind::CHAT))?;
                    if written.is_empty() {
                        chat = None;
                        feeder.end();
                        self.say_text(answer).await?;
                    }
                    for piece in written {
                        let Piece::Text(text) = piece else { continue };
                        feeder.push(text.clone().into()).map_err(cannot(CapabilityKind::SPEAK))?;
                        answer.push_str(&text);
                    }
                    continue;
                }
                pieces = voice.next() => pieces.map_err(cannot(CapabilityKind::SPEAK))?,
            };
            let sounds: Vec<_> = pieces
                .iter()
                .filter_map(|piece| match piece {
                    Piece::Sound(sound) => Some(mouth.speak(sound)),
                    Piece::Text(_) => None,
                })
                .collect();
            let ended = pieces.is_empty();
            let last = ended.then(|| mouth.end());
            for chunk in sounds.into_iter().chain(last).flat_map(chunks) {
                if !std::mem::replace(&mut begun, true) {
                    self.say(Message::AudioStart(format.into())).await?;
                }
                self.say(Message::chunk(format, chunk)).await?;
            }
            if ended {
                break;
            }
        }
        if begun {
            self.say(Message::AudioStop(AudioStop::default())).await?;
        }
        Ok(())
    }

    /// Says what went wrong, in an event, and aloud when somebody can.
    async fn apologise(&mut self, problem: &Problem, doing: &CapabilityKind) {
        tracing::warn!(%problem, %doing, "a satellite's turn failed");
        tell(&self.said, problem).await;
        let kind = problem.known_kind().unwrap_or(ProblemKind::WorkerFailed);
        let sentence = say::problem(kind, doing, self.language.as_deref().unwrap_or_default());
        // When nobody can speak, the event is all there is.
        let _ = self.recite(&sentence).await;
    }

    /// A text to be spoken here.
    fn speech(&self, text: String) -> SpeakTask {
        let speed = self.memory(|memory| memory.speed());
        SpeakTask { language: self.language.clone(), speed, ..SpeakTask::new(text) }
    }

    fn phrase(&self, phrase: Phrase) -> &'static str {
        say::phrase(phrase, self.language.as_deref().unwrap_or_default())
    }

    fn keep(&self, question: &str, answer: &str) {
        let now_ms = self.house.now_ms();
        self.memory(|memory| memory.keep(now_ms, question, answer));
    }

    /// Tells the satellite what is spoken, for those with a display.
    async fn say_text(&self, text: &str) -> Result<(), Broken> {
        self.say(Message::Synthesize(Synthesize { text: text.trim().to_owned(), ..Synthesize::default() }))
            .await
    }

    async fn say(&self, message: Message) -> Result<(), Broken> {
        self.said.send(message).await.map_err(|_| Broken::Gone)
    }

    fn instructions(&self) -> String {
        let room = self
            .room
            .as_ref()
            .map(|room| format!(" The person is in this room: {room}."))
            .unwrap_or_default();
        format!(
            "You answer questions that people ask aloud, and your answer is spoken to them. Answer in one to three short \
             sentences of plain words, in the language of the question. No lists, no Markdown, no emoji.{room}"
        )
    }

    fn memory<R>(&self, with: impl FnOnce(&mut Memory) -> R) -> R {
        with(&mut self.memory.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn cannot(doing: CapabilityKind) -> impl Fn(Problem) -> Broken {
    move |problem| Broken::Problem { problem: problem.into(), doing: doing.clone() }
}

/// What a plan asks: about a step, or, where it names none, about all of it.
fn asks(plan: &Plan) -> Option<Option<u16>> {
    if plan.state == PlanState::Proposed {
        return Some(None);
    }
    if plan.state != PlanState::Asking {
        return None;
    }
    let step = plan.steps.iter().position(|step| step.state == StepState::Asking)?;
    Some(u16::try_from(step).ok())
}

fn trimmed(text: Result<String, Problem>) -> Result<String, Broken> {
    text.map(|text| text.trim().to_owned()).map_err(cannot(CapabilityKind::TRANSCRIBE))
}

/// What is written next; nothing ever when nobody writes.
async fn next_of(chat: &mut Option<&mut Asked>) -> Result<Vec<Piece>, Problem> {
    match chat {
        Some(chat) => chat.next().await,
        None => std::future::pending().await,
    }
}

/// As much of some words as is resolved.
fn within(words: &str) -> String {
    let mut end = words.len().min(limits::UTTERANCE_BYTES_MAX);
    while !words.is_char_boundary(end) {
        end -= 1;
    }
    words[..end].to_owned()
}
