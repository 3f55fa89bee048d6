//! What workers offer, as tools; and a call of one, as a job.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mtor_protocol::http::WorkerInfo;
use mtor_protocol::{CapabilityKind, Digest, Effect, Intent, ToolInfo, ToolName};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::rpc::Fault;
use crate::input::{InputRoom, JobInput};

/// The tools that there are now, by name.
pub(super) struct Toolbox(BTreeMap<String, Tool>);

/// One of them.
enum Tool {
    /// A capability that everybody knows.
    Known(&'static Known),
    /// A tool of a worker's own.
    Offered(CapabilityKind, Arc<ToolInfo>),
}

/// A call, ready to be submitted.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) intent: Intent,
    pub(super) input: Option<Arc<JobInput>>,
    /// What comes out as bytes.
    pub(super) media_type: &'static str,
}

/// A capability that everybody knows, as a tool.
struct Known {
    name: &'static str,
    capability: CapabilityKind,
    title: &'static str,
    description: &'static str,
    /// The argument that is bytes in base64, with what it is.
    bytes: Option<(&'static str, &'static str)>,
    /// The other arguments: name, type, description, and whether it must be there.
    arguments: &'static [(&'static str, &'static str, &'static str, bool)],
}

const KNOWN: [Known; 7] = [
    Known {
        name: "ask",
        capability: CapabilityKind::CHAT,
        title: "Ask a language model",
        description: "Asks a language model of the realm a question, and gives its answer.",
        bytes: None,
        arguments: &[
            ("prompt", "string", "The question, with everything that is needed to answer it.", true),
            ("model", "string", "The model; the realm's first choice when absent.", false),
            ("max_tokens", "integer", "The most tokens to write.", false),
            ("temperature", "number", "0 picks the likeliest word always; 2 is wild.", false),
            ("seed", "integer", "The same seed and question give the same answer.", false),
        ],
    },
    Known {
        name: "speak",
        capability: CapabilityKind::SPEAK,
        title: "Speak a text",
        description: "Speaks a text aloud, and gives the sound.",
        bytes: None,
        arguments: &[
            ("text", "string", "What to say.", true),
            ("voice", "string", "The voice; the realm's choice when absent.", false),
            ("language", "string", "The text's language, as in ISO 639-1.", false),
            ("speed", "number", "How fast, from 0.25 to 4.", false),
        ],
    },
    Known {
        name: "transcribe",
        capability: CapabilityKind::TRANSCRIBE,
        title: "Write down what is said",
        description: "Writes down what is said in a recording.",
        bytes: Some(("audio", "The recording, a file of any common format, in base64.")),
        arguments: &[
            ("language", "string", "The language spoken, as in ISO 639-1; found out when absent.", false),
            ("hint", "string", "Words that are likely to occur, such as names.", false),
        ],
    },
    Known {
        name: "imagine",
        capability: CapabilityKind::IMAGINE,
        title: "Draw a picture",
        description: "Draws pictures of what a text describes, and gives them.",
        bytes: None,
        arguments: &[
            ("prompt", "string", "What the picture shall show.", true),
            ("negative_prompt", "string", "What it shall not show.", false),
            ("count", "integer", "How many pictures; one when absent.", false),
            ("width", "integer", "Its width in pixels.", false),
            ("height", "integer", "Its height in pixels.", false),
            ("steps", "integer", "How many steps are taken; more are slower, and finer.", false),
            ("seed", "integer", "The same seed and words give the same picture.", false),
            ("model", "string", "The model; the realm's first choice when absent.", false),
        ],
    },
    Known {
        name: "see",
        capability: CapabilityKind::VISION,
        title: "Look at a picture",
        description: "Says what is to be seen in a picture, or answers a question about it.",
        bytes: Some(("picture", "The picture (JPEG, PNG, WebP or GIF), in base64.")),
        arguments: &[("prompt", "string", "The question about it.", true)],
    },
    Known {
        name: "read_picture",
        capability: CapabilityKind::OCR,
        title: "Read a picture",
        description: "Reads the text that stands in a picture.",
        bytes: Some(("picture", "The picture (JPEG, PNG, WebP or GIF), in base64.")),
        arguments: &[],
    },
    Known {
        name: "classify_picture",
        capability: CapabilityKind::CLASSIFY,
        title: "Classify a picture",
        description: "Says what kind of picture one is.",
        bytes: Some(("picture", "The picture (JPEG, PNG, WebP or GIF), in base64.")),
        arguments: &[],
    },
];

