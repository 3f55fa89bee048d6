//! `tool.time`: what time and what day it is, here and elsewhere.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use mtor_worker::protocol::{Effect, ToolInfo};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::language::Language;
use crate::skill::{Answer, Asked, Skill, SkillError, info};
use crate::weather::places::Places;

/// The clock.
pub struct Time {
    /// Finds time zones of places that no zone is named after.
    places: Option<Arc<Places>>,
    now: fn() -> Timestamp,
}

impl Time {
    /// The clock of this machine. With `places`, it knows the time everywhere.
    pub fn new(places: Option<Arc<Places>>) -> Self {
        Self { places, now: Timestamp::now }
    }

    async fn zone(&self, place: &str, language: Language) -> Result<Option<TimeZone>, SkillError> {
        if let Some(zone) = named_after(place) {
            return Ok(Some(zone));
        }
        let Some(places) = &self.places else { return Ok(None) };
        let found = places.find(place, language).await?;
        Ok(found.and_then(|place| TimeZone::get(&place.timezone?).ok()))
    }
}

/// What to tell.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Arguments {
    /// The time of day, or the date.
    #[serde(default)]
    what: What,
    /// Where; here when absent.
    place: Option<String>,
    /// The language of the answer, as in `en`.
    #[serde(default)]
    language: Language,
}

#[derive(Debug, Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum What {
    #[default]
    Time,
    Date,
}

impl Skill for Time {
    fn name(&self) -> &'static str {
        "time"
    }

    fn info(&self) -> ToolInfo {
        info::<Arguments>(
            "Tells the time of day or the date, here or in another place.",
            Effect::Reads,
            false,
        )
    }

    fn run<'a>(&'a self, asked: Asked, answer: &'a mut Answer<'_>) -> BoxFuture<'a, Result<(), SkillError>> {
        async move {
            let Arguments { what, place, language } = asked.arguments()?;
            let (zone, place) = match place.as_deref().map(str::trim).filter(|place| !place.is_empty()) {
                None => (TimeZone::system(), None),
                Some(place) => match self.zone(place, language).await? {
                    Some(zone) => (zone, Some(place)),
                    None => return answer.whole(&unknown_place(language, place)).await,
                },
            };
            let now = (self.now)().to_zoned(zone);
            let text = match what {
                What::Time => time(language, &now, place),
                What::Date => date(language, &now),
            };
            answer.whole(&text).await
        }
        .boxed()
    }
}

/// There is no such place.
pub(crate) fn unknown_place(language: Language, place: &str) -> String {
    language
        .pick([
            "I can't find a place called {}.",
            "Einen Ort namens {} finde ich nicht.",
            "Je ne trouve pas de lieu nommé {}.",
            "No encuentro ningún lugar llamado {}.",
            "Non trovo nessun luogo chiamato {}.",
        ])
        .replace("{}", place)
}

/// The zone that is named after a city: `Tokyo` is in `Asia/Tokyo`.
fn named_after(place: &str) -> Option<TimeZone> {
    if place.eq_ignore_ascii_case("utc") || place.eq_ignore_ascii_case("gmt") {
        return Some(TimeZone::UTC);
    }
    let wanted = place.trim().replace(' ', "_").to_lowercase();
    let name = jiff::tz::db().available().find(|name| {
        // A region alone, such as `Etc`, is no city.
        name.as_str()
            .rsplit_once('/')
            .is_some_and(|(region, city)| region != "Etc" && city.to_lowercase() == wanted)
    })?;
    TimeZone::get(name.as_str()).ok()
}

fn time(language: Language, now: &Zoned, place: Option<&str>) -> String {
    let clock = clock(language, now.hour(), now.minute());
    match place {
        None => language
            .pick(["It is {}.", "Es ist {}.", "Il est {}.", "Son las {}.", "Sono le {}."])
            .replace("{}", &clock),
        Some(place) => language
            .pick([
                "In {p} it is {}.",
                "In {p} ist es {}.",
                "À {p}, il est {}.",
                "En {p} son las {}.",
                "A {p} sono le {}.",
            ])
            .replace("{p}", place)
            .replace("{}", &clock),
    }
}

