//! The text of one job as it comes, and the pieces in which its client is shown it.

use std::collections::BTreeMap;

use mtor_core::{Meter, WorkerId};
use mtor_protocol::http::JobState;
use mtor_protocol::{JobId, Micro, Usage};

use crate::answer::TOKEN_BYTES;

/// How a job ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ended {
    pub(crate) state: JobState,
    pub(crate) cost: Micro,
}

/// A job's text.
#[derive(Debug, Default)]
pub(crate) struct Stream {
    pub(crate) text: String,
    /// Where each piece begins and what it says, for listeners.
    pub(crate) pieces: Vec<(usize, String)>,
    /// What the present worker has written.
    lease: u64,
    /// Who was given which lease.
    holders: Vec<(u64, WorkerId)>,
    /// The lease of a second worker, until one of the two begins.
    rival: Option<u64>,
    lease_start: usize,
    /// Tokens from before the realm was restarted.
    carried: u64,
    /// How much of the text was saved.
    saved: usize,
    /// The job is in the journal: its client may look.
    pub(crate) visible: bool,
    /// The present worker has said that it is done.
    sealed: bool,
    /// Settled, though perhaps not in the journal yet: no piece counts any more.
    closed: bool,
    pub(crate) ended: Option<Ended>,
}

impl Stream {
    /// The stream of a job that was open when the realm went down.
    pub(crate) fn resumed(text: String, tokens: u64) -> Self {
        Self {
            pieces: vec![(0, text.clone())],
            carried: tokens,
            saved: text.len(),
            lease_start: text.len(),
            visible: true,
            text,
            ..Self::default()
        }
    }

    /// From now on only pieces under this lease count. Gives back how much there is to go on from, in tokens.
    pub(crate) fn lease(&mut self, lease: u64) -> u64 {
        (self.lease, self.rival) = (lease, None);
        self.sealed = false;
        self.lease_start = self.text.len();
        tokens(&self.text)
    }

    /// A worker is given a lease.
    pub(crate) fn give(&mut self, lease: u64, worker: WorkerId) {
        self.holders.push((lease, worker));
    }

    /// Whether a lease was given to this worker.
    pub(crate) fn is_held_by(&self, lease: u64, worker: WorkerId) -> bool {
        self.holders.contains(&(lease, worker))
    }

    /// A second worker has the job too, until one of the two begins.
    pub(crate) fn rival(&mut self, lease: u64) -> u64 {
        let may_come = self.lease_start == self.text.len() && !self.sealed && !self.closed;
        self.rival = may_come.then_some(lease);
        tokens(&self.text)
    }

    /// Of two leases only this one counts from now on.
    pub(crate) fn alone(&mut self, lease: u64) {
        if self.lease != lease {
            self.lease(lease);
        }
        self.rival = None;
    }

    fn counts(&mut self, lease: u64) -> bool {
        if self.sealed || self.closed {
            return false;
        }
        if self.rival == Some(lease) && self.lease_start == self.text.len() {
            self.lease(lease);
        }
        if self.lease == lease {
            self.rival = None;
        }
        self.lease == lease
    }

    /// A piece has come. `None` when it is of no account, else whether it is the first under its lease.
    pub(crate) fn write(&mut self, lease: u64, text: &str) -> Option<bool> {
        if !self.counts(lease) {
            return None;
        }
        let first = self.lease_start == self.text.len();
        self.pieces.push((self.text.len(), text.to_owned()));
        self.text.push_str(text);
        Some(first)
    }

    /// What was written under this lease; `None` when it is not the present one.
    pub(crate) fn written_under(&mut self, lease: u64) -> Option<&str> {
        (self.counts(lease) || (self.lease == lease && !self.closed)).then(|| &self.text[self.lease_start..])
    }

    /// Nobody has the job for now: no piece counts until there is a new lease.
    pub(crate) fn revoke(&mut self) {
        (self.lease, self.rival) = (0, None);
    }

    /// The present worker's answer was taken as whole: whatever it says after that is not a part of it.
    pub(crate) fn seal(&mut self) {
        self.sealed = true;
    }

    pub(crate) fn present_lease(&self) -> u64 {
        self.lease
    }

    pub(crate) fn close(&mut self) {
        self.closed = true;
    }

    /// What was written since this was asked last.
    pub(crate) fn unsaved(&mut self) -> Option<&str> {
        if self.closed || self.saved == self.text.len() {
            return None;
        }
        self.saved = self.text.len();
        Some(&self.text)
    }
}

/// Tokens in a text.
pub(crate) fn tokens(text: &str) -> u64 {
    (text.len() / TOKEN_BYTES) as u64
}

/// The streams of all jobs since the realm was started.
#[derive(Debug, Default)]
pub(crate) struct Streams {
    pub(crate) jobs: BTreeMap<JobId, Stream>,
    /// Sabotage: see [`crate::Sabotage::BillTwice`].
    pub(crate) bill_twice: bool,
}

impl Streams {
    /// Tokens that were delivered for a job since the realm was started: the most that may be billed.
    pub(crate) fn delivered_tokens(&self, job: JobId) -> u64 {
        self.jobs.get(&job).map_or(0, |stream| tokens(&stream.text).saturating_sub(stream.carried))
    }
}

impl Meter for Streams {
    fn delivered(&self, job: JobId) -> Usage {
        let output_tokens =
            self.jobs.get(&job).map_or(0, |stream| tokens(&stream.text[stream.lease_start..]));
        Usage { output_tokens, ..Usage::default() }
    }

    fn delivered_under(&self, job: JobId, lease: u64) -> Usage {
        if self.bill_twice {
            return Usage { output_tokens: self.delivered_tokens(job), ..Usage::default() };
        }
        let present = self.jobs.get(&job).is_some_and(|stream| stream.lease == lease);
        if present { self.delivered(job) } else { Usage::default() }
    }

    fn carried(&self, job: JobId) -> u64 {
        self.jobs.get(&job).map_or(0, |stream| stream.carried)
    }
}
