//! Text without its Markdown, for services that would read the signs aloud.

/// The words of a piece of Markdown: no stars, backticks, headings, quotation marks of lines and addresses of links.
pub(crate) fn plain(markdown: &str) -> String {
    let mut text = String::with_capacity(markdown.len());
    for (number, line) in markdown.lines().enumerate() {
        if number > 0 {
            text.push('\n');
        }
        line_into(line.trim_start_matches(['#', '>', ' ', '\t']), &mut text);
    }
    text.trim().to_owned()
}

fn line_into(line: &str, text: &mut String) {
    let mut rest = line.strip_prefix("- ").or_else(|| line.strip_prefix("* ")).unwrap_or(line);
    let mut before = ' ';
    while let Some(character) = rest.chars().next() {
        rest = &rest[character.len_utf8()..];
        let after = rest.chars().next().unwrap_or(' ');
        match character {
            '`' => {}
            // Two numbers with a star between them are a sum; a star at a word is emphasis.
            '*' | '_' | '~' if before.is_alphanumeric() && after.is_alphanumeric() => text.push(character),
            '*' if before.is_whitespace() && after.is_whitespace() => text.push(character),
            '*' | '_' | '~' => {}
            '[' | '!' if link(character, rest).is_some() => {
                if let Some((label, after_link)) = link(character, rest) {
                    line_into(label, text);
                    rest = after_link;
                }
            }
            other => text.push(other),
        }
        before = character;
    }
}

/// The label of a link or picture that begins here, and what comes after it.
fn link(first: char, rest: &str) -> Option<(&str, &str)> {
    let rest = if first == '!' { rest.strip_prefix('[')? } else { rest };
    let (label, rest) = rest.split_once("](")?;
    let (_, after) = rest.split_once(')')?;
    (!label.contains('[')).then_some((label, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_go_and_words_stay() {
        for (markdown, said) in [
            ("**Paris** is the *capital*.", "Paris is the capital."),
            ("## A title\n> a quote", "A title\na quote"),
            ("- one\n- two", "one\ntwo"),
            ("Run `cargo test` now", "Run cargo test now"),
            ("See [the book](https://a.example/b) for more", "See the book for more"),
            ("![a cat](cat.png)", "a cat"),
            ("3 * 4 = 12 and snake_case stay", "3 * 4 = 12 and snake_case stay"),
            ("An [open bracket stays!", "An [open bracket stays!"),
            ("***", ""),
        ] {
            assert_eq!(plain(markdown), said, "{markdown:?}");
        }
    }
}
