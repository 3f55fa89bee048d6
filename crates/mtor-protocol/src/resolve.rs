//! What somebody said, and what was understood.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::intent::Intent;
use crate::limits;
use crate::worker::CapabilityKind;

/// The data of `mtor.intent.resolve`, and the body of `POST /api/resolve`: what do these words want?
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Resolve {
    /// What was said.
    pub text: String,
    /// Its language, as in `en`; the likeliest when absent.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub language: String,
    /// The wake word that may stand at its beginning, when it is another than "computer".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wake_word: Option<String>,
}

impl Resolve {
    /// What is wrong with it, if anything, and in which field.
    pub fn fault(&self) -> Option<(&'static str, String)> {
        let too_long = |max: usize| format!("at most {max} bytes");
        if self.text.len() > limits::UTTERANCE_BYTES_MAX {
            return Some(("text", too_long(limits::UTTERANCE_BYTES_MAX)));
        }
        if self.language.len() > limits::LANGUAGE_BYTES_MAX {
            return Some(("language", too_long(limits::LANGUAGE_BYTES_MAX)));
        }
        let phrase = self.wake_word.as_ref().filter(|phrase| phrase.len() > limits::NAME_BYTES_MAX);
        phrase.map(|_| ("wake_word", too_long(limits::NAME_BYTES_MAX)))
    }
}

/// A word to the realm itself, rather than something to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Control {
    /// Stop talking, or whatever is under way.
    Stop,
    /// Say the last answer again.
    Repeat,
    /// Go on where an answer was interrupted.
    Continue,
    /// Talk louder.
    Louder,
    /// Talk more quietly.
    Quieter,
    /// Talk more slowly.
    Slower,
    /// Talk faster.
    Faster,
    /// Forget what was just asked.
    Cancel,
    /// The conversation is over.
    Goodbye,
    /// Stop listening until asked to by hand.
    Mute,
    /// Say what can be asked for.
    Help,
    /// Yes, to a question of the realm's.
    Yes,
    /// No, to a question of the realm's.
    No,
}

/// What was understood.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Understanding {
    /// A word to the realm itself.
    Control {
        /// Which one.
        control: Control,
    },
    /// Something to be done.
    Act {
        /// By what.
        capability: CapabilityKind,
        /// What is left for it: the picture's description, the city, the question.
        text: String,
        /// What could be read out of the words: `city`, `day`, `seconds`, `action`, ...
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        params: BTreeMap<String, String>,
        /// How sure, from 0 to 1.
        confidence: f32,
        /// What to submit, when it is something for a tool and the words say all that the tool has to know.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        intent: Option<Box<Intent>>,
    },
    /// Several things, one after the other or with what another one brings: ask for a [plan](crate::plan).
    Steps {
        /// The words of each.
        steps: Vec<String>,
    },
    /// Not sure enough to act: ask back.
    Unsure {
        /// What to ask, in plain words of the speaker's language.
        question: String,
        /// What may have been meant, the likeliest first.
        choices: Vec<Choice>,
    },
}

/// One thing that may have been meant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Choice {
    /// What would do it.
    pub capability: CapabilityKind,
    /// What is left for it.
    pub text: String,
    /// What it is called on a button, and what the speaker may answer.
    pub say: String,
    /// What to submit for it, when it is something for a tool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intent: Option<Box<Intent>>,
}

/// How it was understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// By rules: these words always mean this.
    Rules,
    /// By examples: it means what sentences near to it mean.
    Examples,
    /// By neither: it is taken as a question.
    Fallback,
}

/// What somebody said, and what they want.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Resolved {
    /// What was said, without wake word and politeness.
    pub text: String,
    /// Its language, as in `en`.
    pub language: String,
    /// What was understood.
    pub understanding: Understanding,
    /// How.
    pub by: By,
}
