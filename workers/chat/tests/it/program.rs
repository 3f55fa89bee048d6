//! The program as a realm sees it: `mtor-chat` itself, attached to a broker of the test's own.

use std::future::Future;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use crate::model;
use futures_util::{SinkExt, StreamExt};
use mtor_identity::{Answer, Challenge, Keypair};
use mtor_worker::protocol::body::{SessionRole, Welcome};
use mtor_worker::protocol::worker::{Done, Run, Stop, WorkFailed};
use mtor_worker::protocol::{
    Announcement, Body, ChatTask, Event, FinishReason, Intent, JobId, SUBPROTOCOL, Task, Timestamp,
};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, ChildStderr, Command};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use tokio_tungstenite::tungstenite::http::{HeaderValue, header::SEC_WEBSOCKET_PROTOCOL};
use tokio_tungstenite::{WebSocketStream, accept_hdr_async};

/// Waits for something that must come; long enough for a model on a busy machine.
async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(Duration::from_secs(180), future).await {
        Ok(value) => value,
        Err(_) => panic!("waited in vain for {what}"),
    }
}

fn now() -> Timestamp {
    Timestamp(std::time::UNIX_EPOCH.elapsed().unwrap().as_millis() as u64)
}

/// `mtor-chat`, killed when the test ends.
fn program(folder: &Path, arguments: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_mtor-chat"))
        .args(arguments)
        .args(["--threads", "1"])
        .current_dir(folder)
        .env_remove("MTOR_LOG")
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}

/// Runs it to its end: the exit code, and what it said.
async fn run_to_end(arguments: &[&str]) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().unwrap();
    let output = within("the end", program(folder.path(), arguments).wait_with_output()).await.unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// The program, attached.
struct Attached {
    child: Child,
    said: Lines<BufReader<ChildStderr>>,
    socket: WebSocketStream<TcpStream>,
    realm: Keypair,
    announcement: Announcement,
    _folder: TempDir,
}

