//! Records in the database, written inside the writer's transaction. Each is written so that writing it twice changes
//! nothing: a transaction that failed is tried again.

use rusqlite::{Connection, OptionalExtension, Statement, params};

use crate::columns::{Named, account_bytes, id_bytes, integer};
use crate::record::{KeyRecord, PartialRecord, Record, RequestRecord, ResultRecord};
use crate::texts::{Part, Place, StoreError, TextWriter, key};

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
                "INSERT INTO jobs (id, account, did, capability, model, class, privacy, submitted, deadline, hold, salt, question)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12) ON CONFLICT DO NOTHING",
            )?,
            // A part that was late must not overwrite the result.
            update_partial: connection.prepare(
                "UPDATE jobs SET output_tokens = ?2, sequence = ?3 WHERE id = ?1 AND settled IS NULL RETURNING number",
            )?,
            update_result: connection.prepare(
                "UPDATE jobs SET state = ?2, output_tokens = ?3, sequence = ?4, settled = ?5, finish = ?6, usage = ?7,
                                 cost = ?8, output = ?9, problem = ?10, workers = ?11, answer = ?12
                 WHERE id = ?1 AND settled IS NULL RETURNING number",
            )?,
            texts,
        })
    }

    /// Writes one record. Returns how many bytes of text more are kept.
    pub(crate) fn write(&mut self, record: &Record) -> Result<i64, StoreError> {
        match record {
            Record::Request(request) => self.request(request),
            Record::Partial(partial) => self.partial(partial),
            Record::Result(result) => self.result(result),
            Record::Key(key) => {
                self.key(key)?;
                Ok(0)
            }
            Record::RevokeKey { id, account } => {
                let mut delete =
                    self.connection.prepare_cached("DELETE FROM keys WHERE id = ?1 AND account = ?2")?;
                delete.execute(params![id_bytes(*id), account_bytes(*account)])?;
                Ok(0)
            }
            Record::Setting { name, value } => {
                let mut insert =
                    self.connection.prepare_cached("INSERT OR REPLACE INTO settings VALUES (?1, ?2)")?;
                insert.execute([name, value])?;
                Ok(0)
            }
        }
    }

    fn request(&mut self, request: &RequestRecord) -> Result<i64, StoreError> {
        let inserted = self.insert_job.execute(params![
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
        ])?;
        if inserted == 0 {
            return Ok(0);
        }
        let number = self.connection.last_insert_rowid();
        self.texts.insert(key(number, Part::Question), &request.request_json, Place::ByLength)
    }

    fn partial(&mut self, partial: &PartialRecord) -> Result<i64, StoreError> {
        let number: Option<i64> = self
            .update_partial
            .query_row(
                params![id_bytes(partial.job), integer(partial.output_tokens), integer(partial.sequence)],
                |row| row.get(0),
            )
            .optional()?;
        match number {
            Some(number) => self.texts.replace(key(number, Part::Answer), &partial.text, Place::Inline),
            None => Ok(0),
        }
    }

    fn result(&mut self, result: &ResultRecord) -> Result<i64, StoreError> {
        let number: Option<i64> = self
            .update_result
            .query_row(
                params![
                    id_bytes(result.job),
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
                ],
                |row| row.get(0),
            )
            .optional()?;
        match number {
            Some(number) => self.texts.replace(key(number, Part::Answer), &result.text, Place::ByLength),
            None => Ok(0),
        }
    }

    fn key(&mut self, key: &KeyRecord) -> rusqlite::Result<()> {
        let mut insert = self
            .connection
            .prepare_cached("INSERT INTO keys VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING")?;
        insert.execute(params![
            id_bytes(key.id),
            account_bytes(key.account),
            key.did.as_str(),
            key.name,
            key.hash.0,
            integer(key.created.0),
        ])?;
        Ok(())
    }
}

fn json(value: &impl serde::Serialize) -> rusqlite::Result<String> {
    serde_json::to_string(value).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))
}
