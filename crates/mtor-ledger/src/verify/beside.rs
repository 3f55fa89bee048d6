//! What is kept beside the journal, compared with what the journal says about it: job by job, entry by entry.

use mtor_core::{Entry, Fact, Leg, OpenJob, Outcome};
use mtor_protocol::http::JobState;
use mtor_protocol::{AccountId, Digest, JobId, Micro};
use rusqlite::{Connection, params};
use sha2::{Digest as _, Sha256};

use super::VerifyError;
use crate::blobs::Blobs;
use crate::columns::{account_bytes, integer, unsigned};
use crate::commitment::{answer_commitment, commitment, digest};
use crate::database::{Paths, open_reader};
use crate::error::QueryError;
use crate::jobs;
use crate::journal::{movements, seq_of, taken_id};
use crate::record::StoredJob;
use crate::wallets;

/// Compares what is beside the journal with its entries.
pub(super) struct Beside<'c> {
    connection: &'c Connection,
    paths: &'c Paths,
    blobs: Blobs,
    /// A ledger without any job records was used for its journal alone.
    has_jobs: bool,
    accepted: u64,
    ids: u64,
    movements: u64,
    grants: u64,
}

impl<'c> Beside<'c> {
    pub(super) fn new(connection: &'c Connection, paths: &'c Paths) -> Result<Self, QueryError> {
        let has_jobs = connection.query_row("SELECT EXISTS (SELECT 1 FROM jobs)", [], |row| row.get(0))?;
        let blobs = Blobs::new(&paths.blobs);
        Ok(Self { connection, paths, blobs, has_jobs, accepted: 0, ids: 0, movements: 0, grants: 0 })
    }

    /// Compares what belongs to one entry; `open` is the job that it settles, as it was before.
    pub(super) fn entry(&mut self, entry: &Entry, open: Option<&OpenJob>) -> Result<(), VerifyError> {
        self.index(entry, open.map(|open| open.job.payer())).map_err(damaged)?;
        match (&entry.fact, open) {
            (Fact::Accepted { .. }, _) => self.accepted += 1,
            (Fact::Granted { id, from, account, about, .. }, _) => {
                self.grants += 1;
                self.grant(*id, (*from, *account), *about)?;
            }
            (Fact::Settled { outcome, usage, legs, output, receipt, .. }, Some(open)) => {
                let settled = Settled { outcome: *outcome, usage, legs, output: *output, receipt: *receipt };
                self.job(open, Some(&settled))?;
            }
            _ => {}
        }
        Ok(())
    }

    /// Compares a job that is still open.
    pub(super) fn open_job(&self, open: &OpenJob) -> Result<(), VerifyError> {
        self.job(open, None)
    }

    /// After the last entry: nothing is there that no entry has put there.
    pub(super) fn finish(&self) -> Result<(), VerifyError> {
        for (table, expected) in [
            ("ids", self.ids),
            ("movements", self.movements),
            ("jobs", self.accepted),
            ("grants", self.grants),
        ] {
            let found: i64 = self
                .connection
                .query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0))
                .map_err(|error| damaged(error.into()))?;
            if unsigned(found) > expected {
                let what = format!("there are {found} rows, but the journal has given {expected}");
                return Err(VerifyError::wrong(format!("table {table}"), what));
            }
        }
        Ok(())
    }

    /// The index of ids and that of movements have what they should.
    fn index(&mut self, entry: &Entry, payer: Option<AccountId>) -> Result<(), QueryError> {
        if let Some(id) = taken_id(&entry.fact) {
            match seq_of(self.connection, id)? {
                Some(seq) if seq == entry.seq => self.ids += 1,
                // The id came back: it stays with the entry that had it first.
                Some(seq) if seq < entry.seq => {}
                _ => return Err(QueryError::Damaged(format!("table ids: entry {} is missing", entry.seq))),
            }
        }
        let mut moved: Vec<_> = movements(&entry.fact, payer).collect();
        moved.sort_unstable();
        moved.dedup();
        let mut statement = self
            .connection
            .prepare_cached("SELECT 1 FROM movements WHERE account = ?1 AND seq = ?2 AND kind = ?3")?;
        for (account, kind) in moved {
            if !statement.exists(params![account_bytes(account), integer(entry.seq), kind as u8])? {
                let what = format!("table movements: entry {} of account {account} is missing", entry.seq);
                return Err(QueryError::Damaged(what));
            }
            self.movements += 1;
        }
        Ok(())
    }

    fn grant(&self, id: JobId, accounts: (AccountId, AccountId), about: Digest) -> Result<(), VerifyError> {
        let wrong = |what: &str| VerifyError::wrong(format!("grant {id}"), what);
        let stored = wallets::grants(self.connection, &[id]).map_err(|error| wrong(&plain(error)))?;
        let Some(stored) = stored.first() else {
            // A ledger without any job records was used for its journal alone.
            return if self.has_jobs { Err(wrong("its record is missing")) } else { Ok(()) };
        };
        if (stored.granter, stored.account) != accounts {
            return Err(wrong("its accounts are not those of its entry"));
        }
        match commitment(&stored.salt, stored.about.as_bytes()) == about {
            true => Ok(()),
            false => Err(wrong("its names are not what its entry commits to")),
        }
    }

    fn job(&self, open: &OpenJob, settled: Option<&Settled<'_>>) -> Result<(), VerifyError> {
        if !self.has_jobs {
            return Ok(());
        }
        let id = open.job.id;
        let wrong = |what: &str| VerifyError::wrong(format!("job {id}"), what);
        let stored = self.stored(id).map_err(|error| wrong(&plain(error)))?;
        let stored = stored.ok_or_else(|| wrong("its record is missing"))?;
        check_request(&stored, open).map_err(wrong)?;
        match settled {
            Some(settled) => {
                check_result(&stored, settled).map_err(wrong)?;
                self.check_parts(&stored)
            }
            None if stored.settled.is_some() => {
                Err(wrong("its record says that it has ended, the journal does not"))
            }
            None => Ok(()),
        }
    }

    /// The parts that are kept are those of the answer that was given.
    fn check_parts(&self, stored: &StoredJob) -> Result<(), VerifyError> {
        let wrong = |what: &str| VerifyError::wrong(format!("job {}", stored.id), what);
        let (Some(text), Some(whole)) = (&stored.text, stored.output) else { return Ok(()) };
        if stored.parts.is_empty() {
            return Ok(());
        }
        let (mut hash, mut place) = (Sha256::new(), 0);
        for part in &stored.parts {
            let end = usize::try_from(part.offset).unwrap_or(usize::MAX);
            let before = text.get(place..end).ok_or_else(|| wrong("a part stands outside of its answer"))?;
            hash.update(before);
            match self.blobs.get_bytes(&part.part.sha256) {
                Ok(bytes) => hash.update(&bytes),
                // While a broker runs, it may be forgotten between one look and the next.
                Err(error) if self.is_kept(stored.id)? => return Err(wrong(&plain(error))),
                Err(_) => return Ok(()),
            }
            place = end;
        }
        hash.update(&text[place..]);
        match Digest(hash.finalize().into()) == whole {
            true => Ok(()),
            false => Err(wrong("its parts are not those of the answer that its entry commits to")),
        }
    }

    /// Whether a job's texts are kept at present.
    fn is_kept(&self, id: JobId) -> Result<bool, VerifyError> {
        let now = open_reader(&self.paths.database).map_err(QueryError::from);
        let now = now.and_then(|connection| jobs::read(&connection, &self.blobs, id)).map_err(damaged)?;
        Ok(now.is_some_and(|job| job.request_json.is_some()))
    }

    /// A job's record. While a broker runs, its texts may be forgotten between one look and the next; then a second
    /// look, at the present, finds that they are.
    fn stored(&self, id: JobId) -> Result<Option<StoredJob>, QueryError> {
        jobs::read_within(self.connection, &self.blobs, id).or_else(|error| {
            let now = jobs::read(&open_reader(&self.paths.database)?, &self.blobs, id)?;
            now.filter(|job| job.request_json.is_none()).map(Some).ok_or(error)
        })
    }
}

