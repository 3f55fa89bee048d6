//! The door: words in, [`Resolved`] out.

use std::collections::BTreeMap;

use mtor_protocol::CapabilityKind;

use crate::defaults;
use crate::evidence::is_named;
use crate::examples::{EXAMPLES, Example, Label};
use crate::languages::{ALL, Language, by_code};
use crate::resolved::{By, Choice, Control, Resolved, Understanding};
use crate::rules::{Asked, Rules, in_order};
use crate::say;
use crate::tools;
use crate::values;
use crate::wake::WakeWord;
use crate::words::{Word, words};

/// The vectors given to [`Resolver::with_vectors`] are not those of the examples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WrongVectors {
    /// How many there are.
    pub have: usize,
    /// How many examples there are.
    pub examples: usize,
}

impl std::fmt::Display for WrongVectors {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} vectors for {} examples; there has to be one for each, all of the same size and none of zeros",
            self.have, self.examples
        )
    }
}

impl std::error::Error for WrongVectors {}

/// Maps words to what is wanted.
///
/// ```
/// use mtor_intent::{Control, Resolver, Understanding};
/// let resolver = Resolver::new();
/// let heard = resolver.rules("Computer, stop!", "en").unwrap();
/// assert_eq!(heard.understanding, Understanding::Control { control: Control::Stop });
/// assert!(resolver.rules("How do I stop a nosebleed?", "en").is_none());
/// ```
#[derive(Debug, Clone)]
pub struct Resolver {
    wake: WakeWord,
    /// One per example, of length one; empty without them.
    vectors: Vec<Vec<f32>>,
}

impl Default for Resolver {
    fn default() -> Self {
        Self::new()
    }
}

/// What was said, cut to what matters, as one language sees it.
struct Heard<'t> {
    text: &'t str,
    words: Vec<Word>,
    /// The words without wake word; what lies outside is no part of it.
    from: usize,
    to: usize,
}

impl<'t> Heard<'t> {
    fn words(&self) -> &[Word] {
        &self.words[self.from..self.to]
    }

    /// The text of some of its words, in the speaker's own spelling.
    fn slice(&self, from: usize, to: usize) -> &'t str {
        match self.words().get(from..to) {
            Some([first, .., last]) => &self.text[first.start..last.end],
            Some([only]) => &self.text[only.start..only.end],
            _ => "",
        }
    }
}

impl Resolver {
    /// Listens to "computer", and knows no vectors yet.
    pub fn new() -> Self {
        Self { wake: WakeWord::new(defaults::WAKE_WORD), vectors: Vec::new() }
    }

    /// The same, listening to another phrase; to none, when it is empty.
    #[must_use]
    pub fn with_wake_word(self, phrase: &str) -> Self {
        Self { wake: WakeWord::new(phrase), ..self }
    }

