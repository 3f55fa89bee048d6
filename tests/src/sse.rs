//! Server-sent events, as a browser reads them.

use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use mtor_protocol::Event;

use crate::deadline::within;

/// The events of one job over HTTP. Dropped, it closes the connection as a closed tab does.
pub struct EventStream {
    bytes: BoxStream<'static, Vec<u8>>,
    buffer: String,
}

impl EventStream {
    pub(crate) fn new(response: reqwest::Response) -> Self {
        let kind = response.headers().get("content-type").and_then(|value| value.to_str().ok());
        assert_eq!(kind, Some("text/event-stream"));
        // A connection that breaks is the end of the stream, as it is to a browser.
        let chunks = response.bytes_stream().take_while(|chunk| std::future::ready(chunk.is_ok()));
        let bytes = chunks.map(|chunk| chunk.map(|bytes| bytes.to_vec()).unwrap_or_default()).boxed();
        Self { bytes, buffer: String::new() }
    }

    /// The next event; `None` when the stream has ended.
    ///
    /// # Panics
    /// When what comes is no event, or its id is not the event's sequence.
    pub async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some((block, rest)) = self.buffer.split_once("\n\n") {
                let event = parse(block);
                self.buffer = rest.to_owned();
                return Some(event);
            }
            let bytes = within("the next event", self.bytes.next()).await?;
            self.buffer += std::str::from_utf8(&bytes).expect("events are not cut inside a character");
        }
    }
}

fn parse(block: &str) -> Event {
    let field = |name: &str| {
        let line = block.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        line.unwrap_or_else(|| panic!("no {name} in {block:?}"))
    };
    let event = Event::parse(field("data")).unwrap_or_else(|error| panic!("{error}: {block}"));
    assert_eq!(field("id"), event.sequence.unwrap_or_default().to_string());
    assert_eq!(field("event"), event.body.kind());
    event
}
