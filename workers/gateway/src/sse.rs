//! Server-sent events, as services stream them.

use bytes::{Buf as _, BytesMut};
use reqwest::Response;

use crate::defaults::LINE_BYTES_MAX;
use crate::fault::Fault;
use crate::http::lost;

/// The events of one answer.
pub(crate) struct Events {
    response: Response,
    buffer: BytesMut,
    /// So much of the buffer has no end of a line in it.
    searched: usize,
}

impl Events {
    pub(crate) fn new(response: Response) -> Self {
        Self { response, buffer: BytesMut::new(), searched: 0 }
    }

    /// The data of the next event; `None` where the answer ends. What else an event says (its name, its id) is left out: those
    /// who stream so say it in the data too.
    ///
    /// # Errors
    /// When the connection is lost, or a line is too long.
    pub(crate) async fn next(&mut self) -> Result<Option<String>, Fault> {
        let mut data: Option<String> = None;
        while let Some(line) = self.line().await? {
            if line.is_empty() {
                if data.is_some() {
                    return Ok(data);
                }
            } else if let Some(more) = line.strip_prefix("data:") {
                let more = more.strip_prefix(' ').unwrap_or(more);
                match &mut data {
                    Some(data) => {
                        data.push('\n');
                        data.push_str(more);
                    }
                    None => data = Some(more.to_owned()),
                }
            }
        }
        // Some end without the empty line.
        Ok(data)
    }

    async fn line(&mut self) -> Result<Option<String>, Fault> {
        loop {
            if let Some(end) = self.buffer[self.searched..].iter().position(|byte| *byte == b'\n') {
                let line = self.buffer.split_to(self.searched + end);
                self.buffer.advance(1);
                self.searched = 0;
                return Ok(Some(text(&line)));
            }
            self.searched = self.buffer.len();
            if self.searched > LINE_BYTES_MAX {
                return Err(Fault::Nonsense(format!("a line of more than {LINE_BYTES_MAX} bytes")));
            }
            match self.response.chunk().await.map_err(|error| lost(&error))? {
                Some(piece) => self.buffer.extend_from_slice(&piece),
                None if self.buffer.is_empty() => return Ok(None),
                None => {
                    let rest = std::mem::take(&mut self.buffer);
                    self.searched = 0;
                    return Ok(Some(text(&rest)));
                }
            }
        }
    }
}

fn text(line: &[u8]) -> String {
    String::from_utf8_lossy(line).trim_end_matches('\r').to_owned()
}
