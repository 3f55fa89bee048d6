//! A broker for tests: a real WebSocket on loopback that speaks the real protocol and checks every signature.

use std::future::Future;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use mtor_identity::{Answer, Challenge, Keypair, PublicKey, Signature};
use mtor_protocol::body::{SessionRole, Welcome};
use mtor_protocol::worker::{Done, Piece, Run, Stop, WorkFailed};
use mtor_protocol::{
    Announcement, Body, ChatTask, Digest, Event, Intent, JobId, Problem, SUBPROTOCOL, Task, Timestamp,
};
use sha2::{Digest as _, Sha256};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::{HeaderValue, StatusCode, header::SEC_WEBSOCKET_PROTOCOL};
use tokio_tungstenite::{WebSocketStream, accept_hdr_async};

/// Waits for something that must come; long enough for a busy machine.
pub(crate) async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(Duration::from_secs(20), future).await {
        Ok(value) => value,
        Err(_) => panic!("waited in vain for {what}"),
    }
}

fn now() -> Timestamp {
    let since_epoch = std::time::UNIX_EPOCH.elapsed().unwrap();
    Timestamp(since_epoch.as_millis() as u64)
}

pub(crate) struct Broker {
    listener: TcpListener,
    pub(crate) realm: Keypair,
    pub(crate) beat_ms: u64,
}

impl Broker {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self { listener, realm: Keypair::generate().unwrap(), beat_ms: 1_000 }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.listener.local_addr().unwrap())
    }

    pub(crate) async fn accept_tcp(&self) -> TcpStream {
        let (stream, _) = within("a connection", self.listener.accept()).await.unwrap();
        stream.set_nodelay(true).unwrap();
        stream
    }

    /// Answers the next connection with an HTTP status instead of a WebSocket.
    pub(crate) async fn refuse_http(&self, status: u16) {
        let refuse = move |_: &Request, _: Response| {
            let mut refusal = ErrorResponse::new(None);
            *refusal.status_mut() = StatusCode::from_u16(status).unwrap();
            Err(refusal)
        };
        let stream = self.accept_tcp().await;
        assert!(within("the request", accept_hdr_async(stream, refuse)).await.is_err());
    }

    /// A WebSocket, its greeting still to come.
    pub(crate) async fn accept_socket(&self, subprotocol: bool) -> WebSocketStream<TcpStream> {
        let answer = move |request: &Request, mut response: Response| {
            assert_eq!(request.uri().path(), "/ws");
            assert_eq!(request.headers()[SEC_WEBSOCKET_PROTOCOL], SUBPROTOCOL);
            if subprotocol {
                response.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
            }
            Ok(response)
        };
        let stream = self.accept_tcp().await;
        within("the request", accept_hdr_async(stream, answer)).await.unwrap()
    }

    /// Challenge and hello: a link whose worker has proven its key and was not yet welcomed.
    pub(crate) async fn meet(&self) -> Link {
        let challenge = Challenge::new(&self.realm.public(), now(), 10_000).unwrap();
        let socket = self.accept_socket(true).await;
        let mut link = Link { socket, realm: self.realm.did().0, worker: self.realm.public() };
        link.say(None, Body::SessionChallenge(challenge.offer().to_wire())).await;
        let Body::SessionHello(hello) = link.next().await.body else { panic!("no hello") };
        assert_eq!(hello.role, SessionRole::Worker);
        let answer = Answer::from_wire(&hello).unwrap().expect("a worker names itself");
        link.worker = challenge.verify(&answer, SessionRole::Worker, now()).unwrap();
        link
    }

    /// A link with everything said that comes before the first job.
    pub(crate) async fn attach(&self) -> (Link, Announcement) {
        let mut link = self.meet().await;
        let did = link.worker.to_did();
        let (role, realm_name) = (SessionRole::Worker, "test".to_owned());
        link.say(None, Body::SessionWelcome(Welcome { did, role, realm_name, beat_ms: self.beat_ms })).await;
        let announcement = link.announcement().await;
        (link, announcement)
    }

    /// Refuses the next worker in the middle of the greeting.
    pub(crate) async fn refuse(&self, problem: Problem) {
        self.meet().await.say(None, Body::Error(problem)).await;
    }
}