    /// The example sentences that vectors are compared with. Embed each `text` once, in order, with the model that embeds
    /// what people say, and give the result to [`Resolver::with_vectors`].
    pub fn examples() -> &'static [Example] {
        EXAMPLES
    }

    /// The same, with the vectors of [`Resolver::examples`].
    ///
    /// # Errors
    /// [`WrongVectors`] when they can't be those of the examples.
    pub fn with_vectors(self, vectors: Vec<Vec<f32>>) -> Result<Self, WrongVectors> {
        let (have, examples) = (vectors.len(), EXAMPLES.len());
        let size = vectors.first().map_or(0, Vec::len);
        let unit: Vec<Vec<f32>> = vectors
            .iter()
            .filter(|vector| vector.len() == size)
            .filter_map(|vector| normalised(vector))
            .collect();
        if unit.len() != examples || have != examples {
            return Err(WrongVectors { have, examples });
        }
        Ok(Self { vectors: unit, ..self })
    }

    /// What was said without the wake word and politeness: what to embed for [`Resolver::nearest`], and what
    /// [`Resolved::text`] will be.
    pub fn clean(&self, text: &str, language: &str) -> String {
        let language = by_code(language).unwrap_or(ALL[0]);
        in_order(language.code).next().map(|rules| self.cleaned(rules, text)).unwrap_or_default()
    }

    /// What the words mean by rules, if they do. `language` is a code such as `de`; tables of other languages are tried
    /// after its own, and all of them when it is unknown or empty.
    pub fn rules(&self, text: &str, language: &str) -> Option<Resolved> {
        let code =
            |rules: &Rules| by_code(language).map_or(rules.language.code, |known| known.code).to_owned();
        in_order(language).find_map(|rules| {
            let heard = self.hear(text, rules.language);
            let resolved = |understanding, language| Resolved {
                text: self.cleaned(rules, text),
                language,
                understanding,
                by: By::Rules,
            };
            if heard.words().is_empty() {
                let code = code(rules);
                let question = say::phrase(say::Phrase::AtYourService, &code).to_owned();
                return Some(resolved(Understanding::Unsure { question, choices: Vec::new() }, code));
            }
            if let Some(control) = rules.control(heard.words(), &self.wake) {
                return Some(resolved(Understanding::Control { control }, code(rules)));
            }
            let asked = rules.action(heard.words())?;
            let act = act_of_rule(&heard, rules.language, asked)?;
            Some(resolved(act, rules.language.code.to_owned()))
        })
    }

    /// What the words mean by rules, else by the examples that lie nearest to `vector`, which is that of
    /// [`Resolver::clean`]'s text.
    ///
    /// The examples are English, as the models are that are small enough; in other languages only rules act, and all else
    /// is a question. So is everything when there are no vectors, or `vector` is of another size than theirs.
    pub fn nearest(&self, text: &str, language: &str, vector: &[f32]) -> Resolved {
        if let Some(resolved) = self.rules(text, language) {
            return resolved;
        }
        let is_english =
            language.is_empty() || by_code(language).is_none_or(|known| known.code == ALL[0].code);
        let comparable = self.vectors.first().is_some_and(|example| example.len() == vector.len());
        match normalised(vector).filter(|_| is_english && comparable) {
            Some(vector) => self.by_examples(text, language, &vector),
            None => self.question(text, language, By::Fallback, 0.0),
        }
    }

    /// What the words mean by rules, else a question.
    pub fn without_vector(&self, text: &str, language: &str) -> Resolved {
        self.rules(text, language).unwrap_or_else(|| self.question(text, language, By::Fallback, 0.0))
    }

    fn by_examples(&self, text: &str, language: &str, vector: &[f32]) -> Resolved {
        let english = ALL[0];
        let heard = self.hear(text, english);
        let mut scores = self.scores(vector);
        // A control word that is not near enough, or too long, is none.
        if let Some(control) = control_among(&scores, heard.words().len()) {
            let understanding = Understanding::Control { control };
            return Resolved { understanding, ..self.question(text, language, By::Examples, 0.0) };
        }
        // Nor is an action done that the words say nothing of.
        scores.retain(|(label, _)| match label {
            Label::Capability(name) => is_named(name, heard.words()),
            Label::Control(_) => false,
        });
        let capability = |at: usize| match scores.get(at) {
            Some((Label::Capability(name), score)) => (*name, *score),
            _ => (CHAT, 0.0),
        };
        let ((best, score), (second, second_score)) = (capability(0), capability(1));
        if best == CHAT || score < defaults::ASK_MIN {
            let by = if best == CHAT { By::Examples } else { By::Fallback };
            return self.question(text, language, by, score);
        }
        let enough = if is_firm(best) { defaults::ACT_FIRMLY_MIN } else { defaults::ACT_MIN };
        let is_clear = score - second_score >= defaults::MARGIN;
        let understanding = if score >= enough && is_clear {
            act_of_example(&heard, english, best, score)
        } else {
            // Whatever else is near; and to be just answered is always a choice.
            let other = if is_clear { CHAT } else { second };
            unsure(&heard, english, &[best, other])
        };
        Resolved { understanding, ..self.question(text, language, By::Examples, score) }
    }

    /// How near each label is, the nearest first.
    fn scores(&self, vector: &[f32]) -> Vec<(Label, f32)> {
        let mut nearest: Vec<(Label, Vec<f32>)> = Vec::new();
        for (example, at) in EXAMPLES.iter().zip(&self.vectors) {
            let similarity = at.iter().zip(vector).map(|(a, b)| a * b).sum::<f32>();
            match nearest.iter_mut().find(|(label, _)| *label == example.label) {
                Some((_, similarities)) => similarities.push(similarity),
                None => nearest.push((example.label, vec![similarity])),
            }
        }
        let mut scores: Vec<(Label, f32)> =
            nearest.into_iter().map(|(label, similarities)| (label, score(similarities))).collect();
        scores.sort_by(|(_, a), (_, b)| b.total_cmp(a));
        scores
    }

    /// It is taken as a question.
    fn question(&self, text: &str, language: &str, by: By, confidence: f32) -> Resolved {
        let language = by_code(language).unwrap_or(ALL[0]);
        let heard = self.hear(text, language);
        Resolved {
            text: self.clean(text, language.code),
            language: language.code.to_owned(),
            understanding: Understanding::Act {
                capability: CapabilityKind::CHAT,
                text: whole(&heard),
                params: BTreeMap::new(),
                confidence: confidence.clamp(0.0, 1.0),
                intent: None,
            },
            by,
        }
    }

    fn hear<'t>(&self, text: &'t str, language: &Language) -> Heard<'t> {
        let words = words(text, language.elides);
        let from = self.wake.at_front(&words);
        let to = words.len() - self.wake.at_end(&words[from..]);
        Heard { text, words, from, to }
    }

    fn cleaned(&self, rules: &Rules, text: &str) -> String {
        let heard = self.hear(text, rules.language);
        let (from, to) = rules.without_courtesy(heard.words());
        with_its_ending(&heard, from, to)
    }
}

