//! How the account logs in: with an app password, or with OAuth 2, where a refresh token is changed into short-lived ones.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use reqwest::Url;
use serde::Deserialize;
use tokio::sync::Mutex;

use crate::fetch::{Services, json};
use crate::settings::{Secret, SettingsError};
use crate::skill::SkillError;

/// A token is not used in the last minute of its life.
const SPARE: Duration = Duration::from_secs(60);

/// OAuth 2.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OauthSettings {
    /// Where tokens are given out.
    pub token_url: String,
    /// The program, as the provider knows it.
    pub client_id: String,
    /// The file with the program's secret, where it has one.
    pub client_secret_file: Option<PathBuf>,
    /// The file with the refresh token.
    pub refresh_token_file: PathBuf,
}

/// How to log in.
pub(super) enum Login {
    /// With a password.
    Password(Secret),
    /// With tokens.
    Oauth(Box<Oauth>),
}

/// The one that gets tokens.
pub(super) struct Oauth {
    settings: OauthSettings,
    services: Services,
    client_secret: Option<Secret>,
    refresh_token: Secret,
    /// The token at hand, and until when it is good. Held while one is fetched, so that one is fetched once.
    token: Mutex<Option<(String, Instant)>>,
}

/// What is shown to a server.
pub(super) enum Credentials {
    Password(String),
    Token(String),
}

#[derive(Deserialize)]
struct Granted {
    access_token: String,
    #[serde(default)]
    expires_in: u64,
}

impl Login {
    /// OAuth 2 by these settings.
    ///
    /// # Errors
    /// When a secret can't be read, or tokens would be fetched in the clear.
    pub(super) fn oauth(
        settings: OauthSettings,
        services: Services,
        folder: &Path,
    ) -> Result<Self, SettingsError> {
        let url = Url::parse(&settings.token_url).ok();
        let safe = url.is_some_and(|url| {
            let loopback = matches!(url.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"));
            url.scheme() == "https" || loopback && url.scheme() == "http"
        });
        if !safe {
            let why = "mail: token_url must begin with https://".to_owned();
            return Err(SettingsError::Wrong { path: folder.join("skills.toml"), why });
        }
        let secret = |file: &PathBuf| Secret::read(&folder.join(file));
        Ok(Self::Oauth(Box::new(Oauth {
            client_secret: settings.client_secret_file.as_ref().map(secret).transpose()?,
            refresh_token: secret(&settings.refresh_token_file)?,
            settings,
            services,
            token: Mutex::default(),
        })))
    }

    /// What to show to a server now.
    pub(super) async fn credentials(&self) -> Result<Credentials, SkillError> {
        match self {
            Self::Password(password) => Ok(Credentials::Password(password.expose().to_owned())),
            Self::Oauth(oauth) => oauth.token().await.map(Credentials::Token),
        }
    }
}

impl Oauth {
    async fn token(&self) -> Result<String, SkillError> {
        let mut at_hand = self.token.lock().await;
        if let Some((token, until)) = &*at_hand
            && Instant::now() + SPARE < *until
        {
            return Ok(token.clone());
        }
        let mut form = Url::parse("form:").map_err(|error| SkillError::Service(error.to_string()))?;
        {
            let mut pairs = form.query_pairs_mut();
            pairs.append_pair("grant_type", "refresh_token");
            pairs.append_pair("refresh_token", self.refresh_token.expose());
            pairs.append_pair("client_id", &self.settings.client_id);
            if let Some(secret) = &self.client_secret {
                pairs.append_pair("client_secret", secret.expose());
            }
        }
        let request = self
            .services
            .post(&self.settings.token_url)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form.query().unwrap_or_default().to_owned());
        let granted: Granted = json(request)
            .await
            .map_err(|error| SkillError::Service(format!("no token for the mail account: {error}")))?;
        let until = Instant::now() + Duration::from_secs(granted.expires_in.min(24 * 60 * 60));
        *at_hand = Some((granted.access_token.clone(), until));
        Ok(granted.access_token)
    }
}
