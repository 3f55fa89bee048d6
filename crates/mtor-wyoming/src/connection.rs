//! One connection: a half that reads messages and a half that writes them.

use std::io;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};

use crate::address::Address;
use crate::codec::{CodecError, Decoder, Event};
use crate::limits::{EVENT_TIMEOUT, READ_BYTES, SEND_TIMEOUT};
use crate::message::{Message, MessageError};

/// What can go wrong with a connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectionError {
    /// It can't be made.
    #[error("{address} can't be reached: {error}")]
    Unreachable {
        /// Which address.
        address: Address,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// It was lost.
    #[error("the connection was lost: {0}")]
    Lost(#[from] io::Error),
    /// It ended within an event.
    #[error("the connection ended in the middle of an event")]
    Cut,
    /// The rest of an event does not come, or what is sent is not taken.
    #[error("the other end {0} for too long")]
    Stuck(&'static str),
    /// What comes is no Wyoming.
    #[error(transparent)]
    Codec(#[from] CodecError),
    /// An event does not say what it should. The connection can go on.
    #[error(transparent)]
    Message(#[from] MessageError),
}

impl ConnectionError {
    /// Whether the connection can go on after it.
    pub fn is_mendable(&self) -> bool {
        matches!(self, Self::Message(_))
    }
}

/// The reading half.
pub struct Reader {
    half: Box<dyn AsyncRead + Send + Unpin>,
    decoder: Decoder,
    wire: BytesMut,
    /// When the event that has begun must be whole.
    whole_by: Option<Instant>,
}

/// The writing half. Dropping it tells the other end that nothing more comes.
pub struct Writer {
    half: Box<dyn AsyncWrite + Send + Unpin>,
    wire: BytesMut,
}

/// Both halves.
pub struct Connection {
    /// What comes.
    pub reader: Reader,
    /// What goes.
    pub writer: Writer,
}

/// Connects to an address.
///
/// # Errors
/// [`ConnectionError::Unreachable`], after `patience` at the latest.
pub async fn connect(address: &Address, patience: Duration) -> Result<Connection, ConnectionError> {
    let unreachable = |error| ConnectionError::Unreachable { address: address.clone(), error };
    match timeout(patience, dial(address)).await {
        Ok(connection) => connection.map_err(unreachable),
        Err(_) => Err(unreachable(io::Error::new(io::ErrorKind::TimedOut, "no answer"))),
    }
}

async fn dial(address: &Address) -> io::Result<Connection> {
    match address {
        Address::Tcp(host, port) => Connection::from_tcp(TcpStream::connect((host.as_str(), *port)).await?),
        #[cfg(unix)]
        Address::Unix(path) => {
            let (read, write) = tokio::net::UnixStream::connect(path).await?.into_split();
            Ok(Connection::new(read, write))
        }
        #[cfg(not(unix))]
        Address::Unix(_) => {
            Err(io::Error::new(io::ErrorKind::Unsupported, "this system has no unix sockets"))
        }
    }
}

impl Connection {
    /// A connection over any two halves.
    pub fn new(
        read: impl AsyncRead + Send + Unpin + 'static,
        write: impl AsyncWrite + Send + Unpin + 'static,
    ) -> Self {
        let reader = Reader {
            half: Box::new(read),
            decoder: Decoder::default(),
            wire: BytesMut::new(),
            whole_by: None,
        };
        Self { reader, writer: Writer { half: Box::new(write), wire: BytesMut::new() } }
    }

    /// A connection over TCP, on which small events leave at once.
    ///
    /// # Errors
    /// When it is gone already.
    pub fn from_tcp(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        let (read, write) = stream.into_split();
        Ok(Self::new(read, write))
    }

    /// Sends a message; see [`Writer::send`].
    ///
    /// # Errors
    /// See [`Writer::send`].
    pub async fn send(&mut self, message: Message) -> Result<(), ConnectionError> {
        self.writer.send(message).await
    }

    /// The next message; see [`Reader::next`].
    ///
    /// # Errors
    /// See [`Reader::next`].
    pub async fn next(&mut self) -> Result<Option<Message>, ConnectionError> {
        self.reader.next().await
    }
}

impl Reader {
    /// The next message, or `None` when the other end has ended the connection between two of them. Waits as long as it
    /// takes for one to begin, and [`EVENT_TIMEOUT`] for it to be whole.
    ///
    /// # Errors
    /// [`ConnectionError`]; but for [`ConnectionError::Message`], the connection is of no use after it.
    ///
    /// # Cancel safety
    /// Cancel safe: what has come of an event is kept for the next call.
    pub async fn next(&mut self) -> Result<Option<Message>, ConnectionError> {
        Ok(match self.next_event().await? {
            Some(event) => Some(Message::from_event(event)?),
            None => None,
        })
    }

    async fn next_event(&mut self) -> Result<Option<Event>, ConnectionError> {
        loop {
            if let Some(event) = self.decoder.decode(&mut self.wire)? {
                self.whole_by = None;
                if self.wire.is_empty() {
                    // Of a large event nothing stays behind while the connection is idle.
                    self.wire = BytesMut::new();
                }
                return Ok(Some(event));
            }
            let within = self.decoder.is_within(&self.wire);
            let read = match self.deadline(within) {
                None => self.fill().await?,
                Some(deadline) => timeout_at(deadline, self.fill())
                    .await
                    .map_err(|_| ConnectionError::Stuck("has not sent the rest of an event"))??,
            };
            if read == 0 {
                return if within { Err(ConnectionError::Cut) } else { Ok(None) };
            }
        }
    }

    fn deadline(&mut self, within: bool) -> Option<Instant> {
        within.then(|| *self.whole_by.get_or_insert_with(|| Instant::now() + EVENT_TIMEOUT))
    }

    async fn fill(&mut self) -> io::Result<usize> {
        self.wire.reserve(READ_BYTES);
        self.half.read_buf(&mut self.wire).await
    }
}

impl Writer {
    /// Sends a message, and returns when the system has taken it.
    ///
    /// # Errors
    /// [`ConnectionError::Codec`] when it is too long, and then nothing was sent; else the connection is of no use any more:
    /// lost, or [`ConnectionError::Stuck`] after [`SEND_TIMEOUT`].
    ///
    /// # Cancel safety
    /// Not cancel safe: when the future is dropped, the message may have been sent in part. Drop the writer then.
    pub async fn send(&mut self, message: Message) -> Result<(), ConnectionError> {
        self.wire.clear();
        message.into_event().encode(&mut self.wire)?;
        match timeout(SEND_TIMEOUT, self.half.write_all(&self.wire)).await {
            Ok(sent) => Ok(sent?),
            Err(_) => Err(ConnectionError::Stuck("has not taken what is sent")),
        }
    }
}
