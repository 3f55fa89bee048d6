//! RSS and Atom: what of a feed is told.

use crate::web::html::{Tag, Token, plain, tokens};

/// Entries of one feed, at most.
const ENTRIES_MAX: usize = 100;

/// One entry of a feed.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Headline {
    pub(super) title: String,
    pub(super) link: Option<String>,
    pub(super) summary: String,
}

impl Headline {
    /// Whether all words of a topic stand in it.
    pub(super) fn is_about(&self, topic: &str) -> bool {
        let text = format!("{} {}", self.title, self.summary).to_lowercase();
        topic.to_lowercase().split_whitespace().all(|word| text.contains(word))
    }

    /// The title as a point of a list, with the link that it stands for. A full stop makes a voice pause.
    pub(super) fn line(&self) -> String {
        let title = self.title.trim().replace(['[', ']'], "");
        let title = if title.ends_with(['.', '!', '?', '…']) { title } else { format!("{title}.") };
        match self.link.as_ref().filter(|link| link.starts_with("http") && !link.contains([' ', ')', '('])) {
            Some(link) => format!("- [{title}]({link})"),
            None => format!("- {title}"),
        }
    }
}

/// The entries of a feed; nothing when it is none.
pub(super) fn headlines(bytes: &[u8]) -> Option<Vec<Headline>> {
    let text = String::from_utf8_lossy(bytes);
    let mut is_feed = false;
    let mut found = Vec::new();
    let mut entry: Option<Headline> = None;
    // The element of the entry that is being read, and its text so far.
    let mut field: Option<(String, String)> = None;
    for token in tokens(&text) {
        match token {
            Token::Open(tag) => {
                is_feed |= matches!(tag.name.as_str(), "rss" | "feed" | "rdf:rdf");
                match (&mut entry, tag.name.as_str()) {
                    (None, "item" | "entry") => entry = Some(Headline::default()),
                    (Some(entry), "link") if tag.attribute("href").is_some() => entry.links_to(&tag),
                    (Some(_), name) if field.is_none() && is_told(name) && !tag.closed => {
                        field = Some((name.to_owned(), String::new()));
                    }
                    _ => {}
                }
            }
            Token::Text(more) => {
                if let Some((_, text)) = &mut field {
                    text.push_str(&more);
                }
            }
            Token::Close(name) => {
                if let Some((_, text)) = field.take_if(|(open, _)| *open == name)
                    && let Some(entry) = &mut entry
                {
                    entry.set(&name, &text);
                }
                if matches!(name.as_str(), "item" | "entry") {
                    field = None;
                    found.extend(entry.take().filter(|entry| !entry.title.is_empty()));
                }
            }
        }
        if found.len() >= ENTRIES_MAX {
            break;
        }
    }
    is_feed.then_some(found)
}

fn is_told(name: &str) -> bool {
    matches!(name, "title" | "link" | "description" | "summary")
}

impl Headline {
    /// What feeds write is HTML, or looks like it.
    fn set(&mut self, field: &str, text: &str) {
        match field {
            "title" => self.title = plain(text),
            "link" => self.link = Some(text.trim().to_owned()),
            _ => self.summary = plain(text),
        }
    }

    fn links_to(&mut self, link: &Tag) {
        if link.attribute("rel").is_none_or(|rel| rel == "alternate") {
            self.link = link.attribute("href").map(str::to_owned);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rss_is_read() {
        let feed = br#"<?xml version="1.0"?><rss version="2.0"><channel><title>Daily</title><link>http://d.example</link>
            <item><title><![CDATA[Rain & <b>wind</b>]]></title><link>http://d.example/1</link>
              <description>&lt;p&gt;It &amp;amp; that.&lt;/p&gt;</description></item>
            <item><title>Sun &amp; calm</title></item><item><link>x</link></item></channel></rss>"#;
        let found = headlines(feed).unwrap();
        let first = Headline {
            title: "Rain & wind".into(),
            link: Some("http://d.example/1".into()),
            summary: "It & that.".into(),
        };
        assert_eq!(found[0], first);
        assert_eq!((found[1].title.as_str(), found.len()), ("Sun & calm", 2));
        assert_eq!(found[0].line(), "- [Rain & wind.](http://d.example/1)");
    }

    #[test]
    fn atom_is_read() {
        let feed = br#"<feed xmlns="http://www.w3.org/2005/Atom"><title>A</title><entry><title type="html">One?</title>
            <link rel="self" href="http://a.example/self"/><link rel="alternate" href="http://a.example/1"/>
            <summary>Words</summary></entry></feed>"#;
        let found = headlines(feed).unwrap();
        assert_eq!(found[0].line(), "- [One?](http://a.example/1)");
    }

    #[test]
    fn a_page_is_no_feed_and_links_that_run_scripts_are_left_out() {
        assert_eq!(headlines(b"<html><title>x</title></html>"), None);
        let odd =
            Headline { title: "x".into(), link: Some("javascript:alert(1)".into()), summary: String::new() };
        assert_eq!(odd.line(), "- x.");
    }
}
