//! Markdown to plain text, one clause at a time.

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

/// Keeps the parser from taking the beginning of a clause for the beginning of a block.
const GUARD: &str = "\u{2060} ";

/// The words of a line without the marks that say what it is: heading, quotation, item of a list, task.
pub(crate) fn without_line_marks(line: &str) -> String {
    let mut rest = line.trim();
    let mut number = "";
    loop {
        let before = rest;
        rest = rest.trim_start_matches('>').trim_start();
        let level = rest.bytes().take_while(|b| *b == b'#').count();
        if (1..=6).contains(&level) && rest[level..].starts_with([' ', '\t']) {
            rest = rest[level..].trim_end_matches('#').trim();
        }
        for mark in ["- ", "* ", "+ ", "• ", "[ ] ", "[x] ", "[X] "] {
            rest = rest.strip_prefix(mark).unwrap_or(rest).trim_start();
        }
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        if number.is_empty()
            && (1..=3).contains(&digits)
            && rest[digits..].starts_with([')', '.'])
            && let Some(item) = rest[digits + 1..].strip_prefix([' ', '\t'])
        {
            number = &rest[..digits];
            rest = item.trim_start();
        }
        if rest == before {
            break;
        }
    }
    if is_definition(rest) {
        String::new()
    } else if number.is_empty() {
        rest.to_owned()
    } else {
        format!("{number}, {rest}")
    }
}

/// `[name]: address` and `[^1]: note` stand for themselves elsewhere.
fn is_definition(line: &str) -> bool {
    line.strip_prefix('[')
        .and_then(|rest| rest.split_once(']'))
        .is_some_and(|(_, after)| after.starts_with(": "))
}

/// The cells of a table's row.
pub(crate) fn cells(line: &str) -> Vec<String> {
    let line = line.trim().trim_start_matches('|');
    let line = line.strip_suffix('|').unwrap_or(line);
    let mut cells = vec![String::new()];
    let mut escaped = false;
    for c in line.chars() {
        match (c, cells.last_mut()) {
            ('|', _) if !escaped => cells.push(String::new()),
            (c, Some(cell)) => cell.push(c),
            (_, None) => {}
        }
        escaped = c == '\\' && !escaped;
    }
    cells
}

/// The words within a clause: without the marks of emphasis, links by their words, code as one would say it.
pub(crate) fn plain(source: &str, in_english: bool) -> String {
    let guarded = format!("{GUARD}{}", source.trim());
    let mut text = String::with_capacity(guarded.len());
    let mut images = 0_usize;
    for event in Parser::new_ext(&guarded, Options::ENABLE_STRIKETHROUGH | Options::ENABLE_FOOTNOTES) {
        match event {
            Event::Text(words) => text.push_str(&words),
            Event::Code(code) => text.push_str(&code_words(&code, in_english)),
            Event::SoftBreak | Event::HardBreak => text.push(' '),
            Event::InlineHtml(tag) | Event::Html(tag) if is_break(&tag) => text.push(' '),
            Event::Start(Tag::Image { .. }) => {
                images += 1;
                if in_english {
                    text.push_str("image: ");
                }
            }
            Event::End(TagEnd::Image) => images = images.saturating_sub(1),
            _ => {}
        }
    }
    let text = text.trim_start_matches('\u{2060}').trim();
    without_footnotes(&without_lone_marks(text))
}

/// Whether a tag puts its surroundings on different lines.
fn is_break(tag: &str) -> bool {
    let name = tag.trim_start_matches(['<', '/']).to_ascii_lowercase();
    ["br", "p>", "p ", "li", "div", "hr", "tr", "td"].iter().any(|breaking| name.starts_with(breaking))
}

/// Marks of emphasis whose other half is in another clause.
fn without_lone_marks(text: &str) -> String {
    let characters: Vec<char> = text.chars().collect();
    let is_word =
        |at: Option<usize>| at.and_then(|at| characters.get(at)).is_some_and(|c| c.is_alphanumeric());
    let mut kept = String::with_capacity(text.len());
    for (at, c) in characters.iter().enumerate() {
        let doubled =
            [at.checked_sub(1), Some(at + 1)].into_iter().flatten().any(|n| characters.get(n) == Some(c));
        let touches_word = is_word(at.checked_sub(1)) || is_word(Some(at + 1));
        match c {
            '*' if doubled || touches_word && !(is_word(at.checked_sub(1)) && is_word(Some(at + 1))) => {}
            '_' if is_word(at.checked_sub(1)) && is_word(Some(at + 1)) => kept.push(' '),
            '_' => {}
            '~' if doubled => {}
            '`' => {}
            _ => kept.push(*c),
        }
    }
    kept
}

/// `[^1]` in the text points to a note that is elsewhere.
fn without_footnotes(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("[^") {
        kept.push_str(before);
        match after.split_once(']') {
            Some((note, behind)) if note.len() <= 20 && !note.contains(' ') => rest = behind,
            _ => {
                kept.push_str("[^");
                rest = after;
            }
        }
    }
    kept + rest
}

/// A piece of code within a sentence, as one would say it: its words, and the names of the marks that matter.
fn code_words(code: &str, in_english: bool) -> String {
    let mut words = String::with_capacity(code.len() * 2);
    let code = code.replace("()", " ").replace("::", " ").replace("->", " to ");
    let code = if in_english {
        [
            ("!=", " is not "),
            ("==", " equals "),
            (">=", " at least "),
            ("<=", " at most "),
            ("&&", " and "),
            ("||", " or "),
            ("--", " dash dash "),
            ("=", " equals "),
            ("/", " slash "),
            ("+", " plus "),
            ("*", " star "),
            ("~", " tilde "),
            ("|", " pipe "),
            ("\\", " backslash "),
            ("#", " hash "),
        ]
        .iter()
        .fold(code, |code, (mark, name)| code.replace(mark, name))
    } else {
        code
    };
    let mut before = ' ';
    let mut characters = code.chars().peekable();
    while let Some(c) = characters.next() {
        let next = characters.peek().copied().unwrap_or(' ');
        match c {
            '.' if in_english
                && next.is_alphanumeric()
                && !(before.is_ascii_digit() && next.is_ascii_digit()) =>
            {
                words.push_str(" dot ");
            }
            '-' if in_english && before == ' ' && next.is_alphabetic() => words.push_str("dash "),
            '_' | '(' | ')' | '{' | '}' | '[' | ']' | '"' | '\'' | ';' | '<' | '>' | '$' | '`' => {
                words.push(' ')
            }
            c if c.is_uppercase() && before.is_lowercase() => words.extend([' ', c]),
            c => words.push(c),
        }
        before = c;
    }
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}
