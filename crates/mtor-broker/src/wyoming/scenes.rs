//! Clients and satellites against a realm that is played: its jobs do what the tests say.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use mtor_protocol::body::{Completed, Failed};
use mtor_protocol::http::WorkerInfo;
use mtor_protocol::resolve::{By, Control, Resolve, Resolved, Understanding};
use mtor_protocol::{
    AccountId, Body, CapabilityKind, ChatMessage, Digest, Effect, FinishReason, JobId, Micro, Plan,
    PlanAnswer, PlanAsk, PlanState, PlanStep, Problem, ProblemKind, StepState, Task, Timestamp, Usage, Woken,
};
use mtor_wyoming::{
    Address, AudioFormat, AudioStop, Connection, Detect, Detection, Listener, Message, Ping, RunPipeline,
    Stage, Synthesize, SynthesizeStart, Text, Transcribe, Voice, connect,
};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::ask::{Ask, Asked};
use super::client;
use super::house::House;
use super::limits::SILENCE_MS;
use super::satellite::{self, Place};
use crate::input::{InputRoom, JobInput, More};
use crate::stream::JobStream;

/// What the played realm hears, and answers.
const QUESTION: &str = "What is the capital of France?";
const ANSWER: &str = "Paris is. It lies on the Seine.";
/// Speech of the played realm for each letter, in bytes at 24,000 samples a second: ten milliseconds.
const LETTER_BYTES: usize = 480;
/// Sound louder than this is the played realm's wake word.
const WORD_LEVEL: u16 = 20_000;
const NOW: Timestamp = Timestamp(1);

/// A realm that is played.
struct Played {
    /// What is understood, when it is no question.
    control: Mutex<Option<Control>>,
    /// What nobody can do.
    lacks: Option<CapabilityKind>,
    /// What questions cost, when that is more than may be spent unasked.
    dear: Option<Micro>,
    /// What is done when several steps are wanted.
    plan: Option<watch::Sender<Plan>>,
    /// What somebody has agreed to pay for the last question.
    agreed: Mutex<Option<Micro>>,
    jobs: AtomicU32,
    /// What was asked of it.
    asked: Mutex<Vec<Task>>,
    /// Bytes of sound that it heard in the last transcription.
    heard: Arc<AtomicU32>,
    cancelled: Arc<AtomicU32>,
    room: Arc<InputRoom>,
}

impl Played {
    fn new() -> Self {
        Self {
            control: Mutex::default(),
            lacks: None,
            dear: None,
            plan: None,
            agreed: Mutex::default(),
            jobs: AtomicU32::new(0),
            asked: Mutex::default(),
            heard: Arc::default(),
            cancelled: Arc::default(),
            room: Arc::default(),
        }
    }

    /// The conversation of the last chat.
    fn conversation(&self) -> Vec<ChatMessage> {
        let asked = self.asked.lock().unwrap();
        let chat = asked.iter().rev().find_map(|task| match task {
            Task::Chat(chat) => Some(chat.messages.clone()),
            _ => None,
        });
        chat.expect("somebody chatted")
    }

    fn count(&self, kind: &CapabilityKind) -> usize {
        self.asked.lock().unwrap().iter().filter(|task| task.kind() == *kind).count()
    }
}

impl Ask for Played {
    async fn dear(&self, task: &Task) -> Option<Micro> {
        self.dear.filter(|_| matches!(task, Task::Chat(_)))
    }

    async fn ask(&self, _model: Option<String>, task: Task, agreed: Option<Micro>) -> Result<Asked, Problem> {
        if matches!(task, Task::Chat(_)) {
            *self.agreed.lock().unwrap() = agreed;
        }
        let kind = task.kind();
        if self.lacks.as_ref() == Some(&kind) {
            return Err(Problem::new(ProblemKind::NoWorker, format!("no attached worker offers {kind}")));
        }
        if let Task::Speak(speak) = &task
            && speak.voice.as_deref() == Some("nobody")
        {
            return Err(Problem::new(ProblemKind::Infeasible, "no worker has this voice"));
        }
        self.asked.lock().unwrap().push(task.clone());
        let id = JobId(u128::from(self.jobs.fetch_add(1, Ordering::SeqCst)));
        let takes = task.takes_input();
        let input = takes.then(|| Arc::new(JobInput::new(self.room.clone(), &task)));
        let stream = Arc::new(JobStream::of_task(id, AccountId(1), &task, input));
        stream.lease(1);
        stream.open();
        tokio::spawn(work(stream.clone(), task, self.heard.clone()));
        let cancelled = self.cancelled.clone();
        Ok(Asked::new(stream, move || {
            cancelled.fetch_add(1, Ordering::SeqCst);
        }))
    }