impl Toolbox {
    /// The tools that these workers offer.
    pub(super) fn of(workers: &[WorkerInfo]) -> Self {
        let offers = || workers.iter().filter(|worker| !worker.draining).flat_map(|worker| &worker.offers);
        let mut tools = BTreeMap::new();
        for known in &KNOWN {
            if offers().any(|offer| offer.capability == known.capability) {
                tools.insert(known.name.to_owned(), Tool::Known(known));
            }
        }
        for offer in offers() {
            let (Some(name), Some(info)) = (ToolName::new(offer.capability.as_str()), &offer.tool) else {
                continue;
            };
            // Many clients know no dots in names, and what everybody knows keeps its own.
            let mut name = name.bare().replace('.', "_");
            if KNOWN.iter().any(|known| known.name == name) {
                name = format!("tool_{name}");
            }
            tools.entry(name).or_insert_with(|| Tool::Offered(offer.capability.clone(), info.clone()));
        }
        Self(tools)
    }

    /// All of them, for the client.
    pub(super) fn describe(&self) -> Vec<Value> {
        self.0.iter().map(|(name, tool)| tool.describe(name)).collect()
    }

    /// A call of one.
    ///
    /// # Errors
    /// When there is no such tool, or its arguments are wrong.
    pub(super) fn open(&self, params: &Value, room: &Arc<InputRoom>) -> Result<Request, Fault> {
        let name = params["name"].as_str().unwrap_or_default();
        let Some(tool) = self.0.get(name) else {
            let names: Vec<&str> = self.0.keys().map(String::as_str).collect();
            let name: String = name.chars().take(100).collect();
            let detail = format!("no attached worker offers {name:?} now; there are: {}", names.join(", "));
            return Err(Fault::invalid_params(detail));
        };
        let arguments = match &params["arguments"] {
            Value::Null => Map::new(),
            Value::Object(arguments) => arguments.clone(),
            _ => return Err(Fault::invalid_params("arguments must be an object".to_owned())),
        };
        match tool {
            Tool::Known(known) => known.open(arguments, room),
            Tool::Offered(kind, _) => Ok(Request {
                intent: intent(kind, arguments, None)?,
                input: None,
                media_type: "application/octet-stream",
            }),
        }
    }
}

fn intent(kind: &CapabilityKind, params: Map<String, Value>, model: Option<Value>) -> Result<Intent, Fault> {
    let mut intent = json!({ "capability": kind, "params": params });
    if let Some(model) = model {
        intent["model"] = model;
    }
    // By way of its text, since the parameters are read as the capability says.
    serde_json::from_str(&intent.to_string()).map_err(|error| Fault::invalid_params(error.to_string()))
}

impl Tool {
    fn describe(&self, name: &str) -> Value {
        match self {
            Self::Known(known) => known.describe(),
            Self::Offered(_, info) => {
                let mut schema = info.parameters.clone();
                schema.entry("type").or_insert_with(|| "object".into());
                json!({
                    "name": name,
                    "description": info.description,
                    "inputSchema": schema,
                    "execution": { "taskSupport": "optional" },
                    "annotations": {
                        "readOnlyHint": info.effect == Effect::Reads,
                        "destructiveHint": info.effect.needs_consent(),
                        "idempotentHint": info.repeatable,
                    },
                })
            }
        }
    }
}

impl Known {
    fn describe(&self) -> Value {
        let mut properties = Map::new();
        let mut required: Vec<&str> = Vec::new();
        if let Some((name, description)) = self.bytes {
            properties.insert(
                name.into(),
                json!({ "type": "string", "contentEncoding": "base64", "description": description }),
            );
            required.push(name);
        }
        for (name, kind, description, must) in self.arguments {
            properties.insert((*name).into(), json!({ "type": kind, "description": description }));
            required.extend(must.then_some(*name));
        }
        json!({
            "name": self.name,
            "title": self.title,
            "description": self.description,
            "inputSchema": { "type": "object", "properties": properties, "required": required, "additionalProperties": false },
            "execution": { "taskSupport": "optional" },
            "annotations": { "readOnlyHint": true, "openWorldHint": false },
        })
    }

