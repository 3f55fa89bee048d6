//! What was heard: words with their times, and what is made of them.

use serde::Serialize;

/// A word as it was heard.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Word {
    /// Where it begins, in milliseconds from the beginning of the recording.
    pub start_ms: u64,
    /// Where it ends.
    pub end_ms: u64,
    /// The word with its punctuation, and with the space before it where its language has spaces.
    pub text: String,
    /// How sure the model is, from 0 to 1.
    pub probability: f32,
}

/// A sentence, or what is between two pauses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Segment {
    /// Where it begins, in milliseconds from the beginning of the recording.
    pub start_ms: u64,
    /// Where it ends.
    pub end_ms: u64,
    /// Its words.
    pub text: String,
}

/// A whole recording.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Transcript {
    /// What was said; empty when nobody spoke.
    pub text: String,
    /// The language, as a code; `None` when nobody spoke and none was given.
    pub language: Option<String>,
    /// How long the recording is.
    pub duration_ms: u64,
    /// Its sentences.
    pub segments: Vec<Segment>,
    /// Its words.
    pub words: Vec<Word>,
}

/// A pause between words that ends a segment.
const PAUSE_MS: u64 = 1_000;

/// The text of words.
pub(crate) fn text_of(words: &[Word]) -> String {
    words.iter().map(|word| word.text.as_str()).collect()
}

/// Sentences: they end with a full stop and the like, or before a pause.
pub(crate) fn segments_of(words: &[Word]) -> Vec<Segment> {
    let mut segments: Vec<Segment> = Vec::new();
    let mut ended = true;
    for word in words {
        let pause = segments.last().is_some_and(|last| word.start_ms >= last.end_ms + PAUSE_MS);
        match segments.last_mut() {
            Some(last) if !ended && !pause => {
                last.end_ms = word.end_ms;
                last.text.push_str(&word.text);
            }
            _ => segments.push(Segment {
                start_ms: word.start_ms,
                end_ms: word.end_ms,
                text: word.text.trim_start().to_owned(),
            }),
        }
        ended = word.text.ends_with(['.', '?', '!', '…', '。', '？', '！', '।', '؟']);
    }
    segments
}

/// A token as the model gives it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Token {
    pub(crate) bytes: Vec<u8>,
    /// When it was spoken, in milliseconds from the beginning of the window; `None` when the model can't tell.
    pub(crate) at_ms: Option<u64>,
    pub(crate) probability: f32,
}

/// Words of tokens. A token that begins with a space begins a word; where a language has no spaces, every whole
/// character or group of them is one. `offset_ms` is where the window begins in the recording, `length_ms` how long it is.
pub(crate) fn words_of(tokens: &[Token], offset_ms: u64, length_ms: u64) -> Vec<Word> {
    /// The longest that a word may last: before a pause, and at the end, no next word tells where it ends.
    const WORD_MS_MAX: u64 = 1_500;
    let mut words: Vec<(Vec<u8>, Option<u64>, Vec<f32>)> = Vec::new();
    for token in tokens {
        let begins = token.bytes.first() == Some(&b' ')
            || words.last().is_none_or(|(bytes, ..)| {
                let whole = std::str::from_utf8(bytes);
                whole.is_ok_and(|text| text.chars().next_back().is_some_and(is_without_spaces))
                    && std::str::from_utf8(&token.bytes)
                        .map_or(true, |text| text.chars().next().is_some_and(is_without_spaces))
            });
        match words.last_mut() {
            Some((bytes, at, probabilities)) if !begins => {
                bytes.extend_from_slice(&token.bytes);
                *at = at.or(token.at_ms);
                probabilities.push(token.probability);
            }
            _ => words.push((token.bytes.clone(), token.at_ms, vec![token.probability])),
        }
    }

    let mut starts = Vec::with_capacity(words.len() + 1);
    let mut last = 0;
    for (_, at, _) in &words {
        last = at.unwrap_or(last).clamp(last, length_ms);
        starts.push(last);
    }
    starts.push((last + WORD_MS_MAX).min(length_ms));
    words
        .into_iter()
        .zip(starts.windows(2))
        .map(|((bytes, _, probabilities), times)| Word {
            start_ms: offset_ms + times[0],
            end_ms: offset_ms + times[1].min(times[0] + WORD_MS_MAX),
            text: String::from_utf8_lossy(&bytes).into_owned(),
            probability: probabilities.iter().sum::<f32>() / probabilities.len() as f32,
        })
        .collect()
}

