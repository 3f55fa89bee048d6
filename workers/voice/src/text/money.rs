//! Amounts of money in English.

use crate::text::english::{pattern, replaced};
use crate::text::numbers;

/// One currency: its sign or code, one of it, many of it, and its hundredth.
struct Currency {
    signs: &'static [&'static str],
    one: &'static str,
    many: &'static str,
    hundredth: Option<(&'static str, &'static str)>,
}

const CURRENCIES: [Currency; 7] = [
    Currency {
        signs: &["$", "USD", "US$"],
        one: "dollar",
        many: "dollars",
        hundredth: Some(("cent", "cents")),
    },
    Currency { signs: &["€", "EUR"], one: "euro", many: "euros", hundredth: Some(("cent", "cents")) },
    Currency { signs: &["£", "GBP"], one: "pound", many: "pounds", hundredth: Some(("penny", "pence")) },
    Currency { signs: &["¥", "JPY"], one: "yen", many: "yen", hundredth: None },
    Currency { signs: &["CHF"], one: "franc", many: "francs", hundredth: Some(("centime", "centimes")) },
    Currency { signs: &["₹", "INR"], one: "rupee", many: "rupees", hundredth: Some(("paisa", "paise")) },
    Currency { signs: &["₿", "BTC"], one: "bitcoin", many: "bitcoins", hundredth: None },
];

pattern!(
    BEFORE,
    r"(US\$|[$€£¥₹₿]|\b(?:USD|EUR|GBP|JPY|CHF|INR|BTC) ) ?(\d{1,3}(?:,\d{3})+|\d+)(\.\d+)?(?: ?(thousand|million|billion|trillion|[kKMBT]|bn|m)\b)?"
);
pattern!(BEHIND, r"\b(\d{1,3}(?:,\d{3})+|\d+)(\.\d+)? ?(€|£|USD\b|EUR\b|GBP\b|JPY\b|CHF\b|INR\b|BTC\b)");

/// The text with its amounts in words.
pub(crate) fn written_out(text: &str) -> String {
    let text = replaced(text, &BEFORE, |found| {
        let part = found.get(3).map(|part| part.as_str());
        amount(found[1].trim(), &found[2], part, found.get(4).map(|power| power.as_str()))
    });
    replaced(&text, &BEHIND, |found| {
        amount(&found[3], &found[1], found.get(2).map(|part| part.as_str()), None)
    })
}

fn amount(sign: &str, whole: &str, part: Option<&str>, power: Option<&str>) -> Option<String> {
    let currency = CURRENCIES.iter().find(|currency| currency.signs.contains(&sign))?;
    let power = match power {
        Some("k" | "K" | "thousand") => Some("thousand"),
        Some("m" | "M" | "million") => Some("million"),
        Some("B" | "bn" | "billion") => Some("billion"),
        Some("T" | "trillion") => Some("trillion"),
        _ => None,
    };
    let number = format!("{whole}{}", part.unwrap_or_default());
    if let Some(power) = power {
        return Some(format!("{} {power} {}", numbers::written(&number)?, currency.many));
    }
    let hundredths = match (part, currency.hundredth) {
        (None, _) => Some(0),
        // Two digits are cents; any other number of them is a fraction.
        (Some(part), Some(_)) if part.len() == 3 => part[1..].parse::<u64>().ok(),
        _ => None,
    };
    let units = |words: String, is_one: bool| {
        format!("{words} {}", if is_one { currency.one } else { currency.many })
    };
    let Some(hundredths) = hundredths else {
        return Some(units(numbers::written(&number)?, false));
    };
    let cents = currency.hundredth.filter(|_| hundredths > 0).map(|(one, many)| {
        format!("{} {}", numbers::cardinal(hundredths), if hundredths == 1 { one } else { many })
    });
    Some(match cents {
        Some(cents) if whole == "0" => cents,
        Some(cents) => format!("{} and {cents}", units(numbers::written(whole)?, numbers::is_one(whole))),
        None => units(numbers::written(whole)?, numbers::is_one(whole)),
    })
}
