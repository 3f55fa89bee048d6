//! `skills.toml`: what is set up of the skills. Everything has a default; without the file there are the skills that need
//! nobody's account.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use mtor_worker::CancellationToken;
use serde::Deserialize;

use crate::calculate::Calculate;
use crate::fetch::{Pages, Services};
use crate::home::Home;
use crate::language::Language;
use crate::mail::account::{Account, MailSettings};
use crate::mail::{DraftMail, ReadMail, SendMail};
use crate::news::News;
use crate::skill::{Skill, SkillError};
use crate::time::Time;
use crate::timer::Timer;
use crate::weather::Weather;
use crate::weather::places::Places;
use crate::web::Web;
use crate::wikipedia::Wikipedia;

/// The skill that is always there.
const ALWAYS: &str = "calculate";

/// The settings of all skills.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SkillsFile {
    /// Skills that are left out, by their names.
    pub off: Vec<String>,
    /// Weather, and where places are.
    pub weather: WeatherSettings,
    /// The encyclopedia.
    pub wikipedia: WikipediaSettings,
    /// Headlines.
    pub news: NewsSettings,
    /// The reader of pages.
    pub web: WebSettings,
    /// The house; left out when absent.
    pub home: Option<HomeSettings>,
    /// The mail account; left out when absent.
    pub mail: Option<MailSettings>,
}

/// Weather, and where places are.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WeatherSettings {
    /// Where whoever names no place is.
    pub place: Option<String>,
    /// A server that speaks Open-Meteo's forecast.
    pub url: String,
    /// A server that speaks Open-Meteo's geocoding.
    pub places_url: String,
}

impl Default for WeatherSettings {
    fn default() -> Self {
        let (url, places_url) = ("https://api.open-meteo.com", "https://geocoding-api.open-meteo.com");
        Self { place: None, url: url.to_owned(), places_url: places_url.to_owned() }
    }
}

/// The encyclopedia.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WikipediaSettings {
    /// A MediaWiki; `{language}` stands for the code of the language.
    pub url: String,
}

impl Default for WikipediaSettings {
    fn default() -> Self {
        Self { url: "https://{language}.wikipedia.org".to_owned() }
    }
}

/// Headlines.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NewsSettings {
    /// RSS and Atom feeds, by the code of their language.
    pub feeds: BTreeMap<String, Vec<String>>,
}

impl Default for NewsSettings {
    fn default() -> Self {
        const FEEDS: [(&str, &str); 5] = [
            ("en", "https://feeds.bbci.co.uk/news/world/rss.xml"),
            ("de", "https://www.tagesschau.de/infoservices/alle-meldungen-100~rss2.xml"),
            ("fr", "https://www.lemonde.fr/rss/une.xml"),
            ("es", "https://feeds.elpais.com/mrss-s/pages/ep/site/elpais.com/portada"),
            ("it", "https://www.ansa.it/sito/ansait_rss.xml"),
        ];
        Self { feeds: FEEDS.map(|(language, feed)| (language.to_owned(), vec![feed.to_owned()])).into() }
    }
}

/// The reader of pages.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WebSettings {
    /// Hosts that may be read although their addresses are private, such as a wiki of the house.
    pub private_hosts: Vec<String>,
}

/// The house.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HomeSettings {
    /// Home Assistant's address.
    pub url: String,
    /// The file with its long-lived access token, only readable by its owner.
    pub token_file: PathBuf,
    /// The entities that may be seen and switched, with what people call them.
    pub entities: BTreeMap<String, Vec<String>>,
}

