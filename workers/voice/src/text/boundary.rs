//! Where a clause of prose ends.

use crate::text::abbreviations::{self, Dot};
use crate::text::clause::Pause;

/// How long a clause may be, and how its language writes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) chars_min: usize,
    pub(crate) chars_max: usize,
    /// Whether "3." is how the third is written.
    pub(crate) ordinal_dots: bool,
}

/// What a search came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    /// No end yet, or one that depends on what follows.
    Nothing,
    /// An end after so many bytes.
    At(usize, Pause),
}

/// Whether texts in that language write ordinal numbers with a dot.
pub(crate) fn writes_ordinals_with_a_dot(language: &str) -> bool {
    const LANGUAGES: [&str; 18] = [
        "bs", "cs", "da", "de", "et", "fi", "fo", "hr", "hu", "is", "lb", "lv", "nb", "nn", "no", "sk", "sl",
        "sr",
    ];
    let primary = language.split(['-', '_']).next().unwrap_or_default().to_lowercase();
    LANGUAGES.contains(&primary.as_str()) || primary == "tr" || primary == "pl"
}

/// Finds the end of the clause that `text` begins with.
pub(crate) fn find(text: &str, at_line_start: bool, ended: bool, bounds: Bounds) -> Found {
    let scan = Scan { text, at_line_start, ended, bounds };
    let mut state = State::default();
    for (number, (at, c)) in text.char_indices().enumerate() {
        if number >= bounds.chars_max {
            return state.best_cut(at);
        }
        match scan.step(&mut state, number + 1, at, c) {
            Step::On => {}
            Step::End(found) => return found,
        }
    }
    if ended && !text.is_empty() { Found::At(text.len(), Pause::Sentence) } else { Found::Nothing }
}

struct Scan<'a> {
    text: &'a str,
    at_line_start: bool,
    ended: bool,
    bounds: Bounds,
}

/// What was seen so far of the clause.
#[derive(Debug, Default)]
struct State {
    /// Within `code`.
    in_code: bool,
    /// Within [the words of a link], so deep.
    brackets: usize,
    /// Within (the address of a link).
    in_address: bool,
    /// Whether there is anything to say.
    has_words: bool,
    /// Whether the last words ended a sentence.
    sentence_ended: bool,
    /// The end of the last comma's blank.
    last_comma: Option<usize>,
    /// The end of the last blank.
    last_blank: Option<usize>,
}

impl State {
    /// Where to cut a clause that is too long.
    fn best_cut(&self, at: usize) -> Found {
        match (self.last_comma, self.last_blank) {
            (Some(comma), _) => Found::At(comma, Pause::Comma),
            (None, Some(blank)) => Found::At(blank, Pause::None),
            (None, None) => Found::At(at, Pause::None),
        }
    }

    fn is_inside(&self) -> bool {
        self.in_code || self.in_address || self.brackets > 0
    }
}

enum Step {
    On,
    End(Found),
}

