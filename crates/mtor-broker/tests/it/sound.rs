//! Sound in and out: binary frames over the WebSocket, and OpenAI's audio routes.

use std::sync::atomic::{AtomicU32, Ordering};

use futures_util::{SinkExt as _, StreamExt as _};
use mtor_protocol::body::{Hello, SessionRole};
use mtor_protocol::worker::CapabilityOffer;
use mtor_protocol::{
    Announcement, AudioSource, Body, CapabilityKind, Event, FinishReason, Frame, FrameKind, Intent, JobId,
    SpeakTask, SpeechFormat, Submit, Task, Timestamp, TranscribeTask, Transcript, Usage,
};
use mtor_worker::{Finished, Job, JobError, Output, Worker};
use serde_json::json;
use tokio::sync::Notify;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;

use crate::harness::{Home, json};

/// Milliseconds of raw sound that it speaks for each letter.
const MS_PER_LETTER: usize = 10;
/// Bytes of a millisecond that is heard, and of one that is spoken.
const HEARD_MS: usize = 32;
const SPOKEN_MS: usize = 48;

/// A worker that writes down how much it heard, and speaks a tone as long as the text.
#[derive(Default)]
struct Tape {
    /// How many of the first jobs it breaks off after the first piece of input.
    breaks: AtomicU32,
    /// What it claims to have spoken beyond the truth, in milliseconds.
    boast_ms: u64,
    /// Notified when a job has got its first piece.
    began: Notify,
    /// Notified when a job was cancelled.
    cancelled: Notify,
}

impl Worker for Tape {
    fn announcement(&self) -> Announcement {
        let offer = |kind| CapabilityOffer::new(kind, "tape", 4);
        Announcement::new("tape", [offer(CapabilityKind::TRANSCRIBE), offer(CapabilityKind::SPEAK)])
    }

    async fn run(&self, mut job: Job, output: &mut Output) -> Result<Finished, JobError> {
        let usage = match job.intent.task.clone() {
            Task::Transcribe(task) => {
                let mut bytes = 0;
                let cancelled = job.cancelled.clone();
                loop {
                    let piece = tokio::select! {
                        piece = job.input.next() => piece,
                        () = cancelled.cancelled() => None,
                    };
                    if cancelled.is_cancelled() {
                        self.cancelled.notify_one();
                        return Err(mtor_worker::Stopped.into());
                    }
                    let Some(piece) = piece else { break };
                    bytes += piece.len();
                    self.began.notify_one();
                    if self
                        .breaks
                        .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1))
                        .is_ok()
                    {
                        return Err(JobError::failed("the tape broke"));
                    }
                    output.partial(&format!("{bytes}...")).await?;
                }
                let text = format!("{bytes} bytes");
                let duration_ms = (bytes / HEARD_MS) as u64;
                let transcript = Transcript {
                    text: text.clone(),
                    language: "en".into(),
                    duration_ms,
                    ..Transcript::default()
                };
                let answer = if task.detail { serde_json::to_string(&transcript).unwrap() } else { text };
                output.text(&answer, 0).await?;
                Usage { audio_ms: duration_ms, ..Usage::default() }
            }
            Task::Speak(task) => {
                let mut text = task.text;
                while let Some(piece) = job.input.next().await {
                    text.push_str(std::str::from_utf8(&piece).unwrap());
                }
                for clause in text.split_inclusive('.') {
                    output.payload(&vec![7; clause.len() * MS_PER_LETTER * SPOKEN_MS]).await?;
                    output.text(clause, 0).await?;
                }
                Usage {
                    audio_ms: output.payload_bytes() / SPOKEN_MS as u64 + self.boast_ms,
                    ..Usage::default()
                }
            }
            _ => return Err(JobError::failed("a tape only hears and speaks")),
        };
        Ok(Finished { usage, finish: FinishReason::Stop })
    }
}

/// The owner at home, over the WebSocket.
pub(crate) struct Client(
    tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>>,
);

enum Got {
    Event(Box<Event>),
    Sound { job: JobId, bytes: usize },
}

impl Client {
    pub(crate) async fn open(home: &Home) -> Self {
        let mut request =
            format!("ws{}/ws", home.url().strip_prefix("http").unwrap()).into_client_request().unwrap();
        request.headers_mut().insert("sec-websocket-protocol", "mtor.v1".parse().unwrap());
        let (socket, _) = tokio_tungstenite::connect_async(request).await.unwrap();
        let mut client = Self(socket);
        assert!(matches!(client.event().await.body, Body::SessionChallenge(_)));
        client
            .say(
                None,
                Body::SessionHello(Hello {
                    role: SessionRole::Client,
                    did: None,
                    signature: None,
                    device: None,
                }),
            )
            .await;
        assert!(matches!(client.event().await.body, Body::SessionWelcome(_)));
        client
    }

    async fn say(&mut self, job: Option<JobId>, body: Body) {
        let mut event = Event::new("test", Timestamp(0), body);
        event.subject = job;
        self.0.send(Message::text(event.to_json())).await.unwrap();
    }

