//! What a worker says of itself, and what passes between it and the broker.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize};

use crate::id::{Digest, Timestamp};
use crate::intent::Intent;
use crate::limits;
use crate::money::Price;
use crate::part::NewPart;
use crate::problem::Problem;
use crate::sound::VoiceInfo;
use crate::tool::ToolInfo;
use crate::usage::{FinishReason, Usage};

/// The name of a capability: `chat`, `embed`, ..., `tool.NAME`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct CapabilityKind(Cow<'static, str>);

impl CapabilityKind {
    /// Write the next message of a conversation.
    pub const CHAT: Self = Self(Cow::Borrowed("chat"));
    /// Turn texts into vectors.
    pub const EMBED: Self = Self(Cow::Borrowed("embed"));
    /// Write down what is said.
    pub const TRANSCRIBE: Self = Self(Cow::Borrowed("transcribe"));
    /// Speak a text.
    pub const SPEAK: Self = Self(Cow::Borrowed("speak"));
    /// Wait for a wake word.
    pub const WAKE: Self = Self(Cow::Borrowed("wake"));

    /// Say what is to be seen in pictures, and talk about them.
    pub const VISION: Self = Self(Cow::Borrowed("vision"));
    /// Say what kind of picture one is.
    pub const CLASSIFY: Self = Self(Cow::Borrowed("classify"));
    /// Read what stands in a picture.
    pub const OCR: Self = Self(Cow::Borrowed("ocr"));
    /// Draw pictures.
    pub const IMAGINE: Self = Self(Cow::Borrowed("imagine"));

    /// A capability by its name: lower-case letters, digits, `_`, `-` and dots between them, at most 128 bytes.
    pub fn new(name: &str) -> Option<Self> {
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-.".contains(&byte);
        let valid = !name.is_empty() && name.len() <= limits::NAME_BYTES_MAX && name.bytes().all(allowed);
        match name {
            "chat" => Some(Self::CHAT),
            "embed" => Some(Self::EMBED),
            "transcribe" => Some(Self::TRANSCRIBE),
            "speak" => Some(Self::SPEAK),
            "wake" => Some(Self::WAKE),
            "vision" => Some(Self::VISION),
            "classify" => Some(Self::CLASSIFY),
            "ocr" => Some(Self::OCR),
            "imagine" => Some(Self::IMAGINE),
            other => valid.then(|| Self(Cow::Owned(other.to_owned()))),
        }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CapabilityKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for CapabilityKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for CapabilityKind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = Cow::<'de, str>::deserialize(deserializer)?;
        Self::new(&name)
            .ok_or_else(|| serde::de::Error::custom("a capability is named with a-z, 0-9, '_', '-' and '.'"))
    }
}

impl JsonSchema for CapabilityKind {
    fn schema_name() -> Cow<'static, str> {
        "CapabilityKind".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^[a-z0-9_.-]{1,128}$", "description": "chat, embed, ..., tool.NAME" })
    }
}

/// The data of `mtor.worker.announce`: what a worker offers. A second announcement replaces the first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Announcement {
    /// What people call this worker.
    pub name: String,
    /// Program and version, for the sysop.
    #[serde(default)]
    pub software: String,
    /// What it can do.
    pub offers: Vec<CapabilityOffer>,
}

impl Announcement {
    /// These offers, under this name.
    pub fn new(name: impl Into<String>, offers: impl Into<Vec<CapabilityOffer>>) -> Self {
        Self { name: name.into(), software: String::new(), offers: offers.into() }
    }

    /// What is wrong with it, if anything.
    pub fn fault(&self) -> Option<String> {
        if self.name.is_empty() || self.name.len() > limits::NAME_BYTES_MAX {
            return Some(format!("name: 1 to {} bytes", limits::NAME_BYTES_MAX));
        }
        if self.software.len() > limits::NAME_BYTES_MAX {
            return Some(format!("software: at most {} bytes", limits::NAME_BYTES_MAX));
        }
        if self.offers.is_empty() || self.offers.len() > limits::OFFERS_MAX {
            return Some(format!("offers: 1 to {}, not {}", limits::OFFERS_MAX, self.offers.len()));
        }
        self.offers
            .iter()
            .enumerate()
            .find_map(|(index, offer)| offer.fault().map(|fault| format!("offers[{index}].{fault}")))
    }
}