    async fn workers(&self) -> Vec<WorkerInfo> {
        Vec::new()
    }

    async fn plan(&self, ask: PlanAsk) -> Result<watch::Receiver<Plan>, Problem> {
        let plan = self.plan.as_ref().expect("a plan is played");
        plan.send_modify(|plan| (plan.id, plan.text) = (ask.id, ask.text));
        Ok(plan.subscribe())
    }

    async fn answer_plan(&self, id: JobId, answer: PlanAnswer) -> Result<watch::Receiver<Plan>, Problem> {
        let plan = self.plan.as_ref().expect("a plan is played");
        assert_eq!((plan.borrow().id, answer.step), (id, Some(0)));
        plan.send_modify(|plan| {
            plan.state = if answer.yes { PlanState::Done } else { PlanState::Failed };
            plan.steps[0].state = if answer.yes { StepState::Done } else { StepState::Refused };
            plan.steps[0].text = answer.yes.then(|| "It is sent.".to_owned());
        });
        Ok(plan.subscribe())
    }

    async fn resolve(&self, asked: Resolve) -> Result<Resolved, Problem> {
        let chat = || Understanding::Act {
            capability: CapabilityKind::CHAT,
            text: asked.text.clone(),
            params: Default::default(),
            confidence: 1.0,
            intent: None,
        };
        let wanted = || match self.plan {
            Some(_) => Understanding::Steps { steps: Vec::new() },
            None => chat(),
        };
        let understanding =
            self.control.lock().unwrap().map_or_else(wanted, |control| Understanding::Control { control });
        Ok(Resolved { text: asked.text, language: "en".into(), understanding, by: By::Rules })
    }
}

/// Does a job.
async fn work(stream: Arc<JobStream>, task: Task, heard: Arc<AtomicU32>) {
    match task {
        Task::Transcribe(_) => {
            let mut bytes = 0;
            read(&stream, |frame| bytes += frame.len()).await;
            heard.store(u32::try_from(bytes).unwrap(), Ordering::SeqCst);
            stream.write(NOW, 1, if bytes > 0 { format!(" {QUESTION} ") } else { String::new() }, 0);
        }
        Task::Chat(_) => {
            for word in ANSWER.split_inclusive(' ') {
                stream.write(NOW, 1, word.to_owned(), 1);
                tokio::task::yield_now().await;
            }
        }
        Task::Speak(speak) => {
            let mut text = speak.text.clone();
            if speak.more {
                let mut bytes = Vec::new();
                read(&stream, |frame| bytes.extend_from_slice(&frame)).await;
                text.push_str(std::str::from_utf8(&bytes).unwrap());
            }
            stream.write_payload(NOW, 1, Bytes::from(vec![1; LETTER_BYTES * text.len()]));
            stream.write(NOW, 1, text, 0);
        }
        Task::Wake(_) => {
            let (mut bytes, mut woken) = (0, None);
            let input = stream.input.clone().unwrap();
            for place in 0.. {
                let More::Frame(frame) = input.read(place).await else { break };
                let word = frame.chunks_exact(2).position(|sample| {
                    i16::from_le_bytes([sample[0], sample[1]]).unsigned_abs() > WORD_LEVEL
                });
                if let Some(at) = word {
                    woken = Some(bytes / 32 + at as u64 / 16);
                    break;
                }
                bytes += frame.len() as u64;
            }
            let phrase = woken.map(|_| "computer".to_owned());
            let woken = Woken { phrase, at_ms: woken.unwrap_or(bytes / 32) };
            stream.write(NOW, 1, serde_json::to_string(&woken).unwrap(), 0);
        }
        _ => {
            let problem = Problem::new(ProblemKind::NoWorker, "");
            return stream.end(NOW, Body::JobFailed(Failed { problem, cost: Micro(0) }));
        }
    }
    let output = Digest([0; 32]);
    let (usage, cost, finish, settled) = (Usage::default(), Micro(0), FinishReason::Stop, NOW);
    stream
        .end(NOW, Body::JobCompleted(Completed { usage, cost, finish, output, settled, from_memory: false }));
}

