//! Calculations in signs and words: `7 * (8 + 1)`, `twenty percent of 150`, `die Wurzel aus 81`.
//!
//! Words become signs first, by a table of all languages; then the signs are computed with the usual precedence.

use super::Wrong;
use super::numbers::{Word, digits, word};
use crate::language::Language;

/// Signs of one calculation, and how deep its brackets may go.
const TOKENS_MAX: usize = 256;
const DEPTH_MAX: u32 = 32;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Token {
    Number(f64),
    Plus,
    Minus,
    Times,
    Over,
    Power,
    Percent,
    /// `twenty percent of 150`, `half of 8`
    Of,
    Root,
    CubeRoot,
    Square,
    Cube,
    Open,
    Close,
}

/// Words for signs. The longer phrases stand first.
const PHRASES: &[(&str, Token)] = &[
    ("to the power of", Token::Power),
    ("the cube root of", Token::CubeRoot),
    ("cube root of", Token::CubeRoot),
    ("the square root of", Token::Root),
    ("square root of", Token::Root),
    ("die quadratwurzel aus", Token::Root),
    ("quadratwurzel aus", Token::Root),
    ("die wurzel aus", Token::Root),
    ("wurzel aus", Token::Root),
    ("die wurzel von", Token::Root),
    ("wurzel von", Token::Root),
    ("la racine carrée de", Token::Root),
    ("racine carrée de", Token::Root),
    ("racine de", Token::Root),
    ("la raíz cuadrada de", Token::Root),
    ("raíz cuadrada de", Token::Root),
    ("la radice quadrata di", Token::Root),
    ("radice quadrata di", Token::Root),
    ("multiplied by", Token::Times),
    ("multiplié par", Token::Times),
    ("multiplicado por", Token::Times),
    ("moltiplicato per", Token::Times),
    ("divided by", Token::Over),
    ("divide by", Token::Over),
    ("geteilt durch", Token::Over),
    ("dividiert durch", Token::Over),
    ("divisé par", Token::Over),
    ("dividido por", Token::Over),
    ("dividido entre", Token::Over),
    ("diviso per", Token::Over),
    ("por ciento de", Token::Percent),
    ("por ciento", Token::Percent),
    ("per cento di", Token::Percent),
    ("per cento", Token::Percent),
    ("pour cent de", Token::Percent),
    ("pour cent", Token::Percent),
    ("per cent", Token::Percent),
    ("hoch", Token::Power),
    ("puissance", Token::Power),
    ("elevado a", Token::Power),
    ("alla potenza di", Token::Power),
    ("al quadrato", Token::Square),
    ("zum quadrat", Token::Square),
    ("im quadrat", Token::Square),
    ("au carré", Token::Square),
    ("al cuadrado", Token::Square),
    ("squared", Token::Square),
    ("cubed", Token::Cube),
    ("percent", Token::Percent),
    ("prozent", Token::Percent),
    ("plus", Token::Plus),
    ("más", Token::Plus),
    ("più", Token::Plus),
    ("add", Token::Plus),
    ("minus", Token::Minus),
    ("moins", Token::Minus),
    ("menos", Token::Minus),
    ("meno", Token::Minus),
    ("times", Token::Times),
    ("mal", Token::Times),
    ("fois", Token::Times),
    ("por", Token::Times),
    ("per", Token::Times),
    ("over", Token::Over),
    ("durch", Token::Over),
    ("sur", Token::Over),
    ("entre", Token::Over),
    ("of", Token::Of),
    ("von", Token::Of),
    ("de", Token::Of),
    ("di", Token::Of),
    ("x", Token::Times),
];

/// What may stand between the parts of a number, or before a calculation, and means nothing.
const NOTHING: &[&str] =
    &["and", "und", "et", "y", "e", "the", "die", "das", "la", "el", "il", "equals", "is", "gleich"];

/// The value of a calculation.
pub(super) fn value(text: &str, language: Language) -> Result<f64, Wrong> {
    let unread = || Wrong::Unread(text.trim().to_owned());
    let tokens = tokens(text, language).filter(|tokens| tokens.len() <= TOKENS_MAX).ok_or_else(unread)?;
    let mut sum = Sum { tokens: &tokens, at: 0, depth: 0 };
    let value = sum.sum().ok_or_else(unread)?;
    if sum.at != tokens.len() {
        return Err(unread());
    }
    if value.is_finite() { Ok(value) } else { Err(Wrong::NoResult) }
}

