//! `tool.home`: switches and asks what is in the house, through Home Assistant's REST interface. Only entities that the
//! sysop lists can be seen and switched; what else the house has, nobody here learns of.

mod devices;
mod words;

use std::collections::BTreeMap;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use mtor_worker::protocol::{Effect, ToolInfo};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::fetch::{Services, answered, json as read_json};
use crate::language::Language;
use crate::settings::Secret;
use crate::skill::{Answer, Asked, Skill, SkillError, info};
use devices::{Device, Devices, Found};

/// The home.
pub struct Home {
    services: Services,
    url: String,
    token: Secret,
    devices: Devices,
}

impl Home {
    /// The home at this address; of each entity that may be used, what people call it.
    pub fn new(
        services: Services,
        url: &str,
        token: Secret,
        entities: BTreeMap<String, Vec<String>>,
    ) -> Self {
        let url = url.trim_end_matches('/').to_owned();
        Self { services, url, token, devices: Devices::new(entities) }
    }

    async fn state(&self, device: &Device) -> Result<State, SkillError> {
        let url = format!("{}/api/states/{}", self.url, device.entity);
        read_json(self.services.get(&url).bearer_auth(self.token.expose())).await
    }

    /// Has the house do something with an entity.
    async fn call(&self, device: &Device, service: &str, data: Value) -> Result<(), SkillError> {
        let domain = service_domain(device.domain(), service);
        let url = format!("{}/api/services/{domain}/{service}", self.url);
        let mut data = data;
        if let Value::Object(data) = &mut data {
            data.insert("entity_id".to_owned(), device.entity.clone().into());
        }
        let request = self.services.post(&url).bearer_auth(self.token.expose()).json(&data);
        let answer = answered(request).await?;
        match answer.status().as_u16() {
            401 | 403 => Err(SkillError::Service("Home Assistant does not take the token".to_owned())),
            _ if answer.status().is_success() => Ok(()),
            status => Err(SkillError::Service(format!("Home Assistant answered {status}"))),
        }
    }

    async fn do_it(&self, arguments: &Arguments) -> Result<String, SkillError> {
        let language = arguments.language;
        let device = match self.devices.find(&arguments.device) {
            Found::One(device) => device,
            Found::None => return Ok(words::unknown(language, &arguments.device)),
            Found::Several(names) => return Ok(words::which(language, &names)),
        };
        if arguments.action == Action::Query {
            let state = self.state(device).await?;
            return Ok(words::state(language, device.name(), &state.state, state.unit()));
        }
        let value = arguments.value.as_deref();
        match order(device.domain(), arguments.action, value) {
            Some((service, data)) => {
                self.call(device, service, data).await?;
                Ok(words::done(language, arguments.action, device.name(), value))
            }
            None => Ok(words::cannot(language, device.name())),
        }
    }
}

/// What to do in the house.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Arguments {
    /// What to do.
    action: Action,
    /// With what, as people call it: `kitchen light`.
    device: String,
    /// What to set it to: `50 percent`, `21 degrees`, `red`.
    value: Option<String>,
    /// The language of the answer, as in `en`.
    #[serde(default)]
    language: Language,
}

/// What can be done with something in the house.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Action {
    /// Switches it on.
    On,
    /// Switches it off.
    Off,
    /// Opens or unlocks it.
    Open,
    /// Closes or locks it.
    Close,
    /// Sets it to the value.
    Set,
    /// Starts it: a scene, a script, a machine.
    Run,
    /// Says how it is.
    Query,
}

#[derive(Deserialize)]
struct State {
    state: String,
    #[serde(default)]
    attributes: serde_json::Map<String, Value>,
}

impl State {
    fn unit(&self) -> Option<&str> {
        self.attributes.get("unit_of_measurement").and_then(Value::as_str)
    }
}

impl Skill for Home {
    fn name(&self) -> &'static str {
        "home"
    }

    fn info(&self) -> ToolInfo {
        let names = self.devices.names().join(", ");
        let mut description = format!("Switches, sets and asks what is in the house: {names}.");
        let mut end = description.len().min(2_000);
        while !description.is_char_boundary(end) {
            end -= 1;
        }
        description.truncate(end);
        info::<Arguments>(&description, Effect::Switches, false)
    }

    fn run<'a>(&'a self, asked: Asked, answer: &'a mut Answer<'_>) -> BoxFuture<'a, Result<(), SkillError>> {
        async move {
            let arguments: Arguments = asked.arguments()?;
            if !answer.before().is_empty() {
                // It was done, and said so: it is not done twice.
                return Ok(());
            }
            let said = self.do_it(&arguments).await?;
            answer.whole(&said).await
        }
        .boxed()
    }
}

