//! What stands for something in particular: durations, calculations, devices, addresses, days, places.

use crate::languages::Language;
use crate::words::{Word, folded, words};

/// Whether the words stand for what a slot of this name takes. Slots of other names take anything.
pub(crate) fn fits(slot: &str, language: &Language, words: &[Word]) -> bool {
    match slot {
        "duration" => duration(language, words).is_some(),
        "expression" => is_expression(language, words),
        "device" => device(language, words),
        "url" => words.len() == 1 && is_address(&words[0].norm),
        "city" => !contains_any(words, language.days.iter().map(|(phrase, _)| *phrase)),
        _ => true,
    }
}

/// Seconds, when the words are a duration from the first to the last: `ten minutes`, `an hour and a half`, `1h 30`.
pub(crate) fn duration(language: &Language, words: &[Word]) -> Option<u64> {
    let is_half = |word: &Word| is_in(language.half, &word.norm);
    let (mut total, mut last_unit, mut at, mut seen) = (0.0_f64, None::<u32>, 0, false);
    while at < words.len() {
        if is_in(language.and, &words[at].norm) && seen && at + 1 < words.len() {
            at += 1;
            continue;
        }
        // `[a] half [an] hour`, and `... and a half` of the unit before.
        let article = usize::from(number(language, &words[at..at + 1]) == Some((1.0, 1)));
        if words.get(at + article).is_some_and(is_half) {
            let mut next = at + article + 1;
            let skipped = words
                .get(next)
                .is_some_and(|word| number(language, std::slice::from_ref(word)) == Some((1.0, 1)));
            if skipped && unit(language, words.get(next + 1)).is_some() {
                next += 1;
            }
            if let Some(seconds) = unit(language, words.get(next)) {
                total += f64::from(seconds) / 2.0;
                at = next + 1;
            } else {
                total += f64::from(last_unit?) / 2.0;
                at += article + 1;
            }
            seen = true;
            continue;
        }
        if let Some((amount, seconds)) = joined(language, &words[at].norm) {
            (total, last_unit, seen) = (total + amount * f64::from(seconds), Some(seconds), true);
            at += 1;
            continue;
        }
        let (amount, taken) = number(language, &words[at..])?;
        at += taken;
        if let Some(seconds) = unit(language, words.get(at)) {
            total += amount * f64::from(seconds);
            last_unit = Some(seconds);
            at += 1;
        } else {
            // `one hour thirty`: minutes are meant.
            let smaller = last_unit.filter(|_| at == words.len())? / 60;
            total += amount * f64::from(smaller);
        }
        seen = true;
    }
    let longest_s = 366.0 * 86_400.0;
    (seen && (1.0..=longest_s).contains(&total)).then_some(total.round() as u64)
}

/// The first duration among the words, with where it begins and ends.
pub(crate) fn find_duration(language: &Language, words: &[Word]) -> Option<u64> {
    const LONGEST_WORDS: usize = 8;
    (0..words.len()).find_map(|from| {
        let last = words.len().min(from + LONGEST_WORDS);
        (from + 1..=last).rev().find_map(|to| duration(language, &words[from..to]))
    })
}

/// The hour that a word stands for.
pub(crate) fn hour(language: &Language, norm: &str) -> Option<u32> {
    let is_article = |value: &u32| *value == 1 && !matches!(norm, "one" | "eins");
    let found = language.numbers.iter().find(|(word, _)| folded(word) == norm).map(|(_, value)| *value);
    found.filter(|value| *value < 24 && !is_article(value))
}

/// The days that the words speak of: the one that is named first in the table, which has the longer phrases first.
pub(crate) fn day(language: &Language, words: &[Word]) -> Option<&'static str> {
    language.days.iter().find(|(phrase, _)| contains(words, phrase)).map(|(_, name)| *name)
}