const CHAT: &str = "chat";

/// What sends, writes or switches something, which can't be taken back.
fn is_firm(capability: &str) -> bool {
    matches!(capability, "tool.home" | "tool.mail" | "tool.calendar")
}

/// The similarities of a label's nearest examples in one number.
fn score(mut similarities: Vec<f32>) -> f32 {
    similarities.sort_by(|a, b| b.total_cmp(a));
    let Some((nearest, others)) = similarities.split_first() else { return 0.0 };
    let others = &others[..others.len().min(defaults::NEIGHBOURS - 1)];
    if others.is_empty() {
        return *nearest;
    }
    let mean = others.iter().sum::<f32>() / others.len() as f32;
    defaults::NEAREST_WEIGHT * nearest + (1.0 - defaults::NEAREST_WEIGHT) * mean
}

fn control_among(scores: &[(Label, f32)], words: usize) -> Option<Control> {
    let (Label::Control(control), score) = scores.first()? else { return None };
    let lead = score - scores.get(1).map_or(0.0, |(_, second)| *second);
    let sure = *score >= defaults::CONTROL_MIN && lead >= defaults::MARGIN;
    (sure && words <= defaults::CONTROL_WORDS_MAX).then_some(*control)
}

/// What a rule found, with its parameters as text.
fn act_of_rule(heard: &Heard<'_>, language: &Language, asked: Asked) -> Option<Understanding> {
    let said = heard.words();
    let cut = |value: &str| -> Option<(usize, usize)> {
        let (from, to) = value.split_once(' ')?;
        Some((from.parse().ok()?, to.parse().ok()?))
    };
    let mut params = asked.params;
    let mut text = None;
    let mut rest = None;
    for (name, value) in &mut params {
        let Some((from, to)) = cut(value) else { continue };
        *value = heard.slice(from, to).to_owned();
        match name.as_str() {
            "text" => text = Some(value.clone()),
            "city" | "device" | "expression" | "url" | "label" => rest = Some(value.clone()),
            "duration" => *value = values::duration(language, &said[from..to])?.to_string(),
            _ => {}
        }
    }
    params.remove("text");
    if let Some(seconds) = params.remove("duration") {
        params.insert("seconds".to_owned(), seconds);
    }
    let words = &said[asked.from..asked.to];
    add_day(&mut params, language, asked.capability, words);
    // The words that ask for a mail are not what it says.
    let sends =
        asked.capability == "tool.mail" && params.get("action").is_some_and(|action| action == "send");
    let nothing_else = sends || matches!(asked.capability, "tool.weather" | "tool.time" | "tool.news");
    let text = match (text, rest) {
        (Some(text), _) => text,
        (None, Some(rest)) => rest,
        (None, None) if nothing_else => String::new(),
        (None, None) => with_its_ending(heard, asked.from, asked.to),
    };
    Some(act(capability(asked.capability), text, params, defaults::RULE_CONFIDENCE, language))
}

