//! Numbers, in digits and in words.

use crate::language::Language;

/// The value of a number in digits: `1,234.5` as the English write it, `1.234,5` as others do.
pub(super) fn digits(text: &str, language: Language) -> Option<f64> {
    let comma_is_point = language.has_decimal_comma() && !is_grouped(text, ',', '.') || {
        // `1.234,5` can mean nothing else, whoever writes it.
        text.find('.') < text.rfind(',') && text.contains('.') && text.contains(',')
    };
    let plain = if comma_is_point {
        let groups = text.contains(',') || is_grouped(text, '.', ',');
        let whole = if groups && text.contains('.') { text.replace('.', "") } else { text.to_owned() };
        whole.replace(',', ".")
    } else {
        text.replace(',', "")
    };
    plain.parse().ok()
}

/// Whether a text such as `1,234,567` or `1,234.5` is in groups of three, parted by `group`, at least two of which are
/// whole or a fraction follows.
fn is_grouped(text: &str, group: char, point: char) -> bool {
    let (whole, fraction) = text.split_once(point).map_or((text, None), |(whole, rest)| (whole, Some(rest)));
    let mut groups = whole.split(group);
    let first = groups.next().unwrap_or_default();
    let rest: Vec<&str> = groups.collect();
    let in_threes =
        !rest.is_empty() && (1..=3).contains(&first.len()) && rest.iter().all(|group| group.len() == 3);
    in_threes && (rest.len() > 1 || fraction.is_some())
}

/// The value of a word that is a number: a plain one, or one that multiplies what stands before it.
pub(super) fn word(word: &str) -> Option<Word> {
    if let Some((_, factor)) = FACTORS.iter().find(|(names, _)| names.contains(&word)) {
        return Some(Word::Factor(*factor));
    }
    let value = PLAIN.iter().find(|(_, names)| names.contains(&word)).map(|(value, _)| *value);
    value.or_else(|| german_compound(word)).map(Word::Plain)
}

/// A number in a word.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Word {
    /// It stands for itself.
    Plain(f64),
    /// It multiplies what stands before it: `hundred`.
    Factor(f64),
}

/// `fünfundzwanzig`
fn german_compound(word: &str) -> Option<f64> {
    let (ones, tens) = word.split_once("und")?;
    let of = |name: &str| PLAIN.iter().find(|(_, names)| names.contains(&name)).map(|(value, _)| *value);
    let (ones, tens) = (of(if ones == "ein" { "eins" } else { ones })?, of(tens)?);
    (ones < 10.0 && tens >= 20.0).then_some(tens + ones)
}

const FACTORS: &[(&[&str], f64)] = &[
    (&["hundred", "hundert", "cent", "cents", "cien", "ciento", "cento"], 100.0),
    (&["thousand", "tausend", "mille", "mil", "mila"], 1e3),
    (&["million", "millions", "millionen", "millón", "millones", "milione", "milioni"], 1e6),
    (
        &["billion", "billions", "milliarde", "milliarden", "milliard", "milliards", "miliardo", "miliardi"],
        1e9,
    ),
];

const PLAIN: &[(f64, &[&str])] = &[
    (0.0, &["zero", "null", "zéro", "cero", "nought"]),
    (1.0, &["one", "a", "an", "eins", "ein", "eine", "einem", "einen", "un", "une", "uno", "una"]),
    (2.0, &["two", "zwei", "zwo", "deux", "dos", "due"]),
    (3.0, &["three", "drei", "trois", "tres", "tre"]),
    (4.0, &["four", "vier", "quatre", "cuatro", "quattro"]),
    (5.0, &["five", "fünf", "cinq", "cinco", "cinque"]),
    (6.0, &["six", "sechs", "seis", "sei"]),
    (7.0, &["seven", "sieben", "sept", "siete", "sette"]),
    (8.0, &["eight", "acht", "huit", "ocho", "otto"]),
    (9.0, &["nine", "neun", "neuf", "nueve", "nove"]),
    (10.0, &["ten", "zehn", "dix", "diez", "dieci"]),
    (11.0, &["eleven", "elf", "onze", "once", "undici"]),
    (12.0, &["twelve", "zwölf", "douze", "doce", "dodici"]),
    (13.0, &["thirteen", "dreizehn", "treize", "trece", "tredici"]),
    (14.0, &["fourteen", "vierzehn", "quatorze", "catorce", "quattordici"]),
    (15.0, &["fifteen", "fünfzehn", "quinze", "quince", "quindici"]),
    (16.0, &["sixteen", "sechzehn", "seize", "dieciséis", "sedici"]),
    (17.0, &["seventeen", "siebzehn", "diecisiete", "diciassette"]),
    (18.0, &["eighteen", "achtzehn", "dieciocho", "diciotto"]),
    (19.0, &["nineteen", "neunzehn", "diecinueve", "diciannove"]),
    (20.0, &["twenty", "zwanzig", "vingt", "veinte", "venti"]),
    (30.0, &["thirty", "dreißig", "dreissig", "trente", "treinta", "trenta"]),
    (40.0, &["forty", "vierzig", "quarante", "cuarenta", "quaranta"]),
    (50.0, &["fifty", "fünfzig", "cinquante", "cincuenta", "cinquanta"]),
    (60.0, &["sixty", "sechzig", "soixante", "sesenta", "sessanta"]),
    (70.0, &["seventy", "siebzig", "septante", "setenta", "settanta"]),
    (80.0, &["eighty", "achtzig", "huitante", "octante", "ochenta", "ottanta"]),
    (90.0, &["ninety", "neunzig", "nonante", "noventa", "novanta"]),
    (0.5, &["half", "halb", "halbe", "demi", "media", "medio", "mezzo", "mezza"]),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_read_as_the_language_writes_them() {
        for (text, language, value) in [
            ("1,234.5", Language::En, 1234.5),
            ("1.234,5", Language::De, 1234.5),
            ("1.234,5", Language::En, 1234.5),
            ("3,5", Language::De, 3.5),
            ("3.5", Language::De, 3.5),
            ("1.234.567", Language::De, 1_234_567.0),
            ("1,234,567", Language::Fr, 1_234_567.0),
            ("12", Language::It, 12.0),
        ] {
            assert_eq!(digits(text, language), Some(value), "{text} {language:?}");
        }
    }
}
