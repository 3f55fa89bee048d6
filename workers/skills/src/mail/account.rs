//! The account: its servers, how it logs in, and the people that its owner writes to.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use lettre::Address;
use lettre::message::Mailbox;
use reqwest::Url;
use serde::Deserialize;

use super::letter::Recipient;
use super::login::{Login, OauthSettings};
use crate::fetch::Services;
use crate::settings::{Secret, SettingsError};
use crate::skill::SkillError;

/// A mail account, as `skills.toml` has it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MailSettings {
    /// The address that mails are sent from.
    pub address: String,
    /// The name beside it.
    pub name: Option<String>,
    /// Whom the servers know; the address, if it is not said.
    pub user: Option<String>,
    /// Where mail is read: `imaps://HOST`, or `imap://HOST` for STARTTLS.
    pub imap: String,
    /// Where mail is sent: `smtps://HOST`, or `smtp://HOST` for STARTTLS.
    pub smtp: String,
    /// The file with the app password, only readable by its owner.
    pub password_file: Option<PathBuf>,
    /// Tokens in place of a password.
    pub oauth: Option<OauthSettings>,
    /// A certificate that the servers may be signed with beside those that the system knows.
    pub ca_file: Option<PathBuf>,
    /// The folder for drafts.
    #[serde(default = "drafts")]
    pub drafts: String,
    /// People and their addresses.
    #[serde(default)]
    pub people: BTreeMap<String, String>,
}

fn drafts() -> String {
    "Drafts".to_owned()
}

/// The account, ready to be used.
pub(crate) struct Account {
    pub(super) imap: Server,
    pub(super) smtp: Server,
    pub(super) user: String,
    pub(super) login: Login,
    pub(super) drafts: String,
    sender: Mailbox,
    people: BTreeMap<String, Address>,
}

/// A server and how it is spoken to.
#[derive(Debug, Clone)]
pub(super) struct Server {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) security: Security,
    /// A certificate in PEM that may have signed the server's.
    pub(super) ca: Option<Arc<[u8]>>,
}

/// What protects what is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Security {
    /// TLS from the first byte.
    Tls,
    /// TLS once the server was asked for it. Without it nothing is said.
    StartTls,
    /// Nothing; the server is this machine.
    Loopback,
}

impl Account {
    /// The account of these settings. `folder` holds the files that they name.
    ///
    /// # Errors
    /// Says which setting is wrong.
    pub(crate) fn open(
        settings: MailSettings,
        services: Services,
        folder: &Path,
    ) -> Result<Self, SettingsError> {
        let wrong = |why: String| SettingsError::Wrong {
            path: folder.join("skills.toml"),
            why: format!("mail: {why}"),
        };
        let address = |said: &str| {
            said.parse::<Address>().map_err(|error| wrong(format!("{said:?} is no mail address: {error}")))
        };
        let ca = match &settings.ca_file {
            Some(file) => {
                let path = folder.join(file);
                let pem = std::fs::read(&path).map_err(|error| SettingsError::Read { path, error })?;
                Some(pem.into())
            }
            None => None,
        };
        let imap = Server::of(&settings.imap, ["imaps", "imap"], [993, 143], &ca).map_err(wrong)?;
        let smtp = Server::of(&settings.smtp, ["smtps", "smtp"], [465, 587], &ca).map_err(wrong)?;
        let login = match (settings.password_file, settings.oauth) {
            (Some(file), None) => Login::Password(Secret::read(&folder.join(file))?),
            (None, Some(oauth)) => Login::oauth(oauth, services, folder)?,
            _ => return Err(wrong("say either password_file or oauth".to_owned())),
        };
        if settings.drafts.contains(|c: char| c.is_control() || !c.is_ascii()) {
            return Err(wrong("drafts: the folder's name as the server has it, in ASCII".to_owned()));
        }
        let people = settings.people.iter().map(|(name, at)| Ok((plain(name), address(at)?)));
        Ok(Self {
            imap,
            smtp,
            login,
            drafts: settings.drafts,
            sender: Mailbox::new(settings.name, address(&settings.address)?),
            user: settings.user.unwrap_or(settings.address),
            people: people.collect::<Result<_, SettingsError>>()?,
        })
    }

    /// Who sends.
    pub(super) fn sender(&self) -> &Mailbox {
        &self.sender
    }

