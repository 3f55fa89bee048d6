//! What a person sees: output that survives a closed pipe, questions, tables, colours.

use std::io::{self, IsTerminal as _, Write as _};

use crate::exit::Fault;

/// Writes a line to standard output.
///
/// # Errors
/// [`Fault::OutputClosed`] when nobody reads it any more.
pub(crate) fn line(text: &str) -> anyhow::Result<()> {
    write(&format!("{text}\n"))
}

/// Writes text to standard output, at once.
///
/// # Errors
/// As [`line`].
pub(crate) fn write(text: &str) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(|error| match error.kind() {
        io::ErrorKind::BrokenPipe => Fault::OutputClosed.into(),
        _ => anyhow::Error::new(error).context("writing the output"),
    })
}

/// Writes a value as JSON to standard output, readable and with a line feed at its end.
///
/// # Errors
/// As [`line`].
pub(crate) fn json<T: serde::Serialize>(value: &T) -> anyhow::Result<()> {
    line(&serde_json::to_string_pretty(value)?)
}

/// Whether somebody looks at standard error.
pub(crate) fn stderr_is_seen() -> bool {
    io::stderr().is_terminal()
}

/// Whether somebody can be asked: input and messages are both a terminal.
pub(crate) fn can_ask() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Asks a question that is answered with yes or no; anything but yes is no.
///
/// # Errors
/// When the terminal can't be read.
pub(crate) fn confirm(question: &str) -> anyhow::Result<bool> {
    eprint!("{question} [y/N] ");
    io::stderr().flush()?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}

/// Reads one line from the terminal without showing what is typed.
///
/// # Errors
/// When the terminal can't be read.
pub(crate) fn read_hidden(prompt: &str) -> anyhow::Result<String> {
    eprint!("{prompt}");
    io::stderr().flush()?;
    let hidden = Hidden::start();
    let mut answer = String::new();
    let read = io::stdin().read_line(&mut answer);
    drop(hidden);
    eprintln!();
    read?;
    Ok(answer)
}

/// Turns the terminal's echo off while it lives.
struct Hidden {
    #[cfg(unix)]
    before: Option<rustix::termios::Termios>,
}

impl Hidden {
    #[cfg(unix)]
    fn start() -> Self {
        use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
        let Ok(before) = tcgetattr(io::stdin()) else { return Self { before: None } };
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO);
        let turned_off = tcsetattr(io::stdin(), OptionalActions::Flush, &silent).is_ok();
        Self { before: turned_off.then_some(before) }
    }

    #[cfg(not(unix))]
    fn start() -> Self {
        Self {}
    }
}

#[cfg(unix)]
impl Drop for Hidden {
    fn drop(&mut self) {
        use rustix::termios::{OptionalActions, tcsetattr};
        if let Some(before) = &self.before {
            // The terminal was there a moment ago; if it is gone now, nobody misses the echo.
            let _ = tcsetattr(io::stdin(), OptionalActions::Flush, before);
        }
    }
}

/// How a column of a table is aligned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Align {
    Left,
    Right,
}

/// A table in plain text: a heading, then the rows, in columns as wide as they need to be.
pub(crate) fn table(columns: &[(&str, Align)], rows: &[Vec<String>]) -> String {
    let width = |index: usize| {
        let cells = rows.iter().filter_map(|row| row.get(index)).map(String::as_str);
        cells.chain([columns[index].0]).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns.len()).map(width).collect();
    let mut text = String::new();
    let headings: Vec<String> = columns.iter().map(|(name, _)| (*name).to_owned()).collect();
    for row in std::iter::once(&headings).chain(rows) {
        let mut out = String::new();
        for ((cell, width), (_, align)) in row.iter().zip(&widths).zip(columns) {
            let padding = " ".repeat(width.saturating_sub(cell.chars().count()));
            match align {
                Align::Left => out.push_str(&format!("{cell}{padding}  ")),
                Align::Right => out.push_str(&format!("{padding}{cell}  ")),
            }
        }
        text.push_str(out.trim_end());
        text.push('\n');
    }
    text
}

/// Removes control characters, so that what a stranger wrote can't steer the terminal. Line feeds and tabs stay.
pub(crate) fn harmless(text: &str) -> String {
    text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_they_need_to_be() {
        let rows = vec![vec!["chat".into(), "12.5".into()], vec!["é".into(), "3".into()]];
        let text = table(&[("what", Align::Left), ("coins", Align::Right)], &rows);
        assert_eq!(text, "what  coins\nchat   12.5\né         3\n");
    }

    #[test]
    fn escape_sequences_do_not_reach_the_terminal() {
        assert_eq!(harmless("a\u{1b}[31mb\r\u{7}\n\tc"), "a[31mb\n\tc");
    }
}
