//! The realm's end of a worker's connection: frames go in here and leave through the session's socket.

use std::sync::Arc;

use axum::body::Bytes;
use mtor_core::WorkerId;
use mtor_protocol::body::Way;
use mtor_protocol::{AccountId, Did, Event, Frame, FrameKind};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::input::More;
use crate::stream::JobStream;

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
    payloads: mpsc::Sender<Bytes>,
    /// Ends the session.
    pub dismissed: CancellationToken,
}

impl Link {
    /// A link that feeds this queue of events and this queue of binary frames. What stands in the queue of events goes
    /// first, so that no job's input overtakes its assignment.
    pub fn new(
        worker: WorkerId,
        account: AccountId,
        did: Did,
        frames: mpsc::Sender<String>,
        payloads: mpsc::Sender<Bytes>,
    ) -> Self {
        Self { worker, account, did, frames, payloads, dismissed: CancellationToken::new() }
    }

    /// Hands a job's input on as it comes, to its end, or until the assignment is another's or the link is gone.
    pub(crate) async fn feed(self, stream: Arc<JobStream>, lease: u64) {
        let Some(input) = stream.input.clone() else { return };
        for sequence in 0_u64.. {
            let place = usize::try_from(sequence).unwrap_or(usize::MAX);
            let more = tokio::select! {
                more = input.read(place) => more,
                () = stream.left(lease) => return,
                () = self.payloads.closed() => return,
            };
            let payload: &[u8] = match &more {
                More::Frame(bytes) => bytes,
                More::End => &[],
            };
            let frame = Frame { kind: FrameKind::Input, job: stream.job, lease, sequence, payload };
            let Ok(frame) = frame.encode() else {
                tracing::error!(job = %stream.job, "a frame of input became too long on its way");
                return;
            };
            if self.payloads.send(frame.into()).await.is_err() || more == More::End {
                return;
            }
        }
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
