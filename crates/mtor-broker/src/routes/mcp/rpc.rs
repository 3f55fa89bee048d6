//! JSON-RPC 2.0, as far as the Model Context Protocol uses it: one message at a time.

use mtor_protocol::Problem;
use serde::Deserialize;
use serde_json::{Value, json};

/// A message of a client.
#[derive(Debug, PartialEq)]
pub(super) enum Message {
    /// It wants an answer.
    Request { id: Value, method: String, params: Value },
    /// It wants none.
    Notification { method: String, params: Value },
    /// It answers; nothing was asked.
    Answer,
}

impl Message {
    /// # Errors
    /// What is wrong with it.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, Fault> {
        #[derive(Deserialize)]
        struct Form {
            jsonrpc: String,
            id: Option<Value>,
            method: Option<String>,
            #[serde(default)]
            params: Value,
        }
        let value: Value = serde_json::from_slice(bytes)
            .map_err(|error| Fault { code: -32700, message: error.to_string() })?;
        let form: Form =
            Form::deserialize(value).map_err(|error| Fault::invalid_request(error.to_string()))?;
        if form.jsonrpc != "2.0" {
            return Err(Fault::invalid_request("jsonrpc must be \"2.0\"".to_owned()));
        }
        match (form.method, form.id) {
            (Some(method), Some(id)) if id.is_string() || id.is_number() => {
                Ok(Self::Request { id, method, params: form.params })
            }
            (Some(method), None) => Ok(Self::Notification { method, params: form.params }),
            (Some(_), Some(_)) => Err(Fault::invalid_request("an id is a text or a number".to_owned())),
            (None, _) => Ok(Self::Answer),
        }
    }

    pub(super) fn method(&self) -> Option<&str> {
        match self {
            Self::Request { method, .. } | Self::Notification { method, .. } => Some(method),
            Self::Answer => None,
        }
    }

    pub(super) fn id(&self) -> Option<&Value> {
        match self {
            Self::Request { id, .. } => Some(id),
            Self::Notification { .. } | Self::Answer => None,
        }
    }
}

/// Why a request has no result.
#[derive(Debug, PartialEq)]
pub(super) struct Fault {
    code: i32,
    message: String,
}

impl Fault {
    pub(super) fn invalid_request(message: String) -> Self {
        Self { code: -32600, message }
    }

    pub(super) fn no_method(method: &str) -> Self {
        let method: String = method.chars().take(100).collect();
        Self { code: -32601, message: format!("{method:?} is not known here") }
    }

    pub(super) fn invalid_params(message: String) -> Self {
        Self { code: -32602, message }
    }

    pub(super) fn problem(problem: &Problem) -> Self {
        Self { code: -32603, message: problem.to_string() }
    }

    /// The message that says so.
    pub(super) fn answer(self, id: Value) -> Value {
        json!({ "jsonrpc": "2.0", "id": id, "error": { "code": self.code, "message": self.message } })
    }
}

/// The message with a result.
pub(super) fn result(id: &Value, result: &Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "result": result })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_told_apart() {
        let read = |text: &str| Message::read(text.as_bytes());
        assert_eq!(read(r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#).unwrap().method(), Some("ping"));
        let notification = read(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#).unwrap();
        assert!(matches!(notification, Message::Notification { .. }));
        assert_eq!(read(r#"{"jsonrpc":"2.0","id":1,"result":{}}"#), Ok(Message::Answer));
        assert_eq!(read("{").unwrap_err().code, -32700);
        for wrong in [
            "[]",
            r#"{"jsonrpc":"1.0","method":"x"}"#,
            r#"{"jsonrpc":"2.0","id":null,"method":"x","params":1,"id":[]}"#,
        ] {
            assert!(matches!(read(wrong), Err(Fault { code: -32600 | -32700, .. })), "{wrong}");
        }
    }
}
