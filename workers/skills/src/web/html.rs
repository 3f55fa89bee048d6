//! HTML and XML as tokens, read as forgivingly as browsers do: nothing is ever wrong, and nothing is ever run.

/// A piece of a page.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Token {
    /// A tag that opens an element.
    Open(Tag),
    /// The name of an element that ends.
    Close(String),
    /// Text between tags, with its entities resolved.
    Text(String),
}

/// A tag that opens an element.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tag {
    /// In lower case.
    pub(crate) name: String,
    attributes: Vec<(String, String)>,
    /// It ends its element itself.
    pub(crate) closed: bool,
}

impl Tag {
    /// The value of an attribute.
    pub(crate) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// The tokens of a page.
pub(crate) fn tokens(text: &str) -> Tokens<'_> {
    Tokens { rest: text, raw: None }
}

/// Reads tokens one by one.
pub(crate) struct Tokens<'t> {
    rest: &'t str,
    /// The element whose content is no markup, until it ends.
    raw: Option<&'static str>,
}

impl Iterator for Tokens<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        loop {
            if self.rest.is_empty() {
                return None;
            }
            if let Some(name) = self.raw.take() {
                // What a script or a style holds is nobody's to read.
                let end = find_ignoring_case(self.rest, &format!("</{name}")).unwrap_or(self.rest.len());
                self.rest = &self.rest[end..];
                continue;
            }
            if let Some(inner) = self.rest.strip_prefix("<![CDATA[") {
                let (inside, after) = inner.split_once("]]>").unwrap_or((inner, ""));
                self.rest = after;
                return Some(Token::Text(inside.to_owned()));
            }
            if let Some(inner) = self.rest.strip_prefix("<!--") {
                self.rest = inner.split_once("-->").map_or("", |(_, after)| after);
                continue;
            }
            if self.rest.starts_with("<!") || self.rest.starts_with("<?") {
                self.rest = self.rest.split_once('>').map_or("", |(_, after)| after);
                continue;
            }
            if let Some(inner) = self.rest.strip_prefix("</") {
                let (name, after) = inner.split_once('>').unwrap_or((inner, ""));
                self.rest = after;
                return Some(Token::Close(name.trim().to_ascii_lowercase()));
            }
            if self.rest.starts_with('<') && self.rest[1..].starts_with(|c: char| c.is_ascii_alphabetic()) {
                let (tag, after) = tag(&self.rest[1..]);
                self.rest = after;
                if !tag.closed {
                    self.raw = RAW.iter().copied().find(|raw| *raw == tag.name);
                }
                return Some(Token::Open(tag));
            }
            // A `<` that begins nothing is text.
            let begin = usize::from(self.rest.starts_with('<'));
            let end = self.rest[begin..].find('<').map_or(self.rest.len(), |at| begin + at);
            let (text, after) = self.rest.split_at(end);
            self.rest = after;
            return Some(Token::Text(resolved(text)));
        }
    }
}

const RAW: &[&str] = &["script", "style"];

fn find_ignoring_case(text: &str, wanted: &str) -> Option<usize> {
    text.as_bytes().windows(wanted.len()).position(|window| window.eq_ignore_ascii_case(wanted.as_bytes()))
}

/// The tag whose name begins here, and what follows it.
fn tag(text: &str) -> (Tag, &str) {
    let name_end = text.find(|c: char| c.is_whitespace() || c == '>' || c == '/').unwrap_or(text.len());
    let mut tag = Tag { name: text[..name_end].to_ascii_lowercase(), attributes: Vec::new(), closed: false };
    let mut rest = &text[name_end..];
    loop {
        rest = rest.trim_start();
        let Some(first) = rest.chars().next() else { return (tag, rest) };
        match first {
            '>' => return (tag, &rest[1..]),
            '/' => {
                tag.closed = rest[1..].starts_with('>');
                rest = &rest[1..];
            }
            _ => {
                let is_end = |c: char| c.is_whitespace() || matches!(c, '=' | '>' | '/');
                let end = rest.find(is_end).unwrap_or(rest.len()).max(first.len_utf8());
                let name = rest[..end].to_ascii_lowercase();
                rest = rest[end..].trim_start();
                let value;
                (value, rest) = match rest.strip_prefix('=') {
                    Some(after) => attribute_value(after.trim_start()),
                    None => ("", rest),
                };
                tag.attributes.push((name, resolved(value)));
            }
        }
    }
}

fn attribute_value(text: &str) -> (&str, &str) {
    for quote in ['"', '\''] {
        if let Some(inner) = text.strip_prefix(quote) {
            return inner.split_once(quote).unwrap_or((inner, ""));
        }
    }
    text.split_at(text.find(|c: char| c.is_whitespace() || c == '>').unwrap_or(text.len()))
}

/// A text with its entities resolved; what is none stays as it is.
fn resolved(text: &str) -> String {
    const LONGEST: usize = 12;
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let name = rest[1..].split_once(';').map(|(name, _)| name).filter(|name| name.len() <= LONGEST);
        match name.and_then(|name| Some((name, entity(name)?))) {
            Some((name, stands_for)) => {
                out.push(stands_for);
                rest = &rest[name.len() + 2..];
            }
            None => {
                out.push('&');
                rest = &rest[1..];
            }
        }
    }
    out.push_str(rest);
    out
}

