//! Tools: whatever else a worker can do, under a name of its own (`tool.NAME`), with parameters that it describes by a
//! JSON schema.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::limits;
use crate::picture::Picture;
use crate::worker::CapabilityKind;

/// Use a tool.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolTask {
    /// Which: the capability's whole name, `tool.NAME`.
    pub tool: ToolName,
    /// Its parameters, as its schema says.
    pub arguments: Map<String, Value>,
}

impl ToolTask {
    /// The argument that stands for a file that goes in.
    pub const ATTACHMENT: &str = "attachment";

    /// The file that goes in with it: its argument `attachment` says how long it is, and what its SHA-256 is, as a
    /// [`Picture`] does. Its bytes come as binary input frames.
    pub fn attachment(&self) -> Option<Picture> {
        let declared = self.arguments.get(Self::ATTACHMENT)?;
        Picture::deserialize(declared).ok()
    }

    /// Its arguments in one line, for a list of jobs.
    pub fn preview(&self) -> String {
        let told = |(name, value): (&String, &Value)| match value {
            Value::String(text) => format!("{name}: {text}"),
            other => format!("{name}: {other}"),
        };
        self.arguments.iter().map(told).collect::<Vec<_>>().join(", ")
    }
}

/// The name of a capability that is a tool: `tool.` and at least one character.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ToolName(CapabilityKind);

impl ToolName {
    /// What the names of all tools begin with.
    pub const PREFIX: &'static str = "tool.";

    /// The tool that is called so, `tool.` included; nothing when it is no name of a tool.
    pub fn new(name: &str) -> Option<Self> {
        let bare = name.strip_prefix(Self::PREFIX)?;
        (!bare.is_empty()).then(|| CapabilityKind::new(name)).flatten().map(Self)
    }

    /// The capability.
    pub fn kind(&self) -> &CapabilityKind {
        &self.0
    }

    /// The name without `tool.`.
    pub fn bare(&self) -> &str {
        self.0.as_str().trim_start_matches(Self::PREFIX)
    }
}

/// What a tool does to the world, which says whether somebody must be asked before.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// It only looks something up or computes.
    Reads,
    /// It keeps something for the person who asks, such as a timer.
    Notes,
    /// It switches, moves or changes something in the house.
    Switches,
    /// It sends something to somebody.
    Sends,
    /// Nobody said: whoever asks is asked first.
    #[default]
    Unknown,
}

impl Effect {
    /// Whether a person says yes before it is done, unless they asked for just this.
    pub const fn needs_consent(self) -> bool {
        matches!(self, Self::Switches | Self::Sends | Self::Unknown)
    }
}

/// How a worker describes a tool that it offers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ToolInfo {
    /// What it is good for, in a sentence or two: for people, and for models that choose tools.
    pub description: String,
    /// The JSON schema of its parameters: an object.
    pub parameters: Map<String, Value>,
    /// What it does to the world.
    #[serde(default)]
    pub effect: Effect,
    /// Whether the same parameters give the same result to everybody, so that it may be kept and given again.
    #[serde(default)]
    pub repeatable: bool,
}

impl ToolInfo {
    pub(crate) fn fault(&self) -> Option<String> {
        let parameters = serde_json::to_vec(&self.parameters).map_or(usize::MAX, |json| json.len());
        if self.description.is_empty() || self.description.len() > limits::TOOL_DESCRIPTION_BYTES_MAX {
            return Some(format!("tool.description: 1 to {} bytes", limits::TOOL_DESCRIPTION_BYTES_MAX));
        }
        if parameters > limits::TOOL_SCHEMA_BYTES_MAX {
            return Some(format!("tool.parameters: at most {} bytes of JSON", limits::TOOL_SCHEMA_BYTES_MAX));
        }
        let object = self.parameters.get("type").is_none_or(|kind| kind == "object");
        (!object).then(|| "tool.parameters: the schema of an object".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_tools_begin_with_tool() {
        let name = ToolName::new("tool.weather").unwrap();
        assert_eq!((name.kind().as_str(), name.bare()), ("tool.weather", "weather"));
        for wrong in ["weather", "tool.", "tool.Weather", "tools.weather"] {
            assert!(ToolName::new(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn an_attachment_is_what_its_argument_says() {
        let sha256 = "ab".repeat(32);
        let tool = |attachment: Value| {
            let arguments = [(ToolTask::ATTACHMENT.to_owned(), attachment)].into_iter().collect();
            ToolTask { tool: ToolName::new("tool.table").unwrap(), arguments }
        };
        let file = tool(serde_json::json!({ "bytes": 3, "sha256": sha256 })).attachment().unwrap();
        assert_eq!((file.bytes, file.sha256.to_string()), (3, sha256.clone()));
        // Tools may have an argument of this name that is no file.
        for other in [
            serde_json::json!("letter.txt"),
            serde_json::json!({ "bytes": 3 }),
            serde_json::json!({ "bytes": -3, "sha256": sha256 }),
            serde_json::json!({ "bytes": 3, "sha256": sha256, "name": "a" }),
        ] {
            assert_eq!(tool(other.clone()).attachment(), None, "{other}");
        }
        assert_eq!(ToolTask { arguments: Map::new(), ..tool(Value::Null) }.attachment(), None);
    }

    #[test]
    fn a_tool_with_an_attachment_takes_so_many_bytes_and_no_more() {
        let intent = |bytes: u64| {
            let sha256 = "ab".repeat(32);
            serde_json::from_str::<crate::Intent>(&format!(
                r#"{{"capability":"tool.table","params":{{"attachment":{{"bytes":{bytes},"sha256":"{sha256}"}}}}}}"#
            ))
        };
        let task = intent(3).unwrap().task;
        assert!(task.takes_input() && task.pictures().next().is_none());
        assert_eq!((task.input_frames_max(), task.files().len()), (3, 1));
        for wrong in [0, u64::from(limits::PICTURE_BYTES_MAX) + 1] {
            let why = intent(wrong).unwrap_err().to_string();
            assert!(why.starts_with("params: attachment: one has 1 to"), "{why}");
        }
        let plain: crate::Intent =
            serde_json::from_str(r#"{"capability":"tool.table","params":{}}"#).unwrap();
        assert!(!plain.task.takes_input() && plain.task.files().is_empty());
    }

    #[test]
    fn what_nobody_described_is_asked_about_first() {
        let info: ToolInfo = serde_json::from_str(r#"{"description":"d","parameters":{}}"#).unwrap();
        assert!(
            info.effect.needs_consent() && !Effect::Reads.needs_consent() && !Effect::Notes.needs_consent()
        );
    }

    #[test]
    fn parameters_are_an_object() {
        let info = |schema: &str| {
            serde_json::from_str::<ToolInfo>(&format!(r#"{{"description":"d","parameters":{schema}}}"#))
                .unwrap()
        };
        assert_eq!(info(r#"{"type":"object"}"#).fault(), None);
        assert!(info(r#"{"type":"string"}"#).fault().unwrap().contains("object"));
    }
}