/// What the journal says about a job's end.
struct Settled<'e> {
    outcome: Outcome,
    usage: &'e mtor_protocol::Usage,
    legs: &'e [Leg],
    output: Option<Digest>,
    receipt: Option<Digest>,
}

fn check_request(stored: &StoredJob, open: &OpenJob) -> Result<(), &'static str> {
    let job = &open.job;
    if (stored.account, stored.hold) != (job.account, open.hold) {
        return Err("account and hold are not those of its entry");
    }
    if (&stored.capability, &stored.model) != (&job.capability, &job.model) {
        return Err("capability and model are not those of its entry");
    }
    if (stored.class, stored.privacy) != (job.class, job.privacy) {
        return Err("class and privacy are not those of its entry");
    }
    let Some(request) = &stored.request_json else { return Ok(()) };
    if commitment(&stored.salt, request.as_bytes()) != job.request {
        return Err("what was asked is not what its entry commits to");
    }
    match stored.order_json.as_ref().map(|order| commitment(&stored.salt, order.as_bytes())) == job.order {
        true => Ok(()),
        false => Err("the signature under it is not what its entry commits to"),
    }
}

fn check_result(stored: &StoredJob, settled: &Settled<'_>) -> Result<(), &'static str> {
    if stored.settled.is_none() {
        return Err("the journal says that it has ended, its record does not");
    }
    let whole = matches!(settled.outcome, Outcome::Stop | Outcome::Length);
    if whole != (stored.state == JobState::Completed) {
        return Err("its state is not the outcome in its entry");
    }
    let cost = settled.legs.iter().fold(Micro::ZERO, |sum, leg| Micro(sum.0.saturating_add(leg.amount.0)));
    if stored.cost != Some(cost) || stored.usage.as_ref() != Some(settled.usage) {
        return Err("cost and usage are not those of its entry");
    }
    let Some(text) = &stored.text else { return Ok(()) };
    let receipt = stored.receipt_json.as_ref().map(|receipt| commitment(&stored.salt, receipt.as_bytes()));
    if receipt != settled.receipt {
        return Err("what the worker signed is not what its entry commits to");
    }
    let Some(output) = settled.output else { return Ok(()) };
    let whole = stored.output.unwrap_or_else(|| digest(text.as_bytes()));
    if answer_commitment(&stored.salt, text, whole) != output {
        return Err("the answer is not what its entry commits to");
    }
    Ok(())
}

fn plain(error: QueryError) -> String {
    match error {
        QueryError::Damaged(what) => what,
        other => other.to_string(),
    }
}

/// A fault in a table, which names its place itself.
fn damaged(error: QueryError) -> VerifyError {
    match error {
        QueryError::Damaged(what) => match what.split_once(": ") {
            Some((place, what)) => VerifyError::wrong(place, what),
            None => VerifyError::wrong("the ledger", what),
        },
        other => VerifyError::Unreadable(other.to_string()),
    }
}