fn tokens(text: &str, language: Language) -> Option<Vec<Token>> {
    let lower = text.to_lowercase().replace('’', "'");
    let mut rest = lower.trim().trim_end_matches(['?', '=', '!']).trim();
    let mut tokens = Vec::new();
    while let Some(first) = rest.chars().next() {
        if first.is_whitespace() || matches!(first, '$' | '€' | '£') {
            rest = &rest[first.len_utf8()..];
            continue;
        }
        if first.is_ascii_digit() || first == '.' && rest[1..].starts_with(|c: char| c.is_ascii_digit()) {
            let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.' && c != ',').unwrap_or(rest.len());
            // A full stop or comma at the end belongs to the sentence.
            let number = rest[..end].trim_end_matches(['.', ',']);
            tokens.push(Token::Number(digits(number, language)?));
            rest = &rest[end..];
            continue;
        }
        if let Some(sign) = sign(first) {
            let doubled = first == '*' && rest[1..].starts_with('*');
            tokens.push(if doubled { Token::Power } else { sign });
            rest = &rest[first.len_utf8() + usize::from(doubled)..];
            continue;
        }
        if let Some((phrase, token)) = PHRASES.iter().find(|(phrase, _)| begins_with(rest, phrase)) {
            tokens.push(*token);
            rest = &rest[phrase.len()..];
            continue;
        }
        let end = rest.find(|c: char| !c.is_alphabetic() && c != '\'').unwrap_or(rest.len());
        if end == 0 {
            return None;
        }
        // `twenty-five` is two words.
        let found = rest[..end].trim_matches('\'');
        match word(found) {
            Some(number) => number_word(&mut tokens, number),
            None if NOTHING.contains(&found) => {}
            None => return None,
        }
        rest = &rest[end..];
        if rest.starts_with('-')
            && matches!(tokens.last(), Some(Token::Number(_)))
            && rest[1..].starts_with(char::is_alphabetic)
        {
            rest = &rest[1..];
        }
    }
    Some(tokens)
}

fn sign(sign: char) -> Option<Token> {
    Some(match sign {
        '+' => Token::Plus,
        '-' | '−' | '–' => Token::Minus,
        '*' | '×' | '·' => Token::Times,
        '/' | '÷' | ':' => Token::Over,
        '^' => Token::Power,
        '%' => Token::Percent,
        '√' => Token::Root,
        '²' => Token::Square,
        '³' => Token::Cube,
        '(' => Token::Open,
        ')' => Token::Close,
        _ => return None,
    })
}

/// Whether a text begins with a phrase, and the phrase ends where a word does.
fn begins_with(text: &str, phrase: &str) -> bool {
    text.strip_prefix(phrase).is_some_and(|rest| !rest.starts_with(char::is_alphabetic))
}

/// Puts a word to the number that is being said: `two hundred and five` is one number.
fn number_word(tokens: &mut Vec<Token>, word: Word) {
    match (tokens.last_mut(), word) {
        (Some(Token::Number(before)), Word::Factor(factor)) => {
            // `two thousand three hundred`: only what is below the factor is multiplied.
            let below = *before % factor.max(1_000.0);
            let above = if factor >= 1_000.0 { 0.0 } else { *before - below };
            let small = if factor >= 1_000.0 { *before } else { below };
            *before = above + if small == 0.0 { factor } else { small * factor };
        }
        (Some(Token::Number(before)), Word::Plain(value))
            if *before >= 20.0
                && value < 100.0
                && value > 0.5
                && *before % if value < 10.0 { 10.0 } else { 100.0 } == 0.0 =>
        {
            *before += value;
        }
        (_, Word::Plain(value) | Word::Factor(value)) => tokens.push(Token::Number(value)),
    }
}

/// Computes signs: each method reads what binds as strongly as its name says.
struct Sum<'t> {
    tokens: &'t [Token],
    at: usize,
    depth: u32,
}