    fn open(&self, mut params: Map<String, Value>, room: &Arc<InputRoom>) -> Result<Request, Fault> {
        let wrong = Fault::invalid_params;
        for name in params.keys() {
            let known = self.arguments.iter().any(|(known, ..)| known == name)
                || self.bytes.is_some_and(|(known, _)| known == name);
            if !known {
                return Err(wrong(format!("{name:?} is no argument of {}", self.name)));
            }
        }
        let mut bytes = None;
        if let Some((name, _)) = self.bytes {
            let encoded = params.remove(name);
            let encoded = encoded.as_ref().and_then(Value::as_str);
            let encoded = encoded.ok_or_else(|| wrong(format!("{name} is missing")))?;
            bytes = Some(
                STANDARD.decode(encoded).map_err(|error| wrong(format!("{name} is no base64: {error}")))?,
            );
        }
        let picture = bytes.as_ref().filter(|_| self.capability != CapabilityKind::TRANSCRIBE);
        let picture = picture
            .map(|bytes| json!({ "bytes": bytes.len(), "sha256": Digest(Sha256::digest(bytes).into()) }));
        match picture {
            Some(picture) if self.capability == CapabilityKind::VISION => {
                params.insert("pictures".into(), json!([picture]));
            }
            Some(picture) => {
                params.insert("picture".into(), picture);
            }
            None => {}
        }
        if self.capability == CapabilityKind::SPEAK {
            params.insert("format".into(), "wav".into());
        }
        let model = params.remove("model");
        let intent = intent(&self.capability, params, model)?;
        let input = match bytes {
            None => None,
            Some(bytes) => {
                let input = JobInput::whole(room.clone(), &intent.task, [bytes.into()]);
                Some(Arc::new(input.map_err(|problem| wrong(problem.to_string()))?))
            }
        };
        Ok(Request { intent, input, media_type: "audio/wav" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mtor_protocol::Task;

    fn toolbox() -> Toolbox {
        let info: ToolInfo = serde_json::from_value(json!({
            "description": "The weather.", "parameters": { "properties": { "city": { "type": "string" } } }, "effect": "reads" }))
        .unwrap();
        let info = Arc::new(info);
        let known = KNOWN.iter().map(|known| (known.name.to_owned(), Tool::Known(known)));
        let kind = CapabilityKind::new("tool.weather.now").unwrap();
        Toolbox(known.chain([("weather_now".to_owned(), Tool::Offered(kind, info))]).collect())
    }

    fn open(name: &str, arguments: Value) -> Result<Request, Fault> {
        toolbox().open(&json!({ "name": name, "arguments": arguments }), &Arc::default())
    }

    #[test]
    fn every_tool_is_described_and_can_be_called_by_its_description() {
        let described = toolbox().describe();
        assert_eq!(described.len(), KNOWN.len() + 1);
        for tool in described {
            let name = tool["name"].as_str().unwrap();
            assert_eq!(tool["inputSchema"]["type"], "object", "{name}");
            let required = tool["inputSchema"]["required"].as_array().cloned().unwrap_or_default();
            let arguments: Map<String, Value> =
                required.iter().map(|name| (name.as_str().unwrap().to_owned(), "QUJD".into())).collect();
            let request = open(name, arguments.into()).unwrap();
            assert_eq!(request.intent.task.takes_input(), request.input.is_some(), "{name}");
        }
    }

    #[test]
    fn a_call_is_the_job_that_it_says() {
        let Task::Tool(tool) = open("weather_now", json!({ "city": "Bonn" })).unwrap().intent.task else {
            panic!()
        };
        assert_eq!(
            (tool.tool.kind().as_str(), &tool.arguments["city"]),
            ("tool.weather.now", &json!("Bonn"))
        );
        let request = open("ask", json!({ "prompt": "Hi", "model": "m", "seed": 7 })).unwrap();
        assert_eq!(request.intent.model, "m");
        assert!(matches!(request.intent.task, Task::Chat(chat) if chat.seed == Some(7)));
        let Task::Imagine(drawn) =
            open("imagine", json!({ "prompt": "a cloud", "count": 2, "seed": 7 })).unwrap().intent.task
        else {
            panic!()
        };
        assert_eq!((drawn.count, drawn.seed), (2, Some(7)));
        assert_eq!(
            open("see", json!({ "prompt": "?", "picture": "QUJD" })).unwrap().intent.task.pictures().count(),
            1
        );
    }

    #[test]
    fn wrong_calls_are_told_what_is_wrong() {
        let said = |name: &str, arguments| format!("{:?}", open(name, arguments).unwrap_err());
        assert!(said("nothing", json!({})).contains("there are: ask, classify_picture"));
        assert!(said("ask", json!({ "prompt": "x", "colour": 1 })).contains("colour"));
        assert!(said("ask", json!({ "prompt": "x", "temperature": 9 })).contains("temperature"));
        assert!(said("imagine", json!({ "prompt": "x", "count": 1_000 })).contains("count"));
        assert!(said("see", json!({ "prompt": "x", "picture": "!" })).contains("base64"));
        assert!(said("transcribe", json!({})).contains("audio is missing"));
    }
}
