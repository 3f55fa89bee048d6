//! The article of a page, without what stands around it: the part that holds the most text in paragraphs and the least in
//! links.

use super::html::{Token, is_block, squeezed, tokens};

/// Open elements, at most; what lies deeper counts for the last one.
const DEPTH_MAX: usize = 256;
/// Shorter paragraphs say nothing about where the article is.
const TELLING_CHARS: usize = 25;
/// The part of a block's text that may stand in links, in percent; menus are links alone.
const LINKS_PERCENT_MAX: usize = 50;

/// What is there to read.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Article {
    pub(super) title: String,
    pub(super) paragraphs: Vec<String>,
}

impl Article {
    /// A text without markup.
    pub(super) fn plain(text: &str) -> Self {
        let paragraphs = text.split("\n\n").map(squeezed).filter(|text| !text.is_empty()).collect();
        Self { title: String::new(), paragraphs }
    }
}

/// A block of text, and where it stands.
#[derive(Debug)]
struct Block {
    text: String,
    /// How many of its characters stand in links.
    in_links: usize,
    /// The element that it stands in, and the one around that.
    parent: usize,
    grandparent: usize,
    is_heading: bool,
    /// It stands in an element that says that it is the article.
    in_main: bool,
}

/// Elements whose content belongs to no article.
fn is_around(name: &str, role_and_class: &str) -> bool {
    const WORDS: [&str; 12] = [
        "comment",
        "sidebar",
        "cookie",
        "advert",
        "promo",
        "related",
        "newsletter",
        "share",
        "social",
        "footer",
        "menu",
        "breadcrumb",
    ];
    matches!(
        name,
        "nav"
            | "header"
            | "footer"
            | "aside"
            | "form"
            | "noscript"
            | "template"
            | "button"
            | "select"
            | "iframe"
            | "svg"
            | "dialog"
            | "figcaption"
    ) || WORDS.iter().any(|word| role_and_class.contains(word))
}

fn is_void(name: &str) -> bool {
    matches!(
        name,
        "br" | "hr"
            | "img"
            | "input"
            | "meta"
            | "link"
            | "area"
            | "base"
            | "col"
            | "embed"
            | "source"
            | "track"
            | "wbr"
    )
}

/// An element that is open.
struct Open {
    name: String,
    number: usize,
    around: bool,
    main: bool,
}

/// The article of a page.
pub(super) fn of(page: &str) -> Article {
    let (title, blocks) = blocks(page);
    let in_main = blocks.iter().any(|block| block.in_main && block.text.chars().count() >= TELLING_CHARS);
    let good: Vec<&Block> = blocks
        .iter()
        .filter(|block| {
            (block.in_main || !in_main)
                && block.in_links * 100 <= block.text.chars().count() * LINKS_PERCENT_MAX
        })
        .collect();
    // Where a paragraph stands counts fully, and what that stands in half.
    let mut scores: std::collections::BTreeMap<usize, usize> = std::collections::BTreeMap::new();
    for block in &good {
        let length = block.text.chars().count();
        if length >= TELLING_CHARS {
            let score = length - block.in_links.min(length);
            *scores.entry(block.parent).or_default() += 2 * score;
            *scores.entry(block.grandparent).or_default() += score;
        }
    }
    let best = scores.into_iter().max_by_key(|(number, score)| (*score, std::cmp::Reverse(*number)));
    let best = best.map(|(number, _)| number);
    // Where nothing tells, such as on a page of a few words, all of it is the article.
    let belongs = |block: &&&Block| {
        in_main || best.is_none_or(|best| [block.parent, block.grandparent].contains(&best))
    };
    let paragraphs = good.iter().filter(belongs).map(|block| block.text.clone());
    let paragraphs = paragraphs.filter(|text| *text != title).collect();
    Article { title, paragraphs }
}