/// Characters of scripts that put no spaces between words.
fn is_without_spaces(character: char) -> bool {
    matches!(u32::from(character), 0x0e00..=0x0eff | 0x1000..=0x109f | 0x1780..=0x17ff | 0x3040..=0x30ff | 0x3400..=0x9fff)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(text: &str, at_ms: u64) -> Token {
        Token { bytes: text.as_bytes().to_vec(), at_ms: Some(at_ms), probability: 0.5 }
    }

    #[test]
    fn tokens_become_words_with_their_times() {
        let tokens =
            [token(" Com", 100), token("puter", 300), token(",", 500), token(" stop", 700), token(".", 900)];
        let words = words_of(&tokens, 10_000, 2_000);
        assert_eq!(text_of(&words), " Computer, stop.");
        let times: Vec<_> =
            words.iter().map(|word| (word.text.as_str(), word.start_ms, word.end_ms)).collect();
        assert_eq!(times, [(" Computer,", 10_100, 10_700), (" stop.", 10_700, 12_000)]);
    }

    #[test]
    fn times_never_run_backwards_or_beyond_the_window() {
        let mut tokens = vec![token(" a", 900), token(" b", 400), token(" c", 5_000)];
        tokens.push(Token { at_ms: None, ..token(" d", 0) });
        let words = words_of(&tokens, 0, 1_500);
        let times: Vec<_> = words.iter().map(|word| (word.start_ms, word.end_ms)).collect();
        assert_eq!(times, [(900, 900), (900, 1_500), (1_500, 1_500), (1_500, 1_500)]);
    }

    #[test]
    fn characters_over_several_tokens_are_put_together() {
        let bytes = "日本語".as_bytes();
        let tokens: Vec<Token> = [&bytes[..3], &bytes[3..5], &bytes[5..6], &bytes[6..]]
            .iter()
            .map(|bytes| Token { bytes: bytes.to_vec(), at_ms: Some(0), probability: 1.0 })
            .collect();
        let words = words_of(&tokens, 0, 1_000);
        assert_eq!(words.iter().map(|word| word.text.as_str()).collect::<Vec<_>>(), ["日", "本", "語"]);
        let umlaut = [token(" gr", 0), Token { bytes: vec![0xc3], at_ms: None, probability: 1.0 }];
        let rest = Token { bytes: [&[0xbc][..], b"n"].concat(), at_ms: None, probability: 1.0 };
        assert_eq!(text_of(&words_of(&[&umlaut[..], &[rest]].concat(), 0, 100)), " grün");
    }

    #[test]
    fn segments_end_with_sentences_and_at_pauses() {
        let word =
            |text: &str, start_ms, end_ms| Word { start_ms, end_ms, text: text.into(), probability: 1.0 };
        let words = [
            word(" One", 0, 100),
            word(" two.", 100, 400),
            word(" Three", 400, 500),
            word(" four", 2_000, 2_100),
        ];
        let segments = segments_of(&words);
        let texts: Vec<_> = segments.iter().map(|s| (s.text.as_str(), s.start_ms, s.end_ms)).collect();
        assert_eq!(texts, [("One two.", 0, 400), ("Three", 400, 500), ("four", 2_000, 2_100)]);
        assert_eq!(segments_of(&[]), []);
    }
}
