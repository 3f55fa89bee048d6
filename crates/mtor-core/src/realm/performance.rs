//! How well the goals of the service classes are kept, and who has how much of the realm. Nothing is decided by it: it is what
//! a sysop looks at.

use std::collections::HashMap;

use mtor_protocol::http::{ClassInfo, WalletShare};
use mtor_protocol::{AccountId, JobId, ServiceClass, Timestamp};

use super::{Phase, Realm};

/// Most wallets that are told.
const WALLETS_SHOWN_MAX: usize = 16;

impl Realm {
    /// The answer of a job begins now, or it ends without one.
    pub(super) fn note_response(&mut self, now: Timestamp, id: JobId, answered: bool) {
        let (Some(open), Some(running)) = (self.state.open().get(&id), self.jobs.get_mut(&id)) else {
            return;
        };
        let response_ms = now.since_ms(open.accepted);
        let goal_ms = self.config.goals.of(open.job.class);
        // Who has given up before the goal has not been kept waiting.
        let counts = answered || response_ms > goal_ms;
        if !std::mem::replace(&mut running.begun, true) && counts {
            self.kept[open.job.class as usize].note(now, response_ms, goal_ms);
        }
    }

    pub(super) fn class_infos(&self, now: Timestamp) -> Vec<ClassInfo> {
        let info = |class: ServiceClass| {
            let (kept, goal_ms) = (&self.kept[class as usize], self.config.goals.of(class));
            ClassInfo {
                class,
                goal_ms,
                queued: 0,
                running: 0,
                late: 0,
                oldest_ms: None,
                jobs: kept.jobs(now),
                within_percent: kept.within_percent(now),
                index_permille: kept.index_permille(now, goal_ms),
            }
        };
        let mut classes = ServiceClass::ALL.map(info);
        for (id, running) in &self.jobs {
            let Some(open) = self.state.open().get(id) else { continue };
            let class = &mut classes[open.job.class as usize];
            match running.phase {
                Phase::Waiting => class.queued += 1,
                Phase::Assigned { .. } => class.running += 1,
            }
            if !running.begun {
                let waited_ms = now.since_ms(open.accepted);
                class.late += u32::from(waited_ms > class.goal_ms);
                class.oldest_ms = class.oldest_ms.max(Some(waited_ms));
            }
        }
        classes.to_vec()
    }

    /// Those with the most open jobs, the most first.
    pub(super) fn wallet_shares(&self) -> Vec<WalletShare> {
        let mut shares: HashMap<AccountId, WalletShare> = HashMap::new();
        for (id, running) in &self.jobs {
            let Some(account) = self.state.open().get(id).map(|open| open.job.account) else { continue };
            let none = WalletShare { account, queued: 0, running: 0 };
            let share = shares.entry(account).or_insert(none);
            match running.phase {
                Phase::Waiting => share.queued += 1,
                Phase::Assigned { .. } => share.running += 1,
            }
        }
        let mut shares: Vec<WalletShare> = shares.into_values().collect();
        shares.sort_unstable_by_key(|share| (std::cmp::Reverse(share.queued + share.running), share.account));
        shares.truncate(WALLETS_SHOWN_MAX);
        shares
    }
}
