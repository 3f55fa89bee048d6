//! What a person wants: an [`Intent`] is a [`Task`] (a capability with its parameters) for a model, and a [`Submit`]
//! asks the realm to do it, under conditions.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::ser::SerializeStruct;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use crate::calls::{self, AnswerFormat, CallableTool, ToolCall, ToolChoice};
use crate::id::{JobId, Timestamp};
use crate::limits;
use crate::money::Micro;
use crate::picture::{ImagineTask, LookTask, Picture};
use crate::sound::{HEARD_RATE, SAMPLE_BYTES, SpeakTask, TranscribeTask, WakeTask};
use crate::tool::{ToolName, ToolTask};
use crate::worker::{CapabilityKind, Needs};

/// The model name that stands for the realm's first choice of a capability.
pub const DEFAULT_MODEL: &str = "default";

/// A capability with parameters, for a model.
///
/// ```
/// use mtor_protocol::Intent;
/// let intent: Intent = serde_json::from_str(r#"{"capability":"chat","params":{"prompt":"Hello"}}"#)?;
/// assert_eq!((intent.task.kind().as_str(), intent.model.as_str()), ("chat", "default"));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Intent {
    /// The model wanted; `default` leaves the choice to the realm.
    pub model: String,
    /// What to do.
    #[serde(flatten)]
    pub task: Task,
}

impl Intent {
    /// This task for whatever model the realm thinks best.
    pub fn any_model(task: Task) -> Self {
        Self { model: DEFAULT_MODEL.to_owned(), task }
    }
}

/// What a worker can be asked to do, with what it needs to know. One variant per capability.
#[derive(Debug, Clone, PartialEq)]
pub enum Task {
    /// Write the next message of a conversation.
    Chat(ChatTask),
    /// Turn texts into vectors.
    Embed(EmbedTask),
    /// Write down what is said.
    Transcribe(TranscribeTask),
    /// Speak a text.
    Speak(SpeakTask),
    /// Wait for a wake word.
    Wake(WakeTask),
    /// Talk about pictures: a conversation in which some were shown.
    Vision(ChatTask),
    /// Say what kind of picture one is.
    Classify(LookTask),
    /// Read what stands in a picture.
    Ocr(LookTask),
    /// Draw pictures.
    Imagine(ImagineTask),
    /// Use a tool.
    Tool(ToolTask),
}

impl Task {
    /// The capability that this task asks for.
    pub fn kind(&self) -> CapabilityKind {
        match self {
            Self::Chat(_) => CapabilityKind::CHAT,
            Self::Embed(_) => CapabilityKind::EMBED,
            Self::Transcribe(_) => CapabilityKind::TRANSCRIBE,
            Self::Speak(_) => CapabilityKind::SPEAK,
            Self::Wake(_) => CapabilityKind::WAKE,
            Self::Vision(_) => CapabilityKind::VISION,
            Self::Classify(_) => CapabilityKind::CLASSIFY,
            Self::Ocr(_) => CapabilityKind::OCR,
            Self::Imagine(_) => CapabilityKind::IMAGINE,
            Self::Tool(task) => task.tool.kind().clone(),
        }
    }

    /// Whether binary input frames belong to it.
    pub fn takes_input(&self) -> bool {
        match self {
            Self::Chat(_) | Self::Embed(_) | Self::Imagine(_) | Self::Tool(_) => false,
            Self::Transcribe(_) | Self::Wake(_) | Self::Vision(_) | Self::Classify(_) | Self::Ocr(_) => true,
            Self::Speak(speak) => speak.more,
        }
    }

    /// The most bytes that may go in as binary frames.
    pub fn input_frames_max(&self) -> usize {
        match self {
            Self::Chat(_) | Self::Embed(_) | Self::Imagine(_) | Self::Tool(_) => 0,
            Self::Vision(_) | Self::Classify(_) | Self::Ocr(_) => self.picture_bytes(),
            Self::Transcribe(_) => limits::INPUT_BYTES_MAX,
            Self::Speak(speak) if speak.more => limits::SPEAK_BYTES_MAX.saturating_sub(speak.text.len()),
            Self::Speak(_) => 0,
            // A little sound more than is listened to: it comes in pieces.
            Self::Wake(wake) => {
                (wake.audio_ms_bound() as usize / 1_000 + 2) * (HEARD_RATE * SAMPLE_BYTES) as usize
            }
        }
    }

