//! The shapes of `/v1/chat/completions`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{OneOrMany, TokenUsage};
use crate::calls::{AnswerFormat, CallableTool, ToolCall, ToolChoice};
use crate::intent::{ChatMessage, ChatTask, Role, Task};
use crate::picture::Picture;
use crate::problem::{Problem, ProblemKind};
use crate::usage::FinishReason;

/// The body of `POST /v1/chat/completions`.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
pub struct ChatCompletionRequest {
    /// A model's name, or `default`.
    pub model: String,
    /// The conversation.
    pub messages: Vec<RequestMessage>,
    /// Whether to stream server-sent events.
    #[serde(default)]
    pub stream: bool,
    /// What else to stream.
    #[serde(default)]
    pub stream_options: Option<StreamOptions>,
    /// Most tokens to write.
    #[serde(default)]
    pub max_tokens: Option<u32>,
    /// The newer name of `max_tokens`.
    #[serde(default)]
    pub max_completion_tokens: Option<u32>,
    /// See [`ChatTask`].
    #[serde(default)]
    pub temperature: Option<f32>,
    /// See [`ChatTask`].
    #[serde(default)]
    pub top_p: Option<f32>,
    /// See [`ChatTask`].
    #[serde(default)]
    pub seed: Option<i64>,
    /// See [`ChatTask`].
    #[serde(default)]
    pub frequency_penalty: Option<f32>,
    /// See [`ChatTask`].
    #[serde(default)]
    pub presence_penalty: Option<f32>,
    /// One stop string, or several.
    #[serde(default)]
    pub stop: Option<OneOrMany>,
    /// Only 1 is possible here.
    #[serde(default)]
    pub n: Option<u32>,
    /// Functions that the model may call.
    #[serde(default)]
    pub tools: Option<Vec<FunctionTool>>,
    /// `auto`, `none`, `required`, or the function to call.
    #[serde(default)]
    pub tool_choice: Option<FunctionChoice>,
    /// The shape of the answer: `text`, `json_object` or `json_schema`.
    #[serde(default)]
    pub response_format: Option<ResponseFormat>,
    /// Workers don't tell how likely their words were, so this must be false.
    #[serde(default)]
    pub logprobs: Option<bool>,
    /// The same.
    #[serde(default)]
    pub top_logprobs: Option<u32>,
}

/// What else to stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct StreamOptions {
    /// A last event with the usage.
    pub include_usage: bool,
}

/// A message as OpenAI's clients send it.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
pub struct RequestMessage {
    /// Who said it.
    pub role: Role,
    /// Text, or parts; null where an assistant only made calls.
    #[serde(default)]
    pub content: Option<MessageContent>,
    /// The calls that an assistant made.
    #[serde(default)]
    pub tool_calls: Option<Vec<FunctionCall>>,
    /// The call that a tool's message is the result of.
    #[serde(default)]
    pub tool_call_id: Option<String>,
}

/// Text, or parts.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum MessageContent {
    /// Text.
    Text(String),
    /// Parts.
    Parts(Vec<ContentPart>),
}

/// A part of a message.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
pub struct ContentPart {
    /// `text` or `image_url`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The text.
    #[serde(default)]
    pub text: Option<String>,
    /// The picture.
    #[serde(default)]
    pub image_url: Option<ImageUrl>,
}

/// A picture in a message.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
pub struct ImageUrl {
    /// `data:image/...;base64,...`: the picture itself. Addresses elsewhere are not fetched.
    pub url: String,
}

/// A function that the model may call.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
pub struct FunctionTool {
    /// `function`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The function.
    #[serde(default)]
    pub function: Option<FunctionDefinition>,
}

/// What a function is.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
pub struct FunctionDefinition {
    /// Its name.
    pub name: String,
    /// What it is good for.
    #[serde(default)]
    pub description: Option<String>,
    /// The JSON schema of its arguments.
    #[serde(default)]
    pub parameters: Option<Map<String, Value>>,
}

/// Whether, and which, function is called.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum FunctionChoice {
    /// `auto`, `none` or `required`.
    Word(String),
    /// This one.
    Function {
        /// Its name.
        function: FunctionName,
    },
}

/// The name of a function.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
pub struct FunctionName {
    /// The name.
    pub name: String,
}

