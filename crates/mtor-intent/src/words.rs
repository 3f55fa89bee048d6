//! Words as rules compare them: lower case, no accents, no punctuation; each knows where it stands in what was said.

/// One word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Word {
    /// The word as it is compared.
    pub(crate) norm: String,
    /// Where it begins in the text, in bytes.
    pub(crate) start: usize,
    /// Where it ends.
    pub(crate) end: usize,
    /// Whether a comma, a full stop or the like stands between it and the next word.
    pub(crate) pause_after: bool,
}

/// The words of a text.
///
/// Apostrophes vanish in `what's`, as they do in transcripts; but where a language elides an article, as French and
/// Italian do, `l'image` is two words.
pub(crate) fn words(text: &str, elides: bool) -> Vec<Word> {
    let mut words: Vec<Word> = Vec::new();
    let mut open = false;
    let mut address_end = 0;
    for (at, c) in text.char_indices() {
        if at < address_end {
            continue;
        }
        if !open && let Some(length) = address(&text[at..]) {
            address_end = at + length;
            let norm = text[at..address_end].to_lowercase();
            words.push(Word { norm, start: at, end: address_end, pause_after: false });
            continue;
        }
        let apostrophe = matches!(c, '\'' | '\u{2019}' | '\u{2018}' | '`');
        if apostrophe && !elides && open {
            continue;
        }
        if is_part_of_number(text, at, c) || c.is_alphanumeric() || is_operator(text, at, c) {
            if !open {
                words.push(Word { norm: String::new(), start: at, end: at, pause_after: false });
                open = true;
            }
            if let Some(word) = words.last_mut() {
                fold(c, &mut word.norm);
                word.end = at + c.len_utf8();
            }
        } else if is_combining(c) {
            if let (true, Some(word)) = (open, words.last_mut()) {
                word.end = at + c.len_utf8();
            }
        } else {
            open = false;
            if let (true, Some(word)) =
                (matches!(c, ',' | '.' | '!' | '?' | ';' | ':' | '…'), words.last_mut())
            {
                word.pause_after = true;
            }
        }
    }
    words.retain(|word| !word.norm.is_empty());
    words
}

/// The length of the address that the text begins with, if it is one with its scheme: one word, however it is written.
fn address(text: &str) -> Option<usize> {
    let scheme = ["https://", "http://"]
        .into_iter()
        .find(|scheme| text.get(..scheme.len()).is_some_and(|front| front.eq_ignore_ascii_case(scheme)))?;
    let whole = text.split(char::is_whitespace).next().unwrap_or_default();
    // What ends a sentence is no part of it.
    let length = whole.trim_end_matches(['.', ',', '!', '?', ';', ':', ')', '"', '\'', '…']).len();
    (length > scheme.len()).then_some(length)
}

/// The words of a pattern or a table, which are folded as what people say is.
pub(crate) fn folded(text: &str) -> String {
    let mut folded = String::new();
    for c in text.chars().filter(|c| *c != '\'') {
        fold(c, &mut folded);
    }
    folded
}

/// `3.5`, `1,000` and `12:30` are one word each; so is the address `example.org`.
fn is_part_of_number(text: &str, at: usize, c: char) -> bool {
    if !matches!(c, '.' | ',' | ':' | '/' | '-' | '@' | '_') {
        return false;
    }
    let before = text[..at].chars().next_back();
    let after = text[at + c.len_utf8()..].chars().next();
    let (Some(before), Some(after)) = (before, after) else { return false };
    match c {
        '.' => before.is_alphanumeric() && after.is_alphanumeric(),
        ',' | ':' => before.is_ascii_digit() && after.is_ascii_digit(),
        '/' if before == ':' || after == '/' => true,
        _ => before.is_alphanumeric() && after.is_alphanumeric() && c != '-',
    }
}

/// The signs of a calculation are words: `7 * 8`, `20 %`.
fn is_operator(text: &str, at: usize, c: char) -> bool {
    let beside_digit = |side: Option<char>| side.is_some_and(|c| c.is_ascii_digit());
    match c {
        '+' | '*' | '×' | '÷' | '%' | '^' | '=' | '$' | '€' => true,
        '-' => {
            let before = text[..at].trim_end().chars().next_back();
            let after = text[at + 1..].trim_start().chars().next();
            beside_digit(before) && beside_digit(after)
        }
        _ => false,
    }
}

fn is_combining(c: char) -> bool {
    ('\u{300}'..='\u{36f}').contains(&c)
}

/// A letter in lower case without its accent.
fn fold(c: char, out: &mut String) {
    for c in c.to_lowercase() {
        match c {
            'à' | 'á' | 'â' | 'ã' | 'ä' | 'å' | 'ā' | 'ª' => out.push('a'),
            'è' | 'é' | 'ê' | 'ë' | 'ē' => out.push('e'),
            'ì' | 'í' | 'î' | 'ï' | 'ī' => out.push('i'),
            'ò' | 'ó' | 'ô' | 'õ' | 'ö' | 'ø' | 'ō' | 'º' => out.push('o'),
            'ù' | 'ú' | 'û' | 'ü' | 'ū' => out.push('u'),
            'ý' | 'ÿ' => out.push('y'),
            'ç' => out.push('c'),
            'ñ' => out.push('n'),
            'ß' => out.push_str("ss"),
            'æ' => out.push_str("ae"),
            'œ' => out.push_str("oe"),
            c if is_combining(c) => {}
            c => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn norms(text: &str, elides: bool) -> Vec<String> {
        words(text, elides).into_iter().map(|word| word.norm).collect()
    }

    #[test]
    fn an_address_is_one_word_without_what_ends_the_sentence() {
        let said = "Open https://example.org/a?b=c&d=%20e#f, please";
        assert_eq!(norms(said, true), ["open", "https://example.org/a?b=c&d=%20e#f", "please"]);
        assert!(words("see http://example.org/x. Then go", false)[1].end == 24);
        assert_eq!(norms("https:// is no address", false)[0], "https");
    }

    #[test]
    fn case_accents_and_punctuation_vanish() {
        assert_eq!(
            norms("Wie WIRD das Wetter in Zürich?!", false),
            ["wie", "wird", "das", "wetter", "in", "zurich"]
        );
        assert_eq!(norms("Großmutter Cafe\u{301} œuf", false), ["grossmutter", "cafe", "oeuf"]);
    }

    #[test]
    fn apostrophes_join_in_english_and_part_in_french() {
        assert_eq!(norms("What’s on, don't", false), ["whats", "on", "dont"]);
        assert_eq!(norms("l'image d’hier", true), ["l", "image", "d", "hier"]);
    }

    #[test]
    fn numbers_and_signs_stay() {
        assert_eq!(
            norms("3.5 plus 1,000 at 12:30, 7*8", false),
            ["3.5", "plus", "1,000", "at", "12:30", "7*8"]
        );
        assert_eq!(norms("20 % of 5 - 3", false), ["20", "%", "of", "5", "-", "3"]);
        assert_eq!(norms("open example.org/news now.", false), ["open", "example.org/news", "now"]);
    }

    #[test]
    fn each_word_knows_its_place_and_the_pause_after_it() {
        let text = "Computer, zeichne Köln.";
        let words = words(text, false);
        assert_eq!(&text[words[2].start..words[2].end], "Köln");
        assert_eq!(words.iter().map(|word| word.pause_after).collect::<Vec<_>>(), [true, false, true]);
    }
}
