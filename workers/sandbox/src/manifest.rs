//! What a module says of itself, and what of it is granted.

use mtor_worker::protocol::{Effect, ToolInfo, ToolName};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::defaults;

/// What a module says of itself.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The name of its tool, without `tool.`.
    pub name: String,
    /// What it is good for.
    pub description: String,
    /// The JSON schema of its arguments.
    pub parameters: Map<String, Value>,
    /// What it says it does to the world.
    #[serde(default)]
    pub effect: Effect,
    /// Whether it says that the same arguments give the same answer.
    #[serde(default)]
    pub repeatable: bool,
    /// The hosts that it asks to fetch from: `name`, or `name:port`.
    #[serde(default)]
    pub hosts: Vec<String>,
}

impl Manifest {
    /// Out of its JSON.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn read(json: &[u8]) -> Result<Self, String> {
        if json.len() > defaults::MANIFEST_BYTES_MAX {
            return Err(format!("its manifest has more than {} bytes", defaults::MANIFEST_BYTES_MAX));
        }
        let mut manifest: Self =
            serde_json::from_slice(json).map_err(|error| format!("its manifest can't be read: {error}"))?;
        if ToolName::new(&manifest.tool()).is_none() {
            return Err(format!("{:?} is no name of a tool: a-z, 0-9, '_', '-' and '.'", manifest.name));
        }
        if manifest.hosts.len() > defaults::HOSTS_MAX {
            return Err(format!("it asks for more than {} hosts", defaults::HOSTS_MAX));
        }
        for host in &mut manifest.hosts {
            *host = parse_host(host)?;
        }
        Ok(manifest)
    }

    /// The capability's name.
    pub fn tool(&self) -> String {
        format!("{}{}", ToolName::PREFIX, self.name)
    }

    /// The hosts that it asks for and may not ask.
    pub fn denied<'a>(&'a self, allowed: &'a Allowed) -> impl Iterator<Item = &'a str> {
        self.hosts.iter().map(String::as_str).filter(|host| !allowed.has(host))
    }

    /// The hosts that it asks for and may ask.
    pub(crate) fn granted(&self, allowed: &Allowed) -> Vec<String> {
        self.hosts.iter().filter(|host| allowed.has(host)).cloned().collect()
    }

    /// What the realm is told of it. That it only reads is believed of what can reach no more than the open web: what
    /// somebody's own network does when it is asked, a stranger can't promise. Nor can what comes from outside be repeated.
    pub(crate) fn info(&self, allowed: &Allowed) -> ToolInfo {
        let granted = self.granted(allowed);
        let inside = granted.iter().any(|host| allowed.private.contains(host));
        ToolInfo {
            description: self.description.clone(),
            parameters: self.parameters.clone(),
            effect: if inside && !self.effect.needs_consent() { Effect::Unknown } else { self.effect },
            repeatable: self.repeatable && granted.is_empty(),
        }
    }
}

/// The hosts that whoever attached a skill lets it ask.
#[derive(Debug, Clone, Default)]
pub struct Allowed {
    /// Hosts of the open web.
    pub public: Vec<String>,
    /// Hosts of one's own network.
    pub private: Vec<String>,
}

impl Allowed {
    fn has(&self, host: &str) -> bool {
        self.public.iter().chain(&self.private).any(|allowed| allowed == host)
    }
}

/// A host as it is compared: `name` or `name:port`, in lower case.
///
/// # Errors
/// When it is something else, such as an address with a path.
pub fn parse_host(host: &str) -> Result<String, String> {
    let allowed = |letter: char| letter.is_ascii_alphanumeric() || "-._:[]".contains(letter);
    match !host.is_empty() && host.len() <= 255 && host.chars().all(allowed) {
        true => Ok(host.to_ascii_lowercase()),
        false => Err(format!("{host:?} is no host: write api.example.org, or localhost:8123")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(json: &str) -> Result<Manifest, String> {
        Manifest::read(json.as_bytes())
    }

    #[test]
    fn a_manifest_says_no_more_than_it_may() {
        let good = r#"{"name":"dice","description":"d","parameters":{"type":"object"},"effect":"reads","repeatable":true,"hosts":["API.example.org"]}"#;
        let read = manifest(good).unwrap();
        assert_eq!((read.tool().as_str(), read.hosts[0].as_str()), ("tool.dice", "api.example.org"));
        for (wrong, why) in [
            (good.replace("dice", "../x"), "no name of a tool"),
            (good.replace("API.example.org", "https://a/b"), "no host"),
            (good.replace("\"hosts\"", "\"files\""), "can't be read"),
        ] {
            let told = manifest(&wrong).unwrap_err();
            assert!(told.contains(why), "{told}");
        }
    }

    #[test]
    fn only_what_is_asked_for_and_allowed_is_granted() {
        let json = r#"{"name":"a","description":"d","parameters":{},"effect":"reads","repeatable":true,"hosts":["a.org","nas:80"]}"#;
        let read = manifest(json).unwrap();
        let allowed = Allowed { public: vec!["a.org".into(), "b.org".into()], private: Vec::new() };
        assert_eq!(read.granted(&allowed), ["a.org"]);
        assert_eq!(read.denied(&allowed).collect::<Vec<_>>(), ["nas:80"]);
        assert_eq!(read.info(&allowed).effect, Effect::Reads);
        assert!(!read.info(&allowed).repeatable && read.info(&Allowed::default()).repeatable);
        let inside = Allowed { private: vec!["nas:80".into()], ..allowed };
        assert_eq!(read.info(&inside).effect, Effect::Unknown);
    }
}
