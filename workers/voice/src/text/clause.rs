//! Cuts text into clauses while it is being written.
//!
//! Where a clause ends depends on the text alone, never on how it was cut on its way here: the same text gives the same
//! clauses, whether it comes at once or byte by byte. The sources of all clauses, one after the other, are the text.

use crate::defaults::{
    CLAUSE_CHARS_MAX, CLAUSE_CHARS_MIN, FENCE_PIECE_BYTES, FIRST_CLAUSE_CHARS_MAX, FIRST_CLAUSE_CHARS_MIN,
};
use crate::text::boundary::{self, Bounds, Found};
use crate::text::fence::{Fence, LineKind};

/// What is said in one breath.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clause {
    /// The text as it was written, with everything round it.
    pub source: String,
    /// What it is.
    pub kind: Kind,
    /// The pause after it.
    pub pause: Pause,
}

/// What a clause is in the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// Words at the start of a line, with the marks of a heading, a quotation or an item of a list before them.
    Line,
    /// Words that go on in the middle of a line.
    Prose,
    /// A row of a table.
    Row,
    /// The end of a block of code, which is announced rather than read.
    Code {
        /// The language that it says it is in; empty when it doesn't.
        language: String,
        /// How many lines it has.
        lines: usize,
    },
    /// What is passed over in silence: a blank line, a rule, the lines of a block of code.
    Silent,
}

/// How long a speaker would rest after a clause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pause {
    /// Cut where nobody would rest.
    None,
    /// After a comma.
    Comma,
    /// After a sentence.
    Sentence,
    /// After a line that stands for itself.
    Line,
    /// Between paragraphs.
    Paragraph,
}

/// Cuts a text that comes in pieces into clauses.
#[derive(Debug, Default)]
pub struct Clauses {
    /// The beginning of a character whose other bytes are still to come.
    bytes: Vec<u8>,
    /// What has come and belongs to no clause yet.
    buffer: String,
    /// Whether the buffer begins in the middle of a line.
    in_line: bool,
    /// The block of code that is open.
    fence: Option<Fence>,
    /// Whether something was said already.
    begun: bool,
    /// How the language writes.
    ordinal_dots: bool,
}

impl Clauses {
    /// For a text in that language (a tag such as `de` or `en-US`).
    #[must_use]
    pub fn new(language: &str) -> Self {
        Self { ordinal_dots: boundary::writes_ordinals_with_a_dot(language), ..Self::default() }
    }

