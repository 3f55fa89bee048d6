//! When each timer rings: a file that is written anew, whole, with every change.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use mtor_worker::protocol::JobId;

use crate::defaults::{TIMER_KEEP_S, TIMERS_MAX};

pub(super) struct Store {
    file: PathBuf,
    /// In milliseconds since 1970.
    due: Mutex<BTreeMap<JobId, i64>>,
}

impl Store {
    /// The store in a folder, which is made when it is not there. Timers that nobody came back for are forgotten.
    pub(super) fn open(folder: &Path) -> io::Result<Self> {
        std::fs::create_dir_all(folder)?;
        let file = folder.join("timers.json");
        let read = match std::fs::read(&file) {
            Ok(json) => serde_json::from_slice::<BTreeMap<String, i64>>(&json)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => BTreeMap::new(),
            Err(error) => return Err(error),
        };
        let long_ago = Timestamp::now().as_millisecond() - TIMER_KEEP_S * 1_000;
        let kept = read.into_iter().filter(|(_, due)| *due > long_ago);
        let due = kept.filter_map(|(job, due)| Some((job.parse().ok()?, due))).collect();
        Ok(Self { file, due: Mutex::new(due) })
    }

    fn table(&self) -> MutexGuard<'_, BTreeMap<JobId, i64>> {
        self.due.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// When a timer rings, if it is known.
    pub(super) fn due(&self, job: JobId) -> Option<Timestamp> {
        self.table().get(&job).and_then(|due| Timestamp::from_millisecond(*due).ok())
    }

    /// Keeps when a timer rings. Those that rang long ago go when there is no more room.
    pub(super) fn keep(&self, job: JobId, due: Timestamp) -> io::Result<()> {
        let mut table = self.table();
        table.insert(job, due.as_millisecond());
        while table.len() > 2 * TIMERS_MAX as usize {
            let Some(first) = table.iter().min_by_key(|(_, due)| **due).map(|(job, _)| *job) else { break };
            table.remove(&first);
        }
        self.write(&table)
    }

    pub(super) fn forget(&self, job: JobId) -> io::Result<()> {
        let mut table = self.table();
        table.remove(&job);
        self.write(&table)
    }

    /// Beside it first and then in its place, so that it is whole whenever the power fails.
    fn write(&self, table: &BTreeMap<JobId, i64>) -> io::Result<()> {
        let texts: BTreeMap<String, i64> = table.iter().map(|(job, due)| (job.to_string(), *due)).collect();
        let beside = self.file.with_extension("json.new");
        let file = std::fs::File::create(&beside)?;
        serde_json::to_writer(&file, &texts)?;
        file.sync_all()?;
        std::fs::rename(beside, &self.file)
    }
}
