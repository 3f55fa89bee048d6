//! Sending: SMTP submission.

use std::error::Error as _;

use lettre::transport::smtp::authentication::{Credentials as Shown, Mechanism};
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::transport::smtp::{AsyncSmtpTransport, Error};
use lettre::{AsyncTransport, Tokio1Executor};

use super::account::{Account, Security};
use super::letter::Draft;
use super::login::Credentials;
use crate::defaults;
use crate::skill::SkillError;

type Transport = AsyncSmtpTransport<Tokio1Executor>;

/// Sends a mail.
pub(super) async fn send(account: &Account, draft: &Draft) -> Result<(), SkillError> {
    let transport = transport(account).await?;
    // Not cut short by a clock of ours: a mail that was handed over is not to be called unsent.
    transport.send(draft.0.clone()).await.map(|_| ()).map_err(|error| failed(account, &error))
}

/// Whether a mail could be sent.
pub(super) async fn check(account: &Account) -> Result<(), SkillError> {
    match transport(account).await?.test_connection().await {
        Ok(true) => Ok(()),
        Ok(false) => Err(account.smtp.failed("it does not answer as it should")),
        Err(error) => Err(failed(account, &error)),
    }
}

async fn transport(account: &Account) -> Result<Transport, SkillError> {
    let server = &account.smtp;
    let parameters = || {
        let mut parameters = TlsParameters::builder(server.host.clone());
        if let Some(pem) = &server.ca {
            let ca = Certificate::from_pem(pem).map_err(|error| server.failed(error))?;
            parameters = parameters.add_root_certificate(ca);
        }
        parameters.build_rustls().map_err(|error| server.failed(error))
    };
    let tls = match server.security {
        Security::Tls => Tls::Wrapper(parameters()?),
        Security::StartTls => Tls::Required(parameters()?),
        Security::Loopback => Tls::None,
    };
    let (secret, mechanisms) = match account.login.credentials().await? {
        Credentials::Password(password) => (password, vec![Mechanism::Plain, Mechanism::Login]),
        Credentials::Token(token) => (token, vec![Mechanism::Xoauth2]),
    };
    Ok(Transport::builder_dangerous(server.host.clone())
        .port(server.port)
        .tls(tls)
        .credentials(Shown::new(account.user.clone(), secret))
        .authentication(mechanisms)
        .timeout(Some(defaults::MAIL_TIMEOUT))
        .build())
}

fn failed(account: &Account, error: &Error) -> SkillError {
    let said = error.source().map_or_else(|| error.to_string(), ToString::to_string);
    match error.status().map(|code| code.to_string()).as_deref() {
        Some("535" | "534" | "530") => account.smtp.failed("it does not take the password or the token"),
        _ => account.smtp.failed(said),
    }
}
