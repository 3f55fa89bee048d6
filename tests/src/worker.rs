//! A worker that does what the question says, as fast as the test lets it.
//!
//! | question | answer |
//! | --- | --- |
//! | `say TEXT` | the text, word by word, at once |
//! | `slowly TEXT` | the text, word by word, each when the test [lets it](ScriptedWorker::let_words) |
//! | `refuse` | an error that no worker can do better |
//! | `hang` | "Well", and then nothing until it is cancelled |
//! | anything else | `You said: ` and the question, at once |
//!
//! Handed a text that another worker began, it goes on after it. One word is one token.
//!
//! One that embeds gives each text a vector with as many dimensions as it takes to tell most words apart: equal texts have
//! equal vectors, and texts with some words in common lie nearer to each other than those with none.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use mtor_identity::Keypair;
use mtor_protocol::http::WorkerInfo;
use mtor_protocol::{Announcement, CapabilityKind, CapabilityOffer, FinishReason, ProblemKind, Task};
use mtor_worker::{
    CancellationToken, Finished, Job, JobError, Output, Settings, Stopped, Worker, WorkerError, serve,
};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use crate::client::Client;
use crate::deadline::{until, within};
use crate::defaults::SCRIPTED_INPUT_TOKENS;
use crate::realm::Realm;

/// How a scripted worker presents itself.
#[derive(Debug, Clone)]
pub struct WorkerOptions {
    /// Its name.
    pub name: String,
    /// Its model's name.
    pub model: String,
    /// How many jobs it takes at once.
    pub slots: u32,
    /// The window of its model, in tokens: it refuses questions of more words.
    pub context_tokens: Option<u32>,
    /// Whether it answers questions.
    pub chats: bool,
    /// Whether it turns texts into vectors.
    pub embeds: bool,
    /// Breaks after the first word of every answer that it writes; another worker may do better.
    pub faulty: bool,
    /// Writes garbage, other words every time.
    pub garbage: bool,
    /// Where it leaves the newest of its answers for others.
    pub tells: Option<Board>,
    /// Writes what stands there, whatever it is asked, as soon as something does.
    pub copies: Option<Board>,
}

/// An answer that one worker leaves and another one copies.
pub type Board = Arc<Mutex<String>>;

impl Default for WorkerOptions {
    fn default() -> Self {
        Self {
            name: "scripted".to_owned(),
            model: "script".to_owned(),
            slots: 4,
            context_tokens: None,
            chats: true,
            embeds: false,
            faulty: false,
            garbage: false,
            tells: None,
            copies: None,
        }
    }
}

/// An attached worker. Dropped, its link is cut as by `kill -9`.
pub struct ScriptedWorker {
    key: Arc<Keypair>,
    gate: Arc<Semaphore>,
    shutdown: CancellationToken,
    serving: JoinHandle<Result<(), WorkerError>>,
}

impl ScriptedWorker {
    /// Attaches a worker with the default options, and waits until the realm has it.
    pub async fn attach(realm: &Realm) -> Self {
        Self::attach_as(realm, WorkerOptions::default()).await
    }

    /// Attaches a worker of this name.
    pub async fn attach_named(realm: &Realm, name: &str) -> Self {
        Self::attach_as(realm, WorkerOptions { name: name.to_owned(), ..WorkerOptions::default() }).await
    }

    /// Attaches a worker, and waits until the realm has it.
    ///
    /// # Panics
    /// When the realm does not take it.
    pub async fn attach_as(realm: &Realm, options: WorkerOptions) -> Self {
        Self::attach_at(realm, realm.address(), options).await
    }

    /// Attaches a worker to the broker that listens there, and waits until the realm has it.
    ///
    /// # Panics
    /// When the realm does not take it.
    pub async fn attach_at(realm: &Realm, broker: SocketAddr, options: WorkerOptions) -> Self {
        let url = format!("http://{broker}");
        let key = Arc::new(Keypair::generate().unwrap());
        let (gate, shutdown) = (Arc::new(Semaphore::new(0)), CancellationToken::new());
        let script = Script { options, gate: gate.clone() };
        let serving = tokio::spawn(serve(script, Settings::new(url, key.clone()), shutdown.clone()));
        let worker = Self { key, gate, shutdown, serving };
        worker.attached(realm).await;
        worker
    }

    /// Waits until the realm has it, and gives what the realm knows of it.
    pub async fn attached(&self, realm: &Realm) -> WorkerInfo {
        let did = self.key.did();
        until("the worker to be attached", async || {
            assert!(!self.serving.is_finished(), "the realm refuses the worker");
            let workers: Vec<WorkerInfo> = realm.nobody().get("/api/workers").await.json();
            workers.into_iter().find(|worker| worker.did == did)
        })
        .await
    }

    /// Lets slow answers go on by so many words, all jobs together.
    pub fn let_words(&self, words: usize) {
        self.gate.add_permits(words);
    }

    /// Lets all answers run to their end, now and from now on.
    pub fn let_all(&self) {
        self.gate.close();
    }

    /// Whether it serves no more, because the realm has refused it.
    pub fn has_ended(&self) -> bool {
        self.serving.is_finished()
    }

    /// The worker's own wallet.
    pub fn wallet(&self, realm: &Realm) -> Client {
        realm.wallet(&self.key)
    }

