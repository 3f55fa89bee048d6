//! Between the realm and the modules: a job of the one is a visit to the other.

use std::sync::Arc;

use mtor_worker::protocol::{
    Announcement, CapabilityKind, CapabilityOffer, FinishReason, ProblemKind, Task, Usage,
};
use mtor_worker::{Finished, Job, JobError, Output, Worker};
use tokio::sync::mpsc;

use crate::defaults;
use crate::module::{Skill, Visit};

/// What the model of an offer is called where there is none: the tool has one way to do it.
const MODEL: &str = "sandbox";

/// The worker that the realm sees: all modules that were attached.
pub struct Sandbox {
    name: String,
    skills: Vec<Arc<Skill>>,
    slots: u32,
}

impl Sandbox {
    /// These skills under this name, each so many times at once.
    pub fn new(name: impl Into<String>, skills: Vec<Arc<Skill>>, slots: u32) -> Self {
        Self { name: name.into(), skills, slots }
    }
}

impl Worker for Sandbox {
    fn announcement(&self) -> Announcement {
        let offer = |skill: &Arc<Skill>| {
            let capability = CapabilityKind::new(&skill.manifest().tool())?;
            let mut offer = CapabilityOffer::new(capability, MODEL, self.slots);
            offer.tool = Some(Arc::new(skill.info().clone()));
            Some(offer)
        };
        Announcement::new(self.name.as_str(), self.skills.iter().filter_map(offer).collect::<Vec<_>>())
    }

    async fn run(&self, job: Job, output: &mut Output) -> Result<Finished, JobError> {
        let Task::Tool(task) = job.intent.task else {
            return Err(JobError::refused(ProblemKind::Infeasible, "this worker only has tools"));
        };
        let tool = task.tool.kind().as_str();
        let skill = self.skills.iter().find(|skill| skill.manifest().name == task.tool.bare());
        let skill = skill.cloned().ok_or_else(|| {
            JobError::refused(ProblemKind::Infeasible, format!("this worker has no {tool}"))
        })?;
        let (pieces, written) = mpsc::channel(defaults::PIECES_MAX);
        let visit = Visit { arguments: task.arguments, pieces, cancelled: job.cancelled };
        let (done, delivered) = tokio::join!(skill.visit(visit), deliver(written, &job.prefix, output));
        delivered?;
        done.map_err(|halt| halt.told(tool))?;
        Ok(Finished { usage: Usage::default(), finish: FinishReason::Stop })
    }
}

/// Sends what a skill writes. Once nobody wants the rest, the channel is gone and the skill is stopped at its next piece.
async fn deliver(
    mut written: mpsc::Receiver<String>,
    prefix: &str,
    output: &mut Output,
) -> Result<(), JobError> {
    let mut before = Before(prefix);
    while let Some(piece) = written.recv().await {
        let new = before.new_of(&piece)?;
        if !new.is_empty() {
            output.text(new, 0).await?;
        }
    }
    Ok(())
}

/// What was delivered before, by a worker that had the job and left: it is not said again.
struct Before<'a>(&'a str);

impl Before<'_> {
    /// What of a piece is new.
    fn new_of<'p>(&mut self, piece: &'p str) -> Result<&'p str, JobError> {
        if let Some(rest) = self.0.strip_prefix(piece) {
            self.0 = rest;
            return Ok("");
        }
        match piece.strip_prefix(std::mem::take(&mut self.0)) {
            Some(new) => Ok(new),
            None => {
                let detail = "the skill answers otherwise than before, and can't go on where it was";
                Err(JobError::refused(ProblemKind::WorkerFailed, detail))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_delivered_before_is_not_said_again() {
        let mut before = Before("one two");
        let new: Vec<_> =
            ["one ", "two thr", "ee"].into_iter().map(|piece| before.new_of(piece).unwrap()).collect();
        assert_eq!(new, ["", " thr", "ee"]);
        assert!(Before("one").new_of("another").is_err());
    }
}
