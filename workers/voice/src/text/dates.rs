//! Dates and times in English.

use crate::text::english::{pattern, replaced};
use crate::text::numbers;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

pattern!(ISO_DATE, r"\b(\d{4})-(\d{2})-(\d{2})\b");
pattern!(SLASH_DATE, r"\b(\d{1,2})/(\d{1,2})/(\d{4})\b");
pattern!(
    MONTH_DAY,
    r"\b(January|February|March|April|May|June|July|August|September|October|November|December|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)\.? (\d{1,2})(?:st|nd|rd|th)?\b(?:(,?) (\d{4})\b)?"
);
pattern!(
    DAY_MONTH,
    r"\b(\d{1,2})(?:st|nd|rd|th)? (January|February|March|April|May|June|July|August|September|October|November|December)\b(?:,? (\d{4})\b)?"
);
pattern!(CLOCK, r"(?i)\b(\d{1,2}):(\d{2})(?::(\d{2}))?( ?[ap]\.?m\b\.?)?");
pattern!(HOUR, r"(?i)\b(\d{1,2}) ?([ap])\.?m\b(\.?)");

/// The text with its dates and times in words.
pub(crate) fn written_out(text: &str) -> String {
    let text = replaced(text, &ISO_DATE, |found| {
        month_day(found[2].parse().ok()?, found[3].parse().ok()?, found[1].parse().ok())
    });
    let text = replaced(&text, &SLASH_DATE, |found| {
        let (first, second): (u64, u64) = (found[1].parse().ok()?, found[2].parse().ok()?);
        // The month comes first, unless it can't be one.
        let (month, day) = if first > 12 { (second, first) } else { (first, second) };
        month_day(month, day, found[3].parse().ok())
    });
    let text = replaced(&text, &MONTH_DAY, |found| {
        let month = 1 + MONTHS.iter().position(|month| month.starts_with(&found[1][..3]))? as u64;
        month_day(month, found[2].parse().ok()?, found.get(4).and_then(|year| year.as_str().parse().ok()))
    });
    let text = replaced(&text, &DAY_MONTH, |found| {
        let day: u64 = found[1].parse().ok().filter(|day| (1..=31).contains(day))?;
        let year = found.get(3).and_then(|year| year.as_str().parse().ok());
        let year = year.map(|year| format!(", {}", numbers::year(year))).unwrap_or_default();
        Some(format!("the {} of {}{year}", numbers::ordinal(day), &found[2]))
    });
    let text = text.replace("the the ", "the ");
    let text = replaced(&text, &CLOCK, |found| {
        let half = found.get(4).map(|half| half.as_str());
        clock(&found[1], &found[2], found.get(3).map(|seconds| seconds.as_str()), half)
    });
    replaced(&text, &HOUR, |found| {
        let hour: u64 = found[1].parse().ok().filter(|hour| (1..=12).contains(hour))?;
        Some(format!("{} {} m{}", numbers::cardinal(hour), found[2].to_lowercase(), ""))
    })
}

/// "March fifteenth, twenty twenty-four"; `None` when there is no such day.
fn month_day(month: u64, day: u64, year: Option<u64>) -> Option<String> {
    if !(1..=31).contains(&day) {
        return None;
    }
    let month = MONTHS.get(usize::try_from(month).ok()?.checked_sub(1)?)?;
    let year = year.map(|year| format!(", {}", numbers::year(year))).unwrap_or_default();
    Some(format!("{month} {}{year}", numbers::ordinal(day)))
}

/// A time of day; `None` when it is none.
fn clock(hour: &str, minute: &str, second: Option<&str>, half: Option<&str>) -> Option<String> {
    let (hour, minute): (u64, u64) = (hour.parse().ok()?, minute.parse().ok()?);
    if hour > 24 || minute > 59 {
        return None;
    }
    let minutes = match (minute, half.is_some()) {
        (0, true) => String::new(),
        (0, false) if hour > 12 || hour == 0 => " hundred".to_owned(),
        (0, false) => " o'clock".to_owned(),
        (1..=9, _) => format!(" oh {}", numbers::cardinal(minute)),
        _ => format!(" {}", numbers::cardinal(minute)),
    };
    let seconds = match second.map(str::parse::<u64>) {
        Some(Ok(second)) if second > 0 => format!(" and {} seconds", numbers::cardinal(second)),
        _ => String::new(),
    };
    let half = match half {
        Some(half) if half.to_lowercase().contains('a') => " a m",
        Some(_) => " p m",
        None => "",
    };
    Some(format!("{}{minutes}{seconds}{half}", numbers::cardinal(hour)))
}
