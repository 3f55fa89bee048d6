//! The part of HTTP structured fields (RFC 9651) that signatures need: dictionaries whose members are inner lists or
//! byte sequences, with parameters. Stricter than the RFC where that costs nothing: a key given twice is an error, and
//! dates, decimals and display strings are not known.

use std::fmt::{self, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// A value without structure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Bare {
    Integer(i64),
    String(String),
    Token(String),
    Bytes(Vec<u8>),
    Boolean(bool),
}

/// `;name=value` pairs, in their order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Parameters(pub(super) Vec<(String, Bare)>);

/// `("a" "b";x);created=1`
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct InnerList {
    pub(super) items: Vec<(Bare, Parameters)>,
    pub(super) parameters: Parameters,
}

/// The value of one key of a dictionary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Member {
    List(InnerList),
    Item(Bare, Parameters),
}

/// A header that is no dictionary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Malformed {
    /// The byte at which it was noticed.
    pub(super) at: usize,
}

impl Parameters {
    pub(super) fn get(&self, name: &str) -> Option<&Bare> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }
}

/// Reads a whole dictionary.
pub(super) fn parse_dictionary(text: &str) -> Result<Vec<(String, Member)>, Malformed> {
    let mut parser = Parser { text: text.as_bytes(), at: 0 };
    let mut members: Vec<(String, Member)> = Vec::new();
    parser.skip(b" ");
    while !parser.at_end() {
        let key = parser.key()?;
        if members.iter().any(|(known, _)| *known == key) {
            return parser.malformed();
        }
        let member = match parser.take(b'=') {
            true if parser.peek() == Some(b'(') => Member::List(parser.inner_list()?),
            true => Member::Item(parser.bare()?, parser.parameters()?),
            false => Member::Item(Bare::Boolean(true), parser.parameters()?),
        };
        members.push((key, member));
        parser.skip(b" \t");
        if parser.at_end() {
            break;
        }
        parser.expect(b',')?;
        parser.skip(b" \t");
        if parser.at_end() {
            return parser.malformed();
        }
    }
    Ok(members)
}

struct Parser<'a> {
    text: &'a [u8],
    at: usize,
}

impl Parser<'_> {
    fn malformed<T>(&self) -> Result<T, Malformed> {
        Err(Malformed { at: self.at })
    }

    fn at_end(&self) -> bool {
        self.at >= self.text.len()
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn take(&mut self, wanted: u8) -> bool {
        let found = self.peek() == Some(wanted);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, wanted: u8) -> Result<(), Malformed> {
        if self.take(wanted) { Ok(()) } else { self.malformed() }
    }

    fn skip(&mut self, these: &[u8]) {
        self.take_while(|byte| these.contains(&byte));
    }

    fn take_while(&mut self, belongs: impl Fn(u8) -> bool) -> String {
        let start = self.at;
        while self.peek().is_some_and(&belongs) {
            self.at += 1;
        }
        // Only ASCII bytes are ever let through by the callers.
        self.text[start..self.at].iter().map(|byte| char::from(*byte)).collect()
    }

    fn key(&mut self) -> Result<String, Malformed> {
        if !self.peek().is_some_and(|byte| byte.is_ascii_lowercase() || byte == b'*') {
            return self.malformed();
        }
        Ok(self.take_while(is_key_byte))
    }

    fn inner_list(&mut self) -> Result<InnerList, Malformed> {
        self.expect(b'(')?;
        let mut items = Vec::new();
        loop {
            self.skip(b" ");
            if self.take(b')') {
                return Ok(InnerList { items, parameters: self.parameters()? });
            }
            items.push((self.bare()?, self.parameters()?));
            if !matches!(self.peek(), Some(b' ' | b')')) {
                return self.malformed();
            }
        }
    }

    fn parameters(&mut self) -> Result<Parameters, Malformed> {
        let mut parameters = Parameters::default();
        while self.take(b';') {
            self.skip(b" ");
            let key = self.key()?;
            if parameters.get(&key).is_some() {
                return self.malformed();
            }
            let value = if self.take(b'=') { self.bare()? } else { Bare::Boolean(true) };
            parameters.0.push((key, value));
        }
        Ok(parameters)
    }

    fn bare(&mut self) -> Result<Bare, Malformed> {
        match self.peek() {
            Some(b'"') => self.string(),
            Some(b':') => self.bytes(),
            Some(b'?') => self.boolean(),
            Some(b'-' | b'0'..=b'9') => self.integer(),
            Some(byte) if byte.is_ascii_alphabetic() || byte == b'*' => {
                Ok(Bare::Token(self.take_while(is_token_byte)))
            }
            _ => self.malformed(),
        }
    }

    fn string(&mut self) -> Result<Bare, Malformed> {
        self.expect(b'"')?;
        let mut value = String::new();
        while let Some(byte) = self.peek() {
            self.at += 1;
            match byte {
                b'"' => return Ok(Bare::String(value)),
                b'\\' => match self.peek() {
                    Some(escaped @ (b'"' | b'\\')) => {
                        self.at += 1;
                        value.push(char::from(escaped));
                    }
                    _ => return self.malformed(),
                },
                b' '..=b'~' => value.push(char::from(byte)),
                _ => return self.malformed(),
            }
        }
        self.malformed()
    }

    fn bytes(&mut self) -> Result<Bare, Malformed> {
        self.expect(b':')?;
        let encoded =
            self.take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'='));
        self.expect(b':')?;
        STANDARD.decode(encoded).map(Bare::Bytes).or_else(|_| self.malformed())
    }

    fn boolean(&mut self) -> Result<Bare, Malformed> {
        self.expect(b'?')?;
        if self.take(b'1') {
            return Ok(Bare::Boolean(true));
        }
        self.expect(b'0').map(|()| Bare::Boolean(false))
    }

    fn integer(&mut self) -> Result<Bare, Malformed> {
        let negative = self.take(b'-');
        let digits = self.take_while(|byte| byte.is_ascii_digit());
        if digits.is_empty() || digits.len() > 15 || self.peek() == Some(b'.') {
            return self.malformed();
        }
        let value: i64 = digits.parse().or_else(|_| self.malformed())?;
        Ok(Bare::Integer(if negative { -value } else { value }))
    }
}

