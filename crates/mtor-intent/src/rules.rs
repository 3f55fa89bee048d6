//! Rules: words that always mean the same. Compiled once from the languages' tables.

use std::collections::{BTreeMap, HashMap};
use std::sync::OnceLock;

use crate::defaults;
use crate::languages::{ALL, Action, Handling, Language};
use crate::pattern::{Cut, Pattern};
use crate::resolved::Control;
use crate::values;
use crate::wake::WakeWord;
use crate::words::Word;

/// A language's patterns, ready to be matched.
#[derive(Debug)]
pub(crate) struct Rules {
    pub(crate) language: &'static Language,
    courtesy: Table<()>,
    requests: Table<()>,
    controls: Table<Control>,
    actions: Table<&'static Action>,
    joins: Table<()>,
    former: Table<()>,
    page: Table<()>,
    handlings: Table<Handling>,
    /// Of each action, by its place in the language's table: the words that look like it and mean something else.
    unless: Vec<Vec<Pattern>>,
}

/// Patterns with what they mean, in order, found by the word that they begin with.
#[derive(Debug)]
struct Table<T> {
    rows: Vec<(Pattern, T)>,
    by_first_word: HashMap<String, Vec<usize>>,
    /// Those that may begin with any word.
    others: Vec<usize>,
}

impl<T> Table<T> {
    fn new(rows: Vec<(Pattern, T)>) -> Self {
        let (mut by_first_word, mut others) = (HashMap::<String, Vec<usize>>::new(), Vec::new());
        for (at, (pattern, _)) in rows.iter().enumerate() {
            let Some(words) = pattern.first_words() else {
                others.push(at);
                continue;
            };
            for word in words {
                let places = by_first_word.entry(word.to_owned()).or_default();
                if places.last() != Some(&at) {
                    places.push(at);
                }
            }
        }
        Self { rows, by_first_word, others }
    }

    /// The rows that may match from this word on, in order.
    fn candidates(&self, word: Option<&Word>) -> impl Iterator<Item = &(Pattern, T)> {
        let by_word = word.and_then(|word| self.by_first_word.get(&word.norm)).map_or(&[][..], Vec::as_slice);
        let mut places: Vec<usize> = by_word.iter().chain(&self.others).copied().collect();
        places.sort_unstable();
        places.into_iter().map(|at| &self.rows[at])
    }

