//! The resolver over its evaluation set, over invented sentences, and with invented vectors. How well it does with a real
//! model is measured by `mtor-embed evaluate` and tested there.

#![allow(clippy::unwrap_used)]

mod evaluation;
mod examples;
mod rules;

use std::collections::BTreeMap;

use mtor_intent::{Control, Resolver, Understanding};

/// What is understood by rules, in a word; `None` when no rule knows.
fn by_rules(said: &str, language: &str) -> Option<String> {
    Resolver::new().rules(said, language).map(|resolved| match resolved.understanding {
        Understanding::Control { control } => control_name(control),
        Understanding::Act { capability, .. } => capability.to_string(),
        Understanding::Steps { steps } => steps.join(" / "),
        Understanding::Unsure { question, .. } => question,
    })
}

fn control_name(control: Control) -> String {
    format!("control.{}", format!("{control:?}").to_lowercase())
}

/// The action that rules find: capability, text, parameters.
fn act(said: &str, language: &str) -> (String, String, BTreeMap<String, String>) {
    match Resolver::new().rules(said, language).map(|resolved| resolved.understanding) {
        Some(Understanding::Act { capability, text, params, .. }) => (capability.to_string(), text, params),
        other => panic!("{said}: {other:?}"),
    }
}
