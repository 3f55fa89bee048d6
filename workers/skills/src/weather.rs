//! `tool.weather`: what the weather is and will be, from a server that speaks Open-Meteo's interface.

pub mod places;

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use jiff::civil::Date;
use mtor_worker::protocol::{Effect, ToolInfo};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::fetch::{Services, json};
use crate::language::Language;
use crate::skill::{Answer, Asked, Skill, SkillError, info};
use crate::time::{unknown_place, weekday};
use places::{Place, Places, with_query};

/// The weather.
pub struct Weather {
    services: Services,
    places: Arc<Places>,
    url: String,
    /// Where whoever names no place is.
    home: Option<String>,
}

impl Weather {
    /// Asks the server at this address; `home` is where whoever names no place is.
    pub fn new(services: Services, places: Arc<Places>, url: &str, home: Option<String>) -> Self {
        Self { services, places, url: url.trim_end_matches('/').to_owned(), home }
    }

    async fn forecast(&self, place: &Place) -> Result<Forecast, SkillError> {
        let (latitude, longitude) = (place.latitude.to_string(), place.longitude.to_string());
        let query = [
            ("latitude", latitude.as_str()),
            ("longitude", longitude.as_str()),
            ("current", "temperature_2m,apparent_temperature,weather_code,wind_speed_10m"),
            ("daily", "weather_code,temperature_2m_max,temperature_2m_min,precipitation_probability_max"),
            ("timezone", "auto"),
            ("forecast_days", "8"),
        ];
        json(self.services.get(&with_query(&format!("{}/v1/forecast", self.url), &query)?)).await
    }
}

/// What to tell.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Arguments {
    /// Where; where the realm stands when absent.
    place: Option<String>,
    /// When: today, tonight, tomorrow, day_after_tomorrow, week, weekend, or the English name of a day such as monday. Now
    /// when absent.
    day: Option<String>,
    /// The language of the answer, as in `en`.
    #[serde(default)]
    language: Language,
}

/// What the server answers with, as far as it is told on.
#[derive(Debug, Deserialize)]
struct Forecast {
    current: Current,
    daily: Daily,
}

#[derive(Debug, Deserialize)]
struct Current {
    temperature_2m: f64,
    apparent_temperature: f64,
    weather_code: u8,
    wind_speed_10m: f64,
}

/// A column for each thing that is told of days.
#[derive(Debug, Deserialize)]
struct Daily {
    time: Vec<Date>,
    weather_code: Vec<Option<u8>>,
    temperature_2m_max: Vec<Option<f64>>,
    temperature_2m_min: Vec<Option<f64>>,
    #[serde(default)]
    precipitation_probability_max: Vec<Option<f64>>,
}

impl Skill for Weather {
    fn name(&self) -> &'static str {
        "weather"
    }

    fn info(&self) -> ToolInfo {
        let description =
            "Tells the weather now, or the forecast for a day of the coming week, in any place.";
        info::<Arguments>(description, Effect::Reads, false)
    }

    fn run<'a>(&'a self, asked: Asked, answer: &'a mut Answer<'_>) -> BoxFuture<'a, Result<(), SkillError>> {
        async move {
            let Arguments { place, day, language } = asked.arguments()?;
            let named = place.filter(|place| !place.trim().is_empty()).or_else(|| self.home.clone());
            let Some(named) = named else { return answer.whole(where_is_it(language)).await };
            let Some(place) = self.places.find(&named, language).await? else {
                return answer.whole(&unknown_place(language, &named)).await;
            };
            let forecast = self.forecast(&place).await?;
            answer.whole(&told(&forecast, &place.name, day.as_deref(), language)).await
        }
        .boxed()
    }
}

fn where_is_it(language: Language) -> &'static str {
    language.pick([
        "For which place? The sysop can set one as the usual in skills.toml.",
        "Für welchen Ort? Der Sysop kann in skills.toml einen als den üblichen eintragen.",
        "Pour quel lieu ? L'administrateur peut en fixer un par défaut dans skills.toml.",
        "¿Para qué lugar? El administrador puede fijar uno habitual en skills.toml.",
        "Per quale luogo? L'amministratore può impostarne uno abituale in skills.toml.",
    ])
}