    /// The most audio that can be heard or spoken for it, in milliseconds.
    pub fn audio_ms_bound(&self) -> u32 {
        match self {
            Self::Chat(_) | Self::Embed(_) | Self::Vision(_) => 0,
            Self::Classify(_) | Self::Ocr(_) | Self::Imagine(_) | Self::Tool(_) => 0,
            Self::Transcribe(transcribe) => transcribe.audio_ms_bound(),
            Self::Speak(speak) => speak.audio_ms_bound(),
            Self::Wake(wake) => wake.audio_ms_bound(),
        }
    }

    /// The pictures that go in, in the order in which their bytes come.
    pub fn pictures(&self) -> impl Iterator<Item = &Picture> {
        let (chat, look) = match self {
            Self::Vision(chat) => (Some(chat), None),
            Self::Classify(look) | Self::Ocr(look) => (None, Some(look)),
            _ => (None, None),
        };
        let shown = chat.into_iter().flat_map(|chat| &chat.messages).flat_map(|message| &message.pictures);
        shown.chain(look.map(|look| &look.picture))
    }

    fn picture_bytes(&self) -> usize {
        self.pictures().map(|picture| picture.bytes as usize).sum()
    }

    /// The most pictures that can be seen or drawn for it.
    pub fn images_bound(&self) -> u32 {
        match self {
            Self::Imagine(imagine) => imagine.count,
            _ => u32::try_from(self.pictures().count()).unwrap_or(u32::MAX),
        }
    }

    /// What a worker must be able to do for it beside the capability itself.
    pub fn needs(&self) -> Needs {
        match self {
            Self::Chat(chat) | Self::Vision(chat) => {
                Needs { tools: !chat.callable().is_empty(), json: chat.format.is_some() }
            }
            _ => Needs::default(),
        }
    }

    /// The text that goes in, in bytes: what size limits and price bounds are computed from.
    pub fn input_bytes(&self) -> usize {
        match self {
            Self::Chat(chat) | Self::Vision(chat) => {
                let said: usize = chat.messages.iter().map(|message| message.content.len()).sum();
                said + chat.calls_bytes()
            }
            Self::Embed(embed) => embed.input.iter().map(String::len).sum(),
            Self::Transcribe(transcribe) => transcribe.hint.as_ref().map_or(0, String::len),
            Self::Speak(speak) => speak.text.len(),
            Self::Wake(_) | Self::Classify(_) | Self::Ocr(_) => 0,
            Self::Imagine(imagine) => {
                imagine.prompt.len() + imagine.negative_prompt.as_ref().map_or(0, String::len)
            }
            Self::Tool(tool) => serde_json::to_vec(&tool.arguments).map_or(0, |json| json.len()),
        }
    }

    /// The first words of it for a list of jobs: at most `chars` characters of the last thing that was said.
    pub fn preview(&self, chars: usize) -> String {
        let text = match self {
            Self::Chat(chat) | Self::Vision(chat) => {
                chat.messages.last().map(|message| message.content.as_str())
            }
            Self::Embed(embed) => embed.input.first().map(String::as_str),
            Self::Transcribe(_) | Self::Wake(_) | Self::Classify(_) | Self::Ocr(_) => None,
            Self::Imagine(imagine) => Some(imagine.prompt.as_str()),
            Self::Tool(tool) => return tool.preview().chars().take(chars).collect(),
            Self::Speak(speak) => Some(speak.text.as_str()),
        };
        text.unwrap_or_default().chars().take(chars).collect()
    }
}

// By hand rather than derived, since the capability of a tool is its name.
impl Serialize for Task {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut task = serializer.serialize_struct("Task", 2)?;
        task.serialize_field("capability", &self.kind())?;
        match self {
            Self::Chat(params) | Self::Vision(params) => task.serialize_field("params", params)?,
            Self::Embed(params) => task.serialize_field("params", params)?,
            Self::Transcribe(params) => task.serialize_field("params", params)?,
            Self::Speak(params) => task.serialize_field("params", params)?,
            Self::Wake(params) => task.serialize_field("params", params)?,
            Self::Classify(params) | Self::Ocr(params) => task.serialize_field("params", params)?,
            Self::Imagine(params) => task.serialize_field("params", params)?,
            Self::Tool(tool) => task.serialize_field("params", &tool.arguments)?,
        }
        task.end()
    }
}

