//! What `mtor ask` shows: the answer on standard output, how it stands on standard error.

use std::io::{self, IsTerminal as _, Write as _};
use std::time::Instant;

use mtor_protocol::body::{Assigned, Chunk, Completed, Queued};
use mtor_protocol::{Body, Event, Part};

use crate::commands::ask::answer::{Answer, Gap, Show};
use crate::terminal;

/// Shows one job.
#[derive(Debug)]
pub(crate) struct Screen {
    json: bool,
    /// Whether standard output is a terminal: then what a stranger's model writes must not steer it.
    guarded: bool,
    /// Whether somebody reads remarks on standard error.
    remarks: bool,
    /// Whether a remark stands on the terminal that the next one replaces.
    pending: bool,
    answer: Answer,
    started: Instant,
    worker: Option<Assigned>,
    /// What came beside the text, and where it is to be had.
    parts: Vec<(Part, String)>,
}

impl Screen {
    /// A screen for one job; with `json`, nothing but events.
    pub(crate) fn new(json: bool) -> Self {
        Self {
            json,
            guarded: io::stdout().is_terminal(),
            remarks: !json && terminal::stderr_is_seen(),
            pending: false,
            answer: Answer::default(),
            started: Instant::now(),
            worker: None,
            parts: Vec::new(),
        }
    }

    /// Shows an event of the job. `Ok(Err(Gap))` when a piece of the answer is missing before it.
    ///
    /// # Errors
    /// When standard output can't be written to.
    pub(crate) fn event(&mut self, event: &Event) -> anyhow::Result<Result<(), Gap>> {
        if self.json {
            terminal::line(&event.to_json())?;
            return Ok(Ok(()));
        }
        match &event.body {
            Body::JobQueued(queued) => self.remark(&waiting(queued)),
            Body::JobAssigned(assigned) => {
                let again = if assigned.attempt > 1 { "another worker goes on: " } else { "" };
                self.remark(&format!("{again}{} with {}", assigned.worker, assigned.model));
                self.worker = Some(assigned.clone());
            }
            Body::JobPart(part) if !part.preview => {
                let job = event.subject.map_or_else(String::new, |job| job.to_string());
                self.parts.push((part.clone(), format!("/api/jobs/{job}/parts/{}", part.number)));
            }
            Body::JobChunk(chunk) => return self.chunk(chunk),
            _ => {}
        }
        Ok(Ok(()))
    }

    /// A remark that the next one, or the answer, replaces. Not said in the middle of an answer.
    pub(crate) fn remark(&mut self, text: &str) {
        if self.remarks && !self.answer.ends_in_mid_line() {
            eprint!("\r\x1b[K\x1b[2m{}\x1b[0m", terminal::harmless(text).replace('\n', " "));
            self.pending = io::stderr().flush().is_ok();
        }
    }

    /// The answer is whole: ends its last line and says what it cost.
    ///
    /// # Errors
    /// As [`event`](Self::event).
    pub(crate) fn completed(&mut self, completed: &Completed) -> anyhow::Result<()> {
        if self.json {
            return Ok(());
        }
        self.broken_off()?;
        for (part, place) in &self.parts {
            let text =
                format!("beside it: {} ({}, {} bytes) at {place}", part.name, part.media_type, part.bytes);
            eprintln!("{}", terminal::harmless(&text));
        }
        // The digest is over what came beside the text as well, which did not come here.
        if self.parts.is_empty() && !self.answer.is_whole(&completed.output) {
            eprintln!(
                "warning: what is shown is not exactly the answer that the realm recorded; `mtor wallet history --jobs` lists it"
            );
        }
        if self.remarks {
            let worker = match (&self.worker, completed.from_memory) {
                (_, true) => "from memory · ".to_owned(),
                (Some(at), false) => format!("{} with {} · ", at.worker, at.model),
                (None, false) => String::new(),
            };
            let seconds = self.started.elapsed().as_secs_f64();
            let text = format!(
                "{worker}{} tokens in {seconds:.1} s · {} coins",
                completed.usage.output_tokens, completed.cost
            );
            eprintln!("\x1b[2m{}\x1b[0m", terminal::harmless(&text));
        }
        Ok(())
    }

    /// Nothing more comes: ends the last line.
    ///
    /// # Errors
    /// As [`event`](Self::event).
    pub(crate) fn broken_off(&mut self) -> anyhow::Result<()> {
        self.clear();
        if !self.json && self.answer.ends_in_mid_line() { terminal::write("\n") } else { Ok(()) }
    }

    fn chunk(&mut self, chunk: &Chunk) -> anyhow::Result<Result<(), Gap>> {
        let show = match self.answer.take(chunk) {
            Ok(show) => show,
            Err(gap) => return Ok(Err(gap)),
        };
        self.clear();
        match show {
            Show::More(text) => self.put(&text)?,
            Show::Anew(text) => {
                terminal::write("\n")?;
                eprintln!("note: the realm was restarted; the last line is written anew");
                self.put(&text)?;
            }
        }
        Ok(Ok(()))
    }

    fn put(&self, text: &str) -> anyhow::Result<()> {
        if self.guarded { terminal::write(&terminal::harmless(text)) } else { terminal::write(text) }
    }

    fn clear(&mut self) {
        if std::mem::take(&mut self.pending) {
            eprint!("\r\x1b[K");
        }
    }
}

fn waiting(queued: &Queued) -> String {
    let ahead = match queued.position {
        0 => "next in line".to_owned(),
        1 => "1 job before this one".to_owned(),
        n => format!("{n} jobs before this one"),
    };
    match queued.eta_ms {
        Some(ms) => format!("waiting: {ahead}, about {} s", ms.div_ceil(1_000)),
        None => format!("waiting: {ahead}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_is_said_as_far_as_it_is_known() {
        assert_eq!(waiting(&Queued { position: 0, eta_ms: None }), "waiting: next in line");
        assert_eq!(
            waiting(&Queued { position: 2, eta_ms: Some(4_100) }),
            "waiting: 2 jobs before this one, about 5 s"
        );
    }
}
