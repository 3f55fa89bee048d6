//! Rules: words that always mean the same. Compiled once from the languages' tables.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use crate::defaults;
use crate::languages::{ALL, Action, Language};
use crate::pattern::{Cut, Pattern};
use crate::resolved::Control;
use crate::values;
use crate::wake::WakeWord;
use crate::words::Word;

/// A language's patterns, ready to be matched.
#[derive(Debug)]
pub(crate) struct Rules {
    pub(crate) language: &'static Language,
    courtesy: Vec<Pattern>,
    requests: Vec<Pattern>,
    controls: Vec<(Control, Vec<Pattern>)>,
    actions: Vec<CompiledAction>,
}

#[derive(Debug)]
struct CompiledAction {
    action: &'static Action,
    patterns: Vec<Pattern>,
    unless: Vec<Pattern>,
}

/// An action that the words ask for.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) capability: &'static str,
    /// What is implied and what was cut out, by name; `text` is what is left for the capability.
    pub(crate) params: BTreeMap<String, String>,
    /// The words without request, as indices.
    pub(crate) from: usize,
    pub(crate) to: usize,
}

/// The slots whose words are handed on; the others only hold a place.
const PARAMETERS: &[&str] = &[
    "text",
    "city",
    "label",
    "when",
    "device",
    "value",
    "to",
    "from",
    "room",
    "unit",
    "style",
    "expression",
    "url",
    "duration",
];

/// All languages' rules, that language's first.
pub(crate) fn in_order(code: &str) -> impl Iterator<Item = &'static Rules> {
    let own = crate::languages::by_code(code).map(|language| language.code);
    let all = all();
    let is_own = move |rules: &&Rules| Some(rules.language.code) == own;
    all.iter().filter(is_own).chain(all.iter().filter(move |rules| !is_own(rules)))
}

fn all() -> &'static [Rules] {
    static RULES: OnceLock<Vec<Rules>> = OnceLock::new();
    RULES.get_or_init(|| ALL.iter().map(|language| Rules::compile(language)).collect())
}