impl JsonSchema for Task {
    fn schema_name() -> Cow<'static, str> {
        "Task".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let variant = |capability: Schema, params: Schema| {
            json_schema!({
                "type": "object",
                "required": ["capability", "params"],
                "properties": { "capability": capability, "params": params }
            })
        };
        let named = |kind: CapabilityKind| json_schema!({ "type": "string", "const": kind.as_str() });
        let variants = [
            variant(named(CapabilityKind::CHAT), generator.subschema_for::<ChatTask>()),
            variant(named(CapabilityKind::EMBED), generator.subschema_for::<EmbedTask>()),
            variant(named(CapabilityKind::TRANSCRIBE), generator.subschema_for::<TranscribeTask>()),
            variant(named(CapabilityKind::SPEAK), generator.subschema_for::<SpeakTask>()),
            variant(named(CapabilityKind::WAKE), generator.subschema_for::<WakeTask>()),
            variant(named(CapabilityKind::VISION), generator.subschema_for::<ChatTask>()),
            variant(named(CapabilityKind::CLASSIFY), generator.subschema_for::<LookTask>()),
            variant(named(CapabilityKind::OCR), generator.subschema_for::<LookTask>()),
            variant(named(CapabilityKind::IMAGINE), generator.subschema_for::<ImagineTask>()),
            variant(
                json_schema!({ "type": "string", "pattern": "^tool\\.[a-z0-9_.-]+$" }),
                json_schema!({ "type": "object", "additionalProperties": true }),
            ),
        ];
        json_schema!({
            "description": "What a worker can be asked to do, with what it needs to know.",
            "oneOf": variants
        })
    }
}

// By hand rather than derived: parameters are read as the type that the capability names, so that an error says
// which field is wrong, and a capability that is no task says which there are.
impl<'de> Deserialize<'de> for Intent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Form {
            capability: String,
            #[serde(default = "default_model")]
            model: String,
            params: Box<RawValue>,
        }
        let form = Form::deserialize(deserializer)?;
        let wrong = |error: serde_json::Error| serde::de::Error::custom(format_args!("params: {error}"));
        let task = match form.capability.as_str() {
            "chat" => Task::Chat(serde_json::from_str(form.params.get()).map_err(wrong)?),
            "embed" => Task::Embed(serde_json::from_str(form.params.get()).map_err(wrong)?),
            "transcribe" => Task::Transcribe(serde_json::from_str(form.params.get()).map_err(wrong)?),
            "speak" => Task::Speak(serde_json::from_str(form.params.get()).map_err(wrong)?),
            "wake" => Task::Wake(serde_json::from_str(form.params.get()).map_err(wrong)?),
            "vision" => Task::Vision(serde_json::from_str(form.params.get()).map_err(wrong)?),
            "classify" => Task::Classify(serde_json::from_str(form.params.get()).map_err(wrong)?),
            "ocr" => Task::Ocr(serde_json::from_str(form.params.get()).map_err(wrong)?),
            "imagine" => Task::Imagine(serde_json::from_str(form.params.get()).map_err(wrong)?),
            other => {
                let Some(tool) = ToolName::new(other) else {
                    let name: String = other.chars().take(limits::NAME_BYTES_MAX).collect();
                    return Err(serde::de::Error::custom(format_args!(
                        "capability: {name:?} is none that can be asked for; there are chat, embed, transcribe, speak, wake, vision, classify, ocr, imagine and tool.NAME"
                    )));
                };
                let arguments = serde_json::from_str(form.params.get()).map_err(wrong)?;
                Task::Tool(ToolTask { tool, arguments })
            }
        };
        let shown = task.pictures().next().is_some();
        match &task {
            Task::Chat(chat) if chat.messages.iter().any(|message| !message.pictures.is_empty()) => {
                return Err(serde::de::Error::custom("params: pictures are for vision; chat is without"));
            }
            Task::Vision(_) if !shown => {
                return Err(serde::de::Error::custom("params: vision is about pictures, and there is none"));
            }
            _ => {}
        }
        if form.model.is_empty() || form.model.len() > limits::NAME_BYTES_MAX {
            return Err(serde::de::Error::custom("model: a name of 1 to 128 bytes"));
        }
        Ok(Self { model: form.model, task })
    }
}

