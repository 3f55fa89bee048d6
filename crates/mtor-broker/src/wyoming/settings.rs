//! The section `[wyoming]` of `realm.toml`.

use std::net::{IpAddr, SocketAddr};

use anyhow::{Context as _, Result, ensure};
use mtor_protocol::Micro;
use serde::{Deserialize, Serialize};

use super::limits::SATELLITES_MAX;
use super::satellite::Place;
use crate::settings::Coins;

/// The realm as a Wyoming service, and the satellites that it connects to. All of it speaks in the owner's name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WyomingSection {
    /// Where Wyoming clients are listened to; nowhere when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listen: Option<SocketAddr>,
    /// Other machines that may connect there.
    pub allow: Vec<IpAddr>,
    /// Milliseconds after the first wake word within which that of another satellite belongs to the same words.
    pub window_ms: u64,
    /// The most that a question may cost, in coins, without somebody being asked aloud; 0: whatever it costs.
    pub ask_above_coins: Coins,
    /// The satellites.
    pub satellite: Vec<SatelliteSection>,
}

impl Default for WyomingSection {
    fn default() -> Self {
        let ask_above_coins = Coins(Micro::ZERO);
        Self { listen: None, allow: Vec::new(), window_ms: 300, ask_above_coins, satellite: Vec::new() }
    }
}

/// One satellite.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SatelliteSection {
    /// What people call it.
    pub name: String,
    /// Where it is: `tcp://HOST:PORT`.
    pub uri: String,
    /// The room that it stands in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub room: Option<String>,
    /// The language that is spoken there, as in ISO 639-1; found out when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
}

impl WyomingSection {
    /// The limit above which somebody is asked, if there is one.
    pub(super) fn ask_above(&self) -> Option<Micro> {
        Some(self.ask_above_coins.0).filter(|limit| *limit > Micro::ZERO)
    }

    /// The satellites, with addresses that are some.
    pub(super) fn places(&self) -> Result<Vec<Place>> {
        ensure!(
            self.satellite.len() <= SATELLITES_MAX,
            "wyoming.satellite: at most {SATELLITES_MAX}, not {}",
            self.satellite.len()
        );
        let place = |(id, section): (usize, &SatelliteSection)| {
            let name = &section.name;
            let task =
                mtor_protocol::TranscribeTask { language: section.language.clone(), ..Default::default() };
            task.checked().map_err(|fault| anyhow::anyhow!("wyoming.satellite {name:?}: {fault}"))?;
            let address = section.uri.parse().with_context(|| format!("wyoming.satellite {name:?}"))?;
            let (room, language) = (section.room.clone(), section.language.clone());
            Ok(Place { id, name: name.clone(), address, room, language })
        };
        self.satellite.iter().enumerate().map(place).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn satellites_are_read_and_slips_of_the_pen_are_named() {
        let read = |text: &str| {
            let section: WyomingSection = toml::from_str(text).unwrap();
            section.places().map_err(|error| format!("{error:#}"))
        };
        let places =
            read("[[satellite]]\nname = \"hall\"\nuri = \"tcp://hall.local:10700\"\nroom = \"the hall\"")
                .unwrap();
        assert_eq!((places[0].name.as_str(), places[0].room.as_deref()), ("hall", Some("the hall")));
        let error = read("[[satellite]]\nname = \"hall\"\nuri = \"hall:1\"").unwrap_err();
        assert!(error.contains("wyoming.satellite \"hall\"") && error.contains("tcp://HOST:PORT"), "{error}");
        let error = read("[[satellite]]\nname = \"hall\"\nuri = \"tcp://hall:1\"\nlanguage = \"English\"")
            .unwrap_err();
        assert!(error.contains("language"), "{error}");
        assert!(toml::from_str::<WyomingSection>("lisen = 1").is_err());
    }
}
