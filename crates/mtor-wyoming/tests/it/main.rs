//! Connections of this crate with each other: over TCP, over a socket in the file system, and with peers that misbehave.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use bytes::Bytes;
use mtor_wyoming::{
    Address, AudioFormat, Connection, ConnectionError, Listener, Message, Ping, connect, limits,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const PATIENCE: Duration = Duration::from_secs(5);

async fn pair(address: &Address) -> (Connection, Connection) {
    let listener = Listener::bind(address).await.unwrap();
    let (client, accepted) = tokio::join!(connect(address, PATIENCE), listener.accept());
    (client.unwrap(), accepted.unwrap().0)
}

/// A socket that writes bytes of our choice, and a connection that reads them.
async fn raw() -> (TcpStream, Connection) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (raw, accepted) = tokio::join!(TcpStream::connect(address), listener.accept());
    (raw.unwrap(), Connection::from_tcp(accepted.unwrap().0).unwrap())
}

async fn converse((mut client, mut server): (Connection, Connection)) {
    client.send(Message::Describe).await.unwrap();
    assert_eq!(server.next().await.unwrap(), Some(Message::Describe));
    let info = Message::Info(Box::default());
    server.send(info.clone()).await.unwrap();
    assert_eq!(client.next().await.unwrap(), Some(info));
    let sound = Message::chunk(AudioFormat::mono16(16_000), Bytes::from(vec![7; 300_000]));
    // Larger than the system's buffers: both ends must work at it.
    let (sent, came) = tokio::join!(client.send(sound.clone()), server.next());
    sent.unwrap();
    assert_eq!(came.unwrap(), Some(sound));
    drop(client);
    assert_eq!(server.next().await.unwrap(), None);
}

#[tokio::test]
async fn messages_over_tcp() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    converse(pair(&Address::Tcp("127.0.0.1".into(), port)).await).await;
}

#[cfg(unix)]
#[tokio::test]
async fn messages_over_a_socket_in_the_file_system() {
    let folder = tempfile::tempdir().unwrap();
    let address = Address::Unix(folder.path().join("ears.sock"));
    converse(pair(&address).await).await;
    // What the first listener left behind does not keep a second one away, but a living one does.
    let living = Listener::bind(&address).await.unwrap();
    assert!(Listener::bind(&address).await.is_err());
    drop(living);
}

#[tokio::test]
async fn an_event_survives_readers_that_give_up_on_it() {
    let (mut raw, mut connection) = raw().await;
    raw.write_all(b"{\"type\":\"ping\",\"data_len").await.unwrap();
    assert!(tokio::time::timeout(Duration::from_millis(20), connection.next()).await.is_err());
    raw.write_all(b"gth\":12}\n{\"text\":\"x\"}").await.unwrap();
    let ping = connection.next().await.unwrap();
    assert_eq!(ping, Some(Message::Ping(Ping { text: Some("x".into()) })));
}

#[tokio::test]
async fn a_wrong_message_does_not_end_the_connection_and_wrong_bytes_do() {
    let (mut raw, mut connection) = raw().await;
    raw.write_all(b"{\"type\":\"transcript\"}\n{\"type\":\"describe\"}\nnonsense\n").await.unwrap();
    let error = connection.next().await.unwrap_err();
    assert!(error.is_mendable());
    assert_eq!(error.to_string(), "transcript: missing field `text`");
    assert_eq!(connection.next().await.unwrap(), Some(Message::Describe));
    let error = connection.next().await.unwrap_err();
    assert!(matches!(error, ConnectionError::Codec(_)) && !error.is_mendable(), "{error}");
}

#[tokio::test]
async fn a_connection_that_ends_within_an_event_is_cut() {
    let (mut raw, mut connection) = raw().await;
    raw.write_all(b"{\"type\":\"audio-chunk\",\"payload_length\":100}\nabc").await.unwrap();
    drop(raw);
    assert!(matches!(connection.next().await, Err(ConnectionError::Cut)));
}

#[tokio::test(start_paused = true)]
async fn the_rest_of_an_event_is_not_waited_for_forever() {
    let (ours, mut theirs) = tokio::io::duplex(1_000);
    let (read, write) = tokio::io::split(ours);
    let mut connection = Connection::new(read, write);
    theirs.write_all(b"{\"type\":").await.unwrap();
    let started = tokio::time::Instant::now();
    assert!(matches!(connection.next().await, Err(ConnectionError::Stuck(_))));
    assert_eq!(started.elapsed(), limits::EVENT_TIMEOUT);
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_takes_nothing_is_given_up() {
    let (ours, mut theirs) = tokio::io::duplex(1_000);
    let (read, write) = tokio::io::split(ours);
    let mut connection = Connection::new(read, write);
    let sound = Message::chunk(AudioFormat::mono16(16_000), Bytes::from(vec![0; 10_000]));
    assert!(matches!(connection.send(sound).await, Err(ConnectionError::Stuck(_))));
    assert!(theirs.read_u8().await.is_ok(), "it had room for some");
}

#[tokio::test]
async fn nobody_there_is_said_in_words() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let Err(error) = connect(&Address::Tcp("127.0.0.1".into(), port), PATIENCE).await else {
        panic!("connected to nobody")
    };
    assert!(error.to_string().starts_with(&format!("tcp://127.0.0.1:{port} can't be reached: ")), "{error}");
}
