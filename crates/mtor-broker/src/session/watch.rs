//! What a client follows: a job's events as they come, or the life of the realm.

use std::sync::Arc;

use axum::extract::ws::Message;
use mtor_protocol::body::RealmStatus;
use mtor_protocol::{Body, Event, Frame, FrameKind, JobId, PlanAsk};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc;

use super::client::say;
use crate::app::{App, Wallet};
use crate::defaults;
use crate::input::JobInput;
use crate::jobs::Wish;
use crate::parts::pieces;
use crate::stream::{Heard, Item, JobStream};

/// Submits a job and follows it to its end.
pub(super) async fn submit(
    app: Arc<App>,
    wallet: Wallet,
    wish: Wish,
    input: Option<Arc<JobInput>>,
    frames: mpsc::Sender<Message>,
) {
    let id = wish.submit.id;
    match app.take_with(&wallet, wish, input).await {
        Ok(taken) => match taken.stream {
            Some(stream) => follow(&app, &stream, 0, &frames).await,
            None => resume(app, wallet, taken.id, 0, frames).await,
        },
        Err(problem) => say(&app, &frames, id, Body::Error(problem)).await,
    }
}

/// Follows a job from a place on: live, or from the ledger when it has ended.
pub(super) async fn resume(
    app: Arc<App>,
    wallet: Wallet,
    id: JobId,
    after: u64,
    frames: mpsc::Sender<Message>,
) {
    let live = app.realm.streams.get(id).filter(|stream| stream.account == wallet.account);
    if let Some(stream) = live {
        return follow(&app, &stream, after, &frames).await;
    }
    match app.stored_job(&wallet, id).await {
        Ok(job) => {
            for event in app.past_events(&job, after) {
                if tell_past(&app, id, event, &frames).await.is_none() {
                    return;
                }
            }
        }
        Err(problem) => say(&app, &frames, Some(id), Body::Error(problem)).await,
    }
}

/// An event from the ledger, and the bytes of the part that it tells of. `None` when the client is gone.
async fn tell_past(app: &App, job: JobId, event: Event, frames: &mpsc::Sender<Message>) -> Option<()> {
    frames.send(Message::Text(event.to_json().into())).await.ok()?;
    let (Body::JobPart(part), Some(told)) = (&event.body, event.sequence) else { return Some(()) };
    match app.part_bytes(part).await {
        Ok(data) => {
            for (sequence, piece) in (told + 1..).zip(pieces(&data)) {
                frames.send(output_frame(job, sequence, &piece)).await.ok()?;
            }
        }
        Err(problem) => say(app, frames, Some(job), Body::Error(problem.about(job))).await,
    }
    Some(())
}

async fn follow(app: &App, stream: &JobStream, mut after: u64, frames: &mpsc::Sender<Message>) {
    loop {
        let heard = stream.hear_after(after).await;
        let Some(last) = heard.last() else { return };
        after = last.sequence;
        let ended = last.is_end();
        for heard in heard {
            if frames.send(message(app, stream.job, heard)).await.is_err() {
                return;
            }
        }
        if ended {
            return;
        }
    }
}

/// What goes over the wire: events as text, sound and parts as binary frames.
fn message(app: &App, job: JobId, Heard { sequence, time, item }: Heard) -> Message {
    match item {
        Item::Event(body) => {
            let event = Event::numbered(app.did.as_str(), time, job, sequence, body);
            Message::Text(event.to_json().into())
        }
        Item::Payload(bytes) => output_frame(job, sequence, &bytes),
    }
}

/// Tells how a plan stands whenever that changes, until it is over; asks for it first, if it is a new one.
pub(super) async fn plan(
    app: Arc<App>,
    wallet: Wallet,
    id: JobId,
    ask: Option<PlanAsk>,
    frames: mpsc::Sender<Message>,
) {
    if let Some(ask) = ask
        && let Err(problem) = app.plan(&wallet, ask).await
    {
        return say(&app, &frames, Some(id), Body::Error(problem)).await;
    }
    let mut state = match app.follow_plan(&wallet, id).await {
        Ok(state) => state,
        Err(problem) => return say(&app, &frames, Some(id), Body::Error(problem)).await,
    };
    loop {
        let plan = state.borrow_and_update().clone();
        let over = plan.state.is_final();
        say(&app, &frames, Some(id), Body::PlanState(plan)).await;
        // When its task has ended, nothing changes any more.
        if over || frames.is_closed() || state.changed().await.is_err() {
            return;
        }
    }
}

fn output_frame(job: JobId, sequence: u64, payload: &[u8]) -> Message {
    let frame = Frame { kind: FrameKind::Output, job, lease: 0, sequence, payload };
    // Sound came in a frame of the same size, and the pieces of parts are cut to fit.
    Message::Binary(frame.encode().unwrap_or_default().into())
}

/// Tells of every step in the realm, and of how it stands when that has changed, at most once a second.
pub(super) async fn realm(app: &App, wallet: &Wallet, frames: &mpsc::Sender<Message>) {
    let mut flow = app.realm.watch_flow();
    let mut revision = app.realm.watch_revision();
    revision.mark_changed();
    let mut told = tokio::time::Instant::now() - defaults::STATUS_PERIOD;
    loop {
        tokio::select! {
            step = flow.recv() => match step {
                Ok(step) => say(app, frames, None, Body::RealmFlow(step.for_watcher(wallet.account))).await,
                // A slow watcher loses steps of the picture, never anything of a job.
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return,
            },
            changed = changed_after(&mut revision, told + defaults::STATUS_PERIOD) => {
                if !changed {
                    return;
                }
                told = tokio::time::Instant::now();
                let look = |realm: &mtor_core::Realm| (realm.queue_info(crate::clock::now()), realm.worker_infos());
                let Ok((queue, mut workers)) = app.realm.view(look).await else { return };
                // Told again and again, so without what never changes and may be long.
                workers.iter_mut().flat_map(|worker| &mut worker.offers).for_each(|offer| offer.tool = None);
                say(app, frames, None, Body::RealmStatus(RealmStatus { queue, workers })).await;
            }
        }
        if frames.is_closed() {
            return;
        }
    }
}

/// Waits for a change, and then until `earliest`. False when there will be no more.
async fn changed_after(
    revision: &mut tokio::sync::watch::Receiver<u64>,
    earliest: tokio::time::Instant,
) -> bool {
    // Looking marks it as seen only after the wait, so that being interrupted in between loses no change.
    if revision.wait_for_change().await.is_err() {
        return false;
    }
    tokio::time::sleep_until(earliest).await;
    revision.mark_unchanged();
    true
}

/// A wait that leaves the change unseen.
trait WaitForChange {
    async fn wait_for_change(&mut self) -> Result<(), tokio::sync::watch::error::RecvError>;
}

impl WaitForChange for tokio::sync::watch::Receiver<u64> {
    async fn wait_for_change(&mut self) -> Result<(), tokio::sync::watch::error::RecvError> {
        if self.has_changed()? {
            return Ok(());
        }
        self.changed().await?;
        self.mark_changed();
        Ok(())
    }
}
