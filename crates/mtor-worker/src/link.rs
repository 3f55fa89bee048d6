//! The link to the broker: dialling, proving who we are, and writing.

use std::sync::Arc;

use futures_util::stream::SplitSink;
use futures_util::{SinkExt, StreamExt};
use mtor_identity::{Keypair, Offer};
use mtor_protocol::body::{Challenge, SessionRole, Welcome};
use mtor_protocol::{Body, Event, JobId, ProblemKind, SUBPROTOCOL};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::http::header::{HeaderValue, SEC_WEBSOCKET_PROTOCOL};
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use crate::address::Address;
use crate::clock;
use crate::defaults::{BUFFER_BYTES, CONNECT_TIMEOUT, MESSAGE_BYTES_MAX, QUEUE_FRAMES, QUEUE_TIMEOUT};
use crate::error::WorkerError;
use crate::settings::Settings;

pub(crate) type Socket = WebSocketStream<TcpStream>;

/// Why there is no link, or no longer.
#[derive(Debug)]
pub(crate) enum LinkError {
    /// It was lost, or did not come about, in words for the log: worth another try.
    Lost(String),
    /// Another try would end in the same way.
    Fatal(WorkerError),
}

impl LinkError {
    pub(crate) fn lost(reason: impl ToString) -> Self {
        Self::Lost(reason.to_string())
    }
}

impl From<WorkerError> for LinkError {
    fn from(error: WorkerError) -> Self {
        Self::Fatal(error)
    }
}

/// Dials the realm and proves who we are.
pub(crate) async fn open(address: &Address, settings: &Settings) -> Result<(Socket, Welcome), LinkError> {
    let opening = async {
        let mut socket = dial(address).await?;
        let welcome = greet(&mut socket, address, settings).await?;
        Ok((socket, welcome))
    };
    match tokio::time::timeout(CONNECT_TIMEOUT, opening).await {
        Ok(opened) => opened,
        Err(_) => Err(LinkError::Lost(format!("no welcome within {CONNECT_TIMEOUT:?}"))),
    }
}

async fn dial(address: &Address) -> Result<Socket, LinkError> {
    let stream = TcpStream::connect((address.host.as_str(), address.port)).await.map_err(LinkError::lost)?;
    // Without it a chunk can wait 40 ms for the acknowledgement of the one before.
    stream.set_nodelay(true).map_err(LinkError::lost)?;
    let url = format!("{}?role=worker", address.url);
    let mut request = url.into_client_request().map_err(|error| not_a_realm(address, error))?;
    request.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
    let config = WebSocketConfig::default()
        .read_buffer_size(BUFFER_BYTES)
        .write_buffer_size(BUFFER_BYTES)
        .max_message_size(Some(MESSAGE_BYTES_MAX))
        .max_frame_size(Some(MESSAGE_BYTES_MAX));
    match client_async_with_config(request, stream, Some(config)).await {
        Ok((socket, _)) => Ok(socket),
        // A proxy whose realm is starting says 502 or 503; what else is refused stays refused.
        Err(tungstenite::Error::Http(answer)) if worth_another_try(answer.status().as_u16()) => {
            Err(LinkError::Lost(format!("the realm's address answers {}", answer.status())))
        }
        Err(tungstenite::Error::Http(answer)) => {
            let fault = format!("it answers {} to a WebSocket", answer.status());
            Err(WorkerError::NotARealm { address: address.to_string(), fault }.into())
        }
        // A broker that dies in the middle of its answer.
        Err(tungstenite::Error::Protocol(ProtocolError::HandshakeIncomplete)) => {
            Err(LinkError::lost("closed in the middle of the handshake"))
        }
        Err(error @ (tungstenite::Error::Protocol(_) | tungstenite::Error::HttpFormat(_))) => {
            Err(not_a_realm(address, error))
        }
        Err(error) => Err(LinkError::lost(error)),
    }
}

fn worth_another_try(status: u16) -> bool {
    status >= 500 || matches!(status, 408 | 425 | 429)
}

fn not_a_realm(address: &Address, fault: impl ToString) -> LinkError {
    WorkerError::NotARealm { address: address.to_string(), fault: fault.to_string() }.into()
}