/// The service and its data; nothing when this kind of thing can't do that.
fn order(domain: &str, action: Action, value: Option<&str>) -> Option<(&'static str, Value)> {
    let plain = |service| Some((service, json!({})));
    match (domain, action) {
        ("cover" | "valve", Action::Open | Action::On) => {
            plain(if domain == "cover" { "open_cover" } else { "open_valve" })
        }
        ("cover" | "valve", Action::Close | Action::Off) => {
            plain(if domain == "cover" { "close_cover" } else { "close_valve" })
        }
        ("cover", Action::Set) => Some(("set_cover_position", json!({ "position": percent(value?)? }))),
        ("lock", Action::Open) => plain("unlock"),
        ("lock", Action::Close) => plain("lock"),
        ("vacuum", Action::On | Action::Run) => plain("start"),
        ("vacuum", Action::Off) => plain("return_to_base"),
        ("scene" | "script", Action::Run | Action::On) => plain("turn_on"),
        ("script", Action::Off) => plain("turn_off"),
        ("scene" | "script" | "lock" | "vacuum" | "sensor" | "binary_sensor", _) => None,
        ("light", Action::Set) => {
            let value = value?;
            let color = words::color(value).map(|color| json!({ "color_name": color }));
            color
                .or_else(|| percent(value).map(|percent| json!({ "brightness_pct": percent })))
                .map(|data| ("turn_on", data))
        }
        ("fan", Action::Set) => Some(("set_percentage", json!({ "percentage": percent(value?)? }))),
        ("media_player", Action::Set) => {
            Some(("volume_set", json!({ "volume_level": f64::from(percent(value?)?) / 100.0 })))
        }
        ("climate" | "water_heater", Action::Set) => Some((
            "set_temperature",
            json!({ "temperature": number(value?).filter(|value| (0.0..=100.0).contains(value))? }),
        )),
        (_, Action::On) => plain("turn_on"),
        (_, Action::Off) => plain("turn_off"),
        _ => None,
    }
}

/// Whose service it is: what any entity can do belongs to nobody in particular, groups included.
fn service_domain<'d>(domain: &'d str, service: &str) -> &'d str {
    match service {
        "turn_on" | "turn_off" if domain == "group" => "homeassistant",
        _ => domain,
    }
}

fn number(value: &str) -> Option<f64> {
    let from = value.find(|c: char| c.is_ascii_digit())?;
    let digits = &value[from..];
    let end = digits.find(|c: char| !c.is_ascii_digit() && c != '.' && c != ',').unwrap_or(digits.len());
    digits[..end].trim_end_matches(['.', ',']).replace(',', ".").parse().ok()
}

fn percent(value: &str) -> Option<u8> {
    let number = number(value)?;
    (0.0..=100.0).contains(&number).then(|| number.round() as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_are_those_that_the_kind_of_thing_has() {
        let of = |domain, action, value| {
            order(domain, action, value).map(|(service, data)| format!("{service} {data}"))
        };
        assert_eq!(of("light", Action::On, None).unwrap(), "turn_on {}");
        assert_eq!(of("light", Action::Set, Some("40 percent")).unwrap(), r#"turn_on {"brightness_pct":40}"#);
        assert_eq!(of("light", Action::Set, Some("rot")).unwrap(), r#"turn_on {"color_name":"red"}"#);
        assert_eq!(of("cover", Action::Close, None).unwrap(), "close_cover {}");
        assert_eq!(
            of("climate", Action::Set, Some("21,5 Grad")).unwrap(),
            r#"set_temperature {"temperature":21.5}"#
        );
        for (domain, action, value) in [
            ("sensor", Action::On, None),
            ("light", Action::Set, Some("a lot")),
            ("light", Action::Open, None),
            ("climate", Action::Set, Some("500")),
            ("lock", Action::On, None),
        ] {
            assert_eq!(of(domain, action, value), None, "{domain} {action:?}");
        }
    }
}