    /// Cuts its link in the middle of whatever it does, as `kill -9` would.
    ///
    /// # Panics
    /// When it had ended before.
    pub async fn kill(mut self) {
        self.serving.abort();
        let ended = within("the worker to be gone", &mut self.serving).await;
        assert!(ended.is_err_and(|error| error.is_cancelled()), "it had ended before");
    }

    /// Lets it leave in order, with its jobs done.
    ///
    /// # Panics
    /// When it fails to.
    pub async fn leave(mut self) {
        self.shutdown.cancel();
        within("the worker to leave", &mut self.serving).await.unwrap().unwrap();
    }
}

impl Drop for ScriptedWorker {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

struct Script {
    options: WorkerOptions,
    gate: Arc<Semaphore>,
}

impl Script {
    /// Waits until the test lets one more word go.
    async fn pass(&self, job: &Job) -> Result<(), Stopped> {
        tokio::select! {
            () = job.cancelled.cancelled() => Err(Stopped),
            permit = self.gate.acquire() => {
                // A closed gate lets everything pass.
                if let Ok(permit) = permit {
                    permit.forget();
                }
                Ok(())
            }
        }
    }

    async fn write(
        &self,
        job: &Job,
        text: &str,
        slowly: bool,
        output: &mut Output,
    ) -> Result<Finished, JobError> {
        let rest = text.strip_prefix(job.prefix.as_str()).unwrap_or_else(|| {
            panic!("{text:?} does not go on from {:?}", job.prefix);
        });
        // What another worker wrote is read like a part of the question.
        let read = SCRIPTED_INPUT_TOKENS + job.prefix.split_inclusive(' ').count() as u64;
        let finished = |output: &Output, finish| Ok(Finished { usage: output.usage(read), finish });
        for (count, word) in (0..).zip(rest.split_inclusive(' ')) {
            if count == job.output_tokens_max {
                return finished(output, FinishReason::Length);
            }
            if slowly {
                self.pass(job).await?;
            }
            output.text(word, 1).await?;
            if self.options.faulty {
                return Err(JobError::failed("this worker is faulty"));
            }
        }
        if let Some(board) = &self.options.tells {
            text.clone_into(&mut board.lock().unwrap());
        }
        finished(output, FinishReason::Stop)
    }
}

impl Worker for Script {
    fn announcement(&self) -> Announcement {
        let options = &self.options;
        let mut offer = CapabilityOffer::new(CapabilityKind::CHAT, options.model.clone(), options.slots);
        offer.limits.context_tokens = options.context_tokens;
        let embed = CapabilityOffer::new(CapabilityKind::EMBED, "script-embed", options.slots);
        let offers = [options.chats.then_some(offer), options.embeds.then_some(embed)];
        Announcement::new(options.name.clone(), offers.into_iter().flatten().collect::<Vec<_>>())
    }

    async fn run(&self, job: Job, output: &mut Output) -> Result<Finished, JobError> {
        let chat = match &job.intent.task {
            Task::Chat(chat) => chat,
            Task::Embed(embed) => {
                let vectors: Vec<_> = embed.input.iter().map(|text| vector(text)).collect();
                output.text(&serde_json::to_string(&vectors).unwrap(), 0).await?;
                let words = embed.input.iter().map(|text| text.split_whitespace().count() as u64).sum();
                return Ok(Finished { usage: output.usage(words), finish: FinishReason::Stop });
            }
            _ => return Err(JobError::refused(ProblemKind::InvalidRequest, "it was not offered")),
        };
        let asked = chat.messages.last().map_or("", |message| message.content.as_str());
        let words = asked.split_whitespace().count();
        if let Some(window) = self.options.context_tokens.filter(|window| words > *window as usize) {
            let detail = format!("the prompt has {words} tokens, the window holds {window}");
            return Err(JobError::refused(ProblemKind::ContextExceeded, detail));
        }
        if self.options.garbage {
            let garbage = format!("{0}x {0}y {0}z", job.id);
            return self.write(&job, &garbage, false, output).await;
        }
        let copied = self.options.copies.as_ref().map(|board| board.lock().unwrap().clone());
        if let Some(copied) = copied.filter(|copied| !copied.is_empty()) {
            return self.write(&job, &copied, false, output).await;
        }
        let (verb, text) = asked.split_once(' ').unwrap_or((asked, ""));
        match verb {
            "say" => self.write(&job, text, false, output).await,
            "slowly" => self.write(&job, text, true, output).await,
            "refuse" => Err(JobError::refused(ProblemKind::InvalidRequest, "the script says so")),
            "hang" => {
                output.text("Well", 1).await?;
                job.cancelled.cancelled().await;
                Err(Stopped.into())
            }
            _ => self.write(&job, &format!("You said: {asked}"), false, output).await,
        }
    }
}

/// How often each word is in a text, by the words' hashes.
fn vector(text: &str) -> Vec<f32> {
    const DIMENSIONS: usize = 512;
    let mut vector = vec![0.0; DIMENSIONS];
    for word in text.split_whitespace() {
        let hash = word.bytes().fold(5_381_usize, |hash, byte| hash.wrapping_mul(33) ^ usize::from(byte));
        vector[hash % DIMENSIONS] += 1.0;
    }
    vector
}