/// What the nearest examples say, with what can be read out of the words all the same.
fn act_of_example(heard: &Heard<'_>, language: &Language, name: &str, score: f32) -> Understanding {
    let said = heard.words();
    let mut params = BTreeMap::new();
    let mut text = whole(heard);
    match name {
        "tool.weather" | "tool.time" => {
            text = values::place(language, said).map(|place| in_text(heard, place)).unwrap_or_default();
            if !text.is_empty() {
                params.insert("city".to_owned(), text.clone());
            }
        }
        "tool.timer" => {
            if let Some(seconds) = values::find_duration(language, said) {
                params.insert("seconds".to_owned(), seconds.to_string());
            }
        }
        "imagine" => text = description(heard).unwrap_or(text),
        _ => {}
    }
    add_day(&mut params, language, name, said);
    act(capability(name), text, params, score.clamp(0.0, 1.0), language)
}

fn act(
    capability: CapabilityKind,
    text: String,
    params: BTreeMap<String, String>,
    confidence: f32,
    language: &Language,
) -> Understanding {
    let intent = tools::intent(&capability, &text, &params, language).map(Box::new);
    Understanding::Act { capability, text, params, confidence, intent }
}

fn unsure(heard: &Heard<'_>, language: &Language, names: &[&str]) -> Understanding {
    let choice = |name: &&str| {
        let (text, intent) = match act_of_example(heard, language, name, 0.0) {
            Understanding::Act { text, intent, .. } => (text, intent),
            _ => (whole(heard), None),
        };
        Choice { capability: capability(name), text, say: say::task(language, name).say.to_owned(), intent }
    };
    Understanding::Unsure {
        question: say::question(language, names),
        choices: names.iter().map(choice).collect(),
    }
}

fn add_day(params: &mut BTreeMap<String, String>, language: &Language, capability: &str, words: &[Word]) {
    if matches!(capability, "tool.weather" | "tool.calendar" | "tool.news")
        && let Some(day) = values::day(language, words)
    {
        params.insert("day".to_owned(), day.to_owned());
    }
}

/// What a picture shall show: what follows `a picture of`.
fn description(heard: &Heard<'_>) -> Option<String> {
    const PICTURES: &[&str] =
        &["picture", "image", "drawing", "painting", "sketch", "illustration", "portrait", "poster"];
    let said = heard.words();
    let at =
        said.windows(2).position(|pair| PICTURES.contains(&pair[0].norm.as_str()) && pair[1].norm == "of")?;
    (at + 2 < said.len()).then(|| with_its_ending(heard, at + 2, said.len()))
}

fn in_text(heard: &Heard<'_>, words: &[Word]) -> String {
    match words {
        [first, .., last] => heard.text[first.start..last.end].to_owned(),
        [only] => heard.text[only.start..only.end].to_owned(),
        [] => String::new(),
    }
}

/// Everything that was said, but for the wake word.
fn whole(heard: &Heard<'_>) -> String {
    with_its_ending(heard, 0, heard.words().len())
}

/// Some of the words as they were written; the last ones with the question mark or full stop that follows.
fn with_its_ending(heard: &Heard<'_>, from: usize, to: usize) -> String {
    let slice = heard.slice(from, to);
    let is_last = heard.from + to == heard.words.len();
    let Some(last) = heard.words().get(..to).and_then(<[Word]>::last).filter(|_| is_last && from < to) else {
        return slice.to_owned();
    };
    let ending: String =
        heard.text[last.end..].chars().take_while(|c| matches!(c, '?' | '!' | '.' | ')' | '"')).collect();
    format!("{slice}{ending}")
}

/// A capability of one of the tables, whose names a test checks.
fn capability(name: &str) -> CapabilityKind {
    CapabilityKind::new(name).unwrap_or(CapabilityKind::CHAT)
}

/// The vector with length one; none of zeros or of what is no number.
fn normalised(vector: &[f32]) -> Option<Vec<f32>> {
    let norm = vector.iter().map(|number| number * number).sum::<f32>().sqrt();
    (norm.is_finite() && norm > f32::EPSILON).then(|| vector.iter().map(|number| number / norm).collect())
}
