//! Tools that a model may call in a conversation, the shape that its answer shall have, and how calls stand in an
//! answer.
//!
//! A call is a part of the answer's text: the worker writes [`CALL_BEGIN`], one JSON object with `name` and
//! `arguments`, and [`CALL_END`]. So calls stream, are kept, signed and gone on with by another worker like any other
//! words, and only who asked with tools reads them as calls ([`CallReader`]).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::limits;

/// What stands before a call.
pub const CALL_BEGIN: &str = "<tool_call>";
/// What stands after it.
pub const CALL_END: &str = "</tool_call>";

/// A tool that the model may call. Whoever asks runs it, and brings the result in the next request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CallableTool {
    /// Its name: 1 to 64 letters, digits, `_` and `-`, and dots.
    pub name: String,
    /// What it is good for, for the model.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// The JSON schema of its arguments: an object.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub parameters: Map<String, Value>,
}

/// Whether the model may, must or must not call a tool.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ToolChoice {
    /// As it thinks best.
    #[default]
    Auto,
    /// No call.
    None,
    /// At least one call.
    Required,
    /// A call of this one.
    Named(String),
}

impl ToolChoice {
    pub(crate) fn is_auto(&self) -> bool {
        *self == Self::Auto
    }
}

/// The shape that an answer shall have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AnswerFormat {
    /// Any JSON object.
    JsonObject,
    /// JSON that this schema describes.
    JsonSchema(Map<String, Value>),
}

impl AnswerFormat {
    /// The schema that describes it.
    pub fn schema(&self) -> Value {
        match self {
            Self::JsonObject => serde_json::json!({ "type": "object" }),
            Self::JsonSchema(schema) => Value::Object(schema.clone()),
        }
    }
}

/// A call that was made earlier in the conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ToolCall {
    /// What its result refers to.
    pub id: String,
    /// Of which tool.
    pub name: String,
    /// With what.
    pub arguments: Map<String, Value>,
}

/// A call as it stands in an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallMade {
    /// Of which tool.
    pub name: String,
    /// With what.
    #[serde(default)]
    pub arguments: Map<String, Value>,
}

impl CallMade {
    /// How it stands in an answer.
    pub fn to_text(&self) -> String {
        // A name and a map of JSON can always be written.
        let json = serde_json::to_string(self).unwrap_or_default();
        format!("{CALL_BEGIN}\n{json}\n{CALL_END}")
    }
}

/// A part of an answer that may hold calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// Words.
    Text(String),
    /// A call, whole.
    Call(CallMade),
}

/// Reads an answer, piece by piece as it comes, and finds the calls in it. What only looks like a call stays text.
#[derive(Debug, Default)]
pub struct CallReader {
    /// What may become a call, and was given to nobody yet.
    held: String,
    /// How far in it the end of a call was looked for.
    searched: usize,
}

impl CallReader {
    /// All parts of a whole answer.
    pub fn read(answer: &str) -> Vec<Said> {
        let mut reader = Self::default();
        let mut said = reader.push(answer);
        said.extend(reader.finish());
        said
    }

    /// The parts that are complete with this piece.
    pub fn push(&mut self, piece: &str) -> Vec<Said> {
        self.held.push_str(piece);
        let mut said = Vec::new();
        loop {
            if self.held.starts_with(CALL_BEGIN) {
                let Some(end) = self.call_end() else { return said };
                let rest = self.held.split_off(end);
                let whole = std::mem::replace(&mut self.held, rest);
                said.push(parse(&whole).map_or(Said::Text(whole), Said::Call));
                continue;
            }
            let keep = match self.held.find(CALL_BEGIN) {
                Some(begin) => begin,
                None => self.held.len() - begun(&self.held),
            };
            if keep > 0 {
                let rest = self.held.split_off(keep);
                said.push(Said::Text(std::mem::replace(&mut self.held, rest)));
            }
            if !self.held.starts_with(CALL_BEGIN) {
                return said;
            }
        }
    }

