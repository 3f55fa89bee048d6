//! Emoji, and marks that are no words.

use unicode_segmentation::UnicodeSegmentation;

/// The text without its emoji.
pub(crate) fn without_emoji(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    for cluster in text.graphemes(true) {
        let is_picture = emoji_name(cluster).is_some() || cluster.chars().all(is_picture_mark);
        kept.push_str(if is_picture { " " } else { cluster });
    }
    kept
}

/// The names of the emoji in a text, in English.
pub(crate) fn emoji_names(text: &str) -> String {
    text.graphemes(true).filter_map(emoji_name).collect::<Vec<_>>().join(", ")
}

/// Digits and the like are emoji only with a picture's mark behind them.
fn emoji_name(cluster: &str) -> Option<&'static str> {
    emojis::get(cluster).filter(|_| !cluster.is_ascii()).map(emojis::Emoji::name)
}

/// Marks that only choose or join pictures, and pictures too new to have a name here.
fn is_picture_mark(c: char) -> bool {
    matches!(c, '\u{fe0e}' | '\u{fe0f}' | '\u{200d}' | '\u{20e3}' | '\u{1f000}'..='\u{1faff}' | '\u{2600}'..='\u{27bf}')
}

/// One blank between words, none before a comma; no marks that a voice would stumble over.
pub(crate) fn tidied(text: &str) -> String {
    let mut tidy = String::with_capacity(text.len());
    for c in text.chars() {
        let c = match c {
            '[' | ']' | '{' | '}' | '|' | '\\' | '^' | '"' | '“' | '”' | '„' | '«' | '»' | '<' | '>'
            | '*' | '_' | '~' | '#' | '\u{2060}' | '\u{feff}' | '\u{200b}' | '\u{ad}' => ' ',
            '’' | '‘' | 'ʼ' => '\'',
            c if c.is_control() || c.is_whitespace() => ' ',
            c => c,
        };
        if c == ' ' && (tidy.is_empty() || tidy.ends_with(' ')) {
            continue;
        }
        if matches!(c, '.' | ',' | ';' | ':' | '!' | '?') && tidy.ends_with(' ') {
            tidy.pop();
        }
        tidy.push(c);
    }
    tidy.truncate(tidy.trim_end().len());
    tidy
}
