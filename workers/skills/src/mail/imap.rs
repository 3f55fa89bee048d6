//! Reading and keeping: IMAP. One connection for one question; nothing is marked as read.

use std::sync::Arc;

use async_imap::types::Fetch;
use async_imap::{Authenticator, Client, Session};
use futures_util::TryStreamExt;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::account::{Account, Security, Server};
use super::letter::{Draft, Letter};
use super::login::Credentials;
use crate::defaults;
use crate::skill::SkillError;

/// Which mails are looked for.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    pub(super) unread: bool,
    pub(super) from: Option<String>,
    pub(super) about: Option<String>,
}

/// What was found: how many there are, and the newest of them.
#[derive(Debug)]
pub(super) struct Letters {
    pub(super) all: usize,
    pub(super) newest: Vec<Letter>,
}

/// A connection, in TLS or not.
trait Wire: AsyncRead + AsyncWrite + Unpin + Send + std::fmt::Debug {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send + std::fmt::Debug> Wire for T {}

type Opened = Session<Box<dyn Wire>>;

/// Reads the newest mails that are wanted.
pub(super) async fn read(account: &Account, wanted: &Wanted, count: usize) -> Result<Letters, SkillError> {
    let server = &account.imap;
    let failed = |error: async_imap::error::Error| server.failed(error);
    let mut session = open(account).await?;
    session.examine("INBOX").await.map_err(failed)?;
    let found = session.uid_search(wanted.query()).await.map_err(failed)?;
    let mut uids: Vec<u32> = found.into_iter().collect();
    // A later mail has a greater number.
    uids.sort_unstable_by(|a, b| b.cmp(a));
    let all = uids.len();
    uids.truncate(count);
    let mut newest = Vec::new();
    if !uids.is_empty() {
        let set = uids.iter().map(u32::to_string).collect::<Vec<_>>().join(",");
        let part = format!("(UID BODY.PEEK[]<0.{}>)", defaults::MAIL_BYTES_MAX);
        let fetched = session.uid_fetch(set, part).await.map_err(failed)?;
        let mut fetched: Vec<Fetch> = fetched.try_collect().await.map_err(failed)?;
        fetched.sort_unstable_by_key(|mail| std::cmp::Reverse(mail.uid));
        newest = fetched.iter().filter_map(|mail| Letter::read(mail.body()?)).collect();
    }
    close(session).await;
    Ok(Letters { all, newest })
}

/// How many mails are in the inbox.
pub(super) async fn count(account: &Account) -> Result<u32, SkillError> {
    let mut session = open(account).await?;
    let inbox = session.examine("INBOX").await.map_err(|error| account.imap.failed(error))?;
    close(session).await;
    Ok(inbox.exists)
}

/// Lays a mail into the drafts.
pub(super) async fn keep(account: &Account, draft: &Draft) -> Result<(), SkillError> {
    let mut session = open(account).await?;
    let folder = quoted(&account.drafts);
    let kept = session.append(&account.drafts, Some("(\\Draft \\Seen)"), None, draft.0.formatted()).await;
    kept.map_err(|error| account.imap.failed(format!("the folder {folder} takes no draft: {error}")))?;
    close(session).await;
    Ok(())
}

impl Wanted {
    fn query(&self) -> String {
        let mut keys = vec![if self.unread { "UNSEEN" } else { "ALL" }.to_owned()];
        keys.extend(self.from.as_deref().map(|from| format!("FROM {}", quoted(from))));
        keys.extend(self.about.as_deref().map(|about| format!("TEXT {}", quoted(about))));
        let query = keys.join(" ");
        if query.is_ascii() { query } else { format!("CHARSET UTF-8 {query}") }
    }
}

/// A string of the protocol, which what is in it can't end.
fn quoted(text: &str) -> String {
    let plain = text.chars().filter(|c| !c.is_control());
    let escaped: String =
        plain.flat_map(|c| matches!(c, '"' | '\\').then_some('\\').into_iter().chain([c])).collect();
    format!("\"{escaped}\"")
}

async fn open(account: &Account) -> Result<Opened, SkillError> {
    let server = &account.imap;
    let address = (server.host.as_str(), server.port);
    let tcp = tokio::time::timeout(defaults::CONNECT_TIMEOUT, TcpStream::connect(address)).await;
    let tcp = tcp
        .map_err(|_| server.failed("it can't be reached"))?
        .map_err(|error| server.failed(format!("it can't be reached: {error}")))?;
    let client = match server.security {
        Security::Tls => greeted(server, tls(server, tcp).await?).await?,
        Security::Loopback => {
            let wire: Box<dyn Wire> = Box::new(tcp);
            greeted(server, wire).await?
        }
        Security::StartTls => {
            let mut client = greeted(server, tcp).await?;
            let asked = client.run_command_and_check_ok("STARTTLS", None).await;
            asked.map_err(|error| server.failed(format!("it does not do STARTTLS: {error}")))?;
            // What it may have said beyond its yes, before the TLS, is dropped with the client.
            Client::new(tls(server, client.into_inner()).await?)
        }
    };
    let refused = |error: async_imap::error::Error| match error {
        async_imap::error::Error::No(_) => server.failed("it does not take the password or the token"),
        error => server.failed(error),
    };
    let opened = match account.login.credentials().await? {
        Credentials::Password(password) => client.login(&account.user, password).await,
        Credentials::Token(token) => {
            let user = &account.user;
            let bearer = Bearer(Some(format!("user={user}\x01auth=Bearer {token}\x01\x01")));
            client.authenticate("XOAUTH2", bearer).await
        }
    };
    opened.map_err(|(error, _)| refused(error))
}

/// Answers the first challenge with the token, and the one that says why it was refused with nothing.
struct Bearer(Option<String>);

impl Authenticator for Bearer {
    type Response = String;

