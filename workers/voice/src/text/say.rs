//! From a clause to the words to say.

use crate::text::clause::{Clause, Kind};
use crate::text::{english, links, markdown, phrases, symbols};

/// What to say for a clause, in that language (a tag such as `en-US`); empty when there is nothing to say.
///
/// In English, numbers and abbreviations are written out here. In other languages the voice reads them, which knows how.
#[must_use]
pub fn speakable(clause: &Clause, language: &str) -> String {
    match &clause.kind {
        Kind::Silent => String::new(),
        Kind::Code { language: code, lines } => phrases::code_block(language, code, *lines),
        Kind::Row => row(&clause.source, language),
        Kind::Line => {
            let line = markdown::without_line_marks(&clause.source);
            let said = words(&line, language);
            // A picture alone is all that is there to say.
            if said.is_empty() { symbols::emoji_names(&line) } else { said }
        }
        Kind::Prose => words(&clause.source, language),
    }
}

/// The cells of a row, with a short rest between them.
fn row(line: &str, language: &str) -> String {
    let cells = markdown::cells(line).into_iter().map(|cell| words(&cell, language));
    cells.filter(|cell| !cell.is_empty()).collect::<Vec<_>>().join(", ")
}

fn words(source: &str, language: &str) -> String {
    let text = markdown::plain(source, is_english(language));
    let text = symbols::without_emoji(&text);
    let text = if is_english(language) {
        english::written_out(&links::in_english(&text))
    } else {
        links::bare(&text)
    };
    let text = symbols::tidied(&text);
    if text.contains(char::is_alphanumeric) { text } else { String::new() }
}

pub(crate) fn is_english(language: &str) -> bool {
    language.split(['-', '_']).next().is_some_and(|primary| primary.eq_ignore_ascii_case("en"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Clauses;

    fn all(text: &str, language: &str) -> Vec<String> {
        let mut clauses = Clauses::new(language);
        let mut found = clauses.push(text.as_bytes());
        found.extend(clauses.finish());
        found.iter().map(|clause| speakable(clause, language)).filter(|said| !said.is_empty()).collect()
    }

    fn english(text: &str) -> String {
        all(text, "en-US").join(" ")
    }

    #[test]
    fn markdown_is_read_by_its_words() {
        for (text, wanted) in [
            ("# The Answer #\n", "The Answer"),
            ("## Two *great* **ideas**\n", "Two great ideas"),
            ("- one\n* two\n+ three\n", "one two three"),
            ("1. First\n2) Second\n", "one, First two, Second"),
            ("- [ ] milk\n- [x] bread\n", "milk bread"),
            ("> quoted words\n", "quoted words"),
            ("See [the book](https://a.b/c?d=e) now.", "See the book now."),
            ("![a cat on a mat](cat.png)", "image: a cat on a mat"),
            (
                "This is ~~wrong~~ __right__ and _so_ is snake_case.",
                "This is wrong right and so is snake case.",
            ),
            ("Use `foo_bar()` here.", "Use foo bar here."),
            ("Call `parseHttpRequest` now.", "Call parse Http Request now."),
            ("A &amp; B &lt; C", "A and B less than C"),
            ("a \\*star\\*", "a star"),
            ("line<br>break <b>bold</b>", "line break bold"),
            ("A note.[^1]\n\n[^1]: The note\n", "A note."),
            ("**Bold, and still bold** here", "Bold, and still bold here"),
            ("a\n\n---\n\nb", "a b"),
        ] {
            assert_eq!(english(text), wanted, "{text}");
        }
    }

    #[test]
    fn tables_are_read_row_by_row() {
        assert_eq!(
            all("| City | People |\n|---|---:|\n| Paris | 2,100,000 |\n", "en"),
            ["City, People", "Paris, two million one hundred thousand"]
        );
    }

    #[test]
    fn code_is_announced() {
        let twelve = format!("```rust\n{}```\n", "let x = 1;\n".repeat(12));
        assert_eq!(english(&twelve), "A code block of twelve lines in Rust.");
        assert_eq!(english("```\nls\n```\n"), "A code block of one line.");
        assert_eq!(all("```python\nx\ny\n```\n", "de"), ["Ein Codeblock mit 2 Zeilen in Python."]);
    }

    #[test]
    fn addresses_are_read_as_one_would() {
        for (text, wanted) in [
            ("Go to https://www.example.com/ now.", "Go to example dot com now."),
            (
                "See https://docs.rs/rten/latest/rten/struct.Model.html#method.run for it.",
                "See docs dot rs for it.",
            ),
            ("http://example.org/about.", "example dot org slash about."),
            ("Mail jane.doe@example.com, please.", "Mail jane dot doe at example dot com, please."),
            ("On github.com it is.", "On github dot com it is."),
        ] {
            assert_eq!(english(text), wanted, "{text}");
        }
        assert_eq!(all("Siehe https://www.beispiel.de/x/y.", "de"), ["Siehe beispiel.de."]);
    }

    #[test]
    fn emoji_are_dropped_or_named() {
        assert_eq!(english("Well done! 🎉🎉"), "Well done!");
        assert_eq!(english("👍"), "thumbs up");
        assert_eq!(english("I ❤️ Paris 🇫🇷."), "I Paris.");
    }

    #[test]
    fn what_has_no_words_is_not_said() {
        assert_eq!(english("... --- !!!"), "");
        assert_eq!(english("\n\n"), "");
    }

    #[test]
    fn phoneme_marks_of_the_engine_are_only_text() {
        assert!(!english("a [[h@l'oU]] b").contains("[["));
    }

    #[test]
    fn other_languages_keep_their_numbers() {
        assert_eq!(all("Es sind 3,5 km und 12 %.", "de"), ["Es sind 3,5 km und 12 %."]);
    }
}
