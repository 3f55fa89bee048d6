//! From words to the numbers that a voice's model is given.

use std::collections::HashMap;

use unicode_normalization::UnicodeNormalization;

use crate::defaults::PHONEMES_MAX;

/// A part of a sentence, and the mark behind it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) words: String,
    pub(crate) mark: Option<char>,
}

/// Cuts a sentence at its marks, which the model knows as phonemes of their own.
pub(crate) fn parts(text: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut words = String::new();
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        let before_blank = characters.peek().is_none_or(|next| next.is_whitespace() || mark(*next).is_some());
        let found = match mark(c) {
            // Within a number, an address, a word.
            Some(_) if matches!(c, '.' | ',' | ':' | '!' | '?') && !before_blank => None,
            found => found,
        };
        match found {
            None => words.push(c),
            Some(mark) if words.contains(char::is_alphanumeric) => {
                parts.push(Part { words: std::mem::take(&mut words).trim().to_owned(), mark: Some(mark) });
            }
            Some(_) => words.clear(),
        }
    }
    if words.contains(char::is_alphanumeric) {
        parts.push(Part { words: words.trim().to_owned(), mark: None });
    }
    parts
}

/// The mark that a voice knows for one as it is written.
fn mark(c: char) -> Option<char> {
    Some(match c {
        '.' | '。' | '…' | '।' | '۔' => '.',
        ',' | '，' | '、' | '،' | '—' | '–' | '(' | ')' => ',',
        '!' | '！' => '!',
        '?' | '？' | '؟' => '?',
        ':' | '：' => ':',
        ';' | '；' | '؛' => ';',
        _ => return None,
    })
}

/// The numbers of phonemes.
pub(crate) struct Numbers {
    map: HashMap<char, Vec<i32>>,
    pad: i32,
    begin: i32,
    end: i32,
}

impl Numbers {
    /// From the voice's own table, which has `_`, `^` and `$`.
    pub(crate) fn new(table: &HashMap<String, Vec<i32>>) -> Self {
        let map: HashMap<char, Vec<i32>> = table
            .iter()
            .filter_map(|(symbol, numbers)| {
                let mut characters = symbol.chars();
                let only = characters.next().filter(|_| characters.next().is_none())?;
                Some((only, numbers.clone()))
            })
            .collect();
        let first = |symbol: char| map.get(&symbol).and_then(|numbers| numbers.first()).copied().unwrap_or(0);
        Self { pad: first('_'), begin: first('^'), end: first('$'), map }
    }

    /// What the model is given for some phonemes: one run, or several when there are very many. Phonemes that the voice
    /// does not know are left out.
    pub(crate) fn of(&self, phonemes: &str) -> Vec<Vec<i32>> {
        let known: Vec<char> = phonemes.nfd().filter(|phoneme| self.map.contains_key(phoneme)).collect();
        let mut runs = Vec::new();
        let mut rest = known.as_slice();
        while !rest.is_empty() {
            let cut = if rest.len() <= PHONEMES_MAX {
                rest.len()
            } else {
                rest[..PHONEMES_MAX].iter().rposition(|c| *c == ' ').map_or(PHONEMES_MAX, |blank| blank + 1)
            };
            let (run, behind) = rest.split_at(cut);
            if run.iter().any(|phoneme| phoneme.is_alphabetic()) {
                runs.push(self.run(run));
            }
            rest = behind;
        }
        runs
    }

    /// Between all numbers stands the one that means nothing.
    fn run(&self, phonemes: &[char]) -> Vec<i32> {
        let mut run = vec![self.begin, self.pad];
        for number in phonemes.iter().filter_map(|phoneme| self.map.get(phoneme)).flatten() {
            run.extend([*number, self.pad]);
        }
        run.push(self.end);
        run
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(text: &str) -> Vec<(String, Option<char>)> {
        parts(text).into_iter().map(|part| (part.words, part.mark)).collect()
    }

    #[test]
    fn sentences_are_cut_at_their_marks_and_nowhere_else() {
        let wanted =
            [("Well", Some(',')), ("it is 3.5", Some(';')), ("is it", Some('?')), ("Yes", Some('!'))];
        let wanted = wanted.map(|(words, mark)| (words.to_owned(), mark));
        assert_eq!(cut("Well, it is 3.5; is it?! Yes!"), wanted);
        assert_eq!(cut("a (b) c"), [("a".into(), Some(',')), ("b".into(), Some(',')), ("c".into(), None)]);
        assert_eq!(cut("... !"), []);
        assert_eq!(cut("好，是。"), [("好".into(), Some(',')), ("是".into(), Some('.'))]);
    }

    fn numbers() -> Numbers {
        let symbols = ["_", "^", "$", " ", "a", "\u{327}", "c"];
        Numbers::new(
            &symbols.iter().enumerate().map(|(n, symbol)| ((*symbol).to_owned(), vec![n as i32])).collect(),
        )
    }

    #[test]
    fn phonemes_stand_between_pads_and_unknown_ones_are_left_out() {
        assert_eq!(numbers().of("aXa"), [vec![1, 0, 4, 0, 4, 0, 2]]);
        assert_eq!(numbers().of("ç"), [vec![1, 0, 6, 0, 5, 0, 2]], "marks are phonemes of their own");
        assert!(numbers().of(" ").is_empty() && numbers().of("").is_empty());
    }

    #[test]
    fn very_many_phonemes_are_several_runs_cut_between_words() {
        let runs = numbers().of(&"aaa ".repeat(500));
        assert!(runs.len() > 1);
        assert!(runs.iter().all(|run| run.len() <= 2 * PHONEMES_MAX + 3));
        assert!(
            runs[..runs.len() - 1].iter().all(|run| run[run.len() - 3] == 3),
            "the last phoneme is a blank"
        );
    }
}
