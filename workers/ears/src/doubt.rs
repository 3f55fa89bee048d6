//! What the model is not believed. It was trained on films with subtitles, so where there is little to hear it says what
//! subtitles say, and where it loses its way it repeats itself.

use crate::defaults::{FRAME_MS, LOGPROB_MIN, NO_SPEECH_MAX};
use crate::transcript::Word;

/// How sure the model was, and how much voice there was.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Grounds {
    pub(crate) voiced_frames: usize,
    pub(crate) no_speech: f32,
    /// Mean log probability of the tokens.
    pub(crate) logprob: f32,
}

/// What people say as well: believed when there is enough voice, or the model is sure.
const SAID_TOO: [&str; 17] = [
    "you",
    "thank you",
    "thank you very much",
    "thanks",
    "bye",
    "bye bye",
    "okay",
    "so",
    "oh",
    "the",
    "i",
    "danke",
    "vielen dank",
    "merci",
    "gracias",
    "grazie",
    "tack",
];

/// What nobody says to a computer, in the languages in which it was seen.
const CREDITS: [&str; 18] = [
    "thanks for watching",
    "thank you for watching",
    "thank you so much for watching",
    "please subscribe",
    "subscribe to my channel",
    "like and subscribe",
    "see you in the next video",
    "subtitles by",
    "amara org",
    "untertitel im auftrag des zdf",
    "untertitel der amara",
    "untertitelung des zdf",
    "vielen dank fürs zuschauen",
    "sous titres réalisés",
    "sous titrage",
    "subtítulos por la comunidad",
    "ご視聴ありがとうございました",
    "продолжение следует",
];

/// The words that are believed.
pub(crate) fn believed(words: Vec<Word>, grounds: Grounds) -> Vec<Word> {
    let words = without_stammer(without_descriptions(words), grounds.voiced_frames);
    let plain = plain(&crate::transcript::text_of(&words));
    let unsure = grounds.logprob < LOGPROB_MIN * 0.7 || grounds.no_speech > NO_SPEECH_MAX;
    let hardly_a_voice = grounds.voiced_frames as u32 * FRAME_MS < 250;
    let invented = plain.is_empty()
        || grounds.logprob < LOGPROB_MIN * 1.5
        || (grounds.no_speech > NO_SPEECH_MAX && grounds.logprob < LOGPROB_MIN)
        || (SAID_TOO.contains(&plain.as_str()) && (unsure || hardly_a_voice))
        || (plain.split(' ').count() <= 12 && CREDITS.iter().any(|credit| plain.contains(credit)));
    if invented { Vec::new() } else { words }
}

/// Lower case, words alone.
fn plain(text: &str) -> String {
    let letters: String = text
        .to_lowercase()
        .chars()
        .map(|letter| if letter.is_alphanumeric() { letter } else { ' ' })
        .collect();
    letters.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Drops what describes a sound instead of repeating it: `[music]`, `(applause)`, `*sighs*`, ♪.
fn without_descriptions(words: Vec<Word>) -> Vec<Word> {
    let mut until: Option<char> = None;
    let mut kept = Vec::with_capacity(words.len());
    for word in words {
        let text = word.text.trim();
        if until.is_none() {
            until = match text.chars().next() {
                Some('[') => Some(']'),
                Some('(') => Some(')'),
                Some('*') => Some('*'),
                _ => None,
            };
            // A lone asterisk is not closed by itself.
            if until == Some('*') && text.len() == 1 {
                continue;
            }
        }
        match until {
            Some(end) => {
                if text.trim_end_matches(['.', ',', '!', '?']).ends_with(end) {
                    until = None;
                }
            }
            None if text.chars().all(|letter| matches!(letter, '♪' | '♫' | '-' | '…' | '.')) => {}
            None => kept.push(word),
        }
    }
    kept
}

/// Where the same words follow each other again and again, faster than anybody speaks, one time is kept.
fn without_stammer(words: Vec<Word>, voiced_frames: usize) -> Vec<Word> {
    const TIMES: usize = 4;
    const WORDS_PER_S: f32 = 4.5;
    const LONGEST: usize = 12;
    let voiced_s = (voiced_frames as u32 * FRAME_MS) as f32 / 1_000.0;
    if words.len() as f32 <= voiced_s * WORDS_PER_S {
        return words;
    }
    let plain: Vec<String> = words.iter().map(|word| plain(&word.text)).collect();
    let mut kept = Vec::with_capacity(words.len());
    let mut at = 0;
    while at < words.len() {
        let times = |length: usize| {
            let first = &plain[at..at + length];
            plain[at..].chunks_exact(length).take_while(|next| *next == first).count()
        };
        let longest = LONGEST.min(words.len() - at);
        match (1..=longest).map(|length| (length, times(length))).find(|(_, times)| *times >= TIMES) {
            Some((length, times)) => {
                kept.extend_from_slice(&words[at..at + length]);
                at += length * times;
            }
            None => {
                kept.push(words[at].clone());
                at += 1;
            }
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transcript::text_of;

    const SURE: Grounds = Grounds { voiced_frames: 60, no_speech: 0.01, logprob: -0.2 };

    fn said(text: &str, grounds: Grounds) -> String {
        let words = text
            .split_inclusive(' ')
            .map(|word| Word { start_ms: 0, end_ms: 0, text: word.to_owned(), probability: 1.0 })
            .collect();
        text_of(&believed(words, grounds)).trim().to_owned()
    }

    #[test]
    fn what_is_said_clearly_is_believed() {
        for text in ["Thank you.", "What is the capital of France?", "you", "No, no, no, no!"] {
            assert_eq!(said(text, SURE), text);
        }
    }

    #[test]
    fn what_subtitles_say_needs_a_voice() {
        assert_eq!(said("Thank you.", Grounds { voiced_frames: 4, ..SURE }), "");
        assert_eq!(said("Thank you.", Grounds { logprob: -0.9, ..SURE }), "");
        assert_eq!(said("Thanks for watching!", SURE), "");
        assert_eq!(said("Untertitel im Auftrag des ZDF für funk, 2017", SURE), "");
        assert_eq!(
            said("Tell me how many people say thanks for watching at the end of their films, and why.", SURE)
                .len(),
            83
        );
    }

    #[test]
    fn unsure_text_without_speech_is_not_believed() {
        assert_eq!(said("Some words", Grounds { no_speech: 0.9, logprob: -1.2, ..SURE }), "");
        assert_eq!(said("Some words", Grounds { logprob: -1.6, ..SURE }), "");
        assert_eq!(said("...", SURE), "");
    }

    #[test]
    fn descriptions_of_sounds_are_no_words() {
        assert_eq!(said("[MUSIC PLAYING] Hello (applause) there. *sighs*", SURE), "Hello there.");
        assert_eq!(said("♪ ♪", SURE), "");
    }

    #[test]
    fn stammering_is_cut_to_one_time() {
        let stammer = "I like ".repeat(20);
        assert_eq!(said(&format!("Well, {stammer}cats"), SURE), "Well, I like cats");
        let slow = Grounds { voiced_frames: 600, ..SURE };
        assert_eq!(said("row row row row", slow), "row row row row");
    }
}
