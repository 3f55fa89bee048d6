//! A realm with the gateway attached to it, played by the tests.

use std::future::Future;
use std::sync::Arc;

use futures_util::{SinkExt as _, StreamExt as _};
use mtor_gateway::Service;
use mtor_identity::{Answer, Challenge, Keypair};
use mtor_worker::protocol::body::{SessionRole, Welcome};
use mtor_worker::protocol::worker::{Done, Run, WorkFailed, WorkPart};
use mtor_worker::protocol::{
    Announcement, Body, Event, Frame, FrameKind, Intent, JobId, NewPart, SUBPROTOCOL, Task, Timestamp,
};
use mtor_worker::{CancellationToken, Settings, WorkerError};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use tokio_tungstenite::tungstenite::http::{HeaderValue, header::SEC_WEBSOCKET_PROTOCOL};
use tokio_tungstenite::{WebSocketStream, accept_hdr_async};

use crate::within;

pub(crate) fn now() -> Timestamp {
    Timestamp(std::time::UNIX_EPOCH.elapsed().unwrap().as_millis() as u64)
}

/// A realm with the gateway attached to it.
pub(crate) struct Realm {
    pub(crate) listener: TcpListener,
    pub(crate) key: Keypair,
    pub(crate) shutdown: CancellationToken,
    pub(crate) gateway: JoinHandle<Result<(), WorkerError>>,
}

/// One session of the gateway's.
pub(crate) struct Session {
    pub(crate) socket: WebSocketStream<TcpStream>,
    pub(crate) announcement: Announcement,
    pub(crate) realm: String,
}

/// How a job ended.
pub(crate) struct Outcome {
    pub(crate) text: String,
    pub(crate) partials: Vec<String>,
    pub(crate) sound: Vec<u8>,
    pub(crate) parts: Vec<(NewPart, Vec<u8>)>,
    pub(crate) end: Result<Done, WorkFailed>,
}

impl Realm {
    /// With whatever `attach` attaches to it.
    pub(crate) async fn with<F>(attach: impl FnOnce(Settings, CancellationToken) -> F) -> Self
    where
        F: Future<Output = Result<(), WorkerError>> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("ws://{}", listener.local_addr().unwrap());
        let settings = Settings::new(url, Arc::new(Keypair::generate().unwrap()));
        let shutdown = CancellationToken::new();
        let gateway = tokio::spawn(attach(settings, shutdown.clone()));
        Self { listener, key: Keypair::generate().unwrap(), shutdown, gateway }
    }

    /// With a service attached to it.
    pub(crate) async fn attached<S: Service>(service: S) -> Self {
        Self::with(async move |settings, shutdown| {
            mtor_gateway::attach(service, "gateway", settings, shutdown).await
        })
        .await
    }

    pub(crate) async fn session(&self) -> Session {
        let (stream, _) = within("the gateway", self.listener.accept()).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let with_subprotocol = |_: &Request, mut response: Response| {
            response.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
            Ok(response)
        };
        let socket = within("the request", accept_hdr_async(stream, with_subprotocol)).await.unwrap();
        let realm = self.key.did().0.to_string();
        let mut session = Session { socket, announcement: Announcement::new("", []), realm };
        let challenge = Challenge::new(&self.key.public(), now(), 10_000).unwrap();
        session.say(None, Body::SessionChallenge(challenge.offer().to_wire())).await;
        let Body::SessionHello(hello) = session.next().await else { panic!("no hello") };
        let answer = Answer::from_wire(&hello).unwrap().unwrap();
        let did = challenge.verify(&answer, SessionRole::Worker, now()).unwrap().to_did();
        let welcome = Welcome { did, role: SessionRole::Worker, realm_name: "test".into(), beat_ms: 1_000 };
        session.say(None, Body::SessionWelcome(welcome)).await;
        let Body::WorkerAnnounce(announcement) = session.next().await else { panic!("no announcement") };
        session.announcement = announcement;
        session
    }
}

impl Session {
    pub(crate) async fn say(&mut self, job: Option<JobId>, body: Body) {
        let event = Event { subject: job, ..Event::new(self.realm.as_str(), now(), body) };
        within("room to send", self.socket.send(Message::text(event.to_json()))).await.unwrap();
    }

    pub(crate) async fn run(&mut self, lease: u64, task: Task, prefix: &str) {
        let (intent, deadline) = (Intent::any_model(task).into(), now().plus_ms(600_000));
        let run = Run {
            lease,
            intent,
            prefix: prefix.into(),
            parts: 0,
            hops: Vec::new(),
            output_tokens_max: 100,
            deadline,
        };
        self.say(Some(JobId(lease.into())), Body::WorkerRun(run)).await;
    }

    pub(crate) async fn input(&mut self, lease: u64, sequence: u64, payload: &[u8]) {
        let frame = Frame { kind: FrameKind::Input, job: JobId(lease.into()), lease, sequence, payload };
        within("room to send", self.socket.send(Message::binary(frame.encode().unwrap()))).await.unwrap();
    }

    /// Input in pieces, and its end.
    pub(crate) async fn whole_input(&mut self, lease: u64, bytes: &[u8], piece: usize) {
        for (sequence, piece) in bytes.chunks(piece).chain([&[][..]]).enumerate() {
            self.input(lease, sequence as u64, piece).await;
        }
    }

    pub(crate) async fn frame(&mut self) -> Option<Message> {
        within("a frame", self.socket.next()).await.and_then(Result::ok)
    }

    /// What the gateway says next, beats left out.
    pub(crate) async fn next(&mut self) -> Body {
        loop {
            if let Message::Text(text) = self.frame().await.expect("the gateway left") {
                match Event::parse(&text).unwrap().body {
                    Body::WorkerBeat(_) => {}
                    body => return body,
                }
            }
        }
    }

    /// The only job under way, to its end.
    pub(crate) async fn outcome(&mut self) -> Outcome {
        let (mut text, mut partials, mut sound) = (String::new(), Vec::new(), Vec::new());
        let mut parts: Vec<(NewPart, Vec<u8>)> = Vec::new();
        let end = loop {
            match self.frame().await.expect("the gateway left") {
                Message::Binary(bytes) => match parts.last_mut() {
                    Some((_, part)) => part.extend_from_slice(Frame::decode(&bytes).unwrap().payload),
                    None => sound.extend_from_slice(Frame::decode(&bytes).unwrap().payload),
                },
                Message::Text(json) => match Event::parse(&json).unwrap().body {
                    Body::WorkerBeat(_) => {}
                    Body::WorkerChunk(piece) => text.push_str(&piece.text),
                    Body::WorkerPart(WorkPart { part, .. }) => parts.push((part, Vec::new())),
                    Body::WorkerPartial(partial) => partials.push(partial.text),
                    Body::WorkerDone(done) => break Ok(done),
                    Body::WorkerFailed(failed) => break Err(failed),
                    other => panic!("in the middle of a job: {other:?}"),
                },
                _ => {}
            }
        };
        Outcome { text, partials, sound, parts, end }
    }
}
