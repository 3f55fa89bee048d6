//! What the realm knows of each language: one table per language, in a file of its own. To add a language, copy one of
//! them; the tests check that every pattern can be read and that nothing is missing.
//!
//! Patterns are those of `pattern`. `<name>` in one stands for the words of that name in the table's `names`.

mod de;
mod en;
mod es;
mod fr;
mod it;

use crate::resolved::Control;
use crate::say::Say;

/// A language's table.
#[derive(Debug)]
pub(crate) struct Language {
    /// Its code, as in `en`.
    pub(crate) code: &'static str,
    /// Whether an apostrophe parts two words, as in `l'image`.
    pub(crate) elides: bool,
    /// Politeness that means nothing at the beginning or the end of an utterance.
    pub(crate) courtesy: &'static [&'static str],
    /// What may stand before an order: `could you`, `I want you to`. It is no part of the order, but of a question.
    pub(crate) requests: &'static [&'static str],
    /// Groups of words that patterns refer to.
    pub(crate) names: &'static [(&'static str, &'static str)],
    /// The words to the realm itself.
    pub(crate) controls: &'static [(Control, &'static [&'static str])],
    /// Sure ways to ask for something to be done.
    pub(crate) actions: &'static [Action],
    /// What parts two wishes in one sentence: `and then`.
    pub(crate) joins: &'static [&'static str],
    /// What stands for the result of the wish before: `it`, `the summary`.
    pub(crate) former: &'static [&'static str],
    /// What stands for the page that somebody has before them: `this article`.
    pub(crate) page: &'static [&'static str],
    /// Ways to ask for something to be done with what another wish brings, which stands in the slot `{of}`; `{to}` is the
    /// language or the person.
    pub(crate) handlings: &'static [(Handling, &'static [&'static str])],
    /// Numbers in words, up to a hundred; what is missing is put together from tens and ones.
    pub(crate) numbers: &'static [(&'static str, u32)],
    /// What may stand between the parts of a number or a duration: `twenty and five`.
    pub(crate) and: &'static [&'static str],
    /// The half of a unit, before or after it: `half an hour`, `an hour and a half`.
    pub(crate) half: &'static [&'static str],
    /// Units of time, in seconds.
    pub(crate) units: &'static [(&'static str, u32)],
    /// Words of arithmetic.
    pub(crate) arithmetic: &'static [&'static str],
    /// What is switched and set in a home.
    pub(crate) devices: &'static [&'static str],
    /// When: phrases, and what they are called in parameters.
    pub(crate) days: &'static [(&'static str, &'static str)],
    /// What stands before a place.
    pub(crate) places: &'static [&'static str],
    /// What the realm says.
    pub(crate) say: Say,
}

/// What can be done with the result of an earlier step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Handling {
    /// Say it in fewer words.
    Summarise,
    /// Say it in another language.
    Translate,
    /// Send it by mail.
    Mail,
    /// Draw a picture of it.
    Draw,
}

/// Ways to ask for one thing.
#[derive(Debug)]
pub(crate) struct Action {
    /// What does it.
    pub(crate) capability: &'static str,
    /// Parameters that these words imply.
    pub(crate) params: &'static [(&'static str, &'static str)],
    /// The words. Slots are `{text}` and parameters; `{duration}`, `{expression}`, `{device}` and `{url}` take only
    /// what is one.
    pub(crate) patterns: &'static [&'static str],
    /// Words that look like it and mean something else.
    pub(crate) unless: &'static [&'static str],
}

/// All languages; the first is the one for whoever speaks none of them.
pub(crate) static ALL: &[&Language] = &[&en::ENGLISH, &de::GERMAN, &fr::FRENCH, &es::SPANISH, &it::ITALIAN];

/// The language of a code such as `de` or `de-AT`.
pub(crate) fn by_code(code: &str) -> Option<&'static Language> {
    let primary = code.split(['-', '_']).next().unwrap_or_default().to_ascii_lowercase();
    ALL.iter().copied().find(|language| language.code == primary)
}
