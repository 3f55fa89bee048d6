//! Plans that a model proposes, for words of several steps that the rules do not understand.
//!
//! The model sees the person's words and the list of tools, and never a text from outside. What it proposes is believed no
//! more than a stranger's word: every step is of a tool that was listed, with arguments that the tool's schema allows;
//! whatever sends or switches has its recipients and names from the person's words; addresses are those that the person wrote. Then it is
//! checked like any plan, and shown before its first step.

use std::collections::BTreeSet;

use mtor_protocol::calls::Said;
use mtor_protocol::http::{JobState, OfferInfo};
use mtor_protocol::plan::{FROM, from_step};
use mtor_protocol::{
    CallReader, CallableTool, CapabilityKind, ChatMessage, ChatTask, Effect, Intent, Micro, PlanAsk, Problem,
    ProblemKind, Role, Submit, Task, ToolChoice, ToolInfo, ToolName, limits,
};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::compose::{DATA, Draft, content_places, object, property, unborne};
use super::run::job_of_step;
use crate::app::{App, Wallet};

/// Most steps of a plan that a model makes: as many as somebody looks through.
const STEPS_MAX: usize = 6;
/// Most tools that a model is told of; the rest is left out, in the order of their names.
const TOOLS_MAX: usize = 48;
/// Most that a plan takes to write.
const TOKENS_MAX: u32 = 1_000;
/// How long a model may take over it.
const TIMEOUT_MS: u64 = 60_000;
/// Longest title of a step, in characters.
const TITLE_CHARS: usize = 80;

/// What the model calls with its plan.
const PLAN: &str = "plan";
/// Two things that are no tools of workers.
const WRITE: &str = "write";
const DRAW: &str = "draw";

const INSTRUCTION: &str = "You plan what a person asks for, as steps that use the tools below, in order. Use as few steps as \
    possible, and none that the person does not ask for. Take addresses, names and devices from the person's words, letter by \
    letter. Where a step needs what an earlier step brings, write {\"$from\": N}, with N the number of that step, counted from 0. \
    That is allowed only in the parameters that are marked x-mtor-content. If one step is enough, or the tools can't do it, call plan \
    without steps.";

/// Something that a step can use.
struct Usable<'o> {
    /// What the model calls it.
    name: String,
    kind: CapabilityKind,
    tool: &'o ToolInfo,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Proposal {
    #[serde(default)]
    steps: Vec<Proposed>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Proposed {
    #[serde(rename = "use")]
    name: String,
    #[serde(default)]
    arguments: Map<String, Value>,
}

impl App {
    /// The steps that a model proposes, and what the proposal cost; nothing when no model can, or it sees no plan in the words.
    ///
    /// # Errors
    /// When there is no answer, or it is one that the words do not bear.
    pub(super) async fn propose(
        &self,
        wallet: &Wallet,
        ask: &PlanAsk,
        offers: &[OfferInfo],
    ) -> Result<Option<(Vec<Draft>, Micro)>, Problem> {
        if !offers.iter().any(|offer| offer.capability == CapabilityKind::CHAT && offer.can.tools) {
            return Ok(None);
        }
        let own = own_tools(offers);
        let usable = usable(offers, &own);
        let intent = Intent::any_model(Task::Chat(question(ask, &usable)));
        // Its id follows from the plan's, as those of the steps do.
        let id = job_of_step(ask.id, limits::PLAN_STEPS_MAX);
        let (max_price, timeout_ms) = (ask.max_price, Some(TIMEOUT_MS));
        let submit = Submit { id: Some(id), max_price, timeout_ms, ..Submit::new(intent) };
        if let Some(stream) = self.take(wallet, submit).await?.stream {
            stream.ended().await;
        }
        let job = self.job_info(wallet, id).await?;
        let (JobState::Completed, Some(answer)) = (job.state, &job.text) else {
            let nothing = || Problem::new(ProblemKind::WorkerFailed, "the model has proposed nothing");
            return Err(job.problem.unwrap_or_else(nothing));
        };
        let Some(proposal) = proposal(answer).map_err(|why| unborne(&why))? else { return Ok(None) };
        let drafts = read(proposal, ask, &usable).map_err(|why| unborne(&why))?;
        Ok((drafts.len() > 1).then(|| (drafts, job.cost.unwrap_or(Micro::ZERO))))
    }
}

