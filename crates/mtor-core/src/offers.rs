//! Who can do what: every offer of every worker, arranged so that the fastest free one for a job is found in
//! O(log n), and so that a job which nobody can take is refused with the reason in numbers.

mod offer;
mod pool;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use mtor_protocol::intent::DEFAULT_MODEL;
use mtor_protocol::{AccountId, CapabilityKind, ModelSize, Problem, ProblemKind, Ware};

use crate::entry::NewJob;
use crate::realm::WorkerId;

use offer::Fault;
pub(crate) use offer::{Offer, Only, Shape, Wish};
pub(crate) use pool::Pool;
use pool::Standing;

/// Most names that a refusal lists.
const NAMES_SHOWN_MAX: usize = 8;
/// Most different reasons that a refusal lists.
const REASONS_SHOWN_MAX: usize = 4;

/// One offer of one worker: the worker and the offer's index in its announcement.
pub(crate) type OfferId = (WorkerId, u16);

/// All pools. The offers themselves stand with their workers; where one is needed, the caller says how to find it.
#[derive(Debug, Default)]
pub(crate) struct Offers {
    capabilities: HashMap<CapabilityKind, Capability>,
}

#[derive(Debug, Default)]
struct Capability {
    any: Pool,
    models: HashMap<String, Pool>,
}

impl Offers {
    pub(crate) fn enter(&mut self, id: OfferId, offer: &Offer) {
        let capability = self.capabilities.entry(offer.capability.clone()).or_default();
        capability.any.enter(id, offer);
        capability.models.entry(offer.model.clone()).or_default().enter(id, offer);
    }

    pub(crate) fn leave(&mut self, id: OfferId, offer: &Offer) {
        let Some(capability) = self.capabilities.get_mut(&offer.capability) else { return };
        capability.any.leave(id, offer);
        if let Some(pool) = capability.models.get_mut(&offer.model) {
            pool.leave(id, offer);
            if pool.is_empty() {
                capability.models.remove(&offer.model);
            }
        }
        if capability.any.is_empty() {
            self.capabilities.remove(&offer.capability);
        }
    }

    /// Keeps the order of free offers right while an offer's load or speed changes.
    pub(crate) fn update(&mut self, id: OfferId, offer: &mut Offer, change: impl FnOnce(&mut Offer)) {
        let before = Standing::of(id, offer);
        change(offer);
        let after = Standing::of(id, offer);
        let Some(capability) = self.capabilities.get_mut(&offer.capability) else { return };
        capability.any.update(&offer.shape, before, after);
        if let Some(pool) = capability.models.get_mut(&offer.model) {
            pool.update(&offer.shape, before, after);
        }
    }

    /// The pool that a job is served from.
    pub(crate) fn pool(&self, capability: &CapabilityKind, model: &str) -> Option<&Pool> {
        let capability = self.capabilities.get(capability)?;
        match model {
            DEFAULT_MODEL => Some(&capability.any),
            model => capability.models.get(model),
        }
    }

