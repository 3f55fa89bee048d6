//! Several steps in one sentence: "summarise this article and mail it to Ada" is read, then summarise, then mail. Only what
//! the rules are sure of is taken apart; all else stays one wish.

use std::collections::BTreeMap;

use mtor_protocol::{CapabilityKind, Intent};

use crate::languages::Handling;
use crate::resolved::Understanding;
use crate::resolver::Resolver;
use crate::rules::{Rules, in_order};
use crate::words::{Word, words};

/// Most steps that one sentence is taken apart into.
const STEPS_MAX: usize = 6;

/// One step of a sentence.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// The words that ask for it.
    pub said: String,
    /// What they want.
    pub want: Want,
}

/// What a step wants.
#[derive(Debug, Clone, PartialEq)]
pub enum Want {
    /// Something that a capability does by itself.
    Act {
        /// Which.
        capability: CapabilityKind,
        /// What is left for it.
        text: String,
        /// What could be read out of the words.
        params: BTreeMap<String, String>,
        /// What is to be asked for, where that is known already.
        intent: Option<Box<Intent>>,
    },
    /// Something that is done with what an earlier step brings.
    Handle {
        /// What.
        how: Handling,
        /// The earlier step, by its number from 0.
        of: usize,
        /// The language to translate into, or whom to mail it to; empty where there is nothing to say.
        to: String,
    },
}

impl Resolver {
    /// The steps that some words want, in order, and the language that they are in; nothing when they want one thing, or
    /// when the rules are not sure of each part.
    pub fn steps(&self, text: &str, language: &str) -> Option<(Vec<Step>, &'static str)> {
        let clean = self.clean(text, language);
        in_order(language).find_map(|rules| {
            let words = words(&clean, rules.language.elides);
            let reader = Reader { resolver: self, rules, text: &clean, words: &words };
            let steps = reader.from(0, &mut Vec::new())?;
            (steps.len() > 1).then_some((steps, rules.language.code))
        })
    }
}

struct Reader<'r> {
    resolver: &'r Resolver,
    rules: &'static Rules,
    text: &'r str,
    words: &'r [Word],
}

