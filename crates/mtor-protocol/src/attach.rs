//! Services that the realm's owner has attached by their address: what they are is found out, and a gateway works for them
//! until they are detached.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::limits;

/// The body of `POST /api/attachments`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AttachRequest {
    /// Where the service is: `http://127.0.0.1:11434`, or `tcp://attic:10300` for one that speaks Wyoming.
    pub address: String,
    /// The service's key, if it wants one. It stays on the realm's machine, in a file of the owner's alone, and is never
    /// given out again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

impl AttachRequest {
    /// What is wrong with it, if anything, and in which field.
    pub fn fault(&self) -> Option<(&'static str, String)> {
        let most = limits::SERVICE_ADDRESS_BYTES_MAX;
        if self.address.trim().is_empty() || self.address.len() > most {
            return Some(("address", format!("1 to {most} bytes")));
        }
        let most = limits::SERVICE_KEY_BYTES_MAX;
        let whole =
            |key: &String| !key.trim().is_empty() && key.len() <= most && !key.contains(char::is_control);
        self.key
            .as_ref()
            .is_some_and(|key| !whole(key))
            .then(|| ("key", format!("1 to {most} bytes, in one line")))
    }
}

/// The key is in no log.
impl fmt::Debug for AttachRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = self.key.as_ref().map(|_| "(secret)");
        f.debug_struct("AttachRequest").field("address", &self.address).field("key", &key).finish()
    }
}

/// A service that is attached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Attachment {
    /// What names it here, and its worker: `ollama`, `comfyui-2`.
    pub id: String,
    /// What it is, for people: `Ollama`.
    pub service: String,
    /// Where it is.
    pub address: String,
    /// Whether a key is kept for it.
    #[serde(default)]
    pub keyed: bool,
    /// What its worker said last, when that is a problem.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_one_line_and_shows_itself_to_nobody() {
        let with = |key: &str| AttachRequest { address: "http://a".into(), key: Some(key.into()) };
        assert_eq!(with("sk-1").fault(), None);
        assert!(!format!("{:?}", with("sk-1")).contains("sk-1"));
        for key in ["", " ", "a\nb"] {
            assert_eq!(with(key).fault().unwrap().0, "key", "{key:?}");
        }
        assert_eq!(AttachRequest { address: " ".into(), key: None }.fault().unwrap().0, "address");
    }
}
