//! How words are said: text to phonemes in the International Phonetic Alphabet.
//!
//! One child answers line after line, which takes a millisecond; starting it takes twenty.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

use crate::defaults::{ESPEAK_LINE_BYTES_MAX, ESPEAK_PROGRAM, ESPEAK_TIMEOUT_MS};
use crate::error::Failure;

/// A word that no text has. It follows every line; what is said of it ends the line's answer.
const MARKER: &str = "zqxjk vwq zqxjk";

/// The part of the marker by which it is kept out of texts: one who says it would be taken for the end of an answer.
const MARKER_WORD: &str = "zqxjk";

/// Lines of an answer that may wait to be read.
const LINES_WAITING_MAX: usize = 64;

/// Turns words into phonemes, in one language.
pub(crate) struct Phonemizer {
    voice: String,
    running: Option<Running>,
}

impl Phonemizer {
    /// For a language by espeak-ng's name for it. Nothing is started before it is needed.
    pub(crate) fn new(voice: &str) -> Self {
        Self { voice: voice.to_owned(), running: None }
    }

    /// The phonemes of some words. What is not said has none.
    pub(crate) fn phonemes(&mut self, words: &str) -> Result<String, Failure> {
        let mut phonemes: Vec<String> = Vec::new();
        for line in lines(words) {
            phonemes.extend(self.answer(&line)?);
        }
        Ok(without_switches(&phonemes.join(" ")))
    }

    /// Asks, and when the child fails, once more with a new one.
    fn answer(&mut self, line: &str) -> Result<Vec<String>, Failure> {
        for _ in 0..2 {
            let mut running = match self.running.take() {
                Some(running) => running,
                None => Running::start(&self.voice)?,
            };
            if let Some(answer) = running.answer(line) {
                self.running = Some(running);
                return Ok(answer);
            }
        }
        Err(Failure::Espeak(format!("no phonemes for a line within {ESPEAK_TIMEOUT_MS} ms")))
    }
}

/// The child. It ends with this value.
struct Running {
    child: Child,
    input: ChildStdin,
    lines: Receiver<String>,
    /// What is said of the marker.
    marker: String,
}

impl Running {
    fn start(voice: &str) -> Result<Self, Failure> {
        let failed = |error: std::io::Error| Failure::Espeak(error.to_string());
        let mut child = Command::new(ESPEAK_PROGRAM)
            .args(["-q", "-b", "1", "--ipa", "-v", voice])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(failed)?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(Failure::Espeak("it has no input or output".to_owned()));
        };
        let (sender, lines) = sync_channel(LINES_WAITING_MAX);
        // Ends with the child, whose output then ends.
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines() {
                let Ok(line) = line else { break };
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        let mut running = Self { child, input, lines, marker: String::new() };
        running.write(MARKER).map_err(failed)?;
        match running.line() {
            Some(marker) if !marker.is_empty() => running.marker = marker,
            _ => return Err(Failure::Espeak(format!("it gives no phonemes for the language {voice}"))),
        }
        Ok(running)
    }

    /// What it says of a line, or `None` when it fails to.
    fn answer(&mut self, line: &str) -> Option<Vec<String>> {
        self.write(line).ok()?;
        self.write(MARKER).ok()?;
        let mut answer = Vec::new();
        loop {
            let line = self.line()?;
            if line == self.marker {
                return Some(answer);
            }
            if !line.is_empty() {
                answer.push(line);
            }
        }
    }

    fn write(&mut self, line: &str) -> std::io::Result<()> {
        self.input.write_all(format!("{line}\n").as_bytes())?;
        self.input.flush()
    }

    fn line(&self) -> Option<String> {
        let line = self.lines.recv_timeout(Duration::from_millis(ESPEAK_TIMEOUT_MS)).ok()?;
        Some(line.trim().to_owned())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The words as lines that espeak-ng takes whole.
fn lines(words: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    // `[[` would begin phonemes.
    let words = words.replace("[[", " ");
    for word in words.split_whitespace().filter(|word| !word.to_ascii_lowercase().contains(MARKER_WORD)) {
        for piece in pieces(word) {
            match lines.last_mut() {
                Some(line) if line.is_empty() => line.push_str(piece),
                Some(line) if line.len() + 1 + piece.len() <= ESPEAK_LINE_BYTES_MAX => {
                    line.push(' ');
                    line.push_str(piece);
                }
                _ => lines.push(piece.to_owned()),
            }
        }
    }
    lines.retain(|line| !line.is_empty());
    lines
}

/// A word that is longer than a line, in pieces.
fn pieces(mut word: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    while word.len() > ESPEAK_LINE_BYTES_MAX {
        let (piece, rest) = word.split_at(word.floor_char_boundary(ESPEAK_LINE_BYTES_MAX));
        pieces.push(piece);
        word = rest;
    }
    pieces.push(word);
    pieces
}

/// Without the marks that another language begins: `(en)`.
fn without_switches(phonemes: &str) -> String {
    let mut kept = String::with_capacity(phonemes.len());
    let mut rest = phonemes;
    while let Some((before, after)) = rest.split_once('(') {
        kept.push_str(before);
        rest = match after.split_once(')') {
            Some((tag, behind)) if tag.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') => behind,
            _ => after,
        };
    }
    kept + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_become_lines_that_are_taken_whole() {
        let text = format!("{} {}", "word ".repeat(400), "x".repeat(2_000));
        let lines = lines(&text);
        assert!(lines.iter().all(|line| !line.is_empty() && line.len() <= ESPEAK_LINE_BYTES_MAX));
        let letters = |text: &str| text.chars().filter(|c| !c.is_whitespace()).count();
        assert_eq!(lines.iter().map(|line| letters(line)).sum::<usize>(), letters(&text));
        assert!(super::lines(" \n ").is_empty());
        assert_eq!(super::lines("a [[b]]\nc"), ["a b]] c"]);
        assert_eq!(super::lines(MARKER), ["vwq"], "a text can't pass for the end of an answer");
    }

    #[test]
    fn marks_of_other_languages_are_dropped() {
        assert_eq!(without_switches("(en)həlˈoʊ(fr) mɔ̃d (fr-fr)x"), "həlˈoʊ mɔ̃d x");
        assert_eq!(without_switches("a(b"), "ab");
    }
}
