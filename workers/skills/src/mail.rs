//! `tool.mail.read`, `tool.mail.draft`, `tool.mail.send`: the mail account of the house, over IMAP and SMTP. Whom a mail goes
//! to is an argument of its own, which the person's words name and the address book resolves. What stands in a mail is
//! material: it is shown, and nothing here acts on it.

pub(crate) mod account;
mod imap;
mod letter;
mod login;
mod smtp;
mod words;

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use mtor_worker::protocol::{Effect, ToolInfo};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::defaults;
use crate::language::Language;
use crate::skill::{Answer, Asked, Skill, SkillError, info};
use account::Account;
use imap::Wanted;
use letter::{Draft, Recipient};

/// Reads what has come in.
pub struct ReadMail(pub(crate) Arc<Account>);

/// Lays a mail into the drafts, for a person to look at.
pub struct DraftMail(pub(crate) Arc<Account>);

/// Sends a mail.
pub struct SendMail(pub(crate) Arc<Account>);

/// Which mails to read.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ReadArguments {
    /// Which of them.
    #[serde(default)]
    which: Which,
    /// From whom: a name of the address book, a part of a name, or an address.
    from: Option<String>,
    /// What they are about: words that stand in them.
    about: Option<String>,
    /// How many at most, 1 to 10.
    count: Option<u8>,
    /// The language of the answer, as in `en`.
    #[serde(default)]
    language: Language,
}

/// Which mails.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Which {
    /// The newest.
    #[default]
    Newest,
    /// Those that nobody has read.
    Unread,
}

/// A mail to write.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct WriteArguments {
    /// To whom: a name of the address book, or an address.
    to: String,
    /// What it is about, in one line.
    subject: Option<String>,
    /// The text.
    #[schemars(extend("x-mtor-content" = true))]
    body: String,
    /// The language of the answer, as in `en`.
    #[serde(default)]
    language: Language,
}

/// What came of writing.
enum Written {
    To(Recipient),
    NotKnown,
}

/// Writes a mail and does something with it.
async fn write(
    asked: &Asked,
    account: &Account,
    arguments: &WriteArguments,
    done: impl AsyncFnOnce(&Draft) -> Result<(), SkillError>,
) -> Result<Written, SkillError> {
    let Some(to) = account.recipient(&arguments.to) else { return Ok(Written::NotKnown) };
    let subject = arguments.subject.as_deref().unwrap_or_default();
    let draft = Draft::new(account.sender(), &to, subject, &arguments.body, asked.job)?;
    done(&draft).await?;
    Ok(Written::To(to))
}

impl Skill for ReadMail {
    fn name(&self) -> &'static str {
        "mail.read"
    }

    fn info(&self) -> ToolInfo {
        let what = "Reads the mail that has come in: the newest, the unread, from somebody, about something.";
        info::<ReadArguments>(what, Effect::Reads, true)
    }

    fn run<'a>(&'a self, asked: Asked, answer: &'a mut Answer<'_>) -> BoxFuture<'a, Result<(), SkillError>> {
        async move {
            let arguments: ReadArguments = asked.arguments()?;
            let wanted = Wanted {
                unread: arguments.which == Which::Unread,
                from: arguments.from.as_deref().map(|from| self.0.address_of(from)),
                about: arguments.about.clone(),
            };
            let count = usize::from(arguments.count.unwrap_or(defaults::MAILS_READ));
            let count = count.clamp(1, defaults::MAILS_MAX);
            let found = within(imap::read(&self.0, &wanted, count)).await?;
            let said = words::found(arguments.language, &found, wanted.unread, arguments.from.as_deref());
            answer.whole(&said).await
        }
        .boxed()
    }

    fn check(&self) -> BoxFuture<'_, Result<Option<String>, SkillError>> {
        async move {
            let mails = within(imap::count(&self.0)).await?;
            within(smtp::check(&self.0)).await?;
            Ok(Some(format!("the mail of {} can be read ({mails} in the inbox) and sent", self.0.sender())))
        }
        .boxed()
    }
}

impl Skill for DraftMail {
    fn name(&self) -> &'static str {
        "mail.draft"
    }

    fn info(&self) -> ToolInfo {
        info::<WriteArguments>("Writes a mail and lays it into the drafts, unsent.", Effect::Notes, false)
    }

    fn run<'a>(&'a self, asked: Asked, answer: &'a mut Answer<'_>) -> BoxFuture<'a, Result<(), SkillError>> {
        async move {
            let arguments: WriteArguments = asked.arguments_up_to(defaults::MAIL_BODY_BYTES_MAX)?;
            if !answer.before().is_empty() {
                return Ok(());
            }
            let laid = async |draft: &Draft| within(imap::keep(&self.0, draft)).await;
            let said = match write(&asked, &self.0, &arguments, laid).await? {
                Written::To(to) => words::drafted(arguments.language, &to),
                Written::NotKnown => words::not_known(arguments.language, &arguments.to),
            };
            answer.whole(&said).await
        }
        .boxed()
    }
}

impl Skill for SendMail {
    fn name(&self) -> &'static str {
        "mail.send"
    }

    fn info(&self) -> ToolInfo {
        info::<WriteArguments>("Sends a mail.", Effect::Sends, false)
    }

    fn run<'a>(&'a self, asked: Asked, answer: &'a mut Answer<'_>) -> BoxFuture<'a, Result<(), SkillError>> {
        async move {
            let arguments: WriteArguments = asked.arguments_up_to(defaults::MAIL_BODY_BYTES_MAX)?;
            if !answer.before().is_empty() {
                // It was sent, and said so: it is not sent twice.
                return Ok(());
            }
            let sent = async |draft: &Draft| smtp::send(&self.0, draft).await;
            let said = match write(&asked, &self.0, &arguments, sent).await? {
                Written::To(to) => words::sent(arguments.language, &to),
                // Nothing was sent, which a plan has to see.
                Written::NotKnown => {
                    return Err(SkillError::Arguments(words::not_known(arguments.language, &arguments.to)));
                }
            };
            answer.whole(&said).await
        }
        .boxed()
    }
}

/// What takes longer than mail servers may take has failed.
async fn within<T>(done: impl Future<Output = Result<T, SkillError>>) -> Result<T, SkillError> {
    tokio::time::timeout(defaults::MAIL_TIMEOUT, done)
        .await
        .unwrap_or_else(|_| Err(SkillError::Service("the mail server took too long".to_owned())))
}