    /// Takes the next bytes of the text, cut anywhere, and gives the clauses that are surely complete with them. Bytes
    /// that are no UTF-8 become U+FFFD.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<Clause> {
        self.bytes.extend_from_slice(bytes);
        self.decode(false);
        std::iter::from_fn(|| self.next(false)).collect()
    }

    /// The text ends here: gives what is left of it.
    pub fn finish(&mut self) -> Vec<Clause> {
        self.decode(true);
        let mut clauses: Vec<Clause> = std::iter::from_fn(|| self.next(true)).collect();
        // A block of code that was never closed ends with the text.
        clauses.extend(self.fence.take().map(Fence::into_clause));
        clauses
    }

    /// Moves the whole characters of `bytes` to the buffer.
    fn decode(&mut self, all: bool) {
        let mut done = 0;
        for chunk in self.bytes.utf8_chunks() {
            let cut_off = !all && done + chunk.valid().len() + chunk.invalid().len() == self.bytes.len();
            self.buffer.push_str(chunk.valid());
            done += chunk.valid().len();
            if chunk.invalid().is_empty() || (cut_off && is_begun_character(chunk.invalid())) {
                break;
            }
            self.buffer.push(char::REPLACEMENT_CHARACTER);
            done += chunk.invalid().len();
        }
        self.bytes.drain(..done);
    }

    /// The next clause, when its end is sure. With `ended`, nothing follows the buffer.
    fn next(&mut self, ended: bool) -> Option<Clause> {
        if self.buffer.is_empty() {
            return None;
        }
        if self.fence.is_some() {
            return self.next_of_code(ended);
        }
        if !self.in_line {
            // What a line is shows in its first characters, or takes the whole of it to tell.
            match LineKind::of(&self.buffer, ended)? {
                LineKind::Prose => {}
                LineKind::Blank(end) => return Some(self.take(end, Kind::Silent, Pause::Paragraph)),
                LineKind::Rule(end) => return Some(self.take(end, Kind::Silent, Pause::Paragraph)),
                LineKind::Row(end) => return Some(self.take(end, Kind::Row, Pause::Line)),
                LineKind::Fence(end, fence) => {
                    self.fence = Some(fence);
                    return Some(self.take(end, Kind::Silent, Pause::Sentence));
                }
            }
        }
        let bounds = self.bounds();
        match boundary::find(&self.buffer, !self.in_line, ended, bounds) {
            Found::Nothing => None,
            Found::At(end, pause) => {
                let kind = if self.in_line { Kind::Prose } else { Kind::Line };
                Some(self.take(end, kind, pause))
            }
        }
    }

    /// The next line or lines within a block of code.
    fn next_of_code(&mut self, ended: bool) -> Option<Clause> {
        loop {
            // No line of code is waited for without end.
            let piece_end = self.buffer.floor_char_boundary(FENCE_PIECE_BYTES);
            let line_end = match self.buffer[..piece_end].find('\n') {
                Some(at) => at + 1,
                None if ended || piece_end < self.buffer.len() => piece_end,
                None => return None,
            };
            if line_end == 0 {
                return None;
            }
            let fence = self.fence.as_mut()?;
            let line: String = self.buffer.drain(..line_end).collect();
            if fence.is_closed_by(&line) {
                fence.source.push_str(&line);
                return self.fence.take().map(Fence::into_clause);
            }
            fence.add(&line);
            if fence.source.len() >= FENCE_PIECE_BYTES {
                let source = std::mem::take(&mut fence.source);
                return Some(Clause { source, kind: Kind::Silent, pause: Pause::None });
            }
        }
    }

    fn take(&mut self, end: usize, kind: Kind, pause: Pause) -> Clause {
        let source: String = self.buffer.drain(..end).collect();
        self.in_line = !source.ends_with('\n');
        self.begun |= kind != Kind::Silent && source.contains(char::is_alphanumeric);
        Clause { source, kind, pause }
    }

    /// The first clause is short, so that the first sound comes early.
    fn bounds(&self) -> Bounds {
        let (chars_min, chars_max) = if self.begun {
            (CLAUSE_CHARS_MIN, CLAUSE_CHARS_MAX)
        } else {
            (FIRST_CLAUSE_CHARS_MIN, FIRST_CLAUSE_CHARS_MAX)
        };
        Bounds { chars_min, chars_max, ordinal_dots: self.ordinal_dots }
    }
}

