//! The languages in which the skills answer.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};

/// A language that the skills speak; English for whoever speaks none of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, JsonSchema)]
#[schemars(with = "String")]
pub enum Language {
    /// English.
    #[default]
    En,
    /// German.
    De,
    /// French.
    Fr,
    /// Spanish.
    Es,
    /// Italian.
    It,
}

impl Language {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::En, Self::De, Self::Fr, Self::Es, Self::It];

    /// Its code, as in ISO 639-1.
    pub const fn code(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::De => "de",
            Self::Fr => "fr",
            Self::Es => "es",
            Self::It => "it",
        }
    }

    /// The language of a code such as `de` or `de-AT`.
    pub fn of(code: &str) -> Self {
        let primary = code.split(['-', '_']).next().unwrap_or_default();
        Self::ALL.into_iter().find(|known| known.code().eq_ignore_ascii_case(primary)).unwrap_or_default()
    }

    /// One of these texts, which stand in the order of [`Language::ALL`].
    pub const fn pick<T: Copy>(self, texts: [T; 5]) -> T {
        texts[self as usize]
    }

    /// Whether a comma parts the whole from the fraction.
    pub const fn has_decimal_comma(self) -> bool {
        !matches!(self, Self::En)
    }

    /// A number as it is written, with at most so many digits after the point.
    pub fn number(self, value: f64, digits: usize) -> String {
        let mut text = format!("{value:.digits$}");
        if text.contains('.') {
            text.truncate(text.trim_end_matches('0').trim_end_matches('.').len());
        }
        if text == "-0" {
            text = "0".to_owned();
        }
        if self.has_decimal_comma() { text.replace('.', ",") } else { text }
    }
}

impl<'de> Deserialize<'de> for Language {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|code| Self::of(&code))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_found_with_and_without_country() {
        assert_eq!(
            (Language::of("de-AT"), Language::of("FR"), Language::of("xx")),
            (Language::De, Language::Fr, Language::En)
        );
        for language in Language::ALL {
            assert_eq!(language.pick(Language::ALL), language);
        }
    }

    #[test]
    fn numbers_are_written_as_people_do() {
        assert_eq!((Language::En.number(2.50, 2), Language::De.number(2.5, 2)), ("2.5".into(), "2,5".into()));
        assert_eq!(
            (Language::En.number(-0.001, 1), Language::En.number(100.0, 3)),
            ("0".into(), "100".into())
        );
    }
}
