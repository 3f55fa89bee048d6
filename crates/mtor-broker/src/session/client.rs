//! A client's session: it submits jobs, follows them, cancels them, asks for quotes, and watches the realm.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::ws::{Message, close_code};
use mtor_protocol::body::Way;
use mtor_protocol::{Body, Event, FrameKind, JobId, Problem, ProblemKind};
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};

use super::{Closed, Heard, Said, Session, read_frame, watch};
use crate::app::{App, Wallet};
use crate::input::JobInput;
use crate::jobs::Wish;
use crate::key_ring::KeyWatch;
use crate::{clock, defaults};

/// What serves one client beside its socket: a task for each job that it follows, all ending with the session.
struct Follower {
    app: Arc<App>,
    wallet: Wallet,
    frames: mpsc::Sender<Message>,
    tasks: JoinSet<Option<JobId>>,
    following: HashMap<JobId, AbortHandle>,
    /// Tells when the keys of the wallet change.
    keys: KeyWatch,
    /// Where the binary frames of this session go, until each input has ended.
    inputs: HashMap<JobId, Arc<JobInput>>,
    watches_realm: bool,
    /// Whether it was looked at how the keys stood when the session began.
    has_begun: bool,
}

impl Session {
    pub(super) async fn serve_client(mut self, wallet: Wallet, proven: bool) -> Result<(), Closed> {
        let (frames, mut outgoing) = mpsc::channel(defaults::SESSION_QUEUE_MAX);
        let mut follower = Follower {
            app: self.app.clone(),
            keys: self.app.keys.watch(&wallet, proven),
            wallet,
            frames,
            tasks: JoinSet::new(),
            following: HashMap::new(),
            inputs: HashMap::new(),
            watches_realm: false,
            has_begun: false,
        };
        let closing = self.app.closing.clone();
        loop {
            let heard = tokio::select! {
                () = closing.cancelled() => {
                    let going = "the realm is going down".to_owned();
                    return Box::pin(self.close(close_code::AWAY, going)).await;
                }
                Some(frame) = outgoing.recv() => {
                    self.socket.send(frame).await.map_err(|_| Closed)?;
                    continue;
                }
                () = follower.keys.changed() => {
                    if Box::pin(self.tell_keys(&mut follower)).await?.is_break() {
                        return Ok(());
                    }
                    continue;
                }
                Some(ended) = follower.tasks.join_next() => {
                    follower.forget(ended.ok().flatten());
                    continue;
                }
                heard = self.hear() => heard,
            };
            // In a box of its own: a session that is open and silent has no room for what a moment needs.
            if Box::pin(self.obey(&mut follower, heard)).await?.is_break() {
                return Ok(());
            }
        }
    }

