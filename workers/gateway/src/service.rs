//! What a service is to the gateway.

use std::future::Future;

use mtor_worker::protocol::CapabilityOffer;
use mtor_worker::{Finished, Job, Output};

use crate::fault::{Fault, RunError};

/// Something that runs elsewhere and can do jobs.
pub trait Service: Send + Sync + 'static {
    /// Where it is, for people and logs. Never with a key in it.
    fn address(&self) -> String;

    /// Whether it is there, and what it offers now; never an empty list.
    fn look(&self) -> impl Future<Output = Result<Vec<CapabilityOffer>, Fault>> + Send;

    /// Does a job. Dropped when the job is cancelled, which must end what was asked of the service, unless
    /// [`abort`](Self::abort) does.
    fn run(&self, job: Job, output: &mut Output) -> impl Future<Output = Result<Finished, RunError>> + Send;

    /// Tells the service to stop the job of this lease, where hanging up does not.
    fn abort(&self, _lease: u64) -> impl Future<Output = ()> + Send {
        async {}
    }
}
