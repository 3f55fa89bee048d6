//! The echo worker: answers at once with words that cost nothing to make. It exists for measuring only.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use mtor_protocol::http::WorkerInfo;
use mtor_worker::protocol::{Announcement, CapabilityKind, CapabilityOffer, FinishReason};
use mtor_worker::{
    CancellationToken, Finished, Job, JobError, Keypair, Output, Settings, Worker, WorkerError, serve,
};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::client::{Api, RealmUrl, Who};

/// What the worker's model is called, so that no other worker of the realm gets its jobs.
pub(super) const MODEL: &str = "bench-echo";

/// How long the realm may take to know the worker.
const ATTACH_TIMEOUT: Duration = Duration::from_secs(10);

/// How each answer comes.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    /// In so many pieces.
    pub(super) chunks: u32,
    /// With so much time between them.
    pub(super) pace: Duration,
}

struct Echo {
    answer: Answer,
    slots: u32,
}

impl Worker for Echo {
    fn announcement(&self) -> Announcement {
        Announcement::new("bench", [CapabilityOffer::new(CapabilityKind::CHAT, MODEL, self.slots)])
    }

    async fn run(&self, _job: Job, output: &mut Output) -> Result<Finished, JobError> {
        for number in 0..self.answer.chunks {
            if number > 0 && !self.answer.pace.is_zero() {
                sleep(self.answer.pace).await;
            }
            output.text("word ", 1).await?;
        }
        Ok(Finished { usage: output.usage(1), finish: FinishReason::Stop })
    }
}

/// An echo worker that is attached to a realm.
pub(super) struct Attached {
    stop: CancellationToken,
    serving: JoinHandle<Result<(), WorkerError>>,
}

impl Attached {
    /// Attaches one that does `slots` jobs at once, and waits until the realm knows it.
    ///
    /// # Errors
    /// When the realm does not want it.
    pub(super) async fn to(realm: &RealmUrl, answer: Answer, slots: u32) -> anyhow::Result<Self> {
        let stop = CancellationToken::new();
        let settings = Settings::new(realm.to_string(), Arc::new(Keypair::generate()?));
        let serving = tokio::spawn(serve(Echo { answer, slots }, settings, stop.clone()));
        let attached = Self { stop, serving };
        match timeout(ATTACH_TIMEOUT, attached.until_known(realm)).await {
            Ok(known) => known.map(|()| attached),
            Err(_) => bail!("the realm does not know the echo worker after {} s", ATTACH_TIMEOUT.as_secs()),
        }
    }

    async fn until_known(&self, realm: &RealmUrl) -> anyhow::Result<()> {
        let api = Api::new(realm, Who::Owner)?;
        loop {
            let workers: Vec<WorkerInfo> =
                api.get("/api/workers").await.context("asking for the realm's workers")?;
            if workers.iter().flat_map(|worker| &worker.offers).any(|offer| offer.model == MODEL) {
                return Ok(());
            }
            if self.serving.is_finished() {
                bail!(
                    "the realm does not take the echo worker; it admits workers from this machine, or those listed in its realm.toml"
                );
            }
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// Leaves the realm.
    pub(super) async fn leave(self) {
        self.stop.cancel();
        // How it ended is of no interest any more.
        let _ = self.serving.await;
    }
}
