//! Events and the bytes that they are on the wire: a line of JSON, then more JSON, then bytes.
//!
//! ```text
//! {"type":"audio-chunk","version":"1.10.2","data_length":39,"payload_length":2048}\n
//! {"rate":16000,"width":2,"channels":1}
//! <2,048 bytes>
//! ```
//!
//! Data may stand in the line itself (`"data":{...}`), as older writers do; what follows the line is then added to it.

use bytes::{Buf, Bytes, BytesMut};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::limits::{DATA_BYTES_MAX, HEADER_BYTES_MAX, PAYLOAD_BYTES_MAX};

/// The version of the protocol that is announced in what is written. Readers don't look at it.
const VERSION: &str = "1.10.2";

/// The data of an event: a JSON object.
pub type Data = serde_json::Map<String, Value>;

/// What crosses the wire, whatever it means.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Event {
    /// What it is: `audio-chunk`, for example.
    pub kind: String,
    /// What it says.
    pub data: Data,
    /// Its bytes, for sound.
    pub payload: Bytes,
}

/// Why bytes are no event, or an event can't be written. The connection is of no use after it.
#[derive(Debug, thiserror::Error)]
pub enum CodecError {
    /// The line is longer than is read.
    #[error(
        "an event begins with a line of more than {HEADER_BYTES_MAX} bytes; this does not look like Wyoming"
    )]
    HeaderTooLong,
    /// The line is no event.
    #[error("a line is no Wyoming event: {0}")]
    Header(#[source] serde_json::Error),
    /// What should be JSON data is not.
    #[error("the data of {kind:?} is no JSON object: {error}")]
    Data {
        /// Of which event.
        kind: String,
        /// What is wrong.
        #[source]
        error: serde_json::Error,
    },
    /// Data or payload are longer than is read or written.
    #[error("the {part} of {kind:?} is {bytes} bytes, at most {limit} are taken")]
    TooLong {
        /// Of which event.
        kind: String,
        /// Which part of it.
        part: &'static str,
        /// How long it is.
        bytes: u64,
        /// How long it may be.
        limit: usize,
    },
}

impl Event {
    /// An event that says nothing but what it is.
    pub fn bare(kind: impl Into<String>) -> Self {
        Self { kind: kind.into(), ..Self::default() }
    }

    /// Writes it behind what `wire` holds.
    ///
    /// # Errors
    /// [`CodecError::TooLong`] when a reader of this crate would not take it; `wire` is then as it was.
    pub fn encode(&self, wire: &mut BytesMut) -> Result<(), CodecError> {
        #[derive(Serialize)]
        struct Line<'a> {
            r#type: &'a str,
            version: &'static str,
            #[serde(skip_serializing_if = "is_zero")]
            data_length: usize,
            #[serde(skip_serializing_if = "is_zero")]
            payload_length: usize,
        }
        let wrong = |error| CodecError::Data { kind: self.kind.clone(), error };
        let data = match self.data.is_empty() {
            true => Vec::new(),
            false => serde_json::to_vec(&self.data).map_err(wrong)?,
        };
        within(&self.kind, "data", data.len() as u64, DATA_BYTES_MAX)?;
        within(&self.kind, "payload", self.payload.len() as u64, PAYLOAD_BYTES_MAX)?;
        let line = Line {
            r#type: &self.kind,
            version: VERSION,
            data_length: data.len(),
            payload_length: self.payload.len(),
        };
        let line = serde_json::to_vec(&line).map_err(wrong)?;
        if line.len() >= HEADER_BYTES_MAX {
            return Err(CodecError::HeaderTooLong);
        }
        wire.reserve(line.len() + 1 + data.len() + self.payload.len());
        wire.extend_from_slice(&line);
        wire.extend_from_slice(b"\n");
        wire.extend_from_slice(&data);
        wire.extend_from_slice(&self.payload);
        Ok(())
    }
}

/// Takes events out of the bytes that came. It believes no length before it has checked it, and asks for no memory
/// ahead of the bytes.
#[derive(Debug, Default)]
pub struct Decoder {
    /// The line of the event that is under way; `None` while a line is awaited.
    line: Option<Line>,
    /// How much of the buffer was searched for the end of a line.
    searched: usize,
}

#[derive(Debug, Deserialize)]
struct Line {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    data: Option<Data>,
    #[serde(default)]
    data_length: Option<u64>,
    #[serde(default)]
    payload_length: Option<u64>,
}