/// The shape of the answer.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
pub struct ResponseFormat {
    /// `text`, `json_object` or `json_schema`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The schema, for `json_schema`.
    #[serde(default)]
    pub json_schema: Option<NamedSchema>,
}

/// A schema with its name.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
pub struct NamedSchema {
    /// The schema.
    #[serde(default)]
    pub schema: Option<Map<String, Value>>,
}

/// A call of a function, as it stands in messages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FunctionCall {
    /// Which of several, in the pieces of a stream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index: Option<u32>,
    /// What its result refers to.
    pub id: String,
    /// `function`.
    #[serde(rename = "type", default = "function")]
    pub kind: String,
    /// What is called.
    pub function: CalledFunction,
}

/// What is called, with what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CalledFunction {
    /// The function.
    pub name: String,
    /// Its arguments: an object, as a text of JSON.
    pub arguments: String,
}

fn function() -> String {
    "function".to_owned()
}

fn invalid(param: &str, detail: impl Into<String>) -> Problem {
    Problem::new(ProblemKind::InvalidRequest, detail).param(param)
}

impl ChatCompletionRequest {
    /// The task that is asked for: about pictures, when some are shown. `picture` is given each picture's address, in
    /// their order, and takes it in.
    ///
    /// # Errors
    /// A [`Problem`] that names the field which can't be honoured.
    pub fn into_task(
        self,
        mut picture: impl FnMut(&str) -> Result<Picture, String>,
    ) -> Result<Task, Problem> {
        if self.n.is_some_and(|n| n != 1) {
            return Err(invalid("n", "only one choice can be asked for; leave n out or send 1"));
        }
        if self.logprobs == Some(true) || self.top_logprobs.is_some_and(|top| top > 0) {
            return Err(invalid(
                "logprobs",
                "workers don't tell how likely their words were; leave logprobs out",
            ));
        }
        let seed = match self.seed {
            Some(seed) => {
                Some(u64::try_from(seed).map_err(|_| invalid("seed", "seed must not be negative"))?)
            }
            None => None,
        };
        let messages = self.messages.into_iter().enumerate();
        let messages = messages.map(|(index, message)| message.into_message(index, &mut picture));
        let messages = messages.collect::<Result<Vec<ChatMessage>, _>>()?;
        let tools = self.tools.unwrap_or_default().into_iter().map(FunctionTool::into_tool);
        let task = ChatTask {
            messages,
            max_tokens: self.max_completion_tokens.or(self.max_tokens),
            temperature: self.temperature,
            top_p: self.top_p,
            seed,
            frequency_penalty: self.frequency_penalty,
            presence_penalty: self.presence_penalty,
            stop: self.stop.map(OneOrMany::into_vec).unwrap_or_default(),
            tools: tools.collect::<Result<_, _>>()?,
            tool_choice: self.tool_choice.map(FunctionChoice::into_choice).transpose()?.unwrap_or_default(),
            format: self.response_format.map(ResponseFormat::into_format).transpose()?.flatten(),
        };
        let task = task.checked().map_err(|fault| {
            let field = match fault.split([' ', ':']).next().unwrap_or_default() {
                "format" => "response_format".to_owned(),
                field => field.to_owned(),
            };
            invalid(&field, fault)
        })?;
        let shows = task.messages.iter().any(|message| !message.pictures.is_empty());
        Ok(if shows { Task::Vision(task) } else { Task::Chat(task) })
    }
}

impl RequestMessage {
    fn into_message(
        self,
        index: usize,
        picture: &mut impl FnMut(&str) -> Result<Picture, String>,
    ) -> Result<ChatMessage, Problem> {
        let here = |field: &str, detail: String| invalid(&format!("messages[{index}].{field}"), detail);
        let calls = self.tool_calls.unwrap_or_default().into_iter().map(FunctionCall::into_call);
        let calls = calls.collect::<Result<Vec<_>, _>>().map_err(|detail| here("tool_calls", detail))?;
        let mut message =
            ChatMessage { calls, call_id: self.tool_call_id, ..ChatMessage::new(self.role, "") };
        match self.content {
            None if message.calls.is_empty() => return Err(here("content", "content is missing".to_owned())),
            None => {}
            Some(MessageContent::Text(text)) => message.content = text,
            Some(MessageContent::Parts(parts)) => {
                for part in parts {
                    match (part.kind.as_str(), part.text, part.image_url) {
                        ("text", Some(text), _) => message.content.push_str(&text),
                        ("image_url", _, Some(image)) => {
                            let taken = picture(&image.url).map_err(|detail| here("content", detail))?;
                            message.pictures.push(taken);
                        }
                        (kind, ..) => {
                            let detail =
                                format!("a part of type {kind:?} can't be read here; send text or image_url");
                            return Err(here("content", detail));
                        }
                    }
                }
            }
        }
        Ok(message)
    }
}

