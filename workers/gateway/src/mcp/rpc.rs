//! JSON-RPC 2.0 as MCP has it: what is said, and what comes back.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::VERSION;
use crate::defaults::SAID_CHARS;
use crate::fault::Fault;

/// A request.
pub(super) fn request(id: u64, method: &str, mut params: Value) -> Value {
    // So that the server may say how far it has come.
    if method == "tools/call"
        && let Some(params) = params.as_object_mut()
    {
        params.insert("_meta".to_owned(), json!({"progressToken": id}));
    }
    json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params})
}

/// Something that is said without an answer.
pub(super) fn notification(method: &str, params: Value) -> Value {
    json!({"jsonrpc": "2.0", "method": method, "params": params})
}

/// The first thing that is asked of a server.
pub(super) fn hello() -> Value {
    let me = json!({"name": "mtor-gateway", "version": env!("CARGO_PKG_VERSION")});
    json!({"protocolVersion": VERSION, "capabilities": {}, "clientInfo": me})
}

/// What a message from a server is to us.
pub(super) enum Heard {
    /// The answer to the request of this number.
    Answer(u64, Result<Value, Fault>),
    /// How far the request of this number has come.
    Progress(u64, Value),
    /// A question to us, which is answered with this.
    Question(Value),
    /// Nothing that concerns us.
    Nothing,
}

/// Reads a message.
pub(super) fn hear(text: &str) -> Result<Heard, Fault> {
    let message: Value = serde_json::from_str(text).map_err(|error| Fault::Nonsense(error.to_string()))?;
    let id = message.get("id");
    Ok(match (message.get("method").and_then(Value::as_str), id) {
        (Some("notifications/progress"), _) => {
            let token = message.pointer("/params/progressToken").and_then(Value::as_u64);
            token.map_or(Heard::Nothing, |token| Heard::Progress(token, message["params"].clone()))
        }
        (Some("ping"), Some(id)) => Heard::Question(json!({"jsonrpc": "2.0", "id": id, "result": {}})),
        (Some(method), Some(id)) => {
            let error = json!({"code": -32601, "message": format!("{method} is not known here")});
            Heard::Question(json!({"jsonrpc": "2.0", "id": id, "error": error}))
        }
        (Some(_), None) => Heard::Nothing,
        (None, id) => match id.and_then(Value::as_u64) {
            Some(id) => Heard::Answer(id, answer(&message)),
            None => Heard::Nothing,
        },
    })
}

/// Wrong parameters are the caller's; everything else is the server's.
const INVALID_PARAMS: i64 = -32602;

fn answer(message: &Value) -> Result<Value, Fault> {
    if let Some(result) = message.get("result") {
        return Ok(result.clone());
    }
    let code = message.pointer("/error/code").and_then(Value::as_i64).unwrap_or_default();
    let said = message.pointer("/error/message").and_then(Value::as_str).unwrap_or("no reason");
    let status = if code == INVALID_PARAMS { 400 } else { 500 };
    Err(Fault::Refused { status, said: said.chars().take(SAID_CHARS).collect() })
}

/// Reads an answer as what it should be.
pub(super) fn read<T: DeserializeOwned>(value: Value) -> Result<T, Fault> {
    serde_json::from_value(value).map_err(|error| Fault::Nonsense(error.to_string()))
}

/// What a tool gives back.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Said {
    #[serde(default)]
    pub(super) content: Vec<Item>,
    #[serde(default)]
    pub(super) is_error: bool,
}

impl Said {
    /// Its words, short enough to be handed on.
    pub(super) fn text(&self) -> String {
        let text = self.content.iter().filter_map(|item| item.text.as_deref()).collect::<Vec<_>>().join("\n");
        text.chars().take(SAID_CHARS).collect()
    }
}

/// One thing that a tool gives back.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Item {
    #[serde(rename = "type")]
    kind: String,
    text: Option<String>,
    data: Option<String>,
    mime_type: Option<String>,
    uri: Option<String>,
    resource: Option<Resource>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Resource {
    uri: String,
    mime_type: Option<String>,
    text: Option<String>,
    blob: Option<String>,
}

/// The same as a realm takes it.
#[derive(Debug, PartialEq)]
pub(super) enum Content {
    Text(String),
    Part { name: String, media_type: String, data: Vec<u8> },
}

impl Item {
    pub(super) fn into_part(self, number: usize) -> Result<Content, Fault> {
        let missing = || Fault::Nonsense(format!("content of the type {:?} without what it is", self.kind));
        match self.kind.as_str() {
            "text" => self.text.clone().map(Content::Text).ok_or_else(missing),
            "image" | "audio" => {
                let (data, kind) = (self.data.as_deref().ok_or_else(missing)?, self.mime_type.as_deref());
                part(number, kind, data)
            }
            "resource" => match &self.resource {
                Some(Resource { text: Some(text), .. }) => Ok(Content::Text(text.clone())),
                Some(Resource { blob: Some(blob), mime_type, .. }) => {
                    part(number, mime_type.as_deref(), blob)
                }
                Some(Resource { uri, .. }) => Ok(Content::Text(uri.clone())),
                None => Err(missing()),
            },
            "resource_link" => self.uri.clone().map(Content::Text).ok_or_else(missing),
            other => Err(Fault::Nonsense(format!("content of the type {other:?} is not known here"))),
        }
    }
}

fn part(number: usize, media_type: Option<&str>, base64: &str) -> Result<Content, Fault> {
    let data = STANDARD.decode(base64).map_err(|error| Fault::Nonsense(error.to_string()))?;
    let media_type = media_type.unwrap_or("application/octet-stream");
    // Parameters are of no use here.
    let media_type = media_type.split(';').next().unwrap_or_default().trim().to_lowercase();
    let end =
        media_type.split_once('/').map_or("bin", |(_, subtype)| subtype.split('+').next().unwrap_or(subtype));
    let name = format!("part-{}.{end}", number + 1);
    Ok(Content::Part { name, media_type, data })
}
