//! Tools that a model may call, and the shape that its answer shall have: what services with interfaces of their own for these
//! have in common.
//!
//! In a realm a call is a part of the answer's text. Services tell calls beside it, mostly in fragments: [`Calls`] gathers them,
//! and writes each as soon as it is whole.

use mtor_worker::Output;
use mtor_worker::protocol::calls::{CALL_BEGIN, CallReader, Said};
use mtor_worker::protocol::{CallMade, CallableTool, ChatMessage, ChatTask, Role, limits};
use serde_json::{Map, Value};

use crate::defaults::CALL_BYTES_MAX;
use crate::fault::{Fault, RunError, infeasible};
use crate::openai::tokens_of;

/// The names of tools as services take them, which is without dots, and back.
#[derive(Debug)]
pub(crate) struct Names(Vec<(String, String)>);

impl Names {
    pub(crate) fn of(tools: &[CallableTool]) -> Self {
        let mut names: Vec<(String, String)> = Vec::with_capacity(tools.len());
        // Those that need no other name keep theirs.
        let (plain, dotted): (Vec<_>, Vec<_>) = tools.iter().partition(|tool| !tool.name.contains('.'));
        for tool in plain.into_iter().chain(dotted) {
            let wanted = tool.name.replace('.', "_");
            let (mut name, mut number) = (wanted.clone(), 1);
            while names.iter().any(|(_, theirs)| *theirs == name) {
                number += 1;
                let ending = format!("_{number}");
                let room = limits::CALLABLE_NAME_BYTES_MAX - ending.len();
                name = format!("{}{ending}", &wanted[..wanted.len().min(room)]);
            }
            names.push((tool.name.clone(), name));
        }
        Self(names)
    }

    /// Whether there are no tools.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What the service calls it.
    pub(crate) fn theirs(&self, name: &str) -> String {
        let known = self.0.iter().find(|(ours, _)| ours == name);
        known.map_or_else(|| name.replace('.', "_"), |(_, theirs)| theirs.clone())
    }

    /// What was asked for under this name.
    fn ours(&self, name: &str) -> String {
        let known = self.0.iter().find(|(_, theirs)| theirs == name);
        known.map_or_else(|| name.to_owned(), |(ours, _)| ours.clone())
    }
}

/// A piece of a call, as services stream it.
#[derive(Debug, Default)]
pub(crate) struct CallPiece<'p> {
    /// Its place among the calls of the answer.
    pub(crate) index: u64,
    /// Its own name, in its first piece.
    pub(crate) id: Option<&'p str>,
    /// The tool's, in its first piece.
    pub(crate) name: Option<&'p str>,
    /// More of its arguments, which are JSON.
    pub(crate) arguments: &'p str,
}

/// The calls of one answer, while they come.
#[derive(Debug)]
pub(crate) struct Calls {
    names: Names,
    begun: Option<Begun>,
    written: bool,
}

#[derive(Debug)]
struct Begun {
    index: u64,
    id: Option<String>,
    name: String,
    arguments: String,
}

impl Calls {
    pub(crate) fn new(names: Names) -> Self {
        Self { names, begun: None, written: false }
    }

    /// Takes a piece. One of another call ends the call before it.
    pub(crate) async fn push(&mut self, piece: CallPiece<'_>, output: &mut Output) -> Result<(), RunError> {
        // Some count every call as the first, and tell them apart by their ids.
        let other = self.begun.as_ref().is_some_and(|begun| {
            let renamed = matches!((&begun.id, piece.id), (Some(known), Some(id)) if known != id);
            begun.index != piece.index || renamed
        });
        if other {
            self.end(output).await?;
        }
        let begun = self.begun.get_or_insert_with(|| Begun {
            index: piece.index,
            id: None,
            name: String::new(),
            arguments: String::new(),
        });
        if let Some(id) = piece.id.filter(|id| !id.is_empty()) {
            begun.id = Some(id.to_owned());
        }
        // Some say it again with every piece.
        if let Some(name) = piece.name.filter(|_| begun.name.is_empty()) {
            begun.name = name.to_owned();
        }
        begun.arguments.push_str(piece.arguments);
        match begun.arguments.len() > CALL_BYTES_MAX {
            true => Err(Fault::Nonsense(format!("a call of more than {CALL_BYTES_MAX} bytes")).into()),
            false => Ok(()),
        }
    }

    /// Writes the call that is whole now, if there is one.
    pub(crate) async fn end(&mut self, output: &mut Output) -> Result<(), RunError> {
        let Some(Begun { name, arguments, .. }) = self.begun.take() else { return Ok(()) };
        if name.is_empty() {
            return Err(Fault::Nonsense("a call of a tool without a name".to_owned()).into());
        }
        let arguments = match arguments.trim() {
            "" => Map::new(),
            json => serde_json::from_str(json).map_err(|error| {
                Fault::Nonsense(format!("the arguments of a call of {name:?} are no JSON object: {error}"))
            })?,
        };
        let mut text = CallMade { name: self.names.ours(&name), arguments }.to_text();
        if std::mem::replace(&mut self.written, true) {
            text.insert(0, '\n');
        }
        Ok(output.text(&text, tokens_of(&text)).await?)
    }