/// Whether more bytes could make a character of these.
fn is_begun_character(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_err_and(|error| error.error_len().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sources(clauses: &[Clause]) -> Vec<&str> {
        clauses.iter().map(|clause| clause.source.as_str()).collect()
    }

    fn cut(text: &str) -> Vec<Clause> {
        let mut clauses = Clauses::new("en");
        let mut all = clauses.push(text.as_bytes());
        all.extend(clauses.finish());
        all
    }

    /// The clauses without the one that is only there to be the first, whose rules are others.
    fn cut_after_first(text: &str) -> Vec<String> {
        let clauses = cut(&format!("Well. {text}"));
        assert_eq!(clauses[0].source, "Well. ");
        sources(&clauses[1..]).into_iter().map(str::to_owned).collect()
    }

    #[test]
    fn sentences_are_clauses() {
        for (text, wanted) in [
            ("One. Two! Three? Four", vec!["One. ", "Two! ", "Three? ", "Four"]),
            ("Pi is 3.14. Dr. Smith knows, e.g. this.", vec!["Pi is 3.14. ", "Dr. Smith knows, e.g. this."]),
            ("He said \"Go.\" Then (he left.) Yes.", vec!["He said \"Go.\" ", "Then (he left.) ", "Yes."]),
            ("**Bold.** Next.", vec!["**Bold.** ", "Next."]),
            ("Wait... what?! Well.", vec!["Wait... ", "what?! ", "Well."]),
            (
                "See https://example.com/a.b?c=d. It helps.",
                vec!["See https://example.com/a.b?c=d. ", "It helps."],
            ),
            ("J. R. Tolkien wrote. So did I. Yes.", vec!["J. R. Tolkien wrote. ", "So did I. ", "Yes."]),
            (
                "Cats, dogs, etc. are pets. Birds, etc. Then more.",
                vec!["Cats, dogs, etc. are pets. ", "Birds, etc. ", "Then more."],
            ),
            ("At 5 p.m. we eat. At 6 p.m. She left.", vec!["At 5 p.m. we eat. ", "At 6 p.m. ", "She left."]),
            (
                "The U.S. army. Visit the U.S. It is big.",
                vec!["The U.S. army. ", "Visit the U.S. ", "It is big."],
            ),
            ("In 2024. Then file.rs and v1.2.3 came.", vec!["In 2024. ", "Then file.rs and v1.2.3 came."]),
            ("これは本です。次。", vec!["これは本です。", "次。"]),
            ("यह है। और।", vec!["यह है। ", "और।"]),
        ] {
            assert_eq!(cut_after_first(text), wanted, "{text}");
        }
    }

    #[test]
    fn commas_end_a_clause_only_when_it_is_long_enough() {
        let long =
            "this is a rather long part of a sentence that goes on for quite a while, and here it ends.";
        assert_eq!(cut_after_first(long).len(), 2);
        assert_eq!(cut_after_first("Short, very short, and 1,234,567 too.").len(), 1);
    }

    #[test]
    fn the_first_clause_is_short() {
        assert_eq!(sources(&cut("The capital, of course, is Paris."))[0], "The capital, ");
        assert_eq!(
            sources(&cut("On March 5, 2024, it rained."))[0],
            "On March 5, 2024, ",
            "a date stays whole"
        );
        let endless = "word ".repeat(40);
        let first = cut(&endless)[0].source.chars().count();
        assert!(first <= FIRST_CLAUSE_CHARS_MAX, "{first}");
    }

    #[test]
    fn lines_that_stand_for_themselves_are_clauses() {
        let clauses =
            cut("# Title\n\n- one\n- two, three\n\n1. First\n2. Second\n\nA line\nthat goes on.\nAnother.");
        assert_eq!(
            sources(&clauses),
            [
                "# Title\n",
                "\n",
                "- one\n",
                "- two, three\n",
                "\n",
                "1. First\n",
                "2. Second\n",
                "\n",
                "A line\nthat goes on.\n",
                "Another.",
            ]
        );
        assert_eq!(clauses[0].pause, Pause::Line);
        assert_eq!((&clauses[1].kind, clauses[1].pause), (&Kind::Silent, Pause::Paragraph));
    }

    #[test]
    fn code_is_announced_once_and_never_cut_at_its_dots() {
        let clauses = cut("See. This:\n```rust\nfn main() { a. b; }\n\n// Done. Yes.\n```\nAfter. ");
        let code = Kind::Code { language: "rust".into(), lines: 3 };
        assert_eq!(clauses.iter().filter(|clause| clause.kind == code).count(), 1, "{clauses:?}");
        assert_eq!(clauses.last().unwrap().source, "After. ");
        let open = cut("Hm. ~~~\nx");
        assert!(
            !open.iter().any(|clause| matches!(clause.kind, Kind::Code { .. })),
            "tildes in a line are no code: {open:?}"
        );
        let open = cut("~~~ python\nx = 1\ny");
        assert_eq!(open.last().unwrap().kind, Kind::Code { language: "python".into(), lines: 2 });
    }

    #[test]
    fn tables_are_rows() {
        let clauses = cut("| a | b |\n|---|:-:|\n| 1. x | 2 |\nAfter.");
        let kinds: Vec<&Kind> = clauses.iter().map(|clause| &clause.kind).collect();
        assert_eq!(kinds, [&Kind::Row, &Kind::Silent, &Kind::Row, &Kind::Line]);
    }

    #[test]
    fn inline_code_and_links_stay_whole() {
        let text = "Call `a. B()`, see [it. This](https://a.b/c) and go.";
        assert_eq!(cut_after_first(text)[0], text);
    }

    #[test]
    fn a_clause_comes_as_soon_as_it_is_surely_complete() {
        let mut clauses = Clauses::new("en");
        assert_eq!(clauses.push(b"Hello there"), []);
        assert_eq!(clauses.push(b"."), [], "it could be a file name");
        assert_eq!(sources(&clauses.push(b" ")), ["Hello there. "]);
        assert_eq!(clauses.push(b"At 5 p.m. "), [], "what follows decides");
        assert_eq!(sources(&clauses.push(b"T")), ["At 5 p.m. "]);
        assert_eq!(sources(&clauses.push(b"itle\n\n")), ["Title\n", "\n"]);
    }

    #[test]
    fn ordinals_with_a_dot_end_no_sentence_where_they_are_written_so() {
        let mut german = Clauses::new("de-DE");
        let mut all = german.push("Also gut. Am 3. Oktober war es 1990. Dann nicht.".as_bytes());
        all.extend(german.finish());
        assert_eq!(sources(&all), ["Also gut. ", "Am 3. Oktober war es 1990. ", "Dann nicht."]);
    }

    #[test]
    fn no_clause_is_longer_than_the_bound_and_words_stay_whole() {
        for text in
            ["word ".repeat(500), "x".repeat(5_000), "字".repeat(2_000), format!("`{}`", "code ".repeat(300))]
        {
            let clauses = cut(&text);
            for clause in &clauses {
                assert!(clause.source.chars().count() <= CLAUSE_CHARS_MAX, "{}", clause.source.len());
            }
            assert_eq!(sources(&clauses).concat(), text);
        }
        assert!(cut(&"word ".repeat(500)).iter().all(|clause| clause.source.ends_with("word ")));
    }

    #[test]
    fn broken_utf8_is_replaced_and_a_cut_character_is_waited_for() {
        let mut clauses = Clauses::new("en");
        assert_eq!(clauses.push(b"caf\xc3"), []);
        assert_eq!(sources(&clauses.push(b"\xa9. ")), ["café. "]);
        clauses.push(b"a\xffb\xe2\x82");
        assert_eq!(sources(&clauses.finish()), ["a\u{fffd}b\u{fffd}"]);
    }

    fn any_text() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            "[a-zA-Z]{1,12}",
            Just(" ".to_owned()),
            Just(". ".to_owned()),
            Just(", ".to_owned()),
            Just("\n".to_owned()),
            Just("\n\n".to_owned()),
            Just("```\n".to_owned()),
            Just("- ".to_owned()),
            Just("| ".to_owned()),
            Just("`".to_owned()),
            Just("e.g. ".to_owned()),
            Just("3.14".to_owned()),
            Just("é字😀".to_owned()),
            Just("etc. ".to_owned()),
            Just("[x](".to_owned()),
            Just("#".to_owned()),
            Just("1. ".to_owned()),
            Just("。".to_owned()),
            Just("!\"".to_owned()),
            Just("\r\n".to_owned()),
        ];
        proptest::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn the_same_text_gives_the_same_clauses_however_it_is_cut(text in any_text(), piece in 1_usize..9) {
            let whole = cut(&text);
            prop_assert_eq!(sources(&whole).concat(), text.clone());
            let mut clauses = Clauses::new("en");
            let mut pieces: Vec<Clause> =
                text.as_bytes().chunks(piece).flat_map(|piece| clauses.push(piece)).collect();
            pieces.extend(clauses.finish());
            prop_assert_eq!(pieces, whole);
        }
    }
}
