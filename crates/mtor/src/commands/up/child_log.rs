//! What a worker writes: into its log, the urgent part to the person, the last of it kept to explain its end.

use std::io::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, BufReader};

use super::supervisor::Say;
use crate::defaults::LOG_LINE_BYTES_MAX;
use crate::log_file::LogFile;
use crate::terminal;

/// A worker's log, shared by the readers of its two outputs.
#[derive(Debug, Clone)]
pub(super) struct ChildLog(Arc<Mutex<Inner>>);

#[derive(Debug)]
struct Inner {
    file: LogFile,
    /// The last line that speaks of an error, else the last line at all.
    last: Option<String>,
    last_is_error: bool,
}

impl ChildLog {
    /// Writes to this file.
    pub(super) fn new(file: LogFile) -> Self {
        Self(Arc::new(Mutex::new(Inner { file, last: None, last_is_error: false })))
    }

    /// What the worker said last, errors before all else; forgets it.
    pub(super) fn take_last(&self) -> Option<String> {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        inner.last_is_error = false;
        inner.last.take()
    }

    /// Reads one of the worker's outputs to its end; `urgent` is called with lines that a person should see.
    pub(super) async fn read(self, output: impl AsyncRead + Unpin, urgent: Say) {
        let mut output = BufReader::new(output);
        let mut line = Vec::new();
        loop {
            line.clear();
            // At most so much at once: a worker that writes no line feeds must not fill the memory.
            let read = (&mut output).take(LOG_LINE_BYTES_MAX as u64).read_until(b'\n', &mut line).await;
            if !matches!(read, Ok(1..)) {
                return;
            }
            let text = String::from_utf8_lossy(&line);
            let text = terminal::harmless(&text);
            let text = text.trim_end();
            if self.keep(text) {
                urgent(text);
            }
        }
    }

    /// Writes a line to the log and says whether it is urgent.
    fn keep(&self, line: &str) -> bool {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A log that can't be written (a full disk) must not take the worker with it.
        let _ = writeln!(inner.file, "{line}");
        let is_error = is_error(line);
        if !line.is_empty() && (is_error || !inner.last_is_error) {
            inner.last = Some(line.to_owned());
            inner.last_is_error = is_error;
        }
        is_error
    }
}

/// Whether a line of a log speaks of an error: as our own programs write them, or as the command does at its end.
fn is_error(line: &str) -> bool {
    line.starts_with("error")
        || line.starts_with("Error")
        || line.split_whitespace().take(3).any(|word| word == "ERROR")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn errors_are_told_and_remembered_before_other_lines() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("chat.log");
        let log = ChildLog::new(LogFile::open(&path).unwrap());
        let told = Arc::new(Mutex::new(Vec::new()));
        let hear = told.clone();
        let output = "loading\n2026-01-01T00:00:00Z ERROR model: \u{1b}[31mtruncated\nbye\n".as_bytes();
        log.clone().read(output, Arc::new(move |line| hear.lock().unwrap().push(line.to_owned()))).await;
        let error = "2026-01-01T00:00:00Z ERROR model: [31mtruncated";
        assert_eq!(*told.lock().unwrap(), [error]);
        assert_eq!(log.take_last().as_deref(), Some(error));
        assert_eq!(log.take_last(), None);
        assert_eq!(std::fs::read_to_string(path).unwrap(), format!("loading\n{error}\nbye\n"));
    }

    #[tokio::test]
    async fn a_line_without_end_is_cut_into_pieces() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("chat.log");
        let log = ChildLog::new(LogFile::open(&path).unwrap());
        let long = "x".repeat(LOG_LINE_BYTES_MAX + 10);
        log.clone().read(long.as_bytes(), Arc::new(|_| {})).await;
        assert_eq!(log.take_last().unwrap().len(), 10);
    }
}
