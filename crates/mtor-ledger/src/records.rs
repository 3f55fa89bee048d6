//! Records in the database, written inside the writer's transaction. Each is written so that writing it twice changes
//! nothing: a transaction that failed is tried again.

use std::collections::HashMap;

use mtor_protocol::JobId;
use rusqlite::{Connection, Statement, params};

use crate::columns::{Named, account_bytes, id_bytes, integer};
use crate::journal::OpenJob;
use crate::parts;
use crate::plans;
use crate::prices;
use crate::record::{
    GrantRecord, KeyRecord, PartialRecord, PasskeyRecord, Record, RequestRecord, ResultRecord,
};
use crate::texts::{self, Part, Place, StoreError, TextWriter, key};

/// Writes records.
pub(crate) struct RecordWriter<'c> {
    connection: &'c Connection,
    insert_job: Statement<'c>,
    update_partial: Statement<'c>,
    update_result: Statement<'c>,
    texts: TextWriter<'c>,
}

impl<'c> RecordWriter<'c> {
    pub(crate) fn new(connection: &'c Connection, texts: TextWriter<'c>) -> rusqlite::Result<Self> {
        Ok(Self {
            connection,
            insert_job: connection.prepare(
                "INSERT INTO jobs (seq, id, account, did, capability, model, class, privacy, submitted, deadline, hold, salt, question, signed)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14) ON CONFLICT DO NOTHING",
            )?,
            // A part that was late must not overwrite the result.
            update_partial: connection.prepare(
                "UPDATE jobs SET output_tokens = ?2, sequence = ?3 WHERE seq = ?1 AND settled IS NULL",
            )?,
            update_result: connection.prepare(
                "UPDATE jobs SET state = ?2, output_tokens = ?3, sequence = ?4, settled = ?5, finish = ?6, usage = ?7,
                                 cost = ?8, output = ?9, problem = ?10, workers = ?11, answer = ?12, settled_seq = ?13, receipt = ?14
                 WHERE seq = ?1 AND settled IS NULL",
            )?,
            texts,
        })
    }

    /// Writes one record; what is of no open job (any more) is left out. Returns how many bytes of text more are kept.
    pub(crate) fn write(
        &mut self,
        record: &Record,
        open: &mut HashMap<JobId, OpenJob>,
    ) -> Result<i64, StoreError> {
        match record {
            Record::Request(request) => match open.get(&request.job) {
                Some(open) => self.request(request, integer(open.seq)),
                None => Ok(0),
            },
            Record::Partial(partial) => match open.get_mut(&partial.job) {
                Some(open) => self.partial(partial, open),
                None => Ok(0),
            },
            Record::Result(result) => match open.get(&result.job) {
                Some(open) => self.result(result, open),
                None => Ok(0),
            },
            Record::Forgotten(job) => match open.get(job) {
                Some(open) => self.forgotten(integer(open.seq)),
                None => Ok(0),
            },
            Record::Key(key) => {
                self.key(key)?;
                Ok(0)
            }
            Record::RevokeKey { id, wallet } => {
                let mut delete =
                    self.connection.prepare_cached("DELETE FROM keys WHERE id = ?1 AND wallet = ?2")?;
                delete.execute(params![id_bytes(*id), account_bytes(*wallet)])?;
                Ok(0)
            }
            Record::Passkey(passkey) => {
                self.passkey(passkey)?;
                Ok(0)
            }
            Record::ForgetPasskey { id, wallet } => {
                let mut delete =
                    self.connection.prepare_cached("DELETE FROM passkeys WHERE id = ?1 AND wallet = ?2")?;
                delete.execute(params![id.0, account_bytes(*wallet)])?;
                Ok(0)
            }
            Record::Grant(grant) => {
                self.grant(grant)?;
                Ok(0)
            }
            Record::Plan(plan) => {
                plans::write(self.connection, plan)?;
                Ok(0)
            }
            Record::Setting { name, value } => {
                let mut insert =
                    self.connection.prepare_cached("INSERT OR REPLACE INTO settings VALUES (?1, ?2)")?;
                insert.execute([name, value])?;
                Ok(0)
            }
            Record::Prices(notes) => {
                prices::store(self.connection, notes)?;
                Ok(0)
            }
        }
    }

