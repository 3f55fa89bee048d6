//! Jobs as they are stored: one of them, and pages of an account's history with a search in it.

use mtor_protocol::http::{JobLine, JobPage, JobState};
use mtor_protocol::{
    AccountId, CapabilityKind, Did, Digest, FinishReason, JobId, Privacy, ServiceClass, Submit, Task,
};
use rusqlite::{Connection, Row, params};
use serde::de::DeserializeOwned;

use crate::blobs::Blobs;
use crate::columns::{self, Named, account_bytes, id_bytes, micro, time, unsigned};
use crate::defaults::{PAGE_LINES_MAX, SEARCH_BYTES_MAX, SEARCH_JOBS_MAX, SEARCH_WORDS_MAX};
use crate::error::QueryError;
use crate::parts;
use crate::record::StoredJob;
use crate::texts::{self, Part, key};

/// A job with its texts.
pub(crate) fn read(
    connection: &Connection,
    blobs: &Blobs,
    id: JobId,
) -> Result<Option<StoredJob>, QueryError> {
    // One transaction, so that row and texts belong together.
    let transaction = connection.unchecked_transaction()?;
    read_within(&transaction, blobs, id)
}

/// The same inside a transaction.
pub(crate) fn read_within(
    connection: &Connection,
    blobs: &Blobs,
    id: JobId,
) -> Result<Option<StoredJob>, QueryError> {
    let mut statement =
        connection.prepare_cached("SELECT jobs.* FROM ids JOIN jobs USING (seq) WHERE ids.id = ?1")?;
    let mut rows = statement.query([id_bytes(id)])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let seq: i64 = row.get("seq")?;
    let mut job = from_row(row).map_err(|error| QueryError::Damaged(format!("job {id}: {error}")))?;
    if row.get::<_, i64>("forgotten")? == 0 {
        job.request_json = texts::read(connection, blobs, key(seq, Part::Question))?;
        job.text = texts::read(connection, blobs, key(seq, Part::Answer))?.or(Some(String::new()));
        // A job that has not ended has none yet.
        if job.settled.is_some() {
            job.parts = parts::list(connection, seq)?;
        }
    }
    Ok(Some(job))
}

/// A job without its texts.
pub(crate) fn from_row(row: &Row<'_>) -> Result<StoredJob, QueryError> {
    let capability: String = row.get("capability")?;
    let finish: Option<String> = row.get("finish")?;
    Ok(StoredJob {
        id: columns::id(row.get("id")?),
        account: columns::account(row.get("account")?),
        did: Did(row.get("did")?),
        capability: parse_capability(&capability)?,
        model: row.get("model")?,
        class: ServiceClass::named(row.get_ref("class")?.as_str().map_err(wrong)?)?,
        privacy: Privacy::named(row.get_ref("privacy")?.as_str().map_err(wrong)?)?,
        submitted: time(row.get("submitted")?),
        deadline: time(row.get("deadline")?),
        hold: micro(row.get("hold")?),
        salt: row.get("salt")?,
        state: JobState::named(row.get_ref("state")?.as_str().map_err(wrong)?)?,
        request_json: None,
        order_json: row.get("signed")?,
        receipt_json: row.get("receipt")?,
        text: None,
        parts: Vec::new(),
        output_tokens: unsigned(row.get("output_tokens")?),
        sequence: unsigned(row.get("sequence")?),
        settled: row.get::<_, Option<i64>>("settled")?.map(time),
        finish: finish.as_deref().map(FinishReason::named).transpose()?,
        usage: parse_json(row.get("usage")?)?,
        cost: row.get::<_, Option<i64>>("cost")?.map(micro),
        output: row.get::<_, Option<[u8; 32]>>("output")?.map(Digest),
        problem: parse_json(row.get("problem")?)?,
        workers: parse_json(row.get("workers")?)?.unwrap_or_default(),
        question: row.get("question")?,
        answer: row.get("answer")?,
        accepted_seq: unsigned(row.get("seq")?),
        settled_seq: row.get::<_, Option<i64>>("settled_seq")?.map(unsigned),
    })
}

fn parse_capability(name: &str) -> Result<CapabilityKind, QueryError> {
    CapabilityKind::new(name).ok_or_else(|| QueryError::Damaged(format!("{name:?} is no capability")))
}

fn parse_json<T: DeserializeOwned>(text: Option<String>) -> Result<Option<T>, QueryError> {
    let parse =
        |text: String| serde_json::from_str(&text).map_err(|error| QueryError::Damaged(error.to_string()));
    text.map(parse).transpose()
}