    /// The free offer that is expected to be done first: among equals an owner of the prompt's prefix.
    pub(crate) fn choose<'a>(
        &self,
        wish: &Wish<'_>,
        lookup: impl Fn(OfferId) -> Option<&'a Offer>,
    ) -> Option<OfferId> {
        self.pool(&wish.job.capability, &wish.job.model)?.choose(wish, lookup)
    }

    /// Whether a worker that has not failed with this job could take it, free or not. `tried` are the offers of those
    /// that have, and that are in the pools.
    pub(crate) fn another_fits<'a>(
        &self,
        wish: &Wish<'_>,
        tried: impl Iterator<Item = &'a Offer>,
        lookup: impl Fn(OfferId) -> Option<&'a Offer>,
    ) -> bool {
        let job = wish.job;
        let Some(pool) = self.pool(&job.capability, &job.model) else { return false };
        let serves = |offer: &&Offer| {
            offer.capability == job.capability && (job.model == DEFAULT_MODEL || job.model == offer.model)
        };
        let tried = tried.filter(serves).filter(|offer| wish.fault_of(offer).is_none()).count();
        pool.fitting(wish, lookup).0 as usize > tried
    }

    /// What an account that is not the house's offers of one capability.
    pub(crate) fn of_account(
        &self,
        account: AccountId,
        kind: &CapabilityKind,
    ) -> impl Iterator<Item = OfferId> {
        self.capabilities.get(kind).into_iter().flat_map(move |capability| capability.any.of_account(account))
    }

    /// Whether the house offers this.
    pub(crate) fn has_house(&self, kind: &CapabilityKind, model: &str) -> bool {
        self.pool(kind, model).is_some_and(Pool::has_house)
    }

    /// Whether the realm itself can say what answers of a model are worth: the house has it as well. Where the house does nothing of the
    /// kind, strangers have to do for each other.
    pub(crate) fn is_vouched_for(&self, kind: &CapabilityKind, model: &str) -> bool {
        self.has_house(kind, model) || !self.has_house(kind, DEFAULT_MODEL)
    }

    /// Who is asked for comparison, drawn by lot.
    pub(crate) fn draw<'a>(
        &self,
        lot: u64,
        wish: &Wish<'_>,
        but: &[AccountId],
        lookup: impl Fn(OfferId) -> Option<&'a Offer>,
    ) -> Option<Only> {
        self.pool(&wish.job.capability, &wish.job.model)?.draw(lot, wish, but, lookup)
    }

    /// Whether what one account says could be compared with what another one says. Texts need somebody who makes vectors of them,
    /// and another with the same model, which is not one that only strangers have; a tool is the same whatever is behind it.
    pub(crate) fn another_could_judge(&self, account: AccountId, kind: &CapabilityKind, model: &str) -> bool {
        let is_tool = kind.as_str().starts_with("tool.");
        let model = if is_tool { DEFAULT_MODEL } else { model };
        let is_written = *kind == CapabilityKind::CHAT;
        let has_vectors = !is_written || self.capabilities.contains_key(&CapabilityKind::EMBED);
        let has_others = self.pool(kind, model).is_some_and(|pool| pool.has_others_than(account));
        has_vectors && has_others && (is_tool || self.is_vouched_for(kind, model))
    }

    /// How many jobs like this the workers that could take it finish in a second; `None` when it can't be known.
    pub(crate) fn jobs_per_s<'a>(
        &self,
        wish: &Wish<'_>,
        lookup: impl Fn(OfferId) -> Option<&'a Offer>,
    ) -> Option<f64> {
        self.pool(&wish.job.capability, &wish.job.model)?.jobs_per_s(wish, lookup)
    }

    /// Whether some attached worker could take this job when it is free.
    ///
    /// # Errors
    /// The reason why none can, in numbers.
    pub(crate) fn feasible<'a>(
        &self,
        wish: &Wish<'_>,
        lookup: impl Fn(OfferId) -> Option<&'a Offer>,
    ) -> Result<(), Problem> {
        let job = wish.job;
        let Some(capability) = self.capabilities.get(&job.capability) else {
            let here = match list(self.capabilities.keys().map(CapabilityKind::as_str)) {
                None => "no worker is attached at all".to_owned(),
                Some(names) => format!("attached workers offer: {names}"),
            };
            let detail = format!("no attached worker offers {}; {here}", job.capability);
            return Err(Problem::new(ProblemKind::NoWorker, detail).retry_after_s(5));
        };
        let Some(pool) = self.pool(&job.capability, &job.model) else {
            let names = list(capability.models.keys().map(String::as_str)).unwrap_or_default();
            let detail = format!(
                "no attached worker offers {} with the model {:?}; there are: default, {names}",
                job.capability, job.model
            );
            return Err(Problem::new(ProblemKind::UnknownModel, detail).param("model"));
        };
        match pool.any_fits(wish, &lookup) {
            true => Ok(()),
            false => Err(infeasible(job, &pool.fitting(wish, &lookup).1)),
        }
    }

    /// The sizes of the models that a job could be done by, the smallest first.
    pub(crate) fn sizes(&self, capability: &CapabilityKind, model: &str) -> impl Iterator<Item = ModelSize> {
        self.pool(capability, model).into_iter().flat_map(Pool::sizes)
    }

    /// What is on offer, with the names of its models.
    pub(crate) fn wares(&self) -> BTreeMap<Ware, BTreeSet<&str>> {
        let mut wares: BTreeMap<Ware, BTreeSet<&str>> = BTreeMap::new();
        for (kind, capability) in &self.capabilities {
            for (model, pool) in &capability.models {
                for size in pool.sizes() {
                    wares.entry(Ware::new(kind.clone(), size)).or_default().insert(model);
                }
            }
        }
        wares
    }

    /// How many offers fit a job, free or not.
    pub(crate) fn fitting<'a>(&self, wish: &Wish<'_>, lookup: impl Fn(OfferId) -> Option<&'a Offer>) -> u32 {
        self.pool(&wish.job.capability, &wish.job.model).map_or(0, |pool| pool.fitting(wish, lookup).0)
    }

    /// Capabilities on offer, with the slots of each.
    pub(crate) fn capabilities(&self) -> impl Iterator<Item = (&CapabilityKind, u32)> {
        self.capabilities.iter().map(|(kind, capability)| (kind, capability.any.slots()))
    }
}