/// What follows the last word that comes before a place: the words from there on.
pub(crate) fn place<'w>(language: &Language, words: &'w [Word]) -> Option<&'w [Word]> {
    let at = words.iter().rposition(|word| is_in(language.places, &word.norm))?;
    let mut rest = &words[at + 1..];
    let is_day = |word: &Word| language.days.iter().any(|(phrase, _)| folded(phrase) == word.norm);
    while let Some((last, before)) = rest.split_last() {
        if !is_day(last) {
            break;
        }
        rest = before;
    }
    // Places are short, and neither times nor articles.
    let short = (1..=3).contains(&rest.len());
    let odd = |word: &Word| {
        word.norm.chars().any(|c| c.is_ascii_digit())
            || unit(language, Some(word)).is_some()
            || matches!(word.norm.as_str(), "the" | "a" | "my" | "this" | "it" | "me" | "us" | "general")
    };
    (short && !rest.iter().any(odd)).then_some(rest)
}

/// A number at the front of the words, and how many words it takes.
fn number(language: &Language, words: &[Word]) -> Option<(f64, usize)> {
    let value = |word: &Word| word_number(language, &word.norm);
    let first = words.first()?;
    if let Some(digits) = digits(&first.norm) {
        return Some((digits, 1));
    }
    let tens = value(first)?;
    if tens < 20.0 {
        // `one hundred`, `a couple of`: the second word counts.
        let second = words.get(1).filter(|word| matches!(word.norm.as_str(), "hundred" | "couple"));
        return Some(second.and_then(value).map_or((tens, 1), |value| (value, 2)));
    }
    let skip = usize::from(words.get(1).is_some_and(|word| is_in(language.and, &word.norm)));
    match words.get(1 + skip).and_then(value) {
        Some(ones) if ones < 10.0 && ones > 0.0 && !is_article_before_unit(language, words, 1 + skip) => {
            Some((tens + ones, 2 + skip))
        }
        _ => Some((tens, 1)),
    }
}

/// `twenty minutes and a half`: the `a` is no one.
fn is_article_before_unit(language: &Language, words: &[Word], at: usize) -> bool {
    matches!(words[at].norm.as_str(), "a" | "an")
        || words.get(at + 1).is_some_and(|word| is_in(language.half, &word.norm))
}

fn word_number(language: &Language, norm: &str) -> Option<f64> {
    language.numbers.iter().find(|(word, _)| folded(word) == norm).map(|(_, value)| f64::from(*value))
}

fn digits(norm: &str) -> Option<f64> {
    let plain = norm.replace(',', ".");
    (plain.starts_with(|c: char| c.is_ascii_digit()) && !plain.contains([':', '/']))
        .then(|| plain.parse().ok())?
}

/// `10min`, `1h`: number and unit in one word.
fn joined(language: &Language, norm: &str) -> Option<(f64, u32)> {
    let at = norm.find(|c: char| c.is_alphabetic()).filter(|at| *at > 0)?;
    let seconds = language.units.iter().find(|(name, _)| *name == &norm[at..])?.1;
    Some((digits(&norm[..at])?, seconds))
}

fn unit(language: &Language, word: Option<&Word>) -> Option<u32> {
    let word = word?;
    language.units.iter().find(|(name, _)| folded(name) == word.norm).map(|(_, seconds)| *seconds)
}

/// Numbers and words of arithmetic, one of each at least, and nothing else.
fn is_expression(language: &Language, said: &[Word]) -> bool {
    let (mut numbers, mut operators, mut at) = (0, 0, 0);
    while at < said.len() {
        let norm = said[at].norm.as_str();
        let is_sign = norm.chars().all(|c| "+-*/×÷%^=$€".contains(c)) || norm == "x" && numbers > 0;
        let is_sum = norm.starts_with(|c: char| c.is_ascii_digit())
            && norm.chars().all(|c| c.is_ascii_digit() || "+-*/×÷%^.,x".contains(c));
        let phrase = language.arithmetic.iter().map(|phrase| words(phrase, language.elides)).find(|phrase| {
            !phrase.is_empty()
                && said[at..].len() >= phrase.len()
                && phrase.iter().zip(&said[at..]).all(|(a, b)| a.norm == b.norm)
        });
        if let Some(phrase) = phrase {
            operators += 1;
            at += phrase.len();
        } else if is_sign {
            operators += 1;
            at += 1;
        } else if is_sum || word_number(language, norm).is_some() {
            numbers += 1;
            operators += usize::from(norm.contains(['+', '*', '/', '×', '÷', '^', 'x']) && norm.len() > 1);
            at += 1;
        } else if is_in(language.and, norm)
            || matches!(norm, "point" | "thousand" | "million" | "tausend" | "mille" | "mil")
        {
            at += 1;
        } else {
            return false;
        }
    }
    numbers >= 1 && operators >= 1
}

