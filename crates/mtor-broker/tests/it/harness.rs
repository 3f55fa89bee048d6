//! A broker at home, for tests.

use std::sync::Arc;
use std::time::Duration;

use mtor_broker::{Broker, Settings};
use mtor_identity::Keypair;
use mtor_protocol::worker::CapabilityOffer;
use mtor_protocol::{Announcement, CapabilityKind, FinishReason, Task};
use mtor_worker::{CancellationToken, Finished, Job, JobError, Output, Worker};
use serde_json::Value;
use tempfile::TempDir;
use tokio::task::JoinHandle;

/// How long anything may take before a test gives up.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Home {
    folder: TempDir,
    url: String,
    client: reqwest::Client,
    shutdown: CancellationToken,
    running: JoinHandle<anyhow::Result<()>>,
}

impl Home {
    pub(crate) async fn start() -> Self {
        Self::start_in(tempfile::tempdir().unwrap()).await
    }

    pub(crate) async fn start_in(folder: TempDir) -> Self {
        let mut settings = Settings::load(folder.path()).unwrap();
        settings.file.listen.set_port(0);
        let broker: Broker = mtor_broker::start(settings).await.unwrap();
        let url = format!("http://{}", broker.address());
        let shutdown = CancellationToken::new();
        let running = tokio::spawn(broker.run_until(shutdown.clone()));
        // Another part of the tests may have installed it already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Self { folder, url, client: reqwest::Client::new(), shutdown, running }
    }

    pub(crate) async fn stop(self) -> TempDir {
        self.shutdown.cancel();
        tokio::time::timeout(PATIENCE, self.running).await.expect("it stops in time").unwrap().unwrap();
        self.folder
    }

    pub(crate) async fn restart(self) -> Self {
        Self::start_in(self.stop().await).await
    }

    /// Attaches a worker that says everything in reverse, and waits until it can take jobs.
    pub(crate) async fn attach_worker(&self, name: &str) {
        self.attach(Reverse(name.to_owned())).await;
    }

    /// Attaches a worker, and waits until it can take jobs.
    pub(crate) async fn attach<W: Worker>(&self, worker: W) -> Arc<W> {
        let keypair = Arc::new(Keypair::generate().unwrap());
        let did = keypair.did();
        let worker = Arc::new(worker);
        let settings = mtor_worker::Settings::new(&self.url, keypair);
        tokio::spawn(mtor_worker::serve(worker.clone(), settings, self.shutdown.clone()));
        let attached = async {
            loop {
                let workers: Vec<Value> = self.get("/api/workers").await.json().await.unwrap();
                if workers.iter().any(|worker| worker["did"] == did.as_str()) {
                    return;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, attached).await.expect("the worker attaches in time");
        worker
    }

    /// Where it is.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Sends a form with a file, if there is one, and these fields.
    pub(crate) async fn upload(
        &self,
        path: &str,
        file: Option<&[u8]>,
        fields: &[(&str, &str)],
    ) -> reqwest::Response {
        const BOUNDARY: &str = "a-line-that-is-in-no-file";
        let mut body = Vec::new();
        for (name, value) in fields {
            let part =
                format!("--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
            body.extend(part.into_bytes());
        }
        if let Some(file) = file {
            let head = format!(
                "--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\ncontent-type: audio/wav\r\n\r\n"
            );
            body.extend(head.into_bytes());
            body.extend_from_slice(file);
            body.extend(b"\r\n");
        }
        body.extend(format!("--{BOUNDARY}--\r\n").into_bytes());
        let request = self.client.post(format!("{}{path}", self.url)).body(body);
        let request = request.header("content-type", format!("multipart/form-data; boundary={BOUNDARY}"));
        request.timeout(PATIENCE).send().await.unwrap()
    }

    pub(crate) async fn get(&self, path: &str) -> reqwest::Response {
        self.request("GET", path, None).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> reqwest::Response {
        self.request("POST", path, Some(body)).await
    }

    pub(crate) async fn request(&self, method: &str, path: &str, body: Option<&Value>) -> reqwest::Response {
        let request = self.client.request(method.parse().unwrap(), format!("{}{path}", self.url));
        let request = match body.filter(|_| method != "GET") {
            Some(body) => request.json(body),
            None => request,
        };
        request.timeout(PATIENCE).send().await.unwrap()
    }

    /// The status that somebody gets who comes through a proxy, with no key.
    pub(crate) async fn stranger(&self, method: &str, path: &str) -> u16 {
        let request = self.client.request(method.parse().unwrap(), format!("{}{path}", self.url));
        request.header("x-forwarded-for", "192.0.2.1").send().await.unwrap().status().as_u16()
    }
}

pub(crate) async fn json(response: reqwest::Response, status: u16) -> Value {
    let (found, text) = (response.status().as_u16(), response.text().await.unwrap());
    assert_eq!(found, status, "{text}");
    serde_json::from_str(&text).unwrap()
}

struct Reverse(String);

impl Worker for Reverse {
    fn announcement(&self) -> Announcement {
        Announcement::new(&self.0, vec![CapabilityOffer::new(CapabilityKind::CHAT, "reverse", 4)])
    }

    async fn run(&self, job: Job, output: &mut Output) -> Result<Finished, JobError> {
        let Task::Chat(chat) = &job.intent.task else { return Err(JobError::failed("only chat")) };
        let words: Vec<&str> =
            chat.messages.iter().flat_map(|message| message.content.split_whitespace()).collect();
        for (index, word) in words.iter().rev().enumerate() {
            let space = if index == 0 { "" } else { " " };
            output.text(&format!("{space}{word}"), 1).await?;
        }
        Ok(Finished { usage: output.usage(words.len() as u64), finish: FinishReason::Stop })
    }
}