    /// Tells how the wallet's keys stand. Breaks when the session is over, since its key speaks for the wallet no more.
    async fn tell_keys(&mut self, follower: &mut Follower) -> Result<ControlFlow<()>, Closed> {
        if let Err(problem) = follower.keys.check() {
            self.refuse(problem).await?;
            return Ok(ControlFlow::Break(()));
        }
        let keys = self.app.keys.info(follower.wallet.account, self.app.config.recovery_delay_ms);
        // At the beginning a recovery that was asked for is news, and nothing else.
        if std::mem::replace(&mut follower.has_begun, true) || keys.pending.is_some() {
            self.say(None, Body::WalletKeys(keys)).await?;
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Does what the client says. Breaks when the session is over.
    async fn obey(
        &mut self,
        follower: &mut Follower,
        heard: Result<Said, Heard>,
    ) -> Result<ControlFlow<()>, Closed> {
        // What a key says after it was replaced is of no account, also when it has come before the news.
        if let Err(problem) = follower.keys.check() {
            self.refuse(problem).await?;
            return Ok(ControlFlow::Break(()));
        }
        let wrong = match heard {
            Ok(Said::Event(event)) => {
                let job = event.subject;
                follower.handle(event).err().map(|problem| (job, problem))
            }
            Ok(Said::Frame(bytes)) => follower.input(&bytes).err().map(|problem| (problem.job(), problem)),
            Err(Heard::Wrong(problem)) => Some((None, problem)),
            Err(Heard::Fatal(problem)) => {
                self.refuse(problem).await?;
                return Ok(ControlFlow::Break(()));
            }
            Err(Heard::Gone) => return Ok(ControlFlow::Break(())),
        };
        if let Some((job, problem)) = wrong {
            self.say(job, Body::Error(problem)).await?;
        }
        Ok(ControlFlow::Continue(()))
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
                self.submit(id, submit.into());
            }
            Body::JobOrder(order) => {
                let wish = app.open_order(&wallet, order, event.subject)?;
                // An order without an id is none.
                let id = wish.submit.id.ok_or_else(need_subject)?;
                self.submit(id, wish);
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
            Body::IntentResolve(asked) => {
                let subject = event.subject;
                self.tasks.spawn(async move {
                    let resolved = app.resolve(&wallet, asked).await;
                    let body = resolved.map_or_else(Body::Error, Body::IntentResolved);
                    say(&app, &frames, subject, body).await;
                    None
                });
            }
            Body::PlanAsk(mut ask) => {
                ask.id = event.subject.unwrap_or(ask.id);
                let id = ask.id;
                self.follow(id, watch::plan(app, wallet, id, Some(ask), frames));
            }
            Body::PlanWatch(_) => {
                let id = event.subject.ok_or_else(need_subject)?;
                self.follow(id, watch::plan(app, wallet, id, None, frames));
            }
            Body::PlanAnswer(answer) => {
                let id = event.subject.ok_or_else(need_subject)?;
                self.tasks.spawn(async move {
                    if let Err(problem) = app.answer_plan(&wallet, id, answer).await {
                        say(&app, &frames, Some(id), Body::Error(problem)).await;
                    }
                    None
                });
            }
            Body::PlanCancel(_) => {
                let id = event.subject.ok_or_else(need_subject)?;
                self.tasks.spawn(async move {
                    if let Err(problem) = app.cancel_plan(&wallet, id).await {
                        say(&app, &frames, Some(id), Body::Error(problem)).await;
                    }
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
            Body::VoiceTiming(timing) => app.metrics.voice_turn(&timing),
            _ => {}
        }
        Ok(())
    }

    fn submit(&mut self, id: JobId, wish: Wish) {
        let (app, wallet, frames) = (self.app.clone(), self.wallet.clone(), self.frames.clone());
        let input = app.input_for(&wish.submit.intent.task);
        if let Some(input) = &input {
            self.inputs.insert(id, input.clone());
        }
        self.follow(id, watch::submit(app, wallet, wish, input, frames));
    }

    /// A binary frame: a piece of the input of a job that was submitted in this session.
    fn input(&mut self, bytes: &Bytes) -> Result<(), Problem> {
        let frame = read_frame(bytes, FrameKind::Input)?;
        let job = frame.job;
        let Some(input) = self.inputs.get(&job).cloned() else {
            let detail = "no job that takes input was submitted in this session under this id";
            return Err(Problem::new(ProblemKind::NotFound, detail).about(job));
        };
        let pushed = input.push(bytes.slice_ref(frame.payload)).map_err(|problem| problem.about(job));
        if pushed.is_err() || input.has_ended() {
            self.inputs.remove(&job);
        }
        if pushed.is_err() {
            self.give_up(job, input);
        }
        pushed
    }

    /// Cancels a job whose input will never be whole.
    fn give_up(&self, job: JobId, input: Arc<JobInput>) {
        let (app, wallet) = (self.app.clone(), self.wallet.clone());
        self.app.tasks.spawn(async move {
            if let Err(problem) = app.cancel(&wallet, job).await {
                // It has ended, or is not in the ledger yet: then it ends with what there is.
                tracing::debug!(%job, %problem, "a job whose input broke off could not be cancelled");
                input.end();
            }
        });
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

/// What is half said is no question: a session that ends takes the jobs with it whose input it has not ended.
impl Drop for Follower {
    fn drop(&mut self) {
        for (job, input) in std::mem::take(&mut self.inputs) {
            self.give_up(job, input);
        }
    }
}

/// Sends an event to the client. It may be gone; then nobody is told.
pub(super) async fn say(app: &App, frames: &mpsc::Sender<Message>, job: Option<JobId>, body: Body) {
    let mut event = Event::new(app.did.as_str(), clock::now(), body);
    event.subject = job;
    let _ = frames.send(Message::Text(event.to_json().into())).await;
}
