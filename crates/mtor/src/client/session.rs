//! A client's session over a WebSocket: greeting, events out, events in.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use futures_util::{SinkExt as _, StreamExt as _};
use mtor_identity::Offer;
use mtor_protocol::body::{Hello, SessionRole};
use mtor_protocol::{Body, Did, Event, Frame, FrameKind, JobId, SUBPROTOCOL, Timestamp, limits};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::header::{HeaderValue, SEC_WEBSOCKET_PROTOCOL};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{self, Bytes, Message};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use crate::client::{RealmUrl, Who};
use crate::defaults::{CONNECT_TIMEOUT, PING_PERIOD};
use crate::exit::Fault;

/// Read and write buffer of the WebSocket, in bytes.
const BUFFER_BYTES: usize = 4 * 1024;

/// What goes into a job is sent in pieces of this size.
const PIECE_BYTES: usize = 256 * 1024;

/// The connection is gone; the job it was about is not.
#[derive(Debug, thiserror::Error)]
#[error("the connection to the realm was lost: {0}")]
pub(crate) struct Lost(pub(crate) String);

/// An open session.
#[derive(Debug)]
pub(crate) struct Session {
    socket: WebSocketStream<TcpStream>,
    source: String,
    /// The realm's key, by its name.
    realm: Did,
    /// How far the realm's clock is ahead of ours, in milliseconds.
    clock_ahead_ms: i64,
    /// When something was last heard.
    heard: Instant,
    /// Whether the other side was asked since then whether it is still there.
    pinged: bool,
}

impl Session {
    /// Dials the realm and proves who asks.
    ///
    /// # Errors
    /// [`Fault::Unreachable`] when nothing answers, the realm's [`Problem`](mtor_protocol::Problem) when it refuses.
    pub(crate) async fn open(realm: &RealmUrl, who: &Who) -> anyhow::Result<Self> {
        let unreachable = |why: String| Fault::Unreachable { realm: realm.to_string(), why };
        let opening = async {
            let mut socket = dial(realm).await.map_err(|error| match error {
                tungstenite::Error::Http(answer) => {
                    anyhow::anyhow!("{realm} is no realm: it answers {} to a WebSocket", answer.status())
                }
                tungstenite::Error::Io(error) => unreachable(error.to_string()).into(),
                other => unreachable(other.to_string()).into(),
            })?;
            let (realm, time) = greet(&mut socket, who).await?;
            let clock_ahead_ms = time.0.cast_signed() - now().0.cast_signed();
            let (source, heard) = (who.source(), Instant::now());
            anyhow::Ok(Self { socket, source, realm, clock_ahead_ms, heard, pinged: false })
        };
        match timeout(CONNECT_TIMEOUT, opening).await {
            Ok(opened) => opened.map_err(|error| match error.downcast::<Lost>() {
                Ok(Lost(why)) => unreachable(why).into(),
                Err(error) => error,
            }),
            Err(_) => Err(unreachable(format!("no welcome within {} s", CONNECT_TIMEOUT.as_secs())).into()),
        }
    }

    /// Says `body`, about a job if there is one.
    ///
    /// # Errors
    /// [`Lost`].
    pub(crate) async fn say(&mut self, job: Option<JobId>, body: Body) -> Result<(), Lost> {
        let event = Event { subject: job, ..Event::new(self.source.clone(), now(), body) };
        self.socket.send(Message::text(event.to_json())).await.map_err(|error| Lost(error.to_string()))
    }

    /// Sends the whole input of a job: these pictures, one after the other.
    ///
    /// # Errors
    /// [`Lost`].
    pub(crate) async fn show(&mut self, job: JobId, pictures: &[Vec<u8>]) -> Result<(), Lost> {
        let lost = |why: &dyn std::fmt::Display| Lost(why.to_string());
        let pieces = pictures.iter().flat_map(|picture| picture.chunks(PIECE_BYTES)).chain([&[][..]]);
        for (sequence, payload) in (0..).zip(pieces) {
            let frame = Frame { kind: FrameKind::Input, job, lease: 0, sequence, payload };
            let frame = frame.encode().map_err(|error| lost(&error))?;
            self.socket.send(Message::binary(frame)).await.map_err(|error| lost(&error))?;
        }
        Ok(())
    }

    /// Which realm it is.
    pub(crate) fn realm(&self) -> &Did {
        &self.realm
    }

