//! Addresses of pages and mailboxes.

use regex_lite::Captures;

use crate::text::english::{pattern, replaced};

pattern!(ADDRESS, r"(?i)\b(?:https?|ftp|wss?)://([^\s/?#<>\x22)]+)([^\s<>\x22)]*)");
pattern!(MAILBOX, r"(?i)\b(?:mailto:)?([a-z0-9._%+-]+)@([a-z0-9-]+(?:\.[a-z0-9-]+)*\.[a-z]{2,})");
pattern!(
    HOST,
    r"(?i)\b(?:www\.)?((?:[a-z0-9-]+\.)+(?:com|org|net|edu|gov|io|dev|ai|app|info|eu|de|uk|fr|ch|at|nl|us|ca|au|rs))\b((?:/[^\s<>\x22)]*)?)",
);

/// Longest path that is read, in characters; others say nothing to a listener.
const PATH_CHARS_MAX: usize = 20;

/// Addresses as one would say them in English.
pub(crate) fn in_english(text: &str) -> String {
    let text =
        replaced(text, &MAILBOX, |found| Some(format!("{} at {}", marks(&found[1]), marks(&found[2]))));
    let text = replaced(&text, &ADDRESS, |found| Some(said(found)));
    replaced(&text, &HOST, |found| Some(said(found)))
}

/// Addresses without what no one says: how they are fetched, and the path.
pub(crate) fn bare(text: &str) -> String {
    replaced(text, &ADDRESS, |found| {
        let end = sentence_end(&found[2]);
        Some(format!(
            "{}{end}",
            host(if found[2].is_empty() { found[1].trim_end_matches(['.', ',']) } else { &found[1] })
        ))
    })
}

fn said(found: &Captures<'_>) -> String {
    let (name, path) = (&found[1], &found[2]);
    let end = sentence_end(if path.is_empty() { name } else { path });
    let name = if path.is_empty() { name.trim_end_matches(['.', ',', '!', '?', ':', ';']) } else { name };
    let mut said = marks(host(name));
    let path = path.trim_end_matches(['.', ',', '!', '?', ':', ';']).trim_matches('/');
    let is_readable = path.chars().all(|c| c.is_ascii_alphabetic() || "/-_".contains(c));
    if !path.is_empty() && path.len() <= PATH_CHARS_MAX && is_readable {
        said += " slash ";
        said += &path.replace('/', " slash ").replace(['-', '_'], " ");
    }
    said + end
}

/// The mark at the end of an address that belongs to the sentence.
fn sentence_end(address: &str) -> &str {
    let bare = address.trim_end_matches(['.', ',', '!', '?', ':', ';']);
    &address[bare.len()..]
}

fn host(name: &str) -> &str {
    name.strip_prefix("www.").unwrap_or(name)
}

fn marks(name: &str) -> String {
    name.replace('.', " dot ")
        .replace('-', " dash ")
        .replace('_', " underscore ")
        .replace('+', " plus ")
        .replace(':', " colon ")
}
