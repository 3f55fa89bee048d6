//! The envelope of everything that crosses a WebSocket: CloudEvents 1.0 in its JSON format.

use std::borrow::Cow;
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::body::Body;
use crate::id::{JobId, Timestamp};

/// One event: who says what, when, about which job.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Unique for its source.
    pub id: String,
    /// The did:key of who says it.
    pub source: String,
    /// When.
    pub time: Timestamp,
    /// The job that it is about.
    pub subject: Option<JobId>,
    /// The position among the job's events, from 1, growing; a client resumes after it.
    pub sequence: Option<u64>,
    /// What is said; its variant is the event's `type`.
    pub body: Body,
}

/// Why a text is no event.
#[derive(Debug, thiserror::Error)]
pub enum ParseError {
    /// Not JSON, or not an object with the envelope's fields.
    #[error("not a CloudEvents 1.0 envelope: {0}")]
    Envelope(serde_json::Error),
    /// Another version of CloudEvents.
    #[error("specversion must be \"1.0\", not {0:?}")]
    Version(String),
    /// A type that this version of MTOR does not know.
    #[error("the event type {0:?} is not known here")]
    UnknownType(String),
    /// The data isn't what the type wants.
    #[error("data of {kind}: {error}")]
    Data {
        /// The event's type.
        kind: &'static str,
        /// What is wrong with it.
        error: serde_json::Error,
    },
}

/// The envelope as it stands on the wire, its data not yet read.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    specversion: Cow<'a, str>,
    id: Cow<'a, str>,
    source: Cow<'a, str>,
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    time: Timestamp,
    #[serde(default)]
    subject: Option<JobId>,
    #[serde(default)]
    sequence: Option<u64>,
    #[serde(default, borrow)]
    data: Option<&'a RawValue>,
}

#[derive(Serialize)]
struct EnvelopeOut<'a> {
    specversion: &'static str,
    id: &'a str,
    source: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    time: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<JobId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sequence: Option<u64>,
    data: &'a Body,
}

impl Event {
    /// An event about no job, with an id of its own.
    pub fn new(source: impl Into<String>, time: Timestamp, body: Body) -> Self {
        let id = JobId::generate().to_string();
        Self { id, source: source.into(), time, subject: None, sequence: None, body }
    }

    /// An event about a job.
    pub fn about(source: impl Into<String>, time: Timestamp, job: JobId, body: Body) -> Self {
        Self { subject: Some(job), ..Self::new(source, time, body) }
    }

    /// One of the numbered events of a job. Its id follows from job and number, so that a repetition can be known.
    pub fn numbered(
        source: impl Into<String>,
        time: Timestamp,
        job: JobId,
        sequence: u64,
        body: Body,
    ) -> Self {
        let mut id = String::with_capacity(48);
        // Writing to a string can't fail.
        let _ = write!(id, "{job}/{sequence}");
        Self { id, source: source.into(), time, subject: Some(job), sequence: Some(sequence), body }
    }

    /// One that goes to a worker under a lease. A lease is given once, so that its number makes the id.
    pub fn leased(source: impl Into<String>, time: Timestamp, job: JobId, lease: u64, body: Body) -> Self {
        let id = format!("{job}/lease/{lease}");
        Self { id, source: source.into(), time, subject: Some(job), sequence: None, body }
    }

    /// Reads an event from the text of one frame.
    ///
    /// # Errors
    /// [`ParseError`], in words for the sender.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let envelope: Envelope<'_> = serde_json::from_str(text).map_err(ParseError::Envelope)?;
        if envelope.specversion != "1.0" {
            return Err(ParseError::Version(envelope.specversion.chars().take(20).collect()));
        }
        let data = envelope.data.map_or("{}", RawValue::get);
        Ok(Self {
            body: Body::parse(&envelope.kind, data)?,
            id: envelope.id.into_owned(),
            source: envelope.source.into_owned(),
            time: envelope.time,
            subject: envelope.subject,
            sequence: envelope.sequence,
        })
    }

    /// The text of one frame.
    pub fn to_json(&self) -> String {
        let envelope = EnvelopeOut {
            specversion: "1.0",
            id: &self.id,
            source: &self.source,
            kind: self.body.kind(),
            time: self.time,
            subject: self.subject,
            sequence: self.sequence,
            data: &self.body,
        };
        // Only a map with keys that are no strings, or a failing Serialize, could make this fail; there is neither.
        serde_json::to_string(&envelope).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::body::Chunk;

    #[test]
    fn an_event_survives_its_json() {
        let body = Body::JobChunk(Chunk { offset: 3, text: "né\u{1F600}\"\n".into(), tokens: 2 });
        let event = Event::numbered("did:key:z6Mk", Timestamp(1_700_000_000_123), JobId(42), 7, body);
        assert_eq!(Event::parse(&event.to_json()).unwrap(), event);
        insta::assert_snapshot!(event.to_json(), @r#"{"specversion":"1.0","id":"00000000-0000-0000-0000-00000000002a/7","source":"did:key:z6Mk","type":"mtor.job.chunk","time":"2023-11-14T22:13:20.123Z","subject":"00000000-0000-0000-0000-00000000002a","sequence":7,"data":{"offset":3,"text":"né😀\"\n","tokens":2}}"#);
    }

    #[test]
    fn wrong_events_are_told_what_is_wrong() {
        let error = |text: &str| Event::parse(text).unwrap_err().to_string();
        let with = |version: &str, kind: &str, data: &str| {
            error(&format!(
                r#"{{"specversion":"{version}","id":"1","source":"me","type":"{kind}","time":"2026-01-01T00:00:00Z","data":{data}}}"#
            ))
        };
        assert!(error("{").starts_with("not a CloudEvents 1.0 envelope"));
        assert!(error("[]").starts_with("not a CloudEvents 1.0 envelope"));
        assert!(error("{}").contains("missing field `specversion`"));
        assert!(with("0.3", "mtor.worker.drain", "{}").contains("specversion must be"));
        assert!(with("1.0", "mtor.job.fly", "{}").contains("\"mtor.job.fly\" is not known"));
        assert!(
            with("1.0", "mtor.job.watch", r#"{"after":"x"}"#)
                .starts_with("data of mtor.job.watch: invalid type")
        );
    }

    #[test]
    fn extension_attributes_of_others_are_let_through() {
        let text = r#"{"specversion":"1.0","id":"1","source":"s","type":"mtor.worker.drain","time":"2026-01-01T00:00:00Z","traceparent":"00-1","datacontenttype":"application/json"}"#;
        assert!(Event::parse(text).is_ok());
    }
}