/// Challenge, hello, welcome.
async fn greet(socket: &mut Socket, address: &Address, settings: &Settings) -> Result<Welcome, LinkError> {
    let challenge: Challenge = match read_event(socket, address).await? {
        Body::SessionChallenge(challenge) => challenge,
        other => return Err(unexpected(address, &other)),
    };
    let offer = Offer::from_wire(&challenge).map_err(WorkerError::Session)?;
    if let Some(expected) = &settings.realm_key {
        offer.expect_realm(expected).map_err(WorkerError::Session)?;
    }
    let hello = offer.answer(&settings.keypair, SessionRole::Worker).to_wire(SessionRole::Worker);
    let hello = Event::new(settings.keypair.did().0, clock::now(), Body::SessionHello(hello));
    socket.send(Message::text(hello.to_json())).await.map_err(LinkError::lost)?;
    match read_event(socket, address).await? {
        Body::SessionWelcome(welcome) => Ok(welcome),
        other => Err(unexpected(address, &other)),
    }
}

/// The next event of the greeting; a refusal is an error.
async fn read_event(socket: &mut Socket, address: &Address) -> Result<Body, LinkError> {
    loop {
        let text = match socket.next().await {
            Some(Ok(Message::Text(text))) => text,
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => continue,
            Some(Ok(Message::Close(frame))) => return Err(LinkError::Lost(closed(frame.as_ref()))),
            Some(Ok(_)) => return Err(not_a_realm(address, "it begins with a binary frame")),
            Some(Err(error)) => return Err(LinkError::lost(error)),
            None => return Err(LinkError::Lost(closed(None))),
        };
        let event = Event::parse(&text).map_err(|error| not_a_realm(address, error))?;
        match event.body {
            Body::Error(problem) if refuses_greeting(problem.known_kind()) => {
                return Err(WorkerError::Refused(problem).into());
            }
            Body::Error(problem) => return Err(LinkError::lost(problem)),
            body => return Ok(body),
        }
    }
}

/// Whether a problem that is about no job means that this worker is not wanted, now or later.
pub(crate) fn shuts_out(kind: Option<ProblemKind>) -> bool {
    matches!(kind, Some(ProblemKind::Unauthorized | ProblemKind::Forbidden))
}

/// As [`shuts_out`], in the greeting: a hello that the broker can't read will not be read the next time either.
fn refuses_greeting(kind: Option<ProblemKind>) -> bool {
    shuts_out(kind) || kind == Some(ProblemKind::InvalidRequest)
}

fn unexpected(address: &Address, body: &Body) -> LinkError {
    not_a_realm(address, format!("it says {} where the greeting goes on otherwise", body.kind()))
}

/// How the other side closed, in words for the log.
pub(crate) fn closed(frame: Option<&CloseFrame>) -> String {
    match frame {
        Some(frame) if frame.reason.is_empty() => format!("the broker closed the link ({})", frame.code),
        Some(frame) => format!("the broker closed the link ({}: {})", frame.code, frame.reason),
        None => "the broker closed the link".to_owned(),
    }
}

/// What all parts of a session need to speak: the queue to the socket, and who speaks.
#[derive(Debug, Clone)]
pub(crate) struct Voice {
    pub(crate) queue: mpsc::Sender<Message>,
    pub(crate) keypair: Arc<Keypair>,
    /// The did:key of that key, made once.
    pub(crate) me: Arc<str>,
}

impl Voice {
    pub(crate) fn new(keypair: Arc<Keypair>) -> (Self, mpsc::Receiver<Message>) {
        let (queue, frames) = mpsc::channel(QUEUE_FRAMES);
        let me = keypair.did().0.into();
        (Self { queue, keypair, me }, frames)
    }

    /// The frame that says `body`, under an id that this worker uses once only.
    pub(crate) fn frame(&self, id: String, job: Option<JobId>, body: Body) -> Message {
        let event =
            Event { id, source: self.me.to_string(), time: clock::now(), subject: job, sequence: None, body };
        Message::text(event.to_json())
    }

    /// Says `body`; the link is lost if there is no room in the queue for long.
    pub(crate) async fn say(&self, job: Option<JobId>, body: Body) -> Result<(), LinkError> {
        let frame = self.frame(JobId::generate().to_string(), job, body);
        self.queue.send_timeout(frame, QUEUE_TIMEOUT).await.map_err(|_| LinkError::lost("the link is stuck"))
    }
}

/// Writes what is queued until the queue ends, then says goodbye. Frames that wait together go out in one flush.
pub(crate) async fn write(
    mut socket: SplitSink<Socket, Message>,
    mut frames: mpsc::Receiver<Message>,
) -> Result<(), tungstenite::Error> {
    let mut batch = Vec::with_capacity(QUEUE_FRAMES);
    while frames.recv_many(&mut batch, QUEUE_FRAMES).await > 0 {
        for frame in batch.drain(..) {
            socket.feed(frame).await?;
        }
        socket.flush().await?;
    }
    socket.close().await
}
