//! The realm's end of a worker's connection: frames go in here and leave through the session's socket.

use mtor_core::WorkerId;
use mtor_protocol::body::Way;
use mtor_protocol::{AccountId, Did, Event};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// A worker's connection, as the realm holds it.
#[derive(Debug, Clone)]
pub struct Link {
    /// The session.
    pub worker: WorkerId,
    /// The wallet that is paid.
    pub account: AccountId,
    /// Its key.
    pub did: Did,
    frames: mpsc::Sender<String>,
    /// Ends the session.
    pub dismissed: CancellationToken,
}

impl Link {
    /// A link that feeds this queue of frames.
    pub fn new(worker: WorkerId, account: AccountId, did: Did, frames: mpsc::Sender<String>) -> Self {
        Self { worker, account, did, frames, dismissed: CancellationToken::new() }
    }

    /// Sends an event. A worker whose queue is full is stuck: it is dismissed, and its jobs go elsewhere.
    pub fn send(&self, event: &Event) {
        debug_assert!(matches!(event.body.way(), Way::BrokerToWorker | Way::BrokerToAny | Way::AnyToBroker));
        if self.frames.try_send(event.to_json()).is_err() {
            tracing::warn!(
                worker = self.worker.0,
                "the worker does not read what it is sent; it is dismissed"
            );
            self.dismissed.cancel();
        }
    }
}