fn wrong(error: rusqlite::types::FromSqlError) -> QueryError {
    QueryError::Damaged(error.to_string())
}

/// A page of an account's jobs, the newest first.
pub(crate) fn page(
    connection: &Connection,
    blobs: &Blobs,
    account: AccountId,
    before: Option<JobId>,
    limit: usize,
    q: Option<&str>,
) -> Result<JobPage, QueryError> {
    let limit = limit.clamp(1, PAGE_LINES_MAX);
    let words = Words::new(q.unwrap_or_default());
    let transaction = connection.unchecked_transaction()?;
    let mut statement = transaction.prepare_cached(
        "SELECT seq, id, state, capability, submitted, cost, question, answer FROM jobs
         WHERE account = ?1 AND id < ?2 ORDER BY id DESC",
    )?;
    // No id is larger than this one; that a job has it and is left out is not worth a second query.
    let before = before.unwrap_or(JobId(u128::MAX));
    let mut rows = statement.query(params![account_bytes(account), id_bytes(before)])?;
    let mut page = JobPage::default();
    let (mut looked_at, mut bytes_read) = (0, 0);
    let mut last = None;
    while let Some(row) = rows.next()? {
        if page.jobs.len() == limit || looked_at == SEARCH_JOBS_MAX || bytes_read > SEARCH_BYTES_MAX {
            page.next = last;
            break;
        }
        let line = line(row)?;
        last = Some(line.id);
        looked_at += 1;
        if words.is_empty() || matches(&transaction, blobs, row.get(0)?, &line, &words, &mut bytes_read)? {
            page.jobs.push(line);
        }
    }
    Ok(page)
}

fn line(row: &Row<'_>) -> Result<JobLine, QueryError> {
    let capability: String = row.get(3)?;
    Ok(JobLine {
        id: columns::id(row.get(1)?),
        state: JobState::named(row.get_ref(2)?.as_str().map_err(wrong)?)?,
        capability: parse_capability(&capability)?,
        submitted: time(row.get(4)?),
        cost: row.get::<_, Option<i64>>(5)?.map(micro),
        question: row.get(6)?,
        answer: row.get(7)?,
    })
}

/// The words of a search, in lower case.
struct Words(Vec<String>);

impl Words {
    fn new(q: &str) -> Self {
        Self(q.split_whitespace().take(SEARCH_WORDS_MAX).map(str::to_lowercase).collect())
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether each word is in at least one of the texts.
    fn all_in(&self, texts: &[&str]) -> bool {
        let texts: Vec<String> = texts.iter().map(|text| text.to_lowercase()).collect();
        self.0.iter().all(|word| texts.iter().any(|text| text.contains(word.as_str())))
    }
}

/// Looks at the first words before the whole texts, which may be long.
fn matches(
    connection: &Connection,
    blobs: &Blobs,
    seq: i64,
    line: &JobLine,
    words: &Words,
    bytes_read: &mut usize,
) -> Result<bool, QueryError> {
    if words.all_in(&[&line.question, &line.answer]) {
        return Ok(true);
    }
    let mut text = |part| -> Result<String, QueryError> {
        let text = texts::read(connection, blobs, key(seq, part))?.unwrap_or_default();
        *bytes_read += text.len();
        Ok(text)
    };
    let (question, answer) = (asked(&text(Part::Question)?), text(Part::Answer)?);
    Ok(words.all_in(&[&question, &answer, &line.question, &line.answer]))
}

/// What is asked in a request, without its names and numbers. Of a conversation that is its last message: what was said
/// before it was a job of its own, and is found there.
fn asked(request_json: &str) -> String {
    match serde_json::from_str::<Submit>(request_json).map(|submit| submit.intent.task) {
        Ok(Task::Chat(mut chat) | Task::Vision(mut chat)) => {
            chat.messages.pop().map(|message| message.content).unwrap_or_default()
        }
        Ok(Task::Embed(embed)) => embed.input.join("\n"),
        // What was spoken is the answer.
        Ok(Task::Transcribe(_) | Task::Wake(_) | Task::Classify(_) | Task::Ocr(_)) => String::new(),
        Ok(Task::Imagine(imagine)) => imagine.prompt,
        Ok(Task::Tool(tool)) => tool.preview(),
        Ok(Task::Speak(speak)) => speak.text,
        // Whatever is stored there, it is what was asked.
        Err(_) => request_json.to_owned(),
    }
}
