//! Wake-ups over NATS: whoever leads says that there is news, and the others look. What NATS loses costs a follower a second at most,
//! since it looks by itself, so nothing that matters rests on it.

use anyhow::{Context as _, Result};
use futures_util::StreamExt as _;
use mtor_protocol::Did;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use std::sync::Arc;

/// Says that there is news, and hears it.
#[derive(Clone)]
pub(crate) struct Signals {
    /// The number of the newest group that was written here.
    newest: watch::Sender<u64>,
    /// Told when another broker has news.
    news: Arc<Notify>,
}

impl Signals {
    /// Connects in the background, and again whenever the connection is lost. Without a server nobody is woken.
    ///
    /// # Errors
    /// When `server` is no address of one.
    pub(crate) fn start(server: Option<&str>, realm: &Did, closing: &CancellationToken) -> Result<Self> {
        let signals = Self { newest: watch::Sender::new(0), news: Arc::default() };
        if let Some(server) = server {
            let server: async_nats::ServerAddr =
                server.parse().context("the address of NATS can't be read; write nats://HOST:4222")?;
            // One server can wake the brokers of many realms.
            let subject = format!("mtor.{}.news", realm.as_str().rsplit(':').next().unwrap_or_default());
            let task = signals.clone().run(server, subject);
            let closing = closing.clone();
            tokio::spawn(async move { closing.run_until_cancelled(task).await });
        }
        Ok(signals)
    }

    /// Says that this group is there now. Says only the newest of many.
    pub(crate) fn tell(&self, number: u64) {
        self.newest.send_replace(number);
    }

    /// Waits until another broker has news.
    pub(crate) async fn heard(&self) {
        self.news.notified().await;
    }

    async fn run(self, server: async_nats::ServerAddr, subject: String) {
        let options = async_nats::ConnectOptions::new().retry_on_initial_connect().name("mtor");
        let client = match options.connect(server).await {
            Ok(client) => client,
            Err(error) => return tracing::warn!(%error, "NATS can't be used: followers look once a second"),
        };
        let mut messages = match client.subscribe(subject.clone()).await {
            Ok(messages) => messages,
            Err(error) => return tracing::warn!(%error, "NATS can't be used: followers look once a second"),
        };
        let mut newest = self.newest.subscribe();
        loop {
            tokio::select! {
                message = messages.next() => match message {
                    Some(_) => self.news.notify_one(),
                    None => return,
                },
                changed = newest.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    let number = newest.borrow_and_update().to_string();
                    if let Err(error) = client.publish(subject.clone(), number.into()).await {
                        tracing::debug!(%error, "a wake-up was not sent");
                    }
                }
            }
        }
    }
}
