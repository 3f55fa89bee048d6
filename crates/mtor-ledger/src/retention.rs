//! Retention: questions and answers of finished jobs are forgotten when they are too old or too many, the oldest first.
//! What the journal says about them stays, and so does the job's row.

use std::time::Instant;

use mtor_protocol::{Digest, Timestamp};
use rusqlite::Connection;

use crate::blobs::Blobs;
use crate::columns::unsigned;
use crate::defaults::{PRUNE_INTERVAL, PRUNE_JOBS_PER_STEP};
use crate::settings::Settings;
use crate::texts::{self, StoreError};

/// When to forget, and where it stands.
pub(crate) struct Retention {
    bytes_max: u64,
    age_ms_max: Option<u64>,
    /// Set from when there is too much until there is a little room again.
    too_much: bool,
    /// When old texts are looked for next; at once after opening.
    age_due: Instant,
}

impl Retention {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self {
            bytes_max: settings.text_bytes_max,
            age_ms_max: settings.text_age_ms_max,
            too_much: false,
            age_due: Instant::now(),
        }
    }

    /// Forgets a few texts, if any must go. Returns how many bytes are kept then. `now` is the time of the newest entry.
    pub(crate) fn step(
        &mut self,
        connection: &Connection,
        blobs: &Blobs,
        text_bytes: u64,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        self.too_much |= text_bytes > self.bytes_max;
        // Before the first entry there is no time to compare with.
        let age_is_due = now > Timestamp::default() && Instant::now() >= self.age_due;
        let cutoff = self.age_ms_max.filter(|_| age_is_due).map(|age| now.0.saturating_sub(age));
        if !self.too_much && cutoff.is_none() {
            return Ok(text_bytes);
        }
        // A little room is made at once, so that not every commit has to prune.
        let target = if self.too_much { self.bytes_max - self.bytes_max / 20 } else { u64::MAX };
        let oldest = oldest_finished(connection)?;
        let is_old = |settled: u64| cutoff.is_some_and(|cutoff| settled < cutoff);
        let all_old =
            oldest.len() == PRUNE_JOBS_PER_STEP && oldest.iter().all(|(_, settled)| is_old(*settled));
        let text_bytes =
            forget(connection, blobs, text_bytes, &oldest, |kept, settled| kept > target || is_old(settled))?;
        self.too_much = text_bytes > target && !oldest.is_empty();
        if cutoff.is_some() && !all_old {
            self.age_due = Instant::now() + PRUNE_INTERVAL;
        }
        Ok(text_bytes)
    }
}

/// The oldest jobs that have ended and still have texts: their entries and when they ended.
fn oldest_finished(connection: &Connection) -> rusqlite::Result<Vec<(i64, u64)>> {
    let mut statement = connection.prepare_cached(
        "SELECT jobs.seq, jobs.settled FROM texts JOIN jobs ON jobs.seq = texts.key / 2
         WHERE texts.key % 2 = 0 AND jobs.settled IS NOT NULL ORDER BY texts.key LIMIT ?1",
    )?;
    let rows =
        statement.query_map([PRUNE_JOBS_PER_STEP as i64], |row| Ok((row.get(0)?, unsigned(row.get(1)?))))?;
    rows.collect()
}

/// Forgets the texts of those jobs for which `must_go` says so, given how many bytes are kept and when the job ended.
fn forget(
    connection: &Connection,
    blobs: &Blobs,
    mut text_bytes: u64,
    jobs: &[(i64, u64)],
    must_go: impl Fn(u64, u64) -> bool,
) -> Result<u64, StoreError> {
    if !jobs.iter().any(|(_, settled)| must_go(text_bytes, *settled)) {
        return Ok(text_bytes);
    }
    let mut nameless: Vec<Digest> = Vec::new();
    let transaction = connection.unchecked_transaction()?;
    for (seq, settled) in jobs {
        if must_go(text_bytes, *settled) {
            text_bytes = text_bytes.saturating_sub(texts::forget(&transaction, *seq, &mut nameless)?);
        }
    }
    texts::store_total(&transaction, text_bytes)?;
    transaction.commit()?;
    for hash in nameless {
        if !texts::names_blob(connection, &hash)? {
            blobs.remove(&hash)?;
        }
    }
    Ok(text_bytes)
}