/// The title and all blocks of text.
fn blocks(page: &str) -> (String, Vec<Block>) {
    let mut open: Vec<Open> = Vec::new();
    let mut blocks: Vec<Block> = Vec::new();
    let (mut title, mut heading) = (String::new(), String::new());
    let (mut text, mut in_links, mut elements) = (String::new(), 0, 0);
    let mut end_block = |open: &[Open], text: &mut String, in_links: &mut usize, heading: &mut String| {
        let said = squeezed(&std::mem::take(text));
        let links = std::mem::take(in_links);
        let around = open.iter().any(|element| element.around);
        if said.is_empty() || around {
            return;
        }
        let is_heading =
            open.iter().any(|element| matches!(element.name.as_str(), "h1" | "h2" | "h3" | "h4"));
        if heading.is_empty() && open.iter().any(|element| element.name == "h1") {
            heading.clone_from(&said);
        }
        // A paragraph is a child of what holds it; text that stands in it right away is its own.
        let leaf = open.iter().rposition(|element| is_paragraph(&element.name));
        let parent_at = leaf.map_or(open.len(), |at| at);
        let number =
            |at: usize| at.checked_sub(1).and_then(|at| open.get(at)).map_or(0, |element| element.number);
        let in_main = open.iter().any(|element| element.main);
        blocks.push(Block {
            text: said,
            in_links: links,
            parent: number(parent_at),
            grandparent: number(parent_at.saturating_sub(1)),
            is_heading,
            in_main,
        });
    };
    for token in tokens(page) {
        match token {
            Token::Open(tag) => {
                if is_block(&tag.name) {
                    end_block(&open, &mut text, &mut in_links, &mut heading);
                }
                // A paragraph ends where the next one begins, whether that is said or not.
                if is_paragraph(&tag.name) && open.last().is_some_and(|last| is_paragraph(&last.name)) {
                    open.pop();
                }
                if is_void(&tag.name) || tag.closed || open.len() >= DEPTH_MAX {
                    continue;
                }
                elements += 1;
                let told = ["role", "class", "id"].map(|name| tag.attribute(name).unwrap_or_default());
                let told = told.join(" ").to_ascii_lowercase();
                let main =
                    matches!(tag.name.as_str(), "article" | "main") || tag.attribute("role") == Some("main");
                // The page's own frame may have any name.
                let frame = matches!(tag.name.as_str(), "html" | "body" | "head" | "title") || main;
                let around = !frame && is_around(&tag.name, &told);
                open.push(Open { name: tag.name, number: elements, around, main });
            }
            Token::Close(name) => {
                if is_block(&name) {
                    end_block(&open, &mut text, &mut in_links, &mut heading);
                }
                if let Some(at) = open.iter().rposition(|element| element.name == name) {
                    open.truncate(at);
                }
            }
            Token::Text(more) => {
                if open.iter().any(|element| element.name == "title") {
                    title.push_str(&more);
                } else if !open.iter().any(|element| element.name == "head") {
                    if open.iter().any(|element| element.name == "a") {
                        in_links += squeezed(&more).chars().count();
                    }
                    text.push_str(&more);
                }
            }
        }
    }
    end_block(&open, &mut text, &mut in_links, &mut heading);
    blocks.retain(|block| !block.is_heading || block.text != heading);
    (if heading.is_empty() { squeezed(&title) } else { heading }, blocks)
}

fn is_paragraph(name: &str) -> bool {
    matches!(
        name,
        "p" | "li" | "h1" | "h2" | "h3" | "h4" | "h5" | "h6" | "blockquote" | "pre" | "dt" | "dd" | "td"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = r#"<html><head><title>The cat – Daily</title><style>p{}</style></head><body class="menu-open">
        <nav><ul><li><a href=/>Home page of the daily news</a></li></ul></nav>
        <div class="wrap"><div class="text"><h1>The cat</h1>
        <p>The cat sat on the mat, and <a href=x>looked</a> at the rain for a long time.
        <p>Then it slept, which cats do for most of the day &amp; night.</p>
        <ul><li>It dreamt of mice.</li></ul></div>
        <div class="sidebar"><p>Ten other cats that you will not believe existed, in pictures.</p></div></div>
        <footer><p>All rights reserved, for ever and a day, by the publisher.</p></footer>
        <script>document.write("<p>Buy this, it is really very good and cheap.</p>")</script></body></html>"#;

    #[test]
    fn the_article_is_found_and_what_stands_around_it_is_not() {
        let article = of(PAGE);
        assert_eq!(article.title, "The cat");
        let text = article.paragraphs.join("|");
        assert!(
            text.starts_with("The cat sat on the mat, and looked at the rain for a long time.|Then it slept"),
            "{text}"
        );
        for around in ["Home", "other cats", "rights", "Buy"] {
            assert!(!text.contains(around), "{text}");
        }
    }

    #[test]
    fn a_page_that_says_where_its_article_is_is_believed() {
        let page = "<body><div><p>A long banner that says nothing at all, at length and in detail.</p></div><article><h2>Part</h2><p>Short, but the article of it.</p></article>";
        assert_eq!(of(page).paragraphs, ["Part", "Short, but the article of it."]);
    }

    #[test]
    fn a_page_of_plain_text_has_paragraphs() {
        assert_eq!(Article::plain("a\nb\n\nc").paragraphs, ["a b", "c"]);
        assert_eq!(of(""), Article::default());
        assert_eq!(of("just words").paragraphs, ["just words"]);
    }
}