/// Names in order, the first few of them.
fn list<'a>(names: impl Iterator<Item = &'a str>) -> Option<String> {
    let names: BTreeSet<_> = names.collect();
    let shown: Vec<_> = names.iter().take(NAMES_SHOWN_MAX).copied().collect();
    let more = names.len().saturating_sub(shown.len());
    let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
    (!names.is_empty()).then(|| format!("{}{rest}", shown.join(", ")))
}

fn infeasible(job: &NewJob, faults: &BTreeMap<Fault, u32>) -> Problem {
    let total: u32 = faults.values().sum();
    let reason = |(fault, count): (&Fault, &u32)| {
        let (who, plural) = match (total, *count) {
            (1, _) => ("it".to_owned(), false),
            (_, count) => (count.to_string(), count > 1),
        };
        let verb = |one, many| if plural { many } else { one };
        match fault {
            Fault::InputBytes(limit) => format!(
                "{who} {} at most {limit} bytes of text, this has {}",
                verb("takes", "take"),
                job.input_bytes
            ),
            Fault::Window(window) => {
                format!("{who} {} a window of {window} tokens, too small for this", verb("has", "have"))
            }
            Fault::Tools => format!("{who} {} no tools", verb("calls", "call")),
            Fault::Json => {
                format!("{who} {} to no JSON schema", verb("keeps", "keep"))
            }
            Fault::Price => format!("{who} {} more than the realm's price", verb("asks", "ask")),
            Fault::Privacy => {
                format!("{who} {} not your own, and the job is for your own workers only", verb("is", "are"))
            }
            Fault::Peer => {
                let are = verb("is a peer realm's", "are peer realms'");
                format!("{who} {are}, and the job is not for peers: its privacy would have to be `peers`")
            }
            Fault::Unvouched => {
                let have = verb("has", "have");
                format!(
                    "{who} {have} a model that the house does not have, so that nobody could check it; name it to have it"
                )
            }
            Fault::Hops => {
                format!(
                    "{who} {} to a realm that has the job already, or is one too many",
                    verb("belongs", "belong")
                )
            }
        }
    };
    let mut reasons: Vec<_> = faults.iter().take(REASONS_SHOWN_MAX).map(reason).collect();
    if faults.len() > REASONS_SHOWN_MAX {
        reasons.push(format!("and {} more reasons", faults.len() - REASONS_SHOWN_MAX));
    }
    let none = match total {
        1 => format!("the only offer of {} can't take this", job.capability),
        _ => format!("of {total} offers of {} none can take this", job.capability),
    };
    let kind = match faults.keys().all(|fault| matches!(fault, Fault::Window(_))) {
        true => ProblemKind::ContextExceeded,
        false => ProblemKind::Infeasible,
    };
    Problem::new(kind, format!("{none}: {}", reasons.join("; ")))
}