impl Decoder {
    /// The next event, taken out of `wire`, or `None` when more bytes are needed for it.
    ///
    /// # Errors
    /// [`CodecError`] when this is no event, or one past a limit.
    pub fn decode(&mut self, wire: &mut BytesMut) -> Result<Option<Event>, CodecError> {
        if self.line.is_none() {
            self.line = self.read_line(wire)?;
        }
        let Some(line) = &self.line else { return Ok(None) };
        // Both were checked against limits of a few MiB.
        let (data_bytes, payload_bytes) = (length(line.data_length), length(line.payload_length));
        if wire.len() < data_bytes + payload_bytes {
            return Ok(None);
        }
        let Some(Line { kind, data, .. }) = self.line.take() else { return Ok(None) };
        let mut data = data.unwrap_or_default();
        if data_bytes > 0 {
            let more: Data = serde_json::from_slice(&wire[..data_bytes])
                .map_err(|error| CodecError::Data { kind: kind.clone(), error })?;
            data.extend(more);
            wire.advance(data_bytes);
        }
        Ok(Some(Event { kind, data, payload: wire.split_to(payload_bytes).freeze() }))
    }

    /// Whether an event has begun that is not whole yet.
    pub fn is_within(&self, wire: &BytesMut) -> bool {
        self.line.is_some() || !wire.is_empty()
    }

    fn read_line(&mut self, wire: &mut BytesMut) -> Result<Option<Line>, CodecError> {
        let end = wire[self.searched..].iter().position(|byte| *byte == b'\n');
        let Some(end) = end.map(|end| self.searched + end) else {
            self.searched = wire.len();
            return if wire.len() >= HEADER_BYTES_MAX { Err(CodecError::HeaderTooLong) } else { Ok(None) };
        };
        self.searched = 0;
        if end >= HEADER_BYTES_MAX {
            return Err(CodecError::HeaderTooLong);
        }
        let line: Line = serde_json::from_slice(&wire[..end]).map_err(CodecError::Header)?;
        within(&line.kind, "data", line.data_length.unwrap_or(0), DATA_BYTES_MAX)?;
        within(&line.kind, "payload", line.payload_length.unwrap_or(0), PAYLOAD_BYTES_MAX)?;
        wire.advance(end + 1);
        Ok(Some(line))
    }
}

fn within(kind: &str, part: &'static str, bytes: u64, limit: usize) -> Result<(), CodecError> {
    if bytes <= limit as u64 {
        return Ok(());
    }
    Err(CodecError::TooLong { kind: kind.chars().take(64).collect(), part, bytes, limit })
}

fn length(checked: Option<u64>) -> usize {
    usize::try_from(checked.unwrap_or(0)).unwrap_or(usize::MAX)
}

