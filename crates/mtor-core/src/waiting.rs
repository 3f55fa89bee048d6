//! Jobs that wait for a worker, in the order in which they will be served: by arrival plus the goal of their class. An
//! urgent class overtakes, and nobody starves, because every job's turn comes when time has passed its goal.

use std::collections::{BTreeMap, HashMap};

use mtor_protocol::intent::DEFAULT_MODEL;
use mtor_protocol::{CapabilityKind, JobId};

/// A place in the order: the moment by which the job should begin, then the order of arrival.
pub(crate) type Rank = (u64, u64);

#[derive(Debug, Default)]
pub(crate) struct Waiting {
    capabilities: HashMap<CapabilityKind, Lines>,
}

/// One capability's lines: one for each model that was asked for by name, one for all that left it open.
#[derive(Debug, Default)]
struct Lines {
    length: u32,
    models: HashMap<String, BTreeMap<Rank, JobId>>,
}

impl Waiting {
    pub(crate) fn enter(&mut self, capability: &CapabilityKind, model: &str, rank: Rank, job: JobId) {
        let lines = self.capabilities.entry(capability.clone()).or_default();
        let line = match lines.models.get_mut(model) {
            Some(line) => line,
            None => lines.models.entry(model.to_owned()).or_default(),
        };
        if line.insert(rank, job).is_none() {
            lines.length += 1;
        }
    }

    pub(crate) fn leave(&mut self, capability: &CapabilityKind, model: &str, rank: Rank) {
        let Some(lines) = self.capabilities.get_mut(capability) else { return };
        let Some(line) = lines.models.get_mut(model) else { return };
        if line.remove(&rank).is_some() {
            lines.length -= 1;
        }
        if line.is_empty() {
            lines.models.remove(model);
        }
        if lines.models.is_empty() {
            self.capabilities.remove(capability);
        }
    }

    pub(crate) fn length(&self, capability: &CapabilityKind) -> u32 {
        self.capabilities.get(capability).map_or(0, |lines| lines.length)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.capabilities.is_empty()
    }

    pub(crate) fn lengths(&self) -> impl Iterator<Item = (&CapabilityKind, u32)> {
        self.capabilities.iter().map(|(kind, lines)| (kind, lines.length))
    }

    /// How many jobs of the capability wait for each model by name, or for any.
    pub(crate) fn lengths_by_model(&self, capability: &CapabilityKind) -> impl Iterator<Item = (&str, u32)> {
        let lines = self.capabilities.get(capability).into_iter().flat_map(|lines| &lines.models);
        // Bounded by the length, which is a u32.
        lines.map(|(model, line)| (model.as_str(), line.len() as u32))
    }

    /// How many jobs of the capability will be served before this rank. Counts along the lines: they are bounded.
    pub(crate) fn before(&self, capability: &CapabilityKind, rank: Rank) -> u32 {
        let Some(lines) = self.capabilities.get(capability) else { return 0 };
        let count: usize = lines.models.values().map(|line| line.range(..rank).count()).sum();
        u32::try_from(count).unwrap_or(u32::MAX)
    }

    /// The first job that a free worker with this model can take. Looks along the whole line if it must: lines are
    /// bounded, and a worker left idle beside a job that it could take would break more than it costs to look.
    pub(crate) fn first_for(
        &self,
        capability: &CapabilityKind,
        model: &str,
        mut takes: impl FnMut(JobId) -> bool,
    ) -> Option<JobId> {
        let lines = self.capabilities.get(capability)?;
        let line = |model| lines.models.get(model).into_iter().flatten().peekable();
        let (mut open, mut named) = (line(DEFAULT_MODEL), line(model));
        loop {
            let next = match (open.peek(), named.peek()) {
                (Some((a, _)), Some((b, _))) if a <= b => open.next(),
                (Some(_), None) => open.next(),
                _ => named.next(),
            };
            let (_, job) = next?;
            if takes(*job) {
                return Some(*job);
            }
        }
    }

    /// Every capability's jobs in the order of service, with their positions from 0.
    pub(crate) fn in_order(&self) -> impl Iterator<Item = (u32, JobId)> {
        self.capabilities.values().flat_map(|lines| {
            let mut ranked: Vec<_> = lines.models.values().flatten().collect();
            ranked.sort_unstable_by_key(|(rank, _)| **rank);
            (0..).zip(ranked.into_iter().map(|(_, job)| *job)).collect::<Vec<_>>()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHAT: CapabilityKind = CapabilityKind::CHAT;

    #[test]
    fn named_and_open_jobs_are_served_by_rank() {
        let mut waiting = Waiting::default();
        waiting.enter(&CHAT, "big", (10, 1), JobId(1));
        waiting.enter(&CHAT, DEFAULT_MODEL, (5, 2), JobId(2));
        waiting.enter(&CHAT, "small", (1, 3), JobId(3));
        assert_eq!(waiting.first_for(&CHAT, "big", |_| true), Some(JobId(2)));
        assert_eq!(waiting.first_for(&CHAT, "big", |job| job != JobId(2)), Some(JobId(1)));
        assert_eq!(waiting.first_for(&CHAT, "small", |_| true), Some(JobId(3)));
        assert_eq!(waiting.first_for(&CHAT, "none", |job| job != JobId(2)), None);
        assert_eq!((waiting.length(&CHAT), waiting.before(&CHAT, (10, 1))), (3, 2));
        waiting.leave(&CHAT, "small", (1, 3));
        waiting.leave(&CHAT, "small", (1, 3));
        assert_eq!((waiting.length(&CHAT), waiting.before(&CHAT, (10, 1))), (2, 1));
    }
}
