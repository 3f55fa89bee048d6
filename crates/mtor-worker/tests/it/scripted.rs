//! A worker that does what the question says, and a thread of observation for the test.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use mtor_identity::Keypair;
use mtor_worker::protocol::intent::Task;
use mtor_worker::protocol::{Announcement, CapabilityKind, CapabilityOffer, FinishReason, ProblemKind};
use mtor_worker::{
    CancellationToken, Finished, Handle, Job, JobError, Output, Settings, Stopped, Worker, WorkerError, serve,
};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinHandle;

use crate::broker::{Broker, within};

/// `say a b`: writes each word. `gate`: waits for the gate, and finishes. `hang`: until it is cancelled. `linger`: until
/// it is cancelled, and then for the gate. `panic`, `refuse`: what they say.
struct Scripted {
    slots: Arc<AtomicU32>,
    gate: Arc<Semaphore>,
    started: mpsc::UnboundedSender<u64>,
    cancelled: mpsc::UnboundedSender<u64>,
}

impl Worker for Scripted {
    fn announcement(&self) -> Announcement {
        let slots = self.slots.load(Ordering::SeqCst);
        Announcement::new("scripted", [CapabilityOffer::new(CapabilityKind::CHAT, "script", slots)])
    }

    fn tokens_per_s(&self) -> Option<f32> {
        Some(12.5)
    }

    async fn run(&self, job: Job, output: &mut Output) -> Result<Finished, JobError> {
        let Task::Chat(chat) = &job.intent.task else { panic!("not offered") };
        self.started.send(job.lease).unwrap();
        let (verb, rest) =
            chat.messages[0].content.split_once(' ').unwrap_or((&chat.messages[0].content, ""));
        match verb {
            "say" => {
                for word in rest.split_inclusive(' ') {
                    output.text(word, 1).await?;
                }
            }
            "gate" => self.gate.acquire().await.unwrap().forget(),
            "hang" | "linger" => {
                output.text("...", 3).await?;
                job.cancelled.cancelled().await;
                self.cancelled.send(job.lease).unwrap();
                if verb == "linger" {
                    self.gate.acquire().await.unwrap().forget();
                }
                return Err(Stopped.into());
            }
            "refuse" => return Err(JobError::refused(ProblemKind::ContextExceeded, "too long for me")),
            "panic" => {
                output.text("oh", 1).await?;
                panic!("the secret of {}", job.id)
            }
            other => panic!("no such verb: {other}"),
        }
        Ok(Finished { usage: output.usage(7), finish: FinishReason::Stop })
    }
}

/// A running worker, and what a test may see and do.
pub(crate) struct Stage {
    serving: JoinHandle<Result<(), WorkerError>>,
    pub(crate) shutdown: CancellationToken,
    pub(crate) handle: Handle,
    pub(crate) slots: Arc<AtomicU32>,
    pub(crate) gate: Arc<Semaphore>,
    /// The leases of jobs as they start.
    pub(crate) started: mpsc::UnboundedReceiver<u64>,
    /// The leases of jobs as they notice that they were cancelled.
    pub(crate) cancelled: mpsc::UnboundedReceiver<u64>,
}

impl Stage {
    pub(crate) fn start(broker: &Broker) -> Self {
        Self::with(Settings::new(broker.url(), Arc::new(Keypair::generate().unwrap())))
    }

    pub(crate) fn with(settings: Settings) -> Self {
        let (started_to, started) = mpsc::unbounded_channel();
        let (cancelled_to, cancelled) = mpsc::unbounded_channel();
        let (slots, gate) = (Arc::new(AtomicU32::new(2)), Arc::new(Semaphore::new(0)));
        let worker = Scripted {
            slots: slots.clone(),
            gate: gate.clone(),
            started: started_to,
            cancelled: cancelled_to,
        };
        let (shutdown, handle) = (CancellationToken::new(), settings.handle.clone());
        let serving = tokio::spawn(serve(worker, settings, shutdown.clone()));
        Self { serving, shutdown, handle, slots, gate, started, cancelled }
    }

    /// What `serve` returns in the end.
    pub(crate) async fn outcome(self) -> Result<(), WorkerError> {
        within("serve to return", self.serving).await.unwrap()
    }

    pub(crate) async fn next_started(&mut self) -> u64 {
        within("a job to start", self.started.recv()).await.unwrap()
    }

    pub(crate) async fn next_cancelled(&mut self) -> u64 {
        within("a job to be cancelled", self.cancelled.recv()).await.unwrap()
    }
}