impl Scan<'_> {
    /// Looks at one character, the clause's `number`th.
    fn step(&self, state: &mut State, number: usize, at: usize, c: char) -> Step {
        let next_at = at + c.len_utf8();
        state.has_words |= c.is_alphanumeric();
        match c {
            '\n' => return self.newline(state, at),
            '`' => state.in_code = !state.in_code,
            _ if state.in_code => {}
            ')' if state.in_address => state.in_address = false,
            _ if state.in_address => {}
            '[' => state.brackets += 1,
            ']' if state.brackets > 0 => {
                state.brackets -= 1;
                state.in_address = self.text[next_at..].starts_with('(');
                if next_at == self.text.len() && !self.ended {
                    return Step::End(Found::Nothing);
                }
            }
            _ => {}
        }
        if is_blank(c) {
            state.last_blank = Some(next_at);
        } else if c.is_alphanumeric() {
            state.sentence_ended = false;
        }
        if state.is_inside() {
            return Step::On;
        }
        match c {
            '.' | '!' | '?' | '…' | '।' | '॥' | '؟' | '۔' | '։' | '።' => {
                self.sentence(state, at, c)
            }
            '。' | '！' | '？' | '｡' | '．' => self.wide_sentence(next_at),
            ',' | ';' | ':' | '،' | '؛' | '、' | '，' | '；' | '：' | '—' | '–' => {
                self.comma(state, number, next_at, c)
            }
            _ => Step::On,
        }
    }

    /// A line ends. It goes on in the next one when that begins in lower case.
    fn newline(&self, state: &mut State, at: usize) -> Step {
        let end = Step::End(Found::At(at + 1, Pause::Line));
        let is_heading = self.at_line_start && self.text.trim_start().starts_with('#');
        if !state.has_words || state.sentence_ended || is_heading {
            return end;
        }
        let mut following = self.text[at + 1..].chars().skip_while(|c| *c == ' ' || *c == '\t');
        match following.next() {
            None if self.ended => end,
            None => Step::End(Found::Nothing),
            Some(c) if c.is_lowercase() => {
                // What was opened and not closed in its line was never meant to be.
                state.in_code = false;
                state.in_address = false;
                state.brackets = 0;
                state.last_blank = Some(at + 1);
                Step::On
            }
            Some(_) => end,
        }
    }

    /// After a full stop, a question or an exclamation mark.
    fn sentence(&self, state: &mut State, at: usize, c: char) -> Step {
        let after = &self.text[at..];
        let tail = after.trim_start_matches(is_end_or_closer);
        let end = self.text.len() - tail.len();
        let Some(follows) = tail.chars().next() else {
            return self.at_the_end(state);
        };
        if !follows.is_whitespace() {
            return Step::On;
        }
        let alone = c == '.' && !after[1..].starts_with(['.', '!', '?', '…']);
        let next = tail.trim_start().chars().next();
        if alone {
            match self.dot(&self.text[..at]) {
                Dot::Ends => {}
                Dot::GoesOn => return Step::On,
                verdict => match next {
                    None if self.ended => {}
                    None => return Step::End(Found::Nothing),
                    Some(next) if verdict.goes_on_before(next) => return Step::On,
                    Some(_) => {}
                },
            }
        }
        state.sentence_ended = true;
        if matches!(follows, '\n' | '\r') {
            // The end of the line is the end of the clause.
            return Step::On;
        }
        Step::End(Found::At(end + follows.len_utf8(), Pause::Sentence))
    }

    /// What the dot after `before` does.
    fn dot(&self, before: &str) -> Dot {
        let word = before
            .rsplit(|c: char| c.is_whitespace() || "([{\"'“‘«*_/—–".contains(c))
            .next()
            .unwrap_or_default();
        let is_number = !word.is_empty() && word.bytes().all(|b| b.is_ascii_digit());
        if is_number && word.len() <= 3 && self.at_line_start && before.trim_start().len() == word.len() {
            // The number of an item of a list.
            return Dot::GoesOn;
        }
        if is_number && word.len() <= 2 && self.bounds.ordinal_dots {
            return Dot::GoesOn;
        }
        abbreviations::dot_after(word)
    }

    /// After a mark that needs no blank behind it.
    fn wide_sentence(&self, next_at: usize) -> Step {
        let tail = self.text[next_at..].trim_start_matches(is_end_or_closer);
        match tail.chars().next() {
            None if !self.ended => Step::End(Found::Nothing),
            Some('\n' | '\r') => Step::On,
            _ => Step::End(Found::At(self.text.len() - tail.len(), Pause::Sentence)),
        }
    }

    /// After a comma and its like, which end a clause only when there is enough of it.
    fn comma(&self, state: &mut State, number: usize, next_at: usize, c: char) -> Step {
        let wide = !matches!(c, ',' | ';' | ':' | '،' | '؛' | '–');
        let end = match self.text[next_at..].chars().next() {
            Some(follows) if is_blank(follows) => next_at + follows.len_utf8(),
            Some(_) if wide => next_at,
            Some(_) => return Step::On,
            None => return self.at_the_end(state),
        };
        if self.text[..next_at - c.len_utf8()].ends_with(|before: char| before.is_ascii_digit()) {
            // Within a date ("March 5, 2024") or a list of numbers.
            match self.text[end..].chars().next() {
                Some(number) if number.is_ascii_digit() => return Step::On,
                None if !self.ended => return Step::End(Found::Nothing),
                _ => {}
            }
        }
        state.last_comma = Some(end);
        let chars_min = if matches!(c, ';' | ':' | '；' | '：') {
            self.bounds.chars_min / 2
        } else {
            self.bounds.chars_min
        };
        if state.has_words && number >= chars_min {
            return Step::End(Found::At(end, Pause::Comma));
        }
        Step::On
    }

    /// The text ends where its next character would decide.
    fn at_the_end(&self, state: &mut State) -> Step {
        state.sentence_ended = true;
        if self.ended { Step::On } else { Step::End(Found::Nothing) }
    }
}

fn is_blank(c: char) -> bool {
    c.is_whitespace() && !matches!(c, '\n' | '\r')
}

/// What may stand between the end of a sentence and the blank after it.
fn is_end_or_closer(c: char) -> bool {
    ".!?…।॥؟۔։።。！？)]}\"'”’»」』）*_~".contains(c)
}