    /// What is left at the end of the answer. A call that was cut off is no call.
    pub fn finish(&mut self) -> Option<Said> {
        let rest = std::mem::take(&mut self.held);
        self.searched = 0;
        (!rest.is_empty()).then(|| parse(&rest).map_or(Said::Text(rest), Said::Call))
    }

    /// Where the call that begins here ends. The mark of an end may stand inside one of its strings, too.
    fn call_end(&mut self) -> Option<usize> {
        let from = self.searched.max(CALL_BEGIN.len());
        let mut place = from;
        while let Some(found) = self.held[place..].find(CALL_END) {
            let inner = &self.held[CALL_BEGIN.len()..place + found];
            let end = place + found + CALL_END.len();
            let unfinished = serde_json::from_str::<Value>(inner.trim()).is_err_and(|error| error.is_eof());
            if !unfinished {
                self.searched = 0;
                return Some(end);
            }
            place = end;
        }
        // The mark may be there in part already.
        let mut searched = self.held.len().saturating_sub(CALL_END.len()).max(place);
        while !self.held.is_char_boundary(searched) {
            searched -= 1;
        }
        self.searched = searched;
        None
    }
}

/// A call from its begin to its end, or, where the answer ends with it, to the end of its JSON.
fn parse(text: &str) -> Option<CallMade> {
    let inner = text.strip_prefix(CALL_BEGIN)?;
    let inner = inner.strip_suffix(CALL_END).unwrap_or(inner);
    serde_json::from_str(inner.trim()).ok()
}

/// How many bytes at the end of a text may be the beginning of a call.
fn begun(text: &str) -> usize {
    (1..CALL_BEGIN.len()).rev().find(|length| text.ends_with(&CALL_BEGIN[..*length])).unwrap_or(0)
}

/// Whether tools, choice and format are such as can be asked for.
///
/// # Errors
/// A sentence that begins with the name of the field that is wrong.
pub(crate) fn check(
    tools: &[CallableTool],
    choice: &ToolChoice,
    format: Option<&AnswerFormat>,
) -> Result<(), String> {
    if tools.len() > limits::CALLABLE_TOOLS_MAX {
        return Err(format!("tools: at most {}, not {}", limits::CALLABLE_TOOLS_MAX, tools.len()));
    }
    for tool in tools {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
        let named = (1..=limits::CALLABLE_NAME_BYTES_MAX).contains(&tool.name.len());
        if !named || !tool.name.bytes().all(fits) {
            let most = limits::CALLABLE_NAME_BYTES_MAX;
            return Err(format!("tools: a name has 1 to {most} letters, digits, '_', '-' and '.'"));
        }
        if tool.parameters.get("type").is_some_and(|kind| kind != "object") {
            return Err(format!("tools: the parameters of {} must be the schema of an object", tool.name));
        }
        check_schema("tools", &tool.parameters)?;
    }
    let twice = |(at, tool): (usize, &CallableTool)| tools[..at].iter().any(|other| other.name == tool.name);
    if tools.iter().enumerate().any(twice) {
        return Err("tools: each has a name of its own".to_owned());
    }
    match choice {
        ToolChoice::Required if tools.is_empty() => {
            return Err("tool_choice: a call is required, and there are no tools".to_owned());
        }
        ToolChoice::Named(name) if !tools.iter().any(|tool| tool.name == *name) => {
            return Err(format!("tool_choice: {name:?} is none of the tools"));
        }
        _ => {}
    }
    match format {
        Some(_) if !tools.is_empty() && *choice != ToolChoice::None => {
            Err("format: an answer of a given shape makes no calls; leave tools out, or ask in two steps"
                .to_owned())
        }
        Some(AnswerFormat::JsonSchema(schema)) => check_schema("format", schema),
        _ => Ok(()),
    }
}