    fn request(&mut self, request: &RequestRecord, seq: i64) -> Result<i64, StoreError> {
        let inserted = self.insert_job.execute(params![
            seq,
            id_bytes(request.job),
            account_bytes(request.account),
            request.did.as_str(),
            request.capability.as_str(),
            request.model,
            request.class.name(),
            request.privacy.name(),
            integer(request.submitted.0),
            integer(request.deadline.0),
            integer(request.hold.0),
            request.salt,
            request.question,
            request.order_json,
        ])?;
        match inserted {
            0 => Ok(0),
            _ => self.texts.insert(key(seq, Part::Question), &request.request_json, Place::ByLength),
        }
    }

    fn partial(&mut self, partial: &PartialRecord, open: &mut OpenJob) -> Result<i64, StoreError> {
        let seq = integer(open.seq);
        let values = params![seq, integer(partial.output_tokens), integer(partial.sequence)];
        if self.update_partial.execute(values)? == 0 {
            return Ok(0);
        }
        open.has_part = true;
        self.texts.replace(key(seq, Part::Answer), &partial.text, Place::Inline)
    }

    fn result(&mut self, result: &ResultRecord, open: &OpenJob) -> Result<i64, StoreError> {
        let seq = integer(open.seq);
        let updated = self.update_result.execute(params![
            seq,
            result.state.name(),
            integer(result.usage.output_tokens),
            integer(result.sequence),
            integer(result.settled.0),
            result.finish.map(Named::name),
            json(&result.usage)?,
            integer(result.cost.0),
            result.output.map(|digest| digest.0),
            result.problem.as_ref().map(json).transpose()?,
            json(&result.workers)?,
            result.answer,
            open.settled_seq.map(integer),
            result.receipt_json,
        ])?;
        if updated == 0 {
            return Ok(0);
        }
        let text = match open.has_part {
            true => self.texts.replace(key(seq, Part::Answer), &result.text, Place::ByLength)?,
            false => self.texts.insert(key(seq, Part::Answer), &result.text, Place::ByLength)?,
        };
        Ok(text + parts::insert(self.connection, self.texts.blobs(), seq, &result.parts)?)
    }

    fn forgotten(&mut self, seq: i64) -> Result<i64, StoreError> {
        // The texts are empty, so that no blob can lose its last name by this.
        let freed = texts::forget(self.connection, seq, &mut Vec::new())?;
        Ok(-i64::try_from(freed).unwrap_or(i64::MAX))
    }

    fn key(&mut self, key: &KeyRecord) -> rusqlite::Result<()> {
        let mut insert = self.connection.prepare_cached(
            "INSERT INTO keys VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO NOTHING",
        )?;
        insert.execute(params![
            id_bytes(key.id),
            account_bytes(key.account),
            key.did.as_str(),
            key.name,
            key.hash.0,
            integer(key.created.0),
            key.grant.map(id_bytes),
            account_bytes(key.wallet),
        ])?;
        Ok(())
    }

    /// What another wallet has sealed under the same passkey stays.
    fn passkey(&mut self, passkey: &PasskeyRecord) -> rusqlite::Result<()> {
        let mut insert = self.connection.prepare_cached(
            "INSERT INTO passkeys VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (id) DO UPDATE SET sealed = ?3, created = ?4 WHERE wallet = ?2",
        )?;
        let PasskeyRecord { id, wallet, sealed, created } = passkey;
        insert.execute(params![id.0, account_bytes(*wallet), sealed, integer(created.0)])?;
        Ok(())
    }

    fn grant(&mut self, grant: &GrantRecord) -> rusqlite::Result<()> {
        let mut insert = self
            .connection
            .prepare_cached("INSERT INTO grants VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING")?;
        insert.execute(params![
            id_bytes(grant.id),
            account_bytes(grant.granter),
            account_bytes(grant.account),
            grant.salt,
            grant.about,
        ])?;
        Ok(())
    }
}

fn json(value: &impl serde::Serialize) -> rusqlite::Result<String> {
    serde_json::to_string(value).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))
}
