//! The whole life of a worker: connect, serve, connect again, leave.

use std::sync::Arc;

use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::address::Address;
use crate::backoff::Backoff;
use crate::defaults::BACKOFF_RESET;
use crate::error::WorkerError;
use crate::link::{self, LinkError};
use crate::session::{self, End};
use crate::settings::Settings;
use crate::worker::Worker;

/// Attaches `worker` to its realm and serves it until `shutdown` is cancelled.
///
/// A lost link is dialled again, for ever, with growing waits; the jobs that ran on it are cancelled, since the realm
/// has given them to others. After `shutdown` the worker takes no new jobs, lets the running ones finish for as long as
/// [`Settings::grace`] says, and returns `Ok`. Dropping the future instead cuts the link and all jobs at once.
///
/// # Errors
/// [`WorkerError`] when another try would end in the same way: the address or the announcement is wrong, the realm
/// refuses this worker, or it is no realm.
pub async fn serve<W: Worker>(
    worker: W,
    settings: Settings,
    shutdown: CancellationToken,
) -> Result<(), WorkerError> {
    let address = Address::parse(&settings.realm)?;
    let worker = Arc::new(worker);
    session::announcement(&*worker, &settings)?;
    let mut backoff = Backoff::new();
    loop {
        let started = Instant::now();
        let reason = match attend(&worker, &address, &settings, &shutdown).await {
            Ok(End::Shutdown) => return Ok(()),
            Ok(End::RealmDrained) => "the realm went down".to_owned(),
            Err(LinkError::Lost(reason)) => reason,
            Err(LinkError::Fatal(error)) => return Err(error),
        };
        if started.elapsed() >= BACKOFF_RESET {
            backoff.reset();
        }
        let wait = backoff.next()?;
        tracing::warn!(realm = %address, reason, next_try_in = ?wait, "no link to the realm");
        if shutdown.run_until_cancelled(sleep(wait)).await.is_none() {
            return Ok(());
        }
    }
}

/// One connection, from dialling to its end.
async fn attend<W: Worker>(
    worker: &Arc<W>,
    address: &Address,
    settings: &Settings,
    shutdown: &CancellationToken,
) -> Result<End, LinkError> {
    let Some(opened) = shutdown.run_until_cancelled(link::open(address, settings)).await else {
        return Ok(End::Shutdown);
    };
    let (socket, welcome) = opened?;
    tracing::info!(realm = welcome.realm_name, address = %address, worker = %welcome.did, "attached to the realm");
    session::run(worker, socket, &welcome, settings, shutdown).await
}
