//! The whole life of an attached service: wait for it, offer it to the realm, take it away when it goes, and begin again.

use std::sync::Arc;
use std::time::Duration;

use mtor_worker::protocol::{Announcement, CapabilityOffer};
use mtor_worker::{
    CancellationToken, Finished, Handle, Job, JobError, Output, Settings, Stopped, Worker, WorkerError, serve,
};
use tokio::sync::Notify;
use tokio::sync::watch::{Receiver, Sender, channel};
use tokio::time::{sleep, timeout};

use crate::defaults::{ABORT_TIMEOUT, BACKOFF_MAX, BACKOFF_MIN, LOOK_PERIOD, LOOK_TIMEOUT};
use crate::fault::{Fault, RunError};
use crate::service::Service;

/// What a service offers now; `None` while it is gone.
type Watch = Receiver<Option<Vec<CapabilityOffer>>>;

/// Attaches a service to a realm, as a worker of this name, until `shutdown`. While the service is gone the realm is
/// offered nothing; jobs that were running have for as long as [`Settings::grace`] says to end.
///
/// # Errors
/// [`WorkerError`] when the realm can't be served. A service that is not there is waited for, as long as it takes.
pub async fn attach<S: Service>(
    service: S,
    name: &str,
    settings: Settings,
    shutdown: CancellationToken,
) -> Result<(), WorkerError> {
    let service = Arc::new(service);
    let (sender, mut watch) = channel(None);
    // Rung when a job has lost the service, so that it is looked at without waiting.
    let bell = Arc::new(Notify::new());
    let keeper = keep_watch(&*service, sender, &bell);
    let attached = async {
        // The keeper ends when nobody watches any more, which this future does to its end.
        let mut watch_here = watch.clone();
        drop(std::mem::replace(&mut watch, channel(None).1));
        while let Some(first) = there(&mut watch_here, &shutdown).await {
            tracing::info!(service = %service.address(), "the service is there");
            let leave = shutdown.child_token();
            let worker = Gateway {
                service: service.clone(),
                name: name.to_owned(),
                first,
                watch: watch_here.clone(),
                bell: bell.clone(),
            };
            tokio::select! {
                served = serve(worker, settings.clone(), leave.clone()) => served?,
                () = mind(watch_here.clone(), settings.handle.clone(), leave) => {}
            }
        }
        Ok(())
    };
    let (attached, ()) = tokio::join!(attached, keeper);
    attached
}

/// What the service offers, as soon as it is there; `None` at shutdown.
async fn there(watch: &mut Watch, shutdown: &CancellationToken) -> Option<Vec<CapabilityOffer>> {
    let there = shutdown.run_until_cancelled(watch.wait_for(Option::is_some)).await;
    there?.ok()?.clone()
}

/// Tells the realm when the service offers something else, and leaves it when the service is gone. Never ends by itself.
async fn mind(mut watch: Watch, handle: Handle, leave: CancellationToken) {
    watch.mark_unchanged();
    while watch.changed().await.is_ok() {
        if watch.borrow_and_update().is_none() {
            leave.cancel();
            break;
        }
        handle.announce_again();
    }
    std::future::pending().await
}

async fn keep_watch<S: Service>(service: &S, sender: Sender<Option<Vec<CapabilityOffer>>>, bell: &Notify) {
    let mut wait = BACKOFF_MIN;
    while !sender.is_closed() {
        let looked = timeout(LOOK_TIMEOUT, service.look()).await;
        let next = match looked.unwrap_or_else(|_| Err(Fault::Lost("it does not answer".to_owned()))) {
            Ok(offers) => {
                wait = BACKOFF_MIN;
                sender.send_if_modified(|known| {
                    let news = known.as_ref() != Some(&offers);
                    *known = Some(offers);
                    news
                });
                LOOK_PERIOD
            }
            Err(Fault::Busy { after, .. }) if sender.borrow().is_some() => after.max(LOOK_PERIOD),
            Err(fault) => {
                if sender.send_replace(None).is_some() {
                    wait = BACKOFF_MIN;
                }
                tracing::warn!(service = %service.address(), %fault, next_try_in = ?wait, "the service is not there");
                let now = wait;
                wait = (wait * 2).min(BACKOFF_MAX);
                now
            }
        };
        rest(&sender, bell, next).await;
    }
}

async fn rest(sender: &Sender<Option<Vec<CapabilityOffer>>>, bell: &Notify, period: Duration) {
    let is_there = sender.borrow().is_some();
    tokio::select! {
        () = sender.closed() => {}
        () = bell.notified(), if is_there => {}
        () = sleep(period) => {}
    }
}

/// The worker that the realm sees.
struct Gateway<S> {
    service: Arc<S>,
    name: String,
    /// What the service offered when it was attached, for the moment in which it is gone and the realm does not know yet.
    first: Vec<CapabilityOffer>,
    watch: Watch,
    bell: Arc<Notify>,
}

impl<S: Service> Worker for Gateway<S> {
    fn announcement(&self) -> Announcement {
        Announcement::new(
            self.name.as_str(),
            self.watch.borrow().clone().unwrap_or_else(|| self.first.clone()),
        )
    }

    async fn run(&self, job: Job, output: &mut Output) -> Result<Finished, JobError> {
        let (cancelled, lease) = (job.cancelled.clone(), job.lease);
        let done = tokio::select! {
            biased;
            () = cancelled.cancelled() => None,
            done = self.service.run(job, output) => Some(done),
        };
        let Some(done) = done else {
            if timeout(ABORT_TIMEOUT, self.service.abort(lease)).await.is_err() {
                tracing::warn!(lease, "the service does not answer when told to stop");
            }
            return Err(Stopped.into());
        };
        if let Err(RunError::Service(fault)) = &done
            && fault.is_loss()
        {
            self.bell.notify_one();
        }
        Ok(done?)
    }
}