fn check_schema(field: &str, schema: &Map<String, Value>) -> Result<(), String> {
    let bytes = serde_json::to_vec(schema).map_or(usize::MAX, |json| json.len());
    match bytes > limits::TOOL_SCHEMA_BYTES_MAX {
        true => Err(format!("{field}: a schema has at most {} bytes", limits::TOOL_SCHEMA_BYTES_MAX)),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(name: &str, arguments: Value) -> Said {
        let Value::Object(arguments) = arguments else { panic!() };
        Said::Call(CallMade { name: name.into(), arguments })
    }

    fn text(text: &str) -> Said {
        Said::Text(text.into())
    }

    /// The parts with neighbouring texts joined.
    fn joined(said: Vec<Said>) -> Vec<Said> {
        let mut parts: Vec<Said> = Vec::new();
        for part in said {
            match (parts.last_mut(), part) {
                (Some(Said::Text(before)), Said::Text(more)) => before.push_str(&more),
                (_, part) => parts.push(part),
            }
        }
        parts
    }

    #[test]
    fn calls_are_found_wherever_the_pieces_are_cut() {
        let made = CallMade { name: "wéather".into(), arguments: Map::new() };
        let tricky = r#"{"name":"say","arguments":{"text":"a </tool_call> b"}}"#;
        let answer = format!("I look <b>.\n{}{CALL_BEGIN}{tricky}{CALL_END} done <tool", made.to_text());
        let wanted = vec![
            text("I look <b>.\n"),
            Said::Call(made),
            call("say", serde_json::json!({"text": "a </tool_call> b"})),
            text(" done <tool"),
        ];
        assert_eq!(joined(CallReader::read(&answer)), wanted);
        for size in 1..answer.len() {
            let mut reader = CallReader::default();
            let mut said = Vec::new();
            let mut rest = answer.as_str();
            while !rest.is_empty() {
                let mut end = size.min(rest.len());
                while !rest.is_char_boundary(end) {
                    end += 1;
                }
                said.extend(reader.push(&rest[..end]));
                rest = &rest[end..];
            }
            said.extend(reader.finish());
            assert_eq!(joined(said), wanted, "in pieces of {size}");
        }
    }

    #[test]
    fn words_are_not_held_back_longer_than_they_may_be_a_call() {
        let mut reader = CallReader::default();
        assert_eq!(reader.push("Hello <"), [text("Hello ")]);
        assert_eq!(reader.push("b>"), [text("<b>")]);
    }

    #[test]
    fn what_is_no_call_stays_text() {
        for answer in
            ["<tool_call>not json</tool_call>", "<tool_call>{\"name\":\"x\"", "<tool_call>{}</tool_call>"]
        {
            assert_eq!(joined(CallReader::read(answer)), [text(answer)], "{answer}");
        }
        let unclosed = format!("{CALL_BEGIN}{{\"name\":\"x\",\"arguments\":{{}}}}");
        assert_eq!(CallReader::read(&unclosed), [call("x", serde_json::json!({}))], "its JSON is whole");
    }

    #[test]
    fn what_cannot_be_honoured_is_named() {
        let tool = |name: &str| CallableTool {
            name: name.into(),
            description: String::new(),
            parameters: Map::new(),
        };
        let fault = |tools: &[CallableTool], choice, format: Option<AnswerFormat>| {
            check(tools, &choice, format.as_ref()).unwrap_err()
        };
        assert!(fault(&[tool("a b")], ToolChoice::Auto, None).starts_with("tools"));
        assert!(fault(&[tool("a"), tool("a")], ToolChoice::Auto, None).contains("a name of its own"));
        assert!(fault(&[], ToolChoice::Required, None).starts_with("tool_choice"));
        assert!(fault(&[tool("a")], ToolChoice::Named("b".into()), None).starts_with("tool_choice"));
        let both = fault(&[tool("a")], ToolChoice::Auto, Some(AnswerFormat::JsonObject));
        assert!(both.starts_with("format"), "{both}");
    }
}
