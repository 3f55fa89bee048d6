//! Between the realm and the skills: a job of the one is a call to the other.

use std::sync::Arc;

use mtor_worker::protocol::{
    Announcement, CapabilityKind, CapabilityOffer, FinishReason, ProblemKind, Task, Usage,
};
use mtor_worker::{Finished, Job, JobError, Output, Worker};

use crate::skill::{Answer, Asked, Skill, SkillError};

/// What the model of an offer is called where there is none: the tool has one way to do it.
const MODEL: &str = "skills";

/// The worker that the realm sees: all skills that are set up here.
pub struct Skills {
    name: String,
    skills: Vec<Box<dyn Skill>>,
}

impl Skills {
    /// These skills, under this name.
    pub fn new(name: impl Into<String>, skills: Vec<Box<dyn Skill>>) -> Self {
        Self { name: name.into(), skills }
    }

    /// The names of the skills.
    pub fn names(&self) -> Vec<&'static str> {
        self.skills.iter().map(|skill| skill.name()).collect()
    }
}

impl Worker for Skills {
    fn announcement(&self) -> Announcement {
        let offer = |skill: &dyn Skill| {
            let capability = CapabilityKind::new(&format!("tool.{}", skill.name()))?;
            let mut offer = CapabilityOffer::new(capability, MODEL, skill.slots());
            offer.tool = Some(Arc::new(skill.info()));
            Some(offer)
        };
        Announcement::new(
            self.name.as_str(),
            self.skills.iter().filter_map(|skill| offer(&**skill)).collect::<Vec<_>>(),
        )
    }

    async fn run(&self, mut job: Job, output: &mut Output) -> Result<Finished, JobError> {
        let Task::Tool(task) = job.intent.task else {
            return Err(JobError::refused(ProblemKind::Infeasible, "this worker only has tools"));
        };
        let skill = self.skills.iter().find(|skill| skill.name() == task.tool.bare()).ok_or_else(|| {
            JobError::refused(ProblemKind::Infeasible, format!("this worker has no {}", task.tool.kind()))
        })?;
        let attachment = match task.attachment() {
            Some(file) => job.input.read_all(file.bytes as usize).await?,
            None => Vec::new(),
        };
        let asked = Asked { job: job.id, arguments: task.arguments, attachment, cancelled: job.cancelled };
        let done = skill.run(asked, &mut Answer::new(output, &job.prefix).after_parts(job.parts)).await;
        done.map_err(|error| job_error(skill.name(), error))?;
        Ok(Finished { usage: Usage::default(), finish: FinishReason::Stop })
    }
}

/// What the realm is told. Wrong arguments are wrong everywhere; what a service did not do, another worker may get done.
fn job_error(skill: &str, error: SkillError) -> JobError {
    match error {
        SkillError::Arguments(detail) => {
            JobError::refused(ProblemKind::InvalidRequest, format!("tool.{skill}: {detail}"))
        }
        SkillError::Forbidden(detail) => {
            JobError::refused(ProblemKind::Forbidden, format!("tool.{skill}: {detail}"))
        }
        SkillError::Service(detail) => JobError::failed(format!("tool.{skill}: {detail}")),
        SkillError::Leaving => JobError::failed("this worker is leaving"),
        SkillError::Stopped(stopped) => stopped.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calculate::Calculate;

    #[test]
    fn every_skill_is_announced_with_its_schema() {
        let announcement = Skills::new("skills", vec![Box::new(Calculate)]).announcement();
        assert_eq!(announcement.fault(), None);
        let tool = announcement.offers[0].tool.as_ref().unwrap();
        assert_eq!(announcement.offers[0].capability.as_str(), "tool.calculate");
        assert!(tool.parameters["properties"]["expression"]["description"].is_string());
        assert_eq!(tool.parameters["required"], serde_json::json!(["expression"]));
    }

    #[test]
    fn only_what_a_service_did_is_tried_elsewhere() {
        let wrong = job_error("timer", SkillError::Arguments("seconds: too many".into()));
        assert_eq!((wrong.retry, wrong.problem.detail.as_str()), (false, "tool.timer: seconds: too many"));
        assert!(job_error("weather", SkillError::Service("it is down".into())).retry);
        assert!(job_error("timer", SkillError::Leaving).retry);
    }
}
