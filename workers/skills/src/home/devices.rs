//! What people call the things in their house.

use std::collections::{BTreeMap, BTreeSet};

/// An entity that may be used.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Device {
    pub(super) entity: String,
    names: Vec<String>,
}

impl Device {
    /// What kind of thing it is: `light` of `light.kitchen`.
    pub(super) fn domain(&self) -> &str {
        self.entity.split_once('.').map_or("", |(domain, _)| domain)
    }

    /// What it is called first.
    pub(super) fn name(&self) -> &str {
        self.names.first().map_or(&self.entity, String::as_str)
    }
}

/// All of them.
#[derive(Debug)]
pub(super) struct Devices(Vec<Device>);

/// What words may stand for.
#[derive(Debug, PartialEq)]
pub(super) enum Found<'d> {
    One(&'d Device),
    None,
    Several(Vec<String>),
}

impl Devices {
    /// Entities with their names; one without a name is called by its id.
    pub(super) fn new(entities: BTreeMap<String, Vec<String>>) -> Self {
        let device = |(entity, mut names): (String, Vec<String>)| {
            if names.is_empty() {
                let id = entity.split_once('.').map_or(entity.as_str(), |(_, id)| id);
                names.push(id.replace('_', " "));
            }
            Device { entity, names }
        };
        Self(entities.into_iter().map(device).collect())
    }

    /// What all of them are called.
    pub(super) fn names(&self) -> Vec<&str> {
        self.0.iter().map(Device::name).collect()
    }

    /// The one that is meant: of the same words in any order, else the only one whose name has all of them.
    pub(super) fn find(&self, said: &str) -> Found<'_> {
        let wanted = telling(said);
        if wanted.is_empty() {
            return Found::None;
        }
        let named = |fits: &dyn Fn(&BTreeSet<String>) -> bool| -> Vec<&Device> {
            self.0.iter().filter(|device| device.names.iter().any(|name| fits(&telling(name)))).collect()
        };
        for fits in [
            &(|name: &BTreeSet<String>| *name == wanted) as &dyn Fn(&BTreeSet<String>) -> bool,
            &|name| wanted.is_subset(name),
            &|name| name.is_subset(&wanted),
        ] {
            match named(fits).as_slice() {
                [] => {}
                [one] => return Found::One(one),
                several => {
                    return Found::Several(several.iter().map(|device| device.name().to_owned()).collect());
                }
            }
        }
        Found::None
    }
}

/// The words of a name that tell it from others.
fn telling(name: &str) -> BTreeSet<String> {
    const NOTHING: &[&str] = &[
        "the", "my", "our", "a", "an", "in", "of", "at", "on", "der", "die", "das", "den", "dem", "im", "am",
        "mein", "meine", "meinen", "unser", "le", "la", "les", "l", "de", "du", "d", "des", "dans", "mon",
        "ma", "el", "los", "las", "del", "en", "mi", "il", "lo", "i", "gli", "di", "della", "del", "dello",
        "nel", "nella", "mio", "mia",
    ];
    let lower = name.to_lowercase();
    let words = lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let words = words.filter(|word| !NOTHING.contains(word));
    words.map(|word| if word.len() > 3 { word.trim_end_matches('s') } else { word }.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn devices() -> Devices {
        let named = |entity: &str, names: &[&str]| {
            (entity.to_owned(), names.iter().map(|name| (*name).to_owned()).collect())
        };
        Devices::new(BTreeMap::from([
            named("light.kitchen", &["kitchen light", "Küchenlicht", "Licht in der Küche"]),
            named("light.desk", &["desk lamp"]),
            named("light.hall", &["hall light"]),
            named("cover.living_room", &[]),
        ]))
    }

    #[test]
    fn things_are_found_by_the_words_that_tell_them_apart() {
        let devices = devices();
        for (said, entity) in [
            ("the kitchen light", "light.kitchen"),
            ("the light in the kitchen", "light.kitchen"),
            ("the kitchen lights", "light.kitchen"),
            ("das Licht in der Küche", "light.kitchen"),
            ("Küchenlicht", "light.kitchen"),
            ("the lamp", "light.desk"),
            ("living room", "cover.living_room"),
            ("the small hall light", "light.hall"),
        ] {
            let Found::One(device) = devices.find(said) else { panic!("{said}: {:?}", devices.find(said)) };
            assert_eq!(device.entity, entity, "{said}");
        }
        assert_eq!(
            devices.find("the light"),
            Found::Several(vec!["hall light".into(), "kitchen light".into()])
        );
        assert_eq!((devices.find("the oven"), devices.find("the")), (Found::None, Found::None));
    }
}