async fn read(stream: &JobStream, mut take: impl FnMut(Bytes)) {
    let input = stream.input.clone().unwrap();
    for place in 0.. {
        match input.read(place).await {
            More::Frame(frame) => take(frame),
            More::End => return,
        }
    }
}

/// Waits for something that must come.
async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(Duration::from_secs(30), future).await {
        Ok(value) => value,
        Err(_) => panic!("waited in vain for {what}"),
    }
}

/// The other end of a connection.
struct Other(Connection);

impl Other {
    async fn say(&mut self, message: Message) {
        within("room to send", self.0.send(message)).await.unwrap();
    }

    async fn next(&mut self) -> Message {
        within("a message", self.0.next()).await.unwrap().expect("the realm hung up")
    }

    /// Milliseconds of sound from here to its stop, and its rate; what is neither is no part of it.
    async fn sound(&mut self) -> (u64, u32) {
        let (mut bytes, mut rate) = (0, 0);
        loop {
            match self.next().await {
                Message::AudioStart(start) => rate = start.format.rate,
                Message::AudioChunk(chunk) => bytes += chunk.audio.len(),
                Message::AudioStop(_) => return (AudioFormat::mono16(rate).milliseconds(bytes), rate),
                _ => {}
            }
        }
    }

    /// The next message of this kind.
    async fn until(&mut self, kind: &str) -> Message {
        loop {
            let message = self.next().await;
            if message.kind() == kind {
                return message;
            }
            assert!(!matches!(message, Message::Error(_)), "{message:?}");
        }
    }
}

/// A connection of a client to a realm that is played.
async fn client(played: Played) -> (Other, Arc<Played>, JoinSet<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (played, mut tasks) = (Arc::new(played), JoinSet::new());
    let ask = played.clone();
    tasks.spawn(async move {
        let connection = Connection::from_tcp(listener.accept().await.unwrap().0).unwrap();
        let _ = client::attend(ask, "home", connection, CancellationToken::new()).await;
    });
    let address = Address::Tcp("127.0.0.1".into(), port);
    (Other(connect(&address, Duration::from_secs(5)).await.unwrap()), played, tasks)
}

const HEARD: AudioFormat = AudioFormat::mono16(16_000);

/// A tenth of a second of noise at about this level.
fn noise(level: f32) -> Message {
    let mut seed = 5_u32;
    let samples = (0..1_600).map(|_| {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        ((seed >> 8) as f32 / 8_388_608.0 - 1.0) * level * 1.73 * 32_767.0
    });
    Message::chunk(HEARD, samples.flat_map(|sample| (sample as i16).to_le_bytes()).collect())
}

#[tokio::test]
async fn a_client_has_sound_written_down() {
    let (mut other, played, _tasks) = client(Played::new()).await;
    for _ in 0..2 {
        other
            .say(Message::Transcribe(Transcribe { language: Some("en_US".into()), ..Transcribe::default() }))
            .await;
        // A rate that is not the realm's, stereo.
        let format = AudioFormat { rate: 48_000, width: 2, channels: 2 };
        other.say(Message::AudioStart(format.into())).await;
        for _ in 0..700 {
            other.say(Message::chunk(format, Bytes::from(vec![0; 4_800]))).await;
        }
        other.say(Message::AudioStop(AudioStop::default())).await;
        let Message::Transcript(transcript) = other.next().await else { panic!("no transcript") };
        assert_eq!(transcript.text, QUESTION);
        // 700 pieces of 25 ms.
        assert_eq!(played.heard.load(Ordering::SeqCst), 17_500 * 32);
    }
    let Task::Transcribe(task) = played.asked.lock().unwrap()[0].clone() else { panic!("no transcription") };
    assert_eq!(task.language.as_deref(), Some("en-US"));
}

#[tokio::test]
async fn a_client_has_text_spoken_one_after_the_other() {
    let (mut other, _, _tasks) = client(Played::new()).await;
    for letters in [100, 50, 0] {
        other
            .say(Message::Synthesize(Synthesize { text: "a".repeat(letters), ..Synthesize::default() }))
            .await;
    }
    assert_eq!(other.sound().await, (1_000, 24_000));
    assert_eq!(other.sound().await, (500, 24_000));
    assert_eq!(other.sound().await, (0, 24_000), "nothing takes no time");
}