pub(crate) struct Link {
    socket: WebSocketStream<TcpStream>,
    realm: String,
    pub(crate) worker: PublicKey,
}

impl Link {
    pub(crate) async fn say(&mut self, job: Option<JobId>, body: Body) {
        let event = Event { subject: job, ..Event::new(self.realm.as_str(), now(), body) };
        self.frame(Message::text(event.to_json())).await;
    }

    pub(crate) async fn frame(&mut self, message: Message) {
        within("room to send", self.socket.send(message)).await.unwrap();
    }

    /// Gives the worker a job that asks `question`.
    pub(crate) async fn run(&mut self, lease: u64, question: &str) {
        self.say(Some(job(lease)), Body::WorkerRun(assignment(lease, question))).await;
    }

    pub(crate) async fn stop(&mut self, lease: u64) {
        self.say(Some(job(lease)), Body::WorkerStop(Stop { lease })).await;
    }

    /// The next event, beats included; `None` when the worker said goodbye.
    pub(crate) async fn next_or_end(&mut self) -> Option<Event> {
        loop {
            match within("a frame", self.socket.next()).await {
                Some(Ok(Message::Text(text))) => return Some(Event::parse(&text).unwrap()),
                None => return None,
                // Reading on sends the answer to a goodbye.
                Some(Ok(_)) => {}
                Some(Err(error)) => panic!("the worker broke off: {error}"),
            }
        }
    }

    /// The next event that is no beat. Whoever it comes from is who proved its key.
    pub(crate) async fn next(&mut self) -> Event {
        loop {
            let event = self.next_or_end().await.expect("the worker said goodbye");
            if !matches!(event.body, Body::SessionHello(_)) {
                assert_eq!(event.source, self.worker.to_did().0);
            }
            if !matches!(event.body, Body::WorkerBeat(_)) {
                return event;
            }
        }
    }

    pub(crate) async fn announcement(&mut self) -> Announcement {
        match self.next().await.body {
            Body::WorkerAnnounce(announcement) => announcement,
            other => panic!("no announcement but {other:?}"),
        }
    }

    pub(crate) async fn piece(&mut self, lease: u64) -> Piece {
        let event = self.next().await;
        assert_eq!(event.subject, Some(job(lease)));
        match event.body {
            Body::WorkerChunk(piece) if piece.lease == lease => piece,
            other => panic!("no chunk of {lease} but {other:?}"),
        }
    }

    /// The end of a job that wrote `text` in all, its signature checked.
    pub(crate) async fn done(&mut self, lease: u64, text: &str) -> Done {
        let event = self.next().await;
        assert_eq!(event.subject, Some(job(lease)));
        let Body::WorkerDone(done) = event.body else { panic!("not done but {:?}", event.body) };
        assert_eq!(done.lease, lease);
        assert_eq!(done.output, Digest(Sha256::digest(text).into()));
        let signature: Signature = done.signature.parse().unwrap();
        let signed = Done::signing_text(job(lease), lease, &done.output, &done.usage);
        self.worker.verify(signed.as_bytes(), &signature).unwrap();
        done
    }

    pub(crate) async fn failed(&mut self, lease: u64) -> WorkFailed {
        let event = self.next().await;
        assert_eq!(event.subject, Some(job(lease)));
        match event.body {
            Body::WorkerFailed(failed) if failed.lease == lease => failed,
            other => panic!("no failure of {lease} but {other:?}"),
        }
    }

    /// That a job goes all the way still.
    pub(crate) async fn check_alive(&mut self, lease: u64) {
        self.run(lease, "say alive").await;
        assert_eq!(self.piece(lease).await.text, "alive");
        self.done(lease, "alive").await;
    }
}

/// The job of a lease.
pub(crate) fn job(lease: u64) -> JobId {
    JobId(u128::from(lease) + 1_000)
}

pub(crate) fn assignment(lease: u64, question: &str) -> Run {
    Run {
        lease,
        intent: Intent::any_model(Task::Chat(ChatTask::question(question))).into(),
        prefix: String::new(),
        parts: 0,
        output_tokens_max: 100,
        deadline: now().plus_ms(60_000),
        hops: Vec::new(),
    }
}
