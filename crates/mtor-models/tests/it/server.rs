//! A small HTTP server that misbehaves on request and counts the bytes of bodies that it sends.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// How the next request to a path is answered.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Answer {
    /// Send this many bytes of the body, then close the connection.
    CutAfter(usize),
    /// Send this many bytes of the body, then nothing, with the connection open.
    StallAfter(usize),
    /// An error status.
    Status(u16),
    /// The whole body, whatever range was asked for.
    WholeBody,
    /// No Content-Length: the end of the connection ends the body.
    WithoutLength,
}

#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) path: String,
    pub(crate) headers: HashMap<String, String>,
}

#[derive(Default)]
struct State {
    files: HashMap<String, (String, Vec<u8>)>,
    plans: HashMap<String, VecDeque<Answer>>,
    seen: Vec<Seen>,
    sent: HashMap<String, usize>,
}

pub(crate) struct Server {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(State::default()));
        let shared = state.clone();
        let task = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve(stream, shared.clone()));
            }
        });
        Self { address, state, task }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn put(&self, path: &str, body: &[u8]) {
        self.put_as(path, "application/octet-stream", body);
    }

    pub(crate) fn put_as(&self, path: &str, content_type: &str, body: &[u8]) {
        self.state.lock().unwrap().files.insert(path.to_owned(), (content_type.to_owned(), body.to_vec()));
    }

    /// The answers to the next requests for a path; after them it behaves.
    pub(crate) fn plan(&self, path: &str, answers: &[Answer]) {
        self.state.lock().unwrap().plans.insert(path.to_owned(), answers.iter().copied().collect());
    }

    pub(crate) fn seen(&self, path: &str) -> Vec<Seen> {
        self.state.lock().unwrap().seen.iter().filter(|seen| seen.path == path).cloned().collect()
    }

    /// Bytes of bodies sent for a path, over all requests.
    pub(crate) fn sent(&self, path: &str) -> usize {
        self.state.lock().unwrap().sent.get(path).copied().unwrap_or(0)
    }
}

async fn serve(stream: TcpStream, state: Arc<Mutex<State>>) {
    let mut stream = BufReader::new(stream);
    let Some(seen) = read_request(&mut stream).await else { return };
    let path = seen.path.clone();
    let (file, answer) = {
        let mut state = state.lock().unwrap();
        state.seen.push(seen.clone());
        (state.files.get(&path).cloned(), state.plans.get_mut(&path).and_then(VecDeque::pop_front))
    };
    if let Some(Answer::Status(status)) = answer {
        let head = format!("HTTP/1.1 {status} Planned\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        let _ = stream.write_all(head.as_bytes()).await;
        return;
    }
    let Some((content_type, body)) = file else {
        let _ = stream
            .write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            .await;
        return;
    };
    let start = match (answer, seen.headers.get("range")) {
        (Some(Answer::WholeBody), _) | (_, None) => 0,
        (_, Some(range)) => range.trim_start_matches("bytes=").trim_end_matches('-').parse().unwrap(),
    };
    let mut head = match start {
        0 => "HTTP/1.1 200 OK\r\n".to_owned(),
        _ => format!(
            "HTTP/1.1 206 Partial\r\nContent-Range: bytes {start}-{}/{}\r\n",
            body.len() - 1,
            body.len()
        ),
    };
    if !matches!(answer, Some(Answer::WithoutLength)) {
        head += &format!("Content-Length: {}\r\n", body.len() - start);
    }
    head += &format!("Content-Type: {content_type}\r\nETag: \"{}\"\r\nConnection: close\r\n\r\n", body.len());
    let rest = &body[start..];
    let rest = match answer {
        Some(Answer::CutAfter(bytes) | Answer::StallAfter(bytes)) => &rest[..bytes.min(rest.len())],
        _ => rest,
    };
    if stream.write_all(head.as_bytes()).await.is_err() || stream.write_all(rest).await.is_err() {
        return;
    }
    *state.lock().unwrap().sent.entry(path).or_default() += rest.len();
    if matches!(answer, Some(Answer::StallAfter(_))) {
        // Until the client gives up.
        let _ = stream.fill_buf().await;
    }
    let _ = stream.shutdown().await;
}

async fn read_request(stream: &mut BufReader<TcpStream>) -> Option<Seen> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await.ok().filter(|bytes| *bytes > 0)?;
        let line = line.trim_end().to_owned();
        if line.is_empty() {
            break;
        }
        lines.push(line);
    }
    let path = lines.first()?.split(' ').nth(1)?.to_owned();
    let header = |line: &String| {
        let (name, value) = line.split_once(':')?;
        Some((name.to_lowercase(), value.trim().to_owned()))
    };
    Some(Seen { path, headers: lines.iter().skip(1).filter_map(header).collect() })
}