/// The weather in one to some sentences.
fn told(forecast: &Forecast, place: &str, day: Option<&str>, language: Language) -> String {
    let days = &forecast.daily.time;
    let weekend = |date: &Date| date.weekday().to_monday_zero_offset() >= 5;
    let chosen: Vec<usize> = match day {
        None | Some("now") => return now(forecast, place, language),
        Some("today" | "tonight") => vec![0],
        Some("tomorrow") => vec![1],
        Some("day_after_tomorrow" | "day after tomorrow") => vec![2],
        Some("weekend") => (0..days.len().min(7)).filter(|at| weekend(&days[*at])).collect(),
        Some("week") => (1..days.len().min(8)).collect(),
        // Of two days of that name, the one that is still to come.
        Some(name) => {
            let is_it = |at: &usize| weekday(Language::En, days[*at].weekday()).eq_ignore_ascii_case(name);
            (1..days.len()).find(is_it).into_iter().collect()
        }
    };
    let lines: Vec<String> = chosen.iter().filter_map(|at| one_day(forecast, *at, language)).collect();
    if lines.is_empty() {
        return language
            .pick([
                "The forecast does not reach that far.",
                "So weit reicht die Vorhersage nicht.",
                "Les prévisions ne vont pas si loin.",
                "El pronóstico no llega tan lejos.",
                "Le previsioni non arrivano così lontano.",
            ])
            .to_owned();
    }
    format!("{place}: {}", lines.join(" "))
}

fn now(forecast: &Forecast, place: &str, language: Language) -> String {
    let Current { temperature_2m, apparent_temperature, weather_code, wind_speed_10m } = &forecast.current;
    let degrees = |value: f64| language.number(value.round(), 0);
    let mut text = language
        .pick([
            "In {p} it is {t} degrees and {s}, with wind of {w} km/h.",
            "In {p} sind es {t} Grad, {s}, der Wind weht mit {w} km/h.",
            "À {p}, il fait {t} degrés, {s}, avec un vent de {w} km/h.",
            "En {p} hay {t} grados, {s}, con viento de {w} km/h.",
            "A {p} ci sono {t} gradi, {s}, con vento a {w} km/h.",
        ])
        .replace("{t}", &degrees(*temperature_2m))
        .replace("{s}", sky(*weather_code, language))
        .replace("{w}", &degrees(*wind_speed_10m))
        .replace("{p}", place);
    const FELT_DIFFERENTLY: f64 = 3.0;
    if (apparent_temperature - temperature_2m).abs() >= FELT_DIFFERENTLY {
        let felt = language.pick([
            " It feels like {}.",
            " Gefühlt sind es {}.",
            " La température ressentie est de {}.",
            " La sensación es de {}.",
            " La temperatura percepita è di {}.",
        ]);
        text.push_str(&felt.replace("{}", &degrees(*apparent_temperature)));
    }
    if let Some(today) = one_day(forecast, 0, language) {
        text.push(' ');
        text.push_str(&today);
    }
    text
}

