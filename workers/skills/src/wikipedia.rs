//! `tool.wikipedia`: what an encyclopedia says, from any wiki that speaks MediaWiki's REST interface.

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use mtor_worker::protocol::{Effect, ToolInfo};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::fetch::{Services, json};
use crate::language::Language;
use crate::skill::{Answer, Asked, Skill, SkillError, info};
use crate::weather::places::with_query;

/// The encyclopedia.
pub struct Wikipedia {
    services: Services,
    /// `{language}` in it stands for the code of the language.
    url: String,
}

impl Wikipedia {
    /// Asks the wiki at this address, in which `{language}` stands for the code of the language.
    pub fn new(services: Services, url: &str) -> Self {
        Self { services, url: url.trim_end_matches('/').to_owned() }
    }

    async fn search(&self, query: &str, language: Language) -> Result<Option<String>, SkillError> {
        let address = format!("{}/w/rest.php/v1/search/page", self.of(language));
        let found: Found =
            json(self.services.get(&with_query(&address, &[("q", query), ("limit", "1")])?)).await?;
        Ok(found.pages.into_iter().next().map(|page| page.key))
    }

    async fn summary(&self, key: &str, language: Language) -> Result<Summary, SkillError> {
        let mut url = reqwest::Url::parse(&self.of(language))
            .map_err(|error| SkillError::Service(format!("the wiki's address in skills.toml: {error}")))?;
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(["api", "rest_v1", "page", "summary", key]);
        }
        json(self.services.get(url.as_str())).await
    }

    fn of(&self, language: Language) -> String {
        self.url.replace("{language}", language.code())
    }
}

/// What to look up.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Arguments {
    /// What to look up.
    query: String,
    /// The language of the encyclopedia, as in `en`.
    #[serde(default)]
    language: Language,
}

#[derive(Deserialize)]
struct Found {
    #[serde(default)]
    pages: Vec<FoundPage>,
}

#[derive(Deserialize)]
struct FoundPage {
    key: String,
}

#[derive(Deserialize)]
struct Summary {
    title: String,
    #[serde(default)]
    extract: String,
    content_urls: Option<Addresses>,
}

#[derive(Deserialize)]
struct Addresses {
    desktop: Address,
}

#[derive(Deserialize)]
struct Address {
    page: String,
}

impl Skill for Wikipedia {
    fn name(&self) -> &'static str {
        "wikipedia"
    }

    fn info(&self) -> ToolInfo {
        info::<Arguments>("Looks something up in Wikipedia and gives the summary.", Effect::Reads, true)
    }

    fn run<'a>(&'a self, asked: Asked, answer: &'a mut Answer<'_>) -> BoxFuture<'a, Result<(), SkillError>> {
        async move {
            let Arguments { query, language } = asked.arguments()?;
            let nothing = language
                .pick([
                    "Wikipedia has nothing about {}.",
                    "In der Wikipedia steht nichts über {}.",
                    "Wikipédia n'a rien sur {}.",
                    "Wikipedia no tiene nada sobre {}.",
                    "Wikipedia non ha nulla su {}.",
                ])
                .replace("{}", query.trim());
            let Some(key) = self.search(query.trim(), language).await? else {
                return answer.whole(&nothing).await;
            };
            let summary = self.summary(&key, language).await?;
            if summary.extract.trim().is_empty() {
                return answer.whole(&nothing).await;
            }
            let source = summary.content_urls.map(|urls| urls.desktop.page);
            let source = source.map_or_else(String::new, |page| format!("\n\n[{}]({page})", summary.title));
            answer.whole(&format!("{}{source}", summary.extract.trim())).await
        }
        .boxed()
    }
}
