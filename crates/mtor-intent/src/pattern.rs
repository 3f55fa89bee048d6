//! Patterns of whole utterances: words, `(this|that)`, `[perhaps]`, and `{slot}` for words that are cut out.
//!
//! ```text
//! (whats|what is) the weather [like] in {city} [today]
//! ```
//!
//! A pattern matches from the first word to the last or not at all; so no command hides inside a question.

use crate::words::{Word, folded};

/// A pattern, ready to be matched.
#[derive(Debug, Clone)]
pub(crate) struct Pattern(Vec<Part>);

#[derive(Debug, Clone)]
enum Part {
    Word(String),
    AnyOf(Vec<Vec<Part>>),
    Slot(String),
}

/// The words that a slot took: its name, the first word and the one after the last.
pub(crate) type Cut<'p> = (&'p str, usize, usize);

impl Pattern {
    /// Reads a pattern. `None` when brackets don't match or a slot has no name, which a test makes sure of for every
    /// pattern that there is.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut rest = text;
        let parts = sequence(&mut rest)?;
        rest.is_empty().then_some(Self(parts))
    }

    /// The words that it may begin with; `None` when it may begin with any.
    pub(crate) fn first_words(&self) -> Option<Vec<&str>> {
        let mut words = Vec::new();
        beginnings(&self.0, &mut words).then_some(words)
    }

    /// What its slots took, if it matches all of the words. Slots take as few words as they can, one at least.
    pub(crate) fn cuts<'p>(&'p self, words: &[Word]) -> Option<Vec<Cut<'p>>> {
        self.cuts_that(words, &|_| true)
    }

    /// The same, of the first way to cut that is right by `fit`.
    pub(crate) fn cuts_that<'p>(
        &'p self,
        words: &[Word],
        fit: &dyn Fn(&Vec<Cut<'p>>) -> bool,
    ) -> Option<Vec<Cut<'p>>> {
        let mut cuts = Vec::new();
        let all = |at: usize, cuts: &mut Vec<Cut<'p>>| at == words.len() && fit(cuts);
        matches(&self.0, words, 0, &mut cuts, &all).then_some(cuts)
    }

    /// Where it may end when it matches from `at` on: every possibility, for phrases without slots.
    pub(crate) fn ends(&self, words: &[Word], at: usize) -> Vec<usize> {
        let ends = std::cell::RefCell::new(Vec::new());
        let note = |end: usize, _: &mut Vec<Cut<'_>>| {
            ends.borrow_mut().push(end);
            false
        };
        matches(&self.0, words, at, &mut Vec::new(), &note);
        ends.into_inner()
    }
}

/// Matches `parts` from the word `at` on, and then whatever `then` wants.
fn matches<'p>(
    parts: &'p [Part],
    words: &[Word],
    at: usize,
    cuts: &mut Vec<Cut<'p>>,
    then: &dyn Fn(usize, &mut Vec<Cut<'p>>) -> bool,
) -> bool {
    let Some((part, after)) = parts.split_first() else { return then(at, cuts) };
    match part {
        Part::Word(wanted) => {
            words.get(at).is_some_and(|word| word.norm == *wanted)
                && matches(after, words, at + 1, cuts, then)
        }
        Part::AnyOf(ways) => ways.iter().any(|way| {
            let before = cuts.len();
            let rest = |at: usize, cuts: &mut Vec<Cut<'p>>| matches(after, words, at, cuts, then);
            matches(way, words, at, cuts, &rest) || {
                cuts.truncate(before);
                false
            }
        }),
        Part::Slot(name) => (at + 1..=words.len()).any(|end| {
            cuts.push((name, at, end));
            matches(after, words, end, cuts, then) || {
                cuts.pop();
                false
            }
        }),
    }
}

/// Gathers the words that these parts may begin with; false when that may be any word, or none.
fn beginnings<'p>(parts: &'p [Part], words: &mut Vec<&'p str>) -> bool {
    let Some((part, after)) = parts.split_first() else { return false };
    match part {
        Part::Word(word) => {
            words.push(word);
            true
        }
        Part::Slot(_) => false,
        Part::AnyOf(ways) => ways.iter().all(|way| {
            // A way that is left out begins with what comes after it.
            if way.is_empty() { beginnings(after, words) } else { beginnings(way, words) }
        }),
    }
}

/// Parts up to the end, a `|` or a closing bracket.
fn sequence(rest: &mut &str) -> Option<Vec<Part>> {
    let mut parts = Vec::new();
    loop {
        *rest = rest.trim_start();
        let Some(first) = rest.chars().next() else { return Some(parts) };
        match first {
            '|' | ')' | ']' => return Some(parts),
            '(' => parts.push(Part::AnyOf(alternatives(rest, ')')?)),
            '[' => {
                let mut ways = alternatives(rest, ']')?;
                ways.push(Vec::new());
                parts.push(Part::AnyOf(ways));
            }
            '{' => {
                let (name, after) = rest[1..].split_once('}')?;
                if name.is_empty() {
                    return None;
                }
                parts.push(Part::Slot(name.to_owned()));
                *rest = after;
            }
            _ => {
                let end = rest.find([' ', '|', ')', ']', '(', '[', '{']).unwrap_or(rest.len());
                parts.push(Part::Word(folded(&rest[..end])));
                *rest = &rest[end..];
            }
        }
    }
}

/// `(a|b)` with its brackets.
fn alternatives(rest: &mut &str, closing: char) -> Option<Vec<Vec<Part>>> {
    *rest = &rest[1..];
    let mut ways = Vec::new();
    loop {
        ways.push(sequence(rest)?);
        let end = rest.chars().next()?;
        *rest = &rest[1..];
        match end {
            '|' => {}
            end if end == closing => return Some(ways),
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::words;

    fn cut(pattern: &str, said: &str) -> Option<Vec<(String, String)>> {
        let pattern = Pattern::parse(pattern).unwrap();
        let words = words(said, false);
        let cuts = pattern.cuts(&words)?;
        let text = |from: usize, to: usize| said[words[from].start..words[to - 1].end].to_owned();
        Some(cuts.into_iter().map(|(name, from, to)| (name.to_owned(), text(from, to))).collect())
    }

    #[test]
    fn words_ways_and_slots_match_whole_utterances_only() {
        let pattern = "(whats|what is) the weather [like] in {city} [today]";
        assert_eq!(
            cut(pattern, "What's the weather in New York today?"),
            Some(vec![("city".into(), "New York".into())])
        );
        assert_eq!(
            cut(pattern, "what is the weather like in Rome"),
            Some(vec![("city".into(), "Rome".into())])
        );
        assert_eq!(cut(pattern, "tell me what is the weather in Rome"), None);
        assert_eq!(cut(pattern, "what is the weather in"), None);
    }

    #[test]
    fn a_way_that_failed_leaves_no_cuts() {
        assert_eq!(cut("(a {x} c|a {y} d)", "a b d"), Some(vec![("y".into(), "b".into())]));
        assert_eq!(cut("[a {x}] {y}", "b c"), Some(vec![("y".into(), "b c".into())]));
    }

    #[test]
    fn ends_are_all_ways_to_stop() {
        let words = words("stop it now", false);
        assert_eq!(Pattern::parse("stop [it]").unwrap().ends(&words, 0), [2, 1]);
        assert!(Pattern::parse("halt").unwrap().ends(&words, 0).is_empty());
    }

    #[test]
    fn broken_patterns_are_none() {
        for broken in ["(a", "a)", "[a|b", "{", "{}", "(a]"] {
            assert!(Pattern::parse(broken).is_none(), "{broken}");
        }
    }
}