impl Sum<'_> {
    fn peek(&self) -> Option<Token> {
        self.tokens.get(self.at).copied()
    }

    fn take(&mut self, token: Token) -> bool {
        let is_it = self.peek() == Some(token);
        self.at += usize::from(is_it);
        is_it
    }

    fn sum(&mut self) -> Option<f64> {
        let mut left = self.product()?;
        loop {
            let sign = match self.peek() {
                Some(Token::Plus) => 1.0,
                Some(Token::Minus) => -1.0,
                _ => return Some(left),
            };
            self.at += 1;
            let from = self.at;
            let right = self.product()?;
            // `100 + 20 %` means twenty percent of the hundred.
            let is_share = self.at == from + 2 && self.tokens.get(self.at - 1) == Some(&Token::Percent);
            left += sign * if is_share { left * right } else { right };
        }
    }

    fn product(&mut self) -> Option<f64> {
        let mut left = self.signed()?;
        loop {
            match self.peek() {
                Some(Token::Times | Token::Of) => {
                    self.at += 1;
                    left *= self.signed()?;
                }
                Some(Token::Over) => {
                    self.at += 1;
                    left /= self.signed()?;
                }
                // `2 (3 + 4)`, and `20 percent 150` of a language that puts the "of" into the word.
                Some(Token::Open | Token::Root | Token::CubeRoot) => left *= self.signed()?,
                Some(Token::Number(_))
                    if self.tokens.get(self.at.checked_sub(1)?) == Some(&Token::Percent) =>
                {
                    left *= self.signed()?;
                }
                _ => return Some(left),
            }
        }
    }

    fn signed(&mut self) -> Option<f64> {
        if self.take(Token::Minus) {
            return self.deeper(Self::signed).map(|value| -value);
        }
        if self.take(Token::Plus) {
            return self.deeper(Self::signed);
        }
        self.power()
    }

    fn power(&mut self) -> Option<f64> {
        let base = self.after_signs()?;
        if self.take(Token::Power) {
            let exponent = self.deeper(Self::signed)?;
            return Some(base.powf(exponent));
        }
        Some(base)
    }

    fn after_signs(&mut self) -> Option<f64> {
        let mut value = self.atom()?;
        loop {
            value = match self.peek() {
                Some(Token::Percent) => value / 100.0,
                Some(Token::Square) => value * value,
                Some(Token::Cube) => value * value * value,
                _ => return Some(value),
            };
            self.at += 1;
        }
    }

    fn atom(&mut self) -> Option<f64> {
        let token = self.peek()?;
        self.at += 1;
        match token {
            Token::Number(value) => Some(value),
            Token::Root => self.deeper(Self::after_signs).map(f64::sqrt),
            Token::CubeRoot => self.deeper(Self::after_signs).map(f64::cbrt),
            Token::Open => {
                let value = self.deeper(Self::sum)?;
                self.take(Token::Close).then_some(value)
            }
            _ => None,
        }
    }

    /// Bounds how deep a calculation may be nested.
    fn deeper(&mut self, part: impl Fn(&mut Self) -> Option<f64>) -> Option<f64> {
        self.depth += 1;
        let value = if self.depth > DEPTH_MAX { None } else { part(self) };
        self.depth -= 1;
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Option<f64> {
        value(text, Language::En).ok()
    }

    #[test]
    fn signs_bind_as_usual() {
        for (text, result) in [
            ("7 * (8 + 1)", 63.0),
            ("2 + 3 * 4", 14.0),
            ("-2^2", -4.0),
            ("2^3^2", 512.0),
            ("2 ** 3", 8.0),
            ("10 / 4", 2.5),
            ("3 x 4", 12.0),
            ("100 + 20%", 120.0),
            ("√(9) + 1", 4.0),
            ("2 (3 + 4)", 14.0),
            ("5²", 25.0),
            ("1,000 - 1 =", 999.0),
        ] {
            assert_eq!(of(text), Some(result), "{text}");
        }
    }

    #[test]
    fn words_are_signs_too() {
        for (text, result) in [
            ("twenty-five times four", 100.0),
            ("twenty percent of 150", 30.0),
            ("20 percent of 150", 30.0),
            ("two hundred and five plus one", 206.0),
            ("two thousand three hundred", 2_300.0),
            ("a hundred twenty", 120.0),
            ("the square root of 81", 9.0),
            ("half of 9", 4.5),
            ("five squared", 25.0),
            ("two to the power of ten", 1_024.0),
            ("$20 times 3", 60.0),
        ] {
            assert_eq!(of(text), Some(result), "{text}");
        }
    }

    #[test]
    fn other_languages_calculate_as_well() {
        for (text, language, result) in [
            ("fünfundzwanzig mal vier", Language::De, 100.0),
            ("die Wurzel aus 81", Language::De, 9.0),
            ("20 Prozent von 150", Language::De, 30.0),
            ("3,5 plus 1", Language::De, 4.5),
            ("vingt fois trois", Language::Fr, 60.0),
            ("veinte por ciento de 150", Language::Es, 30.0),
            ("sette per otto", Language::It, 56.0),
        ] {
            assert_eq!(value(text, language), Ok(result), "{text}");
        }
    }

    #[test]
    fn what_is_no_calculation_is_refused() {
        for text in ["", "seven eight", "times", "2 +", "(2", "2)", "the meaning of life", "1..2", "sqrt"] {
            assert_eq!(of(text), None, "{text}");
        }
        assert_eq!(value("1/0", Language::En), Err(Wrong::NoResult));
        assert!(of(&format!("{}1", "(".repeat(100))).is_none());
        assert!(of(&"-".repeat(100)).is_none());
    }
}
