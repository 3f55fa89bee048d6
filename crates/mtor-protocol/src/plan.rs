//! Plans: several steps in one request, each a job of its own. A plan is whole before its first step begins; what a step
//! brings back may fill places that are made for content, and never says what is done, where or for whom.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::id::{JobId, Timestamp};
use crate::limits;
use crate::money::Micro;
use crate::problem::Problem;
use crate::tool::Effect;
use crate::worker::CapabilityKind;

/// In a step's parameters, `{"$from": 0}` stands for the answer of step 0.
pub const FROM: &str = "$from";

/// In the JSON schema of a tool's parameters, a property with this key set to true is a place for content: the text of a
/// mail is, the address that it goes to is not.
pub const CONTENT: &str = "x-mtor-content";

/// The body of `POST /api/plans`, and the data of `mtor.plan.ask`: do what these words want, in several steps if need be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlanAsk {
    /// The plan's id, chosen by the client: a retry finds the same plan.
    pub id: JobId,
    /// What was said.
    pub text: String,
    /// Its language, as in `en`; the likeliest when absent.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub language: String,
    /// The address of the page that "this article" stands for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<String>,
    /// What all steps may cost at most before somebody is asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_price: Option<Micro>,
}

impl PlanAsk {
    /// What is wrong with it, if anything, and in which field.
    pub fn fault(&self) -> Option<(&'static str, String)> {
        if self.text.trim().is_empty() || self.text.len() > limits::UTTERANCE_BYTES_MAX {
            return Some(("text", format!("1 to {} bytes", limits::UTTERANCE_BYTES_MAX)));
        }
        if self.page.as_ref().is_some_and(|page| page.len() > limits::UTTERANCE_BYTES_MAX) {
            return Some(("page", format!("at most {} bytes", limits::UTTERANCE_BYTES_MAX)));
        }
        (self.language.len() > limits::LANGUAGE_BYTES_MAX)
            .then(|| ("language", format!("at most {} bytes", limits::LANGUAGE_BYTES_MAX)))
    }
}

/// The body of `POST /api/plans/{id}/answer`, and the data of `mtor.plan.answer`: a person's word about what a plan asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlanAnswer {
    /// About which step; the whole plan when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<u16>,
    /// Whether it shall be done.
    pub yes: bool,
}

/// A plan, and how far it is. The data of `mtor.plan.state`, sent whenever it changes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Plan {
    /// Its id.
    pub id: JobId,
    /// What was said.
    pub text: String,
    /// When.
    pub submitted: Timestamp,
    /// How it stands.
    pub state: PlanState,
    /// The most that all steps together may cost, by the prices at the beginning.
    pub max: Micro,
    /// What its steps have cost so far.
    pub cost: Micro,
    /// Its steps; those that a step needs stand before it.
    pub steps: Vec<PlanStep>,
}

/// `GET /api/plans`: a page of a wallet's plans, the newest first.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct PlanPage {
    /// The plans.
    pub plans: Vec<Plan>,
    /// Pass this as `before` for the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<JobId>,
}

/// How a plan stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PlanState {
    /// It may cost more than was allowed: somebody says yes first.
    Proposed,
    /// Its steps are done one after the other, or beside each other where they can be.
    Running,
    /// A step waits for somebody's yes, and all that could be done without it is.
    Asking,
    /// All is done.
    Done,
    /// A step failed or was refused; what needed it was left out.
    Failed,
    /// It was stopped on request.
    Cancelled,
}

impl PlanState {
    /// Whether nothing more will happen to it.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Done | Self::Failed | Self::Cancelled)
    }
}

/// One step of a plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PlanStep {
    /// What it does, in a few words for people.
    pub title: String,
    /// Of which capability.
    pub capability: CapabilityKind,
    /// With which parameters; those that come from other steps as `{"$from": N}`, until they are there.
    pub params: Map<String, Value>,
    /// The steps whose answers it is made of, by their numbers from 0; `params` stand for them until they are there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<u16>,
    /// What it does to the world.
    pub effect: Effect,
    /// How it stands.
    pub state: StepState,
    /// The job that does it.
    pub job: JobId,
    /// What it cost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<Micro>,
    /// Which worker did it, by its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worker: Option<String>,
    /// What is to be said of it: that a text was too long, and only its beginning was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// What it brought, or the beginning of that; all of it is the job's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
}