/// One day in a sentence.
fn one_day(forecast: &Forecast, at: usize, language: Language) -> Option<String> {
    let daily = &forecast.daily;
    let degrees = |column: &[Option<f64>]| {
        column.get(at).copied().flatten().map(|value| language.number(value.round(), 0))
    };
    let (low, high) = (degrees(&daily.temperature_2m_min)?, degrees(&daily.temperature_2m_max)?);
    let sky = sky(daily.weather_code.get(at).copied().flatten()?, language);
    let name = match at {
        0 => language.pick(["Today", "Heute", "Aujourd'hui", "Hoy", "Oggi"]),
        1 => language.pick(["Tomorrow", "Morgen", "Demain", "Mañana", "Domani"]),
        _ => weekday(language, daily.time.get(at)?.weekday()),
    };
    let name: String = {
        let mut letters = name.chars();
        letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect()
    };
    let mut text = language
        .pick([
            "{d}: {s}, {a} to {b} degrees",
            "{d}: {s}, {a} bis {b} Grad",
            "{d} : {s}, de {a} à {b} degrés",
            "{d}: {s}, de {a} a {b} grados",
            "{d}: {s}, da {a} a {b} gradi",
        ])
        .replace("{d}", &name)
        .replace("{s}", sky)
        .replace("{a}", &low)
        .replace("{b}", &high);
    if let Some(rain) = degrees(&daily.precipitation_probability_max).filter(|chance| chance != "0") {
        let chance = language.pick([
            ", {}% chance of rain",
            ", {} % Regenwahrscheinlichkeit",
            ", {} % de risque de pluie",
            ", {} % de probabilidad de lluvia",
            ", {}% di probabilità di pioggia",
        ]);
        text.push_str(&chance.replace("{}", &rain));
    }
    text.push('.');
    Some(text)
}

/// What a code of the World Meteorological Organization stands for.
fn sky(code: u8, language: Language) -> &'static str {
    language.pick(match code {
        0 => ["clear", "klar", "ciel dégagé", "despejado", "sereno"],
        1 | 2 => [
            "partly cloudy",
            "teils bewölkt",
            "partiellement nuageux",
            "parcialmente nublado",
            "parzialmente nuvoloso",
        ],
        3 => ["overcast", "bedeckt", "couvert", "cubierto", "coperto"],
        45 | 48 => ["foggy", "neblig", "brumeux", "con niebla", "nebbioso"],
        51..=57 => ["drizzle", "Nieselregen", "bruine", "llovizna", "pioviggine"],
        61 | 63 | 66 | 80 | 81 => ["rain", "Regen", "pluie", "lluvia", "pioggia"],
        65 | 67 | 82 => ["heavy rain", "starker Regen", "forte pluie", "lluvia fuerte", "pioggia forte"],
        71..=77 | 85 | 86 => ["snow", "Schnee", "neige", "nieve", "neve"],
        95..=99 => ["thunderstorms", "Gewitter", "orages", "tormentas", "temporali"],
        _ => ["mixed weather", "wechselhaft", "temps variable", "tiempo variable", "tempo variabile"],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forecast() -> Forecast {
        serde_json::from_value(serde_json::json!({
            "current": {"time": "2026-12-01T12:00", "temperature_2m": 4.4, "apparent_temperature": 0.6,
                        "weather_code": 61, "wind_speed_10m": 19.6},
            "daily": {
                "time": ["2026-12-01", "2026-12-02", "2026-12-03", "2026-12-04", "2026-12-05", "2026-12-06", "2026-12-07", "2026-12-08"],
                "weather_code": [61, 3, 0, 0, 71, 95, 45, null],
                "temperature_2m_max": [5.2, 7.0, 8.0, 8.0, 1.0, 2.0, 3.0, null],
                "temperature_2m_min": [1.0, 2.0, -0.2, 0.0, -3.0, -2.0, 0.0, null],
                "precipitation_probability_max": [80, 0, null, 0, 60, 90, 5, null]
            }
        }))
        .unwrap()
    }

    #[test]
    fn the_weather_is_told_in_sentences() {
        let told = |day, language| told(&forecast(), "Berlin", day, language);
        assert_eq!(
            told(None, Language::En),
            "In Berlin it is 4 degrees and rain, with wind of 20 km/h. It feels like 1. Today: rain, 1 to 5 degrees, 80% chance of rain."
        );
        assert_eq!(told(Some("tomorrow"), Language::De), "Berlin: Morgen: bedeckt, 2 bis 7 Grad.");
        assert_eq!(told(Some("thursday"), Language::Fr), "Berlin: Jeudi : ciel dégagé, de 0 à 8 degrés.");
        assert!(told(Some("weekend"), Language::En).starts_with("Berlin: Saturday: snow"));
        assert_eq!(told(Some("tuesday"), Language::En), "The forecast does not reach that far.");
    }
}