fn is_key_byte(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'-' | b'.' | b'*')
}

fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~:/".contains(&byte)
}

/// Whether `text` can stand in a string of a structured field: printable ASCII.
pub(super) fn is_string(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
}

/// The canonical form, which is what is signed.
impl fmt::Display for Bare {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(value) => write!(f, "{value}"),
            Self::Token(value) => f.write_str(value),
            Self::Bytes(value) => write!(f, ":{}:", STANDARD.encode(value)),
            Self::Boolean(value) => write!(f, "?{}", u8::from(*value)),
            Self::String(value) => {
                f.write_char('"')?;
                for character in value.chars() {
                    if matches!(character, '"' | '\\') {
                        f.write_char('\\')?;
                    }
                    f.write_char(character)?;
                }
                f.write_char('"')
            }
        }
    }
}

impl fmt::Display for Parameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|(key, value)| match value {
            Bare::Boolean(true) => write!(f, ";{key}"),
            value => write!(f, ";{key}={value}"),
        })
    }
}

impl fmt::Display for InnerList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('(')?;
        for (index, (item, parameters)) in self.items.iter().enumerate() {
            let space = if index == 0 { "" } else { " " };
            write!(f, "{space}{item}{parameters}")?;
        }
        write!(f, "){}", self.parameters)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn list(text: &str) -> InnerList {
        match parse_dictionary(text).unwrap().pop() {
            Some((_, Member::List(list))) => list,
            other => panic!("{text} gave {other:?}"),
        }
    }

    #[test]
    fn the_canonical_form_is_independent_of_spacing() {
        let canonical = r#"("@method" "x";req;n=-3);created=1;nonce="a\"b\\";t=tok;b=:AAE=:;f=?0"#;
        let spaced = r#"  a=(  "@method"   "x"; req; n=-3 ); created=1;nonce="a\"b\\"; t=tok;b=:AAE=:;f=?0 "#;
        assert_eq!(list(spaced).to_string(), canonical);
        assert_eq!(list(&format!("a={canonical}")), list(spaced));
    }

    #[test]
    fn several_members_are_told_apart() {
        let members = parse_dictionary("a=:AAE=:, b;x=1 ,\tc=(), sig-b26=12").unwrap();
        let keys: Vec<_> = members.iter().map(|(key, _)| key.as_str()).collect();
        assert_eq!(keys, ["a", "b", "c", "sig-b26"]);
        assert_eq!(members[0].1, Member::Item(Bare::Bytes(vec![0, 1]), Parameters::default()));
        assert_eq!(parse_dictionary(""), Ok(vec![]));
    }

    #[test]
    fn what_is_malformed_is_refused() {
        for text in [
            "A=1",
            "a=",
            "a=1,",
            "a=1 b=2",
            "a=1,,b=2",
            "a=1, a=2",
            "a=1;x;x",
            "a=(",
            "a=(\"x\"",
            "a=(\"x\"\"y\")",
            "a=\"",
            "a=\"\\n\"",
            "a=\"\u{e9}\"",
            "a=\"\n\"",
            "a=:AA:",
            "a=:A*==:",
            "a=:AAE=",
            "a=?2",
            "a=-",
            "a=1.5",
            "a=1234567890123456",
            "a=@1",
            "a=%\"x\"",
            "=1",
        ] {
            assert!(parse_dictionary(text).is_err(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_text_never_panics(text: String, tail in "[a-c=(): ;,\"\\\\?0-9-]{0,40}") {
            let _ = parse_dictionary(&text);
            let _ = parse_dictionary(&format!("a={tail}"));
        }

        #[test]
        fn any_string_survives(text in "[ -~]{0,40}", number in -999_999_999_999_999i64..=999_999_999_999_999) {
            let canonical = format!("();s={};n={number}", Bare::String(text.clone()));
            let again = list(&format!("a={canonical}"));
            prop_assert_eq!(again.parameters.get("s"), Some(&Bare::String(text)));
            prop_assert_eq!(again.to_string(), canonical);
        }
    }
}