/// How a step stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StepState {
    /// What it needs is not there yet.
    Waiting,
    /// All that it needs is there, and `params` are what it will be done with: somebody says yes first.
    Asking,
    /// Somebody said yes, or need not be asked.
    Running,
    /// Done.
    Done,
    /// It failed.
    Failed,
    /// Somebody said no.
    Refused,
    /// Left out, since what it needs failed or was refused, or the plan was stopped.
    LeftOut,
}

impl PlanStep {
    /// The steps whose answers it still needs.
    pub fn needs(&self) -> Vec<usize> {
        let mut needs = Vec::new();
        self.params.values().for_each(|value| gather(value, &mut needs));
        needs.sort_unstable();
        needs.dedup();
        needs
    }

    /// Puts answers where its parameters stand for them. What has no answer stays as it is.
    pub fn fill(&mut self, answer: &impl Fn(usize) -> Option<String>) {
        self.params.values_mut().for_each(|value| fill(value, answer));
    }
}

/// The step that this value stands for, if it is `{"$from": N}`.
pub fn from_step(value: &Value) -> Option<usize> {
    let object = value.as_object().filter(|object| object.len() == 1)?;
    usize::try_from(object.get(FROM)?.as_u64()?).ok()
}

/// A value that stands for the answer of a step.
pub fn answer_of(step: usize) -> Value {
    serde_json::json!({ FROM: step })
}

fn gather(value: &Value, needs: &mut Vec<usize>) {
    match (from_step(value), value) {
        (Some(step), _) => needs.push(step),
        (None, Value::Object(object)) => object.values().for_each(|value| gather(value, needs)),
        (None, Value::Array(values)) => values.iter().for_each(|value| gather(value, needs)),
        _ => {}
    }
}

// What was filled in is not looked at again: an answer that reads like a reference is text.
fn fill(value: &mut Value, answer: &impl Fn(usize) -> Option<String>) {
    if let Some(step) = from_step(value) {
        if let Some(text) = answer(step) {
            *value = Value::String(text);
        }
        return;
    }
    match value {
        Value::Object(object) => object.values_mut().for_each(|value| fill(value, answer)),
        Value::Array(values) => values.iter_mut().for_each(|value| fill(value, answer)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn step(params: Value) -> PlanStep {
        PlanStep {
            title: String::new(),
            capability: CapabilityKind::CHAT,
            params: params.as_object().cloned().unwrap_or_default(),
            after: Vec::new(),
            effect: Effect::Reads,
            state: StepState::Waiting,
            job: JobId(1),
            cost: None,
            worker: None,
            note: None,
            text: None,
            problem: None,
        }
    }

    #[test]
    fn answers_fill_the_places_that_stand_for_them_and_nothing_in_an_answer_is_a_place() {
        let mut step = step(
            json!({ "messages": [{ "content": answer_of(0) }, { "content": answer_of(1) }], "$from": "x" }),
        );
        assert_eq!(step.needs(), [0, 1]);
        step.fill(&|number| Some(if number == 0 { r#"{"$from": 1}"#.to_owned() } else { "b".to_owned() }));
        assert_eq!(step.params["messages"], json!([{ "content": r#"{"$from": 1}"# }, { "content": "b" }]));
        assert_eq!(step.needs(), [] as [usize; 0]);
    }

    #[test]
    fn what_only_looks_like_a_place_is_none() {
        for value in
            [json!({ "$from": -1 }), json!({ "$from": "0" }), json!({ "$from": 0, "to": 1 }), json!("$from")]
        {
            assert_eq!(from_step(&value), None, "{value}");
        }
    }
}