#[tokio::test]
async fn a_client_has_text_spoken_while_it_is_written() {
    let (mut other, played, _tasks) = client(Played::new()).await;
    other.say(Message::SynthesizeStart(SynthesizeStart::default())).await;
    for word in ["Hello ", "you ", "there"] {
        other.say(Message::SynthesizeChunk(Text { text: word.into() })).await;
    }
    other
        .say(Message::Synthesize(Synthesize { text: "Hello you there".into(), ..Synthesize::default() }))
        .await;
    other.say(Message::SynthesizeStop).await;
    assert_eq!(other.sound().await.0, 150);
    assert_eq!(other.next().await, Message::SynthesizeStopped);
    assert_eq!(played.count(&CapabilityKind::SPEAK), 1, "the whole text is not spoken again");
}

#[tokio::test]
async fn a_client_is_told_what_goes_wrong_and_goes_on() {
    let lacking = Played { lacks: Some(CapabilityKind::TRANSCRIBE), ..Played::new() };
    let (mut other, _, _tasks) = client(lacking).await;
    other.say(Message::AudioStart(HEARD.into())).await;
    let Message::Error(fault) = other.next().await else { panic!("no error") };
    assert_eq!(
        (fault.text.as_str(), fault.code.as_deref()),
        ("no attached worker offers transcribe", Some("no-worker"))
    );
    let voice = Voice { name: Some("nobody".into()), ..Voice::default() };
    other
        .say(Message::Synthesize(Synthesize {
            text: "a".into(),
            voice: Some(voice),
            ..Synthesize::default()
        }))
        .await;
    let Message::Error(fault) = other.next().await else { panic!("no error") };
    assert_eq!(fault.text, "no worker has this voice");
    let ssml = Some("ssml".to_owned());
    other
        .say(Message::Synthesize(Synthesize {
            text: "<a/>".into(),
            text_format: ssml,
            ..Synthesize::default()
        }))
        .await;
    assert!(matches!(other.next().await, Message::Error(_)));
    other.say(Message::Ping(Ping { text: Some("x".into()) })).await;
    assert_eq!(other.next().await, Message::Pong(Ping { text: Some("x".into()) }));
    other.say(Message::Describe).await;
    let Message::Info(info) = other.next().await else { panic!("no info") };
    assert!(info.asr.is_empty() && info.tts.is_empty(), "nobody works here");
}

#[tokio::test]
async fn a_client_is_told_each_time_that_the_wake_word_is_said() {
    let (mut other, played, _tasks) = client(Played::new()).await;
    other.say(Message::Detect(Detect::default())).await;
    other.say(Message::AudioStart(HEARD.into())).await;
    for _ in 0..2 {
        for level in [0.01, 0.1, 0.9] {
            other.say(noise(level)).await;
        }
        let Message::Detection(detection) = other.next().await else { panic!("not heard") };
        assert_eq!(detection.name.as_deref(), Some("computer"));
    }
    assert_eq!(played.count(&CapabilityKind::WAKE), 2);
    // Then the same connection asks for what is said.
    other.say(Message::Transcribe(Transcribe::default())).await;
    other.say(Message::AudioStart(HEARD.into())).await;
    other.say(noise(0.1)).await;
    other.say(Message::AudioStop(AudioStop::default())).await;
    assert!(matches!(other.next().await, Message::Transcript(_)));

    // Some say nothing of where the sound begins.
    other.say(Message::Detect(Detect::default())).await;
    other.say(noise(0.1)).await;
    other.say(Message::AudioStop(AudioStop::default())).await;
    assert!(matches!(other.next().await, Message::NotDetected(_)));
}

#[tokio::test]
async fn a_job_ends_with_its_client() {
    let (mut other, played, mut tasks) = client(Played::new()).await;
    other.say(Message::AudioStart(HEARD.into())).await;
    other.say(noise(0.1)).await;
    other.say(Message::Ping(Ping::default())).await;
    other.next().await;
    let asked = async {
        while played.count(&CapabilityKind::TRANSCRIBE) == 0 {
            tokio::task::yield_now().await;
        }
    };
    within("the job", asked).await;
    drop(other);
    within("the end", tasks.join_next()).await;
    assert_eq!(played.cancelled.load(Ordering::SeqCst), 1);
}

/// Satellites that the tests play, with a realm that is played too.
struct Rooms {
    played: Arc<Played>,
    satellites: Vec<Other>,
    closing: CancellationToken,
    tasks: JoinSet<()>,
}