/// The plan in a model's answer, if it has made one.
fn proposal(answer: &str) -> Result<Option<Proposal>, String> {
    let mut calls = CallReader::read(answer).into_iter().filter_map(|said| match said {
        Said::Call(call) => Some(call),
        Said::Text(_) => None,
    });
    let Some(call) = calls.next() else { return Ok(None) };
    if call.name != PLAN || calls.next().is_some() {
        return Err("it calls something else than was asked for".to_owned());
    }
    serde_json::from_value(Value::Object(call.arguments)).map(Some).map_err(|error| error.to_string())
}

/// What models can do in a plan without being a tool of a worker, described as one.
fn own_tools(offers: &[OfferInfo]) -> Vec<(&'static str, CapabilityKind, ToolInfo)> {
    let own = |name, kind: CapabilityKind, description: &str, properties: Value, required: &str| {
        let parameters = object(
            json!({"type": "object", "properties": properties, "required": [required], "additionalProperties": false}),
        );
        let (description, effect) = (description.to_owned(), Effect::Reads);
        (name, kind, ToolInfo { description, parameters, effect, repeatable: false })
    };
    let content = json!({"type": "string", "x-mtor-content": true});
    let all = [
        own(
            WRITE,
            CapabilityKind::CHAT,
            "Writes a text as the instruction says: an answer, or something made of another text.",
            json!({"instruction": {"type": "string"}, "text": content}),
            "instruction",
        ),
        own(DRAW, CapabilityKind::IMAGINE, "Draws a picture.", json!({"prompt": content}), "prompt"),
    ];
    all.into_iter().filter(|(_, kind, _)| offers.iter().any(|offer| offer.capability == *kind)).collect()
}

fn usable<'o>(
    offers: &'o [OfferInfo],
    own: &'o [(&'static str, CapabilityKind, ToolInfo)],
) -> Vec<Usable<'o>> {
    let own =
        own.iter().map(|(name, kind, tool)| Usable { name: (*name).to_owned(), kind: kind.clone(), tool });
    let tools = offers.iter().filter_map(|offer| {
        let name = ToolName::new(offer.capability.as_str())?;
        let (name, kind) = (name.kind().to_string(), offer.capability.clone());
        Some(Usable { name, kind, tool: offer.tool.as_deref()? })
    });
    let mut tools: Vec<Usable<'o>> = tools.collect();
    tools.sort_by(|one, other| one.name.cmp(&other.name));
    tools.dedup_by(|one, other| one.name == other.name);
    tools.truncate(TOOLS_MAX);
    own.chain(tools).collect()
}