fn is_zero(length: &usize) -> bool {
    *length == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn decode_all(bytes: &[u8]) -> Result<Vec<Event>, CodecError> {
        let (mut decoder, mut wire) = (Decoder::default(), BytesMut::from(bytes));
        let mut events = Vec::new();
        while let Some(event) = decoder.decode(&mut wire)? {
            events.push(event);
        }
        Ok(events)
    }

    fn error_of(bytes: &[u8]) -> String {
        decode_all(bytes).unwrap_err().to_string()
    }

    #[test]
    fn an_event_is_a_line_then_data_then_bytes() {
        let mut event = Event::bare("audio-chunk");
        event.data.insert("rate".into(), 16_000.into());
        event.payload = Bytes::from_static(b"\n{}\x00");
        let mut wire = BytesMut::new();
        event.encode(&mut wire).unwrap();
        assert_eq!(
            &wire[..],
            b"{\"type\":\"audio-chunk\",\"version\":\"1.10.2\",\"data_length\":14,\"payload_length\":4}\n{\"rate\":16000}\n{}\x00"
        );
        assert_eq!(decode_all(&wire).unwrap(), [event]);
    }

    #[test]
    fn an_event_without_data_and_bytes_is_a_line() {
        let mut wire = BytesMut::new();
        Event::bare("describe").encode(&mut wire).unwrap();
        assert_eq!(&wire[..], b"{\"type\":\"describe\",\"version\":\"1.10.2\"}\n");
        assert_eq!(decode_all(&wire).unwrap(), [Event::bare("describe")]);
    }

    #[test]
    fn data_in_the_line_and_after_it_are_one() {
        let events =
            decode_all(b"{\"type\":\"a\",\"data\":{\"x\":1,\"y\":1},\"data_length\":7}\n{\"y\":2}").unwrap();
        assert_eq!(Value::Object(events[0].data.clone()), serde_json::json!({"x": 1, "y": 2}));
        let events =
            decode_all(b"{\"type\":\"a\",\"data\":null,\"data_length\":null,\"payload_length\":null}\n")
                .unwrap();
        assert_eq!(events, [Event::bare("a")]);
    }

    #[test]
    fn what_is_no_event_says_so() {
        assert!(error_of(b"GET / HTTP/1.1\r\n").starts_with("a line is no Wyoming event"));
        assert!(error_of(b"{\"data\":{}}\n").contains("missing field `type`"));
        assert!(error_of(b"{\"type\":\"a\",\"data_length\":-1}\n").contains("no Wyoming event"));
        assert!(
            error_of(b"{\"type\":\"a\",\"data_length\":2}\n[]")
                .contains("the data of \"a\" is no JSON object")
        );
        let nested = format!("{{\"type\":\"a\",\"data\":{{\"x\":{}", "[".repeat(10_000));
        assert!(error_of(format!("{nested}\n").as_bytes()).contains("recursion limit"));
    }

    #[test]
    fn what_is_too_long_is_refused_before_it_comes() {
        let line = |part: &str, bytes: u64| format!("{{\"type\":\"a\",\"{part}_length\":{bytes}}}\n");
        assert_eq!(
            error_of(line("payload", PAYLOAD_BYTES_MAX as u64 + 1).as_bytes()),
            "the payload of \"a\" is 4194305 bytes, at most 4194304 are taken"
        );
        assert!(error_of(line("data", u64::MAX).as_bytes()).contains("the data of \"a\""));
        assert!(decode_all(line("payload", PAYLOAD_BYTES_MAX as u64).as_bytes()).unwrap().is_empty());
        assert!(error_of(&vec![b' '; HEADER_BYTES_MAX]).contains("a line of more than 65536 bytes"));
        let mut long = vec![b' '; HEADER_BYTES_MAX];
        long.extend_from_slice(b"{\"type\":\"a\"}\n");
        assert!(error_of(&long).contains("a line of more than"));
    }

    #[test]
    fn what_a_reader_would_refuse_is_not_written() {
        let mut wire = BytesMut::new();
        let long = Event { payload: vec![0; PAYLOAD_BYTES_MAX + 1].into(), ..Event::bare("a") };
        assert!(matches!(long.encode(&mut wire), Err(CodecError::TooLong { part: "payload", .. })));
        assert!(matches!(
            Event::bare("a".repeat(HEADER_BYTES_MAX)).encode(&mut wire),
            Err(CodecError::HeaderTooLong)
        ));
        assert!(wire.is_empty());
    }

    fn events() -> impl Strategy<Value = Event> {
        let value = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            ".{0,20}".prop_map(Value::from),
        ];
        let data = prop::collection::btree_map(".{0,8}", value, 0..5);
        let payload = prop::collection::vec(any::<u8>(), 0..300);
        (".{0,20}", data, payload).prop_map(|(kind, data, payload)| Event {
            kind,
            data: data.into_iter().collect(),
            payload: payload.into(),
        })
    }

    proptest! {
        #[test]
        fn events_come_back_however_the_bytes_are_cut(
            events in prop::collection::vec(events(), 1..6),
            cuts in prop::collection::vec(1usize..200, 1..40),
        ) {
            let mut sent = BytesMut::new();
            for event in &events {
                event.encode(&mut sent).unwrap();
            }
            let (mut decoder, mut wire) = (Decoder::default(), BytesMut::new());
            let mut back = Vec::new();
            let mut cuts = cuts.iter().cycle();
            while !sent.is_empty() {
                let cut = sent.len().min(*cuts.next().unwrap());
                wire.extend_from_slice(&sent.split_to(cut));
                while let Some(event) = decoder.decode(&mut wire).unwrap() {
                    back.push(event);
                }
            }
            prop_assert_eq!(back, events);
            prop_assert!(!decoder.is_within(&wire));
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            let _ = decode_all(&bytes);
        }

        #[test]
        fn nor_do_damaged_events(event in events(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
            let mut wire = BytesMut::new();
            event.encode(&mut wire).unwrap();
            let at = at.index(wire.len());
            wire[at] = byte;
            let _ = decode_all(&wire);
        }
    }
}