/// A device of the home, with a word or two that say which: `the light in the kitchen`.
fn device(language: &Language, said: &[Word]) -> bool {
    const WORDS_MAX: usize = 6;
    said.len() <= WORDS_MAX && contains_any(said, language.devices.iter().copied())
}

/// `example.org`, `https://example.org/page`: letters after the last dot of its first part.
fn is_address(norm: &str) -> bool {
    let host = norm
        .trim_start_matches("https://")
        .trim_start_matches("http://")
        .split('/')
        .next()
        .unwrap_or_default();
    let ending = host.rsplit_once('.').map_or("", |(_, ending)| ending);
    ending.len() >= 2 && ending.chars().all(|c| c.is_ascii_alphabetic()) && !norm.contains('@')
}

fn contains_any<'a>(said: &[Word], mut phrases: impl Iterator<Item = &'a str>) -> bool {
    phrases.any(|phrase| contains(said, phrase))
}

/// Whether the phrase's words stand next to each other among what was said.
fn contains(said: &[Word], phrase: &str) -> bool {
    let folded = folded(phrase);
    let wanted: Vec<&str> = folded.split(' ').collect();
    said.windows(wanted.len())
        .any(|window| window.iter().zip(&wanted).all(|(word, wanted)| word.norm == *wanted))
}

fn is_in(table: &[&str], norm: &str) -> bool {
    table.iter().any(|word| folded(word) == norm)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::languages::by_code;

    fn seconds(code: &str, said: &str) -> Option<u64> {
        let language = by_code(code).unwrap();
        duration(language, &words(said, language.elides))
    }

    #[test]
    fn durations_are_read_in_every_language() {
        for (code, said, wanted) in [
            ("en", "ten minutes", 600),
            ("en", "half an hour", 1_800),
            ("en", "a half hour", 1_800),
            ("en", "an hour and a half", 5_400),
            ("en", "one hour and twenty five minutes", 5_100),
            ("en", "one hour thirty", 5_400),
            ("en", "90 seconds", 90),
            ("en", "10min", 600),
            ("en", "1h 30", 5_400),
            ("en", "1.5 hours", 5_400),
            ("en", "a couple minutes", 120),
            ("de", "fünfundzwanzig Minuten", 1_500),
            ("de", "eine halbe Stunde", 1_800),
            ("de", "einer Stunde und zehn Minuten", 4_200),
            ("fr", "vingt cinq minutes", 1_500),
            ("fr", "une demi heure", 1_800),
            ("es", "media hora", 1_800),
            ("es", "una hora y media", 5_400),
            ("it", "mezz'ora", 1_800),
            ("it", "un'ora e mezza", 5_400),
        ] {
            assert_eq!(seconds(code, said), Some(wanted), "{code}: {said}");
        }
    }

    #[test]
    fn what_is_no_duration_is_none() {
        for said in [
            "",
            "minutes",
            "ten",
            "the pasta",
            "ten minutes later",
            "half",
            "and",
            "zero seconds",
            "99999999 hours",
        ] {
            assert_eq!(seconds("en", said), None, "{said}");
        }
        let said = words("tell me in about five minutes please", false);
        assert_eq!(find_duration(by_code("en").unwrap(), &said), Some(300));
    }

    #[test]
    fn calculations_are_numbers_and_signs_alone() {
        let english = by_code("en").unwrap();
        for said in [
            "seven times eight",
            "7 * 8",
            "7*8",
            "20 percent of 150",
            "the square root of 81",
            "12 divided by 4",
            "two plus two",
            "3 x 4",
        ] {
            assert!(is_expression(english, &words(said, false)), "{said}");
        }
        for said in ["seven", "the meaning of life", "times", "42", "the square root", "two plus you"] {
            assert!(!is_expression(english, &words(said, false)), "{said}");
        }
    }

    #[test]
    fn addresses_are_told_from_words_and_numbers() {
        assert!(
            is_address("example.org")
                && is_address("https://example.org/a.b")
                && is_address("news.example.co.uk")
        );
        assert!(!is_address("3.5") && !is_address("hello") && !is_address("me@example.org"));
    }
}
