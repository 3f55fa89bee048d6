//! Whether a service is there: one connection that does nothing but stand. When it falls the service is gone, at once
//! and without asking; now and then it is asked again what it offers.

use std::time::Duration;

use mtor_wyoming::Connection;
use tokio::sync::watch::{Receiver, Sender, channel};
use tokio::time::sleep;

use super::error::ServiceError;
use super::offers::{Offered, offers};
use super::service::{Service, describe};
use crate::defaults::{BACKOFF_MAX, BACKOFF_MIN, LOOK_AGAIN};

/// What a service offers now; `None` while it is gone.
pub type Watch = Receiver<Option<Offered>>;

/// Keeps an eye on a service for as long as the future is polled and somebody has the [`Watch`].
pub fn watch(service: Service) -> (Watch, impl Future<Output = ()> + Send) {
    let (sender, watch) = channel(None);
    (watch, keep_watch(service, sender))
}

async fn keep_watch(service: Service, sender: Sender<Option<Offered>>) {
    let mut wait = BACKOFF_MIN;
    while !sender.is_closed() {
        let error = match attend(&service, &sender).await {
            Ok(()) => return,
            Err(error) => error,
        };
        if sender.send_replace(None).is_some() {
            wait = BACKOFF_MIN;
        }
        tracing::warn!(service = %service.address(), %error, next_try_in = ?wait, "the service is not there");
        let closed = tokio::select! {
            () = sender.closed() => true,
            () = sleep(wait) => false,
        };
        if closed {
            return;
        }
        wait = (wait * 2).min(BACKOFF_MAX);
    }
}

/// From connecting to the end of the connection; `Ok` when nobody watches any more.
async fn attend(service: &Service, sender: &Sender<Option<Offered>>) -> Result<(), ServiceError> {
    let mut connection = service.connect(None).await?;
    loop {
        let offered = offers(&describe(&mut connection).await?);
        if offered.is_empty() {
            return Err(ServiceError::NothingOfUse);
        }
        sender.send_if_modified(|known| {
            let news = known.as_ref() != Some(&offered);
            *known = Some(offered);
            news
        });
        tokio::select! {
            () = sender.closed() => return Ok(()),
            ended = stands(&mut connection, LOOK_AGAIN) => ended?,
        }
    }
}

/// Waits for so long that the connection stands.
async fn stands(connection: &mut Connection, period: Duration) -> Result<(), ServiceError> {
    let until = sleep(period);
    tokio::pin!(until);
    loop {
        tokio::select! {
            () = &mut until => return Ok(()),
            message = connection.next() => {
                message?.ok_or(ServiceError::HungUp)?;
            }
        }
    }
}
