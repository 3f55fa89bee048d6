//! Text to word pieces, as BERT's uncased models were trained: lower case, no accents, words cut greedily into the
//! longest pieces that the vocabulary has.
//!
//! What people type is always text: the name of a marker such as `[SEP]` in it becomes the pieces `[`, `sep`, `]`.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde::Deserialize;
use unicode_normalization::UnicodeNormalization;
use unicode_properties::{GeneralCategory, GeneralCategoryGroup, UnicodeGeneralCategory};

use crate::defaults::{TOKENIZER_BYTES_MAX, WORD_CHARS_MAX};
use crate::error::LoadError;

/// The number of a word piece, as the model knows it.
pub type PieceId = i32;

/// A vocabulary, and how to cut text with it.
#[derive(Debug)]
pub struct WordPiece {
    /// Pieces that begin a word.
    beginnings: HashMap<Box<str>, PieceId>,
    /// Pieces that go on within one, without the mark that the file has in front of them.
    continuations: HashMap<Box<str>, PieceId>,
    unknown: PieceId,
    beginning_of_text: PieceId,
    end_of_text: PieceId,
}

/// The parts of a `tokenizer.json` that matter here.
#[derive(Deserialize)]
struct TokenizerFile {
    model: VocabularyFile,
}

#[derive(Deserialize)]
struct VocabularyFile {
    #[serde(rename = "type", default)]
    kind: String,
    #[serde(default)]
    unk_token: String,
    #[serde(default)]
    continuing_subword_prefix: String,
    #[serde(default)]
    vocab: HashMap<String, PieceId>,
}

impl WordPiece {
    /// Reads a `tokenizer.json`.
    ///
    /// # Errors
    /// [`LoadError`] when it can't be read, is larger than [`TOKENIZER_BYTES_MAX`], or of another kind than WordPiece.
    pub fn load(path: &Path) -> Result<Self, LoadError> {
        let unreadable = |why| LoadError::Read { path: path.to_owned(), why };
        let mut text = String::new();
        let file = File::open(path).map_err(unreadable)?;
        file.take(TOKENIZER_BYTES_MAX + 1).read_to_string(&mut text).map_err(unreadable)?;
        if text.len() as u64 > TOKENIZER_BYTES_MAX {
            let why = format!("it is larger than {} MB", TOKENIZER_BYTES_MAX >> 20);
            return Err(LoadError::Tokenizer { path: path.to_owned(), why });
        }
        Self::parse(&text).map_err(|why| LoadError::Tokenizer { path: path.to_owned(), why })
    }

    fn parse(json: &str) -> Result<Self, String> {
        let TokenizerFile { model } = serde_json::from_str(json).map_err(|error| error.to_string())?;
        // Old files leave the kind out.
        if !matches!(model.kind.as_str(), "WordPiece" | "") || model.continuing_subword_prefix.is_empty() {
            return Err(format!("its kind is {:?}", model.kind));
        }
        let special =
            |name: &str| model.vocab.get(name).copied().ok_or_else(|| format!("it has no piece {name}"));
        let (unknown, beginning_of_text, end_of_text) =
            (special(&model.unk_token)?, special("[CLS]")?, special("[SEP]")?);
        let (mut beginnings, mut continuations) = (HashMap::new(), HashMap::new());
        for (piece, id) in model.vocab {
            match piece.strip_prefix(&model.continuing_subword_prefix) {
                Some(rest) if !rest.is_empty() => continuations.insert(rest.into(), id),
                _ => beginnings.insert(piece.into_boxed_str(), id),
            };
        }
        Ok(Self { beginnings, continuations, unknown, beginning_of_text, end_of_text })
    }

    /// The largest number of a piece; a model must know all of them.
    pub fn largest_id(&self) -> PieceId {
        self.beginnings.values().chain(self.continuations.values()).copied().max().unwrap_or_default()
    }

    /// The pieces of a text, with the marks of its beginning and its end. Two pieces at least, and no limit.
    pub fn pieces(&self, text: &str) -> Vec<PieceId> {
        let mut pieces = vec![self.beginning_of_text];
        let simple = simplified(text);
        for word in simple.split_whitespace() {
            for part in split_at_punctuation(word) {
                self.cut(part, &mut pieces);
            }
        }
        pieces.push(self.end_of_text);
        pieces
    }

