//! WebSocket sessions: the realm speaks first with a challenge, the other side proves who it is, and is a client or a
//! worker from then on.

mod client;
mod watch;
mod worker;
mod worker_key;

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use mtor_identity::{Answer, Challenge, PublicKey};
use mtor_protocol::body::{Hello, SessionRole, Welcome};
use mtor_protocol::{Body, Event, Frame, FrameKind, JobId, Problem, ProblemKind, SUBPROTOCOL, limits};

use crate::app::{App, Wallet};
use crate::devices::Visit;
use crate::{clock, defaults};

/// Opens a session on a connection; `at_home` says whether the realm's own machine is at its other end, and `much` whether
/// a worker has said that it is one: much will be read from it.
pub(crate) fn upgrade(
    app: Arc<App>,
    at_home: bool,
    much: bool,
    upgrade: WebSocketUpgrade,
) -> axum::response::Response {
    let session = move |socket: WebSocket| {
        let tasks = app.tasks.clone();
        // In a box, since every future that it is handed through would have room for it.
        let socket = Box::new(socket);
        // Tracked, so that the broker waits for it when it goes down.
        tasks.track_future(async move {
            app.metrics.sessions.inc();
            Session { app: app.clone(), socket, at_home }.run().await;
            app.metrics.sessions.dec();
        })
    };
    upgrade
        .protocols([SUBPROTOCOL])
        .read_buffer_size(if much { defaults::WORKER_SOCKET_READ_BYTES } else { defaults::SOCKET_READ_BYTES })
        .write_buffer_size(defaults::SOCKET_WRITE_BYTES)
        .max_message_size(limits::TEXT_BYTES_MAX)
        .max_frame_size(limits::TEXT_BYTES_MAX)
        .on_upgrade(session)
}

/// One open WebSocket.
struct Session {
    app: Arc<App>,
    socket: Box<WebSocket>,
    /// Whether the other side is on the realm's own machine, see [`is_at_home`](crate::auth::is_at_home).
    at_home: bool,
}

/// Who is at the other end.
struct Greeted {
    role: SessionRole,
    /// Whether a key was proven.
    proven: bool,
    wallet: Wallet,
    /// The round trip, in microseconds.
    link_us: u64,
    /// Of a client that said on which device it is. In a box: most sessions of programs have none.
    visit: Option<Box<Visit>>,
}

/// The connection is gone, or was given up.
struct Closed;

impl Session {
    async fn run(mut self) {
        // Each in a box of its own: one future for all three would have, for as long as a session is open and silent, the
        // size of the largest.
        match Box::pin(self.greet()).await {
            Ok(greeted) => {
                let Greeted { role, proven, wallet, link_us, visit } = greeted;
                let closed = match role {
                    SessionRole::Client => Box::pin(self.serve_client(wallet, proven)).await,
                    SessionRole::Worker => Box::pin(self.serve_worker(wallet, link_us)).await,
                };
                drop(visit);
                let _ = closed;
            }
            Err(Some(problem)) => {
                // The other side may be gone already.
                let _ = self.refuse(problem).await;
            }
            Err(None) => {}
        }
    }

    /// Challenge, hello, welcome. Gives back who is there.
    async fn greet(&mut self) -> Result<Greeted, Option<Problem>> {
        let app = self.app.clone();
        let internal = |error| {
            tracing::error!(%error, "no challenge could be made");
            Some(Problem::new(ProblemKind::Internal, "no challenge could be made"))
        };
        let challenge =
            Challenge::new(&app.key.public(), clock::now(), defaults::CHALLENGE_TTL_MS).map_err(internal)?;
        self.say(None, Body::SessionChallenge(challenge.offer().to_wire())).await.map_err(|Closed| None)?;
        let asked = Instant::now();
        let answer = tokio::time::timeout(Duration::from_millis(defaults::CHALLENGE_TTL_MS), self.hear());
        let event = match answer.await {
            Ok(Ok(Said::Event(event))) => event,
            Ok(Ok(Said::Frame(_))) => {
                let detail = "answer the challenge with mtor.session.hello first, not with a binary frame";
                return Err(Some(Problem::new(ProblemKind::Unauthorized, detail)));
            }
            Ok(Err(heard)) => return Err(heard.into_problem()),
            Err(_) => {
                return Err(Some(Problem::new(
                    ProblemKind::Unauthorized,
                    "the challenge was not answered in time",
                )));
            }
        };
        let Body::SessionHello(hello) = event.body else {
            let detail =
                format!("answer the challenge with mtor.session.hello first, not with {}", event.body.kind());
            return Err(Some(Problem::new(ProblemKind::Unauthorized, detail)));
        };
        let link_us = u64::try_from(asked.elapsed().as_micros()).unwrap_or(u64::MAX);
        let wallet = self.prove(challenge, &hello).map_err(Some)?;
        let device = hello.device.filter(|_| hello.role == SessionRole::Client);
        let visit = device.map(|device| app.devices.visit(wallet.account, device));
        let visit = visit.transpose().map_err(Some)?.map(Box::new);
        let welcome = Welcome {
            did: wallet.did.clone(),
            role: hello.role,
            realm_name: app.settings.file.name.clone(),
            beat_ms: defaults::BEAT_MS,
        };
        self.say(None, Body::SessionWelcome(welcome)).await.map_err(|Closed| None)?;
        // Without a name nobody has proven a key.
        Ok(Greeted { role: hello.role, proven: hello.did.is_some(), wallet, link_us, visit })
    }

