//! Steps of jobs for those who watch the realm live: who moved, without a word of what was said.

use mtor_protocol::body::{FlowStep, RealmFlow};
use mtor_protocol::{AccountId, CapabilityKind, JobId};

/// One step of one job, before it is told to somebody.
#[derive(Debug, Clone)]
pub struct Step {
    /// The job.
    pub job: JobId,
    /// Whose.
    pub account: AccountId,
    /// Of which capability.
    pub capability: CapabilityKind,
    /// Where it has come to.
    pub step: FlowStep,
    /// Whose work it is, once it is somebody's.
    pub worker: Option<String>,
}

impl Step {
    /// The step as this wallet may see it.
    pub fn for_watcher(self, watcher: AccountId) -> RealmFlow {
        let own = watcher == self.account;
        RealmFlow {
            // The random end of the id: enough to join the steps of one job, too little to ask for it.
            token: format!("{:08x}", self.job.0 & 0xffff_ffff),
            capability: self.capability,
            step: self.step,
            worker: self.worker,
            own,
            job: own.then_some(self.job),
        }
    }
}
