//! `tool.calculate`: arithmetic as people say and write it, and units into others.

mod expression;
mod numbers;
mod units;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use mtor_worker::protocol::{Effect, ToolInfo};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::language::Language;
use crate::skill::{Answer, Asked, Skill, SkillError, info};

/// The calculator.
#[derive(Debug)]
pub struct Calculate;

/// What to compute.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Arguments {
    /// The calculation, in signs or in words: `7 * (8 + 1)`, `twenty percent of 150`, `5 miles`.
    expression: String,
    /// The unit to convert the result to, such as `km` or `degrees Celsius`.
    unit: Option<String>,
    /// The language of the words and of the answer, as in `en`.
    #[serde(default)]
    language: Language,
}

impl Skill for Calculate {
    fn name(&self) -> &'static str {
        "calculate"
    }

    fn info(&self) -> ToolInfo {
        let description = "Calculates exactly: + - * / ^ %, roots, powers and percentages, in signs or in words; \
                           and converts units of length, mass, volume, temperature, speed, area, time, data and energy.";
        info::<Arguments>(description, Effect::Reads, true)
    }

    fn run<'a>(&'a self, asked: Asked, answer: &'a mut Answer<'_>) -> BoxFuture<'a, Result<(), SkillError>> {
        async move {
            let arguments: Arguments = asked.arguments()?;
            answer.whole(&answered(&arguments)).await
        }
        .boxed()
    }
}

/// The answer in a sentence; what can't be computed is an answer too.
fn answered(arguments: &Arguments) -> String {
    let language = arguments.language;
    let result = match &arguments.unit {
        Some(unit) => converted(&arguments.expression, unit, language),
        None => in_one(&arguments.expression, language),
    };
    match result {
        Ok(result) => language
            .pick(["That is {}.", "Das sind {}.", "Cela fait {}.", "Son {}.", "Fa {}."])
            .replace("{}", &result),
        Err(wrong) => wrong.sentence(language),
    }
}

/// What is wrong with a calculation.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Wrong {
    /// It can't be read at these words.
    Unread(String),
    /// It has no result, or one that is too large.
    NoResult,
    /// Nobody knows this unit.
    UnknownUnit(String),
    /// These two measure different things.
    Unlike(String, String),
}

impl Wrong {
    fn sentence(&self, language: Language) -> String {
        match self {
            Self::Unread(words) => language
                .pick([
                    "I can't calculate “{}”.",
                    "„{}“ kann ich nicht ausrechnen.",
                    "Je ne sais pas calculer « {} ».",
                    "No sé calcular «{}».",
                    "Non so calcolare «{}».",
                ])
                .replace("{}", words),
            Self::NoResult => language
                .pick([
                    "That has no result.",
                    "Das hat kein Ergebnis.",
                    "Cela n'a pas de résultat.",
                    "Eso no tiene resultado.",
                    "Non ha un risultato.",
                ])
                .to_owned(),
            Self::UnknownUnit(unit) => language
                .pick([
                    "I don't know the unit “{}”.",
                    "Die Einheit „{}“ kenne ich nicht.",
                    "Je ne connais pas l'unité « {} ».",
                    "No conozco la unidad «{}».",
                    "Non conosco l'unità «{}».",
                ])
                .replace("{}", unit),
            Self::Unlike(from, to) => language
                .pick([
                    "{a} can't be turned into {b}.",
                    "{a} lässt sich nicht in {b} umrechnen.",
                    "{a} ne se convertit pas en {b}.",
                    "{a} no se puede convertir en {b}.",
                    "{a} non si può convertire in {b}.",
                ])
                .replace("{a}", from)
                .replace("{b}", to),
        }
    }
}

/// A calculation, or a conversion that says its unit itself: `5 miles in km`.
fn in_one(expression: &str, language: Language) -> Result<String, Wrong> {
    let plain = match expression::value(expression, language) {
        Ok(value) => return written(value, language).ok_or(Wrong::NoResult),
        Err(wrong) => wrong,
    };
    const INTO: [&str; 8] = [" into ", " in ", " to ", " en ", " zu ", " nach ", " a ", " as "];
    for into in INTO {
        let lower = expression.to_lowercase();
        // Lower case may be of another length in bytes, where nothing can be cut out any more.
        let Some(at) = lower.rfind(into).filter(|_| lower.len() == expression.len()) else { continue };
        let (amount, unit) = (&expression[..at], &expression[at + into.len()..]);
        if units::find(unit).is_some() {
            return converted(amount, unit, language);
        }
    }
    Err(plain)
}

