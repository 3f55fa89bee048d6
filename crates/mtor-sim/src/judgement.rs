//! What is made up of answers that the core wants checked: most are found right, some wrong, some not compared at all; and of those
//! that were wrong some are pardoned, and some objected to. The same answer always meets the same fate.

use mtor_core::trust::{Judged, Verdict};
use mtor_core::{Input, Ticket};
use mtor_protocol::{AccountId, CapabilityKind, Digest, JobId};

/// What follows from the answer to this job.
pub(crate) fn of(job: JobId, worker: AccountId) -> impl Iterator<Item = Input> {
    // The low byte is the client.
    let lot = (job.0 >> 8) % 48;
    let verdict = match lot {
        0..3 => Some(Verdict::Failed),
        3..6 => Some(Verdict::Undecided),
        6..10 => None,
        _ => Some(Verdict::Valid),
    };
    let ticket = Ticket::NOBODY;
    let judged = match verdict {
        None => Input::Unjudged { jobs: vec![job] },
        Some(verdict) => {
            let (capability, evidence) = (CapabilityKind::CHAT, Digest([5; 32]));
            Input::Judge { ticket, capability, results: vec![Judged { job, worker, verdict }], evidence }
        }
    };
    let after = match lot {
        0 => Some(Input::Appeal { ticket, job, account: worker }),
        1 => Some(Input::DecideCase { ticket, job, pardon: true }),
        2 => Some(Input::DecideCase { ticket, job, pardon: false }),
        _ => None,
    };
    [Some(judged), after].into_iter().flatten()
}