    pub(crate) async fn submit(&mut self, task: Task) -> JobId {
        let job = JobId::generate();
        self.say(Some(job), Body::JobSubmit(Submit::new(Intent::any_model(task)))).await;
        job
    }

    pub(crate) async fn frame(&mut self, job: JobId, payload: &[u8]) {
        let frame = Frame { kind: FrameKind::Input, job, lease: 0, sequence: 0, payload };
        self.0.send(Message::binary(frame.encode().unwrap())).await.unwrap();
    }

    async fn next(&mut self) -> Got {
        let message =
            tokio::time::timeout(crate::harness::PATIENCE, self.0.next()).await.unwrap().unwrap().unwrap();
        match message {
            Message::Text(text) => Got::Event(Box::new(Event::parse(&text).unwrap())),
            Message::Binary(bytes) => {
                let frame = Frame::decode(&bytes).unwrap();
                assert_eq!(frame.kind, FrameKind::Output);
                Got::Sound { job: frame.job, bytes: frame.payload.len() }
            }
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn event(&mut self) -> Event {
        match self.next().await {
            Got::Event(event) => *event,
            Got::Sound { .. } => panic!("sound where an event was expected"),
        }
    }

    /// Everything up to the job's end: its text, its sound in bytes, its last event, and the partials on the way.
    pub(crate) async fn until_end(&mut self, job: JobId) -> (String, usize, Body, Vec<String>) {
        let (mut text, mut sound, mut partials) = (String::new(), 0, Vec::new());
        loop {
            match self.next().await {
                Got::Sound { job: of, bytes } => {
                    assert_eq!(of, job);
                    sound += bytes;
                }
                Got::Event(event) => match event.body {
                    Body::JobChunk(chunk) => text.push_str(&chunk.text),
                    Body::JobPartial(partial) => partials.push(partial.text),
                    body @ (Body::JobCompleted(_) | Body::JobFailed(_) | Body::JobCancelled(_)) => {
                        return (text, sound, body, partials);
                    }
                    Body::Error(problem) => panic!("{problem}"),
                    _ => {}
                },
            }
        }
    }
}

fn spoken(source: AudioSource) -> Task {
    Task::Transcribe(TranscribeTask { source, partials: true, ..TranscribeTask::default() })
}

#[tokio::test]
async fn what_is_said_piece_by_piece_is_heard_whole() {
    let home = Home::start().await;
    home.attach(Tape::default()).await;
    let mut client = Client::open(&home).await;
    let job = client.submit(spoken(AudioSource::Pcm)).await;
    for _ in 0..5 {
        client.frame(job, &[1; 1_000 * HEARD_MS]).await;
    }
    client.frame(job, &[]).await;
    let (text, sound, end, partials) = client.until_end(job).await;
    assert_eq!((text.as_str(), sound), ("160000 bytes", 0));
    let Body::JobCompleted(completed) = end else { panic!("{end:?}") };
    assert_eq!(completed.usage.audio_ms, 5_000);
    assert!(partials.last().is_some_and(|last| last == "160000..."), "{partials:?}");
    let info = json(home.get(&format!("/api/jobs/{job}")).await, 200).await;
    assert_eq!(info["text"], json!("160000 bytes"), "the words are kept, the sound is not");
    home.stop().await;
}

#[tokio::test]
async fn a_second_worker_hears_all_that_the_first_one_had() {
    let home = Home::start().await;
    let first = home.attach(Tape { breaks: AtomicU32::new(1), ..Tape::default() }).await;
    let mut client = Client::open(&home).await;
    let job = client.submit(spoken(AudioSource::File)).await;
    // The first one has it before the second one comes.
    while !matches!(client.event().await.body, Body::JobAssigned(_)) {}
    home.attach(Tape::default()).await;
    client.frame(job, b"one").await;
    client.frame(job, b"two").await;
    client.frame(job, b"").await;
    let (text, _, end, _) = client.until_end(job).await;
    assert!(matches!(end, Body::JobCompleted(_)), "{end:?}");
    assert_eq!(text, "6 bytes");
    assert_eq!(first.breaks.load(Ordering::SeqCst), 0, "a worker broke off");
    home.stop().await;
}

#[tokio::test]
async fn a_session_that_ends_in_mid_speech_takes_its_job_with_it() {
    let home = Home::start().await;
    let tape = home.attach(Tape::default()).await;
    let mut client = Client::open(&home).await;
    let job = client.submit(spoken(AudioSource::Pcm)).await;
    client.frame(job, &[0; 64]).await;
    tape.began.notified().await;
    drop(client);
    tape.cancelled.notified().await;
    let ended = async {
        loop {
            let info = json(home.get(&format!("/api/jobs/{job}")).await, 200).await;
            if info["state"] == json!("cancelled") {
                return info;
            }
        }
    };
    let info = tokio::time::timeout(crate::harness::PATIENCE, ended).await.unwrap();
    assert_eq!(info["cost"], json!("0"));
    home.stop().await;
}

#[tokio::test]
async fn a_text_is_spoken_while_it_is_written_and_only_what_was_heard_is_paid() {
    let home = Home::start().await;
    home.attach(Tape { boast_ms: 100_000, ..Tape::default() }).await;
    let mut client = Client::open(&home).await;
    let job = client.submit(Task::Speak(SpeakTask { more: true, ..SpeakTask::default() })).await;
    client.frame(job, "Hello. ".as_bytes()).await;
    client.frame(job, "There.".as_bytes()).await;
    client.frame(job, &[]).await;
    let (text, sound, end, _) = client.until_end(job).await;
    assert_eq!((text.as_str(), sound), ("Hello. There.", 13 * MS_PER_LETTER * SPOKEN_MS));
    let Body::JobCompleted(completed) = end else { panic!("{end:?}") };
    assert_eq!(completed.usage.audio_ms, 130, "not what the worker claims");
    home.stop().await;
}

#[tokio::test]
async fn frames_that_belong_to_nothing_are_refused_in_words() {
    let home = Home::start().await;
    home.attach(Tape::default()).await;
    let mut client = Client::open(&home).await;
    client.0.send(Message::binary(&b"noise"[..])).await.unwrap();
    let nobody = JobId::generate();
    client.frame(nobody, b"x").await;
    let job = client.submit(Task::Speak(SpeakTask::new("Hi"))).await;
    client.frame(job, b"more").await;
    let mut details = Vec::new();
    while details.len() < 3 {
        if let Got::Event(event) = client.next().await
            && let Body::Error(problem) = event.body
        {
            details.push(problem.detail);
        }
    }
    assert!(details[0].contains("at least 36 bytes"), "{details:?}");
    assert!(details[1..].iter().all(|detail| detail.contains("no job that takes input")), "{details:?}");
    let posted = json!({"intent": {"capability": "transcribe", "params": {}}});
    let problem = json(home.post("/api/jobs", &posted).await, 400).await;
    assert!(problem["detail"].as_str().unwrap().contains("/v1/audio/transcriptions"), "{problem}");
    home.stop().await;
}

#[tokio::test]
async fn recordings_are_written_down_in_openais_shapes() {
    let home = Home::start().await;
    home.attach(Tape::default()).await;
    let recording = vec![1; 2_000 * HEARD_MS];
    let ask = async |fields: &[(&str, &str)]| {
        home.upload("/v1/audio/transcriptions", Some(&recording), fields).await
    };
    let brief = json(ask(&[("model", "whisper-1")]).await, 200).await;
    assert_eq!(brief, json!({"text": "64000 bytes", "usage": {"type": "duration", "seconds": 2}}));
    let verbose = json(ask(&[("model", "tape"), ("response_format", "verbose_json")]).await, 200).await;
    assert_eq!((&verbose["language"], &verbose["duration"]), (&json!("en"), &json!(2.0)));
    let text = ask(&[("response_format", "text")]).await.text().await.unwrap();
    assert_eq!(text, "64000 bytes\n");
    let events = ask(&[("stream", "true")]).await.text().await.unwrap();
    assert!(events.contains(r#"{"type":"transcript.text.done","text":"64000 bytes"}"#), "{events}");

    let refused = async |recording: Option<&[u8]>, fields: &[(&str, &str)]| {
        let error = json(home.upload("/v1/audio/transcriptions", recording, fields).await, 400).await;
        error["error"]["param"].as_str().unwrap_or_default().to_owned()
    };
    assert_eq!(refused(None, &[]).await, "file");
    assert_eq!(refused(Some(b""), &[]).await, "file");
    assert_eq!(refused(Some(b"x"), &[("language", "klingon!")]).await, "language");
    assert_eq!(refused(Some(b"x"), &[("colour", "red")]).await, "colour");
    let no_form = json(home.post("/v1/audio/transcriptions", &json!({})).await, 400).await;
    assert!(no_form["error"]["message"].as_str().unwrap().contains("multipart/form-data"), "{no_form}");
    home.stop().await;
}

#[tokio::test]
async fn texts_are_spoken_in_openais_shapes() {
    let home = Home::start().await;
    home.attach(Tape::default()).await;
    let mut ask = json!({"model": "tts-1", "input": "Hello.", "voice": "alloy", "response_format": "pcm"});
    let response = home.post("/v1/audio/speech", &ask).await;
    assert_eq!(response.headers()["content-type"], SpeechFormat::Pcm.media_type());
    assert_eq!(response.bytes().await.unwrap().len(), 6 * MS_PER_LETTER * SPOKEN_MS);
    ask["stream_format"] = json!("sse");
    let events = home.post("/v1/audio/speech", &ask).await.text().await.unwrap();
    assert!(events.starts_with(r#"data: {"type":"speech.audio.delta","audio":"Bw"#), "{events}");
    assert!(events.ends_with("data: {\"type\":\"speech.audio.done\"}\n\n"), "{events}");
    ask["response_format"] = json!("aac");
    let error = json(home.post("/v1/audio/speech", &ask).await, 400).await;
    assert_eq!(error["error"]["param"], json!("response_format"));
    home.stop().await;
}
