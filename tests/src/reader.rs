//! Puts an answer together from its events, by the rules of the wire, and checks that they are kept.

use mtor_protocol::body::Completed;
use mtor_protocol::{Body, Event, Problem};

use crate::session::Session;
use crate::sse::EventStream;

/// What somebody who reads a job's events knows of it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reader {
    /// The answer so far.
    pub text: String,
    /// The last event's number: where to resume.
    pub sequence: u64,
    /// The types of all events, each named once where it came several times in a row.
    pub kinds: Vec<&'static str>,
    /// Everything that was read.
    pub events: Vec<Event>,
}

impl Reader {
    /// Takes the next event.
    ///
    /// # Panics
    /// When its number does not grow, or its text does not begin where a reader can put it.
    pub fn take(&mut self, event: Event) {
        let sequence = event.sequence.unwrap_or_else(|| panic!("an event of a job has a number: {event:?}"));
        assert!(sequence > self.sequence, "{sequence} after {}", self.sequence);
        self.sequence = sequence;
        if let Body::JobChunk(chunk) = &event.body {
            let offset = usize::try_from(chunk.offset).unwrap();
            assert!(offset <= self.text.len(), "a hole: {} bytes are here, {chunk:?}", self.text.len());
            // After a crash of the broker a few words may be written anew.
            self.text.truncate(offset);
            self.text += &chunk.text;
        }
        let kind = event.body.kind();
        if self.kinds.last() != Some(&kind) {
            self.kinds.push(kind);
        }
        self.events.push(event);
    }

    /// Whether the job has ended.
    pub fn is_over(&self) -> bool {
        let last = self.events.last().map(|event| &event.body);
        matches!(last, Some(Body::JobCompleted(_) | Body::JobFailed(_) | Body::JobCancelled(_)))
    }

    /// How the job was completed.
    ///
    /// # Panics
    /// When it was not.
    pub fn completed(&self) -> &Completed {
        match self.events.last().map(|event| &event.body) {
            Some(Body::JobCompleted(completed)) => completed,
            other => panic!("not completed: {other:?}"),
        }
    }

    /// Why the job failed.
    ///
    /// # Panics
    /// When it did not.
    pub fn failed(&self) -> &Problem {
        match self.events.last().map(|event| &event.body) {
            Some(Body::JobFailed(failed)) => &failed.problem,
            other => panic!("not failed: {other:?}"),
        }
    }

    /// Reads a session until the text is at least so long.
    ///
    /// # Panics
    /// When the session or the job ends before.
    pub async fn read_text(&mut self, session: &mut Session, bytes: usize) {
        while self.text.len() < bytes {
            self.take(session.next().await.expect("the session goes on"));
            assert!(!self.is_over() || self.text.len() >= bytes, "it ended with {:?}", self.events.last());
        }
    }

    /// Reads a session to the end of the job.
    ///
    /// # Panics
    /// When the session ends before.
    pub async fn read_to_end(&mut self, session: &mut Session) {
        while !self.is_over() {
            self.take(session.next().await.expect("the session lasts as long as the job"));
        }
    }

    /// Reads server-sent events to their end.
    pub async fn read_stream(&mut self, mut events: EventStream) {
        while let Some(event) = events.next().await {
            self.take(event);
        }
    }
}