    /// This moment by the realm's clock.
    pub(crate) fn realm_now(&self) -> Timestamp {
        Timestamp(now().0.saturating_add_signed(self.clock_ahead_ms))
    }

    /// The next event. Tests the connection while nothing is said, so that a realm that vanished is noticed.
    ///
    /// # Errors
    /// [`Lost`], also when the realm closes the session or says what is no event.
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing.
    pub(crate) async fn next(&mut self) -> Result<Event, Lost> {
        loop {
            let patience = PING_PERIOD * if self.pinged { 2 } else { 1 };
            let Ok(message) = timeout_at(self.heard + patience, self.socket.next()).await else {
                if self.pinged {
                    return Err(Lost(format!("nothing was heard for {} s", patience.as_secs())));
                }
                self.pinged = true;
                let ping = Message::Ping(Bytes::new());
                self.socket.send(ping).await.map_err(|error| Lost(error.to_string()))?;
                continue;
            };
            (self.heard, self.pinged) = (Instant::now(), false);
            match message {
                Some(Ok(Message::Text(text))) => {
                    return Event::parse(&text).map_err(|error| Lost(error.to_string()));
                }
                Some(Ok(Message::Close(Some(frame)))) if !frame.reason.is_empty() => {
                    return Err(Lost(frame.reason.to_string()));
                }
                Some(Ok(Message::Close(_))) | None => return Err(Lost("the realm closed it".to_owned())),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(Lost(error.to_string())),
            }
        }
    }

    /// Says goodbye; a realm that does not answer is left anyway.
    pub(crate) async fn close(mut self) {
        let _ = timeout(Duration::from_millis(500), self.socket.close(None)).await;
    }
}

async fn dial(realm: &RealmUrl) -> Result<WebSocketStream<TcpStream>, tungstenite::Error> {
    let stream = TcpStream::connect((realm.host(), realm.port())).await?;
    // Without it a frame can wait 40 ms for the acknowledgement of the one before.
    stream.set_nodelay(true)?;
    let mut request = realm.websocket().into_client_request()?;
    request.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
    let config = WebSocketConfig::default()
        .read_buffer_size(BUFFER_BYTES)
        .write_buffer_size(BUFFER_BYTES)
        .max_message_size(Some(limits::FRAME_BYTES_MAX))
        .max_frame_size(Some(limits::FRAME_BYTES_MAX));
    client_async_with_config(request, stream, Some(config)).await.map(|(socket, _)| socket)
}

/// Challenge, hello, welcome. Gives back whose realm it is, and the time there.
async fn greet(socket: &mut WebSocketStream<TcpStream>, who: &Who) -> anyhow::Result<(Did, Timestamp)> {
    let Body::SessionChallenge(challenge) = read_event(socket).await?.body else {
        anyhow::bail!("the realm does not begin with a challenge; is it one, of this version?");
    };
    let hello = match who.keypair() {
        None => Hello { role: SessionRole::Client, did: None, signature: None, device: None },
        Some(keypair) => {
            let offer = Offer::from_wire(&challenge).context("the realm's challenge")?;
            offer.answer(keypair, SessionRole::Client).to_wire(SessionRole::Client)
        }
    };
    let hello = Event::new(who.source(), now(), Body::SessionHello(hello));
    socket.send(Message::text(hello.to_json())).await.map_err(|error| Lost(error.to_string()))?;
    let welcome = read_event(socket).await?;
    match welcome.body {
        Body::SessionWelcome(_) => Ok((challenge.realm, welcome.time)),
        other => {
            anyhow::bail!("the realm says {} instead of a welcome; is it of this version?", other.kind())
        }
    }
}

/// The next event of the greeting; a refusal is an error.
async fn read_event(socket: &mut WebSocketStream<TcpStream>) -> anyhow::Result<Event> {
    loop {
        let text = match socket.next().await {
            Some(Ok(Message::Text(text))) => text,
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => continue,
            Some(Ok(_)) | None => return Err(Lost("closed in the middle of the greeting".to_owned()).into()),
            Some(Err(error)) => return Err(Lost(error.to_string()).into()),
        };
        let event = Event::parse(&text).context("the realm's greeting")?;
        match event.body {
            Body::Error(problem) => return Err(problem.into()),
            _ => return Ok(event),
        }
    }
}

/// This moment, on this machine's clock.
fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
