//! What a mail is: one that is written here, and one that came in, as far as it is read.

use std::fmt;

use jiff::{Timestamp, Zoned, tz::TimeZone};
use lettre::Address;
use lettre::message::header::ContentType;
use lettre::message::{Mailbox, Message};
use mail_parser::MessageParser;
use mtor_worker::protocol::JobId;

use crate::defaults;
use crate::skill::SkillError;

/// Whom a mail goes to.
pub(super) struct Recipient {
    /// What the person who asked called them.
    pub(super) name: Option<String>,
    pub(super) address: Address,
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "{name} ({})", self.address),
            None => write!(f, "{}", self.address),
        }
    }
}

/// A mail that is written here: one sender, one recipient, plain text.
pub(super) struct Draft(pub(super) Message);

impl Draft {
    /// Writes it. The job names it, so that a second copy of the same can be told from a second mail.
    pub(super) fn new(
        from: &Mailbox,
        to: &Recipient,
        subject: &str,
        body: &str,
        job: JobId,
    ) -> Result<Self, SkillError> {
        let message = Message::builder()
            .from(from.clone())
            .to(Mailbox::new(None, to.address.clone()))
            .subject(one_line(subject))
            .message_id(Some(format!("<{job}@{}>", from.email.domain())))
            .header(ContentType::TEXT_PLAIN)
            .body(body.to_owned());
        message.map(Self).map_err(|error| SkillError::Arguments(format!("this can't be a mail: {error}")))
    }
}

/// A mail that came in.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Letter {
    pub(super) from: String,
    pub(super) subject: String,
    pub(super) date: Option<Zoned>,
    /// The plain text, without what is quoted below it.
    pub(super) text: String,
    /// How many files hang on it; they are not opened.
    pub(super) files: usize,
}

impl Letter {
    /// Reads the beginning of a mail, which may be all of it.
    pub(super) fn read(raw: &[u8]) -> Option<Self> {
        let message = MessageParser::default().parse(raw)?;
        let from = message.from().and_then(|from| from.first());
        let from = from.map(|from| match (from.name(), from.address()) {
            (Some(name), Some(address)) => format!("{} ({})", one_line(name), one_line(address)),
            (None, Some(said)) | (Some(said), None) => one_line(said),
            (None, None) => String::new(),
        });
        let date = message.date().and_then(|date| Timestamp::from_second(date.to_timestamp()).ok());
        Some(Self {
            from: from.unwrap_or_default(),
            subject: one_line(message.subject().unwrap_or_default()),
            date: date.map(|date| date.to_zoned(TimeZone::system())),
            text: text_of(&message.body_text(0).unwrap_or_default()),
            files: message.attachment_count(),
        })
    }
}

/// A text of one line and of bounded length: nothing in it can begin another header, or look like one.
fn one_line(text: &str) -> String {
    let words = text.split(|c: char| c.is_control() || c.is_whitespace()).filter(|word| !word.is_empty());
    let line = words.collect::<Vec<_>>().join(" ");
    line.chars().take(defaults::MAIL_LINE_CHARS_MAX).collect()
}

/// What is read out of a body: without quotes, signature and empty lines in a row.
fn text_of(body: &str) -> String {
    let mut lines: Vec<&str> = Vec::new();
    for line in body.lines().map(str::trim_end) {
        if line == "--" {
            break;
        }
        let again = line.is_empty() && lines.last().is_none_or(|last| last.is_empty());
        if !again && !line.starts_with('>') {
            lines.push(line);
        }
    }
    let text = lines.join("\n");
    let visible = |c: &char| *c == '\n' || *c == '\t' || !c.is_control();
    text.trim().chars().filter(visible).take(defaults::PAGE_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(subject: &str, body: &str) -> String {
        let from = Mailbox::new(Some("Ada".to_owned()), "ada@example.org".parse().unwrap());
        let to = Recipient { name: None, address: "bob@example.org".parse().unwrap() };
        let draft = Draft::new(&from, &to, subject, body, JobId::generate()).unwrap();
        String::from_utf8(draft.0.formatted()).unwrap()
    }

    #[test]
    fn no_subject_makes_a_header() {
        let mail = written("Hello\r\nBcc: eve@example.com\r\n\r\nnew body", "Hi\r\n\r\n.\r\nQUIT\r\n");
        let (head, _) = mail.split_once("\r\n\r\n").unwrap();
        assert!(head.lines().all(|line| !line.to_lowercase().starts_with("bcc")), "{head}");
        assert!(head.contains("Subject: Hello Bcc: eve@example.com new body"), "{head}");
        assert_eq!(head.lines().filter(|line| line.starts_with("To:")).count(), 1);
    }

    #[test]
    fn html_becomes_text_and_files_stay_closed() {
        let letter = Letter::read(
            b"From: =?utf-8?q?J=C3=BCrgen?= <j@example.org>\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n\
              Date: Mon, 30 Nov 2026 10:00:00 +0000\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n\
              --x\r\nContent-Type: text/html\r\n\r\n<style>p{}</style><p>Hello <b>there</b></p><script>x()</script>\r\n\
              --x\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment; filename=a.pdf\r\n\r\nabc\r\n--x--\r\n",
        )
        .unwrap();
        assert_eq!((letter.from.as_str(), letter.subject.as_str()), ("Jürgen (j@example.org)", "Grüße"));
        assert_eq!((letter.text.as_str(), letter.files), ("Hello there", 1));
        assert!(letter.date.is_some());
    }

    #[test]
    fn quotes_and_signatures_are_left_out() {
        assert_eq!(text_of("Yes.\n\n\n> Tea?\n> Today?\n\nAt five.\n-- \nBob"), "Yes.\n\nAt five.");
        assert_eq!(text_of(&"x".repeat(100_000)).len(), defaults::PAGE_CHARS_MAX);
    }
}
