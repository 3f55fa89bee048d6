//! The wake word: cut from what was said, also where it was misheard.

use crate::defaults::WAKE_WORD;
use crate::words::{Word, words};

/// What transcripts make of "computer" now and then.
const MISHEARD: &[&str] =
    &["komputer", "computor", "computa", "kompjuter", "komputa", "compute her", "computers", "computadora"];

/// Words that may stand before the wake word.
const CALLS: &[&str] = &["hey", "hi", "ok", "okay", "hello", "he", "yo", "hallo", "eh", "ehi", "oye"];

/// Words after which "computer" is no call: `computer science`. Whoever calls before them says a pause, or twice.
const COMPOUNDS: &[&str] = &[
    "science",
    "games",
    "game",
    "scientist",
    "virus",
    "viruses",
    "vision",
    "mouse",
    "program",
    "programs",
    "programming",
    "graphics",
    "chips",
    "networks",
    "animation",
    "is",
    "are",
    "was",
    "were",
    "has",
];

/// The wake word in use.
#[derive(Debug, Clone)]
pub(crate) struct WakeWord {
    words: Vec<String>,
    is_default: bool,
}

impl WakeWord {
    pub(crate) fn new(phrase: &str) -> Self {
        let words: Vec<String> = words(phrase, false).into_iter().map(|word| word.norm).collect();
        Self { is_default: words == [WAKE_WORD], words }
    }

    /// How many words at the front call the realm: `hey computer` are two.
    pub(crate) fn at_front(&self, said: &[Word]) -> usize {
        let mut cut = 0;
        loop {
            let rest = &said[cut..];
            let is_call = rest.first().is_some_and(|word| CALLS.contains(&word.norm.as_str()));
            cut += match (self.length_at(rest), is_call.then(|| self.length_at(&rest[1..]))) {
                (0, None | Some(0)) => return cut,
                (0, Some(length)) => 1 + length,
                (length, _) => length,
            };
        }
    }

    /// How many words at the end do, as in `stop, computer`: only after a pause, since `what is a computer` is no call.
    pub(crate) fn at_end(&self, said: &[Word]) -> usize {
        let length = self.words.len();
        let Some(before) = said.len().checked_sub(length + 1) else { return 0 };
        let is_called = said[before].pause_after && self.is_exactly(&said[before + 1..]);
        if is_called && length > 0 { length } else { 0 }
    }

    /// Whether this word is a part of the wake word: between words of command it means nothing.
    pub(crate) fn is_exactly(&self, said: &[Word]) -> bool {
        !self.words.is_empty()
            && said.len() == self.words.len()
            && said.iter().zip(&self.words).all(|(word, wanted)| word.norm == *wanted)
    }

    /// How many words it has.
    pub(crate) fn len(&self) -> usize {
        self.words.len()
    }

    fn length_at(&self, said: &[Word]) -> usize {
        let length = self.words.len();
        if length == 0 {
            return 0;
        }
        let pause = |at: usize| said.get(at).is_some_and(|word| word.pause_after);
        if said.get(..length).is_some_and(|front| self.is_exactly(front)) {
            let next = said.get(length).map_or("", |word| word.norm.as_str());
            let is_compound = self.is_default && COMPOUNDS.contains(&next) && !pause(length - 1);
            return if is_compound { 0 } else { length };
        }
        if self.is_default {
            for form in MISHEARD {
                let form: Vec<&str> = form.split(' ').collect();
                let same = said.len() > form.len()
                    && said.iter().zip(&form).all(|(word, wanted)| word.norm == *wanted);
                // `computers` alone may well be meant.
                if same && (form != ["computers"] || pause(0)) {
                    return form.len();
                }
            }
        }
        // Near enough, and a pause after it: a transcript's slip.
        let wanted = self.words.concat();
        let allowed = match wanted.chars().count() {
            ..=4 => 0,
            5..=9 => 1,
            _ => 2,
        };
        (1..=(length + 1).min(said.len()))
            .find(|count| {
                let heard: String = said[..*count].iter().map(|word| word.norm.as_str()).collect();
                pause(count - 1) && distance(&heard, &wanted) <= allowed
            })
            .unwrap_or(0)
    }
}

/// How many letters must be inserted, deleted or replaced.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rest(wake: &str, said: &str) -> String {
        let wake = WakeWord::new(wake);
        let words = words(said, false);
        let front = wake.at_front(&words);
        let end = words.len() - wake.at_end(&words[front..]);
        words[front..end].iter().map(|word| word.norm.as_str()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn it_is_cut_from_the_front_however_it_is_written() {
        for said in [
            "Computer, stop",
            "computer stop",
            "Hey Computer. Stop!",
            "computer computer stop",
            "Komputer stop",
            "Computor, stop",
            "Compute her, stop",
            "Commuter, stop",
        ] {
            assert_eq!(rest("computer", said), "stop", "{said}");
        }
        assert_eq!(rest("computer", "Stop, computer!"), "stop");
        assert_eq!(rest("computer", "Computer."), "");
    }

    #[test]
    fn what_is_about_computers_stays() {
        for said in [
            "computer science is hard",
            "what is a computer",
            "computers are fast",
            "commuter trains are late",
            "compute five times seven",
        ] {
            assert_eq!(rest("computer", said), said);
        }
        assert_eq!(rest("computer", "computer, computer science is hard"), "computer science is hard");
    }

    #[test]
    fn any_phrase_can_be_the_wake_word() {
        assert_eq!(rest("Hey Jeeves", "hey jeeves what time is it"), "what time is it");
        assert_eq!(rest("Hey Jeeves", "Hey Jeves, what time is it"), "what time is it");
        assert_eq!(rest("Hey Jeeves", "computer what time is it"), "computer what time is it");
        assert_eq!(rest("", "computer what time is it"), "computer what time is it");
        assert_eq!(rest("Max", "Mac, stop"), "mac stop", "short words have no near misses");
    }
}