    /// Forgets a call that the end of the answer has cut off.
    pub(crate) fn cut_off(&mut self) {
        self.begun = None;
    }
}

/// What another worker's words so far mean for whoever goes on.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum SoFar {
    /// The answer is to be written, after these words if there are any.
    Open,
    /// It ended with calls, which are whole.
    Called,
}

/// Whether a service can go on after these words.
///
/// # Errors
/// When it can't: it would begin what stands there half anew.
pub(crate) fn so_far(task: &ChatTask, prefix: &str) -> Result<SoFar, RunError> {
    if prefix.is_empty() {
        return Ok(SoFar::Open);
    }
    if task.format.is_some() {
        return Err(infeasible("this service can't go on in the middle of an answer that is JSON"));
    }
    if task.callable().is_empty() || !prefix.contains(CALL_BEGIN) {
        return Ok(SoFar::Open);
    }
    let cut = |said: &Said| matches!(said, Said::Text(text) if text.contains(CALL_BEGIN));
    match CallReader::read(prefix).iter().any(cut) {
        true => Err(infeasible("this service can't go on in the middle of a call")),
        false => Ok(SoFar::Called),
    }
}

/// A message for a model that is told of no tools: calls are words of the assistant's, and what they gave is told as the
/// person's.
pub(crate) fn in_words(message: ChatMessage) -> (Role, String) {
    let role = match message.role {
        Role::Tool => Role::User,
        role => role,
    };
    let mut words = message.content;
    for call in message.calls {
        if !words.is_empty() {
            words.push('\n');
        }
        words.push_str(&CallMade { name: call.name, arguments: call.arguments }.to_text());
    }
    (role, words)
}

/// Whether a schema is one of those that OpenAI's strict mode takes: each object names all that it may hold, and needs all of it.
pub(crate) fn is_strict(schema: &Value) -> bool {
    match schema {
        Value::Object(object) => {
            let properties = object.get("properties").and_then(Value::as_object);
            let required: Vec<&str> = object
                .get("required")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .collect();
            let is_object = object.get("type").is_some_and(|kind| kind == "object") || properties.is_some();
            let closed = object.get("additionalProperties") == Some(&Value::Bool(false));
            let named = properties.into_iter().flat_map(Map::keys).all(|name| required.contains(&&**name));
            (!is_object || (closed && named)) && object.values().all(is_strict)
        }
        Value::Array(list) => list.iter().all(is_strict),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use mtor_worker::protocol::AnswerFormat;
    use serde_json::json;

    use super::*;

    fn tool(name: &str) -> CallableTool {
        CallableTool { name: name.into(), description: String::new(), parameters: Map::new() }
    }

    #[test]
    fn names_have_no_dots_and_are_found_again() {
        let long = format!("a.{}", "b".repeat(62));
        let also = long.replace('.', "_");
        let names = Names::of(&[tool("home.light"), tool("home_light"), tool(&long), tool(&also)]);
        assert_eq!(names.theirs("home_light"), "home_light", "what needs no other name keeps it");
        assert_eq!(names.theirs("home.light"), "home_light_2");
        for name in ["home.light", "home_light", &long, &also] {
            let theirs = names.theirs(name);
            assert!(theirs.len() <= limits::CALLABLE_NAME_BYTES_MAX && !theirs.contains('.'), "{theirs}");
            assert_eq!(names.ours(&theirs), name);
        }
        assert_eq!(names.theirs("of.old"), "of_old", "a tool that is no more");
    }

    #[test]
    fn what_another_worker_has_written_is_gone_on_with_or_not() {
        let tools = ChatTask { tools: vec![tool("a")], ..ChatTask::question("x") };
        let whole = CallMade { name: "a".into(), arguments: Map::new() }.to_text();
        assert_eq!(so_far(&tools, "I look").unwrap(), SoFar::Open);
        assert_eq!(so_far(&tools, &format!("I look.{whole}")).unwrap(), SoFar::Called);
        assert!(so_far(&tools, &whole[..whole.len() / 2]).is_err());
        assert_eq!(so_far(&ChatTask::question("x"), &whole).unwrap(), SoFar::Open, "words like any others");
        let shaped = ChatTask { format: Some(AnswerFormat::JsonObject), ..ChatTask::question("x") };
        assert!(so_far(&shaped, "{").is_err() && so_far(&shaped, "").is_ok());
    }

    #[test]
    fn a_schema_that_leaves_something_open_is_not_strict() {
        let of = |required: Value, more: bool| {
            json!({"type": "object", "required": required, "additionalProperties": more, "properties": {"a": {"type": "array",
                "items": {"type": "object", "properties": {}, "additionalProperties": false}}}})
        };
        assert!(is_strict(&of(json!(["a"]), false)));
        assert!(!is_strict(&of(json!([]), false)) && !is_strict(&of(json!(["a"]), true)));
        assert!(!is_strict(&json!({"type": "object"})));
    }
}
