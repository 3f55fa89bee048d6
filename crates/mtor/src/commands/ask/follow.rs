//! Following one job to its end, whatever happens to the connection on the way.

use anyhow::Context as _;
use mtor_identity::sign_order;
use mtor_protocol::body::{Cancel, Completed, Failed, Watch};
use mtor_protocol::{Body, Event, JobId, Order, Submit, limits};
use tokio::time::{Instant, sleep, timeout};

use crate::client::{Lost, RealmUrl, Session, Who};
use crate::commands::ask::screen::Screen;
use crate::commands::wallet::asked;
use crate::defaults::{CANCEL_WAIT, ORDER_LIVES_MS, RECONNECT_FIRST, RECONNECT_FOR, RECONNECT_MAX};
use crate::exit::Fault;
use crate::signals::Interrupts;

/// How a job ended.
#[derive(Debug)]
pub(crate) enum End {
    /// With its answer.
    Completed(Completed),
    /// Without, or with a part of it.
    Failed(Failed),
    /// Because we asked for it.
    Cancelled,
}

/// One job, and how far we have followed it.
#[derive(Debug)]
pub(crate) struct Follower<'a> {
    realm: &'a RealmUrl,
    who: &'a Who,
    job: JobId,
    submit: Submit,
    /// The pictures that go in, in the order in which the job names them.
    pictures: Vec<Vec<u8>>,
    /// What was signed of it, once a session stood: the same however often it is sent.
    order: Option<Order>,
    /// The realm has it in its ledger: from now on it is watched, not submitted.
    accepted: bool,
    /// The greatest sequence that was shown.
    last: u64,
}

impl<'a> Follower<'a> {
    /// Will submit this to the realm as `job`, with the pictures that it names.
    pub(crate) fn new(
        realm: &'a RealmUrl,
        who: &'a Who,
        job: JobId,
        submit: Submit,
        pictures: Vec<Vec<u8>>,
    ) -> Self {
        Self { realm, who, job, submit, pictures, order: None, accepted: false, last: 0 }
    }

    /// Submits the job and shows its events until it ends. When the connection is lost, dials again and goes on after
    /// the last event; the job's id sees to it that nothing is done twice.
    ///
    /// # Errors
    /// The realm's [`Problem`](mtor_protocol::Problem), [`Fault::Unreachable`] when the realm stays away,
    /// [`Fault::Interrupted`], or trouble with the output.
    pub(crate) async fn run(mut self, screen: &mut Screen, interrupts: &Interrupts) -> anyhow::Result<End> {
        let mut session = Some(self.dial(interrupts).await?);
        let mut lost_since = None;
        let mut pause = RECONNECT_FIRST;
        loop {
            let error = match session.take() {
                Some(session) => match self.attend(session, screen, interrupts).await {
                    Err(error) if error.is::<Lost>() => {
                        (lost_since, pause) = (None, RECONNECT_FIRST);
                        error
                    }
                    ended => return ended,
                },
                None => match self.dial(interrupts).await {
                    Ok(opened) => {
                        session = Some(opened);
                        continue;
                    }
                    Err(error) if matches!(error.downcast_ref(), Some(Fault::Unreachable { .. })) => error,
                    Err(error) => return Err(error),
                },
            };
            if lost_since.get_or_insert_with(Instant::now).elapsed() > RECONNECT_FOR {
                return Err(error).with_context(|| self.left_behind());
            }
            screen.remark(&format!("{error}; trying again"));
            if interrupts.first.run_until_cancelled(sleep(pause)).await.is_none() {
                return Err(Fault::Interrupted).with_context(|| self.left_behind());
            }
            pause = (pause * 2).min(RECONNECT_MAX);
        }
    }

    /// The job as it is submitted: signed, if there is a key to sign with.
    fn asked(&mut self, session: &Session) -> anyhow::Result<Body> {
        let Some(keypair) = self.who.keypair() else { return Ok(Body::JobSubmit(self.submit.clone())) };
        if let Some(order) = &self.order {
            return Ok(Body::JobOrder(order.clone()));
        }
        let mut submit = self.submit.clone();
        let lives_ms = submit.timeout_ms.take().unwrap_or(ORDER_LIVES_MS).min(limits::TIMEOUT_MS_MAX);
        submit.deadline = Some(session.realm_now().plus_ms(lives_ms));
        let text = serde_json::to_string(&submit).context("the order")?;
        let order = sign_order(keypair, session.realm().as_str(), text);
        Ok(Body::JobOrder(self.order.insert(order).clone()))
    }