    /// Cuts one word into the longest pieces from its front; a word that can't be cut to its end is unknown as a whole.
    fn cut(&self, word: &str, pieces: &mut Vec<PieceId>) {
        if word.chars().count() > WORD_CHARS_MAX {
            return pieces.push(self.unknown);
        }
        let before = pieces.len();
        let mut rest = word;
        while !rest.is_empty() {
            let vocabulary = if rest.len() == word.len() { &self.beginnings } else { &self.continuations };
            let ends = rest.char_indices().map(|(at, c)| at + c.len_utf8()).rev();
            let longest = ends.into_iter().find_map(|end| Some((end, *vocabulary.get(&rest[..end])?)));
            let Some((end, id)) = longest else {
                pieces.truncate(before);
                return pieces.push(self.unknown);
            };
            pieces.push(id);
            rest = &rest[end..];
        }
    }
}

/// Without control characters and accents, in lower case, with room round every Chinese character.
fn simplified(text: &str) -> String {
    let mut cleaned = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_whitespace() {
            cleaned.push(' ');
        } else if is_chinese(c) {
            cleaned.extend([' ', c, ' ']);
        } else if c != '\u{fffd}' && c.general_category_group() != GeneralCategoryGroup::Other {
            cleaned.push(c);
        }
    }
    cleaned
        .nfd()
        .filter(|c| c.general_category() != GeneralCategory::NonspacingMark)
        .flat_map(char::to_lowercase)
        .collect()
}

/// Each mark of punctuation is a part of its own.
fn split_at_punctuation(word: &str) -> impl Iterator<Item = &str> {
    let is_mark =
        |c: char| c.is_ascii_punctuation() || c.general_category_group() == GeneralCategoryGroup::Punctuation;
    let mut rest = word;
    std::iter::from_fn(move || {
        let first = rest.chars().next()?;
        let end = if is_mark(first) { first.len_utf8() } else { rest.find(is_mark).unwrap_or(rest.len()) };
        let (part, after) = rest.split_at(end);
        rest = after;
        Some(part)
    })
}

/// The blocks that BERT's tokenizer takes for Chinese characters, each of which is a word.
fn is_chinese(c: char) -> bool {
    matches!(c,
        '\u{4e00}'..='\u{9fff}' | '\u{3400}'..='\u{4dbf}' | '\u{20000}'..='\u{2a6df}' | '\u{2a700}'..='\u{2b73f}'
        | '\u{2b740}'..='\u{2b81f}' | '\u{2b920}'..='\u{2ceaf}' | '\u{f900}'..='\u{faff}' | '\u{2f800}'..='\u{2fa1f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str = r###"{"model":{"type":"WordPiece","unk_token":"[UNK]","continuing_subword_prefix":"##","vocab":{
        "[UNK]":1,"[CLS]":2,"[SEP]":3,"cafe":10,"un":11,"##aff":12,"##able":13,"[":14,"]":15,"sep":16,"!":17,
        "日":18,"##s":19,"«":20,"##":21,"a":22}}}"###;

    fn pieces(text: &str) -> Vec<PieceId> {
        let all = WordPiece::parse(SMALL).unwrap().pieces(text);
        assert_eq!((all[0], all[all.len() - 1]), (2, 3));
        all[1..all.len() - 1].to_vec()
    }

    #[test]
    fn words_are_cut_into_their_longest_pieces() {
        assert_eq!(pieces("unaffable cafes"), [11, 12, 13, 10, 19]);
        assert_eq!(pieces("unaffordable"), [1], "a word that can't be cut to its end is unknown as a whole");
    }

    #[test]
    fn case_accents_and_control_characters_make_no_difference() {
        assert_eq!(pieces("CAFÉ\u{0}!"), [10, 17]);
        assert_eq!(pieces("cafe\u{301}"), [10]);
        assert_eq!(pieces("\u{fffd}ca\u{200b}fe"), [10]);
    }

    #[test]
    fn punctuation_and_chinese_characters_stand_alone() {
        assert_eq!(pieces("«cafe»!"), [20, 10, 1, 17]);
        assert_eq!(pieces("日日a"), [18, 18, 22]);
    }

    #[test]
    fn a_marker_in_the_text_is_text() {
        assert_eq!(pieces("[SEP]"), [14, 16, 15]);
    }

    #[test]
    fn nothing_and_endless_words_are_harmless() {
        assert_eq!(pieces(""), [0; 0]);
        assert_eq!(pieces(" \n\t"), [0; 0]);
        assert_eq!(pieces(&"a".repeat(WORD_CHARS_MAX + 1)), [1]);
    }

    #[test]
    fn other_kinds_are_refused_by_name() {
        let other = SMALL.replace("WordPiece", "BPE");
        assert_eq!(WordPiece::parse(&other).unwrap_err(), "its kind is \"BPE\"");
        assert!(WordPiece::parse("{}").is_err());
        assert!(WordPiece::parse(&SMALL.replace("[CLS]", "[X]")).unwrap_err().contains("no piece [CLS]"));
    }
}
