//! The streams of all jobs that are not settled.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mtor_core::Meter;
use mtor_protocol::{JobId, Usage};

use crate::stream::JobStream;

/// Streams by job. A settled job's stream leaves; those who still read it hold it themselves.
#[derive(Debug, Default)]
pub struct Streams {
    open: Mutex<HashMap<JobId, Arc<JobStream>>>,
}

impl Streams {
    /// The stream of an open job.
    pub fn get(&self, job: JobId) -> Option<Arc<JobStream>> {
        self.lock().get(&job).cloned()
    }

    /// Adds a stream; false when the job has one already, which then stays.
    pub fn insert(&self, stream: Arc<JobStream>) -> bool {
        match self.lock().entry(stream.job) {
            std::collections::hash_map::Entry::Occupied(_) => false,
            std::collections::hash_map::Entry::Vacant(place) => {
                place.insert(stream);
                true
            }
        }
    }

    /// Takes a stream out.
    pub fn remove(&self, job: JobId) -> Option<Arc<JobStream>> {
        self.lock().remove(&job)
    }

    /// All streams.
    pub fn all(&self) -> Vec<Arc<JobStream>> {
        self.lock().values().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<JobId, Arc<JobStream>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Meter for Streams {
    fn delivered(&self, job: JobId) -> Usage {
        self.get(job).map_or_else(Usage::default, |stream| stream.delivered())
    }

    fn delivered_under(&self, job: JobId, lease: u64) -> Usage {
        self.get(job).map_or_else(Usage::default, |stream| stream.delivered_under(lease))
    }

    fn carried(&self, job: JobId) -> u64 {
        self.get(job).map_or(0, |stream| stream.carried())
    }
}