    async fn dial(&self, interrupts: &Interrupts) -> anyhow::Result<Session> {
        let opened = interrupts.first.run_until_cancelled(Session::open(self.realm, self.who)).await;
        opened.unwrap_or_else(|| Err(Fault::Interrupted.into()))
    }

    /// One session: until the job ends, or the connection does.
    async fn attend(
        &mut self,
        mut session: Session,
        screen: &mut Screen,
        interrupts: &Interrupts,
    ) -> anyhow::Result<End> {
        if !self.accepted {
            let asked = self.asked(&session)?;
            session.say(Some(self.job), asked).await?;
            if !self.pictures.is_empty() {
                session.show(self.job, &self.pictures).await?;
            }
        }
        if self.last > 0 || self.accepted {
            session.say(Some(self.job), Body::JobWatch(Watch { after: self.last })).await?;
        }
        loop {
            let event = tokio::select! {
                biased;
                () = interrupts.first.cancelled() => return self.cancel(session, Some(screen), interrupts).await,
                event = session.next() => event?,
            };
            match self.take(&event, screen) {
                Ok(None) => {}
                Ok(Some(end)) => {
                    session.close().await;
                    return Ok(end);
                }
                Err(error) if matches!(error.downcast_ref(), Some(Fault::OutputClosed)) => {
                    self.cancel(session, None, interrupts).await?;
                    return Err(error);
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Asks for the job's end and waits for it, but not for long.
    async fn cancel(
        &mut self,
        mut session: Session,
        mut screen: Option<&mut Screen>,
        interrupts: &Interrupts,
    ) -> anyhow::Result<End> {
        let ended = async {
            session.say(Some(self.job), Body::JobCancel(Cancel {})).await?;
            loop {
                let event = session.next().await?;
                let end = match &mut screen {
                    Some(screen) => self.take(&event, screen)?,
                    None => self.end_of(&event)?,
                };
                if let Some(end) = end {
                    return anyhow::Ok(end);
                }
            }
        };
        match interrupts.second.run_until_cancelled(timeout(CANCEL_WAIT, ended)).await {
            Some(Ok(Ok(end))) => Ok(end),
            Some(Ok(Err(error))) if !error.is::<Lost>() => Err(error),
            _ => Err(Fault::Interrupted).context("the realm did not confirm that the job was cancelled"),
        }
    }

    /// Shows an event, unless it was shown before or is about something else; says when it was the last one.
    fn take(&mut self, event: &Event, screen: &mut Screen) -> anyhow::Result<Option<End>> {
        if event.subject.is_some_and(|job| job != self.job) {
            return Ok(None);
        }
        if event.sequence.is_some_and(|sequence| sequence <= self.last) {
            return Ok(None);
        }
        if let Body::WalletKeys(keys) = &event.body {
            if let Some(pending) = &keys.pending {
                screen.remark(&asked(pending));
            }
            return Ok(None);
        }
        if screen.event(event)?.is_err() {
            self.last = 0;
            return Err(Lost("a piece of the answer is missing".to_owned()).into());
        }
        self.last = event.sequence.unwrap_or(self.last);
        self.end_of(event)
    }

    fn end_of(&mut self, event: &Event) -> anyhow::Result<Option<End>> {
        match &event.body {
            Body::JobCompleted(completed) => Ok(Some(End::Completed(completed.clone()))),
            Body::JobFailed(failed) => Ok(Some(End::Failed(failed.clone()))),
            Body::JobCancelled(_) => Ok(Some(End::Cancelled)),
            Body::JobAccepted(_) => {
                self.accepted = true;
                Ok(None)
            }
            Body::Error(problem) => Err(problem.clone().into()),
            _ => Ok(None),
        }
    }

    fn left_behind(&self) -> String {
        if self.accepted {
            format!("the job {} goes on without us; `mtor wallet history --jobs` will show it", self.job)
        } else {
            "the question did not reach the realm".to_owned()
        }
    }
}