/// One capability that a worker offers, with its model, limits, slots and price.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CapabilityOffer {
    /// What it can do.
    pub capability: CapabilityKind,
    /// With which model.
    pub model: String,
    /// How many jobs at once.
    pub slots: u32,
    /// What it asks; nothing, when it is content with any price.
    #[serde(default)]
    pub price: Price,
    /// What it can take.
    #[serde(default)]
    pub limits: OfferLimits,
    /// How fast it writes, measured by itself, in tokens per second for one job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens_per_s: Option<f32>,
    /// How many parameters its model has, by which the realm tells how large it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameters: Option<u64>,
    /// The languages that it understands or speaks, as in ISO 639-1; empty when that is of no account.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub languages: Vec<String>,
    /// The voices that it speaks with; the first is its own choice.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub voices: Vec<VoiceInfo>,
    /// What the tool is, if it is one: workers that offer `tool.NAME` say how to use it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool: Option<Arc<ToolInfo>>,
    /// What it can do beside the capability itself.
    #[serde(default, skip_serializing_if = "Needs::is_none")]
    pub can: Needs,
    /// How many realms stand between the one that offers it and who does it: for peers that hand on what their peers offer.
    #[serde(default, skip_serializing_if = "is_none_between")]
    pub hops: u8,
}

fn is_none_between(hops: &u8) -> bool {
    *hops == 0
}

/// What a job needs of whoever does it, beside the capability itself; and what an offer can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Needs {
    /// Tools that the model is told of, and calls.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub tools: bool,
    /// An answer that keeps to a JSON schema.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub json: bool,
}

impl Needs {
    /// Nothing beside the capability.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

impl CapabilityOffer {
    /// This capability with this model, so many jobs at once, for any price and without limits of its own.
    pub fn new(capability: CapabilityKind, model: impl Into<String>, slots: u32) -> Self {
        let (price, limits, languages, voices, tool, can) = Default::default();
        let (model, tokens_per_s, parameters) = (model.into(), None, None);
        Self {
            capability,
            model,
            slots,
            price,
            limits,
            tokens_per_s,
            parameters,
            languages,
            voices,
            tool,
            can,
            hops: 0,
        }
    }

    fn fault(&self) -> Option<String> {
        if self.model.is_empty() || self.model.len() > limits::NAME_BYTES_MAX {
            return Some(format!("model: 1 to {} bytes", limits::NAME_BYTES_MAX));
        }
        if self.slots == 0 || self.slots > limits::SLOTS_MAX {
            return Some(format!("slots: 1 to {}, not {}", limits::SLOTS_MAX, self.slots));
        }
        if self.languages.len() > limits::VOICES_MAX || self.voices.len() > limits::VOICES_MAX {
            return Some(format!("languages and voices: at most {} of each", limits::VOICES_MAX));
        }
        let name_fits = |name: &String| (1..=limits::NAME_BYTES_MAX).contains(&name.len());
        let voice_fits =
            |voice: &VoiceInfo| [&voice.id, &voice.name, &voice.language].into_iter().all(name_fits);
        if !self.languages.iter().all(name_fits) || !self.voices.iter().all(voice_fits) {
            return Some(format!("languages and voices: names of 1 to {} bytes", limits::NAME_BYTES_MAX));
        }
        if usize::from(self.hops) >= limits::HOPS_MAX {
            return Some(format!("hops: fewer than {}", limits::HOPS_MAX));
        }
        if let Some(fault) = self.tool.as_ref().and_then(|tool| tool.fault()) {
            return Some(fault);
        }
        match self.tokens_per_s {
            Some(speed) if !(speed.is_finite() && speed > 0.0) => {
                Some("tokens_per_s: a positive number".to_owned())
            }
            _ => None,
        }
    }
}

/// The limits of an offer; what is absent is unlimited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct OfferLimits {
    /// The model's window for one job: tokens read and written together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context_tokens: Option<u32>,
    /// Most tokens written for one job.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_tokens: Option<u32>,
    /// Most bytes of text that go in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_bytes: Option<u32>,
}

/// The data of `mtor.worker.beat`: still here; and how fast by now.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Beat {
    /// Measured speed of the first offer, in tokens per second for one job.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens_per_s: Option<f32>,
}

/// The data of `mtor.worker.drain`: no new jobs, please. From the broker: finish and go.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Drain {
    /// Why, for people.
    pub reason: String,
}

