//! Numbers in English words.

const ONES: [&str; 20] = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
];
const TENS: [&str; 10] =
    ["", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];
const THOUSANDS: [&str; 7] =
    ["", " thousand", " million", " billion", " trillion", " quadrillion", " quintillion"];

/// `123` as "one hundred twenty-three".
pub(crate) fn cardinal(number: u64) -> String {
    if number == 0 {
        return ONES[0].to_owned();
    }
    let mut groups = Vec::new();
    let (mut rest, mut power) = (number, 0);
    while rest > 0 {
        if rest % 1_000 > 0 {
            groups.push(format!("{}{}", below_thousand(rest % 1_000), THOUSANDS[power]));
        }
        rest /= 1_000;
        power += 1;
    }
    groups.reverse();
    groups.join(" ")
}

fn below_thousand(number: u64) -> String {
    let (hundreds, rest) = (number / 100, number % 100);
    match (hundreds, rest) {
        (0, _) => below_hundred(rest),
        (_, 0) => format!("{} hundred", ONES[hundreds as usize]),
        _ => format!("{} hundred {}", ONES[hundreds as usize], below_hundred(rest)),
    }
}

fn below_hundred(number: u64) -> String {
    match (number / 10, number % 10) {
        (0 | 1, _) => ONES[number as usize].to_owned(),
        (tens, 0) => TENS[tens as usize].to_owned(),
        (tens, ones) => format!("{}-{}", TENS[tens as usize], ONES[ones as usize]),
    }
}

/// `23` as "twenty-third".
pub(crate) fn ordinal(number: u64) -> String {
    let words = cardinal(number);
    let split = words.rfind([' ', '-']).map_or(0, |at| at + 1);
    let (before, last) = words.split_at(split);
    let last = match last {
        "one" => "first".to_owned(),
        "two" => "second".to_owned(),
        "three" => "third".to_owned(),
        "five" => "fifth".to_owned(),
        "eight" => "eighth".to_owned(),
        "nine" => "ninth".to_owned(),
        "twelve" => "twelfth".to_owned(),
        _ => match last.strip_suffix('y') {
            Some(stem) => format!("{stem}ieth"),
            None => format!("{last}th"),
        },
    };
    format!("{before}{last}")
}

/// A year, as `1984` is "nineteen eighty-four".
pub(crate) fn year(year: u64) -> String {
    let (century, rest) = (year / 100, year % 100);
    match (century, rest) {
        (0..=9, _) | (100.., _) => cardinal(year),
        (_, 0) if century % 10 == 0 => cardinal(year),
        (_, 0) => format!("{} hundred", below_hundred(century)),
        (20, 1..=9) => format!("two thousand {}", ONES[rest as usize]),
        (_, 1..=9) => format!("{} oh {}", below_hundred(century), ONES[rest as usize]),
        _ => format!("{} {}", below_hundred(century), below_hundred(rest)),
    }
}

/// Each digit by itself.
pub(crate) fn digits(text: &str) -> String {
    let words = text.bytes().filter(u8::is_ascii_digit).map(|digit| ONES[usize::from(digit - b'0')]);
    words.collect::<Vec<_>>().join(" ")
}

/// A number as it is written: `1,234.5`, `-3`, `1.2.3`. `None` when it is none.
pub(crate) fn written(text: &str) -> Option<String> {
    let (sign, text) = match text.strip_prefix(['-', '−']) {
        Some(rest) => ("minus ", rest),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    let mut parts = text.split('.');
    let whole: String = parts.next()?.chars().filter(|c| *c != ',').collect();
    if !whole.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let mut words = match whole.as_str() {
        "" => "zero".to_owned(),
        // A telephone's, a key's, a code's.
        _ if whole.len() > 15 || (whole.len() > 1 && whole.starts_with('0')) => digits(&whole),
        _ => cardinal(whole.parse().ok()?),
    };
    let parts: Vec<&str> = parts.collect();
    for part in &parts {
        // Of a version, each part is a number; of a decimal, each digit.
        let number = (parts.len() > 1 && part.len() <= 3).then(|| part.parse().ok().map(cardinal)).flatten();
        words = format!("{words} point {}", number.unwrap_or_else(|| digits(part)));
    }
    Some(format!("{sign}{words}"))
}

/// Whether a number as it is written is exactly one.
pub(crate) fn is_one(text: &str) -> bool {
    text == "1"
}

/// More than one of something.
pub(crate) fn plural(word: &str) -> String {
    if word.ends_with('s') || word.ends_with('x') || word.ends_with("ch") {
        format!("{word}es")
    } else {
        format!("{word}s")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_words() {
        for (number, cardinal_words, ordinal_words) in [
            (0, "zero", "zeroth"),
            (1, "one", "first"),
            (12, "twelve", "twelfth"),
            (20, "twenty", "twentieth"),
            (21, "twenty-one", "twenty-first"),
            (99, "ninety-nine", "ninety-ninth"),
            (100, "one hundred", "one hundredth"),
            (342, "three hundred forty-two", "three hundred forty-second"),
            (1_000, "one thousand", "one thousandth"),
            (1_000_005, "one million five", "one million fifth"),
        ] {
            assert_eq!(
                (cardinal(number).as_str(), ordinal(number).as_str()),
                (cardinal_words, ordinal_words)
            );
        }
        assert!(cardinal(u64::MAX).starts_with("eighteen quintillion"));
    }

    #[test]
    fn years() {
        for (number, words) in [
            (1066, "ten sixty-six"),
            (1900, "nineteen hundred"),
            (1905, "nineteen oh five"),
            (1984, "nineteen eighty-four"),
            (2000, "two thousand"),
            (2005, "two thousand five"),
            (2024, "twenty twenty-four"),
            (476, "four hundred seventy-six"),
        ] {
            assert_eq!(year(number), words);
        }
    }

    #[test]
    fn as_they_are_written() {
        for (text, words) in [
            ("1,234,567", Some("one million two hundred thirty-four thousand five hundred sixty-seven")),
            ("3.14", Some("three point one four")),
            ("-0.5", Some("minus zero point five")),
            ("1.2.3", Some("one point two point three")),
            ("007", Some("zero zero seven")),
            (
                "12345678901234567890",
                Some(
                    "one two three four five six seven eight nine zero one two three four five six seven eight nine zero",
                ),
            ),
            ("x", None),
        ] {
            assert_eq!(written(text).as_deref(), words, "{text}");
        }
    }
}