    /// Whom somebody's words name: a person of the address book, the owner, or an address as it is.
    pub(super) fn recipient(&self, said: &str) -> Option<Recipient> {
        let name = plain(said);
        if let Some(address) = self.people.get(&name) {
            return Some(Recipient { name: Some(said.trim().to_owned()), address: address.clone() });
        }
        if ["me", "myself", "mich", "mir", "moi", "me", "mí", "mi"].contains(&name.as_str()) {
            return Some(Recipient { name: None, address: self.sender.email.clone() });
        }
        let said = said.trim().trim_start_matches('<').trim_end_matches('>');
        said.parse().ok().map(|address| Recipient { name: None, address })
    }

    /// What to look for, for mail from somebody: the address of a known person, else the words as they are.
    pub(super) fn address_of(&self, said: &str) -> String {
        match self.people.get(&plain(said)) {
            Some(address) => address.to_string(),
            None => said.trim().to_owned(),
        }
    }
}

/// A name as it is looked up: small letters, without "my".
fn plain(name: &str) -> String {
    let name = name.trim().trim_end_matches(['.', '!', '?']).to_lowercase();
    let of_mine = ["my ", "meine ", "meiner ", "meinen ", "mein ", "ma ", "mon ", "mi ", "la mia ", "mia "];
    let bare = of_mine.iter().find_map(|mine| name.strip_prefix(mine));
    bare.unwrap_or(&name).to_owned()
}

impl Server {
    fn of(
        url: &str,
        [tls, plain]: [&str; 2],
        [tls_port, plain_port]: [u16; 2],
        ca: &Option<Arc<[u8]>>,
    ) -> Result<Self, String> {
        let url = Url::parse(url).map_err(|error| format!("{url:?} is no address: {error}"))?;
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        let has_more = !url.username().is_empty() || url.password().is_some() || url.query().is_some();
        if host.is_empty() || has_more || !matches!(url.path(), "" | "/") {
            return Err(format!("a server is {tls}://HOST or {plain}://HOST, with :PORT if need be"));
        }
        let loopback = host == "localhost"
            || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
        let (security, port) = match url.scheme() {
            scheme if scheme == tls => (Security::Tls, tls_port),
            scheme if scheme == plain && loopback => (Security::Loopback, plain_port),
            scheme if scheme == plain => (Security::StartTls, plain_port),
            other => return Err(format!("{other}:// is not known here, {tls}:// and {plain}:// are")),
        };
        Ok(Self { host, port: url.port().unwrap_or(port), security, ca: ca.clone() })
    }

    /// What went wrong with this server, in words.
    pub(super) fn failed(&self, what: impl std::fmt::Display) -> SkillError {
        SkillError::Service(format!("the mail server {}: {what}", self.host))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(url: &str) -> Result<(Security, u16), String> {
        let server = Server::of(url, ["imaps", "imap"], [993, 143], &None)?;
        Ok((server.security, server.port))
    }

    #[test]
    fn nothing_is_said_in_the_clear_but_to_this_machine() {
        assert_eq!(server("imaps://imap.example.org").unwrap(), (Security::Tls, 993));
        assert_eq!(server("imap://imap.example.org").unwrap(), (Security::StartTls, 143));
        assert_eq!(server("imap://192.168.1.2:14300").unwrap(), (Security::StartTls, 14300));
        assert_eq!(server("imap://127.0.0.1:1143").unwrap(), (Security::Loopback, 1143));
        assert!(server("http://imap.example.org").unwrap_err().contains("not known here"));
        assert!(server("imaps://ada:secret@imap.example.org").is_err());
    }

    fn account() -> Account {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("password");
        std::fs::write(&path, "secret").unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        }
        let settings = toml::from_str(
            "address = 'ada@example.org'\nimap = 'imaps://a'\nsmtp = 'smtps://a'\npassword_file = 'password'\n\
             [people]\nMum = 'mum@example.org'\n",
        );
        Account::open(settings.unwrap(), Services::new().unwrap(), folder.path()).unwrap()
    }

    #[test]
    fn names_are_those_of_the_address_book() {
        let account = account();
        let to = |said: &str| account.recipient(said).map(|to| to.address.to_string());
        assert_eq!(to("my mum").as_deref(), Some("mum@example.org"));
        assert_eq!(to("me").as_deref(), Some("ada@example.org"));
        assert_eq!(to("bob@example.com").as_deref(), Some("bob@example.com"));
        for nobody in ["Bob", "", "a@b\r\nBcc: eve@example.com", "a@b.c, eve@example.com", "a b@c.d"] {
            assert_eq!(to(nobody), None, "{nobody:?}");
        }
    }
}
