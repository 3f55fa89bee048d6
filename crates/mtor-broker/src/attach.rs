//! The way to whoever starts workers on this machine (`mtor up`). The broker itself starts no program and asks no address: it
//! passes on what the owner wants, and gives back the answer.

use mtor_protocol::{AttachRequest, Attachment, Problem, ProblemKind};
use tokio::sync::{mpsc, oneshot};

/// Wishes that wait.
const WISHES_MAX: usize = 8;

/// What the owner wants done with attached services; the answer goes where the sender says.
#[derive(Debug)]
pub enum AttachWish {
    /// Which there are.
    List(oneshot::Sender<Vec<Attachment>>),
    /// To find out what is at an address, and attach it.
    Attach(AttachRequest, oneshot::Sender<Result<Attachment, Problem>>),
    /// To detach this one.
    Detach(String, oneshot::Sender<Result<Vec<Attachment>, Problem>>),
}

/// Passes wishes on.
#[derive(Debug, Clone)]
pub struct Attaching(mpsc::Sender<AttachWish>);

impl Attaching {
    /// The way, and its other end.
    pub fn channel() -> (Self, mpsc::Receiver<AttachWish>) {
        let (sender, wishes) = mpsc::channel(WISHES_MAX);
        (Self(sender), wishes)
    }

    pub(crate) async fn list(&self) -> Result<Vec<Attachment>, Problem> {
        self.ask(AttachWish::List).await
    }

    pub(crate) async fn attach(&self, request: AttachRequest) -> Result<Attachment, Problem> {
        self.ask(|reply| AttachWish::Attach(request, reply)).await?
    }

    pub(crate) async fn detach(&self, id: String) -> Result<Vec<Attachment>, Problem> {
        self.ask(|reply| AttachWish::Detach(id, reply)).await?
    }

    async fn ask<T>(&self, wish: impl FnOnce(oneshot::Sender<T>) -> AttachWish) -> Result<T, Problem> {
        let going = || Problem::new(ProblemKind::Draining, "the realm is going down");
        let (reply, answer) = oneshot::channel();
        self.0.send(wish(reply)).await.map_err(|_| going())?;
        answer.await.map_err(|_| going())
    }
}
