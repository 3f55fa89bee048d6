//! What is asked: the words on the command line, standard input, or both.

use std::io::{self, IsTerminal as _, Read as _};
use std::sync::mpsc::{self, RecvTimeoutError};

use anyhow::Context as _;
use mtor_protocol::limits::TEXT_BYTES_MAX;

use crate::defaults::STDIN_NOTE_AFTER;
use crate::exit::Fault;

/// Joins the words with what standard input holds: it is read for `-`, and when it is a pipe or a file.
///
/// # Errors
/// When there is nothing to ask, or more than a message can hold, or it is no text.
pub(crate) fn question(words: &str) -> anyhow::Result<String> {
    let dash = words == "-";
    let words = if dash { "" } else { words.strip_suffix(" -").unwrap_or(words) };
    let piped = if dash || is_piped() { read()? } else { String::new() };
    let question = match (words.trim().is_empty(), piped.trim().is_empty()) {
        (true, true) => {
            return Err(Fault::Usage(
                "there is nothing to ask; try `mtor ask \"What is the capital of France?\"`".into(),
            )
            .into());
        }
        (false, true) => words.to_owned(),
        (true, false) => piped,
        (false, false) => format!("{words}\n\n{piped}"),
    };
    if question.len() > TEXT_BYTES_MAX {
        return Err(Fault::Usage(format!(
            "the question is longer than a message may be ({TEXT_BYTES_MAX} bytes)"
        ))
        .into());
    }
    Ok(question)
}

/// Whether somebody put a pipe or a file there. A terminal, a closed input and `/dev/null` don't count.
#[cfg(unix)]
fn is_piped() -> bool {
    use rustix::fs::{FileType, fstat};
    let kind = fstat(io::stdin()).map(|stat| FileType::from_raw_mode(stat.st_mode));
    matches!(kind, Ok(FileType::Fifo | FileType::RegularFile))
}

#[cfg(not(unix))]
fn is_piped() -> bool {
    !io::stdin().is_terminal()
}

/// Reads standard input to its end, but no more than a message can hold. Says so when nothing comes for a while.
fn read() -> anyhow::Result<String> {
    if io::stdin().is_terminal() {
        eprintln!("Type the question; end it with Ctrl-D on a line of its own.");
        return read_all();
    }
    let (done, result) = mpsc::channel();
    std::thread::spawn(move || done.send(read_all()));
    match result.recv_timeout(STDIN_NOTE_AFTER) {
        Err(RecvTimeoutError::Timeout) => {
            eprintln!("waiting for the end of standard input; add `< /dev/null` if there is none to read");
            result.recv()?
        }
        read => read?,
    }
}

fn read_all() -> anyhow::Result<String> {
    let mut text = String::new();
    let limit = TEXT_BYTES_MAX as u64 + 1;
    match io::stdin().lock().take(limit).read_to_string(&mut text) {
        Ok(_) => Ok(text),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            Err(Fault::Usage("standard input is no text in UTF-8".into()).into())
        }
        Err(error) => Err(error).context("reading standard input"),
    }
}