    /// Where rows end that match from `at` on, each with what it means.
    fn ends<'t>(&'t self, words: &[Word], at: usize) -> Vec<(usize, &'t T)> {
        let candidates = self.candidates(words.get(at));
        let ends = candidates
            .flat_map(|(pattern, of)| pattern.ends(words, at).into_iter().map(move |end| (end, of)));
        ends.filter(|(end, _)| *end > at).collect()
    }

    /// Where the longest of them ends.
    fn longest(&self, words: &[Word], at: usize) -> Option<usize> {
        self.ends(words, at).into_iter().map(|(end, _)| end).max()
    }
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
        let patterns = |table: &'static [&'static str]| {
            table.iter().filter_map(|text| Pattern::parse(&expanded(language, text)))
        };
        let with = |table| patterns(table).map(|pattern| (pattern, ())).collect();
        let controls = language.controls.iter();
        let actions = language.actions.iter();
        Self {
            language,
            courtesy: Table::new(with(language.courtesy)),
            requests: Table::new(with(language.requests)),
            controls: Table::new(
                controls
                    .flat_map(|(control, table)| patterns(table).map(move |pattern| (pattern, *control)))
                    .collect(),
            ),
            joins: Table::new(with(language.joins)),
            former: Table::new(with(language.former)),
            page: Table::new(with(language.page)),
            handlings: Table::new(
                language
                    .handlings
                    .iter()
                    .flat_map(|(how, table)| patterns(table).map(move |pattern| (pattern, *how)))
                    .collect(),
            ),
            unless: actions.clone().map(|action| patterns(action.unless).collect()).collect(),
            actions: Table::new(
                actions
                    .flat_map(|action| patterns(action.patterns).map(move |pattern| (pattern, action)))
                    .collect(),
            ),
        }
    }

    /// The words without politeness at either end, as indices. All of them, when they are nothing but politeness.
    pub(crate) fn without_courtesy(&self, words: &[Word]) -> (usize, usize) {
        let (mut from, mut to) = (0, words.len());
        while let Some(end) = self.courtesy.longest(words, from).filter(|end| *end < to) {
            from = end;
        }
        let ends_in_courtesy = |from: usize, to: usize| {
            (from + 1..to).find(|at| self.courtesy.ends(&words[..to], *at).iter().any(|(end, ())| *end == to))
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
                for (end, control) in self.controls.ends(words, at) {
                    if let Some(merged) = merged(said, *control) {
                        step(end, Some(merged));
                    }
                }
                for (end, ()) in self.courtesy.ends(words, at) {
                    step(end, said);
                }
                // "Could you" stands before a command, never after it.
                for (end, ()) in self.requests.ends(words, at) {
                    if said.is_none() {
                        step(end, said);
                    }
                }
                let called = words.get(at..at + wake.len()).is_some_and(|front| wake.is_exactly(front));
                if called {
                    step(at + wake.len(), said);
                }
            }
        }
        let heard: Vec<Control> = reached[words.len()].iter().filter_map(|said| *said).collect();
        self.language.controls.iter().map(|(control, _)| *control).find(|control| heard.contains(control))
    }

    /// Where the next wish begins when something that parts two of them begins at `at`; or a pause before it does.
    pub(crate) fn join(&self, words: &[Word], at: usize) -> Option<usize> {
        let pause =
            at.checked_sub(1).and_then(|before| words.get(before)).is_some_and(|word| word.pause_after);
        self.joins.longest(words, at).or_else(|| pause.then_some(at))
    }

    /// Whether the words stand for the result of the wish before.
    pub(crate) fn is_former(&self, words: &[Word]) -> bool {
        self.former.longest(words, 0) == Some(words.len())
    }

    /// Whether the words stand for the page that somebody has before them.
    pub(crate) fn is_page(&self, words: &[Word]) -> bool {
        self.page.longest(words, 0) == Some(words.len())
    }

    /// The ways to read the words, without politeness, as something to be done with a result.
    pub(crate) fn handlings<'r>(
        &'r self,
        words: &'r [Word],
    ) -> impl Iterator<Item = (Handling, Vec<Cut<'r>>)> {
        let (from, to) = self.without_courtesy(words);
        let said = &words[from..to];
        let cut = move |(pattern, how): &'r (Pattern, Handling)| {
            let cuts = pattern.cuts(said)?.into_iter();
            Some((*how, cuts.map(|(slot, first, end)| (slot, from + first, from + end)).collect()))
        };
        self.handlings.candidates(said.first()).filter_map(cut)
    }

    /// The action that the words ask for, with or without "could you".
    pub(crate) fn action(&self, words: &[Word]) -> Option<Asked> {
        if words.is_empty() || words.len() > defaults::RULE_WORDS_MAX {
            return None;
        }
        let (mut from, to) = self.without_courtesy(words);
        // "Could you please" may be followed by another one; more is no order any more.
        for _ in 0..3 {
            if let Some(asked) = self.asked(words, from, to) {
                return Some(asked);
            }
            let after = self.requests.longest(words, from).or_else(|| self.courtesy.longest(words, from));
            from = after.filter(|after| *after > from && *after < to)?;
        }
        None
    }

    fn asked(&self, words: &[Word], from: usize, to: usize) -> Option<Asked> {
        let said = &words[from..to];
        let fit = |cuts: &Vec<Cut<'_>>| {
            cuts.iter().all(|(slot, first, end)| values::fits(slot, self.language, &said[*first..*end]))
        };
        let is_meant = |action: &Action| {
            let at = self.language.actions.iter().position(|other| std::ptr::eq(other, action));
            let unless = at.and_then(|at| self.unless.get(at)).into_iter().flatten();
            !unless.into_iter().any(|pattern| pattern.cuts(said).is_some())
        };
        let (action, cuts) = self
            .actions
            .candidates(said.first())
            .filter_map(|(pattern, action)| Some((*action, pattern.cuts_that(said, &fit)?)))
            .find(|(action, _)| is_meant(action))?;
        let mut params: BTreeMap<String, String> =
            action.params.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        for (slot, first, end) in cuts {
            if PARAMETERS.contains(&slot) {
                params.insert(slot.to_owned(), format!("{} {}", from + first, from + end));
            }
        }
        Some(Asked { capability: action.capability, params, from, to })
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
            let handlings = language.handlings.iter().flat_map(|(_, patterns)| patterns.iter());
            let steps = handlings.chain(language.joins).chain(language.former).chain(language.page);
            for text in actions.chain(controls).chain(language.courtesy).chain(language.requests).chain(steps)
            {
                let expanded = expanded(language, text);
                assert!(
                    !expanded.contains('<') && Pattern::parse(&expanded).is_some(),
                    "{}: {text}",
                    language.code
                );
            }
            assert_eq!(language.controls.len(), 13, "{}", language.code);
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
