//! The program as a realm sees it: `mtor-voice` itself, attached to a broker of the test's own; and as one sees it who runs
//! it without a realm.

use std::future::Future;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use crate::voice;
use futures_util::{SinkExt, StreamExt};
use mtor_audio::pcm::{from_s16le, rms};
use mtor_identity::{Answer, Challenge, Keypair};
use mtor_worker::protocol::body::{SessionRole, Welcome};
use mtor_worker::protocol::worker::{Done, Run, Stop, WorkFailed};
use mtor_worker::protocol::{
    Announcement, Body, Event, Frame, FrameKind, Intent, JobId, SUBPROTOCOL, SpeakTask, SpeechFormat, Task,
    Timestamp,
};
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use tokio_tungstenite::tungstenite::http::{HeaderValue, header::SEC_WEBSOCKET_PROTOCOL};
use tokio_tungstenite::{WebSocketStream, accept_hdr_async};

/// Waits for something that must come; long enough for a voice on a busy machine.
async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(Duration::from_secs(180), future).await {
        Ok(value) => value,
        Err(_) => panic!("waited in vain for {what}"),
    }
}

fn now() -> Timestamp {
    Timestamp(std::time::UNIX_EPOCH.elapsed().unwrap().as_millis() as u64)
}

/// `mtor-voice`, killed when the test ends.
fn program(folder: &Path, arguments: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_mtor-voice"))
        .args(arguments)
        .current_dir(folder)
        .env_remove("MTOR_LOG")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}