impl JsonSchema for Intent {
    fn schema_name() -> Cow<'static, str> {
        "Intent".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let task = generator.subschema_for::<Task>();
        json_schema!({
            "description": "A capability with parameters, for a model.",
            "allOf": [task, {
                "type": "object",
                "properties": { "model": { "type": "string", "default": DEFAULT_MODEL, "maxLength": limits::NAME_BYTES_MAX } }
            }]
        })
    }
}

fn default_model() -> String {
    DEFAULT_MODEL.to_owned()
}

/// Write the next message of a conversation. The whole conversation comes with it: the realm keeps no session.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "ChatForm")]
pub struct ChatTask {
    /// What was said so far, oldest first; never empty.
    pub messages: Vec<ChatMessage>,
    /// Most tokens to write; the realm's own limit when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<u32>,
    /// 0 picks the likeliest word always; 2 is wild.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f32>,
    /// Considers only the likeliest words that make up this share of probability.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top_p: Option<f32>,
    /// The same seed and the same conversation give the same answer, as far as the model allows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// -2 to 2: how much words that occurred often are avoided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frequency_penalty: Option<f32>,
    /// -2 to 2: how much words that occurred at all are avoided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub presence_penalty: Option<f32>,
    /// The answer ends before the first of these.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stop: Vec<String>,
    /// What the model may call instead of answering, or before it does.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<CallableTool>,
    /// Whether it may, must or must not.
    #[serde(skip_serializing_if = "ToolChoice::is_auto")]
    pub tool_choice: ToolChoice,
    /// The shape of the answer, when it is to be JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<AnswerFormat>,
}

impl ChatTask {
    /// A conversation of one question.
    pub fn question(text: impl Into<String>) -> Self {
        Self { messages: vec![ChatMessage::new(Role::User, text)], ..Self::default() }
    }
}

/// How a [`ChatTask`] may be written: with `messages`, or with a single `prompt`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ChatForm {
    #[serde(default)]
    messages: Vec<ChatMessage>,
    /// Short for one message of the user.
    prompt: Option<String>,
    /// The pictures that the prompt is about.
    #[serde(default)]
    pictures: Vec<Picture>,
    max_tokens: Option<u32>,
    temperature: Option<f32>,
    top_p: Option<f32>,
    seed: Option<u64>,
    frequency_penalty: Option<f32>,
    presence_penalty: Option<f32>,
    #[serde(default)]
    stop: Vec<String>,
    #[serde(default)]
    tools: Vec<CallableTool>,
    #[serde(default)]
    tool_choice: ToolChoice,
    format: Option<AnswerFormat>,
}

impl TryFrom<ChatForm> for ChatTask {
    type Error = String;

    fn try_from(form: ChatForm) -> Result<Self, String> {
        let messages = match form.prompt {
            Some(_) if !form.messages.is_empty() => {
                return Err("give prompt or messages, not both".to_owned());
            }
            Some(prompt) => {
                vec![ChatMessage { pictures: form.pictures, ..ChatMessage::new(Role::User, prompt) }]
            }
            None if !form.pictures.is_empty() => {
                return Err("pictures stand beside a prompt, or in the messages that show them".to_owned());
            }
            None => form.messages,
        };
        let task = Self {
            messages,
            max_tokens: form.max_tokens,
            temperature: form.temperature,
            top_p: form.top_p,
            seed: form.seed,
            frequency_penalty: form.frequency_penalty,
            presence_penalty: form.presence_penalty,
            stop: form.stop,
            tools: form.tools,
            tool_choice: form.tool_choice,
            format: form.format,
        };
        task.checked()
    }
}