/// What the model is asked: the person's words, and what there is.
fn question(ask: &PlanAsk, usable: &[Usable<'_>]) -> ChatTask {
    let described: Vec<Value> = usable
        .iter()
        .map(|Usable { name, tool, .. }| {
            json!({"use": name, "description": tool.description, "parameters": tool.parameters})
        })
        .collect();
    let names: Vec<&str> = usable.iter().map(|usable| usable.name.as_str()).collect();
    let parameters = object(json!({
        "type": "object",
        "required": ["steps"],
        "additionalProperties": false,
        "properties": { "steps": { "type": "array", "maxItems": STEPS_MAX, "items": {
            "type": "object",
            "required": ["use", "arguments"],
            "additionalProperties": false,
            "properties": { "use": { "type": "string", "enum": names }, "arguments": { "type": "object" } },
        } } },
    }));
    let system = format!("{INSTRUCTION}\n\nThe tools:\n{}", Value::Array(described));
    let mut said = ask.text.clone();
    if let Some(page) = &ask.page {
        said.push_str(&format!("\n(The page that is open: {page})"));
    }
    let description = "Gives the plan.".to_owned();
    ChatTask {
        messages: vec![ChatMessage::new(Role::System, system), ChatMessage::new(Role::User, said)],
        max_tokens: Some(TOKENS_MAX),
        temperature: Some(0.0),
        tools: vec![CallableTool { name: PLAN.to_owned(), description, parameters }],
        tool_choice: ToolChoice::Named(PLAN.to_owned()),
        ..ChatTask::default()
    }
}

/// The steps of a proposal, if the person's words bear every one of them.
fn read(proposal: Proposal, ask: &PlanAsk, usable: &[Usable<'_>]) -> Result<Vec<Draft>, String> {
    if proposal.steps.len() > STEPS_MAX {
        return Err(format!("{} steps, and at most {STEPS_MAX} may be proposed", proposal.steps.len()));
    }
    let mut drafts: Vec<Draft> = Vec::with_capacity(proposal.steps.len());
    for (at, Proposed { name, arguments }) in proposal.steps.into_iter().enumerate() {
        let known = usable.iter().find(|usable| usable.name == name);
        let Usable { kind, tool, .. } =
            known.ok_or_else(|| format!("step {at} uses {name:?}, which there is not"))?;
        let wrong = |why: String| format!("step {at} ({name}): {why}");
        fits(&Value::Object(tool.parameters.clone()), &Value::Object(arguments.clone()), "arguments")
            .map_err(wrong)?;
        let refers = |value: &Value| value.to_string().contains(&format!("\"{FROM}\""));
        let is_content = |name: &String| content_places(tool).any(|place| place == name);
        if let Some((place, _)) = arguments.iter().find(|(name, value)| refers(value) && !is_content(name)) {
            return Err(wrong(format!("what another step brings can't say what is done, in {place:?}")));
        }
        let draft = match name.as_str() {
            WRITE => written(kind.clone(), &arguments),
            _ => used(&name, kind.clone(), tool, arguments, ask).map_err(wrong)?,
        };
        let again = |other: &Draft| other.capability == draft.capability && other.params == draft.params;
        if draft.effect.needs_consent() && drafts.iter().any(again) {
            return Err(wrong("it does the same thing twice".to_owned()));
        }
        drafts.push(draft);
    }
    Ok(drafts)
}

/// A text that is written as the model's own instruction says. What it is made of is material.
fn written(capability: CapabilityKind, arguments: &Map<String, Value>) -> Draft {
    let instruction = arguments.get("instruction").and_then(Value::as_str).unwrap_or_default();
    let params = match arguments.get("text") {
        None => object(json!({"prompt": instruction})),
        Some(text) => object(json!({"messages": [
            {"role": Role::System, "content": format!("{instruction} {DATA}")},
            {"role": Role::User, "content": text},
        ]})),
    };
    Draft { title: title(instruction), capability, params, effect: Effect::Reads }
}

fn used(
    name: &str,
    capability: CapabilityKind,
    tool: &ToolInfo,
    mut arguments: Map<String, Value>,
    ask: &PlanAsk,
) -> Result<Draft, String> {
    if tool.effect.needs_consent() && property(tool, "subject").is_some() {
        // From the person's own words, as in every plan.
        arguments.insert("subject".to_owned(), json!(title(&ask.text)));
    }
    let words = Words::of(ask);
    let mut from_words = false;
    for (argument, value) in &arguments {
        let content = content_places(tool).any(|place| place == argument);
        let subject = argument == "subject" && tool.effect.needs_consent();
        if content || subject {
            continue;
        }
        let schema = property(tool, argument).unwrap_or(&Value::Null);
        from_words |= words.bear(schema, value, tool.effect)?;
    }
    let named = || name.split(['.', '_', '-']).skip(1).any(|part| part.len() > 3 && words.all.contains(part));
    if tool.effect.needs_consent() && !from_words && !named() {
        return Err("nothing in the words asks for it".to_owned());
    }
    let telling = arguments.iter().filter(|(name, _)| *name != "subject");
    let first = telling.filter_map(|(_, value)| value.as_str()).next().unwrap_or_default();
    let title = title(&format!("{}: {first}", name.trim_start_matches(ToolName::PREFIX)));
    Ok(Draft { title, capability, params: arguments, effect: tool.effect })
}

fn title(text: &str) -> String {
    text.chars()
        .filter(|char| !char.is_control())
        .take(TITLE_CHARS)
        .collect::<String>()
        .trim()
        .trim_end_matches(':')
        .to_owned()
}

/// What a person has said, to find things again in it.
struct Words {
    text: String,
    page: Option<String>,
    all: BTreeSet<String>,
}

impl Words {
    fn of(ask: &PlanAsk) -> Self {
        let text = ask.text.to_lowercase();
        let all = split(&text).map(str::to_owned).collect();
        Self { text, page: ask.page.clone(), all }
    }

    /// Whether a value is one that the words hold, where it has to be. True where it was found in them.
    ///
    /// # Errors
    /// When it is not there and would have to be.
    fn bear(&self, schema: &Value, value: &Value, effect: Effect) -> Result<bool, String> {
        let consent = effect.needs_consent();
        match value {
            // One of a few that its tool names, and a yes or no: shown to the person, who is asked.
            Value::Bool(_) | Value::Null => Ok(false),
            _ if schema.get("enum").is_some() => Ok(false),
            Value::Number(number) if consent => match self.all.contains(&number.to_string()) {
                true => Ok(true),
                false => Err(format!("{number} is no number that was said")),
            },
            Value::Number(_) => Ok(false),
            Value::String(text) if consent || is_address(text) => {
                let as_said = self.has(text) || self.page.as_ref() == Some(text);
                let word_by_word = effect == Effect::Switches && !is_address(text);
                let each = || split(&text.to_lowercase()).all(|word| self.all.contains(word));
                match as_said || (word_by_word && each()) {
                    true => Ok(true),
                    false => Err(format!("{text:?} is not in the words")),
                }
            }
            Value::String(_) => Ok(false),
            Value::Array(values) => {
                let items = schema.get("items").unwrap_or(&Value::Null);
                let found = values.iter().map(|value| self.bear(items, value, effect));
                found.collect::<Result<Vec<bool>, String>>().map(|found| found.contains(&true))
            }
            Value::Object(object) => {
                let inner = |name: &String| schema.get("properties").and_then(|all| all.get(name));
                let found = object
                    .iter()
                    .map(|(name, value)| self.bear(inner(name).unwrap_or(&Value::Null), value, effect));
                found.collect::<Result<Vec<bool>, String>>().map(|found| found.contains(&true))
            }
        }
    }

    /// Whether this stands in the words by itself, and not as a part of a longer name or address.
    fn has(&self, text: &str) -> bool {
        let text = text.trim().to_lowercase();
        let inner = |char: char| char.is_alphanumeric() || "@_-+/%=&#~".contains(char);
        !text.is_empty()
            && self.text.match_indices(&text).any(|(at, _)| {
                let (before, after) = (&self.text[..at], &self.text[at + text.len()..]);
                let mut next = after.chars();
                // A point ends a sentence, unless something goes on after it.
                let goes_on = match next.next() {
                    Some('.' | ':' | '?') => next.next().is_some_and(inner),
                    Some(char) => inner(char),
                    None => false,
                };
                let begun =
                    before.chars().next_back().is_some_and(|char| inner(char) || char == '.' || char == ':');
                !goes_on && !begun
            })
    }
}

fn split(text: &str) -> impl Iterator<Item = &str> {
    text.split(|char: char| !char.is_alphanumeric()).filter(|word| !word.is_empty())
}

/// Whether a text may lead out of the realm: to a page, a machine, a person.
fn is_address(text: &str) -> bool {
    text.contains("://")
        || text.contains('@')
        || text.to_lowercase().contains("www.")
        || text.starts_with("//")
}

/// Whether a value is one that a tool's schema allows, as far as tools describe theirs: types, what has to be there and what
/// may, choices.
fn fits(schema: &Value, value: &Value, place: &str) -> Result<(), String> {
    if from_step(value).is_some() {
        // Where it may stand is checked with the whole plan; here it counts as the text that it will be.
        return match schema.get("type").is_none_or(|kind| kind == "string") {
            true => Ok(()),
            false => Err(format!("{place} is no place for a text")),
        };
    }
    if value.get(FROM).is_some() {
        return Err(format!("{place} refers to no step"));
    }
    let right = match schema.get("type").and_then(Value::as_str) {
        Some("string") => value.is_string(),
        Some("integer") => value.is_i64() || value.is_u64(),
        Some("number") => value.is_number(),
        Some("boolean") => value.is_boolean(),
        Some("array") => value.is_array(),
        Some("object") => value.is_object(),
        _ => true,
    };
    if !right {
        return Err(format!("{place} is not of the type that it has to be"));
    }
    if let Some(choices) = schema.get("enum").and_then(Value::as_array)
        && !choices.contains(value)
    {
        return Err(format!("{place} is none of what it may be"));
    }
    match value {
        Value::Object(object) => {
            let properties = schema.get("properties").and_then(Value::as_object);
            for (name, value) in object {
                match properties.and_then(|all| all.get(name)) {
                    Some(schema) => fits(schema, value, name)?,
                    None => return Err(format!("{name:?} is no part of {place}")),
                }
            }
            let required = schema.get("required").and_then(Value::as_array).into_iter().flatten();
            match required.filter_map(Value::as_str).find(|name| !object.contains_key(*name)) {
                Some(missing) => Err(format!("{missing} is missing")),
                None => Ok(()),
            }
        }
        Value::Array(values) => {
            let items = schema.get("items").unwrap_or(&Value::Null);
            values.iter().try_for_each(|value| fits(items, value, place))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Words {
        let ask = json!({"id": mtor_protocol::JobId::generate(), "text": text});
        Words::of(&serde_json::from_value(ask).unwrap())
    }

    #[test]
    fn an_address_is_in_the_words_whole_or_not_at_all() {
        let said = words("Mail it to Ada@example.org, and see https://a.example/x?y=1.");
        for there in ["ada@example.org", "https://a.example/x?y=1", "ada@EXAMPLE.org"] {
            assert!(said.has(there), "{there}");
        }
        for not in [
            "a@example.org",
            "ada@example",
            "example.org",
            "https://a.example",
            "https://a.example/x",
            "eve@x.y",
            "",
        ] {
            assert!(!said.has(not), "{not}");
        }
    }

    #[test]
    fn what_switches_is_named_by_words_and_what_sends_is_said_as_it_is() {
        let said = words("turn the kitchen light on for 5 minutes and tell bob@a.example and eve@b.example");
        let text = Value::Null;
        assert_eq!(said.bear(&text, &json!("light.kitchen"), Effect::Switches), Ok(true));
        assert!(said.bear(&text, &json!("light.bath"), Effect::Switches).is_err());
        assert!(said.bear(&text, &json!("bob@b.example"), Effect::Sends).is_err(), "made of two");
        assert!(said.bear(&text, &json!("bob@b.example"), Effect::Switches).is_err());
        assert_eq!(said.bear(&text, &json!(5), Effect::Sends), Ok(true));
        assert!(said.bear(&text, &json!(500), Effect::Sends).is_err());
        assert_eq!(said.bear(&text, &json!("anything"), Effect::Reads), Ok(false));
        assert!(said.bear(&text, &json!("https://eve.example/?q=secret"), Effect::Reads).is_err());
    }
}
