//! A client's session: it submits jobs, follows them, cancels them, asks for quotes, and watches the realm.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::ws::close_code;
use mtor_protocol::body::Way;
use mtor_protocol::{Body, Event, JobId, Problem, ProblemKind};
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};

use super::{Closed, Heard, Session, watch};
use crate::app::{App, Wallet};
use crate::{clock, defaults};

/// What serves one client beside its socket: a task for each job that it follows, all ending with the session.
struct Follower {
    app: Arc<App>,
    wallet: Wallet,
    frames: mpsc::Sender<String>,
    tasks: JoinSet<Option<JobId>>,
    following: HashMap<JobId, AbortHandle>,
    watches_realm: bool,
}

impl Session {
    pub(super) async fn serve_client(mut self, wallet: Wallet) -> Result<(), Closed> {
        let (frames, mut outgoing) = mpsc::channel(defaults::SESSION_QUEUE_MAX);
        let mut follower = Follower {
            app: self.app.clone(),
            wallet,
            frames,
            tasks: JoinSet::new(),
            following: HashMap::new(),
            watches_realm: false,
        };
        let closing = self.app.closing.clone();
        loop {
            tokio::select! {
                () = closing.cancelled() => return self.close(close_code::AWAY, "the realm is going down".to_owned()).await,
                Some(frame) = outgoing.recv() => self.send(frame).await?,
                Some(ended) = follower.tasks.join_next() => follower.forget(ended.ok().flatten()),
                heard = self.hear() => match heard {
                    Ok(event) => {
                        let job = event.subject;
                        if let Err(problem) = follower.handle(event) {
                            self.say(job, Body::Error(problem)).await?;
                        }
                    }
                    Err(Heard::Wrong(problem)) => self.say(None, Body::Error(problem)).await?,
                    Err(Heard::Fatal(problem)) => return self.refuse(problem).await,
                    Err(Heard::Gone) => return Ok(()),
                },
            }
        }
    }
}

impl Follower {
    /// Does what an event asks, in a task of its own where it takes time.
    fn handle(&mut self, event: Event) -> Result<(), Problem> {
        if !matches!(event.body.way(), Way::ClientToBroker) {
            let detail = format!("a client does not send {}", event.body.kind());
            return Err(Problem::new(ProblemKind::InvalidRequest, detail));
        }
        if self.tasks.len() >= defaults::WATCHES_PER_SESSION_MAX {
            let detail =
                format!("a session follows at most {} jobs at once", defaults::WATCHES_PER_SESSION_MAX);
            return Err(Problem::new(ProblemKind::TooManyRequests, detail).retry_after_s(1));
        }
        let need_subject =
            || Problem::new(ProblemKind::InvalidRequest, "the event's subject must name the job");
        let (app, wallet, frames) = (self.app.clone(), self.wallet.clone(), self.frames.clone());
        match event.body {
            Body::JobSubmit(mut submit) => {
                if submit.id.is_some() && event.subject.is_some() && submit.id != event.subject {
                    let detail = "the event's subject and the data's id name different jobs";
                    return Err(Problem::new(ProblemKind::InvalidRequest, detail).param("id"));
                }
                let id = event.subject.or(submit.id).unwrap_or_else(JobId::generate);
                submit.id = Some(id);
                self.follow(id, watch::submit(app, wallet, submit, frames));
            }
            Body::JobWatch(place) => {
                let id = event.subject.ok_or_else(need_subject)?;
                self.follow(id, watch::resume(app, wallet, id, place.after, frames));
            }
            Body::JobCancel(_) => {
                let id = event.subject.ok_or_else(need_subject)?;
                self.tasks.spawn(async move {
                    if let Err(problem) = app.cancel(&wallet, id).await {
                        say(&app, &frames, Some(id), Body::Error(problem)).await;
                    }
                    None
                });
            }
            Body::QuoteAsk(submit) => {
                let subject = event.subject;
                self.tasks.spawn(async move {
                    let body = app.quote(&wallet, submit).await.map_or_else(Body::Error, Body::Quote);
                    say(&app, &frames, subject, body).await;
                    None
                });
            }
            Body::RealmWatch(_) if !self.watches_realm => {
                self.watches_realm = true;
                self.tasks.spawn(async move {
                    watch::realm(&app, &wallet, &frames).await;
                    None
                });
            }
            _ => {}
        }
        Ok(())
    }

    /// Follows a job; who followed it before in this session does so no more.
    fn follow(&mut self, job: JobId, task: impl Future<Output = ()> + Send + 'static) {
        let handle = self.tasks.spawn(async move {
            task.await;
            Some(job)
        });
        if let Some(earlier) = self.following.insert(job, handle) {
            earlier.abort();
        }
    }

    fn forget(&mut self, job: Option<JobId>) {
        if let Some(job) = job
            && self.following.get(&job).is_some_and(AbortHandle::is_finished)
        {
            self.following.remove(&job);
        }
    }
}

/// Sends an event to the client. It may be gone; then nobody is told.
pub(super) async fn say(app: &App, frames: &mpsc::Sender<String>, job: Option<JobId>, body: Body) {
    let mut event = Event::new(app.did.as_str(), clock::now(), body);
    event.subject = job;
    let _ = frames.send(event.to_json()).await;
}
