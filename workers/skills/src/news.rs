//! `tool.news`: headlines from feeds that the sysop chose.

mod feed;

use std::collections::BTreeMap;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join_all};
use mtor_worker::protocol::{Effect, ToolInfo};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::defaults::{FEEDS_MAX, HEADLINES_MAX};
use crate::fetch::{Services, body, sent};
use crate::language::Language;
use crate::skill::{Answer, Asked, Skill, SkillError, info};
use feed::Headline;

/// The news.
pub struct News {
    services: Services,
    /// The feeds of each language.
    feeds: BTreeMap<Language, Vec<String>>,
}

impl News {
    /// Reads these feeds.
    pub fn new(services: Services, feeds: BTreeMap<Language, Vec<String>>) -> Self {
        Self { services, feeds }
    }

    /// The feeds of a language; of any other, when it has none.
    fn feeds(&self, language: Language) -> &[String] {
        let own = self.feeds.get(&language).filter(|feeds| !feeds.is_empty());
        let any = || self.feeds.values().find(|feeds| !feeds.is_empty());
        own.or_else(any).map_or(&[], Vec::as_slice)
    }

    async fn read(&self, url: &str) -> Result<Vec<Headline>, SkillError> {
        feed::headlines(&body(sent(self.services.get(url)).await?).await?)
            .ok_or_else(|| SkillError::Service(format!("{url} is neither RSS nor Atom")))
    }
}

/// What to tell.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Arguments {
    /// Words that the headlines must be about; the latest ones when absent.
    topic: Option<String>,
    /// The language of the news, as in `en`.
    #[serde(default)]
    language: Language,
}

impl Skill for News {
    fn name(&self) -> &'static str {
        "news"
    }

    fn info(&self) -> ToolInfo {
        info::<Arguments>("Reads the latest headlines, or those about a topic.", Effect::Reads, false)
    }

    fn run<'a>(&'a self, asked: Asked, answer: &'a mut Answer<'_>) -> BoxFuture<'a, Result<(), SkillError>> {
        async move {
            let Arguments { topic, language } = asked.arguments()?;
            let topic = topic.filter(|topic| !topic.trim().is_empty());
            let feeds = self.feeds(language);
            let read = join_all(feeds.iter().take(FEEDS_MAX).map(|url| self.read(url))).await;
            let mut fault = None;
            let mut all = Vec::new();
            for feed in read {
                match feed {
                    Ok(headlines) => all.push(headlines),
                    Err(error) => {
                        tracing::warn!(%error, "a feed can't be read");
                        fault = Some(error);
                    }
                }
            }
            // One feed that is down is no reason to be without news.
            if let (true, Some(error)) = (all.is_empty(), fault) {
                return Err(error);
            }
            answer.whole(&told(all, topic.as_deref(), language)).await
        }
        .boxed()
    }
}

/// Headlines in turn from each feed, as a list.
fn told(feeds: Vec<Vec<Headline>>, topic: Option<&str>, language: Language) -> String {
    let about = |headline: &Headline| topic.is_none_or(|topic| headline.is_about(topic));
    let mut columns: Vec<_> = feeds.into_iter().map(|feed| feed.into_iter().filter(about)).collect();
    let mut chosen: Vec<Headline> = Vec::new();
    loop {
        let row: Vec<Headline> = columns.iter_mut().filter_map(Iterator::next).collect();
        if row.is_empty() || chosen.len() >= HEADLINES_MAX {
            break;
        }
        for headline in row {
            if chosen.iter().all(|known| known.title != headline.title) {
                chosen.push(headline);
            }
        }
    }
    chosen.truncate(HEADLINES_MAX);
    if chosen.is_empty() {
        return match topic {
            Some(topic) => language
                .pick([
                    "There is no news about {}.",
                    "Es gibt keine Nachrichten über {}.",
                    "Il n'y a pas de nouvelles sur {}.",
                    "No hay noticias sobre {}.",
                    "Non ci sono notizie su {}.",
                ])
                .replace("{}", topic),
            None => language
                .pick([
                    "There is no news.",
                    "Es gibt keine Nachrichten.",
                    "Il n'y a pas de nouvelles.",
                    "No hay noticias.",
                    "Non ci sono notizie.",
                ])
                .to_owned(),
        };
    }
    let opening =
        language.pick(["The headlines:", "Die Schlagzeilen:", "Les titres :", "Los titulares:", "I titoli:"]);
    let lines: Vec<String> = chosen.iter().map(Headline::line).collect();
    format!("{opening}\n\n{}", lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headline(title: &str) -> Headline {
        Headline { title: title.to_owned(), link: None, summary: "About a Cat.".to_owned() }
    }

    #[test]
    fn feeds_take_turns_and_nothing_is_told_twice() {
        let feeds =
            vec![vec![headline("a"), headline("b")], vec![headline("c"), headline("a"), headline("d")]];
        assert_eq!(told(feeds, None, Language::En), "The headlines:\n\n- a.\n- c.\n- b.\n- d.");
    }

    #[test]
    fn a_topic_is_looked_for_in_title_and_summary() {
        let feeds = || vec![vec![headline("Storm"), headline("Rain")]];
        assert_eq!(told(feeds(), Some("storm"), Language::De), "Die Schlagzeilen:\n\n- Storm.");
        assert!(told(feeds(), Some("cat"), Language::En).ends_with("- Storm.\n- Rain."));
        assert_eq!(told(feeds(), Some("chess"), Language::En), "There is no news about chess.");
    }
}