impl ChatTask {
    /// The same task, if every value in it is one that can be honoured.
    ///
    /// # Errors
    /// A sentence that begins with the name of the field that is wrong.
    pub fn checked(self) -> Result<Self, String> {
        let within = |name: &str, value: Option<f32>, low: f32, high: f32| match value {
            Some(value) if !(low..=high).contains(&value) => {
                Err(format!("{name} must lie between {low} and {high}"))
            }
            _ => Ok(()),
        };
        if self.messages.is_empty() {
            return Err("messages must not be empty".to_owned());
        }
        if self.messages.len() > limits::MESSAGES_MAX {
            return Err(format!("messages: at most {}, not {}", limits::MESSAGES_MAX, self.messages.len()));
        }
        let shown: Vec<Picture> =
            self.messages.iter().flat_map(|message| message.pictures.iter().cloned()).collect();
        Picture::check(&shown)?;
        calls::check(&self.tools, &self.tool_choice, self.format.as_ref())?;
        self.check_calls()?;
        if self.max_tokens == Some(0) {
            return Err("max_tokens must be at least 1".to_owned());
        }
        within("temperature", self.temperature, 0.0, 2.0)?;
        within("top_p", self.top_p, 0.0, 1.0)?;
        within("frequency_penalty", self.frequency_penalty, -2.0, 2.0)?;
        within("presence_penalty", self.presence_penalty, -2.0, 2.0)?;
        if self.stop.len() > limits::STOPS_MAX {
            return Err(format!("stop: at most {} stop strings, not {}", limits::STOPS_MAX, self.stop.len()));
        }
        if self.stop.iter().any(|stop| stop.is_empty() || stop.len() > limits::STOP_BYTES_MAX) {
            return Err(format!("stop: a stop string has 1 to {} bytes", limits::STOP_BYTES_MAX));
        }
        Ok(self)
    }

    /// The tools that the model is told of: none, when it must not call any.
    pub fn callable(&self) -> &[CallableTool] {
        if self.tool_choice == ToolChoice::None { &[] } else { &self.tools }
    }

    /// Calls are the model's, and what they gave is a tool's.
    fn check_calls(&self) -> Result<(), String> {
        let misplaced = |message: &ChatMessage| {
            (!message.calls.is_empty() && message.role != Role::Assistant)
                || (message.call_id.is_some() != (message.role == Role::Tool))
        };
        match self.messages.iter().any(misplaced) {
            true => Err("messages: calls stand in messages of the assistant, and call_id in those of a tool"
                .to_owned()),
            false => Ok(()),
        }
    }

    /// What goes in beside the messages' own text, in bytes.
    fn calls_bytes(&self) -> usize {
        let length = |json: Result<Vec<u8>, _>| json.map_or(0, |json: Vec<u8>| json.len());
        let tools = if self.callable().is_empty() { 0 } else { length(serde_json::to_vec(&self.tools)) };
        let called = self.messages.iter().filter(|message| !message.calls.is_empty());
        tools + called.map(|message| length(serde_json::to_vec(&message.calls))).sum::<usize>()
    }
}

/// One message of a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChatMessage {
    /// Who said it.
    pub role: Role,
    /// What was said.
    pub content: String,
    /// The pictures that were shown with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pictures: Vec<Picture>,
    /// What the assistant called in it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub calls: Vec<ToolCall>,
    /// The call that this is the result of, in a message of a tool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call_id: Option<String>,
}

impl ChatMessage {
    /// Somebody says this, and shows nothing.
    pub fn new(role: Role, content: impl Into<String>) -> Self {
        Self { role, content: content.into(), pictures: Vec::new(), calls: Vec::new(), call_id: None }
    }
}

/// Who says something in a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Instructions that hold for the whole conversation.
    #[serde(alias = "developer")]
    System,
    /// The person.
    User,
    /// The model.
    Assistant,
    /// A tool that the model has called, with what came of it.
    Tool,
}

impl Role {
    /// The name that chat templates use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::User => "user",
            Self::Assistant => "assistant",
            Self::Tool => "tool",
        }
    }
}

/// Turn texts into vectors.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EmbedTask {
    /// The texts; the result is a JSON array with one array of numbers for each.
    pub input: Vec<String>,
}

/// How soon somebody waits for the answer.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum ServiceClass {
    /// Somebody stands there and listens.
    Voice,
    /// Somebody looks at a screen.
    #[default]
    Interactive,
    /// Nobody waits.
    Batch,
}

impl ServiceClass {
    /// All classes, the most urgent first.
    pub const ALL: [Self; 3] = [Self::Voice, Self::Interactive, Self::Batch];

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Voice => "voice",
            Self::Interactive => "interactive",
            Self::Batch => "batch",
        }
    }
}

/// Whose workers may see the job.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Privacy {
    /// Only workers with the same key as the wallet, or attached by the realm itself.
    Own,
    /// Any worker of this realm.
    #[default]
    Realm,
    /// Trusted peer realms too.
    Peers,
    /// Anybody.
    Any,
}