impl Rules {
    fn compile(language: &'static Language) -> Self {
        // A pattern that can't be read is left out; a test finds it.
        let patterns = |table: &'static [&'static str]| -> Vec<Pattern> {
            table.iter().filter_map(|text| Pattern::parse(&expanded(language, text))).collect()
        };
        Self {
            language,
            courtesy: patterns(language.courtesy),
            requests: patterns(language.requests),
            controls: language.controls.iter().map(|(control, table)| (*control, patterns(table))).collect(),
            actions: language
                .actions
                .iter()
                .map(|action| CompiledAction {
                    action,
                    patterns: patterns(action.patterns),
                    unless: patterns(action.unless),
                })
                .collect(),
        }
    }

    /// The words without politeness at either end, as indices. All of them, when they are nothing but politeness.
    pub(crate) fn without_courtesy(&self, words: &[Word]) -> (usize, usize) {
        let (mut from, mut to) = (0, words.len());
        while let Some(end) = longest(&self.courtesy, words, from).filter(|end| *end < to) {
            from = end;
        }
        let ends_in_courtesy = |from: usize, to: usize| {
            (from + 1..to)
                .find(|at| self.courtesy.iter().any(|pattern| pattern.ends(&words[..to], *at).contains(&to)))
        };
        while let Some(at) = ends_in_courtesy(from, to) {
            to = at;
        }
        (from, to)
    }

    /// The control word, if that is what all the words are: any number of ways to say the same, with politeness and the
    /// wake word in between. "No, stop" is a stop.
    pub(crate) fn control(&self, words: &[Word], wake: &WakeWord) -> Option<Control> {
        const WORDS_MAX: usize = 12;
        if words.is_empty() || words.len() > WORDS_MAX {
            return None;
        }
        // What may have been said up to each word; the last entry is all of it.
        let mut reached: Vec<Vec<Option<Control>>> = vec![Vec::new(); words.len() + 1];
        reached[0].push(None);
        for at in 0..words.len() {
            for said in std::mem::take(&mut reached[at]) {
                let mut step = |end: usize, said: Option<Control>| {
                    if !reached[end].contains(&said) {
                        reached[end].push(said);
                    }
                };
                for (control, patterns) in &self.controls {
                    let Some(merged) = merged(said, *control) else { continue };
                    for pattern in patterns {
                        pattern
                            .ends(words, at)
                            .into_iter()
                            .filter(|end| *end > at)
                            .for_each(|end| step(end, Some(merged)));
                    }
                }
                for pattern in &self.courtesy {
                    pattern
                        .ends(words, at)
                        .into_iter()
                        .filter(|end| *end > at)
                        .for_each(|end| step(end, said));
                }
                let called = words.get(at..at + wake.len()).is_some_and(|front| wake.is_exactly(front));
                if called {
                    step(at + wake.len(), said);
                }
            }
        }
        let heard: Vec<Control> = reached[words.len()].iter().filter_map(|said| *said).collect();
        self.controls.iter().map(|(control, _)| *control).find(|control| heard.contains(control))
    }

    /// The action that the words ask for, with or without "could you".
    pub(crate) fn action(&self, words: &[Word]) -> Option<Asked> {
        if words.is_empty() || words.len() > defaults::RULE_WORDS_MAX {
            return None;
        }
        let (mut from, to) = self.without_courtesy(words);
        // "Could you please" may be followed by another one; more is no order any more.
        for _ in 0..3 {
            if let Some(asked) = self.actions.iter().find_map(|action| self.asked(action, words, from, to)) {
                return Some(asked);
            }
            let after = longest(&self.requests, words, from).or_else(|| longest(&self.courtesy, words, from));
            from = after.filter(|after| *after > from && *after < to)?;
        }
        None
    }

    fn asked(&self, compiled: &CompiledAction, words: &[Word], from: usize, to: usize) -> Option<Asked> {
        let said = &words[from..to];
        let fit = |cuts: &Vec<Cut<'_>>| {
            cuts.iter().all(|(slot, first, end)| values::fits(slot, self.language, &said[*first..*end]))
        };
        let cuts = compiled.patterns.iter().find_map(|pattern| pattern.cuts_that(said, &fit))?;
        if compiled.unless.iter().any(|pattern| pattern.cuts(said).is_some()) {
            return None;
        }
        let mut params: BTreeMap<String, String> = compiled
            .action
            .params
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        for (slot, first, end) in cuts {
            if PARAMETERS.contains(&slot) {
                params.insert(slot.to_owned(), format!("{} {}", from + first, from + end));
            }
        }
        Some(Asked { capability: compiled.action.capability, params, from, to })
    }
}

/// Two control words in one breath: yes and no go before any other, and two others contradict each other.
fn merged(before: Option<Control>, next: Control) -> Option<Control> {
    let is_answer = |control: Control| matches!(control, Control::Yes | Control::No);
    match before {
        None => Some(next),
        Some(before) if before == next => Some(next),
        Some(before) if is_answer(before) => Some(next).filter(|next| !is_answer(*next)),
        Some(before) if is_answer(next) => Some(before),
        Some(_) => None,
    }
}

/// Where the longest of the patterns ends that match from `at` on.
fn longest(patterns: &[Pattern], words: &[Word], at: usize) -> Option<usize> {
    patterns.iter().flat_map(|pattern| pattern.ends(words, at)).max().filter(|end| *end > at)
}

/// The pattern with the names of the language's table written out.
fn expanded(language: &Language, text: &str) -> String {
    language
        .names
        .iter()
        .fold(text.to_owned(), |text, (name, words)| text.replace(&format!("<{name}>"), words))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_of_every_language_can_be_read() {
        for language in ALL {
            let actions =
                language.actions.iter().flat_map(|action| action.patterns.iter().chain(action.unless));
            let controls = language.controls.iter().flat_map(|(_, patterns)| patterns.iter());
            for text in actions.chain(controls).chain(language.courtesy).chain(language.requests) {
                let expanded = expanded(language, text);
                assert!(
                    !expanded.contains('<') && Pattern::parse(&expanded).is_some(),
                    "{}: {text}",
                    language.code
                );
            }
            assert_eq!(language.controls.len(), 12, "{}", language.code);
            for action in language.actions {
                assert!(
                    language.say.tasks.iter().any(|(name, _)| *name == action.capability),
                    "{}",
                    action.capability
                );
            }
        }
    }
}