    fn prove(&self, challenge: Challenge, hello: &Hello) -> Result<Wallet, Problem> {
        let unauthorized =
            |error: &dyn std::fmt::Display| Problem::new(ProblemKind::Unauthorized, error.to_string());
        match Answer::from_wire(hello).map_err(|error| unauthorized(&error))? {
            Some(answer) => {
                let key: PublicKey = challenge
                    .verify(&answer, hello.role, clock::now())
                    .map_err(|error| unauthorized(&error))?;
                self.app.keys.wallet(&key)
            }
            None if hello.role == SessionRole::Client && self.at_home => Ok(self.app.owner.clone()),
            None => Err(unauthorized(
                &"a did and a signature are needed here: only a client on the realm's own machine may leave them out",
            )),
        }
    }

    /// Says no, and ends the session.
    async fn refuse(&mut self, problem: Problem) -> Result<(), Closed> {
        let reason = problem.title.clone();
        let code = if problem.known_kind() == Some(ProblemKind::TooLarge) {
            close_code::SIZE
        } else {
            close_code::POLICY
        };
        self.say(None, Body::Error(problem)).await?;
        self.close(code, reason).await
    }

    async fn close(&mut self, code: u16, reason: String) -> Result<(), Closed> {
        let frame = CloseFrame { code, reason: reason.into() };
        self.socket.send(Message::Close(Some(frame))).await.map_err(|_| Closed)
    }

    async fn say(&mut self, job: Option<JobId>, body: Body) -> Result<(), Closed> {
        let source = self.app.did.as_str();
        let mut event = Event::new(source, clock::now(), body);
        event.subject = job;
        self.send(event.to_json()).await
    }

    async fn send(&mut self, text: String) -> Result<(), Closed> {
        self.socket.send(Message::Text(text.into())).await.map_err(|_| Closed)
    }

    /// The next thing that the other side sends.
    async fn hear(&mut self) -> Result<Said, Heard> {
        loop {
            match self.socket.recv().await {
                Some(Ok(Message::Text(text))) => {
                    return Event::parse(text.as_str()).map(Said::Event).map_err(|error| {
                        Heard::Wrong(Problem::new(ProblemKind::InvalidRequest, error.to_string()))
                    });
                }
                Some(Ok(Message::Binary(bytes))) => return Ok(Said::Frame(bytes)),
                // The library answers pings by itself.
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Err(error)) if is_capacity(&error) => {
                    let detail = format!("a frame has at most {} bytes", limits::TEXT_BYTES_MAX);
                    return Err(Heard::Fatal(Problem::new(ProblemKind::TooLarge, detail)));
                }
                Some(Ok(Message::Close(_)) | Err(_)) | None => return Err(Heard::Gone),
            }
        }
    }
}

/// What came.
#[expect(
    clippy::large_enum_variant,
    reason = "lives for a moment; a box would cost an allocation for every event"
)]
enum Said {
    /// An event.
    Event(Event),
    /// A binary frame, not yet read.
    Frame(Bytes),
}

/// Reads a binary frame of this kind.
fn read_frame(bytes: &Bytes, kind: FrameKind) -> Result<Frame<'_>, Problem> {
    let wrong = |detail: String| Problem::new(ProblemKind::InvalidRequest, detail);
    let frame = Frame::decode(bytes).map_err(|error| wrong(error.to_string()))?;
    match frame.kind == kind {
        true => Ok(frame),
        false => {
            Err(wrong("a client sends input frames, and a worker output frames".to_owned()).about(frame.job))
        }
    }
}

/// What came instead.
enum Heard {
    /// Something that is no event: say so, and go on.
    Wrong(Problem),
    /// Something after which the connection can't go on.
    Fatal(Problem),
    /// The end.
    Gone,
}

impl Heard {
    fn into_problem(self) -> Option<Problem> {
        match self {
            Self::Wrong(problem) | Self::Fatal(problem) => Some(problem),
            Self::Gone => None,
        }
    }
}

fn is_capacity(error: &axum::Error) -> bool {
    // The WebSocket library's own error type is not in axum's interface; its words are stable and short.
    let text = error.to_string();
    text.contains("Space limit exceeded") || text.contains("too long") || text.contains("too large")
}