/// A time of day as it is said: by halves of the day in English.
pub(crate) fn clock(language: Language, hour: i8, minute: i8) -> String {
    match language {
        Language::En => {
            let half = if hour < 12 { "am" } else { "pm" };
            let hour = if hour % 12 == 0 { 12 } else { hour % 12 };
            format!("{hour}:{minute:02} {half}")
        }
        Language::De => format!("{hour}:{minute:02} Uhr"),
        Language::Fr => format!("{hour} h {minute:02}"),
        Language::Es | Language::It => format!("{hour}:{minute:02}"),
    }
}

fn date(language: Language, now: &Zoned) -> String {
    language
        .pick(["Today is {}.", "Heute ist {}.", "Nous sommes le {}.", "Hoy es {}.", "Oggi è {}."])
        .replace("{}", &day(language, now))
}

/// A day with its name: `Tuesday, 1 December 2026`.
fn day(language: Language, now: &Zoned) -> String {
    let weekday = weekday(language, now.weekday());
    let month = MONTHS[language as usize][usize::from(now.month().unsigned_abs()) - 1];
    let (day, year) = (now.day(), now.year());
    match language {
        Language::En => format!("{weekday}, {day} {month} {year}"),
        Language::De => format!("{weekday}, der {day}. {month} {year}"),
        Language::Fr | Language::It => format!("{weekday} {day} {month} {year}"),
        Language::Es => format!("{weekday}, {day} de {month} de {year}"),
    }
}

/// The name of a day of the week.
pub(crate) fn weekday(language: Language, day: jiff::civil::Weekday) -> &'static str {
    WEEKDAYS[language as usize][usize::from(day.to_monday_zero_offset().unsigned_abs())]
}

const WEEKDAYS: [[&str; 7]; 5] = [
    ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"],
    ["Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag"],
    ["lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche"],
    ["lunes", "martes", "miércoles", "jueves", "viernes", "sábado", "domingo"],
    ["lunedì", "martedì", "mercoledì", "giovedì", "venerdì", "sabato", "domenica"],
];

const MONTHS: [[&str; 12]; 5] = [
    [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ],
    [
        "Januar",
        "Februar",
        "März",
        "April",
        "Mai",
        "Juni",
        "Juli",
        "August",
        "September",
        "Oktober",
        "November",
        "Dezember",
    ],
    [
        "janvier",
        "février",
        "mars",
        "avril",
        "mai",
        "juin",
        "juillet",
        "août",
        "septembre",
        "octobre",
        "novembre",
        "décembre",
    ],
    [
        "enero",
        "febrero",
        "marzo",
        "abril",
        "mayo",
        "junio",
        "julio",
        "agosto",
        "septiembre",
        "octubre",
        "noviembre",
        "diciembre",
    ],
    [
        "gennaio",
        "febbraio",
        "marzo",
        "aprile",
        "maggio",
        "giugno",
        "luglio",
        "agosto",
        "settembre",
        "ottobre",
        "novembre",
        "dicembre",
    ],
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::skill::testing::ask;
    use serde_json::json;

    fn noon() -> Timestamp {
        "2026-12-01T12:05:00Z".parse().unwrap()
    }

    #[tokio::test]
    async fn the_time_elsewhere_is_known_without_asking_anybody() {
        let time = Time { places: None, now: noon };
        let tokyo = ask(&time, json!({"place": "Tokyo"})).await.unwrap();
        assert_eq!(tokyo, "In Tokyo it is 9:05 pm.");
        let berlin = ask(&time, json!({"place": "Berlin", "language": "de"})).await.unwrap();
        assert_eq!(berlin, "In Berlin ist es 13:05 Uhr.");
        let york = ask(&time, json!({"place": "New York", "language": "fr"})).await.unwrap();
        assert_eq!(york, "À New York, il est 7 h 05.");
        let nowhere = ask(&time, json!({"place": "Atlantis"})).await.unwrap();
        assert_eq!(nowhere, "I can't find a place called Atlantis.");
    }

    #[test]
    fn dates_are_said_in_every_language() {
        let now = noon().to_zoned(TimeZone::UTC);
        assert_eq!(date(Language::En, &now), "Today is Tuesday, 1 December 2026.");
        assert_eq!(date(Language::De, &now), "Heute ist Dienstag, der 1. Dezember 2026.");
        assert_eq!(date(Language::Es, &now), "Hoy es martes, 1 de diciembre de 2026.");
        assert_eq!(clock(Language::En, 0, 0), "12:00 am");
    }
}