impl Attached {
    async fn start(more: &[&str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("ws://{}", listener.local_addr().unwrap());
        let folder = tempfile::tempdir().unwrap();
        let model = model().into_os_string().into_string().unwrap();
        let base =
            ["--realm", &url, "--model", &model, "--model-id", "tested", "--slots", "2", "--context", "512"];
        let mut child = program(folder.path(), &[&base, more].concat());
        let said = BufReader::new(child.stderr.take().unwrap()).lines();

        let (stream, _) = within("the worker", listener.accept()).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let with_subprotocol = |_: &Request, mut response: Response| {
            response.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
            Ok(response)
        };
        let socket = within("the request", accept_hdr_async(stream, with_subprotocol)).await.unwrap();
        let announcement = Announcement::new("", []);
        let realm = Keypair::generate().unwrap();
        let mut attached = Self { child, said, socket, realm, announcement, _folder: folder };
        attached.greet().await;
        attached
    }

    /// Challenge, hello, welcome, announcement.
    async fn greet(&mut self) {
        let challenge = Challenge::new(&self.realm.public(), now(), 10_000).unwrap();
        self.say(None, Body::SessionChallenge(challenge.offer().to_wire())).await;
        let Body::SessionHello(hello) = self.next().await else { panic!("no hello") };
        let answer = Answer::from_wire(&hello).unwrap().unwrap();
        let worker = challenge.verify(&answer, SessionRole::Worker, now()).unwrap();
        let (did, role) = (worker.to_did(), SessionRole::Worker);
        self.say(None, Body::SessionWelcome(Welcome { did, role, realm_name: "test".into(), beat_ms: 200 }))
            .await;
        let Body::WorkerAnnounce(announcement) = self.next().await else { panic!("no announcement") };
        self.announcement = announcement;
    }

    async fn say(&mut self, job: Option<JobId>, body: Body) {
        let event = Event { subject: job, ..Event::new(self.realm.did().0.as_str(), now(), body) };
        within("room to send", self.socket.send(Message::text(event.to_json()))).await.unwrap();
    }

    /// What the program says next, beats left out.
    async fn next(&mut self) -> Body {
        loop {
            let frame = within("a frame", self.socket.next()).await.expect("the worker left").unwrap();
            if let Message::Text(text) = frame {
                match Event::parse(&text).unwrap().body {
                    Body::WorkerBeat(beat) => assert!(beat.tokens_per_s.unwrap() > 0.0),
                    body => return body,
                }
            }
        }
    }

    async fn run(&mut self, lease: u64, task: ChatTask, prefix: &str, output_tokens_max: u32) {
        let task = ChatTask { temperature: Some(0.0), ..task };
        let run = Run {
            lease,
            intent: Intent::any_model(Task::Chat(task)).into(),
            prefix: prefix.into(),
            parts: 0,
            hops: Vec::new(),
            output_tokens_max,
            deadline: now().plus_ms(600_000),
        };
        self.say(Some(JobId(lease.into())), Body::WorkerRun(run)).await;
    }

    /// The text of the only job under way, and how it ended.
    async fn answer(&mut self) -> (String, Result<Done, WorkFailed>) {
        let mut text = String::new();
        loop {
            match self.next().await {
                Body::WorkerChunk(piece) => text.push_str(&piece.text),
                Body::WorkerDone(done) => return (text, Ok(done)),
                Body::WorkerFailed(failed) => return (text, Err(failed)),
                other => panic!("in the middle of a job: {other:?}"),
            }
        }
    }

    #[cfg(unix)]
    async fn terminate(&mut self) {
        let id = self.child.id().unwrap().to_string();
        let status = Command::new("kill").args(["-TERM", &id]).status().await.unwrap();
        assert!(status.success());
        while let Some(line) = within("a line", self.said.next_line()).await.unwrap() {
            if line.contains("asked to leave") {
                return;
            }
        }
        panic!("the program did not notice the signal");
    }
}

#[tokio::test]
async fn it_announces_what_it_has_and_answers() {
    let mut worker = Attached::start(&["--name", "attic", "--max-tokens", "50"]).await;
    assert_eq!(worker.announcement.name, "attic");
    let [offer] = worker.announcement.offers.as_slice() else { panic!("{:?}", worker.announcement) };
    assert_eq!((offer.capability.as_str(), offer.model.as_str(), offer.slots), ("chat", "tested", 2));
    assert_eq!((offer.limits.context_tokens, offer.limits.output_tokens), (Some(512), Some(50)));
    assert!(offer.tokens_per_s.unwrap() > 0.0);

    worker.run(1, ChatTask::question("What is the capital of France?"), "", 6).await;
    let (text, done) = worker.answer().await;
    let done = done.unwrap();
    assert!(!text.is_empty() && done.usage.input_tokens > 5 && done.usage.output_tokens <= 6, "{done:?}");

    // Another worker wrote the beginning; this one knows a stop string as well.
    let counting = ChatTask { stop: vec!["8".into()], ..ChatTask::question("Count from 1 to 20.") };
    worker.run(2, counting, "1, 2, 3, 4, 5, ", 40).await;
    let (text, done) = worker.answer().await;
    assert_eq!((text.trim_end(), done.unwrap().finish), ("6, 7,", FinishReason::Stop));
}

#[tokio::test]
async fn what_does_not_fit_is_refused_in_numbers_and_for_good() {
    let mut worker = Attached::start(&[]).await;
    worker.run(1, ChatTask::question("one two three four five ".repeat(200)), "", 10).await;
    let (text, failed) = worker.answer().await;
    let failed = failed.unwrap_err();
    assert_eq!((text.as_str(), failed.retry, failed.problem.status), ("", false, 400));
    assert!(failed.problem.kind.ends_with("context-exceeded"), "{:?}", failed.problem);
    assert!(failed.problem.detail.ends_with("tokens, this model's window is 512"), "{:?}", failed.problem);
}

#[tokio::test]
async fn a_stopped_job_ends_and_the_next_one_runs() {
    let mut worker = Attached::start(&["--slots", "1"]).await;
    worker.run(1, ChatTask::question("Tell me a long story about the sea."), "", 400).await;
    let Body::WorkerChunk(_) = worker.next().await else { panic!("no chunk") };
    worker.say(Some(JobId(1)), Body::WorkerStop(Stop { lease: 1 })).await;
    let (_, failed) = worker.answer().await;
    assert!(failed.unwrap_err().problem.kind.ends_with("cancelled"));
    worker.run(2, ChatTask::question("Hi"), "", 3).await;
    assert!(worker.answer().await.1.is_ok());
}

#[cfg(unix)]
#[tokio::test]
async fn sigterm_lets_the_job_finish_and_ends_with_zero() {
    let mut worker = Attached::start(&[]).await;
    worker.run(1, ChatTask::question("Tell me a long story about the sea."), "", 30).await;
    let Body::WorkerChunk(_) = worker.next().await else { panic!("no chunk") };
    worker.terminate().await;
    let mut drained = false;
    let done = loop {
        match worker.next().await {
            Body::WorkerDrain(_) => drained = true,
            Body::WorkerDone(done) => break done,
            Body::WorkerChunk(_) => {}
            other => panic!("while leaving: {other:?}"),
        }
    };
    assert!(drained && done.usage.output_tokens > 1);
    // Reading on answers the goodbye.
    while let Some(Ok(_)) = within("the goodbye", worker.socket.next()).await {}
    assert_eq!(within("the end", worker.child.wait()).await.unwrap().code(), Some(0));
}

#[tokio::test]
async fn a_model_that_cannot_be_used_ends_it_with_two_and_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("text.gguf");
    std::fs::write(&text, "Hello, I am no model").unwrap();
    let cut = folder.path().join("cut.gguf");
    let whole = std::fs::read(model()).unwrap();
    std::fs::write(&cut, &whole[..whole.len() / 2]).unwrap();

    for (file, reason) in [
        ("absent.gguf", "cannot read"),
        (text.to_str().unwrap(), "not a GGUF"),
        (cut.to_str().unwrap(), "truncated"),
    ] {
        let (code, said) = run_to_end(&["--model", file]).await;
        assert_eq!(code, Some(2), "{said}");
        assert!(said.starts_with("error: ") && said.contains(reason) && said.contains(file), "{said}");
    }
}

#[tokio::test]
async fn wrong_usage_ends_it_with_two() {
    for wrong in [vec![], vec!["--model-id", "no-such-model"], vec!["--model", "m.gguf", "--slots", "0"]] {
        let (code, said) = run_to_end(&wrong).await;
        assert_eq!(code, Some(2), "{wrong:?}: {said}");
    }
}