    fn process(&mut self, _challenge: &[u8]) -> String {
        self.0.take().unwrap_or_default()
    }
}

async fn greeted<T: Wire>(server: &Server, wire: T) -> Result<Client<T>, SkillError> {
    let mut client = Client::new(wire);
    match client.read_response().await {
        Ok(Some(_)) => Ok(client),
        Ok(None) => Err(server.failed("it hung up")),
        Err(error) => Err(server.failed(error)),
    }
}

async fn tls(server: &Server, tcp: TcpStream) -> Result<Box<dyn Wire>, SkillError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let extra: Vec<CertificateDer<'static>> = match &server.ca {
        Some(pem) => CertificateDer::pem_slice_iter(pem)
            .collect::<Result<_, _>>()
            .map_err(|error| server.failed(format!("ca_file: {error}")))?,
        None => Vec::new(),
    };
    let failed = |error: rustls::Error| server.failed(format!("no TLS: {error}"));
    let verifier =
        rustls_platform_verifier::Verifier::new_with_extra_roots(extra, provider.clone()).map_err(failed)?;
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(failed)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    let name = ServerName::try_from(server.host.clone()).map_err(|error| server.failed(error))?;
    let stream = TlsConnector::from(Arc::new(config)).connect(name, tcp).await;
    Ok(Box::new(stream.map_err(|error| server.failed(format!("no TLS: {error}")))?))
}

/// Says goodbye. What was asked is there; a server that does not answer to that is left alone.
async fn close(mut session: Opened) {
    let _ = tokio::time::timeout(defaults::CONNECT_TIMEOUT, session.logout()).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_can_not_end_the_question() {
        let wanted = Wanted {
            unread: true,
            from: Some("a\" UNDELETED\r\nA1 DELETE INBOX".to_owned()),
            about: Some("Grüße".to_owned()),
        };
        assert_eq!(
            wanted.query(),
            r#"CHARSET UTF-8 UNSEEN FROM "a\" UNDELETEDA1 DELETE INBOX" TEXT "Grüße""#
        );
    }
}
