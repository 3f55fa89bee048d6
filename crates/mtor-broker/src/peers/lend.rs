//! Lending: this realm as a worker of a peer. Each job that it is pushed is taken here as one of the peer's, on credit and behind
//! all own jobs, and what the worker here writes goes on as it comes.

use std::sync::{Arc, Mutex};

use mtor_core::{Input, Ticket};
use mtor_identity::PublicKey;
use mtor_protocol::{
    AccountId, Announcement, Body, CapabilityOffer, JobId, Privacy, ProblemKind, ServiceClass, Submit,
};
use mtor_worker::{Finished, Handle, Job, JobError, Output, Worker};
use tokio_util::sync::CancellationToken;

use super::{Known, lock};
use crate::app::{App, Wallet};
use crate::clock;
use crate::defaults::{PEER_ANNOUNCE_PAUSE, PEER_REDIAL_PAUSE};
use crate::jobs::Borrowed;
use crate::stream::JobStream;

/// Lends to a peer what its terms say, from now on, and nothing of what they said before.
pub(super) fn start(app: &Arc<App>, account: AccountId, peer: &Known) {
    stop(app, account);
    let Some(address) = peer.address.clone().filter(|_| !peer.terms.share.is_empty()) else { return };
    let Ok(key) = PublicKey::from_did(peer.did.as_str()) else { return };
    let over = app.closing.child_token();
    lock(&app.peers.lent).insert(account, over.clone());
    let lending = Lending { app: app.clone(), account, peer: peer.clone(), address, key };
    app.tasks.spawn(async move {
        over.run_until_cancelled(lending.run()).await;
    });
}

/// Ends it at once; jobs that run for the peer are cancelled.
pub(super) fn stop(app: &App, account: AccountId) {
    if let Some(over) = lock(&app.peers.lent).remove(&account) {
        over.cancel();
    }
}

struct Lending {
    app: Arc<App>,
    account: AccountId,
    peer: Known,
    address: String,
    key: PublicKey,
}

impl Lending {
    /// Dials whenever there is something to lend, until it is dropped.
    async fn run(self) {
        let mut revision = self.app.realm.watch_revision();
        loop {
            let Some(offers) = self.offers().await else { return };
            if offers.is_empty() {
                if revision.changed().await.is_err() {
                    return;
                }
                tokio::time::sleep(PEER_ANNOUNCE_PAUSE).await;
                continue;
            }
            self.attach(offers).await;
            tokio::time::sleep(PEER_REDIAL_PAUSE).await;
        }
    }

    /// What is shared now; nothing when the realm is going down.
    async fn offers(&self) -> Option<Vec<CapabilityOffer>> {
        let (account, share) = (self.account, self.peer.terms.share.clone());
        let look = move |realm: &mtor_core::Realm| realm.offers_for_peer(clock::now(), account, &share);
        self.app.realm.view(look).await.ok()
    }

    /// Is a worker of the peer until it refuses, or there is nothing more to lend.
    async fn attach(&self, offers: Vec<CapabilityOffer>) {
        let mut settings = mtor_worker::Settings::new(&self.address, self.app.key.clone());
        settings.realm_key = Some(self.key);
        settings.software = concat!("mtor/", env!("CARGO_PKG_VERSION")).to_owned();
        let handle = settings.handle.clone();
        let lender = Arc::new(Lender {
            app: self.app.clone(),
            wallet: Wallet { did: self.peer.did.clone(), account: self.account, grant: None },
            offers: Mutex::new(offers),
        });
        let served = mtor_worker::serve(lender.clone(), settings, CancellationToken::new());
        tokio::select! {
            ended = served => {
                if let Err(error) = ended {
                    tracing::warn!(peer = self.peer.name, %error, "the peer does not take what is lent to it");
                }
            }
            () = self.keep_up(&lender, &handle) => {}
        }
    }

    /// Says what has changed of what is lent; ends when there is nothing left.
    async fn keep_up(&self, lender: &Lender, handle: &Handle) {
        let mut revision = self.app.realm.watch_revision();
        while revision.changed().await.is_ok() {
            tokio::time::sleep(PEER_ANNOUNCE_PAUSE).await;
            match self.offers().await {
                Some(offers) if offers.is_empty() => return,
                Some(offers) => {
                    if lender.takes_over(offers) {
                        handle.announce_again();
                    }
                }
                None => return,
            }
        }
    }
}

/// This realm, as a worker.
struct Lender {
    app: Arc<App>,
    /// The peer's.
    wallet: Wallet,
    offers: Mutex<Vec<CapabilityOffer>>,
}

