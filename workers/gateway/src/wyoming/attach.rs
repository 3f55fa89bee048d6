//! The whole life of an attached service: wait for it, offer it to the realm, take it away when it goes, and begin again.

use std::convert::Infallible;

use mtor_worker::{CancellationToken, Handle, Settings, WorkerError, serve};

use super::offers::Offered;
use super::service::Service;
use super::watch::{Watch, watch};
use super::worker::WyomingWorker;

/// Attaches a service to a realm, as a worker of this name, until `shutdown`. While the service is gone the realm is
/// offered nothing; jobs that were running have for as long as [`Settings::grace`] says to end.
///
/// # Errors
/// [`WorkerError`] when the realm can't be served. A service that is not there is waited for, as long as it takes.
pub async fn attach(
    service: Service,
    name: &str,
    slots: u32,
    settings: Settings,
    shutdown: CancellationToken,
) -> Result<(), WorkerError> {
    let (mut watch, keeper) = watch(service.clone());
    let attached = async move {
        while let Some(first) = there(&mut watch, &shutdown).await {
            tracing::info!(service = %service.address(), "the service is there");
            let leave = shutdown.child_token();
            let worker = WyomingWorker::new(service.clone(), name, slots, first, watch.clone());
            tokio::select! {
                served = serve(worker, settings.clone(), leave.clone()) => served?,
                never = mind(watch.clone(), settings.handle.clone(), leave) => match never {},
            }
        }
        Ok(())
    };
    // The keeper ends when nobody watches any more, which `attached` does to its end.
    let (attached, ()) = tokio::join!(attached, keeper);
    attached
}

/// What the service offers, as soon as it is there; `None` at shutdown.
async fn there(watch: &mut Watch, shutdown: &CancellationToken) -> Option<Offered> {
    let there = shutdown.run_until_cancelled(watch.wait_for(Option::is_some)).await;
    there?.ok()?.clone()
}

/// Tells the realm when the service offers something else, and leaves it when the service is gone.
async fn mind(mut watch: Watch, handle: Handle, leave: CancellationToken) -> Infallible {
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