async fn rooms(count: usize, played: Played) -> Rooms {
    let (played, house) = (Arc::new(played), Arc::new(House::new(Duration::from_millis(300))));
    let (closing, mut tasks, mut satellites) = (CancellationToken::new(), JoinSet::new(), Vec::new());
    for id in 0..count {
        let listener = Listener::from_tcp(TcpListener::bind("127.0.0.1:0").await.unwrap());
        let address = Address::Tcp("127.0.0.1".into(), listener.local_addr().unwrap().port());
        let place =
            Place { id, name: format!("{id}"), address, room: Some("the attic".into()), language: None };
        tasks.spawn(satellite::keep(played.clone(), place, house.clone(), closing.clone()));
        let mut satellite = Other(within("the realm", listener.accept()).await.unwrap().0);
        assert_eq!(satellite.next().await, Message::Describe);
        assert_eq!(satellite.next().await, Message::RunSatellite);
        satellites.push(satellite);
    }
    Rooms { played, satellites, closing, tasks }
}

impl Other {
    /// The wake word.
    async fn wake(&mut self) {
        self.say(Message::Detection(Detection { name: Some("computer".into()), ..Detection::default() }))
            .await;
        self.pipeline(Stage::Asr, false).await;
    }

    /// Asks for turns that begin so.
    async fn pipeline(&mut self, start_stage: Stage, restart_on_end: bool) {
        self.say(Message::RunPipeline(RunPipeline {
            start_stage,
            end_stage: Stage::Tts,
            restart_on_end,
            wake_word_name: None,
            wake_word_names: None,
            announce_text: None,
            snd_format: None,
        }))
        .await;
    }

    /// A pause, a second of speech at this level, and then silence until it ends.
    async fn speech(&mut self, level: f32) {
        for _ in 0..4 {
            self.say(noise(0.002)).await;
        }
        for _ in 0..10 {
            self.say(noise(level)).await;
        }
        for _ in 0..=SILENCE_MS / 100 {
            self.say(noise(0.002)).await;
        }
    }
}

#[tokio::test]
async fn a_question_to_a_satellite_is_answered_aloud() {
    let mut rooms = rooms(1, Played::new()).await;
    let satellite = &mut rooms.satellites[0];
    for turn in 0..2 {
        satellite.wake().await;
        satellite.speech(0.2).await;
        assert!(matches!(satellite.next().await, Message::Transcribe(_)));
        assert!(matches!(satellite.next().await, Message::VoiceStarted(_)));
        assert!(matches!(satellite.next().await, Message::VoiceStopped(_)));
        let Message::Transcript(transcript) = satellite.next().await else { panic!("no transcript") };
        assert_eq!(transcript.text, QUESTION);
        let Message::Synthesize(spoken) = satellite.until("synthesize").await else { panic!("no answer") };
        assert_eq!(spoken.text, ANSWER);
        let (ms, rate) = satellite.sound().await;
        assert_eq!((ms, rate), (ANSWER.len() as u64 * 10, 22_050), "at the rate of a satellite's speaker");
        satellite.say(Message::Played).await;
        let conversation = rooms.played.conversation();
        assert_eq!(conversation.len(), 2 + 2 * turn, "what was said before goes with the question");
        assert!(conversation[0].content.contains("the attic"));
    }
    rooms.closing.cancel();
    assert_eq!(satellite.next().await, Message::PauseSatellite);
    within("the end", rooms.tasks.join_next()).await;
}

#[tokio::test]
async fn what_is_dear_is_asked_back_and_done_after_a_yes() {
    let most = Micro::coins(3);
    for (answer, questions) in [(Control::Yes, 1), (Control::No, 0)] {
        let mut rooms = rooms(1, Played { dear: Some(most), ..Played::new() }).await;
        let satellite = &mut rooms.satellites[0];
        satellite.wake().await;
        satellite.speech(0.2).await;
        let Message::Synthesize(spoken) = satellite.until("synthesize").await else { panic!("no answer") };
        assert_eq!(spoken.text, "That may cost up to 3 coins. Shall I?");
        satellite.sound().await;
        satellite.say(Message::Played).await;
        assert_eq!(rooms.played.count(&CapabilityKind::CHAT), 0, "not before somebody agrees");
        *rooms.played.control.lock().unwrap() = Some(answer);
        satellite.wake().await;
        satellite.speech(0.2).await;
        satellite.until("transcript").await;
        if questions > 0 {
            let Message::Synthesize(spoken) = satellite.until("synthesize").await else {
                panic!("no answer")
            };
            assert_eq!(spoken.text, ANSWER);
            satellite.sound().await;
            assert_eq!(*rooms.played.agreed.lock().unwrap(), Some(most));
            let asked = rooms.played.conversation();
            assert_eq!(asked.last().map(|message| message.content.as_str()), Some(QUESTION));
        }
        rooms.closing.cancel();
        while rooms.tasks.join_next().await.is_some() {}
        assert_eq!(rooms.played.count(&CapabilityKind::CHAT), questions);
    }
}

