//! What a skill is: the one trait to implement, what it is given, and how it answers.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use mtor_worker::protocol::{Effect, JobId, ToolInfo};
use mtor_worker::{CancellationToken, Output, Stopped};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::defaults;

/// One tool. Its arguments are a type of its own: the schema that the realm is told and the check of what comes are both
/// made from it.
pub trait Skill: Send + Sync {
    /// The name of the tool, without `tool.`.
    fn name(&self) -> &'static str;

    /// What it is good for, and how it is used.
    fn info(&self) -> ToolInfo;

    /// How many jobs it does at once.
    fn slots(&self) -> u32 {
        defaults::SLOTS
    }

    /// Does what is asked. What can be said to the person, such as that there is no such place, is an answer; what went
    /// wrong is an error.
    fn run<'a>(&'a self, asked: Asked, answer: &'a mut Answer<'_>) -> BoxFuture<'a, Result<(), SkillError>>;

    /// Whether somebody's account behind it can be opened, and what is there; nothing when it has none.
    fn check(&self) -> BoxFuture<'_, Result<Option<String>, SkillError>> {
        Box::pin(std::future::ready(Ok(None)))
    }
}

/// Describes a tool whose arguments are `A`.
pub(crate) fn info<A: JsonSchema>(description: &str, effect: Effect, repeatable: bool) -> ToolInfo {
    let mut parameters = match schemars::schema_for!(A).to_value() {
        Value::Object(parameters) => parameters,
        _ => Map::new(),
    };
    parameters.remove("$schema");
    parameters.remove("title");
    ToolInfo { description: description.to_owned(), parameters, effect, repeatable }
}

/// What a skill is asked.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The job.
    pub job: JobId,
    /// The arguments, not checked yet.
    pub arguments: Map<String, Value>,
    /// Nobody wants the answer any more.
    pub cancelled: CancellationToken,
}

impl Asked {
    /// The arguments, if they are what the skill takes.
    ///
    /// # Errors
    /// [`SkillError::Arguments`] says what is wrong with them.
    pub fn arguments<A: DeserializeOwned>(&self) -> Result<A, SkillError> {
        self.arguments_up_to(defaults::WORDS_BYTES_MAX)
    }

    /// The arguments, each of at most so many bytes.
    ///
    /// # Errors
    /// [`SkillError::Arguments`] says what is wrong with them.
    pub fn arguments_up_to<A: DeserializeOwned>(&self, bytes_max: usize) -> Result<A, SkillError> {
        let too_long = |(name, value): (&String, &Value)| {
            value.as_str().filter(|text| text.len() > bytes_max).map(|_| name.clone())
        };
        if let Some(name) = self.arguments.iter().find_map(too_long) {
            return Err(SkillError::Arguments(format!("{name}: at most {bytes_max} bytes")));
        }
        serde_json::from_value(Value::Object(self.arguments.clone()))
            .map_err(|error| SkillError::Arguments(error.to_string()))
    }
}

/// Where a skill writes its answer.
pub struct Answer<'a> {
    to: To<'a>,
    /// What was delivered before, by a worker that had the job and left.
    before: Arc<str>,
}

enum To<'a> {
    Realm(&'a mut Output),
    Text(&'a mut String),
}

impl<'a> Answer<'a> {
    /// An answer for the realm, that goes on after what was delivered before.
    pub fn new(output: &'a mut Output, before: &str) -> Self {
        Self { to: To::Realm(output), before: before.into() }
    }

    /// An answer that nobody but the caller reads.
    pub fn text(text: &'a mut String, before: &str) -> Self {
        Self { to: To::Text(text), before: before.into() }
    }

    /// What was delivered before, by a worker that had the job and left.
    pub fn before(&self) -> &str {
        &self.before
    }

    /// Writes a whole answer; nothing when it was delivered before.
    ///
    /// # Errors
    /// When nobody wants it any more.
    pub async fn whole(&mut self, text: &str) -> Result<(), SkillError> {
        if !self.before.is_empty() {
            // A skill writes its answer in one piece, so that what is there is all of it.
            return Ok(());
        }
        self.more(text).await
    }

    /// Writes a piece of an answer that comes bit by bit.
    ///
    /// # Errors
    /// When nobody wants it any more.
    pub async fn more(&mut self, text: &str) -> Result<(), SkillError> {
        match &mut self.to {
            To::Realm(output) => Ok(output.text(text, 0).await?),
            To::Text(all) => {
                all.push_str(text);
                Ok(())
            }
        }
    }
}

/// Why a skill can't do what is asked.
#[derive(Debug, thiserror::Error)]
pub enum SkillError {
    /// The arguments are not what it takes.
    #[error("{0}")]
    Arguments(String),
    /// The service behind it can't be reached, or did not do it.
    #[error("{0}")]
    Service(String),
    /// It may not be done.
    #[error("{0}")]
    Forbidden(String),
    /// This worker leaves; another one, or the same one later, goes on.
    #[error("this worker is leaving")]
    Leaving,
    /// Nobody wants the answer any more.
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

/// Skills with their answers as text, for tests.
#[cfg(test)]
pub(crate) mod testing {
    use super::*;

    pub(crate) fn asked(arguments: Value) -> Asked {
        let Value::Object(arguments) = arguments else { panic!("arguments are an object") };
        Asked { job: JobId::generate(), arguments, cancelled: CancellationToken::new() }
    }

    /// What a skill answers.
    pub(crate) async fn ask(skill: &dyn Skill, arguments: Value) -> Result<String, SkillError> {
        let mut text = String::new();
        skill.run(asked(arguments), &mut Answer::text(&mut text, "")).await?;
        Ok(text)
    }
}