/// The data of `mtor.worker.run` (broker to worker): do this. The event's subject is the job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// The fencing token of this assignment; everything that the worker sends for the job carries it.
    pub lease: u64,
    /// What to do.
    // Shared: the broker has it too as long as the job is open.
    pub intent: Arc<Intent>,
    /// Text of the answer that was delivered already by a worker that left: go on right after it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub prefix: String,
    /// Parts of the answer that were delivered already by a worker that left: go on with the next one.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub parts: u32,
    /// Most tokens to write from here on.
    pub output_tokens_max: u32,
    /// When the realm gives up.
    pub deadline: Timestamp,
    /// For a peer realm: the realms that the job has come through, by their accounts, this one last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hops: Vec<crate::AccountId>,
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// The data of `mtor.worker.stop` (broker to worker): stop this at once, nobody wants it any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Stop {
    /// The assignment that is meant.
    pub lease: u64,
}

/// The data of `mtor.worker.chunk` (worker to broker): a piece of the answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Piece {
    /// The assignment.
    pub lease: u64,
    /// The piece.
    pub text: String,
    /// Tokens in it.
    pub tokens: u32,
}

/// The data of `mtor.worker.partial` (worker to broker): what the answer looks like so far, to be replaced by the next
/// one or by the answer itself. It is no part of the answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WorkPartial {
    /// The assignment.
    pub lease: u64,
    /// What is heard so far.
    pub text: String,
}

/// The data of `mtor.worker.part` (worker to broker): a part of the answer that is no text. Its bytes follow at once as
/// binary output frames, with nothing else for this job between them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WorkPart {
    /// The assignment.
    pub lease: u64,
    /// What comes.
    pub part: NewPart,
}

/// The data of `mtor.worker.done` (worker to broker): the answer is whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Done {
    /// The assignment.
    pub lease: u64,
    /// What this worker used for it.
    pub usage: Usage,
    /// Why it stopped.
    pub finish: FinishReason,
    /// SHA-256 over the text and the binary payloads that this worker sent for this assignment, previews left out, in the order
    /// of sending.
    pub output: Digest,
    /// The worker's signature over [`signing_text`](Done::signing_text), base64url.
    pub signature: String,
}

impl Done {
    /// The bytes that the worker signs: job, lease, output digest and usage, each on its line, after a line that
    /// keeps this signature from being taken for another.
    pub fn signing_text(job: crate::JobId, lease: u64, output: &Digest, usage: &Usage) -> String {
        format!(
            "mtor.v1 done\n{job}\n{lease}\n{output}\n{} {} {} {}\n",
            usage.input_tokens, usage.output_tokens, usage.audio_ms, usage.images
        )
    }
}

/// The data of `mtor.worker.failed` (worker to broker): it can't be done here.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WorkFailed {
    /// The assignment.
    pub lease: u64,
    /// Why.
    pub problem: Problem,
    /// What was used before it failed.
    #[serde(default)]
    pub usage: Usage,
    /// Whether another worker may do better.
    pub retry: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capability_names_are_checked() {
        assert_eq!(CapabilityKind::new("chat"), Some(CapabilityKind::CHAT));
        assert!(CapabilityKind::new("tool.weather_2").is_some());
        for wrong in ["", "Chat", "a b", "ü", &"x".repeat(129)] {
            assert!(CapabilityKind::new(wrong).is_none(), "{wrong:?}");
        }
    }

    #[test]
    fn announcements_are_checked() {
        let offer = CapabilityOffer {
            tokens_per_s: Some(20.0),
            ..CapabilityOffer::new(CapabilityKind::CHAT, "m", 1)
        };
        let good =
            Announcement { name: "attic".into(), software: String::new(), offers: vec![offer.clone()] };
        assert_eq!(good.fault(), None);
        let with = |offer| Announcement { offers: vec![offer], ..good.clone() };
        assert_eq!(
            with(CapabilityOffer { slots: 0, ..offer.clone() }).fault().unwrap(),
            "offers[0].slots: 1 to 1024, not 0"
        );
        assert!(with(CapabilityOffer { tokens_per_s: Some(f32::NAN), ..offer.clone() }).fault().is_some());
        assert!(Announcement { name: String::new(), ..good.clone() }.fault().is_some());
        assert!(Announcement { offers: vec![offer; 65], ..good }.fault().is_some());
    }
}