/// An amount of something in another unit.
fn converted(amount: &str, unit: &str, language: Language) -> Result<String, Wrong> {
    let unit = unit.trim();
    let to = units::find(unit).ok_or_else(|| Wrong::UnknownUnit(unit.to_owned()))?;
    let (value, from_words) = split_amount(amount, language)?;
    let from = units::find(&from_words).ok_or_else(|| Wrong::UnknownUnit(from_words.clone()))?;
    let result = from.to(to, value).ok_or_else(|| Wrong::Unlike(from_words, unit.to_owned()))?;
    let result = written(result, language).ok_or(Wrong::NoResult)?;
    Ok(format!("{result} {unit}"))
}

/// `5 miles`, `a hundred degrees Fahrenheit`: the number and the words of the unit. Without a number it is one.
fn split_amount(amount: &str, language: Language) -> Result<(f64, String), Wrong> {
    let amount = amount.trim();
    let digits = amount.find(|c: char| !c.is_ascii_digit() && !".,-".contains(c)).filter(|at| *at > 0);
    if let Some(at) = digits
        && units::find(&amount[at..]).is_some()
    {
        return Ok((expression::value(&amount[..at], language)?, amount[at..].trim().to_owned()));
    }
    let words: Vec<&str> = amount.split_whitespace().collect();
    // The most words that are a unit; what stands before is the number.
    let at = (0..words.len()).find(|at| units::find(&words[*at..].join(" ")).is_some());
    let Some(at) = at else { return Err(Wrong::UnknownUnit(amount.to_owned())) };
    let number = words[..at].join(" ");
    let value = if number.is_empty() { 1.0 } else { expression::value(&number, language)? };
    Ok((value, words[at..].join(" ")))
}

/// A result as people write it: no more digits than are certain, and none of a computer's rounding.
fn written(value: f64, language: Language) -> Option<String> {
    const CERTAIN_DIGITS: i32 = 12;
    if !value.is_finite() {
        return None;
    }
    if value == 0.0 {
        return Some("0".to_owned());
    }
    let magnitude = value.abs().log10().floor() as i32;
    if !(-9..=15).contains(&magnitude) {
        let text = format!("{value:.6e}");
        let (digits, exponent) = text.split_once('e')?;
        let digits = digits.trim_end_matches('0').trim_end_matches('.');
        let digits = if language.has_decimal_comma() { digits.replace('.', ",") } else { digits.to_owned() };
        return Some(format!("{digits} × 10^{exponent}"));
    }
    // Fractions are said with a few digits; those of small numbers begin further down.
    let shown = if magnitude >= 0 { 6.min(CERTAIN_DIGITS - magnitude).max(0) } else { 5 - magnitude };
    Some(language.number(value, usize::try_from(shown).unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::skill::testing::ask;
    use serde_json::json;

    fn said(expression: &str, language: &str) -> String {
        let language = Language::of(language);
        answered(&Arguments { expression: expression.to_owned(), unit: None, language })
    }

    #[test]
    fn sums_are_answered_in_a_sentence() {
        assert_eq!(said("seven times eight", "en"), "That is 56.");
        assert_eq!(said("0.1 + 0.2", "en"), "That is 0.3.");
        assert_eq!(said("1/3", "de"), "Das sind 0,333333.");
        assert_eq!(said("1/0", "en"), "That has no result.");
        assert_eq!(said("the meaning of life", "en"), "I can't calculate “the meaning of life”.");
        assert_eq!(said("2^100", "en"), "That is 1.267651 × 10^30.");
    }

    #[test]
    fn units_are_converted() {
        assert_eq!(said("5 miles in km", "en"), "That is 8.04672 km.");
        assert_eq!(said("100 degrees Fahrenheit in Celsius", "en"), "That is 37.777778 Celsius.");
        assert_eq!(said("10kg in pounds", "en"), "That is 22.046226 pounds.");
        assert_eq!(said("drei Meilen in Kilometer", "de"), "Das sind 4,828032 Kilometer.");
        assert_eq!(said("2 kg in miles", "en"), "kg can't be turned into miles.");
    }

    #[tokio::test]
    async fn arguments_are_checked() {
        let unit = ask(&Calculate, json!({"expression": "90 minutes", "unit": "hours"})).await.unwrap();
        assert_eq!(unit, "That is 1.5 hours.");
        let wrong = ask(&Calculate, json!({"sum": "1+1"})).await.unwrap_err().to_string();
        assert!(wrong.contains("unknown field `sum`"), "{wrong}");
        let long = ask(&Calculate, json!({"expression": "1".repeat(2_000)})).await.unwrap_err().to_string();
        assert!(long.contains("at most 1024 bytes"), "{long}");
    }
}