/// A plan that asks whether a mail may be sent.
fn asking() -> Plan {
    let params = serde_json::json!({ "to": "ada@example.org", "body": "Birds fly south." });
    let step = PlanStep {
        title: "email it".to_owned(),
        capability: CapabilityKind::new("tool.mail").unwrap(),
        params: params.as_object().unwrap().clone(),
        after: Vec::new(),
        effect: Effect::Sends,
        state: StepState::Asking,
        job: JobId(2),
        cost: None,
        worker: None,
        note: None,
        text: None,
        problem: None,
    };
    let (id, state) = (JobId(1), PlanState::Asking);
    Plan { id, text: String::new(), submitted: NOW, state, max: Micro(0), cost: Micro(0), steps: vec![step] }
}

#[tokio::test]
async fn what_a_plan_asks_is_spoken_and_the_next_words_answer_it() {
    for (answer, end) in [(Control::Yes, StepState::Done), (Control::No, StepState::Refused)] {
        let plan = watch::Sender::new(asking());
        let mut rooms = rooms(1, Played { plan: Some(plan.clone()), ..Played::new() }).await;
        let satellite = &mut rooms.satellites[0];
        satellite.wake().await;
        satellite.speech(0.2).await;
        let Message::Synthesize(spoken) = satellite.until("synthesize").await else { panic!("no answer") };
        assert_eq!(
            spoken.text, "I would send this. To: ada@example.org. Body: Birds fly south. Shall I?",
            "all that will be sent, and to whom"
        );
        satellite.sound().await;
        satellite.say(Message::Played).await;
        assert_eq!(plan.borrow().steps[0].state, StepState::Asking, "not before somebody agrees");
        *rooms.played.control.lock().unwrap() = Some(answer);
        satellite.wake().await;
        satellite.speech(0.2).await;
        satellite.until("synthesize").await;
        satellite.sound().await;
        assert_eq!(plan.borrow().steps[0].state, end);
    }
}

#[tokio::test]
async fn the_realm_listens_for_a_satellite_that_has_no_ear_for_wake_words() {
    let mut rooms = rooms(1, Played::new()).await;
    let satellite = &mut rooms.satellites[0];
    satellite.pipeline(Stage::Wake, true).await;
    for turn in 1..=2 {
        satellite.say(noise(0.002)).await;
        // Somebody talks, and not to the realm.
        satellite.say(noise(0.2)).await;
        satellite.say(noise(0.9)).await;
        satellite.speech(0.2).await;
        let Message::Detection(detection) = satellite.next().await else { panic!("not woken") };
        assert_eq!(detection.name.as_deref(), Some("computer"));
        satellite.until("transcript").await;
        let Message::Synthesize(spoken) = satellite.until("synthesize").await else { panic!("no answer") };
        assert_eq!(spoken.text, ANSWER);
        assert_eq!(satellite.sound().await.0, ANSWER.len() as u64 * 10, "all of it");
        assert_eq!(rooms.played.count(&CapabilityKind::CHAT), turn);
    }
    // It has one of its own after all.
    satellite.wake().await;
    satellite.speech(0.2).await;
    satellite.until("audio-stop").await;
    assert_eq!(rooms.played.count(&CapabilityKind::CHAT), 3);
}

#[tokio::test]
async fn a_satellite_is_told_that_nobody_listens_for_wake_words() {
    let lacking = Played { lacks: Some(CapabilityKind::WAKE), ..Played::new() };
    let mut rooms = rooms(1, lacking).await;
    let satellite = &mut rooms.satellites[0];
    satellite.pipeline(Stage::Wake, true).await;
    satellite.say(noise(0.9)).await;
    let Message::Error(fault) = satellite.next().await else { panic!("no error") };
    assert_eq!(fault.code.as_deref(), Some("no-worker"));
    // Its own wake word works all the same.
    satellite.wake().await;
    satellite.speech(0.2).await;
    satellite.until("transcript").await;
}

