//! What is said of a service on the command line: how many jobs at once, at what price, and what it offers where it can't say so
//! itself.

use std::str::FromStr;

use mtor_worker::protocol::worker::Needs;
use mtor_worker::protocol::{CapabilityKind, CapabilityOffer, Price, limits};

/// How a service is offered to a realm.
#[derive(Debug, Clone, Default)]
pub struct Offered {
    /// Jobs at once, for each thing that it offers.
    pub slots: u32,
    /// What is asked for its work.
    pub price: Price,
    /// What it offers, if somebody said; else it is asked.
    pub named: Vec<Asked>,
    /// What its models can do beside conversing, if somebody said; else what it says itself.
    pub can: Option<Needs>,
}

/// Something that a service has, as it says itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// What, with which model.
    pub asked: Asked,
    /// What the model can do beside conversing.
    pub can: Needs,
    /// The model's window, in tokens.
    pub window: Option<u32>,
}

impl From<Asked> for Found {
    fn from(asked: Asked) -> Self {
        Self { asked, can: Needs::default(), window: None }
    }
}

/// A capability with the model for it, as the service calls that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// What.
    pub capability: CapabilityKind,
    /// With which model.
    pub model: String,
}

impl FromStr for Asked {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("write CAPABILITY=MODEL, such as chat=llama3.2, not {text:?}");
        let (capability, model) = text.split_once('=').ok_or_else(wrong)?;
        let capability = CapabilityKind::new(capability).ok_or_else(wrong)?;
        match model.is_empty() || model.len() > limits::NAME_BYTES_MAX {
            true => Err(wrong()),
            false => Ok(Self { capability, model: model.to_owned() }),
        }
    }
}

impl Offered {
    /// The offers for these capabilities and models: those that were named, if any were, else those that were found. As many as a
    /// realm takes, and none with a name that it does not.
    pub fn offers<F: Into<Found>>(&self, found: impl IntoIterator<Item = F>) -> Vec<CapabilityOffer> {
        let found: Vec<Found> = found.into_iter().map(Into::into).collect();
        // Of what is named, what was found says more.
        let known = |asked: &Asked| found.iter().find(|found| found.asked == *asked).cloned();
        let named = self.named.iter().map(|asked| known(asked).unwrap_or_else(|| asked.clone().into()));
        let all: Vec<Found> = if self.named.is_empty() { found.clone() } else { named.collect() };
        let mut offers: Vec<CapabilityOffer> = Vec::new();
        for Found { asked: Asked { capability, model }, can, window } in all {
            let known = offers.iter().any(|offer| offer.capability == capability && offer.model == model);
            let fits = !model.is_empty() && model.len() <= limits::NAME_BYTES_MAX;
            if fits && !known && offers.len() < limits::OFFERS_MAX {
                let converses = [CapabilityKind::CHAT, CapabilityKind::VISION].contains(&capability);
                let can = if converses { self.can.unwrap_or(can) } else { Needs::default() };
                let mut offer = CapabilityOffer::new(capability, model, self.slots);
                offer.limits.context_tokens = window;
                offers.push(CapabilityOffer { price: self.price, can, ..offer });
            }
        }
        offers
    }
}

/// The model for a job of a capability: the one that is asked for, or the first of what is offered.
pub(crate) fn model_for<'o>(
    offers: &'o [CapabilityOffer],
    capability: &CapabilityKind,
    wanted: &str,
) -> Option<&'o str> {
    let mut able =
        offers.iter().filter(|offer| offer.capability == *capability).map(|offer| offer.model.as_str());
    let first = able.clone().next();
    match wanted {
        mtor_worker::protocol::intent::DEFAULT_MODEL => first,
        _ => able.find(|model| *model == wanted),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_named_is_offered_and_else_what_is_found() {
        let asked = |text: &str| text.parse::<Asked>().unwrap();
        let found = vec![asked("chat=a"), asked("chat=a"), asked("embed=b")];
        let mut offered = Offered { slots: 2, ..Offered::default() };
        let offers = offered.offers(found.clone());
        assert_eq!(offers.len(), 2, "each once");
        assert_eq!(model_for(&offers, &CapabilityKind::CHAT, "default"), Some("a"));
        assert_eq!(model_for(&offers, &CapabilityKind::EMBED, "a"), None);
        offered.named = vec![asked("imagine=c")];
        assert_eq!(offered.offers(found)[0].model, "c");

        let both = Needs { tools: true, json: true };
        let found = Found { asked: asked("chat=a"), can: both, window: Some(4_096) };
        offered.named = vec![asked("chat=a"), asked("chat=other"), asked("embed=b")];
        let offers = offered.offers([found.clone()]);
        assert_eq!(
            (offers[0].can, offers[0].limits.context_tokens),
            (both, Some(4_096)),
            "what it says counts"
        );
        assert!(offers[1].can.is_none());
        offered.can = Some(Needs { json: true, ..Needs::default() });
        let can: Vec<(bool, bool)> =
            offered.offers([found]).iter().map(|offer| (offer.can.tools, offer.can.json)).collect();
        assert_eq!(can, [(false, true), (false, true), (false, false)], "what was said counts more");
        assert!("chat".parse::<Asked>().is_err() && "Chat=a".parse::<Asked>().is_err());
    }
}
