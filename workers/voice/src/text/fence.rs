//! What a line is that is more, or less, than prose: blocks of code, rows of tables, rules, blank lines.

use crate::defaults::LINE_BYTES_MAX;
use crate::text::clause::{Clause, Kind, Pause};

/// What begins at the start of a line. The numbers are the bytes up to its end.
#[derive(Debug)]
pub(crate) enum LineKind {
    /// Words.
    Prose,
    /// Nothing.
    Blank(usize),
    /// A line across, the line below a table's head, or a comment: nothing to say.
    Rule(usize),
    /// A row of a table.
    Row(usize),
    /// The first line of a block of code.
    Fence(usize, Fence),
}

impl LineKind {
    /// What the text begins with, or `None` while that can't be told. With `ended`, nothing follows the text.
    pub(crate) fn of(text: &str, ended: bool) -> Option<Self> {
        let whole = text.find('\n').map(|at| at + 1);
        let head = &text[..text.floor_char_boundary(LINE_BYTES_MAX)];
        let trimmed = head.trim_start_matches([' ', '\t', '\r']);
        let Some(first) = trimmed.chars().next() else {
            // Only blanks so far, which are not waited for without end.
            return (ended || head.len() < text.len()).then_some(Self::Blank(head.len()));
        };
        if first == '\n' {
            return whole.map(Self::Blank);
        }
        if !matches!(first, '`' | '~' | '|' | '-' | '*' | '_' | '=' | '<') {
            return Some(Self::Prose);
        }
        if !could_be_special(trimmed, first) {
            return Some(Self::Prose);
        }
        let end = match whole {
            Some(end) if end <= LINE_BYTES_MAX => end,
            None if text.len() <= LINE_BYTES_MAX => ended.then_some(text.len())?,
            // Too long to be anything but words.
            _ => return Some(Self::Prose),
        };
        let line = text[..end].trim();
        Some(if let Some(fence) = Fence::opened_by(line) {
            Self::Fence(end, fence)
        } else if is_rule(line) {
            Self::Rule(end)
        } else if first == '|' && line.len() > 1 {
            Self::Row(end)
        } else {
            Self::Prose
        })
    }
}

/// Whether a line that begins so may still become something special, by its first few characters; most items of lists
/// and emphasised words are told from a rule at once.
fn could_be_special(trimmed: &str, first: char) -> bool {
    match first {
        '|' => true,
        '`' | '~' => trimmed.chars().take(3).all(|c| c == first),
        '<' => "<!--".starts_with(trimmed.get(..4.min(trimmed.len())).unwrap_or("?")),
        _ => {
            let line = trimmed.split('\n').next().unwrap_or_default();
            line.chars().all(|c| c == first || matches!(c, ' ' | '\t' | '\r' | '|' | ':'))
        }
    }
}

/// A rule (`---`), the line between a table's head and body, or a comment in one line.
fn is_rule(line: &str) -> bool {
    let marks = |c: char| line.chars().filter(|found| *found == c).count();
    let across = ['-', '*', '_', '=']
        .into_iter()
        .any(|mark| marks(mark) >= 3 && line.chars().all(|c| c == mark || c == ' '));
    let below_head = marks('-') >= 1 && marks('|') >= 1 && line.chars().all(|c| "|-: ".contains(c));
    across || below_head || (line.starts_with("<!--") && line.ends_with("-->"))
}

/// A block of code that is open.
#[derive(Debug)]
pub(crate) struct Fence {
    mark: char,
    marks: usize,
    language: String,
    lines: usize,
    /// What came since the last clause.
    pub(crate) source: String,
    /// Whether the last piece of code ended a line.
    at_line_start: bool,
}

impl Fence {
    /// The block that a line (without blanks round it) opens.
    fn opened_by(line: &str) -> Option<Self> {
        let mark = line.chars().next().filter(|mark| matches!(mark, '`' | '~'))?;
        let marks = line.chars().take_while(|c| *c == mark).count();
        let info = line[marks..].trim();
        if marks < 3 || (mark == '`' && info.contains('`')) {
            return None;
        }
        let language = info.split([' ', ',', '{', ':']).next().unwrap_or_default().to_owned();
        Some(Self { mark, marks, language, lines: 0, source: String::new(), at_line_start: true })
    }

    pub(crate) fn is_closed_by(&self, line: &str) -> bool {
        let line = line.trim();
        self.at_line_start && line.len() >= self.marks && line.chars().all(|c| c == self.mark)
    }

    /// Adds a line, or a piece of one that is very long.
    pub(crate) fn add(&mut self, line: &str) {
        self.lines += usize::from(self.at_line_start);
        self.at_line_start = line.ends_with('\n');
        self.source.push_str(line);
    }

    pub(crate) fn into_clause(self) -> Clause {
        let kind = Kind::Code { language: self.language, lines: self.lines };
        Clause { source: self.source, kind, pause: Pause::Line }
    }
}
