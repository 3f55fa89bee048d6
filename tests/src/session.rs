//! A client of the WebSocket interface.

use std::net::SocketAddr;
use std::time::{SystemTime, UNIX_EPOCH};

use futures_util::{SinkExt as _, StreamExt as _};
use mtor_identity::Offer;
use mtor_protocol::body::{Cancel, Challenge, Hello, SessionRole, Watch, Welcome};
use mtor_protocol::{Body, Event, JobId, Problem, SUBPROTOCOL, Submit, Timestamp};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use crate::client::{Client, Who};
use crate::deadline::within;
use crate::realm::Realm;

/// An open WebSocket, before or after its greeting. Dropped, its connection is cut as by a closed tab.
pub struct Socket {
    socket: WebSocketStream<TcpStream>,
}

impl Socket {
    /// Dials a realm.
    ///
    /// # Panics
    /// When it refuses.
    pub async fn dial(address: SocketAddr) -> Self {
        Self::try_dial(address, &[]).await.unwrap_or_else(|error| panic!("no WebSocket: {error}"))
    }

    /// Dials a realm, with more headers.
    ///
    /// # Errors
    /// Why there is no WebSocket, with the realm's answer where there is one.
    pub async fn try_dial(address: SocketAddr, headers: &[(&'static str, &str)]) -> Result<Self, Box<Error>> {
        let stream = within("a connection", TcpStream::connect(address)).await.map_err(Error::from)?;
        stream.set_nodelay(true).map_err(Error::from)?;
        let mut request = format!("ws://{address}/ws").into_client_request()?;
        request.headers_mut().insert("sec-websocket-protocol", HeaderValue::from_static(SUBPROTOCOL));
        for (name, value) in headers {
            request.headers_mut().insert(*name, HeaderValue::from_str(value).unwrap());
        }
        // Small buffers: a test opens a thousand of these.
        let config = WebSocketConfig::default().read_buffer_size(4096).write_buffer_size(4096);
        let (socket, _) =
            within("the WebSocket to open", client_async_with_config(request, stream, Some(config))).await?;
        Ok(Self { socket })
    }

    /// The challenge, which the realm says first.
    pub async fn challenge(&mut self) -> Challenge {
        match self.next().await.expect("the realm speaks first").body {
            Body::SessionChallenge(challenge) => challenge,
            other => panic!("{} instead of a challenge", other.kind()),
        }
    }

    /// Answers the challenge as this client would.
    pub fn answer(challenge: &Challenge, who: &Who, role: SessionRole) -> Hello {
        match who {
            Who::Wallet(key) => Offer::from_wire(challenge).unwrap().answer(key, role).to_wire(role),
            Who::Owner => Hello { role, did: None, signature: None, device: None },
            Who::Key(_) => panic!("a WebSocket takes no API key"),
        }
    }

    /// Says hello, and gives the welcome or why there is none.
    ///
    /// # Errors
    /// The realm's reason.
    pub async fn hello(&mut self, hello: Hello) -> Result<Welcome, Problem> {
        self.say(None, Body::SessionHello(hello)).await;
        match self.next().await.expect("an answer to the hello").body {
            Body::SessionWelcome(welcome) => Ok(welcome),
            Body::Error(problem) => Err(problem),
            other => panic!("{} instead of a welcome", other.kind()),
        }
    }

    /// Sends an event.
    pub async fn say(&mut self, job: Option<JobId>, body: Body) {
        let event = Event { subject: job, ..Event::new("test", now(), body) };
        self.send(event.to_json()).await;
    }

    /// Sends any text.
    ///
    /// # Panics
    /// When the connection is gone.
    pub async fn send(&mut self, text: impl Into<String>) {
        within("a frame to go out", self.socket.send(Message::text(text.into()))).await.unwrap();
    }

    /// Sends something that the realm may cut off in the middle.
    pub async fn send_and_be_cut(&mut self, message: Message) {
        // Whether it went out or not: the answer is what counts.
        let _ = within("a frame to go out", self.socket.send(message)).await;
    }

    /// The next event; `None` when the connection is closed.
    ///
    /// # Panics
    /// When what comes is no event.
    pub async fn next(&mut self) -> Option<Event> {
        loop {
            match within("an event", self.socket.next()).await {
                Some(Ok(Message::Text(text))) => {
                    return Some(Event::parse(&text).unwrap_or_else(|error| panic!("{error}: {text}")));
                }
                Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
                Some(Ok(_)) => {}
            }
        }
    }

    /// The problem that the realm tells next.
    ///
    /// # Panics
    /// When it tells something else.
    pub async fn problem(&mut self) -> Problem {
        match self.next().await.expect("a problem").body {
            Body::Error(problem) => problem,
            other => panic!("{} instead of a problem", other.kind()),
        }
    }
}

/// A client's session.
pub struct Session(pub Socket);

impl Session {
    /// Opens a session as this client.
    ///
    /// # Panics
    /// When the realm refuses.
    pub async fn open(realm: &Realm, client: &Client) -> Self {
        Self::open_at(realm.address(), client).await
    }

    /// Opens a session with whatever realm listens there.
    ///
    /// # Panics
    /// When it refuses.
    pub async fn open_at(address: SocketAddr, client: &Client) -> Self {
        let mut socket = Socket::dial(address).await;
        let challenge = socket.challenge().await;
        let hello = Socket::answer(&challenge, client.who(), SessionRole::Client);
        let welcome = socket.hello(hello).await.unwrap_or_else(|problem| panic!("not welcome: {problem}"));
        assert_eq!(&welcome.did, client.did());
        Self(socket)
    }

    /// Submits a job, and follows it.
    pub async fn submit(&mut self, submit: &Submit) {
        self.0.say(submit.id, Body::JobSubmit(submit.clone())).await;
    }

    /// Follows a job from a place on.
    pub async fn watch(&mut self, job: JobId, after: u64) {
        self.0.say(Some(job), Body::JobWatch(Watch { after })).await;
    }

    /// Cancels a job.
    pub async fn cancel(&mut self, job: JobId) {
        self.0.say(Some(job), Body::JobCancel(Cancel {})).await;
    }

    /// The next event; `None` when the session has ended.
    pub async fn next(&mut self) -> Option<Event> {
        self.0.next().await
    }
}

fn now() -> Timestamp {
    let ms = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
    Timestamp(u64::try_from(ms).unwrap())
}
