//! What is said of a service on the command line: how many jobs at once, at what price, and what it offers where it can't say so
//! itself.

use std::str::FromStr;

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
    pub fn offers(&self, found: Vec<Asked>) -> Vec<CapabilityOffer> {
        let all = if self.named.is_empty() { found } else { self.named.clone() };
        let mut offers: Vec<CapabilityOffer> = Vec::new();
        for Asked { capability, model } in all {
            let known = offers.iter().any(|offer| offer.capability == capability && offer.model == model);
            let fits = !model.is_empty() && model.len() <= limits::NAME_BYTES_MAX;
            if fits && !known && offers.len() < limits::OFFERS_MAX {
                let price = self.price;
                offers.push(CapabilityOffer { price, ..CapabilityOffer::new(capability, model, self.slots) });
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
        assert!("chat".parse::<Asked>().is_err() && "Chat=a".parse::<Asked>().is_err());
    }
}
