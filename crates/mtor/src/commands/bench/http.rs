//! The smallest HTTP/1.1 client that can load a server: one connection, one request again and again. It spends little of
//! the CPU that it shares with what it measures.

use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::client::RealmUrl;

/// The longest head of an answer, in bytes.
const HEAD_BYTES_MAX: usize = 64 * 1024;

/// What one request showed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Timing {
    /// Until the first byte of the answer's body.
    pub(super) first: Duration,
    /// Until its last.
    pub(super) whole: Duration,
}

/// A connection that is kept.
pub(super) struct Connection {
    stream: TcpStream,
    request: Vec<u8>,
    buffer: Vec<u8>,
}

impl Connection {
    /// Connects, and prepares the request.
    ///
    /// # Errors
    /// When nothing answers.
    pub(super) async fn open(url: &RealmUrl, route: &str, body: &str) -> anyhow::Result<Self> {
        let stream = TcpStream::connect((url.host(), url.port()))
            .await
            .with_context(|| format!("connecting to {url}"))?;
        stream.set_nodelay(true)?;
        let request = format!(
            "POST {} HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            url.path(route),
            url.authority(),
            body.len()
        );
        Ok(Self { stream, request: request.into_bytes(), buffer: Vec::with_capacity(16 * 1024) })
    }

    /// Sends the request and reads the answer to its end.
    ///
    /// # Errors
    /// When the connection breaks, or the answer is anything but 200 and whole.
    pub(super) async fn ask(&mut self) -> anyhow::Result<Timing> {
        let started = Instant::now();
        self.buffer.clear();
        self.stream.write_all(&self.request).await?;
        let head = loop {
            if let Some(head) = Head::parse(&self.buffer)? {
                break head;
            }
            if self.buffer.len() > HEAD_BYTES_MAX {
                bail!("the head of the answer has no end");
            }
            self.more().await?;
        };
        if self.buffer.len() == head.bytes {
            self.more().await?;
        }
        let first = started.elapsed();
        let body = match head.length {
            Length::Known(length) => {
                while self.buffer.len() < head.bytes + length {
                    self.more().await?;
                }
                self.buffer[head.bytes..].to_vec()
            }
            Length::Chunked => self.chunked(head.bytes).await?,
        };
        if head.status != 200 {
            bail!(
                "status {}: {}",
                head.status,
                String::from_utf8_lossy(&body).chars().take(300).collect::<String>()
            );
        }
        if body.windows(8).any(|window| window == b"\"error\":") {
            bail!(
                "an error in the answer: {}",
                String::from_utf8_lossy(&body).chars().take(300).collect::<String>()
            );
        }
        Ok(Timing { first, whole: started.elapsed() })
    }

    /// Reads a chunked body that begins at `at`, and gives it without the chunks' frames.
    async fn chunked(&mut self, mut at: usize) -> anyhow::Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let line = loop {
                if let Some(length) = self.buffer[at..].windows(2).position(|pair| pair == b"\r\n") {
                    break length;
                }
                self.more().await?;
            };
            let size = std::str::from_utf8(&self.buffer[at..at + line])?;
            let size = usize::from_str_radix(size.trim(), 16).context("the size of a chunk")?;
            let end = at + line + 2 + size + 2;
            while self.buffer.len() < end {
                self.more().await?;
            }
            if size == 0 {
                return Ok(body);
            }
            body.extend_from_slice(&self.buffer[at + line + 2..end - 2]);
            at = end;
        }
    }

    async fn more(&mut self) -> anyhow::Result<()> {
        match self.stream.read_buf(&mut self.buffer).await? {
            0 => bail!("the connection was closed in the middle of an answer"),
            _ => Ok(()),
        }
    }
}

/// The head of an answer, as far as it matters here.
#[derive(Debug, PartialEq, Eq)]
struct Head {
    status: u16,
    length: Length,
    /// Its own length.
    bytes: usize,
}

#[derive(Debug, PartialEq, Eq)]
enum Length {
    Known(usize),
    Chunked,
}

impl Head {
    /// Reads the head when it is there to its end.
    fn parse(bytes: &[u8]) -> anyhow::Result<Option<Self>> {
        let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { return Ok(None) };
        let text = std::str::from_utf8(&bytes[..end]).context("the head of the answer")?;
        let mut lines = text.split("\r\n");
        let status = lines.next().and_then(|line| line.strip_prefix("HTTP/1.1 "));
        let status =
            status.and_then(|line| line.get(..3)?.parse().ok()).context("the answer's status line")?;
        let mut length = Length::Known(0);
        for (name, value) in lines.filter_map(|line| line.split_once(':')) {
            let value = value.trim();
            if name.eq_ignore_ascii_case("content-length") {
                length = Length::Known(value.parse().context("the answer's length")?);
            } else if name.eq_ignore_ascii_case("transfer-encoding") && value.eq_ignore_ascii_case("chunked")
            {
                length = Length::Chunked;
            }
        }
        Ok(Some(Self { status, length, bytes: end + 4 }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    /// Answers each request with the next of these, in pieces as they are.
    async fn server(answers: Vec<Vec<&'static str>>) -> RealmUrl {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = RealmUrl::parse(&listener.local_addr().unwrap().to_string()).unwrap();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            for answer in answers {
                let mut request = vec![0; 4096];
                assert!(stream.read(&mut request).await.unwrap() > 0);
                for piece in answer {
                    stream.write_all(piece.as_bytes()).await.unwrap();
                    stream.flush().await.unwrap();
                    tokio::task::yield_now().await;
                }
            }
        });
        url
    }

    #[tokio::test]
    async fn answers_of_both_kinds_are_read_on_one_connection() {
        let url = server(vec![
            vec!["HTTP/1.1 200 OK\r\nContent-Length: 2\r\n", "\r\nh", "i"],
            vec![
                "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r",
                "\n1",
                "0\r\n0123456789abcdef\r\n0\r\n",
                "\r\n",
            ],
            vec!["HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n "],
        ])
        .await;
        let mut connection = Connection::open(&url, "/x", "{}").await.unwrap();
        for _ in 0..3 {
            let timing = connection.ask().await.unwrap();
            assert!(timing.first <= timing.whole);
        }
    }

    #[tokio::test]
    async fn anything_but_a_whole_good_answer_is_an_error() {
        for (answer, said) in [
            ("HTTP/1.1 429 Slow\r\ncontent-length: 4\r\n\r\nslow", "status 429: slow"),
            ("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{\"error\":", "an error in the answer"),
            ("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhi", "closed in the middle"),
            ("nonsense\r\n\r\n", "status line"),
        ] {
            let url = server(vec![vec![answer]]).await;
            let mut connection = Connection::open(&url, "/x", "{}").await.unwrap();
            let error = format!("{:#}", connection.ask().await.unwrap_err());
            assert!(error.contains(said), "{error}");
        }
    }
}