impl FunctionTool {
    fn into_tool(self) -> Result<CallableTool, Problem> {
        let Some(function) = self.function.filter(|_| self.kind == "function") else {
            let detail = format!("a tool of type {:?} is not known here; send functions", self.kind);
            return Err(invalid("tools", detail));
        };
        let FunctionDefinition { name, description, parameters } = function;
        let (description, parameters) = (description.unwrap_or_default(), parameters.unwrap_or_default());
        Ok(CallableTool { name, description, parameters })
    }
}

impl FunctionChoice {
    fn into_choice(self) -> Result<ToolChoice, Problem> {
        match self {
            Self::Function { function } => Ok(ToolChoice::Named(function.name)),
            Self::Word(word) => match word.as_str() {
                "auto" => Ok(ToolChoice::Auto),
                "none" => Ok(ToolChoice::None),
                "required" => Ok(ToolChoice::Required),
                _ => Err(invalid("tool_choice", "tool_choice is auto, none, required or a function")),
            },
        }
    }
}

impl ResponseFormat {
    fn into_format(self) -> Result<Option<AnswerFormat>, Problem> {
        match (self.kind.as_str(), self.json_schema.and_then(|named| named.schema)) {
            ("text", _) => Ok(None),
            ("json_object", _) => Ok(Some(AnswerFormat::JsonObject)),
            ("json_schema", Some(schema)) => Ok(Some(AnswerFormat::JsonSchema(schema))),
            ("json_schema", None) => Err(invalid("response_format", "json_schema.schema is missing")),
            (kind, _) => {
                let detail =
                    format!("{kind:?} is not known here; there are text, json_object and json_schema");
                Err(invalid("response_format", detail))
            }
        }
    }
}

impl FunctionCall {
    /// A call as it stands in an answer, the `index`th of it.
    pub fn made(index: u32, id: String, name: String, arguments: &Map<String, Value>) -> Self {
        // A map of JSON can always be written.
        let arguments = serde_json::to_string(arguments).unwrap_or_default();
        Self { index: Some(index), id, kind: function(), function: CalledFunction { name, arguments } }
    }

    fn into_call(self) -> Result<ToolCall, String> {
        let CalledFunction { name, arguments } = self.function;
        let text = if arguments.trim().is_empty() { "{}" } else { &arguments };
        let arguments = serde_json::from_str(text)
            .map_err(|error| format!("the arguments of {name} are no JSON object: {error}"))?;
        Ok(ToolCall { id: self.id, name, arguments })
    }
}

/// Why an answer ends, in this interface's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChatFinish {
    /// It came to its own end, or to a stop string.
    Stop,
    /// The token limit or the model's window was reached.
    Length,
    /// It calls tools, and waits for what they give.
    ToolCalls,
}

impl From<FinishReason> for ChatFinish {
    fn from(finish: FinishReason) -> Self {
        match finish {
            FinishReason::Stop => Self::Stop,
            FinishReason::Length => Self::Length,
        }
    }
}

/// The answer of `POST /v1/chat/completions`, and each event of its stream.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ChatCompletion<'a> {
    /// `chatcmpl-` and the job's id.
    pub id: &'a str,
    /// `chat.completion`, or `chat.completion.chunk`.
    pub object: &'static str,
    /// Seconds since the Unix epoch.
    pub created: u64,
    /// The model.
    pub model: &'a str,
    /// One choice; none in the event that carries the usage.
    pub choices: &'a [ChatChoice<'a>],
    /// What was used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<TokenUsage>,
}

/// The one choice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ChatChoice<'a> {
    /// Always 0.
    pub index: u32,
    /// The whole message, unless streamed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<ResponseMessage<'a>>,
    /// A piece of it, when streamed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delta: Option<ResponseMessage<'a>>,
    /// Null until the end, then `stop`, `length` or `tool_calls`.
    pub finish_reason: Option<ChatFinish>,
}