impl Reader<'_> {
    /// The steps of the words from here on, after those before.
    fn from(&self, at: usize, before: &mut Vec<Step>) -> Option<Vec<Step>> {
        let known = before.len();
        // The shortest clause first: "and" parts two wishes where both sides are some.
        for (end, next) in self.clauses(at) {
            if self.clause(at, end, before).is_some() && before.len() <= STEPS_MAX {
                if next >= self.words.len() {
                    return Some(std::mem::take(before));
                }
                if let Some(steps) = self.from(next, before) {
                    return Some(steps);
                }
            }
            before.truncate(known);
        }
        None
    }

    /// Where a clause that begins here may end, and where the next one begins then.
    fn clauses(&self, at: usize) -> Vec<(usize, usize)> {
        let parted = (at + 1..self.words.len()).filter_map(|end| {
            let next = self.rules.join(self.words, end);
            next.filter(|next| *next < self.words.len()).map(|next| (end, next))
        });
        parted.chain(std::iter::once((self.words.len(), self.words.len()))).collect()
    }

    /// The steps of one clause: what is wanted of it, and before that what it is wanted of.
    fn clause(&self, from: usize, to: usize, steps: &mut Vec<Step>) -> Option<()> {
        let said = self.slice(from, to).to_owned();
        for (how, slots) in self.rules.handlings(&self.words[from..to]) {
            let slot = |name: &str| {
                let cut = slots.iter().find(|(slot, _, _)| *slot == name);
                cut.map(|(_, first, end)| (from + first, from + end))
            };
            let Some(of) = self.handled(slot("of"), steps) else { continue };
            let to = slot("to").map(|(first, end)| self.slice(first, end).to_owned()).unwrap_or_default();
            steps.push(Step { said, want: Want::Handle { how, of, to } });
            return Some(());
        }
        steps.push(self.act(from, to)?);
        Some(())
    }

    /// The step whose result some words stand for: the one before, or one that they ask for. No words stand for the one
    /// before: `mandalo` has its object in the verb.
    fn handled(&self, of: Option<(usize, usize)>, steps: &mut Vec<Step>) -> Option<usize> {
        let Some((first, end)) = of else { return steps.len().checked_sub(1) };
        let words = &self.words[first..end];
        if !steps.is_empty() && self.rules.is_former(words) {
            return Some(steps.len() - 1);
        }
        let step = match self.rules.is_page(words) {
            true => self.page(self.slice(first, end), BTreeMap::new())?,
            false => self.act(first, end)?,
        };
        steps.push(step);
        Some(steps.len() - 1)
    }

    /// To read a page: the one at hand, when no address is said.
    fn page(&self, said: &str, params: BTreeMap<String, String>) -> Option<Step> {
        let capability = CapabilityKind::new("tool.web")?;
        Some(Step {
            said: said.to_owned(),
            want: Want::Act { capability, text: said.to_owned(), params, intent: None },
        })
    }

    /// One wish of its own: an address is one to be read.
    fn act(&self, from: usize, to: usize) -> Option<Step> {
        let said = self.slice(from, to).to_owned();
        let words = &self.words[from..to];
        if let [only] = words
            && crate::values::fits("url", self.rules.language, words)
        {
            let url = self.text[only.start..only.end].to_owned();
            return self.page(&said, BTreeMap::from([("url".to_owned(), url)]));
        }
        match self.resolver.rules(&said, self.rules.language.code)?.understanding {
            Understanding::Act { capability, text, params, intent, .. } => {
                Some(Step { said, want: Want::Act { capability, text, params, intent } })
            }
            _ => None,
        }
    }

    fn slice(&self, from: usize, to: usize) -> &str {
        match self.words.get(from..to) {
            Some([first, .., last]) => &self.text[first.start..last.end],
            Some([only]) => &self.text[only.start..only.end],
            _ => "",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The steps in short: capabilities, and handlings with the step that they handle.
    fn steps(text: &str, language: &str) -> Vec<String> {
        let Some((steps, _)) = Resolver::new().steps(text, language) else { return Vec::new() };
        let short = |step: Step| match step.want {
            Want::Act { capability, params, .. } => match params.get("url") {
                Some(url) => format!("{capability} {url}"),
                None => capability.to_string(),
            },
            Want::Handle { how, of, to } => format!("{how:?} {of} {to}").trim_end().to_owned(),
        };
        steps.into_iter().map(short).collect()
    }

    #[test]
    fn sentences_are_taken_apart_where_every_part_is_a_wish() {
        assert_eq!(
            steps("Computer, summarise https://example.org/news and email it to Ada, please", "en"),
            ["tool.web https://example.org/news", "Summarise 0", "Mail 1 Ada"]
        );
        assert_eq!(
            steps("summarise this article and email it to me", "en"),
            ["tool.web", "Summarise 0", "Mail 1 me"]
        );
        assert_eq!(
            steps("Read me the news, translate it into French and then send that to bob@example.org", "en"),
            ["tool.news", "Translate 0 French", "Mail 1 bob@example.org"]
        );
        assert_eq!(steps("summarise the latest news", "en"), ["tool.news", "Summarise 0"]);
        assert_eq!(
            steps("turn on the kitchen light and set a timer for ten minutes", "en"),
            ["tool.home", "tool.timer"]
        );
    }

    #[test]
    fn other_languages_have_steps_too() {
        for (language, said) in [
            ("de", "Fasse https://example.org zusammen und schicke es per Mail an Ada"),
            ("fr", "Résume https://example.org et envoie-le par mail à Ada"),
            ("es", "Resume https://example.org y envíalo por correo a Ada"),
            ("es", "Resume https://example.org y envía el resumen a Ada"),
            ("it", "Riassumi https://example.org e mandalo per mail a Ada"),
        ] {
            assert_eq!(
                steps(said, language),
                ["tool.web https://example.org", "Summarise 0", "Mail 1 Ada"],
                "{said}"
            );
        }
    }

    #[test]
    fn one_wish_is_no_plan_and_what_is_not_sure_is_not_taken_apart() {
        for one in [
            "what is the capital of France",
            "set a timer for ten minutes and thirty seconds",
            "tell me about salt and pepper",
            "summarise the plot of Hamlet and explain it",
            "email it to Ada",
            "who wrote it and why",
            "send an email to Ada saying I come and bring cake",
        ] {
            assert_eq!(steps(one, "en"), [] as [&str; 0], "{one}");
        }
    }
}
