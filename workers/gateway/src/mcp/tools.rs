//! A server's tools, as a realm is told of them.

use std::sync::Arc;

use mtor_worker::protocol::worker::CapabilityOffer;
use mtor_worker::protocol::{CapabilityKind, Effect, ToolInfo, ToolName, limits};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::offered::Offered;

/// Most pages of a list that are read.
pub(super) const PAGES_MAX: usize = 16;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Page {
    #[serde(default)]
    pub(super) tools: Vec<Tool>,
    pub(super) next_cursor: Option<String>,
}

/// A tool of a server.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Tool {
    /// What the server calls it.
    pub(super) name: String,
    /// What the realm calls it.
    #[serde(skip, default = "nameless")]
    pub(super) capability: CapabilityKind,
    #[serde(default)]
    title: Option<String>,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    input_schema: Map<String, Value>,
    #[serde(default)]
    annotations: Annotations,
}

/// What a server says of what its tool does. It may say what it likes: only a tool that calls itself harmless is believed so by
/// nobody but the sysop who attached it.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Annotations {
    #[serde(default)]
    read_only_hint: Option<bool>,
    #[serde(default)]
    destructive_hint: Option<bool>,
}

fn nameless() -> CapabilityKind {
    CapabilityKind::CHAT
}

/// Those that a realm can be told of, each with a name that it has alone.
pub(super) fn described(tools: Vec<Tool>) -> Vec<Tool> {
    let mut told: Vec<Tool> = Vec::new();
    for mut tool in tools {
        let schema_bytes = serde_json::to_vec(&tool.input_schema).map_or(usize::MAX, |json| json.len());
        let name = capability(&tool.name).filter(|name| told.iter().all(|other| other.capability != *name));
        let Some(capability) = name.filter(|_| schema_bytes <= limits::TOOL_SCHEMA_BYTES_MAX) else {
            tracing::warn!(
                tool = tool.name,
                "left out: its name is taken or can't be written, or its schema is too long"
            );
            continue;
        };
        if told.len() == limits::OFFERS_MAX {
            tracing::warn!("the server has more than {} tools; the rest is left out", limits::OFFERS_MAX);
            break;
        }
        tool.capability = capability;
        told.push(tool);
    }
    told
}

/// `getWeather v2` becomes `tool.getweather_v2`.
fn capability(name: &str) -> Option<CapabilityKind> {
    let plain =
        |c: char| if c.is_ascii_alphanumeric() || "-.".contains(c) { c.to_ascii_lowercase() } else { '_' };
    let bare: String = name.chars().map(plain).collect();
    ToolName::new(&format!("{}{bare}", ToolName::PREFIX)).map(|name| name.kind().clone())
}

impl Tool {
    pub(super) fn offer(&self, offered: &Offered) -> CapabilityOffer {
        let told = self
            .description
            .as_deref()
            .or(self.title.as_deref())
            .map(str::trim)
            .filter(|text| !text.is_empty());
        let mut description = told.unwrap_or(&self.name).to_owned();
        let mut end = description.len().min(limits::TOOL_DESCRIPTION_BYTES_MAX);
        while !description.is_char_boundary(end) {
            end -= 1;
        }
        description.truncate(end);
        let effect = match self.annotations {
            Annotations { read_only_hint: Some(true), .. } => Effect::Reads,
            Annotations { destructive_hint: Some(true), .. } => Effect::Switches,
            // That nothing is destroyed does not say that nothing is sent.
            _ => Effect::Unknown,
        };
        let info = ToolInfo { description, parameters: self.input_schema.clone(), effect, repeatable: false };
        let mut offer = CapabilityOffer::new(self.capability.clone(), "mcp", offered.slots);
        (offer.price, offer.tool) = (offered.price, Some(Arc::new(info)));
        offer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tool(json: &str) -> Tool {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn names_are_made_fit_and_stay_different() {
        assert_eq!(capability("getWeather v2").unwrap().as_str(), "tool.getweather_v2");
        let tools =
            described(vec![tool(r#"{"name":"a b"}"#), tool(r#"{"name":"A_B"}"#), tool(r#"{"name":"c"}"#)]);
        let names: Vec<&str> = tools.iter().map(|tool| tool.capability.as_str()).collect();
        assert_eq!(names, ["tool.a_b", "tool.c"]);
    }

    #[test]
    fn what_a_tool_does_is_what_its_server_says_and_else_unknown() {
        let effect = |hints: &str| {
            let tool = tool(&format!(r#"{{"name":"a","annotations":{hints}}}"#));
            tool.offer(&Offered::default()).tool.unwrap().effect
        };
        assert_eq!(effect(r#"{"readOnlyHint":true}"#), Effect::Reads);
        assert_eq!(effect(r#"{"destructiveHint":true}"#), Effect::Switches);
        assert_eq!(effect(r#"{"destructiveHint":false}"#), Effect::Unknown);
        assert_eq!(effect("{}"), Effect::Unknown);
    }
}
