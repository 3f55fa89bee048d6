//! What an answer may look like: anything, JSON of a schema, or calls of tools. llama.cpp holds the model to it with a
//! grammar, so that the smallest model can't break it; only running out of tokens can.

use llama_cpp_2::model::LlamaModel;
use llama_cpp_2::sampling::LlamaSampler;
use llama_cpp_2::token::LlamaToken;
use serde_json::{Map, Value, json};

use crate::error::Failure;

/// What stands before a call in an answer.
pub const CALL_BEGIN: &str = "<tool_call>";
/// What stands after it.
pub const CALL_END: &str = "</tool_call>";

/// A tool that the model may call.
#[derive(Debug, Clone, PartialEq)]
pub struct Tool {
    /// Its name.
    pub name: String,
    /// What it is good for.
    pub description: String,
    /// The JSON schema of its arguments.
    pub parameters: Map<String, Value>,
}

/// A call of a tool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Of which.
    pub name: String,
    /// With what.
    pub arguments: Map<String, Value>,
}

/// What an answer may look like.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Shape {
    /// Words; and well-formed calls, if there are tools.
    #[default]
    Free,
    /// Nothing but a call: of this tool, or of any.
    Call(Option<String>),
    /// Nothing but JSON that this schema describes.
    Json(Value),
}

impl Shape {
    /// What holds the model to it from here on, after `written` of the answer; `None` where anything goes.
    ///
    /// # Errors
    /// [`Failure::BadRequest`] when llama.cpp makes no grammar of a schema. [`Failure::Engine`] when what is written
    /// already has another shape.
    pub(crate) fn sampler(
        &self,
        model: &LlamaModel,
        tools: &[Tool],
        written: &[LlamaToken],
    ) -> Result<Option<LlamaSampler>, Failure> {
        let refused = |error: llama_cpp_2::GrammarError| {
            Failure::BadRequest(format!("llama.cpp can't hold an answer to this schema: {error}"))
        };
        let sampler = match self {
            Self::Free if tools.is_empty() => return Ok(None),
            Self::Free => {
                let grammar = calls_grammar(tools.iter(), "call (\"\\n\" call)*")?;
                let none: [LlamaToken; 0] = [];
                LlamaSampler::grammar_lazy(model, &grammar, "root", [CALL_BEGIN], &none)
            }
            Self::Call(only) => {
                let called = tools.iter().filter(|tool| only.as_ref().is_none_or(|only| *only == tool.name));
                LlamaSampler::grammar(model, &calls_grammar(called, "call")?, "root")
            }
            Self::Json(schema) => LlamaSampler::grammar(model, &grammar(&schema.to_string())?, "root"),
        };
        let mut sampler = sampler.map_err(refused)?;
        for token in written {
            sampler.try_accept(*token).map_err(|_| {
                Failure::Engine(
                    "what another worker wrote of this answer has not the shape that is asked for".into(),
                )
            })?;
        }
        Ok(Some(sampler))
    }
}

fn grammar(schema: &str) -> Result<String, Failure> {
    llama_cpp_2::json_schema_to_grammar(schema)
        .map_err(|error| Failure::BadRequest(format!("no grammar can be made of this schema: {error}")))
}

/// The grammar of calls: `root` is written with the rule `call`.
fn calls_grammar<'a>(tools: impl Iterator<Item = &'a Tool>, root: &str) -> Result<String, Failure> {
    let calls: Vec<String> = tools.map(call_schema).collect();
    let json = grammar(&format!("{{\"anyOf\":[{}]}}", calls.join(",")))?;
    // The grammar's own root becomes a rule like any other.
    let rules: Vec<String> = json
        .lines()
        .map(|rule| match rule.strip_prefix("root ::=") {
            Some(json) => format!("json ::={json}"),
            None => rule.to_owned(),
        })
        .collect();
    let call = format!("call ::= \"{CALL_BEGIN}\\n\" json \"\\n{CALL_END}\"");
    Ok(format!("root ::= {root}\n{call}\n{}\n", rules.join("\n")))
}

/// The schema of a call, as text: models write the name first, and a grammar keeps to the order in which it is told.
fn call_schema(tool: &Tool) -> String {
    let mut arguments = tool.parameters.clone();
    arguments.entry("type").or_insert_with(|| "object".into());
    format!(
        "{{\"type\":\"object\",\"properties\":{{\"name\":{},\"arguments\":{}}},\"required\":[\"name\",\"arguments\"],\"additionalProperties\":false}}",
        json!({ "const": tool.name }),
        Value::Object(arguments),
    )
}

impl Call {
    /// How it stands in an answer, for models whose templates know no calls.
    pub(crate) fn to_text(&self) -> String {
        let json = json!({ "name": self.name, "arguments": self.arguments });
        format!("{CALL_BEGIN}\n{json}\n{CALL_END}")
    }
}

/// What a model is told that was taught no tools: how to call one, and which there are.
pub(crate) fn instructions(tools: &[Value]) -> String {
    let list: Vec<String> = tools.iter().map(Value::to_string).collect();
    format!(
        "You can use tools. To use one, answer with nothing but a call of this form, and its result will be brought to you:\n\
         {CALL_BEGIN}\n{{\"name\": \"the tool\", \"arguments\": {{}}}}\n{CALL_END}\n\
         These are the tools, each with the JSON schema of its arguments:\n{}",
        list.join("\n")
    )
}

/// A tool as chat templates know it.
pub(crate) fn as_function(tool: &Tool) -> Value {
    json!({ "type": "function", "function": { "name": tool.name, "description": tool.description, "parameters": tool.parameters } })
}
