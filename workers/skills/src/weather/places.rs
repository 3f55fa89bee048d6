//! Places by their names, from a server that speaks Open-Meteo's geocoding.

use serde::Deserialize;

use crate::fetch::{Services, json};
use crate::language::Language;
use crate::skill::SkillError;

/// Finds places.
#[derive(Debug)]
pub struct Places {
    services: Services,
    url: String,
}

/// A place.
#[derive(Debug, Clone, Deserialize)]
pub struct Place {
    /// What it is called, in the language of whoever asks.
    pub name: String,
    /// Where it lies.
    pub latitude: f64,
    /// Where it lies.
    pub longitude: f64,
    /// The name of its time zone, as in `Europe/Berlin`.
    pub timezone: Option<String>,
}

#[derive(Deserialize)]
struct Found {
    #[serde(default)]
    results: Vec<Place>,
}

impl Places {
    /// Asks the server at this address.
    pub fn new(services: Services, url: &str) -> Self {
        Self { services, url: url.trim_end_matches('/').to_owned() }
    }

    /// The place that is most likely meant; nothing when there is none of that name.
    pub(crate) async fn find(&self, name: &str, language: Language) -> Result<Option<Place>, SkillError> {
        let query =
            [("name", name.trim()), ("count", "1"), ("format", "json"), ("language", language.code())];
        let url = with_query(&format!("{}/v1/search", self.url), &query)?;
        let found: Found = json(self.services.get(&url)).await?;
        Ok(found.results.into_iter().next())
    }
}

/// An address with a query.
pub(crate) fn with_query(url: &str, query: &[(&str, &str)]) -> Result<String, SkillError> {
    reqwest::Url::parse_with_params(url, query)
        .map(String::from)
        .map_err(|error| SkillError::Service(format!("{url:?} in skills.toml is no address: {error}")))
}