/// Asks the realm to do something, under conditions. The data of `mtor.job.submit`, and the body of `POST /api/jobs`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Submit {
    /// What is wanted.
    pub intent: Intent,
    /// The job's id, when the client chooses it (it should: then a retry can't make a second job). In an event the
    /// `subject` says the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<JobId>,
    /// How soon.
    #[serde(default)]
    pub class: ServiceClass,
    /// Seen by whom.
    #[serde(default)]
    pub privacy: Privacy,
    /// The most it may cost; without it, what the job can cost at most by its own limits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_price: Option<Micro>,
    /// Milliseconds after which it is given up and refunded; the realm's own limit when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    /// The moment at which it is given up and refunded, instead of `timeout_ms`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Timestamp>,
    /// The `expires` of a quote that this relies on: until then the job costs no more than was quoted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quote: Option<Timestamp>,
    /// The grant that pays; without it, whichever grant of this wallet allows the job, else its own coins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant: Option<JobId>,
    /// Have a worker do it, although the realm may remember the answer.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub fresh: bool,
}

impl Submit {
    /// This intent, under the usual conditions.
    pub fn new(intent: Intent) -> Self {
        Self {
            intent,
            id: None,
            class: ServiceClass::default(),
            privacy: Privacy::default(),
            max_price: None,
            timeout_ms: None,
            deadline: None,
            quote: None,
            grant: None,
            fresh: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::Digest;

    fn error_of(json: &str) -> String {
        serde_json::from_str::<Submit>(json).unwrap_err().to_string()
    }

    #[test]
    fn a_submit_survives_its_json() {
        let mut submit = Submit::new(Intent::any_model(Task::Chat(ChatTask::question("Hi"))));
        submit.id = Some(JobId(7));
        submit.max_price = Some(Micro(5));
        let json = serde_json::to_string(&submit).unwrap();
        assert_eq!(serde_json::from_str::<Submit>(&json).unwrap(), submit);
    }

    #[test]
    fn a_task_has_its_capability_beside_its_parameters() {
        let tool = r#"{"model":"default","capability":"tool.timer","params":{"seconds":10}}"#;
        let intent: Intent = serde_json::from_str(tool).unwrap();
        assert_eq!((intent.task.kind().as_str(), &*intent.task.preview(80)), ("tool.timer", "seconds: 10"));
        assert_eq!(serde_json::to_string(&intent).unwrap(), tool);
        assert!(serde_json::from_str::<Intent>(&tool.replace("tool.timer", "tool.")).is_err());
    }

    #[test]
    fn pictures_are_for_vision() {
        let digest = Digest([7; 32]);
        let params = format!(r#"{{"prompt":"What is it?","pictures":[{{"bytes":7,"sha256":"{digest}"}}]}}"#);
        let intent = |capability: &str, params: &str| {
            serde_json::from_str::<Intent>(&format!(r#"{{"capability":"{capability}","params":{params}}}"#))
        };
        let vision = intent("vision", &params).unwrap();
        assert_eq!((vision.task.input_frames_max(), vision.task.images_bound()), (7, 1));
        assert_eq!(serde_json::from_str::<Intent>(&serde_json::to_string(&vision).unwrap()).unwrap(), vision);
        assert!(intent("chat", &params).unwrap_err().to_string().contains("pictures are for vision"));
        let none = intent("vision", r#"{"prompt":"What is it?"}"#);
        assert!(none.unwrap_err().to_string().contains("there is none"));
    }

    #[test]
    fn errors_name_the_field_that_is_wrong() {
        let chat =
            |params: &str| error_of(&format!(r#"{{"intent":{{"capability":"chat","params":{params}}}}}"#));
        assert!(
            error_of(r#"{"intent":{"capability":"fly","params":{}}}"#)
                .contains("there are chat, embed, transcribe, speak, wake")
        );
        assert!(chat("{}").contains("messages must not be empty"));
        assert!(chat(r#"{"prompt":"a","temperature":9}"#).contains("temperature must lie between 0 and 2"));
        assert!(chat(r#"{"prompt":"a","max_tokens":0}"#).contains("max_tokens"));
        assert!(
            chat(r#"{"prompt":"a","max_tokens":"many"}"#).contains("params: invalid type: string \"many\"")
        );
        assert!(chat(r#"{"prompt":"a","stop":[""]}"#).contains("stop string"));
        assert!(chat(r#"{"prompt":"a","hotness":1}"#).contains("unknown field `hotness`"));
        assert!(chat(r#"{"messages":[{"role":"king","content":""}]}"#).contains("unknown variant `king`"));
    }
}