impl Lender {
    /// Whether these offers are others than before, the measured speeds aside.
    fn takes_over(&self, offers: Vec<CapabilityOffer>) -> bool {
        let plain = |offers: &[CapabilityOffer]| -> Vec<CapabilityOffer> {
            offers.iter().map(|offer| CapabilityOffer { tokens_per_s: None, ..offer.clone() }).collect()
        };
        let mut known = lock(&self.offers);
        let changed = plain(&known) != plain(&offers);
        *known = offers;
        changed
    }

    /// What was asked for this, so that no more is taken for it than was said.
    fn offer_for(&self, job: &Job) -> Option<CapabilityOffer> {
        let kind = job.intent.task.kind();
        let offers = lock(&self.offers);
        let mut of_kind = offers.iter().filter(|offer| offer.capability == kind);
        of_kind.find(|offer| offer.model == job.intent.model).cloned()
    }
}

impl Worker for Lender {
    fn announcement(&self) -> Announcement {
        Announcement::new(&self.app.settings.file.name, lock(&self.offers).clone())
    }

    async fn run(&self, job: Job, output: &mut Output) -> Result<Finished, JobError> {
        let elsewhere =
            |detail: &str| JobError { retry: true, ..JobError::refused(ProblemKind::NoWorker, detail) };
        let offer =
            self.offer_for(&job).ok_or_else(|| elsewhere("this realm does not offer that any more"))?;
        if job.parts > 0 || job.intent.task.takes_input() {
            return Err(elsewhere("this realm takes no job from a peer that has more than text"));
        }
        let submit = Submit {
            class: ServiceClass::Interactive,
            privacy: Privacy::Peers,
            deadline: Some(job.deadline),
            ..Submit::new(job.intent)
        };
        let borrowed = Borrowed {
            hops: job.hops,
            prefix: job.prefix.clone(),
            output_tokens_max: job.output_tokens_max,
            ask: offer.price,
        };
        let stream = self
            .app
            .take_for_peer(&self.wallet, submit, borrowed)
            .await
            .map_err(|problem| JobError { retry: true, ..JobError::from(problem) })?;
        let unwanted =
            CancelUnlessDone { app: &self.app, job: stream.job, account: self.wallet.account, done: false };
        relay(&stream, job.prefix.len() as u64, output, unwanted).await
    }
}

/// Hands on what is written here, until the job has ended.
async fn relay(
    stream: &JobStream,
    already: u64,
    output: &mut Output,
    mut unwanted: CancelUnlessDone<'_>,
) -> Result<Finished, JobError> {
    let (mut place, mut written) = (0, already);
    loop {
        let heard = stream.hear_after(place).await;
        let Some(last) = heard.last() else { return Err(JobError::failed("the job ended without a word")) };
        place = last.sequence;
        for body in heard.iter().filter_map(|heard| heard.body()) {
            match body {
                // After a crash of a worker here some words may come again.
                Body::JobChunk(chunk) => {
                    let known = usize::try_from(written.saturating_sub(chunk.offset)).unwrap_or(usize::MAX);
                    if let Some(new) = chunk.text.get(known..).filter(|new| !new.is_empty()) {
                        output.text(new, chunk.tokens).await?;
                        written += new.len() as u64;
                    }
                }
                Body::JobCompleted(done) => {
                    unwanted.done = true;
                    return Ok(Finished { usage: done.usage, finish: done.finish });
                }
                Body::JobFailed(failed) => {
                    unwanted.done = true;
                    return Err(JobError { retry: true, ..JobError::from(failed.problem.clone()) });
                }
                Body::JobCancelled(_) => {
                    unwanted.done = true;
                    return Err(JobError::failed("the lender has stopped it"));
                }
                _ => {}
            }
        }
    }
}

/// A job here that nobody waits for is stopped: the peer has gone, or does not want it any more.
struct CancelUnlessDone<'a> {
    app: &'a Arc<App>,
    job: JobId,
    account: AccountId,
    done: bool,
}

impl Drop for CancelUnlessDone<'_> {
    fn drop(&mut self) {
        if self.done {
            return;
        }
        let (realm, job, account) = (self.app.realm.clone(), self.job, self.account);
        self.app.tasks.spawn(async move {
            // The realm may be going down; at the next start it cancels what it finds of a peer's.
            let _ = realm.input(Input::Cancel { ticket: Ticket::NOBODY, job, account }).await;
        });
    }
}