/// A message, or a piece of one.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, JsonSchema)]
pub struct ResponseMessage<'a> {
    /// Who says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// What.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<&'a str>,
    /// What it calls.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tool_calls: Vec<FunctionCall>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::Digest;

    fn read(json: &str) -> Result<Task, Problem> {
        let picture = |url: &str| match url.strip_prefix("data:") {
            Some(data) => Ok(Picture { bytes: data.len() as u32, sha256: Digest([0; 32]) }),
            None => Err("not fetched".to_owned()),
        };
        serde_json::from_str::<ChatCompletionRequest>(json).unwrap().into_task(picture)
    }

    fn task(json: &str) -> ChatTask {
        match read(json).unwrap() {
            Task::Chat(task) => task,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_the_official_clients_send_becomes_a_task() {
        let task = task(
            r#"{"model":"default","messages":[{"role":"developer","content":"Be brief"},
                {"role":"user","content":[{"type":"text","text":"Hello "},{"type":"text","text":"there"}]}],
                "max_completion_tokens":5,"stop":"\n","seed":7,"user":"x","logprobs":false}"#,
        );
        assert_eq!(task.messages[0], ChatMessage::new(Role::System, "Be brief"));
        assert_eq!(task.messages[1].content, "Hello there");
        assert_eq!((task.max_tokens, task.seed, task.stop), (Some(5), Some(7), vec!["\n".to_owned()]));
    }

    #[test]
    fn tools_and_what_they_gave_become_a_task() {
        let task = task(
            r#"{"model":"default","tools":[{"type":"function","function":{"name":"weather","parameters":{"type":"object"}}}],
                "tool_choice":{"type":"function","function":{"name":"weather"}},
                "messages":[{"role":"user","content":"Rain?"},
                {"role":"assistant","content":null,"tool_calls":[{"id":"c1","type":"function","function":{"name":"weather","arguments":"{\"in\":\"Bonn\"}"}}]},
                {"role":"tool","tool_call_id":"c1","content":"yes"}]}"#,
        );
        assert_eq!(task.tool_choice, ToolChoice::Named("weather".to_owned()));
        assert_eq!(
            (task.messages[1].calls[0].arguments["in"].as_str(), task.messages[1].content.as_str()),
            (Some("Bonn"), "")
        );
        assert_eq!((task.messages[2].role, task.messages[2].call_id.as_deref()), (Role::Tool, Some("c1")));
        assert!(Task::Chat(task).needs().tools);
    }

    #[test]
    fn pictures_make_it_a_question_about_them() {
        let json = r#"{"model":"m","response_format":{"type":"json_object"},"messages":[{"role":"user","content":[{"type":"text","text":"What?"},
            {"type":"image_url","image_url":{"url":"data:abc"}}]}]}"#;
        let task = read(json).unwrap();
        assert_eq!(task.pictures().map(|picture| picture.bytes).collect::<Vec<_>>(), [3]);
        assert!(matches!(task, Task::Vision(_)) && task.needs().json);
    }

    #[test]
    fn what_cannot_be_honoured_is_refused_by_name() {
        let asked =
            |rest: &str| format!(r#"{{"model":"m","messages":[{{"role":"user","content":"x"}}],{rest}}}"#);
        let param = |json: &str| read(json).unwrap_err().param.unwrap();
        assert_eq!(param(&asked(r#""n":2"#)), "n");
        assert_eq!(param(&asked(r#""logprobs":true"#)), "logprobs");
        assert_eq!(param(&asked(r#""temperature":3"#)), "temperature");
        assert_eq!(param(&asked(r#""tool_choice":"required""#)), "tool_choice");
        assert_eq!(param(&asked(r#""tools":[{"type":"web_search"}]"#)), "tools");
        assert_eq!(param(&asked(r#""response_format":{"type":"xml"}"#)), "response_format");
        assert_eq!(param(r#"{"model":"m","messages":[]}"#), "messages");
        assert_eq!(param(r#"{"model":"m","messages":[{"role":"user"}]}"#), "messages[0].content");
        assert_eq!(param(r#"{"model":"m","messages":[{"role":"tool","content":"x"}]}"#), "messages");
        let image = r#"{"model":"m","messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"http://a.example/b.png"}}]}]}"#;
        assert_eq!(param(image), "messages[0].content");
    }
}