/// What is wrong with the settings.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The file can't be read.
    #[error("{path} can't be read: {error}")]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// The file is not what it should be.
    #[error("{path}: {why}")]
    Wrong {
        /// Which.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// A skill can't be set up.
    #[error(transparent)]
    Skill(#[from] SkillError),
}

/// A secret, read from a file of its own. It never shows itself.
#[derive(Clone)]
pub struct Secret(Arc<str>);

impl Secret {
    /// The secret in a file, which nobody but its owner may read.
    ///
    /// # Errors
    /// When the file is not there, empty, or open to others.
    pub fn read(path: &Path) -> Result<Self, SettingsError> {
        let unread = |error| SettingsError::Read { path: path.to_owned(), error };
        let wrong = |why: &str| SettingsError::Wrong { path: path.to_owned(), why: why.to_owned() };
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(path).map_err(unread)?.permissions().mode();
            if mode & 0o077 != 0 {
                return Err(wrong("others can read this secret; run: chmod 600 on it"));
            }
        }
        let text = std::fs::read_to_string(path).map_err(unread)?;
        let text = text.trim();
        if text.is_empty() {
            return Err(wrong("it is empty; it should hold the secret"));
        }
        Ok(Self(text.into()))
    }

    /// The secret itself, for whom it is meant.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

impl SkillsFile {
    /// The settings of a file; the defaults when there is none.
    ///
    /// # Errors
    /// When it can't be read, or something in it is unknown.
    pub fn read(path: &Path) -> Result<Self, SettingsError> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(SettingsError::Read { path: path.to_owned(), error }),
        };
        toml::from_str(&text)
            .map_err(|error| SettingsError::Wrong { path: path.to_owned(), why: error.to_string() })
    }

    /// The skills that are set up. `folder` holds the files that the settings name, and what skills keep.
    ///
    /// # Errors
    /// When one of them can't be set up as the settings say.
    pub fn skills(
        self,
        folder: &Path,
        leaving: CancellationToken,
    ) -> Result<Vec<Box<dyn Skill>>, SettingsError> {
        let services = Services::new()?;
        let places = Arc::new(Places::new(services.clone(), &self.weather.places_url));
        let timers = folder.join("skills");
        let timer = Timer::open(&timers, leaving)
            .map_err(|error| SettingsError::Read { path: timers.join("timers.json"), error })?;
        let feeds = self.news.feeds.into_iter().map(|(code, feeds)| (Language::of(&code), feeds)).collect();
        let mut skills: Vec<Box<dyn Skill>> = vec![
            Box::new(Calculate),
            Box::new(Time::new(Some(places.clone()))),
            Box::new(timer),
            Box::new(Weather::new(services.clone(), places, &self.weather.url, self.weather.place)),
            Box::new(Wikipedia::new(services.clone(), &self.wikipedia.url)),
            Box::new(News::new(services.clone(), feeds)),
            Box::new(Web::new(Pages::new(self.web.private_hosts)?)),
        ];
        if let Some(HomeSettings { url, token_file, entities }) = self.home {
            let token = Secret::read(&folder.join(token_file))?;
            skills.push(Box::new(Home::new(services.clone(), &url, token, entities)));
        }
        if let Some(mail) = self.mail {
            let account = Arc::new(Account::open(mail, services, folder)?);
            skills.push(Box::new(ReadMail(account.clone())));
            skills.push(Box::new(DraftMail(account.clone())));
            skills.push(Box::new(SendMail(account)));
        }
        let known: Vec<&str> = skills.iter().map(|skill| skill.name()).collect();
        if let Some(unknown) = self.off.iter().find(|name| !known.contains(&name.as_str())) {
            let why = format!("off: there is no skill {unknown:?} [skills: {}]", known.join(", "));
            return Err(SettingsError::Wrong { path: folder.join("skills.toml"), why });
        }
        if self.off.iter().any(|off| off == ALWAYS) {
            let why = format!("off: {ALWAYS} stays on; by it the realm knows that its skills are there");
            return Err(SettingsError::Wrong { path: folder.join("skills.toml"), why });
        }
        skills.retain(|skill| !self.off.iter().any(|off| off == skill.name()));
        Ok(skills)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set_up(toml: &str, folder: &Path) -> Result<Vec<&'static str>, String> {
        let path = folder.join("skills.toml");
        std::fs::write(&path, toml).unwrap();
        let skills = SkillsFile::read(&path).and_then(|file| file.skills(folder, CancellationToken::new()));
        skills
            .map(|skills| skills.iter().map(|skill| skill.name()).collect())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_skill_is_there_when_it_is_set_up_and_not_off() {
        let folder = tempfile::tempdir().unwrap();
        let all = ["calculate", "time", "timer", "weather", "wikipedia", "news", "web"];
        assert_eq!(set_up("", folder.path()).unwrap(), all);
        assert_eq!(set_up("off = ['news', 'web']", folder.path()).unwrap(), all[..5]);
        assert!(set_up("off = ['calculate']", folder.path()).unwrap_err().contains("stays on"));
        assert!(set_up("off = ['tea']", folder.path()).unwrap_err().contains("there is no skill \"tea\""));
        assert!(set_up("[weather]\ncity = 'x'", folder.path()).unwrap_err().contains("unknown field `city`"));
    }

    #[cfg(unix)]
    #[test]
    fn a_secret_that_others_can_read_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let home = "[home]\nurl = 'http://127.0.0.1:1'\ntoken_file = 'token'\nentities = { 'light.a' = [] }";
        assert!(set_up(home, folder.path()).unwrap_err().contains("can't be read"));
        let token = folder.path().join("token");
        std::fs::write(&token, "secret\n").unwrap();
        let mode = |mode| std::fs::set_permissions(&token, std::fs::Permissions::from_mode(mode)).unwrap();
        mode(0o644);
        assert!(set_up(home, folder.path()).unwrap_err().contains("chmod 600"));
        mode(0o600);
        assert_eq!(set_up(home, folder.path()).unwrap().last(), Some(&"home"));
        assert_eq!(format!("{:?}", Secret::read(&token).unwrap()), "Secret(..)");
    }
}
