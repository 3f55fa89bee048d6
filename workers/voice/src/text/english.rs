//! English numbers, dates, amounts and abbreviations, written out as they are said.

use std::sync::LazyLock;

use crate::text::{abbreviations, dates, money, numbers, quantities};
use regex_lite::{Captures, Regex};

/// The text as one would read it aloud. What stands for itself comes first: a date is more than its numbers.
pub(crate) fn written_out(text: &str) -> String {
    let text = without_phoneme_marks(text);
    let text = hash_marks(&text);
    let text = decades(&text);
    let text = dates::written_out(&text);
    let text = money::written_out(&text);
    let text = quantities::written_out(&text);
    let text = shortened_words(&text);
    let text = years(&text);
    let text = plain_numbers(&text);
    signs(&text)
}

/// A pattern of this module's family. Each is a constant that a test compiles.
macro_rules! pattern {
    ($name:ident, $text:expr $(,)?) => {
        static $name: std::sync::LazyLock<regex_lite::Regex> =
            std::sync::LazyLock::new(|| regex_lite::Regex::new($text).expect("a pattern that compiles"));
    };
}
pub(crate) use pattern;

/// Replaces what the pattern finds by what `words` makes of it; `None` leaves it as it is.
pub(crate) fn replaced(
    text: &str,
    pattern: &LazyLock<Regex>,
    words: impl Fn(&Captures<'_>) -> Option<String>,
) -> String {
    pattern
        .replace_all(text, |found: &Captures<'_>| words(found).unwrap_or_else(|| found[0].to_owned()))
        .into_owned()
}

/// espeak-ng takes `[[` for the beginning of phonemes.
fn without_phoneme_marks(text: &str) -> String {
    text.replace("[[", " ").replace("]]", " ")
}

pattern!(HASH, r"#(\d?)([A-Za-z]?)");

/// `#1` and `#topic`.
fn hash_marks(text: &str) -> String {
    replaced(text, &HASH, |found| {
        Some(match (found[1].is_empty(), found[2].is_empty()) {
            (false, _) => format!("number {}{}", &found[1], &found[2]),
            (true, false) => format!("hashtag {}", &found[2]),
            (true, true) => String::new(),
        })
    })
}

pattern!(SHORT, r"\b([A-Za-z](?:[A-Za-z.]*[A-Za-z])?)\.( ?\d)?");
pattern!(SAINT, r"\bSt\.? ([A-Z])");
pattern!(STREET, r"(\b[A-Z][a-z]+ )St\.");
pattern!(WITH, r"\bw/(o\b)? ?");

/// Abbreviations.
fn shortened_words(text: &str) -> String {
    let text = replaced(text, &STREET, |found| Some(format!("{}Street", &found[1])));
    let text = replaced(&text, &SAINT, |found| Some(format!("Saint {}", &found[1])));
    let text = replaced(&text, &WITH, |found| {
        Some(if found.get(1).is_some() { "without " } else { "with " }.to_owned())
    });
    let length = text.len();
    let copy = text.clone();
    replaced(&text, &SHORT, |found| {
        let number = found.get(2).map_or("", |number| number.as_str());
        let (words, dot) = abbreviations::in_english(&found[1]).or_else(|| {
            abbreviations::is_dotted(&found[1]).then_some(("", abbreviations::Dot::EndsBeforeCapital))
        })?;
        if dot == abbreviations::Dot::GoesOnBeforeNumber && number.is_empty() {
            return None;
        }
        let words = if words.is_empty() { found[1].replace('.', " ") } else { words.to_owned() };
        // At the end of the clause the dot was the sentence's as well.
        let behind = copy[found.get(0).map_or(length, |whole| whole.end())..].trim_start();
        let ends = dot == abbreviations::Dot::EndsBeforeCapital
            && number.is_empty()
            && (behind.is_empty() || behind.starts_with(char::is_uppercase));
        Some(format!("{words}{}{number}", if ends { "." } else { "" }))
    })
}

pattern!(DECADE, r"\b(1[1-9]\d|20\d)0['’]?s\b");
pattern!(SHORT_DECADE, r"(?i)\b(the|early|mid|late)([ -])['’]?([2-9]0)['’]?s\b");

/// "The nineties", before they are taken for seconds.
fn decades(text: &str) -> String {
    let text =
        replaced(text, &DECADE, |found| Some(many(&numbers::year(found[1].parse::<u64>().ok()? * 10))));
    replaced(&text, &SHORT_DECADE, |found| {
        Some(format!("{}{}{}", &found[1], &found[2], many(&numbers::cardinal(found[3].parse().ok()?))))
    })
}

/// "ninety" as "nineties".
fn many(words: &str) -> String {
    words.strip_suffix('y').map_or_else(|| format!("{words}s"), |stem| format!("{stem}ies"))
}

pattern!(
    YEAR,
    r"(?i)\b(in|since|by|of|from|until|till|to|before|after|during|around|circa|year|and|spring|summer|autumn|fall|winter|january|february|march|april|may|june|july|august|september|october|november|december),? (1[1-9]\d\d|20\d\d)\b"
);
pattern!(YEARS, r"\b(1[1-9]\d\d|20\d\d) ?[-–—] ?(1[1-9]\d\d|20\d\d)\b");
pattern!(BARE_YEAR, r"\b(19\d\d|20[0-4]\d)\b");

/// Numbers that are years, by the words round them or by themselves.
fn years(text: &str) -> String {
    let year = |text: &str| text.parse().ok().map(numbers::year);
    let text = replaced(text, &YEARS, |found| Some(format!("{} to {}", year(&found[1])?, year(&found[2])?)));
    let is_free = |found: &Captures<'_>, text: &str| {
        let (start, end) = found.get(0).map_or((0, 0), |whole| (whole.start(), whole.end()));
        let before = text[..start].chars().next_back().unwrap_or(' ');
        let mut behind = text[end..].chars();
        let (next, after_next) = (behind.next().unwrap_or(' '), behind.next().unwrap_or(' '));
        let goes_on = ".,/:-".contains(next) && after_next.is_ascii_digit();
        !("$€£.,/-–:".contains(before) || "%°$€".contains(next) || goes_on)
    };
    let copy = text.clone();
    let text = replaced(&text, &YEAR, |found| {
        is_free(found, &copy).then(|| year(&found[2]).map(|year| format!("{} {year}", &found[1]))).flatten()
    });
    let copy = text.clone();
    replaced(&text, &BARE_YEAR, |found| is_free(found, &copy).then(|| year(&found[1])).flatten())
}

pattern!(ORDINAL, r"(?i)\b(\d{1,9})(?:st|nd|rd|th)\b");
pattern!(FRACTION, r"\b([1-9]\d?)/([1-9]\d?)\b");
pattern!(RANGE, r"\b(\d+(?:\.\d+)?) ?[–—] ?(\d+(?:\.\d+)?)\b|\b(\d{1,4})-(\d{1,4})\b");
pattern!(TELEPHONE, r"\+?\b\d{1,4}(?:[-. ]\(?\d{2,4}\)?){2,4}\b|\(\d{3}\) ?\d{3}-\d{4}\b");
pattern!(VERSION, r"\b[vV](\d+(?:\.\d+)*)\b");
pattern!(SUM, r"(\d) ?([+×÷=*/−-]) ?(\d)");
pattern!(POWER, r"\^ ?(\d+)");
pattern!(NUMBER, r"[-−+]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)*");

/// All other numbers.
fn plain_numbers(text: &str) -> String {
    let text = replaced(text, &ORDINAL, |found| found[1].parse().ok().map(numbers::ordinal));
    let text = replaced(&text, &TELEPHONE, |found| {
        let count = found[0].bytes().filter(u8::is_ascii_digit).count();
        // Fewer digits are a sum, a date or a version.
        (7..=15).contains(&count).then(|| telephone(&found[0]))
    });
    let text = replaced(&text, &VERSION, |found| Some(format!("version {}", numbers::written(&found[1])?)));
    let text = replaced(&text, &POWER, |found| {
        Some(match &found[1] {
            "2" => " squared".to_owned(),
            "3" => " cubed".to_owned(),
            power => format!(" to the power of {power}"),
        })
    });
    let text = replaced(&text, &FRACTION, |found| fraction(found[1].parse().ok()?, found[2].parse().ok()?));
    let text = replaced(&text, &RANGE, |found| {
        let ends = [(1, 2), (3, 4)].into_iter().find_map(|(a, b)| Some((found.get(a)?, found.get(b)?)));
        ends.map(|(from, to)| format!("{} to {}", from.as_str(), to.as_str()))
    });
    // Twice, since in "1 + 2 + 3" the two in the middle belongs to both.
    let text = sums(&sums(&text));
    let copy = text.clone();
    replaced(&text, &NUMBER, |found| {
        let (start, end) = found.get(0).map_or((0, 0), |whole| (whole.start(), whole.end()));
        let before = copy[..start].chars().next_back().unwrap_or(' ');
        let behind = copy[end..].chars().next().unwrap_or(' ');
        // Of a name, such as mp3 or 4K, the voice knows better.
        if before.is_alphabetic() || before == '_' || behind.is_alphabetic() {
            return None;
        }
        let number = found[0].trim_start_matches(|c| !before.is_whitespace() && "-−+".contains(c));
        let between = if number.len() < found[0].len() || before.is_ascii_digit() { " " } else { "" };
        Some(format!("{between}{}", numbers::written(number)?))
    })
}

fn sums(text: &str) -> String {
    replaced(text, &SUM, |found| {
        let sign = match &found[2] {
            "+" => "plus",
            "×" | "*" => "times",
            "÷" => "divided by",
            "=" => "equals",
            "/" => "over",
            _ if found[0].contains(" - ") || &found[2] == "−" => "minus",
            _ => return None,
        };
        Some(format!("{} {sign} {}", &found[1], &found[3]))
    })
}

/// Digit by digit, with a rest between the groups.
fn telephone(number: &str) -> String {
    let plus = if number.starts_with('+') { "plus " } else { "" };
    let groups = number.split(|c: char| !c.is_ascii_digit()).filter(|group| !group.is_empty());
    format!("{plus}{}", groups.map(numbers::digits).collect::<Vec<_>>().join(", "))
}

fn fraction(above: u64, below: u64) -> Option<String> {
    let part = match below {
        1 => return None,
        2 => "half".to_owned(),
        4 => "quarter".to_owned(),
        _ if above < below && (below <= 10 || below == 16) => numbers::ordinal(below),
        // 24/7, 9/11: two numbers.
        _ => return Some(format!("{} {}", numbers::cardinal(above), numbers::cardinal(below))),
    };
    Some(match (above, below) {
        (1, _) => format!("one {part}"),
        (_, 2) => format!("{} halves", numbers::cardinal(above)),
        _ => format!("{} {}", numbers::cardinal(above), numbers::plural(&part)),
    })
}

/// Marks that stand for words.
const SIGNS: [(&str, &str); 20] = [
    ("&", " and "),
    (" + ", " plus "),
    (" = ", " equals "),
    ("≠", " is not "),
    ("≈", " about "),
    ("≤", " at most "),
    ("≥", " at least "),
    (" < ", " less than "),
    (" > ", " greater than "),
    ("→", " to "),
    ("×", " times "),
    ("÷", " divided by "),
    ("±", " plus or minus "),
    ("©", " copyright "),
    ("®", ""),
    ("™", ""),
    (" @ ", " at "),
    ("°", " degrees "),
    ("√", " square root of "),
    ("π", " pi "),
];
pattern!(EITHER, r"([A-Za-z])/([A-Za-z])");
fn signs(text: &str) -> String {
    let text = replaced(text, &EITHER, |found| Some(format!("{} slash {}", &found[1], &found[2])));
    SIGNS.iter().fold(text, |text, (sign, words)| text.replace(sign, words))
}

#[cfg(test)]
mod tests {
    use crate::text::clause::{Clause, Kind, Pause};
    use crate::text::speakable;

    fn said(text: &str) -> String {
        speakable(&Clause { source: text.into(), kind: Kind::Prose, pause: Pause::None }, "en")
    }

    #[test]
    fn as_one_reads_aloud() {
        let cases = [
            ("I have 3 cats and 1,204 books.", "I have three cats and one thousand two hundred four books."),
            ("Pi is 3.14159.", "Pi is three point one four one five nine."),
            ("It is -5 outside.", "It is minus five outside."),
            ("The 1st, 2nd and 23rd.", "The first, second and twenty-third."),
            ("Born in 1984, died in 2005.", "Born in nineteen eighty-four, died in two thousand five."),
            (
                "The 1990s were loud, the '80s too, for 30s.",
                "The nineteen nineties were loud, the eighties too, for thirty seconds.",
            ),
            ("From 1914-1918.", "From nineteen fourteen to nineteen eighteen."),
            ("On 2024-03-15 at 14:30.", "On March fifteenth, twenty twenty-four at fourteen thirty."),
            ("On March 5, 1999, it rained.", "On March fifth, nineteen ninety-nine, it rained."),
            ("On 4 July 1776.", "On the fourth of July, seventeen seventy-six."),
            ("At 9:00 am or 3:05 p.m. today.", "At nine a m or three oh five p m today."),
            ("At 12:00.", "At twelve o'clock."),
            ("It costs $5.99 or €3.", "It costs five dollars and ninety-nine cents or three euros."),
            ("$1.5 million and £1 more.", "one point five million dollars and one pound more."),
            ("$0.05 each.", "five cents each."),
            ("Up 50% or 3.5 %.", "Up fifty percent or three point five percent."),
            ("It is 21°C or -3 °F.", "It is twenty-one degrees Celsius or minus three degrees Fahrenheit."),
            ("Run 5 km at 12 km/h.", "Run five kilometers at twelve kilometers per hour."),
            (
                "A 1 kg bag, 500ml, 3.5 GHz, 16GB.",
                "A one kilogram bag, five hundred milliliters, three point five gigahertz, sixteen gigabytes.",
            ),
            ("1/2 cup and 3/4 spoon, 24/7.", "one half cup and three quarters spoon, twenty-four seven."),
            ("Pages 10-20 or 3–4.", "Pages ten to twenty or three to four."),
            ("Call 555-123-4567.", "Call five five five, one two three, four five six seven."),
            ("Use v1.2.3 now.", "Use version one point two point three now."),
            ("2 + 2 = 4 and 3 × 4 = 12.", "two plus two equals four and three times four equals twelve."),
            ("x^2 is 9.", "x squared is nine."),
            ("Dr. Smith and Mrs. Jones.", "Doctor Smith and Missus Jones."),
            ("Fruit, e.g. apples, i.e. pomes, etc.", "Fruit, for example apples, that is pomes, et cetera."),
            ("Cats vs. dogs.", "Cats versus dogs."),
            ("St. Peter lives on Main St. in town.", "Saint Peter lives on Main Street in town."),
            ("See Fig. 3 and No. 5. No.", "See figure three and number five. No."),
            ("On Jan. 5 we met.", "On January fifth we met."),
            ("The U.S. army.", "The U S army."),
            ("A & B, and/or C.", "A and B, and slash or C."),
            ("Room 101 is #1.", "Room one hundred one is number one."),
            ("I'm w/ you w/o doubt.", "I'm with you without doubt."),
            ("The mp3 of B2B.", "The mp3 of B2B."),
            ("Chapter 3.", "Chapter three."),
            ("A 12-year-old.", "A twelve-year-old."),
            ("It takes 5 min. to walk 3 in. more.", "It takes five minutes to walk three inches more."),
        ];
        let wrong: Vec<_> = cases.into_iter().filter(|(text, wanted)| said(text) != *wanted).collect();
        let found: Vec<_> = wrong.iter().map(|(text, _)| said(text)).collect();
        assert!(wrong.is_empty(), "wanted {wrong:#?}, found {found:#?}");
    }
}
