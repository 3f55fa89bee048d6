//! A text, as it is written, in pieces that can be spoken one after the other.

use crate::defaults::{CLAUSE_BYTES_MAX, CLAUSE_BYTES_MIN};

/// Takes text in pieces that are cut anywhere, and gives it back cut where people take breath. Nothing is lost: the clauses
/// joined are the text.
#[derive(Debug, Default)]
pub struct Clauses {
    /// Bytes of a character that is not whole yet.
    bytes: Vec<u8>,
    text: String,
}

impl Clauses {
    /// More of the text. Bytes that are no UTF-8 become U+FFFD.
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        let mut rest = std::mem::take(&mut self.bytes);
        loop {
            match std::str::from_utf8(&rest) {
                Ok(text) => {
                    self.text.push_str(text);
                    return;
                }
                Err(error) => {
                    let good = error.valid_up_to();
                    self.text.push_str(&String::from_utf8_lossy(&rest[..good]));
                    match error.error_len() {
                        None => {
                            self.bytes = rest.split_off(good);
                            return;
                        }
                        Some(bad) => {
                            self.text.push(char::REPLACEMENT_CHARACTER);
                            rest.drain(..good + bad);
                        }
                    }
                }
            }
        }
    }

    /// The next clause, if one is whole.
    pub fn next_whole(&mut self) -> Option<String> {
        let end = clause_end(&self.text)?;
        let rest = self.text.split_off(end);
        Some(std::mem::replace(&mut self.text, rest))
    }

    /// The next clause, when there will be no more text: the last one need not be whole.
    pub fn next_of_rest(&mut self) -> Option<String> {
        if !self.bytes.is_empty() {
            self.bytes.clear();
            self.text.push(char::REPLACEMENT_CHARACTER);
        }
        self.next_whole().or_else(|| Some(std::mem::take(&mut self.text)).filter(|rest| !rest.is_empty()))
    }

    /// How much text waits, in bytes.
    pub fn waiting_bytes(&self) -> usize {
        self.text.len() + self.bytes.len()
    }
}

/// Where the first clause ends, if it is whole: after its sentence and the space behind that, or where it gets too long.
fn clause_end(text: &str) -> Option<usize> {
    let mut previous = None;
    let mut last_space = None;
    for (at, character) in text.char_indices() {
        let end = at + character.len_utf8();
        if at >= CLAUSE_BYTES_MIN {
            let after_stop = previous.is_some_and(is_stop) && character.is_whitespace();
            if after_stop || character == '\n' || is_full_width_stop(character) {
                return Some(end);
            }
        }
        if end > CLAUSE_BYTES_MAX {
            // After the last word that fits; a word that is longer than a clause is cut.
            return Some(last_space.unwrap_or(at));
        }
        if character.is_whitespace() {
            last_space = Some(end);
        }
        // A closing quote or bracket belongs to the stop before it.
        if !matches!(character, '"' | '\'' | ')' | ']' | '”' | '’' | '»') {
            previous = Some(character);
        }
    }
    None
}

fn is_stop(character: char) -> bool {
    matches!(character, '.' | '!' | '?' | ':' | ';' | '…')
}

/// Stops of scripts that put no space behind them.
fn is_full_width_stop(character: char) -> bool {
    matches!(character, '。' | '！' | '？' | '；' | '।')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn cut(text: &str) -> Vec<String> {
        let mut clauses = Clauses::default();
        clauses.push(text.as_bytes());
        std::iter::from_fn(|| clauses.next_of_rest()).collect()
    }

    #[test]
    fn a_clause_ends_where_a_sentence_does() {
        assert_eq!(
            cut("Paris is a city. It lies on the Seine."),
            ["Paris is a city. ", "It lies on the Seine."]
        );
        assert_eq!(
            cut("He said \"It is late.\" Then he left."),
            ["He said \"It is late.\" ", "Then he left."]
        );
        assert_eq!(cut("The list follows\nthe title"), ["The list follows\n", "the title"]);
        assert_eq!(cut("今日は天気がいい。散歩に行く。"), ["今日は天気がいい。", "散歩に行く。"]);
        assert_eq!(cut("It costs 3.50 in all"), ["It costs 3.50 in all"]);
        assert_eq!(cut("Dr. No is a film."), ["Dr. No is a film."], "what is short goes with what follows");
        assert_eq!(cut(""), Vec::<String>::new());
    }

    #[test]
    fn a_clause_is_given_as_soon_as_it_is_whole() {
        let mut clauses = Clauses::default();
        clauses.push(b"Paris is a city.");
        assert_eq!(clauses.next_whole(), None, "it may go on: city.com");
        clauses.push(b" It");
        assert_eq!(clauses.next_whole().as_deref(), Some("Paris is a city. "));
        assert_eq!(clauses.next_whole(), None);
        assert_eq!(clauses.next_of_rest().as_deref(), Some("It"));
        assert_eq!(clauses.next_of_rest(), None);
    }

    #[test]
    fn long_sentences_are_cut_between_words_and_long_words_anywhere() {
        let words = cut(&"word ".repeat(300));
        assert!(words.len() > 2 && words.iter().all(|clause| clause.len() <= CLAUSE_BYTES_MAX));
        assert!(words.iter().all(|clause| clause.ends_with("word ")), "{words:?}");
        let word = cut(&"ü".repeat(1_000));
        assert_eq!(word.concat().chars().count(), 1_000);
        assert!(word.iter().all(|clause| clause.len() <= CLAUSE_BYTES_MAX));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn the_clauses_joined_are_the_text(text in "[a-zé。.!? \n\"]{0,1500}", cuts in prop::collection::vec(1usize..50, 1..20)) {
            let mut clauses = Clauses::default();
            let (mut joined, mut rest) = (String::new(), text.as_bytes());
            let mut cuts = cuts.iter().cycle();
            while !rest.is_empty() {
                let (piece, after) = rest.split_at(rest.len().min(*cuts.next().unwrap()));
                clauses.push(piece);
                rest = after;
                while let Some(clause) = clauses.next_whole() {
                    prop_assert!(!clause.is_empty() && clause.len() <= CLAUSE_BYTES_MAX);
                    joined += &clause;
                }
            }
            while let Some(clause) = clauses.next_of_rest() {
                prop_assert!(!clause.is_empty());
                joined += &clause;
            }
            prop_assert_eq!(joined, text);
        }

        #[test]
        fn bytes_that_are_no_text_do_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..200), at in 0usize..200) {
            let mut clauses = Clauses::default();
            let (first, second) = bytes.split_at(at.min(bytes.len()));
            clauses.push(first);
            clauses.push(second);
            let joined: String = std::iter::from_fn(|| clauses.next_of_rest()).collect();
            prop_assert_eq!(joined, String::from_utf8_lossy(&bytes));
        }
    }
}
