//! What has a price of its own: a capability, done by models of one size.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::worker::CapabilityKind;

/// The class of a model: how much machine it takes. Realms decide which model is of which.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum ModelSize {
    /// Runs on any machine; also every model of which nothing is known.
    #[default]
    Small,
    /// Wants a good machine.
    Medium,
    /// Wants a machine made for it.
    Large,
}

impl ModelSize {
    /// All of them, the smallest first.
    pub const ALL: [Self; 3] = [Self::Small, Self::Medium, Self::Large];

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Small => "small",
            Self::Medium => "medium",
            Self::Large => "large",
        }
    }
}

impl fmt::Display for ModelSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A capability, done by models of one size: `chat` by small ones, `chat/medium`, `chat/large`.
///
/// ```
/// use mtor_protocol::{CapabilityKind, ModelSize, Ware};
/// let ware: Ware = "chat/large".parse()?;
/// assert_eq!(ware, Ware::new(CapabilityKind::CHAT, ModelSize::Large));
/// assert_eq!(Ware::from(CapabilityKind::EMBED).to_string(), "embed");
/// # Ok::<(), mtor_protocol::ware::WareError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ware {
    /// What is done.
    pub capability: CapabilityKind,
    /// By models of this size.
    pub size: ModelSize,
}

impl Ware {
    /// This capability, done by models of this size.
    pub const fn new(capability: CapabilityKind, size: ModelSize) -> Self {
        Self { capability, size }
    }
}

/// Done by small models.
impl From<CapabilityKind> for Ware {
    fn from(capability: CapabilityKind) -> Self {
        Self::new(capability, ModelSize::Small)
    }
}

impl fmt::Display for Ware {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.size {
            ModelSize::Small => self.capability.fmt(f),
            size => write!(f, "{}/{size}", self.capability),
        }
    }
}

/// Why a text names no ware.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("write a capability's name, and after a slash small, medium or large: chat, chat/large")]
pub struct WareError;

impl FromStr for Ware {
    type Err = WareError;

    fn from_str(text: &str) -> Result<Self, WareError> {
        let (capability, size) = text.split_once('/').unwrap_or((text, ModelSize::Small.as_str()));
        let size = ModelSize::ALL.into_iter().find(|known| known.as_str() == size).ok_or(WareError)?;
        Ok(Self::new(CapabilityKind::new(capability).ok_or(WareError)?, size))
    }
}

impl Serialize for Ware {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Ware {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Ware {
    fn schema_name() -> Cow<'static, str> {
        "Ware".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^[a-z0-9_.-]{1,128}(/(small|medium|large))?$", "description": "chat, chat/large, ..." })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wares_are_read_as_they_are_written() {
        for text in ["chat", "chat/medium", "tool.weather/large"] {
            assert_eq!(text.parse::<Ware>().unwrap().to_string(), text);
        }
        assert_eq!("chat/small".parse::<Ware>().unwrap().to_string(), "chat");
        for wrong in ["", "chat/", "chat/huge", "Chat", "chat/large/small"] {
            assert_eq!(wrong.parse::<Ware>(), Err(WareError), "{wrong:?}");
        }
    }
}
