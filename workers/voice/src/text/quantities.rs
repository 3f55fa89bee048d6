//! Numbers with units in English.

use crate::text::english::{pattern, replaced};
use crate::text::numbers;

/// Units as they are written, and one of them in words. Those of a single letter or of a word's shape are listed apart.
const UNITS: &[(&str, &str)] = &[
    ("km/h", "kilometer per hour"),
    ("mph", "mile per hour"),
    ("m/s", "meter per second"),
    ("kWh", "kilowatt hour"),
    ("km²", "square kilometer"),
    ("m²", "square meter"),
    ("m³", "cubic meter"),
    ("km", "kilometer"),
    ("cm", "centimeter"),
    ("mm", "millimeter"),
    ("nm", "nanometer"),
    ("µm", "micrometer"),
    ("m", "meter"),
    ("mi", "mile"),
    ("ft", "foot"),
    ("in.", "inch"),
    ("yd", "yard"),
    ("kg", "kilogram"),
    ("mg", "milligram"),
    ("g", "gram"),
    ("lbs", "pound"),
    ("lb", "pound"),
    ("oz", "ounce"),
    ("ml", "milliliter"),
    ("mL", "milliliter"),
    ("L", "liter"),
    ("l", "liter"),
    ("kB", "kilobyte"),
    ("KB", "kilobyte"),
    ("MB", "megabyte"),
    ("GB", "gigabyte"),
    ("TB", "terabyte"),
    ("KiB", "kibibyte"),
    ("MiB", "mebibyte"),
    ("GiB", "gibibyte"),
    ("Mbps", "megabit per second"),
    ("Gbps", "gigabit per second"),
    ("GHz", "gigahertz"),
    ("MHz", "megahertz"),
    ("kHz", "kilohertz"),
    ("Hz", "hertz"),
    ("ms", "millisecond"),
    ("µs", "microsecond"),
    ("ns", "nanosecond"),
    ("s", "second"),
    ("sec", "second"),
    ("min.", "minute"),
    ("min", "minute"),
    ("hrs", "hour"),
    ("hr", "hour"),
    ("h", "hour"),
    ("kW", "kilowatt"),
    ("MW", "megawatt"),
    ("W", "watt"),
    ("V", "volt"),
    ("mA", "milliampere"),
    ("A", "ampere"),
    ("mAh", "milliampere hour"),
    ("dB", "decibel"),
    ("kcal", "kilocalorie"),
    ("cal", "calorie"),
    ("kJ", "kilojoule"),
    ("J", "joule"),
    ("°", "degree"),
];

pattern!(DEGREES, r"([-−]?)\b(\d+(?:\.\d+)?) ?°? ?°([CF])\b|([-−])(\d+(?:\.\d+)?) ?°([CF])\b");
pattern!(PERCENT, r"(\d) ?%");
pattern!(
    QUANTITY,
    r"(\d{1,3}(?:,\d{3})+|\d+)(\.\d+)? ?(km/h|mph|m/s|kWh|km²|m²|m³|km|cm|mm|nm|µm|mi|ft|in\.|yd|kg|mg|lbs|lb|oz|ml|mL|kB|KB|MB|GB|TB|KiB|MiB|GiB|Mbps|Gbps|GHz|MHz|kHz|Hz|ms|µs|ns|sec|min\.|min|hrs|hr|kW|MW|mAh|mA|dB|kcal|cal|kJ|[mgLlshWVAJ]|°)($|[^A-Za-z0-9'’])"
);
pattern!(BY, r"\b(\d+(?:\.\d+)?)(?: ?[xX] ?|×)(\d+(?:\.\d+)?)\b");
pattern!(FOLD, r"\b(\d+(?:\.\d+)?)[x×]($|[^A-Za-z0-9])");

/// The text with its quantities in words.
pub(crate) fn written_out(text: &str) -> String {
    let text = replaced(text, &DEGREES, |found| {
        let group = |a, b| found.get(a).or_else(|| found.get(b)).map_or("", |group| group.as_str());
        let (sign, number, scale) = (group(1, 4), group(2, 5), group(3, 6));
        let degrees = if numbers::is_one(number) { "degree" } else { "degrees" };
        let scale = if scale == "C" { "Celsius" } else { "Fahrenheit" };
        let minus = if sign.is_empty() { "" } else { "minus " };
        Some(format!("{minus}{} {degrees} {scale}", numbers::written(number)?))
    });
    let text = replaced(&text, &PERCENT, |found| Some(format!("{} percent", &found[1])));
    let text = replaced(&text, &BY, |found| Some(format!("{} by {}", &found[1], &found[2])));
    let text = replaced(&text, &FOLD, |found| Some(format!("{} times{}", &found[1], &found[2])));
    replaced(&text, &QUANTITY, |found| {
        let number = format!("{}{}", &found[1], found.get(2).map_or("", |part| part.as_str()));
        let (written, unit) = UNITS.iter().find(|(written, _)| *written == &found[3])?;
        // The dot of a unit at the end of a sentence ends that too.
        let end = if written.ends_with('.') && found[4].is_empty() { "." } else { "" };
        Some(format!("{number} {}{end}{}", counted(&number, unit), &found[4]))
    })
}

/// One of a unit, or many.
fn counted(number: &str, unit: &str) -> String {
    if numbers::is_one(number) {
        return unit.to_owned();
    }
    match unit.split_once(" per ") {
        Some((above, below)) => format!("{} per {below}", numbers::plural(above)),
        None if unit == "foot" => "feet".to_owned(),
        None if unit.ends_with("hertz") => unit.to_owned(),
        None => numbers::plural(unit),
    }
}