#[tokio::test]
async fn of_two_satellites_the_louder_alone_answers() {
    let mut rooms = rooms(2, Played::new()).await;
    let [far, near] = &mut rooms.satellites[..] else { panic!("two") };
    far.wake().await;
    near.wake().await;
    let (mut far_heard, mut near_heard) = (Vec::new(), Vec::new());
    far.speech(0.05).await;
    near.speech(0.3).await;
    while far_heard.last() != Some(&"run-satellite".to_owned()) {
        far_heard.push(far.next().await.kind().to_owned());
    }
    assert_eq!(far_heard, ["pause-satellite", "run-satellite"], "quiet, and nothing else");
    while near_heard.last() != Some(&"audio-stop".to_owned()) {
        near_heard.push(near.next().await.kind().to_owned());
    }
    assert!(near_heard.contains(&"transcript".to_owned()));
    assert_eq!(rooms.played.count(&CapabilityKind::CHAT), 1);
    // The next words may be nearer to the other one.
    far.wake().await;
    near.wake().await;
    far.speech(0.3).await;
    near.speech(0.05).await;
    far.until("audio-stop").await;
    assert_eq!(near.until("run-satellite").await, Message::RunSatellite);
}

#[tokio::test]
async fn silence_after_the_wake_word_is_no_question() {
    let mut rooms = rooms(1, Played::new()).await;
    let satellite = &mut rooms.satellites[0];
    satellite.wake().await;
    for _ in 0..70 {
        satellite.say(noise(0.002)).await;
    }
    let Message::Transcript(transcript) = satellite.until("transcript").await else {
        panic!("no transcript")
    };
    assert_eq!(transcript.text, "");
    satellite.say(Message::Ping(Ping::default())).await;
    assert!(matches!(satellite.next().await, Message::Pong(_)));
    assert_eq!(
        (rooms.played.count(&CapabilityKind::CHAT), rooms.played.cancelled.load(Ordering::SeqCst)),
        (0, 1)
    );
}

#[tokio::test]
async fn control_words_are_obeyed_without_a_model() {
    let mut rooms = rooms(1, Played { control: Mutex::new(Some(Control::Repeat)), ..Played::new() }).await;
    let satellite = &mut rooms.satellites[0];
    satellite.wake().await;
    satellite.speech(0.2).await;
    let Message::Synthesize(spoken) = satellite.until("synthesize").await else { panic!("nothing said") };
    let nothing = mtor_intent::say::phrase(mtor_intent::say::Phrase::NothingToRepeat, "en");
    assert_eq!(spoken.text, nothing);
    assert_eq!(rooms.played.count(&CapabilityKind::CHAT), 0);
}

#[tokio::test]
async fn what_nobody_can_do_is_said_in_an_event_and_aloud() {
    let mut rooms = rooms(1, Played { lacks: Some(CapabilityKind::CHAT), ..Played::new() }).await;
    let satellite = &mut rooms.satellites[0];
    satellite.wake().await;
    satellite.speech(0.2).await;
    satellite.until("transcript").await;
    let Message::Error(fault) = satellite.next().await else { panic!("no error") };
    assert_eq!(fault.code.as_deref(), Some("no-worker"));
    let Message::Synthesize(spoken) = satellite.next().await else { panic!("nothing said") };
    assert_eq!(spoken.text, mtor_intent::say::problem(ProblemKind::NoWorker, &CapabilityKind::CHAT, "en"));
    assert!(satellite.sound().await.0 > 0);
}

#[tokio::test]
async fn a_new_wake_word_ends_the_turn_before() {
    let mut rooms = rooms(1, Played::new()).await;
    let satellite = &mut rooms.satellites[0];
    satellite.wake().await;
    satellite.say(noise(0.002)).await;
    for _ in 0..5 {
        satellite.say(noise(0.2)).await;
    }
    satellite.until("voice-started").await;
    satellite.wake().await;
    satellite.speech(0.2).await;
    satellite.until("audio-stop").await;
    assert_eq!(rooms.played.cancelled.load(Ordering::SeqCst), 1, "the transcription of the first");
    assert_eq!(rooms.played.count(&CapabilityKind::CHAT), 1);
}
