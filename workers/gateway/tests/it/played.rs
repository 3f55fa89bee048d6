//! A Wyoming service that is played: it says how long it heard, and speaks a tenth of a second for each letter.

use bytes::Bytes;
use mtor_wyoming::{
    Address, AsrModel, AsrProgram, AudioFormat, AudioStop, Connection, Detection, Info, Listener, Message,
    NotDetected, Text, Transcript, TtsProgram, TtsVoice, WakeModel, WakeProgram,
};
use tokio::task::{AbortHandle, JoinSet};

/// What it hears.
pub(crate) const HEARD: AudioFormat = AudioFormat::mono16(16_000);
/// What it speaks.
pub(crate) const FORMAT: AudioFormat = AudioFormat::mono16(12_000);
/// What it refuses to say.
pub(crate) const FORBIDDEN: &str = "forbidden";
/// The wake word that it knows: a second of sound, whatever it is.
pub(crate) const WAKE_WORD: &str = "hey_jarvis";
const WAKE_BYTES: usize = 32_000;
/// At this it hangs up.
pub(crate) const RUDE: &str = "hang up";
/// At this it says nothing more.
pub(crate) const SPEECHLESS: &str = "speechless";

/// The service, for as long as it lives.
pub(crate) struct Played {
    pub(crate) address: Address,
    accepting: AbortHandle,
    _tasks: JoinSet<()>,
}

impl Played {
    /// A service at any free port.
    pub(crate) async fn start() -> Self {
        Self::start_at(&Address::Tcp("127.0.0.1".into(), free_port())).await
    }

    /// A service at this address.
    pub(crate) async fn start_at(address: &Address) -> Self {
        let listener = Listener::bind(address).await.unwrap();
        let mut tasks = JoinSet::new();
        let accepting = tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((connection, _)) = listener.accept().await {
                connections.spawn(attend(connection));
            }
        });
        Self { address: address.clone(), accepting, _tasks: tasks }
    }

    /// It is gone, and all its connections with it.
    pub(crate) fn stop(&self) {
        self.accepting.abort();
    }
}

/// A port that nobody has just now.
pub(crate) fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

pub(crate) fn info() -> Info {
    let model = AsrModel {
        name: "base".into(),
        installed: true,
        languages: vec!["en".into()],
        ..AsrModel::default()
    };
    let voice = TtsVoice {
        name: "amy".into(),
        installed: true,
        languages: vec!["en_US".into()],
        ..TtsVoice::default()
    };
    Info {
        asr: vec![AsrProgram {
            name: "ears".into(),
            installed: true,
            models: vec![model],
            ..AsrProgram::default()
        }],
        tts: vec![TtsProgram {
            name: "mouth".into(),
            installed: true,
            voices: vec![voice],
            ..TtsProgram::default()
        }],
        wake: vec![WakeProgram {
            name: "waker".into(),
            installed: true,
            models: vec![WakeModel { name: WAKE_WORD.into(), installed: true, ..WakeModel::default() }],
            ..WakeProgram::default()
        }],
        ..Info::default()
    }
}

async fn attend(mut connection: Connection) {
    let (mut heard_bytes, mut language, mut waits_for) = (0, None, None);
    while let Ok(Some(message)) = connection.next().await {
        let answers = match message {
            Message::Describe => vec![Message::Info(Box::new(info()))],
            Message::Transcribe(wish) => {
                (heard_bytes, language) = (0, wish.language);
                vec![]
            }
            Message::Detect(wish) => {
                (heard_bytes, waits_for) = (0, wish.names);
                vec![]
            }
            Message::AudioChunk(chunk) => {
                heard_bytes += chunk.audio.len();
                match waits_for.take_if(|_| heard_bytes >= WAKE_BYTES) {
                    Some(names) => {
                        let name = names.first().cloned();
                        vec![Message::Detection(Detection { name, ..Detection::default() })]
                    }
                    None => vec![],
                }
            }
            Message::AudioStop(_) if waits_for.is_some() => {
                vec![Message::NotDetected(NotDetected::default())]
            }
            Message::AudioStop(_) => {
                let text = format!(" {} ms ", HEARD.milliseconds(heard_bytes));
                vec![
                    Message::TranscriptStart(Default::default()),
                    Message::TranscriptChunk(Text { text: " so far".into() }),
                    Message::Transcript(Transcript {
                        text,
                        language: language.clone(),
                        ..Transcript::default()
                    }),
                    Message::TranscriptStop,
                ]
            }
            Message::Synthesize(wish) if wish.text.contains(FORBIDDEN) => {
                vec![Message::error("I do not say that", "no")]
            }
            Message::Synthesize(wish) if wish.text.contains(RUDE) => return,
            Message::Synthesize(wish) if wish.text.contains(SPEECHLESS) => {
                vec![Message::AudioStart(FORMAT.into()), Message::chunk(FORMAT, tone(1))]
            }
            Message::Synthesize(wish) => {
                let mut answers = vec![Message::AudioStart(FORMAT.into())];
                answers.extend(wish.text.chars().map(|_| Message::chunk(FORMAT, tone(1))));
                answers.push(Message::AudioStop(AudioStop::default()));
                answers
            }
            _ => vec![],
        };
        for answer in answers {
            if connection.send(answer).await.is_err() {
                return;
            }
        }
    }
}

/// So many tenths of a second.
fn tone(tenths: usize) -> Bytes {
    let samples = (0..1_200 * tenths).map(|n| (8_000.0 * (n as f32 / 5.0).sin()) as i16);
    samples.flat_map(i16::to_le_bytes).collect()
}