fn entity(name: &str) -> Option<char> {
    if let Some(number) = name.strip_prefix('#') {
        let hex = number.strip_prefix(['x', 'X']);
        let code = hex.map_or_else(|| number.parse().ok(), |hex| u32::from_str_radix(hex, 16).ok())?;
        return char::from_u32(code);
    }
    NAMED.iter().find(|(known, _)| *known == name).map(|(_, stands_for)| *stands_for)
}

/// The entities that people write; whoever writes others has long gone over to writing the characters.
const NAMED: &[(&str, char)] = &[
    ("amp", '&'),
    ("lt", '<'),
    ("gt", '>'),
    ("quot", '"'),
    ("apos", '\''),
    ("nbsp", ' '),
    ("shy", '\u{ad}'),
    ("ndash", '–'),
    ("mdash", '—'),
    ("hellip", '…'),
    ("bull", '•'),
    ("middot", '·'),
    ("lsquo", '‘'),
    ("rsquo", '’'),
    ("sbquo", '‚'),
    ("ldquo", '“'),
    ("rdquo", '”'),
    ("bdquo", '„'),
    ("laquo", '«'),
    ("raquo", '»'),
    ("lsaquo", '‹'),
    ("rsaquo", '›'),
    ("auml", 'ä'),
    ("ouml", 'ö'),
    ("uuml", 'ü'),
    ("Auml", 'Ä'),
    ("Ouml", 'Ö'),
    ("Uuml", 'Ü'),
    ("szlig", 'ß'),
    ("agrave", 'à'),
    ("egrave", 'è'),
    ("igrave", 'ì'),
    ("ograve", 'ò'),
    ("ugrave", 'ù'),
    ("Agrave", 'À'),
    ("Egrave", 'È'),
    ("aacute", 'á'),
    ("eacute", 'é'),
    ("iacute", 'í'),
    ("oacute", 'ó'),
    ("uacute", 'ú'),
    ("Eacute", 'É'),
    ("acirc", 'â'),
    ("ecirc", 'ê'),
    ("icirc", 'î'),
    ("ocirc", 'ô'),
    ("ucirc", 'û'),
    ("ccedil", 'ç'),
    ("Ccedil", 'Ç'),
    ("euml", 'ë'),
    ("iuml", 'ï'),
    ("ntilde", 'ñ'),
    ("Ntilde", 'Ñ'),
    ("iexcl", '¡'),
    ("iquest", '¿'),
    ("oelig", 'œ'),
    ("aring", 'å'),
    ("aelig", 'æ'),
    ("oslash", 'ø'),
    ("euro", '€'),
    ("pound", '£'),
    ("yen", '¥'),
    ("cent", '¢'),
    ("copy", '©'),
    ("reg", '®'),
    ("trade", '™'),
    ("deg", '°'),
    ("times", '×'),
    ("divide", '÷'),
    ("sect", '§'),
    ("frac12", '½'),
    ("frac14", '¼'),
    ("sup2", '²'),
    ("sup3", '³'),
    ("minus", '−'),
    ("thinsp", ' '),
    ("ensp", ' '),
];

/// The text of a piece of HTML, in one line.
pub(crate) fn plain(html: &str) -> String {
    let mut out = String::new();
    for token in tokens(html) {
        match token {
            Token::Text(text) => out.push_str(&text),
            Token::Open(tag) if is_block(&tag.name) => out.push(' '),
            Token::Close(name) if is_block(&name) => out.push(' '),
            _ => {}
        }
    }
    squeezed(&out)
}

/// Whether an element stands in a line of its own.
pub(crate) fn is_block(name: &str) -> bool {
    matches!(
        name,
        "p" | "div"
            | "br"
            | "li"
            | "ul"
            | "ol"
            | "h1"
            | "h2"
            | "h3"
            | "h4"
            | "h5"
            | "h6"
            | "section"
            | "article"
            | "main"
            | "header"
            | "footer"
            | "nav"
            | "aside"
            | "table"
            | "tr"
            | "td"
            | "th"
            | "blockquote"
            | "pre"
            | "figure"
            | "figcaption"
            | "dl"
            | "dt"
            | "dd"
            | "form"
            | "body"
            | "hr"
            | "details"
            | "summary"
            | "address"
    )
}

/// A text with one blank wherever it has blanks, and no hyphens that nobody sees.
pub(crate) fn squeezed(text: &str) -> String {
    text.replace(['\u{ad}', '\u{200b}'], "").split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_read_as_browsers_do() {
        let page = "<!DOCTYPE html><P class=a title='x &amp; y'>1 < 2 &eacute;&#233;&#xe9; &unknown; &<br/>b</p><script>if (a<b) '</p>'</SCRIPT>c<!-- <p> -->d<p";
        let all: Vec<Token> = tokens(page).collect();
        let Token::Open(first) = &all[0] else { panic!("{all:?}") };
        assert_eq!(
            (first.name.as_str(), first.attribute("class"), first.attribute("title")),
            ("p", Some("a"), Some("x & y"))
        );
        assert_eq!(plain(page), "1 < 2 ééé &unknown; & b cd");
    }

    #[test]
    fn nothing_makes_it_loop_or_panic() {
        for odd in [
            "<",
            "</",
            "<a",
            "<a b",
            "<a b=",
            "<a b='",
            "<!",
            "<!--",
            "<![CDATA[",
            "&",
            "&#;",
            "&#x110000;",
            "<a =>",
            "<a/é>",
            "é<é",
            "<script>",
        ] {
            let _ = plain(odd);
        }
    }
}