/// Runs it to its end: the exit code, and what it said.
async fn run_to_end(folder: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = within("the end", program(folder, arguments).wait_with_output()).await.unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

fn voice_path() -> String {
    voice().into_os_string().into_string().unwrap()
}

/// The program, attached.
struct Attached {
    _child: Child,
    socket: WebSocketStream<TcpStream>,
    realm: Keypair,
    announcement: Announcement,
    _folder: TempDir,
}

/// What came of a job.
#[derive(Debug, Default)]
struct Told {
    text: String,
    sound: Vec<u8>,
    /// How much sound there was before each piece of text.
    sound_before: Vec<usize>,
}

impl Attached {
    async fn start(more: &[&str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("ws://{}", listener.local_addr().unwrap());
        let folder = tempfile::tempdir().unwrap();
        let child = program(folder.path(), &[&["--realm", &url, "--threads", "1"], more].concat());

        let (stream, _) = within("the worker", listener.accept()).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let with_subprotocol = |_: &Request, mut response: Response| {
            response.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
            Ok(response)
        };
        let socket = within("the request", accept_hdr_async(stream, with_subprotocol)).await.unwrap();
        let announcement = Announcement::new("", []);
        let realm = Keypair::generate().unwrap();
        let mut attached = Self { _child: child, socket, realm, announcement, _folder: folder };
        attached.greet().await;
        attached
    }

    /// Challenge, hello, welcome, announcement.
    async fn greet(&mut self) {
        let challenge = Challenge::new(&self.realm.public(), now(), 10_000).unwrap();
        self.say(None, Body::SessionChallenge(challenge.offer().to_wire())).await;
        let Some(Ok(Message::Text(hello))) = self.socket.next().await else { panic!("no hello") };
        let Body::SessionHello(hello) = Event::parse(&hello).unwrap().body else { panic!("no hello") };
        let answer = Answer::from_wire(&hello).unwrap().unwrap();
        let worker = challenge.verify(&answer, SessionRole::Worker, now()).unwrap();
        let (did, role) = (worker.to_did(), SessionRole::Worker);
        self.say(None, Body::SessionWelcome(Welcome { did, role, realm_name: "test".into(), beat_ms: 200 }))
            .await;
        let Some(Ok(Message::Text(text))) = self.socket.next().await else { panic!("no announcement") };
        let Body::WorkerAnnounce(announcement) = Event::parse(&text).unwrap().body else { panic!("{text}") };
        self.announcement = announcement;
    }

    async fn say(&mut self, job: Option<JobId>, body: Body) {
        let event = Event { subject: job, ..Event::new(self.realm.did().0.as_str(), now(), body) };
        within("room to send", self.socket.send(Message::text(event.to_json()))).await.unwrap();
    }

    async fn run(&mut self, lease: u64, task: SpeakTask, prefix: &str) {
        let run = Run {
            lease,
            intent: Intent::any_model(Task::Speak(task)).into(),
            prefix: prefix.into(),
            parts: 0,
            hops: Vec::new(),
            output_tokens_max: 1,
            deadline: now().plus_ms(600_000),
        };
        self.say(Some(JobId(lease.into())), Body::WorkerRun(run)).await;
    }

    async fn input(&mut self, lease: u64, sequence: u64, payload: &[u8]) {
        let frame = Frame { kind: FrameKind::Input, job: JobId(lease.into()), lease, sequence, payload };
        let frame = Message::binary(frame.encode().unwrap());
        within("room to send", self.socket.send(frame)).await.unwrap();
    }

    /// Reads on until the job has ended, or has told enough.
    async fn told_until(
        &mut self,
        enough: impl Fn(&Told) -> bool,
    ) -> (Told, Option<Result<Done, WorkFailed>>) {
        let mut told = Told::default();
        while !enough(&told) {
            match within("a frame", self.socket.next()).await.expect("the worker left").unwrap() {
                Message::Binary(bytes) => {
                    let frame = Frame::decode(&bytes).unwrap();
                    assert_eq!(frame.kind, FrameKind::Output);
                    told.sound.extend_from_slice(frame.payload);
                }
                Message::Text(text) => match Event::parse(&text).unwrap().body {
                    Body::WorkerBeat(_) => {}
                    Body::WorkerChunk(piece) => {
                        told.sound_before.push(told.sound.len());
                        told.text.push_str(&piece.text);
                    }
                    Body::WorkerDone(done) => return (told, Some(Ok(done))),
                    Body::WorkerFailed(failed) => return (told, Some(Err(failed))),
                    other => panic!("in the middle of a job: {other:?}"),
                },
                _ => {}
            }
        }
        (told, None)
    }

    async fn told(&mut self) -> (Told, Result<Done, WorkFailed>) {
        let (told, end) = self.told_until(|_| false).await;
        (told, end.unwrap())
    }
}

/// What a realm needs of any of these tests, without a neural voice.
const ESPEAK: &[&str] = &["--espeak-only"];

#[tokio::test]
async fn it_announces_its_voices_and_speaks() {
    let path = voice_path();
    let mut worker = Attached::start(&["--voice", &path, "--name", "attic"]).await;
    assert_eq!(worker.announcement.name, "attic");
    let [offer] = worker.announcement.offers.as_slice() else { panic!("{:?}", worker.announcement) };
    assert_eq!((offer.capability.as_str(), offer.slots), ("speak", 2));
    assert_eq!(Some(offer.model.as_str()), voice().file_stem().unwrap().to_str());
    assert_eq!(offer.model, offer.voices[0].id);
    assert!(offer.voices.len() > 100 && offer.languages.iter().any(|language| language == "fr"));
    assert_eq!(offer.languages[0], "en");

    let text = "Hello there. The capital of France is Paris.";
    worker.run(1, SpeakTask::new(text), "").await;
    let (told, done) = worker.told().await;
    assert_eq!(told.text, text);
    let samples = from_s16le(&told.sound);
    assert!((0.02..0.3).contains(&rms(&samples)));
    assert_eq!(done.unwrap().usage.audio_ms, samples.len() as u64 / 24);
    // The text follows the sound of which it is.
    assert!(told.sound_before.windows(2).all(|pair| pair[0] < pair[1]) && told.sound_before[0] > 0);
}

#[tokio::test]
async fn it_speaks_while_the_text_is_being_written() {
    let mut worker = Attached::start(ESPEAK).await;
    worker.run(1, SpeakTask { more: true, ..SpeakTask::new("Well, ") }, "").await;
    worker.input(1, 0, "caf\u{e9} is open. And".as_bytes().split_at(4).0).await;
    worker.input(1, 1, "caf\u{e9} is open. And".as_bytes().split_at(4).1).await;
    let (begun, end) = worker.told_until(|told| told.text.ends_with("open. ")).await;
    assert!(end.is_none() && !begun.sound.is_empty(), "{}", begun.text);
    worker.input(1, 2, b" so on").await;
    worker.input(1, 3, b"").await;
    let (rest, done) = worker.told().await;
    assert_eq!(format!("{}{}", begun.text, rest.text), "Well, caf\u{e9} is open. And so on");
    assert!(done.unwrap().usage.audio_ms > 1_000);
}

#[tokio::test]
async fn each_format_comes_as_a_file_of_its_kind() {
    let mut worker = Attached::start(ESPEAK).await;
    let formats = [
        (SpeechFormat::Wav, &b"RIFF"[..]),
        (SpeechFormat::Flac, b"fLaC"),
        (SpeechFormat::Opus, b"OggS"),
        (SpeechFormat::Mp3, &[0xff]),
    ];
    for (lease, (format, mark)) in (1..).zip(formats) {
        worker.run(lease, SpeakTask { format, ..SpeakTask::new("One, two. Three.") }, "").await;
        let (told, done) = worker.told().await;
        assert!(done.is_ok() && told.sound.starts_with(mark) && told.sound.len() > 2_000, "{format:?}");
    }
}

#[tokio::test]
async fn it_goes_on_where_another_worker_stopped() {
    let mut worker = Attached::start(ESPEAK).await;
    let text = "One sentence. Another sentence. ";
    worker.run(1, SpeakTask::new(text), "").await;
    let whole = worker.told().await.0;
    worker.run(2, SpeakTask::new(text), "One sentence. ").await;
    let (rest, done) = worker.told().await;
    assert_eq!(rest.text, "Another sentence. ");
    assert!(done.is_ok() && rest.sound.len() < whole.sound.len());
}

#[tokio::test]
async fn what_cannot_be_done_is_refused_in_words() {
    let mut worker = Attached::start(ESPEAK).await;
    worker.run(1, SpeakTask { voice: Some("alloy".into()), ..SpeakTask::new("Hi.") }, "").await;
    let failed = worker.told().await.1.unwrap_err();
    assert!(failed.problem.detail.contains("there is no voice `alloy`; there are: "), "{:?}", failed.problem);
    worker.run(2, SpeakTask { language: Some("xx".into()), ..SpeakTask::new("Hi.") }, "").await;
    let failed = worker.told().await.1.unwrap_err();
    assert!(failed.problem.detail.contains("no voice here speaks `xx`"), "{:?}", failed.problem);
    // Nothing to say is no failure.
    worker.run(3, SpeakTask::new("---\n"), "").await;
    let (told, done) = worker.told().await;
    assert_eq!((told.text.as_str(), told.sound.len(), done.unwrap().usage.audio_ms), ("---\n", 0, 0));
}

#[tokio::test]
async fn a_stopped_job_ends_and_the_next_one_runs() {
    let mut worker = Attached::start(&["--espeak-only", "--slots", "1"]).await;
    worker.run(1, SpeakTask { more: true, ..SpeakTask::new("A sentence. ") }, "").await;
    let (_, end) = worker.told_until(|told| !told.text.is_empty()).await;
    assert!(end.is_none());
    worker.say(Some(JobId(1)), Body::WorkerStop(Stop { lease: 1 })).await;
    assert!(worker.told().await.1.unwrap_err().problem.kind.ends_with("cancelled"));
    worker.run(2, SpeakTask::new("Hi."), "").await;
    assert!(worker.told().await.1.is_ok());
}

#[tokio::test]
async fn without_a_realm_it_says_a_text_into_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = voice_path();
    let arguments = ["say", "It is half past nine.", "--voice", &path, "--out", "time.wav"];
    let (code, said, errors) = run_to_end(folder.path(), &arguments).await;
    assert_eq!(code, Some(0), "{errors}");
    assert!(said.contains("s of speech in") && said.contains("the first sound after"), "{said}");
    let file = std::fs::read(folder.path().join("time.wav")).unwrap();
    assert!(file.starts_with(b"RIFF") && file.len() > 30_000);
    let data_bytes = u32::from_le_bytes(file[40..44].try_into().unwrap()) as usize;
    assert_eq!(data_bytes + 44, file.len(), "a file that is complete says how long it is");

    let arguments = ["say", "Guten Tag", "--voice", "espeak-de", "--speed", "1.5", "--out", "tag.mp3"];
    assert_eq!(run_to_end(folder.path(), &arguments).await.0, Some(0));
    assert!(folder.path().join("tag.mp3").metadata().unwrap().len() > 1_000);
}

#[tokio::test]
async fn voices_are_listed() {
    let folder = tempfile::tempdir().unwrap();
    let (code, said, _) = run_to_end(folder.path(), &["voices", "--voice", &voice_path()]).await;
    assert_eq!(code, Some(0));
    assert!(said.lines().next().unwrap().contains("neural") && said.contains("espeak-fr-fr"), "{said}");
}

#[tokio::test]
async fn wrong_usage_ends_it_with_two_and_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    for (wrong, reason) in [
        (vec!["--voice", "absent.onnx"], "cannot read absent.onnx"),
        (vec!["--voice", "voice-jo"], "did you mean `voice-joe`"),
        (vec!["--slots", "0"], "--slots"),
        (vec!["say", "Hi", "--voice", "espeak-xx", "--out", "a.wav"], "there is no voice `espeak-xx`"),
        (vec!["say", "Hi", "--voice", "espeak-de", "--speed", "9", "--out", "a.wav"], "from 0.25 to 4"),
    ] {
        let (code, _, said) = run_to_end(folder.path(), &wrong).await;
        assert_eq!(code, Some(2), "{wrong:?}: {said}");
        assert!(said.contains(reason), "{wrong:?}: {said}");
    }
    let (code, _, said) =
        run_to_end(folder.path(), &["say", "Hi", "--voice", "espeak-de", "--out", "a.aac"]).await;
    assert_eq!(code, Some(1));
    assert!(said.contains(".wav, .mp3, .flac, .opus or .pcm"), "{said}");
}
